//! Little to run with: few descriptors, one processor, many threads.

use crate::harness::{
    BIN, build, copy_for_users, csv_rows, filenames, json, lines, naive, names, paths, program,
    pwalk, said, shell,
};
use crate::signals::{interrupt, started};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::privileges::{Need, requires};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;

#[test]
fn t28_few_descriptors_give_the_full_result() {
    for name in ["wide", "deep"] {
        let tree = build(name);
        let rows = naive(tree.path());
        for (n_descriptors, n_threads) in [(64, 64), (64, 1), (16, 64), (16, 2)] {
            let limited = |command: &str| {
                format!("ulimit -n {n_descriptors} && exec \"$0\" {command} \"$1\"")
            };
            let command = format!("report -qo- -t {n_threads}");
            let report = said(&mut shell(&limited(&command), &[tree.path()])).with_status(0);
            assert_same_rows(&csv_rows(&report.stdout), &lines(&rows));
            let command = format!("walk -t {n_threads}");
            let walk = said(&mut shell(&limited(&command), &[tree.path()])).with_status(0);
            assert_same_rows(&walk.paths(b'\n'), &paths(&rows));
            assert_eq!((&*report.stderr, &*walk.stderr), ("", ""));
        }
    }
}

#[test]
fn t28_a_folder_for_which_descriptors_lack_leaves_nothing_behind() {
    let tree = build("basic");
    for n_descriptors in 4..12 {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "ulimit -n {n_descriptors} && exec \"$0\" report -qo \"$1/\" --format csv \"$2\""
        );
        let limited = said(&mut shell(&script, &[&folder.path().join("scan"), tree.path()]));
        let expected: &[&str] = if limited.status == Some(2) { &[] } else { &["scan"] };
        assert_eq!(names(folder.path()), expected, "{n_descriptors}: {}", limited.stderr);
    }
}

/// The soft limit is too small for the command alone: it raises it to the hard one.
#[test]
fn t28_the_command_takes_as_many_descriptors_as_it_may() {
    let tree = build("basic");
    let rows = lines(&naive(tree.path()));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.csv");
    let script = "ulimit -Sn 4 && ulimit -Hn 64 && exec \"$0\" report -qo \"$1\" \"$2\"";
    said(&mut shell(script, &[&output, tree.path()])).with_status(0);
    assert_same_rows(&csv_rows(&std::fs::read(output).unwrap()), &rows);
}

/// At least so long: no test can say that a machine is fast.
#[test]
fn at_most_so_many_requests_are_made_in_a_second() {
    let tree = build("basic");
    let rows = naive(tree.path());
    // An inode each, but for the root.
    let n_requests = rows.len() - 1;
    let max_ops = format!("--max-ops={}", 2 * n_requests);
    for n_threads in ["-t1", "-t64"] {
        let started = std::time::Instant::now();
        let mut report = pwalk();
        report.args(["report", "-qo-", &max_ops, "--nice", n_threads]).arg(tree.path());
        let report = said(&mut report).with_status(0);
        let seconds = started.elapsed().as_secs_f64();
        assert!(seconds >= 0.49, "{n_requests} requests took {seconds:.2} s");
        assert_same_rows(&csv_rows(&report.stdout), &lines(&rows));
    }
}

#[test]
fn t47_little_memory_is_an_error_and_never_a_hang_or_half_an_output() {
    let tree = build("deep");
    for format in ["csv", "parquet"] {
        let folder = tempfile::tempdir().unwrap();
        let mut statuses = Vec::new();
        // From where not even the program can be loaded to where there is enough. In small steps: from
        // where the walk begins to there it is a few MiB.
        for mib in (16..=400).step_by(2) {
            let mut limited = program("timeout");
            limited.args(["60", "prlimit", &format!("--as={}", mib << 20), BIN, "report", "-qt4"]);
            limited.arg(format!("-oout.{format}")).arg(tree.path()).current_dir(folder.path());
            let output = limited.output().unwrap();
            let status = output.status.code();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_ne!(status, Some(124), "{mib} MiB: it hangs: {text}");
            let expected: &[String] =
                if status == Some(0) { &[format!("out.{format}")] } else { &[] };
            assert_eq!(names(folder.path()), expected, "{mib} MiB: {text}");
            statuses.push((status, text));
            if status == Some(0) {
                break;
            }
        }
        assert_eq!(statuses.last().unwrap().0, Some(0), "{statuses:?}");
        let line = "pwalk: not enough memory: ";
        let is_said = |(status, text): &(Option<i32>, String)| {
            *status == Some(2) && text.starts_with(line) && text.lines().count() == 1
        };
        assert!(statuses.iter().any(is_said), "{statuses:?}");
    }
}

/// The first processor that this process may run on.
fn a_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap();
    list.split(['-', ',']).next().unwrap().to_owned()
}

#[test]
fn t31_one_processor_is_enough_for_any_number_of_threads() {
    let tree = build("deep");
    let rows = lines(&naive(tree.path()));
    let on_one = || {
        let mut command = program("taskset");
        command.args(["-c", &a_processor(), BIN]);
        command
    };
    for threads in [&[][..], &["-t", "1"], &["-t", "2"], &["-t", "64"]] {
        let mut command = on_one();
        command.args(["report", "-qo-"]).args(threads).arg(tree.path());
        assert_same_rows(&csv_rows(&said(&mut command).with_status(0).stdout), &rows);
    }
    let info = json(said(on_one().args(["info", "--json", "/proc"])).with_status(0).stdout);
    assert_eq!((&info["cores"], &info["threads"]), (&1.into(), &1.into()));
}

#[test]
fn t32_far_too_many_threads_bring_the_same_rows() {
    let tree = build("basic");
    let rows = lines(&naive(tree.path()));
    let said = said(&mut shell("exec \"$0\" report -qo- -t 1000 \"$1\"", &[tree.path()]));
    assert_same_rows(&csv_rows(&said.with_status(0).stdout), &rows);
}

/// A user of this test alone: the limit counts all processes of a user.
fn user_of_this_test() -> String {
    (100_000 + std::process::id()).to_string()
}

#[test]
fn t47_threads_that_cannot_be_started_make_a_report_slower_and_not_smaller() {
    if !requires(Need::Root) {
        return;
    }
    let tree = build("deep");
    let folder = tempfile::tempdir().unwrap();
    for path in [tree.path(), folder.path()] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let command = copy_for_users(folder.path());
    let rows = naive(tree.path());
    let user = user_of_this_test();
    // The first thread, that of the command, and the one that waits for signals.
    for (n_more, n_threads) in [(0, 1), (1, 1), (3, 3)] {
        let mut limited = program("prlimit");
        limited.arg(format!("--nproc={}", 3 + n_more)).arg("setpriv");
        limited.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(&command);
        limited.args(["report", "-o-", "-t8"]).arg(tree.path());
        let report = said(&mut limited).with_status(0);
        // Not the rows: this user may not read without a trace in the access times.
        assert_same_rows(&filenames(&report.stdout), &paths(&rows));
        let n_refused = 8 - n_threads;
        let line = format!("{n_refused} threads could not be started; the others did the work");
        assert!(report.lines().contains(&&*line), "{}", report.stderr);
    }
}

/// Threads are refused, so that nobody waits for the signal, or nobody can end the job beside.
#[test]
fn t47_without_a_thread_to_spare_ctrl_c_ends_a_report_all_the_same() {
    if !requires(Need::Root) {
        return;
    }
    let user = user_of_this_test();
    for n_processes in [1, 2, 3] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let bin = copy_for_users(folder.path());
        let mut limited = program("prlimit");
        limited.arg(format!("--nproc={n_processes}")).arg("setpriv");
        limited.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(&bin);
        limited.args(["report", "/", "-qo", "out.csv"]).current_dir(folder.path());
        let child = started(&mut limited, folder.path());
        let (status, stderr, _) = interrupt(child, Signal::INT);
        // By the signal itself where nobody could wait for it.
        assert!(matches!(status, None | Some(130)), "{n_processes}: {status:?} {stderr}");
        assert!(!stderr.contains("second"), "{n_processes}: {stderr}");
    }
}
