//! T28: a lack of descriptors makes a walk slower, not smaller.
//!
//! The source counts the directories that are open at once, and refuses more than it is told
//! to. A limit of time is many times what a walk with enough descriptors needs.

use crate::harness::{N_WORKERS, Pace, check, faults_at, no_faults, run_over, small_tree};
use pwalk_engine::{At, Control, Errno, Fields, Kind, Links, Operation, Source, walk};
use pwalk_testkit::fake::{
    Call, CollectingSink, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Options, ReadFault,
    Shortage,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn limited(n_handles: usize) -> FaultPlan {
    FaultPlan { shortage: Some(Shortage::Handles(n_handles)), ..FaultPlan::default() }
}

#[test]
fn t28_few_descriptors_give_the_full_result() {
    let mut tree = FakeTree::default();
    for number in 0..12 {
        let dir = tree.add_dir(format!("/r/a{number}/b/c"));
        tree.generate(dir, 5, Kind::File);
    }
    tree.generate(tree.at("r/a0"), 12, Kind::Dir);
    for n_handles in [1, 2, 5] {
        for n_workers in N_WORKERS {
            check(&tree, &limited(n_handles), &Options::default(), Pace::small(n_workers));
        }
    }
}

/// A directory that does not fit into one read stays open until it is read to its end: three
/// descriptors for a chain of twenty.
#[test]
fn t28_nested_large_directories_give_the_full_result() {
    let mut tree = FakeTree::default();
    let mut dir = tree.add_dir("/r");
    for _ in 0..20 {
        tree.generate(dir, 12, Kind::File);
        dir = tree.add_in(dir, b"d", Kind::Dir);
    }
    let plan = FaultPlan { n_per_read: Some(4), ..limited(3) };
    for n_workers in N_WORKERS {
        check(&tree, &plan, &Options::default(), Pace::small(n_workers));
    }
}

/// The parent stays open for its waiting subdirectories only while descriptors are plenty.
#[test]
fn t28_no_more_directories_are_open_than_workers_and_parents() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 500, Kind::Dir);
    for n_workers in N_WORKERS {
        let plan = no_faults();
        let options = Options::default();
        let source = FakeSource::new(&tree, &plan);
        run_over(&source, options.frontier(), &options, &Pace::usual(n_workers).config(&options));
        assert!(source.n_handles_max() <= 1 + n_workers as i64, "{}", source.n_handles_max());
    }
}

/// Each level waits with one more directory, and would keep its parent open.
#[test]
fn t28_a_deep_tree_keeps_no_more_parents_open_than_there_are_descriptors_to_spare() {
    let mut tree = FakeTree::default();
    let mut dir = tree.add_dir("/r");
    for _ in 0..4300 {
        tree.add_in(dir, b"e", Kind::Dir);
        dir = tree.add_in(dir, b"d", Kind::Dir);
    }
    let plan = no_faults();
    let options = Options { fields: Fields::empty(), ..Options::default() };
    let source = FakeSource::new(&tree, &plan);
    let sink = CollectingSink::new(options.fields).counting();
    let config = Pace::usual(1).config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
    assert_eq!(outcome.map(|outcome| outcome.totals.n_entries.sum()), Ok(8601));
    assert!(source.n_handles_max() <= 4096 + 16, "{}", source.n_handles_max());
}

#[test]
fn t28_a_short_lack_loses_no_directory_of_a_large_frontier() {
    let mut tree = FakeTree::default();
    let paths: Vec<_> = (0..5000).map(|number| format!("/r/d{number}").into_bytes()).collect();
    paths.iter().for_each(|path| _ = tree.add_dir(path));
    let shortage = Some(Shortage::Until(Duration::from_millis(50)));
    let plan = FaultPlan { shortage, ..FaultPlan::default() };
    let options = Options { roots: paths, ..Options::default() };
    check(&tree, &plan, &options, Pace::usual(8));
}

#[test]
fn t28_waiting_for_a_descriptor_costs_no_time_for_each_directory() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 5000, Kind::Dir);
    let plan = limited(1);
    let start = Instant::now();
    check(&tree, &plan, &Options::default(), Pace::usual(1));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// The only descriptor is that of a directory which can't be read on for want of another: directories
/// found in it, which wait too, must not keep it from its next try.
#[test]
fn t28_everything_that_waits_for_a_descriptor_gets_its_turn() {
    let tree = FakeTree::of(&["r/a/", "r/b/", "r/c/", "r/d/", "r/e", "r/f", "r/g"]);
    let fail = Fail { errno: Errno::MFILE, n_times: 1 };
    let read = Some(ReadFault { after: 4, fail });
    let faults = faults_at(&tree, "r", NodeFaults { read, ..NodeFaults::default() });
    let plan = FaultPlan { n_per_read: Some(2), ..faults };
    let plan = FaultPlan { shortage: limited(1).shortage, ..plan };
    for n_workers in N_WORKERS {
        check(&tree, &plan, &Options::default(), Pace::small(n_workers));
    }
}

/// More workers than descriptors.
#[test]
fn t28_t34_directories_that_wait_for_a_descriptor_do_not_pile_up() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 20_000, Kind::Dir);
    for (n_workers, n_handles) in [(2, 2), (8, 4)] {
        let plan = FaultPlan { delays: Some(1), ..limited(n_handles) };
        let options = Options::default();
        let source = FakeSource::new(&tree, &plan);
        run_over(&source, options.frontier(), &options, &Pace::usual(n_workers).config(&options));
        // Reads bring a hundred names each.
        let (n_max, n_waiting) = (200 * n_workers as i64, source.n_unopened_max());
        assert!(n_waiting <= n_max, "{n_waiting}, {n_workers} workers, {n_handles} descriptors");
    }
}

#[test]
fn t26_t28_a_lack_that_never_ends_is_an_error_after_a_while() {
    let tree = small_tree();
    let open = Some(Fail::always(Errno::MFILE));
    let plan = faults_at(&tree, "r/a", NodeFaults { open, ..NodeFaults::default() });
    let options = Options::default();
    let source = FakeSource::new(&tree, &plan);
    let start = Instant::now();
    let run = run_over(&source, options.frontier(), &options, &Pace::usual(8).config(&options));
    assert_eq!(run.totals().errors, [((Operation::Open, Errno::MFILE), 1)].into());
    assert_eq!(run.rows.len(), tree.len() - 3);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn t28_a_cancel_does_not_wait_for_directories_that_wait_for_a_descriptor() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 5000, Kind::Dir);
    let plan = limited(1);
    let source = FakeSource::new(&tree, &plan);
    let options = Options::default();
    let control = Control::default();
    let cancelled = std::sync::Mutex::new(None);
    let sink = CollectingSink::new(Fields::REPORT).on_batch(|_| {
        cancelled.lock().unwrap().get_or_insert_with(Instant::now);
        control.cancel();
        Ok(())
    });
    let pace = Pace { batch_len: 1, ..Pace::usual(1) };
    let config = pace.config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &control).unwrap();
    let since = cancelled.lock().unwrap().expect("there was a batch").elapsed();
    assert!(outcome.is_cancelled);
    assert!(since < Duration::from_secs(1), "{since:?} after the cancel");
}

#[test]
fn t28_a_panic_frees_a_worker_that_waits_for_a_descriptor() {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let tree = FakeTree::of(&["a/", "b/"]);
        let open_panics = Some(Duration::from_millis(20));
        let mut plan = faults_at(&tree, "b", NodeFaults { open_panics, ..NodeFaults::default() });
        plan.shortage = Some(Shortage::Handles(0));
        let options = Options { roots: vec![b"/a".to_vec(), b"/b".to_vec()], ..Options::default() };
        let source = FakeSource::new(&tree, &plan);
        let config = Pace::usual(2).config(&options);
        let walk_all = || run_over(&source, options.frontier(), &options, &config);
        let panic = catch_unwind(AssertUnwindSafe(walk_all)).expect_err("the source panicked");
        let message = panic.downcast_ref::<String>().expect("it is the source's message");
        send.send(message.clone()).expect("the test waits");
    });
    let message = receive.recv_timeout(Duration::from_secs(10)).expect("the walk hangs");
    assert_eq!(message, "opening /b panics");
}

/// A lack that has passed does not count when the next one comes.
#[test]
fn t28_two_short_lacks_far_apart_are_no_long_one() {
    let tree = FakeTree::of(&["a/f", "b/f"]);
    let calls = vec![(Call::StatPath, 0..1, Errno::MFILE), (Call::StatPath, 2..3, Errno::MFILE)];
    let plan = FaultPlan { calls, ..FaultPlan::default() };
    let options = Options { roots: vec![b"/a".to_vec(), b"/b".to_vec()], ..Options::default() };
    let source = FakeSource::new(&tree, &plan);
    let sink = CollectingSink::new(options.fields).on_batch(|_| {
        std::thread::sleep(Duration::from_millis(1100));
        Ok(())
    });
    let config = Pace { batch_len: 2, ..Pace::usual(1) }.config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
    assert_eq!(outcome.map(|outcome| outcome.totals.errors), Ok([].into()));
    assert_eq!(sink.n_rows(), 4);
}

/// The fake source fails a node as often as its plan says, whoever holds the descriptors: else
/// what has vanished would depend on the schedule, and on nothing that the model knows.
#[test]
fn t23_t28_what_is_stale_stays_so_without_a_descriptor() {
    let tree = FakeTree::of(&["r/a/", "r/b/"]);
    let open = Some(Fail::times(Errno::STALE, 2));
    let mut plan = faults_at(&tree, "r/a", NodeFaults { open, ..NodeFaults::default() });
    plan.shortage = Some(Shortage::Handles(1));
    let source = FakeSource::new(&tree, &plan);
    let open = |path: &[u8]| source.open(At { parent: None, path }, Links::Keep);
    let other = open(b"/r/b").unwrap();
    let errnos = [(); 3].map(|()| open(b"/r/a").map(|_| ()).unwrap_err());
    assert_eq!(errnos, [Errno::STALE, Errno::STALE, Errno::MFILE]);
    drop(other);
    assert!(open(b"/r/a").is_ok());
}

/// A retry that is refused a descriptor has told nothing of the directory: the next try, once
/// there is one, may be stale again, and is retried again.
#[test]
fn t23_t28_a_lack_between_two_stale_handles_loses_no_directory() {
    let tree = FakeTree::of(&["r/a/f"]);
    let errnos = [Errno::STALE, Errno::MFILE, Errno::STALE];
    let calls = (1..).zip(errnos).map(|(at, errno)| (Call::Open, at..at + 1, errno)).collect();
    let plan = FaultPlan { calls, ..FaultPlan::default() };
    let source = FakeSource::new(&tree, &plan);
    let options = Options::default();
    let run = run_over(&source, options.frontier(), &options, &Pace::usual(1).config(&options));
    assert_eq!(run.paths(), ["/r", "/r/a", "/r/a/f"]);
    assert_eq!((run.totals().n_vanished, run.totals().n_errors()), (0, 0));
    assert_eq!(source.n_calls(Call::Open), 5);
}

/// The second open is refused after more than a second, in which the process stood still.
#[test]
fn t46_a_standstill_between_two_refusals_loses_no_directory() {
    let tree = FakeTree::of(&["r/f"]);
    let calls = vec![(Call::Open, 0..2, Errno::MFILE)];
    let plan = FaultPlan { calls, ..FaultPlan::default() };
    let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
        if (call, number) == (Call::Open, 1) {
            std::thread::sleep(Duration::from_millis(1200));
        }
    });
    let options = Options::default();
    let run = run_over(&source, options.frontier(), &options, &Pace::usual(1).config(&options));
    assert_eq!(run.paths(), ["/r", "/r/f"]);
    assert_eq!(run.totals().n_errors(), 0);
}

/// A directory that is refused for another reason had its descriptor, so the lack has passed.
#[test]
fn t46_a_lack_ends_with_a_call_that_fails_for_another_reason() {
    let mut tree = FakeTree::default();
    let roots: Vec<_> = (0..4).map(|number| format!("/r{number}").into_bytes()).collect();
    roots.iter().for_each(|path| _ = tree.add_dir(path));
    // Two lacks of 0.9 seconds, and an error of another kind between them.
    let calls = vec![
        (Call::Open, 0..90, Errno::MFILE),
        (Call::Open, 90..91, Errno::ACCESS),
        (Call::Open, 91..180, Errno::MFILE),
    ];
    let plan = FaultPlan { calls, ..FaultPlan::default() };
    let options = Options { roots, ..Options::default() };
    let source = FakeSource::new(&tree, &plan).on_call(|_, number| {
        std::thread::sleep(Duration::from_millis(if number < 180 { 10 } else { 0 }))
    });
    let run = run_over(&source, options.frontier(), &options, &Pace::usual(1).config(&options));
    assert_eq!(run.totals().errors, [((Operation::Open, Errno::ACCESS), 1)].into());
    assert_eq!(run.rows.len(), 4);
}

/// Some ways to read need a descriptor of their own. Nobody gives one back here but time.
#[test]
fn t28_a_lack_while_names_or_inodes_are_read_loses_nothing() {
    let mut tree = FakeTree::of(&["r/a/f", "r/a/g", "r/l -> a", "r/b/c/"]);
    tree.generate(tree.at("r/b"), 300, Kind::File);
    let fail = Fail::times(Errno::MFILE, 20);
    let mut plan = FaultPlan { n_per_read: Some(50), ..FaultPlan::default() };
    for (path, after) in [("r", 0), ("r/a", 1), ("r/b", 120)] {
        plan.node(tree.at(path)).read = Some(ReadFault { after, fail });
    }
    for path in ["r/a", "r/a/g", "r/l"] {
        plan.node(tree.at(path)).stat = Some(fail);
    }
    plan.node(tree.at("r/l")).read_link = Some(fail);
    for links in [Links::Keep, Links::Follow] {
        let options = Options { fields: Fields::all(), links, ..Options::default() };
        for n_workers in N_WORKERS {
            check(&tree, &plan, &options, Pace::small(n_workers));
        }
    }
}

#[test]
fn t26_t28_a_lack_while_names_or_inodes_are_read_ends_after_a_while() {
    let tree = FakeTree::of(&["r/a/f", "r/b/g", "r/c/h"]);
    let fail = Fail::always(Errno::MFILE);
    let mut plan = FaultPlan::default();
    plan.node(tree.at("r/a")).read = Some(ReadFault { after: 0, fail });
    plan.node(tree.at("r/b/g")).stat = Some(fail);
    let options = Options::default();
    let source = FakeSource::new(&tree, &plan);
    let start = Instant::now();
    let run = run_over(&source, options.frontier(), &options, &Pace::usual(2).config(&options));
    let expected = [((Operation::Read, Errno::MFILE), 1), ((Operation::Stat, Errno::MFILE), 1)];
    assert_eq!(run.totals().errors, expected.into());
    assert_eq!(run.rows.len(), 5);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
