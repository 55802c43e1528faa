//! A source that gives up requests: what is not answered in time is an error, `ETIMEDOUT`, and the
//! walk goes on without it.
//!
//! A thread that the kernel holds can't be interrupted. So a worker makes no request itself: it hands
//! each one to a thread, the *messenger*, and waits for the answer until the timeout. A messenger that
//! hangs is left behind with everything it needs, and ends once it is answered; it is not joined. The
//! worker continues with another messenger. Requests are handed over one by one, the inodes of files
//! sixteen at a time. That takes about 10 µs, which does not matter for a request over a network, but
//! does for one to a warm cache. A walk without a timeout uses none of this.
//!
//! A server that is gone answers nothing at all, and each waiting directory would cost the timeout. So
//! a filesystem is *silent* once a request is given up that began after another one was given up, with
//! no answer in between. From then on everything is given up at once, until an answer comes after
//! all. On a healthy server, a single worker may meet two directories that hang, one after the other.
//! So the server is *pinged* beside each request that begins after one was given up, and the
//! answer to the ping is an answer like any other. A request for the top of a mount counts for the
//! filesystem that is mounted there: if that is dead, the directory that contains it is not, nor are
//! other mounts in it.
//!
//! ```text
//!                  answered, by the messenger
//! asked: PENDING ---------------------------> ANSWERED
//!            \------------------------------> GIVEN_UP
//!                  too late, by the worker
//! ```

use crate::config::Config;
use crate::control::Control;
use crate::entry::{Fields, Kind, Stat};
use crate::filesystems::Filesystems;
use crate::listing::Listing;
use crate::source::{Asked, At, Known, Source};
use crate::sync::lock;
use pwalk_sys::{DescriptorLimit, Errno, Links};
use std::any::Any;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed,
};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

/// How often a waiting worker checks whether the walk was cancelled.
const TICK: Duration = Duration::from_millis(50);

/// Inodes of files that are handed over at a time.
const N_AT_ONCE: usize = 16;

/// Messengers of one filesystem that may be left behind.
const LEFT_MAX: i64 = 1000;

/// Requests that a server sees for a ping: a lookup of the name, and one for its attributes.
const PER_PING: u64 = 2;

/// Bytes of a messenger's stack.
const STACK_BYTES: usize = 256 << 10;

/// Gives requests to another source up.
pub struct Impatient<'a, S: Source> {
    source: Arc<S>,
    timeout: Duration,
    n_at_once: usize,
    control: &'a Control,
    filesystems: &'a Filesystems,
    /// One for each filesystem.
    servers: Vec<Arc<Server>>,
    /// By the paths where mounts or roots begin whose filesystem has the number of the first root's:
    /// there are more filesystems than numbers.
    others: Mutex<HashMap<Box<[u8]>, Arc<Server>>>,
    /// Messengers that have nothing to do.
    idle: Mutex<Vec<Messenger>>,
}

/// An open directory of an [`Impatient`] source.
pub struct ImpatientDir<D> {
    dir: Arc<D>,
    server: Arc<Server>,
    /// Its path with a closing slash, if mounts begin in it.
    above_tops: Option<Vec<u8>>,
}

/// A thread that makes requests, one after the other, until this is dropped.
struct Messenger(Sender<Box<dyn FnOnce() + Send>>);

/// What is known of a filesystem. All counters are Relaxed: a worker that misses a change waits for one
/// more request.
#[derive(Debug, Default)]
struct Server {
    /// Requests that were given up since the last answer.
    n_given_up: AtomicUsize,
    /// How often an answer came after requests that were given up.
    n_revivals: AtomicUsize,
    /// Messengers that it still holds.
    n_left: AtomicI64,
    /// It answers nothing.
    is_silent: AtomicBool,
    /// The first path for which it has answered: pings ask for it.
    top: OnceLock<Box<[u8]>>,
    /// A ping has not been answered yet.
    is_pinged: AtomicBool,
}

/// The state of a server when a request began.
#[derive(Clone, Copy)]
struct Before {
    n_given_up: usize,
    n_revivals: usize,
}

impl Server {
    /// `None` if the server is silent or holds too many messengers.
    fn before(&self) -> Option<Before> {
        let is_lost = self.is_silent.load(Relaxed) || self.n_left.load(Relaxed) >= LEFT_MAX;
        let n_given_up = self.n_given_up.load(Relaxed);
        (!is_lost).then(|| Before { n_given_up, n_revivals: self.n_revivals.load(Relaxed) })
    }

    fn has_answered(&self) {
        if self.n_given_up.load(Relaxed) > 0 {
            // First, so that a worker that has not seen this does not make it silent afterwards.
            self.n_revivals.fetch_add(1, Relaxed);
            self.n_given_up.store(0, Relaxed);
            self.is_silent.store(false, Relaxed);
        }
    }

    fn has_answered_for(&self, path: &[u8]) {
        self.top.get_or_init(|| path.into());
    }

    /// A request was given up.
    fn is_given_up(&self, before: Before) {
        self.n_left.fetch_add(1, Relaxed);
        self.n_given_up.fetch_add(1, Relaxed);
        if before.n_given_up > 0 && self.n_revivals.load(Relaxed) == before.n_revivals {
            self.is_silent.store(true, Relaxed);
        }
    }
}

/// A request that a messenger makes.
#[derive(Debug, Default)]
struct Request {
    /// One of the three states above. Changes once.
    state: AtomicU8,
    /// Answers so far, if it asks for several inodes.
    n_answers: AtomicUsize,
}

const PENDING: u8 = 0;
const ANSWERED: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Request {
    /// True for whoever sets the state first.
    fn becomes(&self, state: u8) -> bool {
        self.state.compare_exchange(PENDING, state, AcqRel, Relaxed).is_ok()
    }

    fn is_given_up(&self) -> bool {
        self.state.load(Relaxed) == GIVEN_UP
    }
}

impl<'a, S: Source + Send + 'static> Impatient<'a, S> {
    /// Gives up what is not answered after `timeout`, in a walk with this config.
    pub fn new(source: S, timeout: Duration, config: &'a Config, control: &'a Control) -> Self {
        Self::over(Arc::new(source), timeout, config, control)
    }

    /// The same, for a source that is shared with others.
    pub fn over(
        source: Arc<S>,
        timeout: Duration,
        config: &'a Config,
        control: &'a Control,
    ) -> Self {
        Impatient {
            source,
            timeout,
            // Requests that are paced are made one by one.
            n_at_once: if config.ops_max.is_some() { 1 } else { N_AT_ONCE },
            control,
            filesystems: &config.filesystems,
            servers: (0..config.filesystems.len()).map(|_| Arc::default()).collect(),
            others: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Of the filesystem that a path is on.
    fn server(&self, path: &[u8]) -> Arc<Server> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        let mut tops = std::iter::once(path.len()).chain(ends.rev()).map(|end| &path[..end]);
        tops.find_map(|top| self.server_from(top)).unwrap_or_else(|| self.servers[0].clone())
    }

    /// Of the filesystem that begins at a path, if one does.
    fn server_from(&self, path: &[u8]) -> Option<Arc<Server>> {
        match self.filesystems.of_path(path)? {
            0 => Some(lock(&self.others).entry(path.into()).or_default().clone()),
            index => Some(self.servers[usize::from(index)].clone()),
        }
    }

    /// Of the filesystem that an entry is on.
    fn server_of(&self, dir: &ImpatientDir<S::Dir>, name: &CStr) -> Arc<Server> {
        let path = dir.above_tops.as_ref().map(|path| [path, name.to_bytes()].concat());
        path.and_then(|path| self.server_from(&path)).unwrap_or_else(|| dir.server.clone())
    }

    /// Has a messenger make a request, and waits for the answer.
    fn ask<T: Send + 'static>(
        &self,
        server: &Arc<Server>,
        ask: impl FnOnce(&S, &Request) -> T + Send + 'static,
    ) -> Result<T, Errno> {
        let before = server.before().ok_or(Errno::TIMEDOUT)?;
        if before.n_given_up > 0 {
            self.ping(server);
        }
        let request = Arc::<Request>::default();
        let (answer, answers) = channel();
        let job = {
            let (source, server, request) = (self.source.clone(), server.clone(), request.clone());
            move || {
                let got = catch_unwind(AssertUnwindSafe(|| ask(&source, &request)));
                server.has_answered();
                if !request.becomes(ANSWERED) {
                    server.n_left.fetch_sub(1, Relaxed);
                }
                // If it was given up, nobody receives it.
                let _ = answer.send(got);
            }
        };
        let messenger = self.hand_over(Box::new(job));
        let (mut waited, mut n_seen, mut looked) = (Duration::ZERO, 0, Instant::now());
        let got = loop {
            let tick = TICK.min(self.timeout.saturating_sub(waited)).max(Duration::from_millis(1));
            match answers.recv_timeout(tick) {
                Ok(got) => break got,
                Err(RecvTimeoutError::Disconnected) => return Err(Errno::TIMEDOUT),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // While the process was stopped, it did not wait.
            waited += looked.elapsed().min(2 * TICK);
            looked = Instant::now();
            let n_answers = request.n_answers.load(Relaxed);
            if n_answers > n_seen {
                (n_seen, waited) = (n_answers, Duration::ZERO);
            }
            let is_late = waited >= self.timeout || self.control.is_cancelled();
            if is_late && request.becomes(GIVEN_UP) {
                server.is_given_up(before);
                let request: Weak<dyn Any + Send + Sync> = Arc::downgrade(&request) as _;
                self.control.give_up(request);
                return Err(Errno::TIMEDOUT);
            }
        };
        lock(&self.idle).extend(messenger);
        got.map_err(|panic| resume_unwind(panic))
    }

    /// Pings a server, unless a ping has not been answered yet.
    fn ping(&self, server: &Arc<Server>) {
        let Some(top) = server.top.get().cloned() else { return };
        if server.is_pinged.swap(true, Relaxed) {
            return;
        }
        let idle = lock(&self.idle).pop();
        let Some(messenger) = idle.or_else(Messenger::start) else {
            server.is_pinged.store(false, Relaxed);
            return;
        };
        self.control.owe(PER_PING);
        let (source, server) = (self.source.clone(), server.clone());
        let ping = move || {
            source.ping(&top);
            server.is_pinged.store(false, Relaxed);
            server.has_answered();
        };
        // Nobody waits for it: it ends with its answer.
        let _ = messenger.0.send(Box::new(ping));
    }

    /// Has a request made by a messenger. Without threads the worker makes it itself.
    fn hand_over(&self, job: Box<dyn FnOnce() + Send>) -> Option<Messenger> {
        let idle = lock(&self.idle).pop();
        let messenger = match idle.or_else(Messenger::start) {
            Some(messenger) => messenger,
            None => {
                job();
                return None;
            }
        };
        // It receives jobs as long as this sender exists.
        let _ = messenger.0.send(job);
        Some(messenger)
    }

    /// How many inodes are read at once. A directory may be a mount point and is read alone. Where there
    /// are mount points, a file may be one as well.
    fn n_at_once(&self, dir: &ImpatientDir<S::Dir>, listing: &Listing, wanted: &[u32]) -> usize {
        if dir.above_tops.is_some() {
            return 1;
        }
        let may_hang =
            |index: &&u32| matches!(listing.kind(**index as usize), Kind::Dir | Kind::Unknown);
        let n_files = wanted.iter().take(self.n_at_once).take_while(|index| !may_hang(index));
        n_files.count().max(1)
    }

    /// The inodes of some entries: all answers, or those up to the first that is given up, whose error
    /// is the last.
    fn stat_some(
        &self,
        dir: &ImpatientDir<S::Dir>,
        asked: &Asked<'_>,
        wanted: &[u32],
        answers: &mut Vec<Result<Stat, Errno>>,
    ) {
        let name = |&index: &u32| asked.listing.get(index as usize).name.to_owned();
        let names: Vec<CString> = wanted.iter().map(name).collect();
        let server = self.server_of(dir, &names[0]);
        let (links, fields) = (asked.links, asked.fields);
        let got = Arc::<Mutex<Vec<_>>>::default();
        let asking = {
            let (dir, got) = (dir.dir.clone(), got.clone());
            move |source: &S, request: &Request| {
                for name in names {
                    let stat = source.stat(&dir, &name, links, fields);
                    let mut got = lock(&got);
                    if request.is_given_up() {
                        return;
                    }
                    got.push(stat);
                    request.n_answers.fetch_add(1, Relaxed);
                }
            }
        };
        let asked = self.ask(&server, asking);
        let mut got = lock(&got);
        if let (Err(errno), true) = (asked, got.len() < wanted.len()) {
            got.push(Err(errno));
        }
        answers.append(&mut got);
    }

    /// Has a directory opened.
    fn open_by(
        &self,
        at: At<'_, ImpatientDir<S::Dir>>,
        open: impl FnOnce(&S, At<'_, S::Dir>) -> Result<S::Dir, Errno> + Send + 'static,
    ) -> Result<ImpatientDir<S::Dir>, Errno>
    where
        S::Dir: 'static,
    {
        let server = match at.parent {
            Some((parent, name)) => self.server_of(parent, name),
            None => self.server(at.path),
        };
        let parent = at.parent.map(|(dir, name)| (dir.dir.clone(), name.to_owned()));
        let path = at.path.to_owned();
        let asking = move |source: &S, _: &Request| {
            let parent = parent.as_ref().map(|(dir, name)| (&**dir, name.as_c_str()));
            open(source, At { parent, path: &path })
        };
        let dir = self.ask(&server, asking)??;
        server.has_answered_for(at.path);
        let closing: &[u8] = if at.path.ends_with(b"/") { b"" } else { b"/" };
        let inside = [at.path, closing].concat();
        let above_tops = self.filesystems.has_tops(&inside).then_some(inside);
        Ok(ImpatientDir { dir: Arc::new(dir), server, above_tops })
    }
}

impl Messenger {
    /// `None` if the system has no thread for it.
    fn start() -> Option<Messenger> {
        let (send, jobs) = channel::<Box<dyn FnOnce() + Send>>();
        let thread = std::thread::Builder::new().name("pwalk-ask".to_owned());
        let work = move || jobs.into_iter().for_each(|job| job());
        thread.stack_size(STACK_BYTES).spawn(work).is_ok().then_some(Messenger(send))
    }
}

impl<S: Source + Send + 'static> Source for Impatient<'_, S>
where
    S::Dir: 'static,
{
    type Dir = ImpatientDir<S::Dir>;

    fn open(&self, at: At<'_, Self::Dir>, links: Links) -> Result<Self::Dir, Errno> {
        self.open_by(at, move |source, at| source.open(at, links))
    }

    fn open_known(
        &self,
        at: At<'_, Self::Dir>,
        links: Links,
        known: &Known,
    ) -> Result<Self::Dir, Errno> {
        let known = *known;
        self.open_by(at, move |source, at| source.open_known(at, links, &known))
    }

    fn n_spare(&self, dir: &Self::Dir, limit: &mut DescriptorLimit) -> u64 {
        self.source.n_spare(&dir.dir, limit)
    }

    fn read(
        &self,
        dir: &Self::Dir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        let (asked, mut scratch_lent) = (dir.dir.clone(), std::mem::take(scratch));
        // What it already contains must not be lost with the messenger.
        let mut lent =
            if listing.is_empty() { std::mem::take(listing) } else { Listing::default() };
        let read = move |source: &S, _: &Request| {
            let result = source.read(&asked, buffer_len, &mut scratch_lent, &mut lent);
            (result, scratch_lent, lent)
        };
        let (result, scratch_back, back) = self.ask(&dir.server, read)?;
        *scratch = scratch_back;
        if listing.is_empty() {
            *listing = back;
            return result;
        }
        for index in 0..back.len() {
            let entry = back.get(index);
            listing.push(entry.ino, entry.kind, entry.name)?;
        }
        result
    }

    fn stat(
        &self,
        dir: &Self::Dir,
        name: &CStr,
        links: Links,
        want: Fields,
    ) -> Result<Stat, Errno> {
        let (asked, name, server) = (dir.dir.clone(), name.to_owned(), self.server_of(dir, name));
        self.ask(&server, move |source, _| source.stat(&asked, &name, links, want))?
    }

    fn stat_slice(
        &self,
        dir: &Self::Dir,
        asked: &Asked<'_>,
        mut may_ask: impl FnMut(usize) -> bool,
        answers: &mut Vec<Result<Stat, Errno>>,
    ) {
        let mut wanted = asked.wanted;
        while !wanted.is_empty() {
            let now = &wanted[..self.n_at_once(dir, asked.listing, wanted)];
            if !now.iter().all(|&index| may_ask(index as usize)) {
                return;
            }
            let n_before = answers.len();
            self.stat_some(dir, asked, now, answers);
            wanted = &wanted[answers.len() - n_before..];
        }
    }

    fn stat_dir(&self, dir: &Self::Dir, want: Fields) -> Result<Stat, Errno> {
        let asked = dir.dir.clone();
        self.ask(&dir.server, move |source, _| source.stat_dir(&asked, want))?
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        let (asked, server) = (path.to_owned(), self.server(path));
        let stat = self.ask(&server, move |source, _| source.stat_path(&asked, links, want))?;
        server.has_answered_for(path);
        stat
    }

    fn read_link(&self, dir: &Self::Dir, name: &CStr) -> Result<Vec<u8>, Errno> {
        let (asked, name) = (dir.dir.clone(), name.to_owned());
        self.ask(&dir.server, move |source, _| source.read_link(&asked, &name))?
    }
}
