//! Where a report is written to: inside the tree, to devices, to a disk that is full.

use crate::harness::{
    BIN, build, copy_for_users, filenames, naive, names, paths, program, pwalk, run, said, shell,
};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::privileges::{Need, USER, as_user, requires};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

#[test]
fn a_report_inside_its_tree_does_not_scan_itself() {
    for arguments in [
        &["-o", "data/out.csv"][..],
        &["-o", "./out.csv", "--summary", "src/s", "--errors", "data/e"],
    ] {
        let tree = build("basic");
        let rows = naive(tree.path());
        let mut command = pwalk();
        command.args(["report", ".", "--threads", "8"]).args(arguments).current_dir(tree.path());
        let said = said(&mut command).with_status(0);
        assert!(said.stderr.starts_with("18 entries in "), "{}", said.stderr);
        let text = fs::read(tree.path().join(arguments[1])).unwrap();
        let expected: Vec<Vec<u8>> = paths(&rows)
            .iter()
            .map(|path| [b".", &path[tree.path().as_os_str().len()..]].concat())
            .collect();
        assert_same_rows(&filenames(&text), &expected);
        let text = String::from_utf8(text).unwrap();
        let n_entries = |dir: &str| -> i64 {
            let row = text.lines().find(|line| line.contains(&format!("\"{dir}\""))).unwrap();
            row.rsplit(',').nth(1).unwrap().parse().unwrap()
        };
        assert_eq!([".", "./data", "./src"].map(n_entries), [6, 5, 2], "pw_fcount");
    }
}

#[test]
fn standard_output_in_a_file_of_the_tree_does_not_scan_itself() {
    let tree = build("basic");
    let n_entries = naive(tree.path()).len();
    let script = "cd \"$1\" && \"$0\" report -qo- . > data/out";
    said(&mut shell(script, &[tree.path()])).with_status(0);
    let text = fs::read(tree.path().join("data/out")).unwrap();
    assert_eq!(filenames(&text).len(), n_entries);
    // A listing is like find's: the file is there when it is written to.
    let script = "cd \"$1\" && \"$0\" walk . > data/out && find . | wc -l";
    let found = said(&mut shell(script, &[tree.path()])).with_status(0);
    let listed = fs::read_to_string(tree.path().join("data/out")).unwrap();
    assert_eq!(found.text().trim(), listed.lines().count().to_string());
}

/// A device is an entry like any other; that the report happens to go there changes nothing.
#[test]
fn a_device_that_takes_the_report_keeps_its_row() {
    let mut command = pwalk();
    command.args(["report", "/dev/null", "/dev/zero", "-o", "/dev/null", "--format", "csv"]);
    let text = said(&mut command).with_status(0).stderr;
    assert!(text.starts_with("2 entries in "), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("s.json");
    let entries = |output: &str| {
        let mut command = pwalk();
        command.args(["report", "/dev", "--max-depth=1", "-x", "-qo", output, "--format=csv"]);
        said(command.arg("--summary").arg(&summary)).with_status(0);
        let summary: serde_json::Value =
            serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
        summary["entries"]["char"].clone()
    };
    let expected = entries(folder.path().join("a.csv").to_str().unwrap());
    assert_eq!(entries("/dev/null"), expected);
}

#[test]
fn links_are_written_through_and_modes_are_kept() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let (real, link) = (folder.path().join("real.csv"), folder.path().join("link.csv"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.csv", &link).unwrap();
    said(pwalk().args(["report", "-qo"]).arg(&link).arg(tree.path())).with_status(0);
    assert_eq!(names(folder.path()), ["link.csv", "real.csv"]);
    assert!(link.is_symlink());
    assert_eq!(filenames(&fs::read(&real).unwrap()).len(), naive(tree.path()).len());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, 0o640);
}

/// An ordinary user replaces a file of a group that he is not in.
#[test]
fn t53_who_cannot_keep_the_group_lets_nobody_new_in() {
    if !requires(Need::Root) {
        return;
    }
    let tree = build("basic");
    let pwalk = copy_for_users(tree.folder());
    let folder = tree.folder().join("shared");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.join("out.csv");
    for (before, after) in [(0o640, 0o600), (0o644, 0o644), (0o664, 0o644)] {
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::chown(&file, Some(0), Some(1)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(before)).unwrap();
        as_user(|| {
            let mut command = program(&pwalk);
            said(command.args(["report", "-qo"]).arg(&file).arg(tree.path())).with_status(0);
        });
        let found = fs::metadata(&file).unwrap();
        assert_eq!((found.uid(), found.gid()), (USER, USER));
        assert_eq!(found.mode() & 0o7777, after, "{before:o}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn the_longest_name_that_there_is_can_be_written() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let report = |name: &str| {
        let mut command = pwalk();
        command.args(["report", "-qo", name]).arg(tree.path()).current_dir(folder.path());
        said(&mut command)
    };
    let longest = format!("{}.csv", "\u{e9}x".repeat(83) + "xx");
    assert_eq!(longest.len(), 255);
    assert_eq!(report(&longest).with_status(0).stderr, "");
    let too_long = format!("x{longest}");
    let expected = format!("pwalk: {too_long}: File name too long\n");
    assert_eq!(report(&too_long).with_status(2).stderr, expected);
    assert_eq!(names(folder.path()), [longest]);
}

#[test]
fn a_folder_that_may_not_be_written_is_said() {
    as_user(|| {
        let tree = build("basic");
        let pwalk = copy_for_users(tree.folder());
        let closed = tree.folder().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let output = closed.join("out.csv");
        for option in ["--output", "--summary", "--errors"] {
            let mut command = program(&pwalk);
            command.args(["report", option]).arg(&output).arg(tree.path());
            let said = said(command.current_dir(tree.folder())).with_status(2);
            let expected = format!("pwalk: {}: Permission denied\n", output.display());
            assert_eq!(said.stderr, expected, "{option}");
        }
        assert_eq!(names(&closed), [""; 0]);
        assert_eq!(names(tree.folder()), ["basic", "closed", "pwalk"]);
    });
}

#[test]
fn a_full_device_is_an_error_and_never_a_success() {
    let (tree, folder) = (build("not_utf8"), tempfile::tempdir().unwrap());
    let root = tree.path().to_str().unwrap();
    // Arguments, and what the line begins with.
    let cases: [(&str, &str); 12] = [
        ("report \"$1\" -o /dev/full --format csv", "/dev/full"),
        ("report \"$1\" -o /dev/full --format csv.zst", "/dev/full"),
        ("report \"$1\" -o /dev/full --format csv.gz", "/dev/full"),
        ("report \"$1\" -o - > /dev/full", "standard output"),
        ("report \"$1\" -o - --format csv.zst > /dev/full", "standard output"),
        ("report \"$1\" -o a.csv --summary /dev/full", "/dev/full"),
        ("report \"$1\" -o a.csv --errors /dev/full", "/dev/full"),
        ("walk \"$1\" > /dev/full", "standard output"),
        ("info / > /dev/full", "standard output"),
        ("info --json / > /dev/full", "standard output"),
        ("man report > /dev/full", "standard output"),
        ("completions zsh > /dev/full", "standard output"),
    ];
    let mut failures = Vec::new();
    for (arguments, name) in cases {
        let mut command = shell(&format!("\"$0\" {arguments}"), &[root]);
        let said = said(command.current_dir(folder.path()));
        let expected = format!("pwalk: {name}: No space left on device\n");
        if said.status != Some(2) || said.stderr != expected {
            failures.push(format!("{arguments}: {:?} {:?}", said.status, said.stderr));
        }
    }
    let left = names(folder.path());
    if !left.is_empty() {
        failures.push(format!("left behind: {left:?}"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Before the walk, which may take hours: it would name the directory that it can't read.
#[test]
fn t53_what_cannot_be_replaced_is_refused_before_the_walk() {
    if !requires(Need::Root) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(folder.path(), 0o1777).unwrap();
    fs::write(at("a.csv"), "of last week").unwrap();
    mode(&at("a.csv"), 0o666).unwrap();
    fs::create_dir_all(at("tree/locked")).unwrap();
    mode(&at("tree/locked"), 0o700).unwrap();
    let mut command = program(copy_for_users(folder.path()));
    command.args(["report", "tree", "-o", "a.csv"]).current_dir(folder.path());
    let said = said(command.uid(65_534).gid(65_534)).with_status(2);
    assert_eq!(said.stderr, "pwalk: a.csv: Operation not permitted\n");
    assert_eq!(names(folder.path()), ["a.csv", "pwalk", "tree"]);
}

#[test]
fn one_is_singular() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(&["report", "-o/dev/null", "--format=csv", folder.path().to_str().unwrap()]);
    assert!(said.with_status(0).stderr.starts_with("1 entry in "));
}

/// The report is there: that it "could not run" would be wrong, and so would "complete".
#[test]
fn a_summary_that_cannot_be_printed_is_said_with_what_is_written() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let root = tree.path().to_str().unwrap();
    let mut command = shell("\"$0\" report \"$1\" -o b.csv --json > /dev/full", &[root]);
    let said = said(command.current_dir(folder.path())).with_status(1);
    let reason = "No space left on device: the summary is not printed; complete: b.csv";
    assert_eq!(said.stderr, format!("pwalk: standard output: {reason}\n"));
    assert_eq!(names(folder.path()), ["b.csv"]);
}

#[test]
fn a_disk_that_fills_up_is_said_and_nothing_is_left_on_it() {
    if !requires(Need::Mount) {
        return;
    }
    let tree = build("deep");
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=4k none $2 && cd $2 && shift 2; \
                  \"$@\"; status=$?; ls -A; exit $status";
    for output in ["a.csv", "a.csv.zst", "a.csv.gz"] {
        let mut command = program("unshare");
        command.args(["--mount", "sh", "-c", script, "sh", "-"]).arg(disk.path());
        command.args([BIN, "report", "-o", output, "--summary", "s.json"]).arg(tree.path());
        let said = said(&mut command).with_status(2);
        // The table may be small enough to wait for its end, when the summary is there first.
        let expected =
            [output, "s.json"].map(|name| format!("pwalk: {name}: No space left on device\n"));
        assert!(expected.contains(&said.stderr), "{output}: {}", said.stderr);
        assert_eq!(said.text(), "", "{output}: left behind");
    }
}

#[test]
fn an_append_only_folder_gets_a_new_file_and_nothing_else() {
    if !requires(Need::Root) {
        return;
    }
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let chattr = |flag: &str| program("chattr").arg(flag).arg(folder.path()).status().unwrap();
    if !chattr("+a").success() {
        return; // A filesystem without such an attribute.
    }
    let report = || {
        let output = folder.path().join("a.csv");
        said(pwalk().args(["report", "-q", "-o"]).arg(output).arg(tree.path()))
    };
    let (first, second) = (report(), report());
    let found = names(folder.path());
    assert!(chattr("-a").success());
    first.with_status(0);
    let reason = second.with_status(2).stderr;
    assert!(reason.ends_with("a.csv: Operation not permitted\n"), "{reason}");
    assert_eq!(found, ["a.csv"]);
}

#[test]
fn a_reader_that_leaves_a_side_output_is_an_error_of_the_report() {
    let tree = build("not_utf8");
    for option in ["--errors", "--summary"] {
        let folder = tempfile::tempdir().unwrap();
        let script = "cd \"$2\" && mkfifo pipe && { head -c 0 pipe & } && \
                      exec \"$0\" report -q \"$1\" -o x.csv $3 pipe";
        let option = std::path::Path::new(option);
        let mut command = shell(script, &[tree.path(), folder.path(), option]);
        let said = said(&mut command).with_status(2);
        assert_eq!(said.stderr, "pwalk: pipe: Broken pipe\n");
        assert_eq!(names(folder.path()), ["pipe"]);
    }
}

#[test]
fn an_open_descriptor_as_output_is_appended_to() {
    let tree = build("basic");
    let rows = naive(tree.path());
    for output in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "cd \"$2\" && { echo first; \"$0\" report -q \"$1\" --format csv -o $3; } >> log";
        let output = std::path::Path::new(output);
        said(&mut shell(script, &[tree.path(), folder.path(), output])).with_status(0);
        let log = fs::read(folder.path().join("log")).unwrap();
        let table = log.strip_prefix(b"first\n").expect("what was there stays");
        assert_same_rows(&filenames(table), &paths(&rows));
    }
}

#[test]
fn a_fifo_takes_a_report_as_it_comes() {
    let tree = build("basic");
    let script = "cd \"$1\" && mkfifo pipe && { cat pipe & } && \
                  \"$0\" report -q -o pipe --format csv basic && wait && test -p pipe";
    let said = said(&mut shell(script, &[tree.folder()])).with_status(0);
    assert_eq!(filenames(&said.stdout).len(), 18);
    assert!(filenames(&said.stdout).contains(&b"basic".to_vec()));
}

#[test]
fn a_socket_takes_no_report() {
    let tree = build("special");
    let socket = tree.path().join("socket.sock");
    let socket = socket.to_str().unwrap();
    let said = run(&["report", "/etc/passwd", "-o", socket, "--format", "csv"]).with_status(2);
    assert_eq!(said.lines().len(), 1);
    assert!(said.stderr.contains(&format!("{socket}: ")), "{}", said.stderr);
}
