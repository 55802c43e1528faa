//! Inodes through a ring: the same rows as by calls, and not for who asks for no bursts.

use crate::harness::{config, report};
use pwalk::{Settings, Value};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::fixture;
use std::path::Path;

fn settings(use_io_uring: bool, max_ops: Option<usize>) -> Settings {
    Settings { use_io_uring, max_ops, ..Settings::default() }
}

#[test]
fn rows_are_the_same_by_ring_and_by_calls() {
    let tree = fixture("basic").build().unwrap();
    // More than a ring has room for, and several slices.
    let wide = tree.path().join("wide");
    std::fs::create_dir(&wide).unwrap();
    (0..700).for_each(|n| drop(std::fs::File::create(wide.join(format!("{n}"))).unwrap()));
    let rows = |settings: Settings, threads: Option<usize>| {
        let mut config = config([tree.path()], 1);
        (config.walk.threads, config.walk.settings) = (threads, settings);
        report(config).rows()
    };
    let expected = rows(settings(false, None), Some(1));
    for threads in [Some(1), Some(8), Some(128), None] {
        assert_same_rows(&rows(settings(true, None), threads), &expected);
        assert_same_rows(&rows(settings(true, Some(100_000)), threads), &expected);
    }
    pwalk_testkit::remove_tree(&wide).unwrap();
}

#[test]
fn who_bounds_the_requests_of_a_second_gets_no_ring() {
    let effective = |max_ops| {
        let all = settings(true, max_ops).effective(Path::new("/usr")).unwrap();
        all.into_iter().find(|effective| effective.name == "use_io_uring").unwrap()
    };
    let bounded = effective(Some(1000));
    assert_eq!(bounded.value, Value::Switch(false), "{}", bounded.reason);
    assert!(bounded.reason.contains("max_ops"), "{}", bounded.reason);
    assert!(!effective(None).reason.contains("max_ops"));
}
