//! `pwalk report`: what each of its own arguments does.

use crate::harness::{build, csv_rows, filenames, json, lines, naive, names, pwalk, run, said};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::OracleRow;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file's text, unpacked by the command that its suffix names.
fn unpacked(path: &Path) -> Vec<u8> {
    let tool = match path.extension().unwrap().to_str().unwrap() {
        "zst" => "zstd",
        "gz" => "gzip",
        _ => return fs::read(path).unwrap(),
    };
    let output = Command::new(tool).args(["-dc"]).arg(path).output().expect("it is installed");
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn without_a_name_a_report_goes_to_scan_csv_zst() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let said = said(pwalk().arg("report").arg(tree.path()).current_dir(folder.path()));
    let said = said.with_status(0);
    assert_eq!(names(folder.path()), ["scan.csv.zst"]);
    assert_same_rows(
        &csv_rows(&unpacked(&folder.path().join("scan.csv.zst"))),
        &lines(&naive(tree.path())),
    );
    assert_eq!(said.stdout, b"");
    assert_eq!(said.lines().last(), Some(&"complete: scan.csv.zst"));
    assert!(said.stderr.starts_with("18 entries in "), "{}", said.stderr);
}

#[test]
fn t9_the_suffix_or_the_format_says_what_is_written() {
    let tree = build("names");
    let expected = lines(&naive(tree.path()));
    let zst: &[u8] = b"\x28\xb5\x2f\xfd";
    let gz: &[u8] = b"\x1f\x8b";
    let plain: &[u8] = b"inode,";
    let cases: [(&[&str], &str, &[u8]); 12] = [
        (&["-o", "a.csv"], "a.csv", plain),
        (&["-oa.csv"], "a.csv", plain),
        (&["--output", "a.csv.zst"], "a.csv.zst", zst),
        (&["--output=a.b.csv.gz"], "a.b.csv.gz", gz),
        (&["-o-.csv"], "-.csv", plain),
        (&["-o", "a.txt", "--format", "csv"], "a.txt", plain),
        (&["-o", "a.zst", "--format=csv.zst"], "a.zst", zst),
        (&["-o", "a.gz", "--format", "csv.gz"], "a.gz", gz),
        (&["-o", "a.csv", "--compress", "zstd"], "a.csv.zst", zst),
        (&["-o", "a.csv", "--format", "csv", "--compress=gzip"], "a.csv.gz", gz),
        (&["--format", "csv"], "scan.csv", plain),
        (&["--compress", "gzip"], "scan.csv.gz", gz),
    ];
    for (arguments, name, magic) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut command = pwalk();
        command.arg("report").args(arguments).arg(tree.path()).current_dir(folder.path());
        let said = said(&mut command).with_status(0);
        assert_eq!(said.lines().last(), Some(&&*format!("complete: {name}")));
        assert_eq!(names(folder.path()), [name], "{arguments:?}");
        let path = folder.path().join(name);
        assert!(fs::read(&path).unwrap().starts_with(magic), "{arguments:?}");
        assert_same_rows(&csv_rows(&unpacked(&path)), &expected);
    }
}

#[test]
fn a_dash_is_standard_output() {
    let tree = build("names");
    let report = |more: &[&str]| {
        let mut command = pwalk();
        command.args(["report", "-o", "-"]).args(more).arg(tree.path());
        said(&mut command).with_status(0)
    };
    let plain = report(&[]);
    assert_same_rows(&csv_rows(&plain.stdout), &lines(&naive(tree.path())));
    assert_eq!(plain.lines().last(), Some(&"complete: standard output"));
    assert!(report(&["--format", "csv.zst"]).stdout.starts_with(b"\x28\xb5\x2f\xfd"));
    assert!(report(&["--format", "csv.gz"]).stdout.starts_with(b"\x1f\x8b"));
}

#[test]
fn t1_t2_names_are_written_as_asked() {
    let tree = build("not_utf8");
    let report = |policy: &[&str]| {
        let mut command = pwalk();
        command.args(["report", "-qo-"]).args(policy).arg(tree.path());
        said(&mut command).with_status(0).stdout
    };
    let (default, utf8) = (report(&[]), report(&["--names", "utf8"]));
    assert_same_rows(&csv_rows(&default), &csv_rows(&utf8));
    assert!(std::str::from_utf8(&utf8).is_ok());
    let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|bytes| bytes == part);
    let (raw, pwalk) = (report(&["--names", "raw"]), report(&["--names=pwalk"]));
    assert!(has(&raw, b"/\xe9\n\xe9\"") && has(&raw, b"/\xff\x01\""));
    assert!(has(&pwalk, b"/\xe9\xe9\"") && has(&pwalk, b"/\xff\""));
    assert!(!has(&pwalk, b"/\xe9\n\xe9\"") && !has(&pwalk, b"\x01"));
}

#[test]
fn the_summary_and_the_errors_go_where_they_are_asked_to() {
    let (tree, folder) = (build("not_utf8"), tempfile::tempdir().unwrap());
    let mut command = pwalk();
    command.args(["report", "-o", "a.csv", "--summary", "s.json", "--errors", "e.ndjson"]);
    let said = said(command.arg(tree.path()).current_dir(folder.path())).with_status(0);
    assert_eq!(names(folder.path()), ["a.csv", "e.ndjson", "s.json"]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let summary = json(read("s.json"));
    let n_changed = read("e.ndjson").lines().count();
    assert_eq!(summary["changed_names"], n_changed);
    assert_eq!((&summary["complete"], &summary["errors"]), (&true.into(), &serde_json::json!({})));
    assert!(n_changed > 500);
    assert!(said.stderr.contains(&format!("{n_changed} paths that are not valid UTF-8")));
}

#[test]
fn json_is_one_line_on_standard_output_or_beside_the_table() {
    let (tree, folder) = (build("hard_links"), tempfile::tempdir().unwrap());
    let mut command = pwalk();
    command.args(["report", "--json", "-o", "a.csv"]).arg(tree.path());
    let to_file = said(command.current_dir(folder.path())).with_status(0);
    let summary = json(&to_file.stdout);
    assert_eq!(to_file.stderr, "");
    let n_entries: u64 =
        summary["entries"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(n_entries, naive(tree.path()).len() as u64);
    assert_eq!(summary["roots"][0], tree.path().to_str().unwrap());

    let to_stdout = said(pwalk().args(["report", "--json", "-o-"]).arg(tree.path())).with_status(0);
    assert_same_rows(&csv_rows(&to_stdout.stdout), &lines(&naive(tree.path())));
    assert_eq!(json(&to_stdout.stderr)["bytes"], summary["bytes"]);
}

#[test]
fn quiet_says_nothing_at_all() {
    let (tree, folder) = (build("not_utf8"), tempfile::tempdir().unwrap());
    for quiet in ["-q", "--quiet"] {
        let mut command = pwalk();
        command.args(["report", quiet, "-o", "a.csv"]).arg(tree.path());
        let said = said(command.current_dir(folder.path())).with_status(0);
        assert_eq!((said.text(), &*said.stderr), ("", ""));
    }
}

#[test]
fn what_was_left_out_is_said() {
    let tree = build("snapshots");
    let said = run(&["report", "-o-", "--exclude", "*.tex", tree.path().to_str().unwrap()]);
    let said = said.with_status(0);
    assert!(said.stderr.contains("\n7 snapshot directories skipped (--snapshots walks them)\n"));
    assert!(said.stderr.contains("\n1 excluded\n"), "{}", said.stderr);
}

#[test]
fn roots_may_be_relative_and_are_printed_as_given() {
    let tree = build("basic");
    let rows = naive(tree.path());
    let length = tree.path().as_os_str().len();
    for root in [".", "./", "./.", "../basic", "data/.."] {
        let printed = root.strip_suffix('/').unwrap_or(root).as_bytes();
        let renamed = |row: &OracleRow| OracleRow {
            path: [printed, &row.path[length..]].concat(),
            ..row.clone()
        };
        let expected: Vec<_> = rows.iter().map(renamed).collect();
        let mut command = pwalk();
        command.args(["report", "-qo-", root]).current_dir(tree.path());
        assert_same_rows(&csv_rows(&said(&mut command).with_status(0).stdout), &lines(&expected));
    }
}

#[test]
fn a_relative_root_and_an_absolute_one_inside_it_are_told_apart() {
    let tree = build("basic");
    let inner = tree.path().join("data");
    let said = |roots: &[&str]| {
        let mut command = pwalk();
        command.args(["report", "-o-"]).args(roots).current_dir(tree.path());
        said(&mut command).with_status(0)
    };
    let inner = inner.to_str().unwrap();
    let roots: [&[&str]; 5] =
        [&[".", inner], &[inner, "."], &["..", "."], &["data", inner, "."], &["./data/..", inner]];
    for roots in roots {
        let said = said(roots);
        let expected = naive(tree.path()).len() + usize::from(roots.contains(&".."));
        assert_eq!(csv_rows(&said.stdout).len(), expected, "{roots:?}");
        assert!(said.stderr.starts_with("pwalk: "), "a note: {}", said.stderr);
    }
}

#[test]
fn names_like_options_are_roots_behind_two_dashes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["-rf", "--help", "-"] {
        fs::write(folder.path().join(name), "").unwrap();
        let mut command = pwalk();
        command.args(["report", "-qo-", "--", name]).current_dir(folder.path());
        assert_eq!(filenames(&said(&mut command).with_status(0).stdout), [name.as_bytes()]);
    }
}

#[test]
fn several_roots_stand_in_one_table_and_a_repeated_one_is_said() {
    let (basic, links) = (build("basic"), build("links"));
    let (first, second) = (basic.path().to_str().unwrap(), links.path().to_str().unwrap());
    let said = run(&["report", "-o-", first, second, first]).with_status(0);
    let expected = [lines(&naive(basic.path())), lines(&naive(links.path()))].concat();
    assert_same_rows(&csv_rows(&said.stdout), &expected);
    let notes = said.stderr.lines().filter(|line| line.contains("given twice"));
    assert_eq!(notes.count(), 1, "{}", said.stderr);
    let inside = format!("{first}/data");
    let said = run(&["report", "-o-", first, &inside]).with_status(0);
    assert_eq!(csv_rows(&said.stdout).len(), naive(basic.path()).len());
    let notes = said.stderr.lines().filter(|line| line.contains("is inside"));
    assert_eq!(notes.count(), 1, "{}", said.stderr);
}

/// A link that leads nowhere can't be resolved, so its place is found in another way.
#[test]
fn t29_a_link_to_nowhere_is_written_once_also_by_relative_names() {
    let tree = build("links");
    for roots in [["links", "links/dangling"], ["links/dangling", "./links/dangling"]] {
        let mut command = pwalk();
        command.args(["report", "-qo-", "links/file.txt"]).args(roots).current_dir(tree.folder());
        let files = filenames(&said(&mut command).with_status(0).stdout);
        let found = files.iter().filter(|path| path.ends_with(b"/dangling")).count();
        assert_eq!(found, 1, "{roots:?}");
    }
}

#[test]
fn sizes_that_no_column_needs_are_unknown_and_not_0() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    for (columns, knows_apparent, knows_allocated) in [
        ("filename,UID", false, false),
        ("filename,st_size", true, false),
        ("filename,st_blocks,st_nlink", false, true),
    ] {
        let mut command = pwalk();
        command.args(["report", "-o", "a.parquet", "--columns", columns, "--summary", "a.json"]);
        let said = said(command.arg(tree.path()).current_dir(folder.path())).with_status(0);
        let bytes = &json(fs::read(folder.path().join("a.json")).unwrap())["bytes"];
        assert_eq!(bytes["apparent"].is_number(), knows_apparent, "{columns}: {bytes}");
        assert_eq!(bytes["allocated"].is_number(), knows_allocated, "{columns}: {bytes}");
        assert_eq!(said.stderr.contains(" apparent"), knows_apparent, "{}", said.stderr);
        assert_eq!(said.stderr.contains(" allocated"), knows_allocated, "{}", said.stderr);
    }
}
