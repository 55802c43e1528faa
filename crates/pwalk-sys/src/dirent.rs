//! getdents64 and the parser of what it writes.
//!
//! Owns the layout of `struct linux_dirent64`. Must not know what a walk does with a name.
//!
//! The parser is safe code over bytes and trusts nothing, not even the kernel: a FUSE server
//! decides what stands in this buffer.

use crate::errno::Errno;
use memchr::{memchr, memchr2};
use rustix::fd::{AsFd, AsRawFd};
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// Bytes before the name: inode (8), offset (8), record length (2), type (1).
const HEADER_LEN: usize = 19;

/// Calls until an interruption is an error.
const CALLS_MAX: usize = 1000;

/// One record of a getdents64 buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawDirent<'a> {
    /// Inode number as the directory stores it; at a mount point, that of the covered directory.
    pub ino: u64,
    /// `DT_*` as in dirent.h; 0 (`DT_UNKNOWN`) where the filesystem doesn't say.
    pub kind: u8,
    /// The name, as it lies in the buffer: it can go back into a system call uncopied.
    pub name: &'a CStr,
}

/// A buffer that is no sequence of directory records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where in the buffer the bad record starts, in bytes.
    pub offset: usize,
}

/// The records of a getdents64 buffer, `.` and `..` left out.
///
/// After an `Err` the iterator is at its end: a bad record length leaves no way to the next.
pub struct Dirents<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Dirents<'a> {
    /// Reads `bytes`, which must be what one getdents64 call wrote, to its full length.
    pub fn new(bytes: &'a [u8]) -> Self {
        Dirents { bytes, offset: 0 }
    }

    fn parse(rest: &'a [u8]) -> Option<(RawDirent<'a>, usize)> {
        let header = rest.first_chunk::<HEADER_LEN>()?;
        let record_len = usize::from(u16::from_ne_bytes([header[16], header[17]]));
        let record = rest.get(..record_len)?;
        let padded_name = record.get(HEADER_LEN..)?;
        let name = plain_name(padded_name)?;
        let ino = u64::from_ne_bytes(*header.first_chunk()?);
        Some((RawDirent { ino, kind: header[18], name }, record_len))
    }
}

/// The name that stands before the first NUL, if it is one: not empty, and without a slash.
///
/// One look at the bytes. The standard library's way to a `CStr` and a search for the slash look
/// three times, 100 instructions more for a name of 20 bytes.
#[inline]
#[allow(unsafe_code)]
fn plain_name(padded: &[u8]) -> Option<&CStr> {
    let end = memchr2(0, b'/', padded)?;
    if end == 0 || padded[end] != 0 {
        return None;
    }
    // SAFETY: the last byte of the slice is a NUL, and memchr2 found none before it. Relied on:
    // memchr2 returns the first match.
    Some(unsafe { CStr::from_bytes_with_nul_unchecked(&padded[..=end]) })
}

/// What stands before the first NUL, and that NUL. `None` without one.
///
/// As `CStr::from_bytes_until_nul`, in a third of its instructions for a name of 20 bytes.
#[inline]
#[allow(unsafe_code)]
pub fn until_nul(bytes: &[u8]) -> Option<&CStr> {
    let end = memchr(0, bytes)?;
    // SAFETY: the last byte of the slice is a NUL, and memchr found none before it. Relied on:
    // memchr returns the first match.
    Some(unsafe { CStr::from_bytes_with_nul_unchecked(&bytes[..=end]) })
}

impl<'a> Iterator for Dirents<'a> {
    type Item = Result<RawDirent<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.offset < self.bytes.len() {
            let offset = self.offset;
            let Some((entry, record_len)) = Self::parse(&self.bytes[offset..]) else {
                self.offset = self.bytes.len();
                return Some(Err(Malformed { offset }));
            };
            self.offset += record_len;
            if !matches!(entry.name.to_bytes(), b"." | b"..") {
                return Some(Ok(entry));
            }
        }
        None
    }
}

/// Reads the next records of an open directory into `buffer`; none are the end.
///
/// Interrupted calls are repeated, up to a thousand times: some filesystems say so for ever.
/// Source: getdents64(2).
#[allow(unsafe_code)]
pub fn read_dirents(directory: impl AsFd, buffer: &mut [MaybeUninit<u8>]) -> Result<&[u8], Errno> {
    let fd = directory.as_fd().as_raw_fd();
    let n_read = unless_interrupted(|| {
        // SAFETY: the pointer and the length are those of a live, exclusively borrowed slice, so
        // the kernel writes only memory that we own. Relied on: getdents64(2) writes at most
        // `count` bytes and returns how many.
        let n_read =
            unsafe { libc::syscall(libc::SYS_getdents64, fd, buffer.as_mut_ptr(), buffer.len()) };
        usize::try_from(n_read).map_err(|_| Errno::last())
    })?;
    let n_read = n_read.min(buffer.len());
    // SAFETY: the kernel has written these bytes, and the buffer stays borrowed as long as they are.
    Ok(unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), n_read) })
}

/// Repeats a call that was interrupted.
fn unless_interrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 1..CALLS_MAX {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t24_t26_an_interrupted_call_is_repeated_but_not_for_ever() {
        let mut n_calls = 0;
        let mut interrupted = |n_times| {
            n_calls = 0;
            let result = unless_interrupted(|| {
                n_calls += 1;
                if n_calls > n_times { Ok(()) } else { Err(Errno::INTR) }
            });
            (result, n_calls)
        };
        assert_eq!(interrupted(0), (Ok(()), 1));
        assert_eq!(interrupted(500), (Ok(()), 501));
        assert_eq!(interrupted(usize::MAX), (Err(Errno::INTR), CALLS_MAX));
    }

    fn record(ino: u64, kind: u8, name: &[u8]) -> Vec<u8> {
        let record_len = (HEADER_LEN + name.len() + 1).next_multiple_of(8);
        let mut bytes = Vec::new();
        bytes.extend(ino.to_ne_bytes());
        bytes.extend(0i64.to_ne_bytes());
        bytes.extend((record_len as u16).to_ne_bytes());
        bytes.push(kind);
        bytes.extend(name);
        bytes.resize(record_len, 0);
        bytes
    }

    #[test]
    fn dots_are_left_out() {
        let bytes = [record(1, 4, b"."), record(2, 8, b"\xff name"), record(3, 4, b"..")].concat();
        let entries: Vec<_> = Dirents::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(entries, [RawDirent { ino: 2, kind: 8, name: c"\xff name" }]);
    }

    #[test]
    fn a_name_ends_at_its_first_nul() {
        let cases: [(&[u8], Option<&CStr>); 5] = [
            (b"ab\0", Some(c"ab")),
            (b"a\0b\0", Some(c"a")),
            (b"\0", Some(c"")),
            (b"ab", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(until_nul(bytes), expected);
        }
    }

    #[test]
    fn what_stands_behind_the_name_is_padding() {
        let mut bytes = record(1, 8, b"ab");
        bytes[HEADER_LEN + 3..].copy_from_slice(b"/\xff");
        let entries: Vec<_> = Dirents::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(entries, [RawDirent { ino: 1, kind: 8, name: c"ab" }]);
    }

    #[test]
    fn a_bad_record_ends_the_buffer_with_an_error() {
        let good = record(u64::MAX, 0, b"a");
        let no_nul = {
            let mut bytes = record(1, 8, b"abcd");
            bytes[HEADER_LEN..].fill(b'x');
            bytes
        };
        let zero_len = [&0u64.to_ne_bytes()[..], &[0; 16]].concat();
        let cases = [no_nul, zero_len, record(1, 8, b"a/b"), record(1, 8, b""), vec![7; 5]];
        for bad in cases {
            let bytes = [&good[..], &bad, &good].concat();
            let mut entries = Dirents::new(&bytes);
            assert_eq!(entries.next().unwrap().unwrap().ino, u64::MAX);
            assert_eq!(entries.next(), Some(Err(Malformed { offset: good.len() })), "{bad:?}");
            assert_eq!(entries.next(), None);
        }
    }

    #[test]
    fn a_real_directory_is_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..100 {
            std::fs::write(folder.path().join(format!("file-{i}")), "").unwrap();
        }
        let directory = std::fs::File::open(folder.path()).unwrap();
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut names = std::collections::BTreeSet::new();
        loop {
            let read = read_dirents(&directory, &mut buffer).unwrap();
            if read.is_empty() {
                break;
            }
            names.extend(Dirents::new(read).map(|entry| entry.unwrap().name.to_owned()));
        }
        assert_eq!(names.len(), 100);
    }

    #[test]
    fn a_buffer_too_small_for_a_name_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("n".repeat(200)), "").unwrap();
        let directory = std::fs::File::open(folder.path()).unwrap();
        let mut buffer = [MaybeUninit::uninit(); 64];
        let result = loop {
            match read_dirents(&directory, &mut buffer) {
                Ok([]) => panic!("the long name was lost"),
                Ok(_) => {}
                Err(errno) => break errno,
            }
        };
        assert_eq!(result, Errno::INVAL);
    }
}
