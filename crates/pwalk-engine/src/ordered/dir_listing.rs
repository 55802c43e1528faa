//! One directory as `os.walk` sees it: what can be entered, and everything else.

use crate::listing::Listing;
use std::sync::Arc;

/// The entries of one directory, each kind in the directory's own order.
#[derive(Debug, Default)]
pub struct DirListing {
    /// Directories, and symbolic links to directories.
    pub dirs: Arc<Subdirs>,
    /// All other entries.
    pub others: Listing,
}

/// Names of subdirectories.
#[derive(Debug, Default)]
pub struct Subdirs {
    names: Vec<u8>,
    entries: Vec<End>,
}

/// Where a name ends, and in the lowest bit whether it is a symbolic link.
#[derive(Clone, Copy, Debug)]
struct End(u64);

impl End {
    fn new(end: usize, is_link: bool) -> End {
        End((end as u64) << 1 | u64::from(is_link))
    }

    fn get(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn is_link(self) -> bool {
        self.0 & 1 == 1
    }
}

impl Subdirs {
    /// Number of them.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The name at `index`, which must be below `len`.
    pub fn name(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.entries[before].get());
        &self.names[start..self.entries[index].get()]
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.name(index))
    }

    /// True for one that a walk which follows links, or doesn't, may enter.
    pub(super) fn may_enter(&self, index: usize, follows_links: bool) -> bool {
        follows_links || !self.entries[index].is_link()
    }

    pub(super) fn push(&mut self, name: &[u8], is_link: bool) {
        self.names.extend_from_slice(name);
        self.entries.push(End::new(self.names.len(), is_link));
    }
}

impl DirListing {
    /// Bytes that it holds in memory, roughly.
    pub(super) fn n_bytes(&self) -> usize {
        self.others.n_bytes() + self.dirs.names.len() + size_of::<End>() * self.dirs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_four_gibibytes_end_where_they_end() {
        for end in [0, 1, u32::MAX as usize, u32::MAX as usize + 1, 1 << 40] {
            for is_link in [false, true] {
                let entry = End::new(end, is_link);
                assert_eq!((entry.get(), entry.is_link()), (end, is_link));
            }
        }
    }

    #[test]
    fn names_and_links_come_back_as_they_went_in() {
        let mut dirs = Subdirs::default();
        [(&b"a"[..], false), (b"bc", true), (b"d", false)]
            .iter()
            .for_each(|(name, is_link)| dirs.push(name, *is_link));
        assert_eq!(dirs.names().collect::<Vec<_>>(), [&b"a"[..], b"bc", b"d"]);
        assert_eq!([0, 1, 2].map(|index| dirs.may_enter(index, false)), [true, false, true]);
        assert!((0..3).all(|index| dirs.may_enter(index, true)));
    }
}
