//! What an ordinary user may not see: status 1, and every error said.

use crate::harness::{Said, build, copy_for_users, filenames, json, naive, paths, program, said};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::privileges::as_user;
use std::path::Path;
use std::process::Command;

/// A command in a folder that the user may write to.
fn pwalk(pwalk: &Path, folder: &Path) -> Command {
    let mut command = program(pwalk);
    command.current_dir(folder);
    command
}

#[test]
fn t20_a_report_with_errors_has_status_1_and_says_that_it_is_not_complete() {
    as_user(|| {
        let tree = build("inaccessible");
        let (bin, folder) = (copy_for_users(tree.folder()), tree.folder());
        let report = |more: &[&str]| -> Said {
            let mut command = pwalk(&bin, folder);
            command.args(["report", "-o", "a.csv", "inaccessible"]).args(more);
            said(&mut command).with_status(1)
        };
        let rows = naive(tree.path());
        let in_words = report(&[]);
        assert_eq!(filenames(&std::fs::read(folder.join("a.csv")).unwrap()).len(), rows.len());
        let lines = in_words.lines();
        let is_error = |line: &&str| {
            line.starts_with("pwalk: inaccessible/") && line.ends_with(": Permission denied")
        };
        assert_eq!(lines.iter().copied().filter(is_error).count(), 10, "{lines:?}");
        // Workers speak in turn, so the one who says that there are more need not be the last.
        let more = "pwalk: more errors are not shown; --errors FILE lists all";
        assert_eq!(lines.iter().filter(|line| **line == more).count(), 1, "{lines:?}");
        assert_eq!(lines.len(), 10 + 1 + 3);
        assert_eq!(lines[13], "NOT complete, 140 errors (140 EACCES): a.csv");

        assert_eq!(report(&["-q"]).stderr, "");
        let listed = report(&["--errors", "errors.ndjson", "--summary", "summary.json"]);
        assert!(listed.lines().contains(&"pwalk: more errors are in the error list"));
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("errors.ndjson").lines().count(), 140);
        assert_eq!(json(read("summary.json"))["complete"], false);
        assert_eq!(json(report(&["--json"]).stdout)["errors"]["EACCES"], 140);
    });
}

#[test]
fn t20_a_profile_with_errors_has_status_1_and_says_first_what_is_missing() {
    as_user(|| {
        let tree = build("inaccessible");
        let (bin, folder) = (copy_for_users(tree.folder()), tree.folder());
        let profile = |arguments: &[&str]| {
            said(pwalk(&bin, folder).arg("profile").args(arguments)).with_status(1)
        };
        let is_first = |text: &str| {
            let expected = "NOT complete, 140 errors (110 EACCES on open, 30 EACCES on stat):";
            let lines: Vec<_> = text.lines().take(5).collect();
            assert_eq!(lines[0], expected);
            assert!(
                lines[1..4].iter().all(|line| line.starts_with("  inaccessible/")),
                "{lines:?}"
            );
            assert_eq!(lines[4], "");
        };
        let tables = profile(&["inaccessible"]);
        is_first(tables.text());
        assert_eq!(tables.stderr, "NOT complete, 140 errors\n");
        let page = profile(&["-q", "--json", "--html", "page.html", "inaccessible"]);
        assert_eq!(
            (json(page.text())["complete"].clone(), page.stderr.as_str()),
            (false.into(), "")
        );
        assert!(folder.join("page.html").is_file());
        // So does one of a saved scan whose walk has seen as little.
        let report = ["report", "-q", "-o", "scan.parquet", "inaccessible"];
        said(pwalk(&bin, folder).args(report)).with_status(1);
        let of_scan = profile(&["scan.parquet"]);
        assert!(of_scan.text().starts_with("NOT complete, 140 errors (140 EACCES):\n"));
        assert_eq!(json(profile(&["--json", "scan.parquet"]).text())["errors"]["count"], 140);
    });
}

/// Listing needs no inode: names that can be read but not stat'ed are no errors.
#[test]
fn t20_a_listing_asks_no_inode_and_prints_what_find_prints() {
    as_user(|| {
        let tree = build("inaccessible");
        let bin = copy_for_users(tree.folder());
        let find = Command::new("find").arg(tree.path()).output().unwrap();
        let found: Vec<&[u8]> = find.stdout.split(|&byte| byte == b'\n').collect();
        let listed = said(pwalk(&bin, tree.folder()).arg("walk").arg(tree.path())).with_status(1);
        assert_same_rows(&listed.paths(b'\n'), &found[..found.len() - 1]);
        // The directories that can't be opened: closed, searched, and those inside of listed.
        assert_eq!(listed.lines().len(), 100 + 10 + 10, "{}", listed.stderr);
        let is_file = |line: &&str| line.contains(".txt: ");
        assert_eq!(listed.lines().into_iter().filter(is_file).count(), 0);
        let quiet = said(pwalk(&bin, tree.folder()).args(["walk", "-q"]).arg(tree.path()));
        let quiet = quiet.with_status(1);
        assert_same_rows(&quiet.paths(b'\n'), &listed.paths(b'\n'));
        assert_eq!(quiet.stderr, "");
    });
}

#[test]
fn t10_an_unreadable_root_is_refused_in_one_line() {
    as_user(|| {
        let tree = build("inaccessible");
        let bin = copy_for_users(tree.folder());
        for command in ["report", "walk"] {
            let root = "inaccessible/closed_042";
            let said = said(pwalk(&bin, tree.folder()).args([command, root])).with_status(2);
            assert_eq!(said.stderr, format!("pwalk: {root}: Permission denied\n"));
            assert_eq!(said.stdout, b"");
        }
        assert!(!tree.folder().join("scan.csv.zst").exists());
    });
}

#[test]
fn t1_an_error_of_a_hostile_name_is_one_line() {
    as_user(|| {
        let tree = build("names");
        let bin = copy_for_users(tree.folder());
        let rows = naive(tree.path());
        let hostile = tree.path().join("folders/a\nb");
        let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&hostile, mode(0o000)).unwrap();
        let report = said(pwalk(&bin, tree.folder()).args(["report", "-o", "a.csv", "names"]));
        let walk = said(pwalk(&bin, tree.folder()).args(["walk", "-0", "names"]));
        std::fs::set_permissions(&hostile, mode(0o755)).unwrap();
        assert_eq!(walk.paths(b'\0').len(), paths(&rows).len() - 1);
        for (said, n_lines) in [(walk.with_status(1), 1), (report.with_status(1), 4)] {
            assert_eq!(said.lines().len(), n_lines, "{}", said.stderr);
            assert!(said.lines()[0].ends_with(": Permission denied"), "{}", said.stderr);
        }
    });
}
