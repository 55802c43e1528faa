//! What the server was asked: how often each request, for which inode, when, and how many at once.
//!
//! Owns the counts, and their text for `.stats`. Answers nothing.

use std::fmt;
use std::time::{Duration, Instant};

/// A request that a file server would get, too. What the kernel tells without waiting for an answer
/// (FORGET), and everything about `.stats`, is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An inode by the name of an entry.
    Lookup,
    /// An inode by its number.
    Getattr,
    /// A directory is opened.
    Opendir,
    /// Names of a directory.
    Readdir,
    /// A directory is closed.
    Releasedir,
    /// What is known of the filesystem as a whole.
    Statfs,
}

impl Kind {
    fn is_awaited(self) -> bool {
        self != Kind::Releasedir
    }
}

/// All of them, and what `.stats` calls them.
pub const KINDS: [(Kind, &str); 6] = [
    (Kind::Lookup, "lookup"),
    (Kind::Getattr, "getattr"),
    (Kind::Opendir, "opendir"),
    (Kind::Readdir, "readdir"),
    (Kind::Releasedir, "releasedir"),
    (Kind::Statfs, "statfs"),
];

/// How finely the time of requests is kept.
const TICK: Duration = Duration::from_millis(10);

/// Ticks that are kept: five minutes. What comes later is in the sums only.
const N_TICKS_MAX: usize = 30_000;

/// What has been asked since the last reset.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    n: [u64; KINDS.len()],
    /// Of each inode, by its number, how often it was asked each request; 255 is many.
    of_inode: Vec<[u8; KINDS.len()]>,
    /// Inodes up to this one are directories.
    last_dir: u64,
    /// Requests that somebody waits for, and all that are unanswered.
    n_awaited: u64,
    n_in_flight: u64,
    most_awaited: u64,
    most_in_flight: u64,
    /// Seconds that requests were waited for, added up, until the last change.
    awaited_s: f64,
    changed: Option<Instant>,
    /// Of the first and the last request.
    times: Option<(Instant, Instant)>,
    ticks: Vec<u32>,
}

impl Seen {
    pub(crate) fn new(n_dirs: u64) -> Seen {
        Seen { last_dir: n_dirs, ..Seen::default() }
    }

    /// Forgets all but the requests that wait for their answers.
    pub(crate) fn reset(&mut self) {
        let (n_awaited, n_in_flight) = (self.n_awaited, self.n_in_flight);
        *self = Seen { n_awaited, n_in_flight, ..Seen::new(self.last_dir) };
        self.keep_most();
    }

    pub(crate) fn asked(&mut self, kind: Kind, ino: u64, now: Instant) {
        self.pass(now);
        self.n[kind as usize] += 1;
        let at = usize::try_from(ino).unwrap_or_default();
        if self.of_inode.len() <= at {
            self.of_inode.resize(at + 1, Default::default());
        }
        let count = &mut self.of_inode[at][kind as usize];
        *count = count.saturating_add(1);
        self.n_in_flight += 1;
        self.n_awaited += u64::from(kind.is_awaited());
        self.keep_most();
        let (first, last) = self.times.get_or_insert((now, now));
        *last = now;
        let tick = (now.duration_since(*first).as_nanos() / TICK.as_nanos()) as usize;
        if tick < N_TICKS_MAX {
            self.ticks.resize(self.ticks.len().max(tick + 1), 0);
            self.ticks[tick] += 1;
        }
    }

    pub(crate) fn answered(&mut self, kind: Kind, now: Instant) {
        self.pass(now);
        self.n_in_flight -= 1;
        self.n_awaited -= u64::from(kind.is_awaited());
    }

    fn pass(&mut self, now: Instant) {
        let before = self.changed.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(before);
        self.awaited_s += self.n_awaited as f64 * passed.as_secs_f64();
    }

    fn keep_most(&mut self) {
        self.most_awaited = self.most_awaited.max(self.n_awaited);
        self.most_in_flight = self.most_in_flight.max(self.n_in_flight);
    }

    /// How often a request was made.
    pub fn n(&self, kind: Kind) -> u64 {
        self.n[kind as usize]
    }

    /// All requests.
    pub fn n_all(&self) -> u64 {
        self.n.iter().sum()
    }

    /// How often a request was made for an inode; 255 stands for all higher numbers.
    pub fn n_of_inode(&self, kind: Kind, ino: u64) -> u8 {
        let at = usize::try_from(ino).unwrap_or(usize::MAX);
        self.of_inode.get(at).map_or(0, |counts| counts[kind as usize])
    }

    /// How often a request was made for the directory that got it most often.
    pub fn most_of_a_dir(&self, kind: Kind) -> u8 {
        (1..=self.last_dir).map(|ino| self.n_of_inode(kind, ino)).max().unwrap_or_default()
    }

    /// How often a request was made for the file that got it most often.
    pub fn most_of_a_file(&self, kind: Kind) -> u8 {
        let files = self.of_inode.iter().skip(self.last_dir as usize + 1);
        files.map(|counts| counts[kind as usize]).max().unwrap_or_default()
    }

    /// The most requests that waited for their answers at the same time.
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight
    }

    /// The same without those that nobody waits for: the kernel closes directories by itself.
    pub fn most_awaited(&self) -> u64 {
        self.most_awaited
    }

    /// How many requests were waited for on average, from the first request to the last change.
    pub fn mean_awaited(&self) -> f64 {
        let end = self.times.zip(self.changed).map(|((first, _), changed)| changed - first);
        let seconds = end.unwrap_or_default().as_secs_f64();
        if seconds > 0.0 { self.awaited_s / seconds } else { 0.0 }
    }

    /// From the first request to the last.
    pub fn time(&self) -> Duration {
        self.times.map(|(first, last)| last - first).unwrap_or_default()
    }

    /// Requests a second, from the first to the last.
    pub fn rate(&self) -> f64 {
        let seconds = self.time().as_secs_f64();
        if seconds > 0.0 { (self.n_all() - 1) as f64 / seconds } else { 0.0 }
    }

    /// The most requests within any time of this length, to 10 ms.
    pub fn most_within(&self, time: Duration) -> u64 {
        let n_ticks = (time.as_nanos() / TICK.as_nanos()).max(1) as usize;
        let sum = |ticks: &[u32]| ticks.iter().map(|&n| u64::from(n)).sum::<u64>();
        let all = || sum(&self.ticks);
        self.ticks.windows(n_ticks).map(sum).max().unwrap_or_else(all)
    }
}

/// One `name number` a line.
impl fmt::Display for Seen {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, name) in KINDS {
            writeln!(to, "{name} {}", self.n(kind))?;
        }
        writeln!(to, "most_in_flight {}", self.most_in_flight)?;
        writeln!(to, "most_awaited {}", self.most_awaited)?;
        writeln!(to, "mean_awaited {:.1}", self.mean_awaited())?;
        writeln!(to, "most_lookups_of_a_file {}", self.most_of_a_file(Kind::Lookup))?;
        writeln!(to, "most_lookups_of_a_directory {}", self.most_of_a_dir(Kind::Lookup))?;
        writeln!(to, "most_within_100_ms {}", self.most_within(Duration::from_millis(100)))?;
        writeln!(to, "seconds {:.3}", self.time().as_secs_f64())?;
        writeln!(to, "requests_per_second {:.0}", self.rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_of_requests_inodes_and_times() {
        let (mut seen, start) = (Seen::new(2), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        seen.asked(Kind::Lookup, 7, at(0));
        seen.asked(Kind::Lookup, 7, at(5));
        seen.answered(Kind::Lookup, at(10));
        seen.asked(Kind::Lookup, 2, at(95));
        seen.asked(Kind::Releasedir, 2, at(500));
        assert_eq!((seen.n(Kind::Lookup), seen.n_all()), (3, 4));
        assert_eq!((seen.most_in_flight(), seen.most_awaited()), (3, 2));
        assert_eq!((seen.most_of_a_file(Kind::Lookup), seen.most_of_a_dir(Kind::Lookup)), (2, 1));
        assert_eq!(seen.most_within(Duration::from_millis(100)), 3);
        assert_eq!(seen.most_within(Duration::from_millis(50)), 2);
        assert_eq!(seen.most_within(Duration::from_secs(9)), 4);
        assert!((seen.rate() - 6.0).abs() < 1e-9);
        // Two for 5 ms, one for 5 and 85, two from there on.
        assert!((seen.mean_awaited() - (5.0 + 10.0 + 85.0 + 2.0 * 405.0) / 500.0).abs() < 1e-9);
        seen.reset();
        assert_eq!((seen.n_all(), seen.most_in_flight(), seen.rate()), (0, 3, 0.0));
    }
}
