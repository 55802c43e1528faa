//! `walk`: starts the workers over a frontier and adds up what they bring.

use crate::config::Config;
use crate::control::Control;
use crate::delivery::Outlet;
use crate::descriptors::Descriptors;
use crate::filter::Filter;
use crate::frontier::Frontier;
use crate::queue::{Local, Queue};
use crate::source::{Sink, Source};
use crate::sync::lock;
use crate::totals::Totals;
use crate::worker::{Job, Worker};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How a walk ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is left to walk: empty unless the budget ended the walk. Each directory in it is
    /// untouched; each that is not in it is complete: its own row and those of its direct
    /// entries were delivered.
    pub frontier: Frontier,
    /// Sums over what was delivered.
    pub totals: Totals,
    /// Workers that walked.
    pub n_workers: usize,
    /// Workers that the config asks for but for which the system refused a thread.
    pub n_workers_refused: usize,
    /// True if it was cancelled: what the sink received must not be used.
    pub is_cancelled: bool,
}

/// Walks everything below `frontier` and delivers it to `sink`, in no guaranteed order, but a
/// directory's row after its direct entries were counted.
///
/// # Errors
///
/// Only the sink can stop a walk with an error: its first one. What could not be seen of the
/// tree is delivered in [`crate::Batch::errors`] and counted in [`Totals::errors`].
///
/// # Panics
///
/// If a worker panics, the others stop and the panic is resumed here.
pub fn walk<S: Source, K: Sink>(
    frontier: Frontier,
    config: &Config,
    source: &S,
    sink: &K,
    control: &Control,
) -> Result<Outcome, K::Error> {
    let outlet = Outlet::new(config, sink, control);
    let walk = Walk::new(config, source, &outlet, control);
    let (totals, n_workers) = run_workers(frontier, &walk);
    let frontier = walk.left.into_inner().unwrap_or_else(PoisonError::into_inner);
    match outlet.into_failure() {
        Some(error) => Err(error),
        None => Ok(Outcome {
            frontier,
            totals,
            n_workers,
            n_workers_refused: config.n_workers.saturating_sub(n_workers),
            is_cancelled: control.is_cancelled(),
        }),
    }
}

/// Runs the workers to the end of the walk: what they bring, and how many they were.
///
/// A system that gives fewer threads than were asked for makes the walk slower and nothing else.
/// If it gives none, the calling thread is the worker; it is not bound to any processor then.
fn run_workers<S: Source, K: Sink>(frontier: Frontier, walk: &Walk<'_, S, K>) -> (Totals, usize) {
    let Config { n_workers, placement, .. } = walk.config;
    let (queue, deques) = Queue::new((*n_workers).max(1), placement.steals);
    for dir in frontier {
        queue.inject(Job::Start(Box::new(dir)));
    }
    // A thread takes its deque when it runs: what was moved into one that can't start is lost.
    let n_deques = deques.len();
    let deques = Mutex::new(deques.into_iter().enumerate());
    let next_worker = || {
        let (index, deque) = lock(&deques).next().expect("there is a deque for each worker");
        Worker::new(walk, Local::new(&queue, deque, index), index)
    };
    let run = || {
        let worker = next_worker();
        placement.place(worker.index());
        worker.run()
    };
    let mut totals = Totals::default();
    let n_started = std::thread::scope(|scope| {
        let spawn = |index| thread(index).spawn_scoped(scope, run).ok();
        let workers: Vec<_> = (0..n_deques).map_while(spawn).collect();
        let n_started = workers.len();
        if workers.is_empty() {
            totals.add(&next_worker().run());
        }
        for worker in workers {
            match worker.join() {
                Ok(sums) => totals.add(&sums),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        n_started
    });
    (totals, n_started.max(1))
}

fn thread(index: usize) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("pwalk-{index}"))
}

/// What all workers of a walk see.
pub(crate) struct Walk<'a, S: Source, K: Sink> {
    pub(crate) config: &'a Config,
    pub(crate) source: &'a S,
    pub(crate) outlet: &'a Outlet<'a, K>,
    pub(crate) control: &'a Control,
    pub(crate) filter: Filter<'a>,
    pub(crate) descriptors: Descriptors,
    /// Where the budget's directories go; the mutex is taken only once it is spent.
    left: Mutex<Frontier>,
    started: Instant,
    /// Entries delivered; counted only under a budget.
    n_delivered: AtomicU64,
    /// Set once the budget is spent, and never reset.
    is_spent: AtomicBool,
}

impl<'a, S: Source, K: Sink> Walk<'a, S, K> {
    fn new(
        config: &'a Config,
        source: &'a S,
        outlet: &'a Outlet<'a, K>,
        control: &'a Control,
    ) -> Self {
        let n_descriptors = usize::try_from(pwalk_sys::descriptor_limit()).unwrap_or(usize::MAX);
        Walk {
            config,
            source,
            outlet,
            control,
            filter: Filter::new(&config.rules),
            descriptors: Descriptors::new(n_descriptors),
            left: Mutex::default(),
            started: Instant::now(),
            n_delivered: AtomicU64::new(0),
            is_spent: AtomicBool::new(false),
        }
    }

    /// True once no new directory may be begun.
    pub(crate) fn is_spent(&self) -> bool {
        // Relaxed throughout: a worker that sees it late begins one directory more.
        let budget = &self.config.budget;
        if budget.n_entries.is_none() && budget.time.is_none() {
            return false;
        }
        let is_over = self.is_spent.load(Relaxed)
            || budget.n_entries.is_some_and(|n| self.n_delivered.load(Relaxed) >= n)
            || budget.time.is_some_and(|time| self.started.elapsed() >= time);
        if is_over {
            self.is_spent.store(true, Relaxed);
        }
        is_over
    }

    /// Counts delivered rows against the budget.
    pub(crate) fn spend(&self, n_rows: u64) {
        if self.config.budget.n_entries.is_some() {
            self.n_delivered.fetch_add(n_rows, Relaxed);
        }
    }

    /// Puts directories into the frontier that the walk returns.
    pub(crate) fn leave(&self, dirs: impl IntoIterator<Item = crate::FrontierDir>) {
        lock(&self.left).extend(dirs);
    }
}
