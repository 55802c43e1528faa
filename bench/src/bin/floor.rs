//! The floor: what the kernel alone costs, as a program that reads a tree and keeps nothing.
//!
//! Owns its own walk. It shares no line with the engine, since a bound that is built from the
//! thing it bounds proves nothing. It knows no filters, no formats and no broken trees: any
//! error but a vanished entry is reported and makes the count void (exit status 1).
//!
//! The questionable decision: a job holds its parent open (`Dir::Open`) instead of a path, so
//! a walk keeps descriptors of all directories whose children wait. Opening from the parent is
//! 1% faster at depth 3 and 15% at depth 30; beyond `KEPT_MAX` directories are closed after
//! reading and their children are reached from the nearest ancestor that is still open.
//!
//! Work moves between threads only when somebody is idle: each worker pushes to a stack of
//! its own, and gives the older half of it (the bigger subtrees) to the shared stack when
//! `n_idle` is not 0. A walk of 10,000 directories takes the shared lock a few dozen times.
//!
//! Termination. A worker counts itself idle under the lock, with nothing left of its own (I1).
//! Jobs are made by busy workers only (I2). So when the last worker becomes idle and the
//! shared stack is empty, no job exists and none can appear: that worker sets `is_over`.

#![forbid(unsafe_code)]

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, RawDirEntry, StatxFlags};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsString};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

const USAGE: &str = "usage: floor [--threads N] [--names] [--split] DIR\n\
    Counts the entries below DIR (DIR included) and adds up their sizes.\n\
    --threads N  workers (default 2)\n\
    --names      directory entries only, no statx; prints - for the bytes\n\
    --split      share the entries of giant directories between the workers\n";

/// getdents64's buffer: nothing to gain above this on disk filesystems.
const BUF_BYTES: usize = 32 * 1024;
/// Entries in a slice of a shared directory, and how many a directory has before it is shared.
const SLICE_LEN: usize = 200;
/// With this many jobs of its own a worker does its slices at once: memory stays bounded.
const OWN_MAX: usize = 16;
/// Directories kept open for their children: half of the usual limit of descriptors.
const KEPT_MAX: usize = 512;
/// Directories kept open now. Relaxed: the limit need not be exact.
static N_KEPT: AtomicUsize = AtomicUsize::new(0);

const AT: AtFlags =
    AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::STATX_DONT_SYNC).union(AtFlags::NO_AUTOMOUNT);

/// What is measured.
struct Config {
    n_threads: usize,
    /// No statx, unless the directory entry hides the type.
    names_only: bool,
    /// Giant directories are shared between workers.
    splits: bool,
    /// As typed.
    root: CString,
}

/// A directory that was opened and whose children may still wait.
enum Dir {
    /// Needs its parent no more, which closes as soon as its last child is open.
    Open(OwnedFd),
    /// Too many directories are open. Its parent (`None` for the root) and its name there.
    Closed(Option<Arc<Dir>>, CString),
}

impl Dir {
    /// Keeps the descriptor only while few are kept; else hands it back.
    fn new(parent: Option<Arc<Dir>>, name: CString, fd: OwnedFd) -> (Self, Option<OwnedFd>) {
        if N_KEPT.fetch_add(1, Ordering::Relaxed) < KEPT_MAX {
            return (Dir::Open(fd), None);
        }
        N_KEPT.fetch_sub(1, Ordering::Relaxed);
        (Dir::Closed(parent, name), Some(fd))
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Dir::Open(fd) => Some(fd.as_fd()),
            Dir::Closed(..) => None,
        }
    }
}

impl Drop for Dir {
    /// In a loop: a chain of a million directories would overflow the stack.
    fn drop(&mut self) {
        let mut next = match self {
            Dir::Open(_) => {
                N_KEPT.fetch_sub(1, Ordering::Relaxed);
                None
            }
            Dir::Closed(parent, _) => parent.take(),
        };
        while let Some(mut dir) = next.and_then(Arc::into_inner) {
            next = match &mut dir {
                Dir::Open(_) => None,
                Dir::Closed(parent, _) => parent.take(),
            };
        }
    }
}

/// What a worker does next.
enum Job {
    /// Open, read, stat the entries. The parent is `None` for the root.
    Read(Option<Arc<Dir>>, CString),
    /// Stat NUL-terminated names of an open directory.
    Slice(Arc<Dir>, Vec<u8>),
}

/// What one worker found; added up at the end.
#[derive(Default)]
struct Totals {
    n_entries: u64,
    size_bytes: u64,
    n_errors: u64,
}

/// The stack that all workers share, and who waits for it.
#[derive(Default)]
struct Shared {
    /// Jobs that were given away, the oldest in front.
    stack: Vec<Job>,
    /// Set once, by the worker that finds nothing left anywhere.
    is_over: bool,
}

struct Queue {
    shared: Mutex<Shared>,
    wakes: Condvar,
    /// Workers inside `wait`. Written under the lock; read without it by workers that ask
    /// whether to give jobs away. Relaxed: a late answer only delays the gift.
    n_idle: AtomicUsize,
    n_workers: usize,
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("no worker panics with the lock")
    }

    fn is_hungry(&self) -> bool {
        self.n_idle.load(Ordering::Relaxed) > 0
    }

    /// Moves the older half of `own`, at least one job, to the shared stack.
    fn give(&self, own: &mut VecDeque<Job>) {
        let n = own.len().div_ceil(2);
        self.lock().stack.extend(own.drain(..n));
        self.wakes.notify_all();
    }

    /// The next job of the shared stack; `None` when the walk is over.
    fn wait(&self) -> Option<Job> {
        let mut shared = self.lock();
        let mut is_idle = false;
        while !shared.is_over {
            if let Some(job) = shared.stack.pop() {
                if is_idle {
                    self.n_idle.fetch_sub(1, Ordering::Relaxed);
                }
                return Some(job);
            }
            if !is_idle {
                is_idle = true;
                let n_idle = self.n_idle.fetch_add(1, Ordering::Relaxed) + 1;
                shared.is_over = n_idle == self.n_workers;
            } else {
                shared = self.wakes.wait(shared).expect("no worker panics with the lock");
            }
        }
        self.wakes.notify_all();
        None
    }
}

struct Worker<'a> {
    config: &'a Config,
    queue: &'a Queue,
    /// The newest job is at the back and is done first.
    own: VecDeque<Job>,
    totals: Totals,
}

impl Worker<'_> {
    fn run(mut self) -> Totals {
        let mut buf = vec![MaybeUninit::<u8>::uninit(); BUF_BYTES];
        while let Some(job) = self.own.pop_back().or_else(|| self.queue.wait()) {
            self.share();
            match job {
                Job::Read(parent, name) => self.read(parent, name, &mut buf),
                Job::Slice(dir, names) => self.slice(&dir, &names),
            }
        }
        self.totals
    }

    /// Opens a directory and reads it to its end.
    fn read(&mut self, parent: Option<Arc<Dir>>, name: CString, buf: &mut [MaybeUninit<u8>]) {
        let fd = match open_below(parent.as_deref(), &name) {
            Ok(fd) => fd,
            Err(errno) => return self.fail("open", &name, errno),
        };
        let (dir, passing) = Dir::new(parent, name, fd);
        let dir = Arc::new(dir);
        if let Some(fd) = dir.fd().or(passing.as_ref().map(AsFd::as_fd)) {
            self.entries(&dir, fd, buf);
        }
    }

    fn entries(&mut self, dir: &Arc<Dir>, fd: BorrowedFd<'_>, buf: &mut [MaybeUninit<u8>]) {
        let shares = self.config.splits && !self.config.names_only && dir.fd().is_some();
        let n_alone = if shares { SLICE_LEN } else { usize::MAX };
        let (mut n_read, mut slice) = (0, Vec::new());
        let mut raw = RawDir::new(fd, buf);
        while let Some(entry) = raw.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => return self.fail("read below", &self.config.root, errno),
            };
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            n_read += 1;
            if n_read <= n_alone {
                self.entry(dir, fd, &entry);
            } else {
                slice.extend_from_slice(name.to_bytes_with_nul());
            }
            if n_read % SLICE_LEN == 0 {
                self.push_slice(dir, &mut slice);
            }
        }
        self.slice(dir, &slice);
    }

    /// Queues a slice, or does it when enough jobs wait; lets idle workers have some.
    fn push_slice(&mut self, dir: &Arc<Dir>, slice: &mut Vec<u8>) {
        self.share();
        if slice.is_empty() {
            return;
        }
        let names = std::mem::take(slice);
        if self.own.len() < OWN_MAX {
            self.push(Job::Slice(dir.clone(), names));
        } else {
            self.slice(dir, &names);
        }
    }

    fn push(&mut self, job: Job) {
        self.own.push_back(job);
        // Not the last one: a chain of directories would be handed back and forth.
        if self.own.len() > 1 {
            self.share();
        }
    }

    fn share(&mut self) {
        if self.queue.is_hungry() && !self.own.is_empty() {
            self.queue.give(&mut self.own);
        }
    }

    fn entry(&mut self, dir: &Arc<Dir>, fd: BorrowedFd<'_>, entry: &RawDirEntry<'_>) {
        let kind = entry.file_type();
        if self.config.names_only && kind != FileType::Unknown {
            self.totals.n_entries += 1;
            return self.descend(dir, entry.file_name(), kind);
        }
        self.stat(dir, fd, entry.file_name());
    }

    fn slice(&mut self, dir: &Arc<Dir>, mut names: &[u8]) {
        let Some(fd) = dir.fd() else { return };
        while let Ok(name) = CStr::from_bytes_until_nul(names) {
            names = &names[name.count_bytes() + 1..];
            self.stat(dir, fd, name);
        }
    }

    fn stat(&mut self, dir: &Arc<Dir>, fd: BorrowedFd<'_>, name: &CStr) {
        match rustix::fs::statx(fd, name, AT, StatxFlags::BASIC_STATS) {
            Ok(stat) => {
                self.totals.n_entries += 1;
                self.totals.size_bytes += stat.stx_size;
                let kind = FileType::from_raw_mode(stat.stx_mode.into());
                self.descend(dir, name, kind);
            }
            Err(Errno::NOENT) => {}
            Err(errno) => self.fail("stat", name, errno),
        }
    }

    fn descend(&mut self, dir: &Arc<Dir>, name: &CStr, kind: FileType) {
        if kind == FileType::Directory {
            self.push(Job::Read(Some(dir.clone()), name.to_owned()));
        }
    }

    fn fail(&mut self, what: &str, name: &CStr, errno: Errno) {
        self.totals.n_errors += 1;
        eprintln!("floor: cannot {what} {name:?}: {errno}");
    }
}

/// Opens a directory from its nearest ancestor that is open, one name after the other.
fn open_below(parent: Option<&Dir>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let mut names = vec![name];
    let mut above = parent;
    while let Some(Dir::Closed(parent, name)) = above {
        names.push(name);
        above = parent.as_deref();
    }
    let from = above.and_then(Dir::fd).unwrap_or(rustix::fs::CWD);
    let mut fd = open(from, names.pop().expect("holds the name asked for"))?;
    while let Some(name) = names.pop() {
        fd = open(fd.as_fd(), name)?;
    }
    Ok(fd)
}

/// With O_NOATIME where it is allowed: a walk should not change what it measures.
fn open(at: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(at, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(at, name, flags, Mode::empty()),
        result => result,
    }
}

fn walk(config: &Config) -> rustix::io::Result<Totals> {
    let root = rustix::fs::statx(rustix::fs::CWD, &config.root, AT, StatxFlags::BASIC_STATS)?;
    let queue = Queue {
        shared: Mutex::default(),
        wakes: Condvar::new(),
        n_idle: AtomicUsize::new(0),
        n_workers: config.n_threads,
    };
    queue.lock().stack.push(Job::Read(None, config.root.clone()));
    grow_fd_table();
    let mut totals = run_workers(config, &queue);
    totals.n_entries += 1;
    totals.size_bytes += root.stx_size;
    Ok(totals)
}

/// The kernel grows the table of descriptors in powers of two, and in a process with threads
/// waits for a grace period each time: some 5 ms, more than many a tree takes.
fn grow_fd_table() {
    if let Ok(fd) = open(rustix::fs::CWD, c"/") {
        // Refused under a low limit; then the table need not grow either.
        let _ = rustix::io::fcntl_dupfd_cloexec(fd, KEPT_MAX as i32);
    }
}

fn run_workers(config: &Config, queue: &Queue) -> Totals {
    let work = || {
        let (own, totals) = (VecDeque::new(), Totals::default());
        Worker { config, queue, own, totals }.run()
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..config.n_threads).map(|_| scope.spawn(work)).collect();
        let mut sum = work();
        for other in others {
            let part = other.join().expect("workers do not panic");
            sum.n_entries += part.n_entries;
            sum.size_bytes += part.size_bytes;
            sum.n_errors += part.n_errors;
        }
        sum
    })
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Config> {
    let (mut n_threads, mut names_only, mut splits, mut root) = (2, false, false, None);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--threads") => n_threads = args.next()?.to_str()?.parse().ok()?,
            Some("--names") => names_only = true,
            Some("--split") => splits = true,
            Some(flag) if flag.starts_with('-') => return None,
            _ if root.is_some() => return None,
            _ => root = CString::new(arg.into_vec()).ok(),
        }
    }
    (n_threads > 0).then_some(())?;
    Some(Config { n_threads, names_only, splits, root: root? })
}

fn main() -> ExitCode {
    let Some(config) = parse(std::env::args_os().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match walk(&config) {
        Ok(totals) => print(&config, &totals),
        Err(errno) => {
            eprintln!("floor: cannot read {:?}: {errno}", config.root);
            ExitCode::from(2)
        }
    }
}

fn print(config: &Config, totals: &Totals) -> ExitCode {
    if config.names_only {
        println!("{} -", totals.n_entries);
    } else {
        println!("{} {}", totals.n_entries, totals.size_bytes);
    }
    ExitCode::from(u8::from(totals.n_errors > 0))
}
