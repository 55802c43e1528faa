//! Some of many: the first that come.

use super::Text;
use pwalk_engine::lock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Examples {
    n_max: usize,
    /// So that the lock is taken for few. Never unset.
    is_full: AtomicBool,
    held: Mutex<Vec<Text>>,
}

impl Examples {
    /// Holds `n_max`, which is not 0.
    pub(crate) fn new(n_max: usize) -> Examples {
        Examples { n_max, is_full: AtomicBool::new(false), held: Mutex::default() }
    }

    pub(crate) fn offer(&self, make: impl FnOnce() -> Text) {
        if self.is_full.load(Relaxed) {
            return;
        }
        let mut held = lock(&self.held);
        if held.len() < self.n_max {
            held.push(make());
        }
        self.is_full.store(held.len() >= self.n_max, Relaxed);
    }

    /// In the order of the alphabet.
    pub(crate) fn into_sorted(self) -> Vec<Text> {
        let mut held = self.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        held.sort_unstable();
        held
    }
}
