//! Standard output, where the process was started without one (`>&-`).
//!
//! Rust's library opens `/dev/null` in its place before `main`, and then every write succeeds: who
//! asked for rows would get none, and a success. So it is looked at before, when the program is
//! loaded. In another program, as in Python, that is when the module is loaded.

use rustix::fs::{Mode, OFlags, open};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Written once, before any thread is started.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// The loader calls what this section lists.
#[used]
// SAFETY: checked here: the entry is a function of C that takes no arguments and can't unwind.
// Relied on: `.init_array` of ELF, which the loader runs once, before `main` or at the end of
// dlopen(3).
#[unsafe(link_section = ".init_array")]
#[allow(unsafe_code)]
static LOOK: extern "C" fn() = look;

#[allow(unsafe_code)]
extern "C" fn look() {
    // SAFETY: checked here: nothing but a number is passed. Relied on: fcntl(2) reads the flags
    // of a descriptor, and fails if it isn't open.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    IS_CLOSED.store(flags == -1, Relaxed);
}

/// True if the process was started without a standard output.
pub fn is_stdout_closed() -> bool {
    IS_CLOSED.load(Relaxed)
}

/// Opens `/dev/null` for the standard descriptors that are closed, as Rust's library does in a
/// program of its own: a file that is opened later must not become standard output or error.
pub fn occupy_standard_descriptors() {
    while let Ok(null) = open("/dev/null", OFlags::RDWR, Mode::empty()) {
        if null.as_raw_fd() > libc::STDERR_FILENO {
            return;
        }
        // It stays open for as long as the process lives.
        let _ = null.into_raw_fd();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_have_a_standard_output() {
        assert!(!is_stdout_closed());
        occupy_standard_descriptors();
        let next = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        assert!(next.as_raw_fd() > libc::STDERR_FILENO);
    }
}
