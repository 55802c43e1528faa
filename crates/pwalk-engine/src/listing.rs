//! What one read of a directory brought: names, inode numbers and kinds.
//!
//! One buffer's worth, never a whole directory, so that its size is bounded by the buffer. Names
//! keep the NUL that the kernel put behind them, so that statx takes them as they lie here.

use crate::entry::Kind;
use pwalk_sys::{Errno, until_nul};
use std::ffi::CStr;

/// Names of one directory, in its own order.
#[derive(Debug, Default)]
pub struct Listing {
    /// The names one after the other, each with its NUL.
    names: Vec<u8>,
    /// One for each name.
    entries: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    ino: u64,
    /// Start in `names`.
    start: u32,
    /// Length of the name, NUL included.
    len: u16,
    kind: Kind,
}

/// One entry of a listing.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Inode number as the directory stores it.
    pub ino: u64,
    /// Kind as the directory stores it; may be `Unknown`.
    pub kind: Kind,
    /// The name.
    pub name: &'a CStr,
}

/// The same, for callers that rarely need the name as a system call takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) ino: u64,
    pub(crate) kind: Kind,
    with_nul: &'a [u8],
}

impl<'a> Told<'a> {
    #[inline]
    pub(crate) fn name(&self) -> &'a [u8] {
        &self.with_nul[..self.with_nul.len() - 1]
    }

    pub(crate) fn c_name(&self) -> &'a CStr {
        until_nul(self.with_nul).expect("a slot spans one name and its NUL")
    }
}

impl Listing {
    /// Forgets the entries and keeps the memory.
    pub fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// EOVERFLOW if it holds 4 GiB of names, ENAMETOOLONG for a name of more than 65,534 bytes.
    /// The listing is unchanged then.
    pub fn push(&mut self, ino: u64, kind: Kind, name: &CStr) -> Result<(), Errno> {
        let name = name.to_bytes_with_nul();
        let slot = Slot::new(ino, self.names.len(), name.len(), kind)?;
        self.names.extend_from_slice(name);
        self.entries.push(slot);
        Ok(())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at `index`, which must be below `len`.
    #[inline]
    pub fn get(&self, index: usize) -> Listed<'_> {
        let told = self.told(index);
        Listed { ino: told.ino, kind: told.kind, name: told.c_name() }
    }

    /// The entry at `index`, without the proof that its name ends in its NUL.
    #[inline]
    pub(crate) fn told(&self, index: usize) -> Told<'_> {
        let Slot { ino, start, len, kind } = self.entries[index];
        let name = &self.names[start as usize..start as usize + usize::from(len)];
        Told { ino, kind, with_nul: name }
    }

    /// The kind at `index`, which must be below `len`.
    #[inline]
    pub(crate) fn kind(&self, index: usize) -> Kind {
        self.entries[index].kind
    }

    /// Drops those entries from `start` on for which `keep` returns false.
    pub fn retain_from(&mut self, start: usize, mut keep: impl FnMut(&[u8]) -> bool) {
        let mut n_kept = start;
        for index in start..self.entries.len() {
            let slot = self.entries[index];
            if keep(slot.name(&self.names)) {
                self.entries[n_kept] = slot;
                n_kept += 1;
            }
        }
        self.entries.truncate(n_kept);
    }

    /// Drops those entries for which `keep` says no. Of each it is told the kind, and the name with
    /// its NUL.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Kind, &[u8]) -> bool) {
        let names = &self.names;
        let with_nul =
            |slot: &Slot| slot.start as usize..slot.start as usize + usize::from(slot.len);
        self.entries.retain(|slot| keep(slot.kind, &names[with_nul(slot)]));
    }

    /// The bytes of the name at `index`, which must be below `len`.
    #[inline]
    pub fn name(&self, index: usize) -> &[u8] {
        self.entries[index].name(&self.names)
    }

    /// Bytes that it holds in memory, roughly.
    pub(crate) fn n_bytes(&self) -> usize {
        self.names.len() + self.entries.len() * size_of::<Slot>()
    }
}

impl Slot {
    #[inline]
    fn new(ino: u64, start: usize, len: usize, kind: Kind) -> Result<Slot, Errno> {
        let start = u32::try_from(start).map_err(|_| Errno::OVERFLOW)?;
        let len = u16::try_from(len).map_err(|_| Errno::NAMETOOLONG)?;
        Ok(Slot { ino, start, len, kind })
    }

    #[inline]
    fn name(self, names: &[u8]) -> &[u8] {
        &names[self.start as usize..self.start as usize + usize::from(self.len) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t33_names_beyond_what_a_listing_can_count_are_an_error() {
        let slot = |start, len| Slot::new(1, start, len, Kind::File).map(|slot| slot.start);
        assert_eq!(slot(u32::MAX as usize, 65_535), Ok(u32::MAX));
        assert_eq!(slot(1 << 32, 2), Err(Errno::OVERFLOW));
        assert_eq!(slot(0, 65_536), Err(Errno::NAMETOOLONG));
    }

    #[test]
    fn an_entry_that_does_not_fit_leaves_a_listing_as_it_was() {
        let mut listing = Listing::default();
        let long = std::ffi::CString::new(vec![b'x'; 65_535]).unwrap();
        assert_eq!(listing.push(1, Kind::File, c"a"), Ok(()));
        assert_eq!(listing.push(2, Kind::File, &long), Err(Errno::NAMETOOLONG));
        assert_eq!(listing.push(3, Kind::Dir, c"b"), Ok(()));
        assert_eq!((listing.len(), listing.name(0), listing.name(1)), (2, &b"a"[..], &b"b"[..]));
    }
}
