//! Signals: the command ends at once, and nothing of a report is left but what was there before.
//!
//! The walk that is interrupted is one of `/`, which lasts longer than any test waits.

use crate::harness::{build, names, pwalk, run, said, shell};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::stuck::StuckTree;
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How soon a command must have ended.
const LIMIT: Duration = Duration::from_millis(200);
/// Tries of which the fastest counts: a machine that does something else makes some of them
/// slow, but none fast.
pub(crate) const N_TRIES: usize = 6;

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it is running");
}

/// Waits until it has written to a file in the folder, whether the file has a name or not.
#[track_caller]
pub(crate) fn wait_for_bytes(child: &Child, folder: &Path) {
    let started = Instant::now();
    let is_written = |open: &fs::DirEntry| {
        fs::read_link(open.path()).is_ok_and(|path| path.starts_with(folder))
            && fs::metadata(open.path()).is_ok_and(|file| file.is_file() && file.len() > 0)
    };
    let is_begun = || {
        let open = fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it is running");
        open.flatten().any(|open| is_written(&open))
    };
    while !is_begun() {
        assert!(started.elapsed() < Duration::from_secs(20), "it writes nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until the command has taken SIGINT into its own hands.
#[track_caller]
pub(crate) fn wait_for_handler(child: &Child) {
    let started = Instant::now();
    let is_caught = || -> Option<bool> {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"))?;
        let bit = 1 << (Signal::INT.as_raw() - 1);
        Some(u64::from_str_radix(mask, 16).ok()? & bit != 0)
    };
    while is_caught() != Some(true) {
        assert!(started.elapsed() < Duration::from_secs(20), "it catches no signal");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts a report of everything to `out.csv` in `folder`, and waits until it writes.
fn start(folder: &Path) -> Child {
    let mut command = pwalk();
    command.args(["report", "/", "-o", "out.csv", "--summary", "s.json"]).current_dir(folder);
    started(&mut command, folder)
}

/// Starts a command, and waits until it writes.
pub(crate) fn started(command: &mut Command, folder: &Path) -> Child {
    let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    wait_for_bytes(&child, folder);
    wait_for_handler(&child);
    child
}

/// The status, the messages, and how long it took from the signal to the end.
pub(crate) fn interrupt(mut child: Child, signal: Signal) -> (Option<i32>, String, Duration) {
    let clock = Instant::now();
    send(&child, signal);
    let status = child.wait().unwrap();
    let elapsed = clock.elapsed();
    let mut stderr = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        std::io::Read::read_to_string(&mut pipe, &mut stderr).unwrap();
    }
    (status.code(), stderr, elapsed)
}

#[test]
fn ctrl_c_ends_a_report_within_200_ms_and_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out.csv"), "of last week").unwrap();
    let mut fastest = Duration::MAX;
    for _ in 0..N_TRIES {
        let (status, stderr, elapsed) = interrupt(start(folder.path()), Signal::INT);
        assert_eq!(status, Some(130), "{stderr}");
        let last = stderr.lines().last();
        assert!(
            last.is_none_or(|line| line == "pwalk: interrupted: nothing was written"),
            "{stderr}"
        );
        assert_eq!(names(folder.path()), ["out.csv"]);
        fastest = fastest.min(elapsed);
        if fastest <= LIMIT {
            break;
        }
    }
    assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), b"of last week");
    assert!(fastest <= LIMIT, "{fastest:?}");
}

#[test]
fn every_signal_that_asks_for_the_end_has_its_status() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let (found, stderr, _) = interrupt(start(folder.path()), signal);
        assert_eq!(found, Some(status), "{stderr}");
        assert_eq!(names(folder.path()), [""; 0], "{signal:?}");
    }
}

/// The hangup changes nothing, so that the second signal is the first one that it takes.
#[test]
fn t53_a_command_under_nohup_survives_the_end_of_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' HUP; cd \"$1\" && exec \"$0\" report / -qo out.csv";
    let child = started(&mut shell(script, &[folder.path()]), folder.path());
    send(&child, Signal::HUP);
    let (status, stderr, _) = interrupt(child, Signal::TERM);
    assert_eq!(status, Some(143), "{stderr}");
}

/// The walk hangs in a call that never returns, as on a dead network filesystem: here it is the
/// writing to a reader that does not read.
#[test]
fn ctrl_c_ends_a_command_that_hangs_in_the_kernel() {
    let tree = build("deep");
    for arguments in [&["report", "-o-"][..], &["walk"]] {
        let mut fastest = Duration::MAX;
        for _ in 0..N_TRIES {
            let mut command = pwalk();
            command.args(arguments).arg(tree.path()).stdout(Stdio::piped()).stderr(Stdio::null());
            let child = command.spawn().expect("it starts");
            wait_for_handler(&child);
            wait_until_full(child.stdout.as_ref().unwrap());
            let (status, _, elapsed) = interrupt(child, Signal::INT);
            assert_eq!(status, Some(130), "{arguments:?}");
            fastest = fastest.min(elapsed);
            if fastest <= LIMIT {
                break;
            }
        }
        assert!(fastest <= LIMIT, "{arguments:?}: {fastest:?}");
    }
}

/// Waits until a pipe takes no more: who writes to it waits, too.
#[track_caller]
fn wait_until_full(pipe: &ChildStdout) {
    let started = Instant::now();
    while ioctl_fionread(pipe).unwrap() < 60_000 {
        assert!(started.elapsed() < Duration::from_secs(20), "nobody fills the pipe");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A file has no name before it is complete.
#[test]
fn t44_a_kill_leaves_nothing_but_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out.csv"), "of last week").unwrap();
    let (status, ..) = interrupt(start(folder.path()), Signal::KILL);
    assert_eq!(status, None, "it was killed");
    assert_eq!(names(folder.path()), ["out.csv"]);
    assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), b"of last week");
}

/// The last one to end decides, and neither disturbs the other.
#[test]
fn two_writers_of_one_file_both_succeed() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let writer = start(folder.path());
    send(&writer, Signal::STOP);
    let out = folder.path().join("out.csv");
    let said = run(&["report", "-qo", out.to_str().unwrap(), tree.path().to_str().unwrap()]);
    assert_eq!(said.with_status(0).stderr, "");
    send(&writer, Signal::CONT);
    let (status, ..) = interrupt(writer, Signal::INT);
    assert_eq!(status, Some(130));
    assert_eq!(names(folder.path()), ["out.csv"], "that of the second writer");
}

#[test]
fn t53_a_limit_of_file_sizes_is_an_error_and_leaves_nothing() {
    let (tree, folder) = (build("deep"), tempfile::tempdir().unwrap());
    for (output, format) in [("out.csv", "csv"), ("out.parquet", "parquet"), ("scan/", "csv")] {
        let script = format!(
            "cd \"$1\" && ulimit -f 4 && exec \"$0\" report -o \"$2\" --format {format} \"$3\""
        );
        let arguments = [folder.path().as_os_str(), output.as_ref(), tree.path().as_os_str()];
        let said = said(&mut shell(&script, &arguments)).with_status(2);
        let name = if output == "scan/" { "scan/part-00000.csv" } else { output };
        assert_eq!(said.stderr, format!("pwalk: {name}: File too large\n"));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

/// A shell that waits for the command must learn that it was interrupted.
#[test]
fn a_second_ctrl_c_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let child = start(folder.path());
    send(&child, Signal::INT);
    let _ = Command::new("kill").arg("-INT").arg(child.id().to_string()).output();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(names(folder.path()), [""; 0]);
}

/// The kernel keeps the process until the filesystem answers: it must have said why.
#[test]
fn t49_ctrl_c_names_a_filesystem_that_does_not_answer_and_leaves_nothing() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    for output in ["scan/", "out.csv"] {
        let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
        let mut command = pwalk();
        command.args(["report", "--format", "csv", "--summary", "s.json", "-o", output]);
        command.arg(stuck.path()).current_dir(folder.path()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        wait_for_handler(&child);
        wait_until_asked(&stuck);
        send(&child, Signal::INT);
        let line = first_line(&mut child);
        let path = stuck.stuck_path().display().to_string();
        let end = "does not respond, and this process ends only when it does";
        assert_eq!(line, format!("pwalk: interrupted: nothing was written; {path} {end}\n"));
        assert_eq!(names(folder.path()), [""; 0], "{output}");
        drop(stuck);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

/// Roots and outputs are looked at before the walk begins.
#[test]
fn t49_ctrl_c_says_that_a_root_does_not_answer() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let stuck = StuckTree::mount().unwrap();
    let mut command = pwalk();
    command.args(["report", "-o-"]).arg(stuck.stuck_path());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    wait_until_asked(&stuck);
    wait_for_handler(&child);
    send(&child, Signal::INT);
    let line = first_line(&mut child);
    let root = stuck.stuck_path().display().to_string();
    let why = format!("{root} does not respond, and this process ends only when it does");
    assert_eq!(line, format!("pwalk: interrupted: nothing was written; {why}\n"));
    drop(stuck);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[track_caller]
fn wait_until_asked(stuck: &StuckTree) {
    let clock = Instant::now();
    while !stuck.is_asked() {
        assert!(clock.elapsed() < Duration::from_secs(20), "nobody asks for the entry");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What it says first, although it can't end yet.
#[track_caller]
fn first_line(child: &mut Child) -> String {
    let stderr = child.stderr.take().unwrap();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stderr).read_line(&mut line);
        let _ = send.send(line);
    });
    receive.recv_timeout(Duration::from_secs(20)).expect("it says something")
}
