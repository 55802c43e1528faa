//! Hard links counted once: which rows' blocks belong into a sum of what is allocated.
//!
//! Owns the inodes with several links that were met. Knows nothing of where rows come from: a walk
//! and a saved scan are counted alike.

use crate::entry::{FileId, Kind};
use crate::sync::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// Inodes with several links that were met. Shared by all workers.
#[derive(Debug)]
pub struct HardLinks {
    /// With the number of links still to come: some 40 bytes for each.
    shards: [Mutex<HashMap<FileId, u32>>; 16],
    /// Inodes stay to the end: where an inode can be met more often than it has names, nobody
    /// knows when the last one comes.
    stay: bool,
}

impl HardLinks {
    /// None was met yet. `stay` if an inode can be met more often than it has names: where links
    /// are followed, and in a table of whatever origin.
    pub fn new(stay: bool) -> HardLinks {
        HardLinks { shards: Default::default(), stay }
    }

    /// True for the first of an inode's links that is met, so that its blocks are counted once.
    /// Whichever comes first, the sum is the same.
    #[inline]
    pub fn is_first(&self, kind: Kind, id: FileId, nlink: u32) -> bool {
        nlink < 2 || kind == Kind::Dir || self.is_first_of_several(id, nlink)
    }

    fn is_first_of_several(&self, id: FileId, nlink: u32) -> bool {
        let mut links = lock(&self.shards[id.ino as usize % self.shards.len()]);
        let n_to_come = match links.get(&id) {
            _ if self.stay => u32::MAX,
            Some(n) => n - 1,
            None => nlink - 1,
        };
        // Forgotten with its last link, so that memory holds only what can still come.
        let is_known = match n_to_come {
            0 => links.remove(&id),
            _ => links.insert(id, n_to_come),
        };
        is_known.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_an_inode_is_first_once_unless_its_last_link_has_come() {
        let id = |ino| FileId { dev: 1, ino };
        for (stay, again) in [(false, true), (true, false)] {
            let links = HardLinks::new(stay);
            let first = |ino| links.is_first(Kind::File, id(ino), 2);
            assert_eq!([first(7), first(8), first(7), first(8)], [true, true, false, false]);
            assert_eq!(first(7), again, "a third of two links, stay: {stay}");
            assert!(links.is_first(Kind::Dir, id(7), 9) && links.is_first(Kind::File, id(7), 1));
        }
    }
}
