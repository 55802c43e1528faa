//! Readers that leave early: the command ends quietly, whatever it was about to print.

use crate::harness::{build, pwalk};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// Reads `n` lines of what the command prints, closes the pipe, and waits for its end.
fn first_lines(command: &mut Command, n: usize) -> (Option<i32>, usize, String) {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
    let mut line = Vec::new();
    let n_read = (0..n).take_while(|_| stdout.read_until(b'\n', &mut line).unwrap() > 0).count();
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (child.wait().unwrap().code(), n_read, stderr)
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let tree = build("deep");
    let root = tree.path().to_str().unwrap();
    let cases: [(&[&str], usize); 12] = [
        (&["walk", "/usr"], 1),
        (&["walk", "/usr", "-t", "64"], 10),
        (&["walk", "-0", root], 0),
        (&["report", "-o", "-", root], 1),
        (&["report", "-o", "-", root, "-t", "64"], 0),
        (&["report", "-o", "-", root, "--format", "csv.zst"], 0),
        (&["report", "-o", "-", root, "--format", "csv.gz"], 0),
        (&["info", "/"], 1),
        (&["completions", "bash"], 1),
        (&["man", "report"], 1),
        (&["report", "--help"], 1),
        (&["--version"], 0),
    ];
    for (arguments, n_lines) in cases {
        let (status, n_read, stderr) = first_lines(pwalk().args(arguments), n_lines);
        assert_eq!((status, n_read, &*stderr), (Some(0), n_lines, ""), "{arguments:?}");
    }
}

#[test]
fn a_shell_that_counts_failures_in_pipes_sees_none() {
    let script = "set -o pipefail; \"$0\" walk /usr | head -1; \"$0\" walk /usr | head -n 0";
    let mut bash = crate::harness::program("bash");
    let output = bash.args(["-c", script, crate::harness::BIN]).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
}

/// What was to be written beside the table is not there: a script must be able to tell.
#[test]
fn a_reader_that_leaves_costs_the_summary_and_has_a_status_of_its_own() {
    let (tree, folder) = (build("deep"), tempfile::tempdir().unwrap());
    for option in ["--summary", "--errors"] {
        let mut command = pwalk();
        command.args(["report", "-o-", option, "beside.json"]).arg(tree.path());
        let (status, _, stderr) = first_lines(command.current_dir(folder.path()), 0);
        assert_eq!(status, Some(141), "{stderr}");
        let line = "pwalk: the reader of standard output left; not written:";
        assert_eq!(stderr, format!("{line} {option}\n"));
        assert_eq!(crate::harness::names(folder.path()), [""; 0]);
    }
}

/// The table is there, and the summary said whether it is complete.
#[test]
fn a_reader_of_the_summary_that_leaves_does_not_hide_errors() {
    let (tree, folder) = (build("basic"), tempfile::tempdir().unwrap());
    let mut command = pwalk();
    command.args(["report", "--json", "-o", "a.csv"]).arg(tree.path());
    let (status, _, stderr) = first_lines(command.current_dir(folder.path()), 0);
    assert_eq!((status, &*stderr), (Some(0), ""));
}

/// Rust's library opens `/dev/null` in its place, where every write succeeds.
#[test]
fn without_a_standard_output_there_is_an_error_and_no_success() {
    let tree = build("basic");
    let root = tree.path().to_str().unwrap();
    let cases = ["walk \"$1\"", "report -o- \"$1\"", "info", "--help", "--version", "man"];
    for arguments in cases {
        let script = format!("\"$0\" {arguments} >&-");
        let said = crate::harness::said(&mut crate::harness::shell(&script, &[root]));
        assert_eq!(said.with_status(2).stderr, "pwalk: standard output: Bad file descriptor\n");
    }
    let script = "\"$0\" report -qo /dev/null --format csv \"$1\" >&-";
    assert_eq!(crate::harness::said(&mut crate::harness::shell(script, &[root])).status, Some(0));
}
