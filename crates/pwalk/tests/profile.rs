//! Profiles of trees on the disk, against a naive walk of the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use pwalk::profile::{Profile, ProfileConfig, ProfileJob, TOP_MAX};
use pwalk::{Control, ErrorKind};
use pwalk_testkit::oracle::{self, Kind, OracleOptions, OracleRow, extension};
use pwalk_testkit::{FIXTURES, fixture};
use std::collections::BTreeMap;
use std::path::Path;

fn profile(root: &Path, threads: usize) -> Profile {
    let mut config = ProfileConfig::new([root]);
    config.walk.threads = Some(threads);
    config.top = 1000;
    let job = ProfileJob::prepare(&config).unwrap();
    job.run(&Control::default(), &|_| {}).unwrap()
}

/// Entries and bytes by a key.
fn by<'r, K: Ord>(
    rows: impl Iterator<Item = &'r OracleRow>,
    key: impl Fn(&OracleRow) -> K,
) -> BTreeMap<K, (u64, Option<u64>)> {
    let mut all = BTreeMap::new();
    for row in rows {
        let sums: &mut (u64, Option<u64>) = all.entry(key(row)).or_insert((0, Some(0)));
        *sums = (sums.0 + 1, sums.1.map(|bytes| bytes + row.size as u64));
    }
    all
}

fn assert_as_walked(profile: &Profile, rows: &[OracleRow]) {
    let kinds = profile.totals.by_kind.iter();
    let kinds: BTreeMap<_, _> =
        kinds.map(|row| (row.kind.clone(), (row.entries, row.bytes))).collect();
    assert_eq!(kinds, by(rows.iter(), |row| row.kind.word().to_owned()));
    let owners: BTreeMap<_, _> =
        profile.owners.iter().map(|row| (row.uid, (row.entries, row.bytes))).collect();
    assert_eq!(owners, by(rows.iter(), |row| row.uid));
    let files = || rows.iter().filter(|row| row.kind == Kind::File);
    let extensions = profile.extensions.iter();
    let extensions: BTreeMap<_, _> =
        extensions.map(|row| (row.extension.0.clone(), (row.entries, row.bytes))).collect();
    assert_eq!(extensions, by(files(), |row| extension(&row.path).to_vec()));
    let largest = files().map(|row| row.size as u64).max().unwrap_or(0);
    assert_eq!(profile.largest_files.first().map_or(0, |file| file.bytes), largest);
    for tree in profile.largest_trees.iter().filter(|tree| tree.path.0.len() < 4096) {
        let path = [&tree.path.0[..], b"/"].concat();
        let below = rows.iter().filter(|row| row.path.starts_with(&path));
        let sums = by(below, |_| ()).remove(&()).unwrap_or((0, Some(0)));
        assert_eq!((tree.entries, Some(tree.bytes)), sums, "{}", tree.path.to_str());
    }
}

#[test]
fn a_profile_of_a_tree_on_the_disk_has_the_sums_of_a_naive_walk() {
    let names = ["vanishing", "very_deep", "long_path"];
    for tree in FIXTURES.iter().filter(|fixture| !names.contains(&fixture.name)) {
        println!("{}", tree.name);
        let tree = fixture(tree.name).build().unwrap();
        let walk = oracle::walk(tree.path(), &OracleOptions::default());
        for threads in [1, 4] {
            let profile = profile(tree.path(), threads);
            assert_as_walked(&profile, &walk.rows);
            assert_eq!(profile.errors.count, walk.errors.len() as u64);
            assert_eq!(profile.complete, Some(walk.errors.is_empty()));
        }
    }
}

#[test]
fn a_cancelled_profile_says_nothing() {
    let control = Control::default();
    control.cancel();
    let job = ProfileJob::prepare(&ProfileConfig::new(["/usr"])).unwrap();
    assert_eq!(job.run(&control, &|_| {}).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn the_length_of_lists_is_checked_before_anything_is_read() {
    for top in [0, TOP_MAX + 1] {
        let config = ProfileConfig { top, ..ProfileConfig::new(["/usr"]) };
        let error = ProfileJob::prepare(&config).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Argument);
    }
}
