//! Changing the group, the mode and the ACL of an open inode, never of a path.
//!
//! The descriptors are those of `open_beneath`: `O_PATH`, which some calls take only since lately, or
//! through `/proc/self/fd`.

use crate::errno::Errno;
use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{AtFlags, CWD, Gid, Mode, StatxAttributes, StatxFlags, XattrFlags};
use rustix::fs::{chmodat, chownat, getxattr, listxattr, setxattr, statx};
use rustix::io::retry_on_intr;
use rustix::process::{getegid, getgroups};
use rustix::thread::{CapabilitySet, capabilities};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Permission bits with setuid, setgid and sticky.
pub const MODE_BITS: u32 = 0o7777;

/// Changes the group. The kernel clears setuid and setgid of what is not a directory, and removes file
/// capabilities.
pub fn set_group(file: impl AsFd, gid: u32) -> Result<(), Errno> {
    let gid = Gid::from_raw(gid);
    Ok(retry_on_intr(|| chownat(&file, c"", None, Some(gid), AtFlags::EMPTY_PATH))?)
}

/// Set once fchmodat2 turned out to be missing.
static LACKS_FCHMODAT2: AtomicBool = AtomicBool::new(false);

/// Changes the permission bits, setuid, setgid and sticky.
///
/// # Errors
///
/// Those of fchmodat2(2). Before Linux 6.6 it takes `/proc`.
pub fn set_mode(file: impl AsFd, mode: u32) -> Result<(), Errno> {
    if !LACKS_FCHMODAT2.load(Relaxed) {
        match set_mode_directly(&file, mode) {
            Err(Errno::NOSYS) => LACKS_FCHMODAT2.store(true, Relaxed),
            // A right that is missing, or what some filters of system calls answer.
            Err(Errno::PERM) => {
                set_mode_by_proc(file, mode).map_err(|_| Errno::PERM)?;
                LACKS_FCHMODAT2.store(true, Relaxed);
                return Ok(());
            }
            result => return result,
        }
    }
    set_mode_by_proc(file, mode)
}

#[allow(unsafe_code)]
fn set_mode_directly(file: impl AsFd, mode: u32) -> Result<(), Errno> {
    let file = file.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open, the path is a string with its NUL, and the kernel writes nothing.
    let result = unsafe {
        libc::syscall(libc::SYS_fchmodat2, file, c"".as_ptr(), mode, libc::AT_EMPTY_PATH)
    };
    if result == 0 { Ok(()) } else { Err(Errno::last()) }
}

fn set_mode_by_proc(file: impl AsFd, mode: u32) -> Result<(), Errno> {
    let path = proc_path(file);
    Ok(retry_on_intr(|| chmodat(CWD, &path, Mode::from_raw_mode(mode), AtFlags::empty()))?)
}

/// True if this thread may give setgid to what has this group. From others the kernel takes it away with
/// any change of the mode, without an error.
pub fn may_set_setgid(gid: u32) -> bool {
    let is_own = || getegid().as_raw() == gid;
    let is_in = || getgroups().is_ok_and(|groups| groups.contains(&Gid::from_raw(gid)));
    let is_exempt =
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::FSETID));
    is_own() || is_in() || is_exempt()
}

/// What keeps an inode from being changed, by whomever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// Immutable (chattr +i).
    pub is_immutable: bool,
    /// Append-only (chattr +a).
    pub is_append_only: bool,
}

/// Whether an inode is immutable or append-only. A filesystem that doesn't say has neither.
pub fn locked(file: impl AsFd) -> Result<Locked, Errno> {
    let flags = AtFlags::EMPTY_PATH;
    let stat = retry_on_intr(|| statx(&file, c"", flags, StatxFlags::TYPE))?;
    let has = |attribute| stat.stx_attributes.contains(attribute);
    Ok(Locked {
        is_immutable: has(StatxAttributes::IMMUTABLE),
        is_append_only: has(StatxAttributes::APPEND),
    })
}

/// The names of all extended attributes; none where the filesystem has no such thing.
///
/// # Errors
///
/// Those of listxattr(2); ENOENT without `/proc`.
pub fn attribute_names(file: impl AsFd) -> Result<Vec<Vec<u8>>, Errno> {
    let path = proc_path(file);
    // Long enough for nearly all, so that one call is enough.
    let mut names = vec![0; 512];
    let len = loop {
        match retry_on_intr(|| listxattr(&path, &mut names)) {
            Err(rustix::io::Errno::RANGE) if names.len() < 64 << 10 => {
                names.resize(64 << 10, 0);
            }
            Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
            result => break result?,
        }
    };
    let names = names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// The value of an extended attribute; `None` if there is none.
///
/// # Errors
///
/// Those of getxattr(2); E2BIG beyond 64 KiB.
pub fn attribute(file: impl AsFd, name: &CStr) -> Result<Option<Vec<u8>>, Errno> {
    let path = proc_path(file);
    let mut value = vec![0; 64 << 10];
    match retry_on_intr(|| getxattr(&path, name, &mut value)) {
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP) => Ok(None),
        Err(rustix::io::Errno::RANGE) => Err(Errno::TOOBIG),
        result => {
            value.truncate(result?);
            Ok(Some(value))
        }
    }
}

/// Replaces the value of an extended attribute.
///
/// # Errors
///
/// Those of setxattr(2); ENODATA if there is none.
pub fn replace_attribute(file: impl AsFd, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    let path = proc_path(file);
    Ok(retry_on_intr(|| setxattr(&path, name, value, XattrFlags::REPLACE))?)
}

/// A path that leads to an open inode, whatever has become of its name.
fn proc_path(file: impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beneath::open_beneath;
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn mode_and_group_are_changed_through_a_descriptor_both_ways() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), "").unwrap();
        let top = File::open(folder.path()).unwrap();
        let file = open_beneath(&top, b"f").unwrap();
        // What has its name by now is not touched.
        fs::rename(folder.path().join("f"), folder.path().join("g")).unwrap();
        fs::write(folder.path().join("f"), "").unwrap();
        let other = fs::metadata(folder.path().join("f")).unwrap();
        set_mode_directly(&file, 0o2640).unwrap();
        let mode = || fs::metadata(folder.path().join("g")).unwrap().mode() & MODE_BITS;
        assert_eq!(mode(), 0o2640);
        set_mode_by_proc(&file, 0o604).unwrap();
        assert_eq!(mode(), 0o604);
        if rustix::process::geteuid().is_root() {
            set_group(&file, 4321).unwrap();
            assert_eq!(fs::metadata(folder.path().join("g")).unwrap().gid(), 4321);
        }
        let now = fs::metadata(folder.path().join("f")).unwrap();
        assert_eq!((now.mode(), now.ctime_nsec()), (other.mode(), other.ctime_nsec()));
    }

    #[test]
    fn attributes_are_listed_read_and_replaced_but_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "").unwrap();
        let file = open_beneath(File::open(folder.path()).unwrap(), b"f").unwrap();
        assert_eq!(attribute(&file, c"user.a").unwrap(), None);
        assert_eq!(replace_attribute(&file, c"user.a", b"x").unwrap_err(), Errno::NODATA);
        if rustix::fs::setxattr(&path, c"user.a", b"1", XattrFlags::empty()).is_err() {
            // A filesystem without attributes of users.
            return;
        }
        replace_attribute(&file, c"user.a", b"two").unwrap();
        assert_eq!(attribute(&file, c"user.a").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(attribute_names(&file).unwrap(), [b"user.a".to_vec()]);
        assert_eq!(locked(&file).unwrap(), Locked::default());
    }
}
