//! Ctrl-C and its kin: cancel the job, and leave in time whatever the kernel does.
//!
//! A worker can hang in a call to a dead network filesystem, so the process doesn't wait for the
//! walk to end: after [`GRACE`] it removes what is unfinished, says so, and exits. Even then the
//! kernel keeps the process until the call returns, so the message says what doesn't answer.

use crate::exit::Exit;
use crate::message;
use pwalk::{Control, Unfinished};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread::Builder;
use std::time::Duration;

/// How long the job may take to end by itself.
const GRACE: Duration = Duration::from_millis(120);

/// A request that lasts so long when the grace is over keeps the process from ending.
const HANGS: Duration = Duration::from_millis(100);

/// The signal that came, for the exit status; SIGINT before any has.
static RECEIVED: AtomicU8 = AtomicU8::new(SIGINT as u8);

/// Somebody has said that the job was interrupted.
static IS_SAID: AtomicBool = AtomicBool::new(false);

/// The signal that cancelled the job.
pub(crate) fn received() -> u8 {
    RECEIVED.load(Relaxed)
}

/// Says once that the job was interrupted.
pub(crate) fn say(text: impl std::fmt::Display) {
    if !IS_SAID.swap(true, Relaxed) {
        message::say(text);
    }
}

/// Makes a file that becomes larger than the limit (`ulimit -f`) an error of the write that
/// tries it, as a full disk is, and not the end of the process.
pub(crate) fn survive_file_limit() {
    // What the handler does is nothing to anybody: that there is one is enough.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Makes SIGINT, SIGTERM and SIGHUP cancel the job that `control` belongs to.
pub(crate) fn cancel_on_signal(control: &Arc<Control>, unfinished: Arc<Unfinished>) {
    // Without the handler a signal ends the process at once, and leaves behind what the next run
    // removes. Nor can a thread always be started.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    let control = control.clone();
    let listen = move || {
        let mut signals = signals.forever();
        let Some(signal) = signals.next() else { return };
        RECEIVED.store(signal as u8, Relaxed);
        control.cancel();
        let (hurry, hurries) = channel();
        // A thread of its own, because what it removes may be on the filesystem that hangs.
        let end = move || end(&control, &unfinished, &hurries);
        if Builder::new().spawn(end).is_ok() && signals.next().is_some() {
            let _ = hurry.send(());
            std::thread::sleep(GRACE);
        }
        say("interrupted");
        exit();
    };
    let _ = Builder::new().spawn(listen);
}

/// Gives the job some time to end by itself, and then ends the process.
fn end(control: &Control, unfinished: &Unfinished, hurries: &Receiver<()>) {
    let _ = hurries.recv_timeout(GRACE);
    let waiting = control.waiting(HANGS);
    if !unfinished.abandon() {
        // It is complete, and its outputs are getting their names: it ends by itself.
        return;
    }
    match waiting.first() {
        Some(waiting) => {
            let path = String::from_utf8_lossy(&waiting.path);
            say(format!("interrupted: {NOTHING}; {path} doesn't answer, {UNTIL}"));
        }
        None => say(format!("interrupted: {NOTHING}")),
    }
    exit();
}

const NOTHING: &str = "nothing was written";
const UNTIL: &str = "this process ends when it does";

fn exit() -> ! {
    std::process::exit(Exit::Signal(received()).status().into())
}
