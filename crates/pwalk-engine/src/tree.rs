//! Totals of subtrees: what lies below each directory, summed up while it is walked.
//!
//! Owns the sums, and the nodes that hold them as long as something below a directory is still to
//! come. Knows nothing of jobs: workers say what they found, what waits, and what has ended.
//!
//! `n_open` of a node counts the directory itself, until its last holder is released, and each
//! subdirectory, from before others can take it until it is closed. Whoever brings it to 0 closes
//! the directory: writes its row, adds its sums to the node above, and goes on there. That is a
//! loop and not a recursion, and so is the dropping of nodes: a chain may have any length.
//!
//! A node has no path: those of 100,000 directories in one another take 10 GB. The path of a
//! directory is the beginning of each path below it, and whoever closes a directory has one.
//!
//! One lock for each node, and not an atomic for each sum: it is taken once for a slice and once
//! for a subdirectory, and what it guards changes together.

use crate::batch::Contents;
use crate::entry::{Kind, Stat};
use crate::sync::lock;
use std::sync::{Arc, Mutex};

/// The totals of a directory's subtree, as its row has them: of the entries below it, itself not
/// included. `None`: null.
///
/// An entry is counted as often as it has rows: each hard link, and what several symbolic links
/// lead to where they are followed. What has no row is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeTotals {
    /// Entries of all kinds.
    pub count: Option<i64>,
    /// Those that are not directories.
    pub files: Option<i64>,
    /// Those that are.
    pub dirs: Option<i64>,
    /// Sum of the apparent sizes of all entries, bytes; stops at 2^63 - 1.
    pub size: Option<i64>,
    /// Sum of the allocated sizes of all entries, units of 512 bytes.
    pub blocks: Option<i64>,
    /// The newest modification time of an entry that is not a directory.
    pub mtime: Option<i64>,
    /// The newest access time of one.
    pub atime: Option<i64>,
    /// What could not be seen below, and of the directory itself; set for one that could not be
    /// read, too.
    pub errors: Option<i64>,
}

/// Sums over entries, in whatever order they are added. Sizes stop at 2^63 - 1: two sparse files can
/// have more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSums {
    /// Entries that are not directories.
    pub n_files: i64,
    /// Directories.
    pub n_dirs: i64,
    /// Apparent sizes, bytes.
    pub size: i64,
    /// Allocated sizes, units of 512 bytes.
    pub blocks: i64,
    /// The newest modification time of an entry that is not a directory.
    pub mtime: Option<i64>,
    /// The newest access time of one.
    pub atime: Option<i64>,
    /// What could not be seen.
    pub n_errors: i64,
}

impl TreeSums {
    /// An error, and nothing else.
    pub(crate) const ERROR: TreeSums = TreeSums {
        n_files: 0,
        n_dirs: 0,
        size: 0,
        blocks: 0,
        mtime: None,
        atime: None,
        n_errors: 1,
    };

    /// Adds other sums.
    #[inline]
    pub fn add(&mut self, other: &TreeSums) {
        // Destructured, so that a new field can't be forgotten here.
        let TreeSums { n_files, n_dirs, size, blocks, mtime, atime, n_errors } = *other;
        self.n_files += n_files;
        self.n_dirs += n_dirs;
        self.size = self.size.saturating_add(size);
        self.blocks = self.blocks.saturating_add(blocks);
        self.mtime = self.mtime.max(mtime);
        self.atime = self.atime.max(atime);
        self.n_errors += n_errors;
    }

    /// With one more entry.
    pub(crate) fn and(mut self, kind: Kind, stat: &Stat) -> TreeSums {
        let is_dir = kind == Kind::Dir;
        self.add(&TreeSums {
            n_files: i64::from(!is_dir),
            n_dirs: i64::from(is_dir),
            size: stat.size,
            blocks: stat.blocks,
            mtime: (!is_dir).then_some(stat.mtime),
            atime: (!is_dir).then_some(stat.atime),
            n_errors: 0,
        });
        self
    }

    /// What the row of a directory has, of which these are the sums. One that could not be read has
    /// no totals, but the error that says why.
    pub(crate) fn totals(&self, contents: Contents) -> Option<TreeTotals> {
        let TreeSums { n_files, n_dirs, size, blocks, mtime, atime, n_errors } = *self;
        let errors = Some(n_errors);
        match contents {
            Contents::Counted { .. } => Some(TreeTotals {
                count: Some(n_files + n_dirs),
                files: Some(n_files),
                dirs: Some(n_dirs),
                size: Some(size),
                blocks: Some(blocks),
                mtime,
                atime,
                errors,
            }),
            _ if n_errors > 0 => Some(TreeTotals { errors, ..TreeTotals::default() }),
            _ => None,
        }
    }
}

/// A directory of which something is still to come: its own entries, or what is below it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) above: Above,
    /// Bytes of its path with the closing slash.
    pub(crate) path_len: usize,
    pub(crate) depth: i32,
    pub(crate) parent_inode: u64,
    pub(crate) stat: Stat,
    state: Mutex<State>,
}

/// Where the sums of a directory go.
#[derive(Debug)]
pub(crate) enum Above {
    /// It is a root.
    Nothing,
    /// Its parent directory.
    Dir(Arc<Tree>),
    /// Its parent directory, which an earlier run has left open under this number.
    Left(u64),
}

#[derive(Debug)]
struct State {
    /// The directory itself while it is read, and subdirectories that wait, or are open.
    n_open: usize,
    /// Written with the end of its reading.
    contents: Contents,
    /// Without the directory itself.
    sums: TreeSums,
    /// Under which it is left open, if it is.
    number: Option<u64>,
}

/// A directory below which nothing is to come.
#[derive(Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) contents: Contents,
    /// Without the directory itself.
    pub(crate) sums: TreeSums,
}

impl Tree {
    /// A directory that is about to be read.
    pub(crate) fn new(
        above: Above,
        path_len: usize,
        depth: i32,
        parent_inode: u64,
        stat: Stat,
    ) -> Arc<Tree> {
        let state = State {
            n_open: 1,
            contents: Contents::Unread,
            sums: TreeSums::default(),
            number: None,
        };
        Arc::new(Tree { above, path_len, depth, parent_inode, stat, state: Mutex::new(state) })
    }

    /// Adds what a slice has found, and how many subdirectories will be closed; before they are
    /// visible to other workers, and before the slice is released.
    pub(crate) fn add(&self, sums: &TreeSums, n_waiting: usize) {
        let mut state = lock(&self.state);
        state.sums.add(sums);
        state.n_open += n_waiting;
    }

    /// Its reading has ended. If that closes it, what was found.
    pub(crate) fn end_reading(&self, contents: Contents) -> Option<Closed> {
        let mut state = lock(&self.state);
        state.contents = contents;
        state.end_one()
    }

    /// A subdirectory is closed, which itself is in these sums. The same.
    pub(crate) fn end_below(&self, sums: &TreeSums) -> Option<Closed> {
        let mut state = lock(&self.state);
        state.sums.add(sums);
        state.end_one()
    }

    /// The number under which it is left open, and whether it has none yet: then it gets this one.
    pub(crate) fn number(&self, next: u64) -> (u64, bool) {
        let mut state = lock(&self.state);
        let is_new = state.number.is_none();
        (*state.number.get_or_insert(next), is_new)
    }

    /// What is known so far, and how many subdirectories are to come.
    pub(crate) fn so_far(&self) -> (Closed, usize) {
        let state = lock(&self.state);
        (Closed { contents: state.contents, sums: state.sums }, state.n_open)
    }
}

impl State {
    fn end_one(&mut self) -> Option<Closed> {
        self.n_open -= 1;
        let State { n_open, contents, sums, number: _ } = *self;
        (n_open == 0).then_some(Closed { contents, sums })
    }
}

impl Drop for Tree {
    /// One after the other: a walk that is cancelled drops chains of any length.
    fn drop(&mut self) {
        let mut above = std::mem::replace(&mut self.above, Above::Nothing);
        while let Above::Dir(tree) = above {
            let Some(mut tree) = Arc::into_inner(tree) else { return };
            above = std::mem::replace(&mut tree.above, Above::Nothing);
        }
    }
}
