//! What a walk of a fake tree must bring: one thread, one entry after the other, the obvious
//! way.
//!
//! Owns the second opinion on what the engine promises under faults: what is retried, what is
//! an error, what has vanished, what is counted. Must not know the engine's code, and nobody
//! may make it fast. Shortages of descriptors and delays change nothing, so it leaves them out.

use super::answers::{answer, behind_link, is_gone, is_lack};
use super::expression::Seen;
use super::glob::is_path;
use super::options::Options;
use super::plan::FaultPlan;
use super::sink::FakeRow;
use super::source::{FakeDir, FakeSource};
use super::tree::FakeTree;
use super::trees::Trees;
use super::verdict::Verdict;
use pwalk_engine::{
    At, Contents, EntryError, Errno, Fields, FileId, Kind, Links, Listing, Operation, Source, Stat,
};
use std::collections::HashSet;
use std::ffi::CString;

/// Reads in a row that may bring nothing new before a directory counts as endless.
const IDLE_READS_MAX: u32 = 200;

/// What a walk must bring, in no particular order.
#[derive(Clone, Debug, Default)]
pub struct Modelled {
    /// Every row.
    pub rows: Vec<FakeRow>,
    /// Every error.
    pub errors: Vec<EntryError>,
    /// Entries that were gone before they could be looked at.
    pub n_vanished: u64,
    /// Snapshots that were not entered.
    pub n_snapshots: u64,
    /// Entries that an exclude left out.
    pub n_excluded: u64,
    /// Entries that the condition left out.
    pub n_filtered: u64,
    /// Mount points that were left out.
    pub n_mount_points: u64,
    /// Names that came more than once; `None` if a directory never ended, since then it depends
    /// on the walk's patience.
    pub n_repeated: Option<u64>,
    /// Sum of the apparent sizes of all rows.
    pub apparent_bytes: i128,
    /// Sum of the allocated sizes, each inode once.
    pub allocated_bytes: i128,
}

/// A directory to be read.
struct Waiting {
    /// Its number in `Model::trees`.
    number: usize,
    path: Vec<u8>,
    root_len: usize,
    root_dev: u64,
    depth: i32,
    parent_inode: u64,
    stat: Stat,
    links: Links,
    /// The directories above it and itself.
    ancestors: Vec<FileId>,
}

/// An entry as its directory tells of it.
struct Told {
    ino: u64,
    kind: Kind,
    name: CString,
}

struct Model<'a> {
    source: FakeSource<'a>,
    options: &'a Options,
    want: Fields,
    found: Modelled,
    waiting: Vec<Waiting>,
    trees: Trees,
    /// Inodes with several links that were met.
    linked: HashSet<FileId>,
}

/// Walks the tree.
///
/// # Panics
///
/// If the plan fails calls by number: which entry they hit is a matter of schedule.
pub fn model(tree: &FakeTree, plan: &FaultPlan, options: &Options) -> Modelled {
    assert!(plan.calls.is_empty(), "the model knows no call numbers");
    let plan = FaultPlan { shortage: None, delays: None, ..plan.clone() };
    let mut model = Model {
        source: FakeSource::new(tree, &plan),
        options,
        want: options.want(),
        found: Modelled { n_repeated: Some(0), ..Modelled::default() },
        waiting: Vec::new(),
        trees: Trees::default(),
        linked: HashSet::new(),
    };
    for root in &options.roots {
        model.start(root);
    }
    while let Some(dir) = model.waiting.pop() {
        model.visit(dir);
    }
    model.trees.add_up(options.fields, &mut model.found);
    model.found
}

impl Model<'_> {
    fn start(&mut self, root: &[u8]) {
        let mut path = root.to_vec();
        while path.len() > 1 && path.ends_with(b"/") {
            path.pop();
        }
        let want = self.want | Fields::INODE;
        let source = &self.source;
        let (stat, behind) = behind_link(|links| source.stat_path(&path, links, want));
        if let Some(errno) = behind {
            self.fail(Operation::Stat, &path, -1, errno);
        }
        let Some(stat) = stat else { return };
        if stat.kind() != Kind::Dir {
            self.row(&path, stat.kind(), -1, 0, Some(stat), Contents::None);
            return;
        }
        if self.options.max_depth == Some(0) {
            self.row(&path, Kind::Dir, -1, 0, Some(stat), Contents::Unread);
            return;
        }
        self.waiting.push(Waiting {
            number: self.trees.root(),
            root_len: path.len(),
            path,
            root_dev: stat.dev,
            depth: -1,
            parent_inode: 0,
            links: Links::Follow,
            ancestors: vec![stat.id()],
            stat,
        });
    }

    fn visit(&mut self, dir: Waiting) {
        self.trees.enter(dir.number);
        let opened = match self.open(&dir) {
            Ok(opened) => opened,
            Err(errno) => {
                if is_gone(errno) || errno == Errno::NOTDIR {
                    self.found.n_vanished += 1;
                } else {
                    self.fail(Operation::Open, &dir.path, dir.depth, errno);
                }
                return self.dir_row(&dir, Contents::Unread);
            }
        };
        let (entries, failure) = self.read(&opened);
        let has_failed = failure.is_some();
        if let Some(errno) = failure {
            self.fail_reading(&dir, &opened, errno);
        }
        let (mut n_entries, mut size_sum) = (0, 0_i64);
        for told in entries {
            if let Some(size) = self.look_at(&dir, &opened, &told) {
                n_entries += 1;
                size_sum = size_sum.saturating_add(size);
            }
        }
        let size_sum = if self.wants_sum(&dir) { size_sum } else { 0 };
        match has_failed && n_entries == 0 {
            true => self.dir_row(&dir, Contents::Unread),
            false => self.dir_row(&dir, Contents::Counted { n_entries, size_sum }),
        }
    }

    fn open(&self, dir: &Waiting) -> Result<FakeDir, Errno> {
        answer(|| self.source.open(At { parent: None, path: &dir.path }, dir.links))
    }

    /// All names, each once, and the error that ended the reading.
    fn read(&mut self, dir: &FakeDir) -> (Vec<Told>, Option<Errno>) {
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        let (mut n_gone, mut n_idle) = (0, 0);
        loop {
            let mut listing = Listing::default();
            let result = self.source.read(dir, 0, &mut Vec::new(), &mut listing);
            let n_before = names.len();
            for entry in (0..listing.len()).map(|index| listing.get(index)) {
                if names.insert(entry.name.to_owned()) {
                    let (ino, kind) = (entry.ino, entry.kind);
                    entries.push(Told { ino, kind, name: entry.name.to_owned() });
                } else if let Some(n_repeated) = &mut self.found.n_repeated {
                    *n_repeated += 1;
                }
            }
            n_idle += 1;
            if names.len() > n_before {
                (n_idle, n_gone) = (0, 0);
            }
            match result {
                Ok(true) if n_idle > IDLE_READS_MAX => {
                    self.found.n_repeated = None;
                    return (entries, Some(Errno::LOOP));
                }
                Ok(true) => {}
                Ok(false) => return (entries, None),
                Err(errno) if is_gone(errno) && n_gone < 2 => n_gone += 1,
                Err(errno) if is_lack(errno) => {}
                Err(errno) => return (entries, Some(errno)),
            }
        }
    }

    fn fail_reading(&mut self, dir: &Waiting, opened: &FakeDir, errno: Errno) {
        let nlink = self.source.stat_dir(opened, Fields::LINKS).map(|stat| stat.nlink);
        if is_gone(errno) && nlink == Ok(0) {
            self.found.n_vanished += 1;
        } else {
            self.fail(Operation::Read, &dir.path, dir.depth, errno);
        }
    }

    /// Delivers an entry. Its share in the directory's sum of sizes, or `None` if it counts as
    /// no entry.
    fn look_at(&mut self, dir: &Waiting, opened: &FakeDir, told: &Told) -> Option<i64> {
        let dev = self.source.stat_dir(opened, Fields::DEVICE).map_or(0, |stat| stat.dev);
        if self.options.own_files.contains(&FileId { dev, ino: told.ino }) {
            return None;
        }
        let slash: &[u8] = if dir.path.ends_with(b"/") { b"" } else { b"/" };
        let path = [&dir.path, slash, told.name.to_bytes()].concat();
        let verdict = self.options.judge(&dir.path[..dir.root_len], &path, told.kind);
        if let Some(verdict) = verdict.filter(|&verdict| verdict != Verdict::Keep) {
            return Some(self.leave_out(dir, opened, told, &path, verdict));
        }
        let is_wanted = self.told(&path, dir.depth + 1, told.kind);
        if is_wanted == Some(false) && self.is_leaf(told.kind) {
            self.found.n_filtered += 1;
            let is_asked = self.wants_sum(dir);
            return Some(if is_asked {
                self.stat(opened, told).0.map_or(0, |s| s.size)
            } else {
                0
            });
        }
        if is_wanted.is_some() && !self.must_stat(told.kind) {
            let stat = Stat { ino: told.ino, ..Stat::default() };
            return Some(self.keep(dir, opened, told, path, told.kind, stat));
        }
        let stat = match self.stat(opened, told) {
            (Some(stat), failure) => {
                if let Some(errno) = failure {
                    self.fail(Operation::Stat, &path, dir.depth + 1, errno);
                }
                stat
            }
            (None, Some(errno)) if !is_gone(errno) => {
                self.fail(Operation::Stat, &path, dir.depth + 1, errno);
                if !self.options.fields.need_stat() && is_wanted == Some(true) {
                    let is_dir = told.kind == Kind::Dir;
                    let contents = if is_dir { Contents::Unread } else { Contents::None };
                    self.row(&path, told.kind, dir.depth + 1, 0, None, contents);
                }
                return Some(0);
            }
            (None, _) => {
                self.found.n_vanished += 1;
                return None;
            }
        };
        match self.options.judge(&dir.path[..dir.root_len], &path, stat.kind()) {
            Some(Verdict::Keep) | None => {}
            Some(verdict) => return Some(self.leave_out(dir, opened, told, &path, verdict)),
        }
        // Only directories: files may carry other devices than the one they stand on (overlayfs).
        let is_elsewhere = stat.dev != dir.root_dev || stat.is_automount;
        if self.options.one_file_system && stat.kind() == Kind::Dir && is_elsewhere {
            self.found.n_mount_points += 1;
            return Some(0);
        }
        Some(self.keep(dir, opened, told, path, stat.kind(), stat))
    }

    /// What the condition says of an entry by its name.
    fn told(&self, path: &[u8], depth: i32, kind: Kind) -> Option<bool> {
        let Some(condition) = &self.options.condition else { return Some(true) };
        let follows = self.options.links == Links::Follow;
        let is_certain = kind != Kind::Unknown && !(kind == Kind::Symlink && follows);
        let kind = is_certain.then_some(kind);
        condition.holds(&Seen { path, depth, kind, stat: None, n_entries: None })
    }

    fn is_leaf(&self, kind: Kind) -> bool {
        let may_lead_on = kind == Kind::Symlink && self.options.links == Links::Follow;
        !may_lead_on && !matches!(kind, Kind::Dir | Kind::Unknown)
    }

    /// True if the sum of a directory's sizes can be seen.
    fn wants_sum(&self, dir: &Waiting) -> bool {
        let Waiting { path, depth, stat, .. } = dir;
        let (depth, kind) = (*depth, Some(Kind::Dir));
        let seen = Seen { path, depth, kind, stat: Some(stat), n_entries: None };
        let condition = self.options.condition.as_ref();
        let has_no_row = condition.is_some_and(|condition| condition.holds(&seen) == Some(false));
        self.want.contains(Fields::SIZE_SUM) && !has_no_row
    }

    fn leave_out(
        &mut self,
        dir: &Waiting,
        opened: &FakeDir,
        told: &Told,
        path: &[u8],
        verdict: Verdict,
    ) -> i64 {
        match verdict {
            Verdict::Excluded => self.found.n_excluded += 1,
            Verdict::MountPoint => self.found.n_mount_points += 1,
            Verdict::Snapshot => self.found.n_snapshots += 1,
            Verdict::Root | Verdict::Keep => {}
        }
        let is_mount_point = self.options.mount_points.iter().any(|given| is_path(given, path));
        let may_stat = match verdict {
            Verdict::Excluded => !is_mount_point,
            verdict => verdict != Verdict::MountPoint,
        };
        if !may_stat || !self.wants_sum(dir) {
            return 0;
        }
        self.stat(opened, told).0.map_or(0, |stat| stat.size)
    }

    fn must_stat(&self, kind: Kind) -> bool {
        self.options.want_of_rows().need_stat()
            || kind == Kind::Unknown
            || (kind == Kind::Dir && self.options.one_file_system)
    }

    fn stat(&self, opened: &FakeDir, told: &Told) -> (Option<Stat>, Option<Errno>) {
        let stat = |links| self.source.stat(opened, &told.name, links, self.want);
        match self.options.links {
            Links::Follow => behind_link(stat),
            Links::Keep => match answer(|| stat(Links::Keep)) {
                Ok(stat) => (Some(stat), None),
                Err(errno) => (None, Some(errno)),
            },
        }
    }

    /// Delivers an entry, or puts it on the pile; returns its size.
    fn keep(
        &mut self,
        dir: &Waiting,
        opened: &FakeDir,
        told: &Told,
        path: Vec<u8>,
        kind: Kind,
        stat: Stat,
    ) -> i64 {
        let depth = dir.depth + 1;
        let parent_inode = dir.stat.ino;
        let (mut kind, mut stat) = (kind, stat);
        let mut contents = if kind == Kind::Dir { Contents::Unread } else { Contents::None };
        let may_enter = self.options.max_depth.is_none_or(|max_depth| depth + 1 < max_depth as i32);
        let is_loop = self.options.links == Links::Follow && dir.ancestors.contains(&stat.id());
        if kind == Kind::Dir && may_enter && is_loop {
            self.fail(Operation::Follow, &path, depth, Errno::LOOP);
            let itself = || self.source.stat(opened, &told.name, Links::Keep, self.want);
            // Its error is told already; what the link itself is can't be.
            let Ok(itself) = answer(itself) else { return 0 };
            stat = itself;
            kind = stat.kind();
            contents = if kind == Kind::Dir { Contents::Unread } else { Contents::None };
        } else if kind == Kind::Dir && may_enter {
            let size = stat.size;
            let ancestors = dir.ancestors.iter().copied().chain([stat.id()]).collect();
            let (root_len, root_dev) = (dir.root_len, dir.root_dev);
            let links = self.options.links;
            self.waiting.push(Waiting {
                number: self.trees.dir(),
                path,
                root_len,
                root_dev,
                depth,
                parent_inode,
                stat,
                links,
                ancestors,
            });
            return size;
        }
        let has_row = self.row(&path, kind, depth, parent_inode, Some(stat), contents);
        if has_row && kind == Kind::Symlink && self.want.contains(Fields::TARGET) {
            self.add_target(opened, told, &path, depth);
        }
        stat.size
    }

    /// Reads where the link that is the last row points to.
    fn add_target(&mut self, opened: &FakeDir, told: &Told, path: &[u8], depth: i32) {
        match answer(|| self.source.read_link(opened, &told.name)) {
            Ok(target) => {
                let last = self.found.rows.last_mut();
                last.expect("the link's row was just added").target = target;
            }
            Err(errno) if is_gone(errno) => {}
            Err(errno) => self.fail(Operation::ReadLink, path, depth, errno),
        }
    }

    fn dir_row(&mut self, dir: &Waiting, contents: Contents) {
        let Waiting { path, depth, parent_inode, stat, .. } = dir;
        if self.row(path, Kind::Dir, *depth, *parent_inode, Some(*stat), contents) {
            self.trees.is_itself();
        }
    }

    fn row(
        &mut self,
        path: &[u8],
        kind: Kind,
        depth: i32,
        parent_inode: u64,
        stat: Option<Stat>,
        contents: Contents,
    ) -> bool {
        let seen_stat = stat;
        let stat = stat.unwrap_or_default();
        let n_entries = match contents {
            Contents::Counted { n_entries, .. } => Some(n_entries),
            _ => None,
        };
        let seen =
            Seen { path, depth, kind: Some(kind), stat: Some(&stat), n_entries: Some(n_entries) };
        // Without an inode it is delivered because its name was enough.
        let condition = self.options.condition.as_ref().filter(|_| seen_stat.is_some());
        if condition.is_some_and(|condition| condition.holds(&seen) != Some(true)) {
            self.found.n_filtered += 1;
            return false;
        }
        let want = self.options.want_of_rows();
        if want.contains(Fields::SIZE) {
            self.found.apparent_bytes += i128::from(stat.size);
        }
        let is_known = kind != Kind::Dir && stat.nlink > 1 && !self.linked.insert(stat.id());
        if want.contains(Fields::BLOCKS | Fields::LINKS) && !is_known {
            self.found.allocated_bytes += i128::from(stat.blocks.max(0)) * 512;
        }
        let has_stat = self.options.fields.need_stat();
        let btime = stat.btime.filter(|_| self.options.fields.contains(Fields::BTIME));
        self.found.rows.push(FakeRow {
            path: path.to_vec(),
            kind,
            depth,
            parent_inode: if has_stat { parent_inode } else { 0 },
            contents,
            // A column that was read for the condition alone is none of the batch.
            stat: has_stat.then_some(Stat { is_automount: false, btime, ..stat }),
            target: Vec::new(),
            tree: None,
        });
        self.trees.row();
        true
    }

    fn fail(&mut self, operation: Operation, path: &[u8], depth: i32, errno: Errno) {
        let path = path.to_vec();
        self.found.errors.push(EntryError { operation, path, depth, errno });
        self.trees.error();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model must not share a fault with the source that it reads through.
    #[test]
    fn without_faults_every_node_has_its_row() {
        let mut tree = FakeTree::of(&["r/a/f", "r/a/b/", "r/g", "r/l -> a"]);
        tree.generate(tree.at("r/a/b"), 250, Kind::File);
        let plan = FaultPlan { n_per_read: Some(7), ..FaultPlan::default() };
        let found = model(&tree, &plan, &Options::default());
        let mut paths: Vec<_> = found.rows.iter().map(|row| row.path.clone()).collect();
        paths.sort();
        let generated = (0..250).map(|index| format!("/r/a/b/g{index:08}").into_bytes());
        let mut expected: Vec<_> =
            (1..tree.len()).map(|id| tree.path(id)).chain(generated).collect();
        expected.sort();
        assert_eq!(paths, expected);
        assert!(found.errors.is_empty() && found.n_repeated == Some(0));
    }
}
