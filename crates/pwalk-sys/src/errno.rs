//! Error numbers, with the names that errno(3) gives them.
//!
//! A number, not a closed enum: a filesystem may return any. The names are those of `nix`, which
//! has all of Linux.

use std::fmt;

/// An error number of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(i32);

impl Errno {
    /// Operation not permitted.
    pub const PERM: Errno = Errno(libc::EPERM);
    /// No such file or directory.
    pub const NOENT: Errno = Errno(libc::ENOENT);
    /// Interrupted system call.
    pub const INTR: Errno = Errno(libc::EINTR);
    /// Input/output error.
    pub const IO: Errno = Errno(libc::EIO);
    /// Bad file descriptor.
    pub const BADF: Errno = Errno(libc::EBADF);
    /// Permission denied.
    pub const ACCESS: Errno = Errno(libc::EACCES);
    /// Argument list too long; also an attribute that is too large.
    pub const TOOBIG: Errno = Errno(libc::E2BIG);
    /// Invalid cross-device link; also a path that leads out of where it must stay.
    pub const XDEV: Errno = Errno(libc::EXDEV);
    /// File exists.
    pub const EXIST: Errno = Errno(libc::EEXIST);
    /// Not a directory.
    pub const NOTDIR: Errno = Errno(libc::ENOTDIR);
    /// Invalid argument.
    pub const INVAL: Errno = Errno(libc::EINVAL);
    /// Not enough memory.
    pub const NOMEM: Errno = Errno(libc::ENOMEM);
    /// Too many open files in the system.
    pub const NFILE: Errno = Errno(libc::ENFILE);
    /// Too many open files.
    pub const MFILE: Errno = Errno(libc::EMFILE);
    /// File name too long.
    pub const NAMETOOLONG: Errno = Errno(libc::ENAMETOOLONG);
    /// Function not implemented.
    pub const NOSYS: Errno = Errno(libc::ENOSYS);
    /// No data available: there is no such attribute.
    pub const NODATA: Errno = Errno(libc::ENODATA);
    /// Value too large.
    pub const OVERFLOW: Errno = Errno(libc::EOVERFLOW);
    /// Too many levels of symbolic links.
    pub const LOOP: Errno = Errno(libc::ELOOP);
    /// Invalid or incomplete multibyte sequence.
    pub const ILSEQ: Errno = Errno(libc::EILSEQ);
    /// Stale file handle.
    pub const STALE: Errno = Errno(libc::ESTALE);
    /// Broken pipe.
    pub const PIPE: Errno = Errno(libc::EPIPE);
    /// Connection timed out.
    pub const TIMEDOUT: Errno = Errno(libc::ETIMEDOUT);
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

    /// `EACCES`, or `errno 4242` where the number has no name.
    pub fn name(self) -> String {
        match nix::errno::Errno::from_raw(self.0) {
            nix::errno::Errno::UnknownErrno => format!("errno {}", self.0),
            // Linux has two names for the number. Python and older error lists have this one.
            nix::errno::Errno::EOPNOTSUPP => "ENOTSUP".to_owned(),
            errno => format!("{errno:?}"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_has_a_name_and_words() {
        assert_eq!(format!("{:?} {}", Errno::ACCESS, Errno::ACCESS), "EACCES Permission denied");
        assert_eq!(Errno::from_raw(4242).name(), "errno 4242");
    }

    #[test]
    fn every_errno_of_linux_has_its_name() {
        // Those that errno(3) has no name for: unused, and the numbers beyond the last.
        const NAMELESS: [i32; 5] = [0, 41, 58, 134, 4095];
        for number in (0..=134).chain([4095, -1, i32::MIN]) {
            let name = Errno::from_raw(number).name();
            let is_named = name.starts_with('E') && name.len() > 2;
            assert_eq!(is_named, !NAMELESS.contains(&number) && number > 0, "{number}: {name}");
        }
        let named = [(libc::EDEADLK, "EDEADLK"), (libc::EOPNOTSUPP, "ENOTSUP")];
        let more =
            [(libc::EAGAIN, "EAGAIN"), (libc::EHWPOISON, "EHWPOISON"), (libc::E2BIG, "E2BIG")];
        for (number, name) in named.into_iter().chain(more) {
            assert_eq!(Errno::from_raw(number).name(), name);
        }
    }
}
