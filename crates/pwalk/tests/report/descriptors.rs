//! T28: few descriptors, whatever the mechanism that names and inodes are read by.

use crate::harness::{assert_as_walked, config, naive, report};
use pwalk_testkit::fixture;
use std::process::Command;

/// Set in the process that has few descriptors.
const IS_LIMITED: &str = "PWALK_TEST_HAS_FEW_DESCRIPTORS";

const TEST: &str = "descriptors::t28_few_descriptors_cost_no_row_by_any_mechanism";

#[test]
fn t28_few_descriptors_cost_no_row_by_any_mechanism() {
    if std::env::var_os(IS_LIMITED).is_some() {
        return check_every_mechanism();
    }
    // The limit is the process's, and other tests may run in this one.
    let this_test = std::env::current_exe().unwrap();
    let mut limited = Command::new("prlimit");
    limited.arg("--nofile=20:40").arg(this_test).args([TEST, "--exact", "--nocapture"]);
    let output = limited.env(IS_LIMITED, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn check_every_mechanism() {
    let limit = pwalk_sys::descriptor_limit();
    assert_eq!(limit, 20);
    let tree = fixture("wide").build().unwrap();
    let walk = naive(tree.path());
    for (use_getdents, use_io_uring) in [(true, false), (false, false), (true, true)] {
        let mut config = config([tree.path()], 16);
        config.walk.settings.use_getdents = use_getdents;
        config.walk.settings.use_io_uring = use_io_uring;
        assert_as_walked(&report(config), &walk);
    }
    assert_eq!(pwalk_sys::descriptor_limit(), limit, "it belongs to the process, not to a walk");
}
