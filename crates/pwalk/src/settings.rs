//! How the system is asked: settings for those who want to compare mechanisms.
//!
//! The defaults are what measured best. What measured as useless or worse is off, and does what
//! its name says when it is switched on.

use crate::threads::{THREADS_MAX, Threads};
use pwalk_engine::{Compared, Disk, FsKind, Placement, Tuning};
use pwalk_sys::{RawFilesystem, allowed_cpus};
use std::path::Path;

/// Settings of a walk. [`Settings::effective`] says what becomes of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The fewest workers, whatever the filesystem and the cores say.
    pub min_threads: Option<usize>,
    /// The most workers.
    pub max_threads: Option<usize>,
    /// Each worker has a deque, and idle ones steal; else all share one queue.
    pub work_stealing: bool,
    /// Binds each worker to a core.
    pub cpu_affinity: bool,
    /// Binds each worker to the cores of a NUMA node, in turn.
    pub numa_aware: bool,
    /// Asks for memory of the node that a worker runs on.
    pub prefer_local_numa: bool,
    /// Reads names by getdents64 into a large buffer; else by readdir(3).
    pub use_getdents: bool,
    /// Reads inodes by statx; else by fstatat.
    pub use_statx: bool,
    /// Opens directories with O_DIRECT where the kernel allows it.
    pub use_o_direct: bool,
    /// Announces that so much of each directory will be read, KiB; 0 for not at all.
    pub readahead_kb: u64,
    /// Reads inodes by statx through an io_uring.
    pub use_io_uring: bool,
    /// Writes outputs through a memory map.
    pub use_mmap: bool,
    /// MiB that a scan holds in memory before it spills.
    pub buffer_size_mb: u64,
    /// Looks what filesystem it is; else it is taken for a local disk.
    pub detect_filesystem: bool,
    /// Takes the filesystem's row of the table of tunings; else that of a local disk.
    pub auto_tune: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            min_threads: None,
            max_threads: None,
            work_stealing: true,
            cpu_affinity: false,
            numa_aware: false,
            prefer_local_numa: false,
            use_getdents: true,
            use_statx: true,
            use_o_direct: false,
            readahead_kb: 0,
            use_io_uring: false,
            use_mmap: false,
            buffer_size_mb: 512,
            detect_filesystem: true,
            auto_tune: true,
        }
    }
}

/// What a setting has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The setting.
    pub name: &'static str,
    /// The value that is used.
    pub value: Value,
    /// Why.
    pub reason: String,
}

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch.
    Switch(bool),
    /// A number.
    Number(u64),
}

impl Settings {
    /// What is used for a walk of `path`, and why.
    ///
    /// # Errors
    ///
    /// `Root` if the path is missing or out of reach, `Argument` if `PWALK_THREADS` is none.
    pub fn effective(&self, path: &Path) -> Result<Vec<Effective>, crate::Error> {
        let info = crate::Info::of(path, None)?;
        let kind = self.fs_kind(Some(&info.filesystem));
        let natural = Threads::choose(None, |name| std::env::var_os(name), kind)?;
        let threads = self.clamp(natural.clone());
        let n_nodes = pwalk_sys::numa_nodes().len();
        let switch = |name, asked: bool, possible: bool, on: String, off: &str| {
            let value = Value::Switch(asked && possible);
            let reason = match (asked, possible) {
                (false, _) => off.to_owned(),
                (true, true) => on,
                (true, false) => format!("asked for, but {on}"),
            };
            Effective { name, value, reason }
        };
        let number = |name, value: u64, reason: String| Effective {
            name,
            value: Value::Number(value),
            reason,
        };
        let count = threads.count as u64;
        let one_node = || format!("this machine has {n_nodes} NUMA node");
        Ok(vec![
            number(
                "min_threads",
                self.min_threads.map_or(count, |n| n as u64),
                self.min_threads.map_or(threads.reason.clone(), |_| "asked for".to_owned()),
            ),
            number(
                "max_threads",
                self.max_threads.map_or(count, |n| n as u64),
                self.max_threads.map_or(threads.reason.clone(), |_| "asked for".to_owned()),
            ),
            number("threads", count, threads.reason.clone()),
            switch(
                "work_stealing",
                self.work_stealing,
                true,
                "a deque for each worker; idle ones steal the oldest job".to_owned(),
                "asked for: one queue for all workers",
            ),
            switch(
                "cpu_affinity",
                self.cpu_affinity,
                !allowed_cpus().is_empty(),
                "each worker is bound to one of the cores of the affinity mask".to_owned(),
                "off: binding measured as no gain (1.01)",
            ),
            switch(
                "numa_aware",
                self.numa_aware,
                n_nodes > 1,
                if n_nodes > 1 {
                    format!("workers take turns among {n_nodes} NUMA nodes")
                } else {
                    one_node()
                },
                "off: the kernel's scheduler places workers",
            ),
            switch(
                "prefer_local_numa",
                self.prefer_local_numa,
                n_nodes > 1,
                if n_nodes > 1 {
                    "memory comes from the node that a worker runs on".to_owned()
                } else {
                    one_node()
                },
                "off: the kernel's default is the local node already",
            ),
            switch(
                "use_getdents",
                self.use_getdents,
                true,
                format!("getdents64, {} KiB at a time", self.tuning(kind).buffer_bytes >> 10),
                "asked for: names by readdir(3)",
            ),
            switch(
                "use_statx",
                self.use_statx || self.uses_ring(),
                true,
                "statx with a mask of just the fields that are needed".to_owned(),
                "asked for: fstatat, which reads all fields and no creation time",
            ),
            switch(
                "use_o_direct",
                self.use_o_direct,
                pwalk_sys::can_open_direct(path),
                "the kernel refuses O_DIRECT on directories here; each open is tried with it and \
                 repeated without"
                    .to_owned(),
                "off: the kernel refuses it on directories (EINVAL)",
            ),
            number(
                "readahead_kb",
                self.readahead_kb,
                match self.readahead_kb {
                    0 => "off: posix_fadvise on a directory measured as no gain".to_owned(),
                    _ => "asked for: posix_fadvise(WILLNEED) on each directory".to_owned(),
                },
            ),
            switch(
                "use_io_uring",
                self.uses_ring(),
                true,
                "statx through a ring for each worker".to_owned(),
                if self.use_io_uring {
                    "asked for, but the kernel gives no ring here"
                } else {
                    "off: statx by io_uring measured as 1.24 times slower"
                },
            ),
            switch(
                "use_mmap",
                self.use_mmap,
                true,
                "files are written through a memory map; parts of a folder are not".to_owned(),
                "off: writing through a memory map measured as no gain (0.99)",
            ),
            number(
                "buffer_size_mb",
                self.buffer_size_mb,
                "a scan holds so much in memory, and the rest in files".to_owned(),
            ),
            switch(
                "detect_filesystem",
                self.detect_filesystem,
                true,
                format!("it is {}", kind.name),
                "asked for: taken for a local disk",
            ),
            switch(
                "auto_tune",
                self.auto_tune,
                true,
                format!("the tuning of {}: {}", kind.name, kind.reason),
                "asked for: the tuning of a local disk",
            ),
        ])
    }

    /// The row of the table of tunings that a walk gets.
    pub(crate) fn fs_kind(&self, raw: Option<&RawFilesystem>) -> &'static FsKind {
        match raw.filter(|_| self.detect_filesystem) {
            Some(raw) if self.auto_tune => crate::setup::fs_kind(raw),
            _ => FsKind::unknown(),
        }
    }

    pub(crate) fn tuning(&self, kind: &FsKind) -> Tuning {
        if self.auto_tune { kind.tuning } else { Tuning::LOCAL }
    }

    pub(crate) fn clamp(&self, threads: Threads) -> Threads {
        let min = self.min_threads.unwrap_or(1).clamp(1, THREADS_MAX);
        let max = self.max_threads.unwrap_or(THREADS_MAX).clamp(min, THREADS_MAX);
        let count = threads.count.clamp(min, max);
        let reason = if count == threads.count {
            threads.reason
        } else {
            format!("{count}, within {min} and {max}; {}", threads.reason)
        };
        Threads { count, reason, ..threads }
    }

    pub(crate) fn source(&self, tuning: Tuning, is_strict: bool) -> Disk {
        Disk {
            buffer_bytes: tuning.buffer_bytes,
            is_strict,
            uses_ring: self.uses_ring(),
            compared: Compared {
                reads_by_readdir: !self.use_getdents,
                stats_by_fstatat: !self.use_statx,
                opens_direct: self.use_o_direct,
                readahead_bytes: self.readahead_kb << 10,
            },
        }
    }

    pub(crate) fn placement(&self) -> Placement {
        let nodes = pwalk_sys::numa_nodes();
        let has_nodes = nodes.len() > 1;
        Placement {
            steals: self.work_stealing,
            cpus: match (self.numa_aware && has_nodes, self.cpu_affinity) {
                (true, _) => nodes,
                (false, true) => allowed_cpus().into_iter().map(|cpu| vec![cpu]).collect(),
                (false, false) => Vec::new(),
            },
            prefers_local_memory: self.prefer_local_numa && has_nodes,
        }
    }

    fn uses_ring(&self) -> bool {
        self.use_io_uring && pwalk_sys::has_io_uring()
    }
}
