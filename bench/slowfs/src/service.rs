//! When each request is answered.
//!
//! Owns the delays: of each kind of request, a share of chance, and a server that does only so many
//! at a time, while the others queue in the order in which they came. Knows no filesystem: an answer
//! is a function to be called at its time.
//!
//! One thread answers all, in the order of their times. A thread for each request costs more than a
//! request that takes a millisecond should.

use crate::seen::{KINDS, Kind};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long the server takes.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// For each kind of request, in the order of [`KINDS`].
    pub times: [Duration; KINDS.len()],
    /// 0.3 makes each take between 0.7 and 1.3 of that.
    pub jitter: f64,
    /// Requests served at a time, of all kinds; 0 is without a limit.
    pub capacity: usize,
}

impl Service {
    /// All requests take the same time, however many there are.
    pub fn after(time: Duration) -> Service {
        Service { times: [time; KINDS.len()], jitter: 0.0, capacity: 0 }
    }

    /// For the request with this number.
    fn time(&self, kind: Kind, number: u64) -> Duration {
        // The same in each run.
        let random =
            (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1_u64 << 53) as f64;
        let share = 1.0 + self.jitter * (2.0 * random - 1.0);
        self.times[kind as usize].mul_f64(share.max(0.0))
    }
}

type Answer = Box<dyn FnOnce() + Send>;

/// A request that waits for its time. The earlier one, and of two the older one, is the greater.
struct Due {
    at: Instant,
    number: u64,
    answer: Answer,
}

impl Due {
    fn order(&self) -> Reverse<(Instant, u64)> {
        Reverse((self.at, self.number))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

#[derive(Default)]
struct Waiting {
    due: BinaryHeap<Due>,
    /// When each of the servers is free.
    free: BinaryHeap<Reverse<Instant>>,
    n_asked: u64,
    is_over: bool,
}

/// Requests that wait for their answers.
pub(crate) struct Clock {
    service: Service,
    waiting: Mutex<Waiting>,
    /// There is an earlier answer than before, or it is over.
    news: Condvar,
}

impl Clock {
    pub(crate) fn new(service: Service) -> Clock {
        Clock { service, waiting: Mutex::default(), news: Condvar::new() }
    }

    /// Gives an answer when its time has come.
    pub(crate) fn later(&self, kind: Kind, now: Instant, answer: Answer) {
        let mut waiting = self.lock();
        waiting.n_asked += 1;
        let number = waiting.n_asked;
        let at = self.begins(&mut waiting, now) + self.service.time(kind, number);
        if self.service.capacity > 0 {
            waiting.free.push(Reverse(at));
        }
        let is_first = waiting.due.peek().is_none_or(|first| at < first.at);
        waiting.due.push(Due { at, number, answer });
        drop(waiting);
        if is_first {
            self.news.notify_one();
        }
    }

    /// When a server is free.
    fn begins(&self, waiting: &mut Waiting, now: Instant) -> Instant {
        if self.service.capacity == 0 || waiting.free.len() < self.service.capacity {
            return now;
        }
        waiting.free.pop().map_or(now, |Reverse(free)| free.max(now))
    }

    /// Answers until it is over.
    pub(crate) fn run(&self) {
        // Else each answer would be 50 microseconds late.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut waiting = self.lock();
        while !waiting.is_over {
            let early =
                waiting.due.peek().map(|first| first.at.saturating_duration_since(Instant::now()));
            waiting = match early {
                None => self.news.wait(waiting).expect(NO_PANIC),
                Some(Duration::ZERO) => self.answer_first(waiting),
                Some(early) => self.news.wait_timeout(waiting, early).expect(NO_PANIC).0,
            };
        }
    }

    fn answer_first<'a>(&'a self, mut waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        let first = waiting.due.pop();
        drop(waiting);
        if let Some(first) = first {
            (first.answer)();
        }
        self.lock()
    }

    /// Ends `run`. Requests that wait get no answer.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect(NO_PANIC)
    }
}

const NO_PANIC: &str = "nothing panics with the lock";

#[cfg(test)]
mod tests {
    use super::*;

    fn times(service: Service, n: usize) -> Vec<u128> {
        let (clock, now) = (Clock::new(service), Instant::now());
        (0..n).for_each(|_| clock.later(Kind::Lookup, now, Box::new(|| ())));
        let mut due = std::mem::take(&mut clock.lock().due);
        let ordered = std::iter::from_fn(|| due.pop());
        ordered.map(|due| (due.at - now).as_micros()).collect()
    }

    #[test]
    fn without_a_limit_all_take_their_time_at_once() {
        let service = Service::after(Duration::from_millis(2));
        assert_eq!(times(service, 5), [2000; 5]);
    }

    #[test]
    fn beyond_the_capacity_they_queue() {
        let service = Service { capacity: 2, ..Service::after(Duration::from_millis(2)) };
        assert_eq!(times(service, 5), [2000, 2000, 4000, 4000, 6000]);
    }

    #[test]
    fn chance_stays_within_its_share_and_is_the_same_again() {
        let service = Service { jitter: 0.5, ..Service::after(Duration::from_millis(2)) };
        let times_once = times(service, 1000);
        let mean = times_once.iter().sum::<u128>() / 1000;
        assert!(times_once.iter().all(|time| (1000..=3000).contains(time)));
        assert!((1900..=2100).contains(&mean), "{mean}");
        assert_eq!(times(service, 1000), times_once);
    }
}
