//! One fault after the other: what is retried, what is an error, what has vanished, and that
//! nothing beside it is lost.

use crate::harness::{
    N_WORKERS, Pace, assert_totals_count_rows, check, check_all, faults_at, no_faults, run,
    run_over, small_tree,
};
use pwalk_engine::{Contents, Control, EntryError, Errno, Fields, Kind, Links, Operation, walk};
use pwalk_testkit::fake::{
    Call, CollectingSink, Endless, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Options,
    ReadFault,
};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

fn options(fields: Fields) -> Options {
    Options { fields, ..Options::default() }
}

fn read_fault(after: u64, fail: Fail) -> NodeFaults {
    NodeFaults { read: Some(ReadFault { after, fail }), ..NodeFaults::default() }
}

fn n_entries(contents: Contents) -> Option<i64> {
    match contents {
        Contents::Counted { n_entries, .. } => Some(n_entries),
        _ => None,
    }
}

// ---- T17, T18: depth ----

fn chain(n_levels: u64) -> FakeTree {
    let mut tree = FakeTree::default();
    let mut dir = tree.add_dir("/r");
    for _ in 0..n_levels {
        tree.add_in(dir, b"f", Kind::File);
        dir = tree.add_in(dir, b"d", Kind::Dir);
    }
    tree
}

#[test]
fn t18_ten_thousand_levels_need_no_recursion() {
    // Followed links cost the square of the depth: each level knows all above it.
    for (n_workers, links, n_levels) in
        [(1, Links::Keep, 10_000), (8, Links::Keep, 10_000), (2, Links::Follow, 2000)]
    {
        let tree = chain(n_levels);
        let options = Options { links, ..options(Fields::SIZE) };
        let plan = no_faults();
        let source = FakeSource::new(&tree, &plan);
        let sink = CollectingSink::new(Fields::SIZE).counting();
        let config = Pace::usual(n_workers).config(&options);
        let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
        assert_eq!(outcome.unwrap().totals.n_errors(), 0);
        assert_eq!(sink.n_rows(), 2 * n_levels + 1);
        // Paths of 20 kB each fill a batch long before its rows do.
        assert!(sink.arena_len_max() < 2 << 20, "{} bytes in a batch", sink.arena_len_max());
    }
}

// ---- T19: kinds unknown ----

#[test]
fn t19_without_any_kind_nothing_is_missed() {
    let plan = FaultPlan { all_unknown: true, n_per_read: Some(3), ..FaultPlan::default() };
    let tree = FakeTree::of(&["r/a/b/c/f", "r/a/g", "r/l -> a", "r/.snapshot/x", "r/z.tmp"]);
    for fields in [Fields::REPORT, Fields::empty(), Fields::TARGET] {
        let excludes = vec!["*.tmp".to_owned()];
        check_all(&tree, &plan, &Options { excludes, ..options(fields) });
    }
}

#[test]
fn t19_kinds_that_end_after_ten_thousand_entries_cost_no_entry() {
    let mut tree = FakeTree::of(&["r/big/"]);
    tree.generate(tree.at("r/big"), 12_000, Kind::Dir);
    let faults = NodeFaults { unknown_after: Some(10_000), ..NodeFaults::default() };
    let plan = faults_at(&tree, "r/big", faults);
    for fields in [Fields::REPORT, Fields::empty()] {
        let run = check(&tree, &plan, &options(fields), Pace::usual(2));
        assert_eq!(run.totals().n_entries.get(Kind::Dir), 12_002);
    }
}

#[test]
fn t19_a_pattern_that_takes_directories_back_holds_where_kinds_are_unknown() {
    let tree = FakeTree::of(&["r/a/b/f.rs", "r/a/g.txt", "r/h.rs"]);
    let excludes = ["*", "!*/", "!*.rs"].map(str::to_owned).to_vec();
    let options = Options { excludes, ..Options::default() };
    let expected = ["/r", "/r/a", "/r/a/b", "/r/a/b/f.rs", "/r/h.rs"];
    assert_eq!(run(&tree, &no_faults(), &options, Pace::usual(1)).paths(), expected);
    let plan = FaultPlan { all_unknown: true, ..FaultPlan::default() };
    assert_eq!(run(&tree, &plan, &options, Pace::usual(1)).paths(), expected);
}

// ---- T20: what can't be opened ----

#[test]
fn t20_a_hundred_unreadable_directories_have_their_rows_and_errors() {
    let mut tree = FakeTree::default();
    let mut plan = no_faults();
    for number in 0..200 {
        let dir = tree.add_dir(format!("/r/d{number}"));
        tree.add_in(dir, b"f", Kind::File);
        if number % 2 == 0 {
            plan.node(dir).open = Some(Fail::always(Errno::ACCESS));
        }
    }
    for fields in [Fields::REPORT, Fields::empty()] {
        let run = check_all(&tree, &plan, &options(fields));
        assert_eq!(run.totals().errors, [((Operation::Open, Errno::ACCESS), 100)].into());
        assert_eq!((run.rows.len(), run.row("/r/d0").contents), (301, Contents::Unread));
        assert_eq!(n_entries(run.row("/r").contents), Some(200));
    }
}

#[test]
fn t10_roots_that_are_missing_or_no_directories_are_errors_or_rows() {
    let tree = FakeTree::of(&["r/f", "empty/", "dangling -> nothing", "to_r -> r"]);
    let roots = ["/r/f", "/missing", "/dangling", "/to_r/", "/empty//", "/r/f/x", "r"];
    let roots = roots.map(|root| root.as_bytes().to_vec()).to_vec();
    let run = check_all(&tree, &no_faults(), &Options { roots, ..Options::default() });
    let fail = |path: &str, errno| EntryError {
        operation: Operation::Stat,
        path: path.as_bytes().to_vec(),
        depth: -1,
        errno,
    };
    let expected = [fail("/missing", Errno::NOENT), fail("/r/f/x", Errno::NOTDIR)];
    assert!(run.errors.len() == 2 && expected.iter().all(|error| run.errors.contains(error)));
    assert_eq!(run.row("/dangling").kind, Kind::Symlink);
    assert_eq!(n_entries(run.row("/empty").contents), Some(0));
}

// ---- T21, T22: what changes meanwhile ----

#[test]
fn t21_what_vanishes_is_counted_and_is_no_error() {
    let gone = Some(Fail::always(Errno::NOENT));
    let stat = NodeFaults { stat: gone, ..NodeFaults::default() };
    let open = NodeFaults { open: gone, ..NodeFaults::default() };
    let deleted =
        |after| NodeFaults { is_deleted: true, ..read_fault(after, Fail::always(Errno::NOENT)) };
    // (what vanishes, how, its row, entries of /r/a, entries of /r)
    let cases = [
        ("r/a/f", stat, None, Some(1), Some(4)),
        ("r/a", stat, None, None, Some(3)),
        ("r/a", open, Some(Contents::Unread), None, Some(4)),
        ("r/a", deleted(0), Some(Contents::Unread), None, Some(4)),
        ("r/a", deleted(1), None, Some(1), Some(4)),
    ];
    for (path, faults, contents, n_in_a, n_in_r) in cases {
        let tree = small_tree();
        let plan = faults_at(&tree, path, faults);
        let run = check_all(&tree, &plan, &Options::default());
        assert!(run.errors.is_empty() && run.totals().n_vanished == 1, "{path} {faults:?}");
        assert_eq!(n_entries(run.row("/r").contents), n_in_r, "{path} {faults:?}");
        let has_row = run.paths().contains(&format!("/{path}"));
        assert_eq!(has_row, faults != stat, "{path} {faults:?}");
        if let Some(contents) = contents {
            assert_eq!(run.row("/r/a").contents, contents);
        }
        if n_in_a.is_some() {
            assert_eq!(n_entries(run.row("/r/a").contents), n_in_a);
        }
    }
}

#[test]
fn t22_an_entry_is_what_its_inode_says_or_what_its_directory_told() {
    let tree = small_tree();
    for path in ["r/a", "r/a/f", "r/l"] {
        for told in Kind::ALL {
            let faults = NodeFaults { listed_as: Some(told), ..NodeFaults::default() };
            let plan = faults_at(&tree, path, faults);
            let run = check_all(&tree, &plan, &Options::default());
            assert_eq!(run.rows.len(), tree.len() - 1, "{path} told as {told:?}");
            assert_eq!(run.row(&format!("/{path}")).kind, tree.kind(tree.at(path)));
            check_all(&tree, &plan, &options(Fields::empty()));
        }
    }
}

#[test]
fn t22_a_directory_that_became_a_file_before_it_is_opened_has_vanished() {
    let tree = small_tree();
    let open = Some(Fail::always(Errno::NOTDIR));
    let plan = faults_at(&tree, "r/a", NodeFaults { open, ..NodeFaults::default() });
    let run = check_all(&tree, &plan, &Options::default());
    assert_eq!((run.totals().n_vanished, run.totals().n_errors()), (1, 0));
    assert_eq!(run.row("/r/a").contents, Contents::Unread);
}

// ---- T23, T24: errors that go away ----

/// With these faults the walk must bring what it brings without any.
#[track_caller]
fn assert_harmless(plan: &FaultPlan, options: &Options) {
    let tree = small_tree();
    for n_workers in N_WORKERS {
        let clean = run(&tree, &no_faults(), options, Pace::small(n_workers));
        let run = check(&tree, plan, options, Pace::small(n_workers));
        assert_eq!(run.paths(), clean.paths());
        assert_eq!(run.outcome, clean.outcome, "{n_workers} workers");
    }
}

#[test]
fn t23_a_stale_handle_gets_one_retry() {
    let tree = small_tree();
    let once = Some(Fail::times(Errno::STALE, 1));
    let all = Options { fields: Fields::all(), ..Options::default() };
    for path in ["r/a", "r/a/f", "r/l"] {
        let stat = NodeFaults { stat: once, ..NodeFaults::default() };
        assert_harmless(&faults_at(&tree, path, stat), &all);
    }
    let open = NodeFaults { open: once, ..NodeFaults::default() };
    assert_harmless(&faults_at(&tree, "r/a", open), &all);
    assert_harmless(&faults_at(&tree, "r", open), &all);
    assert_harmless(&faults_at(&tree, "r/a", read_fault(1, Fail::times(Errno::STALE, 1))), &all);
}

#[test]
fn t23_a_stale_handle_of_a_root_gets_one_retry() {
    let stat = Some(Fail::times(Errno::STALE, 1));
    let tree = small_tree();
    let plan = faults_at(&tree, "r", NodeFaults { stat, ..NodeFaults::default() });
    assert_harmless(&plan, &Options::default());
}

#[test]
fn t23_a_stale_handle_of_a_directory_that_is_walked_later_gets_one_retry() {
    let tree = small_tree();
    let stat = Some(Fail::times(Errno::STALE, 1));
    let plan = faults_at(&tree, "r/a", NodeFaults { stat, ..NodeFaults::default() });
    let source = FakeSource::new(&tree, &plan);
    let dir = pwalk_engine::FrontierDir {
        path: b"/r/a".to_vec(),
        root_len: 2,
        depth: 0,
        parent_inode: tree.stat(tree.at("r")).ino,
        root_dev: Some(1),
        ancestors: Vec::new(),
        inherited: None,
        above: None,
    };
    let config = Pace::usual(1).config(&Options::default());
    let run = run_over(&source, vec![dir], &Options::default(), &config);
    assert_eq!(run.paths(), ["/r/a", "/r/a/f", "/r/a/g"]);
    assert_eq!(run.totals().n_vanished, 0);
}

#[test]
fn t23_a_stale_handle_of_a_link_gets_one_retry_for_its_target() {
    let tree = small_tree();
    let read_link = Some(Fail::times(Errno::STALE, 1));
    let plan = faults_at(&tree, "r/l", NodeFaults { read_link, ..NodeFaults::default() });
    let run = check(&tree, &plan, &options(Fields::all()), Pace::usual(1));
    assert_eq!(run.row("/r/l").target, b"a");
}

#[test]
fn t23_what_stays_stale_has_vanished_and_is_not_asked_for_ever() {
    let tree = small_tree();
    let stale = Some(Fail::always(Errno::STALE));
    let faults = [
        NodeFaults { stat: stale, ..NodeFaults::default() },
        NodeFaults { open: stale, ..NodeFaults::default() },
    ];
    for faults in faults {
        let plan = faults_at(&tree, "r/a", faults);
        let run = check_all(&tree, &plan, &Options::default());
        assert_eq!((run.totals().n_vanished, run.totals().n_errors()), (1, 0), "{faults:?}");
    }
}

#[test]
fn t24_a_directory_that_is_said_to_be_gone_once_or_twice_is_read_on() {
    let tree = small_tree();
    for errno in [Errno::NOENT, Errno::STALE] {
        for (n_times, after, n_per_read) in
            [(1, 0, 100), (2, 0, 100), (1, 1, 100), (2, 1, 1), (2, 2, 1), (1, 2, 2)]
        {
            let faults = NodeFaults {
                n_per_read: Some(n_per_read),
                ..read_fault(after, Fail::times(errno, n_times))
            };
            assert_harmless(&faults_at(&tree, "r/a", faults), &Options::default());
        }
    }
}

#[test]
fn t24_a_directory_that_is_said_to_be_gone_but_is_there_is_an_error() {
    let tree = small_tree();
    for errno in [Errno::NOENT, Errno::STALE] {
        let plan = faults_at(&tree, "r/a", read_fault(1, Fail::always(errno)));
        let run = check_all(&tree, &plan, &Options::default());
        assert_eq!(run.totals().errors, [((Operation::Read, errno), 1)].into());
        assert_eq!(run.totals().n_vanished, 0);
    }
}

/// The disk repeats calls that were interrupted, so that the walk never sees it. From a source
/// that doesn't, it is an error like any other.
#[test]
fn t24_an_interruption_that_reaches_the_walk_is_said() {
    let tree = small_tree();
    let plan = faults_at(&tree, "r/a", read_fault(1, Fail::times(Errno::INTR, 1)));
    let run = check_all(&tree, &plan, &Options::default());
    assert_eq!(run.totals().errors, [((Operation::Read, Errno::INTR), 1)].into());
    assert_eq!(run.rows.len(), tree.len() - 2);
}

// ---- T25, T26: errors that stay ----

#[test]
fn t25_what_was_read_before_an_error_counts() {
    let mut tree = FakeTree::of(&["r/big/", "r/small/f"]);
    tree.generate(tree.at("r/big"), 50, Kind::File);
    for after in [0, 1, 7, 49, 50] {
        for n_per_read in [1, 7, 100] {
            let faults = NodeFaults {
                n_per_read: Some(n_per_read),
                ..read_fault(after, Fail::always(Errno::IO))
            };
            let plan = faults_at(&tree, "r/big", faults);
            let run = check_all(&tree, &plan, &Options::default());
            let expected = if after == 0 { None } else { Some(after as i64) };
            assert_eq!(n_entries(run.row("/r/big").contents), expected);
            assert_eq!(run.rows.len() as u64, after + 4);
            assert_eq!(run.totals().errors, [((Operation::Read, Errno::IO), 1)].into());
        }
    }
}

#[test]
fn t26_what_always_fails_is_asked_a_few_times_and_no_more() {
    let tree = small_tree();
    let errnos = [
        Errno::ACCESS,
        Errno::PERM,
        Errno::IO,
        Errno::NOENT,
        Errno::STALE,
        Errno::INTR,
        Errno::INVAL,
        Errno::LOOP,
        Errno::NAMETOOLONG,
        Errno::UCLEAN,
        Errno::from_raw(9999),
    ];
    for errno in errnos {
        let fail = Some(Fail::always(errno));
        let cases = [
            ("r/a", Call::Open, NodeFaults { open: fail, ..NodeFaults::default() }),
            ("r/a", Call::Read, read_fault(0, Fail::always(errno))),
            ("r/a/f", Call::Stat, NodeFaults { stat: fail, ..NodeFaults::default() }),
            ("r", Call::Stat, NodeFaults { stat: fail, ..NodeFaults::default() }),
            ("r/l", Call::ReadLink, NodeFaults { read_link: fail, ..NodeFaults::default() }),
        ];
        for (path, call, faults) in cases {
            let plan = faults_at(&tree, path, faults);
            let all = options(Fields::all());
            check_all(&tree, &plan, &all);
            let source = FakeSource::new(&tree, &plan);
            run_over(&source, all.frontier(), &all, &Pace::usual(2).config(&all));
            let n_calls = source.n_calls_for(tree.at(path), call);
            assert!((1..=4).contains(&n_calls), "{path} {call:?} {errno:?}: {n_calls} calls");
        }
    }
}

/// Whichever call fails, it hides what it stands for and nothing else, and says so.
#[test]
fn t25_t26_each_single_call_may_fail_and_hides_no_sibling() {
    let tree = FakeTree::of(&["r/a/f", "r/a/b/g", "r/a/l -> f", "r/c/d/e/", "r/c/h", "r/z"]);
    let mut options = options(Fields::all());
    options.links = Links::Keep;
    let pace = Pace { n_workers: 1, slice_len: 2, batch_len: 3 };
    let plan = FaultPlan { n_per_read: Some(2), ..FaultPlan::default() };
    let source = FakeSource::new(&tree, &plan);
    let whole = run_over(&source, options.frontier(), &options, &pace.config(&options));
    for call in Call::ALL {
        for number in 0..source.n_calls(call) {
            let calls = vec![(call, number..number + 1, Errno::IO)];
            let run = run(&tree, &FaultPlan { calls, ..plan.clone() }, &options, pace);
            let has_retry = call == Call::StatPath;
            assert_eq!(run.errors.len(), usize::from(!has_retry), "{call:?} {number}");
            let is_hidden =
                |path: &[u8]| run.errors.iter().any(|error| path.starts_with(&error.path));
            let missing = whole.rows.iter().filter(|row| {
                !is_hidden(&row.path) && !run.rows.iter().any(|other| other.path == row.path)
            });
            assert_eq!(missing.count(), 0, "{call:?} {number}: {:?}", run.errors);
            assert_totals_count_rows(&run);
        }
    }
}

// ---- T27: directories that repeat names, or never end ----

#[test]
fn t27_repeated_names_are_dropped_and_counted() {
    let mut tree = FakeTree::of(&["r/big/x", "r/a/f", "r/a/g", "r/a/h"]);
    tree.generate(tree.at("r/big"), 500, Kind::Dir);
    let faults = |n| NodeFaults { repeats: true, n_per_read: Some(n), ..NodeFaults::default() };
    let mut plan = FaultPlan::default();
    *plan.node(tree.at("r/big")) = faults(10);
    *plan.node(tree.at("r/a")) = faults(1);
    for fields in [Fields::REPORT, Fields::empty()] {
        let run = check_all(&tree, &plan, &options(fields));
        assert_eq!((run.rows.len(), run.totals().n_repeated), (507, 50 + 2));
        assert!(run.errors.is_empty());
    }
}

#[test]
fn t27_a_directory_that_begins_again_for_ever_ends_with_an_error() {
    for n in [0, 1, 99, 100, 1000] {
        let mut tree = FakeTree::of(&["r/endless/", "r/other/f"]);
        tree.generate(tree.at("r/endless"), n, Kind::File);
        for endless in [Endless::Cycle, Endless::Empty] {
            let faults = NodeFaults { endless: Some(endless), ..NodeFaults::default() };
            let plan = faults_at(&tree, "r/endless", faults);
            let run = check_all(&tree, &plan, &Options::default());
            assert_eq!(run.totals().errors, [((Operation::Read, Errno::LOOP), 1)].into());
            assert_eq!(run.rows.len() as u64, n + 4, "{endless:?}");
        }
    }
}

#[test]
fn t27_a_cycle_is_found_beyond_the_names_that_a_walk_remembers() {
    const N: u64 = (1 << 20) + 5000;
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), N, Kind::File);
    let faults = NodeFaults {
        endless: Some(Endless::Cycle),
        n_per_read: Some(1000),
        ..NodeFaults::default()
    };
    let plan = faults_at(&tree, "r", faults);
    let source = FakeSource::new(&tree, &plan);
    let sink = CollectingSink::new(Fields::empty()).counting();
    let options = options(Fields::empty());
    let config = Pace::usual(2).config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
    let totals = outcome.unwrap().totals;
    assert_eq!(totals.errors, [((Operation::Read, Errno::LOOP), 1)].into());
    assert!((N..2 * N).contains(&sink.n_rows()), "{} rows", sink.n_rows());
}

/// Each read brings the last name of the one before again. Beyond the names that a walk remembers
/// some of these are those that a cycle would be known by, and nobody can know the others.
#[test]
fn t48_a_name_that_comes_again_in_a_giant_directory_costs_no_other_one() {
    const N: u64 = (1 << 20) + 20_000;
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), N, Kind::File);
    let faults = NodeFaults { repeats: true, n_per_read: Some(1024), ..NodeFaults::default() };
    let plan = faults_at(&tree, "r", faults);
    let source = FakeSource::new(&tree, &plan);
    let sink = CollectingSink::new(Fields::empty()).counting();
    let options = options(Fields::empty());
    let config = Pace::usual(2).config(&options);
    let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
    assert_eq!(outcome.expect("this sink never fails").totals.n_errors(), 0);
    assert!((N + 1..N + 22).contains(&sink.n_rows()), "{} rows", sink.n_rows());
}

/// A buffer may hold a single name. That it is a known one does not mean that no other comes.
#[test]
fn t27_a_read_of_nothing_but_repeated_names_hides_no_sibling() {
    let tree = FakeTree::of(&["r/a", "r/b", "r/c"]);
    let faults = NodeFaults { stutters: true, n_per_read: Some(1), ..NodeFaults::default() };
    let run = check(&tree, &faults_at(&tree, "r", faults), &Options::default(), Pace::usual(1));
    assert_eq!((run.rows.len(), run.totals().n_repeated, run.errors.len()), (4, 1, 0));
}

// ---- T31, T41: workers ----

#[test]
fn t41_no_count_is_lost_between_workers() {
    let mut tree = FakeTree::default();
    for number in 0..300 {
        let dir = tree.add_dir(format!("/r/{}/{number}", number % 17));
        tree.generate(dir, number % 40, Kind::File);
    }
    let plan = FaultPlan { delays: Some(7), n_per_read: Some(16), ..FaultPlan::default() };
    for seed in 0..3 {
        let plan = FaultPlan { delays: Some(seed), ..plan.clone() };
        check_all(&tree, &plan, &Options::default());
    }
}

/// Workers that found nothing at first are woken when there is something. Each waits in the
/// sink until all of them are there: in the end they are, or one of them slept on.
#[test]
fn t33_a_giant_directory_and_many_tiny_ones_keep_every_worker_busy() {
    const N_WORKERS: usize = 4;
    let mut giant = FakeTree::of(&["r/a/b/c/d/"]);
    giant.generate(giant.at("r/a/b/c/d"), 1000, Kind::File);
    let mut tiny = FakeTree::of(&["r/a/b/c/d/"]);
    tiny.generate(tiny.at("r/a/b/c/d"), 1000, Kind::Dir);
    for tree in [giant, tiny] {
        let (n_inside, all_inside) = (Mutex::new(0), Condvar::new());
        let sink = CollectingSink::new(Fields::SIZE).on_batch(|number| {
            if number < 5 {
                // The way down is long enough for the others to fall asleep.
                std::thread::sleep(Duration::from_millis(5));
                return Ok(());
            }
            let mut guard = n_inside.lock().unwrap();
            *guard += 1;
            all_inside.notify_all();
            let is_short = |n: &mut usize| *n < N_WORKERS;
            _ = all_inside.wait_timeout_while(guard, Duration::from_secs(2), is_short).unwrap();
            Ok(())
        });
        let (plan, options) = (no_faults(), options(Fields::SIZE));
        let source = FakeSource::new(&tree, &plan);
        let pace = Pace { n_workers: N_WORKERS, slice_len: 20, batch_len: 1 };
        let config = pace.config(&options);
        let start = Instant::now();
        walk(options.frontier(), &config, &source, &sink, &Control::default()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "a worker slept on");
    }
}

#[test]
fn t31_no_worker_asked_for_is_one_worker() {
    check(&small_tree(), &no_faults(), &Options::default(), Pace::usual(0));
}
