//! Signals: the command ends at once, and nothing of a report is left but what was there before.
//!
//! The walk that is interrupted is one of `/`, which lasts longer than any test waits.

use crate::harness::{build, ended, names, pwalk, run, said, shell, worker};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::stuck::StuckTree;
use rustix::fs::OFlags;
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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
        let open = fs::read_dir(format!("/proc/{}/fd", worker(child)));
        open.into_iter().flatten().flatten().any(|open| is_written(&open))
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
        let status = fs::read_to_string(format!("/proc/{}/status", worker(child))).ok()?;
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

/// Of a tree that lasts longer than the test waits, and of a scan whose writer has stopped.
#[test]
fn ctrl_c_ends_a_profile_and_leaves_the_page_that_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.html"), "of last week").unwrap();
    for input in [&["/"][..], &["--from", "csv", "/dev/stdin"]] {
        let mut fastest = Duration::MAX;
        for _ in 0..N_TRIES {
            let mut command = pwalk();
            command.args(["profile", "--json", "--html", "page.html"]).args(input);
            command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
            wait_for_handler(&child);
            let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
            let (status, stderr, elapsed) = interrupt(child, Signal::INT);
            drop(stdin);
            assert_eq!(status, Some(130), "{stderr}");
            assert_eq!(stderr, "pwalk: interrupted: nothing was written\n");
            let mut printed = String::new();
            std::io::Read::read_to_string(&mut stdout, &mut printed).unwrap();
            assert_eq!(printed, "");
            assert_eq!(names(folder.path()), ["page.html"]);
            fastest = fastest.min(elapsed);
            if fastest <= LIMIT {
                break;
            }
        }
        assert!(fastest <= LIMIT, "{fastest:?}");
    }
    assert_eq!(fs::read(folder.path().join("page.html")).unwrap(), b"of last week");
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

/// A pipe that is full, and that nobody reads: whoever writes to it waits. The reader keeps it open.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while std::io::Write::write(&mut writer, &[b'x'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader, writer)
}

#[test]
fn a_signal_ends_a_command_although_nobody_reads_its_messages() {
    for arguments in [&[][..], &["--timeout", "1000"]] {
        let folder = tempfile::tempdir().unwrap();
        let (_reader, writer) = full_pipe();
        let mut command = pwalk();
        command.args(["report", "/", "-o", "out.csv"]).args(arguments);
        let mut child = command.current_dir(folder.path()).stderr(writer).spawn().unwrap();
        wait_for_bytes(&child, folder.path());
        wait_for_handler(&child);
        send(&child, Signal::TERM);
        assert_eq!(ended(&mut child), Some(143), "{arguments:?}");
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

/// It can't say that all is done: who doesn't want to wait for that sends a second one.
#[test]
fn two_signals_end_a_command_that_can_not_say_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, writer) = full_pipe();
    let mut command = pwalk();
    command.args(["report", ".", "-o", "out.csv"]).current_dir(folder.path());
    let mut child = command.stderr(writer).spawn().unwrap();
    let clock = Instant::now();
    while names(folder.path()) != ["out.csv"] {
        assert!(clock.elapsed() < Duration::from_secs(20), "it writes nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(200));
    send(&child, Signal::INT);
    assert_eq!(ended(&mut child), Some(130));
    assert_eq!(names(folder.path()), ["out.csv"]);
}

/// The kernel keeps the process that works until the filesystem answers.
#[test]
fn t49_ctrl_c_names_a_filesystem_that_does_not_answer_and_leaves_nothing() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let cases = [
        (&["-o", "scan/"][..], Signal::INT, 130),
        (&["-o", "out.csv"], Signal::INT, 130),
        (&["-o", "out.csv"], Signal::TERM, 143),
        (&["-o", "out.csv", "--timeout", "60"], Signal::INT, 130),
    ];
    for (arguments, signal, status) in cases {
        let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
        let mut command = pwalk();
        command.args(["report", "--format", "csv", "--summary", "s.json"]).args(arguments);
        command.arg(stuck.path()).current_dir(folder.path()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        wait_for_handler(&child);
        wait_until_asked(&stuck);
        let worker = worker(&child);
        send(&child, signal);
        assert_eq!(ended(&mut child), Some(status));
        let path = stuck.stuck_path().display().to_string();
        let why = format!("{path} does not respond, and process {worker} stays until it does");
        assert_eq!(rest(child), format!("pwalk: interrupted: nothing was written; {why}\n"));
        assert!(is_alive(worker), "it hangs in the kernel");
        assert_eq!(names(folder.path()), [""; 0], "{arguments:?}");
    }
}

#[test]
fn t49_ctrl_c_ends_every_command_that_meets_a_path_that_does_not_answer() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let commands: [&[&str]; 7] = [
        &["info", "link"],
        &["profile", "link"],
        &["profile", "--exclude", "x", "mount"],
        &["report", "-qo", "out.csv", "-L", "."],
        &["report", "-qo", "out.csv", "--exclude-from", "link", "local"],
        &["convert", "link", "out.csv", "--from", "csv"],
        &["walk", "link/below"],
    ];
    for arguments in commands {
        let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join("local")).unwrap();
        std::os::unix::fs::symlink(stuck.stuck_path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(stuck.path(), folder.path().join("mount")).unwrap();
        let mut command = pwalk();
        command.args(arguments).current_dir(folder.path()).stdout(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        wait_until_asked(&stuck);
        wait_for_handler(&child);
        send(&child, Signal::INT);
        assert_eq!(ended(&mut child), Some(130), "{arguments:?}");
        assert_eq!(names(folder.path()), ["link", "local", "mount"], "{arguments:?}");
    }
}

/// Whether it is a saved scan is asked of a path before it is walked.
#[test]
fn t49_a_profile_of_a_root_that_answers_nothing_ends_after_its_timeout() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    for options in [&["--timeout", "1"][..], &["--timeout", "1", "--exclude", "x"]] {
        let stuck = StuckTree::mount().unwrap();
        let mut command = pwalk();
        command.args(["profile", "--json"]).args(options).arg(stuck.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert_eq!(ended(&mut child), Some(1), "{options:?}");
    }
}

/// With a timeout the command is two processes.
#[test]
fn t49_a_kill_of_the_process_that_waits_ends_the_one_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = pwalk();
    command.args(["report", "/", "--timeout", "1000", "-o", "out.csv"]).current_dir(folder.path());
    let mut child = started(&mut command, folder.path());
    let worker = worker(&child);
    assert_ne!(worker, child.id());
    child.kill().unwrap();
    assert_eq!(ended(&mut child), None);
    let clock = Instant::now();
    while is_alive(worker) {
        assert!(clock.elapsed() < Duration::from_secs(20), "it works on");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn t49_the_kill_of_the_process_that_works_is_that_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = pwalk();
    command.args(["report", "/", "--timeout", "1000", "-o", "out.csv"]).current_dir(folder.path());
    let mut child = started(&mut command, folder.path());
    let worker = Pid::from_raw(worker(&child) as i32).unwrap();
    kill_process(worker, Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
}

/// As the kernel does when memory runs out: the process that works is the one that has it.
#[test]
fn t49_the_kill_of_the_process_that_works_is_seen_although_a_thread_of_it_hangs() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let (stuck, folder) = (StuckTree::mount().unwrap(), tempfile::tempdir().unwrap());
    let mut command = pwalk();
    command.args(["report", "-qo", "out.csv"]).arg(stuck.path()).current_dir(folder.path());
    let mut child = command.spawn().expect("it starts");
    wait_until_asked(&stuck);
    let worker = worker(&child);
    kill_process(Pid::from_raw(worker as i32).unwrap(), Signal::KILL).unwrap();
    assert_eq!(ended(&mut child), None);
    assert!(is_alive(worker), "it hangs in the kernel");
}

/// True until all threads of a process have ended, whether or not somebody has waited for it.
fn is_alive(id: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let state = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).ok();
    tasks.filter_map(state).any(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// What it has said, once nobody can say more.
fn rest(mut child: Child) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
    text
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
    assert_eq!(ended(&mut child), Some(130));
    let root = stuck.stuck_path().display().to_string();
    let said = rest(child);
    let why = format!("pwalk: interrupted: nothing was written; {root} does not respond, and ");
    assert!(said.starts_with(&why), "{said}");
}

#[track_caller]
fn wait_until_asked(stuck: &StuckTree) {
    let clock = Instant::now();
    while !stuck.is_asked() {
        assert!(clock.elapsed() < Duration::from_secs(20), "nobody asks for the entry");
        std::thread::sleep(Duration::from_millis(2));
    }
}
