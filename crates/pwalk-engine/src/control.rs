//! The handle on a running walk: stop it, and see how far it is.
//!
//! Workers add to counters that are spread over cache lines, once a slice and not once an
//! entry, so that they cost nothing measurable. All of them are Relaxed: they are read for
//! people to look at, and no memory is published through them.

use crate::stalls::{Listener, Stall};
use crate::sync::lock;
use crate::waiting::{Held, Post, Posts, RequestId, Waiting};
use crossbeam_utils::CachePadded;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, Weak};
use std::time::Duration;

/// Counters are spread over this many cache lines.
const N_SHARDS: usize = 16;

/// Directories that a progress report names.
const N_LAST_DIRS: usize = 10;

/// Stops a walk and reports its progress. One for each walk; shared by reference.
#[derive(Debug, Default)]
pub struct Control {
    /// Set once, by anybody; read by workers before each job.
    is_cancelled: AtomicBool,
    /// It was set because memory is short.
    lacks_memory: AtomicBool,
    shards: [CachePadded<Shard>; N_SHARDS],
    /// Somebody has asked for the directories visited last, and will again.
    wants_dirs: AtomicBool,
    /// Their paths, the oldest first.
    last_dirs: Mutex<VecDeque<Vec<u8>>>,
    /// Requests beside those of workers, which have not waited for their turn.
    n_owed: AtomicU64,
    /// What each worker asks at this moment.
    posts: Posts,
    /// Who is told of requests that stall.
    on_stall: Listener,
}

#[derive(Debug, Default)]
struct Shard {
    n_files: AtomicU64,
    n_dirs: AtomicU64,
    bytes: AtomicU64,
    n_errors: AtomicU64,
}

/// The progress of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries that are not directories.
    pub n_files: u64,
    /// Directories.
    pub n_dirs: u64,
    /// Sum of apparent sizes, bytes, which stops at 2^64 - 1; 0 in a walk that reads no sizes.
    pub bytes: u64,
    /// Errors so far.
    pub n_errors: u64,
}

impl Control {
    /// Stops the walk and returns at once. What its sink received must not be used.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Relaxed);
    }

    /// True once `cancel` was called, or memory is short.
    pub fn is_cancelled(&self) -> bool {
        if pwalk_sys::memory_is_short() {
            self.lacks_memory.store(true, Relaxed);
            self.cancel();
        }
        self.is_cancelled.load(Relaxed)
    }

    /// True if the walk was cancelled because memory is short.
    pub fn lacks_memory(&self) -> bool {
        self.lacks_memory.load(Relaxed)
    }

    /// The counters, at about this moment.
    pub fn progress(&self) -> Progress {
        let sum = |of: fn(&Shard) -> &AtomicU64| -> u64 {
            let counts = self.shards.iter().map(|shard| of(shard).load(Relaxed));
            counts.fold(0, u64::saturating_add)
        };
        Progress {
            n_files: sum(|shard| &shard.n_files),
            n_dirs: sum(|shard| &shard.n_dirs),
            bytes: sum(|shard| &shard.bytes),
            n_errors: sum(|shard| &shard.n_errors),
        }
    }

    /// The directories visited last, ten at most, the oldest first. They are collected from
    /// the first call on.
    pub fn last_dirs(&self) -> Vec<Vec<u8>> {
        self.wants_dirs.store(true, Relaxed);
        lock(&self.last_dirs).iter().cloned().collect()
    }

    /// The requests that the filesystem has not answered for longer than this, the oldest first:
    /// at most one for each worker. Can be called at any time, from any thread, also after
    /// a cancel, and never waits for a worker.
    ///
    /// The inodes of sixteen entries count as one request, so `longer_than` should be a few
    /// seconds: with less, slow requests look like hanging ones.
    pub fn waiting(&self, longer_than: Duration) -> Vec<Waiting> {
        self.posts.waiting(longer_than)
    }

    /// The requests that were given up, because of a timeout or a cancel, and that the filesystem has
    /// still not answered, the oldest first. The kernel may keep the process until it has.
    pub fn left_behind(&self) -> Vec<Waiting> {
        self.posts.left()
    }

    /// Has this told of each request that stalls, and again once it stalls no longer: by the thread
    /// that walks. To be said before the walk, and once.
    pub fn on_stall(&self, tell: impl Fn(&Stall) + Send + Sync + 'static) {
        self.on_stall.set(Box::new(tell));
    }

    pub(crate) fn tell_stall(&self, stall: &Stall) {
        self.on_stall.tell(stall);
    }

    /// Requests are made that did not wait for their turn: those that come next wait for them, too.
    pub(crate) fn owe(&self, n_ops: u64) {
        self.n_owed.fetch_add(n_ops, Relaxed);
    }

    /// Requests that somebody is to wait for.
    pub(crate) fn take_owed(&self) -> u64 {
        if self.n_owed.load(Relaxed) == 0 { 0 } else { self.n_owed.swap(0, Relaxed) }
    }

    /// Where a worker of a pool says what it asks.
    pub(crate) fn post(&self, worker: (usize, usize)) -> Post {
        self.posts.add(worker)
    }

    /// The workers that wait for longer than this.
    pub(crate) fn held(&self, longer_than: Duration) -> Vec<Held> {
        self.posts.held(longer_than)
    }

    /// The worker in the calling thread gives up what it asks, as [`Posts::give_up`].
    pub(crate) fn give_up(&self, request: Weak<dyn Any + Send + Sync>) {
        self.posts.give_up(request);
    }

    /// True if the worker that asked this gave it up.
    pub(crate) fn was_given_up(&self, id: RequestId) -> bool {
        self.posts.was_given_up(id)
    }

    /// Adds the work of one slice by a worker, given its number, or rows read in another way.
    pub fn add(&self, worker: usize, done: &Progress) {
        let shard = &self.shards[worker % N_SHARDS];
        shard.n_files.fetch_add(done.n_files, Relaxed);
        shard.n_dirs.fetch_add(done.n_dirs, Relaxed);
        let added = |bytes: u64| Some(bytes.saturating_add(done.bytes));
        let _ = shard.bytes.fetch_update(Relaxed, Relaxed, added);
        if done.n_errors > 0 {
            shard.n_errors.fetch_add(done.n_errors, Relaxed);
        }
    }

    /// A worker visits a directory. One load, unless somebody asked for names.
    pub(crate) fn visit(&self, path: &[u8]) {
        if self.wants_dirs.load(Relaxed) {
            let mut last = lock(&self.last_dirs);
            if last.len() == N_LAST_DIRS {
                last.pop_front();
            }
            last.push_back(path.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_waited_for_once() {
        let control = Control::default();
        assert_eq!(control.take_owed(), 0);
        control.owe(2);
        control.owe(2);
        assert_eq!((control.take_owed(), control.take_owed()), (4, 0));
    }
}
