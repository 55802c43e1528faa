//! The workers of a walk: started when they are needed, as many as their controllers say.
//!
//! The thread that called `walk` waits here for the end, and meanwhile looks after the pools: it
//! takes samples, on a busy local disk forty times a second, and starts workers. A pool without jobs
//! is left alone; its next job wakes this thread.

mod budget;
mod gauge;
mod pool;
mod threads;

pub(crate) use gauge::{Gauge, SLOW_SLICE};

use crate::config::Config;
use crate::filesystems::FsIndex;
use crate::frontier::Frontier;
use crate::queue::{Local, Queues};
use crate::source::{Sink, Source};
use crate::stalls::{Stall, Stalls};
use crate::sync::lock;
use crate::totals::Totals;
use crate::walk::Walk;
use crate::worker::{Job, Start, Worker};
use pool::{Plan, Pool, Room};
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;

/// Bytes of a worker's stack: it calls nothing that is deep, and there may be hundreds.
const STACK_BYTES: usize = 256 << 10;

/// Address space that must be left when a worker is started: this much, and more for each worker before it,
/// since these do not have all that they will need yet.
const ROOM_LEFT: usize = 16 << 20;
const ROOM_EACH: usize = 512 << 10;

/// What the workers found, and how many they were.
pub(crate) struct Brought {
    pub(crate) totals: Totals,
    /// The maximum that worked at once, not counting those that replaced workers that hung.
    pub(crate) n_workers: usize,
    pub(crate) n_refused: usize,
    /// Requests that stalled, and how many there were.
    pub(crate) stalled: Vec<Stall>,
    pub(crate) n_stalls: u64,
}

/// Runs workers to the end of the walk.
///
/// If the system starts fewer threads than were asked for, the walk is slower, and nothing else. It is
/// asked again after a while. If it starts none, the calling thread is the worker, and is not bound to
/// any processor then.
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
        let pool = |(pool, plan)| {
            let gauge = walk.gauge(pool as FsIndex);
            Pool::new(plan, walk.config.n_alone, gauge, queues.queue(pool))
        };
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
            let n_running = adjust(&mut pools, &stalls, walk.config, start);
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

/// Gives each pool its share of the workers. Returns how many threads run.
fn adjust<'scope, J>(
    pools: &mut [Pool<'_, 'scope, J>],
    stalls: &Stalls<'_>,
    config: &Config,
    start: impl Fn(usize, usize) -> Option<ScopedJoinHandle<'scope, Totals>>,
) -> usize {
    let n_in_all = config.workers_max.max(config.n_workers);
    let wants: Vec<_> = pools.iter_mut().map(Pool::wants).collect();
    let limits = budget::limits(n_in_all, &wants);
    let mut n_running = pools.iter_mut().map(Pool::n_running).sum::<usize>();
    for (number, (pool, limit)) in pools.iter_mut().zip(limits).enumerate() {
        let hung = stalls.hung(number);
        let n_free = (n_in_all + stalls.n_hung()).saturating_sub(n_running);
        let room = Room { limit, n_free, hung };
        n_running += pool.adjust(config.n_millicores, &room, |index| start(number, index));
    }
    n_running
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
