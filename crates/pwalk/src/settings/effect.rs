//! What becomes of each setting on a path, and why: one short function for each row of the table.

use super::{SETTINGS, Settings, Value};
use crate::error::Error;
use crate::threads::Threads;
use pwalk_engine::FsKind;
use std::path::Path;

/// The effective value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The setting.
    pub name: &'static str,
    /// The value that is used.
    pub value: Value,
    /// Why.
    pub reason: String,
}

/// What the effect of a setting depends on.
pub(super) struct Situation<'a> {
    settings: &'a Settings,
    path: &'a Path,
    /// The row of the table of tunings.
    kind: &'static FsKind,
    /// The workers that a walk gets.
    threads: Threads,
    n_nodes: usize,
}

impl Settings {
    /// What is used for a walk of `path`, and why: first the number of `threads`, then every
    /// setting of the table.
    ///
    /// # Errors
    ///
    /// `Root` if the path is missing or not accessible, `Argument` if `PWALK_THREADS` is invalid.
    pub fn effective(&self, path: &Path) -> Result<Vec<Effective>, Error> {
        let info = crate::Info::of(path, None)?;
        let kind = self.kind_in_use(info.kind);
        let natural = Threads::choose(None, |name| std::env::var_os(name), kind)?;
        let threads = self.clamp(natural);
        let n_nodes = pwalk_sys::numa_nodes().len();
        let situation = Situation { settings: self, path, kind, threads, n_nodes };
        let (value, reason) = threads_used(&situation);
        let mut effective = vec![Effective { name: "threads", value, reason }];
        effective.extend(SETTINGS.iter().map(|setting| {
            let (value, reason) = (setting.effect)(&situation);
            Effective { name: setting.name, value, reason }
        }));
        Ok(effective)
    }
}

type Effect = (Value, String);

fn on(reason: impl Into<String>) -> Effect {
    (Value::Switch(true), reason.into())
}

fn off(reason: impl Into<String>) -> Effect {
    (Value::Switch(false), reason.into())
}

fn number(value: u64, reason: impl Into<String>) -> Effect {
    (Value::Number(value), reason.into())
}

fn threads_used(s: &Situation<'_>) -> Effect {
    number(s.threads.count as u64, s.threads.reason.clone())
}

fn threads_bound(s: &Situation<'_>, asked: Option<usize>) -> Effect {
    asked.map_or_else(|| threads_used(s), |n| number(n as u64, "asked for"))
}

pub(super) fn min_threads(s: &Situation<'_>) -> Effect {
    threads_bound(s, s.settings.min_threads)
}

pub(super) fn max_threads(s: &Situation<'_>) -> Effect {
    threads_bound(s, s.settings.max_threads)
}

pub(super) fn max_ops(s: &Situation<'_>) -> Effect {
    match s.settings.max_ops {
        Some(n) => number(n as u64, "requests per second at most, by all workers together"),
        None => number(0, "no limit: as many as the filesystem answers"),
    }
}

pub(super) fn timeout(s: &Situation<'_>) -> Effect {
    match s.settings.timeout {
        Some(n) => number(
            n as u64,
            "requests that are not answered within this many seconds are given up; each is made by a \
             thread of its own, without io_uring. No effect on a walk in order",
        ),
        None => number(0, "no limit: requests that hang are waited for"),
    }
}

pub(super) fn nice(s: &Situation<'_>) -> Effect {
    match s.settings.nice {
        true => on("workers have nice value 19 and the idle I/O class"),
        false => off("off: workers have the priority of the process"),
    }
}

pub(super) fn work_stealing(s: &Situation<'_>) -> Effect {
    match s.settings.work_stealing {
        true => on(
            "a deque for as many workers as cores; idle ones steal the oldest job. No effect on a walk \
                    in order, whose workers share one plan",
        ),
        false => off("asked for: one queue for all workers. No effect on a walk in order"),
    }
}

pub(super) fn cpu_affinity(s: &Situation<'_>) -> Effect {
    match s.settings.cpu_affinity {
        true if pwalk_sys::allowed_cpus().is_empty() => {
            off("asked for, but the kernel does not say which cores are allowed")
        }
        true => on("each worker is bound to one of the cores of the affinity mask"),
        false => off("off: measured no gain from binding (1.01)"),
    }
}

pub(super) fn numa_aware(s: &Situation<'_>) -> Effect {
    match s.settings.numa_aware {
        true if s.n_nodes < 2 => off("asked for, but this machine has 1 NUMA node"),
        true => on(format!("workers take turns among {} NUMA nodes", s.n_nodes)),
        false => off("off: the kernel's scheduler places workers"),
    }
}

pub(super) fn prefer_local_numa(s: &Situation<'_>) -> Effect {
    match s.settings.prefer_local_numa {
        true if s.n_nodes < 2 => off("asked for, but this machine has 1 NUMA node"),
        true => on("memory comes from the node that a worker runs on"),
        false => off("off: the kernel's default is already the local node"),
    }
}

pub(super) fn use_getdents(s: &Situation<'_>) -> Effect {
    let buffer_kb = s.settings.tuning(s.kind).buffer_bytes >> 10;
    match s.settings.use_getdents {
        true => on(format!("getdents64, {buffer_kb} KiB at a time")),
        false => off("asked for: names are read with readdir(3)"),
    }
}

pub(super) fn use_statx(s: &Situation<'_>) -> Effect {
    match s.settings.use_statx || s.settings.uses_ring() {
        true => on("statx with a mask of only the fields that are needed"),
        false => off("asked for: fstatat, which reads all fields but no creation time"),
    }
}

pub(super) fn use_o_direct(s: &Situation<'_>) -> Effect {
    match s.settings.use_o_direct {
        true if pwalk_sys::can_open_direct(s.path) => on("directories are opened with O_DIRECT"),
        true => off(
            "asked for, but the kernel refuses O_DIRECT on directories here; each is opened with \
             it first and then without",
        ),
        false => off("off: the kernel refuses it on directories (EINVAL)"),
    }
}

pub(super) fn readahead_kb(s: &Situation<'_>) -> Effect {
    let reason = match s.settings.readahead_kb {
        0 => "off: measured no gain from posix_fadvise on a directory",
        _ => "asked for: posix_fadvise(WILLNEED) on each directory",
    };
    number(s.settings.readahead_kb, reason)
}

pub(super) fn use_io_uring(s: &Situation<'_>) -> Effect {
    match s.settings.use_io_uring {
        true if s.settings.max_ops.is_some() => {
            off("asked for, but max_ops spaces requests, and a ring makes many at once")
        }
        true if s.settings.uses_ring() => on("statx through a ring for each worker"),
        true => off("asked for, but the kernel refuses to create a ring here"),
        false => off(
            "off: statx through io_uring measured 1.24 times slower on a disk, and 1.4 times with \
                      1 ms a request",
        ),
    }
}

pub(super) fn use_mmap(s: &Situation<'_>) -> Effect {
    match s.settings.use_mmap {
        true => on("files are written through a memory map; parts of a folder are not"),
        false => off("off: measured no gain from writing through a memory map (0.99)"),
    }
}

pub(super) fn buffer_size_mb(s: &Situation<'_>) -> Effect {
    number(s.settings.buffer_size_mb, "a scan holds this much in memory, and the rest in files")
}

pub(super) fn detect_filesystem(s: &Situation<'_>) -> Effect {
    match s.settings.detect_filesystem {
        true => on(format!("it is {}", s.kind.name)),
        false => off("asked for: treated as a local disk"),
    }
}

pub(super) fn auto_tune(s: &Situation<'_>) -> Effect {
    match s.settings.auto_tune {
        true => on(format!("the tuning of {}: {}", s.kind.name, s.kind.reason)),
        false => off("asked for: the tuning of a local disk"),
    }
}
