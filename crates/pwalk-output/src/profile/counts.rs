//! What is counted in tables of fixed size: of one worker, and of all.

use super::classes::{N_AGES, N_SIZES};
use super::sums::{Pair, Sums};
use super::{Trouble, Waste};
use pwalk_engine::Kind;

/// Levels that are told apart; a hostile tree has any number of them.
pub(crate) const DEPTHS_MAX: usize = 1000;

/// Counts without keys.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) kinds: [Sums; Kind::ALL.len()],
    /// By level, the roots first; the last has all that is deeper, too.
    pub(crate) depths: Vec<Pair>,
    pub(crate) atime_ages: [Pair; N_AGES],
    /// Directories by the class of the number of their entries.
    pub(crate) dir_entries: [u64; N_SIZES],
    pub(crate) n_empty_files: u64,
    /// Files of less than `Waste::BELOW` bytes.
    pub(crate) small: Sums,
    /// By the place in `Trouble::ALL`.
    pub(crate) names: [u64; Trouble::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            kinds: Default::default(),
            depths: Vec::new(),
            atime_ages: Default::default(),
            dir_entries: [0; N_SIZES],
            n_empty_files: 0,
            small: Sums::default(),
            names: Default::default(),
        }
    }
}

impl Counts {
    /// Adds those of another worker.
    pub(crate) fn add(&mut self, other: &Counts) {
        // Destructured, so that a new field can't be forgotten here.
        let Counts { kinds, depths, atime_ages, dir_entries, n_empty_files, small, names } = other;
        let add = |mine: &mut [u64], theirs: &[u64]| {
            mine.iter_mut().zip(theirs).for_each(|(sum, n)| *sum += n);
        };
        self.kinds.iter_mut().zip(kinds).for_each(|(sums, more)| sums.add(more));
        self.depths.resize(self.depths.len().max(depths.len()), Pair::default());
        self.depths.iter_mut().zip(depths).for_each(|(sums, more)| sums.add(more));
        self.atime_ages.iter_mut().zip(atime_ages).for_each(|(sums, more)| sums.add(more));
        add(&mut self.dir_entries, dir_entries);
        add(&mut self.names, names);
        self.n_empty_files += n_empty_files;
        self.small.add(small);
    }

    /// Counts entries on a level, the roots' being 0.
    pub(crate) fn count_depth(&mut self, level: usize, entries: &Pair) {
        if entries.entries == 0 {
            return;
        }
        let level = level.min(DEPTHS_MAX - 1);
        if level >= self.depths.len() {
            self.depths.resize(level + 1, Pair::default());
        }
        self.depths[level].add(entries);
    }

    /// Counts a file as empty or small, if it is.
    #[inline]
    pub(crate) fn count_small(&mut self, bytes: u64, allocated: u64) {
        if bytes == 0 {
            self.n_empty_files += 1;
        } else if bytes < Waste::BELOW {
            self.small.add(&Sums::of(bytes, allocated));
        }
    }
}

/// Classes of an owner's files: by age, then by size.
pub(crate) const N_CELLS: usize = N_AGES + N_SIZES;

/// Counts of the files of an owner by class.
pub(crate) type Cells = [Pair; N_CELLS];
