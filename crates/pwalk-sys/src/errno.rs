//! Error numbers, with the names that errno(3) gives them.
//!
//! A number, not a closed enum: a filesystem may return any.

use std::fmt;

/// An error number of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident)*) => { [$((libc::$name, stringify!($name))),*] };
}

/// Those that a walk can meet. A number that is missing here is printed as a number.
const NAMES: &[(i32, &str)] = &errnos! {
    EPERM ENOENT EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST EXDEV ENODEV
    ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE
    ENAMETOOLONG ENOSYS ENOTEMPTY ELOOP ENODATA ETIME EREMOTE ENOLINK ECOMM EPROTO EOVERFLOW
    EILSEQ ENOTSUP ECONNRESET ENOTCONN ESHUTDOWN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
    ESTALE EUCLEAN EREMOTEIO EDQUOT EKEYEXPIRED EKEYREJECTED ENOKEY ECANCELED
};

impl Errno {
    /// Operation not permitted.
    pub const PERM: Errno = Errno(libc::EPERM);
    /// No such file or directory.
    pub const NOENT: Errno = Errno(libc::ENOENT);
    /// Interrupted system call.
    pub const INTR: Errno = Errno(libc::EINTR);
    /// Input/output error.
    pub const IO: Errno = Errno(libc::EIO);
    /// Permission denied.
    pub const ACCESS: Errno = Errno(libc::EACCES);
    /// Not a directory.
    pub const NOTDIR: Errno = Errno(libc::ENOTDIR);
    /// Invalid argument.
    pub const INVAL: Errno = Errno(libc::EINVAL);
    /// Too many open files in the system.
    pub const NFILE: Errno = Errno(libc::ENFILE);
    /// Too many open files.
    pub const MFILE: Errno = Errno(libc::EMFILE);
    /// File name too long.
    pub const NAMETOOLONG: Errno = Errno(libc::ENAMETOOLONG);
    /// Too many levels of symbolic links.
    pub const LOOP: Errno = Errno(libc::ELOOP);
    /// Invalid or incomplete multibyte sequence.
    pub const ILSEQ: Errno = Errno(libc::EILSEQ);
    /// Stale file handle.
    pub const STALE: Errno = Errno(libc::ESTALE);
    /// Broken pipe.
    pub const PIPE: Errno = Errno(libc::EPIPE);
    /// Operation canceled.
    pub const CANCELED: Errno = Errno(libc::ECANCELED);
    /// Structure needs cleaning: the filesystem contradicts itself.
    pub const UCLEAN: Errno = Errno(libc::EUCLEAN);

    /// The errno of the last failed call of this thread.
    pub(crate) fn last() -> Errno {
        Errno::from_io(&std::io::Error::last_os_error())
    }

    /// An error number as the kernel gave it.
    pub fn from_raw(number: i32) -> Errno {
        Errno(number)
    }

    /// The number of an `io::Error`; EIO where the error came from no system call.
    pub fn from_io(error: &std::io::Error) -> Errno {
        error.raw_os_error().map_or(Errno::IO, Errno)
    }

    /// The number.
    pub fn raw(self) -> i32 {
        self.0
    }

    /// `EACCES`, or `errno 4242` where the number has no name here.
    pub fn name(self) -> String {
        errno_name(self.0).map_or_else(|| format!("errno {}", self.0), str::to_owned)
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Errno(errno.raw_os_error())
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        std::io::Error::from_raw_os_error(errno.0)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The words of strerror(3): `Permission denied`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from(*self).to_string();
        let number = format!(" (os error {})", self.0);
        f.write_str(text.strip_suffix(&number).unwrap_or(&text))
    }
}

/// The name of an error number as in errno(3), `None` if this table doesn't hold it.
pub fn errno_name(number: i32) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_has_a_name_and_words() {
        assert_eq!(format!("{:?} {}", Errno::ACCESS, Errno::ACCESS), "EACCES Permission denied");
        assert_eq!(Errno::from_raw(4242).name(), "errno 4242");
    }
}
