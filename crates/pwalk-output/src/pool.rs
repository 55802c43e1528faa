//! A few values that many threads borrow in turn.

use std::sync::{Condvar, Mutex, PoisonError};

/// Holds values that are lent to one thread at a time; whoever comes too late waits.
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(crate) fn new(values: Vec<T>) -> Pool<T> {
        Pool { idle: Mutex::new(values), returned: Condvar::new() }
    }

    /// Lends a value to `use_it`. The last one returned comes first: its memory is warm.
    ///
    /// A panic in `use_it` loses the value: its state can't be trusted any more.
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.take();
        let result = use_it(&mut value);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(value);
        self.returned.notify_one();
        result
    }

    /// All values, once nobody borrows any more.
    pub(crate) fn into_values(self) -> Vec<T> {
        self.idle.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> T {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match idle.pop() {
                Some(value) => return value,
                None => {
                    idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lent_to_one_at_a_time() {
        let pool = Pool::new(vec![0u32; 2]);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..100).for_each(|_| pool.with(|n| *n += 1)));
            }
        });
        assert_eq!(pool.into_values().iter().sum::<u32>(), 1600);
    }
}
