//! The names of one directory that were already delivered.
//!
//! Some filesystems repeat names, or never come to an end of a directory (T27). Names are kept
//! as 64-bit hashes with a random key, up to [`NAMES_MAX`]: 16 MB at the most, and a chance of
//! 3e-8 in a directory of a million that a name is taken for a repetition (it is counted as
//! one, so not silently). Beyond that only a cycle is looked for, by Brent's method: the hashes of
//! a few names in a row are remembered, for twice as many names each time. It is a cycle once all
//! of them have come back in their order, and more than once: files are created while a directory
//! of 30 million is read, and one name or one buffer that comes again must not cost the rest.

use foldhash::quality::RandomState;
use std::hash::BuildHasher;

/// Names of one directory that are remembered one by one.
const NAMES_MAX: usize = 1 << 20;

/// Names in a row that must come back.
const TRAIL_LEN: usize = 64;

/// How often they must come back.
const N_ROUNDS: u32 = 2;

/// Slots of a table that is kept for the next directory.
const SLOTS_KEPT: usize = 1 << 12;

/// The set of names that a directory has delivered so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// Open addressing, a power of two in length; 0 is a free slot.
    slots: Vec<u64>,
    /// Slots in use.
    n_names: usize,
    /// The hashes that a cycle would bring back, once `slots` is full: [`TRAIL_LEN`] names in a
    /// row, or as many of them as have come.
    trail: Vec<u64>,
    /// How many of them have just come back in their order.
    n_matched: usize,
    /// How often all of them came back.
    n_rounds: u32,
    /// Names until a new trail begins.
    n_until_move: u64,
    /// How long a trail stands: doubles each time.
    stand: u64,
    hasher: RandomState,
}

impl Seen {
    /// Starts a new directory.
    pub(crate) fn start(&mut self) {
        self.slots.clear();
        self.slots.shrink_to(SLOTS_KEPT);
        self.trail.clear();
        (self.n_names, self.n_matched, self.n_rounds) = (0, 0, 0);
        (self.n_until_move, self.stand) = (0, 1);
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
        self.n_rounds == N_ROUNDS
    }

    fn is_new_beyond(&mut self, hash: u64) -> bool {
        if self.n_until_move == 0 {
            self.trail.clear();
            (self.n_matched, self.n_rounds) = (0, 0);
            self.n_until_move = self.stand;
            self.stand *= 2;
        }
        self.n_until_move -= 1;
        let is_known = self.is_on_trail(hash);
        if self.trail.len() < TRAIL_LEN {
            self.trail.push(hash);
        }
        !is_known
    }

    /// True if it comes back where it must in a cycle. Looks for no match that begins within
    /// another one: in a cycle there is a next time.
    fn is_on_trail(&mut self, hash: u64) -> bool {
        let goes_on = self.trail.get(self.n_matched) == Some(&hash);
        let begins = self.trail.first() == Some(&hash);
        self.n_matched = if goes_on { self.n_matched + 1 } else { usize::from(begins) };
        if self.n_matched == TRAIL_LEN {
            self.n_matched = 0;
            self.n_rounds += 1;
        }
        goes_on || begins
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
        let (mut seen, start) = full();
        let endless = (0..).map(|i| start + i % 5000);
        let n_delivered = endless.take_while(|&name| insert(&mut seen, name)).count();
        assert!(n_delivered < 30_000, "{n_delivered}");
    }

    #[test]
    fn t27_cycles_of_any_length_are_found() {
        let (mut seen, start) = full();
        for len in [1, 2, 63, 64, 65, 1000] {
            (seen.n_until_move, seen.stand) = (0, 1);
            let mut n_read = 0;
            while !seen.has_cycle() {
                insert(&mut seen, start + n_read % len);
                n_read += 1;
                assert!(n_read < 10 * (len + 64), "a cycle of {len}");
            }
        }
    }

    fn full() -> (Seen, u64) {
        let (mut seen, start) = (Seen::default(), NAMES_MAX as u64);
        seen.start();
        assert!((0..start).all(|name| insert(&mut seen, name)));
        (seen, start)
    }

    #[test]
    fn t48_a_name_that_comes_again_is_no_cycle() {
        let (mut seen, start) = full();
        for name in start..start + 300_000 {
            assert!(insert(&mut seen, name), "{name}");
            // At once, and after a while. What comes again may count as new: nobody remembers it.
            insert(&mut seen, name);
            insert(&mut seen, start + (name - start) / 2);
            assert!(!seen.has_cycle(), "at {}", name - start);
        }
    }

    #[test]
    fn t48_a_buffer_that_comes_again_is_no_cycle() {
        let (mut seen, start) = full();
        for buffer in 0..300 {
            let names = || (start + 1000 * buffer..).take(1000);
            assert!(names().all(|name| insert(&mut seen, name)));
            names().for_each(|name| _ = insert(&mut seen, name));
            assert!(!seen.has_cycle(), "at buffer {buffer}");
        }
    }
}
