//! Every fixture tree, for every number of workers, row by row.
//!
//! Owns the loop over trees and workers only; what a tree is made for stands in its module of
//! the testkit, and what is compared in the harness.

use crate::harness::{N_WORKERS, assert_as_walked, config, naive, report};
use pwalk_testkit::compare::csv_records;
use pwalk_testkit::{FIXTURES, Tree, fixture};
use std::collections::BTreeSet;

fn check(name: &str) {
    let tree = fixture(name).build().expect("the tree can be made");
    let expected = naive(tree.path());
    for n_workers in N_WORKERS {
        println!("{name}, {n_workers} workers");
        assert_as_walked(&report(config([tree.path()], n_workers)), &expected);
    }
}

macro_rules! check_each {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn every_fixture_is_checked() {
            let checked = BTreeSet::from([$($name),*]);
            assert_eq!(checked, FIXTURES.iter().map(|fixture| fixture.name).collect());
        }
    };
}

check_each! {
    the_rows_of_basic_are_those_of_a_naive_walk: "basic",
    t10_the_row_of_an_empty_directory_is_that_of_a_naive_walk: "empty",
    t10_the_row_of_a_root_that_is_a_file_is_that_of_a_naive_walk: "single_file",
    t33_t34_the_rows_of_wide_are_those_of_a_naive_walk: "wide",
    t30_the_rows_of_snapshots_are_those_of_a_naive_walk: "snapshots",
    the_rows_of_perms_are_those_of_a_naive_walk: "perms",
    the_rows_of_owners_are_those_of_a_naive_walk: "owners",
    the_rows_of_inaccessible_are_those_of_a_naive_walk: "inaccessible",
    t12_the_rows_of_times_are_those_of_a_naive_walk: "times",
    t13_the_rows_of_sparse_are_those_of_a_naive_walk: "sparse",
    t15_the_rows_of_hard_links_are_those_of_a_naive_walk: "hard_links",
    the_rows_of_special_are_those_of_a_naive_walk: "special",
    t29_the_rows_of_links_are_those_of_a_naive_walk: "links",
    t29_the_rows_of_loops_are_those_of_a_naive_walk: "loops",
    t1_t5_t6_t7_the_rows_of_names_are_those_of_a_naive_walk: "names",
    t2_t3_t4_the_rows_of_not_utf8_are_those_of_a_naive_walk: "not_utf8",
    t28_the_rows_of_deep_are_those_of_a_naive_walk: "deep",
    t18_the_rows_of_very_deep_are_those_of_a_naive_walk: "very_deep",
    t17_the_rows_of_long_path_are_those_of_a_naive_walk: "long_path",
    t21_the_rows_of_vanishing_at_rest_are_those_of_a_naive_walk: "vanishing",
}

#[test]
fn t41_sorted_the_bytes_are_the_same_whatever_the_number_of_workers() {
    let names = FIXTURES.iter().map(|fixture| fixture.name).filter(|name| *name != "very_deep");
    let trees: Vec<Tree> = names.map(|name| fixture(name).build().unwrap()).collect();
    let sorted = |n_workers| {
        let run = report(config(trees.iter().map(Tree::path), n_workers));
        let mut records = csv_records(&run.file);
        assert_eq!(run.summary.n_entries(), records.len() as u64 - 1);
        records.sort_unstable();
        (records, run.summary.entries, run.summary.bytes, run.summary.errors)
    };
    let one = sorted(1);
    assert!(one.0.len() > 10_000);
    for n_workers in [2, 3, 8, 64, 200] {
        assert!(sorted(n_workers) == one, "{n_workers} workers bring something else");
    }
}

/// Also not those of directories, which are read.
#[test]
fn a_report_leaves_the_access_times_alone() {
    for name in ["basic", "links", "names"] {
        let tree = fixture(name).build().unwrap();
        let times = || {
            let rows = naive(tree.path()).rows;
            let mut times: Vec<_> =
                rows.into_iter().map(|row| (row.path, row.atime, row.atime_ns)).collect();
            times.sort_unstable();
            times
        };
        let before = times();
        report(config([tree.path()], 8));
        assert!(times() == before, "{name}");
    }
}
