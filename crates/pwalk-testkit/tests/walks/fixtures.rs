//! Every fixture is made, walked, compared with find, and removed.

use crate::find;
use pwalk_testkit::churn::{churn, stable_paths};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{Kind, OracleOptions, OracleRow, walk};
use pwalk_testkit::privileges::as_user;
use pwalk_testkit::{FIXTURES, Tree, fixture, remove_tree};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Find's test for everything but snapshot folders.
const NO_SNAPSHOTS: &str =
    "-type d ( -name .snapshot -o -name .snapshots -o -name ~snapshot -o -name .zfs ) -prune -o";

const ALL: OracleOptions =
    OracleOptions { snapshots: true, max_depth: None, one_file_system: false };

/// Walks first, since find changes the access times.
fn check_against_find(root: &Path) {
    let (all, some) = (walk(root, &ALL), walk(root, &OracleOptions::default()));
    assert_eq!(all.errors, []);
    let found = find::find(root, &[]);
    let counts = find::counts(&found);
    assert_same_rows(&all.rows.iter().map(find::as_find).collect::<Vec<_>>(), &found);
    find::check_parents_and_counts(&all.rows, &counts);

    let no_snapshots: Vec<&str> = NO_SNAPSHOTS.split(' ').collect();
    let found = find::find(root, &no_snapshots);
    let paths: Vec<&[u8]> = found.iter().map(|row| find::path(row)).collect();
    assert_same_rows(&some.rows.iter().map(|row| &*row.path).collect::<Vec<_>>(), &paths);
    find::check_parents_and_counts(&some.rows, &counts);
}

fn check_fixture(name: &str) {
    let tree = fixture(name).build().expect("the tree can be made");
    check_against_find(tree.path());
    let folder = tree.folder().to_owned();
    drop(tree);
    assert!(!folder.exists(), "{name}: left behind");
}

macro_rules! check_each {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check_fixture(stringify!($name)); })*

        #[test]
        fn every_fixture_is_checked() {
            let checked = BTreeSet::from([$(stringify!($name)),*]);
            assert_eq!(checked, FIXTURES.iter().map(|fixture| fixture.name).collect());
        }
    };
}

check_each! {
    basic empty single_file wide snapshots perms owners inaccessible times sparse hard_links
    special links loops names not_utf8 deep very_deep long_path vanishing
}

#[test]
fn an_ordinary_user_makes_walks_and_removes_every_tree() {
    as_user(|| {
        for fixture in FIXTURES.iter().filter(|fixture| fixture.name != "very_deep") {
            let tree = fixture.build().unwrap();
            assert!(!walk(tree.path(), &ALL).rows.is_empty());
            let folder = tree.folder().to_owned();
            drop(tree);
            assert!(!folder.exists(), "{}: left behind", fixture.name);
        }
    });
}

fn rows(name: &str) -> (Tree, Vec<OracleRow>) {
    let tree = fixture(name).build().expect("the tree can be made");
    let rows = walk(tree.path(), &OracleOptions::default()).rows;
    (tree, rows)
}

fn row<'r>(rows: &'r [OracleRow], end: &str) -> &'r OracleRow {
    rows.iter().find(|row| row.path.ends_with(end.as_bytes())).expect("a row of this name")
}

#[test]
fn the_trees_are_what_they_promise() {
    assert_eq!(rows("empty").1.len(), 1);
    let (_tree, file) = rows("single_file");
    assert_eq!((file.len(), file[0].kind, file[0].parent_inode), (1, Kind::File, 0));
    let (_tree, deep) = rows("very_deep");
    assert_eq!(deep.iter().map(|row| row.depth).max(), Some(10_000));
    let (_tree, long) = rows("long_path");
    assert_eq!(long.iter().filter(|row| row.kind == Kind::File).count(), 60);
    assert!(long.iter().any(|row| row.path.len() > 6_000));
    let (_tree, sparse) = rows("sparse");
    let hole = row(&sparse, "/hole.img");
    assert_eq!((hole.size, hole.blocks), (1_000_000_000, 0));
    let (_tree, times) = rows("times");
    let times: BTreeMap<_, _> = times.iter().map(|row| (row.mtime, row.mtime_ns)).collect();
    assert_eq!(times.get(&-1), Some(&999_999_999));
    let (_tree, linked) = rows("hard_links");
    assert_eq!(row(&linked, "/three.left").nlink, 3);
    let (_tree, names) = rows("not_utf8");
    assert!(names.iter().filter(|row| std::str::from_utf8(&row.path).is_err()).count() > 300);
}

#[test]
fn an_unreadable_folder_has_a_row_and_an_error() {
    let tree = fixture("inaccessible").build().unwrap();
    let (walked, found) = as_user(|| (walk(tree.path(), &ALL), find::find(tree.path(), &[])));
    let paths = |rows: &[OracleRow]| rows.iter().map(|row| row.path.clone()).collect::<Vec<_>>();
    let found: Vec<&[u8]> = found.iter().map(|row| find::path(row)).collect();
    assert_same_rows(&paths(&walked.rows), &found);

    let count = |op| walked.errors.iter().filter(|error| error.op == op).count();
    assert_eq!((count("open"), count("stat"), walked.errors.len()), (110, 30, 140));
    let counts = |name| (row(&walked.rows, name).fcount, row(&walked.rows, name).dirsum);
    assert_eq!(counts("/closed_099"), (None, None));
    assert_eq!(counts("/searched_000"), (None, None));
    assert_eq!(counts("/listed_000"), (Some(3), Some(0)));
}

#[test]
fn stable_entries_are_seen_once_while_the_rest_changes() {
    let tree = fixture("vanishing").build().unwrap();
    let stop = AtomicBool::new(false);
    let expected = stable_paths(tree.path());
    let expected: Vec<&[u8]> = expected.iter().map(|path| path.as_os_str().as_bytes()).collect();
    let stable: BTreeSet<&[u8]> = expected.iter().copied().collect();
    let (rounds, walks) = std::thread::scope(|scope| {
        let churns = [0, 1].map(|_| scope.spawn(|| churn(tree.path(), &stop)));
        let walks: Vec<_> = (0..20).map(|_| walk(tree.path(), &ALL)).collect();
        stop.store(true, Ordering::Relaxed);
        (churns.map(|churn| churn.join().unwrap().unwrap()), walks)
    });
    assert!(rounds.iter().all(|&rounds| rounds > 0));
    for walk in &walks {
        let got = walk.rows.iter().map(|row| &*row.path).filter(|path| stable.contains(path));
        assert_same_rows(&got.collect::<Vec<_>>(), &expected);
    }
    assert!(walks.iter().any(|walk| walk.rows.len() > expected.len()), "nothing came and went");
}

#[test]
fn removal_takes_files_and_links_as_themselves_and_says_what_is_missing() {
    let tree = fixture("links").build().unwrap();
    let inside = tree.path().join("folder/inside.txt");
    remove_tree(&tree.path().join("to_folder")).unwrap();
    remove_tree(&tree.path().join("file.txt")).unwrap();
    assert!(inside.exists() && !tree.path().join("to_folder").is_symlink());
    let error = remove_tree(&tree.path().join("file.txt")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
