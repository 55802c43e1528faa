//! Names by the C library: for comparison with getdents64.

#![allow(unsafe_code)]

use crate::errno::Errno;
use rustix::fd::AsFd;
use std::ffi::CStr;

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
}
