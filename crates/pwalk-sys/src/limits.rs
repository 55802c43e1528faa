//! The limit on open descriptors.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit on descriptors to the hard one, and returns what is in force then.
///
/// A refusal is no error: the walk works with what it has.
pub fn raise_descriptor_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let in_force = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(_) => before,
    };
    in_force.unwrap_or(u64::MAX)
}

/// Makes the C library keep memory that was freed for the next allocation, instead of giving it
/// back to the kernel and asking for it again: buffers of a few megabytes come and go with every
/// piece of a table. For a process that is nothing but a walk.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub fn keep_freed_memory() {
    const SETTINGS: [(libc::c_int, libc::c_int); 3] = [
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, 128 << 20),
        (libc::M_TOP_PAD, 1 << 20),
    ];
    for (parameter, value) in SETTINGS {
        // SAFETY: it changes thresholds of the allocator, and nothing that is allocated.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Other C libraries have no such setting.
#[cfg(not(target_env = "gnu"))]
pub fn keep_freed_memory() {}
