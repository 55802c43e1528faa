//! How many workers a filesystem gets: measured while the walk runs.
//!
//! A pure function from [`Sample`]s to a number of workers, the level. It knows no clock, no
//! thread and no filesystem, so that tests give it servers that don't exist.
//!
//! What decides is the *elasticity*, the relative change of the rate by the relative change of the
//! level. It is 1 where each request takes its time whatever else is asked (more workers, more
//! answers), and 0 where a server has all that it can do (more workers, longer queue). How long a
//! request takes does not decide: a server that has become slow wants more requests in flight, not
//! fewer. But it tells how far to go at once. As long as requests take hardly longer than they
//! did at best, none waits for another, and the level may leap. Once they do, the rate times the
//! shortest time is what the server works on (Little's law), and what is above that is its queue.
//! Where many answers come at once, as from a half-cached disk, times tell nothing: rates alone
//! decide, and it doubles.
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
//! Rates vary by chance, and a level that chance has raised would hardly come down again. So a gain of a
//! try up is compared with the lower level once more, before and after, and only a loss that is
//! there twice ends a try down.
//!
//! The first sample after a change tells of two levels: nothing is decided by it. Nor is the rate of a
//! sample in which workers lacked jobs worth anything. With all processors busy there is nothing to
//! gain.

use std::time::Duration;

/// The highest level.
pub const LEVEL_MAX: usize = 512;

/// Elasticity at which a higher level is worth its requests.
const GAIN_MIN: f64 = 0.2;

/// Elasticity that is far from the end: it rises on.
const FAR_MIN: f64 = 0.6;

/// Elasticity at which a lower level loses nothing.
const LOSS_MAX: f64 = 0.1;

/// Requests that take this many times as long as the shortest did wait for each other.
const QUEUE_MIN: f64 = 1.3;

/// Requests in flight for each one that the server works on: enough that it never runs out.
const SPARE: f64 = 1.5;

/// Below this level it rises by leaps.
const LEAP_MAX: usize = 64;

/// Share of the processors at which they count as busy.
const BUSY_MIN: f64 = 0.9;

/// Seconds that a request takes where its worker mostly waits.
const LONG: f64 = 0.3e-3;

/// Answers for each time that a thread goes to sleep, from which on they count as coming at once. On
/// a disk with a cold cache some dozens of inodes come with each block that is waited for.
const ANSWERS_PER_SLEEP: u64 = 300;

/// Answers for each time that a thread goes to sleep, from which on many came at once.
const ANSWERS_PER_WAIT: u64 = 2;

/// Share of the workers' time without a job from which a sample tells nothing.
const IDLE_MAX: f64 = 0.2;

/// Relative change of the rate, as a logarithm, from which the server is another one.
const CHANGE_MIN: f64 = 0.3;

/// Samples between two tries: at first, and if nothing ever changes.
const HOLD: (u32, u32) = (1, 40);

/// How long samples are, in latencies, and at least: while it rises, and later.
const RISING: (f64, Duration) = (2.0, Duration::from_millis(2));
const SETTLED: (f64, Duration) = (4.0, Duration::from_millis(25));
const SETTLED_LEN: u64 = 300;
const TIME_MAX: Duration = Duration::from_secs(2);

/// What was measured at one level.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests that were answered.
    pub n_answered: u64,
    /// How long workers waited for these answers, added up.
    pub waited: Duration,
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
    /// them, so that workers that never wait for an answer still don't get on. Where answers take
    /// long, it is not these requests that keep them busy.
    fn is_busy(&self) -> bool {
        let is_busy = self.busy_share >= BUSY_MIN && self.latency() < LONG;
        is_busy || self.n_sleeps * ANSWERS_PER_SLEEP < self.n_answered
    }

    /// Seconds that a request took.
    fn latency(&self) -> f64 {
        self.waited.as_secs_f64() / self.n_answered.max(1) as f64
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
    /// Seconds that a request takes: in the last sample, and where it was shortest.
    latency: f64,
    shortest: f64,
    /// Many answers of the last sample came at once, as from a disk of which a part is cached: how
    /// long they took tells of the cache, and rates alone decide.
    is_mixed: bool,
}

/// What it does. A rate is in answers a second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Rises; with the level before this one and its rate. What seems to bring too little gets a
    /// second sample: workers that have just been started are slow for a moment.
    Rising { before: Option<(usize, f64)>, doubted: Option<f64> },
    /// Stays.
    Settled { rate: f64, n_left: u32, next_is_up: bool },
    /// Tries a higher level than this one, which had this rate.
    TryUp { from: usize, rate: f64 },
    /// Is back, to see whether it is the higher level, `to`, that brought that rate.
    Compare { to: usize, rate: f64, known: f64 },
    /// Tries a lower one. What seems to lose gets a second sample.
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

    /// How many workers may work.
    pub fn level(&self) -> usize {
        self.level
    }

    /// Has at most so many workers from now on.
    pub fn bound(&mut self, level_max: usize) {
        let level_max = level_max.max(1);
        if self.level > level_max {
            let Controller { latency, shortest, .. } = *self;
            *self = Controller { latency, shortest, ..Controller::new(level_max, level_max) };
        }
        self.level_max = level_max;
    }

    /// How long a request takes.
    pub fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.latency)
    }

    /// How long the next sample should be at least.
    pub fn sample_time(&self) -> Duration {
        let (n_latencies, least) = match self.phase {
            // It only has to see the requests off that were asked before.
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
        let level = self.level;
        let may_rise = level < self.level_max && !is_busy;
        match self.phase {
            Phase::Rising { before, doubted } => {
                // What holds workers up for a moment makes a rate lower, and nothing makes it higher.
                let rate = rate.max(doubted.unwrap_or(0.0));
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
            Phase::Settled { rate: known, n_left, next_is_up } => {
                let is_other = (rate / known).ln().abs() > CHANGE_MIN;
                // Bad luck makes a rate low, and nothing makes it high.
                let weight = if is_other {
                    1.0
                } else if rate > known {
                    0.6
                } else {
                    0.2
                };
                let known = known + weight * (rate - known);
                if is_other {
                    // Or something held it up for a moment: the next sample tells.
                    self.hold = HOLD.0;
                    self.phase = Phase::Settled { rate, n_left: 0, next_is_up: true };
                } else if n_left > 0 || is_busy {
                    let n_left = n_left.saturating_sub(1);
                    self.phase = Phase::Settled { rate: known, n_left, next_is_up };
                } else if may_rise && !self.is_queueing() {
                    self.rise(known);
                } else if may_rise && next_is_up {
                    self.go(above(level), Phase::TryUp { from: level, rate: known });
                } else if level > 1 {
                    self.try_down(known);
                } else {
                    self.settle(level, known, true);
                }
            }
            Phase::TryUp { from, rate: known } => {
                let gain = elasticity(known, rate, level as f64 / from as f64);
                if gain < GAIN_MIN {
                    self.settle(from, known, false);
                } else if !self.is_mixed {
                    // Perhaps others have just given way.
                    self.go(from, Phase::Compare { to: level, rate, known });
                } else if may_rise {
                    self.hold = HOLD.0;
                    self.go(above(level), Phase::TryUp { from: level, rate });
                } else {
                    self.settle(level, rate, false);
                }
            }
            Phase::Compare { to, rate: higher, known } => {
                let rate = rate.max(known);
                let gain = elasticity(rate, higher, to as f64 / level as f64);
                if gain < GAIN_MIN {
                    self.settle(level, rate, false);
                } else {
                    self.hold = HOLD.0;
                    if gain >= FAR_MIN {
                        // So there is no queue: requests take longer than they did. Or it is chance.
                        self.shortest = (self.shortest * self.latency).sqrt();
                    }
                    self.go(to, Phase::Settled { rate: higher, n_left: 0, next_is_up: true });
                }
            }
            Phase::TryDown { from, rate: known, doubted } => {
                let rate = rate.max(doubted.unwrap_or(0.0));
                if elasticity(rate, known, from as f64 / level as f64) > LOSS_MAX {
                    if doubted.is_some() {
                        self.settle(from, known, true);
                    } else {
                        self.phase = Phase::TryDown { from, rate: known, doubted: Some(rate) };
                    }
                } else if level > 1 {
                    self.try_down(known.max(rate));
                } else {
                    self.settle(level, rate, true);
                }
            }
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

    /// So many times as many requests in flight as the server works on at this rate, the others
    /// being its queue: by Little's law.
    fn in_flight(&self, times: f64, rate: f64) -> usize {
        (times * rate * self.shortest).ceil() as usize
    }

    fn rise(&mut self, rate: f64) {
        let level = self.level;
        let times = match self.phase {
            _ if self.is_mixed => 2,
            // How long a request takes is not sure yet.
            Phase::Rising { before: None, .. } => 1,
            Phase::Rising { .. } if level <= LEAP_MAX && !self.is_queueing() => 4,
            _ => 2,
        };
        let in_flight = if self.is_mixed { 2 * level } else { self.in_flight(times as f64, rate) };
        let higher = in_flight.min(times * level);
        let phase = Phase::Rising { before: Some((level, rate)), doubted: None };
        self.go(higher.max(above(level)), phase);
    }

    fn settle(&mut self, level: usize, rate: f64, next_is_up: bool) {
        // Where nothing queues there should be more to gain.
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

/// How much a rate changes with the level: 1 for as much, 0 for not at all.
fn elasticity(low: f64, high: f64, ratio: f64) -> f64 {
    (high / low).ln() / ratio.ln()
}

fn above(level: usize) -> usize {
    (level * 3).div_ceil(2)
}

fn below(level: usize) -> usize {
    (level * 3 / 4).min(level - 1)
}
