//! statx through an io_uring, many at once. It measured as slower than the call itself, because the
//! kernel hands each request to a thread of its own: on a warm local disk 1.24 times, with 1 ms a
//! request and a hundred directories of 500 files 1.4 times. Only a single directory of 20,000 files
//! gains from it, about as much as from the right number of threads.

#![allow(unsafe_code)]

use crate::errno::Errno;
use crate::stat::{Freshness, Links, RawStat, StatMask, at_flags, sync_flag};
use io_uring::squeue::Entry;
use io_uring::{IoUring, Probe, opcode, types};
use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::Statx;
use std::cell::RefCell;
use std::ffi::CStr;
use std::io::ErrorKind;
use std::mem::MaybeUninit;

/// Requests that are on their way at once.
const RING_LEN: usize = 256;

/// Threads of the kernel that work on the requests of one of ours. Without a limit there are four
/// for each processor, and each walk has many threads. What is in flight is then this many times the
/// level, up to the length of a slice, and the level is what is measured: 32 were no better than 8
/// (1.48 s and 1.55 s; without a ring 1.13 s).
const KERNEL_THREADS_MAX: u32 = 8;

thread_local! {
    /// The ring of this thread; `None` if the kernel gives none.
    static RING: RefCell<Option<IoUring>> = RefCell::new(new_ring());
}

fn new_ring() -> Option<IoUring> {
    let ring = ring_with_statx(RING_LEN)?;
    // Kernels before 5.15 don't know the limit.
    let _ = ring.submitter().register_iowq_max_workers(&mut [KERNEL_THREADS_MAX; 2]);
    Some(ring)
}

/// Kernels before 5.6 have rings that answer every statx with EINVAL: those do not count.
fn ring_with_statx(len: usize) -> Option<IoUring> {
    let ring = IoUring::new(len as u32).ok()?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).ok()?;
    probe.is_supported(opcode::Statx::CODE).then_some(ring)
}

/// True if the kernel gives this process a ring that knows statx.
pub fn has_io_uring() -> bool {
    ring_with_statx(1).is_some()
}

/// Reads the inodes of `names` in the directory `parent`, each as [`crate::stat_at`] does; `None`
/// if this thread has no ring, which takes a descriptor.
pub fn stat_by_ring(
    parent: impl AsFd,
    names: &[&CStr],
    links: Links,
    mask: StatMask,
    freshness: Freshness,
) -> Option<Vec<Result<RawStat, Errno>>> {
    let flags = at_flags(links) | sync_flag(freshness);
    let parent = types::Fd(parent.as_fd().as_raw_fd());
    let mut answers = Vec::with_capacity(names.len());
    for names in names.chunks(RING_LEN) {
        let mut stats: Box<[MaybeUninit<Statx>]> =
            names.iter().map(|_| MaybeUninit::zeroed()).collect();
        let requests = names.iter().zip(&mut stats).zip(0..).map(|((name, stat), number)| {
            opcode::Statx::new(parent, name.as_ptr(), stat.as_mut_ptr().cast())
                .flags(flags.bits() as i32)
                .mask(mask.flags().bits())
                .build()
                .user_data(number)
        });
        let requests: Vec<Entry> = requests.collect();
        let run = |ring: &mut Option<IoUring>| {
            // SAFETY: names and buffers outlive the requests: all of them are waited for, or the
            // buffers are given up below. Relied on: a name is copied when its request is
            // submitted, and what was not submitted to a ring that is given up never will be.
            let results = unsafe { run(ring.as_mut()?, &requests) };
            if results.is_none() {
                // What the kernel has of it is never given back.
                std::mem::forget(ring.take());
            }
            results
        };
        let Some(results) = RING.with_borrow_mut(run) else {
            std::mem::forget(stats);
            return None;
        };
        answers.extend(results.iter().zip(&stats).map(|(&result, stat)| match result {
            // SAFETY: the kernel has filled it; and all zeros are a valid value, too.
            0.. => Ok(RawStat::from_statx(unsafe { stat.assume_init_ref() })),
            errno => Err(Errno::from_raw(-errno)),
        }));
    }
    Some(answers)
}

/// Submits requests, numbered from 0, and waits for what comes of all of them. `None` if the ring
/// fails: some may still be on their way then.
///
/// # Safety
///
/// There are no more than [`RING_LEN`]. What they point to must live until this returns. If it
/// returns `None`, the ring must not be used or dropped any more, and the buffers that are written
/// to must live for ever.
unsafe fn run(ring: &mut IoUring, requests: &[Entry]) -> Option<Vec<i32>> {
    for request in requests {
        // SAFETY: the caller's promise.
        unsafe { ring.submission().push(request) }.ok()?;
    }
    let mut results = vec![0; requests.len()];
    let mut n_open = requests.len();
    while n_open > 0 {
        match ring.submit_and_wait(n_open) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
        for done in ring.completion() {
            *results.get_mut(done.user_data() as usize)? = done.result();
            n_open -= 1;
        }
    }
    Some(results)
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
        let fields = StatMask::INODE.union(StatMask::SIZE).union(StatMask::OWNER);
        let names = [c"exe", c"none", c"cwd", c"status"].repeat(RING_LEN / 2);
        for links in [Links::Keep, Links::Follow] {
            let by_ring =
                stat_by_ring(&directory, &names, links, fields, Freshness::AsStat).unwrap();
            assert_eq!(by_ring.len(), names.len());
            for (by_ring, name) in by_ring.into_iter().zip(&names) {
                let by_call = stat_at(&directory, name, links, fields, Freshness::AsStat);
                let of = |stat: RawStat| (stat.mode, stat.size, stat.uid);
                assert_eq!(by_ring.map(of), by_call.map(of), "{name:?}");
            }
        }
    }
}
