//! The other order of a walk: directory by directory, depth first, as `os.walk` wants it.
//!
//! Owns the consumer's list of what comes next, which is all that decides what it gets, and the
//! workers, who read ahead along that list ([`plan`]). A walk starts without workers: the
//! consumer reads by itself until it is clear that there is work for more than one.
//!
//! Locking: one mutex around the plan, held for the time of a few lookups, never while the
//! filesystem is asked. Two conditions go with it: `work` (there is room and something to read)
//! and `news` (something was read). A waiting consumer waits for one subdirectory that a worker
//! reads at that moment, and every worker that has read one says so under the lock, so no
//! wake-up is lost.
//!
//! A process that forks takes only the consumer along. The child finds out by its process
//! number, leaves the plan alone (its lock may be held by a thread that is no more) and goes on
//! without reading ahead.

mod folder;
mod plan;
mod shared;

pub use folder::{Folder, Subdirs};

use crate::config::Rules;
use crate::source::{At, Source};
use crate::sync::lock;
use folder::with_slash;
use plan::{Asked, Found, GroupId, Place, Plan};
use pwalk_sys::{Errno, Links};
use shared::{PATIENCE, Patience, Shared, State};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Directories that the consumer reads by itself before workers are worth their start.
const DIRS_ALONE: usize = 64;

/// Time after which they are worth it anyway: directories are large, or slow to read.
const TIME_ALONE: Duration = Duration::from_millis(1);

/// When a directory is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Before what is below it.
    TopDown,
    /// After what is below it.
    BottomUp,
}

/// What a walk in order brings next.
#[derive(Debug)]
pub enum Step {
    /// A directory.
    Directory {
        /// Its path: the root as it was given, and names.
        path: Vec<u8>,
        /// What is in it.
        folder: Folder,
    },
    /// A directory could not be read. What it holds is not delivered.
    Failed {
        /// Its path.
        path: Vec<u8>,
        /// Why.
        errno: Errno,
    },
    /// All is delivered.
    End,
}

/// A directory to go on with, below the one that was just delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// One that was found there, by its place in [`Folder::dirs`].
    Found(usize),
    /// Any other path.
    Other(Vec<u8>),
}

/// A walk in depth-first order.
///
/// Of the [`Rules`] it takes the links, and what knows an entry by its name. Errors come where the consumer meets them, and at that moment: one that only a
/// worker met is none.
pub struct Ordered<S: Source> {
    shared: Arc<Shared<S>>,
    /// How many workers to start, asked when they are; gone once they are.
    n_workers: Option<Box<dyn FnOnce() -> usize + Send>>,
    workers: Vec<JoinHandle<()>>,
    /// The process that the workers belong to.
    process: u32,
    order: Order,
    /// The directory that was last delivered, top down, until its children are settled.
    current: Option<Frame>,
    stack: Vec<Frame>,
    n_read_alone: usize,
    time_alone: Duration,
}

/// A directory on the way from the root to where the consumer is.
struct Frame {
    path: Vec<u8>,
    group: Option<GroupId>,
    dirs: Arc<Subdirs>,
    children: Children,
    /// What is to be delivered after the children, bottom up.
    folder: Option<Folder>,
}

/// What is still to be entered.
enum Children {
    /// The root, until it was entered.
    Root(Option<Vec<u8>>),
    /// From this place on, those that can be entered.
    All(usize),
    Chosen(VecDeque<Child>),
}

impl<S: Source + Send + 'static> Ordered<S> {
    /// A walk of the directory at `root`. Opens nothing but the working directory. `n_workers` is
    /// asked when the first worker is to start; 0 means none.
    pub fn new(
        root: Vec<u8>,
        order: Order,
        rules: Rules,
        source: Arc<S>,
        n_workers: impl FnOnce() -> usize + Send + 'static,
    ) -> Self {
        let base: &[u8] = if root.first() == Some(&b'/') { b"/" } else { b"." };
        let base = source.open(At { parent: None, path: base }, Links::Follow);
        let plan = Plan::new(rules.follow_links());
        let shared = Shared {
            source,
            rules: Arc::new(rules),
            base: base.ok().map(Arc::new),
            root_len: root.len(),
            state: Mutex::new(State { plan, ..State::default() }),
            is_closed: AtomicBool::new(false),
            work: Condvar::new(),
            news: Condvar::new(),
        };
        let frame = Frame {
            path: Vec::new(),
            group: None,
            dirs: Arc::default(),
            children: Children::Root(Some(root)),
            folder: None,
        };
        Ordered {
            shared: Arc::new(shared),
            n_workers: Some(Box::new(n_workers)),
            workers: Vec::new(),
            process: std::process::id(),
            order,
            current: None,
            stack: vec![frame],
            n_read_alone: 0,
            time_alone: Duration::ZERO,
        }
    }

    /// What comes next, if that needs no waiting and no reading.
    pub fn try_next(&mut self) -> Option<Step> {
        self.step(None)
    }

    /// What comes next; reads, or waits for a worker that reads. Meanwhile, asks `is_stopped`
    /// every now and then; `None` once that says yes. What was asked for is not lost then.
    pub fn next_step(&mut self, is_stopped: &mut dyn FnMut() -> bool) -> Option<Step> {
        self.step(Some(&mut Patience { is_stopped, asked: Instant::now(), has_ended: false }))
    }

    /// Says where to go on below the directory that was just delivered, top down. Unless this is
    /// called, to all its directories that are no links, or to all if links are followed.
    pub fn choose(&mut self, children: Vec<Child>) {
        let Some(frame) = &mut self.current else { return };
        if let Some(group) = frame.group {
            let found = children.iter().filter_map(|child| match child {
                Child::Found(index) if self.shared.may_enter(&frame.dirs, *index) => {
                    Some(*index as u32)
                }
                _ => None,
            });
            lock(&self.shared.state).plan.change(group, found.collect());
        }
        frame.children = Children::Chosen(children.into());
    }

    /// The step after this one; `None` if it takes more patience than there is.
    fn step(&mut self, mut patience: Option<&mut Patience<'_>>) -> Option<Step> {
        if self.process != std::process::id() {
            self.leave_workers();
        }
        self.settle();
        loop {
            let Some(frame) = self.stack.last_mut() else { return Some(Step::End) };
            let Some((place, path)) = frame.peek(&self.shared) else {
                match self.finish_frame() {
                    None => continue,
                    step => return step,
                }
            };
            let found = self.find(place, &path, patience.as_deref_mut())?;
            self.stack.last_mut().expect("the child has a parent").advance();
            match found {
                Ok(Some(found)) => {
                    if let Some(step) = self.enter(path, found) {
                        return Some(step);
                    }
                }
                Ok(None) => {} // a link, which is not entered
                Err(errno) => return Some(Step::Failed { path, errno }),
            }
        }
    }

    /// The children of the directory that was delivered last are what the consumer made of them.
    fn settle(&mut self) {
        if let Some(frame) = self.current.take() {
            if let (Some(group), Children::All(_)) = (frame.group, &frame.children) {
                lock(&self.shared.state).plan.settle(group);
            }
            self.stack.push(frame);
        }
    }

    /// All below a directory was delivered.
    fn finish_frame(&mut self) -> Option<Step> {
        let frame = self.stack.pop()?;
        if let Some(group) = frame.group {
            lock(&self.shared.state).plan.discard(group);
        }
        frame.folder.map(|folder| Step::Directory { path: frame.path, folder })
    }

    fn enter(&mut self, path: Vec<u8>, found: Found) -> Option<Step> {
        let Found { folder, group } = found;
        let (dirs, children) = (folder.dirs.clone(), Children::All(0));
        match self.order {
            Order::TopDown => {
                let step = Step::Directory { path: path.clone(), folder };
                self.current = Some(Frame { path, group, dirs, children, folder: None });
                Some(step)
            }
            Order::BottomUp => {
                let folder = Some(folder);
                self.stack.push(Frame { path, group, dirs, children, folder });
                None
            }
        }
    }

    /// A directory: as a worker has read it, or read here and now. `Ok(None)`: it is a link that
    /// is not entered. `None`: it takes more patience than there is.
    fn find(
        &mut self,
        place: Option<Place>,
        path: &[u8],
        patience: Option<&mut Patience<'_>>,
    ) -> Option<Result<Option<Found>, Errno>> {
        let shared = self.shared.clone();
        let mut state = lock(&shared.state);
        match place.map_or(Asked::Unread, |place| state.plan.ask(place)) {
            Asked::Read(found) => {
                shared.wake_workers(&state);
                Some(Ok(Some(found)))
            }
            Asked::Soon => {
                let patience = patience?;
                state.awaited = place;
                while state.awaited.is_some() {
                    let waited = shared.news.wait_timeout(state, PATIENCE);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    if patience.is_over() {
                        state.awaited = None;
                        return None;
                    }
                }
                drop(state);
                self.find(place, path, Some(patience))
            }
            Asked::Unread => {
                let patience = patience?;
                place.into_iter().for_each(|place| state.plan.begin(place));
                drop(state);
                let result = self.read_alone(place, path, patience);
                (!patience.has_ended).then_some(result)
            }
        }
    }

    fn read_alone(
        &mut self,
        place: Option<Place>,
        path: &[u8],
        patience: &mut Patience<'_>,
    ) -> Result<Option<Found>, Errno> {
        let start = Instant::now();
        // The root is followed whatever the links are.
        let links = if self.is_at_root() { Links::Follow } else { self.shared.rules.links };
        let mut reader = self.shared.reader();
        let result = reader.read(path, links, || patience.is_over());
        self.n_read_alone += 1;
        self.time_alone += start.elapsed();
        let is_link = || {
            let may_be = matches!(result, Err(Errno::NOTDIR | Errno::LOOP)) && links == Links::Keep;
            may_be && reader.is_link(path)
        };
        if is_link() {
            self.shared.store(place, path, None);
            return Ok(None);
        }
        let folder = result.inspect_err(|_| self.shared.store(place, path, None))?;
        let mut state = lock(&self.shared.state);
        let found = state.plan.keep(place, path, folder);
        self.shared.wake_workers(&state);
        let is_worth_it = self.n_read_alone >= DIRS_ALONE || self.time_alone >= TIME_ALONE;
        let may_start = is_worth_it && self.n_workers.is_some() && state.plan.has_work();
        drop(state);
        if may_start {
            self.start_workers();
        }
        Ok(Some(found))
    }

    fn is_at_root(&self) -> bool {
        matches!(self.stack.last().map(|frame| &frame.children), Some(Children::Root(_)))
    }

    fn start_workers(&mut self) {
        let n_workers = self.n_workers.take().map_or(0, |ask| ask());
        for number in 0..n_workers {
            let shared = self.shared.clone();
            let builder = std::thread::Builder::new().name(format!("pwalk-ahead-{number}"));
            // Without a thread the walk is slower, and no less whole.
            self.workers.extend(builder.spawn(move || shared.read_ahead()));
        }
    }

    /// In a process that was forked off: the workers are not here, and who knows who holds the
    /// lock. Frames hold all that the consumer needs.
    fn leave_workers(&mut self) {
        self.process = std::process::id();
        self.n_workers = None;
        std::mem::forget(std::mem::take(&mut self.workers));
        let fresh = Arc::new(self.shared.without_plan());
        std::mem::forget(std::mem::replace(&mut self.shared, fresh));
        let frames = self.stack.iter_mut().chain(&mut self.current);
        frames.for_each(|frame| frame.group = None);
    }
}

impl<S: Source> Drop for Ordered<S> {
    /// Stops the workers and waits for them.
    fn drop(&mut self) {
        let workers = std::mem::take(&mut self.workers);
        if self.process != std::process::id() {
            return std::mem::forget(workers);
        }
        self.shared.is_closed.store(true, Relaxed);
        drop(lock(&self.shared.state));
        self.shared.work.notify_all();
        for worker in workers {
            // A panic of the source was met by the consumer too.
            let _ = worker.join();
        }
    }
}

impl Frame {
    /// The next child, by its place in the plan, and its path.
    fn peek<S: Source>(&mut self, shared: &Shared<S>) -> Option<(Option<Place>, Vec<u8>)> {
        let found = |index: usize| {
            let place = self.group.map(|group| (group, index as u32));
            (place, [&*with_slash(&self.path), self.dirs.name(index)].concat())
        };
        match &mut self.children {
            Children::Root(path) => path.clone().map(|path| (None, path)),
            Children::All(next) => {
                let may_enter = |index: &usize| shared.may_enter(&self.dirs, *index);
                *next = (*next..self.dirs.len()).find(may_enter).unwrap_or(self.dirs.len());
                (*next < self.dirs.len()).then(|| found(*next))
            }
            Children::Chosen(rest) => loop {
                match rest.front()? {
                    Child::Found(index) if shared.may_enter(&self.dirs, *index) => {
                        return Some(found(*index));
                    }
                    Child::Found(_) => drop(rest.pop_front()),
                    Child::Other(path) => return Some((None, path.clone())),
                }
            },
        }
    }

    /// The child that `peek` brought is done with.
    fn advance(&mut self) {
        match &mut self.children {
            Children::Root(path) => *path = None,
            Children::All(next) => *next += 1,
            Children::Chosen(rest) => drop(rest.pop_front()),
        }
    }
}
