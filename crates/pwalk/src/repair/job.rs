//! The job that makes changes: of a plan, or backwards those of a journal.
//!
//! Several threads take batches of changes in turn. Each batch is announced in the journal before its
//! first change is made, and reported there after its last.

use super::apply::{Made, NotMade, apply};
use super::guard::Guard;
use super::journal::{Journal, JournalReader};
use super::opener::Opener;
use super::plan::{Change, PlanReader};
use super::protected::{Protected, known_mounts};
use super::summary::{Applied, LeftCounts};
use super::syslog::{SOCKET, Syslog};
use super::why::{Left, Why};
use crate::error::Error;
use crate::job::guarded;
use pwalk_engine::{Control, Errno, FileId, Pacer, Progress, lock};
use pwalk_output::{MemoryTable, RecordReader, utc};
use pwalk_sys::Mount;
use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Changes of a batch: so many are announced at once.
const BATCH_LEN: usize = 256;

/// Requests that a server sees for a change: a lookup, attributes, group, mode, attributes.
const OPS_PER_CHANGE: u64 = 5;

/// Where changes come from.
#[derive(Clone)]
pub enum Changes {
    /// A plan in a file, of any format.
    Plan(PathBuf),
    /// A plan in memory, of this path.
    Table(Arc<MemoryTable>, PathBuf),
    /// A journal, whose changes are taken back.
    Journal(PathBuf),
}

/// What to apply, and how.
#[derive(Clone)]
pub struct ApplyConfig {
    /// The changes.
    pub changes: Changes,
    /// Files that were written since the plan was made: the ctime of their folders says nothing.
    pub written: Vec<PathBuf>,
    /// A new file for the journal; `None`: `repair-DATE-TIME.journal` in the working directory.
    pub journal: Option<PathBuf>,
    /// Each change gets a line in the system's log.
    pub syslog: bool,
    /// Threads that make changes; `None`: as many as there are cores.
    pub threads: Option<usize>,
    /// The maximum number of requests per second.
    pub max_ops: Option<u64>,
}

impl ApplyConfig {
    /// Applies these changes, as a user expects it.
    pub fn new(changes: Changes) -> ApplyConfig {
        let (written, journal, threads, max_ops) = (Vec::new(), None, None, None);
        ApplyConfig { changes, written, journal, syslog: true, threads, max_ops }
    }
}

/// Changes that are ready to be made: their file and the journal are open.
pub struct ApplyJob {
    source: Source,
    journal: Journal,
    own_dirs: Vec<FileId>,
    syslog: Option<Syslog>,
    n_threads: usize,
    pacer: Option<Pacer>,
    protected: Arc<Protected>,
    mounts: Arc<Vec<Mount>>,
    notes: Vec<String>,
}

impl ApplyJob {
    /// Opens the changes, and begins the journal.
    ///
    /// # Errors
    ///
    /// `File` if the changes can't be read, or are no plan or journal; or if the journal is there
    /// already, or can't be written.
    pub fn prepare(config: &ApplyConfig) -> Result<ApplyJob, Error> {
        let mounts = Arc::new(known_mounts()?);
        let (source, of) = Source::open(&config.changes)?;
        let journal = begin_journal(config.journal.as_deref(), &of)?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(ApplyJob {
            own_dirs: own_dirs(config, journal.path()),
            source,
            journal,
            syslog: config.syslog.then(|| Syslog::open(Path::new(SOCKET))),
            n_threads: config.threads.unwrap_or_else(cores).max(1),
            pacer: config.max_ops.map(Pacer::new),
            protected: Arc::new(Protected::find(&mounts)),
            mounts,
            notes: Vec::new(),
        })
    }

    /// Where the journal is.
    pub fn journal(&self) -> &Path {
        self.journal.path()
    }

    /// The inode of the journal: it is no part of what is repaired.
    pub fn journal_id(&self) -> Option<FileId> {
        self.journal.id()
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Makes the changes. `on_left` is called for each that is not made, from any thread; `on_note`
    /// for what a user should know at the end, one line each.
    ///
    /// If `control` is cancelled, no further change is made: the journal says which were.
    ///
    /// # Errors
    ///
    /// `File` if the changes can't be read to their end, or the journal can't be written: what was
    /// announced there may have been made, and nothing else.
    pub fn run(
        self,
        control: &Control,
        on_left: &(dyn Fn(&Left) + Sync),
        on_note: &(dyn Fn(&str) + Sync),
    ) -> Result<Applied, Error> {
        guarded(control, || self.run_unguarded(control, on_left, on_note))
    }

    fn run_unguarded(
        self,
        control: &Control,
        on_left: &(dyn Fn(&Left) + Sync),
        on_note: &(dyn Fn(&str) + Sync),
    ) -> Result<Applied, Error> {
        let clock = Instant::now();
        let name = self.journal.path().to_owned();
        let run = Run {
            verb: if matches!(self.source, Source::Journal(_)) { "restored" } else { "repaired" },
            source: Mutex::new(self.source),
            journal: Mutex::new(self.journal),
            own_dirs: self.own_dirs,
            syslog: self.syslog,
            pacer: self.pacer,
            protected: self.protected,
            mounts: self.mounts,
            counts: Mutex::default(),
            failure: Mutex::new(None),
            is_over: AtomicBool::new(false),
            n_workers: AtomicUsize::new(0),
            control,
            on_left,
        };
        std::thread::scope(|scope| {
            for _ in 1..self.n_threads {
                // Where the system refuses a thread, the others do its work.
                let worker = std::thread::Builder::new().name("pwalk-repair".to_owned());
                let _ = worker.spawn_scoped(scope, || run.work());
            }
            run.work();
        });
        run.end(&name, clock, on_note)
    }
}

/// What all threads share.
struct Run<'a> {
    verb: &'static str,
    source: Mutex<Source>,
    journal: Mutex<Journal>,
    /// Directories that the repair itself has changed, by a new file in them.
    own_dirs: Vec<FileId>,
    syslog: Option<Syslog>,
    pacer: Option<Pacer>,
    protected: Arc<Protected>,
    mounts: Arc<Vec<Mount>>,
    counts: Mutex<Counts>,
    /// The first error that ends it.
    failure: Mutex<Option<Error>>,
    is_over: AtomicBool,
    n_workers: AtomicUsize,
    control: &'a Control,
    on_left: &'a (dyn Fn(&Left) + Sync),
}

#[derive(Default)]
struct Counts {
    n_read: u64,
    n_changed: u64,
    n_unchanged: u64,
    left: LeftCounts,
}

impl Run<'_> {
    fn work(&self) {
        let number = self.n_workers.fetch_add(1, Relaxed);
        let failed = Opener::new()
            .map_err(|errno| Error::root(b"/", errno))
            .and_then(|mut opener| self.work_with(&mut opener, number));
        if let Err(error) = failed {
            self.is_over.store(true, Relaxed);
            lock(&self.failure).get_or_insert(error);
        }
    }

    fn work_with(&self, opener: &mut Opener, number: usize) -> Result<(), Error> {
        let mut guard = Guard::new(self.protected.clone(), self.mounts.clone());
        loop {
            // Announced in the order in which they are read.
            let mut source = lock(&self.source);
            if self.is_over.load(Relaxed) || self.control.is_cancelled() {
                return Ok(());
            }
            let taken = self.take(&mut source);
            if taken.is_err() {
                // Before another thread reads on behind what is damaged.
                self.is_over.store(true, Relaxed);
            }
            drop(source);
            let Some((batch, changes)) = taken? else { return Ok(()) };
            self.make(batch, &changes, opener, &mut guard, number)?;
        }
    }

    /// The next changes, which the journal knows of by then; `None` at the end.
    fn take(&self, source: &mut Source) -> Result<Option<(u64, Vec<Change>)>, Error> {
        let changes = source.take(BATCH_LEN)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let batch = lock(&self.journal).announce(&changes)?;
        Ok(Some((batch, changes)))
    }

    fn make(
        &self,
        batch: u64,
        changes: &[Change],
        opener: &mut Opener,
        guard: &mut Guard,
        number: usize,
    ) -> Result<(), Error> {
        let mut counts = Counts { n_read: changes.len() as u64, ..Counts::default() };
        let mut except = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let is_touched = match self.make_one(change, opener, guard) {
                None => false,
                Some(Ok(Made::Now)) => {
                    counts.n_changed += 1;
                    self.syslog.iter().for_each(|syslog| syslog.log(change, self.verb));
                    true
                }
                Some(Ok(Made::Before)) => {
                    counts.n_unchanged += 1;
                    false
                }
                Some(Err(NotMade { why, is_begun })) => {
                    let left = Left { path: change.path.clone(), why };
                    counts.left.count(&left);
                    (self.on_left)(&left);
                    is_begun
                }
            };
            if !is_touched {
                except.push(place as u32);
            }
        }
        let n_files = counts.n_changed + counts.n_unchanged;
        self.control.add(number, &Progress { n_files, ..Progress::default() });
        let n_changed = counts.n_changed;
        lock(&self.counts).add(counts);
        lock(&self.journal).made(batch, n_changed, except)
    }

    /// `None` if it was cancelled before.
    fn make_one(
        &self,
        change: &Change,
        opener: &mut Opener,
        guard: &mut Guard,
    ) -> Option<Result<Made, NotMade>> {
        let is_cancelled = || self.control.is_cancelled();
        let may_go_on = match &self.pacer {
            Some(pacer) => pacer.wait(OPS_PER_CHANGE, is_cancelled),
            None => !is_cancelled(),
        };
        if !may_go_on {
            return None;
        }
        if guard.keeps(&change.path, change.id) {
            return Some(Err(Why::Protected.into()));
        }
        if self.own_dirs.contains(&change.id) {
            return Some(apply(opener, &Change { ctime: None, ..change.clone() }));
        }
        Some(apply(opener, change))
    }

    fn end(
        self,
        name: &Path,
        clock: Instant,
        on_note: &(dyn Fn(&str) + Sync),
    ) -> Result<Applied, Error> {
        fn inner<T>(mutex: Mutex<T>) -> T {
            mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
        self.syslog.iter().filter_map(Syslog::lost).for_each(|note| on_note(&note));
        let (journal, counts) = (inner(self.journal), inner(self.counts));
        let is_empty = journal.is_empty();
        let failure = inner(self.failure);
        let ended = match failure.is_some() || self.control.is_cancelled() {
            true => journal.sync(),
            false => journal.finish(),
        };
        if let Some(failure) = failure {
            if !is_empty {
                let name = name.display();
                on_note(&format!("to take back what was changed: pwalk repair --undo {name}"));
            }
            return Err(failure);
        }
        ended?;
        let left = counts.left.into_map();
        Ok(Applied {
            journal: (!is_empty).then(|| name.to_string_lossy().into_owned()),
            changes: counts.n_read,
            changed: counts.n_changed,
            unchanged: counts.n_unchanged,
            complete: left.is_empty() && !self.control.is_cancelled(),
            left,
            seconds: (clock.elapsed().as_secs_f64() * 1e6).round() / 1e6,
        })
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        let Counts { n_read, n_changed, n_unchanged, left } = other;
        self.n_read += n_read;
        self.n_changed += n_changed;
        self.n_unchanged += n_unchanged;
        self.left.add(left);
    }
}

/// Changes, being read.
enum Source {
    Plan(PlanReader),
    Journal(JournalReader),
}

impl Source {
    /// With what is said to be repaired.
    fn open(changes: &Changes) -> Result<(Source, PathBuf), Error> {
        Ok(match changes {
            Changes::Plan(path) => (Source::Plan(PlanReader::open(path)?), path.clone()),
            Changes::Table(table, root) => {
                let rows = RecordReader::of_batches(
                    Path::new("plan"),
                    table.schema(),
                    table.batches(),
                    &PlanReader::columns(),
                )?;
                (Source::Plan(PlanReader::of(rows)), root.clone())
            }
            Changes::Journal(path) => {
                let journal = JournalReader::open(path)?;
                let of = PathBuf::from(journal.of());
                (Source::Journal(journal), of)
            }
        })
    }

    /// The next changes, so many at the most.
    fn take(&mut self, n: usize) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::with_capacity(n);
        while changes.len() < n {
            let next = match self {
                Source::Plan(plan) => plan.next()?,
                Source::Journal(journal) => journal.next()?.map(Change::reversed),
            };
            match next {
                Some(change) => changes.push(change),
                None => break,
            }
        }
        Ok(changes)
    }
}

/// Finds out whether a journal can be begun, before a plan is made that takes long. `None`: as for
/// [`ApplyConfig::journal`].
///
/// # Errors
///
/// As for [`ApplyJob::prepare`].
pub fn check_journal(path: Option<&Path>) -> Result<(), Error> {
    if let Some(path) = path.filter(|path| path.symlink_metadata().is_ok()) {
        return Err(Error::file(path, &std::io::Error::from_raw_os_error(Errno::EXIST.raw())));
    }
    let path = path.unwrap_or(Path::new("repair.journal"));
    // Not the name itself, which says to others that changes begin.
    let other = path.with_extension(format!("{}.tmp", std::process::id()));
    let tried = OpenOptions::new().write(true).create_new(true).open(&other);
    tried.map_err(|error| Error::file(path, &error))?;
    std::fs::remove_file(&other).map_err(|error| Error::file(path, &error))
}

/// Where files were written, the plan and the journal among them.
fn own_dirs(config: &ApplyConfig, journal: &Path) -> Vec<FileId> {
    let plan = match &config.changes {
        Changes::Plan(path) => Some(&**path),
        Changes::Table(..) | Changes::Journal(_) => None,
    };
    let files = config.written.iter().map(PathBuf::as_path).chain(plan).chain([journal]);
    let folder = |file: &Path| {
        let metadata = std::fs::metadata(Path::new(".").join(file).parent()?).ok()?;
        metadata.is_dir().then(|| FileId { dev: metadata.dev(), ino: metadata.ino() })
    };
    files.filter_map(folder).collect()
}

fn begin_journal(path: Option<&Path>, of: &Path) -> Result<Journal, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs() as i64;
    match path {
        Some(path) => Journal::create(path, of, seconds),
        None => default_journal(of, seconds),
    }
}

/// A journal in the working directory, whose name says when it was begun.
fn default_journal(of: &Path, seconds: i64) -> Result<Journal, Error> {
    let stamp: String = utc(seconds).chars().filter(|c| !matches!(c, ':' | '-' | 'Z')).collect();
    let stamp = stamp.replace('T', "-");
    let mut name = PathBuf::from(format!("repair-{stamp}.journal"));
    for number in 2.. {
        match Journal::create(&name, of, seconds) {
            // Another one in the same second.
            Err(error) if error.errno() == Some(Errno::EXIST) && number < 100 => {
                name = PathBuf::from(format!("repair-{stamp}-{number}.journal"));
            }
            done => return done,
        }
    }
    unreachable!("the loop ends with the first name that is free")
}
