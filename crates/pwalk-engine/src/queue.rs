//! The queue of jobs, the parking of idle workers, and the proof that a walk ends.
//!
//! Owns an injector, one LIFO deque per worker, and the jobs that wait for a descriptor. Knows
//! nothing of filesystems: a job is an opaque value.
//!
//! LIFO, because breadth-first keeps every sibling directory of a wide tree in memory.
//! Stealing takes the oldest job: the biggest subtree, or the rest of the biggest directory.
//!
//! A worker is in one of three states:
//!
//! ```text
//!            pop or steal                  nothing found
//! searching -------------> running   searching ----------> parked
//!     ^                       |          ^                    |
//!     +------- `done` --------+          +---- a push, end ---+
//! ```
//!
//! Termination. `n_open` counts jobs queued, deferred or running. A job adds its children before
//! it subtracts itself (I1), so `n_open == 0` means that no job exists and none can appear (I2).
//! Whoever subtracts the last one wakes everybody, under the lock that parking takes, so nobody
//! parks after it (I3).
//!
//! No wake-up is lost. A pusher makes its job visible, fences, and reads `n_parked`; a parker
//! adds itself to `n_parked`, fences, and looks at all queues. Of the two fences one comes
//! first in the single order of all SeqCst fences: either the pusher sees the parker and wakes
//! it, or the parker sees the job (I4).

use crate::sync::lock;
use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use crossbeam_utils::CachePadded;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a worker waits before it tries a deferred job again.
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// Jobs of one walk.
pub(crate) struct Queue<J> {
    /// Whether workers own jobs, and steal those of others.
    steals: bool,
    /// Jobs that no worker owns: those that the walk starts with, or all.
    injector: Injector<J>,
    /// One for each worker's deque.
    stealers: Vec<Stealer<J>>,
    /// Jobs that could not run for lack of a descriptor; taken when nothing else is left. First in,
    /// first out: the one that could give a descriptor back must not wait behind the others for ever.
    deferred: Mutex<VecDeque<J>>,
    /// Jobs queued, deferred or running. Its partner is itself: one variable has one order.
    n_open: CachePadded<AtomicUsize>,
    /// Workers that are parked or about to be; pairs with pushes by the fences of I4.
    n_parked: CachePadded<AtomicUsize>,
    /// Set when a worker panicked: its job will never be done.
    is_aborted: AtomicBool,
    park: Mutex<()>,
    wake: Condvar,
}

/// One worker's end of the queue.
pub(crate) struct Local<'q, J> {
    queue: &'q Queue<J>,
    deque: Worker<J>,
    /// Its place among the stealers: where its search for victims starts.
    index: usize,
}

impl<J> Queue<J> {
    /// A queue for `n_workers`, and the deques for them, which stay empty unless it `steals`.
    pub(crate) fn new(n_workers: usize, steals: bool) -> (Queue<J>, Vec<Worker<J>>) {
        let deques: Vec<_> = (0..n_workers).map(|_| Worker::new_lifo()).collect();
        let queue = Queue {
            steals,
            injector: Injector::new(),
            stealers: deques.iter().map(Worker::stealer).collect(),
            deferred: Mutex::default(),
            n_open: CachePadded::default(),
            n_parked: CachePadded::default(),
            is_aborted: AtomicBool::new(false),
            park: Mutex::default(),
            wake: Condvar::new(),
        };
        (queue, deques)
    }

    /// Adds a job before the workers start.
    pub(crate) fn inject(&self, job: J) {
        self.n_open.fetch_add(1, Ordering::Relaxed);
        self.injector.push(job);
    }

    /// Ends the walk for all workers, whatever is still open.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    fn has_ended(&self) -> bool {
        // Acquire pairs with the AcqRel of `done`: what the last job did is seen by all.
        self.n_open.load(Ordering::Acquire) == 0 || self.is_aborted.load(Ordering::Relaxed)
    }

    fn has_jobs(&self) -> bool {
        !self.injector.is_empty()
            || self.stealers.iter().any(|stealer| !stealer.is_empty())
            || !lock(&self.deferred).is_empty()
    }

    fn park(&self) {
        let guard = lock(&self.park);
        self.n_parked.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // I4
        if !self.has_jobs() && !self.has_ended() {
            drop(self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner));
        }
        self.n_parked.fetch_sub(1, Ordering::Relaxed);
    }

    fn wake_one(&self) {
        fence(Ordering::SeqCst); // I4
        if self.n_parked.load(Ordering::Relaxed) > 0 {
            let _guard = lock(&self.park);
            self.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        let _guard = lock(&self.park); // I3
        self.wake.notify_all();
    }
}

impl<'q, J> Local<'q, J> {
    pub(crate) fn new(queue: &'q Queue<J>, deque: Worker<J>, index: usize) -> Self {
        Local { queue, deque, index }
    }

    pub(crate) fn queue(&self) -> &'q Queue<J> {
        self.queue
    }

    /// Adds a job that this worker will take before all older ones.
    pub(crate) fn push(&self, job: J) {
        // Relaxed: n_open can't reach 0 meanwhile, the job that pushes is counted in it (I1).
        self.queue.n_open.fetch_add(1, Ordering::Relaxed);
        match self.queue.steals {
            true => self.deque.push(job),
            false => self.queue.injector.push(job),
        }
        self.queue.wake_one();
    }

    /// Adds a job that is to be tried again when nothing else is left, and not at once.
    pub(crate) fn defer(&self, job: J) {
        self.queue.n_open.fetch_add(1, Ordering::Relaxed);
        lock(&self.queue.deferred).push_back(job);
    }

    /// A deferred job, at once. It needs a `done`.
    pub(crate) fn next_deferred(&self) -> Option<J> {
        lock(&self.queue.deferred).pop_front()
    }

    /// The next job; waits for one. `None`: the walk has ended. Each job needs a `done`.
    ///
    /// A deferred job comes when there is no other, and after a while, unless `is_urgent`.
    pub(crate) fn next(&self, is_urgent: impl Fn() -> bool) -> Option<J> {
        loop {
            if let Some(job) = self.deque.pop().or_else(|| self.steal()) {
                return Some(job);
            }
            if self.queue.has_ended() {
                return None;
            }
            if let Some(deferred) = self.next_deferred() {
                if !is_urgent() {
                    std::thread::sleep(RETRY_AFTER);
                }
                return Some(deferred);
            }
            self.queue.park();
        }
    }

    /// Says that a job from `next` has run, and has added its children.
    pub(crate) fn done(&self) {
        if self.queue.n_open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.wake_all();
        }
    }

    fn steal(&self) -> Option<J> {
        let stealers = &self.queue.stealers;
        let victims = || (1..stealers.len()).map(|i| &stealers[(self.index + i) % stealers.len()]);
        loop {
            let injected = std::iter::once_with(|| self.queue.injector.steal());
            let found = victims().map(Stealer::steal).chain(injected);
            match found.collect::<Steal<J>>() {
                Steal::Success(job) => return Some(job),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    /// Runs jobs that each push `job - 1` twice, and counts them.
    fn run(n_workers: usize, steals: bool, height: u32) -> u64 {
        let (queue, deques) = Queue::new(n_workers, steals);
        queue.inject(height);
        let n_run = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for (index, deque) in deques.into_iter().enumerate() {
                let (queue, n_run) = (&queue, &n_run);
                scope.spawn(move || {
                    let local = Local::new(queue, deque, index);
                    while let Some(height) = local.next(|| false) {
                        n_run.fetch_add(1, Ordering::Relaxed);
                        if height > 0 {
                            local.push(height - 1);
                            if height % 3 == 0 {
                                local.defer(height - 1)
                            } else {
                                local.push(height - 1)
                            }
                        }
                        local.done();
                    }
                });
            }
        });
        n_run.into_inner()
    }

    #[test]
    fn t31_t41_every_job_runs_once_whatever_the_number_of_workers() {
        for n_workers in [1, 2, 8, 64] {
            for steals in [true, false] {
                assert_eq!(run(n_workers, steals, 9), (1 << 10) - 1, "{n_workers} workers");
            }
        }
    }

    #[test]
    fn an_abort_frees_parked_workers() {
        let (queue, deques) = Queue::<()>::new(4, true);
        queue.inject(()); // never done
        std::thread::scope(|scope| {
            for (index, deque) in deques.into_iter().enumerate() {
                let queue = &queue;
                scope.spawn(move || {
                    let local = Local::new(queue, deque, index);
                    while local.next(|| false).is_some() {}
                });
            }
            std::thread::sleep(Duration::from_millis(20));
            queue.abort();
        });
    }
}
