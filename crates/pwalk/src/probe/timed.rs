//! A source that times every request, and makes none once its time is up.
//!
//! From then on directories end and files are gone, but an entry that is a directory by its type gets
//! an inode that says so. The walk then leaves it in the frontier, for the next level.
//!
//! Times go into sixteen buckets for each power of two. Quantiles are as exact as that, and a
//! request costs two readings of the clock and one addition.

use pwalk_engine::{Asked, At, DiskDir, Errno, Fields, Kind, Known, Links, Listing, Source, Stat};
use pwalk_engine::{Base, Disk};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What is timed.
pub(super) const N_CALLS: usize = 3;
const OPEN: usize = 0;
const READ: usize = 1;
const STAT: usize = 2;

/// `st_mode` of a directory.
const DIRECTORY: u32 = 0o040_000;

/// Sixteen for each power of two, in nanoseconds.
const N_BUCKETS: usize = 16 * 64;

/// A disk whose requests are timed.
pub(super) struct Timed {
    disk: Disk,
    /// No more requests are made. Relaxed: a worker that sees it late makes one more.
    is_over: AtomicBool,
    /// The device of the tree, once its root was read.
    device: AtomicU64,
    /// Relaxed: numbers for people to look at.
    buckets: Vec<AtomicU64>,
}

impl Timed {
    pub(super) fn new(disk: Disk) -> Timed {
        let buckets = (0..N_CALLS * N_BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Timed { disk, is_over: AtomicBool::new(false), device: AtomicU64::new(0), buckets }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    pub(super) fn set_over(&self, is_over: bool) {
        self.is_over.store(is_over, Relaxed);
    }

    /// What was answered so far.
    pub(super) fn times(&self) -> Times {
        Times(self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect())
    }

    fn time<T>(&self, call: usize, ask: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let answer = ask();
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.buckets[call * N_BUCKETS + bucket(nanos)].fetch_add(1, Relaxed);
        answer
    }

    fn while_it_lasts<T>(
        &self,
        call: usize,
        ask: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        if self.is_over() { Err(Errno::NOENT) } else { self.time(call, ask) }
    }
}

impl Source for Timed {
    type Dir = DiskDir;

    fn open(&self, at: At<'_, DiskDir>, links: Links) -> Result<DiskDir, Errno> {
        self.while_it_lasts(OPEN, || self.disk.open(at, links))
    }

    fn open_known(
        &self,
        at: At<'_, DiskDir>,
        links: Links,
        known: &Known,
    ) -> Result<DiskDir, Errno> {
        self.while_it_lasts(OPEN, || self.disk.open_known(at, links, known))
    }

    fn working_directory(&self) -> Base<DiskDir> {
        self.disk.working_directory()
    }

    fn read(
        &self,
        dir: &DiskDir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        match self.is_over() {
            true => Ok(false),
            false => self.time(READ, || self.disk.read(dir, buffer_len, scratch, listing)),
        }
    }

    fn stat(&self, dir: &DiskDir, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        self.while_it_lasts(STAT, || self.disk.stat(dir, name, links, want))
    }

    fn stat_slice(
        &self,
        dir: &DiskDir,
        asked: &Asked<'_>,
        mut may_ask: impl FnMut(usize) -> bool,
        answers: &mut Vec<Result<Stat, Errno>>,
    ) {
        for &index in asked.wanted {
            let entry = asked.listing.get(index as usize);
            if self.is_over() {
                let stat =
                    Stat { mode: DIRECTORY, dev: self.device.load(Relaxed), ..Stat::default() };
                answers.push(if entry.kind == Kind::Dir { Ok(stat) } else { Err(Errno::NOENT) });
            } else if may_ask(index as usize) {
                answers.push(self.stat(dir, entry.name, asked.links, asked.fields));
            } else {
                return;
            }
        }
    }

    fn stat_dir(&self, dir: &DiskDir, want: Fields) -> Result<Stat, Errno> {
        self.disk.stat_dir(dir, want)
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        let stat = self.disk.stat_path(path, links, want)?;
        self.device.store(stat.dev, Relaxed);
        Ok(stat)
    }

    fn read_link(&self, dir: &DiskDir, name: &CStr) -> Result<Vec<u8>, Errno> {
        self.disk.read_link(dir, name)
    }
}

/// How long requests took: how many of each kind fell into each bucket.
#[derive(Clone)]
pub(super) struct Times(Vec<u64>);

impl Times {
    /// Those since `before`.
    pub(super) fn since(&self, before: &Times) -> Times {
        Times(self.0.iter().zip(&before.0).map(|(now, before)| now - before).collect())
    }

    /// Those of one kind.
    pub(super) fn of(&self, call: usize) -> Times {
        Times(self.0[call * N_BUCKETS..][..N_BUCKETS].to_vec())
    }

    /// How many.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().sum()
    }

    /// This quantile of the times; 0 if there are none.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let all: Vec<u64> =
            (0..N_BUCKETS).map(|at| self.0.iter().skip(at).step_by(N_BUCKETS).sum()).collect();
        let least = (self.len() as f64 * share).ceil().max(1.0) as u64;
        let mut n = 0;
        let found = all.iter().position(|count| {
            n += count;
            n >= least
        });
        found.map_or(Duration::ZERO, |bucket| Duration::from_nanos(middle(bucket)))
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(16);
    let power = nanos.ilog2() as usize;
    16 * power + (nanos >> (power - 4) & 15) as usize
}

/// The time in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let (power, part) = (bucket / 16, bucket as u128 % 16);
    let middle = (1_u128 << power) * (2 * (16 + part) + 1) / 32;
    u64::try_from(middle).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_a_thirtieth() {
        let timed = Timed::new(Disk::new());
        for nanos in [1_000, 10_000, 1_000_000, 1_234_567_890, u64::MAX] {
            let found = middle(bucket(nanos)) as f64;
            assert!((found / nanos as f64 - 1.0).abs() < 0.034, "{nanos}: {found}");
            timed.buckets[STAT * N_BUCKETS + bucket(nanos)].store(1, Relaxed);
        }
        let times = timed.times();
        assert_eq!((times.len(), times.of(STAT).len(), times.of(OPEN).len()), (5, 5, 0));
        assert_eq!(times.quantile(0.5), Duration::from_nanos(middle(bucket(1_000_000))));
        assert_eq!(times.of(READ).quantile(0.5), Duration::ZERO);
        assert_eq!(timed.times().since(&times).len(), 0);
    }
}
