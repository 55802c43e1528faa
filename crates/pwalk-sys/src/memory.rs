//! Memory that is set aside, so that a process which has no more can still end in order.
//!
//! Rust ends a process that is refused memory, in whatever function it is asked for (`SIGABRT`).
//! With [`Reserve`] as its allocator the first refusal gives up a reserve instead, and the call
//! succeeds. From then on [`memory_is_short`] is true, and who does something large gives it up.
//! Errors of `try_reserve` were the alternative: they would catch the few large allocations, but
//! a process is as often refused one of its many small ones.
//!
//! It is about limits of address space (`ulimit -v`), and kernels that promise no more than they
//! have. A cgroup's limit ends a process without asking it.

#![allow(unsafe_code)]

use memmap2::MmapMut;
#[cfg(target_env = "gnu")]
use rustix::process::{Resource, getrlimit};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// Bytes set aside, the first that can be had: enough for what workers ask for between two looks
/// at [`memory_is_short`]. They are never touched, so they take address space and no memory; with
/// 32 MiB, what could still be done in 80 MiB of it could not any more.
const LENGTHS: [usize; 2] = [8 << 20, 4 << 20];

static RESERVE: Mutex<Option<MmapMut>> = Mutex::new(None);

/// The reserve was given up. Relaxed: who sees it late asks for a little more memory.
static IS_SHORT: AtomicBool = AtomicBool::new(false);

/// The system's allocator, with a reserve. Of use as `#[global_allocator]` only.
#[derive(Debug)]
pub struct Reserve;

/// Sets memory aside, unless that is done. What was short before is no longer, if that works.
pub fn keep_reserve() {
    let Some(mut reserve) = reserve() else { return };
    if reserve.is_none() {
        *reserve = LENGTHS.iter().find_map(|&len| MmapMut::map_anon(len).ok());
        IS_SHORT.store(reserve.is_none() && memory_is_short(), Relaxed);
    }
}

/// True once the reserve was given up.
#[inline]
pub fn memory_is_short() -> bool {
    IS_SHORT.load(Relaxed)
}

/// True if so many bytes of address space could be had at this moment.
pub fn has_room(len: usize) -> bool {
    MmapMut::map_anon(len).is_ok()
}

/// Has all threads allocate from one heap where address space is limited: glibc takes 64 MiB of it for
/// each of eight heaps a processor, used or not. Who allocates at the same time waits. For the whole
/// process: for a command to do, and not for a library; before it has threads.
pub fn share_heap_if_limited() {
    #[cfg(target_env = "gnu")]
    if getrlimit(Resource::As).current.is_some() {
        // SAFETY: two numbers, of which the first is one that mallopt(3) knows; a refusal changes
        // nothing. No other thread allocates meanwhile, which is for the caller to see to.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Gives up the reserve, if there is one.
#[cold]
fn release() {
    if reserve().and_then(|mut reserve| reserve.take()).is_some() {
        IS_SHORT.store(true, Relaxed);
    }
}

/// Only tried: another thread sets it aside or gives it up, or did so when this process was forked
/// off, and will never be done. Nothing under this lock allocates.
fn reserve() -> Option<MutexGuard<'static, Option<MmapMut>>> {
    match RESERVE.try_lock() {
        Ok(reserve) => Some(reserve),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Once more after a refusal: another thread may have given up the reserve.
#[inline]
fn with_reserve(allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let memory = allocate();
    if !memory.is_null() {
        return memory;
    }
    release();
    let memory = allocate();
    if memory.is_null() && std::thread::panicking() {
        // The standard library would take the lock under which it is printing already, and hang.
        let text = b"pwalk: not enough memory\n";
        let _ = rustix::io::write(rustix::stdio::stderr(), text);
        std::process::abort();
    }
    memory
}

// SAFETY: every call is passed on to the system's allocator as it is, and once more if that has
// refused it, which leaves the memory of a `realloc` as it was (malloc(3)). Nothing here unwinds
// or allocates.
unsafe impl GlobalAlloc for Reserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        with_reserve(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        with_reserve(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        with_reserve(|| unsafe { System.realloc(memory, layout, len) })
    }
}
