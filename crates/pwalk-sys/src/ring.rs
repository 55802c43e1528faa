//! statx through an io_uring: for comparison. Measured as slower than the call itself, because
//! the kernel hands each request to a thread of its own.

#![allow(unsafe_code)]

use crate::errno::Errno;
use crate::stat::{Links, RawStat, StatMask, at_flags, sync_flag};
use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};
use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::Statx;
use std::cell::RefCell;
use std::ffi::CStr;
use std::mem::MaybeUninit;

thread_local! {
    /// The ring of this thread; `None` if the kernel gives none.
    static RING: RefCell<Option<IoUring>> = RefCell::new(IoUring::new(1).ok());
}

/// True if the kernel gives this process a ring.
pub fn has_io_uring() -> bool {
    IoUring::new(1).is_ok()
}

/// Reads the inode of `name` in the directory `parent`, as [`crate::stat_at`] does; `None` if the
/// kernel gives this thread no ring, which takes a descriptor.
pub fn stat_by_ring(
    parent: impl AsFd,
    name: &CStr,
    links: Links,
    mask: StatMask,
    strict: bool,
) -> Option<Result<RawStat, Errno>> {
    let flags = at_flags(links) | sync_flag(strict);
    let mut stat = MaybeUninit::<Statx>::zeroed();
    let parent = types::Fd(parent.as_fd().as_raw_fd());
    let request = opcode::Statx::new(parent, name.as_ptr(), stat.as_mut_ptr().cast())
        .flags(flags.bits() as i32)
        .mask(mask.flags().bits())
        .build();
    let result = RING.with_borrow_mut(|ring| {
        let ring = ring.as_mut()?;
        // SAFETY: the name and the buffer outlive the request, which is waited for here.
        Some(unsafe { wait_for(ring, &request) })
    })?;
    Some(match result {
        // SAFETY: the kernel has filled it; and all zeros are a valid value, too.
        Ok(0..) => Ok(RawStat::from_statx(&unsafe { stat.assume_init() })),
        Ok(errno) => Err(Errno::from_raw(-errno)),
        Err(errno) => Err(errno),
    })
}

/// Submits a request and waits for what comes of it.
///
/// # Safety
///
/// What the request points to must live until this returns.
unsafe fn wait_for(ring: &mut IoUring, request: &Entry) -> Result<i32, Errno> {
    // SAFETY: the caller's promise.
    unsafe { ring.submission().push(request) }.map_err(|_| Errno::INVAL)?;
    loop {
        match ring.submit_and_wait(1) {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_io(&error)),
        }
    }
    ring.completion().next().map(|done| done.result()).ok_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::stat_at;

    #[test]
    fn a_ring_says_what_the_call_says() {
        if !has_io_uring() {
            // Forbidden in many containers; then a walk does without.
            return;
        }
        let directory = std::fs::File::open("/proc/self").unwrap();
        for (name, links) in
            [(c"exe", Links::Keep), (c"exe", Links::Follow), (c"none", Links::Keep)]
        {
            let mask = StatMask::SIZE.union(StatMask::OWNER);
            let by_ring = stat_by_ring(&directory, name, links, mask, false);
            let by_call = stat_at(&directory, name, links, mask, false);
            let of = |stat: RawStat| (stat.mode, stat.size, stat.uid);
            assert_eq!(by_ring.unwrap().map(of), by_call.map(of));
        }
    }
}
