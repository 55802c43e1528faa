//! A kernel, or a filter of system calls, that has no openat2 and no fchmodat2.
//!
//! A program of its own: what turned out to be missing is remembered for the whole process.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use pwalk_sys::{Errno, open_beneath, set_group, set_mode};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

/// Makes these calls fail with EPERM, as filters of some containers do, for this thread.
#[allow(unsafe_code)]
fn forbid(calls: [libc::c_long; 2]) -> bool {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equals = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let say = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        // The number is the first field of what a filter sees.
        step(load, 0, 0, 0),
        step(equals, 2, 0, calls[0] as u32),
        step(equals, 1, 0, calls[1] as u32),
        step(say, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(say, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program and its filter outlive the calls, and both prctl commands take no more than
    // these arguments.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program, 0, 0) == 0
    }
}

fn is_as(path: &Path, mode: u32, gid: u32) -> bool {
    let metadata = fs::metadata(path).unwrap();
    (metadata.mode() & 0o7777, metadata.gid()) == (mode, gid)
}

#[test]
fn t43_without_openat2_and_fchmodat2_nothing_is_different() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/file");
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(&path, "").unwrap();
    symlink("a", folder.path().join("link")).unwrap();
    if !forbid([libc::SYS_openat2, libc::SYS_fchmodat2]) {
        return; // A kernel without filters.
    }
    let top = File::open(folder.path()).unwrap();
    let file = open_beneath(&top, b"a/file").unwrap();
    assert_eq!(open_beneath(&top, b"link/file").unwrap_err(), Errno::NOTDIR);
    let gid = fs::metadata(&path).unwrap().gid();
    set_mode(&file, 0o640).unwrap();
    set_group(&file, gid).unwrap();
    assert!(is_as(&path, 0o640, gid));
    // Now it is known.
    set_mode(&file, 0o600).unwrap();
    assert!(is_as(&path, 0o600, gid));
    assert!(open_beneath(&top, b"a/none").is_err_and(|errno| errno == Errno::NOENT));
}
