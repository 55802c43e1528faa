//! The largest of many, shared by all workers.
//!
//! The least that still gets in is in an atomic, so that the lock is taken only for what does get
//! in, at least at that moment: of n candidates in random order some k · ln(n / k).

use pwalk_engine::lock;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Top<T> {
    n_max: usize,
    /// What a candidate must exceed. It only grows, so an old value lets one in too many to the
    /// lock, where it is compared again.
    least: AtomicU64,
    held: Mutex<BinaryHeap<Reverse<Ranked<T>>>>,
}

#[derive(Debug)]
struct Ranked<T> {
    rank: u64,
    value: T,
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> Top<T> {
    /// Holds the `n_max` largest, which is not 0.
    pub(crate) fn new(n_max: usize) -> Top<T> {
        Top { n_max, least: AtomicU64::new(0), held: Mutex::default() }
    }

    /// True if something of this rank may get in. Of equal ones the first stay; 0 is never in.
    #[inline]
    pub(crate) fn admits(&self, rank: u64) -> bool {
        rank > self.least.load(Relaxed)
    }

    /// Holds a value if it is one of the largest so far.
    pub(crate) fn offer(&self, rank: u64, value: T) {
        let mut held = lock(&self.held);
        if !self.admits(rank) {
            return;
        }
        held.push(Reverse(Ranked { rank, value }));
        if held.len() > self.n_max {
            held.pop();
        }
        if let Some(Reverse(least)) = held.peek().filter(|_| held.len() == self.n_max) {
            self.least.store(least.rank, Relaxed);
        }
    }

    /// The largest, by rank.
    pub(crate) fn into_sorted(self) -> Vec<T> {
        let held = self.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut ranked: Vec<_> = held.into_iter().map(|Reverse(ranked)| ranked).collect();
        ranked.sort_by_key(|ranked| Reverse(ranked.rank));
        ranked.into_iter().map(|ranked| ranked.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_largest_are_those_of_a_sorted_list(
            ranks in prop::collection::vec(0..50_u64, 0..200), n_max in 1..20_usize,
        ) {
            let top = Top::new(n_max);
            ranks.iter().filter(|rank| top.admits(**rank)).for_each(|rank| top.offer(*rank, *rank));
            let mut sorted: Vec<_> = ranks.into_iter().filter(|rank| *rank > 0).collect();
            sorted.sort_unstable_by_key(|rank| Reverse(*rank));
            sorted.truncate(n_max);
            prop_assert_eq!(top.into_sorted(), sorted);
        }
    }
}
