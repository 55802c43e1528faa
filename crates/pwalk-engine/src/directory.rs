//! Directories of a running walk: waiting, open, and being finished.
//!
//! A directory that waits holds its name and its inode in the arena of its [`Siblings`], and
//! shares its parent. One that is open is a [`Dir`] behind an `Arc` with holders: the reader of
//! its names, and each slice of names. The holder that is released last writes its row.
//!
//! A descriptor is closed with the last `Arc` that needs it. Waiting directories keep their
//! parent's open while descriptors are plentiful, because openat from it is cheaper than the path
//! (1% at depth 3, 15% at depth 30); they can always do without.

use crate::descriptors::Handle;
use crate::entry::{FileId, Stat};
use crate::filesystems::FsIndex;
use crate::seen::Seen;
use crate::tree::{Tree, TreeSums};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What is known of a directory before it is opened, and stays true.
#[derive(Debug)]
pub(crate) struct DirInfo {
    /// Path with a closing slash.
    pub(crate) path: Box<[u8]>,
    /// How much of the path is the root, in bytes.
    pub(crate) root_len: usize,
    /// Device of the root; 0 in walks that don't ask for devices.
    pub(crate) root_dev: u64,
    /// The filesystem that it is on.
    pub(crate) fs: FsIndex,
    /// -1 for a root.
    pub(crate) depth: i32,
    /// Inode of the parent directory; 0 for a root.
    pub(crate) parent_inode: u64,
    /// Its own inode.
    pub(crate) stat: Stat,
    /// What it passes on ([`crate::Inherit`]).
    pub(crate) inherited: Option<u32>,
    /// The condition has decided against its row: nobody will see what it counts.
    pub(crate) has_no_row: bool,
    /// The directories above it and itself, in walks that follow links; `None` in others.
    pub(crate) ancestors: Option<Arc<[FileId]>>,
    /// Its totals, in walks for those; `None` in others.
    pub(crate) tree: Option<Arc<Tree>>,
}

impl DirInfo {
    /// The path without its closing slash, but for `/`.
    pub(crate) fn own_path(&self) -> &[u8] {
        match &*self.path {
            b"/" => b"/",
            path => &path[..path.len() - 1],
        }
    }

    /// True if following a link to `id` would lead back up.
    pub(crate) fn is_below(&self, id: FileId) -> bool {
        self.ancestors.as_ref().is_some_and(|ancestors| ancestors.contains(&id))
    }

    /// Counts something of it, or directly in it, that could not be seen.
    pub(crate) fn fail(&self) {
        if let Some(tree) = &self.tree {
            tree.add(&TreeSums::ERROR, 0);
        }
    }

    /// How many levels it lies below its root: 0 for a root.
    pub(crate) fn level(&self) -> u32 {
        (self.depth + 1) as u32
    }
}

/// A directory that is being read.
pub(crate) struct Dir<'w, D> {
    pub(crate) info: Arc<DirInfo>,
    pub(crate) handle: Arc<Handle<'w, D>>,
    /// Holders that are not released. The AcqRel of `release` makes the sums of every holder
    /// visible to the last one.
    n_holders: AtomicUsize,
    /// Direct entries so far.
    n_entries: AtomicI64,
    /// Sum of their sizes so far, bytes; stops at 2^63 - 1.
    size_sum: AtomicI64,
    /// Set when reading its names failed.
    pub(crate) has_failed: AtomicBool,
    /// Names delivered so far, while the directory waits for its next read. Only the reader
    /// touches it, so the lock is never contended.
    pub(crate) seen: Mutex<Seen>,
}

impl<'w, D> Dir<'w, D> {
    /// A directory with one holder: the reader.
    pub(crate) fn new(info: Arc<DirInfo>, handle: Handle<'w, D>) -> Self {
        Dir {
            info,
            handle: Arc::new(handle),
            n_holders: AtomicUsize::new(1),
            n_entries: AtomicI64::new(0),
            size_sum: AtomicI64::new(0),
            has_failed: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// Adds holders; called by one that is not released itself.
    pub(crate) fn add_holders(&self, n: usize) {
        self.n_holders.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds what a slice found.
    pub(crate) fn count(&self, n_entries: i64, size_sum: i64) {
        self.n_entries.fetch_add(n_entries, Ordering::Relaxed);
        let _ = self.size_sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| {
            Some(sum.saturating_add(size_sum))
        });
    }

    /// True for the last holder: all counts are in.
    pub(crate) fn release(&self) -> bool {
        self.n_holders.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Direct entries and the sum of their sizes, once the last holder is released.
    pub(crate) fn counts(&self) -> (i64, i64) {
        (self.n_entries.load(Ordering::Relaxed), self.size_sum.load(Ordering::Relaxed))
    }
}

/// Directories that wait to be opened, all found in the same parent and on one filesystem.
pub(crate) struct Siblings<'w, D> {
    pub(crate) parent: Arc<DirInfo>,
    pub(crate) fs: FsIndex,
    /// The parent's descriptor, kept only while descriptors are plenty.
    pub(crate) handle: Option<Arc<Handle<'w, D>>>,
    /// Their names, each with its NUL.
    names: Vec<u8>,
    waiting: Vec<Sibling>,
}

struct Sibling {
    /// Where its name starts; it ends where `names` does once all later ones are taken.
    name_start: usize,
    stat: Stat,
}

impl<'w, D> Siblings<'w, D> {
    pub(crate) fn new(
        parent: Arc<DirInfo>,
        fs: FsIndex,
        handle: Option<Arc<Handle<'w, D>>>,
    ) -> Self {
        Siblings { parent, fs, handle, names: Vec::new(), waiting: Vec::new() }
    }

    pub(crate) fn push(&mut self, name: &CStr, stat: Stat) {
        self.waiting.push(Sibling { name_start: self.names.len(), stat });
        self.names.extend_from_slice(name.to_bytes_with_nul());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes out the last one.
    pub(crate) fn pop(&mut self) -> Option<(CString, Stat)> {
        let Sibling { name_start, stat } = self.waiting.pop()?;
        let name = self.names.split_off(name_start);
        let name = CString::from_vec_with_nul(name).expect("a name ends in its NUL");
        Some((name, stat))
    }
}
