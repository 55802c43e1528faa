//! The workers of a walk: started when they are needed, and as many at work as their controller says.
//!
//! The thread that called `walk` has nothing else to do: it waits for the end here, and meanwhile
//! takes a sample now and then. On a busy local disk that is forty times a second; a pool without
//! jobs is left alone, and a job for it calls the crew.

mod budget;
mod threads;

use crate::config::Config;
use crate::controller::{Controller, Sample};
use crate::filesystems::FsIndex;
use crate::frontier::Frontier;
use crate::queue::{Local, Queue, Queues};
use crate::source::{Sink, Source};
use crate::stalls::{Stall, Stalls, raised};
use crate::sync::lock;
use crate::totals::Totals;
use crate::walk::Walk;
use crate::worker::{Job, Start, Worker};
use crossbeam_utils::CachePadded;
use pwalk_sys::Usage;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};
use threads::Threads;

/// Counters are spread over this many cache lines.
const N_SHARDS: usize = 16;

/// Bytes of a worker's stack: it calls nothing that is deep, and there may be hundreds.
const STACK_BYTES: usize = 256 << 10;

/// Address space that must be left when a worker is started, and as much again for each that was before:
/// they don't have all that they will need yet.
const ROOM_LEFT: usize = 16 << 20;
const ROOM_EACH: usize = 512 << 10;

/// How long the answers to one slice should take: shorter costs more switches, and with longer ones
/// workers lack jobs while others have many.
const SLICE_TIME: Duration = Duration::from_millis(3);

/// Slices are shorter than this where requests take long; and there, at first, when nobody knows how
/// long, this short.
pub(crate) const SLOW_SLICE: usize = 64;
const FIRST_SLICE: usize = 4;

/// How long a sample with too few answers is waited for.
const SAMPLE_MAX: Duration = Duration::from_secs(2);

/// How soon a thread is asked for again after the system has refused one.
const RETRY: Duration = Duration::from_secs(1);

/// What a pool's workers and its controller tell each other.
pub(crate) struct Gauge {
    answered: [CachePadded<Answered>; N_SHARDS],
    /// Entries of a slice: now, and at the most.
    slice_len: AtomicUsize,
    slice_len_max: usize,
}

/// Relaxed: numbers to compare, which publish nothing.
#[derive(Default)]
struct Answered {
    n: AtomicU64,
    /// How long workers waited for them, added up.
    nanos: AtomicU64,
}

impl Gauge {
    pub(crate) fn new(slice_len_max: usize) -> Gauge {
        let slice_len_max = slice_len_max.max(1);
        let is_slow = slice_len_max < SLOW_SLICE;
        let slice_len = if is_slow { slice_len_max.min(FIRST_SLICE) } else { slice_len_max };
        Gauge {
            answered: Default::default(),
            slice_len: AtomicUsize::new(slice_len),
            slice_len_max,
        }
    }

    /// A worker has got answers to what it asked then.
    pub(crate) fn count(&self, worker: usize, n: u64, asked: Instant) {
        let shard = &self.answered[worker % N_SHARDS];
        shard.n.fetch_add(n, Relaxed);
        shard.nanos.fetch_add(asked.elapsed().as_nanos() as u64, Relaxed);
    }

    /// Entries of a directory that one worker looks at before others may take the rest.
    pub(crate) fn slice_len(&self) -> usize {
        self.slice_len.load(Relaxed)
    }

    /// So many requests took that long, added up.
    fn fit_slices(&self, n: u64, waited: Duration) {
        if !waited.is_zero() {
            let len = SLICE_TIME.as_nanos() * u128::from(n) / waited.as_nanos();
            self.slice_len.store((len as usize).clamp(1, self.slice_len_max), Relaxed);
        }
    }

    fn answered(&self) -> (u64, Duration) {
        let sum = |of: fn(&Answered) -> &AtomicU64| {
            self.answered.iter().map(|shard| of(shard).load(Relaxed)).sum()
        };
        (sum(|shard| &shard.n), Duration::from_nanos(sum(|shard| &shard.nanos)))
    }
}

/// What the workers brought, and how many they were.
pub(crate) struct Brought {
    pub(crate) totals: Totals,
    /// The most that worked at once, those in place of workers that hung left aside.
    pub(crate) n_workers: usize,
    pub(crate) n_refused: usize,
    /// Requests that stalled, and how many there were.
    pub(crate) stalled: Vec<Stall>,
    pub(crate) n_stalls: u64,
}

/// Runs workers to the end of the walk.
///
/// A system that gives fewer threads than were asked for makes the walk slower and nothing else.
/// It is asked again after a while. If it gives none, the calling thread is the worker; it is not bound
/// to any processor then.
pub(crate) fn run<S: Source, K: Sink>(frontier: Frontier, walk: &Walk<'_, S, K>) -> Brought {
    let Config { placement, n_cores, n_millicores, .. } = walk.config;
    let plans: Vec<_> = (0..walk.n_pools()).map(|pool| Plan::new(walk.config, pool)).collect();
    let n_deques = |plan: &Plan| if placement.steals { plan.n_deques(*n_cores) } else { 0 };
    let (queues, deques) = Queues::new(&plans.iter().map(n_deques).collect::<Vec<_>>());
    // What was shared last is taken first.
    for dir in frontier.into_iter().rev() {
        queues.inject(walk.pool(walk.fs_of_path(&dir)), Job::Start(Box::new(Start::new(dir))));
    }
    // A thread takes its deque when it runs: what was moved into one that can't start is lost.
    let deques: Vec<Vec<_>> = deques
        .into_iter()
        .map(|deques| deques.into_iter().map(|deque| Mutex::new(Some(deque))).collect())
        .collect();
    let work = |pool: usize, index: usize| {
        let place = deques[pool].get(index);
        let deque = place.and_then(|deque| lock(deque).take());
        let worker = Worker::new(walk, Local::new(&queues, pool, deque, index), index);
        let (totals, mut deque) = worker.run();
        // For the next one with this number.
        place.into_iter().for_each(|place| *lock(place) = deque.take());
        totals
    };
    let mut totals = Totals::default();
    let (mut n_workers, mut n_refused) = (0, 0);
    let mut stalls = Stalls::new(walk.control, walk.config.stall_after, plans.len());
    std::thread::scope(|scope| {
        let pool = |(pool, plan)| Pool::new(plan, walk.gauge(pool as FsIndex), queues.queue(pool));
        let mut pools: Vec<_> = plans.into_iter().enumerate().map(pool).collect();
        let work = &work;
        let start = |pool: usize, index: usize| {
            #[cfg(test)]
            if tests::is_refused(pool, index) {
                return None;
            }
            // A thread that lacks memory at its very start ends the process.
            if !pwalk_sys::has_room(ROOM_LEFT + index * ROOM_EACH) {
                return None;
            }
            let work = move || {
                placement.place(index);
                work(pool, index)
            };
            thread(index).spawn_scoped(scope, work).ok()
        };
        loop {
            stalls.look();
            walk.descriptors.set_hung(stalls.n_hung());
            let n_in_all = walk.config.workers_max.max(walk.config.n_workers);
            let wants: Vec<_> = pools.iter().map(Pool::wants).collect();
            let limits = budget::limits(n_in_all, &wants);
            let mut n_running = pools.iter_mut().map(Pool::n_running).sum::<usize>();
            for (number, (pool, limit)) in pools.iter_mut().zip(limits).enumerate() {
                let hung = stalls.hung(number);
                let n_free = (n_in_all + stalls.n_hung()).saturating_sub(n_running);
                let room = Room { limit, n_free, hung };
                n_running += pool.adjust(*n_millicores, &room, |index| start(number, index));
            }
            walk.outlet.set_workers(walk.config, n_running);
            n_workers = n_workers.max(pools.iter().map(|pool| pool.n_counted).sum());
            hand_on(&queues, &pools);
            if n_running == 0 {
                totals.add(&work(0, 0));
            }
            let patience = pools.iter().filter_map(Pool::patience).min();
            let interval = stalls.interval();
            if queues.wait_for_end(patience.map_or(interval, |patience| patience.min(interval))) {
                break;
            }
        }
        n_refused = pools.iter().map(Pool::n_refused).sum();
        pools.into_iter().for_each(|pool| pool.threads.join(&mut totals));
    });
    // The calling thread was one of them, if there was none.
    let n_refused = n_refused.saturating_sub(usize::from(n_workers == 0));
    let (stalled, n_stalls) = stalls.finish();
    Brought { totals, n_workers: n_workers.max(1), n_refused, stalled, n_stalls }
}

/// Jobs of a pool without workers are done by one that has some, or else by the calling thread, which
/// is a worker of the first one.
fn hand_on<J>(queues: &Queues<J>, pools: &[Pool<'_, '_, J>]) {
    let heir = pools.iter().position(|pool| pool.n_active > 0);
    for (number, pool) in pools.iter().enumerate() {
        let may_wait = heir.is_some() && (pool.n_active > 0 || !pool.is_met);
        if may_wait || number == heir.unwrap_or(0) {
            queues.open(number);
        } else {
            queues.close(number, heir.unwrap_or(0));
        }
    }
}

/// With how many workers a pool begins, and how many it may have.
struct Plan {
    n_start: usize,
    n_max: usize,
}

impl Plan {
    /// The first pool begins as the config says, the others as suits their filesystem.
    fn new(config: &Config, pool: usize) -> Plan {
        let tuning = config.filesystems.tuning(pool as FsIndex);
        let n_start = match pool {
            0 => config.n_workers,
            _ => tuning.n_workers(config.n_cores).min(config.workers_max),
        };
        let n_start = n_start.max(1);
        Plan { n_start, n_max: n_start.max(config.workers_max.min(tuning.workers_max)) }
    }

    fn n_deques(&self, n_cores: usize) -> usize {
        n_cores.clamp(1, self.n_max)
    }
}

/// What a pool may have.
struct Room<'a> {
    /// Workers in all, but for those that hang.
    limit: usize,
    /// Threads that may be started.
    n_free: usize,
    /// Its workers that hang, and don't count.
    hung: &'a [usize],
}

/// The workers of one filesystem, as the crew sees them.
struct Pool<'a, 'scope, J> {
    plan: Plan,
    gauge: &'a Gauge,
    queue: &'a Queue<J>,
    /// Begins with the first worker; `None` if their number is fixed.
    controller: Option<Controller>,
    threads: Threads<'scope>,
    /// The walk has met its filesystem.
    is_met: bool,
    /// Those that may work, and without those that do in place of others.
    n_active: usize,
    n_counted: usize,
    /// When the system refused a thread.
    refused: Option<Instant>,
    /// The most threads, and whether the system refused more at the beginning.
    n_running_max: usize,
    was_refused: bool,
    /// When the last sample was taken, and the counters then.
    since: Instant,
    answered: (u64, Duration),
    idle: Duration,
    usage: Usage,
}

impl<'a, 'scope, J> Pool<'a, 'scope, J> {
    fn new(plan: Plan, gauge: &'a Gauge, queue: &'a Queue<J>) -> Self {
        queue.set_level(plan.n_start);
        Pool {
            plan,
            gauge,
            queue,
            controller: None,
            threads: Threads::new(),
            is_met: false,
            n_active: 0,
            n_counted: 0,
            refused: None,
            n_running_max: 0,
            was_refused: false,
            since: Instant::now(),
            answered: (0, Duration::ZERO),
            idle: Duration::ZERO,
            usage: Usage::default(),
        }
    }

    /// How many workers it may soon want.
    fn wants(&self) -> usize {
        let Plan { n_start, n_max } = self.plan;
        match &self.controller {
            _ if !self.is_met => 0,
            _ if self.n_active > 0 && self.queue.is_idle() => 1,
            Some(controller) => (2 * controller.level()).clamp(n_start, n_max),
            None => n_start,
        }
    }

    /// How many threads it has.
    fn n_running(&mut self) -> usize {
        self.threads.reap();
        self.threads.n()
    }

    /// Workers to begin with that the system refused.
    fn n_refused(&self) -> usize {
        if self.was_refused { self.plan.n_start.saturating_sub(self.n_running_max) } else { 0 }
    }

    /// How long it may be left alone, if it measures anything.
    fn patience(&self) -> Option<Duration> {
        let controller = self.controller.as_ref()?;
        let (time, elapsed) = (controller.sample_time(), self.since.elapsed());
        // The longer answers don't come, the more seldom it looks.
        let patience = time.saturating_sub(elapsed).max(time / 4).max(elapsed / 4);
        (self.n_active > 0 && !self.queue.is_idle()).then_some(patience)
    }

    /// Starts the workers that it lacks, and changes their number if a sample says so. A pool
    /// begins with its first job. Others work in place of those that hang. Returns how many threads
    /// were started.
    fn adjust(
        &mut self,
        n_millicores: usize,
        room: &Room<'_>,
        start: impl FnMut(usize) -> Option<ScopedJoinHandle<'scope, Totals>>,
    ) -> usize {
        self.is_met |= self.queue.has_jobs();
        let is_tried_again = self.refused.take_if(|refused| refused.elapsed() >= RETRY).is_some();
        let n_before = self.threads.n();
        if !self.is_met || n_before == 0 && self.refused.is_some() {
            (self.n_active, self.n_counted) = (0, 0);
            return 0;
        }
        let Plan { n_start, n_max } = self.plan;
        if n_before == 0 || is_tried_again && self.n_running_max < n_start {
            self.controller = (n_max > n_start).then(|| Controller::new(n_start, n_max));
        }
        if n_before == 0 {
            (self.since, self.usage) = (Instant::now(), pwalk_sys::usage());
        } else {
            self.measure(n_millicores);
        }
        let limit = if self.refused.is_some() { room.limit.min(n_before) } else { room.limit };
        let level = self.controller.as_mut().map_or(n_start.min(limit), |controller| {
            controller.bound(n_max.min(limit));
            controller.level()
        });
        self.set_level(raised(level, room.hung), room, start);
        self.n_counted = level.min(self.n_active);
        let n_running = self.threads.n();
        self.n_running_max = self.n_running_max.max(n_running);
        self.queue.set_workers(n_running);
        n_running - n_before
    }

    /// So many may work, or as many as there can be.
    fn set_level(
        &mut self,
        level: usize,
        room: &Room<'_>,
        mut start: impl FnMut(usize) -> Option<ScopedJoinHandle<'scope, Totals>>,
    ) {
        let mut n_free = if self.refused.is_some() { 0 } else { room.n_free };
        // First, so that none of them ends for lack of work.
        self.queue.set_level(level.max(1));
        for index in 0..level {
            if self.threads.is_running(index) {
                continue;
            }
            let thread = if n_free > 0 { start(index) } else { None };
            match thread {
                Some(thread) => self.threads.insert(index, thread),
                None => {
                    if n_free > 0 {
                        self.refused = Some(Instant::now());
                        self.was_refused = true;
                    }
                    if let Some(controller) = &mut self.controller {
                        controller.bound(index);
                    }
                    self.queue.set_level(index.max(1));
                    self.n_active = index;
                    return;
                }
            }
            n_free -= 1;
        }
        self.n_active = level;
    }

    /// Gives the controller a sample, unless it is too early for one.
    fn measure(&mut self, n_millicores: usize) {
        let (now, answered) = (Instant::now(), self.gauge.answered());
        let (n, waited) = (answered.0 - self.answered.0, answered.1 - self.answered.1);
        let time = now - self.since;
        let Some(controller) = &mut self.controller else {
            if time >= SAMPLE_MAX {
                self.gauge.fit_slices(n, waited);
                (self.since, self.answered) = (now, answered);
            }
            return;
        };
        let is_long = time >= controller.sample_time() && n >= controller.sample_len();
        if !is_long && time < SAMPLE_MAX {
            return;
        }
        let (idle, usage) = (self.queue.idle_time(), pwalk_sys::usage());
        let share = |part: Duration, n: f64| {
            (part.as_secs_f64() / (time.as_secs_f64() * n)).clamp(0.0, 1.0)
        };
        let sample = Sample {
            n_answered: n,
            waited,
            time,
            n_sleeps: usage.n_sleeps.saturating_sub(self.usage.n_sleeps),
            busy_share: share(
                usage.cpu.saturating_sub(self.usage.cpu),
                n_millicores as f64 / 1000.0,
            ),
            idle_share: share(idle.saturating_sub(self.idle), controller.level() as f64),
        };
        (self.since, self.answered, self.idle, self.usage) = (now, answered, idle, usage);
        self.gauge.fit_slices(n, waited);
        controller.next(&sample);
    }
}

fn thread(index: usize) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("pwalk-{index}")).stack_size(STACK_BYTES)
}

#[cfg(test)]
mod tests {
    use crate::*;
    use std::cell::RefCell;
    use std::os::unix::ffi::OsStrExt;
    use std::time::{Duration, Instant};

    type IsRefused = dyn FnMut(usize, usize) -> bool;

    thread_local! {
        /// Stands in for a system that refuses threads: is asked for each, by pool and number.
        static IS_REFUSED: RefCell<Box<IsRefused>> = RefCell::new(Box::new(|_, _| false));
    }

    pub(super) fn is_refused(pool: usize, index: usize) -> bool {
        IS_REFUSED.with_borrow_mut(|is_refused| is_refused(pool, index))
    }

    /// Takes its time, so that a walk lasts.
    struct Rows(Duration);

    impl Sink for Rows {
        type Error = ();

        fn fields(&self) -> Fields {
            Fields::REPORT
        }

        fn put(&self, _batch: &mut Batch) -> Result<(), ()> {
            std::thread::sleep(self.0);
            Ok(())
        }
    }

    /// Two roots, each with a pool of its own, and threads as the system gives them.
    fn walk_two(
        n_workers: usize,
        pause: Duration,
        is_refused: impl FnMut(usize, usize) -> bool + 'static,
    ) -> Outcome {
        IS_REFUSED.set(Box::new(is_refused));
        let folder = tempfile::tempdir().unwrap();
        let roots = ["a", "b"].map(|name| folder.path().join(name));
        for root in &roots {
            (0..20).for_each(|n| std::fs::create_dir_all(root.join(n.to_string())).unwrap());
        }
        let roots = roots.each_ref().map(|root| root.as_os_str().as_bytes());
        let mut filesystems = Filesystems::new(Tuning { batch_len: 1, ..Tuning::LOCAL });
        let index = filesystems.add(Tuning::REMOTE);
        filesystems.set_path(roots[1], index);
        let config = Config { n_workers, workers_max: 64, filesystems, ..Config::default() };
        let frontier = roots.map(FrontierDir::root).into_iter().collect();
        walk(frontier, &config, &Disk::default(), &Rows(pause), &Control::default()).unwrap()
    }

    #[test]
    fn t47_a_pool_that_gets_no_thread_leaves_its_jobs_to_another_one() {
        let cases: [fn(usize, usize) -> bool; 5] = [
            |pool, _| pool == 0,
            |pool, _| pool == 1,
            |_, _| true,
            |pool, index| pool == 0 || index > 0,
            |_, index| index > 2,
        ];
        for (number, is_refused) in cases.into_iter().enumerate() {
            let outcome = walk_two(4, Duration::ZERO, is_refused);
            assert_eq!(outcome.totals.n_entries.sum(), 42, "case {number}");
            assert!(outcome.n_workers_refused > 0 && outcome.n_workers > 0, "case {number}");
        }
    }

    #[test]
    fn t47_a_thread_that_is_refused_is_asked_for_again() {
        let start = Instant::now();
        let is_refused = move |pool, index| {
            (pool == 0 || index > 0) && start.elapsed() < Duration::from_millis(1500)
        };
        let outcome = walk_two(4, Duration::from_millis(100), is_refused);
        assert_eq!(outcome.totals.n_entries.sum(), 42);
        assert!(outcome.n_workers >= 5 && outcome.n_workers_refused == 0, "{outcome:?}");
    }

    #[test]
    fn workers_that_were_only_tried_are_not_said_to_be_refused() {
        let outcome = walk_two(1, Duration::from_millis(20), |pool, index| pool == 0 && index > 0);
        assert_eq!(outcome.n_workers_refused, 0);
    }
}
