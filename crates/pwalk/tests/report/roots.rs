//! The forms that a root may have, and several of them in one report.
//!
//! Owns which root's walk writes an entry that several could reach: each entry is written once,
//! below the innermost root.

use crate::harness::{assert_as_walked, assert_sums, config, lines, naive, report, try_report};
use pwalk::{ErrorKind, Report};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{self, OracleOptions, OracleRow, OracleWalk};
use pwalk_testkit::{Tree, fixture};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn build(name: &str) -> Tree {
    fixture(name).build().expect("the tree can be made")
}

/// `path` with `end` behind it, whatever `end` is.
fn with(path: &Path, end: &str) -> PathBuf {
    [path.as_os_str(), OsStr::new(end)].join(OsStr::new("")).into()
}

/// A naive walk of what is behind the link `root`: a closing slash makes the kernel follow it.
fn behind(root: &Path) -> OracleWalk {
    naive(&with(root, "/"))
}

#[test]
fn a_root_is_printed_as_given_without_closing_slashes() {
    let tree = build("links");
    for end in ["", "/", "//", "/.", "/folder/..", "//folder", "/./folder/"] {
        let root = with(tree.path(), end);
        assert_as_walked(&report(config([&root], 2)), &naive(&root));
    }
    let run = report(config([with(tree.path(), "//")], 2));
    assert_eq!(run.summary.roots, [tree.path().to_str().unwrap()]);
}

#[test]
fn the_root_of_everything_keeps_its_slash() {
    let mut config = config(["/"], 2);
    config.walk.max_depth = Some(1);
    let run = report(config);
    let walk =
        oracle::walk(Path::new("/"), &OracleOptions { max_depth: Some(1), ..Default::default() });
    // Paths only: somebody may write into /tmp meanwhile.
    let expected: Vec<_> = walk.rows.iter().map(|row| &row.path).collect();
    assert_same_rows(&run.paths(), &expected);
    assert!(run.paths().contains(&b"/".to_vec()) && run.paths().contains(&b"/proc".to_vec()));
}

#[test]
fn t4_a_root_that_is_not_utf8_is_walked() {
    let tree = build("not_utf8");
    let root = tree.path().join(OsStr::from_bytes(b"folders/caf\xe9"));
    let run = report(config([&root], 2));
    assert_as_walked(&run, &naive(&root));
    assert!(run.summary.roots[0].ends_with("/caf\u{fffd}"), "{:?}", run.summary.roots);
}

#[test]
fn t17_a_root_beyond_path_max_is_walked() {
    let tree = build("long_path");
    let rows = naive(tree.path()).rows;
    let longest = rows.iter().map(|row| &row.path).max_by_key(|path| path.len()).unwrap();
    let file = PathBuf::from(std::ffi::OsString::from_vec(longest.clone()));
    assert!(longest.len() > 6_000);
    for root in [&file, file.parent().unwrap()] {
        match try_report(config([root], 2)) {
            Ok(run) => assert_as_walked(&run, &naive(root)),
            Err(error) => panic!("...{}", &error.to_string()[6_000..]),
        }
    }
}

#[test]
fn t29_a_link_as_root_is_followed_and_its_rows_carry_its_name() {
    let tree = build("links");
    for name in ["to_folder", "to_folder_with_slash"] {
        let root = tree.path().join(name);
        assert_as_walked(&report(config([&root], 2)), &behind(&root));
    }
    let link = tree.path().join("to_file.txt");
    let file = naive(&tree.path().join("file.txt")).rows.remove(0);
    let row = OracleRow { path: link.as_os_str().as_bytes().to_vec(), ..file };
    assert_same_rows(&report(config([&link], 2)).rows(), &lines([&row]));
}

#[test]
fn t29_a_link_that_leads_nowhere_is_an_entry_as_any_other() {
    for (fixture, name) in
        [("links", "dangling"), ("links", "through_a_file"), ("loops", "one"), ("loops", "first")]
    {
        let tree = build(fixture);
        let root = tree.path().join(name);
        let beside = tree.path().join("file.txt");
        let run = report(config([&beside, &root], 2));
        assert_same_rows(&run.rows(), &lines([&naive(&root).rows[0], &naive(&beside).rows[0]]));
        match try_report(config([&root], 2)) {
            Ok(run) => assert_as_walked(&run, &naive(&root)),
            Err(error) => panic!("as the first root: {error}"),
        }
    }
}

#[test]
fn a_root_of_another_kind_is_one_row_and_is_not_opened() {
    let tree = build("special");
    for name in ["regular.txt", "fifo", "socket.sock", "dev"] {
        let root = tree.path().join(name);
        assert_as_walked(&report(config([&root], 2)), &naive(&root));
    }
}

/// Rows of several naive walks in one: of each, what does not lie at or below `cut`.
fn merged(walks: &[(OracleWalk, &[PathBuf])]) -> Vec<OracleRow> {
    let is_cut = |row: &&OracleRow, cut: &[PathBuf]| {
        cut.iter().any(|cut| Path::new(OsStr::from_bytes(&row.path)).starts_with(cut))
    };
    let kept = |(walk, cut): &(OracleWalk, &[PathBuf])| -> Vec<OracleRow> {
        walk.rows.iter().filter(|row| !is_cut(row, cut)).cloned().collect()
    };
    walks.iter().flat_map(kept).collect()
}

#[track_caller]
fn check_merged(roots: &[PathBuf], n_notes: usize, walks: &[(OracleWalk, &[PathBuf])]) {
    let expected = merged(walks);
    for n_workers in [1, 8] {
        let run = report(config(roots, n_workers));
        assert_same_rows(&run.rows(), &lines(&expected));
        assert_sums(&run.summary, &expected);
        assert!(run.summary.is_complete());
    }
    let mut config = config(roots, 2);
    (config.table.output, config.table.format) =
        (pwalk::Output::File("/dev/null".into()), "csv".parse().ok());
    let notes = Report::prepare(config).unwrap().notes().to_vec();
    assert_eq!(notes.len(), n_notes, "{notes:?}");
}

#[test]
fn more_threads_than_were_ever_of_use_have_a_note() {
    let tree = build("basic");
    for (n_workers, n_notes) in [(512, 0), (513, 1)] {
        let mut config = config(&[tree.path().to_owned()], n_workers);
        (config.table.output, config.table.format) =
            (pwalk::Output::File("/dev/null".into()), "csv".parse().ok());
        let notes = Report::prepare(config).unwrap().notes().to_vec();
        assert_eq!(notes.len(), n_notes, "{notes:?}");
        assert!(
            notes.iter().all(|note| note.starts_with("513 threads (asked for): ")),
            "{notes:?}"
        );
    }
}

#[test]
fn roots_beside_each_other_stand_in_one_table() {
    let (basic, names) = (build("basic"), build("names"));
    let file = basic.path().join("README.md");
    let roots = [basic.path().join("data"), names.path().to_owned(), file.clone()];
    let walks = [(naive(&roots[0]), &[][..]), (naive(&roots[1]), &[]), (naive(&file), &[])];
    check_merged(&roots, 0, &walks);
}

#[test]
fn a_root_given_twice_is_walked_once_under_its_first_name() {
    let tree = build("basic");
    let link = tree.folder().join("link");
    symlink(tree.path(), &link).unwrap();
    let plain = tree.path().to_owned();
    for again in [plain.clone(), with(&plain, "/"), with(&plain, "/data/.."), link.clone()] {
        check_merged(&[plain.clone(), again], 1, &[(naive(&plain), &[])]);
    }
    check_merged(&[link.clone(), plain.clone(), plain], 2, &[(behind(&link), &[])]);
}

#[test]
fn of_a_root_inside_another_each_entry_is_written_once() {
    let tree = build("basic");
    let root = tree.path().to_owned();
    let inside = |name: &str| root.join(name);
    let cases: [(&[&str], &[&str]); 6] = [
        (&["data"], &["data"]),
        (&["data/2024", "src/.hidden"], &["data/2024", "src/.hidden"]),
        (&["README.md"], &["README.md"]),
        (&["data/../src"], &["src"]),
        (&["empty_folder"], &["empty_folder"]),
        (&["data/2024/report.pdf"], &["data/2024/report.pdf"]),
    ];
    for (inner, cut) in cases {
        let inner: Vec<PathBuf> = inner.iter().map(|name| inside(name)).collect();
        let cut: Vec<PathBuf> = cut.iter().map(|name| inside(name)).collect();
        let mut walks = vec![(naive(&root), &cut[..])];
        walks.extend(inner.iter().map(|inner| (naive(inner), &[][..])));
        let outer_first = [std::slice::from_ref(&root), &inner[..]].concat();
        let outer_last = [&inner[..], std::slice::from_ref(&root)].concat();
        check_merged(&outer_first, inner.len(), &walks);
        check_merged(&outer_last, inner.len(), &walks);
    }
}

#[test]
fn roots_may_lie_three_deep_in_each_other() {
    let tree = build("basic");
    let roots = ["", "data", "data/2024"].map(|name| tree.path().join(name));
    let walks = [
        (naive(&roots[0]), &roots[1..2]),
        (naive(&roots[1]), &roots[2..]),
        (naive(&roots[2]), &[][..]),
    ];
    check_merged(&roots, 3, &walks);
}

#[test]
fn t29_a_link_as_a_root_inside_another_takes_what_is_behind_it() {
    let tree = build("links");
    let roots = [tree.path().to_owned(), tree.path().join("to_folder")];
    let cut = [tree.path().join("folder")];
    check_merged(&roots, 1, &[(naive(&roots[0]), &cut), (behind(&roots[1]), &[])]);
    let dangling = [tree.path().to_owned(), tree.path().join("dangling")];
    check_merged(&dangling, 1, &[(naive(&roots[0]), &dangling[1..]), (naive(&dangling[1]), &[])]);
}

#[test]
fn t10_roots_that_are_not_there_are_refused_by_name_and_nothing_is_written() {
    let tree = build("basic");
    let path = |name: &str| tree.path().join(name).to_str().unwrap().to_owned();
    let cases = [
        (vec![path("missing")], format!("{}: No such file or directory", path("missing"))),
        (vec![path("missing/")], format!("{}: No such file or directory", path("missing/"))),
        (vec![path("README.md/x")], format!("{}: Not a directory", path("README.md/x"))),
        (vec![path("README.md/")], format!("{}: Not a directory", path("README.md/"))),
        (vec![path("data"), path("gone")], format!("{}: No such file or directory", path("gone"))),
        (vec![path(&"x".repeat(300))], format!("{}: File name too long", path(&"x".repeat(300)))),
    ];
    for (roots, expected) in cases {
        let output = tree.folder().join("out.csv");
        let mut config = config(&roots, 2);
        config.table.output = pwalk::Output::File(output.clone());
        let error = Report::prepare(config).err().expect("it must be refused");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Root, expected));
        assert_eq!(std::fs::read_dir(tree.folder()).unwrap().count(), 1, "{roots:?}");
    }
    let error = try_report(config([""; 0], 2)).unwrap_err();
    assert_eq!((error.kind(), error.argument()), (ErrorKind::Argument, Some("roots")));
}
