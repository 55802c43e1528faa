//! `walk`: starts the workers over a frontier and adds up what they bring.

use crate::condition::Condition;
use crate::config::Config;
use crate::control::Control;
use crate::crew::{self, Brought, Gauge};
use crate::delivery::Outlet;
use crate::descriptors::Descriptors;
use crate::directory::DirInfo;
use crate::entry::Stat;
use crate::filesystems::FsIndex;
use crate::filter::Filter;
use crate::frontier::{Frontier, FrontierDir};
use crate::open_dirs::OpenDirs;
use crate::pacer::Pacer;
use crate::source::{Sink, Source};
use crate::stalls::Stall;
use crate::sync::lock;
use crate::totals::Totals;
use crate::tree::TreeSums;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How a walk ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is left to walk: empty unless the budget ended the walk. Each directory in it is
    /// untouched; each that is not in it is complete: its own row, unless it is left open, and
    /// those of its direct entries were delivered.
    pub frontier: Frontier,
    /// In a walk for totals of subtrees the directories that have something of the frontier below
    /// them, and so no row yet, and what was finished below those of earlier runs.
    pub open: OpenDirs,
    /// Sums over what was delivered.
    pub totals: Totals,
    /// The maximum number of workers at once, not counting those that replaced workers that hung.
    pub n_workers: usize,
    /// Workers to begin with for which the system refused a thread.
    pub n_workers_refused: usize,
    /// True if it was cancelled: what the sink received must not be used.
    pub is_cancelled: bool,
    /// Requests that were not answered for longer than [`Config::stall_after`]: the first 1,000.
    pub stalled: Vec<Stall>,
    /// How many these were.
    pub n_stalls: u64,
}

/// Walks everything below `frontier` and delivers it to `sink`, in no guaranteed order, but a
/// directory's row after its direct entries were counted; if the sink asks for totals of subtrees,
/// after all that is below it was delivered or handed to a batch.
///
/// # Errors
///
/// Only the sink can stop a walk with an error: its first one. What could not be seen of the
/// tree is delivered in [`crate::Batch::errors`] and counted in [`Totals::errors`].
///
/// # Panics
///
/// If a worker panics, the others stop and the panic is resumed here.
pub fn walk<S: Source, K: Sink>(
    frontier: Frontier,
    config: &Config,
    source: &S,
    sink: &K,
    control: &Control,
) -> Result<Outcome, K::Error> {
    let outlet = Outlet::new(config, sink, control);
    let walk = Walk::new(config, source, &outlet, control, OpenDirs::before(&frontier));
    let Brought { totals, n_workers, n_refused, stalled, n_stalls } = crew::run(frontier, &walk);
    let left = walk.left.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (frontier, open) = left.into_parts(config.rules.condition.as_deref());
    match outlet.into_failure() {
        Some(error) => Err(error),
        None => Ok(Outcome {
            frontier,
            open,
            totals,
            n_workers,
            n_workers_refused: n_refused,
            is_cancelled: control.is_cancelled(),
            stalled,
            n_stalls,
        }),
    }
}

/// What all workers of a walk see.
pub(crate) struct Walk<'a, S: Source, K: Sink> {
    pub(crate) config: &'a Config,
    pub(crate) source: &'a S,
    pub(crate) outlet: &'a Outlet<'a, K>,
    pub(crate) control: &'a Control,
    pub(crate) filter: Filter<'a>,
    pub(crate) descriptors: Descriptors,
    /// One for each filesystem.
    gauges: Vec<Gauge>,
    /// Each filesystem has workers of its own.
    has_pools: bool,
    pacer: Option<Pacer>,
    /// Where the budget's directories go; the mutex is taken only once it is spent.
    left: Mutex<Left>,
    started: Instant,
    /// Entries delivered; counted only under a budget.
    n_delivered: AtomicU64,
    /// Set once the budget is spent, and never reset.
    is_spent: AtomicBool,
}

impl<'a, S: Source, K: Sink> Walk<'a, S, K> {
    fn new(
        config: &'a Config,
        source: &'a S,
        outlet: &'a Outlet<'a, K>,
        control: &'a Control,
        open: OpenDirs,
    ) -> Self {
        let n_descriptors = usize::try_from(pwalk_sys::descriptor_limit()).unwrap_or(usize::MAX);
        Walk {
            config,
            source,
            outlet,
            control,
            filter: Filter::new(&config.rules),
            descriptors: Descriptors::new(n_descriptors),
            gauges: (0..config.filesystems.len())
                .map(|fs| Gauge::new(config.filesystems.tuning(fs as FsIndex).slice_len))
                .collect(),
            has_pools: config.workers_max > config.n_workers,
            pacer: config.ops_max.map(Pacer::new),
            left: Mutex::new(Left { frontier: Vec::new(), parents: Vec::new(), open }),
            started: Instant::now(),
            n_delivered: AtomicU64::new(0),
            is_spent: AtomicBool::new(false),
        }
    }

    /// True if the number of requests per second is limited.
    pub(crate) fn is_paced(&self) -> bool {
        self.pacer.is_some()
    }

    /// Waits until `n` requests may be made. False if the walk is cancelled before.
    #[inline]
    pub(crate) fn pace(&self, n: u64) -> bool {
        let Some(pacer) = &self.pacer else { return true };
        let n_owed = self.control.take_owed();
        pacer.wait(n_owed + n, || self.control.is_cancelled())
    }

    /// What is measured of a filesystem.
    pub(crate) fn gauge(&self, fs: FsIndex) -> &Gauge {
        &self.gauges[usize::from(fs)]
    }

    /// How many pools of workers there are.
    pub(crate) fn n_pools(&self) -> usize {
        if self.has_pools { self.gauges.len() } else { 1 }
    }

    /// The pool that works on a filesystem. With a fixed number of workers there is one pool.
    pub(crate) fn pool(&self, fs: FsIndex) -> usize {
        if self.has_pools { usize::from(fs) } else { 0 }
    }

    /// The filesystem of a root, or of a directory of a frontier, as far as its path tells.
    pub(crate) fn fs_of_path(&self, start: &FrontierDir) -> FsIndex {
        self.config.filesystems.of_path(&start.path).unwrap_or_default()
    }

    /// The same once its inode is known.
    pub(crate) fn fs_of_start(&self, start: &FrontierDir, stat: &Stat) -> FsIndex {
        let filesystems = &self.config.filesystems;
        let known = filesystems.of_path(&start.path).or_else(|| filesystems.of_device(stat.dev));
        known.unwrap_or_default()
    }

    /// The filesystem of a subdirectory. A walk that reads no inodes knows it by the path alone.
    pub(crate) fn fs_below(&self, parent: &DirInfo, name: &[u8], stat: &Stat) -> FsIndex {
        let filesystems = &self.config.filesystems;
        if filesystems.len() == 1 {
            return 0;
        }
        if stat.dev != parent.stat.dev {
            // A filesystem that was automounted since the walk began is not the automounter.
            let unknown = if filesystems.is_automounter(parent.fs) { 0 } else { parent.fs };
            return filesystems.of_device(stat.dev).unwrap_or(unknown);
        }
        if self.outlet.fields().need_stat() {
            return parent.fs;
        }
        filesystems.of_path(&[&parent.path, name].concat()).unwrap_or(parent.fs)
    }

    /// True once no new directory may be begun.
    pub(crate) fn is_spent(&self) -> bool {
        // Relaxed throughout: a worker that sees it late begins one directory more.
        let budget = &self.config.budget;
        if budget.n_entries.is_none() && budget.time.is_none() {
            return false;
        }
        let is_over = self.is_spent.load(Relaxed)
            || budget.n_entries.is_some_and(|n| self.n_delivered.load(Relaxed) >= n)
            || budget.time.is_some_and(|time| self.started.elapsed() >= time);
        if is_over {
            self.is_spent.store(true, Relaxed);
        }
        is_over
    }

    /// Counts delivered rows against the budget.
    pub(crate) fn spend(&self, n_rows: u64) {
        if self.config.budget.n_entries.is_some() {
            self.n_delivered.fetch_add(n_rows, Relaxed);
        }
    }

    /// Puts directories into the frontier that the walk returns.
    pub(crate) fn leave(&self, dirs: impl IntoIterator<Item = FrontierDir>) {
        lock(&self.left).frontier.extend(dirs);
    }

    /// In a walk for totals of subtrees the number of a directory with subdirectories that are left.
    pub(crate) fn leave_open(&self, parent: &Arc<DirInfo>) -> Option<u64> {
        let tree = parent.tree.as_ref()?;
        let mut left = lock(&self.left);
        let (number, is_new) = left.open.number(tree);
        if is_new {
            left.parents.push(parent.clone());
        }
        Some(number)
    }

    /// Adds to the sums of a directory that an earlier run has left open: `n_dirs` of its
    /// subdirectories ended.
    pub(crate) fn finish(&self, above: Option<u64>, n_dirs: u64, sums: &TreeSums) {
        if let Some(number) = above {
            lock(&self.left).open.finish(number, n_dirs, sums);
        }
    }
}

/// What a budget leaves.
struct Left {
    frontier: Frontier,
    /// Directories that have some of these in them, in a walk for totals of subtrees.
    parents: Vec<Arc<DirInfo>>,
    open: OpenDirs,
}

impl Left {
    /// At the end of the walk.
    fn into_parts(self, condition: Option<&Condition>) -> (Frontier, OpenDirs) {
        let Left { frontier, parents, mut open } = self;
        parents.iter().for_each(|parent| open.add(parent, condition));
        (frontier, open)
    }
}
