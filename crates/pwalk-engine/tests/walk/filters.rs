//! What a walk leaves out: rows, counts and sums of what stays, and what is never asked.

use crate::harness::{Pace, check, check_all, faults_at, no_faults, run_over, small_tree};
use pwalk_engine::{Contents, Errno, Fields, Kind};
use pwalk_testkit::fake::{
    Call, Expression, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Options, Quantity,
};

fn counted(n_entries: i64, size_sum: i64) -> Contents {
    Contents::Counted { n_entries, size_sum }
}

/// A tree with a size for each path: the number that its name ends in, if it ends in one.
fn sized_tree(entries: &[&str]) -> FakeTree {
    let mut tree = FakeTree::of(entries);
    for id in 0..tree.len() {
        let path = String::from_utf8(tree.path(id)).expect("the test's names are ASCII");
        let digits = path.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        tree.stat_mut(id).size = path[digits..].parse().unwrap_or(0);
    }
    tree
}

fn strings(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|&pattern| pattern.to_owned()).collect()
}

fn paths(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}

/// Walks in all ways, and says how often each call was made for a path.
fn calls_for(tree: &FakeTree, plan: &FaultPlan, options: &Options, path: &str) -> [u32; 3] {
    let source = FakeSource::new(tree, plan);
    run_over(&source, options.frontier(), options, &Pace::usual(2).config(options));
    let id = tree.at(path);
    [Call::Open, Call::Read, Call::Stat].map(|call| source.n_calls_for(id, call))
}

#[test]
fn what_an_exclude_leaves_out_is_counted_with_its_size_and_never_opened() {
    let tree = sized_tree(&["r/a.tmp1", "r/b2", "r/d4/x.tmp8", "r/d4/y16", "r/e32/f64", "r/g128"]);
    let cases: [(&[&str], &[&str], Contents, Contents); 5] = [
        (
            &["*.tmp*"],
            &["/r", "/r/b2", "/r/d4", "/r/d4/y16", "/r/e32", "/r/e32/f64", "/r/g128"],
            counted(5, 167),
            counted(2, 24),
        ),
        (
            &["e*/", "g*/"],
            &["/r", "/r/a.tmp1", "/r/b2", "/r/d4", "/r/d4/x.tmp8", "/r/d4/y16", "/r/g128"],
            counted(5, 167),
            counted(2, 24),
        ),
        (&["*", "!d4", "!y*"], &["/r", "/r/d4", "/r/d4/y16"], counted(5, 167), counted(2, 24)),
        (
            &["d4/x*", "/e32"],
            &["/r", "/r/a.tmp1", "/r/b2", "/r/d4", "/r/d4/y16", "/r/g128"],
            counted(5, 167),
            counted(2, 24),
        ),
        (
            &["**/f64"],
            &[
                "/r",
                "/r/a.tmp1",
                "/r/b2",
                "/r/d4",
                "/r/d4/x.tmp8",
                "/r/d4/y16",
                "/r/e32",
                "/r/g128",
            ],
            counted(5, 167),
            counted(2, 24),
        ),
    ];
    for (excludes, expected, in_r, in_d) in cases {
        let options = Options { excludes: strings(excludes), ..Options::default() };
        let run = check_all(&tree, &no_faults(), &options);
        assert_eq!(run.paths(), expected, "{excludes:?}");
        assert_eq!((run.row("/r").contents, run.row("/r/d4").contents), (in_r, in_d));
    }
    let options = Options { excludes: strings(&["e32"]), ..Options::default() };
    assert_eq!(calls_for(&tree, &no_faults(), &options, "r/e32"), [0, 0, 1]);
    assert_eq!(calls_for(&tree, &no_faults(), &options, "r/e32/f64"), [0, 0, 0]);
}

#[test]
fn patterns_with_a_slash_are_below_the_root_however_it_is_given() {
    let tree = FakeTree::of(&["r/a/b/f", "r/b/f"]);
    let cases: [(&str, &str, &[&str]); 6] = [
        ("/", "/r/a", &["/", "/r", "/r/b", "/r/b/f"]),
        ("/", "?/b", &["/", "/r", "/r/a", "/r/a/b", "/r/a/b/f"]),
        ("/r", "/a", &["/r", "/r/b", "/r/b/f"]),
        ("/r/", "a/b", &["/r", "/r/a", "/r/b", "/r/b/f"]),
        ("r", "a/b", &["r", "r/a", "r/b", "r/b/f"]),
        ("r/a", "/b", &["r/a"]),
    ];
    for (root, pattern, expected) in cases {
        let (roots, excludes) = (paths(&[root]), strings(&[pattern]));
        let run =
            check_all(&tree, &no_faults(), &Options { roots, excludes, ..Options::default() });
        assert_eq!(run.paths(), expected, "{pattern} below {root}");
    }
}

#[test]
fn what_is_left_out_is_not_asked_where_no_sum_of_sizes_is_wanted() {
    let tree = sized_tree(&["r/a.tmp1", "r/b2", "r/.snapshot/x"]);
    let options = Options {
        excludes: strings(&["*.tmp*"]),
        fields: Fields::REPORT.difference(Fields::SIZE_SUM),
        ..Options::default()
    };
    check_all(&tree, &no_faults(), &options);
    assert_eq!(calls_for(&tree, &no_faults(), &options, "r/a.tmp1"), [0, 0, 0]);
    assert_eq!(calls_for(&tree, &no_faults(), &options, "r/.snapshot"), [0, 0, 0]);
}

#[test]
fn what_is_left_out_and_fails_is_counted_and_no_error() {
    let tree = sized_tree(&["r/a.tmp1", "r/b2"]);
    for errno in [Errno::ACCESS, Errno::NOENT, Errno::STALE] {
        let stat = Some(Fail::always(errno));
        let plan = faults_at(&tree, "r/a.tmp1", NodeFaults { stat, ..NodeFaults::default() });
        let options = Options { excludes: strings(&["*.tmp*"]), ..Options::default() };
        let run = check_all(&tree, &plan, &options);
        assert_eq!(run.row("/r").contents, counted(2, 2));
        assert_eq!((run.totals().n_errors(), run.totals().n_vanished), (0, 0));
    }
}

#[test]
fn paths_are_left_out_exactly() {
    let tree = FakeTree::of(&["r/a/b/f", "r/b/f", "r/a/c", "s/a/c"]);
    let options = Options {
        roots: paths(&["/r", "/s"]),
        exclude_paths: paths(&["/r/a/b", "/r/a/c", "/r", "/s/a/", "a/b", "/r/b/f/x"]),
        ..Options::default()
    };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.paths(), ["/r", "/r/a", "/r/b", "/r/b/f", "/s"]);
    assert_eq!(run.totals().n_excluded, 3);
}

#[test]
fn t30_snapshots_are_counted_with_their_size_and_never_entered() {
    let tree = sized_tree(&[
        "r/a/.snapshot/x",
        "r/.zfs/y1",
        "r/.snapshots/z",
        "r/~snapshot/z",
        "r/f1",
        "r/b/.zfs",
    ]);
    let run = check_all(&tree, &no_faults(), &Options::default());
    assert_eq!(run.paths(), ["/r", "/r/a", "/r/b", "/r/b/.zfs", "/r/f1"]);
    assert_eq!(run.totals().n_snapshots, 4);
    assert_eq!(run.row("/r").contents, counted(6, 1));
    let calls = |path| calls_for(&tree, &no_faults(), &Options::default(), path);
    assert_eq!((calls("r/.zfs"), calls("r/.zfs/y1")), ([0, 0, 1], [0, 0, 0]));
    let walks_snapshots = Options { walks_snapshots: true, ..Options::default() };
    let run = check_all(&tree, &no_faults(), &walks_snapshots);
    assert_eq!((run.rows.len(), run.totals().n_snapshots), (tree.len() - 1, 0));
}

#[test]
fn a_root_is_walked_whatever_its_name() {
    let tree = FakeTree::of(&["r/.snapshot/x", "r/.snapshot/.zfs/y", "r/a.tmp/f"]);
    let options = Options {
        roots: paths(&["/r/.snapshot", "/r/a.tmp"]),
        excludes: strings(&["*.tmp"]),
        ..Options::default()
    };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.paths(), ["/r/.snapshot", "/r/.snapshot/x", "/r/a.tmp", "/r/a.tmp/f"]);
}

#[test]
fn beyond_the_maximum_depth_nothing_is_opened() {
    let tree = FakeTree::of(&["r/a/b/c/f", "r/f", "r/a/g"]);
    let cases: [(u32, &[&str], &str); 4] = [
        (0, &["/r"], "r"),
        (1, &["/r", "/r/a", "/r/f"], "r/a"),
        (2, &["/r", "/r/a", "/r/a/b", "/r/a/g", "/r/f"], "r/a/b"),
        (9, &["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a/b/c/f", "/r/a/g", "/r/f"], "r/f"),
    ];
    for fields in [Fields::REPORT, Fields::empty()] {
        for (max_depth, expected, border) in cases {
            let options = Options { max_depth: Some(max_depth), fields, ..Options::default() };
            let run = check_all(&tree, &no_faults(), &options);
            assert_eq!(run.paths(), expected);
            let [n_opens, ..] = calls_for(&tree, &no_faults(), &options, border);
            assert_eq!(n_opens, 0, "{border} at {max_depth}");
            if border != "r/f" {
                assert_eq!(run.row(&format!("/{border}")).contents, Contents::Unread);
            }
        }
    }
}

fn tree_with_mounts() -> FakeTree {
    let mut tree = sized_tree(&["r/d1/f2", "r/m4/f8", "r/m16/f32", "r/auto64/f", "r/f128"]);
    tree.set_device(tree.at("r/m4"), 7);
    tree.set_device(tree.at("r/m16"), 8);
    let auto = tree.at("r/auto64");
    tree.stat_mut(auto).is_automount = true;
    // On overlayfs, files may be on other devices than their directory.
    let file = tree.at("r/d1/f2");
    tree.stat_mut(file).dev = 99;
    tree
}

#[test]
fn t30_a_walk_of_one_file_system_leaves_other_devices_and_automounts_out() {
    let tree = tree_with_mounts();
    for fields in [Fields::REPORT, Fields::empty()] {
        let options = Options { one_file_system: true, fields, ..Options::default() };
        let run = check_all(&tree, &no_faults(), &options);
        assert_eq!(run.paths(), ["/r", "/r/d1", "/r/d1/f2", "/r/f128"]);
        assert_eq!(run.totals().n_mount_points, 3);
        let size_sum = if fields == Fields::REPORT { 1 + 128 } else { 0 };
        assert_eq!(run.row("/r").contents, counted(5, size_sum));
        let [n_opens, ..] = calls_for(&tree, &no_faults(), &options, "r/m4");
        assert_eq!(n_opens, 0);
    }
    let run = check_all(&tree, &no_faults(), &Options::default());
    assert_eq!(run.rows.len(), tree.len() - 1);
}

#[test]
fn t30_known_mount_points_are_never_asked_by_a_walk_of_one_file_system() {
    let tree = tree_with_mounts();
    let options = Options {
        one_file_system: true,
        mount_points: paths(&["/r/m4", "/r/m16", "/", "/elsewhere"]),
        ..Options::default()
    };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.paths(), ["/r", "/r/d1", "/r/d1/f2", "/r/f128"]);
    assert_eq!(run.totals().n_mount_points, 3);
    for path in ["r/m4", "r/m16"] {
        assert_eq!(calls_for(&tree, &no_faults(), &options, path), [0, 0, 0], "{path}");
    }
}

#[test]
fn t30_a_mount_point_that_is_excluded_is_never_asked() {
    let tree = tree_with_mounts();
    for (excludes, exclude_paths) in [(strings(&["m4"]), vec![]), (vec![], paths(&["/r/m4"]))] {
        let mount_points = paths(&["/r/m4", "/r/m16"]);
        let options = Options { excludes, exclude_paths, mount_points, ..Options::default() };
        let run = check_all(&tree, &no_faults(), &options);
        assert_eq!(run.row("/r").contents, counted(5, 1 + 16 + 64 + 128));
        assert_eq!(calls_for(&tree, &no_faults(), &options, "r/m4"), [0, 0, 0]);
    }
}

#[test]
fn a_root_below_a_root_is_delivered_once() {
    let tree = sized_tree(&["r/a1/b2/f4", "r/a1/g8", "r/f16"]);
    let options = Options {
        roots: paths(&["/r", "/r/a1/b2", "/r/f16"]),
        nested_roots: paths(&["/r/a1/b2", "/r/f16"]),
        ..Options::default()
    };
    for fields in [Fields::REPORT, Fields::empty()] {
        let run = check_all(&tree, &no_faults(), &Options { fields, ..options.clone() });
        assert_eq!(run.paths(), ["/r", "/r/a1", "/r/a1/b2", "/r/a1/b2/f4", "/r/a1/g8", "/r/f16"]);
        assert_eq!((run.row("/r/a1/b2").depth, run.row("/r/a1/b2").parent_inode), (-1, 0));
        assert_eq!(run.totals().n_excluded, 0);
    }
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.row("/r/a1").contents, counted(2, 10));
    assert_eq!(run.row("/r").contents, counted(2, 17));
}

#[test]
fn files_that_the_walk_writes_are_no_entries() {
    let mut tree = sized_tree(&["r/out1", "r/a2/out4", "r/a2/f8", "r/m16/out32"]);
    // The same inode number on another device is another file.
    tree.set_device(tree.at("r/m16"), 7);
    let own = *tree.stat(tree.at("r/a2/out4"));
    let other = tree.at("r/m16/out32");
    tree.stat_mut(other).ino = own.ino;
    let own_files = vec![own.id(), tree.stat(tree.at("r/out1")).id()];
    let options = Options { own_files, ..Options::default() };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.paths(), ["/r", "/r/a2", "/r/a2/f8", "/r/m16", "/r/m16/out32"]);
    assert_eq!(run.row("/r").contents, counted(2, 18));
    assert_eq!(run.row("/r/a2").contents, counted(1, 8));
}

#[test]
fn files_that_the_walk_writes_are_no_entries_of_a_walk_of_names_either() {
    let tree = FakeTree::of(&["r/out", "r/a/out", "r/a/f"]);
    let own_files = ["r/out", "r/a/out"].map(|path| tree.stat(tree.at(path)).id()).to_vec();
    let options = Options { own_files, fields: Fields::empty(), ..Options::default() };
    let run = check(&tree, &no_faults(), &options, Pace::usual(1));
    assert_eq!(run.paths(), ["/r", "/r/a", "/r/a/f"]);
}

/// Directories tell numbers without devices: what stands on another one is another file.
#[test]
fn a_file_with_the_number_of_an_own_file_is_an_entry_of_a_walk_of_names() {
    let mut tree = FakeTree::of(&["r/out", "r/m/f"]);
    tree.set_device(tree.at("r/m"), 7);
    let own = *tree.stat(tree.at("r/out"));
    let other = tree.at("r/m/f");
    tree.stat_mut(other).ino = own.ino;
    let options =
        Options { own_files: vec![own.id()], fields: Fields::empty(), ..Options::default() };
    let run = check(&tree, &no_faults(), &options, Pace::usual(1));
    assert_eq!(run.paths(), ["/r", "/r/m", "/r/m/f"]);
}

#[test]
fn a_walk_of_names_asks_no_inode_but_its_roots() {
    let mut tree = small_tree();
    tree.generate(tree.at("r/b"), 300, Kind::Dir);
    // (fields, walk of one filesystem, stat calls, readlink calls)
    let cases = [
        (Fields::empty(), false, 0, 0),
        (Fields::KIND, false, 0, 0),
        (Fields::TARGET | Fields::KIND, false, 0, 1),
        (Fields::empty(), true, 3 + 300, 0),
        (Fields::SIZE, false, tree.len() as u64 - 2 + 300, 0),
    ];
    for (fields, one_file_system, n_stat, n_read_link) in cases {
        let options = Options { fields, one_file_system, ..Options::default() };
        check_all(&tree, &no_faults(), &options);
        let plan = no_faults();
        let source = FakeSource::new(&tree, &plan);
        run_over(&source, options.frontier(), &options, &Pace::usual(2).config(&options));
        assert_eq!(source.n_calls(Call::Stat), n_stat, "{fields:?}");
        assert_eq!(source.n_calls(Call::ReadLink), n_read_link, "{fields:?}");
        assert_eq!((source.n_calls(Call::StatPath), source.n_calls(Call::StatDir)), (1, 0));
    }
}

#[test]
fn a_directory_whose_inode_is_refused_is_an_unread_directory_of_a_walk_of_names() {
    let tree = small_tree();
    let stat = Some(Fail::always(Errno::ACCESS));
    let plan = faults_at(&tree, "r/a", NodeFaults { stat, ..NodeFaults::default() });
    let options = Options { one_file_system: true, fields: Fields::empty(), ..Options::default() };
    let run = check(&tree, &plan, &options, Pace::usual(1));
    assert_eq!(run.row("/r/a").contents, Contents::Unread);
}

#[test]
fn a_condition_decides_about_rows_and_not_about_counts() {
    let tree = sized_tree(&["r/a1", "r/d2/b4", "r/d2/e8/a16", "r/d2/c32"]);
    let condition = Some(Expression::Or(vec![
        Expression::Name("a*"),
        Expression::And(vec![Expression::Kind(Kind::Dir), Expression::Name("d*")]),
    ]));
    let run = check_all(&tree, &no_faults(), &Options { condition, ..Options::default() });
    assert_eq!(run.paths(), ["/r/a1", "/r/d2", "/r/d2/e8/a16"]);
    assert_eq!(run.row("/r/d2").contents, counted(3, 44));
    assert_eq!((run.totals().n_entries.sum(), run.totals().n_filtered), (3, 4));
    assert_eq!(run.totals().apparent_bytes, 19);
}

#[test]
fn what_a_name_leaves_out_is_asked_only_for_a_sum_of_sizes_that_is_shown() {
    let tree = sized_tree(&["r/a1", "r/b2", "r/d/b4", "r/d/a8"]);
    let asked = |fields, condition: Expression, path| {
        let options = Options { fields, condition: Some(condition), ..Options::default() };
        check_all(&tree, &no_faults(), &options);
        calls_for(&tree, &no_faults(), &options, path)[2]
    };
    let names = || Expression::Name("a*");
    let large = || {
        Expression::And(vec![Expression::Number(Quantity::Size, ">", 0), Expression::Name("a*")])
    };
    // No directory has a row, so that nobody sees what it sums up.
    assert_eq!(asked(Fields::REPORT, names(), "r/b2"), 0);
    assert_eq!(asked(Fields::REPORT, names(), "r/a1"), 1);
    let or_dir = Expression::Or(vec![Expression::Kind(Kind::Dir), Expression::Name("a*")]);
    assert_eq!(asked(Fields::REPORT, or_dir.clone(), "r/b2"), 1);
    assert_eq!(asked(Fields::REPORT.difference(Fields::SIZE_SUM), or_dir, "r/b2"), 0);
    assert_eq!(asked(Fields::empty(), large(), "r/b2"), 0);
    assert_eq!(asked(Fields::empty(), large(), "r/a1"), 1);
    assert_eq!(asked(Fields::empty(), names(), "r/a1"), 0);
    assert_eq!(asked(Fields::empty(), large(), "r/d"), 0);
    assert_eq!(asked(Fields::REPORT, large(), "r/d"), 1);
}

#[test]
fn what_a_condition_leaves_out_and_fails_is_no_error_where_the_name_decides() {
    let tree = sized_tree(&["r/a1", "r/b2", "r/d/a4"]);
    for (path, n_errors) in [("r/b2", 0), ("r/a1", 1), ("r/d", 1)] {
        let stat = Some(Fail::always(Errno::ACCESS));
        let plan = faults_at(&tree, path, NodeFaults { stat, ..NodeFaults::default() });
        let condition = Some(Expression::Name("a*"));
        let run = check_all(&tree, &plan, &Options { condition, ..Options::default() });
        assert_eq!(run.totals().n_errors(), n_errors, "{path}");
    }
}
