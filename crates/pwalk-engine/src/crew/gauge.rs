//! What the workers of a filesystem tell its pool, and the other way round.
//!
//! Owns the counters of answers, which all workers add to, and the length of slices, which follows
//! from them. Decides nothing about the number of workers.

use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counters are spread over this many cache lines.
const N_SHARDS: usize = 16;

/// How long the answers to one slice should take. Shorter ones cost more switches, and with longer ones
/// some workers lack jobs while others have many.
const SLICE_TIME: Duration = Duration::from_millis(3);

/// Where slices are shorter than this, requests take long. There the first ones are `FIRST_SLICE` long,
/// since nothing has been measured yet.
pub(crate) const SLOW_SLICE: usize = 64;
const FIRST_SLICE: usize = 4;

/// Counts what the workers of a filesystem were answered, and says how long its slices are.
pub(crate) struct Gauge {
    answered: [CachePadded<Answered>; N_SHARDS],
    /// Entries of a slice: now, and at most.
    slice_len: AtomicUsize,
    slice_len_max: usize,
}

/// Relaxed: numbers to compare, which publish nothing.
#[derive(Default)]
struct Answered {
    n: AtomicU64,
    /// How long workers waited for them, added up.
    nanos: AtomicU64,
}

impl Gauge {
    pub(crate) fn new(slice_len_max: usize) -> Gauge {
        let slice_len_max = slice_len_max.max(1);
        let is_slow = slice_len_max < SLOW_SLICE;
        let slice_len = if is_slow { slice_len_max.min(FIRST_SLICE) } else { slice_len_max };
        Gauge {
            answered: Default::default(),
            slice_len: AtomicUsize::new(slice_len),
            slice_len_max,
        }
    }

    /// Counts `n` answers that a worker got, to what it asked at this time.
    pub(crate) fn count(&self, worker: usize, n: u64, asked: Instant) {
        let shard = &self.answered[worker % N_SHARDS];
        shard.n.fetch_add(n, Relaxed);
        shard.nanos.fetch_add(asked.elapsed().as_nanos() as u64, Relaxed);
    }

    /// Entries of a directory that one worker looks at before others may take the rest.
    pub(crate) fn slice_len(&self) -> usize {
        self.slice_len.load(Relaxed)
    }

    /// Fits the slices to `n` requests, which took this long in all.
    pub(super) fn fit_slices(&self, n: u64, waited: Duration) {
        if !waited.is_zero() {
            let len = SLICE_TIME.as_nanos() * u128::from(n) / waited.as_nanos();
            self.slice_len.store((len as usize).clamp(1, self.slice_len_max), Relaxed);
        }
    }

    /// How many requests were answered, and how long workers waited for them, added up.
    pub(super) fn answered(&self) -> (u64, Duration) {
        let sum = |of: fn(&Answered) -> &AtomicU64| {
            self.answered.iter().map(|shard| of(shard).load(Relaxed)).sum()
        };
        (sum(|shard| &shard.n), Duration::from_nanos(sum(|shard| &shard.nanos)))
    }
}
