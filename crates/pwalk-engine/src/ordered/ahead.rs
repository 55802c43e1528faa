//! What the consumer and the workers of a walk in order share, and what a worker does.
//!
//! One mutex around the plan, held for the time of a few lookups, never while the filesystem is
//! asked. Two conditions go with it: `work` (there is room and something to read) and `news`
//! (something was read, or a descriptor is free). A waiting consumer waits for one directory that
//! a worker reads at that moment, and every worker that has read one says so under the lock, so
//! no wake-up is lost.
//!
//! Descriptors: a worker that reads holds one. A thread that is refused one lowers the number of
//! workers that may read at once, so that the consumer, which comes first, gets its own: it waits
//! for a worker to close a directory, and if none holds any, the error is the consumer's, as with
//! `os.walk`. The number rises again, slowly. And while the last [`RESERVE`] of the process are
//! in use, nothing is read ahead at all: they are for the consumer, and for what its caller opens.
//!
//! A worker that finds nothing to do for [`IDLE_MAX`] ends, and the consumer starts others when
//! there is room again: a walk that is paused holds no threads.
//!
//! A handler of a signal may fork while the consumer waits. In the child there are no workers, and
//! its [`Patience`] says so.

use super::Workers;
use super::dir_listing::{DirListing, Subdirs};
use super::plan::{Job, Plan};
use super::position::Position;
use super::reader::Reader;
use crate::config::Rules;
use crate::control::Control;
use crate::descriptors::Lack;
use crate::names::{NameReader, is_lack};
use crate::source::{Base, Source};
use crate::sync::lock;
use pwalk_sys::{DescriptorLimit, Errno};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the consumer goes on before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long the end of a walk waits for its workers. Longer than a request takes; who is still
/// in one then is left behind, for a request can hang for ever.
const GRACE: Duration = Duration::from_millis(150);

/// How long a consumer is refused a descriptor while other walks of the process read ahead.
const OTHERS_MAX: Duration = Duration::from_secs(2);

/// How long a worker waits for work before it ends.
const IDLE_MAX: Duration = Duration::from_millis(200);

/// Workers of all walks of the process: more are started for a walk that is the only one.
const WORKERS_MAX: usize = 256;

/// Descriptors of the process that no worker takes.
const RESERVE: u64 = 64;

/// So many must be left before workers read again.
const PLENTY: u64 = RESERVE + RESERVE / 2;

/// Workers of all walks of the process that read a directory: they share its descriptors.
static N_READING: Tally = Tally(AtomicU64::new(0));

/// Workers of all walks of the process.
static N_WORKERS: Tally = Tally(AtomicU64::new(0));

/// Directories that are read after a lack of descriptors until one worker more may read.
const DIRS_PER_RISE: usize = 256;

pub(super) struct Ahead<S: Source> {
    /// The consumer's; workers may read in another way.
    pub(super) source: Arc<S>,
    pub(super) rules: Arc<Rules>,
    pub(super) control: Arc<Control>,
    /// What a relative root begins at: the working directory when the walk began.
    pub(super) base: Base<S::Dir>,
    pub(super) root_len: usize,
    /// The process that the workers belong to.
    pub(super) process: u32,
    pub(super) state: Mutex<State>,
    /// Workers shall end. Set without the lock, and followed by a turn of it.
    is_closed: AtomicBool,
    work: Condvar,
    news: Condvar,
}

pub(super) struct State {
    pub(super) plan: Plan,
    process: u32,
    /// Hardly any descriptor is left to the process.
    are_scarce: bool,
    /// No thread was refused so far.
    may_start: bool,
    /// Workers that have not ended.
    n_workers: usize,
    /// Workers that wait for work.
    n_idle: usize,
    /// Workers that read a directory, and may hold a descriptor.
    n_reading: usize,
    /// As many may.
    n_reading_max: usize,
    /// Directories that were read since `n_reading_max` changed.
    n_since_change: usize,
    /// What the consumer waits for.
    awaited: Option<Awaited>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// What a worker reads.
    Directory(Position),
    /// That this many workers or fewer read.
    Descriptor { n_reading: usize },
}

impl<S: Source> Ahead<S> {
    pub(super) fn new(
        source: Arc<S>,
        rules: Arc<Rules>,
        control: Arc<Control>,
        base: Base<S::Dir>,
        root_len: usize,
    ) -> Self {
        let plan = Plan::new(rules.follow_links());
        Ahead {
            source,
            rules,
            control,
            base,
            root_len,
            process: std::process::id(),
            state: Mutex::new(State {
                plan,
                process: std::process::id(),
                are_scarce: false,
                may_start: true,
                n_workers: 0,
                n_idle: 0,
                n_reading: 0,
                n_reading_max: usize::MAX,
                n_since_change: 0,
                awaited: None,
            }),
            is_closed: AtomicBool::new(false),
            work: Condvar::new(),
            news: Condvar::new(),
        }
    }

    /// The same walk, with nothing planned and nobody who reads ahead.
    pub(super) fn without_plan(&self) -> Self {
        let (source, rules) = (self.source.clone(), self.rules.clone());
        Ahead::new(source, rules, self.control.clone(), self.base.clone(), self.root_len)
    }

    pub(super) fn reader<'a>(&'a self, source: &'a S, buffer_len: usize) -> Reader<'a, S> {
        Reader {
            source,
            rules: &self.rules,
            base: &self.base,
            root_len: self.root_len,
            buffer_len,
            names: NameReader::default(),
            limit: DescriptorLimit::default(),
            n_spare: u64::MAX,
            n_reserved: 0,
        }
    }

    pub(super) fn may_enter(&self, dirs: &Subdirs, index: usize) -> bool {
        dirs.may_enter(index, self.rules.follow_links())
    }

    /// The consumer has taken something: there may be room again.
    pub(super) fn wake_workers(&self, state: &State) {
        if state.n_idle > 0 && state.may_begin() && state.plan.has_much_room() {
            self.work.notify_all();
        }
    }

    /// Waits until something is no more awaited, or the consumer's patience is over.
    pub(super) fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        awaited: Awaited,
        patience: &mut Patience<'_>,
    ) -> MutexGuard<'a, State> {
        state.awaited = Some(awaited);
        while state.awaited.is_some() && !patience.is_over() {
            let waited = self.news.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.awaited = None;
        state
    }

    /// The consumer was refused a descriptor: waits until a worker has closed a directory. True if
    /// none has one open, and none will before the consumer has read a directory. `lack` counts
    /// the time for which it is not this walk that has them.
    pub(super) fn wait_for_descriptor(&self, lack: &mut Lack, patience: &mut Patience<'_>) -> bool {
        let mut state = lock(&self.state);
        let n_reading = state.n_reading.saturating_sub(1);
        state.bound_readers(n_reading);
        if state.n_reading > 0 {
            state = self.wait(state, Awaited::Descriptor { n_reading }, patience);
        } else if N_READING.get(self.process) > 0 && lack.goes_on(Instant::now()) < OTHERS_MAX {
            drop(state);
            // Nobody tells one walk what another one does.
            std::thread::sleep(Duration::from_millis(1));
            patience.is_over();
            return false;
        }
        state.n_reading == 0 && state.n_reading_max == 0
    }

    /// A worker has ended, or could not be started.
    fn count_end(&self) {
        N_WORKERS.subtract(self.process);
        lock(&self.state).n_workers -= 1;
        self.news.notify_all();
    }

    /// True if workers have ended, and there is enough to do for new ones.
    pub(super) fn lacks_workers(&self, state: &State, n_workers: usize) -> bool {
        let is_short = state.may_start && state.n_workers < n_workers;
        is_short && state.may_begin() && state.plan.has_much_room()
    }

    /// Ends the workers; waits for them a little.
    pub(super) fn end(&self, workers: Vec<JoinHandle<()>>) {
        self.is_closed.store(true, Relaxed);
        drop(lock(&self.state));
        self.work.notify_all();
        let are_running = |state: &mut State| state.n_workers > 0;
        let ended = self.news.wait_timeout_while(lock(&self.state), GRACE, are_running);
        let are_all = !ended.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        for worker in workers {
            if are_all || worker.is_finished() {
                // A panic of the source was met by the consumer too.
                let _ = worker.join();
            }
        }
    }
}

impl<S: Source + Send + 'static> Ahead<S> {
    /// Starts workers, as many as are missing. Without a thread the walk is slower, and no less
    /// whole.
    pub(super) fn start(self: &Arc<Self>, workers: &Workers<S>) -> Vec<JoinHandle<()>> {
        let Workers { n_workers, source, buffer_len, placement } = workers;
        let buffer_len = *buffer_len;
        let n_running = lock(&self.state).n_workers;
        let n_max = match N_WORKERS.get(self.process) {
            0 => usize::MAX,
            n => n_running + WORKERS_MAX.saturating_sub(n),
        };
        let start_one = |number| {
            let (ahead, source, placement) = (self.clone(), source.clone(), placement.clone());
            let builder = std::thread::Builder::new().name(format!("pwalk-ahead-{number}"));
            lock(&self.state).n_workers += 1;
            N_WORKERS.add(self.process);
            let started = builder.spawn(move || {
                let _counted = Counted(&ahead);
                placement.place(number);
                ahead.read_ahead(&source, buffer_len);
            });
            if started.is_err() {
                self.count_end();
                lock(&self.state).may_start = false;
            }
            started.ok()
        };
        (n_running..(*n_workers).min(n_max)).map_while(start_one).collect()
    }

    /// What a worker does.
    fn read_ahead(&self, source: &S, buffer_len: usize) {
        let is_closed = || self.is_closed.load(Relaxed);
        let mut reader = self.reader(source, buffer_len);
        reader.n_reserved = RESERVE;
        let mut is_idle = false;
        let mut state = lock(&self.state);
        while !is_closed() {
            let Some(job) = state.begin() else {
                if is_idle {
                    break;
                }
                state.n_idle += 1;
                let waited = self.work.wait_timeout(state, IDLE_MAX);
                let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                (state, is_idle) = (guard, timeout.timed_out());
                state.n_idle -= 1;
                continue;
            };
            is_idle = false;
            drop(state);
            // What panics here panics again where the consumer reads it.
            let links = self.rules.links;
            let reads = AssertUnwindSafe(|| reader.read(&job.path, links, is_closed));
            let read = catch_unwind(reads).unwrap_or(Err(Errno::CANCELED));
            state = lock(&self.state);
            state.are_scarce |= reader.n_spare < RESERVE;
            self.after_read(&mut state, job, read);
        }
    }

    fn after_read(&self, state: &mut State, job: Job, read: Result<DirListing, Errno>) {
        state.n_reading -= 1;
        N_READING.subtract(self.process);
        let position = job.position();
        match read {
            Err(errno) if is_lack(errno) => {
                if !state.are_scarce {
                    state.bound_readers(state.n_reading);
                }
                state.plan.give_back(job);
            }
            read => {
                state.plan.store(&job, read.ok());
                state.count_read();
            }
        }
        let is_news = match state.awaited {
            Some(Awaited::Directory(awaited)) => awaited == position,
            Some(Awaited::Descriptor { n_reading }) => state.n_reading <= n_reading,
            None => false,
        };
        if is_news {
            state.awaited = None;
            self.news.notify_one();
        }
        if state.n_idle > 0 && state.may_begin() {
            self.work.notify_one();
        }
    }
}

impl State {
    /// True if a worker may begin to read, and there is something, perhaps.
    fn may_begin(&self) -> bool {
        !self.are_scarce
            && self.n_reading < self.n_reading_max
            && self.plan.has_room()
            && self.plan.has_work()
    }

    fn begin(&mut self) -> Option<Job> {
        let job = if self.may_begin() { self.plan.take()? } else { return None };
        self.n_reading += 1;
        N_READING.add(self.process);
        Some(job)
    }

    /// The consumer has opened a directory, after which so many descriptors are left.
    pub(super) fn note_spare(&mut self, n_spare: u64) {
        self.are_scarce = n_spare < if self.are_scarce { PLENTY } else { RESERVE };
    }

    /// Somebody was refused a descriptor.
    fn bound_readers(&mut self, n_reading: usize) {
        self.n_reading_max = self.n_reading_max.min(n_reading);
        self.n_since_change = 0;
    }

    /// A directory was read, by whomever: after some, one worker more may try.
    pub(super) fn count_read(&mut self) {
        self.n_since_change += 1;
        if self.n_since_change >= DIRS_PER_RISE {
            self.n_reading_max = self.n_reading_max.saturating_add(1);
            self.n_since_change = 0;
        }
    }
}

/// A worker, until it has ended.
struct Counted<'a, S: Source>(&'a Ahead<S>);

impl<S: Source> Drop for Counted<'_, S> {
    fn drop(&mut self) {
        self.0.count_end();
    }
}

/// A number that all walks of a process share. Relaxed: who misses a change looks again.
///
/// A process that forks takes none of what is counted along, so the upper half is the process that
/// it is the number of.
struct Tally(AtomicU64);

impl Tally {
    fn get(&self, process: u32) -> usize {
        let (owner, n) = Tally::parts(self.0.load(Relaxed));
        if owner == process { n as usize } else { 0 }
    }

    fn add(&self, process: u32) {
        self.change(process, |n| n + 1);
    }

    fn subtract(&self, process: u32) {
        self.change(process, |n| n.saturating_sub(1));
    }

    fn change(&self, process: u32, to: impl Fn(u32) -> u32) {
        let changed = |value| {
            let (owner, n) = Tally::parts(value);
            let n = to(if owner == process { n } else { 0 });
            Some(u64::from(process) << 32 | u64::from(n))
        };
        let _ = self.0.fetch_update(Relaxed, Relaxed, changed);
    }

    fn parts(value: u64) -> (u32, u32) {
        ((value >> 32) as u32, value as u32)
    }
}

/// How long the consumer may be kept.
pub(super) struct Patience<'a> {
    is_stopped: &'a mut dyn FnMut() -> bool,
    control: Arc<Control>,
    asked: Instant,
    has_ended: bool,
    process: u32,
    has_forked: bool,
}

impl<'a> Patience<'a> {
    pub(super) fn new(is_stopped: &'a mut dyn FnMut() -> bool, control: Arc<Control>) -> Self {
        let (asked, process) = (Instant::now(), std::process::id());
        Patience { is_stopped, control, asked, has_ended: false, process, has_forked: false }
    }

    /// Asks every now and then, and not again once that said yes: it may say so only once. Over,
    /// too, once whoever was asked has forked, and this is the child.
    pub(super) fn is_over(&mut self) -> bool {
        let is_over = self.has_ended || self.has_forked;
        if !is_over && self.asked.elapsed() >= PATIENCE {
            self.asked = Instant::now();
            self.has_ended = self.control.is_cancelled() || (self.is_stopped)();
            self.has_forked = self.process != std::process::id();
        }
        self.has_ended || self.has_forked
    }

    /// True if this has become another process since that was last taken.
    pub(super) fn has_forked(&self) -> bool {
        self.has_forked
    }

    /// The same, and takes it.
    pub(super) fn take_fork(&mut self) -> bool {
        self.process = std::process::id();
        std::mem::take(&mut self.has_forked)
    }

    /// True once it was found to be over.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    #[test]
    fn whoever_has_stopped_a_step_is_not_asked_again() {
        let mut n_asked = 0;
        let mut is_stopped = || {
            n_asked += 1;
            n_asked == 1
        };
        let mut patience = Patience::new(&mut is_stopped, Arc::default());
        for _ in 0..3 {
            patience.asked = Instant::now().checked_sub(PATIENCE).expect("the clock runs");
            assert!(patience.is_over());
        }
        assert_eq!(n_asked, 1);
    }

    /// While it waited for its own workers, or the process stood still, it was refused nothing.
    #[test]
    fn t46_the_time_between_two_refusals_is_no_lack_of_the_consumer() {
        let disk = Disk::new();
        let ahead = Ahead::new(Arc::new(disk), Arc::default(), Arc::default(), Base::None, 0);
        let mut is_stopped = || false;
        let mut patience = Patience::new(&mut is_stopped, Arc::default());
        let hour = Duration::from_secs(3600);
        let mut lack = Lack::since(Instant::now().checked_sub(hour).expect("the clock runs"));
        N_READING.add(ahead.process);
        assert!(!ahead.wait_for_descriptor(&mut lack, &mut patience), "another walk has it");
        N_READING.subtract(ahead.process);
        assert!(ahead.wait_for_descriptor(&mut lack, &mut patience), "nobody has it");
    }

    #[test]
    fn t50_what_a_process_has_counted_is_nothing_to_its_child() {
        let tally = Tally(AtomicU64::new(0));
        (0..3).for_each(|_| tally.add(7));
        tally.subtract(7);
        assert_eq!((tally.get(7), tally.get(8)), (2, 0));
        tally.add(8);
        tally.add(8);
        assert_eq!((tally.get(7), tally.get(8)), (0, 2));
        (0..3).for_each(|_| tally.subtract(8));
        assert_eq!(tally.get(8), 0);
    }
}
