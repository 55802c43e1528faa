//! What a repair says of itself at its end.

use super::judge::Reasons;
use super::plan::{Change, octal};
use super::why::Left;
use pwalk_sys::{group_name, user_name};
use serde::Serialize;
use std::collections::BTreeMap;

/// Changes that are shown of each plan.
const N_EXAMPLES: usize = 10;

/// What a plan would change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Planned {
    /// What was walked: absolute, without symbolic links.
    pub path: String,
    /// Entries that were judged.
    pub entries: u64,
    /// Entries that the plan changes.
    pub changes: u64,
    /// How many of these have each reason: `setgid`, `group`, `read`, `write`, `execute`. An entry can
    /// have several.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Changes by owner, the most first.
    pub owners: Vec<ShareOf>,
    /// Changes by the group that an entry gets or keeps, the most first.
    pub groups: Vec<ShareOf>,
    /// The first changes by path.
    pub examples: Vec<Example>,
    /// Entries that are left as they are, by [`super::Why::word`].
    pub left: BTreeMap<&'static str, u64>,
    /// True if everything could be seen, and nothing that is not right is left as it is.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
}

/// What became of the changes of a plan, or of a journal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Applied {
    /// Where the journal is, which takes these changes back; `None` if nothing was changed.
    pub journal: Option<String>,
    /// Changes that were read.
    pub changes: u64,
    /// Entries that were changed.
    pub changed: u64,
    /// Entries that were so already.
    pub unchanged: u64,
    /// Entries that are left as they are, by [`super::Why::word`].
    pub left: BTreeMap<&'static str, u64>,
    /// True if every change was made.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
}

/// How many changes concern one user or group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShareOf {
    /// The number.
    pub id: u32,
    /// The name, where there is one.
    pub name: Option<String>,
    /// How many.
    pub changes: u64,
}

/// One change, to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Example {
    /// The path, with U+FFFD for what is not UTF-8.
    pub path: String,
    /// Permission bits in octal digits.
    pub old_mode: String,
    /// The same after the change.
    pub new_mode: String,
    /// The group.
    pub old_gid: u32,
    /// The same after the change.
    pub new_gid: u32,
    /// The reasons, joined by `+`.
    pub reason: String,
}

/// What has been planned so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) n_entries: u64,
    n_changes: u64,
    reasons: BTreeMap<&'static str, u64>,
    owners: BTreeMap<u32, u64>,
    groups: BTreeMap<u32, u64>,
    /// The smallest paths.
    examples: BTreeMap<Vec<u8>, Example>,
}

/// What is left, by its reason.
#[derive(Default)]
pub(crate) struct LeftCounts(BTreeMap<&'static str, u64>);

impl LeftCounts {
    pub(crate) fn count(&mut self, left: &Left) {
        *self.0.entry(left.why.word()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: LeftCounts) {
        other.0.into_iter().for_each(|(word, n)| *self.0.entry(word).or_default() += n);
    }

    pub(crate) fn into_map(self) -> BTreeMap<&'static str, u64> {
        self.0
    }
}

impl Tally {
    pub(crate) fn count(&mut self, change: &Change) {
        self.n_changes += 1;
        for word in
            Reasons::all().words().filter(|word| change.reason.split('+').any(|r| r == *word))
        {
            *self.reasons.entry(word).or_default() += 1;
        }
        *self.owners.entry(change.uid).or_default() += 1;
        *self.groups.entry(change.new.gid).or_default() += 1;
        let is_shown = self.examples.len() < N_EXAMPLES
            || self.examples.last_key_value().is_some_and(|(last, _)| change.path < *last);
        if is_shown {
            self.examples.insert(change.path.clone(), Example::of(change));
            if self.examples.len() > N_EXAMPLES {
                self.examples.pop_last();
            }
        }
    }

    pub(crate) fn into_planned(self, path: String, left: LeftCounts, seconds: f64) -> Planned {
        let left = left.into_map();
        Planned {
            path,
            entries: self.n_entries,
            changes: self.n_changes,
            reasons: self.reasons,
            owners: shares(self.owners, user_name),
            groups: shares(self.groups, group_name),
            examples: self.examples.into_values().collect(),
            complete: left.is_empty(),
            left,
            seconds,
        }
    }
}

fn shares(counts: BTreeMap<u32, u64>, name: fn(u32) -> Option<String>) -> Vec<ShareOf> {
    /// More than anybody reads; and each name may be asked of a directory service.
    const N_MAX: usize = 100;
    let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
    counts.truncate(N_MAX);
    counts.into_iter().map(|(id, changes)| ShareOf { id, name: name(id), changes }).collect()
}

impl Example {
    fn of(change: &Change) -> Example {
        Example {
            path: String::from_utf8_lossy(&change.path).into_owned(),
            old_mode: octal(change.old.mode),
            new_mode: octal(change.new.mode),
            old_gid: change.old.gid,
            new_gid: change.new.gid,
            reason: change.reason.clone(),
        }
    }
}

impl Planned {
    /// As JSON, in one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are strings")
    }
}

impl Applied {
    /// As JSON, in one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are strings")
    }
}
