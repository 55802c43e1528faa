//! Several filesystems, each with workers of its own: how many there are, and what they cost.

use crate::harness::no_faults;
use pwalk_engine::{Config, Control, Filesystems, Tuning, walk};
use pwalk_testkit::fake::{Call, CollectingSink, FakeSource, FakeTree, Options};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// The first filesystem is local, and what has device 2 or higher is remote.
fn config(options: &Options, n_remote: u64, n_workers: usize, workers_max: usize) -> Config {
    let mut filesystems = Filesystems::new(Tuning::LOCAL);
    for device in 2..2 + n_remote {
        let index = filesystems.add(Tuning::REMOTE);
        filesystems.set_device(device, index);
    }
    Config { n_workers, workers_max, filesystems, ..options.config() }
}

/// Waits for something that other threads do.
#[track_caller]
fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_greatest_number_of_workers_is_that_of_all_filesystems_together() {
    let mut tree = FakeTree::of(&["r/f"]);
    for device in 2..6 {
        (0..40).for_each(|n| _ = tree.add_dir(format!("/r/m{device}/{n}")));
        tree.set_device(tree.at(&format!("r/m{device}")), device);
    }
    let (plan, options) = (no_faults(), Options::default());
    for workers_max in [2, 6, 64] {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let source = FakeSource::new(&tree, &plan).on_call(|_, _| {
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            inside.fetch_sub(1, SeqCst);
        });
        let sink = CollectingSink::new(options.fields);
        let config = config(&options, 4, 1, workers_max);
        let outcome =
            walk(options.frontier(), &config, &source, &sink, &Control::default()).unwrap();
        assert_eq!(outcome.totals.n_entries.sum(), 166);
        let most = most.load(SeqCst);
        assert!(most <= workers_max && outcome.n_workers <= workers_max, "{most}: {outcome:?}");
    }
}

#[test]
fn the_rows_of_a_filesystem_that_is_done_come_while_others_go_on() {
    let mut tree = FakeTree::of(&["r/m/a", "r/m/b", "r/m/c", "r/x/f"]);
    tree.set_device(tree.at("r/m"), 2);
    let (plan, options) = (no_faults(), Options::default());
    let is_over = AtomicBool::new(false);
    let source = FakeSource::new(&tree, &plan).on_call(|call, n| {
        // The second directory of the first filesystem.
        if call == Call::Open && n == 1 {
            wait_until(|| is_over.load(SeqCst), "the end");
        }
    });
    let sink = CollectingSink::new(options.fields);
    let config = config(&options, 1, 1, 8);
    std::thread::scope(|scope| {
        scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &Control::default()));
        // Either the mounted one hangs, or the other directory: the rest is delivered.
        wait_until(|| sink.n_rows() >= 1, "no row came before the end");
        is_over.store(true, SeqCst);
    });
    assert_eq!(sink.n_rows(), 7);
}

#[test]
fn a_filesystem_without_jobs_and_a_request_that_takes_long_cost_no_wake_ups() {
    let mut tree = FakeTree::of(&["r/m/a", "r/x/f"]);
    tree.set_device(tree.at("r/m"), 2);
    // The root hangs, or the first directory once the mounted one may be done.
    for n in [0, 1] {
        let (plan, options) = (no_faults(), Options::default());
        let gate = RwLock::new(());
        let held = gate.write();
        let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
            if call == Call::Open && number == n {
                drop(gate.read());
            }
        });
        let sink = CollectingSink::new(options.fields);
        let config = config(&options, 1, 1, 64);
        std::thread::scope(|scope| {
            scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &Control::default()));
            wait_until(|| source.n_calls(Call::Open) > n, "it hangs");
            std::thread::sleep(Duration::from_millis(500));
            let before = pwalk_sys::usage().n_sleeps;
            std::thread::sleep(Duration::from_secs(2));
            let n_sleeps = pwalk_sys::usage().n_sleeps - before;
            drop(held);
            assert!(n_sleeps < 60, "{n_sleeps} sleeps in two seconds, open {n} hangs");
        });
    }
}

#[test]
fn others_join_the_first_worker_once_it_has_made_enough_requests() {
    let mut tree = FakeTree::of(&["r/f"]);
    (0..200).for_each(|n| _ = tree.add_dir(format!("/r/{n}")));
    let (plan, options) = (no_faults(), Options::default());
    let filesystems = Filesystems::new(Tuning::LOCAL);
    // With a number of workers that is fixed, and one that is measured.
    for workers_max in [4, 64] {
        for (n_alone, joins) in [(0, true), (50, true), (u64::MAX, false)] {
            let source = FakeSource::new(&tree, &plan)
                .on_call(|_, _| std::thread::sleep(Duration::from_millis(1)));
            let sink = CollectingSink::new(options.fields);
            let filesystems = filesystems.clone();
            let config =
                Config { n_workers: 4, workers_max, n_alone, filesystems, ..options.config() };
            let outcome =
                walk(options.frontier(), &config, &source, &sink, &Control::default()).unwrap();
            assert_eq!(outcome.totals.n_entries.sum(), 202);
            assert_eq!(outcome.n_workers >= 4, joins, "{n_alone}: {outcome:?}");
            assert!(joins || outcome.n_workers == 1, "{outcome:?}");
        }
    }
}
