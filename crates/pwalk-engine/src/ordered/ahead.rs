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
//! How many workers read is measured ([`meter`](super::meter)), or fixed. The consumer starts the
//! first. From then on a worker that has got a directory, and sees that there are others, wakes one
//! more or starts it: a walk whose requests are slow has hundreds within milliseconds, and one
//! that has nothing to read starts none.
//!
//! A worker that finds nothing to do for [`IDLE_MAX`] ends, and the consumer starts others when
//! there is room again: a walk that is paused holds no threads.
//!
//! A handler of a signal may fork while the consumer waits: see [`Patience`].

use super::Workers;
use super::dir_listing::{DirListing, Subdirs};
use super::meter::Meter;
use super::patience::{PATIENCE, Patience};
use super::plan::{Job, Plan};
use super::position::Position;
use super::reader::Reader;
use super::tally::Tally;
use crate::config::Rules;
use crate::control::Control;
use crate::descriptors::Lack;
use crate::names::{NameReader, is_lack};
use crate::pacer::Pacer;
use crate::source::{Base, Source};
use crate::sync::lock;
use pwalk_sys::{DescriptorLimit, Errno};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the end of a walk waits for its workers. Longer than a request takes; who is still
/// in one then is left behind, for a request can hang for ever.
const GRACE: Duration = Duration::from_millis(150);

/// How long a consumer is refused a descriptor while other walks of the process read ahead.
const OTHERS_MAX: Duration = Duration::from_secs(2);

/// How long a worker waits for work before it ends.
const IDLE_MAX: Duration = Duration::from_millis(200);

/// Workers of all walks of the process: more are started only for a walk that is the only one.
const WORKERS_MAX: usize = 256;

/// Bytes of a worker's stack: it calls nothing that is deep, and there may be hundreds.
const STACK_BYTES: usize = 256 << 10;

/// Descriptors of the process that no worker takes.
const RESERVE: u64 = 64;

/// So many must be left before workers read again.
const PLENTY: u64 = RESERVE + RESERVE / 2;

/// Workers of all walks of the process that read a directory: they share its descriptors.
static N_READING: Tally = Tally::new();

/// Workers of all walks of the process.
static N_WORKERS: Tally = Tally::new();

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
    /// There may be only so many requests a second, of the consumer and of workers.
    pub(super) pacer: Option<Arc<Pacer>>,
    /// Who reads ahead, once that was asked.
    workers: OnceLock<Workers<S>>,
    pub(super) state: Mutex<State>,
    /// Workers shall end. Set without the lock, and followed by a turn of it.
    is_closed: AtomicBool,
    work: Condvar,
    news: Condvar,
}

pub(super) struct State {
    pub(super) plan: Plan,
    meter: Meter,
    /// Those of workers, also if they have ended.
    threads: Vec<JoinHandle<()>>,
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
            pacer: None,
            workers: OnceLock::new(),
            state: Mutex::new(State {
                plan,
                meter: Meter::new(),
                threads: Vec::new(),
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
        let (control, base) = (self.control.clone(), self.base.clone());
        let pacer = self.pacer.clone();
        Ahead { pacer, ..Ahead::new(source, rules, control, base, self.root_len) }
    }

    pub(super) fn reader<'a>(&'a self, source: &'a S, buffer_len: usize) -> Reader<'a, S> {
        Reader {
            source,
            rules: &self.rules,
            base: &self.base,
            pacer: self.pacer.as_deref(),
            root_len: self.root_len,
            buffer_len,
            names: NameReader::default(),
            limit: DescriptorLimit::default(),
            n_spare: u64::MAX,
            n_reserved: 0,
            n_answered: 0,
            since: Instant::now(),
            tell: None,
        }
    }

    pub(super) fn may_enter(&self, dirs: &Subdirs, index: usize) -> bool {
        dirs.may_enter(index, self.rules.follow_links())
    }

    /// The consumer has taken something: there may be room again. One is woken, which wakes the
    /// next if there is more to do.
    pub(super) fn wake_workers(&self, state: &State) {
        if state.n_idle > 0 && state.may_begin() && state.plan.has_much_room() {
            self.work.notify_one();
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

    /// True if workers are missing, and there is enough to do for new ones.
    pub(super) fn lacks_workers(&self, state: &State) -> bool {
        state.lacks_a_worker() && state.plan.has_much_room()
    }

    /// Ends the workers; waits for them a little.
    pub(super) fn end(&self) {
        self.is_closed.store(true, Relaxed);
        drop(lock(&self.state));
        self.work.notify_all();
        let are_running = |state: &mut State| state.n_workers > 0;
        let ended = self.news.wait_timeout_while(lock(&self.state), GRACE, are_running);
        let (mut state, timeout) = ended.unwrap_or_else(PoisonError::into_inner);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for worker in threads {
            if !timeout.timed_out() || worker.is_finished() {
                // A panic of the source was met by the consumer too.
                let _ = worker.join();
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_closed.load(Relaxed) || self.control.is_cancelled()
    }
}

impl<S: Source + Send + 'static> Ahead<S> {
    /// Starts a worker, the first of all or of those that have ended since. `ask` says who is to
    /// read ahead, if nobody has said so yet.
    pub(super) fn start(self: &Arc<Self>, ask: impl FnOnce() -> Option<Workers<S>>) {
        if self.workers.get().is_none()
            && let Some(workers) = ask()
        {
            let Workers { n_workers, n_workers_max, n_millicores, .. } = workers;
            let is_paced = self.pacer.is_some();
            // With hardly any requests a second, who reads ahead would be in the consumer's way.
            let most = self.pacer.as_ref().map_or(usize::MAX, |pacer| pacer.n_ahead_max());
            let (n, n_max) = (n_workers.min(most), n_workers_max.min(most));
            lock(&self.state).meter.begin(n, n_max, n_millicores, is_paced);
            let _ = self.workers.set(workers);
        }
        if self.workers.get().is_some() {
            self.call_another(lock(&self.state));
        }
    }

    /// Wakes a worker, or starts one, if there is something to do for it.
    fn call_another(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.n_idle > 0 {
            if state.may_begin() {
                // Who is woken needs the lock.
                drop(state);
                self.work.notify_one();
            }
        } else if state.lacks_a_worker() && !self.is_over() {
            let number = state.n_workers;
            state.n_workers += 1;
            N_WORKERS.add(self.process);
            drop(state);
            self.start_one(number);
        }
    }

    /// Starts a worker that is counted. Without a thread the walk is slower, and no less whole.
    fn start_one(self: &Arc<Self>, number: usize) {
        let builder = std::thread::Builder::new().name(format!("pwalk-ahead-{number}"));
        let ahead = self.clone();
        let started = builder.stack_size(STACK_BYTES).spawn(move || {
            let _counted = Counted(&ahead);
            ahead.read_ahead(number);
        });
        match started {
            Ok(thread) => {
                let mut state = lock(&self.state);
                if state.threads.len() > 2 * state.n_workers {
                    state.threads.retain(|thread| !thread.is_finished());
                }
                state.threads.push(thread);
            }
            Err(_) => {
                lock(&self.state).may_start = false;
                self.count_end();
            }
        }
    }

    /// What a worker does.
    fn read_ahead(self: &Arc<Self>, number: usize) {
        let Some(Workers { source, buffer_len, placement, .. }) = self.workers.get() else {
            return;
        };
        placement.place(number);
        let mut reader = self.reader(source, *buffer_len);
        reader.n_reserved = RESERVE;
        // Whoever has the lock is not kept: the next answer will do.
        let tell = |n_answered| match self.state.try_lock() {
            Ok(mut state) => {
                state.meter.count_answers(n_answered);
                true
            }
            Err(_) => false,
        };
        reader.tell = Some(&tell);
        let mut state = lock(&self.state);
        while let Some((job, (n_read, began))) = self.wait_for_job(state) {
            reader.since = began;
            // What panics here panics again where the consumer reads it.
            let reads =
                AssertUnwindSafe(|| reader.read(&job.path, self.rules.links, || self.is_over()));
            let read = catch_unwind(reads).unwrap_or(Err(Errno::CANCELED));
            state = lock(&self.state);
            state.are_scarce |= reader.n_spare < RESERVE;
            state.meter.end_read(n_read, std::mem::take(&mut reader.n_answered));
            self.after_read(&mut state, job, read);
        }
    }

    /// A directory to read, and the number and time of that read; `None` if there was none for a
    /// while.
    ///
    /// Takes the lock over from whoever has stored what it read: to take it twice for each directory
    /// is what workers would spend their time with.
    fn wait_for_job<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
    ) -> Option<(Job, (u64, Instant))> {
        let mut idle_since = None;
        while !self.is_over() {
            if let Some(job) = state.begin() {
                let n_read = state.meter.begin_read();
                self.call_another(state);
                return Some((job, n_read));
            }
            let since = *idle_since.get_or_insert_with(Instant::now);
            // Who is woken often and gets nothing is not needed either.
            let left = IDLE_MAX.checked_sub(since.elapsed())?;
            state.n_idle += 1;
            let waited = self.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.n_idle -= 1;
        }
        None
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
    }
}

impl State {
    /// True if a worker may begin to read, and there is something, perhaps.
    fn may_begin(&self) -> bool {
        !self.are_scarce
            && self.n_reading < self.n_reading_max.min(self.meter.level())
            && self.plan.has_room(self.n_reading)
            && self.plan.has_work()
    }

    /// True if a thread more is worth its start, as far as this walk and the others go.
    fn lacks_a_worker(&self) -> bool {
        self.n_workers < self.meter.level() && self.may_start && self.may_begin() && {
            let n_all = N_WORKERS.get(self.process);
            n_all < WORKERS_MAX || n_all == self.n_workers
        }
    }

    /// The consumer has to read by itself. If that is because all workers hang, others may work.
    pub(super) fn look_for_hung(&mut self) {
        self.meter.look_for_hung();
    }

    /// The consumer has read by itself, with so many requests.
    pub(super) fn count_alone(&mut self, n_answered: u64, time: Duration) {
        self.meter.count_alone(n_answered, time);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

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
}
