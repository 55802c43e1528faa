//! Folders of parts: whole or not there, whatever happens to who writes them.

use crate::harness::{BIN, Said, build, naive, names, program, pwalk, said};
use crate::signals::{interrupt, send, started};
use pwalk_testkit::privileges::{Need, as_user, requires};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A report of `root` into the folder `scan/` in `folder`.
fn report(root: &Path, folder: &Path) -> Command {
    let mut command = pwalk();
    command.args(["report", "-q", "-o", "scan/", "--format", "csv", "--part-rows", "300"]);
    command.arg(root).current_dir(folder);
    command
}

/// One of everything, which lasts; it has begun to write.
fn endless(folder: &Path) -> Child {
    started(&mut report(Path::new("/"), folder), folder)
}

/// Rows of the parts in a folder.
fn n_rows(scan: &Path) -> usize {
    let parts = names(scan).into_iter().filter(|name| name.starts_with("part-"));
    let n_lines = |name: String| fs::read_to_string(scan.join(name)).unwrap().lines().count() - 1;
    parts.map(n_lines).sum()
}

#[track_caller]
fn refused(said: Said, line: &str) {
    assert_eq!(said.with_status(2).stderr, format!("pwalk: {line}\n"));
}

#[test]
fn t52_of_two_writers_of_one_folder_the_second_is_refused() {
    let (tree, folder) = (build("deep"), tempfile::tempdir().unwrap());
    let first = endless(folder.path());
    refused(said(&mut report(tree.path(), folder.path())), "scan/: another pwalk is writing to it");
    let (status, ..) = interrupt(first, Signal::TERM);
    assert_eq!((status, names(folder.path())), (Some(143), Vec::new()));
    said(&mut report(tree.path(), folder.path())).with_status(0);
    assert_eq!(n_rows(&folder.path().join("scan")), naive(tree.path()).len());
    assert_eq!(names(folder.path()), ["scan"]);
}

#[test]
fn t52_the_last_good_table_stays_whole_until_the_new_one_is() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    said(&mut report(tree.path(), folder.path())).with_status(0);
    let scan = folder.path().join("scan");
    let content = || -> Vec<(String, Vec<u8>)> {
        names(&scan)
            .into_iter()
            .map(|name| (name.clone(), fs::read(scan.join(name)).unwrap()))
            .collect()
    };
    let before = content();
    for signal in [Signal::INT, Signal::KILL] {
        let writer = endless(folder.path());
        assert_eq!(content(), before, "meanwhile");
        interrupt(writer, signal);
        assert_eq!(content(), before, "{signal:?}");
    }
    assert_eq!(names(folder.path()), [".scan.pwalk-work", "scan"], "after the kill");
    let other = build("deep");
    said(&mut report(other.path(), folder.path())).with_status(0);
    assert_eq!(n_rows(&scan), naive(other.path()).len());
    assert_eq!(names(folder.path()), ["scan"], "the next run has tidied up");
}

/// Whenever it comes: while parts are written, while the folders are exchanged, or after it.
#[test]
fn t52_a_kill_at_any_moment_leaves_a_whole_table() {
    let (trees, folder) = ([build("basic"), build("deep")], tempfile::tempdir().unwrap());
    let n_entries = trees.each_ref().map(|tree| naive(tree.path()).len());
    let scan = folder.path().join("scan");
    said(&mut report(trees[0].path(), folder.path())).with_status(0);
    let clock = Instant::now();
    said(&mut report(trees[1].path(), folder.path())).with_status(0);
    let lasts = clock.elapsed();
    for number in 0..24 {
        let mut command = report(trees[number % 2].path(), folder.path());
        let mut writer = command.stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(lasts * number as u32 / 20);
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert!(n_entries.contains(&n_rows(&scan)), "{} rows", n_rows(&scan));
        assert!(scan.join("_summary.json").exists());
    }
    said(&mut report(trees[0].path(), folder.path())).with_status(0);
    assert_eq!((n_rows(&scan), names(folder.path()).len()), (n_entries[0], 1));
}

#[test]
fn t52_a_disk_that_fills_up_leaves_the_last_good_table() {
    if !requires(Need::Mount) {
        return;
    }
    let (small, large) = (build("basic"), build("deep"));
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64k none \"$2\" && cd \"$2\" && \
        \"$1\" report -qo scan/ --format csv \"$3\" && before=$(cat scan/*) && \
        { \"$1\" report -qo scan/ --format csv \"$4\"; status=$?; } && ls -A && \
        test \"$before\" = \"$(cat scan/*)\" && exit $status";
    let mut command = program("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", BIN]).arg(disk.path());
    let said = said(command.arg(small.path()).arg(large.path())).with_status(2);
    assert_eq!(said.stderr, "pwalk: scan/part-00000.csv: No space left on device\n");
    assert_eq!(said.text(), "scan\n");
}

#[test]
fn folders_that_cannot_be_replaced_are_refused_before_the_walk() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let into = |output: &str| {
        let mut command = pwalk();
        command.args(["report", "/etc", "-q", "--format", "csv", "-o", output]);
        said(command.current_dir(folder.path()))
    };
    fs::create_dir(at("thesis")).unwrap();
    fs::write(at("thesis/thesis.tex"), "").unwrap();
    fs::write(at("file"), "").unwrap();
    refused(into("thesis/"), "thesis/: contains thesis.tex, which is not part of a table");
    refused(into("file/"), "file/: Not a directory");
    refused(into("none/scan/"), "none/scan/: No such file or directory");
    refused(into("/"), "/: is the root of the filesystem");
    let here = "is the working directory, which can't be replaced: choose a folder inside it";
    refused(into("./"), &format!("./: {here}"));
}

#[test]
fn a_mount_point_is_refused_before_the_walk() {
    if !requires(Need::Mount) {
        return;
    }
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs none \"$2\" && \"$1\" report -qo \"$2/\" --format csv /etc";
    let mut command = program("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", BIN]).arg(disk.path());
    let why = "is a mount point, which can't be replaced: choose a folder inside it";
    refused(said(&mut command), &format!("{}/: {why}", disk.path().display()));
}

#[test]
fn a_folder_in_a_parent_that_is_closed_is_refused_before_the_walk() {
    as_user(|| {
        let tree = build("basic");
        let bin = crate::harness::copy_for_users(tree.folder());
        let closed = tree.folder().join("closed");
        fs::create_dir_all(closed.join("scan")).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let into = |output: &str| {
            let mut command = program(&bin);
            command.args(["report", "/etc", "-q", "--format", "csv", "-o", output]);
            said(command.current_dir(&closed))
        };
        let reason = "Permission denied";
        let parent = closed.canonicalize().unwrap();
        let why = format!("can't be replaced, because {} is not writable", parent.display());
        refused(into("scan/"), &format!("scan/: {why}: {reason}"));
        refused(into("new/"), &format!("new/: {reason}"));
    });
}

#[test]
fn links_are_followed_and_owner_group_and_mode_of_a_folder_are_kept() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let mut expected = (fs::metadata(&real).unwrap().uid(), fs::metadata(&real).unwrap().gid());
    if pwalk_testkit::privileges::is_root() {
        expected = (2, 1);
        std::os::unix::fs::chown(&real, Some(2), Some(1)).unwrap();
    }
    fs::set_permissions(&real, fs::Permissions::from_mode(0o2750)).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("scan")).unwrap();
    for _ in 0..2 {
        said(&mut report(tree.path(), folder.path())).with_status(0);
        let found = fs::metadata(&real).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o7777),
            (expected.0, expected.1, 0o2750)
        );
        assert_eq!(fs::metadata(real.join("part-00000.csv")).unwrap().gid(), expected.1);
    }
    assert_eq!(names(folder.path()), ["real", "scan"]);
}

#[test]
fn a_report_into_a_folder_of_its_tree_does_not_scan_itself() {
    let tree = build("basic");
    let n_entries = naive(tree.path()).len();
    for _ in 0..2 {
        said(&mut report(Path::new("."), tree.path())).with_status(0);
        let text = fs::read_to_string(tree.path().join("scan/part-00000.csv")).unwrap();
        assert_eq!(text.lines().count() - 1, n_entries, "{text}");
        let root = text.lines().find(|line| line.contains(",\".\",")).unwrap();
        assert_eq!(root.rsplit(',').nth(1), Some("6"), "pw_fcount of {root}");
    }
}

#[test]
fn other_outputs_in_the_folder_of_the_table_are_refused() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    said(&mut report(tree.path(), folder.path())).with_status(0);
    for option in ["--summary", "--errors"] {
        let mut command = report(tree.path(), folder.path());
        let said = said(command.args([option, "scan/extra"])).with_status(2);
        assert!(said.stderr.contains("is inside the folder of the table"), "{}", said.stderr);
    }
    said(&mut report(tree.path(), folder.path())).with_status(0);
}

/// A stopped writer is a living one.
#[test]
fn t52_a_writer_that_stands_still_keeps_its_folder() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let first = endless(folder.path());
    send(&first, Signal::STOP);
    refused(said(&mut report(tree.path(), folder.path())), "scan/: another pwalk is writing to it");
    interrupt(first, Signal::KILL);
}

/// In a sticky directory nobody replaces what is another's.
#[test]
fn a_folder_of_another_user_in_a_sticky_directory_is_refused_before_the_walk() {
    if !requires(Need::Root) {
        return;
    }
    let tree = build("basic");
    let bin = crate::harness::copy_for_users(tree.folder());
    let (shared, scan) = (tree.folder().join("shared"), tree.folder().join("shared/scan"));
    fs::create_dir_all(&scan).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(&scan, fs::Permissions::from_mode(0o777)).unwrap();
    as_user(|| {
        let mut command = program(&bin);
        command.args(["report", "/etc", "-q", "--format", "csv", "-o", "scan/"]);
        let why = "belongs to another user, so it can't be replaced in a sticky directory";
        refused(said(command.current_dir(&shared)), &format!("scan/: {why}"));
    });
    assert_eq!(names(&shared), ["scan"]);
}

#[test]
fn the_work_of_another_user_is_named() {
    if !requires(Need::Root) {
        return;
    }
    let tree = build("basic");
    let bin = crate::harness::copy_for_users(tree.folder());
    let shared = tree.folder().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let writer = endless(&shared);
    as_user(|| {
        let mut command = program(&bin);
        command.args(["report", "/etc", "-q", "--format", "csv", "-o", "scan/"]);
        let work = shared.canonicalize().unwrap().join(".scan.pwalk-work");
        let line = format!("scan/: {} belongs to another user", work.display());
        refused(said(command.current_dir(&shared)), &line);
    });
    interrupt(writer, Signal::INT);
    assert_eq!(names(&shared), [""; 0]);
}

#[test]
fn a_folder_is_converted_in_its_own_place() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    said(&mut report(tree.path(), folder.path())).with_status(0);
    let mut command = pwalk();
    command.args(["convert", "scan/", "scan/", "--format", "ndjson"]).current_dir(folder.path());
    assert_eq!(said(&mut command).with_status(0).stderr, "");
    let scan = folder.path().join("scan");
    assert_eq!(names(&scan), ["_summary.json", "part-00000.ndjson"]);
    let text = fs::read_to_string(scan.join("part-00000.ndjson")).unwrap();
    assert_eq!(text.lines().count(), naive(tree.path()).len());
    assert_eq!(names(folder.path()), ["scan"]);
}
