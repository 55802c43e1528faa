//! Clocks: one that costs next to nothing, and that of the processors.

#![allow(unsafe_code)]

use std::time::Duration;

/// Time since some moment before the start of this process: as exact as the kernel's tick (1 to
/// 10 ms), and read in 5 ns, where the exact clock takes 25. It stands still in a suspended system.
pub fn coarse_clock() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a live value of the type asked for. Relied on:
    // clock_gettime(2) writes nothing else, and knows this clock since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// What this process has used so far, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time.
    pub cpu: Duration,
    /// How often a thread went to sleep, to wait for something.
    pub n_sleeps: u64,
}

/// What this process has used so far. Source: getrusage(2).
pub fn usage() -> Usage {
    // SAFETY: all zeros are a valid value of this struct of numbers; the pointer is that of a live
    // one. Relied on: getrusage(2) writes nothing else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    Usage { cpu: time(usage.ru_utime) + time(usage.ru_stime), n_sleeps: usage.ru_nvcsw as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_goes_as_the_exact_one_does() {
        let (coarse, exact) = (coarse_clock(), std::time::Instant::now());
        std::thread::sleep(Duration::from_millis(50));
        let (coarse, exact) = (coarse_clock() - coarse, exact.elapsed());
        assert!(coarse.abs_diff(exact) <= Duration::from_millis(11), "{coarse:?}, {exact:?}");
    }
}
