//! Runs the command and looks at what it said.
//!
//! Owns the environment: without the variables that would change what the command does, and
//! without a terminal.

use pwalk_testkit::compare::csv_records;
use pwalk_testkit::oracle::{self, OracleOptions, OracleRow};
use pwalk_testkit::{Tree, fixture};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The command under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_pwalk");

/// What the command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
        Said { status: output.status.code(), stdout: output.stdout, stderr }
    }
}

impl Said {
    /// Lines on standard error.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("it is UTF-8")
    }

    /// Paths that end in `end` each, from standard output.
    #[track_caller]
    pub(crate) fn paths(&self, end: u8) -> Vec<&[u8]> {
        let Some(stdout) = self.stdout.strip_suffix(&[end]) else {
            assert!(self.stdout.is_empty(), "the last path has no end");
            return Vec::new();
        };
        stdout.split(|&byte| byte == end).collect()
    }

    /// It must have ended with this status.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Said {
        assert_eq!(self.status, Some(status), "{}", self.stderr);
        self
    }
}

/// The command, or another program that runs it, in a known environment.
pub(crate) fn program(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ["PWALK_THREADS", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The command, with arguments to come.
pub(crate) fn pwalk() -> Command {
    program(BIN)
}

/// A script of sh, in which `$0` is the command under test, and `$1`, `$2`... are `arguments`.
pub(crate) fn shell<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Command {
    let mut command = program("sh");
    command.args(["-c", script, BIN]).args(arguments);
    command
}

/// Runs it to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    command.output().expect("it starts").into()
}

/// Runs `pwalk` with these arguments.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Said {
    said(pwalk().args(arguments))
}

pub(crate) fn build(name: &str) -> Tree {
    fixture(name).build().expect("the tree can be made")
}

/// The rows of the naive walk with the default options.
pub(crate) fn naive(root: &Path) -> Vec<OracleRow> {
    oracle::walk(root, &OracleOptions::default()).rows
}

pub(crate) fn paths(rows: &[OracleRow]) -> Vec<&[u8]> {
    rows.iter().map(|row| &*row.path).collect()
}

/// Rows as lines of a CSV.
pub(crate) fn lines(rows: &[OracleRow]) -> Vec<Vec<u8>> {
    rows.iter().map(oracle::csv_row).collect()
}

/// The rows of a CSV, without its header.
#[track_caller]
pub(crate) fn csv_rows(text: &[u8]) -> Vec<Vec<u8>> {
    let mut records = csv_records(text);
    assert!(records.remove(0).starts_with(b"inode,parent-inode,"), "there is no header");
    records
}

/// The column `filename` of a CSV whose paths need no quoting.
pub(crate) fn filenames(text: &[u8]) -> Vec<Vec<u8>> {
    let name = |row: &Vec<u8>| row.split(|&byte| byte == b'"').nth(1).map(<[u8]>::to_vec);
    csv_rows(text).iter().filter_map(name).collect()
}

/// What stands in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The JSON of a text of one line.
#[track_caller]
pub(crate) fn json(text: impl AsRef<[u8]>) -> serde_json::Value {
    let text = text.as_ref();
    assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), 1, "it is one line");
    serde_json::from_slice(text).expect("it is JSON")
}

/// The process that works: where the kernel may keep it, that is not the one that was started.
pub(crate) fn worker(child: &Child) -> u32 {
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    children.ok().and_then(|ids| ids.split(' ').next()?.parse().ok()).unwrap_or(id)
}

/// The status of a command that must end, whatever hangs.
#[track_caller]
pub(crate) fn ended(child: &mut Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A copy of the command that every user may run, wherever it was built.
pub(crate) fn copy_for_users(folder: &Path) -> PathBuf {
    let copy = folder.join("pwalk");
    fs::copy(BIN, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

/// `path` below `root`, as bytes.
pub(crate) fn below(root: &Path, path: &str) -> Vec<u8> {
    root.join(path).as_os_str().as_bytes().to_vec()
}
