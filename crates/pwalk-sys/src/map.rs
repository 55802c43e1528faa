//! Files as memory.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// Maps a whole file for reading. It must be one that nobody else can change: a file without a
/// name, which only this process has.
pub fn map_file(file: &File) -> io::Result<impl AsRef<[u8]> + Send + Sync + 'static> {
    // SAFETY: by the condition above the bytes stay what they are, and the file as long as it is.
    unsafe { memmap2::Mmap::map(file) }
}
