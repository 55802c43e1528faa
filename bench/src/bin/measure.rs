//! Runs a command and writes what it took: wall, user and system time, peak memory.
//!
//! Owns one number that the runner in Python cannot get: a process inherits the peak memory
//! of the process that started it (Linux keeps it over `execve`), so everything started by an
//! interpreter of 20 MB seems to need 20 MB. This program needs 2 MB.
//!
//! The questionable decision: it runs the command `COUNT` times itself, because a command of
//! a millisecond cannot be timed from an interpreter.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

const USAGE: &str = "usage: measure RESULT COUNT COMMAND [ARG...]\n\
    Runs COMMAND COUNT times and writes a line of JSON for each run into the file RESULT.\n";

/// One run.
struct Run {
    wall_s: f64,
    user_s: f64,
    sys_s: f64,
    rss_kb: i64,
    /// As a shell says it: 128 and the signal for a killed command.
    status: i32,
}

impl Run {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let Run { wall_s, user_s, sys_s, rss_kb, status } = self;
        writeln!(
            to,
            r#"{{"wall_s":{wall_s:.6},"user_s":{user_s:.6},"sys_s":{sys_s:.6},"rss_kb":{rss_kb},"status":{status}}}"#
        )
    }
}

fn run(command: &[OsString]) -> io::Result<Run> {
    let start = Instant::now();
    let child = Command::new(&command[0]).args(&command[1..]).spawn()?;
    let (status, usage) = wait(child.id())?;
    Ok(Run {
        wall_s: start.elapsed().as_secs_f64(),
        user_s: seconds(usage.ru_utime),
        sys_s: seconds(usage.ru_stime),
        rss_kb: usage.ru_maxrss,
        status: status.code().unwrap_or(128 + status.signal().unwrap_or(0)),
    })
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 * 1e-6
}

/// Reaps a child with the usage of it and of all that it waited for.
#[expect(unsafe_code, reason = "neither std nor rustix has wait4")]
fn wait(id: u32) -> io::Result<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    // SAFETY: rusage is a C struct of integers, for which all zero bytes are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live locals of the types that wait4(2) fills in.
        if unsafe { libc::wait4(id as libc::pid_t, &mut status, 0, &mut usage) } >= 0 {
            return Ok((ExitStatus::from_raw(status), usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn run_all(result: &OsString, count: u32, command: &[OsString]) -> io::Result<()> {
    let mut result = File::create(result)?;
    (0..count).try_for_each(|_| run(command)?.write(&mut result))
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let [result, count, command @ ..] = args.as_slice() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let count = count.to_str().and_then(|count| count.parse().ok());
    let (Some(count), false) = (count, command.is_empty()) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match run_all(result, count, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {}: {error}", command[0].display());
            ExitCode::from(2)
        }
    }
}
