//! Who a test is, and what it needs: root for some trees, an ordinary user for others.
//!
//! Owns the change to an ordinary user, and the one way to skip a test. Knows no test.
//!
//! Credentials are per thread in Linux, and children and new threads inherit them. So a
//! closure runs as another user in a thread of its own, without a second process, and the
//! other tests of the program stay root.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

/// The number of the ordinary user and of his only group: `nobody` on most systems.
pub const USER: u32 = 65_534;

/// Runs `task` as an ordinary user, and returns what it returns.
///
/// Threads and commands that the task starts are that user, too. A caller who is not root is
/// an ordinary user already: then the task just runs.
///
/// # Panics
///
/// With the panic of the task, and if root may not change its user.
pub fn as_user<R: Send>(task: impl FnOnce() -> R + Send) -> R {
    let run = || {
        if is_root() {
            give_up_root().expect("root may become another user");
        }
        task()
    };
    let result = std::thread::scope(|scope| scope.spawn(run).join());
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The groups first: without the user's number of root they could not change any more.
fn give_up_root() -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// A command that runs `program` as an ordinary user; arguments are added as usual.
///
/// The program and the folders above it must be open to everybody.
pub fn user_command(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let user = USER.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
    command.arg(program);
    command
}

/// Is this thread root?
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// What a test can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be root.
    Root,
    /// A mount namespace of its own, in which it may mount (`unshare --mount`).
    Mount,
    /// `/dev/fuse`.
    Fuse,
}

/// Names the file to which each skipped test adds its line. The Makefile sets it, and
/// `tests/skips.py` prints the file, since test runners hide the output of a test that passes.
const SKIPS_FILE: &str = "PWALK_SKIPS";

/// Is it there? If not, says on standard error which test is skipped and why, and adds a line to
/// the list of skipped tests.
///
/// To be used as `if !requires(Need::Root) { return; }`.
///
/// # Panics
///
/// If the list can't be written: a skip that is in no list looks like success.
#[must_use]
pub fn requires(need: Need) -> bool {
    let (is_there, why) = match need {
        Need::Root => (is_root(), "it needs root"),
        Need::Mount => (may_mount(), "it needs the right to mount"),
        Need::Fuse => (has_fuse(), "it needs /dev/fuse"),
    };
    if !is_there {
        skip(why);
    }
    is_there
}

/// Says on standard error, and in the list of skipped tests, that this test is skipped, and why.
///
/// # Panics
///
/// If the list can't be written.
pub fn skip(why: &str) {
    let line = format!("{}: {why}\n", test_name());
    eprint!("skipped: {line}");
    list_skip(&line).expect("the list of skipped tests can be written");
}

/// The name of the running test. Its thread is named for it, but not where it runs alone.
fn test_name() -> String {
    let of_thread = || std::thread::current().name().map(str::to_owned);
    let name = std::env::var("NEXTEST_TEST_NAME").ok().or_else(of_thread);
    name.unwrap_or_else(|| "a test".to_owned())
}

/// One write for a line: tests of several processes add theirs at the same time.
fn list_skip(line: &str) -> std::io::Result<()> {
    match std::env::var_os(SKIPS_FILE) {
        Some(path) => OpenOptions::new().append(true).open(path)?.write_all(line.as_bytes()),
        None => Ok(()),
    }
}

fn may_mount() -> bool {
    let script = "mount -t tmpfs none /tmp";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn has_fuse() -> bool {
    OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_task_and_what_it_starts_are_an_ordinary_user() {
        let id =
            || String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
        let (in_task, in_thread, in_command) =
            as_user(|| (is_root(), std::thread::spawn(is_root).join().unwrap(), id()));
        assert!(!in_task && !in_thread && in_command.trim() != "0");
        let direct = user_command("id").arg("-u").output().unwrap();
        assert_eq!(String::from_utf8(direct.stdout).unwrap(), in_command);
    }

    #[test]
    fn the_other_threads_stay_who_they_are() {
        let before = is_root();
        as_user(|| ());
        assert_eq!(is_root(), before);
    }

    /// What the test below runs in a process of its own.
    #[test]
    #[ignore = "it skips itself, for another test"]
    fn asks_for_root_as_an_ordinary_user() {
        as_user(|| assert!(!requires(Need::Root)));
    }

    #[test]
    fn t54_a_skipped_test_adds_its_line_to_the_list() {
        let list = tempfile::NamedTempFile::new().unwrap();
        list.as_file().set_permissions(PermissionsExt::from_mode(0o666)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "asks_for_root_as_an_ordinary_user"]);
        command.env(SKIPS_FILE, list.path()).env("NEXTEST_TEST_NAME", "some_test");
        assert!(command.output().unwrap().status.success());
        let listed = std::fs::read_to_string(list.path()).unwrap();
        assert_eq!(listed, "some_test: it needs root\n");
    }
}
