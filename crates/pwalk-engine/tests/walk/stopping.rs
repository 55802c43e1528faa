//! How a walk stops before its end: a cancel, an error of its sink, a panic.
//!
//! What is prompt is counted in calls where it can be; a limit of time is ten times what a slow
//! machine needs, and a hundred times less than the walk would take.

use crate::harness::{Pace, no_faults, small_tree};
use pwalk_engine::{Control, Fields, Kind, Outcome, lock, walk};
use pwalk_testkit::fake::{
    Call, CollectingSink, FakeSource, FakeTree, FaultPlan, Options, SinkFailure,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const N_WORKERS: [usize; 3] = [1, 2, 8];

/// Entries of a directory that no test can walk to its end.
const ENORMOUS: u64 = 30_000_000;

fn enormous(kind: Kind) -> FakeTree {
    let mut tree = FakeTree::of(&["r/big/"]);
    tree.generate(tree.at("r/big"), ENORMOUS, kind);
    tree
}

fn walk_all(
    source: &FakeSource<'_>,
    sink: &CollectingSink<'_>,
    control: &Control,
    pace: Pace,
) -> Result<Outcome, SinkFailure> {
    let options = Options::default();
    walk(options.frontier(), &pace.config(&options), source, sink, control)
}

/// All calls that were made.
fn n_calls(source: &FakeSource<'_>) -> u64 {
    Call::ALL.iter().map(|&call| source.n_calls(call)).sum()
}

#[test]
fn t33_a_cancel_from_the_sink_stops_inside_an_enormous_directory() {
    for kind in [Kind::File, Kind::Dir] {
        let (tree, plan) = (enormous(kind), no_faults());
        for n_workers in N_WORKERS {
            let control = Control::default();
            let source = FakeSource::new(&tree, &plan);
            let n_calls_before = AtomicU64::new(0);
            let cancel = |_| {
                n_calls_before.store(n_calls(&source), Relaxed);
                control.cancel();
                Ok(())
            };
            let sink = CollectingSink::new(Fields::REPORT).on_batch(cancel);
            let outcome = walk_all(&source, &sink, &control, Pace::usual(n_workers)).unwrap();
            assert!(outcome.is_cancelled);
            let n_after = n_calls(&source) - n_calls_before.load(Relaxed);
            assert!(n_after < 2000 * n_workers as u64, "{n_after} calls after the cancel");
            assert_eq!(source.n_handles(), 0, "directories left open");
        }
    }
}

#[test]
fn t33_a_cancel_from_another_thread_stops_inside_an_enormous_directory() {
    let (tree, plan) = (enormous(Kind::File), no_faults());
    for n_workers in N_WORKERS {
        let control = Control::default();
        let source = FakeSource::new(&tree, &plan);
        let sink = CollectingSink::new(Fields::REPORT).counting();
        let cancelled = Mutex::new(None);
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                *cancelled.lock().unwrap() = Some(Instant::now());
                control.cancel();
            });
            walk_all(&source, &sink, &control, Pace::usual(n_workers)).unwrap()
        });
        let since = cancelled.lock().unwrap().expect("it can't end before").elapsed();
        assert!(outcome.is_cancelled && sink.n_rows() < ENORMOUS);
        assert!(since < Duration::from_secs(1), "{since:?} with {n_workers} workers");
    }
}

/// Each request takes a second, or until the cancel: one is on its way then for each worker, and no
/// other of the slice is asked.
#[test]
fn t33_a_cancel_ends_a_slice_whose_requests_are_slow() {
    let mut tree = FakeTree::of(&["r/big/"]);
    tree.generate(tree.at("r/big"), 150, Kind::File);
    let plan = no_faults();
    for n_workers in N_WORKERS {
        let control = Control::default();
        let (begun, begins) = channel();
        let begun = Mutex::new(begun);
        let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
            if call == Call::Stat && number > 3 {
                _ = lock(&begun).send(());
                let start = Instant::now();
                while !control.is_cancelled() && start.elapsed() < Duration::from_secs(1) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let sink = CollectingSink::new(Fields::REPORT);
        let since = std::thread::scope(|scope| {
            let control = &control;
            let canceller = scope.spawn(move || {
                begins.recv().expect("the walk begins a request");
                control.cancel();
                Instant::now()
            });
            let pace = Pace { slice_len: 50, ..Pace::usual(n_workers) };
            let outcome = walk_all(&source, &sink, control, pace);
            assert!(outcome.is_ok_and(|outcome| outcome.is_cancelled));
            canceller.join().expect("no panic").elapsed()
        });
        let n_asked = source.n_calls(Call::Stat);
        assert!(n_asked <= 4 + 2 * n_workers as u64, "{n_asked} by {n_workers}");
        assert!(since < Duration::from_millis(500), "{since:?} with {n_workers} workers");
    }
}

#[test]
fn a_walk_that_was_cancelled_before_asks_nothing() {
    let (tree, plan) = (small_tree(), no_faults());
    let control = Control::default();
    control.cancel();
    let source = FakeSource::new(&tree, &plan);
    let sink = CollectingSink::new(Fields::REPORT);
    let outcome = walk_all(&source, &sink, &control, Pace::usual(2)).unwrap();
    assert!(outcome.is_cancelled);
    assert_eq!((n_calls(&source), sink.n_batches()), (0, 0));
}

#[test]
fn an_error_of_the_sink_ends_the_walk_and_is_returned() {
    let (tree, plan) = (enormous(Kind::File), no_faults());
    for n_workers in N_WORKERS {
        for n_taken in [0, 1, 5] {
            let source = FakeSource::new(&tree, &plan);
            let sink = CollectingSink::new(Fields::REPORT).counting().failing_after(n_taken);
            let result = walk_all(&source, &sink, &Control::default(), Pace::usual(n_workers));
            let SinkFailure(number) = result.expect_err("the sink failed");
            let n_more = sink.n_batches() - n_taken;
            assert!(number >= n_taken && n_more <= n_workers as u64, "{n_more} batches more");
            assert_eq!(source.n_handles(), 0, "directories left open");
        }
    }
}

#[test]
fn an_error_at_the_very_last_batch_is_returned_too() {
    let (tree, plan) = (small_tree(), no_faults());
    for n_workers in N_WORKERS {
        let source = FakeSource::new(&tree, &plan);
        let sink = CollectingSink::new(Fields::REPORT).failing_after(0);
        let result = walk_all(&source, &sink, &Control::default(), Pace::usual(n_workers));
        assert_eq!(result.map(|outcome| outcome.totals), Err(SinkFailure(0)));
    }
}

/// Walks in a thread of its own, so that a walk that hangs fails the test. The message of its
/// panic, and the calls that were made after it.
fn panic_of(tree: FakeTree, pace: Pace, n_batches: u64) -> (String, u64) {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let plan = FaultPlan::default();
        let source = FakeSource::new(&tree, &plan);
        let n_calls_before = AtomicU64::new(0);
        let sink = CollectingSink::new(Fields::REPORT).counting().on_batch(|number| {
            if number == n_batches {
                n_calls_before.store(n_calls(&source), Relaxed);
                // Not `panic!`: printing a backtrace takes longer than the walk.
                resume_unwind(Box::new(format!("batch {number} is one too many")));
            }
            Ok(())
        });
        let control = Control::default();
        let result = catch_unwind(AssertUnwindSafe(|| walk_all(&source, &sink, &control, pace)));
        let panic = result.expect_err("the sink panicked");
        let message = panic.downcast_ref::<String>().expect("it is the sink's message").clone();
        let n_after = n_calls(&source) - n_calls_before.load(Relaxed);
        send.send((message, n_after)).expect("the test waits");
    });
    receive.recv_timeout(Duration::from_secs(60)).expect("the walk hangs")
}

#[test]
fn t31_a_panic_of_the_sink_is_raised_again_and_hangs_nobody() {
    for n_workers in N_WORKERS {
        for n_batches in [0, 3] {
            let mut tree = small_tree();
            tree.generate(tree.at("r/b"), 2000, Kind::Dir);
            let (message, _) = panic_of(tree, Pace::small(n_workers), n_batches);
            assert_eq!(message, format!("batch {n_batches} is one too many"));
        }
    }
}

#[test]
fn a_panic_stops_the_other_workers() {
    for n_workers in [2, 8] {
        let mut tree = FakeTree::of(&["r/big/"]);
        tree.generate(tree.at("r/big"), 200_000, Kind::File);
        let (_, n_after) = panic_of(tree, Pace::usual(n_workers), 1);
        assert!(n_after < 50_000, "{n_after} calls after the panic, {n_workers} workers");
    }
}
