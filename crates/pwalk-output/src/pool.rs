//! A few values that many threads borrow in turn.

use pwalk_engine::lock;
use std::sync::{Condvar, Mutex, PoisonError};

/// Holds values that are lent to one thread at a time; a thread that comes too late waits.
pub(crate) struct Pool<T> {
    idle: Mutex<Idle<T>>,
    returned: Condvar,
}

struct Idle<T> {
    values: Vec<T>,
    /// A borrower has panicked: its value doesn't come back.
    is_lost: bool,
}

impl<T> Pool<T> {
    pub(crate) fn new(values: Vec<T>) -> Pool<T> {
        let idle = Mutex::new(Idle { values, is_lost: false });
        Pool { idle, returned: Condvar::new() }
    }

    /// Lends a value to `use_it`. The last one returned comes first: its memory is warm.
    ///
    /// # Panics
    ///
    /// If another borrower has panicked. Its value can't be trusted any more, so it is not
    /// returned, and a thread that waits for it would wait for ever.
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.take();
        let loss = Loss(self);
        let result = use_it(&mut value);
        std::mem::forget(loss);
        lock(&self.idle).values.push(value);
        self.returned.notify_one();
        result
    }

    /// All values, once nobody borrows any more.
    pub(crate) fn into_values(self) -> Vec<T> {
        self.idle.into_inner().unwrap_or_else(PoisonError::into_inner).values
    }

    fn take(&self) -> T {
        let mut idle = lock(&self.idle);
        loop {
            let is_lost = idle.is_lost;
            match idle.values.pop() {
                Some(value) => return value,
                None if is_lost => {
                    drop(idle);
                    panic!("another thread has panicked with what this one waits for");
                }
                None => {
                    idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// Dropped by a panic: says that a value is lost.
struct Loss<'a, T>(&'a Pool<T>);

impl<T> Drop for Loss<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.idle).is_lost = true;
        self.0.returned.notify_all();
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

    #[test]
    fn nobody_waits_for_a_value_that_a_panic_has_lost() {
        let (pool, has_borrowed) = (Pool::new(vec![0u32]), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let borrower = scope.spawn(|| {
                pool.with(|_| {
                    has_borrowed.wait();
                    panic!("a bug of an encoder");
                });
            });
            has_borrowed.wait();
            let waiter = scope.spawn(|| pool.with(|n| *n += 1));
            assert!(borrower.join().is_err() && waiter.join().is_err());
        });
    }
}
