//! Requests that are given up: what hangs is an error, all else is there, and nothing is there twice.

use crate::harness::{MEASURED, Pace, Run, assert_as_modelled, cases, no_faults};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use pwalk_engine::{Config, Control, Errno, Fields, Impatient, Kind, Operation, Tuning, walk};
use pwalk_testkit::fake::{
    Call, CollectingSink, FakeSource, FakeTree, FaultPlan, Options, arb_fault_plan, arb_options,
    arb_tree, model,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// So long that nothing is given up.
const NEVER: Duration = Duration::from_secs(3600);

/// Walks, and gives up what is not answered in time. What hangs does so until the walk has ended.
fn run(tree: &FakeTree, plan: &FaultPlan, options: &Options, pace: Pace, timeout: Duration) -> Run {
    run_counted(tree, plan, options, pace, timeout).0
}

/// The same, and how many directories it tried to open.
fn run_counted(
    tree: &FakeTree,
    plan: &FaultPlan,
    options: &Options,
    pace: Pace,
    timeout: Duration,
) -> (Run, u64) {
    // Threads that are left behind have no end that anybody waits for.
    let tree: &'static FakeTree = Box::leak(Box::new(tree.clone()));
    let plan: &'static FaultPlan = Box::leak(Box::new(plan.clone()));
    let source = Arc::new(FakeSource::new(tree, plan));
    run_with(&source, &pace.config(options), options, timeout)
}

/// A walk of a source that is released at its end.
fn run_with(
    source: &Arc<FakeSource<'static>>,
    config: &Config,
    options: &Options,
    timeout: Duration,
) -> (Run, u64) {
    let (sink, control) = (CollectingSink::new(options.fields), Control::default());
    let impatient = Impatient::over(source.clone(), timeout, config, &control);
    let outcome = walk(options.frontier(), config, &impatient, &sink, &control);
    let outcome = outcome.expect("this sink never fails");
    let n_opened = source.n_calls(Call::Open);
    source.release();
    (Run { rows: sink.rows(), errors: sink.errors(), outcome }, n_opened)
}

#[test]
fn t49_what_is_given_up_is_an_error_and_all_else_is_there() {
    let mut tree = FakeTree::of(&["r/a/", "r/a/f", "r/b/", "r/b/f", "r/b/g", "r/c/d/e"]);
    tree.add_link("/r/b/link", "f");
    // What hangs, which error that is, and what is missing then.
    type Case = (&'static str, Call, Operation, &'static str, Vec<&'static str>);
    let cases: [Case; 6] = [
        ("r/a", Call::Open, Operation::Open, "/r/a", vec!["/r/a/f"]),
        ("r/a", Call::Read, Operation::Read, "/r/a", vec!["/r/a/f"]),
        ("r/a", Call::Stat, Operation::Stat, "/r/a", vec!["/r/a", "/r/a/f"]),
        ("r/b/f", Call::Stat, Operation::Stat, "/r/b/f", vec!["/r/b/f"]),
        ("r/b/g", Call::Stat, Operation::Stat, "/r/b/g", vec!["/r/b/g"]),
        ("r/b/link", Call::ReadLink, Operation::ReadLink, "/r/b/link", vec![]),
    ];
    let options = Options { fields: Fields::all(), ..Options::default() };
    let everything = run(&tree, &no_faults(), &options, Pace::usual(2), NEVER).paths();
    let check = |(node, hangs, operation, path, missing): &Case, n_workers| {
        let mut plan = no_faults();
        plan.node(tree.at(node)).hangs = Some(*hangs);
        // So long that a busy machine does not seem to be a hanging filesystem.
        let timeout = Duration::from_secs(1);
        let run = run(&tree, &plan, &options, Pace::usual(n_workers), timeout);
        let name = format!("{hangs:?} of {node}, {n_workers} workers");
        let errors: Vec<_> =
            run.errors.iter().map(|error| (error.operation, &*error.path)).collect();
        assert_eq!(errors, [(*operation, path.as_bytes())], "{name}");
        assert_eq!(run.errors[0].errno, Errno::TIMEDOUT, "{name}");
        let expected: Vec<_> =
            everything.iter().filter(|path| !missing.contains(&path.as_str())).collect();
        assert_eq!(run.paths().iter().collect::<Vec<_>>(), expected, "{name}");
    };
    // They do nothing but wait.
    std::thread::scope(|scope| {
        for (case, n_workers) in cases.iter().flat_map(|case| [1, 2, MEASURED].map(|n| (case, n))) {
            let check = &check;
            scope.spawn(move || check(case, n_workers));
        }
    });
}

#[test]
fn t49_a_root_that_hangs_ends_the_walk() {
    let tree = FakeTree::of(&["r/f"]);
    let mut plan = no_faults();
    plan.node(tree.at("r")).hangs = Some(Call::StatPath);
    let run = run(&tree, &plan, &Options::default(), Pace::usual(1), Duration::from_millis(50));
    let [error] = &*run.errors else { panic!("{:?}", run.errors) };
    assert_eq!((error.operation, error.errno), (Operation::Stat, Errno::TIMEDOUT));
    assert_eq!(run.paths(), [""; 0]);
}

/// Not after the timeout for each of its directories.
#[test]
fn t49_what_waits_for_a_filesystem_that_answers_nothing_is_listed_at_once() {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    // All directories are known by then.
    plan.n_per_read = Some(1000);
    plan.node(tree.add_dir("/r")).hangs = Some(Call::Ping);
    for number in 0..500 {
        let dir = tree.add_dir(format!("/r/{number:03}"));
        plan.node(dir).hangs = Some(Call::Open);
    }
    for n_workers in [1, 4] {
        // So long that a busy machine does not seem to be a hanging filesystem.
        let (options, timeout) = (Options::default(), Duration::from_secs(1));
        let pace = Pace { slice_len: 1000, ..Pace::usual(n_workers) };
        let (run, n_opened) = run_counted(&tree, &plan, &options, pace, timeout);
        assert!(n_opened <= 1 + 3 * n_workers as u64, "{n_opened} with {n_workers} workers");
        assert_eq!((run.rows.len(), run.errors.len()), (501, 500));
        assert!(run.errors.iter().all(|error| error.errno == Errno::TIMEDOUT));
    }
}

/// As long as there are answers, a filesystem is worth asking.
#[test]
fn t49_directories_that_hang_among_others_cost_no_others() {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    for number in 0..60 {
        let dir = tree.add_dir(format!("/r/{number:02}"));
        tree.add(format!("/r/{number:02}/file"), Kind::File);
        if number % 10 == 5 {
            plan.node(dir).hangs = Some(Call::Open);
        }
    }
    let (options, timeout) = (Options::default(), Duration::from_secs(1));
    let run = run(&tree, &plan, &options, Pace::usual(2), timeout);
    assert_eq!((run.rows.len(), run.errors.len()), (1 + 60 + 54, 6));
}

/// Who is alone meets one after the other, without any answer between them.
#[test]
fn t49_a_single_worker_that_meets_two_hanging_neighbours_loses_nothing_else() {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    for number in 0..60 {
        let dir = tree.add_dir(format!("/r/{number:02}"));
        tree.add(format!("/r/{number:02}/file"), Kind::File);
        if matches!(number, 20..23 | 40 | 41) {
            plan.node(dir).hangs = Some(Call::Open);
        }
    }
    for n_workers in [1, 2, 8] {
        let (options, timeout) = (Options::default(), Duration::from_millis(500));
        let run = run(&tree, &plan, &options, Pace::usual(n_workers), timeout);
        assert_eq!((run.rows.len(), run.errors.len()), (1 + 60 + 55, 5), "{n_workers} workers");
    }
}

/// However many workers wait.
#[test]
fn t49_a_filesystem_that_is_silent_is_asked_for_a_sign_of_life_once() {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    plan.n_per_read = Some(1000);
    plan.node(tree.add_dir("/r")).hangs = Some(Call::Ping);
    for number in 0..200 {
        let dir = tree.add_dir(format!("/r/{number:03}"));
        plan.node(dir).hangs = Some(Call::Open);
    }
    let (tree, plan): (&'static _, &'static _) =
        (Box::leak(Box::new(tree)), Box::leak(Box::new(plan)));
    let options = Options::default();
    let config = Pace { slice_len: 1000, ..Pace::usual(16) }.config(&options);
    let source = Arc::new(FakeSource::new(tree, plan));
    let (run, _) = run_with(&source, &config, &options, Duration::from_millis(100));
    assert_eq!((run.rows.len(), run.errors.len()), (201, 200));
    assert_eq!(source.n_calls(Call::Ping), 1);
}

/// Whether they have a number of their own or, as those beyond the first 64, that of the first root.
#[test]
fn t49_mounts_that_hang_cost_no_others_below_the_same_directory() {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    for number in 0..12 {
        let mount = tree.add_dir(format!("/r/{number:02}"));
        tree.add(format!("/r/{number:02}/file"), Kind::File);
        if number % 4 < 3 {
            plan.node(mount).hangs = Some(Call::Stat);
        }
    }
    let tree: &'static FakeTree = Box::leak(Box::new(tree));
    let plan: &'static FaultPlan = Box::leak(Box::new(plan));
    for (n_workers, have_numbers) in [(1, true), (1, false), (8, true), (8, false)] {
        let options = Options::default();
        let mut config = Pace::usual(n_workers).config(&options);
        for number in 0..12 {
            let index = if have_numbers { config.filesystems.add(Tuning::LOCAL) } else { 0 };
            config.filesystems.set_path(format!("/r/{number:02}").as_bytes(), index);
        }
        let source = Arc::new(FakeSource::new(tree, plan));
        let (run, _) = run_with(&source, &config, &options, Duration::from_millis(400));
        let name = format!("{n_workers} workers, numbers: {have_numbers}");
        assert_eq!((run.rows.len(), run.errors.len()), (1 + 3 + 3, 9), "{name}");
    }
}

#[test]
fn t49_a_stall_that_was_given_up_is_not_told_of_as_answered_and_still_keeps_the_process() {
    let tree: &'static FakeTree = Box::leak(Box::new(FakeTree::of(&["r/a/f", "r/b/f"])));
    let mut plan = no_faults();
    plan.node(tree.at("r/a")).hangs = Some(Call::Open);
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(plan))));
    let (options, control) = (Options::default(), Control::default());
    let config = Pace::usual(1).config(&options);
    let config = Config { stall_after: Duration::from_millis(40), ..config };
    let sink = CollectingSink::new(options.fields);
    let timeout = Duration::from_millis(800);
    let impatient = Impatient::over(source.clone(), timeout, &config, &control);
    let outcome = walk(options.frontier(), &config, &impatient, &sink, &control);
    let [stall] = &*outcome.expect("this sink never fails").stalled else { panic!("one stalled") };
    assert_eq!((&*stall.path, stall.is_over, stall.is_given_up), (&b"/r/a"[..], true, true));
    let left = control.left_behind();
    let [left] = &*left else { panic!("{left:?}") };
    assert_eq!((left.operation, &*left.path), (Operation::Open, &b"/r/a"[..]));
    assert!(left.since.elapsed() >= timeout);
    source.release();
    while !control.left_behind().is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_of_a_source_is_raised_by_the_walk() {
    let tree = FakeTree::of(&["r/a/f"]);
    let mut plan = no_faults();
    plan.node(tree.at("r/a")).open_panics = Some(Duration::ZERO);
    let panic =
        std::panic::catch_unwind(|| run(&tree, &plan, &Options::default(), Pace::usual(2), NEVER));
    assert!(panic.is_err());
}

#[test]
fn a_cancel_does_not_wait_for_the_timeout() {
    let tree: &'static FakeTree = Box::leak(Box::new(FakeTree::of(&["r/a/f"])));
    let mut plan = no_faults();
    plan.node(tree.at("r/a")).hangs = Some(Call::Open);
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(plan))));
    let (options, control) = (Options::default(), Control::default());
    let (sink, config) = (CollectingSink::new(options.fields), Pace::usual(1).config(&options));
    let impatient = Impatient::over(source.clone(), NEVER, &config, &control);
    std::thread::scope(|scope| {
        let walked = scope.spawn(|| walk(options.frontier(), &config, &impatient, &sink, &control));
        while source.n_hanging() == 0 {
            std::thread::yield_now();
        }
        control.cancel();
        assert!(walked.join().expect("no panic").expect("this sink never fails").is_cancelled);
    });
    let left = control.left_behind();
    assert_eq!(left.iter().map(|left| &*left.path).collect::<Vec<_>>(), [b"/r/a"]);
    source.release();
}

/// Of a row's path and those above it.
fn is_missing(path: &[u8], missing: &BTreeSet<Vec<u8>>) -> bool {
    let ends = (0..=path.len()).filter(|&end| end == path.len() || path[end] == b'/');
    ends.map(|end| &path[..end]).any(|above| missing.contains(above))
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn parallel_equals_naive_where_messengers_ask(
        (tree, plan) in arb_tree().prop_flat_map(|tree| {
            let plan = arb_fault_plan(&tree);
            (Just(tree), plan)
        }),
        options in arb_options(),
        n_workers in select(vec![1, 2, 8]),
    ) {
        let run = run(&tree, &plan, &options, Pace::small(n_workers), NEVER);
        assert_as_modelled(&run, &model(&tree, &plan, &options), options.fields);
    }

    #[test]
    fn t49_rows_and_errors_tell_of_every_entry_once_whatever_hangs(
        tree in arb_tree(),
        hanging in prop::collection::vec((any::<Index>(), select(&Call::ALL[..])), 1..5),
        n_workers in select(vec![1, 2, 8]),
    ) {
        let mut plan = FaultPlan::default();
        for (node, call) in &hanging {
            plan.node(node.index(tree.len())).hangs = Some(*call);
        }
        let options = Options { fields: Fields::all(), ..Options::default() };
        let timeout = Duration::from_millis(60);
        let run = run(&tree, &plan, &options, Pace::small(n_workers), timeout);
        let rows: Vec<_> = run.rows.iter().map(|row| row.path.clone()).collect();
        let told: BTreeSet<_> = rows.iter().cloned().collect();
        assert_eq!(rows.len(), told.len(), "no row twice");
        let errors: BTreeSet<_> =
            run.errors.iter().map(|error| (error.operation, error.path.clone())).collect();
        assert_eq!(run.errors.len(), errors.len(), "no error twice");
        assert!(run.errors.iter().all(|error| error.errno == Errno::TIMEDOUT));
        let missing: BTreeSet<_> = errors.into_iter().map(|(_, path)| path).collect();
        for row in model(&tree, &FaultPlan::default(), &options).rows {
            let is_told = told.contains(&row.path) || is_missing(&row.path, &missing);
            assert!(is_told, "{}", row.path.escape_ascii());
        }
    }
}
