//! From counts to the lists of a profile.

use super::classes::{N_AGES, size_bounds};
use super::counts::DEPTHS_MAX;
use super::keyed::Keyed;
use super::sketch::{Counted, Weight};
use super::sums::{Pair, Sums};
use super::{
    Age, AgeRow, DepthRow, DirEntriesRow, ExtensionRow, GroupRow, KindRow, OwnerAgeRow, OwnerRow,
    OwnerSizeRow, SizeRow, Text, Totals, Waste,
};
use crate::summary::Summary;
use pwalk_engine::{Fields, Kind};
use std::collections::HashMap;

/// What lists are made of.
pub(crate) struct Lists<'a> {
    /// What is known of each entry. A list of what is not known is empty.
    pub(crate) fields: Fields,
    /// Items of a list.
    pub(crate) top: usize,
    pub(crate) keyed: &'a Keyed,
}

impl Lists<'_> {
    /// What was counted by size, if sizes are known.
    pub(crate) fn bytes(&self, sum: u64) -> Option<u64> {
        self.fields.contains(Fields::SIZE).then_some(sum)
    }

    /// The same of what is allocated.
    fn allocated(&self, sum: u64) -> Option<u64> {
        self.fields.contains(Fields::BLOCKS).then_some(sum)
    }

    pub(crate) fn totals(&self, summary: &Summary) -> Totals {
        let knows = |fields| self.fields.contains(fields);
        let mut all = Sums::default();
        self.keyed.counts.kinds.iter().for_each(|kind| all.add(kind));
        // Of what no row told, a summary may know the sum.
        let known = summary.knows("bytes/apparent").then(|| clamped(summary.bytes.apparent));
        let once = summary.knows("bytes/allocated").then(|| clamped(summary.bytes.allocated));
        let distinct = |n: Option<u64>, fields| n.filter(|_| knows(fields));
        Totals {
            entries: all.entries,
            apparent_bytes: self.bytes(all.bytes).or(known),
            allocated_bytes: once,
            // In the rows every link counts.
            shared_bytes: once
                .zip(self.allocated(all.allocated))
                .map(|(once, all)| all.saturating_sub(once)),
            extensions: self.keyed.extensions.n_keys(),
            owners: distinct(self.keyed.owners.n_keys(), Fields::OWNER),
            groups: distinct(self.keyed.groups.n_keys(), Fields::OWNER),
            by_kind: self.kinds(),
        }
    }

    pub(crate) fn waste(&self) -> Waste {
        let Sums { entries, bytes, allocated } = self.keyed.counts.small;
        let allocated_bytes = self.allocated(allocated).filter(|_| self.bytes(bytes).is_some());
        Waste { files: self.bytes(entries), bytes: self.bytes(bytes), allocated_bytes }
    }

    fn kinds(&self) -> Vec<KindRow> {
        let row = |kind: &Kind| {
            let sums = self.keyed.counts.kinds[*kind as usize];
            KindRow {
                kind: kind.name().to_owned(),
                entries: sums.entries,
                bytes: self.bytes(sums.bytes),
                allocated_bytes: self.allocated(sums.allocated),
            }
        };
        Kind::ALL.iter().map(row).filter(|row| row.entries > 0).collect()
    }

    pub(crate) fn extensions(&self) -> Vec<ExtensionRow> {
        let row = |(extension, Counted { sums, missed }): (&Vec<u8>, &Counted)| ExtensionRow {
            extension: Text(extension.clone()),
            entries: sums.entries,
            bytes: self.bytes(sums.bytes),
            allocated_bytes: self.allocated(sums.allocated),
            is_estimate: is_estimate(missed),
            entries_missed_max: missed.entries,
            bytes_missed_max: self.bytes(missed.bytes),
        };
        self.keyed.extensions.largest(self.top).into_iter().map(row).collect()
    }

    pub(crate) fn owners(&self) -> Vec<OwnerRow> {
        let row = |(uid, Counted { sums, missed }): (&u32, &Counted)| OwnerRow {
            uid: *uid,
            name: pwalk_sys::user_name(*uid),
            entries: sums.entries,
            bytes: self.bytes(sums.bytes),
            allocated_bytes: self.allocated(sums.allocated),
            is_estimate: is_estimate(missed),
        };
        self.if_owned(|| self.keyed.owners.largest(self.top).into_iter().map(row).collect())
    }

    pub(crate) fn groups(&self) -> Vec<GroupRow> {
        let row = |(gid, Counted { sums, missed }): (&u32, &Counted)| GroupRow {
            gid: *gid,
            name: pwalk_sys::group_name(*gid),
            entries: sums.entries,
            bytes: self.bytes(sums.bytes),
            allocated_bytes: self.allocated(sums.allocated),
            is_estimate: is_estimate(missed),
        };
        self.if_owned(|| self.keyed.groups.largest(self.top).into_iter().map(row).collect())
    }

    fn if_owned<T>(&self, list: impl FnOnce() -> Vec<T>) -> Vec<T> {
        if self.fields.contains(Fields::OWNER) { list() } else { Vec::new() }
    }

    pub(crate) fn depths(&self) -> Vec<DepthRow> {
        let row = |(depth, pair): (usize, &Pair)| DepthRow {
            depth: depth as u32,
            or_deeper: depth + 1 == DEPTHS_MAX,
            entries: pair.entries,
            bytes: self.bytes(pair.bytes),
        };
        self.keyed.counts.depths.iter().enumerate().map(row).collect()
    }

    pub(crate) fn sizes(&self) -> Vec<SizeRow> {
        if !self.fields.contains(Fields::SIZE) {
            return Vec::new();
        }
        let row = |(class, pair): (usize, Pair)| {
            let (from, to) = size_bounds(class);
            SizeRow { from, to, entries: pair.entries, bytes: pair.bytes }
        };
        used(self.keyed.sizes(), |pair| pair.entries > 0).map(row).collect()
    }

    pub(crate) fn dir_entries(&self) -> Vec<DirEntriesRow> {
        let row = |(class, dirs)| {
            let (from, to) = size_bounds(class);
            DirEntriesRow { from, to, dirs }
        };
        used(&self.keyed.counts.dir_entries, |dirs| *dirs > 0).map(row).collect()
    }

    /// Files by the age that a field tells.
    pub(crate) fn ages(&self, field: Fields, ages: &[Pair]) -> Vec<AgeRow> {
        let row = |(age, pair): (&Age, &Pair)| AgeRow {
            age: *age,
            entries: pair.entries,
            bytes: self.bytes(pair.bytes),
        };
        let is_known = self.fields.contains(field);
        Age::ALL.iter().zip(ages).filter(|_| is_known).map(row).collect()
    }

    /// In the order of `owners`.
    pub(crate) fn owner_ages(&self, owners: &[OwnerRow]) -> Vec<OwnerAgeRow> {
        let row = |(uid, class, pair): (u32, usize, Pair)| OwnerAgeRow {
            uid,
            age: Age::ALL[class],
            entries: pair.entries,
            bytes: self.bytes(pair.bytes),
        };
        let cells = self.cells(owners, Fields::MTIME);
        cells.into_iter().filter(|(_, class, _)| *class < N_AGES).map(row).collect()
    }

    /// The same.
    pub(crate) fn owner_sizes(&self, owners: &[OwnerRow]) -> Vec<OwnerSizeRow> {
        let row = |(uid, class, pair): (u32, usize, Pair)| {
            let (from, to) = size_bounds(class - N_AGES);
            OwnerSizeRow { uid, from, to, entries: pair.entries, bytes: pair.bytes }
        };
        let cells = self.cells(owners, Fields::SIZE);
        cells.into_iter().filter(|(_, class, _)| *class >= N_AGES).map(row).collect()
    }

    /// Owners with a class and what is in it, in the order of `owners` and of classes.
    fn cells(&self, owners: &[OwnerRow], field: Fields) -> Vec<(u32, usize, Pair)> {
        if !self.fields.contains(field) {
            return Vec::new();
        }
        let places: HashMap<_, _> =
            owners.iter().enumerate().map(|(place, owner)| (owner.uid, place)).collect();
        let cells = self.keyed.cells.iter().filter_map(|((uid, class), Counted { sums, .. })| {
            let pair = Pair { entries: sums.entries, bytes: sums.bytes };
            Some((*places.get(uid)?, (*uid, usize::from(*class), pair)))
        });
        let mut cells: Vec<_> = cells.collect();
        cells.sort_unstable_by_key(|(place, (_, class, _))| (*place, *class));
        cells.into_iter().map(|(_, cell)| cell).collect()
    }
}

fn is_estimate(missed: &Weight) -> bool {
    *missed != Weight::default()
}

/// From the first class that holds something to the last.
fn used<T: Copy>(classes: &[T], is_used: impl Fn(&T) -> bool) -> impl Iterator<Item = (usize, T)> {
    let first = classes.iter().position(&is_used).unwrap_or(classes.len());
    let end = classes.iter().rposition(is_used).map_or(0, |last| last + 1);
    classes.iter().copied().enumerate().take(end).skip(first)
}

fn clamped(sum: i128) -> u64 {
    u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
}
