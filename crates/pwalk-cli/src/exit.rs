//! How the command ends: every exit status, and what leads to it.

use crate::message;
use crate::panics;
use crate::signals;
use pwalk::{Error, ErrorKind};

/// An exit status with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for was done.
    Complete,
    /// It was done as far as possible: there were errors, and they were said.
    Errors,
    /// It could not be done: bad arguments, a missing root, an output that can't be written.
    Unable,
    /// A signal ended it, by its number; nothing was written.
    Signal(u8),
    /// The reader of standard output left before the end, and with it what should have been
    /// written beside it.
    ReaderLeft,
}

impl Exit {
    /// The number for the system: 128 and the signal's number for a signal.
    pub(crate) fn status(self) -> u8 {
        match self {
            Exit::Complete => 0,
            Exit::Errors => 1,
            Exit::Unable => 2,
            Exit::Signal(number) => 128 + number,
            // As SIGPIPE would end it.
            Exit::ReaderLeft => 141,
        }
    }

    /// Complete, or with errors.
    pub(crate) fn of_result(is_complete: bool) -> Exit {
        if is_complete { Exit::Complete } else { Exit::Errors }
    }

    /// Says why a job could not be done, unless the reader of standard output has just left.
    pub(crate) fn of_error(error: &Error) -> Exit {
        match error.kind() {
            _ if error.is_closed_stdout() => Exit::Complete,
            ErrorKind::Cancelled => {
                signals::say_interrupted(None);
                Exit::Signal(signals::received())
            }
            ErrorKind::Panicked => panics::say(error),
            _ => {
                message::say(error);
                message::point_at(error);
                Exit::Unable
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_manual() {
        let exits = [Exit::Complete, Exit::Errors, Exit::Unable, Exit::Signal(2), Exit::ReaderLeft];
        assert_eq!(exits.map(Exit::status), [0, 1, 2, 130, 141]);
        assert_eq!([true, false].map(Exit::of_result), [Exit::Complete, Exit::Errors]);
    }
}
