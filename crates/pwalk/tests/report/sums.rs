//! The sums of a report: apparent and allocated bytes, against `du`.
//!
//! Owns the rule that an inode's blocks count once however many names it has, and that the
//! order of a parallel walk does not decide about it.

use crate::harness::{N_WORKERS, config, report};
use pwalk_testkit::oracle::{self, OracleOptions};
use pwalk_testkit::{Tree, fixture};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `du` says that all of `paths` take together, in bytes.
fn du(paths: &[PathBuf]) -> i128 {
    let output = Command::new("du").args(["-s", "-c", "-B1"]).args(paths).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().last().unwrap().split('\t').next().unwrap().parse().unwrap()
}

/// The sum of `st_size` over all entries.
fn apparent(paths: &[PathBuf]) -> i128 {
    let all = OracleOptions { snapshots: true, ..Default::default() };
    let rows = paths.iter().flat_map(|path| oracle::walk(path, &all).rows);
    rows.map(|row| i128::from(row.size)).sum()
}

#[track_caller]
fn check(paths: &[PathBuf]) {
    let (allocated, apparent) = (du(paths), apparent(paths));
    for n_workers in N_WORKERS {
        let mut config = config(paths, n_workers);
        config.walk.snapshots = true;
        let bytes = report(config).summary.bytes;
        assert_eq!((bytes.allocated, bytes.apparent), (allocated, apparent), "{paths:?}");
    }
}

#[test]
fn the_sums_of_every_fixture_are_those_of_du() {
    for name in ["basic", "snapshots", "special", "links", "names", "long_path", "single_file"] {
        check(&[fixture(name).build().unwrap().path().to_owned()]);
    }
}

fn hard_links() -> (Tree, [PathBuf; 2]) {
    let tree = fixture("hard_links").build().unwrap();
    let sides = ["left", "right"].map(|name| tree.path().join(name));
    (tree, sides)
}

#[test]
fn t15_a_file_of_several_names_is_allocated_once() {
    let (tree, [left, right]) = hard_links();
    check(&[tree.path().to_owned()]);
    // Links across several roots, and links that lie outside of all of them.
    check(&[left.clone(), right.clone()]);
    check(&[right, left.clone()]);
    check(&[left]);
}

#[test]
fn t15_the_two_sums_of_hard_links_differ_by_the_repeated_names() {
    let (tree, _) = hard_links();
    let file = |name: &str| tree.path().join(name).metadata().unwrap();
    let sum = |paths: &[&Path]| report(config(paths.iter().copied(), 8)).summary.bytes;
    let (within, again) = (tree.path().join("left/within"), tree.path().join("left/within.again"));
    let both = sum(&[&within, &again]);
    assert_eq!(both.apparent, 10_000);
    assert_eq!(both.allocated, i128::from(file("left/within").blocks()) * 512);
}

#[test]
fn t15_the_same_sum_comes_out_however_often_it_is_asked() {
    let (tree, _) = hard_links();
    let sum = || report(config([tree.path()], 64)).summary.bytes;
    let first = sum();
    assert!((0..50).all(|_| sum() == first));
}

#[test]
fn t13_t16_a_sparse_file_has_its_size_and_no_blocks() {
    let tree = fixture("sparse").build().unwrap();
    check(&[tree.path().to_owned()]);
    let hole = report(config([tree.path().join("hole.img")], 1)).summary.bytes;
    assert_eq!((hole.apparent, hole.allocated), (1_000_000_000, 0));
    let all = report(config([tree.path()], 2)).summary.bytes;
    assert!(all.apparent > 2_000_000_000 && all.allocated < 1_000_000, "{all:?}");
}
