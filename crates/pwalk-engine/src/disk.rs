//! The source that every user means: the files of this machine, read with getdents64 and statx.

mod compared;
mod working;

pub use compared::Compared;

use crate::entry::{Fields, Kind, Stat};
use crate::listing::Listing;
use crate::source::{Asked, At, Base, Known, Source};
use crate::tuning::Asking;
use pwalk_sys::{
    Access, AsFd, BorrowedFd, Caller, DescriptorLimit, Dirents, Errno, Freshness, Links, OwnedFd,
    RawStat, StatMask,
};
use std::ffi::CStr;

/// Reads real directories.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Whether attributes must come from the server, never from a cache.
    pub is_strict: bool,
    /// How a filesystem is asked of which nothing else is known.
    pub asking: Asking,
    /// Who asks.
    pub caller: Caller,
    /// Whether inodes are read through an io_uring, a slice at once: not in a walk that may only make
    /// so many requests per second.
    pub uses_ring: bool,
    /// Mechanisms that exist only for comparison.
    pub compared: Compared,
}

impl Disk {
    /// A disk of which nothing is known.
    pub fn new() -> Disk {
        Disk {
            is_strict: false,
            asking: Asking::default(),
            caller: Caller::current(),
            uses_ring: false,
            compared: Compared::default(),
        }
    }

    fn freshness(&self, asking: Asking) -> Freshness {
        match (self.is_strict, asking.takes_cached) {
            (true, _) => Freshness::Forced,
            (false, true) => Freshness::Cached,
            (false, false) => Freshness::AsStat,
        }
    }
}

impl Default for Disk {
    fn default() -> Self {
        Disk::new()
    }
}

/// An open directory of a disk.
#[derive(Debug)]
pub struct DiskDir {
    file: OwnedFd,
    /// Of the inodes of its entries.
    freshness: Freshness,
}

impl AsFd for DiskDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Source for Disk {
    type Dir = DiskDir;

    fn open(&self, at: At<'_, DiskDir>, links: Links) -> Result<DiskDir, Errno> {
        self.open_known(at, links, &Known { asking: self.asking, owner: None })
    }

    fn open_known(
        &self,
        at: At<'_, DiskDir>,
        links: Links,
        known: &Known,
    ) -> Result<DiskDir, Errno> {
        let may_be_quiet = known.owner.is_none_or(|owner| self.caller.owns(owner));
        let access = match known.asking.opens_quietly && may_be_quiet {
            true => Access::ReadQuietly,
            false => Access::Read,
        };
        let file = self.compared.open(&at, links).unwrap_or_else(|| match at.parent {
            Some((parent, name)) => pwalk_sys::open_directory(parent, name, access, links),
            None => pwalk_sys::open_directory_by_path(at.path, access, links),
        })?;
        self.compared.announce(&file);
        Ok(DiskDir { file, freshness: self.freshness(known.asking) })
    }

    fn working_directory(&self) -> Base<DiskDir> {
        working::directory(self)
    }

    fn n_spare(&self, dir: &DiskDir, limit: &mut DescriptorLimit) -> u64 {
        limit.n_spare(dir)
    }

    fn read(
        &self,
        dir: &DiskDir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        if self.compared.reads_by_readdir {
            match Compared::read(dir, listing) {
                // It needs a descriptor more, getdents64 doesn't.
                Err(Errno::MFILE | Errno::NFILE) => {}
                result => return result.map(|()| false),
            }
        }
        scratch.clear();
        scratch.reserve_exact(buffer_len);
        // What is not written costs no memory.
        let read = pwalk_sys::read_dirents(dir, &mut scratch.spare_capacity_mut()[..buffer_len])?;
        for entry in Dirents::new(read) {
            let entry = entry.map_err(|_| Errno::UCLEAN)?;
            listing.push(entry.ino, Kind::from_dirent_type(entry.kind), entry.name)?;
        }
        Ok(!read.is_empty())
    }

    #[inline]
    fn stat(&self, dir: &DiskDir, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        if self.compared.stats_by_fstatat {
            return Compared::stat(dir, name, links);
        }
        if self.uses_ring
            && let Some(stats) =
                pwalk_sys::stat_by_ring(dir, &[name], links, mask(want), dir.freshness)
            && let Some(stat) = stats.into_iter().next()
        {
            return stat.map(to_stat);
        }
        pwalk_sys::stat_at(dir, name, links, mask(want), dir.freshness).map(to_stat)
    }

    fn stat_slice(
        &self,
        dir: &DiskDir,
        asked: &Asked<'_>,
        mut may_ask: impl FnMut(usize) -> bool,
        answers: &mut Vec<Result<Stat, Errno>>,
    ) {
        let mask = mask(asked.fields);
        if self.uses_ring {
            // Not one that may be a mount point: what hangs is then said of the whole directory.
            let is_dir = |index: &&u32| asked.listing.kind(**index as usize) == Kind::Dir;
            let first = asked.wanted.iter().find(|index| !is_dir(index));
            let Some(&first) = first.or(asked.wanted.first()) else { return };
            let names: Vec<&CStr> = asked.names().collect();
            // A thread for which there is no ring does without.
            if may_ask(first as usize)
                && let Some(stats) =
                    pwalk_sys::stat_by_ring(dir, &names, asked.links, mask, dir.freshness)
            {
                return answers.extend(stats.into_iter().map(|stat| stat.map(to_stat)));
            }
        }
        if self.compared.stats_by_fstatat {
            return asked
                .one_by_one(may_ask, answers, |name| Compared::stat(dir, name, asked.links));
        }
        asked.one_by_one(may_ask, answers, |name| {
            pwalk_sys::stat_at(dir, name, asked.links, mask, dir.freshness).map(to_stat)
        });
    }

    fn stat_dir(&self, dir: &DiskDir, want: Fields) -> Result<Stat, Errno> {
        pwalk_sys::stat_open(dir, mask(want), dir.freshness).map(to_stat)
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        pwalk_sys::stat_by_path(path, links, mask(want), self.freshness(self.asking)).map(to_stat)
    }

    fn ping(&self, path: &[u8]) {
        let _ = pwalk_sys::stat_by_path(path, Links::Follow, StatMask::SIZE, Freshness::Forced);
    }

    fn read_link(&self, dir: &DiskDir, name: &CStr) -> Result<Vec<u8>, Errno> {
        pwalk_sys::read_link(dir, name)
    }
}

/// What the kernel must be asked for the fields that are wanted.
fn mask(want: Fields) -> StatMask {
    const MASKS: [(Fields, StatMask); 10] = [
        (Fields::INODE, StatMask::INODE),
        (Fields::OWNER, StatMask::OWNER),
        (Fields::SIZE.union(Fields::SIZE_SUM), StatMask::SIZE),
        (Fields::BLOCKS, StatMask::BLOCKS),
        (Fields::LINKS, StatMask::LINKS),
        (Fields::MODE, StatMask::MODE),
        (Fields::ATIME, StatMask::ATIME),
        (Fields::MTIME, StatMask::MTIME),
        (Fields::CTIME, StatMask::CTIME),
        (Fields::BTIME, StatMask::BTIME),
    ];
    let wanted = MASKS.iter().filter(|(field, _)| want.intersects(*field));
    wanted.fold(StatMask::TYPE, |all, (_, mask)| all.union(*mask))
}

#[inline]
fn to_stat(raw: RawStat) -> Stat {
    let RawStat { ino, dev, size, blocks, mode, nlink, uid, gid, .. } = raw;
    let RawStat { atime, mtime, ctime, btime, nanos, rdev, blksize, is_automount, .. } = raw;
    Stat {
        ino,
        dev,
        size,
        blocks,
        mode,
        nlink,
        uid,
        gid,
        atime,
        mtime,
        ctime,
        btime,
        nanos,
        rdev,
        blksize,
        is_automount,
    }
}
