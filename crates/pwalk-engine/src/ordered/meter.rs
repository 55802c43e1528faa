//! How many workers may read ahead: measured from what they read.
//!
//! Owns the controller of a walk in order, and what happened since its last sample. Knows no thread
//! and no clock: whoever begins or ends a read says so, and what time it is, under the plan's mutex.
//! There is nobody in a walk in order who could wait for a sample to be due, so it is taken by
//! whoever finds that it is.
//!
//! Where answers take long, each counts when it comes: a directory takes five requests or more, and
//! samples that wait for the ends of directories come too late for most trees. And the consumer, which
//! was alone before, has found out how long one request takes; so the first sample tells already
//! whether eight at once bring more.
//!
//! Workers that have no job, since nothing is planned or the consumer is slower than they are, make
//! a sample that says nothing of the server; the controller drops it.

use crate::controller::{Controller, SAMPLE_MAX, Sample, share};
use pwalk_sys::Usage;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A read that takes longer, and longer than so many requests usually take, hangs. Its worker does
/// not count: another one works in its place.
const HANGS: Duration = Duration::from_secs(3);
const HANGS_REQUESTS: u32 = 64;

/// Workers that are replaced at the most.
const REPLACED_MAX: usize = 64;

/// Requests of the consumer, while it is alone, after which it is known how long they take; and how
/// long that is where it matters.
const ALONE_MIN: u64 = 3;
const LONG: Duration = Duration::from_micros(300);

pub(super) struct Meter {
    /// `None` if the number of workers is fixed.
    controller: Option<Controller>,
    /// As many workers may read, and those that hang.
    level: usize,
    n_millicores: usize,
    /// When the reads began that have not ended, by their number.
    reads: BTreeMap<u64, Instant>,
    n_begun: u64,
    /// Reads that hang, as far as is known.
    n_hung: usize,
    /// Reads wait for their turn, which may take long, so that nobody can tell which hang.
    is_paced: bool,
    /// Requests that the consumer has made while there were no workers, and their time.
    n_alone: u64,
    alone: Duration,
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
            n_millicores: 1000,
            reads: BTreeMap::new(),
            n_begun: 0,
            n_hung: 0,
            is_paced: false,
            n_alone: 0,
            alone: Duration::ZERO,
            since: now,
            usage: Usage::default(),
            n_answered: 0,
            busy: Duration::ZERO,
            counted: now,
        }
    }

    /// So many requests of the consumer took so long.
    pub(super) fn count_alone(&mut self, n_answered: u64, time: Duration) {
        self.n_alone += n_answered;
        self.alone += time;
    }

    /// Begins with `level` workers, and measures whether up to `level_max` are worth it.
    pub(super) fn begin(
        &mut self,
        level: usize,
        level_max: usize,
        n_millicores: usize,
        is_paced: bool,
    ) {
        (self.level, self.n_millicores, self.is_paced) = (level, n_millicores.max(1), is_paced);
        if level_max > level && level > 0 {
            let alone = self.alone / u32::try_from(self.n_alone.max(1)).unwrap_or(u32::MAX);
            let is_slow = self.n_alone >= ALONE_MIN && alone >= LONG && !is_paced;
            let controller = Controller::new(level, level_max);
            self.controller = Some(if is_slow { controller.knowing(alone) } else { controller });
            self.start_sample(Instant::now());
        }
    }

    /// As many workers may read at once. None, if none was asked for.
    pub(super) fn level(&self) -> usize {
        self.level.saturating_add(self.n_hung)
    }

    /// A worker begins to read a directory. Returns the number of the read, and the time.
    pub(super) fn begin_read(&mut self) -> (u64, Instant) {
        let now = Instant::now();
        self.count_time(now);
        self.n_begun += 1;
        self.reads.insert(self.n_begun, now);
        (self.n_begun, now)
    }

    /// It has read it. So many requests were answered that were not counted yet.
    pub(super) fn end_read(&mut self, number: u64, n_answered: u64) {
        let now = Instant::now();
        self.count_time(now);
        self.reads.remove(&number);
        self.count(n_answered, now);
    }

    /// So many requests were answered during a read. Where they take long, a sample would else
    /// have to wait for the ends of directories, each of which takes several.
    pub(super) fn count_answers(&mut self, n_answered: u64) {
        let now = Instant::now();
        self.count_time(now);
        self.count(n_answered, now);
    }

    fn count(&mut self, n_answered: u64, now: Instant) {
        self.n_answered += n_answered;
        let time = now - self.since;
        let is_due = match &self.controller {
            Some(controller) => controller.is_due(time, self.n_answered),
            None => time >= SAMPLE_MAX,
        };
        if is_due {
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
        let cpu = usage.cpu.saturating_sub(self.usage.cpu);
        self.level = controller.next(&Sample {
            n_answered: self.n_answered,
            waited: self.busy,
            time,
            n_sleeps: usage.n_sleeps.saturating_sub(self.usage.n_sleeps),
            busy_share: share(cpu, time, self.n_millicores as f64 / 1000.0),
            idle_share: 1.0 - share(self.busy, time, controller.level() as f64),
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
        meter.begin(8, 512, 2000, false);
        let hung: Vec<_> = (0..2 * REPLACED_MAX).map(|_| meter.begin_read().0).collect();
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

    /// Eight directories of five requests each are read, and none is at its end.
    #[test]
    fn answers_tell_of_the_server_before_the_first_directory_is_read() {
        let mut meter = Meter::new();
        meter.begin(8, 512, 2000, false);
        (0..8).for_each(|_| _ = meter.begin_read());
        let a_moment_ago = Instant::now().checked_sub(Duration::from_millis(3));
        (meter.since, meter.counted) = (a_moment_ago.expect("the clock runs"), meter.since);
        (0..8).for_each(|_| meter.count_answers(2));
        assert!(!meter.controller.expect("it measures").latency().is_zero(), "a sample was taken");
    }

    /// The consumer has waited for some answers by itself, and found them slow, or not.
    #[test]
    fn the_first_sample_decides_if_it_is_known_how_long_one_request_takes() {
        let first_level = |n_alone: u64, alone| {
            let mut meter = Meter::new();
            meter.count_alone(n_alone, alone);
            meter.begin(8, 512, 2000, false);
            let sample = Sample {
                n_answered: 16,
                waited: 16 * Duration::from_millis(1),
                time: Duration::from_millis(2),
                n_sleeps: 16,
                busy_share: 0.0,
                idle_share: 0.0,
            };
            meter.controller.expect("it measures").next(&sample)
        };
        assert_eq!(first_level(4, Duration::from_millis(4)), 16);
        assert_eq!(first_level(4, Duration::from_micros(40)), 8);
        assert_eq!(first_level(1, Duration::from_millis(1)), 8);
        assert_eq!(first_level(0, Duration::ZERO), 8);
    }

    #[test]
    fn a_number_that_was_asked_for_stays() {
        let mut meter = Meter::new();
        meter.begin(3, 3, 2000, false);
        (0..100).for_each(|_| {
            let (read, _) = meter.begin_read();
            meter.since = meter.since.checked_sub(SAMPLE_MAX).unwrap_or(meter.since);
            meter.end_read(read, 5);
        });
        assert_eq!(meter.level(), 3);
    }

    /// Nothing is read in a pause, which says nothing of the server.
    #[test]
    fn a_pause_changes_no_level() {
        let mut meter = Meter::new();
        meter.begin(8, 512, 2000, false);
        for _ in 0..50 {
            let (read, _) = meter.begin_read();
            meter.since = Instant::now().checked_sub(2 * SAMPLE_MAX).expect("the clock runs");
            meter.end_read(read, 3);
        }
        assert_eq!(meter.level(), 8);
    }
}
