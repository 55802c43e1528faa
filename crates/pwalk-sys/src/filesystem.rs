//! Which filesystem a path is on, and how full of inodes it is.

use crate::errno::Errno;
use crate::mounts::Mount;
use crate::open::split_long_path;
use rustix::fs::{CWD, Mode, OFlags, StatFs, fstatfs, openat, statfs};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A mounted filesystem, as statfs(2) and the mount table describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFilesystem {
    /// `f_type` of statfs: the magic number of the filesystem's kind.
    pub magic: u64,
    /// The mount it was found under; `None` where /proc is not mounted.
    pub mount: Option<Mount>,
    /// Inodes that the filesystem can hold; 0 where it has no such bound (btrfs) or won't say.
    pub n_inodes: u64,
    /// Inodes not in use; means nothing where `n_inodes` is 0.
    pub n_inodes_free: u64,
}

impl RawFilesystem {
    /// Inodes in use, where the filesystem counts them.
    pub fn n_inodes_used(&self) -> Option<u64> {
        (self.n_inodes > 0).then(|| self.n_inodes.saturating_sub(self.n_inodes_free))
    }
}

/// The filesystem that `path` is on, by the mount table.
pub fn filesystem(table: &[Mount], path: &Path) -> Result<RawFilesystem, Errno> {
    let stat = match statfs(path) {
        Err(rustix::io::Errno::NAMETOOLONG) => statfs_in_pieces(path)?,
        stat => stat?,
    };
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let resolved = path.canonicalize().unwrap_or_else(|_| absolute());
    Ok(RawFilesystem {
        magic: u64::from(stat.f_type as u32),
        mount: innermost_mount(table, &resolved).cloned(),
        n_inodes: stat.f_files,
        n_inodes_free: stat.f_ffree,
    })
}

/// True for an open file of an overlay, where an inode of a lower layer gets another time of birth
/// with the first change: it is copied.
pub fn is_in_overlay(file: impl AsFd) -> bool {
    const OVERLAY: u32 = 0x794c_7630;
    fstatfs(file).is_ok_and(|stat| stat.f_type as u32 == OVERLAY)
}

/// The same beyond PATH_MAX.
fn statfs_in_pieces(path: &Path) -> Result<StatFs, Errno> {
    let (parent, name) = split_long_path(path.as_os_str().as_bytes())?;
    let parent = parent.as_ref().map_or(CWD, |parent| parent.as_fd());
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    Ok(fstatfs(openat(parent, &name, flags, Mode::empty())?)?)
}

/// The mount with the longest path above `path`; of several on one point, the last covers.
pub fn innermost_mount<'a>(table: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let is_above = |mount: &&Mount| path.starts_with(std::ffi::OsStr::from_bytes(&mount.point));
    table.iter().filter(is_above).max_by_key(|mount| mount.point.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::mounts;

    #[test]
    fn proc_is_found_by_magic_and_by_mount() {
        let found = filesystem(&mounts().unwrap(), Path::new("/proc/self")).unwrap();
        assert_eq!(found.magic, 0x9fa0);
        assert_eq!(found.mount.unwrap().fs_type, "proc");
    }

    #[test]
    fn a_missing_path_is_an_error() {
        assert_eq!(filesystem(&[], Path::new("/no/such/path")).unwrap_err(), Errno::NOENT);
    }
}
