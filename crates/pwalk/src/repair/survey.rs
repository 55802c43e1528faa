//! The plan: walks, judges, looks twice, and writes what is to be changed.

use super::judge::{Change as Judged, Judgement, Reasons, Rules};
use super::links::Links;
use super::look::look;
use super::opener::Opener;
use super::plan::{Change, plan_schema, to_record};
use super::protected::{Protected, known_mounts};
use super::summary::{LeftCounts, Planned, Tally};
use super::why::{Left, Why};
use crate::error::Error;
use crate::input::Tree;
use crate::job::guarded;
use crate::setup::WalkConfig;
use pwalk_engine::{
    Argument, Batch, Control, EntryError, Fields, FileId, Inherit, Kind, Row, Sink, Stat, lock,
};
use pwalk_output::{
    Destination, Format, MemoryTable, OutputFile, RecordConfig, RecordWriter, SpillConfig,
    Unfinished,
};
use pwalk_sys::{Freshness, StatMask};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const PATH: Argument = Argument::new("roots", "path");
const GROUP: Argument = Argument::new("group", "group");

/// Bytes of planned changes that are held in memory; the others go into a file without a name.
const HELD_BYTES: usize = 16 << 20;

/// Rows of a record batch.
const RECORD_ROWS: usize = 4096;

/// What to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanConfig {
    /// What to walk: one root.
    pub walk: WalkConfig,
    /// Groups to replace, besides root's and those of single users.
    pub change_gids: Vec<u32>,
    /// The group that replaces them; `None`: that of the nearest directory above that has a good one.
    pub group: Option<u32>,
    /// The group may write, too.
    pub group_writable: bool,
    /// Adjusts POSIX ACLs: the owning group's entry, and the mask.
    pub acl: bool,
    /// Changes files that have links outside of the path, too.
    pub hard_links: bool,
    /// Where the plan goes; the suffix selects the format.
    pub plan: Option<PathBuf>,
    /// Keeps the changes, for [`super::ApplyJob`] or to look at.
    pub keeps_changes: bool,
}

/// A plan that is ready to be made: all that can be checked was checked.
pub struct PlanJob {
    tree: Tree,
    root: PathBuf,
    rules: Rules,
    adjusts_acls: bool,
    changes_links: bool,
    protected: Arc<Protected>,
    file: Option<RecordWriter>,
    memory: Option<(Arc<MemoryTable>, RecordWriter)>,
    unfinished: Arc<Unfinished>,
}

impl PlanJob {
    /// Checks the path, the groups and the output.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name. `Argument` if the path is protected: `/`, the
    /// system's own folders, and what lies in them.
    pub fn prepare(config: &PlanConfig) -> Result<PlanJob, Error> {
        let PlanConfig { walk, group, plan, .. } = config;
        let [root] = &walk.roots[..] else {
            return Err(Error::bad(PATH, "", "exactly one path can be repaired at a time"));
        };
        let rules = Rules {
            change_gids: config.change_gids.iter().copied().collect::<BTreeSet<_>>(),
            group: *group,
            is_group_writable: config.group_writable,
        };
        check_group(&rules)?;
        let real = root.canonicalize();
        let real = real.map_err(|e| Error::root(root.as_os_str().as_bytes(), errno(&e)))?;
        let mounts = known_mounts()?;
        let protected = Protected::find(&mounts);
        check_protected(&protected, root, &real, &mounts)?;
        let mut tree = Tree::open(&WalkConfig { roots: vec![real.clone()], ..walk.clone() })?;
        let above = group_above(&rules, &real);
        let own = rules.clone();
        let own = Arc::new(move |dir: &Stat| own.passed_on(dir));
        tree.setup.config.inherit = Some(Inherit { own, above });
        let file = plan.as_ref().map(|path| OutputFile::create(path)).transpose()?;
        tree.leave_out(protected.ids().chain(file.iter().filter_map(OutputFile::id)).collect());
        for point in protected.mounted_below(&real, &mounts) {
            tree.setup.config.rules.nested_roots.insert(point.as_os_str().as_bytes());
        }
        let unfinished = Arc::new(Unfinished::new(&file, None));
        let file = plan.as_ref().zip(file).map(|(path, file)| plan_writer(path, file, &tree));
        let spill = SpillConfig { max_bytes: HELD_BYTES, folder: None };
        Ok(PlanJob {
            file: file.transpose()?,
            memory: config
                .keeps_changes
                .then(|| RecordWriter::to_memory(plan_schema(), tree.n_encoders(), spill)),
            tree,
            root: real,
            rules,
            adjusts_acls: config.acl,
            changes_links: config.hard_links,
            protected: Arc::new(protected),
            unfinished,
        })
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        self.tree.notes()
    }

    /// About how many entries there are, where that is known.
    pub fn n_expected(&self) -> Option<u64> {
        self.tree.n_expected()
    }

    /// What must be abandoned if the process ends before `run` returns.
    pub fn unfinished(&self) -> Arc<Unfinished> {
        self.unfinished.clone()
    }

    /// What is walked: absolute, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The changes, while they are found and after that, if they are kept.
    pub fn changes(&self) -> Option<Arc<MemoryTable>> {
        self.memory.as_ref().map(|(table, _)| table.clone())
    }

    /// Leaves out files that are not part of what is repaired: a journal.
    pub fn leave_out(&mut self, files: impl IntoIterator<Item = FileId>) {
        self.tree.setup.config.rules.own_files.extend(files);
    }

    /// Walks and plans. `on_left` is called for each entry that is not right and stays so, and for
    /// each that could not be looked at, from any thread.
    ///
    /// # Errors
    ///
    /// `Cancelled` if `control` was cancelled; `File` if the plan can't be written.
    pub fn run(
        self,
        control: &Control,
        on_left: &(dyn Fn(&Left) + Sync),
    ) -> Result<Planned, Error> {
        guarded(control, || self.run_unguarded(control, on_left))
    }

    fn run_unguarded(
        self,
        control: &Control,
        on_left: &(dyn Fn(&Left) + Sync),
    ) -> Result<Planned, Error> {
        let clock = Instant::now();
        let memory = self.memory.map(|(_, writer)| writer);
        let survey = Survey {
            rules: self.rules,
            adjusts_acls: self.adjusts_acls,
            protected: &self.protected,
            writers: self.file.into_iter().chain(memory).collect(),
            waiting: Mutex::default(),
            openers: Mutex::default(),
            links: Mutex::default(),
            tally: Mutex::default(),
            left: Mutex::default(),
            on_left,
        };
        let on_error = |error: &EntryError| {
            let why = Why::Unseen(error.operation, error.errno);
            survey.leave(Left { path: error.path.clone(), why });
        };
        crate::input::Input::from(self.tree).read(&survey, control, &on_error)?;
        survey.put_rest(self.changes_links)?;
        let Survey { writers, tally, left, .. } = survey;
        if !self.unfinished.begin_naming() {
            return Err(Error::cancelled());
        }
        for writer in writers {
            writer.finish(Vec::new())?;
        }
        let (tally, left) = (into_inner(tally), into_inner(left));
        let seconds = (clock.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        Ok(tally.into_planned(self.root.to_string_lossy().into_owned(), left, seconds))
    }
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn errno(error: &std::io::Error) -> pwalk_engine::Errno {
    pwalk_engine::Errno::from_io(error)
}

/// A group that is replaced can't be what replaces it.
fn check_group(rules: &Rules) -> Result<(), Error> {
    match rules.group {
        Some(0) => Err(Error::bad(GROUP, "0", "is root's group, which is one of those replaced")),
        Some(gid) if rules.change_gids.contains(&gid) => {
            Err(Error::bad(GROUP, gid.to_string(), "is one of the groups to be replaced"))
        }
        _ => Ok(()),
    }
}

fn check_protected(
    protected: &Protected,
    given: &Path,
    real: &Path,
    mounts: &[pwalk_sys::Mount],
) -> Result<(), Error> {
    let met = protected.meets(real, mounts);
    let met = met.map_err(|errno| Error::root(given.as_os_str().as_bytes(), errno))?;
    let Some(folder) = met else { return Ok(()) };
    let reason = match folder == real {
        true => "belongs to the system, and is never repaired".to_owned(),
        false => {
            format!("meets {}, which belongs to the system and is never repaired", folder.display())
        }
    };
    Err(Error::bad(PATH, given.to_string_lossy(), reason))
}

/// The group that the nearest directory above a path passes on.
fn group_above(rules: &Rules, path: &Path) -> Option<u32> {
    path.ancestors().skip(1).find_map(|above| {
        let bytes = above.as_os_str().as_bytes();
        let mask = StatMask::OWNER;
        let links = pwalk_sys::Links::Keep;
        let stat = pwalk_sys::stat_by_path(bytes, links, mask, Freshness::AsStat).ok()?;
        rules.passed_on(&Stat { uid: stat.uid, gid: stat.gid, ..Stat::default() })
    })
}

fn plan_writer(path: &Path, file: OutputFile, tree: &Tree) -> Result<RecordWriter, Error> {
    let config = RecordConfig {
        schema: plan_schema(),
        format: Format::of_path(path)?,
        metadata: vec![("pwalk.plan".to_owned(), "1".to_owned())],
        n_encoders: tree.n_encoders(),
    };
    Ok(RecordWriter::create(config, Destination::File(file))?)
}

/// Judges what the walk brings.
struct Survey<'a> {
    rules: Rules,
    adjusts_acls: bool,
    protected: &'a Protected,
    writers: Vec<RecordWriter>,
    /// Rows of the next record batch.
    waiting: Mutex<Vec<Change>>,
    /// One for each thread that works at the same time.
    openers: Mutex<Vec<Opener>>,
    links: Mutex<Links>,
    tally: Mutex<Tally>,
    left: Mutex<LeftCounts>,
    on_left: &'a (dyn Fn(&Left) + Sync),
}

impl Sink for Survey<'_> {
    type Error = Error;

    fn fields(&self) -> Fields {
        Fields::INODE
            | Fields::OWNER
            | Fields::LINKS
            | Fields::MODE
            | Fields::CTIME
            | Fields::NANOS
            | Fields::DEVICE
            | Fields::KIND
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Error> {
        let mut changes = Vec::new();
        let mut opener = None;
        for index in 0..batch.len() {
            let (mode, uid, gid) = (batch.mode[index], batch.uid[index], batch.gid[index]);
            // Most are, and nothing else of them matters.
            if !self.adjusts_acls && self.rules.is_right(mode, uid, gid) {
                continue;
            }
            let row = batch.row(index);
            match self.change(&row, &mut opener) {
                Ok(None) => {}
                Ok(Some(change)) => changes.push(change),
                Err(why) => self.leave(Left { path: row.path(), why }),
            }
        }
        lock(&self.openers).extend(opener);
        lock(&self.tally).n_entries += batch.len() as u64;
        self.write(changes)
    }
}

impl Survey<'_> {
    /// The change of an entry; `None` if it is right, or waits for its other links.
    fn change(&self, row: &Row<'_>, opener: &mut Option<Opener>) -> Result<Option<Change>, Why> {
        let stat = row.stat();
        let judged = match self.rules.judge(&stat, row.inherited()) {
            Judgement::Change(judged) => judged,
            Judgement::Skip(unfit) => return Err(unfit.into()),
            // Its mode may seem right because of a mask.
            Judgement::Right if self.adjusts_acls && may_have_acl(&stat) => Judged {
                mode: stat.mode & pwalk_sys::MODE_BITS,
                gid: stat.gid,
                reasons: Reasons::empty(),
            },
            Judgement::Right => return Ok(None),
        };
        if self.protected.has(stat.id()) {
            return Err(Why::Protected);
        }
        if opener.is_none() {
            *opener = lock(&self.openers).pop();
        }
        let opener = match opener {
            Some(opener) => opener,
            None => opener.insert(Opener::new().map_err(|errno| Why::Failed("open", errno))?),
        };
        let bits = self.rules.group_bits(stat.kind(), stat.mode) >> 3;
        let granted = self.adjusts_acls.then_some(bits);
        let Some(change) = look(opener, row.path(), &stat, judged, granted)? else {
            return Ok(None);
        };
        if stat.nlink > 1 && stat.kind() != Kind::Dir {
            return lock(&self.links).meet(change, stat.nlink);
        }
        Ok(Some(change))
    }

    fn leave(&self, left: Left) {
        lock(&self.left).count(&left);
        (self.on_left)(&left);
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        {
            let mut tally = lock(&self.tally);
            changes.iter().for_each(|change| tally.count(change));
        }
        let full = {
            let mut waiting = lock(&self.waiting);
            waiting.extend(changes);
            let is_full = waiting.len() >= RECORD_ROWS;
            if is_full { std::mem::take(&mut *waiting) } else { Vec::new() }
        };
        self.write_out(&full)
    }

    fn write_out(&self, changes: &[Change]) -> Result<(), Error> {
        if changes.is_empty() || self.writers.is_empty() {
            return Ok(());
        }
        let record = to_record(changes);
        self.writers.iter().try_for_each(|writer| Ok(writer.write(&record)?))
    }

    /// What is left at the end: files of which not all links were met, and rows that waited for more.
    fn put_rest(&self, changes_them: bool) -> Result<(), Error> {
        let rest = std::mem::take(&mut *lock(&self.links)).into_rest(changes_them);
        let mut changes = Vec::new();
        for linked in rest {
            match linked {
                Ok(change) => changes.push(change),
                Err(left) => self.leave(left),
            }
        }
        self.write(changes)?;
        self.write_out(&std::mem::take(&mut *lock(&self.waiting)))
    }
}

/// What can have an ACL.
fn may_have_acl(stat: &Stat) -> bool {
    matches!(stat.kind(), Kind::File | Kind::Dir)
}
