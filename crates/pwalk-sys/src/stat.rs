//! statx and readlink.
//!
//! How fresh attributes must be is up to the caller. AT_NO_AUTOMOUNT always: looking at an automount
//! point must not mount it.

use crate::errno::Errno;
use crate::open::split_long_path;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, Statx, StatxAttributes, StatxFlags, readlinkat, statx};
use rustix::io::retry_on_intr;
use std::ffi::CStr;

/// Facts about an inode that statx(2) can be asked for. The type and the device are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatMask(StatxFlags);

impl StatMask {
    /// The type alone.
    pub const TYPE: StatMask = StatMask(StatxFlags::TYPE);
    /// Inode number.
    pub const INODE: StatMask = StatMask(StatxFlags::INO);
    /// User and group.
    pub const OWNER: StatMask = StatMask(StatxFlags::UID.union(StatxFlags::GID));
    /// Apparent size.
    pub const SIZE: StatMask = StatMask(StatxFlags::SIZE);
    /// Allocated blocks.
    pub const BLOCKS: StatMask = StatMask(StatxFlags::BLOCKS);
    /// Hard links.
    pub const LINKS: StatMask = StatMask(StatxFlags::NLINK);
    /// Permission bits.
    pub const MODE: StatMask = StatMask(StatxFlags::MODE);
    /// Last access.
    pub const ATIME: StatMask = StatMask(StatxFlags::ATIME);
    /// Last change of the content.
    pub const MTIME: StatMask = StatMask(StatxFlags::MTIME);
    /// Last change of the inode.
    pub const CTIME: StatMask = StatMask(StatxFlags::CTIME);
    /// Creation.
    pub const BTIME: StatMask = StatMask(StatxFlags::BTIME);

    /// The facts of both.
    #[must_use]
    pub const fn union(self, other: StatMask) -> StatMask {
        StatMask(self.0.union(other.0))
    }

    pub(crate) fn flags(self) -> StatxFlags {
        self.0
    }
}

/// An inode as the kernel describes it. What was not asked for may be 0 or out of date.
#[derive(Clone, Copy, Debug)]
pub struct RawStat {
    /// Inode number.
    pub ino: u64,
    /// Device, as stat(2) encodes it.
    pub dev: u64,
    /// Apparent size, bytes.
    pub size: i64,
    /// Allocated size, units of 512 bytes.
    pub blocks: i64,
    /// Type and permission bits.
    pub mode: u32,
    /// Hard links.
    pub nlink: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last access, seconds since the epoch.
    pub atime: i64,
    /// Last change of the content, seconds since the epoch.
    pub mtime: i64,
    /// Last change of the inode, seconds since the epoch.
    pub ctime: i64,
    /// Creation, seconds since the epoch; `None` where the filesystem doesn't record it.
    pub btime: Option<i64>,
    /// Nanosecond parts of `atime`, `mtime`, `ctime` and `btime`.
    pub nanos: [u32; 4],
    /// The device that a device node refers to, as stat(2) encodes it.
    pub rdev: u64,
    /// Preferred size of reads and writes, bytes.
    pub blksize: u32,
    /// True for an automount point that nothing is mounted on yet.
    pub is_automount: bool,
}

impl RawStat {
    #[inline]
    pub(crate) fn from_statx(raw: &Statx) -> RawStat {
        let has_btime = raw.stx_mask & StatxFlags::BTIME.bits() != 0;
        RawStat {
            ino: raw.stx_ino,
            dev: make_device(raw.stx_dev_major, raw.stx_dev_minor),
            size: raw.stx_size as i64,
            blocks: raw.stx_blocks as i64,
            mode: u32::from(raw.stx_mode),
            nlink: raw.stx_nlink,
            uid: raw.stx_uid,
            gid: raw.stx_gid,
            atime: raw.stx_atime.tv_sec,
            mtime: raw.stx_mtime.tv_sec,
            ctime: raw.stx_ctime.tv_sec,
            btime: has_btime.then_some(raw.stx_btime.tv_sec),
            nanos: [raw.stx_atime, raw.stx_mtime, raw.stx_ctime, raw.stx_btime].map(|t| t.tv_nsec),
            rdev: make_device(raw.stx_rdev_major, raw.stx_rdev_minor),
            blksize: raw.stx_blksize,
            is_automount: raw.stx_attributes.contains(StatxAttributes::AUTOMOUNT),
        }
    }
}

/// What to do with a symbolic link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// The link itself is meant.
    Keep,
    /// What the link points to is meant.
    Follow,
}

/// How fresh attributes must be, where a client keeps those of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Whatever the client has, however old (AT_STATX_DONT_SYNC).
    Cached,
    /// As stat(2) gets them: what the client has, as long as its filesystem calls that valid.
    #[default]
    AsStat,
    /// From the server (AT_STATX_FORCE_SYNC).
    Forced,
}

/// Reads the inode of `name` in the directory `parent`.
// Always: it has several callers, and one that asks millions of inodes.
#[inline(always)]
pub fn stat_at(
    parent: impl AsFd,
    name: &CStr,
    links: Links,
    mask: StatMask,
    freshness: Freshness,
) -> Result<RawStat, Errno> {
    let flags = at_flags(links) | sync_flag(freshness);
    let stat = retry_on_intr(|| statx(&parent, name, flags, mask.flags()))?;
    Ok(RawStat::from_statx(&stat))
}

/// Reads the inode behind an open descriptor.
pub fn stat_open(file: impl AsFd, mask: StatMask, freshness: Freshness) -> Result<RawStat, Errno> {
    let flags = AtFlags::EMPTY_PATH | sync_flag(freshness);
    let stat = retry_on_intr(|| statx(&file, c"", flags, mask.flags()))?;
    Ok(RawStat::from_statx(&stat))
}

/// Reads the inode at `path`, of any length.
pub fn stat_by_path(
    path: &[u8],
    links: Links,
    mask: StatMask,
    freshness: Freshness,
) -> Result<RawStat, Errno> {
    let (ancestor, rest) = split_long_path(path)?;
    let at = ancestor.as_ref().map_or(CWD, |fd| fd.as_fd());
    stat_at(at, &rest, links, mask, freshness)
}

/// Where the symbolic link `name` in `parent` points to; bytes, of up to 4095.
pub fn read_link(parent: impl AsFd, name: &CStr) -> Result<Vec<u8>, Errno> {
    Ok(retry_on_intr(|| readlinkat(&parent, name, Vec::new()))?.into_bytes())
}

/// A device number in the encoding of `st_dev` in stat(2), from the two halves of statx(2).
pub(crate) fn make_device(major: u32, minor: u32) -> u64 {
    rustix::fs::makedev(major, minor)
}

/// True for the number of a filesystem that is on no device of its own (NFS, Lustre, btrfs, overlay):
/// the kernel makes one up with each mount.
pub fn is_made_up_device(dev: u64) -> bool {
    rustix::fs::major(dev) == 0
}

#[inline]
pub(crate) fn at_flags(links: Links) -> AtFlags {
    let links = match links {
        Links::Keep => AtFlags::SYMLINK_NOFOLLOW,
        Links::Follow => AtFlags::empty(),
    };
    links | AtFlags::NO_AUTOMOUNT
}

#[inline]
pub(crate) fn sync_flag(freshness: Freshness) -> AtFlags {
    match freshness {
        Freshness::Cached => AtFlags::STATX_DONT_SYNC,
        Freshness::AsStat => AtFlags::empty(),
        Freshness::Forced => AtFlags::STATX_FORCE_SYNC,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn statx_agrees_with_stat() {
        let mask = StatMask::INODE.union(StatMask::SIZE);
        let raw = stat_by_path(b"/proc/self/exe", Links::Follow, mask, Freshness::AsStat).unwrap();
        let metadata = std::fs::metadata("/proc/self/exe").unwrap();
        assert_eq!((raw.ino, raw.size as u64), (metadata.ino(), metadata.size()));
        assert_eq!(raw.dev, metadata.dev());
    }

    #[test]
    fn a_link_is_read_to_its_full_length() {
        let folder = tempfile::tempdir().unwrap();
        let target = "t/".repeat(2000);
        std::os::unix::fs::symlink(&target, folder.path().join("link")).unwrap();
        let directory = std::fs::File::open(folder.path()).unwrap();
        assert_eq!(read_link(&directory, c"link").unwrap(), target.as_bytes());
        assert_eq!(read_link(&directory, c"none").unwrap_err(), Errno::NOENT);
    }
}
