//! Files with several links: one inode, which is changed once, and only if all its links are known.
//!
//! Changing a file below a path changes it wherever else it has a name. So such a change is held back
//! until the walk has met as many names as the inode has links.

use super::plan::Change;
use super::why::{Left, Why};
use pwalk_engine::FileId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Inodes that are kept in mind: some 400 bytes each.
const N_MAX: usize = 100_000;

/// Changes that are held back.
#[derive(Default)]
pub(crate) struct Links {
    held: HashMap<FileId, Held>,
}

struct Held {
    n_links: u32,
    n_met: u32,
    /// Of several names the smallest, so that a plan doesn't depend on the order of a walk.
    change: Change,
}

impl Links {
    /// A change of an inode with several links. It comes back with the last of them.
    pub(crate) fn meet(&mut self, change: Change, n_links: u32) -> Result<Option<Change>, Why> {
        let is_full = self.held.len() >= N_MAX;
        let mut entry = match self.held.entry(change.id) {
            Entry::Vacant(_) if is_full => return Err(Why::TooManyLinks),
            Entry::Vacant(entry) => {
                entry.insert(Held { n_links, n_met: 1, change });
                return Ok(None);
            }
            Entry::Occupied(entry) => entry,
        };
        let held = entry.get_mut();
        held.n_met += 1;
        if change.path < held.change.path {
            held.change = change;
        }
        let is_last = held.n_met >= held.n_links;
        Ok(is_last.then(|| entry.remove().change))
    }

    /// What is left at the end: changes of inodes with links elsewhere, if these are to be made
    /// (`Ok`), or why not.
    pub(crate) fn into_rest(self, changes_them: bool) -> Vec<Result<Change, Left>> {
        let mut rest: Vec<Change> = self.held.into_values().map(|held| held.change).collect();
        rest.sort_by(|a, b| a.path.cmp(&b.path));
        let left = |change: Change| Left { path: change.path, why: Why::HardLinks };
        let decide = |change| if changes_them { Ok(change) } else { Err(left(change)) };
        rest.into_iter().map(decide).collect()
    }
}
