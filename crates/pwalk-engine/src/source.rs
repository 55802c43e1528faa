//! Where entries come from and where they go: the two sides of the engine.
//!
//! A [`Source`] reads directories and inodes; the disk is one, and tests bring a tree that lies
//! in memory, delays, and fails on purpose. A source answers and decides nothing: retries,
//! filters, and what an error means are the walk's.
//!
//! Inodes are asked by the slice, so that a source can have many requests on their way at once, or
//! answer from what it has read in bulk. One that can't answers one after the other.

use crate::batch::Batch;
use crate::entry::{Fields, Stat};
use crate::listing::Listing;
use crate::tuning::Asking;
use pwalk_sys::{DescriptorLimit, Errno, Links};
use std::ffi::CStr;
use std::sync::Arc;

/// How to reach a directory that is to be opened.
#[derive(Debug)]
pub struct At<'a, D> {
    /// The parent, if it is still open, and the name in it. Cheaper than the path, and safe
    /// against a parent that is moved.
    pub parent: Option<(&'a D, &'a CStr)>,
    /// The whole path, of any length, without a closing slash (but for `/`).
    pub path: &'a [u8],
}

/// What is known of a directory before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How the filesystem that it is on is asked.
    pub asking: Asking,
    /// Who owns it, if that was asked.
    pub owner: Option<u32>,
}

/// Entries of a directory whose inodes are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What the directory says of its entries.
    pub listing: &'a Listing,
    /// Which of them are wanted: numbers in `listing`, ascending.
    pub wanted: &'a [u32],
    /// Whether what a symbolic link leads to is wanted.
    pub links: Links,
    /// What is wanted of each inode.
    pub fields: Fields,
}

impl<'a> Asked<'a> {
    /// The names of those wanted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &'a CStr> {
        let listing = self.listing;
        self.wanted.iter().map(move |&index| listing.get(index as usize).name)
    }

    /// Asks one after the other, as long as `may_ask`.
    #[inline]
    pub fn one_by_one(
        &self,
        mut may_ask: impl FnMut(usize) -> bool,
        answers: &mut Vec<Result<Stat, Errno>>,
        mut stat: impl FnMut(&CStr) -> Result<Stat, Errno>,
    ) {
        answers.reserve(self.wanted.len());
        for &index in self.wanted {
            if !may_ask(index as usize) {
                return;
            }
            answers.push(stat(self.listing.get(index as usize).name));
        }
    }
}

/// What relative paths begin at.
#[derive(Debug)]
pub enum Base<D> {
    /// Where the process works when they are used.
    None,
    /// This directory.
    Dir(Arc<D>),
    /// The directory at this path, since no descriptor is to be kept.
    Path(Vec<u8>),
}

impl<D> Clone for Base<D> {
    fn clone(&self) -> Self {
        match self {
            Base::None => Base::None,
            Base::Dir(dir) => Base::Dir(dir.clone()),
            Base::Path(path) => Base::Path(path.clone()),
        }
    }
}

/// Reads directories and inodes. Called by many workers at once.
pub trait Source: Sync {
    /// An open directory.
    type Dir: Send + Sync;

    /// Opens a directory. A symbolic link is an error unless `links` says to follow it.
    fn open(&self, at: At<'_, Self::Dir>, links: Links) -> Result<Self::Dir, Errno>;

    /// The same of a directory of which something is known.
    fn open_known(
        &self,
        at: At<'_, Self::Dir>,
        links: Links,
        _known: &Known,
    ) -> Result<Self::Dir, Errno> {
        self.open(at, links)
    }

    /// The directory that the process works in now.
    fn working_directory(&self) -> Base<Self::Dir> {
        let dir = self.open(At { parent: None, path: b"." }, Links::Follow);
        dir.map_or(Base::None, |dir| Base::Dir(Arc::new(dir)))
    }

    /// How many descriptors are left to the process after this one; many unless the source knows.
    fn n_spare(&self, _dir: &Self::Dir, _limit: &mut DescriptorLimit) -> u64 {
        u64::MAX
    }

    /// Adds the directory's next entries to `listing`; `Ok(false)` is its end.
    ///
    /// One worker at a time asks this of a directory. After an error, what `listing` got is
    /// good. A request should bring about `buffer_len` bytes. `scratch` belongs to the worker and
    /// may be used for whatever the source likes.
    fn read(
        &self,
        dir: &Self::Dir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno>;

    /// Reads the inode of an entry.
    fn stat(&self, dir: &Self::Dir, name: &CStr, links: Links, want: Fields)
    -> Result<Stat, Errno>;

    /// Reads the inodes of some entries: pushes the answers, in the order of `asked.wanted`. What
    /// gets none is asked by `stat`.
    ///
    /// Tells `may_ask` the number in the listing of each entry before it is asked, and asks nothing
    /// more once that says no: the walk was cancelled. Entries that are asked at once are told as
    /// one; a walk that may only make so many requests a second has none of these.
    fn stat_slice(
        &self,
        dir: &Self::Dir,
        asked: &Asked<'_>,
        may_ask: impl FnMut(usize) -> bool,
        answers: &mut Vec<Result<Stat, Errno>>,
    ) {
        let stat = |name: &CStr| self.stat(dir, name, asked.links, asked.fields);
        asked.one_by_one(may_ask, answers, stat);
    }

    /// Reads the inode of an open directory.
    fn stat_dir(&self, dir: &Self::Dir, want: Fields) -> Result<Stat, Errno>;

    /// Reads the inode at a path, of any length: for roots.
    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno>;

    /// Asks whatever the filesystem of a path must answer itself, and waits for the answer.
    fn ping(&self, path: &[u8]) {
        let _ = self.stat_path(path, Links::Follow, Fields::SIZE);
    }

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
