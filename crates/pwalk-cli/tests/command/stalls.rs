//! Filesystems that do not answer: they are named, and everything else is walked.

use crate::harness::{ended, pwalk};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::stuck::StuckTree;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// It takes as long as a stall does.
#[test]
fn t49_a_request_that_hangs_for_30_seconds_has_a_line_and_is_in_the_summary() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
    let path = stuck.stuck_path().display().to_string();
    let mut command = pwalk();
    command.args(["report", "-o", "out.csv", "--summary", "s.json"]);
    command.arg(stuck.path()).current_dir(folder.path()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let begins = lines.next().unwrap();
    let (start, end) = begins.split_once(" no answer for 3").expect(&begins);
    assert_eq!(start, format!("pwalk: {path}:"));
    assert!(end.ends_with(" s (stat); the walk goes on"), "{begins}");
    drop(stuck);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let rest: Vec<_> = lines.collect();
    let answered = format!("pwalk: {path}: answered after 3");
    assert!(rest.iter().any(|line| line.starts_with(&answered)), "{rest:?}");
    let summary = fs::read_to_string(folder.path().join("s.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["stalls"], &summary["complete"]), (&1.into(), &false.into()));
    let stall = &summary["stalled"][0];
    assert_eq!((&stall["path"], &stall["operation"]), (&path.into(), &"stat".into()));
    assert!(stall["seconds"].as_f64().unwrap() >= 30.0);
}

/// The kernel keeps the process that works until the filesystem answers, but nobody waits for it.
#[test]
fn t49_a_report_with_a_timeout_ends_with_what_there_is() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
    let path = stuck.stuck_path().display().to_string();
    let mut command = pwalk();
    command.args([
        "report",
        "--timeout=1",
        "-o",
        "out.csv",
        "--errors",
        "e.ndjson",
        "--summary",
        "s.json",
    ]);
    command.arg(stuck.path()).current_dir(folder.path()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let end = lines.find(|line| line.contains("complete")).expect("it ends");
    // The kernel reads no more of a directory in which the server looks an entry up.
    assert_eq!(end, "NOT complete, 2 errors (2 ETIMEDOUT): out.csv");
    let stays = lines.next().expect("it says what it leaves behind");
    let expected = format!("pwalk: {path} does not respond, and process ");
    assert!(stays.starts_with(&expected) && stays.ends_with(" stays until it does"), "{stays}");
    assert_eq!(ended(&mut child), Some(1));
    assert_eq!(lines.next(), None, "standard error is closed");
    let summary = fs::read(folder.path().join("s.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["complete"], false);
    let table = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(table.lines().count(), 2, "the root: {table}");
    let errors = fs::read_to_string(folder.path().join("e.ndjson")).unwrap();
    let errors = errors.lines().map(|line| serde_json::from_str(line).unwrap());
    let errors: Vec<serde_json::Value> = errors.collect();
    let told = |error: &serde_json::Value| (error["operation"].clone(), error["path"].clone());
    let root = stuck.path().to_str().unwrap().into();
    let expected = [("stat".into(), path.into()), ("read".into(), root)];
    assert_eq!(errors.iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn t49_a_root_that_does_not_answer_is_refused_in_time() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    for command in [&["report", "-o-"][..], &["walk"]] {
        let stuck = StuckTree::mount().unwrap();
        let path = stuck.stuck_path().display().to_string();
        let mut child = pwalk();
        let child = child.args(command).args(["--timeout=1", &path]).stderr(Stdio::piped());
        let mut child = child.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), format!("pwalk: {path}: Connection timed out"));
        assert_eq!(ended(&mut child), Some(2));
    }
}

#[test]
fn t49_a_list_of_paths_that_does_not_answer_is_refused_in_time() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for command in [&["report", "-o-"][..], &["walk"]] {
        let stuck = StuckTree::mount().unwrap();
        let list = stuck.stuck_path();
        let mut child = pwalk();
        child.args(command).arg("--timeout=1").arg("--exclude-from").arg(&list).arg(folder.path());
        let mut child = child.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let expected = format!("pwalk: {}: Connection timed out", list.display());
        assert_eq!(lines.next().unwrap(), expected);
        assert_eq!(ended(&mut child), Some(2));
    }
}

#[test]
fn t49_info_says_that_a_path_does_not_answer() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let stuck = StuckTree::mount().unwrap();
    let path = stuck.stuck_path();
    let mut child = pwalk();
    let mut child = child.arg("info").arg(&path).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let expected = format!("pwalk: {}: no answer yet; Ctrl-C ends the wait", path.display());
    assert_eq!(lines.next().unwrap(), expected);
    drop(stuck);
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
