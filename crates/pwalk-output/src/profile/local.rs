//! What one worker has counted by key and not yet added to the counts of all.

use super::sums::Sums;
use foldhash::fast::RandomState;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Keys with numbers from 0 on, and sums by number.
#[derive(Debug)]
pub(crate) struct Local<K> {
    numbers: HashMap<K, u32, RandomState>,
    sums: Vec<Sums>,
}

impl<K: Hash + Eq> Default for Local<K> {
    fn default() -> Self {
        Local { numbers: HashMap::default(), sums: Vec::new() }
    }
}

impl<K: Hash + Eq> Local<K> {
    /// The number of a key, which it keeps until `take`.
    #[inline]
    pub(crate) fn number<Q>(&mut self, key: &Q) -> u32
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
    {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.sums.len() as u32;
        self.numbers.insert(key.to_owned(), number);
        self.sums.push(Sums::default());
        number
    }

    #[inline]
    pub(crate) fn sums(&mut self, number: u32) -> &mut Sums {
        &mut self.sums[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Hands out all keys with their numbers and sums, and forgets them.
    pub(crate) fn take(&mut self, mut each: impl FnMut(K, usize, &Sums)) {
        for (key, number) in self.numbers.drain() {
            each(key, number as usize, &self.sums[number as usize]);
        }
        self.sums.clear();
    }
}
