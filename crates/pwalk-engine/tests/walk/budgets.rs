//! A budget cuts a walk at the borders of directories, and what it leaves can be walked later.

use crate::harness::{
    Pace, Run, assert_same_rows, cases, error_texts, no_faults, run, run_over, small_tree,
    without_transients,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use pwalk_engine::{
    Budget, Config, Control, EntryError, Filesystems, Frontier, FrontierDir, Kind, Links, OpenDirs,
    Outcome, Totals, Tuning, walk,
};
use pwalk_testkit::compare;
use pwalk_testkit::fake::{
    Call, CollectingSink, FakeRow, FakeSource, FakeTree, FaultPlan, Modelled, Options,
    arb_fault_plan, arb_options, arb_tree, model,
};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Runs that must be enough for any tree of these tests.
const N_RUNS_MAX: u32 = 2000;

/// Walks piece by piece until nothing is left, and checks each piece against the whole.
fn run_in_pieces(
    tree: &FakeTree,
    plan: &FaultPlan,
    options: &Options,
    pace: Pace,
    budget: impl Fn(u32) -> Budget,
) {
    let whole = model(tree, plan, options);
    // One source for all pieces: what went wrong once does not go wrong again.
    let source = FakeSource::new(tree, plan);
    let mut pieces = Pieces::default();
    let mut frontier = options.frontier();
    for number in 0..N_RUNS_MAX {
        let config = Config { budget: budget(number), ..pace.config(options) };
        let piece = run_over(&source, frontier.clone(), options, &config);
        let (n_rows, n_errors) = (pieces.rows.len(), pieces.errors.len());
        let were_open = pieces.open_paths();
        let after = pieces.add(piece, options);
        check_piece(&pieces, [n_rows, n_errors], &were_open, [&frontier, &after], &whole, options);
        frontier = after;
        if frontier.is_empty() {
            return pieces.check(&whole, options);
        }
    }
    panic!("{N_RUNS_MAX} runs were not enough: {frontier:?}");
}

/// What several runs brought.
#[derive(Default)]
struct Pieces {
    rows: Vec<FakeRow>,
    errors: Vec<EntryError>,
    totals: Totals,
    open: OpenDirs,
}

impl Pieces {
    /// Adds a run, and the rows of directories that are complete with it. Returns what it has left.
    fn add(&mut self, piece: Run, options: &Options) -> Frontier {
        let Outcome { mut frontier, open, totals, .. } = piece.outcome;
        let sink = CollectingSink::new(options.fields);
        let closed = self.open.merge(open, &mut frontier, &sink).expect("this sink never fails");
        self.rows.extend(piece.rows);
        self.rows.extend(sink.rows());
        self.errors.extend(piece.errors);
        self.totals.add(&totals);
        self.totals.add(&closed);
        frontier
    }

    fn open_paths(&self) -> HashSet<Vec<u8>> {
        self.open.dirs.keys().map(|&number| self.open.path(number)).collect()
    }

    /// Nothing is left, and together they are the whole.
    #[track_caller]
    fn check(&self, whole: &Modelled, options: &Options) {
        assert!(self.open.dirs.is_empty() && self.open.finished.is_empty(), "{:?}", self.open);
        check_sum(&self.rows, &self.errors, &self.totals, whole, options);
    }
}

/// Each directory that was left is untouched, and each other complete: the piece is exactly
/// what lies below the frontier that it began with, but not below the one that it left. Rows of
/// directories that are open come later, and others come that were.
#[track_caller]
fn check_piece(
    pieces: &Pieces,
    [n_rows, n_errors]: [usize; 2],
    were_open: &HashSet<Vec<u8>>,
    [before, after]: [&Frontier; 2],
    whole: &Modelled,
    options: &Options,
) {
    let are_open = pieces.open_paths();
    let is_new = |path: &[u8]| is_below(path, before) && !is_below(path, after);
    let is_due = |row: &&FakeRow| {
        row.kind == Kind::Dir && were_open.contains(&row.path) && !are_open.contains(&row.path)
            || is_new(&row.path) && !are_open.contains(&row.path)
    };
    let rows: Vec<FakeRow> = whole.rows.iter().filter(is_due).cloned().collect();
    assert_same_rows(&pieces.rows[n_rows..], &rows, options.fields);
    let errors: Vec<EntryError> =
        whole.errors.iter().filter(|error| is_new(&error.path)).cloned().collect();
    compare::assert_same_rows(&error_texts(&pieces.errors[n_errors..]), &error_texts(&errors));
}

fn is_below(path: &[u8], frontier: &Frontier) -> bool {
    frontier.iter().any(|dir| match path.strip_prefix(&*dir.path) {
        Some(rest) => rest.is_empty() || rest.starts_with(b"/") || dir.path == b"/",
        None => false,
    })
}

#[track_caller]
fn check_sum(
    rows: &[FakeRow],
    errors: &[EntryError],
    totals: &Totals,
    whole: &Modelled,
    options: &Options,
) {
    assert_same_rows(rows, &whole.rows, options.fields);
    compare::assert_same_rows(&error_texts(errors), &error_texts(&whole.errors));
    assert_eq!(totals.n_entries.sum(), whole.rows.len() as u64);
    assert_eq!(totals.n_errors(), whole.errors.len() as u64);
    assert_eq!(totals.n_vanished, whole.n_vanished, "vanished");
    assert_eq!(totals.n_snapshots, whole.n_snapshots, "snapshots");
    assert_eq!(totals.n_filtered, whole.n_filtered, "filtered");
    assert_eq!(totals.n_excluded, whole.n_excluded, "excluded");
    assert_eq!(totals.n_mount_points, whole.n_mount_points, "mount points");
    assert!(whole.n_repeated.is_none_or(|n_repeated| totals.n_repeated == n_repeated));
    assert_eq!(totals.apparent_bytes, whole.apparent_bytes, "apparent bytes");
    // Inodes with links in several pieces are counted in each.
    assert!(totals.allocated_bytes >= whole.allocated_bytes, "allocated bytes");
}

fn entries(n: u64) -> Budget {
    Budget { n_entries: Some(n), time: None }
}

fn time(time: Duration) -> Budget {
    Budget { n_entries: None, time: Some(time) }
}

/// Trees with faults and options. A walk that asks no inode can't see what is wrong with one,
/// unless it starts there: in such walks inodes are in order.
fn arb_walk() -> impl Strategy<Value = (FakeTree, FaultPlan, Options)> {
    let tree_and_plan = arb_tree().prop_flat_map(|tree| {
        let plan = arb_fault_plan(&tree);
        (Just(tree), plan)
    });
    (tree_and_plan, arb_options()).prop_map(|((tree, mut plan), options)| {
        if !options.fields.need_stat() {
            for faults in plan.nodes.values_mut() {
                (faults.stat, faults.listed_as) = (None, None);
            }
        }
        (tree, plan, options)
    })
}

fn arb_pace() -> impl Strategy<Value = Pace> {
    (select(vec![1, 1, 2, 8, 64]), 1..6_usize).prop_map(|(n_workers, slice_len)| Pace {
        n_workers,
        slice_len,
        batch_len: 3,
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn t42_runs_with_a_budget_of_entries_add_up_to_one_run(
        (tree, plan, options) in arb_walk(),
        pace in arb_pace(),
        n_entries in 1..40_u64,
    ) {
        run_in_pieces(&tree, &plan, &options, pace, |_| entries(n_entries));
    }

    #[test]
    fn t42_runs_with_a_budget_of_time_add_up_to_one_run(
        (tree, plan, options) in arb_walk(),
        pace in arb_pace(),
        micros in 1..300_u64,
    ) {
        // More each time, or a slow machine would never get anywhere.
        run_in_pieces(&tree, &plan, &options, pace, |number| {
            time(Duration::from_micros(micros * u64::from(number + 1)))
        });
    }

    #[test]
    fn t42_runs_that_follow_links_add_up_to_one_run(
        (tree, plan, options) in arb_walk(),
        pace in arb_pace(),
        n_entries in 1..40_u64,
        max_depth in 0..5_u32,
    ) {
        let options = Options { links: Links::Follow, max_depth: Some(max_depth), ..options };
        let plan = without_transients(plan);
        run_in_pieces(&tree, &plan, &options, pace, |_| entries(n_entries));
    }

    #[test]
    fn t42_a_frontier_can_be_shared_out(
        (tree, plan, options) in arb_walk(),
        pace in arb_pace(),
        n_entries in 1..20_u64,
        order in any::<Index>(),
    ) {
        let whole = model(&tree, &plan, &options);
        let source = FakeSource::new(&tree, &plan);
        let config =
            Config { budget: entries(n_entries), ..pace.config(&options) };
        let first = run_over(&source, options.frontier(), &options, &config);
        let mut pieces = Pieces::default();
        let mut shares = pieces.add(first, &options);
        // Each is cut once more, and its pieces come back in any order.
        while !shares.is_empty() {
            let dir = shares.swap_remove(order.index(shares.len()));
            let share = run_over(&source, vec![dir], &options, &config);
            shares.extend(pieces.add(share, &options));
        }
        pieces.check(&whole, &options);
    }
}

#[test]
fn a_budget_of_nothing_returns_the_whole_frontier_untouched() {
    let tree = small_tree();
    let plan = no_faults();
    let roots = ["/r/a", "/r/b", "/r/missing", "/r/z"];
    let options = Options {
        roots: roots.iter().map(|root| root.as_bytes().to_vec()).collect(),
        ..Options::default()
    };
    let begun = FrontierDir {
        path: b"/r/b/c".to_vec(),
        root_len: 2,
        depth: 1,
        parent_inode: 7,
        root_dev: Some(1),
        ancestors: Vec::new(),
        inherited: None,
        above: None,
    };
    for budget in [entries(0), time(Duration::ZERO)] {
        for n_workers in [1, 2, 8] {
            let source = FakeSource::new(&tree, &plan);
            let config = Config { budget, ..Pace::small(n_workers).config(&options) };
            let mut expected = options.frontier();
            expected.push(begun.clone());
            let mut run = run_over(&source, expected.clone(), &options, &config);
            run.outcome.frontier.sort();
            expected.sort();
            assert_eq!(run.outcome.frontier, expected);
            assert_eq!(run.outcome.totals, Totals::default());
            assert!(run.rows.is_empty() && run.errors.is_empty() && !run.outcome.is_cancelled);
            assert!(Call::ALL.iter().all(|&call| source.n_calls(call) == 0), "it was asked");
        }
    }
}

#[test]
fn a_directory_that_is_begun_is_finished_however_large() {
    let mut tree = FakeTree::of(&["r/big/", "r/other/f"]);
    tree.generate(tree.at("r/big"), 5000, Kind::File);
    for n_workers in [1, 2, 8] {
        run_in_pieces(&tree, &no_faults(), &Options::default(), Pace::small(n_workers), |_| {
            entries(1)
        });
    }
}

#[test]
fn a_budget_that_is_spent_begins_no_other_directory() {
    let mut tree = FakeTree::default();
    for number in 0..500 {
        let dir = tree.add_dir(format!("/r/d{number}"));
        tree.generate(dir, 10, Kind::File);
    }
    let (plan, options) = (no_faults(), Options::default());
    for n_workers in [1, 2, 4] {
        let source = FakeSource::new(&tree, &plan);
        // A batch for each directory, and time for no more than a few of them.
        let pace = Pace { batch_len: 1, ..Pace::usual(n_workers) };
        let sink = CollectingSink::new(options.fields).on_batch(|_| {
            std::thread::sleep(Duration::from_millis(3));
            Ok(())
        });
        for budget in [entries(50), time(Duration::from_millis(30))] {
            let config = Config { budget, ..pace.config(&options) };
            let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
            let outcome = outcome.expect("this sink never fails");
            let n_rows = outcome.totals.n_entries.sum();
            assert!(n_rows <= 50 + 11 * 11 * n_workers as u64, "{n_rows} rows of {budget:?}");
            assert!(outcome.frontier.len() > 300 && !outcome.is_cancelled);
        }
    }
}

#[test]
fn one_run_of_a_budget_that_suffices_is_the_whole_walk() {
    let tree = small_tree();
    let options = Options::default();
    let whole = run(&tree, &no_faults(), &options, Pace::small(2));
    let plan = no_faults();
    let source = FakeSource::new(&tree, &plan);
    let config = Config { budget: entries(1000), ..Pace::small(2).config(&options) };
    let run = run_over(&source, options.frontier(), &options, &config);
    assert_eq!(run.outcome, whole.outcome);
}

#[test]
fn t29_t42_a_loop_of_links_is_refused_across_runs_too() {
    let mut tree = FakeTree::of(&["r/a/b/up -> ../..", "r/a/b/f", "r/g"]);
    (0..tree.len()).for_each(|id| tree.stat_mut(id).size = 64);
    let options = Options { links: Links::Follow, ..Options::default() };
    for n_entries in [1, 3, 5] {
        run_in_pieces(&tree, &no_faults(), &options, Pace::small(1), |_| entries(n_entries));
    }
}

/// Each directory that is left goes on with the workers of its own filesystem.
#[test]
fn directories_that_are_left_are_walked_by_the_workers_of_their_filesystem() {
    let dirs: Vec<_> = (0..20).map(|n| format!("r/m/d{n}/f")).collect();
    let mut tree = FakeTree::of(&dirs);
    tree.set_device(tree.at("r/m"), 3);
    let (plan, options) = (no_faults(), Options::default());
    let inside = AtomicUsize::new(0);
    // All workers of that filesystem at once: the first root's pool has one.
    let source = FakeSource::new(&tree, &plan).on_call(|call, _| {
        if call == Call::Open {
            inside.fetch_add(1, SeqCst);
            let start = Instant::now();
            while inside.load(SeqCst) < 8 && start.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let root = FrontierDir::root(b"/r");
    let left = (0..20).map(|n| FrontierDir {
        path: format!("/r/m/d{n}").into_bytes(),
        depth: 1,
        parent_inode: tree.stat(tree.at("r/m")).ino,
        root_dev: Some(1),
        ..root.clone()
    });
    let mut filesystems = Filesystems::new(Tuning::LOCAL);
    let index = filesystems.add(Tuning::REMOTE);
    filesystems.set_device(3, index);
    let config = Config { workers_max: 64, filesystems, ..options.config() };
    let started = Instant::now();
    let run = run_over(&source, left.collect(), &options, &config);
    assert_eq!(run.rows.len(), 40);
    assert!(started.elapsed() < Duration::from_secs(4), "one worker opened one after the other");
}
