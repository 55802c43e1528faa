//! Ctrl-C and its kin: cancel the job, and leave in time whatever the kernel does.
//!
//! A worker can hang in a call to a dead network filesystem, so the process doesn't wait for
//! the walk to end: after [`GRACE`] it removes the part files and exits.

use crate::exit::Exit;
use pwalk::Control;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

/// How long the job may take to end by itself.
const GRACE: Duration = Duration::from_millis(120);

/// The signal that came, for the exit status; SIGINT before any has.
static RECEIVED: AtomicU8 = AtomicU8::new(SIGINT as u8);

/// The signal that cancelled the job.
pub(crate) fn received() -> u8 {
    RECEIVED.load(Relaxed)
}

/// Makes SIGINT, SIGTERM and SIGHUP cancel the job that `control` belongs to.
pub(crate) fn cancel_on_signal(control: &Arc<Control>, part_paths: Vec<PathBuf>) {
    // Without the handler a signal ends the process at once, and leaves a part file behind,
    // which the next run removes.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    let control = control.clone();
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        RECEIVED.store(signal as u8, Relaxed);
        control.cancel();
        std::thread::sleep(GRACE);
        for path in part_paths {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(Exit::Signal(signal as u8).status().into());
    });
}
