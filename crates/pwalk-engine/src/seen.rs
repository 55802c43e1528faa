//! The names of one directory that were already delivered.
//!
//! Some filesystems repeat names, or never come to an end of a directory (T27). Names are kept
//! as 64-bit hashes with a random key, up to [`NAMES_MAX`]: 16 MB at the most, and a chance of
//! 3e-8 in a directory of a million that a name is taken for a repetition (it is counted as
//! one, so not silently). Beyond that only a cycle is looked for, by Brent's method: one hash
//! is remembered, for twice as many names each time.

use foldhash::quality::RandomState;
use std::hash::BuildHasher;

/// Names of one directory that are remembered one by one.
const NAMES_MAX: usize = 1 << 20;

/// Slots of a table that is kept for the next directory.
const SLOTS_KEPT: usize = 1 << 12;

/// The set of names that a directory has delivered so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// Open addressing, a power of two in length; 0 is a free slot.
    slots: Vec<u64>,
    /// Slots in use.
    n_names: usize,
    /// The hash that a cycle would bring back, once `slots` is full; 0 before.
    milestone: u64,
    /// Names until the milestone moves on.
    n_until_move: u64,
    /// How long the milestone stands each time: doubles.
    stand: u64,
    /// The milestone came back.
    has_cycle: bool,
    hasher: RandomState,
}

impl Seen {
    /// Starts a new directory.
    pub(crate) fn start(&mut self) {
        self.slots.clear();
        self.slots.shrink_to(SLOTS_KEPT);
        (self.n_names, self.milestone, self.n_until_move, self.stand) = (0, 0, 0, 1);
        self.has_cycle = false;
    }

    /// Makes room for `n` names more.
    pub(crate) fn reserve(&mut self, n: usize) {
        let n_slots = n_slots_for(self.n_names + n);
        if n_slots > self.slots.len() && self.n_names == 0 {
            self.slots.resize(n_slots, 0);
        } else if n_slots > self.slots.len() {
            let old = std::mem::replace(&mut self.slots, vec![0; n_slots]);
            for hash in old.into_iter().filter(|&hash| hash != 0) {
                let free = self.find(hash).expect_err("no hash stands twice");
                self.slots[free] = hash;
            }
        }
    }

    /// True if the directory has not delivered `name` before. Needs the room that `reserve` made.
    pub(crate) fn insert(&mut self, name: &[u8]) -> bool {
        let hash = self.hasher.hash_one(name).max(1);
        let Err(free) = self.find(hash) else { return false };
        if self.n_names < NAMES_MAX {
            self.slots[free] = hash;
            self.n_names += 1;
            return true;
        }
        self.is_new_beyond(hash)
    }

    /// True once the directory was found to go round in a circle.
    pub(crate) fn has_cycle(&self) -> bool {
        self.has_cycle
    }

    fn is_new_beyond(&mut self, hash: u64) -> bool {
        if hash == self.milestone {
            self.has_cycle = true;
            return false;
        }
        if self.n_until_move == 0 {
            self.milestone = hash;
            self.n_until_move = self.stand;
            self.stand *= 2;
        }
        self.n_until_move -= 1;
        true
    }

    /// The slot of a hash, or the free slot where it belongs.
    fn find(&self, hash: u64) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                found if found == hash => return Ok(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

/// Half of the slots stay free.
fn n_slots_for(n_names: usize) -> usize {
    (2 * n_names.clamp(8, NAMES_MAX)).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(seen: &mut Seen, name: u64) -> bool {
        seen.reserve(1);
        seen.insert(&name.to_le_bytes())
    }

    #[test]
    fn a_name_is_new_once() {
        let mut seen = Seen::default();
        for round in 0..3 {
            seen.start();
            let n = 10_000 >> (4 * round);
            assert!((0..n).all(|name| insert(&mut seen, name)), "round {round}");
            assert!(!(0..n).any(|name| insert(&mut seen, name)), "round {round}");
        }
    }

    #[test]
    fn t27_a_cycle_is_found_beyond_the_names_that_are_kept() {
        let mut seen = Seen::default();
        seen.start();
        let start = NAMES_MAX as u64;
        assert!((0..start).all(|name| insert(&mut seen, name)));
        let endless = (0..).map(|i| start + i % 5000);
        let n_delivered = endless.take_while(|&name| insert(&mut seen, name)).count();
        assert!(n_delivered < 20_000, "{n_delivered}");
    }
}
