//! The workers of one filesystem, as the crew sees them.
//!
//! Owns their threads and their controller: takes its samples, and starts workers up to its level.
//! How many workers all pools may have together is up to the crew.

use super::gauge::Gauge;
use super::threads::Threads;
use crate::config::Config;
use crate::controller::{Controller, SAMPLE_MAX, Sample, share};
use crate::filesystems::FsIndex;
use crate::queue::Queue;
use crate::stalls::raised;
use crate::totals::Totals;
use pwalk_sys::Usage;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// How soon a thread is asked for again after the system has refused one.
const RETRY: Duration = Duration::from_secs(1);

/// How soon it is looked again whether a worker has had enough to do alone: it makes a few hundred
/// requests in this time, if they are fast.
const ALONE: Duration = Duration::from_millis(1);

/// With how many workers a pool starts, and how many it may have.
pub(super) struct Plan {
    n_start: usize,
    n_max: usize,
}

impl Plan {
    /// The first pool starts as the config says, the others as suits their filesystem.
    pub(super) fn new(config: &Config, pool: usize) -> Plan {
        let tuning = config.filesystems.tuning(pool as FsIndex);
        let n_start = match pool {
            0 => config.n_workers,
            _ => tuning.n_workers(config.n_cores).min(config.workers_max),
        };
        let n_start = n_start.max(1);
        Plan { n_start, n_max: n_start.max(config.workers_max.min(tuning.workers_max)) }
    }

    pub(super) fn n_deques(&self, n_cores: usize) -> usize {
        n_cores.clamp(1, self.n_max)
    }
}

/// What a pool may have.
pub(super) struct Room<'a> {
    /// Workers, not counting those that hang.
    pub(super) limit: usize,
    /// Threads that may still be started.
    pub(super) n_free: usize,
    /// Its workers that hang, by their numbers.
    pub(super) hung: &'a [usize],
}

/// The workers of one filesystem, as the crew sees them.
pub(super) struct Pool<'a, 'scope, J> {
    plan: Plan,
    gauge: &'a Gauge,
    queue: &'a Queue<J>,
    /// Begins with the first worker; `None` if their number is fixed.
    controller: Option<Controller>,
    pub(super) threads: Threads<'scope>,
    /// The walk has met its filesystem.
    pub(super) is_met: bool,
    /// Workers that may work, and how many these are without those that replace others.
    pub(super) n_active: usize,
    pub(super) n_counted: usize,
    /// Until this many requests are answered, one worker works alone.
    n_alone: u64,
    is_alone: bool,
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
    pub(super) fn new(plan: Plan, n_alone: u64, gauge: &'a Gauge, queue: &'a Queue<J>) -> Self {
        queue.set_level(plan.n_start);
        Pool {
            plan,
            n_alone,
            is_alone: n_alone > 0,
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
    pub(super) fn wants(&mut self) -> usize {
        self.is_alone &= self.gauge.answered().0 < self.n_alone;
        let Plan { n_start, n_max } = self.plan;
        match &self.controller {
            _ if !self.is_met => 0,
            _ if self.n_active > 0 && (self.is_alone || self.queue.is_idle()) => 1,
            Some(controller) => (2 * controller.level()).clamp(n_start, n_max),
            None => n_start,
        }
    }

    /// How many threads it has.
    pub(super) fn n_running(&mut self) -> usize {
        self.threads.reap();
        self.threads.n()
    }

    /// Workers to begin with that the system refused.
    pub(super) fn n_refused(&self) -> usize {
        if self.was_refused { self.plan.n_start.saturating_sub(self.n_running_max) } else { 0 }
    }

    /// How long it may be left alone, if it measures anything.
    pub(super) fn patience(&self) -> Option<Duration> {
        if self.is_alone {
            return (self.n_active > 0 && !self.queue.is_idle()).then_some(ALONE);
        }
        let controller = self.controller.as_ref()?;
        let (time, elapsed) = (controller.sample_time(), self.since.elapsed());
        // The longer answers don't come, the more seldom it looks.
        let patience = time.saturating_sub(elapsed).max(time / 4).max(elapsed / 4);
        (self.n_active > 0 && !self.queue.is_idle()).then_some(patience)
    }

    /// Starts the workers that it lacks, and changes their number if a sample says so. A pool
    /// begins with its first job. Others work in place of those that hang. Returns how many threads
    /// were started.
    pub(super) fn adjust(
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
        let measures = n_max > n_start && !self.is_alone;
        let begins = n_before == 0 || measures && self.controller.is_none();
        if begins || is_tried_again && self.n_running_max < n_start {
            self.controller = measures.then(|| Controller::new(n_start, n_max));
        }
        if begins {
            (self.since, self.usage) = (Instant::now(), pwalk_sys::usage());
            self.answered = self.gauge.answered();
        } else {
            self.measure(n_millicores);
        }
        let limit = if self.refused.is_some() { room.limit.min(n_before) } else { room.limit };
        let limit = if self.is_alone { limit.min(1) } else { limit };
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
        if !controller.is_due(time, n) {
            return;
        }
        let (idle, usage) = (self.queue.idle_time(), pwalk_sys::usage());
        let (cpu, n_cores) =
            (usage.cpu.saturating_sub(self.usage.cpu), n_millicores as f64 / 1000.0);
        let idle_time = idle.saturating_sub(self.idle);
        let sample = Sample {
            n_answered: n,
            waited,
            time,
            n_sleeps: usage.n_sleeps.saturating_sub(self.usage.n_sleeps),
            busy_share: share(cpu, time, n_cores),
            idle_share: share(idle_time, time, controller.level() as f64),
        };
        (self.since, self.answered, self.idle, self.usage) = (now, answered, idle, usage);
        self.gauge.fit_slices(n, waited);
        controller.next(&sample);
    }
}
