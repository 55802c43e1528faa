//! Ctrl-C and its kin: cancel the job, and leave in time whatever the kernel does.
//!
//! A thread can hang in a call to a dead network filesystem, so the process doesn't wait for the
//! job to end: after [`GRACE`] it removes what is unfinished, says so, and exits. Even then the
//! kernel keeps the process until the call returns, so the message says what doesn't answer. Who
//! waits for the command doesn't wait for that where `supervisor.rs` has split it.

use crate::exit::Exit;
use crate::message;
use crate::supervisor;
use pwalk::{Control, Error, ErrorKind, Unfinished, lock};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::process::id;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How long the job may take to end by itself.
const GRACE: Duration = Duration::from_millis(120);

/// A request that lasts so long when the grace is over keeps the process from ending.
const HANGS: Duration = Duration::from_millis(100);

/// Signals that come so soon after the first are the same one, sent to the process and to its group.
const TOGETHER: Duration = Duration::from_millis(50);

/// How long outputs may take to get their names before somebody who waits for it is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stack of a first thread: 8 MiB.
const STACK_SIZE: usize = 8 << 20;

/// The signal that came, for the exit status; SIGINT before any has.
static RECEIVED: AtomicU8 = AtomicU8::new(SIGINT as u8);

/// Somebody has said that the job was interrupted.
static IS_SAID: AtomicBool = AtomicBool::new(false);

/// The job writes to standard output: what came before the signal is written.
static IS_STREAM: AtomicBool = AtomicBool::new(false);

/// The job changes things: what it has begun is finished, and what was done is said at its end.
static IS_CHANGING: AtomicBool = AtomicBool::new(false);

/// From now on the job changes things.
pub(crate) fn changes_things() {
    IS_CHANGING.store(true, Relaxed);
}

/// The signal that cancelled the job.
pub(crate) fn received() -> u8 {
    RECEIVED.load(Relaxed)
}

/// Says once that the job was interrupted, and perhaps why that takes so long.
pub(crate) fn say_interrupted(why: Option<&str>) {
    if !IS_SAID.swap(true, Relaxed) {
        let written = if IS_STREAM.load(Relaxed) { "" } else { ": nothing was written" };
        let why = why.map(|why| format!("; {why}")).unwrap_or_default();
        message::say(format!("interrupted{written}{why}"));
    }
}

/// Makes a file that becomes larger than the limit (`ulimit -f`) an error of the write that
/// tries it, as a full disk is, and not the end of the process.
pub(crate) fn survive_file_limit() {
    // That there is a handler is enough.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Runs it in a thread of its own. The kernel gives a signal to the first thread, also while that
/// hangs in a call and can't take it: so that one only waits.
pub(crate) fn beside_first_thread<R: Send>(task: impl FnOnce() -> R + Send) -> R {
    let task = Mutex::new(Some(task));
    let run = || {
        let task = lock(&task).take().expect("it is run once");
        task()
    };
    std::thread::scope(|scope| {
        let thread = Builder::new().name("pwalk".to_owned()).stack_size(STACK_SIZE);
        match thread.spawn_scoped(scope, run) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => run(),
        }
    })
}

/// A job that a signal cancels, from before it is prepared.
#[derive(Default)]
pub(crate) struct Cancellable {
    pub(crate) control: Control,
    /// What it leaves behind, once it is prepared.
    unfinished: Mutex<Option<Arc<Unfinished>>>,
    /// The root or output that is looked at before it is prepared, and since when.
    asked: Mutex<Option<(String, Instant)>>,
}

impl Cancellable {
    /// Listens from now on.
    pub(crate) fn listen() -> Arc<Cancellable> {
        let job = Arc::<Cancellable>::default();
        let listening = job.clone();
        // Without a handler or a thread for it a signal ends the process at once, and leaves
        // behind what the next run removes.
        let mut signals = vec![SIGINT, SIGTERM];
        if !is_hangup_ignored() {
            signals.push(SIGHUP);
        }
        if let Ok(caught) = Signals::new(&signals)
            && Builder::new().spawn(move || listening.wait_for_signal(caught)).is_err()
        {
            end_by(&signals);
        }
        job
    }

    /// The job is prepared. `is_stream`: it writes to standard output.
    pub(crate) fn prepared(&self, unfinished: Arc<Unfinished>, is_stream: bool) {
        IS_STREAM.store(is_stream, Relaxed);
        *lock(&self.unfinished) = Some(unfinished);
    }

    /// Looks at what the job will look at, so that what doesn't respond has its name. What is
    /// wrong with it, if anything, is for the job to say; but that it does not answer in time, if
    /// there is a timeout, is said here.
    pub(crate) fn look_at<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a PathBuf>,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        for path in paths {
            *lock(&self.asked) = Some((path.to_string_lossy().into_owned(), Instant::now()));
            match timeout {
                None => _ = path.metadata(),
                Some(timeout) if !answers_in_time(path, timeout) => {
                    return Err(Error::timed_out(path));
                }
                Some(_) => {}
            }
        }
        *lock(&self.asked) = None;
        Ok(())
    }

    /// What has been looked at for so long, and how long.
    pub(crate) fn asked(&self, longer_than: Duration) -> Option<(String, Duration)> {
        let asked = lock(&self.asked).clone();
        let asked = asked.map(|(path, since)| (message::one_line(&path), since.elapsed()));
        asked.filter(|(_, since)| *since >= longer_than)
    }

    /// Takes the result of the job, which has ended. What it gave up because of the signal still keeps
    /// the process: that is said.
    pub(crate) fn ended<R>(&self, result: Result<R, Error>) -> Result<R, Error> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::Cancelled
            && let Some(path) = self.left_behind()
        {
            say_interrupted(Some(&does_not_respond(&path)));
        }
        result
    }

    /// Says what a job that is done has given up, and still keeps the process.
    pub(crate) fn tell_left_behind(&self) {
        if let Some(path) = self.left_behind() {
            message::say(does_not_respond(&path));
        }
    }

    /// What has not answered for some time. Others may still do so.
    fn left_behind(&self) -> Option<String> {
        loop {
            let left = self.control.left_behind().into_iter().next()?;
            if left.since.elapsed() >= HANGS {
                return Some(message::one_line(&String::from_utf8_lossy(&left.path)));
            }
            std::thread::sleep(HANGS / 10);
        }
    }

    fn wait_for_signal(self: Arc<Self>, mut signals: Signals) {
        let Some(signal) = signals.forever().next() else { return };
        RECEIVED.store(signal as u8, Relaxed);
        self.control.cancel();
        let (hurry, hurries) = channel::<()>();
        // A thread of its own, because what it removes may be on the filesystem that hangs.
        let job = self.clone();
        let ending = move || job.end(|| _ = hurries.recv_timeout(GRACE));
        if Builder::new().spawn(ending).is_err() {
            self.end(|| std::thread::sleep(GRACE));
        }
        std::thread::sleep(TOGETHER);
        signals.pending().for_each(drop);
        if signals.forever().next().is_some() {
            let _ = hurry.send(());
            std::thread::sleep(GRACE);
        }
        in_time(|| message::say("interrupted a second time"));
        exit();
    }

    /// Gives the job some time to end by itself, and then ends the process.
    fn end(&self, wait: impl FnOnce()) {
        wait();
        if IS_CHANGING.load(Relaxed) {
            std::thread::sleep(PATIENCE);
            message::say(
                "waiting for changes that were begun; a second signal exits without waiting",
            );
            return;
        }
        let unfinished = lock(&self.unfinished);
        let Some(unfinished) = &*unfinished else {
            let asked = self.asked(Duration::ZERO).map(|(path, _)| path);
            let asked =
                asked.unwrap_or_else(|| "a file that was named on the command line".to_owned());
            let why = does_not_respond(&asked);
            in_time(move || say_interrupted(Some(&why)));
            exit();
        };
        let mut waiting = self.control.waiting(HANGS);
        waiting.extend(self.control.left_behind());
        if !unfinished.abandon() {
            // It ends by itself.
            std::thread::sleep(PATIENCE);
            message::say(
                "the outputs are complete and are being put in place; a second signal exits without waiting",
            );
            return;
        }
        let path = waiting.first().map(|waiting| String::from_utf8_lossy(&waiting.path));
        let why = path.map(|path| does_not_respond(&path));
        in_time(move || say_interrupted(why.as_deref()));
        exit();
    }
}

/// Says something, in a thread that is left behind if nobody reads standard error and its pipe is
/// full: the process must end all the same.
fn in_time(say: impl FnOnce() + Send + 'static) {
    let (said, is_said) = channel::<()>();
    let say = move || {
        say();
        drop(said);
    };
    if Builder::new().spawn(say).is_ok() {
        let _ = is_said.recv_timeout(GRACE);
    }
}

/// Looks at a path, in a thread that is left behind if it hangs.
fn answers_in_time(path: &Path, timeout: Duration) -> bool {
    let (answer, answers) = channel();
    let asked = path.to_owned();
    let look = move || _ = answer.send(asked.metadata().is_ok());
    let is_asked = Builder::new().spawn(look).is_ok();
    !is_asked || answers.recv_timeout(timeout).is_ok()
}

/// Without a thread that waits for them, these signals do what they do without a handler.
fn end_by(signals: &[i32]) {
    let always = Arc::new(AtomicBool::new(true));
    for &signal in signals {
        let _ = signal_hook::flag::register_conditional_default(signal, always.clone());
    }
}

/// True if this process was started so as to survive its terminal, as with `nohup`.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

fn does_not_respond(path: &str) -> String {
    match supervisor::is_supervised() {
        true => format!("{path} does not respond, and process {} stays until it does", id()),
        false => format!("{path} does not respond, and this process ends only when it does"),
    }
}

fn exit() -> ! {
    supervisor::leave(Exit::Signal(received()).status())
}
