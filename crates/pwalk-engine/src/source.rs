//! Where entries come from and where they go: the two sides of the engine.
//!
//! A [`Source`] reads directories and inodes; the disk is one, and tests bring a tree that lies
//! in memory, delays, and fails on purpose. A source answers one question at a time and decides
//! nothing: retries, filters, and what an error means are the walk's.

use crate::batch::Batch;
use crate::entry::{Fields, Stat};
use crate::listing::Listing;
use pwalk_sys::{Errno, Links};
use std::ffi::CStr;

/// How to reach a directory that is to be opened.
#[derive(Debug)]
pub struct At<'a, D> {
    /// The parent, if it is still open, and the name in it. Cheaper than the path, and safe
    /// against a parent that is moved.
    pub parent: Option<(&'a D, &'a CStr)>,
    /// The whole path, of any length, without a closing slash (but for `/`).
    pub path: &'a [u8],
}

/// Reads directories and inodes. Called by many workers at once.
pub trait Source: Sync {
    /// An open directory.
    type Dir: Send + Sync;

    /// Opens a directory. A symbolic link is an error unless `links` says to follow it.
    fn open(&self, at: At<'_, Self::Dir>, links: Links) -> Result<Self::Dir, Errno>;

    /// Adds the directory's next entries to `listing`; `Ok(false)` is its end.
    ///
    /// One worker at a time asks this of a directory. After an error, what `listing` got is
    /// good. `scratch` belongs to the worker and may be used for whatever the source likes.
    fn read(
        &self,
        dir: &Self::Dir,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno>;

    /// Reads the inode of an entry.
    fn stat(&self, dir: &Self::Dir, name: &CStr, links: Links, want: Fields)
    -> Result<Stat, Errno>;

    /// Reads the inode of an open directory.
    fn stat_dir(&self, dir: &Self::Dir, want: Fields) -> Result<Stat, Errno>;

    /// Reads the inode at a path, of any length: for roots.
    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno>;

    /// Reads where a symbolic link points to.
    fn read_link(&self, dir: &Self::Dir, name: &CStr) -> Result<Vec<u8>, Errno>;
}

/// Takes batches, from many workers at once.
pub trait Sink: Sync {
    /// Why it can take no more. The first one ends the walk.
    type Error: Send;

    /// The facts that it needs of each entry.
    fn fields(&self) -> Fields;

    /// Takes a batch. It may take the batch's columns out; what it leaves is cleared.
    fn put(&self, batch: &mut Batch) -> Result<(), Self::Error>;
}
