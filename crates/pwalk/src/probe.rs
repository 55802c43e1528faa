//! Probes a path: how long its requests take, and how many at once pay off.
//!
//! Reads the tree below, keeps nothing, and changes nothing. It does so with one worker for a
//! moment, then with two, and so on. Each number continues where the previous one stopped, since
//! what has been read is in a cache and would be answered at once. If the tree has been read before
//! the time is up, it is read again.
//!
//! Stays on the filesystem of the path, and ends in time, whatever is not answered by then.

mod timed;

use crate::error::Error;
use crate::settings::Settings;
use crate::setup::{Setup, WalkConfig};
use pwalk_engine::{Batch, Budget, Config, Control, Fields, Frontier, Sink, Waiting};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use timed::{N_CALLS, Timed, Times};

/// A higher level pays off if its rate is this many times as high.
const GAIN_MIN: f64 = 1.1;

/// After this many levels in a row without a gain no higher one is tried.
const N_DOUBTS: usize = 2;

/// A tree with fewer requests than this for each worker is too small for that number of workers.
const REQUESTS_PER_WORKER: u64 = 32;

/// How often it checks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(10);

/// A request that has taken this long when the time is up hangs.
const HANGS: Duration = Duration::from_millis(500);

/// What to probe, and for how long.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// The tree.
    pub path: PathBuf,
    /// The maximum time.
    pub time: Duration,
    /// The maximum number of workers to try; `None`: as many as a walk may have.
    pub threads: Option<usize>,
    /// How the system is used.
    pub settings: Settings,
}

/// The result.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The levels that were tried, ascending.
    pub levels: Vec<Tried>,
    /// The kinds of requests, each by itself, with the fewest workers that were tried.
    pub calls: Vec<Call>,
    /// How often the whole tree was read.
    pub n_passes: u64,
    /// How long it took.
    pub time: Duration,
    /// The tree is too small to keep more workers busy than were tried.
    pub is_small: bool,
    /// Requests that are not answered yet, the oldest first.
    pub waiting: Vec<Waiting>,
}

/// The result for one number of workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// The workers: as many requests at once.
    pub level: usize,
    /// Requests that were answered.
    pub n_requests: u64,
    /// Requests a second.
    pub rate: f64,
    /// The median time of a request.
    pub median: Duration,
    /// The 99th percentile of the time of a request.
    pub slowest: Duration,
    /// All of it had been read before, so that caches may have answered.
    pub is_repeated: bool,
}

/// How long a kind of request took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The system call.
    pub name: &'static str,
    /// How many there were.
    pub n: u64,
    /// The median time.
    pub median: Duration,
    /// The 99th percentile.
    pub slowest: Duration,
}

/// In the order of the timed source.
const NAMES: [&str; N_CALLS] = ["open", "getdents", "statx"];

impl Probe {
    /// Probes a path. `on_level` is called before each level is tried.
    ///
    /// # Errors
    ///
    /// `Root` if the path is missing or not readable, `Cancelled` once `control` is.
    pub fn run(
        config: &ProbeConfig,
        control: &Control,
        on_level: impl Fn(usize),
    ) -> Result<Probe, Error> {
        let started = Instant::now();
        let mut trial = Trial::new(config, control, started + config.time)?;
        let mut levels: Vec<Tried> = Vec::new();
        let mut calls = Vec::new();
        let mut plan = Plan::new(trial.level_max);
        while let Some(level) = plan.next(&levels, trial.requests_of_tree) {
            let left = config.time.saturating_sub(started.elapsed()) / plan.n_left(level);
            if left < LOOK {
                break;
            }
            on_level(level);
            let Some((tried, times)) = trial.level(level, left)? else { break };
            if levels.is_empty() {
                calls = calls_of(&times);
            }
            levels.push(tried);
        }
        levels.sort_by_key(|tried| tried.level);
        let waiting = if trial.is_stuck { trial.control.waiting(HANGS) } else { Vec::new() };
        let (n_passes, is_small) = (trial.n_passes, plan.is_small);
        Ok(Probe { levels, calls, n_passes, time: started.elapsed(), is_small, waiting })
    }

    /// The lowest level whose rate is within 10% of the best.
    pub fn best(&self) -> Option<&Tried> {
        best(&self.levels)
    }
}

fn best(levels: &[Tried]) -> Option<&Tried> {
    let highest = levels.iter().map(|tried| tried.rate).fold(0.0, f64::max);
    let is_worth_it = |tried: &&Tried| tried.rate > 0.0 && tried.rate * GAIN_MIN >= highest;
    levels.iter().filter(is_worth_it).min_by_key(|tried| tried.level)
}

fn calls_of(times: &Times) -> Vec<Call> {
    let call = |(number, name): (usize, &'static str)| {
        let times = times.of(number);
        let (median, slowest) = (times.quantile(0.5), times.quantile(0.99));
        Call { name, n: times.len(), median, slowest }
    };
    NAMES.into_iter().enumerate().map(call).filter(|call| call.n > 0).collect()
}

/// Which level comes next: twice the previous one while that pays off, and then one below the best.
struct Plan {
    level_max: usize,
    /// The one below the best was tried, or is.
    is_last: bool,
    is_small: bool,
}

impl Plan {
    fn new(level_max: usize) -> Plan {
        Plan { level_max, is_last: false, is_small: false }
    }

    fn next(&mut self, tried: &[Tried], requests_of_tree: Option<u64>) -> Option<usize> {
        let Some(last) = tried.last() else { return Some(1) };
        if self.is_last {
            return None;
        }
        let next = (2 * last.level).min(self.level_max);
        let earlier = &tried[..tried.len().saturating_sub(N_DOUBTS)];
        let highest = earlier.iter().map(|tried| tried.rate).fold(0.0, f64::max);
        let is_futile = !earlier.is_empty()
            && tried[earlier.len()..].iter().all(|tried| tried.rate < highest * GAIN_MIN);
        let may_rise = next > last.level && !is_futile;
        let n_least = REQUESTS_PER_WORKER * next as u64;
        self.is_small = may_rise && requests_of_tree.is_some_and(|n| n < n_least);
        if may_rise && !self.is_small {
            return Some(next);
        }
        self.is_last = true;
        best(tried).map(|best| best.level * 3 / 4).filter(|level| *level > 2)
    }

    /// How many levels there may still be, this one included.
    fn n_left(&self, level: usize) -> u32 {
        if self.is_last { 1 } else { (self.level_max / level).max(1).ilog2() + 2 }
    }
}

/// The walk that is tried.
struct Trial<'a> {
    path: &'a Path,
    source: Arc<Timed>,
    config: Config,
    roots: Frontier,
    /// Where the next level goes on.
    frontier: Frontier,
    level_max: usize,
    n_passes: u64,
    /// Requests of the first pass.
    requests_of_tree: Option<u64>,
    /// Something was not answered when the time was over.
    is_stuck: bool,
    deadline: Instant,
    /// Of the walk, which may go on in a thread that hangs.
    control: Arc<Control>,
    /// Of the user.
    cancel: &'a Control,
}

/// Where a level has ended.
struct Ended {
    frontier: Frontier,
    n_passes: u64,
    requests_of_tree: Option<u64>,
}

impl<'a> Trial<'a> {
    fn new(
        config: &'a ProbeConfig,
        cancel: &'a Control,
        deadline: Instant,
    ) -> Result<Trial<'a>, Error> {
        let ProbeConfig { path, time: _, threads, settings } = config;
        let walk = WalkConfig {
            roots: vec![path.clone()],
            threads: *threads,
            one_file_system: true,
            settings: settings.clone(),
            ..WalkConfig::default()
        };
        let Setup { frontier, config, source, threads, .. } = Setup::new(&walk, None)?;
        let level_max = threads.count.max(threads.max.min(config.filesystems.workers_max()));
        // So that no worker waits for its turn for more than a quarter of a second.
        let level_max = level_max.min(settings.max_ops.map_or(level_max, |n| (n / 4).max(1)));
        Ok(Trial {
            path,
            source: Arc::new(Timed::new(source)),
            level_max,
            config,
            roots: frontier.clone(),
            frontier,
            n_passes: 0,
            requests_of_tree: None,
            is_stuck: false,
            deadline,
            control: Arc::default(),
            cancel,
        })
    }

    /// Walks with so many workers for some time. `None` if that does not end in time.
    fn level(&mut self, level: usize, time: Duration) -> Result<Option<(Tried, Times)>, Error> {
        let (before, begun) = (self.source.times(), Instant::now());
        let n_passes_before = self.n_passes;
        let end = (begun + time).min(self.deadline);
        self.source.set_over(false);
        let ends = self.start(level, end)?;
        let mut ended = self.wait(&ends, end)?;
        // Read before the walk is told to end: what is answered later does not count.
        let (times, time) = (self.source.times().since(&before), begun.elapsed());
        self.source.set_over(true);
        if ended.is_none() {
            ended = self.wait(&ends, self.deadline)?;
        }
        match ended {
            Some(Ended { frontier, n_passes, requests_of_tree }) => {
                self.frontier = frontier;
                self.n_passes += n_passes;
                self.requests_of_tree = self.requests_of_tree.or(requests_of_tree);
            }
            None => {
                self.is_stuck = true;
                self.control.cancel();
            }
        }
        let n_requests = times.len();
        let (median, slowest) = (times.quantile(0.5), times.quantile(0.99));
        let rate = n_requests as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let is_repeated = n_passes_before > 0;
        let tried = Tried { level, n_requests, rate, median, slowest, is_repeated };
        if self.is_stuck && n_requests == 0 {
            return Ok(None);
        }
        Ok(Some((tried, times)))
    }

    /// In a thread that is not joined, since it may hang.
    fn start(&mut self, level: usize, end: Instant) -> Result<Receiver<Ended>, Error> {
        let mut config = Config { n_workers: level, workers_max: level, ..self.config.clone() };
        let (source, control) = (self.source.clone(), self.control.clone());
        let (mut frontier, roots) = (std::mem::take(&mut self.frontier), self.roots.clone());
        let (sender, ends) = channel();
        let walk = move || {
            let mut ended = Ended { frontier: Vec::new(), n_passes: 0, requests_of_tree: None };
            while !source.is_over() && !control.is_cancelled() {
                let left = end.saturating_duration_since(Instant::now());
                config.budget = Budget { time: Some(left), ..Budget::default() };
                let Ok(outcome) =
                    pwalk_engine::walk(frontier, &config, &*source, &Nowhere, &control);
                frontier = outcome.frontier;
                if frontier.is_empty() && !source.is_over() {
                    ended.n_passes += 1;
                    ended.requests_of_tree.get_or_insert_with(|| source.times().len());
                }
                if frontier.is_empty() {
                    frontier = roots.clone();
                }
            }
            ended.frontier = frontier;
            // If it took too long, nobody waits any more.
            let _ = sender.send(ended);
        };
        let thread = std::thread::Builder::new().name("pwalk-probe".to_owned());
        thread.spawn(walk).map_err(|error| Error::file(self.path, &error))?;
        Ok(ends)
    }

    /// The result of a level, if it ends by then.
    fn wait(&self, ends: &Receiver<Ended>, until: Instant) -> Result<Option<Ended>, Error> {
        loop {
            if self.cancel.is_cancelled() {
                self.source.set_over(true);
                self.control.cancel();
                return Err(Error::cancelled());
            }
            let left = until.saturating_duration_since(Instant::now());
            match ends.recv_timeout(left.min(LOOK)) {
                Ok(ended) => return Ok(Some(ended)),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(_) => return Ok(None),
            }
        }
    }
}

/// Takes rows, and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    type Error = Infallible;

    fn fields(&self) -> Fields {
        Fields::REPORT
    }

    fn put(&self, _: &mut Batch) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(level: usize, rate: f64) -> Tried {
        let (median, slowest) = (Duration::ZERO, Duration::ZERO);
        Tried { level, n_requests: 1, rate, median, slowest, is_repeated: false }
    }

    /// The levels that are tried on a server with this rate, and the best.
    fn levels(
        level_max: usize,
        n_requests: Option<u64>,
        rate: fn(f64) -> f64,
    ) -> (Vec<usize>, usize) {
        let (mut plan, mut found) = (Plan::new(level_max), Vec::new());
        while let Some(level) = plan.next(&found, n_requests) {
            found.push(tried(level, rate(level as f64)));
        }
        let levels = found.iter().map(|tried| tried.level).collect();
        (levels, best(&found).unwrap().level)
    }

    #[test]
    fn levels_rise_as_long_as_that_brings_something() {
        let all = levels(512, None, |level| level);
        assert_eq!(all, (vec![1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 384], 512));
        assert_eq!(levels(512, None, |level| level.min(8.0)), (vec![1, 2, 4, 8, 16, 32, 6], 8));
        assert_eq!(levels(512, None, |level| level.min(6.0)), (vec![1, 2, 4, 8, 16, 32, 6], 6));
        assert_eq!(levels(512, None, |_| 1.0), (vec![1, 2, 4], 1));
        assert_eq!(levels(5, None, |level| level), (vec![1, 2, 4, 5, 3], 5));
        assert_eq!(levels(1, None, |level| level), (vec![1], 1));
        // Sixteen workers would have no more than sixteen requests each.
        assert_eq!(levels(512, Some(256), |level| level).0, [1, 2, 4, 8, 6]);
    }
}
