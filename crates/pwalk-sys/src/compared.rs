//! Mechanisms that a walk does without. Each was measured as useless or worse; it is off unless a
//! user asks for it, to compare. Nothing else in this crate uses them: to learn how a walk works,
//! there is no need to read on.
//!
//! * Names by readdir(3): no gain over getdents64.
//! * Inodes by fstatat(2): 1.4% slower than statx, and no creation times.
//! * O_DIRECT on directories: Linux filesystems refuse it (EINVAL).
//! * posix_fadvise(2) on directories: no effect.
//! * Output through a memory map: no gain (0.99).

#![allow(unsafe_code)]

use crate::errno::Errno;
use crate::open::{open_quietly, split_long_path};
use crate::stat::{Links, RawStat, at_flags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Advice, CWD, FallocateFlags, Mode, OFlags, fadvise, fallocate, openat, statat};
use rustix::io::retry_on_intr;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;

/// True if the kernel lets this directory be opened with O_DIRECT.
pub fn can_open_direct(path: &Path) -> bool {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::DIRECT;
    openat(CWD, path, flags, Mode::empty()).is_ok()
}

/// [`crate::open_directory`] with O_DIRECT, or without where the kernel refuses that.
pub fn open_directory_direct(
    parent: impl AsFd,
    name: &CStr,
    links: Links,
) -> Result<OwnedFd, Errno> {
    match open_quietly(&parent, name, OFlags::NONBLOCK | OFlags::DIRECT, links) {
        Err(Errno::INVAL) => open_quietly(parent, name, OFlags::NONBLOCK, links),
        result => result,
    }
}

/// [`crate::open_directory_by_path`] with O_DIRECT, or without where the kernel refuses that.
pub fn open_directory_direct_by_path(path: &[u8], links: Links) -> Result<OwnedFd, Errno> {
    let (ancestor, rest) = split_long_path(path)?;
    let at = ancestor.as_ref().map_or(CWD, |fd| fd.as_fd());
    open_directory_direct(at, &rest, links)
}

/// Says that the first bytes of a directory will be read. Without effect where the filesystem
/// has no use for it.
pub fn announce_read(directory: impl AsFd, n_bytes: u64) {
    let _ = fadvise(directory, 0, NonZeroU64::new(n_bytes), Advice::WillNeed);
}

/// Reads the inode of `name` in the directory `parent` by fstatat(2).
pub fn fstat_at(parent: impl AsFd, name: &CStr, links: Links) -> Result<RawStat, Errno> {
    let stat = retry_on_intr(|| statat(&parent, name, at_flags(links)))?;
    Ok(RawStat {
        ino: stat.st_ino,
        dev: stat.st_dev,
        size: stat.st_size,
        blocks: stat.st_blocks,
        mode: stat.st_mode,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        atime: stat.st_atime,
        mtime: stat.st_mtime,
        ctime: stat.st_ctime,
        btime: None,
        nanos: [stat.st_atime_nsec as u32, stat.st_mtime_nsec as u32, stat.st_ctime_nsec as u32, 0],
        rdev: stat.st_rdev,
        blksize: stat.st_blksize as u32,
        is_automount: false,
    })
}

/// Writes bytes at an offset of a file, through a memory map. The file must be open for reading
/// and writing, and be one that nobody else makes shorter. Its space is allocated before: a full
/// disk is an error here, and no SIGBUS later.
pub fn write_mapped(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    fallocate(file, FallocateFlags::empty(), offset, bytes.len() as u64)?;
    // SAFETY: the range lies inside of the file, which nobody makes shorter.
    let mut map =
        unsafe { memmap2::MmapOptions::new().offset(offset).len(bytes.len()).map_mut(file) }?;
    map.copy_from_slice(bytes);
    Ok(())
}

/// Reads all names of a directory from where it stands by readdir(3): inode number, `d_type` and
/// name of each, but not `.` and `..`.
pub fn read_all_names(
    directory: impl AsFd,
    mut push: impl FnMut(u64, u8, &CStr),
) -> Result<(), Errno> {
    let stream = Stream::of(directory)?;
    loop {
        // SAFETY: errno is this thread's own; the stream is open, and no other thread has it.
        let entry = unsafe {
            *libc::__errno_location() = 0;
            libc::readdir64(stream.0)
        };
        if entry.is_null() {
            // SAFETY: as above.
            return match unsafe { *libc::__errno_location() } {
                0 => Ok(()),
                errno => Err(Errno::from_raw(errno)),
            };
        }
        // SAFETY: the entry is good until the next call, and its name ends in a NUL. Only the
        // fields are borrowed: the record may be shorter than its type.
        let (ino, kind, name) = unsafe {
            let name = CStr::from_ptr((&raw const (*entry).d_name).cast());
            ((*entry).d_ino, (*entry).d_type, name)
        };
        if name != c"." && name != c".." {
            push(ino, kind, name);
        }
    }
}

/// A stream over a copy of a descriptor, which it closes.
struct Stream(*mut libc::DIR);

impl Stream {
    fn of(directory: impl AsFd) -> Result<Stream, Errno> {
        use std::os::fd::IntoRawFd;
        let copy = rustix::io::fcntl_dupfd_cloexec(directory, 0)?.into_raw_fd();
        // SAFETY: the copy is an open descriptor that nobody else owns.
        let stream = unsafe { libc::fdopendir(copy) };
        if stream.is_null() {
            let errno = Errno::last();
            // SAFETY: the stream that would own it does not exist.
            unsafe { libc::close(copy) };
            return Err(errno);
        }
        Ok(Stream(stream))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: it is open, and closed only here.
        unsafe { libc::closedir(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readdir_brings_what_the_standard_library_sees() {
        let folder = tempfile::tempdir().unwrap();
        (0..3000).for_each(|n| drop(std::fs::File::create(folder.path().join(format!("{n}")))));
        let directory = std::fs::File::open(folder.path()).unwrap();
        let mut names = Vec::new();
        read_all_names(&directory, |_, _, name| names.push(name.to_owned())).unwrap();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3000);
        let file = tempfile::tempfile().unwrap();
        assert_eq!(read_all_names(&file, |_, _, _| ()), Err(Errno::NOTDIR));
    }

    #[test]
    fn what_is_written_through_a_map_is_read_back() {
        let file = tempfile::tempfile().unwrap();
        let pieces: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 5000]).collect();
        for (number, piece) in pieces.iter().enumerate() {
            write_mapped(&file, number as u64 * 5000, piece).unwrap();
        }
        write_mapped(&file, 25_000, b"").unwrap();
        assert_eq!(
            crate::map_file(&file, 0, pieces.concat().len()).unwrap().as_ref(),
            pieces.concat()
        );
        let null = File::options().read(true).write(true).open("/dev/null").unwrap();
        assert!(write_mapped(&null, 0, b"x").is_err());
    }
}
