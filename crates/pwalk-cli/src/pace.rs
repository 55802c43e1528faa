//! How fast entries come: in the last seconds, and while the job ran.
//!
//! Time in which the process stood still (Ctrl-Z, a suspended laptop) is none in which it worked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What the rate is taken over.
const WINDOW: Duration = Duration::from_secs(3);

/// Between two looks that are a tenth of a second apart: so long only if the process stood still.
const STANDSTILL: Duration = Duration::from_secs(1);

/// After less than this nobody knows how long the rest takes.
const TRIAL: Duration = Duration::from_secs(2);

/// What was seen of a counter.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When, and how many entries there were; the oldest first, of the last seconds.
    seen: VecDeque<(Instant, u64)>,
    /// How long the job has worked.
    active: Duration,
}

impl Pace {
    /// Takes note of the counter.
    pub(crate) fn see(&mut self, now: Instant, n_entries: u64) {
        if self.seen.back().is_some_and(|(_, last)| n_entries < *last) {
            // Something else is counted from now on.
            *self = Pace::default();
        }
        let gap = self.seen.back().map(|(last, _)| now.saturating_duration_since(*last));
        match gap {
            Some(gap) if gap >= STANDSTILL => self.seen.clear(),
            gap => self.active += gap.unwrap_or_default(),
        }
        self.seen.push_back((now, n_entries));
        let is_old = |(then, _): &(Instant, u64)| now.saturating_duration_since(*then) > WINDOW;
        while self.seen.front().is_some_and(is_old) {
            self.seen.pop_front();
        }
    }

    /// Entries per second, of the last seconds; `None` after the first look, which tells nothing.
    pub(crate) fn rate(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.seen.front()?, self.seen.back()?);
        let seconds = to.saturating_duration_since(*from).as_secs_f64();
        (seconds > 0.0).then(|| last.saturating_sub(*first) as f64 / seconds)
    }

    /// How long so many more will take, at the pace of the whole job: that of the last seconds
    /// goes up and down.
    pub(crate) fn time_for(&self, n_done: u64, n_left: u64) -> Option<Duration> {
        let is_known = self.active >= TRIAL && n_done > 0;
        is_known.then(|| self.active.mul_f64((n_left as f64 / n_done as f64).min(1e6)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.rate(), None);
        for tick in 0..=100 {
            // A thousand a second for five seconds, and then nothing.
            pace.see(after(start, tick * 100), tick.min(50) * 100);
        }
        assert_eq!(pace.rate(), Some(0.0));
        assert_eq!(pace.time_for(5_000, 5_000), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_standstill_counts_neither_for_the_rate_nor_for_the_rest() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for tick in 0..=30 {
            pace.see(after(start, tick * 100), tick * 100);
        }
        let back = after(start, 3_600_000);
        pace.see(back, 3_000);
        assert_eq!(pace.rate(), None, "nothing is known yet");
        pace.see(after(back, 100), 3_100);
        assert_eq!(pace.rate().map(f64::round), Some(1_000.0));
        let left = pace.time_for(3_100, 3_100).unwrap();
        assert_eq!(left, Duration::from_millis(3_100));
    }

    #[test]
    fn nothing_is_foretold_at_the_beginning() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.see(start, 0);
        pace.see(after(start, 100), 10);
        assert_eq!(pace.time_for(10, 1_000), None);
    }
}
