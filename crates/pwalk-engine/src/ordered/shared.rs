//! What the consumer and the workers of a walk in order share, and what a worker does.

use super::folder::{Folder, Reader, Subdirs};
use super::plan::{Place, Plan};
use crate::config::Rules;
use crate::names::NameReader;
use crate::source::Source;
use crate::sync::lock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Directories that a worker takes at once where they are read quickly: the lock is taken less
/// often, and the consumer, once woken, finds several.
const HANDFUL: usize = 8;

/// Longer than this no worker keeps what others could read.
const HANDFUL_TIME: Duration = Duration::from_millis(1);

/// How long the consumer goes on before it looks whether it is to stop.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

pub(super) struct Shared<S: Source> {
    pub(super) source: Arc<S>,
    pub(super) rules: Arc<Rules>,
    /// What paths begin at: `/`, or the working directory when the walk began. `None` if that
    /// can't be opened.
    pub(super) base: Option<Arc<S::Dir>>,
    pub(super) root_len: usize,
    pub(super) state: Mutex<State>,
    /// Workers shall end. Set without the lock, and followed by a turn of it.
    pub(super) is_closed: AtomicBool,
    pub(super) work: Condvar,
    pub(super) news: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) plan: Plan,
    /// Workers that wait for work.
    pub(super) n_idle: usize,
    /// What the consumer waits for.
    pub(super) awaited: Option<Place>,
}

impl<S: Source> Shared<S> {
    pub(super) fn without_plan(&self) -> Self {
        Shared {
            source: self.source.clone(),
            rules: self.rules.clone(),
            base: self.base.clone(),
            root_len: self.root_len,
            state: Mutex::default(),
            is_closed: AtomicBool::new(false),
            work: Condvar::new(),
            news: Condvar::new(),
        }
    }

    pub(super) fn reader(&self) -> Reader<'_, S> {
        Reader {
            source: &self.source,
            rules: &self.rules,
            base: self.base.as_deref(),
            root_len: self.root_len,
            names: NameReader::default(),
        }
    }

    pub(super) fn may_enter(&self, dirs: &Subdirs, index: usize) -> bool {
        self.rules.follow_links() || !dirs.is_link(index)
    }

    pub(super) fn store(&self, place: Option<Place>, path: &[u8], folder: Option<Folder>) {
        if let Some(place) = place {
            lock(&self.state).plan.store(place, path, folder);
        }
    }

    pub(super) fn wake_workers(&self, state: &State) {
        if state.n_idle > 0 && state.plan.has_much_room() && state.plan.has_work() {
            self.work.notify_all();
        }
    }

    /// What a worker does.
    pub(super) fn read_ahead(&self) {
        let mut reader = self.reader();
        let is_closed = || self.is_closed.load(Relaxed);
        let mut handful = Vec::new();
        let mut size = 1;
        let mut state = lock(&self.state);
        while !is_closed() {
            while handful.len() < size && state.plan.has_room() {
                match state.plan.next() {
                    Some((place, path)) => handful.push((place, path, None)),
                    None => break,
                }
            }
            if handful.is_empty() {
                state.n_idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.n_idle -= 1;
                continue;
            }
            drop(state);
            let start = Instant::now();
            let is_quick = || start.elapsed() < HANDFUL_TIME;
            for (_, path, read) in &mut handful {
                // What panics here panics again where the consumer reads it.
                let reads = AssertUnwindSafe(|| reader.read(path, self.rules.links, is_closed));
                *read = Some(catch_unwind(reads).ok().and_then(Result::ok));
                if !is_quick() {
                    break;
                }
            }
            size = if is_quick() { HANDFUL.min(2 * size) } else { 1 };
            state = lock(&self.state);
            for (place, path, read) in handful.drain(..) {
                match read {
                    Some(folder) => state.plan.store(place, &path, folder),
                    None => state.plan.give_back(place),
                }
                if state.awaited == Some(place) {
                    state.awaited = None;
                    self.news.notify_one();
                }
            }
            if state.n_idle > 0 && state.plan.has_room() && state.plan.has_work() {
                self.work.notify_one();
            }
        }
    }
}

/// How long the consumer may be kept.
pub(super) struct Patience<'a> {
    pub(super) is_stopped: &'a mut dyn FnMut() -> bool,
    pub(super) asked: Instant,
    pub(super) has_ended: bool,
}

impl Patience<'_> {
    pub(super) fn is_over(&mut self) -> bool {
        if self.asked.elapsed() >= PATIENCE {
            self.asked = Instant::now();
            self.has_ended |= (self.is_stopped)();
        }
        self.has_ended
    }
}
