//! Sums that are the same in whatever order they are added: they stop at `u64::MAX`.

/// Entries and their sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// How many.
    pub(crate) entries: u64,
    /// Apparent sizes, bytes.
    pub(crate) bytes: u64,
    /// Allocated sizes, bytes.
    pub(crate) allocated: u64,
}

impl Sums {
    /// Of one entry.
    pub(crate) fn of(bytes: u64, allocated: u64) -> Sums {
        Sums { entries: 1, bytes, allocated }
    }

    #[inline]
    pub(crate) fn add(&mut self, other: &Sums) {
        let Sums { entries, bytes, allocated } = other;
        self.entries = self.entries.saturating_add(*entries);
        self.bytes = self.bytes.saturating_add(*bytes);
        self.allocated = self.allocated.saturating_add(*allocated);
    }
}

/// The same without what is allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    /// How many.
    pub(crate) entries: u64,
    /// Apparent sizes, bytes.
    pub(crate) bytes: u64,
}

impl Pair {
    /// Counts an entry.
    #[inline]
    pub(crate) fn count(&mut self, bytes: u64) {
        self.add(&Pair { entries: 1, bytes });
    }

    #[inline]
    pub(crate) fn add(&mut self, other: &Pair) {
        self.entries = self.entries.saturating_add(other.entries);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A size as sums have it: what a hostile server calls less than nothing is 0.
#[inline]
pub(crate) fn size(value: i64) -> u64 {
    value.max(0) as u64
}

/// Blocks of 512 bytes as bytes.
#[inline]
pub(crate) fn allocated(blocks: i64) -> u64 {
    size(blocks).saturating_mul(512)
}
