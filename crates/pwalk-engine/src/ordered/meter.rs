//! How many workers may read ahead: measured from what they read.
//!
//! Owns the controller of a walk in order, and what happened since its last sample. Knows no thread
//! and no clock: whoever begins or ends a read says so, and what time it is, under the plan's mutex.
//! There is nobody in a walk in order who could wait for a sample to be due, so it is taken by
//! whoever finds that it is.
//!
//! Workers that have no job, since nothing is planned or the consumer is slower than they are, make
//! a sample that says nothing of the server; the controller drops it.

use crate::controller::{Controller, Sample};
use pwalk_sys::Usage;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A read that takes longer, and longer than so many requests usually take, hangs. Its worker does
/// not count: another one works in its place.
const HANGS: Duration = Duration::from_secs(3);
const HANGS_REQUESTS: u32 = 64;

/// Workers that are replaced at the most.
const REPLACED_MAX: usize = 64;

/// How long a sample with too few answers is waited for.
const SAMPLE_MAX: Duration = Duration::from_secs(2);

pub(super) struct Meter {
    /// `None` if the number of workers is fixed.
    controller: Option<Controller>,
    /// As many workers may read, and those that hang.
    level: usize,
    n_cores: usize,
    /// When the reads began that have not ended, by their number.
    reads: BTreeMap<u64, Instant>,
    n_begun: u64,
    /// Reads that hang, as far as is known.
    n_hung: usize,
    /// Reads wait for their turn, which may take long, so that nobody can tell which hang.
    is_paced: bool,
    /// When the sample began.
    since: Instant,
    usage: Usage,
    /// Requests that were answered since.
    n_answered: u64,
    /// Time that all workers together spent with reads, up to `counted`.
    busy: Duration,
    counted: Instant,
}

impl Meter {
    /// Nothing is measured yet, and any number may read.
    pub(super) fn new() -> Meter {
        let now = Instant::now();
        Meter {
            controller: None,
            level: usize::MAX,
            n_cores: 1,
            reads: BTreeMap::new(),
            n_begun: 0,
            n_hung: 0,
            is_paced: false,
            since: now,
            usage: Usage::default(),
            n_answered: 0,
            busy: Duration::ZERO,
            counted: now,
        }
    }

    /// Begins with `level` workers, and measures whether up to `level_max` are worth it.
    pub(super) fn begin(&mut self, level: usize, level_max: usize, n_cores: usize, is_paced: bool) {
        (self.level, self.n_cores, self.is_paced) = (level, n_cores.max(1), is_paced);
        if level_max > level && level > 0 {
            self.controller = Some(Controller::new(level, level_max));
            self.start_sample(Instant::now());
        }
    }

    /// As many workers may read at once. None, if none was asked for.
    pub(super) fn level(&self) -> usize {
        self.level.saturating_add(self.n_hung)
    }

    /// A worker begins to read a directory. Returns the number of the read.
    pub(super) fn begin_read(&mut self) -> u64 {
        let now = Instant::now();
        self.count_time(now);
        self.n_begun += 1;
        self.reads.insert(self.n_begun, now);
        self.n_begun
    }

    /// It has read it, with so many requests.
    pub(super) fn end_read(&mut self, number: u64, n_answered: u64) {
        let now = Instant::now();
        self.count_time(now);
        self.reads.remove(&number);
        self.n_answered += n_answered;
        let time = now - self.since;
        let is_due = self.controller.as_ref().is_some_and(|controller| {
            time >= controller.sample_time() && self.n_answered >= controller.sample_len()
        });
        if is_due || time >= SAMPLE_MAX {
            self.look_for_hung();
            self.sample(now);
        }
    }

    /// Looks which reads hang: for each of them one worker more may read.
    pub(super) fn look_for_hung(&mut self) {
        if self.is_paced {
            return;
        }
        let now = Instant::now();
        let latency = self.controller.as_ref().map_or(Duration::ZERO, Controller::latency);
        let limit = HANGS.max(latency * HANGS_REQUESTS);
        let hangs = |began: &&Instant| now.saturating_duration_since(**began) > limit;
        let n_hung = self.reads.values().take(REPLACED_MAX).take_while(hangs).count();
        self.count_time(now);
        self.n_hung = n_hung;
    }

    /// Who hangs is not at work.
    fn count_time(&mut self, now: Instant) {
        let n_busy = self.reads.len().saturating_sub(self.n_hung) as u32;
        self.busy += now.saturating_duration_since(self.counted) * n_busy;
        self.counted = now;
    }

    fn sample(&mut self, now: Instant) {
        let Some(controller) = &mut self.controller else { return self.start_sample(now) };
        let (time, usage) = (now - self.since, pwalk_sys::usage());
        let share = |part: Duration, n: usize| {
            (part.as_secs_f64() / (time.as_secs_f64() * n as f64)).clamp(0.0, 1.0)
        };
        self.level = controller.next(&Sample {
            n_answered: self.n_answered,
            waited: self.busy,
            time,
            n_sleeps: usage.n_sleeps - self.usage.n_sleeps,
            busy_share: share(usage.cpu.saturating_sub(self.usage.cpu), self.n_cores),
            idle_share: 1.0 - share(self.busy, controller.level()),
        });
        self.start_sample(now);
    }

    fn start_sample(&mut self, now: Instant) {
        (self.since, self.counted, self.usage) = (now, now, pwalk_sys::usage());
        (self.n_answered, self.busy) = (0, Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t49_a_read_that_hangs_leaves_its_place_to_another_worker() {
        let mut meter = Meter::new();
        assert_eq!(meter.level(), usize::MAX);
        meter.begin(8, 512, 2, false);
        let hung: Vec<_> = (0..2 * REPLACED_MAX).map(|_| meter.begin_read()).collect();
        meter.look_for_hung();
        assert_eq!(meter.level(), 8);
        let long_ago = Instant::now().checked_sub(2 * HANGS).expect("the clock runs");
        meter.reads.values_mut().take(3).for_each(|began| *began = long_ago);
        meter.look_for_hung();
        assert_eq!(meter.level(), 8 + 3);
        meter.end_read(hung[0], 1);
        meter.look_for_hung();
        assert_eq!(meter.level(), 8 + 2);
        meter.reads.values_mut().for_each(|began| *began = long_ago);
        meter.look_for_hung();
        assert_eq!(meter.level(), 8 + REPLACED_MAX);
    }

    #[test]
    fn a_number_that_was_asked_for_stays() {
        let mut meter = Meter::new();
        meter.begin(3, 3, 2, false);
        (0..100).for_each(|_| {
            let read = meter.begin_read();
            meter.since = meter.since.checked_sub(SAMPLE_MAX).unwrap_or(meter.since);
            meter.end_read(read, 5);
        });
        assert_eq!(meter.level(), 3);
    }

    /// Nothing is read in a pause, which says nothing of the server.
    #[test]
    fn a_pause_changes_no_level() {
        let mut meter = Meter::new();
        meter.begin(8, 512, 2, false);
        for _ in 0..50 {
            let read = meter.begin_read();
            meter.since = Instant::now().checked_sub(2 * SAMPLE_MAX).expect("the clock runs");
            meter.end_read(read, 3);
        }
        assert_eq!(meter.level(), 8);
    }
}
