//! What waits in memory does not grow with the width of a directory.
//!
//! Measured from outside: names that the source has delivered and that were not yet stat'ed, or
//! as directories not yet opened. One read brings a thousand names, as 32 KiB of names do.

use crate::harness::{N_WORKERS, Pace};
use pwalk_engine::{Control, Fields, Kind, walk};
use pwalk_testkit::fake::{Call, CollectingSink, FakeSource, FakeTree, FaultPlan, Options};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const N_PER_READ: usize = 1000;

/// Two for each worker: the names that it looks at, and those of the read that it stole.
fn waiting_max(n_workers: usize) -> i64 {
    (2 * n_workers * N_PER_READ) as i64
}

fn plan() -> FaultPlan {
    FaultPlan { n_per_read: Some(N_PER_READ), ..FaultPlan::default() }
}

fn walk_counting(tree: &FakeTree, plan: &FaultPlan, fields: Fields, pace: Pace) -> Levels {
    let options = Options { fields, ..Options::default() };
    let source = FakeSource::new(tree, plan);
    let sink = CollectingSink::new(fields).counting();
    let config = pace.config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
    let n_entries = outcome.expect("this sink never fails").totals.n_entries.sum();
    assert_eq!(n_entries, sink.n_rows());
    Levels {
        n_rows: n_entries,
        n_unseen: source.n_unseen_max(),
        n_unopened: source.n_unopened_max(),
        n_handles: source.n_handles_max(),
    }
}

#[derive(Debug)]
struct Levels {
    n_rows: u64,
    n_unseen: i64,
    n_unopened: i64,
    n_handles: i64,
}

#[test]
fn t33_of_a_million_files_few_wait_to_be_looked_at() {
    let mut tree = FakeTree::of(&["r/"]);
    for (n_workers, n) in [(1, 100_000), (2, 1_000_000)] {
        tree.generate(tree.at("r"), n, Kind::File);
        let levels = walk_counting(&tree, &plan(), Fields::SIZE, Pace::usual(n_workers));
        assert_eq!(levels.n_rows, n + 1);
        assert!(levels.n_unseen <= waiting_max(n_workers), "{levels:?}");
    }
}

#[test]
fn t34_of_very_many_subdirectories_few_wait_to_be_opened() {
    let mut tree = FakeTree::of(&["r/"]);
    for (n_workers, n) in [(1, 50_000), (2, 400_000)] {
        tree.generate(tree.at("r"), n, Kind::Dir);
        let fields = if n_workers == 1 { Fields::TREE } else { Fields::empty() };
        let levels = walk_counting(&tree, &plan(), fields, Pace::usual(n_workers));
        assert_eq!(levels.n_rows, n + 1);
        assert!(levels.n_unopened <= waiting_max(n_workers), "{levels:?}");
        assert!(levels.n_handles <= 1 + n_workers as i64, "{levels:?}");
    }
}

#[test]
fn t34_of_very_many_subtrees_few_are_open_while_their_totals_are_summed_up() {
    const N: usize = 3_000;
    let mut tree = FakeTree::default();
    let root = tree.add_dir("/r");
    for number in 0..N {
        let dir = tree.add_in(root, format!("{number}").as_bytes(), Kind::Dir);
        let below = tree.add_in(dir, b"below", Kind::Dir);
        tree.add_in(below, b"f", Kind::File);
    }
    let options = Options { fields: Fields::TREE | Fields::SIZE, ..Options::default() };
    for n_workers in N_WORKERS {
        let sink = CollectingSink::new(options.fields).counting();
        // Of three rows two are of directories.
        let n_closed = || sink.n_rows() as i64 * 2 / 3;
        let n_open_max = AtomicI64::new(0);
        let plan = plan();
        let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
            if call == Call::Open {
                n_open_max.fetch_max(number as i64 - n_closed(), Relaxed);
            }
        });
        let config = Pace { batch_len: 1, ..Pace::usual(n_workers) }.config(&options);
        walk(options.frontier(), &config, &source, &sink, &Control::default()).unwrap();
        assert_eq!(sink.n_rows(), 3 * N as u64 + 1);
        let n_open = n_open_max.load(Relaxed);
        assert!(n_open <= 3 + 4 * n_workers as i64, "{n_open} with {n_workers} workers");
    }
}

#[test]
fn t34_many_workers_and_odd_slices_keep_the_bound() {
    let mut tree = FakeTree::of(&["r/a/", "r/b/"]);
    tree.generate(tree.at("r/a"), 6_000, Kind::Dir);
    tree.generate(tree.at("r/b"), 6_000, Kind::Dir);
    let plan = FaultPlan { delays: Some(1), ..plan() };
    for n_workers in N_WORKERS {
        for slice_len in [1, 999, 5000] {
            let pace = Pace { slice_len, ..Pace::usual(n_workers) };
            let levels = walk_counting(&tree, &plan, Fields::empty(), pace);
            assert_eq!(levels.n_rows, 12_003);
            assert!(levels.n_unopened <= waiting_max(n_workers.max(2)), "{levels:?} {pace:?}");
        }
    }
}
