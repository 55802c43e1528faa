//! Opening directories: relative to a parent, by path, and by paths beyond PATH_MAX.
//!
//! With O_NOATIME a scan leaves no trace. The kernel grants it to the owner and to root, and answers
//! EPERM to others, but only after the name has been looked up: on a file server that is a request
//! more. So callers should know the owner first ([`Caller::owns`]).

use crate::errno::Errno;
use crate::stat::Links;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::retry_on_intr;
use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};
use std::ffi::{CStr, CString};

/// What a descriptor is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To be read with getdents64.
    Read,
    /// The same without a new time of access (O_NOATIME), where the kernel grants that.
    ReadQuietly,
    /// Only to stand at its entries (`O_PATH`): needs no read permission.
    Path,
}

/// Who asks the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    user: u32,
    /// Counts as the owner of everything (CAP_FOWNER), as root does.
    owns_all: bool,
}

impl Caller {
    /// The calling thread.
    pub fn current() -> Caller {
        let sets = capabilities(None);
        let owns_all = sets.is_ok_and(|sets| sets.effective.contains(CapabilitySet::FOWNER));
        Caller { user: geteuid().as_raw(), owns_all }
    }

    /// True for one who has the rights of the owner over what `user` owns.
    pub fn owns(self, user: u32) -> bool {
        self.owns_all || self.user == user
    }
}

/// The longest path that one system call takes, without its NUL.
const PATH_LEN_MAX: usize = libc::PATH_MAX as usize - 1;

/// Opens the directory `name` that stands in `parent`.
pub fn open_directory(
    parent: impl AsFd,
    name: &CStr,
    access: Access,
    links: Links,
) -> Result<OwnedFd, Errno> {
    match access {
        Access::Path => open_with(parent, name, OFlags::PATH, links),
        Access::Read => open_with(parent, name, OFlags::NONBLOCK, links),
        Access::ReadQuietly => open_quietly(parent, name, OFlags::NONBLOCK, links),
    }
}

/// With O_NOATIME, or without where that is refused.
pub(crate) fn open_quietly(
    parent: impl AsFd,
    name: &CStr,
    flags: OFlags,
    links: Links,
) -> Result<OwnedFd, Errno> {
    match open_with(&parent, name, flags | OFlags::NOATIME, links) {
        Err(Errno::PERM) => open_with(parent, name, flags, links),
        result => result,
    }
}

fn open_with(
    parent: impl AsFd,
    name: &CStr,
    flags: OFlags,
    links: Links,
) -> Result<OwnedFd, Errno> {
    let follow = match links {
        Links::Follow => OFlags::empty(),
        Links::Keep => OFlags::NOFOLLOW,
    };
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | follow | flags;
    Ok(retry_on_intr(|| openat(&parent, name, flags, Mode::empty()))?)
}

/// Opens the directory at `path`, of any length.
///
/// Only the last component is subject to `links`; those before it are followed, as in open(2).
pub fn open_directory_by_path(path: &[u8], access: Access, links: Links) -> Result<OwnedFd, Errno> {
    let (ancestor, rest) = split_long_path(path)?;
    let at = ancestor.as_ref().map_or(CWD, |fd| fd.as_fd());
    open_directory(at, &rest, access, links)
}

/// Cuts a path that is too long for one system call: a descriptor of an ancestor, and the rest
/// that is relative to it. A path that fits comes back whole, with no descriptor.
pub fn split_long_path(path: &[u8]) -> Result<(Option<OwnedFd>, CString), Errno> {
    let mut ancestor: Option<OwnedFd> = None;
    let mut rest = path;
    while rest.len() > PATH_LEN_MAX {
        let cut = rest[..=PATH_LEN_MAX].iter().rposition(|&byte| byte == b'/');
        let cut = cut.filter(|&cut| cut > 0).ok_or(Errno::NAMETOOLONG)?;
        let at: BorrowedFd<'_> = ancestor.as_ref().map_or(CWD, |fd| fd.as_fd());
        let piece = to_c_string(&rest[..cut])?;
        ancestor = Some(open_directory(at, &piece, Access::Path, Links::Follow)?);
        rest = &rest[cut + 1..];
    }
    Ok((ancestor, to_c_string(rest)?))
}

fn to_c_string(path: &[u8]) -> Result<CString, Errno> {
    CString::new(path).map_err(|_| Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_path_beyond_path_max_opens_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let name = CString::new("d".repeat(200)).unwrap();
        let mut path = folder.path().as_os_str().as_bytes().to_vec();
        let mut at = open_directory_by_path(&path, Access::Read, Links::Keep).unwrap();
        for _ in 0..50 {
            rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = open_directory(&at, &name, Access::Read, Links::Keep).unwrap();
            path.push(b'/');
            path.extend(name.as_bytes());
        }
        assert!(path.len() > 2 * PATH_LEN_MAX);
        let opened = open_directory_by_path(&path, Access::Read, Links::Keep).unwrap();
        assert_eq!(
            rustix::fs::fstat(opened).unwrap().st_ino,
            rustix::fs::fstat(at).unwrap().st_ino
        );
    }

    #[test]
    fn a_link_is_followed_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let path = link.as_os_str().as_bytes();
        assert!(open_directory_by_path(path, Access::Read, Links::Follow).is_ok());
        assert_eq!(
            open_directory_by_path(path, Access::Read, Links::Keep).unwrap_err(),
            Errno::NOTDIR
        );
    }

    #[test]
    fn a_component_without_a_slash_in_reach_is_too_long() {
        assert_eq!(
            open_directory_by_path(&[b'x'; 5000], Access::Read, Links::Keep).unwrap_err(),
            Errno::NAMETOOLONG
        );
        assert_eq!(
            open_directory_by_path(b"a\0b", Access::Read, Links::Keep).unwrap_err(),
            Errno::INVAL
        );
    }
}
