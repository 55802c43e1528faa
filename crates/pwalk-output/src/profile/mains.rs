//! The extension that most bytes of a directory have, for the directories that a page draws.
//!
//! Told with each run of rows of a directory, and the leader of that run only: of a directory with
//! more entries than a run has, it is an estimate. Kept for the directories where it has most bytes.

use super::Text;
use pwalk_engine::lock;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Directories that are kept; half of them whenever there are as many.
const N_MAX: usize = 20_000;
/// Leaders of a directory's runs that are told apart.
const LEADERS_MAX: usize = 4;
/// Bytes of an extension that is kept.
const LEN_MAX: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Mains {
    /// Bytes that a leader must have. They only grow.
    least: AtomicU64,
    by_dir: Mutex<HashMap<u64, Vec<Leader>>>,
}

#[derive(Debug)]
struct Leader {
    extension: Box<[u8]>,
    bytes: u64,
}

impl Mains {
    /// True if so many bytes may be enough.
    #[inline]
    pub(crate) fn admits(&self, bytes: u64) -> bool {
        bytes > self.least.load(Relaxed)
    }

    /// The extension with most bytes in some rows of a directory.
    pub(crate) fn offer(&self, dir: u64, extension: &[u8], bytes: u64) {
        if extension.len() > LEN_MAX {
            return;
        }
        let mut by_dir = lock(&self.by_dir);
        if by_dir.len() >= N_MAX && !by_dir.contains_key(&dir) {
            self.make_room(&mut by_dir);
        }
        let leaders = by_dir.entry(dir).or_default();
        let place = leaders.iter().position(|leader| *leader.extension == *extension);
        match place {
            Some(place) => leaders[place].bytes = leaders[place].bytes.saturating_add(bytes),
            None if leaders.len() < LEADERS_MAX => {
                leaders.push(Leader { extension: extension.into(), bytes });
            }
            None => {}
        }
    }

    /// That of a directory, if it is known.
    pub(crate) fn get(&self, dir: u64) -> Option<Text> {
        let by_dir = lock(&self.by_dir);
        let leaders = by_dir.get(&dir)?.iter();
        // Of equal ones the first of the alphabet, whatever came first.
        let first = leaders.max_by(|one, other| {
            one.bytes.cmp(&other.bytes).then_with(|| other.extension.cmp(&one.extension))
        });
        first.map(|leader| Text::from(&*leader.extension))
    }

    fn make_room(&self, by_dir: &mut HashMap<u64, Vec<Leader>>) {
        let most = |leaders: &Vec<Leader>| leaders.iter().map(|leader| leader.bytes).max();
        let mut all: Vec<_> = by_dir.values().filter_map(most).collect();
        let place = all.len() / 2;
        let median = *all.select_nth_unstable(place).1;
        by_dir.retain(|_, leaders| most(leaders) > Some(median));
        self.least.store(median, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_is_that_of_most_bytes_in_all_runs() {
        let mains = Mains::default();
        for (extension, bytes) in [("a", 5), ("b", 4), ("b", 3), ("c", 7), ("\u{e9}", 6)] {
            mains.offer(1, extension.as_bytes(), bytes);
        }
        assert_eq!(mains.get(1), Some("b".into()));
        assert_eq!(mains.get(2), None);
    }

    #[test]
    fn memory_is_bounded_and_the_largest_stay() {
        let mains = Mains::default();
        for dir in 0..100_000 {
            if mains.admits(dir) {
                mains.offer(dir, b"x", dir);
            }
        }
        assert!(lock(&mains.by_dir).len() <= N_MAX);
        assert!(mains.get(99_999).is_some() && mains.get(5).is_none());
    }
}
