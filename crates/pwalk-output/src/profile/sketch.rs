//! Counts by key, exact up to a number of keys, and beyond it with a bound on the error.
//!
//! The algorithm of Misra and Gries for two weights at once, entries and bytes. Each key has a
//! credit of both. When the table is full, the upper quartile of the credits is subtracted from all
//! of them, and of the keys whose credits are both used up, at least half of all, the smallest are
//! dropped until half of the table is free. As at least a quarter of the keys pays the whole of it,
//! all that is ever subtracted, and so what a key can have lost, is at most 4 / capacity of the
//! whole.
//!
//! A credit is not stored: it is what was counted of a key since it came, less what was subtracted
//! since then. So what is kept stays exact from then on, other than with plain Misra-Gries.
//!
//! One table for all workers, so there is nothing to merge: each of them counts some keys on its own
//! first (`local.rs`), and the lock is taken when these are added.

use super::sums::Sums;
use foldhash::quality::RandomState;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// What was counted of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Since it came into the table.
    pub(crate) sums: Sums,
    /// What may have been lost before that, at the most.
    pub(crate) missed: Weight,
}

/// What keys are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Sketch<K> {
    counted: HashMap<K, Counted, RandomState>,
    capacity: usize,
    /// All that was ever subtracted.
    subtracted: Weight,
    is_exact: bool,
}

impl<K: Hash + Eq> Sketch<K> {
    /// Counts up to `capacity` keys exactly.
    pub(crate) fn new(capacity: usize) -> Sketch<K> {
        Sketch {
            counted: HashMap::default(),
            capacity,
            subtracted: Weight::default(),
            is_exact: true,
        }
    }

    /// Adds to what was counted of a key.
    pub(crate) fn add<Q>(&mut self, key: &Q, sums: &Sums)
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
    {
        if let Some(counted) = self.counted.get_mut(key) {
            return counted.sums.add(sums);
        }
        if self.counted.len() >= self.capacity {
            self.make_room();
        }
        self.counted.insert(key.to_owned(), Counted { sums: *sums, missed: self.subtracted });
    }

    /// How many keys there are, if none was ever dropped.
    pub(crate) fn n_keys(&self) -> Option<u64> {
        self.is_exact.then_some(self.counted.len() as u64)
    }

    /// What is known of a key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &Counted)> {
        self.counted.iter()
    }

    /// The `n` keys with most bytes; of equal ones those with more entries, then the smallest.
    pub(crate) fn largest(&self, n: usize) -> Vec<(&K, &Counted)>
    where
        K: Ord,
    {
        let mut all: Vec<_> = self.counted.iter().collect();
        all.sort_unstable_by(|(one, counted), (other, other_counted)| {
            let (sums, other_sums) = (counted.sums, other_counted.sums);
            let rank = (other_sums.bytes, other_sums.entries).cmp(&(sums.bytes, sums.entries));
            rank.then_with(|| one.cmp(other))
        });
        all.truncate(n);
        all
    }

    fn make_room(&mut self) {
        self.is_exact = false;
        let Weight { entries, bytes } = self.subtracted;
        let credit = |counted: &Counted| Weight {
            entries: counted.sums.entries.saturating_sub(entries - counted.missed.entries),
            bytes: counted.sums.bytes.saturating_sub(bytes - counted.missed.bytes),
        };
        let credits: Vec<_> = self.counted.values().map(credit).collect();
        let price = Weight {
            entries: upper_quartile(credits.iter().map(|credit| credit.entries)),
            bytes: upper_quartile(credits.iter().map(|credit| credit.bytes)),
        };
        // Among many that are equal nobody can pay: some of them stay for what was counted.
        let worth = |counted: &Counted| {
            let credit = credit(counted);
            let pays = credit.entries > price.entries || credit.bytes > price.bytes;
            (pays, counted.sums.bytes, counted.sums.entries)
        };
        let mut all: Vec<_> = self.counted.values().map(worth).collect();
        let place = all.len() - self.capacity / 2;
        let least = *all.select_nth_unstable(place).1;
        // Of equal ones as many as there is room for.
        let mut n_ties = all[place..].iter().filter(|each| **each == least).count();
        self.counted.retain(|_, counted| {
            let worth = worth(counted);
            let is_tie = worth == least && n_ties > 0;
            n_ties -= usize::from(is_tie);
            worth > least || is_tie
        });
        self.subtracted.entries = entries.saturating_add(price.entries);
        self.subtracted.bytes = bytes.saturating_add(price.bytes);
    }
}

/// A number that a quarter of them, or more, is not below, and three quarters not above.
fn upper_quartile(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<_> = numbers.collect();
    let place = numbers.len() * 3 / 4;
    *numbers.select_nth_unstable(place).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A stream of keys and sizes: some keys often, some sizes large. No sum gets to its maximum.
    fn stream() -> impl Strategy<Value = Vec<(u32, u64)>> {
        let key = prop_oneof![0..8_u32, 0..1000_u32];
        let size = prop_oneof![Just(0), 0..100_u64, 0..1_000_000_u64, Just(u64::MAX / 3000)];
        prop::collection::vec((key, size), 0..1500)
    }

    fn check(stream: &[(u32, u64)], capacity: usize) {
        let mut sketch = Sketch::new(capacity);
        let (mut naive, mut all) = (BTreeMap::<u32, Sums>::new(), Sums::default());
        for (key, bytes) in stream {
            let sums = Sums::of(*bytes, *bytes);
            sketch.add(key, &sums);
            naive.entry(*key).or_default().add(&sums);
            all.add(&sums);
        }
        assert!(sketch.iter().count() <= capacity);
        assert_eq!(sketch.n_keys().is_some(), naive.len() <= capacity);
        let lost = |whole: u64| u128::from(whole) * 4 / capacity as u128;
        let known: BTreeMap<_, _> = sketch.iter().collect();
        for (key, sums) in &naive {
            let Some(Counted { sums: counted, missed }) = known.get(key).copied() else {
                assert!(u128::from(sums.entries) <= lost(all.entries), "lost {key}: {sums:?}");
                assert!(u128::from(sums.bytes) <= lost(all.bytes), "lost {key}: {sums:?}");
                continue;
            };
            assert!(counted.entries <= sums.entries && counted.bytes <= sums.bytes);
            assert!(sums.entries <= counted.entries + missed.entries, "{key}");
            assert!(sums.bytes <= counted.bytes.saturating_add(missed.bytes), "{key}");
            assert!(u128::from(missed.entries) <= lost(all.entries));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_lost_is_within_the_bounds(stream in stream(), capacity in 4..200_usize) {
            check(&stream, capacity);
        }
    }

    #[test]
    fn large_keys_survive_a_flood_of_small_ones() {
        let mut sketch = Sketch::new(100);
        for n in 0..100_000_u32 {
            sketch.add(&(n + 10), &Sums::of(1, 0));
            sketch.add(&(n % 2), &Sums::of(if n % 2 == 0 { 0 } else { 50 }, 0));
        }
        let largest = sketch.largest(2);
        assert_eq!(
            (largest[0].0, largest[0].1.sums),
            (&1, Sums { entries: 50_000, bytes: 2_500_000, allocated: 0 })
        );
        assert_eq!(largest[0].1.missed, Weight::default());
        assert!(sketch.iter().any(|(key, counted)| *key == 0 && counted.sums.entries == 50_000));
        assert_eq!(sketch.n_keys(), None);
    }

    #[test]
    fn of_many_that_are_equal_half_a_table_stays() {
        for n in [1001, 1500, 1501, 5010, 10_000] {
            let mut sketch = Sketch::new(1000);
            (0..n).for_each(|key: u32| sketch.add(&key, &Sums::of(7, 8)));
            assert!((500..=1000).contains(&sketch.iter().count()), "{n}");
            assert!(sketch.iter().all(|(_, counted)| counted.sums == Sums::of(7, 8)));
        }
    }

    #[test]
    fn up_to_its_capacity_all_is_exact() {
        let mut sketch = Sketch::new(10);
        (0..100_u32).for_each(|n| sketch.add(&(n % 10), &Sums::of(n.into(), 1)));
        assert_eq!(sketch.n_keys(), Some(10));
        assert!(sketch.iter().all(|(_, counted)| counted.missed == Weight::default()));
        assert_eq!(sketch.largest(1)[0].0, &9);
    }
}
