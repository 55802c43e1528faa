//! The process that a shell waits for is not the one whose threads may hang.
//!
//! Where a filesystem may stop answering, the command splits at its start: a second process does
//! the work, and says when everything is in place or removed. Then the first one ends, even if the
//! kernel keeps the second. Must not know what the work is.

use crate::args::Command;
use pwalk::{Ended, Side};
use std::io::{PipeWriter, Write};
use std::sync::OnceLock;

/// Where this process says its status, if another one waits for it.
static WORD: OnceLock<PipeWriter> = OnceLock::new();

/// Splits the process if this command may hang, before it has threads. In the first process it
/// returns when the work is done, with the status.
pub(crate) fn split_if_needed(command: &Command) -> Option<u8> {
    if !may_hang(command) {
        return None;
    }
    match pwalk::split()? {
        Side::Works(word) => {
            let _ = WORD.set(word);
            None
        }
        Side::Waits(worker) => Some(match worker.wait() {
            Ended::Status(status) => status,
            Ended::Signal(signal) => {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                128 + signal as u8
            }
        }),
    }
}

/// True if another process waits for this one, and can end without it.
pub(crate) fn is_supervised() -> bool {
    WORD.get().is_some()
}

/// Ends the process. Everything must be written.
pub(crate) fn leave(status: u8) -> ! {
    if let Some(mut word) = WORD.get() {
        let _ = word.write_all(&[status]);
        pwalk::let_go_of_files(word);
    }
    std::process::exit(status.into())
}

/// A local walk does not notice: it costs a look at the mount table.
fn may_hang(command: &Command) -> bool {
    match command {
        Command::Report(args) => {
            let files = args.files().unwrap_or_default();
            let outputs = args.output.iter().chain(&files.0).chain(&files.1);
            args.walk.may_hang() || pwalk::may_hang(outputs)
        }
        Command::Walk(args) => args.walk.may_hang(),
        Command::Profile(args) => args.walk.may_hang() || pwalk::may_hang(&args.html),
        Command::Repair(args) => args.walk.may_hang() || pwalk::may_hang(args.files()),
        Command::Convert(args) => pwalk::may_hang([&args.input, &args.output]),
        Command::Info(args) => pwalk::may_hang([&args.path]),
        _ => false,
    }
}
