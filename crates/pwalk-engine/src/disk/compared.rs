//! Ways of reading a disk that a walk does without: readdir(3), fstatat(2), O_DIRECT and
//! posix_fadvise(2). Each was measured as useless or worse (the numbers stand in
//! `crates/pwalk-sys/src/compared.rs`); it is off unless a user asks for it, to compare. Whoever
//! wants to know how a walk works need not read on.

use super::to_stat;
use crate::disk::DiskDir;
use crate::entry::{Kind, Stat};
use crate::listing::Listing;
use crate::source::At;
use pwalk_sys::{Errno, Links, OwnedFd};
use std::ffi::CStr;

/// Which of them are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Names are read by readdir(3), a whole directory at once.
    pub reads_by_readdir: bool,
    /// Inodes are read by fstatat(2): all fields, but no creation time.
    pub stats_by_fstatat: bool,
    /// Directories are opened with O_DIRECT where the kernel allows it.
    pub opens_direct: bool,
    /// How much of each directory is announced to be read, bytes; 0 for not at all.
    pub readahead_bytes: u64,
}

impl Compared {
    /// Opens a directory, if it is to be opened in a way of this file.
    pub(super) fn open(
        &self,
        at: &At<'_, DiskDir>,
        links: Links,
    ) -> Option<Result<OwnedFd, Errno>> {
        self.opens_direct.then(|| match at.parent {
            Some((parent, name)) => pwalk_sys::open_directory_direct(parent, name, links),
            None => pwalk_sys::open_directory_direct_by_path(at.path, links),
        })
    }

    /// Announces that a directory will be read.
    pub(super) fn announce(&self, dir: &OwnedFd) {
        if self.readahead_bytes > 0 {
            pwalk_sys::announce_read(dir, self.readahead_bytes);
        }
    }

    /// Reads a whole directory.
    pub(super) fn read(dir: &DiskDir, listing: &mut Listing) -> Result<(), Errno> {
        let mut pushed = Ok(());
        pwalk_sys::read_all_names(dir, |ino, kind, name| {
            pushed = pushed.and_then(|()| listing.push(ino, Kind::from_dirent_type(kind), name));
        })?;
        pushed
    }

    /// Reads an inode.
    pub(super) fn stat(dir: &DiskDir, name: &CStr, links: Links) -> Result<Stat, Errno> {
        pwalk_sys::fstat_at(dir, name, links).map(to_stat)
    }
}
