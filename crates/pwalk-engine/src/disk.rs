//! The source that every user means: the files of this machine.

use crate::entry::{Fields, Kind, Stat};
use crate::listing::Listing;
use crate::source::{At, Source};
use pwalk_sys::{Access, Dirents, Errno, Links, OldStat, OwnedFd, RawStat, StatxFlags};
use std::ffi::CStr;

/// Reads real directories with getdents64 and statx.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Bytes of one getdents64 buffer.
    pub buffer_bytes: usize,
    /// Whether a network filesystem must answer with fresh attributes (never from its cache).
    pub is_strict: bool,
    /// How names are read.
    pub names_by: NamesBy,
    /// How inodes are read.
    pub stat_by: StatBy,
    /// Whether directories are opened with O_DIRECT where the kernel allows it.
    pub tries_direct: bool,
    /// How much of each directory is announced to be read, bytes; 0 for not at all.
    pub readahead_bytes: u64,
}

/// How names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesBy {
    /// getdents64 into a buffer of ours.
    Getdents,
    /// readdir(3), a whole directory at once.
    Readdir,
}

/// How inodes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatBy {
    /// statx with a mask of the fields that are needed.
    Statx,
    /// fstatat: all fields, but no creation time.
    Fstatat,
    /// statx through an io_uring, one request at a time.
    IoUring,
}

impl Source for Disk {
    type Dir = OwnedFd;

    fn open(&self, at: At<'_, OwnedFd>, links: Links) -> Result<OwnedFd, Errno> {
        let access = if self.tries_direct { Access::ReadDirect } else { Access::Read };
        let dir = match at.parent {
            Some((parent, name)) => pwalk_sys::open_directory(parent, name, access, links),
            None => pwalk_sys::open_directory_by_path(at.path, access, links),
        }?;
        if self.readahead_bytes > 0 {
            pwalk_sys::announce_read(&dir, self.readahead_bytes);
        }
        Ok(dir)
    }

    fn read(
        &self,
        dir: &OwnedFd,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        if self.names_by == NamesBy::Readdir {
            pwalk_sys::read_all_names(dir, |ino, kind, name| {
                listing.push(ino, Kind::from_dirent_type(kind), name);
            })?;
            return Ok(false);
        }
        scratch.resize(self.buffer_bytes, 0);
        let n_read = pwalk_sys::read_dirents(dir, scratch)?;
        for entry in Dirents::new(&scratch[..n_read]) {
            let entry = entry.map_err(|_| Errno::UCLEAN)?;
            listing.push(entry.ino, Kind::from_dirent_type(entry.kind), entry.name);
        }
        Ok(n_read > 0)
    }

    #[inline]
    fn stat(&self, dir: &OwnedFd, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        match self.stat_by {
            StatBy::Statx => {
                pwalk_sys::stat_at(dir, name, links, statx_mask(want), self.is_strict).map(from_raw)
            }
            StatBy::Fstatat => pwalk_sys::fstat_at(dir, name, links).map(from_old),
            StatBy::IoUring => {
                pwalk_sys::stat_by_ring(dir, name, links, statx_mask(want), self.is_strict)
                    .map(from_raw)
            }
        }
    }

    fn stat_dir(&self, dir: &OwnedFd, want: Fields) -> Result<Stat, Errno> {
        pwalk_sys::stat_open(dir, statx_mask(want), self.is_strict).map(from_raw)
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        pwalk_sys::stat_by_path(path, links, statx_mask(want), self.is_strict).map(from_raw)
    }

    fn read_link(&self, dir: &OwnedFd, name: &CStr) -> Result<Vec<u8>, Errno> {
        pwalk_sys::read_link(dir, name)
    }
}

/// The bits of statx(2) that bring the fields asked for. The type is always among them.
fn statx_mask(want: Fields) -> StatxFlags {
    const BITS: [(Fields, StatxFlags); 10] = [
        (Fields::INODE, StatxFlags::INO),
        (Fields::OWNER, StatxFlags::UID.union(StatxFlags::GID)),
        (Fields::SIZE.union(Fields::SIZE_SUM), StatxFlags::SIZE),
        (Fields::BLOCKS, StatxFlags::BLOCKS),
        (Fields::LINKS, StatxFlags::NLINK),
        (Fields::MODE, StatxFlags::MODE),
        (Fields::ATIME, StatxFlags::ATIME),
        (Fields::MTIME, StatxFlags::MTIME),
        (Fields::CTIME, StatxFlags::CTIME),
        (Fields::BTIME, StatxFlags::BTIME),
    ];
    let wanted = BITS.iter().filter(|(field, _)| want.intersects(*field));
    wanted.fold(StatxFlags::TYPE, |mask, (_, bits)| mask | *bits)
}

/// What fstatat knows.
fn from_old(old: OldStat) -> Stat {
    Stat {
        ino: old.st_ino,
        dev: old.st_dev,
        size: old.st_size,
        blocks: old.st_blocks,
        mode: old.st_mode,
        nlink: old.st_nlink as u32,
        uid: old.st_uid,
        gid: old.st_gid,
        atime: old.st_atime,
        mtime: old.st_mtime,
        ctime: old.st_ctime,
        btime: None,
        nanos: [old.st_atime_nsec as u32, old.st_mtime_nsec as u32, old.st_ctime_nsec as u32, 0],
        rdev: old.st_rdev,
        blksize: old.st_blksize as u32,
        is_automount: false,
    }
}

#[inline]
fn from_raw(raw: RawStat) -> Stat {
    let has_btime = raw.stx_mask & StatxFlags::BTIME.bits() != 0;
    Stat {
        ino: raw.stx_ino,
        dev: pwalk_sys::make_device(raw.stx_dev_major, raw.stx_dev_minor),
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
        rdev: pwalk_sys::make_device(raw.stx_rdev_major, raw.stx_rdev_minor),
        blksize: raw.stx_blksize,
        is_automount: raw.stx_attributes.contains(pwalk_sys::ATTR_AUTOMOUNT),
    }
}
