//! What all walks in order of a process have together: a number that a forked process begins anew.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that all walks of a process share. Relaxed: who misses a change looks again.
///
/// A process that forks takes none of what is counted along, so the upper half is the process that
/// it is the number of.
pub(super) struct Tally(AtomicU64);

impl Tally {
    pub(super) const fn new() -> Tally {
        Tally(AtomicU64::new(0))
    }

    pub(super) fn get(&self, process: u32) -> usize {
        let (owner, n) = Tally::parts(self.0.load(Relaxed));
        if owner == process { n as usize } else { 0 }
    }

    pub(super) fn add(&self, process: u32) {
        self.change(process, |n| n + 1);
    }

    pub(super) fn subtract(&self, process: u32) {
        self.change(process, |n| n.saturating_sub(1));
    }

    fn change(&self, process: u32, to: impl Fn(u32) -> u32) {
        let changed = |value| {
            let (owner, n) = Tally::parts(value);
            let n = to(if owner == process { n } else { 0 });
            Some(u64::from(process) << 32 | u64::from(n))
        };
        let _ = self.0.fetch_update(Relaxed, Relaxed, changed);
    }

    fn parts(value: u64) -> (u32, u32) {
        ((value >> 32) as u32, value as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t50_what_a_process_has_counted_is_nothing_to_its_child() {
        let tally = Tally::new();
        (0..3).for_each(|_| tally.add(7));
        tally.subtract(7);
        assert_eq!((tally.get(7), tally.get(8)), (2, 0));
        tally.add(8);
        tally.add(8);
        assert_eq!((tally.get(7), tally.get(8)), (0, 2));
        (0..3).for_each(|_| tally.subtract(8));
        assert_eq!(tally.get(8), 0);
    }
}
