//! From entries to the sink: batches, totals, progress.
//!
//! A [`Delivery`] is one thread's; what all of them deliver to is an [`Outlet`]. Knows no
//! directory that is open and no job: entries found in another way are delivered here too.

use crate::batch::{Batch, Contents};
use crate::config::Config;
use crate::control::{Control, Progress};
use crate::directory::DirInfo;
use crate::entry::{Fields, Kind, Stat};
use crate::error::{EntryError, Operation};
use crate::hard_links::HardLinks;
use crate::source::Sink;
use crate::sync::lock;
use crate::totals::Totals;
use crate::tree::{Closed, Tree, TreeSums};
use pwalk_sys::Errno;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of names and paths that fill a batch, however few its rows.
const ARENA_LEN_MAX: usize = 1 << 20;

/// Rows in the batches of all workers together, and the fewest that one of them has.
const ROWS_IN_ALL: usize = 32 << 10;
const ROWS_MIN: usize = 64;

/// The sink of a walk, and what is known of all that it gets.
pub(crate) struct Outlet<'a, K: Sink> {
    sink: &'a K,
    control: &'a Control,
    /// Rows, or errors, of a full batch: fewer where many workers have one each.
    batch_len: AtomicUsize,
    /// The first error of the sink.
    failure: Mutex<Option<K::Error>>,
    hard_links: HardLinks,
}

impl<'a, K: Sink> Outlet<'a, K> {
    pub(crate) fn new(config: &Config, sink: &'a K, control: &'a Control) -> Self {
        Outlet {
            sink,
            control,
            batch_len: AtomicUsize::new(batch_len(config, config.n_workers)),
            failure: Mutex::default(),
            hard_links: HardLinks::new(config.rules.follow_links()),
        }
    }

    /// So many workers deliver from now on.
    pub(crate) fn set_workers(&self, config: &Config, n_workers: usize) {
        self.batch_len.store(batch_len(config, n_workers), Relaxed);
    }

    /// What the sink needs of each entry.
    pub(crate) fn fields(&self) -> Fields {
        self.sink.fields()
    }

    /// Why the sink could take no more, if so.
    pub(crate) fn into_failure(self) -> Option<K::Error> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a batch to the sink and clears it; the sink's first error cancels the walk.
    fn put(&self, batch: &mut Batch) {
        if !batch.is_empty()
            && !self.control.is_cancelled()
            && let Err(error) = self.sink.put(batch)
        {
            lock(&self.failure).get_or_insert(error);
            self.control.cancel();
        }
        batch.clear();
    }
}

/// Rows of a full batch: as many as suit the filesystem, but few enough for all workers together.
fn batch_len(config: &Config, n_workers: usize) -> usize {
    let len = config.filesystems.tuning(0).batch_len;
    len.min((ROWS_IN_ALL / n_workers.max(1)).max(ROWS_MIN))
}

/// What one worker has found and not handed over.
pub(crate) struct Delivery<'w, K: Sink> {
    outlet: &'w Outlet<'w, K>,
    /// The worker's number.
    index: usize,
    /// Which sums are known: those of fields that are asked of each inode.
    want: Fields,
    batch: Batch,
    /// The directory that was last added to the batch, and its number there.
    batch_dir: Option<(Arc<DirInfo>, u32)>,
    pub(crate) totals: Totals,
    /// What was added since `tell_progress`.
    progress: Progress,
}

impl<'w, K: Sink> Delivery<'w, K> {
    pub(crate) fn new(outlet: &'w Outlet<'w, K>, index: usize, want: Fields) -> Self {
        Delivery {
            outlet,
            index,
            want,
            batch: Batch::new(outlet.fields()),
            batch_dir: None,
            totals: Totals::default(),
            progress: Progress::default(),
        }
    }

    /// True if the sink needs nothing of an entry but what its directory tells.
    pub(crate) fn needs_names_only(&self) -> bool {
        !self.batch.fields().need_stat()
    }

    /// The number of a directory in the batch, which it enters with its first row. Good until
    /// `hand_over`.
    pub(crate) fn dir(&mut self, info: &Arc<DirInfo>) -> u32 {
        match &self.batch_dir {
            Some((last, number)) if Arc::ptr_eq(last, info) => *number,
            _ => {
                let number =
                    self.batch.push_dir(&info.path, info.stat.ino, info.parent_inode, info.depth);
                self.batch.set_inherited(info.inherited);
                self.batch_dir = Some((info.clone(), number));
                number
            }
        }
    }

    /// The row of an entry, by the number of its directory; without a name, of the directory.
    #[inline]
    pub(crate) fn row(
        &mut self,
        dir: u32,
        name: &[u8],
        kind: Kind,
        stat: &Stat,
        contents: Contents,
    ) {
        self.count(kind, stat);
        self.uncounted_row(dir, name, kind, stat, contents);
    }

    /// Counts what is seen as progress.
    #[inline]
    fn count(&mut self, kind: Kind, stat: &Stat) {
        self.count_seen(kind);
        if self.want.contains(Fields::SIZE) {
            let bytes = stat.size.max(0) as u64;
            self.progress.bytes = self.progress.bytes.saturating_add(bytes);
        }
    }

    #[inline]
    fn uncounted_row(
        &mut self,
        dir: u32,
        name: &[u8],
        kind: Kind,
        stat: &Stat,
        contents: Contents,
    ) {
        self.batch.push(dir, name, kind, stat, contents);
        self.totals.n_entries.add(kind);
        if self.want.contains(Fields::SIZE) {
            self.totals.apparent_bytes += i128::from(stat.size);
        }
        if self.want.contains(Fields::BLOCKS | Fields::LINKS)
            && self.outlet.hard_links.is_first(kind, stat.id(), stat.nlink)
        {
            self.totals.allocated_bytes += i128::from(stat.blocks.max(0)) * 512;
        }
    }

    /// There is no row for an entry that the condition leaves out. It has been seen, and that is what
    /// progress and budgets count.
    pub(crate) fn pass(&mut self, kind: Kind) {
        self.totals.n_filtered += 1;
        self.count_seen(kind);
    }

    fn count_seen(&mut self, kind: Kind) {
        if kind == Kind::Dir {
            self.progress.n_dirs += 1;
        } else {
            self.progress.n_files += 1;
        }
    }

    /// Counts a directory that was read. Its row comes when all below it has ended: progress, and
    /// the budget, don't wait for that.
    pub(crate) fn count_dir(&mut self, stat: &Stat) {
        self.count(Kind::Dir, stat);
    }

    /// The row of a directory that was counted, and below which nothing is to come.
    pub(crate) fn closed_row(&mut self, path: &[u8], tree: &Tree, closed: &Closed) {
        let Tree { stat, parent_inode, depth, .. } = tree;
        let dir = match &self.batch_dir {
            Some((last, number)) if *last.path == *path => *number,
            _ => self.batch.push_dir(path, stat.ino, *parent_inode, *depth),
        };
        self.uncounted_row(dir, b"", Kind::Dir, stat, closed.contents);
        if let Some(totals) = closed.sums.totals(closed.contents) {
            self.batch.set_tree(totals);
        }
    }

    /// The rows in the batch.
    pub(crate) fn n_rows(&self) -> usize {
        self.batch.len()
    }

    /// Sums over the rows of the batch from `first` on.
    pub(crate) fn sums_from(&self, first: usize) -> TreeSums {
        self.batch.sums_from(first)
    }

    /// Where the link that is the last row points to.
    pub(crate) fn target(&mut self, target: &[u8]) {
        self.batch.set_target(target);
    }

    pub(crate) fn fail(&mut self, operation: Operation, path: Vec<u8>, depth: i32, errno: Errno) {
        if errno == Errno::CANCELED && self.outlet.control.is_cancelled() {
            return; // it was not asked
        }
        *self.totals.errors.entry((operation, errno)).or_default() += 1;
        self.progress.n_errors += 1;
        self.batch.errors.push(EntryError { operation, path, depth, errno });
    }

    /// Tells how far it is. Returns how many entries were seen since the last time.
    pub(crate) fn tell_progress(&mut self) -> u64 {
        let done = std::mem::take(&mut self.progress);
        self.outlet.control.add(self.index, &done);
        done.n_files + done.n_dirs
    }

    /// Hands the batch over if it is full.
    pub(crate) fn hand_over(&mut self) {
        let batch_len = self.outlet.batch_len.load(Relaxed);
        let is_full = self.batch.len() >= batch_len
            || self.batch.arena_len() >= ARENA_LEN_MAX
            || self.batch.errors.len() >= batch_len;
        if is_full {
            self.put();
        }
    }

    /// True if there is something that was not handed over.
    pub(crate) fn has_rows(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Hands over what is left.
    pub(crate) fn finish(mut self) -> Totals {
        self.put();
        self.totals
    }

    /// Hands over what there is.
    pub(crate) fn put(&mut self) {
        self.outlet.put(&mut self.batch);
        self.batch_dir = None;
    }
}
