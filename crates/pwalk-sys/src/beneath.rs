//! Opening what lies below a directory: no symbolic link is followed, nothing outside is reached.
//!
//! openat2 does that in one call. A kernel without it (before 5.6, or a filter that forbids it)
//! opens one component from the other, each without following a link.

use crate::errno::Errno;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::retry_on_intr;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The longest path that one call takes, without its NUL.
const PATH_LEN_MAX: usize = libc::PATH_MAX as usize - 1;

/// How often a walk that a rename has disturbed is tried again.
const N_TRIES: usize = 100;

/// Opens an entry below `top`, by a path of any length that is relative to it, without a right to
/// anything but to refer to it (`O_PATH`). A symbolic link at its end is the entry itself.
///
/// # Errors
///
/// ELOOP or ENOTDIR if a directory on the way is none, but a link for example; EXDEV for a path that
/// is absolute or leads out of `top`; those of openat2(2).
pub fn open_beneath(top: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let top = top.as_fd();
    let is_bad = |name: &[u8]| matches!(name, b"" | b"." | b"..");
    if path.split(|&byte| byte == b'/').any(is_bad) {
        return Err(Errno::XDEV);
    }
    let mut above: Option<OwnedFd> = None;
    let mut rest = path;
    while rest.len() > PATH_LEN_MAX {
        let cut = rest[..=PATH_LEN_MAX].iter().rposition(|&byte| byte == b'/');
        let cut = cut.ok_or(Errno::NAMETOOLONG)?;
        let at = above.as_ref().map_or(top, |fd| fd.as_fd());
        above = Some(open_short(at, &rest[..cut], OFlags::DIRECTORY)?);
        rest = &rest[cut + 1..];
    }
    open_short(above.as_ref().map_or(top, |fd| fd.as_fd()), rest, OFlags::empty())
}

/// Set once openat2 turned out to be missing.
static LACKS_OPENAT2: AtomicBool = AtomicBool::new(false);

fn open_short(top: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    if !LACKS_OPENAT2.load(Relaxed) {
        match open_at_once(top, path, flags) {
            // EPERM: what some filters of system calls answer; an open by O_PATH has no such error.
            Err(Errno::NOSYS | Errno::PERM) => LACKS_OPENAT2.store(true, Relaxed),
            result => return result,
        }
    }
    open_in_steps(top, path, flags)
}

const FLAGS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_at_once(top: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = CString::new(path).map_err(|_| Errno::INVAL)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let open = || retry_on_intr(|| openat2(top, &path, FLAGS | flags, Mode::empty(), resolve));
    let mut result = open();
    for _ in 1..N_TRIES {
        // The kernel could not tell whether a rename has led it out.
        if result.as_ref().err() != Some(&rustix::io::Errno::AGAIN) {
            break;
        }
        result = open();
    }
    Ok(result?)
}

fn open_in_steps(top: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut at: Option<OwnedFd> = None;
    let mut names = path.split(|&byte| byte == b'/').peekable();
    while let Some(name) = names.next() {
        let flags = if names.peek().is_some() { OFlags::DIRECTORY } else { flags };
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let from = at.as_ref().map_or(top, |fd| fd.as_fd());
        at = Some(retry_on_intr(|| openat(from, &name, FLAGS | flags, Mode::empty()))?);
    }
    at.ok_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};

    type Open = fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd, Errno>;
    const WAYS: [Open; 2] = [open_at_once, open_in_steps];

    fn inode(file: &OwnedFd) -> u64 {
        rustix::fs::fstat(file).unwrap().st_ino
    }

    #[test]
    fn no_link_is_followed_on_the_way_and_the_last_one_is_meant_itself() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "").unwrap();
        symlink("b", at("a/link")).unwrap();
        symlink("/etc", at("a/out")).unwrap();
        let top = File::open(folder.path()).unwrap();
        for open in WAYS {
            let open = |path: &str| open(top.as_fd(), path.as_bytes(), OFlags::empty());
            assert_eq!(inode(&open("a/b/file").unwrap()), at("a/b/file").metadata().unwrap().ino());
            let link = at("a/link").symlink_metadata().unwrap();
            assert_eq!(inode(&open("a/link").unwrap()), link.ino());
            for path in ["a/link/file", "a/out/passwd", "a/b/file/x"] {
                let errno = open(path).unwrap_err();
                assert!([Errno::LOOP, Errno::NOTDIR].contains(&errno), "{path}: {errno}");
            }
            assert_eq!(open("a/none").unwrap_err(), Errno::NOENT);
        }
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        let top = File::open("/usr").unwrap();
        for path in ["", "/", "/etc", "..", "../etc", "lib/../../etc", "lib/", "lib//x", "./lib"] {
            assert_eq!(open_beneath(&top, path.as_bytes()).unwrap_err(), Errno::XDEV, "{path}");
        }
    }

    #[test]
    fn a_link_that_changes_places_with_a_directory_is_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a/b", "canary/b"] {
            fs::create_dir_all(at(name)).unwrap();
            fs::write(at(name).join("file"), "").unwrap();
        }
        symlink(at("canary"), at("link")).unwrap();
        let expected = at("a/b/file").metadata().unwrap().ino();
        let top = File::open(folder.path()).unwrap();
        let is_over = AtomicBool::new(false);
        let swap = || {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            while !is_over.load(Relaxed) {
                rustix::fs::renameat_with(&top, "a", &top, "link", flags).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(swap);
            for round in 0..20_000 {
                let opened = WAYS[round % 2](top.as_fd(), b"a/b/file", OFlags::empty());
                match opened {
                    Ok(file) if inode(&file) == expected => {}
                    Err(Errno::LOOP | Errno::NOTDIR) => {}
                    other => {
                        is_over.store(true, Relaxed);
                        panic!("{other:?} was opened");
                    }
                }
            }
            is_over.store(true, Relaxed);
        });
    }

    #[test]
    fn a_path_beyond_path_max_opens_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let name = "d".repeat(200);
        let top = File::open(folder.path()).unwrap();
        let mut at: OwnedFd = top.try_clone().unwrap().into();
        for _ in 0..50 {
            rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let path = vec![name.as_str(); 50].join("/");
        assert!(path.len() > 2 * PATH_LEN_MAX);
        assert_eq!(inode(&open_beneath(&top, path.as_bytes()).unwrap()), inode(&at));
        assert_eq!(open_beneath(&top, &[b'x'; 5000]).unwrap_err(), Errno::NAMETOOLONG);
    }
}
