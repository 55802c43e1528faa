//! Totals of subtrees: what they count, and what may be below a directory without harm.
//!
//! That they equal the naive model whatever the tree, the faults and the workers is among the
//! properties, and that the pieces of a walk add up to them among the budgets.

use crate::harness::{N_WORKERS, Pace, Run, check_all, faults_at, no_faults, run_over};
use pwalk_engine::{
    Budget, Config, Contents, Control, Errno, Fields, FrontierDir, Kind, OpenDirs, TreeTotals, walk,
};
use pwalk_testkit::fake::{Call, CollectingSink, Fail, FakeSource, FakeTree, NodeFaults, Options};

/// Levels that no stack of a worker has room for.
const CHAIN: u64 = 20_000;

fn options() -> Options {
    Options { fields: Fields::REPORT | Fields::TREE, ..Options::default() }
}

/// Entries, directories and errors below a path.
#[track_caller]
fn counts(run: &Run, path: &str) -> Option<(Option<i64>, Option<i64>, i64)> {
    let tree = run.row(path).tree?;
    let files = tree.count.map(|count| count - tree.dirs.expect("it was counted, too"));
    assert_eq!(files, tree.files);
    Some((tree.count, tree.dirs, tree.errors.expect("it is known whether there are errors")))
}

/// A chain of directories, `/r/d/d/d`, with one file at its end.
fn chain() -> FakeTree {
    let mut tree = FakeTree::default();
    let mut dir = tree.add_dir("/r");
    for _ in 1..CHAIN {
        dir = tree.add_in(dir, b"d", Kind::Dir);
    }
    tree.add_in(dir, b"f", Kind::File);
    tree
}

#[test]
fn totals_are_of_all_entries_below_and_not_of_the_directory_itself() {
    let mut tree = FakeTree::of(&["r/a/b/f", "r/a/b/g", "r/a/l -> b", "r/e/", "r/z"]);
    for (number, path) in ["r", "r/a", "r/a/b", "r/a/b/f", "r/a/b/g"].into_iter().enumerate() {
        let number = number as i64 + 1;
        let id = tree.at(path);
        let stat = tree.stat_mut(id);
        (stat.size, stat.blocks) = (10_i64.pow(number as u32), number);
        (stat.mtime, stat.atime) = (100 * number, -number);
    }
    tree.add_hard_link(tree.at("r/e"), b"h", tree.at("r/a/b/f"));
    let run = check_all(&tree, &no_faults(), &options());
    let expected = TreeTotals {
        count: Some(2),
        files: Some(2),
        dirs: Some(0),
        size: Some(110_000),
        blocks: Some(9),
        mtime: Some(500),
        atime: Some(-4),
        errors: Some(0),
    };
    assert_eq!(run.row("/r/a/b").tree, Some(expected));
    let expected = TreeTotals {
        count: Some(1),
        files: Some(1),
        size: Some(10_000),
        blocks: Some(4),
        mtime: Some(400),
        ..expected
    };
    assert_eq!(run.row("/r/e").tree, Some(expected), "every link counts");
    assert_eq!(counts(&run, "/r/a"), Some((Some(4), Some(1), 0)));
    assert_eq!(counts(&run, "/r"), Some((Some(8), Some(3), 0)));
    assert!(run.rows.iter().all(|row| row.tree.is_some() == (row.kind == Kind::Dir)));
}

#[test]
fn t20_what_could_not_be_seen_is_counted_in_all_directories_above() {
    let tree = FakeTree::of(&["r/a/b/f", "r/a/c/g", "r/d/h"]);
    let failing = |path, faults| check_all(&tree, &faults_at(&tree, path, faults), &options());
    let fail = Some(Fail::always(Errno::ACCESS));
    let run = failing("r/a/b", NodeFaults { open: fail, ..NodeFaults::default() });
    assert_eq!(counts(&run, "/r/a/b"), Some((None, None, 1)));
    assert_eq!(counts(&run, "/r/a"), Some((Some(3), Some(2), 1)));
    assert_eq!(counts(&run, "/r"), Some((Some(6), Some(4), 1)));
    assert_eq!(counts(&run, "/r/d"), Some((Some(1), Some(0), 0)));
    let run = failing("r/a/b/f", NodeFaults { stat: fail, ..NodeFaults::default() });
    assert_eq!(counts(&run, "/r/a/b"), Some((Some(0), Some(0), 1)), "it has no row");
    assert_eq!(counts(&run, "/r"), Some((Some(6), Some(4), 1)));
    let gone = Some(Fail::always(Errno::NOENT));
    let run = failing("r/a/b", NodeFaults { open: gone, ..NodeFaults::default() });
    assert_eq!(counts(&run, "/r/a/b"), None, "that is no error");
    assert_eq!(counts(&run, "/r"), Some((Some(6), Some(4), 0)));
}

#[test]
fn what_has_no_row_is_not_in_the_totals() {
    let tree = FakeTree::of(&["r/a/b/f", "r/a/x.tmp", "r/.snapshot/s", "r/inner/i", "r/z"]);
    let options = Options {
        roots: ["/r", "/r/inner", "/r/z"].map(|root| root.as_bytes().to_vec()).to_vec(),
        nested_roots: ["/r/inner", "/r/z"].map(|root| root.as_bytes().to_vec()).to_vec(),
        excludes: vec!["*.tmp".to_owned()],
        ..options()
    };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(counts(&run, "/r"), Some((Some(3), Some(2), 0)));
    assert_eq!(counts(&run, "/r/inner"), Some((Some(1), Some(0), 0)), "it has totals of its own");
    assert_eq!(run.row("/r/z").tree, None);
    let run = check_all(&tree, &no_faults(), &Options { max_depth: Some(2), ..options });
    assert_eq!(counts(&run, "/r/a"), Some((Some(1), Some(1), 0)));
    assert_eq!(run.row("/r/a/b").tree, None, "it was not entered");
}

#[test]
fn sums_of_sizes_stop_at_the_largest_number() {
    let mut tree = FakeTree::of(&["r/a/f", "r/b/f", "r/c/f", "r/d/f"]);
    for path in ["r/a/f", "r/b/f", "r/c/f", "r/d/f"] {
        let id = tree.at(path);
        tree.stat_mut(id).size = i64::MAX;
    }
    let (plan, options) = (no_faults(), options());
    let run = check_all(&tree, &plan, &options);
    assert_eq!(run.row("/r").tree.and_then(|tree| tree.size), Some(i64::MAX));
    assert!(run.totals().apparent_bytes > i128::from(u64::MAX), "that is exact");
    for n_workers in N_WORKERS {
        let (source, control) = (FakeSource::new(&tree, &plan), Control::default());
        let sink = CollectingSink::new(options.fields);
        let config = Pace::small(n_workers).config(&options);
        walk(options.frontier(), &config, &source, &sink, &control).unwrap();
        assert_eq!(control.progress().bytes, u64::MAX, "{n_workers} workers");
    }
}

#[test]
fn the_sum_of_a_directory_stops_at_the_largest_number_too() {
    let names = ["f", "g", "h", "i"];
    let mut tree =
        FakeTree::of(&names.map(|name| format!("r/{name}")).each_ref().map(|path| &**path));
    for name in names {
        let id = tree.at(&format!("r/{name}"));
        tree.stat_mut(id).size = i64::MAX;
    }
    let run = check_all(&tree, &no_faults(), &options());
    let expected = Contents::Counted { n_entries: 4, size_sum: i64::MAX };
    assert_eq!(run.row("/r").contents, expected);
}

#[test]
fn counts_alone_ask_no_inode() {
    let tree = FakeTree::of(&["r/a/b/f", "r/a/l -> b", "r/z"]);
    let (plan, fields) = (no_faults(), Fields::TREE | Fields::KIND);
    let options = Options { fields, ..options() };
    let run = check_all(&tree, &plan, &options);
    assert_eq!(counts(&run, "/r"), Some((Some(5), Some(2), 0)));
    let source = FakeSource::new(&tree, &plan);
    run_over(&source, options.frontier(), &options, &Pace::usual(1).config(&options));
    assert_eq!(source.n_calls(Call::Stat), 0);
}

#[test]
fn t18_a_chain_of_directories_is_closed_up_to_the_root() {
    let (tree, plan, options) = (chain(), no_faults(), options());
    for n_workers in [1, 2] {
        let source = FakeSource::new(&tree, &plan);
        let sink = CollectingSink::new(options.fields).counting();
        let config = Pace::usual(n_workers).config(&options);
        let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
        assert_eq!(outcome.unwrap().totals.n_entries.sum(), CHAIN + 1);
        assert!(sink.arena_len_max() < 4 << 20, "{} bytes in a batch", sink.arena_len_max());
    }
}

#[test]
fn t18_a_chain_of_directories_is_dropped_by_a_cancel() {
    let (tree, plan, options) = (chain(), no_faults(), options());
    for n_workers in N_WORKERS {
        let control = Control::default();
        let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
            if (call, number) == (Call::Open, CHAIN - 10) {
                control.cancel();
            }
        });
        let sink = CollectingSink::new(options.fields);
        let config = Pace::usual(n_workers).config(&options);
        let outcome = walk(options.frontier(), &config, &source, &sink, &control).unwrap();
        assert!(outcome.is_cancelled && sink.rows().is_empty());
    }
}

#[test]
fn t18_t42_a_chain_of_directories_is_cut_and_continued() {
    let (tree, plan, options) = (chain(), no_faults(), options());
    let source = FakeSource::new(&tree, &plan);
    let n_entries = Some(CHAIN / 3);
    let budget = Budget { n_entries, ..Budget::default() };
    let config = Config { budget, ..Pace::usual(1).config(&options) };
    let sink = CollectingSink::new(options.fields).counting();
    let (mut open, mut frontier) = (OpenDirs::default(), options.frontier());
    for n_runs in 1.. {
        let outcome = walk(frontier, &config, &source, &sink, &Control::default()).unwrap();
        frontier = outcome.frontier;
        open.merge(outcome.open, &mut frontier, &sink).unwrap();
        let n_done = CHAIN.min(n_runs * (CHAIN / 3));
        if n_done == CHAIN {
            break;
        }
        assert_eq!((open.dirs.len() as u64, sink.n_rows()), (n_done, 0), "no row is complete");
    }
    assert!(open.dirs.is_empty() && frontier.is_empty());
    assert_eq!(sink.n_rows(), CHAIN + 1);
}

#[test]
fn a_directory_of_a_frontier_that_is_something_else_by_then_ends_all_the_same() {
    let budget = Budget { n_entries: Some(1), ..Budget::default() };
    let cases: [(&[&str], Option<Errno>, [i64; 3]); 4] = [
        (&["r/a/b/f"], None, [3, 2, 0]),
        (&["r/a/b"], None, [2, 1, 0]),
        (&["r/a/"], None, [1, 1, 0]),
        (&["r/a/b/f"], Some(Errno::ACCESS), [1, 1, 1]),
    ];
    for (entries, errno, [count, dirs, errors]) in cases {
        let (plan, options) = (no_faults(), options());
        let config = Config { budget, ..Pace::usual(1).config(&options) };
        let (mut open, mut frontier) = (OpenDirs::default(), options.frontier());
        let sink = CollectingSink::new(options.fields);
        let mut go_on = |frontier: &mut Vec<FrontierDir>, tree: &FakeTree, plan, config| {
            let source = FakeSource::new(tree, plan);
            let before = std::mem::take(frontier);
            let outcome = walk(before, config, &source, &sink, &Control::default()).unwrap();
            *frontier = outcome.frontier;
            open.merge(outcome.open, frontier, &sink).unwrap();
        };
        let before = FakeTree::of(&["r/a/b/f"]);
        while frontier.iter().all(|dir| dir.path != b"/r/a/b") {
            go_on(&mut frontier, &before, &plan, &config);
        }
        let after = FakeTree::of(entries);
        let stat = errno.map(Fail::always);
        let faults = NodeFaults { stat, ..NodeFaults::default() };
        let plan = if stat.is_some() { faults_at(&after, "r/a/b", faults) } else { no_faults() };
        go_on(&mut frontier, &after, &plan, &Pace::usual(1).config(&options));
        assert!(open.dirs.is_empty() && frontier.is_empty());
        let rows = sink.rows();
        let root = rows.iter().find(|row| row.path == b"/r").unwrap();
        let tree = root.tree.unwrap();
        let found = (tree.count, tree.dirs, tree.errors);
        assert_eq!(found, (Some(count), Some(dirs), Some(errors)), "{entries:?}");
    }
}
