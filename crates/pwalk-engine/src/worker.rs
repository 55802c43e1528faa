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
//! and the other slices visible to idle workers. `Read` lies below the slices, and those
//! below the subdirectories that they find, so that at most one buffer of names of each
//! directory above waits in memory.
//!
//! Whether the walk was cancelled is asked before each job, each buffer and each inode. The budget
//! is asked before a directory is opened: what was opened is finished, what was not is left.

mod asker;
mod choose;
mod close;
mod look;
mod open;
mod read;

use crate::condition::Condition;
use crate::control::Control;
use crate::delivery::Delivery;
use crate::directory::{Dir, Siblings};
use crate::entry::{Fields, Kind, Stat};
use crate::error::Operation;
use crate::filesystems::FsIndex;
use crate::frontier::FrontierDir;
use crate::listing::Listing;
use crate::names::{NameReader, is_gone, is_lack};
use crate::queue::{Local, Next, Queues};
use crate::source::{Sink, Source};
use crate::totals::Totals;
use crate::waiting::Post;
use crate::walk::Walk;
use asker::Asker;
use crossbeam_deque::Worker as Deque;
use pwalk_sys::{Errno, Links};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How long a worker that finds no job keeps its rows.
const IDLE_AFTER: Duration = Duration::from_millis(100);

/// A unit of work.
pub(crate) enum Job<'w, D> {
    /// Look at a root, or go on with a directory of a frontier.
    Start(Box<Start>),
    /// Open one of these, and leave the others to come.
    Open(Box<Siblings<'w, D>>),
    /// Read the next names of a shared directory.
    Read(Arc<Dir<'w, D>>),
    /// The same of any directory, which lacked a descriptor for it.
    ReadAgain(Arc<Dir<'w, D>>),
    /// Look at some names of a shared directory.
    Slice(Box<Slice<'w, D>>),
}

/// A root, or a directory of a frontier.
pub(crate) struct Start {
    dir: FrontierDir,
    /// Its inode, if another pool has read it.
    stat: Option<Stat>,
}

impl Start {
    pub(crate) fn new(dir: FrontierDir) -> Start {
        Start { dir, stat: None }
    }
}

pub(crate) struct Slice<'w, D> {
    dir: Arc<Dir<'w, D>>,
    listing: Arc<Listing>,
    range: Range<usize>,
}

pub(crate) struct Worker<'w, 'q, S: Source, K: Sink> {
    walk: &'w Walk<'w, S, K>,
    jobs: Local<'q, Job<'w, S::Dir>>,
    index: usize,
    /// Where this worker says what it asks.
    post: Post,
    /// What is asked of an inode: the fields of the sink and of the condition, and what the walk
    /// itself needs.
    want: Fields,
    /// The same without the condition: what is asked of the inode of each row.
    want_of_rows: Fields,
    /// What rows must fulfil.
    condition: Option<&'w Condition>,
    delivery: Delivery<'w, K>,
    names: NameReader,
    /// Memory that goes from directory to directory.
    listing: Listing,
    /// Memory that goes from slice to slice: which entries are asked, and what comes back.
    wanted: Vec<u32>,
    /// For each of those, whether only its size is wanted: the condition leaves it out.
    only_size: Vec<bool>,
    answers: Vec<Result<Stat, Errno>>,
}

/// Stops the other workers if this one panics: its job will never be done.
struct AbortOnPanic<'a, J> {
    queues: &'a Queues<J>,
    control: &'a Control,
}

impl<J> Drop for AbortOnPanic<'_, J> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.control.cancel();
            self.queues.abort();
        }
    }
}

impl<'w, 'q, S: Source, K: Sink> Worker<'w, 'q, S, K> {
    pub(crate) fn new(
        walk: &'w Walk<'w, S, K>,
        jobs: Local<'q, Job<'w, S::Dir>>,
        index: usize,
    ) -> Self {
        let fields = walk.outlet.fields();
        let follows = walk.config.rules.follow_links();
        let completed = |fields: Fields| {
            let needs_id = follows || fields.need_stat();
            if needs_id { fields | Fields::INODE | Fields::DEVICE } else { fields }
        };
        let condition = walk.config.rules.condition.as_deref();
        let of_condition = condition.map_or(Fields::empty(), Condition::fields);
        let want_of_rows = completed(fields);
        Worker {
            walk,
            post: walk.control.post((jobs.pool(), index)),
            jobs,
            index,
            want: completed(fields | of_condition),
            want_of_rows,
            condition,
            delivery: Delivery::new(walk.outlet, index, want_of_rows),
            names: NameReader::default(),
            listing: Listing::default(),
            wanted: Vec::new(),
            only_size: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Runs jobs until the walk has ended, or no longer needs this worker. Gives its deque back.
    pub(crate) fn run(mut self) -> (Totals, Option<Deque<Job<'w, S::Dir>>>) {
        let _guard = AbortOnPanic { queues: self.jobs.queues(), control: self.walk.control };
        loop {
            match self.next_job() {
                Next::Job(job) if self.walk.control.is_cancelled() => drop(job),
                Next::Job(job) => {
                    let busy = self.walk.descriptors.busy();
                    self.run_job(job);
                    drop(busy);
                    self.post.rests();
                    self.after_job();
                }
                Next::Rest => {
                    // It may rest for long.
                    self.delivery.put();
                    if self.jobs.rest() {
                        continue;
                    }
                    break;
                }
                // Other filesystems may take hours.
                Next::Idle => {
                    self.delivery.put();
                    continue;
                }
                Next::End => break,
            }
            self.jobs.done();
        }
        self.delivery.totals.n_repeated = self.names.n_repeated;
        (self.delivery.finish(), self.jobs.into_deque())
    }

    /// Jobs that wait for a descriptor go first once there may be one, so that they don't pile up.
    fn next_job(&self) -> Next<Job<'w, S::Dir>> {
        let descriptors = &self.walk.descriptors;
        let deferred = if descriptors.may_try_again() { self.jobs.next_deferred() } else { None };
        let is_urgent = || self.walk.control.is_cancelled() || descriptors.may_try_again();
        let patience = self.delivery.has_rows().then_some(IDLE_AFTER);
        deferred.map_or_else(|| self.jobs.next(is_urgent, patience), Next::Job)
    }

    fn run_job(&mut self, job: Job<'w, S::Dir>) {
        match job {
            Job::Start(start) => self.start(*start),
            Job::Open(siblings) => self.open_one(siblings),
            Job::Read(dir) => {
                self.post.goes_to(&dir.info.path);
                self.read_on(dir);
            }
            Job::ReadAgain(dir) => {
                self.post.goes_to(&dir.info.path);
                self.walk.descriptors.read_again();
                self.read_on(dir);
            }
            Job::Slice(slice) => {
                let Slice { dir, listing, range } = *slice;
                self.post.goes_to(&dir.info.path);
                self.look_at(&dir, &listing, range);
                self.release(&dir);
            }
        }
    }

    /// How this worker asks a filesystem.
    fn asker(&self, fs: FsIndex) -> Asker<'_, S, K> {
        Asker { walk: self.walk, post: &self.post, index: self.index, fs }
    }

    /// Asks something of an entry. A stale handle gets one more try, and a lack of descriptors the
    /// time that it takes.
    fn ask<T>(&self, call: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        call().or_else(|errno| self.ask_after(errno, call))
    }

    /// The same after a first try.
    #[cold]
    fn ask_after<T>(&self, errno: Errno, call: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        let result = if errno == Errno::STALE { call() } else { Err(errno) };
        match result {
            Err(errno) if is_lack(errno) => self.ask_again(call, errno),
            result => result,
        }
    }

    fn ask_again<T>(
        &self,
        call: impl Fn() -> Result<T, Errno>,
        refusal: Errno,
    ) -> Result<T, Errno> {
        let descriptors = &self.walk.descriptors;
        loop {
            // Before the call: a directory that is closed after it must end the wait.
            let n_closed = descriptors.n_closed();
            match retry_stale(&call) {
                Err(errno) if is_lack(errno) => {}
                result => {
                    descriptors.had_one();
                    return result;
                }
            }
            let is_over = !descriptors.wait(n_closed) && !descriptors.endure();
            if is_over || self.walk.control.is_cancelled() {
                return Err(refusal);
            }
        }
    }

    /// An error of an entry of a directory.
    fn fail_at(&mut self, dir: &Dir<'w, S::Dir>, operation: Operation, name: &[u8], errno: Errno) {
        let path = [&dir.info.path, name].concat();
        dir.info.fail();
        self.delivery.fail(operation, path, dir.info.depth + 1, errno);
    }

    /// Tells how far it is, and delivers. The budget first: a sink may take its time.
    fn after_job(&mut self) {
        let n_rows = self.delivery.tell_progress();
        self.walk.spend(n_rows);
        self.delivery.hand_over();
    }
}

/// Reads an inode. With links followed, that behind a link; of one that dangles or leads
/// nowhere, the link's own; and if something else stands in the way, the link's own and that.
fn stat_behind(
    links: Links,
    stat: impl Fn(Links) -> Result<Stat, Errno>,
) -> (Option<Stat>, Option<Errno>) {
    match stat(links) {
        Ok(stat) => (Some(stat), None),
        Err(errno) => stat_link(links, errno, stat),
    }
}

/// The same after what the link leads to could not be read.
fn stat_link(
    links: Links,
    errno: Errno,
    stat: impl Fn(Links) -> Result<Stat, Errno>,
) -> (Option<Stat>, Option<Errno>) {
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

/// True where a link can't lead anywhere, for any user.
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
