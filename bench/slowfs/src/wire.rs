//! Requests and answers of FUSE as bytes, from `linux/fuse.h`: version 7.31, and what is asked of a
//! tree of directories.
//!
//! Owns the layout. What is answered is decided elsewhere.

use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// Numbers of requests.
pub(crate) mod opcode {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const FORGET: u32 = 2;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const SETATTR: u32 = 4;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const STATFS: u32 = 17;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const GETXATTR: u32 = 22;
    pub(crate) const LISTXATTR: u32 = 23;
    pub(crate) const INIT: u32 = 26;
    pub(crate) const OPENDIR: u32 = 27;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const RELEASEDIR: u32 = 29;
    pub(crate) const INTERRUPT: u32 = 36;
    pub(crate) const BATCH_FORGET: u32 = 42;
}

/// Bytes in front of a request.
const HEADER_LEN: usize = 40;

/// The longest request: writes are no longer than a page.
pub(crate) const REQUEST_MAX: usize = 64 << 10;

const WRITE_MAX: u32 = 4096;

/// Pages of an answer: listings of 1 MiB, if the kernel asks for so much.
const ANSWER_PAGES: u32 = 256;

/// What the kernel asks.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) opcode: u32,
    /// Its answer has the same.
    pub(crate) unique: u64,
    pub(crate) ino: u64,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    /// None for what is too short to be one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Request<'a>> {
        let (header, body) = bytes.split_at_checked(HEADER_LEN)?;
        let header = Request { opcode: 0, unique: 0, ino: 0, body: header };
        Some(Request { opcode: header.u32(4), unique: header.u64(8), ino: header.u64(16), body })
    }

    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let found = self.body.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
        found.unwrap_or([0; N])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.bytes(at))
    }

    /// Of LOOKUP.
    pub(crate) fn name(&self) -> &'a [u8] {
        self.body.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Of GETXATTR.
    pub(crate) fn attribute(&self) -> &'a [u8] {
        let name = self.body.get(8..).unwrap_or_default();
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Of GETXATTR and LISTXATTR: room for the answer; 0 asks how much it takes.
    pub(crate) fn room(&self) -> usize {
        self.u32(0) as usize
    }

    /// Of READ, READDIR and WRITE.
    pub(crate) fn offset(&self) -> u64 {
        self.u64(8)
    }

    /// Of READ, READDIR and WRITE.
    pub(crate) fn size(&self) -> u32 {
        self.u32(16)
    }
}

/// Answers a request. Nobody waits any more if that fails.
pub(crate) fn answer(mut device: &File, unique: u64, result: Result<Vec<u8>, Errno>) {
    let error = result.as_ref().err().map_or(0, |errno| -errno.raw_os_error());
    let body = result.unwrap_or_default();
    let len = (16 + body.len()) as u32;
    let answer = [&len.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes(), &body];
    let _ = device.write_all(&answer.concat());
}

/// The body of an answer.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u32(mut self, number: u32) -> Body {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Body {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn zeros_to(mut self, len: usize) -> Vec<u8> {
        self.0.resize(len, 0);
        self.0
    }

    fn inode(self, inode: &Inode) -> Body {
        let times = [inode.time; 3];
        let body = self.u64(inode.ino).u64(inode.size).u64(inode.size.div_ceil(512));
        let body = times.into_iter().fold(body, Body::u64);
        // Nanoseconds, then what follows them.
        let rest = [0, 0, 0, inode.mode, inode.n_links, 0, 0, 0, 4096, 0];
        rest.into_iter().fold(body, Body::u32)
    }
}

/// What is known of an inode; its owner is root.
pub(crate) struct Inode {
    pub(crate) ino: u64,
    pub(crate) size: u64,
    /// All three times, in seconds.
    pub(crate) time: u64,
    pub(crate) mode: u32,
    pub(crate) n_links: u32,
}

/// INIT: several requests at once in the same directory, and long answers.
pub(crate) fn init(request: &Request<'_>) -> Vec<u8> {
    const PARALLEL_DIROPS: u32 = 1 << 18;
    const MAX_PAGES: u32 = 1 << 22;
    let (minor, flags) = (request.u32(4).min(31), request.u32(12) & (PARALLEL_DIROPS | MAX_PAGES));
    let body = Body::default().u32(7).u32(minor).u32(0).u32(flags).u32(0).u32(WRITE_MAX);
    body.u32(1).u32(ANSWER_PAGES).zeros_to(64)
}

/// LOOKUP. Nodes have the numbers of their inodes.
pub(crate) fn entry(inode: &Inode, cached: Duration) -> Vec<u8> {
    let (seconds, nanos) = (cached.as_secs(), cached.subsec_nanos());
    let body = Body::default().u64(inode.ino).u64(0).u64(seconds).u64(seconds);
    body.u32(nanos).u32(nanos).inode(inode).0
}

/// GETATTR and SETATTR.
pub(crate) fn attributes(inode: &Inode, cached: Duration) -> Vec<u8> {
    Body::default().u64(cached.as_secs()).u32(cached.subsec_nanos()).u32(0).inode(inode).0
}

/// OPEN and OPENDIR. What is read directly is not kept by the kernel.
pub(crate) fn opened(is_direct: bool) -> Vec<u8> {
    Body::default().u64(0).u32(is_direct.into()).zeros_to(16)
}

/// WRITE.
pub(crate) fn written(size: u32) -> Vec<u8> {
    Body::default().u32(size).zeros_to(8)
}

/// GETXATTR and LISTXATTR.
pub(crate) fn value(bytes: Vec<u8>, room: usize) -> Result<Vec<u8>, Errno> {
    match room {
        0 => Ok(Body::default().u32(bytes.len() as u32).zeros_to(8)),
        _ if room < bytes.len() => Err(Errno::RANGE),
        _ => Ok(bytes),
    }
}

/// STATFS.
pub(crate) fn filesystem(n_entries: u64) -> Vec<u8> {
    let body = Body::default().u64(0).u64(0).u64(0).u64(n_entries).u64(0);
    body.u32(4096).u32(255).u32(4096).zeros_to(80)
}

/// READDIR: as many names as the kernel has asked for bytes.
pub(crate) struct Listing {
    bytes: Vec<u8>,
    size: usize,
}

impl Listing {
    pub(crate) fn new(size: u32) -> Listing {
        Listing { bytes: Vec::new(), size: size as usize }
    }

    /// Adds the name at `next` - 1; false if there is no room.
    pub(crate) fn push(&mut self, ino: u64, next: u64, is_dir: bool, name: &str) -> bool {
        let len = (24 + name.len()).next_multiple_of(8);
        if self.bytes.len() + len > self.size {
            return false;
        }
        let end = self.bytes.len() + len;
        let body = Body(std::mem::take(&mut self.bytes)).u64(ino).u64(next);
        let Body(mut bytes) = body.u32(name.len() as u32).u32(if is_dir { 4 } else { 8 });
        bytes.extend(name.as_bytes());
        self.bytes = Body(bytes).zeros_to(end);
        true
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.bytes
    }
}
