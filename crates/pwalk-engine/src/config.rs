//! Everything that decides what a walk does, resolved: no default is looked up later.

use crate::condition::Condition;
use crate::entry::{FileId, Stat};
use crate::excludes::{Excludes, PathSet, Unmatched};
use crate::filesystems::Filesystems;
use pwalk_sys::Links;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take before it is reported as stalled.
pub const STALL_AFTER: Duration = Duration::from_secs(30);

/// What a walk does, and how. The sink says which fields are read.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is left out, and what is followed.
    pub rules: Rules,
    /// Workers that it starts with, at least 1.
    pub n_workers: usize,
    /// The maximum number of workers, of all filesystems together. If it is not more than `n_workers`,
    /// nothing is measured, and the number is fixed.
    pub workers_max: usize,
    /// Requests that the first worker of a filesystem makes before others join it: in a small tree
    /// they cost more than they bring. 0: all start at once.
    pub n_alone: u64,
    /// Processors that the process may use.
    pub n_cores: usize,
    /// Processors that it can keep busy, in thousandths: a quota may be a fraction of one.
    pub n_millicores: usize,
    /// The filesystems that it may meet, with their tunings.
    pub filesystems: Filesystems,
    /// How jobs and workers are placed.
    pub placement: Placement,
    /// The maximum number of requests per second, as a server counts them; `None`: no limit.
    pub ops_max: Option<u64>,
    /// Requests that a server counts for the inode of an entry: one, or two where attributes must be
    /// fresh, because those that came with the name are requested again.
    pub ops_per_inode: u64,
    /// What directories pass on to what is below them.
    pub inherit: Option<Inherit>,
    /// When to stop with a frontier.
    pub budget: Budget,
    /// A request that is not answered for this long has stalled, and is reported.
    pub stall_after: Duration,
}

/// What is delivered of a tree, in whatever order and by whatever means it is read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether symbolic links are followed. Those given as roots always are.
    pub links: Links,
    /// Whether a walk in order lists symbolic links to directories among the other entries, unasked
    /// where they lead. A walk in any order always does.
    pub links_are_files: bool,
    /// Whether snapshot directories ([`crate::SNAPSHOT_NAMES`]) are walked like others.
    pub walks_snapshots: bool,
    /// Whether the walk stays on the device of its root.
    pub one_file_system: bool,
    /// Levels below a root that are delivered: 0 is the root alone. `None`: all.
    pub max_depth: Option<u32>,
    /// Patterns of entries to leave out.
    pub excludes: Excludes,
    /// Paths to leave out, as rows have them.
    pub exclude_paths: PathSet,
    /// Paths that are roots of this walk too, and are left out where another root meets them.
    pub nested_roots: PathSet,
    /// Mount points below the roots, as rows carry their paths. With `one_file_system` they are
    /// left out unseen, so that a dead mount can't stop the walk; excluded ones are never asked
    /// for their size.
    pub mount_points: PathSet,
    /// Files that the walk itself writes: they are left out of the result.
    pub own_files: Vec<FileId>,
    /// What rows must fulfil to be delivered. Directories are entered whatever it says of them, and
    /// count what is there. A walk in order has none.
    pub condition: Option<Arc<Condition>>,
}

impl Rules {
    /// Whether symbolic links are followed.
    pub fn follow_links(&self) -> bool {
        self.links == Links::Follow
    }

    /// The patterns and paths of the user that matched nothing so far.
    pub fn unmatched_excludes(&self) -> Unmatched {
        self.excludes.unmatched().add(self.exclude_paths.unmatched())
    }

    /// True for a directory that is entered: it lies `level` levels below its root.
    pub fn may_enter(&self, level: u32) -> bool {
        self.max_depth.is_none_or(|max_depth| level < max_depth)
    }
}

impl Default for Rules {
    /// Nothing is left out but snapshots.
    fn default() -> Self {
        Rules {
            links: Links::Keep,
            links_are_files: false,
            walks_snapshots: false,
            one_file_system: false,
            max_depth: None,
            excludes: Excludes::default(),
            exclude_paths: PathSet::default(),
            nested_roots: PathSet::default(),
            mount_points: PathSet::default(),
            own_files: Vec::new(),
            condition: None,
        }
    }
}

/// How jobs and workers are placed on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// As many workers as cores have a deque of their own, from which idle ones steal; else all share
    /// one queue.
    pub steals: bool,
    /// Sets of processors that the workers are bound to, in turn; empty: they are not bound.
    pub cpus: Vec<Vec<usize>>,
    /// Asks for memory of the NUMA node that a worker runs on.
    pub prefers_local_memory: bool,
    /// Workers have the lowest CPU and I/O priority.
    pub is_nice: bool,
}

impl Placement {
    /// Places the calling thread, which is the worker with this number. Where the kernel refuses,
    /// it stays where it is.
    pub(crate) fn place(&self, worker: usize) {
        if !self.cpus.is_empty() {
            pwalk_sys::bind_thread(&self.cpus[worker % self.cpus.len()]);
        }
        if self.prefers_local_memory {
            pwalk_sys::prefer_local_memory();
        }
        if self.is_nice {
            pwalk_sys::give_way();
        }
    }
}

impl Default for Placement {
    /// Deques, and the kernel places the workers.
    fn default() -> Self {
        Placement { steals: true, cpus: Vec::new(), prefers_local_memory: false, is_nice: false }
    }
}

impl Default for Config {
    /// One worker, the default rules, no budget.
    fn default() -> Self {
        Config {
            rules: Rules::default(),
            n_workers: 1,
            workers_max: 1,
            n_alone: 0,
            n_cores: 1,
            n_millicores: 1000,
            filesystems: Filesystems::default(),
            placement: Placement::default(),
            ops_max: None,
            ops_per_inode: 1,
            inherit: None,
            budget: Budget::default(),
            stall_after: STALL_AFTER,
        }
    }
}

/// The number that a directory has by itself, if it has one.
pub type OwnNumber = dyn Fn(&Stat) -> Option<u32> + Send + Sync;

/// A number that entries get from the nearest directory above them that has one: a group, say. Rows
/// have it in [`crate::Row::inherited`].
#[derive(Clone)]
pub struct Inherit {
    /// What a directory passes on by itself; `None`: what it got.
    pub own: Arc<OwnNumber>,
    /// What roots get.
    pub above: Option<u32>,
}

impl Inherit {
    /// What a directory passes on that got this.
    pub(crate) fn pass_on(&self, got: Option<u32>, stat: &Stat) -> Option<u32> {
        (self.own)(stat).or(got)
    }
}

impl fmt::Debug for Inherit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherit").field("above", &self.above).finish_non_exhaustive()
    }
}

/// When a walk stops, between two directories. Without either limit it goes on to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Entries to deliver; a directory that is begun is finished.
    pub n_entries: Option<u64>,
    /// Time to spend.
    pub time: Option<Duration>,
}
