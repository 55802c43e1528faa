//! Files as memory.

#![allow(unsafe_code)]

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;

/// Maps a whole file for reading. It must be one that nobody else can change: a file without a
/// name, which only this process has.
pub fn map_file(file: &File) -> io::Result<impl AsRef<[u8]> + Send + Sync + 'static> {
    // SAFETY: by the condition above the bytes stay what they are, and the file as long as it is.
    unsafe { memmap2::Mmap::map(file) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_through_a_map_is_read_back() {
        let file = tempfile::tempfile().unwrap();
        let pieces: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 5000]).collect();
        for (number, piece) in pieces.iter().enumerate() {
            write_mapped(&file, number as u64 * 5000, piece).unwrap();
        }
        write_mapped(&file, 25_000, b"").unwrap();
        assert_eq!(map_file(&file).unwrap().as_ref(), pieces.concat());
        let null = File::options().read(true).write(true).open("/dev/null").unwrap();
        assert!(write_mapped(&null, 0, b"x").is_err());
    }
}
