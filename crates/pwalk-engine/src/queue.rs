//! The queues of jobs, one for each pool of workers, the parking of idle workers, and the proof
//! that a walk ends.
//!
//! A [`Queue`] owns a stack that its workers share, a LIFO deque for each of its first workers, and
//! the jobs that wait for a descriptor. Knows nothing of filesystems: a job is an opaque value.
//!
//! LIFO, because breadth-first keeps every sibling directory of a wide tree in memory.
//! Stealing takes the oldest job: the biggest subtree, or the rest of the biggest directory. Only
//! as many workers as there are processors have a deque: the others wait for answers, not for
//! locks, and a search for jobs must not look at hundreds of deques.
//!
//! A worker is in one of four states:
//!
//! ```text
//!            pop or steal                  nothing found
//! searching -------------> running   searching ----------> parked
//!   |  ^                      |        |   ^                  |
//!   |  +-------- `done` ------+        |   +--- a push, end --+
//!   |                                  |
//!   +-- it is beyond the level --> at the gate -- a higher level, end --> searching
//!                                      |
//!                                      +-- nothing of that for a while --> it ends
//! ```
//!
//! Termination. `n_open` counts jobs queued, deferred or running, of all queues of a walk. A job
//! adds its children before it subtracts itself (I1), so `n_open == 0` means that no job exists and
//! none can appear (I2). Whoever subtracts the last one wakes everybody, under the locks that
//! parking takes, so nobody parks after it (I3).
//!
//! No wake-up is lost. A pusher makes its job visible, fences, and reads `n_parked`; a parker
//! adds itself to `n_parked`, fences, and looks at all places of its queue. Of the two fences one
//! comes first in the single order of all SeqCst fences: either the pusher sees the parker and
//! wakes it, or the parker sees the job (I4). Who is woken for a job, and has to go to the gate,
//! passes it on.

use crate::sync::lock;
use crossbeam_deque::{Steal, Stealer, Worker};
use crossbeam_utils::CachePadded;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a worker waits before it tries a deferred job again.
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// How long a worker rests before its thread ends.
const REST_MAX: Duration = Duration::from_secs(2);

/// A queue keeps its jobs.
const OPEN: usize = usize::MAX;

/// Jobs of one walk.
pub(crate) struct Queues<J> {
    queues: Box<[Queue<J>]>,
    /// Jobs queued, deferred or running. Its partner is itself: one variable has one order.
    n_open: CachePadded<AtomicUsize>,
    /// Set when a worker panicked: its job will never be done.
    is_aborted: AtomicBool,
    /// The crew is to look: a pool without busy workers has got a job.
    is_called: Mutex<bool>,
    /// The walk has ended, or the crew is called.
    told: Condvar,
}

/// Jobs of one pool of workers.
pub(crate) struct Queue<J> {
    /// Jobs that no worker owns; the last is the first to be taken.
    shared: Mutex<Vec<J>>,
    /// How many these are. Changed under their lock, and read without it.
    n_shared: CachePadded<AtomicUsize>,
    /// One for each worker that has a deque.
    stealers: Box<[Stealer<J>]>,
    /// Jobs that could not run for lack of a descriptor; taken when nothing else is left. First in,
    /// first out: the one that could give a descriptor back must not wait behind the others for ever.
    deferred: Mutex<VecDeque<J>>,
    /// The pool that does its jobs because it has no workers, or [`OPEN`]. Relaxed: a job that was pushed
    /// meanwhile is handed on when the crew looks.
    heir: AtomicUsize,
    /// How many workers it has, according to the crew.
    n_workers: AtomicUsize,
    /// Workers with this number or a higher one rest. Relaxed: a worker that misses a change does one
    /// more job.
    level: AtomicUsize,
    /// Workers that are parked or about to be; pairs with pushes by the fences of I4.
    n_parked: CachePadded<AtomicUsize>,
    park: Mutex<Parked>,
    wake: Condvar,
    gate: Condvar,
}

/// The workers that are parked, and the time that workers were parked, added up.
struct Parked {
    n: u32,
    time: Duration,
    since: Instant,
}

/// One worker's end of the queues.
pub(crate) struct Local<'q, J> {
    queues: &'q Queues<J>,
    /// The number of its own queue.
    pool: usize,
    /// `None` for a worker that uses the shared stack only.
    deque: Option<Worker<J>>,
    /// Its number in its pool: where its search for victims starts, too.
    index: usize,
}

/// What a worker is to do.
pub(crate) enum Next<J> {
    /// This. It needs a `done`.
    Job(J),
    /// Nothing, until the level is higher again.
    Rest,
    /// Nothing for a while.
    Idle,
    /// Nothing: the walk has ended.
    End,
}

impl<J> Queues<J> {
    /// A queue for each number of deques, and these deques.
    pub(crate) fn new(n_deques: &[usize]) -> (Queues<J>, Vec<Vec<Worker<J>>>) {
        let deques: Vec<Vec<Worker<J>>> =
            n_deques.iter().map(|&n| (0..n).map(|_| Worker::new_lifo()).collect()).collect();
        let queues = Queues {
            queues: deques.iter().map(|deques| Queue::new(deques)).collect(),
            n_open: CachePadded::default(),
            is_aborted: AtomicBool::new(false),
            is_called: Mutex::default(),
            told: Condvar::new(),
        };
        (queues, deques)
    }

    pub(crate) fn queue(&self, pool: usize) -> &Queue<J> {
        &self.queues[pool]
    }

    /// Adds a job before the workers start.
    pub(crate) fn inject(&self, pool: usize, job: J) {
        self.n_open.fetch_add(1, Ordering::Relaxed);
        self.queues[pool].share(job);
    }

    fn hand(&self, pool: usize, job: J) {
        let queue = &self.queues[pool];
        let queue = match queue.heir.load(Ordering::Relaxed) {
            OPEN => queue,
            heir => &self.queues[heir],
        };
        queue.share(job);
        queue.wake_one();
        if queue.is_idle() {
            *lock(&self.is_called) = true;
            self.told.notify_all();
        }
    }

    /// The pool has no workers: another one does its jobs. To be called again while it has jobs,
    /// since a worker that pushes may learn of it late.
    pub(crate) fn close(&self, pool: usize, heir: usize) {
        let queue = &self.queues[pool];
        queue.heir.store(heir, Ordering::Relaxed);
        while let Some(job) = queue.take_shared() {
            self.hand(heir, job);
        }
    }

    /// The pool does its jobs itself.
    pub(crate) fn open(&self, pool: usize) {
        self.queues[pool].heir.store(OPEN, Ordering::Relaxed);
    }

    /// Ends the walk for all workers, whatever is still open.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    /// Waits for the end of the walk, but no longer than this, or until the crew is to look. True if
    /// the walk has ended.
    pub(crate) fn wait_for_end(&self, patience: Duration) -> bool {
        let guard = lock(&self.is_called);
        let is_quiet = |is_called: &mut bool| !*is_called && !self.has_ended();
        let waited = self.told.wait_timeout_while(guard, patience, is_quiet);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
        self.has_ended()
    }

    fn has_ended(&self) -> bool {
        // Acquire pairs with the AcqRel of `done`: what the last job did is seen by all.
        self.n_open.load(Ordering::Acquire) == 0 || self.is_aborted.load(Ordering::Relaxed)
    }

    fn wake_all(&self) {
        self.queues.iter().for_each(Queue::wake_all); // I3
        let _guard = lock(&self.is_called);
        self.told.notify_all();
    }
}

impl<J> Queue<J> {
    fn new(deques: &[Worker<J>]) -> Queue<J> {
        Queue {
            shared: Mutex::default(),
            n_shared: CachePadded::default(),
            stealers: deques.iter().map(Worker::stealer).collect(),
            deferred: Mutex::default(),
            heir: AtomicUsize::new(OPEN),
            n_workers: AtomicUsize::new(0),
            level: AtomicUsize::new(usize::MAX),
            n_parked: CachePadded::default(),
            park: Mutex::new(Parked { n: 0, time: Duration::ZERO, since: Instant::now() }),
            wake: Condvar::new(),
            gate: Condvar::new(),
        }
    }

    /// How many workers may work.
    pub(crate) fn set_level(&self, level: usize) {
        let _guard = lock(&self.park);
        if self.level.swap(level, Ordering::Relaxed) == level {
            return;
        }
        // Parked workers may have to go to the gate, and those at the gate through it.
        self.wake.notify_all();
        self.gate.notify_all();
    }

    /// It has so many workers.
    pub(crate) fn set_workers(&self, n: usize) {
        self.n_workers.store(n, Ordering::Relaxed);
    }

    /// True if no worker is busy, or there is none.
    pub(crate) fn is_idle(&self) -> bool {
        let n_able = self.level.load(Ordering::Relaxed).min(self.n_workers.load(Ordering::Relaxed));
        self.n_parked.load(Ordering::Relaxed) >= n_able
    }

    /// For how long workers have found nothing to do, added up over all of them.
    pub(crate) fn idle_time(&self) -> Duration {
        let mut parked = lock(&self.park);
        parked.change(|n| n);
        parked.time
    }

    fn share(&self, job: J) {
        let mut shared = lock(&self.shared);
        shared.push(job);
        self.n_shared.store(shared.len(), Ordering::Relaxed);
    }

    fn take_shared(&self) -> Option<J> {
        if self.n_shared.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut shared = lock(&self.shared);
        let job = shared.pop();
        self.n_shared.store(shared.len(), Ordering::Relaxed);
        job
    }

    pub(crate) fn has_jobs(&self) -> bool {
        self.n_shared.load(Ordering::Relaxed) > 0
            || self.stealers.iter().any(|stealer| !stealer.is_empty())
            || !lock(&self.deferred).is_empty()
    }

    fn wake_one(&self) {
        fence(Ordering::SeqCst); // I4
        if self.n_parked.load(Ordering::Relaxed) > 0 {
            let _guard = lock(&self.park);
            self.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        let _guard = lock(&self.park);
        self.wake.notify_all();
        self.gate.notify_all();
    }
}

impl Parked {
    fn change(&mut self, change: impl FnOnce(u32) -> u32) {
        let now = Instant::now();
        self.time += (now - self.since) * self.n;
        (self.since, self.n) = (now, change(self.n));
    }
}

impl<'q, J> Local<'q, J> {
    pub(crate) fn new(
        queues: &'q Queues<J>,
        pool: usize,
        deque: Option<Worker<J>>,
        index: usize,
    ) -> Self {
        Local { queues, pool, deque, index }
    }

    /// The number of its own queue.
    pub(crate) fn pool(&self) -> usize {
        self.pool
    }

    pub(crate) fn queues(&self) -> &'q Queues<J> {
        self.queues
    }

    fn own(&self) -> &'q Queue<J> {
        &self.queues.queues[self.pool]
    }

    /// Adds a job that this worker will take before all older ones.
    pub(crate) fn push(&self, job: J) {
        // Relaxed: n_open can't reach 0 meanwhile, the job that pushes is counted in it (I1).
        self.queues.n_open.fetch_add(1, Ordering::Relaxed);
        match &self.deque {
            Some(deque) => deque.push(job),
            None => self.own().share(job),
        }
        self.own().wake_one();
    }

    /// Adds a job for another pool.
    pub(crate) fn push_to(&self, pool: usize, job: J) {
        if pool == self.pool {
            return self.push(job);
        }
        self.queues.n_open.fetch_add(1, Ordering::Relaxed);
        self.queues.hand(pool, job);
    }

    /// Adds a job that is to be tried again when nothing else is left, and not at once.
    pub(crate) fn defer(&self, job: J) {
        self.queues.n_open.fetch_add(1, Ordering::Relaxed);
        lock(&self.own().deferred).push_back(job);
    }

    /// A deferred job, at once. It needs a `done`.
    pub(crate) fn next_deferred(&self) -> Option<J> {
        lock(&self.own().deferred).pop_front()
    }

    /// The next job; waits for one, or as long as this.
    ///
    /// A deferred job comes when there is no other, and after a while, unless `is_urgent`.
    pub(crate) fn next(&self, is_urgent: impl Fn() -> bool, patience: Option<Duration>) -> Next<J> {
        loop {
            if self.is_beyond_level() && !self.queues.has_ended() {
                return Next::Rest;
            }
            if let Some(job) = self.take() {
                return Next::Job(job);
            }
            if self.queues.has_ended() {
                return Next::End;
            }
            if let Some(deferred) = self.next_deferred() {
                if !is_urgent() {
                    std::thread::sleep(RETRY_AFTER);
                }
                return Next::Job(deferred);
            }
            if self.park(patience) {
                return Next::Idle;
            }
        }
    }

    /// Rests until it may work again, or the walk has ended; false if that doesn't come for long.
    /// Its jobs are for others.
    pub(crate) fn rest(&self) -> bool {
        let queue = self.own();
        let jobs: Vec<J> =
            std::iter::from_fn(|| self.deque.as_ref().and_then(Worker::pop)).collect();
        // The newest is still the first to be taken.
        jobs.into_iter().rev().for_each(|job| queue.share(job));
        if queue.has_jobs() {
            queue.wake_one();
        }
        let guard = lock(&queue.park);
        let rests = |_: &mut Parked| self.is_beyond_level() && !self.queues.has_ended();
        let rested = queue.gate.wait_timeout_while(guard, REST_MAX, rests);
        !rested.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Its deque, for another worker with its number.
    pub(crate) fn into_deque(self) -> Option<Worker<J>> {
        self.deque
    }

    /// Says that a job from `next` has run, and has added its children.
    pub(crate) fn done(&self) {
        if self.queues.n_open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queues.wake_all();
        }
    }

    fn is_beyond_level(&self) -> bool {
        self.index >= self.own().level.load(Ordering::Relaxed)
    }

    /// True if it has waited as long as this in vain.
    fn park(&self, patience: Option<Duration>) -> bool {
        let queue = self.own();
        let mut is_over = false;
        let mut guard = lock(&queue.park);
        queue.n_parked.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // I4
        if !queue.has_jobs() && !self.queues.has_ended() && !self.is_beyond_level() {
            guard.change(|n| n + 1);
            (guard, is_over) = match patience {
                Some(patience) => {
                    let waited = queue.wake.wait_timeout(guard, patience);
                    let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                    (guard, waited.timed_out())
                }
                None => (queue.wake.wait(guard).unwrap_or_else(PoisonError::into_inner), false),
            };
            guard.change(|n| n - 1);
        }
        queue.n_parked.fetch_sub(1, Ordering::Relaxed);
        drop(guard);
        is_over
    }

    fn take(&self) -> Option<J> {
        let own = self.deque.as_ref().and_then(Worker::pop);
        own.or_else(|| self.own().take_shared()).or_else(|| self.steal())
    }

    fn steal(&self) -> Option<J> {
        let stealers = &self.own().stealers;
        let victims = || (1..=stealers.len()).map(|i| &stealers[(self.index + i) % stealers.len()]);
        loop {
            match victims().map(Stealer::steal).collect::<Steal<J>>() {
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

    /// One worker's life, as the walk has it.
    fn work<J>(local: &Local<'_, J>, mut run: impl FnMut(J)) {
        loop {
            match local.next(|| false, Some(Duration::from_micros(50))) {
                Next::Job(job) => {
                    run(job);
                    local.done();
                }
                Next::Rest => _ = local.rest(),
                Next::Idle => {}
                Next::End => return,
            }
        }
    }

    /// Runs jobs that each push `job - 1` twice, some into the other pool, and counts them.
    /// Meanwhile `meddle` does what it likes.
    fn run(n_workers: usize, n_deques: usize, height: u32, meddle: impl Fn(&Queues<u32>)) -> u64 {
        let (queues, deques) = Queues::new(&[n_deques.min(n_workers), 0]);
        queues.inject(0, height);
        let n_run = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let [deques, _] = <[_; 2]>::try_from(deques).unwrap();
            let mut deques = deques.into_iter();
            for (pool, index) in (0..n_workers).flat_map(|index| [(0, index), (1, index)]) {
                let deque = if pool == 0 { deques.next() } else { None };
                let (queues, n_run) = (&queues, &n_run);
                scope.spawn(move || {
                    let local = Local::new(queues, pool, deque, index);
                    work(&local, |height| {
                        n_run.fetch_add(1, Ordering::Relaxed);
                        if height > 0 {
                            local.push(height - 1);
                            match height % 4 {
                                0 => local.defer(height - 1),
                                1 => local.push_to(1 - pool, height - 1),
                                _ => local.push(height - 1),
                            }
                        }
                    });
                });
            }
            meddle(&queues);
        });
        n_run.into_inner()
    }

    #[test]
    fn t31_t41_every_job_runs_once_whatever_the_number_of_workers() {
        for n_workers in [1, 2, 8, 64] {
            for n_deques in [0, 2, 64] {
                let n_run = run(n_workers, n_deques, 9, |_| ());
                assert_eq!(n_run, (1 << 10) - 1, "{n_workers} workers, {n_deques} deques");
            }
        }
    }

    #[test]
    fn every_job_runs_once_whatever_the_level_does_meanwhile() {
        for n_deques in [0, 2, 16] {
            let n_run = run(16, n_deques, 12, |queues| {
                let levels = [1, 16, 2, 1, 9, 3].into_iter().cycle();
                for level in levels.take_while(|_| !queues.wait_for_end(Duration::from_micros(200)))
                {
                    queues.queue(0).set_level(level);
                    queues.queue(1).set_level(17 - level);
                }
            });
            assert_eq!(n_run, (1 << 13) - 1, "{n_deques} deques");
        }
    }

    #[test]
    fn an_abort_frees_workers_that_are_parked_or_rest() {
        let (queues, deques) = Queues::<()>::new(&[4]);
        queues.inject(0, ()); // never done
        queues.queue(0).set_level(2);
        std::thread::scope(|scope| {
            for (index, deque) in deques.into_iter().flatten().enumerate() {
                let queues = &queues;
                scope.spawn(move || {
                    let local = Local::new(queues, 0, Some(deque), index);
                    loop {
                        match local.next(|| false, None) {
                            Next::Job(()) | Next::Idle => {}
                            Next::Rest => _ = local.rest(),
                            Next::End => return,
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20));
            queues.abort();
        });
    }
}
