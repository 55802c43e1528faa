//! The parser of getdents64 buffers over any bytes: a FUSE server decides what stands there.
//!
//! No panic; names that are one component each and lie inside the buffer, in its order; at most
//! one error, and nothing after it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pwalk_sys::Dirents;

/// Bytes of a record before its name.
const HEADER_LEN: usize = 19;

fuzz_target!(|bytes: &[u8]| {
    let mut entries = Dirents::new(bytes);
    // Where the next record can start at the earliest.
    let mut free_from = 0;
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => {
                let name = entry.name.to_bytes();
                assert!(!name.is_empty() && !name.contains(&b'/'), "{name:?}");
                assert!(name != b"." && name != b"..");
                // An address below the buffer's wraps round to one far beyond its end.
                let start = (name.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
                assert!(start >= free_from + HEADER_LEN);
                free_from = start + entry.name.to_bytes_with_nul().len();
                assert!(free_from <= bytes.len());
            }
            Err(malformed) => {
                assert!(malformed.offset >= free_from && malformed.offset < bytes.len());
                assert!(entries.next().is_none());
            }
        }
    }
});
