//! The largest of many, shared by all workers; of equal ones those whose paths come first.
//!
//! The least that still gets in is in an atomic, so that the lock is taken only for what does get
//! in, at least at that moment: of n candidates in random order some k · ln(n / k). Equal ones may be
//! all of a tree, so each worker has a copy of the last one of the list, which is compared with their
//! paths: it may be an old one, which lets some in too many to the lock.

use super::Text;
use super::paths::{compare_shown, shown};
use pwalk_engine::lock;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What has a path, by which equal ones are told apart.
pub(crate) trait HasPath {
    fn path(&self) -> &[u8];
}

impl HasPath for Text {
    fn path(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Debug)]
pub(crate) struct Top<T> {
    n_max: usize,
    /// What a candidate must not be below: 1 until the list is full. It only grows, so an old value
    /// lets one in too many to the lock, where it is compared again.
    least: AtomicU64,
    /// The last of the list is the greatest.
    held: Mutex<BinaryHeap<Ranked<T>>>,
}

#[derive(Debug)]
struct Ranked<T> {
    rank: u64,
    value: T,
}

/// What one worker knows of the last of a list: nothing, until the list is full.
#[derive(Debug, Default)]
pub(crate) struct Last {
    rank: u64,
    path: Vec<u8>,
}

impl Last {
    /// True if something comes after it. Its path has two parts.
    fn is_before(&self, rank: u64, (dir, name): (&[u8], &[u8])) -> bool {
        match rank.cmp(&self.rank) {
            Ordering::Equal => compare_shown(dir, name, &self.path).is_ge(),
            order => order.is_lt(),
        }
    }
}

impl<T: HasPath> Ord for Ranked<T> {
    /// In the order of the list.
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.cmp(&self.rank).then_with(|| self.value.path().cmp(other.value.path()))
    }
}

impl<T: HasPath> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: HasPath> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: HasPath> Eq for Ranked<T> {}

impl<T: HasPath> Top<T> {
    /// Holds the `n_max` largest, which is not 0.
    pub(crate) fn new(n_max: usize) -> Top<T> {
        Top { n_max, least: AtomicU64::new(1), held: Mutex::default() }
    }

    /// True if something of this rank may get in; 0 is never in.
    #[inline]
    pub(crate) fn admits(&self, rank: u64) -> bool {
        rank >= self.least.load(Relaxed)
    }

    /// Holds a value if it is one of the largest so far.
    pub(crate) fn offer(&self, rank: u64, value: T) {
        drop(self.insert(rank, value));
    }

    /// The same for what has a path of two parts, and is made if it may get in.
    #[inline]
    pub(crate) fn offer_at(
        &self,
        rank: u64,
        path: (&[u8], &[u8]),
        last: &mut Last,
        make: impl FnOnce(Text) -> T,
    ) {
        if last.is_before(rank, path) {
            return;
        }
        let held = self.insert(rank, make(shown(&[path.0, path.1].concat())));
        if let Some(Ranked { rank, value }) = held.peek().filter(|_| held.len() == self.n_max) {
            last.rank = *rank;
            last.path.clear();
            last.path.extend_from_slice(value.path());
        }
    }

    fn insert(&self, rank: u64, value: T) -> MutexGuard<'_, BinaryHeap<Ranked<T>>> {
        let mut held = lock(&self.held);
        held.push(Ranked { rank, value });
        if held.len() > self.n_max {
            held.pop();
        }
        if let Some(last) = held.peek().filter(|_| held.len() == self.n_max) {
            self.least.store(last.rank, Relaxed);
        }
        held
    }

    /// The largest, by rank, and equal ones by path.
    pub(crate) fn into_sorted(self) -> Vec<T> {
        let held = self.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        held.into_sorted_vec().into_iter().map(|ranked| ranked.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Item(Reverse<u64>, Text);

    impl HasPath for Item {
        fn path(&self) -> &[u8] {
            &self.1.0
        }
    }

    proptest! {
        #[test]
        fn the_largest_are_those_of_a_sorted_list_whatever_their_order(
            ranks in prop::collection::btree_set((0..5_u64, 0..300_u16), 0..300)
                .prop_map(Vec::from_iter)
                .prop_shuffle(),
            n_max in 1..20_usize,
            n_workers in 1..4_usize,
        ) {
            let path = |n: &u16| format!("/r/{n}{}", "x".repeat(usize::from(n % 7) * 1000));
            let mut lasts: Vec<Last> = (0..n_workers).map(|_| Last::default()).collect();
            let top = Top::new(n_max);
            for (at, (rank, n)) in ranks.iter().enumerate() {
                let (path, last) = (path(n), &mut lasts[at % n_workers]);
                let parts = path.as_bytes().split_at(3 + at % 2);
                if top.admits(*rank) {
                    top.offer_at(*rank, parts, last, |path| Item(Reverse(*rank), path));
                }
            }
            let mut sorted: Vec<_> = ranks
                .iter()
                .filter(|(rank, _)| *rank > 0)
                .map(|(rank, n)| Item(Reverse(*rank), shown(path(n).as_bytes())))
                .collect();
            sorted.sort_unstable();
            sorted.truncate(n_max);
            prop_assert_eq!(top.into_sorted(), sorted);
        }
    }
}
