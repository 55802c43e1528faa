//! What is counted by owner, group and extension, by all workers together.

use super::classes::{N_AGES, N_SIZES};
use super::counts::{Cells, Counts, N_CELLS};
use super::sketch::Sketch;
use super::sums::{Pair, Sums};

/// Extensions that are counted exactly: some 15 MB.
const EXTENSIONS_MAX: usize = 100_000;
/// Owners, and groups: some 4 MB each.
const OWNERS_MAX: usize = 50_000;
/// Classes of owners' files that hold something: some 10 MB.
const CELLS_MAX: usize = 100_000;

/// All that is counted and was handed over by workers.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) counts: Counts,
    pub(crate) extensions: Sketch<Vec<u8>>,
    pub(crate) owners: Sketch<u32>,
    pub(crate) groups: Sketch<u32>,
    /// By owner and class.
    pub(crate) cells: Sketch<(u32, u8)>,
    /// Of all owners.
    pub(crate) all_cells: Cells,
}

impl Keyed {
    pub(crate) fn new() -> Keyed {
        Keyed {
            counts: Counts::default(),
            extensions: Sketch::new(EXTENSIONS_MAX),
            owners: Sketch::new(OWNERS_MAX),
            groups: Sketch::new(OWNERS_MAX),
            cells: Sketch::new(CELLS_MAX),
            all_cells: [Pair::default(); N_CELLS],
        }
    }

    /// Adds the classes of an owner's files.
    pub(crate) fn add_cells(&mut self, uid: u32, cells: &Cells) {
        for (class, pair) in cells.iter().enumerate().filter(|(_, pair)| pair.entries > 0) {
            self.all_cells[class].add(pair);
            let Pair { entries, bytes } = *pair;
            self.cells.add(&(uid, class as u8), &Sums { entries, bytes, allocated: 0 });
        }
    }

    /// Files by the time since they were modified.
    pub(crate) fn mtime_ages(&self) -> &[Pair] {
        &self.all_cells[..N_AGES]
    }

    /// Files by size.
    pub(crate) fn sizes(&self) -> &[Pair] {
        &self.all_cells[N_AGES..][..N_SIZES]
    }
}
