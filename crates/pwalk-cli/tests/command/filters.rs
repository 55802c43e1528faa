//! The arguments that `report` and `walk` share: the same table for both.

use crate::harness::{
    below, build, csv_rows, filenames, lines, paths, program, pwalk, said, worker,
};
use pwalk_testkit::Tree;
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{self, OracleOptions, OracleRow};
use pwalk_testkit::privileges::{Need, requires};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Checks both commands with these arguments against the naive walk, without what `cut` names.
#[track_caller]
fn check(tree: &Tree, arguments: &[&str], options: OracleOptions, cut: &[&str]) {
    let cut: Vec<_> = cut.iter().map(|cut| tree.path().join(cut)).collect();
    let is_kept = |row: &OracleRow| {
        let path = Path::new(std::str::from_utf8(&row.path).unwrap());
        !cut.iter().any(|cut| path.starts_with(cut))
    };
    let rows: Vec<OracleRow> =
        oracle::walk(tree.path(), &options).rows.into_iter().filter(is_kept).collect();
    let mut command = pwalk();
    command.args(["report", "-qo-"]).args(arguments).arg(tree.path());
    assert_same_rows(&csv_rows(&said(&mut command).with_status(0).stdout), &lines(&rows));
    let mut command = pwalk();
    command.arg("walk").args(arguments).arg(tree.path());
    let listed = said(&mut command).with_status(0);
    assert_same_rows(&listed.paths(b'\n'), &paths(&rows));
    let is_harmless = |line: &str| line.ends_with("' matched nothing");
    assert!(listed.stderr.lines().all(is_harmless), "{}", listed.stderr);
}

/// Of each row what a condition says; directories count everything.
type Wanted = fn(&OracleRow) -> bool;

#[test]
fn a_condition_leaves_the_rows_that_the_naive_walk_would() {
    let conditions: &[(&str, Wanted)] = &[
        ("kind = file and name ~ '*.csv'", |row| {
            row.kind == oracle::Kind::File && row.path.ends_with(b".csv")
        }),
        ("size > 4K or kind != file", |row| row.size > 4096 || row.kind != oracle::Kind::File),
        ("not (mode any 022) and links = 1", |row| row.mode & 0o022 == 0 && row.nlink == 1),
        ("empty", |row| match row.kind {
            oracle::Kind::File => row.size == 0,
            oracle::Kind::Dir => row.fcount == Some(0),
            _ => false,
        }),
        ("entries >= 3", |row| row.fcount.is_some_and(|n| n >= 3)),
        ("depth in (0, 2)", |row| row.depth == -1 || row.depth == 1),
        ("mtime < 1990-01-01 or mtime >= 2038-01-19T03:14:08Z", |row| {
            row.mtime < 631_152_000 || row.mtime >= 1 << 31
        }),
        ("owner = root and gid != 0", |row| row.uid == 0 && row.gid != 0),
        ("path =~ '/[^/]*e[^/]*$' and type in (d, l)", |row| {
            let name = row.path.rsplit(|&byte| byte == b'/').next().unwrap();
            let is_kind = matches!(row.kind, oracle::Kind::Dir | oracle::Kind::Symlink);
            name.contains(&b'e') && is_kind
        }),
        (r#"name = "\xff\xfe" or extension ~i GZ"#, |row| {
            let extension = oracle::extension(&row.path).to_ascii_lowercase();
            let is_gz = row.kind != oracle::Kind::Dir && extension == b"gz";
            row.path.ends_with(b"/\xff\xfe") || is_gz
        }),
    ];
    for name in ["basic", "names", "not_utf8", "special", "times"] {
        let tree = build(name);
        let all = oracle::walk(tree.path(), &OracleOptions::default()).rows;
        for (condition, is_wanted) in conditions {
            let rows: Vec<_> = all.iter().filter(|row| is_wanted(row)).cloned().collect();
            let mut command = pwalk();
            command.args(["report", "-qo-", "--where", condition]).arg(tree.path());
            let report = said(&mut command).with_status(0);
            assert_same_rows(&csv_rows(&report.stdout), &lines(&rows));
            let mut command = pwalk();
            command.args(["walk", "-0", "--where", condition]).arg(tree.path());
            assert_same_rows(&said(&mut command).with_status(0).paths(b'\0'), &paths(&rows));
        }
    }
}

#[test]
fn the_summary_counts_what_a_condition_left_out() {
    let tree = build("basic");
    let n_all = oracle::walk(tree.path(), &OracleOptions::default()).rows.len();
    let mut command = pwalk();
    command.args(["report", "--json", "-o/dev/null", "--format=csv", "--where", "name ~ '*.csv'"]);
    let summary = crate::harness::json(said(command.arg(tree.path())).with_status(0).stdout);
    assert_eq!(summary["entries"], serde_json::json!({ "file": 1 }));
    assert_eq!(summary["skipped"]["filtered"], n_all - 1);
    assert_eq!(summary["complete"], true);
}

#[test]
fn every_filter_reaches_the_walk() {
    let (basic, snapshots) = (build("basic"), build("snapshots"));
    let list = basic.folder().join("list");
    std::fs::write(&list, below(basic.path(), "src/main.rs")).unwrap();
    let list = list.to_str().unwrap();
    let all = OracleOptions::default;
    check(&basic, &[], all(), &[]);
    check(&basic, &["--exclude", "*.csv"], all(), &["data/a.csv"]);
    check(&basic, &["--exclude=/data", "--exclude", "empty"], all(), &["data", "empty"]);
    check(&basic, &["--exclude", "data/**", "--exclude", "!data/**"], all(), &[]);
    check(&basic, &["--exclude", "-rf"], all(), &[]);
    check(&basic, &["--exclude-from", list], all(), &["src/main.rs"]);
    check(&basic, &["--exclude-from", list, "--exclude", "data"], all(), &["src/main.rs", "data"]);
    for depth in [0, 1, 2] {
        let options = OracleOptions { max_depth: Some(depth), ..all() };
        check(&basic, &["--max-depth", &depth.to_string()], options, &[]);
    }
    check(&snapshots, &["--snapshots"], OracleOptions { snapshots: true, ..all() }, &[]);
    check(&snapshots, &["--NoSnap"], all(), &[]);
    check(&snapshots, &["--header"], all(), &[]);
    for neutral in ["--strict", "--one-file-system", "-x", "-t1", "--threads=64", "--max-threads=3"]
    {
        check(&basic, &[neutral], all(), &[]);
    }
}

#[test]
fn t29_links_are_followed_on_request() {
    let tree = build("links");
    let folder = std::fs::read_dir(tree.path().join("folder")).unwrap().count();
    let not_followed = oracle::walk(tree.path(), &OracleOptions::default()).rows.len();
    // Two of the links lead to the folder.
    let expected = not_followed + 2 * folder;
    for follow in ["-L", "--follow"] {
        let listed = said(pwalk().args(["walk", follow]).arg(tree.path())).with_status(0);
        assert_eq!(listed.paths(b'\n').len(), expected);
        let reported = said(pwalk().args(["report", "-qo-", follow]).arg(tree.path()));
        assert_eq!(filenames(&reported.with_status(0).stdout).len(), expected);
    }
    let tree = build("loops");
    let said = said(pwalk().args(["walk", "-L"]).arg(tree.path())).with_status(1);
    let is_loop = |line: &str| line.starts_with("pwalk: ") && line.ends_with("not followed");
    assert!(said.lines().len() == 9 && said.lines().into_iter().all(is_loop), "{}", said.stderr);
}

#[test]
fn t30_the_walk_stays_on_one_file_system_on_request() {
    if !requires(Need::Mount) {
        return;
    }
    let tree = build("basic");
    let script = "mount -t tmpfs none $2/data/2024 && touch $2/data/2024/x && $0 $1 -x $2 -q $3";
    for (command, output) in [("walk", "-0"), ("report", "-o-")] {
        let mut unshare = program("unshare");
        unshare.args(["--mount", "sh", "-c", script, crate::harness::BIN, command]);
        let said = said(unshare.arg(tree.path()).arg(output)).with_status(0);
        let paths: Vec<Vec<u8>> = match command {
            "walk" => said.paths(b'\0').into_iter().map(<[u8]>::to_vec).collect(),
            _ => filenames(&said.stdout),
        };
        let is_mount = |path: &&Vec<u8>| path.windows(9).any(|part| part == b"data/2024");
        assert_eq!(paths.iter().filter(is_mount).count(), 0, "{command}");
        assert_eq!(paths.len(), 18 - 2, "{command}: the folder and the file in it are covered");
    }
}

/// Threads beside the workers: the first one, that of the command, and the one that waits for signals.
const N_OTHERS: usize = 3;

/// Starts a report of more than anybody reads, so that it can't end, and waits for as many
/// workers as it should have. Returns how many they are a while later.
fn n_workers(arguments: &[&str], variable: Option<(&str, &str)>, n: usize) -> usize {
    let mut command = pwalk();
    command.args(["report", "-o-"]).args(arguments).arg("/").envs(variable);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let tasks = || format!("/proc/{}/task", worker(&child));
    let count = || std::fs::read_dir(tasks()).map_or(0, Iterator::count);
    let started = Instant::now();
    while count() < n + N_OTHERS && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(50));
    let found = count();
    child.kill().unwrap();
    child.wait().unwrap();
    found - N_OTHERS
}

#[test]
fn the_number_of_threads_is_the_one_asked_for() {
    let cases: [(&[&str], Option<(&str, &str)>, usize); 6] = [
        (&["-t", "1"], None, 1),
        (&["-t", "9"], None, 9),
        (&["--threads", "3"], None, 3),
        (&["--max-threads=12"], None, 12),
        (&[], Some(("PWALK_THREADS", "6")), 6),
        (&["-t", "4"], Some(("PWALK_THREADS", "8")), 4),
    ];
    for (arguments, variable, n) in cases {
        let found = n_workers(arguments, variable, n);
        assert_eq!(found, n, "{arguments:?} {variable:?}");
    }
}

#[test]
fn a_filter_that_contradicts_another_is_refused() {
    let mut command = Command::new(crate::harness::BIN);
    command.args(["walk", "--snapshots", "--NoSnap", "/"]);
    let said = said(&mut command).with_status(2);
    assert_eq!(said.lines().len(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("--snapshots") && said.stderr.contains("--NoSnap"));
}

#[test]
fn t54_excludes_that_match_nothing_are_told_unless_quiet() {
    let tree = build("basic");
    let arguments = ["--exclude", "no\nsuch", "--exclude", "*.csv"];
    let message = "exclude 'no\\nsuch' matched nothing\n";
    let mut command = pwalk();
    command.arg("walk").args(arguments).arg(tree.path());
    assert_eq!(said(&mut command).with_status(0).stderr, format!("pwalk: {message}"));
    assert_eq!(said(command.arg("--quiet")).with_status(0).stderr, "");
    let mut command = pwalk();
    command.args(["report", "-o-"]).args(arguments).arg(tree.path());
    let stderr = said(&mut command).with_status(0).stderr;
    assert!(stderr.contains(message), "{stderr}");

    let mut command = pwalk();
    command.arg("walk").arg(tree.path());
    command.args((0..25).map(|n| format!("--exclude=nope-{n}")));
    let stderr = said(&mut command).with_status(0).stderr;
    assert_eq!(stderr.lines().count(), 11);
    assert!(stderr.ends_with("pwalk: 15 more excludes matched nothing\n"), "{stderr}");
}
