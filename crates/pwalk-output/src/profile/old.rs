//! The largest directories below which nothing was read or modified for long.
//!
//! Of directories in one another only the uppermost is meant, and whether that is so is known once
//! the one above it is: if it is old as well, all in it are part of it. Until then a directory
//! *waits*, and for each directory above no more wait than are asked for in the end. In a walk that
//! is soon over, since a directory comes after what is in it, up to a batch or two of another
//! worker. In a saved scan directories come in any order, and some wait until the end; the paths of
//! those left are compared then.

use super::OldTree;
use super::dir::{Dir, above, without_slash};
use super::paths::shown;
use super::top::{HasPath, Top};
use pwalk_engine::lock;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Bytes that those that wait may take; beyond them only the larger half goes on waiting.
const WAITING_BYTES_MAX: usize = 8 << 20;

#[derive(Debug)]
pub(crate) struct OldTrees {
    n_max: usize,
    /// In no other old directory.
    found: Top<Old>,
    waiting: Mutex<Waiting>,
    /// True if nothing waits, so that most directories take no lock. Written under the lock. Whoever
    /// reads an old value leaves those that wait for it to the end.
    is_idle: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By the hash of the path above.
    by_above: HashMap<u64, Vec<Old>>,
    n_bytes: usize,
}

#[derive(Debug)]
struct Old {
    /// With a closing slash.
    path: Box<[u8]>,
    bytes: u64,
    atime: i64,
    mtime: i64,
}

impl HasPath for Old {
    fn path(&self) -> &[u8] {
        without_slash(&self.path)
    }
}

impl Old {
    /// Bytes of memory.
    fn n_bytes(&self) -> usize {
        self.path.len() + 64
    }
}

impl OldTrees {
    /// Finds the `n_max` largest.
    pub(crate) fn new(n_max: usize) -> OldTrees {
        OldTrees {
            n_max,
            found: Top::new(n_max),
            waiting: Mutex::default(),
            is_idle: AtomicBool::new(true),
        }
    }

    /// A directory, and whether it is old.
    pub(crate) fn close(&self, dir: &Dir<'_>, is_old: bool) {
        let (bytes, totals) = (dir.facts.bytes(), dir.facts.totals);
        let is_meant = is_old && self.found.admits(bytes);
        if !is_meant && self.is_idle.load(Relaxed) {
            return;
        }
        let mut waiting = lock(&self.waiting);
        for old in waiting.remove(dir.hash) {
            if !is_old && self.found.admits(old.bytes) {
                self.found.offer(old.bytes, old);
            }
        }
        if let (true, Some(atime), Some(mtime)) = (is_meant, totals.atime, totals.mtime) {
            let old = Old { path: dir.facts.path.into(), bytes, atime, mtime };
            match dir.above {
                Some(above) => waiting.push(above, old, self.n_max),
                None => self.found.offer(bytes, old),
            }
        }
        self.is_idle.store(waiting.by_above.is_empty(), Relaxed);
    }

    /// The largest, without those that are in another.
    pub(crate) fn finish(self) -> Vec<OldTree> {
        let waiting = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.found.into_sorted();
        all.extend(waiting.by_above.into_values().flatten());
        all.sort_by(in_order);
        let paths: HashSet<_> = all.iter().map(|old| old.path.clone()).collect();
        let is_uppermost = |old: &&Old| !is_in_one_of(&old.path, &paths);
        let found = all.iter().filter(is_uppermost).take(self.n_max);
        found
            .map(|Old { path, bytes, atime, mtime }| OldTree {
                path: shown(without_slash(path)),
                bytes: *bytes,
                atime: *atime,
                mtime: *mtime,
            })
            .collect()
    }
}

/// The order of the list.
fn in_order(one: &Old, other: &Old) -> Ordering {
    other.bytes.cmp(&one.bytes).then_with(|| one.path().cmp(other.path()))
}

fn is_in_one_of(path: &[u8], paths: &HashSet<Box<[u8]>>) -> bool {
    std::iter::successors(above(path), |path| above(path)).any(|above| paths.contains(above))
}

impl Waiting {
    fn remove(&mut self, above: u64) -> Vec<Old> {
        let removed = self.by_above.remove(&above).unwrap_or_default();
        self.n_bytes -= removed.iter().map(Old::n_bytes).sum::<usize>();
        removed
    }

    fn push(&mut self, above: u64, old: Old, n_max: usize) {
        self.n_bytes += old.n_bytes();
        let siblings = self.by_above.entry(above).or_default();
        siblings.push(old);
        if siblings.len() >= 2 * n_max {
            siblings.sort_unstable_by(in_order);
            self.n_bytes -= siblings.drain(n_max..).map(|old| old.n_bytes()).sum::<usize>();
        }
        if self.n_bytes > WAITING_BYTES_MAX {
            self.make_room();
        }
    }

    #[cold]
    fn make_room(&mut self) {
        let mut sizes: Vec<_> = self.by_above.values().flatten().map(|old| old.bytes).collect();
        let place = sizes.len() / 2;
        let median = *sizes.select_nth_unstable(place).1;
        for olds in self.by_above.values_mut() {
            olds.retain(|old| old.bytes > median);
        }
        self.by_above.retain(|_, olds| !olds.is_empty());
        self.n_bytes = self.by_above.values().flatten().map(Old::n_bytes).sum();
    }
}
