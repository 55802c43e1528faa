//! Directories that a cut walk leaves open: their own entries are delivered, what is below some of
//! their subdirectories is not.
//!
//! Owns their numbers, and how the runs over a frontier add up. An open directory has no row yet;
//! it gets one when the last run below it is merged. Knows no workers.
//!
//! A directory has its name and the number of the one that it is in, and no path: see `tree.rs`.
//! Numbers are given by each run for itself, from the first that the frontier it began with doesn't
//! know, so that runs on several machines need not agree; a merge gives new ones.

use crate::batch::{Batch, Contents};
use crate::condition::{Condition, Facts};
use crate::directory::DirInfo;
use crate::entry::{Fields, Kind, Stat};
use crate::frontier::Frontier;
use crate::source::Sink;
use crate::totals::Totals;
use crate::tree::{Above, Tree, TreeSums};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows, and bytes of paths, of the batches that a merge delivers.
const BATCH_ROWS: usize = 1024;
const BATCH_PATHS: usize = 1 << 20;

/// A directory whose entries were delivered, but not all that is below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDir {
    /// The number of its parent directory; `None` for a root.
    pub above: Option<u64>,
    /// Its name; of a root the whole path.
    pub name: Vec<u8>,
    /// -1 for a root.
    pub depth: i32,
    /// Inode of the parent directory; 0 for a root.
    pub parent_inode: u64,
    /// Its inode.
    pub stat: Stat,
    /// What is known of its content.
    pub contents: Contents,
    /// False if the condition leaves out its row: what is below it counts in the directory above.
    pub has_row: bool,
    /// Subdirectories that are in the frontier, or open.
    pub n_open: u64,
    /// Of all below that was delivered or could not be seen.
    pub sums: TreeSums,
}

/// What was finished below a directory that an earlier run has left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinishedBelow {
    /// How many of its subdirectories.
    pub n_dirs: u64,
    /// Of them and all below them.
    pub sums: TreeSums,
}

/// What a walk for totals of subtrees leaves open beside its frontier: one run, or several that were
/// merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenDirs {
    /// Those by number.
    pub dirs: BTreeMap<u64, OpenDir>,
    /// What ended below those of earlier runs, by their number. Empty once merged.
    pub finished: BTreeMap<u64, FinishedBelow>,
    /// Smaller numbers are those of earlier runs.
    pub first: u64,
    /// The next number.
    pub next: u64,
}

impl OpenDirs {
    /// Before a walk of this frontier.
    pub(crate) fn before(frontier: &Frontier) -> OpenDirs {
        let known = frontier.iter().filter_map(|dir| dir.above).max();
        let first = known.map_or(0, |number| number + 1);
        OpenDirs { first, next: first, ..OpenDirs::default() }
    }

    /// Adds what ended below a directory of an earlier run.
    pub(crate) fn finish(&mut self, above: u64, n_dirs: u64, sums: &TreeSums) {
        let finished = self.finished.entry(above).or_default();
        finished.n_dirs += n_dirs;
        finished.sums.add(sums);
    }

    /// Gives a directory that is left open its number.
    pub(crate) fn number(&mut self, tree: &Tree) -> (u64, bool) {
        let (number, is_new) = tree.number(self.next);
        self.next += u64::from(is_new);
        (number, is_new)
    }

    /// Adds a directory that is left open, and those above it, once the walk has ended.
    pub(crate) fn add(&mut self, info: &DirInfo, condition: Option<&Condition>) {
        let mut next = info.tree.clone();
        while let Some(tree) = next {
            let (number, _) = self.number(&tree);
            if self.dirs.contains_key(&number) {
                return;
            }
            let path = &info.path[..tree.path_len];
            let (above, name) = self.place(&tree, path);
            let (so_far, n_open) = tree.so_far();
            let facts = Facts::dir(path, tree.depth, &tree.stat).with_contents(so_far.contents);
            let dir = OpenDir {
                above,
                name: name.to_vec(),
                depth: tree.depth,
                parent_inode: tree.parent_inode,
                stat: tree.stat,
                contents: so_far.contents,
                has_row: condition.is_none_or(|wants| wants.decide(&facts) == Some(true)),
                n_open: n_open as u64,
                sums: so_far.sums,
            };
            self.dirs.insert(number, dir);
            next = tree.above();
        }
    }

    /// The number of the directory above, and the name in that.
    fn place<'a>(&mut self, tree: &Tree, path: &'a [u8]) -> (Option<u64>, &'a [u8]) {
        let own = if path == b"/" { path } else { &path[..path.len() - 1] };
        let name_start = own.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        match &tree.above {
            Above::Nothing => (None, own),
            Above::Left(number) => (Some(*number), &own[name_start..]),
            Above::Dir(above) => (Some(self.number(above).0), &own[name_start..]),
        }
    }

    /// Adds what a run over some of the frontier has left open and finished, and gives its own
    /// frontier the numbers that are valid here. Rows that are complete now go to the sink; their
    /// sums are returned.
    ///
    /// Runs may be merged in any order, each after the one whose frontier it began with.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    ///
    /// # Panics
    ///
    /// If the run began with another frontier.
    pub fn merge<K: Sink>(
        &mut self,
        run: OpenDirs,
        frontier: &mut Frontier,
        sink: &K,
    ) -> Result<Totals, K::Error> {
        let OpenDirs { dirs, finished, first, next } = run;
        let base = self.next;
        let here = |number: u64| if number < first { number } else { number - first + base };
        self.next += next - first;
        for (number, dir) in dirs {
            self.dirs.insert(here(number), OpenDir { above: dir.above.map(here), ..dir });
        }
        frontier.iter_mut().for_each(|dir| dir.above = dir.above.map(here));
        let mut rows = Rows::new(sink);
        for (number, below) in finished {
            self.end_below(number, below, &mut rows)?;
        }
        rows.put()?;
        Ok(rows.totals)
    }

    fn end_below<K: Sink>(
        &mut self,
        number: u64,
        below: FinishedBelow,
        rows: &mut Rows<'_, K>,
    ) -> Result<(), K::Error> {
        // Looked up once: that of a directory above is its beginning.
        let mut path = Vec::new();
        let mut next = Some((number, below));
        while let Some((number, below)) = next {
            let dir = self.dirs.get_mut(&number).expect("a run is merged after the one before it");
            dir.sums.add(&below.sums);
            dir.n_open -= below.n_dirs;
            if dir.n_open > 0 {
                return Ok(());
            }
            if path.is_empty() {
                path = self.path(number);
            }
            let dir = self.dirs.remove(&number).expect("it was just there");
            let sums = match dir.has_row {
                true => dir.sums.and(Kind::Dir, &dir.stat),
                false => dir.sums,
            };
            rows.push(&path, &dir)?;
            leave(&mut path, &dir.name);
            next = dir.above.map(|above| (above, FinishedBelow { n_dirs: 1, sums }));
        }
        Ok(())
    }

    /// The path of a directory, as rows have it.
    ///
    /// # Panics
    ///
    /// If it is not among them, or those above it are not: of a single run they may be missing.
    pub fn path(&self, number: u64) -> Vec<u8> {
        let mut names = Vec::new();
        let mut next = Some(number);
        while let Some(number) = next {
            let dir = &self.dirs[&number];
            names.push(&*dir.name);
            next = dir.above;
        }
        names.reverse();
        match names.split_first() {
            Some((&b"/", [])) => b"/".to_vec(),
            Some((&b"/", below)) => [b"/", &*below.join(&b'/')].concat(),
            _ => names.join(&b'/'),
        }
    }
}

/// From the path of a directory to that of the one that it is in.
fn leave(path: &mut Vec<u8>, name: &[u8]) {
    path.truncate(path.len() - name.len());
    if path.len() > 1 {
        path.pop();
    }
}

impl Tree {
    /// The node of its parent directory, if this run has it.
    fn above(&self) -> Option<Arc<Tree>> {
        match &self.above {
            Above::Dir(above) => Some(above.clone()),
            Above::Nothing | Above::Left(_) => None,
        }
    }
}

/// Rows of directories on their way to a sink.
struct Rows<'a, K: Sink> {
    sink: &'a K,
    batch: Batch,
    totals: Totals,
}

impl<'a, K: Sink> Rows<'a, K> {
    fn new(sink: &'a K) -> Self {
        Rows { sink, batch: Batch::new(sink.fields()), totals: Totals::default() }
    }

    fn push(&mut self, path: &[u8], dir: &OpenDir) -> Result<(), K::Error> {
        let OpenDir { depth, parent_inode, stat, contents, sums, has_row, .. } = dir;
        if !has_row {
            self.totals.n_filtered += 1;
            return Ok(());
        }
        let slash: &[u8] = if path.ends_with(b"/") { b"" } else { b"/" };
        let number = self.batch.push_dir(&[path, slash].concat(), stat.ino, *parent_inode, *depth);
        self.batch.push(number, b"", Kind::Dir, stat, *contents);
        if let Some(totals) = sums.totals(*contents) {
            self.batch.set_tree(totals);
        }
        self.totals.n_entries.add(Kind::Dir);
        let fields = self.batch.fields();
        if fields.contains(Fields::SIZE) {
            self.totals.apparent_bytes += i128::from(stat.size);
        }
        if fields.contains(Fields::BLOCKS | Fields::LINKS) {
            self.totals.allocated_bytes += i128::from(stat.blocks) * 512;
        }
        let is_full = self.batch.len() >= BATCH_ROWS || self.batch.arena_len() >= BATCH_PATHS;
        if is_full { self.put() } else { Ok(()) }
    }

    fn put(&mut self) -> Result<(), K::Error> {
        let result = if self.batch.is_empty() { Ok(()) } else { self.sink.put(&mut self.batch) };
        self.batch.clear();
        result
    }
}
