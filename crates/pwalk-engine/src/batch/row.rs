//! One row of a batch, read from its columns.
//!
//! Owns what follows from a row and the directory that it is in: its path, depth and parent. Changes
//! nothing.

use super::{Batch, BatchDir, Contents};
use crate::entry::{Kind, Stat};
use crate::tree::TreeTotals;

/// One row of a batch.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub(super) batch: &'a Batch,
    pub(super) index: usize,
    pub(super) dir: &'a BatchDir,
    pub(super) dir_index: usize,
}

impl<'a> Row<'a> {
    /// The row's place in its batch.
    #[inline]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Which of the batch's directories it is in, or is: rows with the same number in the
    /// same batch share `dir_path`.
    #[inline]
    pub fn dir_index(&self) -> usize {
        self.dir_index
    }

    /// True if the row is the directory `dir_path` itself.
    #[inline]
    pub fn is_dir_itself(&self) -> bool {
        self.batch.name[self.index].len == 0
    }

    /// The path of the directory that it is in, or is, with a trailing slash.
    #[inline]
    pub fn dir_path(&self) -> &'a [u8] {
        self.batch.bytes(self.dir.path)
    }

    /// The inode of that directory.
    #[inline]
    pub fn dir_inode(&self) -> u64 {
        self.dir.inode
    }

    /// The depth of that directory.
    #[inline]
    pub fn dir_depth(&self) -> i32 {
        self.dir.depth
    }

    /// What that directory passes on ([`crate::Inherit`]): its own number, or else what it got.
    #[inline]
    pub fn inherited(&self) -> Option<u32> {
        self.dir.inherited
    }

    /// Its name in that directory; empty if it is that directory.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.batch.bytes(self.batch.name[self.index])
    }

    /// The two pieces that make up its path.
    #[inline]
    pub fn path_parts(&self) -> (&'a [u8], &'a [u8]) {
        if self.is_dir_itself() {
            (own_path(self.dir_path()), b"")
        } else {
            (self.dir_path(), self.name())
        }
    }

    /// Its path.
    pub fn path(&self) -> Vec<u8> {
        let (dir, name) = self.path_parts();
        [dir, name].concat()
    }

    /// The last component of its path.
    #[inline]
    pub fn last_component(&self) -> &'a [u8] {
        if self.is_dir_itself() { name_of_dir(self.dir_path()) } else { self.name() }
    }

    /// -1 for a root; 0 for an entry directly in a root.
    #[inline]
    pub fn depth(&self) -> i32 {
        self.dir.depth.saturating_add(i32::from(!self.is_dir_itself()))
    }

    /// Inode of the parent directory; 0 for a root.
    #[inline]
    pub fn parent_inode(&self) -> u64 {
        if self.is_dir_itself() { self.dir.parent_inode } else { self.dir.inode }
    }

    /// Its kind.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.batch.kind[self.index]
    }

    /// The totals of its subtree, for a directory of which there are some.
    pub fn tree(&self) -> Option<&'a TreeTotals> {
        let trees = &self.batch.trees;
        let place = trees.binary_search_by_key(&self.index, |(row, _)| *row as usize);
        place.ok().map(|place| &trees[place].1)
    }

    /// What is known of its content.
    #[inline]
    pub fn contents(&self) -> Contents {
        self.batch.contents[self.index]
    }

    /// Its inode, put together from the columns that the batch has; 0 elsewhere.
    pub fn stat(&self) -> Stat {
        fn at<T: Copy + Default>(column: &[T], index: usize) -> T {
            column.get(index).copied().unwrap_or_default()
        }
        let (batch, index) = (self.batch, self.index);
        Stat {
            ino: at(&batch.inode, index),
            dev: at(&batch.dev, index),
            size: at(&batch.size, index),
            blocks: at(&batch.blocks, index),
            mode: at(&batch.mode, index),
            nlink: at(&batch.nlink, index),
            uid: at(&batch.uid, index),
            gid: at(&batch.gid, index),
            atime: at(&batch.atime, index),
            mtime: at(&batch.mtime, index),
            ctime: at(&batch.ctime, index),
            btime: at(&batch.btime, index),
            nanos: at(&batch.nanos, index),
            rdev: at(&batch.rdev, index),
            blksize: at(&batch.blksize, index),
            is_automount: false,
        }
    }

    /// Where it points to, for a link that was read; empty otherwise.
    #[inline]
    pub fn target(&self) -> &'a [u8] {
        self.batch.target.get(self.index).map_or(b"", |span| self.batch.bytes(*span))
    }
}

/// Apart, so that what most rows need is inlined: with a call for each, a CSV took 0.8% more
/// instructions.
#[cold]
fn name_of_dir(path: &[u8]) -> &[u8] {
    let path = own_path(path);
    let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    &path[start..]
}

/// The path of a directory without its closing slash, but for `/` itself.
fn own_path(path: &[u8]) -> &[u8] {
    match path {
        b"/" => path,
        _ => &path[..path.len() - 1],
    }
}
