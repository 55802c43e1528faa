//! Sums over a walk. Each worker keeps its own; they are added up at the end.

use crate::entry::Kind;
use crate::error::Operation;
use pwalk_sys::Errno;
use std::collections::BTreeMap;

/// How often each operation failed with each errno.
pub type ErrorCounts = BTreeMap<(Operation, Errno), u64>;

/// A count for each kind of entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCounts([u64; Kind::ALL.len()]);

impl KindCounts {
    /// The count of a kind.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }
}

/// What a walk met. Counts are of entries delivered unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries by kind, roots included.
    pub n_entries: KindCounts,
    /// Sum of the apparent sizes of all rows, in bytes.
    pub apparent_bytes: i128,
    /// Sum of the allocated sizes in bytes, each inode counted once however many hard links it has.
    /// With symbolic links followed, an inode that has one name and several rows counts in each.
    pub allocated_bytes: i128,
    /// Entries that were gone before they could be looked at.
    pub n_vanished: u64,
    /// Snapshot directories that were not entered.
    pub n_snapshots: u64,
    /// Entries left out by an exclude.
    pub n_excluded: u64,
    /// Entries whose rows the condition left out.
    pub n_filtered: u64,
    /// Mount points left out.
    pub n_mount_points: u64,
    /// Directories of automounters that were not opened, since that would have mounted something.
    pub n_automounts: u64,
    /// Files and folders left out because the walk itself fills or replaces them.
    pub n_own_outputs: u64,
    /// Names that a directory listed more than once.
    pub n_repeated: u64,
    /// Errors by operation and errno.
    pub errors: ErrorCounts,
}

impl Totals {
    /// Errors of all kinds.
    pub fn n_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Adds the sums of another worker, or of another run over the same walk's frontier.
    ///
    /// Inodes with links in both runs are counted in both.
    pub fn add(&mut self, other: &Totals) {
        // Destructured, so that a new field can't be forgotten here.
        let Totals {
            n_entries,
            apparent_bytes,
            allocated_bytes,
            n_vanished,
            n_snapshots,
            n_excluded,
            n_filtered,
            n_mount_points,
            n_automounts,
            n_own_outputs,
            n_repeated,
            errors,
        } = other;
        for (sum, n) in self.n_entries.0.iter_mut().zip(n_entries.0) {
            *sum += n;
        }
        self.apparent_bytes += apparent_bytes;
        self.allocated_bytes += allocated_bytes;
        self.n_vanished += n_vanished;
        self.n_snapshots += n_snapshots;
        self.n_excluded += n_excluded;
        self.n_filtered += n_filtered;
        self.n_mount_points += n_mount_points;
        self.n_automounts += n_automounts;
        self.n_own_outputs += n_own_outputs;
        self.n_repeated += n_repeated;
        for (&key, n) in errors {
            *self.errors.entry(key).or_default() += n;
        }
    }
}
