//! The threads of a pool, by the numbers of its workers.

use crate::totals::Totals;
use std::thread::{Result, ScopedJoinHandle};

/// Those that run, and what the others brought.
pub(super) struct Threads<'scope> {
    running: Vec<Option<ScopedJoinHandle<'scope, Totals>>>,
    ended: Vec<Result<Totals>>,
}

impl<'scope> Threads<'scope> {
    pub(super) fn new() -> Self {
        Threads { running: Vec::new(), ended: Vec::new() }
    }

    /// How many run.
    pub(super) fn n(&self) -> usize {
        self.running.iter().flatten().count()
    }

    pub(super) fn is_running(&self, index: usize) -> bool {
        self.running.get(index).is_some_and(Option::is_some)
    }

    /// The worker with this number runs in this thread.
    pub(super) fn insert(&mut self, index: usize, thread: ScopedJoinHandle<'scope, Totals>) {
        self.running.resize_with(self.running.len().max(index + 1), || None);
        self.running[index] = Some(thread);
    }

    /// Forgets those that have ended.
    pub(super) fn reap(&mut self) {
        for thread in &mut self.running {
            if let Some(ended) = thread.take_if(|thread| thread.is_finished()) {
                self.ended.push(ended.join());
            }
        }
    }

    /// Waits for all, and for what they bring. The first panic goes on here.
    pub(super) fn join(self, totals: &mut Totals) {
        let running = self.running.into_iter().flatten().map(ScopedJoinHandle::join);
        for brought in self.ended.into_iter().chain(running) {
            match brought {
                Ok(sums) => totals.add(&sums),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    }
}
