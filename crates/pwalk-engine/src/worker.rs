//! What one worker does: the jobs of a walk, from a waiting directory to rows in a batch.
//!
//! ```text
//! Start (a root, or a directory of a frontier)   Open (waiting siblings, one by one)
//!        |                                         |            ^
//!        +----------------> open <-----------------+            |
//!                            |                                  |
//!        Read (next buffer of names) ---> Slice (names) --> subdirectories
//! ```
//!
//! A directory that fits into one buffer and one slice is read to its end at once. A larger one
//! is shared: before a worker looks at its first slice, it makes the rest of the names (`Read`)
//! and the other slices visible to whoever is idle. `Read` lies below the slices, and those
//! below the subdirectories that they find, so that at most one buffer of names of each
//! directory above waits in memory.
//!
//! Cancel is looked at where a job starts, where a buffer is read, and before each inode. The budget is looked at
//! where a directory is opened: what was opened is finished, what was not is left.

mod look;
mod open;
mod read;

use crate::batch::{Batch, Contents};
use crate::control::{Control, Progress};
use crate::directory::{Dir, DirInfo, Siblings};
use crate::entry::{Fields, Kind, Stat};
use crate::error::{EntryError, Operation};
use crate::frontier::FrontierDir;
use crate::listing::Listing;
use crate::names::{NameReader, is_gone, is_lack};
use crate::queue::{Local, Queue};
use crate::source::{Sink, Source};
use crate::totals::Totals;
use crate::waiting::Post;
use crate::walk::Shared;
use pwalk_sys::{Errno, Links};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of names and paths that fill a batch, however few its rows.
const ARENA_LEN_MAX: usize = 1 << 20;

/// A unit of work.
pub(crate) enum Job<'w, D> {
    /// Look at a root, or go on with a directory of a frontier.
    Start(Box<FrontierDir>),
    /// Open one of these, and leave the others to come.
    Open(Box<Siblings<'w, D>>),
    /// Read the next names of a shared directory.
    Read(Arc<Dir<'w, D>>),
    /// The same of any directory, which lacked a descriptor for it.
    ReadAgain(Arc<Dir<'w, D>>),
    /// Look at some names of a shared directory.
    Slice(Box<Slice<'w, D>>),
}

pub(crate) struct Slice<'w, D> {
    dir: Arc<Dir<'w, D>>,
    listing: Arc<Listing>,
    range: Range<usize>,
}

pub(crate) struct Worker<'w, 'q, S: Source, K: Sink> {
    shared: &'w Shared<'w, S, K>,
    jobs: Local<'q, Job<'w, S::Dir>>,
    index: usize,
    /// Where this worker says what it asks.
    post: Post,
    /// What is asked of each inode: the sink's fields and what the walk itself needs.
    want: Fields,
    batch: Batch,
    /// The directory that was last added to the batch, and its number there.
    batch_dir: Option<(Arc<DirInfo>, u32)>,
    totals: Totals,
    /// What the slice at hand has brought.
    progress: Progress,
    names: NameReader,
    /// Memory that goes from directory to directory.
    listing: Listing,
}

/// Stops the other workers if this one panics: its job will never be done.
struct AbortOnPanic<'a, J> {
    queue: &'a Queue<J>,
    control: &'a Control,
}

impl<J> Drop for AbortOnPanic<'_, J> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.control.cancel();
            self.queue.abort();
        }
    }
}

impl<'w, 'q, S: Source, K: Sink> Worker<'w, 'q, S, K> {
    pub(crate) fn new(
        shared: &'w Shared<'w, S, K>,
        jobs: Local<'q, Job<'w, S::Dir>>,
        index: usize,
    ) -> Self {
        let fields = shared.sink.fields();
        let mut want = fields;
        want.set(
            Fields::INODE | Fields::DEVICE,
            shared.config.rules.follow_links() || fields.need_stat(),
        );
        Worker {
            shared,
            jobs,
            index,
            post: shared.control.post(),
            want,
            batch: Batch::new(fields),
            batch_dir: None,
            totals: Totals::default(),
            progress: Progress::default(),
            names: NameReader::default(),
            listing: Listing::default(),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Runs jobs until the walk has ended.
    pub(crate) fn run(mut self) -> Totals {
        let _guard = AbortOnPanic { queue: self.jobs.queue(), control: self.shared.control };
        while let Some(job) = self.next_job() {
            if !self.shared.control.is_cancelled() {
                let busy = self.shared.descriptors.busy();
                self.run_job(job);
                drop(busy);
                self.post.rests();
                self.settle();
            }
            self.jobs.done();
        }
        self.deliver();
        self.totals.n_repeated = self.names.n_repeated;
        self.totals
    }

    /// Jobs that wait for a descriptor go first once there may be one, so that they don't pile up.
    fn next_job(&self) -> Option<Job<'w, S::Dir>> {
        let descriptors = &self.shared.descriptors;
        let deferred = if descriptors.may_try_again() { self.jobs.next_deferred() } else { None };
        let is_urgent = || self.shared.control.is_cancelled() || descriptors.may_try_again();
        deferred.or_else(|| self.jobs.next(is_urgent))
    }

    fn run_job(&mut self, job: Job<'w, S::Dir>) {
        match job {
            Job::Start(dir) => self.start(*dir),
            Job::Open(siblings) => self.open_one(siblings),
            Job::Read(dir) => {
                self.post.goes_to(&dir.info.path);
                self.read_on(dir);
            }
            Job::ReadAgain(dir) => {
                self.post.goes_to(&dir.info.path);
                self.shared.descriptors.read_again();
                self.read_on(dir);
            }
            Job::Slice(slice) => {
                let Slice { dir, listing, range } = *slice;
                self.post.goes_to(&dir.info.path);
                self.look_at(&dir, &listing, range);
                self.finish_part(&dir);
            }
        }
    }

    /// Asks something of an entry. A stale handle gets one more try, and a lack of descriptors the
    /// time that it takes.
    fn ask<T>(&self, call: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match retry_stale(&call) {
            Err(errno) if is_lack(errno) => self.ask_again(call, errno),
            result => result,
        }
    }

    #[cold]
    fn ask_again<T>(
        &self,
        call: impl Fn() -> Result<T, Errno>,
        refusal: Errno,
    ) -> Result<T, Errno> {
        let descriptors = &self.shared.descriptors;
        loop {
            let n_closed = descriptors.n_closed();
            let is_over = !descriptors.wait(n_closed) && !descriptors.endure();
            if is_over || self.shared.control.is_cancelled() {
                return Err(refusal);
            }
            match retry_stale(&call) {
                Err(errno) if is_lack(errno) => {}
                result => {
                    descriptors.had_one();
                    return result;
                }
            }
        }
    }

    fn push_dir_row(&mut self, info: &Arc<DirInfo>, contents: Contents) {
        let row_dir = self.batch_dir(info);
        self.push_entry(row_dir, b"", Kind::Dir, &info.stat, contents);
    }

    #[inline]
    fn push_entry(&mut self, dir: u32, name: &[u8], kind: Kind, stat: &Stat, contents: Contents) {
        self.batch.push(dir, name, kind, stat, contents);
        self.totals.n_entries.add(kind);
        if kind == Kind::Dir {
            self.progress.n_dirs += 1;
        } else {
            self.progress.n_files += 1;
        }
        if self.want.contains(Fields::SIZE) {
            self.totals.apparent_bytes += i128::from(stat.size);
            self.progress.bytes += stat.size.max(0) as u64;
        }
        if self.want.contains(Fields::BLOCKS | Fields::LINKS)
            && self.shared.is_first_link(kind, stat)
        {
            self.totals.allocated_bytes += i128::from(stat.blocks) * 512;
        }
    }

    /// The number of a directory in the batch, which it enters with its first row.
    fn batch_dir(&mut self, info: &Arc<DirInfo>) -> u32 {
        match &self.batch_dir {
            Some((last, number)) if Arc::ptr_eq(last, info) => *number,
            _ => {
                let number =
                    self.batch.push_dir(&info.path, info.stat.ino, info.parent_inode, info.depth);
                self.batch_dir = Some((info.clone(), number));
                number
            }
        }
    }

    /// An error of an entry of a directory.
    fn fail_at(&mut self, dir: &Dir<'w, S::Dir>, operation: Operation, name: &[u8], errno: Errno) {
        self.fail(operation, [&dir.info.path, name].concat(), dir.info.depth + 1, errno);
    }

    fn fail(&mut self, operation: Operation, path: Vec<u8>, depth: i32, errno: Errno) {
        *self.totals.errors.entry((operation, errno)).or_default() += 1;
        self.progress.n_errors += 1;
        self.batch.errors.push(EntryError { operation, path, depth, errno });
    }

    /// After each job: tells how far it is, and delivers a batch that is full.
    fn settle(&mut self) {
        let done = std::mem::take(&mut self.progress);
        self.shared.control.add(self.index, &done);
        self.shared.spend(done.n_files + done.n_dirs);
        let is_full = self.batch.len() >= self.shared.config.tuning.batch_len
            || self.batch.arena_len() >= ARENA_LEN_MAX
            || self.batch.errors.len() >= self.shared.config.tuning.batch_len;
        if is_full {
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        self.shared.deliver(&mut self.batch);
        self.batch_dir = None;
    }
}

/// Reads an inode. With links followed, that behind a link; of one that dangles or leads
/// nowhere, the link's own; and if something else stands in the way, the link's own and that.
fn stat_behind(
    links: Links,
    stat: impl Fn(Links) -> Result<Stat, Errno>,
) -> (Option<Stat>, Option<Errno>) {
    let errno = match stat(links) {
        Ok(stat) => return (Some(stat), None),
        Err(errno) => errno,
    };
    if links == Links::Keep || is_lack(errno) {
        return (None, Some(errno));
    }
    match stat(Links::Keep) {
        Ok(link) if leads_nowhere(errno) => (Some(link), None),
        Ok(link) if link.kind() == Kind::Symlink => (Some(link), Some(errno)),
        Ok(found) => (Some(found), None),
        Err(errno) => (None, Some(errno)),
    }
}

/// True where a link can't lead anywhere, whoever asks.
fn leads_nowhere(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NAMETOOLONG)
}

/// A stale handle gets one more try: the file may have been replaced.
fn retry_stale<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    match call() {
        Err(Errno::STALE) => call(),
        result => result,
    }
}
