//! Descriptors of open directories: how many there are, and what to do when one is refused.
//!
//! EMFILE means to wait and try again, and never to lose an entry. Who is refused waits for another
//! worker to close a directory, so that names don't pile up meanwhile; if no other worker is busy,
//! its job is put off instead, and it goes on with jobs that need no new descriptor and give one
//! back. Some sources need a descriptor to read an open directory, too: that waits in the same way.
//! A lack is an error only if this walk holds no descriptor that it could give back, for a while:
//! see [`Lack`].

use crate::sync::lock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait for others before looking again whether there are any.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long others (not this walk) may keep all descriptors.
const LACK_MAX: Duration = Duration::from_secs(1);

/// What one refusal adds to a lack at the most, so that it takes at least a hundred: a process
/// that stood still was refused nothing meanwhile (SIGSTOP, a suspended laptop, a frozen cgroup).
const REFUSAL_MAX: Duration = Duration::from_millis(10);

/// The descriptors of one walk.
pub(crate) struct Descriptors {
    /// Directories that are open. Relaxed: it steers, and guards nothing.
    n_open: AtomicUsize,
    /// Those among them that can't be read on without another descriptor: they give none back.
    n_stuck: AtomicUsize,
    /// Directories that were closed so far. Pairs with `n_waiting`, both SeqCst: a closer sees
    /// the waiter, or the waiter sees the close; and `PATIENCE` bounds what a miss could cost.
    n_closed: AtomicU64,
    n_waiting: AtomicUsize,
    /// Workers that run a job, and are not waiting here.
    n_busy: AtomicUsize,
    /// Those among them that hang in a request: nobody knows when they close one.
    n_hung: AtomicUsize,
    /// Set with the first refusal, and never reset: nothing is kept open that need not be.
    is_scarce: AtomicBool,
    /// `n_closed` when a job was last put off: since then it makes sense to try again.
    put_off_at: AtomicU64,
    /// All descriptors are with others.
    lack: Mutex<Option<Lack>>,
    park: Mutex<()>,
    closed: Condvar,
    /// Beyond this many, waiting directories don't keep their parent open.
    n_kept: usize,
}

impl Descriptors {
    /// For a process that may have `limit` descriptors.
    pub(crate) fn new(limit: usize) -> Descriptors {
        Descriptors {
            n_open: AtomicUsize::new(0),
            n_stuck: AtomicUsize::new(0),
            n_closed: AtomicU64::new(0),
            n_waiting: AtomicUsize::new(0),
            n_busy: AtomicUsize::new(0),
            n_hung: AtomicUsize::new(0),
            is_scarce: AtomicBool::new(false),
            put_off_at: AtomicU64::new(0),
            lack: Mutex::default(),
            park: Mutex::default(),
            closed: Condvar::new(),
            n_kept: (limit / 2).min(4096),
        }
    }

    /// True while directories that wait may keep their parent open.
    pub(crate) fn are_plenty(&self) -> bool {
        !self.is_scarce.load(Ordering::Relaxed) && self.n_open.load(Ordering::Relaxed) < self.n_kept
    }

    /// A worker begins a job; it ends with what this returns, by a panic too.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.n_busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }

    /// So many workers hang in a request: nobody waits for them to close a directory.
    pub(crate) fn set_hung(&self, n: usize) {
        self.n_hung.store(n, Ordering::Relaxed);
    }

    /// A directory was opened.
    pub(crate) fn open(&self) {
        self.n_open.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that needs a descriptor had one: it succeeded, or failed for another reason.
    pub(crate) fn had_one(&self) {
        if self.is_scarce.load(Ordering::Relaxed) {
            *lock(&self.lack) = None;
        }
    }

    fn close(&self) {
        self.n_open.fetch_sub(1, Ordering::Relaxed);
        self.n_closed.fetch_add(1, Ordering::SeqCst);
        if self.n_waiting.load(Ordering::SeqCst) > 0 {
            let _guard = lock(&self.park);
            self.closed.notify_one();
        }
    }

    /// How many were closed so far: what `wait` wants to know from before a refusal.
    pub(crate) fn n_closed(&self) -> u64 {
        self.n_closed.load(Ordering::SeqCst)
    }

    /// Waits until a directory was closed since `n_closed`; false if no other worker is busy
    /// that could close one.
    pub(crate) fn wait(&self, n_closed: u64) -> bool {
        self.is_scarce.store(true, Ordering::Relaxed);
        self.n_busy.fetch_sub(1, Ordering::Relaxed);
        let are_others_busy =
            || self.n_busy.load(Ordering::Relaxed) > self.n_hung.load(Ordering::Relaxed);
        self.n_waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = lock(&self.park);
        while self.n_closed() == n_closed && are_others_busy() {
            let waited = self.closed.wait_timeout(guard, PATIENCE);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(guard);
        self.n_waiting.fetch_sub(1, Ordering::SeqCst);
        self.n_busy.fetch_add(1, Ordering::Relaxed);
        self.n_closed() != n_closed
    }

    /// A job is put off; false if it must not be: others hold all descriptors for too long.
    pub(crate) fn put_off(&self) -> bool {
        self.is_scarce.store(true, Ordering::Relaxed);
        self.put_off_at.store(self.n_closed(), Ordering::Relaxed);
        let n_stuck = self.n_stuck.load(Ordering::Relaxed);
        self.n_open.load(Ordering::Relaxed) > n_stuck || self.may_go_on()
    }

    /// The reading of an open directory is put off; false if it must not be.
    pub(crate) fn put_off_reading(&self) -> bool {
        self.n_stuck.fetch_add(1, Ordering::Relaxed);
        let may_wait = self.put_off();
        if !may_wait {
            self.read_again();
        }
        may_wait
    }

    /// A directory whose reading was put off is read again.
    pub(crate) fn read_again(&self) {
        self.n_stuck.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits a moment, in the midst of a job; false if that has lasted for too long.
    pub(crate) fn endure(&self) -> bool {
        std::thread::sleep(PATIENCE);
        self.may_go_on()
    }

    /// Counts a refusal; false if the lack has lasted for too long.
    fn may_go_on(&self) -> bool {
        let now = Instant::now();
        let mut lack = lock(&self.lack);
        lack.get_or_insert_with(|| Lack::since(now)).goes_on(now) < LACK_MAX
    }

    /// True if a directory was closed since a job was last put off.
    pub(crate) fn may_try_again(&self) -> bool {
        self.is_scarce.load(Ordering::Relaxed)
            && self.put_off_at.load(Ordering::Relaxed) != self.n_closed()
    }
}

/// A time in which every call that needed a descriptor was refused one.
pub(crate) struct Lack {
    last_refusal: Instant,
    duration: Duration,
}

impl Lack {
    pub(crate) fn since(now: Instant) -> Lack {
        Lack { last_refusal: now, duration: Duration::ZERO }
    }

    /// How long it has lasted with this refusal.
    pub(crate) fn goes_on(&mut self, now: Instant) -> Duration {
        self.duration += now.saturating_duration_since(self.last_refusal).min(REFUSAL_MAX);
        self.last_refusal = now;
        self.duration
    }
}

/// A worker that runs a job.
pub(crate) struct Busy<'w>(&'w Descriptors);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.n_busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open directory of the source, counted.
pub(crate) struct Handle<'w, D> {
    pub(crate) dir: D,
    _closer: Closer<'w>,
}

/// Counts a close, after the directory itself was dropped: fields drop in order.
struct Closer<'w>(&'w Descriptors);

impl<'w, D> Handle<'w, D> {
    pub(crate) fn new(dir: D, descriptors: &'w Descriptors) -> Self {
        descriptors.open();
        Handle { dir, _closer: Closer(descriptors) }
    }
}

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t46_a_lack_lasts_as_long_as_calls_are_refused_and_not_while_the_process_stands_still() {
        let start = Instant::now();
        let (mut lack, mut now) = (Lack::since(start), start);
        for _ in 0..90 {
            now += Duration::from_secs(3600);
            assert!(lack.goes_on(now) < LACK_MAX);
        }
        now += Duration::from_millis(90);
        assert!(lack.goes_on(now) < LACK_MAX);
        let refusals = (1..).map(|ms| now + Duration::from_millis(ms));
        let n_more = refusals.take_while(|&now| lack.goes_on(now) < LACK_MAX).count();
        assert_eq!(n_more, 89);
    }
}
