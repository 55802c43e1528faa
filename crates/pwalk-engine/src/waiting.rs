//! What the workers of a walk wait for, so that a filesystem that does not answer can be named.
//!
//! A thread that the kernel holds can't report anything, so each worker records what it asks before it
//! does. It does so for each directory and each slice, not for each entry: two stores, a copy of the
//! path, and a clock that costs 5 ns. The remaining cost is paid by whoever wants to know.

use crate::error::Operation;
use crate::sync::lock;
use crossbeam_utils::CachePadded;
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// A request that the filesystem has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What was asked.
    pub operation: Operation,
    /// The path, as in the row of a directory: of the one that is opened or read, or whose files'
    /// inodes are read. For the inode of a subdirectory, which may be a mount point, it is the
    /// subdirectory.
    pub path: Vec<u8>,
    /// Since when, to about 10 ms.
    pub since: Instant,
}

/// All workers that say what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Posts {
    slots: Mutex<Vec<Arc<CachePadded<Slot>>>>,
    /// What workers no longer wait for, while the kernel still does.
    left: Mutex<Vec<Left>>,
}

/// A request that was given up. Whoever makes it lets go of the first once it is answered.
#[derive(Debug)]
struct Left(Weak<dyn Any + Send + Sync>, Waiting);

/// A worker's pool and its number there, and a number that its requests never have twice.
pub(crate) type RequestId = ((usize, usize), u64);

/// Where one worker says what it asks. It asks nothing any more once this is dropped.
#[derive(Debug)]
pub(crate) struct Post(Arc<CachePadded<Slot>>);

#[derive(Debug)]
struct Slot {
    /// The worker's pool, and its number there.
    worker: (usize, usize),
    /// That it runs in.
    thread: ThreadId,
    /// 0, or [`Slot::request`]. Relaxed: a reader that sees it with the path of another request
    /// finds that it has changed meanwhile, and a request that hangs no longer changes either.
    request: AtomicU64,
    /// The last one that it gave up, or 0. Relaxed: it matters for words only.
    given_up: AtomicU64,
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
    /// A place for the worker that runs in the calling thread: its pool, and its number there.
    pub(crate) fn add(&self, worker: (usize, usize)) -> Post {
        let slot = Arc::new(CachePadded::new(Slot {
            worker,
            thread: std::thread::current().id(),
            request: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            path: Mutex::default(),
        }));
        let mut slots = lock(&self.slots);
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
        let slots = lock(&self.slots).clone();
        let (clock, now) = (pwalk_sys::coarse_clock(), Instant::now());
        let held = |slot: &Arc<CachePadded<Slot>>| {
            let (request, by) = slot.longer_than(longer_than, clock, now)?;
            Some(Held { id: (slot.worker, request), by })
        };
        slots.iter().filter_map(held).collect()
    }

    /// The worker in the calling thread gives up what it asks, which others wait for as long as
    /// they hold `request`.
    pub(crate) fn give_up(&self, request: Weak<dyn Any + Send + Sync>) {
        let thread = std::thread::current().id();
        let slots = lock(&self.slots).clone();
        let Some(slot) = slots.iter().find(|slot| slot.is_of(thread)) else { return };
        let (clock, now) = (pwalk_sys::coarse_clock(), Instant::now());
        if let Some((number, waiting)) = slot.longer_than(Duration::ZERO, clock, now) {
            slot.given_up.store(number, Relaxed);
            let mut left = lock(&self.left);
            left.retain(Left::is_awaited);
            left.push(Left(request, waiting));
        }
    }

    /// True if the worker gave it up.
    pub(crate) fn was_given_up(&self, id: RequestId) -> bool {
        let slots = lock(&self.slots);
        slots.iter().any(|slot| (slot.worker, slot.given_up.load(Relaxed)) == id)
    }

    /// What was given up and is not answered yet, the oldest first.
    pub(crate) fn left(&self) -> Vec<Waiting> {
        let left = lock(&self.left);
        let awaited = left.iter().filter(|left| left.is_awaited());
        let mut waiting: Vec<_> = awaited.map(|left| left.1.clone()).collect();
        waiting.sort_by_key(|waiting| waiting.since);
        waiting
    }
}

impl Left {
    fn is_awaited(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// A worker that waits.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) id: RequestId,
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
    /// True for a worker that runs in this thread.
    fn is_of(&self, thread: ThreadId) -> bool {
        self.thread == thread && self.request.load(Relaxed) != 0
    }

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
