//! A tree that changes while it is walked.

use crate::harness::{config, report};
use pwalk_testkit::churn::{churn, stable_paths};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::fixture;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Walks at least.
const N_WALKS: usize = 20;
/// Walks at most, until one has met an entry that was gone.
const N_WALKS_MAX: usize = 400;

#[test]
fn t21_t22_stable_entries_are_seen_once_and_what_vanishes_is_counted_and_no_error() {
    let tree = fixture("vanishing").build().unwrap();
    let stable = stable_paths(tree.path());
    let stable: Vec<&[u8]> = stable.iter().map(|path| path.as_os_str().as_bytes()).collect();
    let is_stable: HashSet<&[u8]> = stable.iter().copied().collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Stops the others even if an assertion fails, or the scope would wait for ever.
        let _stop = OnDrop(&stop);
        for _ in 0..2 {
            scope.spawn(|| churn(tree.path(), &stop).expect("only walkers may fail"));
        }
        let (mut n_vanished, mut n_passing) = (0, 0);
        for n_walks in 1..=N_WALKS_MAX {
            let run = report(config([tree.path()], [1, 2, 8, 64][n_walks % 4]));
            assert_eq!(run.errors, []);
            assert!(run.summary.is_complete() && run.summary.errors.is_empty());
            let (seen, passing): (Vec<_>, Vec<_>) =
                run.paths().into_iter().partition(|path| is_stable.contains(path.as_slice()));
            assert_same_rows(&seen, &stable);
            n_vanished += run.summary.vanished;
            n_passing += passing.len();
            if n_walks >= N_WALKS && n_vanished > 0 {
                break;
            }
        }
        assert!(n_vanished > 0, "nothing vanished in {N_WALKS_MAX} walks");
        assert!(n_passing > 0, "nothing came and went");
    });
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
