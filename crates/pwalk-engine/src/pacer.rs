//! Limits the requests per second of the whole walk.
//!
//! Each request has a slot in time. Slots are evenly spaced, so that there are no bursts, neither at the
//! start nor after a pause. A worker that comes early sleeps until its slot. One that misses its slot
//! because the machine was busy takes another: hundreds that wake up late would be a burst together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How much lost time is made up for. Threads wake up late: by some 0.1 ms each time, and on a
/// busy machine by several ms. With 3 ms a single worker made 525 to 983 requests of 1,000 beside six
/// processes that compute on two cores; with 10 ms it makes 980, and 110 in 100 ms at the most (123
/// beside ten such processes).
const CATCH_UP: Duration = Duration::from_millis(10);

/// How late a slot may be used.
const LATE_MAX: Duration = Duration::from_millis(10);

/// The maximum time that requests of threads that read ahead keep another request waiting.
const BEHIND_OTHERS: Duration = Duration::from_millis(200);

/// How long the end of the walk may go unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// Requests that a server sees when a directory is opened: FUSE and NFS look the name up, open it, and
/// are told when it is closed.
pub(crate) const PER_OPEN: u64 = 3;

/// The same for a symbolic link that is followed: itself, where it leads to, and what is there.
pub(crate) const PER_LINK: u64 = 3;

/// Gives out slots.
pub struct Pacer {
    started: Instant,
    /// Between two slots.
    gap: Duration,
    /// The next slot, in nanoseconds since the start. Relaxed: it is all that is shared.
    next: AtomicU64,
}

impl Pacer {
    /// For at most `per_second` requests.
    pub fn new(per_second: u64) -> Pacer {
        let gap = Duration::from_secs(1) / u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
        Pacer { started: Instant::now(), gap, next: AtomicU64::new(0) }
    }

    /// How many threads that read ahead may wait for slots: enough if a request takes less than a few
    /// dozen milliseconds, and so few that a directory that is needed now does not wait for long.
    pub(crate) fn n_ahead_max(&self) -> usize {
        let n = BEHIND_OTHERS.as_nanos() / (self.gap.as_nanos() * u128::from(PER_OPEN)).max(1);
        usize::try_from(n).unwrap_or(usize::MAX).max(1)
    }

    /// Waits until `n` requests may be made. False as soon as `is_over` says so: hundreds that wait
    /// would be a burst together if each still made its request.
    pub fn wait(&self, n: u64, mut is_over: impl FnMut() -> bool) -> bool {
        loop {
            let slot = self.take(n, self.started.elapsed());
            while let Some(early) = slot.checked_sub(self.started.elapsed()) {
                if early.is_zero() {
                    return true;
                }
                if is_over() {
                    return false;
                }
                std::thread::sleep(early.min(NAP));
            }
            if self.started.elapsed() <= slot + LATE_MAX {
                return true;
            }
        }
    }

    /// Takes the next slots, for `n` requests at this time, and returns the first.
    fn take(&self, n: u64, now: Duration) -> Duration {
        let earliest = nanos(now.saturating_sub(CATCH_UP));
        let after = |slot: u64| slot.max(earliest) + n * nanos(self.gap);
        let taken = self.next.fetch_update(Relaxed, Relaxed, |slot| Some(after(slot)));
        Duration::from_nanos(taken.unwrap_or_default().max(earliest))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_far_apart_as_their_number_says_from_the_first_on() {
        let pacer = Pacer::new(1000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..25).for_each(|_| _ = pacer.wait(1, || false)));
            }
        });
        // 200 slots, of which the first is at once and ten may be made up for.
        assert!(pacer.started.elapsed() >= Duration::from_millis(189), "{:?}", pacer.started);
    }

    /// When a single worker makes its requests in a second, if it wakes up so late each time.
    fn requests_in_a_second(late: Duration) -> Vec<Duration> {
        let pacer = Pacer::new(1000);
        let (mut now, mut made) = (Duration::ZERO, Vec::new());
        while now < Duration::from_secs(1) {
            let slot = pacer.take(1, now);
            now = if slot > now { slot + late } else { now };
            made.push(now);
        }
        made
    }

    #[test]
    fn who_wakes_up_late_each_time_loses_no_slot_and_makes_no_burst() {
        for millis in [0, 1, 5, 9] {
            let made = requests_in_a_second(Duration::from_millis(millis));
            assert!((990..=1010).contains(&made.len()), "{} requests, {millis} ms", made.len());
            let within = |from: &Duration| {
                let window = *from..*from + Duration::from_millis(100);
                made.iter().filter(|now| window.contains(now)).count()
            };
            let most = made.iter().map(within).max().unwrap_or_default();
            assert!(most <= 111, "{most} in 100 ms, {millis} ms");
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let pacer = Pacer::new(1000);
        pacer.wait(1, || false);
        std::thread::sleep(Duration::from_millis(100));
        let after_pause = Instant::now();
        (0..30).for_each(|_| _ = pacer.wait(1, || false));
        assert!(after_pause.elapsed() >= Duration::from_millis(19));
    }

    #[test]
    fn who_misses_a_slot_takes_another() {
        let pacer = Pacer::new(2);
        pacer.wait(1, || false);
        let mut naps = [Duration::from_millis(600)].into_iter();
        pacer.wait(1, || {
            naps.next().into_iter().for_each(std::thread::sleep);
            false
        });
        // Half a second after the second slot that was used, which lies at 0.6 s and not at 0.5.
        assert!(pacer.take(1, Duration::ZERO) >= Duration::from_millis(1050));
    }

    #[test]
    fn the_fewer_requests_there_may_be_the_fewer_read_ahead() {
        let n = [1, 5, 100, 1000, 10_000].map(|per_second| Pacer::new(per_second).n_ahead_max());
        assert_eq!(n, [1, 1, 6, 66, 666]);
    }

    #[test]
    fn a_cancel_ends_the_wait() {
        let pacer = Pacer::new(1);
        let n_allowed = (0..3600).filter(|_| pacer.wait(1, || true)).count();
        assert!(n_allowed < 600, "{n_allowed}");
        assert!(pacer.started.elapsed() < Duration::from_secs(600));
    }
}
