//! How many workers a filesystem gets, measured while the walk runs.
//!
//! A pure function from [`Sample`]s to a number of workers, the level. It knows no clock, no
//! thread and no filesystem, so that it can be tested on simulated servers.
//!
//! The *elasticity* decides: the relative change of the rate divided by the relative change of the
//! level. It is 1 where a request takes the same time whatever else is in flight (more workers, more
//! answers), and 0 where a server is saturated (more workers, longer queue). The time of a request
//! does not decide, since a server that has become slow needs more requests in flight, not fewer.
//! But it tells how far to go at once. As long as requests take hardly longer than the shortest ones
//! so far, none waits for another, and the level may leap. Once they take longer, the rate times the
//! shortest time is the number of requests that the server works on (Little's law), and the others
//! are its queue. Where many answers come at once, as from a half-cached disk, times mean nothing:
//! the rate alone decides, and the level doubles.
//!
//! ```text
//!       gain: x 1.5, x 4, x 4, x 2 ...         no queue
//!     +-------+        +--------------------------------------------+
//!     |       v        v                                            |
//!     +----- rising -------- too little gain, twice ----------> settled
//!                      ^                                    |  |  ^  |  ^
//!                      +-- no queue ------------------------+  |  |  |  |
//!                                                              |  |  |  |
//!                                    try up, x 1.5 <-- a queue +  |  |  |
//!                                       |                         |  |  |
//!                                       +-- no gain, or a gain ---+  |  |
//!                                           that is compared         |  |
//!                                                                    |  |
//!                                   try down <-- a queue, in turns --+  |
//!                                       |    x 0.75 each                |
//!                                       +-- a loss, twice --------------+
//! ```
//!
//! Rates vary by chance, and a level that chance has raised would hardly come down again. So after a
//! gain the lower level is measured a second time, and a try down ends only when a loss is measured
//! twice.
//!
//! The first sample after a change covers two levels, and a sample in which workers lacked jobs says
//! nothing about the server: neither decides anything. With all processors busy there is nothing to
//! gain.
//!
//! The thresholds are those with which the simulated servers get what their tests demand
//! (`crates/pwalk-testkit/tests/controller.rs`).

use std::time::Duration;

/// How long a sample with too few answers is waited for.
pub(crate) const SAMPLE_MAX: Duration = Duration::from_secs(2);

/// The highest level.
pub const LEVEL_MAX: usize = 512;

/// Elasticity from which a higher level is worth its requests.
const GAIN_MIN: f64 = 0.2;

/// Elasticity from which the level goes on rising, even if requests queue.
const FAR_MIN: f64 = 0.6;

/// Elasticity up to which a lower level loses nothing.
const LOSS_MAX: f64 = 0.1;

/// Requests that take this many times as long as the shortest ones wait for each other.
const QUEUE_MIN: f64 = 1.3;

/// Requests in flight for each one that the server works on, so that it never runs out of them.
const SPARE: f64 = 1.5;

/// It rises by leaps as long as nothing queues: so many times as many workers at once, up to this level.
const LEAP: usize = 4;
const LEAP_LEVEL_MAX: usize = 64;

/// Share of the processors at which they count as busy.
const BUSY_MIN: f64 = 0.9;

/// Seconds that a request takes where its worker mostly waits.
const LONG: f64 = 0.3e-3;

/// With more answers than this for each time that a thread goes to sleep, nobody waits for answers. On
/// a disk with a cold cache, a few dozen inodes come with each block that is waited for.
const ANSWERS_PER_SLEEP: u64 = 300;

/// With more answers than this for each time that a thread goes to sleep, some come from a cache.
const ANSWERS_PER_WAIT: u64 = 2;

/// A sample says nothing if workers lacked jobs for a larger share of their time.
const IDLE_MAX: f64 = 0.2;

/// Relative change of the rate, as a logarithm, from which the server counts as changed.
const CHANGE_MIN: f64 = 0.3;

/// Samples between two tries: at first, and at most, if nothing changes.
const HOLD: (u32, u32) = (1, 40);

/// How long samples are, in request times and at least: while the level rises, and later.
const RISING: (f64, Duration) = (2.0, Duration::from_millis(2));
const SETTLED: (f64, Duration) = (4.0, Duration::from_millis(25));

/// How many answers a sample has at least, once the level has settled.
const SETTLED_LEN: u64 = 300;

/// How long a sample with slow answers may have to be.
const TIME_MAX: Duration = Duration::from_secs(2);

/// What was measured at one level.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests that were answered.
    pub n_answered: u64,
    /// Time that workers waited for these answers, added up.
    pub waited: Duration,
    /// Length of the sample.
    pub time: Duration,
    /// How often a thread of the process went to sleep: not at all, where answers come from a cache.
    pub n_sleeps: u64,
    /// Processor time of the process as a share of what the processors that it may use can give.
    pub busy_share: f64,
    /// Share of the workers' time in which they found nothing to do.
    pub idle_share: f64,
}

impl Sample {
    /// True if processors are the bottleneck, and not the server: all are busy, or other processes
    /// have them, so that workers are slow though they never wait for an answer. Where answers take
    /// long, other work keeps the processors busy, and more requests still pay off.
    fn is_busy(&self) -> bool {
        let is_busy = self.busy_share >= BUSY_MIN && self.latency() < LONG;
        is_busy || self.n_sleeps * ANSWERS_PER_SLEEP < self.n_answered
    }

    /// Seconds that a request took on average.
    fn latency(&self) -> f64 {
        self.waited.as_secs_f64() / self.n_answered.max(1) as f64
    }
}

/// How much of `n` times `whole` a part is, from 0 to 1.
pub(crate) fn share(part: Duration, whole: Duration, n: f64) -> f64 {
    (part.as_secs_f64() / (whole.as_secs_f64() * n)).clamp(0.0, 1.0)
}

/// Finds the level.
#[derive(Clone, Debug)]
pub struct Controller {
    level: usize,
    level_max: usize,
    phase: Phase,
    /// The level has just been changed.
    is_new: bool,
    /// Samples until the next try, once it has settled.
    hold: u32,
    /// Seconds that a request takes: in the last sample, and where it was shortest.
    latency: f64,
    shortest: f64,
    /// Many answers of the last sample came at once, as from a partly cached disk: their times are
    /// those of the cache, and the rate alone decides.
    is_mixed: bool,
}

/// What the controller is doing. Rates are in answers per second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Rises; with the previous level and its rate. If the gain seems too small, a second sample is
    /// taken, since workers that have just been started are slow for a moment.
    Rising { before: Option<(usize, f64)>, doubted: Option<f64> },
    /// Stays.
    Settled { rate: f64, n_left: u32, next_is_up: bool },
    /// Tries a higher level than this one, which had this rate.
    TryUp { from: usize, rate: f64 },
    /// Has gone back from the higher level `to`, to measure whether that level brought the rate.
    Compare { to: usize, rate: f64, known: f64 },
    /// Tries a lower level. If it seems to lose, a second sample is taken.
    TryDown { from: usize, rate: f64, doubted: Option<f64> },
}

impl Controller {
    /// Begins with `level` workers, and never has more than `level_max`.
    pub fn new(level: usize, level_max: usize) -> Controller {
        let level_max = level_max.max(1);
        Controller {
            level: level.clamp(1, level_max),
            level_max,
            phase: Phase::Rising { before: None, doubted: None },
            is_new: true,
            hold: HOLD.0,
            latency: 0.0,
            shortest: f64::INFINITY,
            is_mixed: false,
        }
    }

    /// Knows how long a request takes that is the only one: the first sample then says already
    /// whether more at once brought more, and what was before it need not be seen off.
    pub fn knowing(mut self, alone: Duration) -> Controller {
        if self.level > 1 && !alone.is_zero() {
            let before = Some((1, 1.0 / alone.as_secs_f64()));
            self.phase = Phase::Rising { before, doubted: None };
            self.is_new = false;
        }
        self
    }

    /// How many workers may work.
    pub fn level(&self) -> usize {
        self.level
    }

    /// Sets the maximum level.
    pub fn bound(&mut self, level_max: usize) {
        let level_max = level_max.max(1);
        if self.level > level_max {
            let Controller { latency, shortest, .. } = *self;
            *self = Controller { latency, shortest, ..Controller::new(level_max, level_max) };
        }
        self.level_max = level_max;
    }

    /// How long a request takes on average.
    pub fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.latency)
    }

    /// How long the next sample should be at least.
    pub fn sample_time(&self) -> Duration {
        let (n_latencies, least) = match self.phase {
            // Only long enough for the requests made at the previous level to be answered.
            _ if self.is_new => (1.0, Duration::from_millis(1)),
            Phase::Rising { .. } => RISING,
            _ => SETTLED,
        };
        let time = (self.latency * n_latencies).min(TIME_MAX.as_secs_f64());
        least.max(Duration::from_secs_f64(time))
    }

    /// How many answers the next sample should have at least, unless it takes seconds.
    pub fn sample_len(&self) -> u64 {
        let level = self.level as u64;
        match self.phase {
            _ if self.is_new => level,
            Phase::Rising { .. } => 2 * level,
            _ => (4 * level).max(SETTLED_LEN),
        }
    }

    /// True once a sample that has taken so long, and has so many answers, says enough.
    pub fn is_due(&self, time: Duration, n_answered: u64) -> bool {
        let says_enough = time >= self.sample_time() && n_answered >= self.sample_len();
        says_enough || time >= SAMPLE_MAX
    }

    /// How many workers may work after this sample.
    pub fn next(&mut self, sample: &Sample) -> usize {
        let is_first = std::mem::take(&mut self.is_new);
        let seconds = sample.time.as_secs_f64();
        if sample.n_answered == 0 || seconds <= 0.0 {
            return self.level;
        }
        self.latency = sample.latency();
        self.is_mixed = sample.n_sleeps * ANSWERS_PER_WAIT < sample.n_answered;
        if !self.is_mixed {
            self.shortest = self.shortest.min(self.latency);
        }
        if !is_first && sample.idle_share <= IDLE_MAX {
            self.decide(sample.n_answered as f64 / seconds, sample.is_busy());
        }
        self.level
    }

    fn decide(&mut self, rate: f64, is_busy: bool) {
        let may_rise = self.level < self.level_max && !is_busy;
        match self.phase {
            Phase::Rising { before, doubted } => {
                // A disturbance lowers a rate, and nothing raises it.
                self.rise_or_settle(before, doubted, rate.max(doubted.unwrap_or(0.0)), may_rise);
            }
            Phase::Settled { rate: known, n_left, next_is_up } => {
                if (rate / known).ln().abs() > CHANGE_MIN {
                    // The server has changed, or was disturbed: the next sample tells.
                    self.hold = HOLD.0;
                    self.phase = Phase::Settled { rate, n_left: 0, next_is_up: true };
                } else if n_left > 0 || is_busy {
                    let (rate, n_left) = (averaged(known, rate), n_left.saturating_sub(1));
                    self.phase = Phase::Settled { rate, n_left, next_is_up };
                } else {
                    self.try_another(averaged(known, rate), may_rise, next_is_up);
                }
            }
            Phase::TryUp { from, rate: known } => self.judge_higher(from, known, rate, may_rise),
            Phase::Compare { to, rate: higher, known } => {
                self.compare(to, higher, rate.max(known));
            }
            Phase::TryDown { from, rate: known, doubted } => {
                self.judge_lower(from, known, doubted, rate.max(doubted.unwrap_or(0.0)));
            }
        }
    }

    /// While it rises: does this rate, at this level, call for a higher level still?
    fn rise_or_settle(
        &mut self,
        before: Option<(usize, f64)>,
        doubted: Option<f64>,
        rate: f64,
        may_rise: bool,
    ) {
        let level = self.level;
        let (below, gain) = before.map_or((level, 1.0), |(below, known)| {
            (below, elasticity(known, rate, level as f64 / below as f64))
        });
        let is_far = gain >= GAIN_MIN && (self.is_mixed || !self.is_queueing());
        if may_rise && (is_far || gain >= FAR_MIN) {
            self.hold = HOLD.0;
            self.rise(rate);
        } else if may_rise && doubted.is_none() {
            self.phase = Phase::Rising { before, doubted: Some(rate) };
        } else {
            let has_gained = gain >= GAIN_MIN;
            let least = if has_gained { level.min(2 * below) } else { below };
            let enough = if self.is_mixed { least } else { self.in_flight(SPARE, rate) };
            self.settle(enough.clamp(least, level), rate, !has_gained);
        }
    }

    /// Once it has stayed for long enough.
    fn try_another(&mut self, rate: f64, may_rise: bool, next_is_up: bool) {
        let level = self.level;
        if may_rise && !self.is_queueing() {
            self.rise(rate);
        } else if may_rise && next_is_up {
            self.go(above(level), Phase::TryUp { from: level, rate });
        } else if level > 1 {
            self.try_down(rate);
        } else {
            self.settle(level, rate, true);
        }
    }

    /// After a try up: is this rate worth more workers than `from`, where it was `known`?
    fn judge_higher(&mut self, from: usize, known: f64, rate: f64, may_rise: bool) {
        let level = self.level;
        let gain = elasticity(known, rate, level as f64 / from as f64);
        if gain < GAIN_MIN {
            self.settle(from, known, false);
        } else if !self.is_mixed {
            // Perhaps other clients have just left.
            self.go(from, Phase::Compare { to: level, rate, known });
        } else if may_rise {
            self.hold = HOLD.0;
            self.go(above(level), Phase::TryUp { from: level, rate });
        } else {
            self.settle(level, rate, false);
        }
    }

    /// Back at the lower level: was it the level `to` that brought the rate `higher`?
    fn compare(&mut self, to: usize, higher: f64, rate: f64) {
        let level = self.level;
        let gain = elasticity(rate, higher, to as f64 / level as f64);
        if gain < GAIN_MIN {
            return self.settle(level, rate, false);
        }
        self.hold = HOLD.0;
        if gain >= FAR_MIN {
            // Then nothing queues, and it is the requests that take longer now; or it is chance.
            self.shortest = (self.shortest * self.latency).sqrt();
        }
        self.go(to, Phase::Settled { rate: higher, n_left: 0, next_is_up: true });
    }

    /// After a try down from `from`, where the rate was `known`: is anything lost?
    fn judge_lower(&mut self, from: usize, known: f64, doubted: Option<f64>, rate: f64) {
        let level = self.level;
        let has_lost = elasticity(rate, known, from as f64 / level as f64) > LOSS_MAX;
        if has_lost && doubted.is_some() {
            self.settle(from, known, true);
        } else if has_lost {
            self.phase = Phase::TryDown { from, rate: known, doubted: Some(rate) };
        } else if level > 1 {
            self.try_down(known.max(rate));
        } else {
            self.settle(level, rate, true);
        }
    }

    fn try_down(&mut self, rate: f64) {
        let from = self.level;
        self.go(below(from), Phase::TryDown { from, rate, doubted: None });
    }

    /// True if requests wait for each other.
    fn is_queueing(&self) -> bool {
        self.is_mixed || self.latency > QUEUE_MIN * self.shortest
    }

    /// `times` the number of requests that the server works on at this rate, by Little's law.
    fn in_flight(&self, times: f64, rate: f64) -> usize {
        (times * rate * self.shortest).ceil() as usize
    }

    fn rise(&mut self, rate: f64) {
        let level = self.level;
        let times = match self.phase {
            _ if self.is_mixed => 2,
            // There is only one sample of how long a request takes.
            Phase::Rising { before: None, .. } => 1,
            // Nor does one request that was alone tell which of many wait for each other.
            Phase::Rising { before: Some((1, _)), .. } if level > 2 => 2,
            Phase::Rising { .. } if level <= LEAP_LEVEL_MAX && !self.is_queueing() => LEAP,
            _ => 2,
        };
        let in_flight = if self.is_mixed { 2 * level } else { self.in_flight(times as f64, rate) };
        let higher = in_flight.min(times * level);
        let phase = Phase::Rising { before: Some((level, rate)), doubted: None };
        self.go(higher.max(above(level)), phase);
    }

    fn settle(&mut self, level: usize, rate: f64, next_is_up: bool) {
        // If nothing queues, there should be more to gain.
        let n_left = if self.is_queueing() { self.hold } else { self.hold / 4 };
        self.hold = (2 * self.hold).min(HOLD.1);
        self.go(level, Phase::Settled { rate, n_left, next_is_up });
    }

    fn go(&mut self, level: usize, phase: Phase) {
        let level = level.clamp(1, self.level_max);
        self.is_new = level != self.level;
        (self.level, self.phase) = (level, phase);
    }
}

/// How much the rate changes with the level: 1 if in proportion, 0 if not at all.
fn elasticity(low: f64, high: f64, ratio: f64) -> f64 {
    (high / low).ln() / ratio.ln()
}

/// The known rate after another sample. A disturbance lowers a rate, and nothing raises it.
fn averaged(known: f64, rate: f64) -> f64 {
    let weight = if rate > known { 0.6 } else { 0.2 };
    known + weight * (rate - known)
}

/// Half as many again.
fn above(level: usize) -> usize {
    (level * 3).div_ceil(2)
}

/// A quarter fewer.
fn below(level: usize) -> usize {
    (level * 3 / 4).min(level - 1)
}
