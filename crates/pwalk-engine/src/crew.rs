//! The workers of a walk: started when they are needed, and as many at work as their controller says.
//!
//! The thread that called `walk` has nothing else to do: it waits for the end here, and meanwhile
//! takes a sample now and then. On a busy local disk that is forty times a second.

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

/// Counters are spread over this many cache lines.
const N_SHARDS: usize = 16;

/// Bytes of a worker's stack: it calls nothing that is deep, and there may be hundreds.
const STACK_BYTES: usize = 256 << 10;

/// How long the answers to one slice should take: shorter costs more switches, and with longer ones
/// workers lack jobs while others have many.
const SLICE_TIME: Duration = Duration::from_millis(3);

/// Slices are shorter than this where requests take long; and there, at first, when nobody knows how
/// long, this short.
pub(crate) const SLOW_SLICE: usize = 64;
const FIRST_SLICE: usize = 4;

/// How long a sample with too few answers is waited for.
const SAMPLE_MAX: Duration = Duration::from_secs(2);

/// How soon a pool gets its first workers.
const NEW_POOL: Duration = Duration::from_millis(5);

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
    /// The most that worked at once.
    pub(crate) n_workers: usize,
    pub(crate) n_refused: usize,
    /// Requests that stalled, and how many there were.
    pub(crate) stalled: Vec<Stall>,
    pub(crate) n_stalls: u64,
}

/// Runs workers to the end of the walk.
///
/// A system that gives fewer threads than were asked for makes the walk slower and nothing else.
/// If it gives none, the calling thread is the worker; it is not bound to any processor then.
pub(crate) fn run<S: Source, K: Sink>(frontier: Frontier, walk: &Walk<'_, S, K>) -> Brought {
    let Config { placement, n_cores, .. } = walk.config;
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
    let worker = |pool: usize, index: usize| {
        let deque = deques[pool].get(index).and_then(|deque| lock(deque).take());
        Worker::new(walk, Local::new(&queues, pool, deque, index), index)
    };
    let mut totals = Totals::default();
    let mut pools: Vec<_> = plans
        .iter()
        .enumerate()
        .map(|(pool, plan)| Pool::new(plan, walk.gauge(pool as FsIndex), queues.queue(pool)))
        .collect();
    let mut stalls = Stalls::new(walk.control, walk.config.stall_after, pools.len());
    std::thread::scope(|scope| {
        let worker = &worker;
        let mut threads: Vec<ScopedJoinHandle<'_, Totals>> = Vec::new();
        let mut start = |pool: usize, index: usize| {
            let work = move || {
                placement.place(index);
                worker(pool, index).run()
            };
            let started = thread(index).spawn_scoped(scope, work);
            started.map(|thread| threads.push(thread)).is_ok()
        };
        loop {
            stalls.look();
            walk.descriptors.set_hung(stalls.n_hung());
            for (number, pool) in pools.iter_mut().enumerate() {
                pool.adjust(*n_cores, stalls.hung(number), |index| start(number, index));
                if number > 0 && pool.is_without_workers() {
                    queues.close(number);
                }
            }
            let n_workers = pools.iter().map(|pool| pool.n_started).sum();
            walk.outlet.set_workers(walk.config, n_workers);
            if n_workers == 0 {
                (1..pools.len()).for_each(|pool| queues.close(pool));
                totals.add(&worker(0, 0).run());
            }
            let patience = pools.iter().filter_map(Pool::patience).min();
            let interval = stalls.interval();
            if queues.wait_for_end(patience.map_or(interval, |patience| patience.min(interval))) {
                break;
            }
        }
        for thread in threads {
            match thread.join() {
                Ok(sums) => totals.add(&sums),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    // A pool that was not needed has begun nothing.
    let begun = pools.iter().filter(|pool| pool.n_started > 0);
    let n_workers: usize = begun.map(|pool| pool.level_max).sum();
    let n_refused: usize = pools.iter().map(|pool| pool.n_refused).sum();
    // The calling thread was one of them, if there was none.
    let n_refused = n_refused.saturating_sub(usize::from(n_workers == 0));
    let (stalled, n_stalls) = stalls.finish();
    Brought { totals, n_workers: n_workers.max(1), n_refused, stalled, n_stalls }
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
        self.n_start.max(n_cores).min(self.n_max)
    }
}

/// The workers of one filesystem, as the crew sees them.
struct Pool<'a, J> {
    gauge: &'a Gauge,
    queue: &'a Queue<J>,
    /// `None` if their number is fixed.
    controller: Option<Controller>,
    level_max: usize,
    n_started: usize,
    n_refused: usize,
    /// The workers that hang, and don't count.
    hung: Vec<usize>,
    /// When the last sample was taken, and the counters then.
    since: Instant,
    answered: (u64, Duration),
    idle: Duration,
    usage: Usage,
}

impl<'a, J> Pool<'a, J> {
    fn new(plan: &Plan, gauge: &'a Gauge, queue: &'a Queue<J>) -> Self {
        let Plan { n_start, n_max } = *plan;
        queue.set_level(n_start);
        Pool {
            gauge,
            queue,
            controller: (n_max > n_start).then(|| Controller::new(n_start, n_max)),
            level_max: n_start,
            n_started: 0,
            n_refused: 0,
            hung: Vec::new(),
            since: Instant::now(),
            answered: (0, Duration::ZERO),
            idle: Duration::ZERO,
            usage: Usage::default(),
        }
    }

    /// True if the system gives it none.
    fn is_without_workers(&self) -> bool {
        self.n_started == 0 && self.n_refused > 0
    }

    /// How long it may be left alone, if it measures anything.
    fn patience(&self) -> Option<Duration> {
        match &self.controller {
            Some(controller) if self.n_started > 0 => {
                let time = controller.sample_time();
                // With too few answers by then, it asks again soon.
                Some(time.saturating_sub(self.since.elapsed()).max(time / 4))
            }
            // There may be jobs for it by then.
            Some(_) => Some(NEW_POOL),
            None => None,
        }
    }

    /// Starts the workers that it lacks, and changes their number if a sample says so. A pool
    /// begins with its first job. Others work in place of those that hang.
    fn adjust(&mut self, n_cores: usize, hung: &[usize], mut start: impl FnMut(usize) -> bool) {
        if self.n_started == 0 {
            if !self.queue.has_jobs() || self.n_refused > 0 {
                return;
            }
            (self.since, self.usage) = (Instant::now(), pwalk_sys::usage());
        } else if !self.measure(n_cores) && self.hung == hung {
            return;
        }
        hung.clone_into(&mut self.hung);
        let level = self.controller.as_ref().map_or(self.level_max, Controller::level);
        while self.n_started < level && start(self.n_started) {
            self.n_started += 1;
        }
        if self.n_started < level {
            // There are as many as there can be.
            self.n_refused += level - self.n_started;
            self.controller = None;
            self.level_max = self.n_started;
        }
        let level = level.min(self.n_started);
        self.level_max = self.level_max.max(level);
        let level = raised(level, hung);
        while self.n_started < level && start(self.n_started) {
            self.n_started += 1;
        }
        self.queue.set_level(level.max(1));
    }

    /// Gives the controller a sample; false if it is too early for one.
    fn measure(&mut self, n_cores: usize) -> bool {
        let (now, answered) = (Instant::now(), self.gauge.answered());
        let (n, waited) = (answered.0 - self.answered.0, answered.1 - self.answered.1);
        let time = now - self.since;
        let Some(controller) = &mut self.controller else {
            if time >= SAMPLE_MAX {
                self.gauge.fit_slices(n, waited);
                (self.since, self.answered) = (now, answered);
            }
            return false;
        };
        let is_long = time >= controller.sample_time() && n >= controller.sample_len();
        if !is_long && time < SAMPLE_MAX {
            return false;
        }
        let (idle, usage) = (self.queue.idle_time(), pwalk_sys::usage());
        let share = |part: Duration, n: usize| {
            (part.as_secs_f64() / (time.as_secs_f64() * n as f64)).clamp(0.0, 1.0)
        };
        let sample = Sample {
            n_answered: n,
            waited,
            time,
            n_sleeps: usage.n_sleeps - self.usage.n_sleeps,
            busy_share: share(usage.cpu.saturating_sub(self.usage.cpu), n_cores.max(1)),
            idle_share: share(idle.saturating_sub(self.idle), controller.level()),
        };
        (self.since, self.answered, self.idle, self.usage) = (now, answered, idle, usage);
        self.gauge.fit_slices(n, waited);
        let level = controller.level();
        controller.next(&sample) != level
    }
}

fn thread(index: usize) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("pwalk-{index}")).stack_size(STACK_BYTES)
}
