//! Walks a tree in order and does nothing with it: what a directory costs, for measurements.
//!
//!     cargo run --release --package pwalk-engine --example in_order -- /usr 2
//!     cargo run --release --package pwalk-engine --example in_order -- memory 2
//!     cargo run --release --package pwalk-engine --example in_order -- /mnt/slow 8-512
//!
//! `memory` is a tree of 100,000 directories that is made up on the way, so that what is left is
//! the plan. `8-512` is eight workers to begin with, and as many as measuring makes of them. Prints
//! directories and nanoseconds for each; instructions by `perf stat`.

use pwalk_engine::{
    At, Child, Disk, Errno, Fields, Kind, Links, Listing, Order, Ordered, Placement, Rules, Source,
    Stat, Step, Tuning, Workers,
};
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// Five levels of ten directories each.
struct Memory;

struct MemoryDir {
    is_leaf: bool,
    is_read: AtomicBool,
}

const NAMES: [&CStr; 10] = [c"0", c"1", c"2", c"3", c"4", c"5", c"6", c"7", c"8", c"9"];

impl Source for Memory {
    type Dir = MemoryDir;

    fn open(&self, at: At<'_, MemoryDir>, _links: Links) -> Result<MemoryDir, Errno> {
        let n_levels = at.path.iter().filter(|&&byte| byte == b'/').count();
        Ok(MemoryDir { is_leaf: n_levels > 5, is_read: AtomicBool::new(false) })
    }

    fn read(
        &self,
        dir: &MemoryDir,
        _buffer_len: usize,
        _scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        let kind = if dir.is_leaf { Kind::File } else { Kind::Dir };
        let is_first = !dir.is_read.swap(true, Relaxed);
        if is_first {
            NAMES.iter().try_for_each(|name| listing.push(1, kind, name))?;
        }
        Ok(is_first)
    }

    fn stat(&self, _: &MemoryDir, _: &CStr, _: Links, _: Fields) -> Result<Stat, Errno> {
        Err(Errno::NOENT)
    }

    fn stat_dir(&self, _: &MemoryDir, _: Fields) -> Result<Stat, Errno> {
        Err(Errno::NOENT)
    }

    fn stat_path(&self, _: &[u8], _: Links, _: Fields) -> Result<Stat, Errno> {
        Err(Errno::NOENT)
    }

    fn read_link(&self, _: &MemoryDir, _: &CStr) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOENT)
    }
}

fn walk<S: Source + Send + 'static>(
    root: &str,
    source: S,
    (n_workers, n_workers_max): (usize, usize),
    prunes: bool,
) {
    let start = Instant::now();
    let source = Arc::new(source);
    let workers = Workers {
        n_workers,
        n_workers_max,
        n_millicores: 2000,
        source: source.clone(),
        buffer_len: Tuning::REMOTE.buffer_bytes,
        placement: Placement::default(),
    };
    let (root, rules) = (root.as_bytes().to_vec(), Rules::default());
    let order = Order::TopDown;
    let mut walk = Ordered::new(root, order, rules, source, Arc::default(), move || workers);
    let mut n_dirs = 0;
    while let Some(step) = walk.next_step(&mut || false) {
        match step {
            Step::Directory { listing, .. } if prunes => {
                walk.choose((1..listing.dirs.len()).map(Child::Found).collect());
            }
            Step::End => break,
            _ => {}
        }
        n_dirs += 1;
    }
    let time = start.elapsed();
    println!("{n_dirs} directories, {} ns each, {time:?}", time.as_nanos() / n_dirs.max(1));
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let root = arguments.first().map_or("memory", String::as_str);
    let words = arguments.get(1).map_or("2", String::as_str);
    let (least, most) = words.split_once('-').unwrap_or((words, words));
    let number = |word: &str| word.parse().expect("a number of workers");
    let n_workers = (number(least), number(most));
    let prunes = arguments.get(2).is_some_and(|word| word == "prune");
    if root == "memory" {
        return walk("/r", Memory, n_workers, prunes);
    }
    walk(root, Disk::new(), n_workers, prunes);
}
