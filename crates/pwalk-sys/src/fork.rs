//! A process in two: one that works, and one that waits for it and can always end.
//!
//! The kernel keeps a process with a thread that hangs in a call, even after SIGKILL. Whoever waits
//! for the first process must not wait for that thread.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::fd::{AsFd, AsRawFd};
use std::io::{PipeReader, PipeWriter, Read, pipe};

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The first one, which waits.
    Waits(Worker),
    /// The new one, which works. It writes its status to the pipe when everything is done.
    Works(PipeWriter),
}

/// The process that works, as the other one sees it.
#[derive(Debug)]
pub struct Worker {
    id: Pid,
    word: PipeReader,
    signals: SignalFd,
    /// The signals that were blocked before.
    blocked: SigSet,
}

/// How the work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Status(u8),
    /// By this signal.
    Signal(i32),
}

/// How long the process that works may take to end after its word, in milliseconds.
const GRACE: u16 = 100;

/// How often it is looked whether it was killed, in milliseconds: with a thread that hangs, nothing
/// else tells.
const LOOK: u16 = 1000;

/// Splits this process. `None` if that fails, or if it has more than one thread: locks that the
/// others hold would stay locked in the new process.
#[allow(unsafe_code)]
pub fn split() -> Option<Side> {
    if std::fs::read_dir("/proc/self/task").ok()?.count() != 1 {
        return None;
    }
    let (word, say) = pipe().ok()?;
    let caught = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    let caught: SigSet = caught.into_iter().chain([Signal::SIGTSTP, Signal::SIGCONT]).collect();
    let signals = SignalFd::with_flags(&caught, SfdFlags::SFD_CLOEXEC).ok()?;
    let blocked = caught.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
    let first = Pid::this();
    // SAFETY: checked here: there is no other thread, so the new process is whole.
    let Ok(forked) = (unsafe { fork() }) else {
        let _ = blocked.thread_set_mask();
        return None;
    };
    let ForkResult::Parent { child: id } = forked else {
        // A kill is a kill: the next run must not meet this one's locks.
        let kill = rustix::process::Signal::KILL;
        let _ = rustix::process::set_parent_process_death_signal(Some(kill));
        let _ = blocked.thread_set_mask();
        if Pid::parent() != first {
            let _ = raise(Signal::SIGKILL);
        }
        return Some(Side::Works(say));
    };
    Some(Side::Waits(Worker { id, word, signals, blocked }))
}

impl Worker {
    /// Waits for the word of the other process, or for its end, and passes signals on to it.
    pub fn wait(mut self) -> Ended {
        let ended = loop {
            let [has_signal, has_word] = self.poll(LOOK.into());
            if !(has_signal || has_word)
                && let Some(signal) = self.killed_by()
            {
                break Ended::Signal(signal);
            }
            if has_signal && let Ok(Some(signal)) = self.signals.read_signal() {
                self.pass_on(&signal);
            }
            if has_word {
                let mut status = [0];
                match self.word.read(&mut status) {
                    Ok(1) => break self.said(status[0]),
                    _ => break self.reap(),
                }
            }
        };
        // What came meanwhile was for the work, which is done.
        while self.poll(PollTimeout::ZERO)[0] && self.signals.read_signal().is_ok() {}
        let _ = self.blocked.thread_set_mask();
        ended
    }

    /// Whether there is a signal, and a word or the end.
    fn poll(&self, timeout: PollTimeout) -> [bool; 2] {
        let mut ready =
            [self.signals.as_fd(), self.word.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut ready, timeout) {
            Ok(n) if n > 0 => ready.map(|fd| fd.any().unwrap_or_default()),
            _ => [false; 2],
        }
    }

    /// Everything is done. The other process is waited for, but not for long.
    fn said(&self, status: u8) -> Ended {
        let mut word = [PollFd::new(self.word.as_fd(), PollFlags::POLLIN)];
        if poll(&mut word, GRACE) == Ok(1) {
            // So that its processor time counts.
            self.reap();
        }
        Ended::Status(status)
    }

    /// The signal that killed it, if the kernel keeps it nonetheless: its first thread has ended, and
    /// it can't be waited for. See proc_pid_stat(5): the state comes after the name, the status last.
    fn killed_by(&self) -> Option<i32> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id)).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let status: i32 = fields.trim_end().rsplit(' ').next()?.parse().ok()?;
        let signal = status & 0x7f;
        (fields.starts_with('Z') && signal != 0).then_some(signal)
    }

    fn reap(&self) -> Ended {
        loop {
            match waitpid(self.id, None) {
                Ok(WaitStatus::Exited(_, status)) => return Ended::Status(status as u8),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ended::Signal(signal as i32),
                Err(Errno::EINTR) | Ok(_) => {}
                Err(_) => return Ended::Status(2),
            }
        }
    }

    fn pass_on(&self, info: &siginfo) {
        let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { return };
        // The keys of a terminal have reached both.
        let is_key = info.ssi_code > 0 && matches!(signal, Signal::SIGINT | Signal::SIGTSTP);
        if !is_key {
            let _ = kill(self.id, signal);
        }
        if signal == Signal::SIGTSTP {
            // As without a handler: it stops, unless nobody could let it go on.
            let stops = SigSet::from(signal);
            let _ = raise(signal);
            let _ = stops.thread_unblock();
            let _ = stops.thread_block();
        }
    }
}

/// Puts /dev/null in the place of all open files but one: locks are free, readers of pipes see the
/// end, and no other thread gets the number of a file that it does not know.
#[allow(unsafe_code)]
pub fn let_go_of_files(but: &impl AsFd) {
    let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return;
    };
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<i32> =
        open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open {
        if fd != but.as_fd().as_raw_fd() && fd != null.as_raw_fd() {
            // SAFETY: checked here: nothing but numbers is passed. Relied on: dup3(2) replaces
            // what the number stands for at once; who owns it goes on to own an open file.
            unsafe { libc::dup3(null.as_raw_fd(), fd, libc::O_CLOEXEC) };
        }
    }
}
