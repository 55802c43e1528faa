//! The options of the oracle, and the forms that a root may have.

use crate::find;
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{Kind, OracleOptions, OracleRow, OracleWalk, walk};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::{Tree, fixture};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

fn build(name: &str) -> Tree {
    fixture(name).build().expect("the tree can be made")
}

fn walk_all(root: impl AsRef<Path>) -> OracleWalk {
    walk(root.as_ref(), &OracleOptions::default())
}

fn paths(rows: &[OracleRow]) -> Vec<&[u8]> {
    rows.iter().map(|row| &*row.path).collect()
}

#[test]
fn the_depth_is_limited_as_in_find() {
    for name in ["basic", "deep", "long_path"] {
        let tree = build(name);
        for limit in [0, 1, 2, 5] {
            let options = OracleOptions { max_depth: Some(limit), ..Default::default() };
            let rows = walk(tree.path(), &options).rows;
            let found = find::find(tree.path(), &["-maxdepth", &limit.to_string()]);
            let found: Vec<&[u8]> = found.iter().map(|row| find::path(row)).collect();
            assert_same_rows(&paths(&rows), &found);
            for row in rows.iter().filter(|row| row.kind == Kind::Dir) {
                assert_eq!(row.fcount.is_none(), row.depth + 1 == limit);
            }
        }
    }
}

#[test]
fn skipped_snapshots_are_counted_and_not_walked() {
    let tree = build("snapshots");
    let walked = walk_all(tree.path());
    assert_eq!(walked.skipped.len(), 7);
    let root = walked.rows.iter().find(|row| row.depth == -1).unwrap();
    assert_eq!(root.fcount, Some(7));
    assert!(walked.rows.iter().any(|row| row.path.ends_with(b"/alike/.snapshot")));
    assert!(walked.rows.iter().any(|row| row.path.ends_with(b"/alike/.zfs")));
    let inside = walk_all(tree.path().join(".snapshot")).rows;
    assert_eq!(inside.len(), 4, "a root is never skipped");
}

#[test]
fn a_root_is_printed_as_given_without_trailing_slashes() {
    let tree = build("links");
    let with =
        |end: &str| PathBuf::from([tree.path().as_os_str(), OsStr::new(end)].join(OsStr::new("")));
    let plain = walk_all(tree.path());
    assert_same_rows(&paths(&walk_all(with("//")).rows), &paths(&plain.rows));
    let dotted = walk_all(with("/."));
    assert!(
        dotted
            .rows
            .iter()
            .all(|row| row.path.starts_with(with("/.").as_os_str().as_encoded_bytes()))
    );
    assert_eq!(dotted.rows.len(), plain.rows.len());

    assert_eq!(walk_all(with("/to_folder")).rows[0].kind, Kind::Symlink);
    assert_eq!(walk_all(with("/to_folder/")).rows.len(), 4);
    let slash = walk(Path::new("/"), &OracleOptions { max_depth: Some(1), ..Default::default() });
    assert!(paths(&slash.rows).contains(&&b"/"[..]) && paths(&slash.rows).contains(&&b"/proc"[..]));
}

#[test]
fn a_missing_root_is_an_error_and_no_row() {
    let tree = build("empty");
    let walked = walk_all(tree.path().join("missing"));
    assert!(walked.rows.is_empty());
    assert_eq!((walked.errors[0].op, walked.errors[0].errno), ("stat", 2));
}

#[test]
fn a_walk_leaves_the_access_times_alone() {
    let tree = build("basic");
    let times = |walk: OracleWalk| {
        let mut times: Vec<_> = walk.rows.iter().map(|row| (row.inode, row.atime_ns)).collect();
        times.sort_unstable();
        times
    };
    assert_eq!(times(walk_all(tree.path())), times(walk_all(tree.path())));
}

const MOUNTED: &str = "PWALK_TEST_MOUNTED";

/// Runs itself again in a mount namespace of its own, where a filesystem is mounted.
#[test]
fn mount_points_are_counted_and_left_out_on_request() {
    if let Some(root) = env::var_os(MOUNTED) {
        return check_mounted(Path::new(&root));
    }
    if !requires(Need::Mount) {
        return;
    }
    let tree = build("basic");
    let script = "mount -t tmpfs none $0/data/2024 && touch $0/data/2024/x && exec $1 --exact $2";
    let name = "options::mount_points_are_counted_and_left_out_on_request";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(tree.path());
    command.arg(env::current_exe().unwrap()).arg(name).env(MOUNTED, tree.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn check_mounted(root: &Path) {
    let data = |one_file_system| {
        let options = OracleOptions { one_file_system, ..Default::default() };
        let rows = walk(root, &options).rows;
        let data = rows.iter().find(|row| row.path.ends_with(b"/data")).expect("a row").clone();
        (rows.len(), data)
    };
    let ((n_all, all), (n_one, one)) = (data(false), data(true));
    assert_eq!(n_all, n_one + 2, "the mount point and the file in it");
    assert_eq!(all.fcount, one.fcount);
    assert!(all.dirsum > one.dirsum);
}
