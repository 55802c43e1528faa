//! Requests that are not answered for long: each is reported once, and other workers replace those that
//! they hold.
//!
//! Belongs to the thread that called `walk`, which looks from time to time. The workers know nothing of
//! it: they record what they ask ([`crate::waiting`]), and one that hangs can't say more.

use crate::control::Control;
use crate::error::Operation;
use crate::waiting::Held;
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Stalls that are listed; all are counted.
const N_LISTED: usize = 1000;

/// A worker that waits for this long is replaced by another one.
const HANGS: Duration = Duration::from_secs(3);

/// How often to look, at least.
const INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of workers of a pool that are replaced.
const REPLACED_MAX: usize = 512;

/// A request that was not answered for longer than the config allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// What was asked.
    pub operation: Operation,
    /// Of what, as in [`crate::Waiting`].
    pub path: Vec<u8>,
    /// For how long, to about a second; so far, unless it is over.
    pub duration: Duration,
    /// It has been answered, or given up.
    pub is_over: bool,
    /// It is over, and without an answer.
    pub is_given_up: bool,
}

/// The function that is called for each stall.
#[derive(Default)]
pub(crate) struct Listener(OnceLock<Box<Tell>>);

type Tell = dyn Fn(&Stall) + Send + Sync;

impl Listener {
    pub(crate) fn set(&self, tell: Box<Tell>) {
        // The first one stays.
        let _ = self.0.set(tell);
    }

    pub(crate) fn tell(&self, stall: &Stall) {
        if let Some(tell) = self.0.get() {
            tell(stall);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.get().is_some()).finish()
    }
}

/// The stalls of a walk, and the workers that hang at this moment.
pub(crate) struct Stalls<'a> {
    control: &'a Control,
    /// A request that takes longer has stalled.
    after: Duration,
    looked: Instant,
    /// By pool, the numbers of the workers that hang, ascending.
    hung: Vec<Vec<usize>>,
    /// Stalls that go on, and their places in `listed`, if they have one.
    open: Vec<(Held, Option<usize>)>,
    listed: Vec<Stall>,
    n: u64,
}

impl<'a> Stalls<'a> {
    pub(crate) fn new(control: &'a Control, after: Duration, n_pools: usize) -> Self {
        Stalls {
            control,
            after,
            looked: Instant::now(),
            hung: vec![Vec::new(); n_pools],
            open: Vec::new(),
            listed: Vec::new(),
            n: 0,
        }
    }

    /// How long it may take until the next look.
    pub(crate) fn interval(&self) -> Duration {
        INTERVAL.min(self.after / 4)
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self) {
        if self.looked.elapsed() < self.interval() {
            return;
        }
        self.looked = Instant::now();
        let held = self.control.held(HANGS.min(self.after));
        for (pool, hung) in self.hung.iter_mut().enumerate() {
            let of_pool = held.iter().filter(|held| held.id.0.0 == pool);
            hung.clear();
            hung.extend(of_pool.map(|held| held.id.0.1));
            hung.sort_unstable();
        }
        self.see(held);
    }

    /// The workers of a pool that hang, by their numbers.
    pub(crate) fn hung(&self, pool: usize) -> &[usize] {
        &self.hung[pool]
    }

    /// How many hang in all.
    pub(crate) fn n_hung(&self) -> usize {
        self.hung.iter().map(Vec::len).sum()
    }

    /// What has stalled: the first thousand, and how many.
    pub(crate) fn finish(mut self) -> (Vec<Stall>, u64) {
        self.see(Vec::new());
        (self.listed, self.n)
    }

    fn see(&mut self, held: Vec<Held>) {
        let open = std::mem::take(&mut self.open);
        for (before, place) in open {
            let goes_on = held.iter().any(|held| held.id == before.id);
            let is_given_up = !goes_on && self.control.was_given_up(before.id);
            let stall = Stall { is_over: !goes_on, is_given_up, ..stall(&before) };
            if let Some(place) = place {
                self.listed[place] = stall.clone();
            }
            if goes_on {
                self.open.push((before, place));
            } else {
                self.control.tell_stall(&stall);
            }
        }
        for held in held {
            let is_known = self.open.iter().any(|(known, _)| known.id == held.id);
            if held.by.since.elapsed() >= self.after && !is_known {
                self.begin(held);
            }
        }
    }

    fn begin(&mut self, held: Held) {
        let stall = stall(&held);
        self.control.tell_stall(&stall);
        let place = (self.listed.len() < N_LISTED).then_some(self.listed.len());
        if place.is_some() {
            self.listed.push(stall);
        }
        self.open.push((held, place));
        self.n += 1;
    }
}

fn stall(held: &Held) -> Stall {
    let (operation, path) = (held.by.operation, held.by.path.clone());
    let duration = held.by.since.elapsed();
    Stall { operation, path, duration, is_over: false, is_given_up: false }
}

/// The level at which as many workers work as at `level` if none of these hung.
pub(crate) fn raised(level: usize, hung: &[usize]) -> usize {
    let replaced = hung.iter().take(REPLACED_MAX);
    replaced.fold(level, |level, &index| level + usize::from(index < level))
}

#[cfg(test)]
mod tests {
    use super::raised;

    #[test]
    fn a_level_makes_up_for_workers_that_hang_below_it() {
        let cases: [(usize, &[usize], usize); 5] =
            [(2, &[], 2), (2, &[0, 1], 4), (2, &[1, 2, 3], 5), (2, &[2, 3], 2), (1, &[0, 2], 2)];
        for (level, hung, expected) in cases {
            assert_eq!(raised(level, hung), expected, "{level} {hung:?}");
        }
        let all: Vec<_> = (0..10_000).collect();
        assert_eq!(raised(512, &all), 1024);
    }
}
