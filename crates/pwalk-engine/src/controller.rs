//! How many workers a filesystem gets: measured while the walk runs.
//!
//! A pure function from [`Sample`]s to a number of workers, the level. It knows no clock, no
//! thread and no filesystem, so that tests give it servers that don't exist.
//!
//! Only one thing tells whether more requests in flight are worth it: try, and compare the rates.
//! The measure is the *elasticity*, the relative change of the rate by the relative change of the
//! level. It is 1 where each request takes its time whatever else is asked (more workers, more
//! answers), and 0 where a server has all that it can do (more workers, longer queue). Latency alone
//! tells neither: a server that has become slow wants more requests in flight, not fewer.
//!
//! ```text
//!         gain                    time to try                some gain
//!   +---> rising --- no gain ---> settled --------> try up ---+
//!   |     x 2 each     ^            |   ^           |  |      | x 1.5 each
//!   +------+           |            |   +- no gain -+  +<-----+
//!                      |            |   |              |
//!                      |            +--> try down      |
//!                      |                 x 0.75 each,  |
//!                      |                 no loss       |
//!                      +------------ much gain --------+
//! ```
//!
//! The first sample after a change tells of two levels and is dropped. Samples in which workers
//! lacked jobs tell nothing of the server. With all processors busy there is nothing to gain.

use std::time::Duration;

/// The highest level.
pub const LEVEL_MAX: usize = 512;

/// Elasticity at which a higher level is worth its requests.
const GAIN_MIN: f64 = 0.2;

/// Elasticity that is far from the end: it doubles again.
const FAR_MIN: f64 = 0.6;

/// Elasticity at which a lower level loses nothing.
const LOSS_MAX: f64 = 0.1;

/// Share of the processors at which they count as busy.
const BUSY_MIN: f64 = 0.9;

/// Answers for each time that a thread goes to sleep, from which on they count as coming at once. On
/// a disk with a cold cache some dozens of inodes come with each block that is waited for.
const ANSWERS_PER_SLEEP: u64 = 300;

/// Share of the workers' time without a job from which a sample tells nothing.
const IDLE_MAX: f64 = 0.2;

/// Relative change of the rate, as a logarithm, from which the server is another one.
const CHANGE_MIN: f64 = 0.3;

/// Samples between two tries: at first, and if nothing ever changes.
const HOLD: (u32, u32) = (4, 40);

/// How long samples are, in latencies, and at least: while it rises, and later.
const LATENCIES: f64 = 3.0;
const RISING_MIN: Duration = Duration::from_millis(4);
const SETTLED_MIN: Duration = Duration::from_millis(50);
const TIME_MAX: Duration = Duration::from_secs(2);

/// What was measured at one level.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests that were answered.
    pub n_answered: u64,
    /// How long it took.
    pub time: Duration,
    /// How often a thread of the process went to sleep. Where answers come at once, none does.
    pub n_sleeps: u64,
    /// Processor time of the process as a share of what the processors that it may use can give.
    pub busy_share: f64,
    /// Share of the workers' time in which they found nothing to do.
    pub idle_share: f64,
}

impl Sample {
    /// True if it is processors that are missing, and not answers: all are busy, or others have
    /// them, so that workers that never wait for an answer still don't get on.
    fn is_busy(&self) -> bool {
        self.busy_share >= BUSY_MIN || self.n_sleeps * ANSWERS_PER_SLEEP < self.n_answered
    }
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
    /// Seconds that a request takes.
    latency: f64,
}

/// What it does. A rate is in answers a second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Doubles; with the rate of half of this level, if that is known. What seems to bring nothing
    /// gets a second sample: workers that have just been started are slow for a moment.
    Rising { rate: Option<f64>, is_doubted: bool },
    /// Stays.
    Settled { rate: f64, n_left: u32, next_is_up: bool },
    /// Tries a higher level than this one, which had this rate.
    TryUp { from: usize, rate: f64 },
    /// Tries a lower one.
    TryDown { from: usize, rate: f64 },
}

impl Controller {
    /// Begins with `level` workers, and never has more than `level_max`.
    pub fn new(level: usize, level_max: usize) -> Controller {
        let level_max = level_max.max(1);
        Controller {
            level: level.clamp(1, level_max),
            level_max,
            phase: Phase::Rising { rate: None, is_doubted: false },
            is_new: true,
            hold: HOLD.0,
            latency: 0.0,
        }
    }

    /// How many workers may work.
    pub fn level(&self) -> usize {
        self.level
    }

    /// How long a request takes.
    pub fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.latency)
    }

    /// How long the next sample should be at least.
    pub fn sample_time(&self) -> Duration {
        let (least, n_latencies) = match self.phase {
            // It only has to see the requests off that were asked before.
            _ if self.is_new => (Duration::from_millis(1), 1.0),
            Phase::Rising { .. } => (RISING_MIN, LATENCIES),
            _ => (SETTLED_MIN, LATENCIES),
        };
        let time = (self.latency * n_latencies).min(TIME_MAX.as_secs_f64());
        least.max(Duration::from_secs_f64(time))
    }

    /// How many answers the next sample should have at least, unless it takes seconds.
    pub fn sample_len(&self) -> u64 {
        if self.is_new { self.level as u64 } else { 2 * self.level as u64 }
    }

    /// How many workers may work after this sample.
    pub fn next(&mut self, sample: &Sample) -> usize {
        let seconds = sample.time.as_secs_f64();
        let worked = seconds * self.level as f64 * (1.0 - sample.idle_share);
        if sample.n_answered > 0 && seconds > 0.0 {
            self.latency = worked / sample.n_answered as f64;
        }
        let is_first = std::mem::take(&mut self.is_new);
        if !is_first && sample.idle_share <= IDLE_MAX && sample.n_answered > 0 && seconds > 0.0 {
            self.decide(sample.n_answered as f64 / seconds, sample.is_busy());
        }
        self.level
    }

    fn decide(&mut self, rate: f64, is_busy: bool) {
        let level = self.level;
        let may_rise = level < self.level_max && !is_busy;
        match self.phase {
            Phase::Rising { rate: Some(half), is_doubted }
                if elasticity(half, rate, 2.0) < GAIN_MIN =>
            {
                if is_doubted || is_busy {
                    self.settle(level / 2, half.max(rate), true);
                } else {
                    self.phase = Phase::Rising { rate: Some(half), is_doubted: true };
                }
            }
            Phase::Rising { .. } if may_rise => self.rise(rate),
            Phase::Rising { .. } => self.settle(level, rate, false),
            Phase::Settled { rate: known, n_left, next_is_up } => {
                let is_other = (rate / known).ln().abs() > CHANGE_MIN;
                let known = if is_other { rate } else { 0.7 * known + 0.3 * rate };
                if is_other {
                    self.hold = HOLD.0;
                }
                match (n_left, next_is_up) {
                    (1.., _) if !is_other => {
                        self.phase = Phase::Settled { rate: known, n_left: n_left - 1, next_is_up };
                    }
                    (_, true) if may_rise => {
                        self.go(above(level), Phase::TryUp { from: level, rate: known });
                    }
                    _ if level > 1 => {
                        self.go(below(level), Phase::TryDown { from: level, rate: known });
                    }
                    _ => self.settle(level, known, true),
                }
            }
            Phase::TryUp { from, rate: known } => {
                let gain = elasticity(known, rate, level as f64 / from as f64);
                if gain < GAIN_MIN {
                    self.settle(from, known, false);
                } else if may_rise && gain >= FAR_MIN {
                    self.rise(rate);
                } else if may_rise {
                    self.hold = HOLD.0;
                    self.go(above(level), Phase::TryUp { from: level, rate });
                } else {
                    self.settle(level, rate, false);
                }
            }
            Phase::TryDown { from, rate: known } => {
                if elasticity(rate, known, from as f64 / level as f64) > LOSS_MAX {
                    self.settle(from, known, true);
                } else if level > 1 {
                    self.go(below(level), Phase::TryDown { from: level, rate: known.min(rate) });
                } else {
                    self.settle(level, rate, true);
                }
            }
        }
    }

    fn rise(&mut self, rate: f64) {
        self.hold = HOLD.0;
        self.go(self.level * 2, Phase::Rising { rate: Some(rate), is_doubted: false });
    }

    fn settle(&mut self, level: usize, rate: f64, next_is_up: bool) {
        let n_left = self.hold;
        self.hold = (2 * self.hold).min(HOLD.1);
        self.go(level, Phase::Settled { rate, n_left, next_is_up });
    }

    fn go(&mut self, level: usize, phase: Phase) {
        let level = level.clamp(1, self.level_max);
        self.is_new = level != self.level;
        (self.level, self.phase) = (level, phase);
    }
}

/// How much a rate changes with the level: 1 for as much, 0 for not at all.
fn elasticity(low: f64, high: f64, ratio: f64) -> f64 {
    (high / low).ln() / ratio.ln()
}

fn above(level: usize) -> usize {
    (level * 3 / 2).max(level + 1)
}

fn below(level: usize) -> usize {
    (level * 3 / 4).min(level - 1)
}
