//! What the workers of a walk wait for: how a filesystem that doesn't answer gets its name.
//!
//! A thread that the kernel holds can't say anything any more, so each worker says before what it
//! is about to ask. It does so for each directory and each slice, not for each entry: two stores,
//! a copy of the path, and a clock that costs 5 ns. Whoever asks pays the rest.

use crate::error::Operation;
use crate::sync::lock;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request that the filesystem has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What was asked.
    pub operation: Operation,
    /// Of what: the path of a directory as its row carries it, also where the inodes of its
    /// entries are asked; but that of a subdirectory whose inode is asked, which may be a mount
    /// point.
    pub path: Vec<u8>,
    /// Since when, to about 10 ms.
    pub since: Instant,
}

/// All workers that say what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Posts(Mutex<Vec<Arc<CachePadded<Slot>>>>);

/// Where one worker says what it asks. It asks nothing any more once this is dropped.
#[derive(Debug)]
pub(crate) struct Post(Arc<CachePadded<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    /// The worker's pool, and its number there.
    worker: (usize, usize),
    /// 0, or [`Slot::request`]. Relaxed: a reader that sees it with the path of another request
    /// finds that it has changed meanwhile, and a request that hangs no longer changes either.
    request: AtomicU64,
    path: Mutex<Path>,
}

#[derive(Debug, Default)]
struct Path {
    /// A directory with a closing slash, or a root, and perhaps a name in it.
    bytes: Vec<u8>,
    /// Where the name begins.
    dir_len: usize,
}

impl Posts {
    /// A place for one worker more: its pool, and its number there.
    pub(crate) fn add(&self, worker: (usize, usize)) -> Post {
        let slot = Arc::new(CachePadded::new(Slot { worker, ..Slot::default() }));
        let mut slots = lock(&self.0);
        slots.retain(|slot| Arc::strong_count(slot) > 1);
        slots.push(Arc::clone(&slot));
        Post(slot)
    }

    pub(crate) fn waiting(&self, longer_than: Duration) -> Vec<Waiting> {
        let mut found: Vec<_> = self.held(longer_than).into_iter().map(|held| held.by).collect();
        found.sort_by_key(|waiting| waiting.since);
        found
    }

    /// The workers that wait for longer than this.
    pub(crate) fn held(&self, longer_than: Duration) -> Vec<Held> {
        let slots = lock(&self.0).clone();
        let (clock, now) = (pwalk_sys::coarse_clock(), Instant::now());
        let held = |slot: &Arc<CachePadded<Slot>>| {
            let (request, by) = slot.longer_than(longer_than, clock, now)?;
            Some(Held { id: (slot.worker, request), by })
        };
        slots.iter().filter_map(held).collect()
    }
}

/// A worker that waits.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The worker's pool, its number there, and a number that its requests never have twice.
    pub(crate) id: ((usize, usize), u64),
    pub(crate) by: Waiting,
}

impl Post {
    /// What is asked next is asked of the directory or root at this path.
    pub(crate) fn goes_to(&self, path: &[u8]) {
        let mut slot = lock(&self.0.path);
        slot.bytes.clear();
        slot.bytes.extend_from_slice(path);
        slot.dir_len = path.len();
    }

    /// It is asked now.
    pub(crate) fn asks(&self, operation: Operation) {
        self.0.request.store(Slot::request(operation, pwalk_sys::coarse_clock()), Relaxed);
    }

    /// The inode of this entry of the directory is asked now.
    pub(crate) fn asks_entry(&self, name: &[u8]) {
        let mut path = lock(&self.0.path);
        let dir_len = path.dir_len;
        path.bytes.truncate(dir_len);
        path.bytes.extend_from_slice(name);
        drop(path);
        self.asks(Operation::Stat);
    }

    /// The inodes of other entries are asked now.
    pub(crate) fn asks_others(&self) {
        let mut path = lock(&self.0.path);
        let dir_len = path.dir_len;
        path.bytes.truncate(dir_len);
        drop(path);
        self.asks(Operation::Stat);
    }

    /// Nothing is asked.
    pub(crate) fn rests(&self) {
        self.0.request.store(0, Relaxed);
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.rests();
    }
}

/// Operations that are asked of a filesystem.
const OPERATIONS: [Operation; 3] = [Operation::Open, Operation::Read, Operation::Stat];

impl Slot {
    /// Microseconds of the coarse clock, and below them the operation, from 1.
    fn request(operation: Operation, clock: Duration) -> u64 {
        let number = OPERATIONS.iter().position(|&known| known == operation);
        (clock.as_micros() as u64) << 2 | number.map_or(0, |number| number as u64 + 1)
    }

    fn longer_than(
        &self,
        least: Duration,
        clock: Duration,
        now: Instant,
    ) -> Option<(u64, Waiting)> {
        let request = self.request.load(Relaxed);
        let operation = OPERATIONS[(request as usize & 3).checked_sub(1)?];
        let waited = clock.saturating_sub(Duration::from_micros(request >> 2));
        if waited < least {
            return None;
        }
        let path = lock(&self.path).own();
        let since = now.checked_sub(waited)?;
        let waiting = Waiting { operation, path, since };
        (self.request.load(Relaxed) == request).then_some((request, waiting))
    }
}

impl Path {
    /// The path as rows have it.
    fn own(&self) -> Vec<u8> {
        let path = match &*self.bytes {
            b"/" => b"/",
            path => path.strip_suffix(b"/").unwrap_or(path),
        };
        path.to_vec()
    }
}
