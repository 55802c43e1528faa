//! Runs repairs, and takes pictures of trees.

use pwalk::repair::{Applied, ApplyConfig, ApplyJob, Changes, Left, PlanConfig, PlanJob, Planned};
use pwalk::{Control, Error, MemoryTable, WalkConfig};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What a repair may change of an entry, and what must not change by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) ctime: (i64, i64),
}

/// All entries at and below a path.
pub(crate) fn states(root: &Path) -> BTreeMap<PathBuf, State> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let (mode, uid, gid) = (metadata.mode(), metadata.uid(), metadata.gid());
        let ctime = (metadata.ctime(), metadata.ctime_nsec());
        found.insert(path, State { mode, uid, gid, ctime });
    }
    found
}

/// A plan of a path, with the defaults.
pub(crate) fn config(root: &Path) -> PlanConfig {
    PlanConfig {
        walk: WalkConfig {
            roots: vec![root.to_owned()],
            threads: Some(4),
            one_file_system: true,
            ..WalkConfig::default()
        },
        keeps_changes: true,
        ..PlanConfig::default()
    }
}

/// A plan that was made: what it says, its changes, and what it leaves.
pub(crate) struct Plan {
    pub(crate) said: Planned,
    pub(crate) changes: Arc<MemoryTable>,
    pub(crate) left: Vec<Left>,
}

/// Makes a plan.
pub(crate) fn plan(config: &PlanConfig) -> Result<Plan, Error> {
    let job = PlanJob::prepare(config)?;
    let changes = job.changes().unwrap();
    let left = Mutex::new(Vec::new());
    let said = job.run(&Control::default(), &|entry| left.lock().unwrap().push(entry.clone()))?;
    let mut left = left.into_inner().unwrap();
    left.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Plan { said, changes, left })
}

/// Makes changes, with a journal. Returns what was not made, too.
pub(crate) fn apply(changes: Changes, journal: &Path) -> Result<(Applied, Vec<Left>), Error> {
    let config = ApplyConfig {
        journal: Some(journal.to_owned()),
        syslog: false,
        threads: Some(3),
        ..ApplyConfig::new(changes)
    };
    let left = Mutex::new(Vec::new());
    let job = ApplyJob::prepare(&config)?;
    let on_left = |entry: &Left| left.lock().unwrap().push(entry.clone());
    let applied = job.run(&Control::default(), &on_left, &|note| panic!("{note}"))?;
    Ok((applied, left.into_inner().unwrap()))
}

/// The changes of a plan.
pub(crate) fn table(changes: Arc<MemoryTable>) -> Changes {
    Changes::Table(changes, PathBuf::new())
}

/// Mode and group.
pub(crate) fn rights(path: &Path) -> (u32, u32) {
    let state = state(path);
    (state.mode & 0o7777, state.gid)
}

/// What one entry is like.
pub(crate) fn state(path: &Path) -> State {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path).unwrap();
    let ctime = (metadata.ctime(), metadata.ctime_nsec());
    State { mode: metadata.mode(), uid: metadata.uid(), gid: metadata.gid(), ctime }
}
