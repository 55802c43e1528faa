//! The other order of a walk: directory by directory, depth first, as `os.walk` wants it.
//!
//! Owns the consumer's list of what comes next, which is all that decides what it gets, and the
//! workers, which read ahead along that list ([`ahead`], [`plan`]). A walk starts without workers:
//! the consumer reads by itself until it is clear that there is work for more than one.
//!
//! The consumer waits for a directory only while a worker reads that very directory (I14). What a
//! worker has begun and the consumer doesn't want can take for ever: nothing waits for it, not even
//! the end of the walk.
//!
//! A process that forks takes only the consumer along. The child finds out by its process
//! number, leaves the plan alone (its lock may be held by a thread that is gone) and goes on
//! without reading ahead.

mod ahead;
mod dir_listing;
mod meter;
mod patience;
mod plan;
mod position;
mod reader;
mod tally;

pub use dir_listing::{DirListing, Subdirs};

use crate::config::{Placement, Rules};
use crate::control::{Control, Progress};
use crate::descriptors::Lack;
use crate::names::is_lack;
use crate::pacer::Pacer;
use crate::source::{Base, Source};
use crate::sync::lock;
use crate::tuning::Tuning;
use ahead::{Ahead, Awaited};
use patience::Patience;
use plan::{Asked, Group, ReadDir};
use position::Stretch;
use pwalk_sys::{Errno, Links};
use reader::with_slash;
use std::collections::VecDeque;
use std::sync::Arc;
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

/// What a walk in order delivers next.
#[derive(Debug)]
pub enum Step {
    /// A directory.
    Directory {
        /// Its path: the root as given, and names.
        path: Vec<u8>,
        /// What is in it.
        listing: DirListing,
    },
    /// A directory could not be read. Its entries are not delivered.
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
    /// One that was found there, by its index in [`DirListing::dirs`].
    Found(usize),
    /// Any other path.
    Other(Vec<u8>),
}

/// Who reads ahead, and how.
#[derive(Clone, Debug)]
pub struct Workers<S> {
    /// Number of threads to begin with; 0: nothing is read ahead.
    pub n_workers: usize,
    /// As many as measuring may make of them. Not more than `n_workers`: their number is fixed.
    pub n_workers_max: usize,
    /// Thousandths of processors that the process may use.
    pub n_millicores: usize,
    /// What they read through: not the consumer's if the filesystem, once it is known, needs
    /// other settings.
    pub source: Arc<S>,
    /// Bytes of names that a request of theirs should bring.
    pub buffer_len: usize,
    /// Where they run. Their work is in one plan, so nothing is stolen.
    pub placement: Placement,
}

/// A walk in depth-first order.
///
/// Of the [`Rules`] it uses the one for links and those that judge an entry by its name. Errors are
/// reported when the consumer meets them; one that only a worker met is not reported.
pub struct Ordered<S: Source> {
    ahead: Arc<Ahead<S>>,
    /// Who is to read ahead, asked when the first of them is to start; gone once it is.
    ask_workers: Option<AskWorkers<S>>,
    order: Order,
    /// The directory that was last delivered, top down, until the consumer has said where to go on.
    current: Option<Frame>,
    stack: Vec<Frame>,
    /// The consumer has changed the order, so the plan must be told where it goes on.
    is_reordered: bool,
    n_read_alone: usize,
    time_alone: Duration,
}

type AskWorkers<S> = Box<dyn FnOnce() -> Workers<S> + Send>;

/// A directory on the way from the root to where the consumer is.
struct Frame {
    path: Vec<u8>,
    /// What is planned below it.
    group: Option<Arc<Group>>,
    dirs: Arc<Subdirs>,
    children: Children,
    /// What is to be delivered after the children, bottom up.
    listing: Option<DirListing>,
}

/// What is still to be entered.
enum Children {
    /// The root, until it was entered.
    Root(Option<Vec<u8>>),
    /// From this one on, those that can be entered.
    All(usize),
    /// These, and how many of those that were found there are done.
    Chosen(VecDeque<Child>, usize),
}

impl<S: Source + Send + 'static> Ordered<S> {
    /// A walk of the directory at `root`. Opens nothing but the working directory, and that only
    /// for a relative root. `workers` is asked when the first of them is to start.
    pub fn new(
        root: Vec<u8>,
        order: Order,
        rules: Rules,
        source: Arc<S>,
        control: Arc<Control>,
        workers: impl FnOnce() -> Workers<S> + Send + 'static,
    ) -> Self {
        let is_absolute = root.first() == Some(&b'/');
        let base = if is_absolute { Base::None } else { source.working_directory() };
        let ahead = Ahead::new(source, Arc::new(rules), control, base, root.len());
        let frame = Frame {
            path: Vec::new(),
            group: None,
            dirs: Arc::default(),
            children: Children::Root(Some(root)),
            listing: None,
        };
        Ordered {
            ahead: Arc::new(ahead),
            ask_workers: Some(Box::new(workers)),
            order,
            current: None,
            stack: vec![frame],
            is_reordered: false,
            n_read_alone: 0,
            time_alone: Duration::ZERO,
        }
    }

    /// At most so many requests a second are made from now on, as a server counts them, by the
    /// consumer and by those who read ahead. To be called before the first step.
    pub fn with_ops_max(mut self, ops_max: Option<u64>) -> Self {
        if let Some(ahead) = Arc::get_mut(&mut self.ahead) {
            ahead.pacer = ops_max.map(|ops_max| Arc::new(Pacer::new(ops_max)));
        }
        self
    }

    /// What comes next, if that needs no waiting and no reading. A walk that was cancelled is at
    /// its end.
    pub fn try_next(&mut self) -> Option<Step> {
        self.step(None)
    }

    /// What comes next; reads, or waits for a worker that reads. Meanwhile it calls `is_stopped`
    /// now and then; `None` once that returns true. Nothing is lost then.
    pub fn next_step(&mut self, is_stopped: &mut dyn FnMut() -> bool) -> Option<Step> {
        let mut patience = Patience::new(is_stopped, self.ahead.control.clone());
        self.step(Some(&mut patience))
    }

    /// Says where to go on below the directory that was just delivered, top down. Unless this is
    /// called, the walk enters all its directories, and links to directories if links are followed.
    pub fn choose(&mut self, children: Vec<Child>) {
        self.leave_workers_behind_a_fork();
        let Some(frame) = &mut self.current else { return };
        let wanted = children.iter().filter_map(|child| match child {
            Child::Found(index) if self.ahead.may_enter(&frame.dirs, *index) => Some(*index),
            _ => None,
        });
        let wanted: Vec<_> = wanted.collect();
        self.is_reordered |= !wanted.is_sorted_by(|one, next| one < next);
        let above: Vec<_> = self.stack.iter().filter_map(|frame| frame.group.as_ref()).collect();
        let group = frame.group.take();
        let mut state = lock(&self.ahead.state);
        frame.group = state.plan.change(group.as_ref(), &frame.path, &frame.dirs, wanted, &above);
        frame.children = Children::Chosen(children.into(), 0);
        self.ahead.wake_workers(&state);
    }

    /// The step after this one, counted; `None` if it takes more patience than there is.
    fn step(&mut self, patience: Option<&mut Patience<'_>>) -> Option<Step> {
        let control = self.ahead.control.clone();
        let step = if control.is_cancelled() { None } else { self.find_step(patience) };
        if control.is_cancelled() {
            return Some(Step::End);
        }
        let mut done = Progress::default();
        match step.as_ref()? {
            Step::Directory { path, listing } => {
                control.visit(path);
                (done.n_dirs, done.n_files) = (1, listing.others.len() as u64);
            }
            Step::Failed { .. } => done.n_errors = 1,
            Step::End => {}
        }
        control.add(0, &done);
        step
    }

    fn find_step(&mut self, mut patience: Option<&mut Patience<'_>>) -> Option<Step> {
        self.leave_workers_behind_a_fork();
        self.confirm();
        loop {
            let Some(frame) = self.stack.last_mut() else { return Some(Step::End) };
            let Some((stretch, path)) = frame.peek(&self.ahead) else {
                match self.finish_frame() {
                    None => continue,
                    step => return step,
                }
            };
            let found = self.find(stretch, &path, patience.as_deref_mut())?;
            self.stack.last_mut().expect("the child has a parent").advance();
            match found {
                Ok(Some(read)) => {
                    if let Some(step) = self.enter(path, read) {
                        return Some(step);
                    }
                }
                Ok(None) => {} // a link, which is not entered
                Err(errno) => return Some(Step::Failed { path, errno }),
            }
        }
    }

    /// The consumer goes on: the directory that was delivered last is as it left it.
    fn confirm(&mut self) {
        let Some(mut frame) = self.current.take() else { return };
        if self.is_reordered && matches!(frame.children, Children::All(_)) {
            let mut state = lock(&self.ahead.state);
            frame.group = state.plan.confirm(frame.group.take(), &frame.path, &frame.dirs);
            self.ahead.wake_workers(&state);
        }
        self.stack.push(frame);
    }

    /// All below a directory was delivered.
    fn finish_frame(&mut self) -> Option<Step> {
        let frame = self.stack.pop()?;
        frame.listing.map(|listing| Step::Directory { path: frame.path, listing })
    }

    fn enter(&mut self, path: Vec<u8>, read: ReadDir) -> Option<Step> {
        let ReadDir { listing, group } = read;
        let (dirs, children) = (listing.dirs.clone(), Children::All(0));
        match self.order {
            Order::TopDown => {
                let step = Step::Directory { path: path.clone(), listing };
                self.current = Some(Frame { path, group, dirs, children, listing: None });
                Some(step)
            }
            Order::BottomUp => {
                let listing = Some(listing);
                self.stack.push(Frame { path, group, dirs, children, listing });
                None
            }
        }
    }

    /// A directory: as a worker has read it, or read here and now. `Ok(None)`: it is a link that
    /// is not entered. `None`: it takes more patience than there is.
    fn find(
        &mut self,
        stretch: Option<Stretch>,
        path: &[u8],
        mut patience: Option<&mut Patience<'_>>,
    ) -> Option<Result<Option<ReadDir>, Errno>> {
        let ahead = self.ahead.clone();
        while let Some(stretch) = stretch {
            let mut state = lock(&ahead.state);
            match state.plan.ask(stretch) {
                Asked::Read(mut read) => {
                    if read.group.is_none() {
                        read.group = state.plan.arrive(None, path, &read.listing.dirs);
                    }
                    ahead.wake_workers(&state);
                    let is_short = ahead.lacks_workers(&state);
                    drop(state);
                    if is_short {
                        self.start_workers();
                    }
                    return Some(Ok(Some(read)));
                }
                Asked::Soon => {
                    let patience = patience.as_deref_mut()?;
                    drop(ahead.wait(state, Awaited::Directory(stretch.start), patience));
                    if patience.has_ended() {
                        return None;
                    }
                    if patience.has_forked() {
                        break; // there are no workers in this process
                    }
                }
                Asked::Unread => break,
            }
        }
        let patience = patience?;
        let result = self.read_alone(stretch, path, patience);
        (!patience.has_ended()).then_some(result)
    }

    fn read_alone(
        &mut self,
        mut stretch: Option<Stretch>,
        path: &[u8],
        patience: &mut Patience<'_>,
    ) -> Result<Option<ReadDir>, Errno> {
        let start = Instant::now();
        let mut lack = Lack::since(start);
        // The root is followed whatever the links are.
        let links = if self.is_at_root() { Links::Follow } else { self.ahead.rules.links };
        let mut is_alone = false;
        let (mut n_spare, mut n_answered) = (u64::MAX, 0);
        let result = loop {
            self.after_fork(patience, &mut stretch);
            let mut reader = self.ahead.reader(&self.ahead.source, Tuning::LOCAL.buffer_bytes);
            let result = reader.read(path, links, || patience.is_over());
            n_spare = n_spare.min(reader.n_spare);
            n_answered += reader.n_answered;
            match result {
                Err(errno) if is_lack(errno) && !is_alone => {
                    is_alone = self.ahead.wait_for_descriptor(&mut lack, patience);
                }
                // What was read so far, the parent reads on: they share the open directory.
                Err(Errno::CANCELED) if patience.has_forked() => {}
                result => break result,
            }
            if patience.has_ended() {
                break Err(Errno::CANCELED);
            }
        };
        self.after_fork(patience, &mut stretch);
        self.n_read_alone += 1;
        let time = start.elapsed();
        self.time_alone += time;
        let listing = match result {
            Err(Errno::NOTDIR | Errno::LOOP) if links == Links::Keep && self.is_link(path) => {
                return Ok(None);
            }
            result => result?,
        };
        let mut state = lock(&self.ahead.state);
        state.count_read();
        state.note_spare(n_spare);
        state.count_alone(n_answered, time);
        let group = state.plan.arrive(stretch, path, &listing.dirs);
        self.ahead.wake_workers(&state);
        let is_worth_it = self.n_read_alone >= DIRS_ALONE || self.time_alone >= TIME_ALONE;
        state.look_for_hung();
        let may_start = is_worth_it && self.ahead.lacks_workers(&state);
        drop(state);
        if may_start {
            self.start_workers();
        }
        Ok(Some(ReadDir { listing, group }))
    }

    fn after_fork(&mut self, patience: &mut Patience<'_>, stretch: &mut Option<Stretch>) {
        if patience.take_fork() {
            self.leave_workers_behind_a_fork();
            *stretch = None;
        }
    }

    fn is_link(&self, path: &[u8]) -> bool {
        self.ahead.reader(&self.ahead.source, Tuning::LOCAL.buffer_bytes).is_link(path)
    }

    /// Starts who reads ahead, or those who have ended since.
    fn start_workers(&mut self) {
        let ask = self.ask_workers.take();
        self.ahead.start(|| ask.map(|ask| ask()));
    }

    fn is_at_root(&self) -> bool {
        matches!(self.stack.last().map(|frame| &frame.children), Some(Children::Root(_)))
    }

    /// In a process that was forked off: the workers are not here, and who knows who holds the
    /// lock. Frames hold all that the consumer needs.
    fn leave_workers_behind_a_fork(&mut self) {
        if self.ahead.process == std::process::id() {
            return;
        }
        self.ask_workers = None;
        let fresh = Arc::new(self.ahead.without_plan());
        std::mem::forget(std::mem::replace(&mut self.ahead, fresh));
        let frames = self.stack.iter_mut().chain(&mut self.current);
        frames.for_each(|frame| frame.group = None);
    }
}

impl<S: Source> Drop for Ordered<S> {
    /// Ends the workers, and waits for them a little. Who hangs in a request is left behind, with
    /// what it holds, and ends once that is answered.
    fn drop(&mut self) {
        if self.ahead.process == std::process::id() {
            self.ahead.end();
        } else {
            // Threads of the parent are not here, and their handles are left alone.
            std::mem::forget(self.ahead.clone());
        }
    }
}

impl Frame {
    /// The next child: its positions in the plan, and its path.
    fn peek<S: Source>(&mut self, ahead: &Ahead<S>) -> Option<(Option<Stretch>, Vec<u8>)> {
        let found = |place: usize, index: usize| {
            let stretch = self.group.as_ref().map(|group| group.stretch(place));
            (stretch, [&*with_slash(&self.path), self.dirs.name(index)].concat())
        };
        match &mut self.children {
            Children::Root(path) => path.clone().map(|path| (None, path)),
            Children::All(next) => {
                let may_enter = |index: &usize| ahead.may_enter(&self.dirs, *index);
                *next = (*next..self.dirs.len()).find(may_enter).unwrap_or(self.dirs.len());
                (*next < self.dirs.len()).then(|| found(*next, *next))
            }
            Children::Chosen(rest, n_done) => loop {
                match rest.front()? {
                    Child::Found(index) if ahead.may_enter(&self.dirs, *index) => {
                        return Some(found(*n_done, *index));
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
            Children::Chosen(rest, n_done) => {
                let child = rest.pop_front();
                *n_done += usize::from(matches!(child, Some(Child::Found(_))));
            }
        }
    }
}
