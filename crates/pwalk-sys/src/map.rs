//! Files as memory.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// Maps a part of a file for reading. It must be a file that nobody else can change, one without a
/// name, which only this process has; and this process only appends to it.
///
/// # Errors
///
/// `InvalidInput` if the file doesn't reach so far.
pub fn map_file(
    file: &File,
    start: u64,
    len: usize,
) -> io::Result<impl AsRef<[u8]> + Send + Sync + 'static> {
    if start.checked_add(len as u64).is_none_or(|end| end > file.metadata().map_or(0, |m| m.len()))
    {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the range is in the file; by the condition above its bytes stay what they are, and
    // the file is never shorter. mmap(2): a mapping stays when the descriptor is closed.
    unsafe { memmap2::MmapOptions::new().offset(start).len(len).map(file) }
}
