//! Why a job could not be done: one line that names the argument or path, and the reason.

use pwalk_engine::{Errno, ExcludeError};
use pwalk_output::{ColumnsError, FormatError, OutputError, ReadError};
use std::fmt;
use std::path::Path;

/// What kind of thing stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An argument that can't be meant.
    Argument,
    /// A root that is missing or not readable.
    Root,
    /// An output, or a list to be read, that can't be opened, written or finished.
    File,
    /// The job was cancelled: it has no result.
    Cancelled,
}

/// Why a job could not be done. Displays as `subject: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// The path or argument; lossy where it isn't UTF-8.
    subject: String,
    reason: String,
    errno: Option<Errno>,
}

impl Error {
    pub(crate) fn argument(subject: impl Into<String>, reason: impl Into<String>) -> Error {
        let (kind, subject, reason) = (ErrorKind::Argument, subject.into(), reason.into());
        Error { kind, subject, reason, errno: None }
    }

    /// A command that there is no man page of.
    pub fn unknown_command(name: &str) -> Error {
        Error::argument(format!("command '{name}'"), "there is none of that name")
    }

    /// Standard output takes no more.
    pub fn stdout(error: &std::io::Error) -> Error {
        Error::file(Path::new("standard output"), error)
    }

    pub(crate) fn root(path: &[u8], errno: Errno) -> Error {
        let subject = String::from_utf8_lossy(path).into_owned();
        Error { kind: ErrorKind::Root, subject, reason: errno.to_string(), errno: Some(errno) }
    }

    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Error {
        let errno = error.raw_os_error().map(Errno::from_raw);
        let reason = errno.map_or_else(|| error.to_string(), |errno| errno.to_string());
        Error { kind: ErrorKind::File, subject: path.display().to_string(), reason, errno }
    }

    pub(crate) fn cancelled() -> Error {
        let (subject, reason) = ("interrupted".to_owned(), "nothing was written".to_owned());
        Error { kind: ErrorKind::Cancelled, subject, reason, errno: None }
    }

    /// What kind of thing stood in the way.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The path or argument that it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The kernel's reason, where it was the kernel's.
    pub fn errno(&self) -> Option<Errno> {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

impl std::error::Error for Error {}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        Error::file(error.path(), error.io())
    }
}

impl From<ExcludeError> for Error {
    fn from(error: ExcludeError) -> Self {
        Error::argument(format!("exclude pattern '{}'", error.pattern), error.reason)
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        Error::argument(error.subject(), error.reason())
    }
}

impl From<ColumnsError> for Error {
    fn from(error: ColumnsError) -> Self {
        Error::argument(format!("column '{}'", error.name), error.reason)
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let subject = error.path().display().to_string();
        Error { kind: ErrorKind::File, subject, reason: error.reason().to_owned(), errno: None }
    }
}
