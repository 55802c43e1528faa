//! Compares each list of a profile with the naive one.

use crate::naive::{Naive, NaiveTree, Sums, age, bytes, power, stat};
use pwalk_engine::{Contents, Kind};
use pwalk_output::profile::{Age, Profile, Text};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// All of them; each list must have room for all.
#[track_caller]
pub(crate) fn assert_as_naive(profile: &Profile, naive: &Naive) {
    let again: Profile = serde_json::from_str(&profile.to_json()).unwrap();
    assert_eq!(again.totals, profile.totals);
    assert_sums(profile, naive);
    assert_classes(profile, naive);
    assert_owner_classes(profile, naive);
    assert_largest(profile, naive);
    assert_trees(profile, naive);
    assert_tree_is_closed(profile, naive.has_condition);
    let found: Vec<_> = profile.names.iter().map(|row| row.entries).collect();
    assert_eq!(found, naive.troubles(), "names");
    for row in &profile.names {
        assert_eq!(row.examples.len() as u64, row.entries.min(20), "{row:?}");
    }
}

fn age_name(age: Age) -> String {
    serde_json::to_value(age).unwrap().as_str().unwrap().to_owned()
}

fn assert_sums(profile: &Profile, naive: &Naive) {
    let all = || naive.rows.iter();
    assert_eq!(profile.totals.entries, naive.rows.len() as u64);
    let kinds = profile.totals.by_kind.iter();
    let kinds = kinds.map(|row| {
        (row.kind.clone(), (row.entries, row.bytes.unwrap(), row.allocated_bytes.unwrap()))
    });
    assert_same(kinds, naive.by(all(), |row| row.kind.name().to_owned()));
    let extensions = profile.extensions.iter().map(|row| {
        assert!(!row.is_estimate && row.entries_missed_max == 0 && row.bytes_missed_max == Some(0));
        (row.extension.0.clone(), (row.entries, row.bytes.unwrap(), row.allocated_bytes.unwrap()))
    });
    assert_eq!(profile.totals.extensions, Some(profile.extensions.len() as u64));
    assert_same(extensions, naive.extensions());
    let owners = profile.owners.iter();
    let owners = owners
        .map(|row| (row.uid, (row.entries, row.bytes.unwrap(), row.allocated_bytes.unwrap())));
    assert_same(owners, naive.by(all(), |row| stat(row).uid));
    let groups = profile.groups.iter();
    let groups = groups
        .map(|row| (row.gid, (row.entries, row.bytes.unwrap(), row.allocated_bytes.unwrap())));
    assert_same(groups, naive.by(all(), |row| stat(row).gid));
    assert!(profile.owners.is_sorted_by_key(|row| Reverse(row.bytes)));
    let depths = profile.depths.iter().filter(|row| row.entries > 0);
    let depths = depths.map(|row| (row.depth, (row.entries, row.bytes.unwrap())));
    assert_same(depths, without_allocated(naive.by(all(), |row| (row.depth + 1) as u32)));
}

fn assert_classes(profile: &Profile, naive: &Naive) {
    let sizes = profile.sizes.iter().filter(|row| row.entries > 0);
    let sizes = sizes.map(|row| (row.from, (row.entries, row.bytes)));
    assert_same(sizes, without_allocated(naive.by(naive.files(), |row| power(bytes(row)))));
    assert!(profile.sizes.windows(2).all(|rows| rows[0].to == rows[1].from));
    for (rows, is_mtime) in [(&profile.mtime_ages, true), (&profile.atime_ages, false)] {
        assert!(rows.iter().map(|row| row.age).eq(Age::ALL));
        let used = rows.iter().filter(|row| row.entries > 0);
        let ages = naive.by(naive.files(), |row| {
            let stat = stat(row);
            age(naive.as_of, if is_mtime { stat.mtime } else { stat.atime }).to_owned()
        });
        let found = used.map(|row| (age_name(row.age), (row.entries, row.bytes.unwrap())));
        assert_same(found, without_allocated(ages));
    }
    let mut dirs = BTreeMap::new();
    for (_, entries, _) in naive.dir_entries() {
        *dirs.entry(power(entries)).or_insert(0_u64) += 1;
    }
    let used = profile.dir_entries.iter().filter(|row| row.dirs > 0);
    assert_same(used.map(|row| (row.from, row.dirs)), dirs);
    assert_small(profile, naive);
}

fn assert_small(profile: &Profile, naive: &Naive) {
    let is_empty = |row: &&pwalk_testkit::fake::FakeRow| {
        matches!(row.contents, Contents::Counted { n_entries: 0, .. })
    };
    let empty: Vec<_> = naive.rows.iter().filter(is_empty).map(|row| row.path.clone()).collect();
    assert_eq!(profile.empty.dirs, Some(empty.len() as u64));
    assert_eq!(profile.empty.dir_examples.len(), empty.len());
    assert!(profile.empty.dir_examples.iter().all(|Text(path)| empty.contains(path)));
    let n_empty_files = naive.files().filter(|row| bytes(row) == 0).count();
    assert_eq!(profile.empty.files, Some(n_empty_files as u64));
    let small = naive.files().filter(|row| (1..4096).contains(&bytes(row)));
    let small = naive.by(small, |_| ()).remove(&()).unwrap_or_default();
    let waste = &profile.waste;
    let expected = (Some(small.0), Some(small.1), Some(small.2));
    assert_eq!((waste.files, waste.bytes, waste.allocated_bytes), expected);
}

fn assert_owner_classes(profile: &Profile, naive: &Naive) {
    let ages = profile.owner_ages.iter();
    let ages = ages.map(|row| ((row.uid, age_name(row.age)), (row.entries, row.bytes.unwrap())));
    let expected = naive
        .by(naive.files(), |row| (stat(row).uid, age(naive.as_of, stat(row).mtime).to_owned()));
    assert_same(ages, without_allocated(expected));
    let sizes = profile.owner_sizes.iter();
    let sizes = sizes.map(|row| ((row.uid, row.from), (row.entries, row.bytes)));
    let expected = naive.by(naive.files(), |row| (stat(row).uid, power(bytes(row))));
    assert_same(sizes, without_allocated(expected));
}

fn assert_largest(profile: &Profile, naive: &Naive) {
    let files = naive.files().filter(|row| bytes(row) > 0);
    let mut files: Vec<_> = files
        .map(|row| (bytes(row), row.path.clone(), Some(stat(row).mtime), Some(stat(row).uid)))
        .collect();
    let found = profile.largest_files.iter();
    assert!(found.clone().is_sorted_by_key(|file| Reverse(file.bytes)));
    let found: Vec<_> =
        found.map(|file| (file.bytes, file.path.0.clone(), file.mtime, file.uid)).collect();
    files.sort_by(|one, other| (other.0, &one.1).cmp(&(one.0, &other.1)));
    assert_eq!(found, files);
    let mut dirs = naive.dirs();
    let found = profile.largest_dirs.iter();
    assert!(found.clone().is_sorted_by_key(|dir| Reverse(dir.entries)));
    let found: Vec<_> =
        found.map(|dir| (dir.path.0.clone(), dir.entries, dir.bytes.unwrap())).collect();
    dirs.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    assert_eq!(found, dirs);
}

fn assert_trees(profile: &Profile, naive: &Naive) {
    let found = profile.largest_trees.iter();
    assert!(found.clone().is_sorted_by_key(|tree| Reverse(tree.bytes)));
    let found = found.map(|tree| NaiveTree {
        path: tree.path.0.clone(),
        entries: tree.entries,
        files: tree.files,
        bytes: tree.bytes,
        allocated: tree.allocated_bytes.unwrap(),
        mtime: tree.mtime,
        // It is in the other lists.
        atime: None,
    });
    let mut found: Vec<_> = found.collect();
    let trees = naive.trees().into_iter();
    let mut trees: Vec<_> = trees.map(|tree| NaiveTree { atime: None, ..tree }).collect();
    trees.sort();
    found.sort();
    assert_eq!(found, trees);
    let mut old: Vec<_> = profile.oldest_trees.iter().map(|tree| tree.path.0.clone()).collect();
    let mut expected: Vec<_> = naive.oldest().into_iter().map(|tree| tree.path).collect();
    old.sort();
    expected.sort();
    assert_eq!(old, expected, "old trees");
}

/// Its parents come first, and are not smaller. Here it has all directories. Those that a condition
/// leaves out are not counted in their parents.
fn assert_tree_is_closed(profile: &Profile, has_condition: bool) {
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for (place, row) in profile.tree.iter().enumerate() {
        let mut path = row.path.0.clone();
        if let Some(parent) = row.parent {
            assert!(parent < place);
            let above = &profile.tree[parent];
            let least = row.entries + u64::from(!has_condition);
            assert!(above.bytes >= row.bytes && above.entries >= least);
            if has_condition {
                assert!(row.own_entries <= Some(row.entries) && row.own_bytes <= Some(row.bytes));
            }
            let slash: &[u8] = if paths[parent].ends_with(b"/") { b"" } else { b"/" };
            path = [&paths[parent], slash, &path].concat();
        }
        paths.push(path);
    }
    let mut expected: Vec<_> =
        profile.largest_trees.iter().map(|tree| tree.path.0.clone()).collect();
    expected.sort();
    paths.sort();
    assert_eq!(paths, expected);
    let root = profile.tree.iter().find(|row| row.parent.is_none());
    let n_dirs = profile.totals.by_kind.iter().find(|row| row.kind == Kind::Dir.name());
    assert!(root.is_some() || n_dirs.is_none_or(|row| row.entries <= 1));
}

#[track_caller]
fn assert_same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    found: impl Iterator<Item = (K, V)>,
    expected: BTreeMap<K, V>,
) {
    let mut all = BTreeMap::new();
    for (key, value) in found {
        let text = format!("{key:?}");
        assert!(all.insert(key, value).is_none(), "{text} is there twice");
    }
    assert_eq!(all, expected);
}

fn without_allocated<K: Ord>(sums: BTreeMap<K, Sums>) -> BTreeMap<K, (u64, u64)> {
    sums.into_iter().map(|(key, (entries, bytes, _))| (key, (entries, bytes))).collect()
}
