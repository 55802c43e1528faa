//! What the settings do: the source, the workers and the tuning of a walk.

use super::Settings;
use crate::filesystems::fs_kind;
use crate::threads::{THREADS_MAX, Threads};
use pwalk_engine::{Compared, Disk, FsKind, Placement, Tuning};
use pwalk_sys::{Caller, Mount, RawFilesystem, allowed_cpus, filesystem};
use std::path::Path;

impl Settings {
    /// The mount table, if it is needed: for a filter, or because a filesystem is to be asked.
    pub(crate) fn mounts(&self, is_needed: bool) -> Vec<Mount> {
        match is_needed || self.detect_filesystem {
            // Without /proc nothing is known of mounts; the devices that statx returns still are.
            true => pwalk_sys::mounts().unwrap_or_default(),
            false => Vec::new(),
        }
    }

    /// The filesystem of a path, if it is to be asked. What a path is missing is for others to say.
    pub(crate) fn filesystem(&self, table: &[Mount], path: &Path) -> Option<RawFilesystem> {
        if self.detect_filesystem { filesystem(table, path).ok() } else { None }
    }

    /// The row of the table of tunings that a walk gets.
    pub(crate) fn fs_kind(&self, raw: Option<&RawFilesystem>, table: &[Mount]) -> &'static FsKind {
        raw.map_or(FsKind::unknown(), |raw| self.kind_in_use(fs_kind(raw, table)))
    }

    /// The same for who has looked it up.
    pub(crate) fn kind_in_use(&self, kind: &'static FsKind) -> &'static FsKind {
        if self.detect_filesystem && self.auto_tune { kind } else { FsKind::unknown() }
    }

    pub(crate) fn tuning(&self, kind: &FsKind) -> Tuning {
        if self.auto_tune { kind.tuning } else { Tuning::LOCAL }
    }

    pub(crate) fn clamp(&self, threads: Threads) -> Threads {
        let min = self.min_threads.unwrap_or(1).clamp(1, THREADS_MAX);
        let max = self.max_threads.unwrap_or(THREADS_MAX).clamp(min, THREADS_MAX);
        let count = threads.count.clamp(min, max);
        // What measuring makes of it stays within the same bounds.
        let highest = if threads.max > threads.count { threads.max.clamp(min, max) } else { count };
        let reason = if count == threads.count {
            threads.reason
        } else {
            format!("{count}, within {min} and {max}; {}", threads.reason)
        };
        Threads { count, max: highest.max(count), reason, ..threads }
    }

    /// The source of a walk whose first root has this tuning.
    pub(crate) fn source(&self, is_strict: bool, first: Tuning) -> Disk {
        Disk {
            is_strict,
            asking: first.asking,
            caller: Caller::current(),
            // What is submitted at once would be a burst.
            uses_ring: self.uses_ring() && self.max_ops.is_none(),
            compared: Compared {
                reads_by_readdir: !self.use_getdents,
                stats_by_fstatat: !self.use_statx,
                opens_direct: self.use_o_direct,
                readahead_bytes: self.readahead_kb << 10,
            },
        }
    }

    pub(crate) fn placement(&self) -> Placement {
        // Who does not ask for nodes does not pay for looking them up.
        let is_asked = self.numa_aware || self.prefer_local_numa;
        let nodes = if is_asked { pwalk_sys::numa_nodes() } else { Vec::new() };
        let has_nodes = nodes.len() > 1;
        Placement {
            steals: self.work_stealing,
            cpus: match (self.numa_aware && has_nodes, self.cpu_affinity) {
                (true, _) => nodes,
                (false, true) => allowed_cpus().into_iter().map(|cpu| vec![cpu]).collect(),
                (false, false) => Vec::new(),
            },
            prefers_local_memory: self.prefer_local_numa && has_nodes,
            is_nice: self.nice,
        }
    }

    pub(super) fn uses_ring(&self) -> bool {
        self.use_io_uring && pwalk_sys::has_io_uring()
    }
}
