//! The one way to take a lock.
//!
//! A panic elsewhere does not poison: what is kept behind the locks of this workspace is whole
//! whenever a panic can happen, and a second panic would only hide the first.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, even if a thread panicked while holding it.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
