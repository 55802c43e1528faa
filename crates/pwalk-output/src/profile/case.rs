//! Names of a directory that are equal but for case, found while entries come by in any order.
//!
//! Keeps a hash of each name, folded to lower case, with its directory's. Two hashes of 64 bits are
//! taken for two equal names: with a secret seed, and of a million names, that is wrong once in 30
//! million profiles. Memory is bounded twice:
//!
//! * The last half a million or so names of any kind, in a table of fixed size. Names of one
//!   directory come one soon after the other, so few are forgotten too early: those of directories
//!   with more names than that.
//! * The names of directories in directories that are not closed: in a walk for totals, the row of a
//!   directory comes only after all that is below it. Beyond [`SIBLINGS_MAX`] of them all are
//!   forgotten.

use super::folded::{Folded, fold};
use super::paths::is_inexact;
use foldhash::fast::RandomState;
use pwalk_engine::lock;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Names that can be equal to one another: as many as fit into a line of the cache.
const N_WAYS: usize = 8;
/// Names in the table of all kinds: 4 MiB.
const N_SLOTS: usize = 1 << 19;
/// Names of directories that are kept: some 20 MB.
const SIBLINGS_MAX: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Case {
    state: RandomState,
    /// `Relaxed`: a slot is all there is.
    slots: Box<[Slots]>,
    siblings: Mutex<Siblings>,
    /// Names that those have at the most.
    siblings_max: usize,
    /// Names that were compared with no other. `Relaxed`: no two get the same number.
    n_inexact: AtomicU64,
}

/// Hashes, filled from the left; 0 is none. In one line of the cache, or else each name waits twice.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Slots([AtomicU64; N_WAYS]);

/// Names of subdirectories.
#[derive(Debug, Default)]
struct Siblings {
    n_names: usize,
    /// By the hash of their directory.
    by_dir: HashMap<u64, HashSet<u64, RandomState>, RandomState>,
}

impl Case {
    pub(crate) fn new() -> Case {
        Case::of(N_SLOTS, SIBLINGS_MAX)
    }

    fn of(n_slots: usize, siblings_max: usize) -> Case {
        let slots = (0..n_slots / N_WAYS).map(|_| Default::default()).collect();
        Case {
            state: RandomState::default(),
            slots,
            siblings: Mutex::default(),
            siblings_max,
            n_inexact: AtomicU64::new(0),
        }
    }

    /// A name of the directory with this hash, as it is compared: unlike any other if it, or that of
    /// the directory, is inexact, since names that are not the same look so then.
    #[inline]
    pub(crate) fn fold(&self, dir: u64, name: &[u8], is_dir_inexact: bool) -> Folded {
        let folded = fold(&self.state, dir, name);
        if is_dir_inexact || !folded.is_plain && is_inexact(name) {
            return Folded { key: self.unlike_others(), ..folded };
        }
        folded
    }

    #[cold]
    fn unlike_others(&self) -> u64 {
        self.state.hash_one(self.n_inexact.fetch_add(1, Relaxed)).max(1)
    }

    /// Reads the rows of the table that hold these keys, so that they are near when it is asked for
    /// each of them: memory is waited for once for many, not for one after the other.
    #[inline]
    pub(crate) fn bring_near(&self, keys: &[u64]) {
        let all = keys.iter().fold(0, |all, key| all ^ self.row(*key).0[0].load(Relaxed));
        // Or else nothing would be read.
        black_box(all);
    }

    /// True if the directory has shown another name with this key.
    #[inline]
    pub(crate) fn is_repeated(&self, key: u64) -> bool {
        let Slots(row) = self.row(key);
        for slot in row {
            let mut held = slot.load(Relaxed);
            if held == 0 {
                held = match slot.compare_exchange(0, key, Relaxed, Relaxed) {
                    Ok(_) => return false,
                    // Another worker was faster, perhaps with the same name.
                    Err(held) => held,
                };
            }
            if held == key {
                return true;
            }
        }
        row[key as usize % N_WAYS].store(key, Relaxed);
        false
    }

    /// The same for the name of a subdirectory.
    pub(crate) fn is_dir_repeated(&self, dir: u64, key: u64) -> bool {
        let is_in_slots = self.is_repeated(key);
        !lock(&self.siblings).insert(dir, key, self.siblings_max) || is_in_slots
    }

    /// Nothing more is to come in a directory.
    pub(crate) fn close(&self, dir: u64) {
        let mut siblings = lock(&self.siblings);
        if let Some(names) = siblings.by_dir.remove(&dir) {
            siblings.n_names -= names.len();
        }
    }

    /// Where a key is, if it is in the table: the upper half chooses the row, the lower the way.
    #[inline]
    fn row(&self, key: u64) -> &Slots {
        &self.slots[(((key >> 32) * self.slots.len() as u64) >> 32) as usize]
    }
}

impl Siblings {
    /// False if it is there.
    fn insert(&mut self, dir: u64, key: u64, n_max: usize) -> bool {
        if self.n_names >= n_max {
            *self = Siblings::default();
        }
        let is_new = self.by_dir.entry(dir).or_default().insert(key);
        self.n_names += usize::from(is_new);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_repeated(case: &Case, dir: u64, name: &[u8]) -> bool {
        case.is_repeated(case.fold(dir, name, false).key)
    }

    fn is_dir_repeated(case: &Case, dir: u64, name: &[u8]) -> bool {
        case.is_dir_repeated(dir, case.fold(dir, name, false).key)
    }

    #[test]
    fn names_are_equal_but_for_case_in_one_directory_only() {
        let case = Case::new();
        let names: [(u64, &[u8], bool); 11] = [
            (1, b"readme", false),
            (1, b"README", true),
            (1, b"ReadMe", true),
            (2, b"README", false),
            (1, "\u{c9}t\u{e9}".as_bytes(), false),
            (1, "\u{e9}T\u{c9}".as_bytes(), true),
            (1, b"\xffA", false),
            (1, b"\xffa", true),
            (1, b"\xfea", false),
            (1, "\u{fffd}.txt".as_bytes(), false),
            (1, "\u{fffd}.TXT".as_bytes(), false),
        ];
        for (dir, name, expected) in names {
            assert_eq!(is_repeated(&case, dir, name), expected, "{name:?}");
        }
        assert!(!case.is_repeated(case.fold(1, b"readme", true).key));
    }

    #[test]
    fn a_directory_that_comes_late_is_still_compared() {
        let case = Case::of(1024, 1000);
        assert!(!is_dir_repeated(&case, 1, b"Anna"));
        for n in 0..10_000 {
            is_repeated(&case, 2, format!("{n}").as_bytes());
        }
        assert!(is_dir_repeated(&case, 1, b"anna"));
        case.close(1);
        assert_eq!(lock(&case.siblings).n_names, 0);
    }

    #[test]
    fn however_many_subdirectories_a_directory_has_memory_is_bounded() {
        let case = Case::of(1024, 1000);
        for n in 0..1010 {
            is_dir_repeated(&case, 1, format!("{n}").as_bytes());
        }
        assert!(lock(&case.siblings).n_names <= 10);
    }

    #[test]
    fn of_names_that_come_at_the_same_time_all_but_one_are_repeated() {
        let (case, n_repeated) = (Case::new(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for name in ["abc", "ABC", "Abc", "aBc"] {
                let (case, n_repeated) = (&case, &n_repeated);
                scope.spawn(move || {
                    for dir in 0..10_000 {
                        let is_repeated = is_repeated(case, dir, name.as_bytes());
                        n_repeated.fetch_add(is_repeated.into(), Relaxed);
                    }
                });
            }
        });
        assert_eq!(n_repeated.into_inner(), 30_000);
    }
}
