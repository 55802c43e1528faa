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

use foldhash::fast::RandomState;
use pwalk_engine::lock;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
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
    /// Rows of `N_WAYS` hashes, filled from the left; 0 is none. `Relaxed`: a slot is all there is.
    slots: Box<[[AtomicU64; N_WAYS]]>,
    siblings: Mutex<Siblings>,
    /// Names that those have at the most.
    siblings_max: usize,
}

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
        Case { state: RandomState::default(), slots, siblings: Mutex::default(), siblings_max }
    }

    /// True if the directory has shown another name that is equal but for case.
    #[inline]
    pub(crate) fn is_repeated(&self, dir: u64, name: &[u8]) -> bool {
        let key = self.key(dir, name);
        self.is_in_slots(key)
    }

    /// The same for the name of a subdirectory.
    pub(crate) fn is_dir_repeated(&self, dir: u64, name: &[u8]) -> bool {
        let key = self.key(dir, name);
        let is_in_slots = self.is_in_slots(key);
        !lock(&self.siblings).insert(dir, key, self.siblings_max) || is_in_slots
    }

    /// Nothing more is to come in a directory.
    pub(crate) fn close(&self, dir: u64) {
        let mut siblings = lock(&self.siblings);
        if let Some(names) = siblings.by_dir.remove(&dir) {
            siblings.n_names -= names.len();
        }
    }

    #[inline]
    fn key(&self, dir: u64, name: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write_u64(dir);
        if name.is_ascii() {
            write_folded(name, &mut hasher);
        } else {
            write_folded(&fold(name), &mut hasher);
        }
        hasher.finish().max(1)
    }

    /// Puts a hash into the table, unless it is there.
    #[inline]
    fn is_in_slots(&self, key: u64) -> bool {
        // The upper bits choose the row, others the way.
        let row = &self.slots[(key >> 40) as usize % self.slots.len()];
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

/// Letters of ASCII in lower case, eight at a time. Bytes beyond ASCII stay as they are.
#[inline]
fn write_folded(name: &[u8], hasher: &mut impl Hasher) {
    let (eights, rest) = name.as_chunks::<8>();
    eights.iter().for_each(|eight| hasher.write_u64(fold_eight(u64::from_le_bytes(*eight))));
    // The last eight overlap those before. Of names of different lengths none are equal.
    let last = name.last_chunk().map_or_else(
        || rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
        |eight| u64::from_le_bytes(*eight),
    );
    hasher.write_u64(fold_eight(last));
    hasher.write_usize(name.len());
}

#[inline]
fn fold_eight(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = bytes & !HIGH;
    // The high bit of each byte that is not below `byte`: no sum of two of them is above 255.
    let from = |byte: u8| low + u64::from(0x80 - byte) * ONES;
    let is_upper = from(b'A') & !from(b'Z' + 1) & !bytes & HIGH;
    bytes | is_upper >> 2
}

/// A name in lower case; one that is not UTF-8 as it is.
#[cold]
fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase().into_bytes().into(),
        Err(_) => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_but_for_case_in_one_directory_only() {
        let case = Case::new();
        let names: [(u64, &[u8], bool); 9] = [
            (1, b"readme", false),
            (1, b"README", true),
            (1, b"ReadMe", true),
            (2, b"README", false),
            (1, "\u{c9}t\u{e9}".as_bytes(), false),
            (1, "\u{e9}T\u{c9}".as_bytes(), true),
            (1, b"\xffA", false),
            (1, b"\xffa", true),
            (1, b"\xfea", false),
        ];
        for (dir, name, expected) in names {
            assert_eq!(case.is_repeated(dir, name), expected, "{name:?}");
        }
    }

    #[test]
    fn eight_bytes_are_folded_as_each_of_them_is() {
        for byte in 0..=255_u8 {
            for around in [0, b'@', b'A', b'Z', b'[', b'z', 0x7f, 0x80, 0xff] {
                let mut bytes = [around; 8];
                bytes[3] = byte;
                let folded = fold_eight(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(folded, bytes.map(|byte| byte.to_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn a_directory_that_comes_late_is_still_compared() {
        let case = Case::of(1024, 1000);
        assert!(!case.is_dir_repeated(1, b"Anna"));
        for n in 0..10_000 {
            case.is_repeated(2, format!("{n}").as_bytes());
        }
        assert!(case.is_dir_repeated(1, b"anna"));
        case.close(1);
        assert_eq!(lock(&case.siblings).n_names, 0);
    }

    #[test]
    fn however_many_subdirectories_a_directory_has_memory_is_bounded() {
        let case = Case::of(1024, 1000);
        for n in 0..1010 {
            case.is_dir_repeated(1, format!("{n}").as_bytes());
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
                        let is_repeated = case.is_repeated(dir, name.as_bytes());
                        n_repeated.fetch_add(is_repeated.into(), Relaxed);
                    }
                });
            }
        });
        assert_eq!(n_repeated.into_inner(), 30_000);
    }
}
