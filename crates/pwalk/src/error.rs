//! Why a job could not be done: one line that names the argument or path, and the reason.

use pwalk_engine::{Argument, ArgumentError, Errno};
use pwalk_output::{OutputError, ReadError, STDOUT_NAME};
use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An invalid argument.
    Argument,
    /// A root that is missing or not readable.
    Root,
    /// An output, or a file to be read, that can't be opened, written or finished.
    File,
    /// The job was cancelled: it has no result.
    Cancelled,
    /// There was not enough memory: the job has no result.
    Memory,
    /// A thread of the job has panicked, which is a bug of pwalk or of a sink: the job has no
    /// result.
    Panicked,
}

/// Why a job could not be done. Displays as `subject: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cause);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Argument(ArgumentError),
    Path {
        kind: ErrorKind,
        path: PathBuf,
        reason: String,
        errno: Option<Errno>,
    },
    Cancelled,
    Memory,
    /// What the panic has said.
    Panicked(String),
}

impl Error {
    pub(crate) fn bad(
        argument: Argument,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Error {
        ArgumentError::new(argument, value, reason).into()
    }

    /// An argument of the command that makes no sense beside the others.
    pub fn usage(
        argument: &'static str,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Error {
        Error::bad(Argument::new(argument, argument), value, reason)
    }

    /// A root or an output does not answer.
    pub fn timed_out(path: &Path) -> Error {
        Error::root(path.as_os_str().as_bytes(), Errno::TIMEDOUT)
    }

    /// Standard output can't be written to.
    pub fn stdout(error: &std::io::Error) -> Error {
        Error::file(Path::new(STDOUT_NAME), error)
    }

    pub(crate) fn root(path: &[u8], errno: Errno) -> Error {
        let path = PathBuf::from(OsStr::from_bytes(path));
        let (kind, reason) = (ErrorKind::Root, errno.to_string());
        Error(Cause::Path { kind, path, reason, errno: Some(errno) })
    }

    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Error {
        let errno = error.raw_os_error().map(Errno::from_raw);
        let reason = errno.map_or_else(|| error.to_string(), |errno| errno.to_string());
        let (kind, path) = (ErrorKind::File, path.to_owned());
        Error(Cause::Path { kind, path, reason, errno })
    }

    /// A file whose content is not what it should be.
    pub(crate) fn unreadable(path: &Path, reason: String) -> Error {
        Error(Cause::Path { kind: ErrorKind::File, path: path.to_owned(), reason, errno: None })
    }

    pub(crate) fn cancelled() -> Error {
        Error(Cause::Cancelled)
    }

    pub(crate) fn memory() -> Error {
        Error(Cause::Memory)
    }

    /// From what a panic has carried.
    pub fn panicked(panic: &(dyn Any + Send)) -> Error {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Error(Cause::Panicked(text.unwrap_or_else(|| "a thread has panicked".to_owned())))
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Cause::Argument(_) => ErrorKind::Argument,
            Cause::Path { kind, .. } => *kind,
            Cause::Cancelled => ErrorKind::Cancelled,
            Cause::Memory => ErrorKind::Memory,
            Cause::Panicked(_) => ErrorKind::Panicked,
        }
    }

    /// The path that it is about, to the byte.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Cause::Path { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The path or argument that it is about, in words: a path is lossy where it isn't UTF-8.
    pub fn subject(&self) -> String {
        match &self.0 {
            Cause::Argument(error) => error.subject(),
            Cause::Path { path, .. } => path.display().to_string(),
            Cause::Cancelled => "interrupted".to_owned(),
            Cause::Memory => "not enough memory".to_owned(),
            Cause::Panicked(_) => "internal error".to_owned(),
        }
    }

    /// What is wrong with it.
    pub fn reason(&self) -> &str {
        match &self.0 {
            Cause::Argument(error) => error.reason(),
            Cause::Path { reason, .. } => reason,
            Cause::Cancelled => "nothing was written",
            Cause::Memory => "the output is not there, or not complete if it is a stream",
            Cause::Panicked(text) => text,
        }
    }

    /// The name of the invalid argument, as the API spells it.
    pub fn argument(&self) -> Option<&'static str> {
        self.as_argument().map(ArgumentError::argument)
    }

    /// The invalid value.
    pub fn value(&self) -> Option<&str> {
        self.as_argument().map(ArgumentError::value)
    }

    /// The invalid value as messages show it: of a long one, what is around the place that is invalid.
    pub fn excerpt(&self) -> Option<Cow<'_, str>> {
        self.as_argument().map(ArgumentError::excerpt)
    }

    /// Which characters of the value are invalid, counted from 0, where that is known.
    pub fn place(&self) -> Option<Range<usize>> {
        self.as_argument().and_then(ArgumentError::place)
    }

    /// The same in words, for the end of a message; empty if it is not known.
    pub fn place_in_words(&self) -> String {
        self.as_argument().map(ArgumentError::place_in_words).unwrap_or_default()
    }

    /// The kernel's reason, where it was the kernel's.
    pub fn errno(&self) -> Option<Errno> {
        match self.0 {
            Cause::Path { errno, .. } => errno,
            Cause::Memory => Some(Errno::NOMEM),
            _ => None,
        }
    }

    /// True if whoever read standard output has left: no error of a command that writes there.
    pub fn is_closed_stdout(&self) -> bool {
        self.errno() == Some(Errno::PIPE) && self.subject() == STDOUT_NAME
    }

    fn as_argument(&self) -> Option<&ArgumentError> {
        match &self.0 {
            Cause::Argument(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Argument(error) => error.fmt(f),
            _ => write!(f, "{}: {}", self.subject(), self.reason()),
        }
    }
}

impl std::error::Error for Error {}

impl From<ArgumentError> for Error {
    fn from(error: ArgumentError) -> Self {
        Error(Cause::Argument(error))
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        Error::file(error.path(), error.io())
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Error::unreadable(error.path(), error.reason().to_owned())
    }
}
