//! What the walk of a scan, its callback and its readers share, and when it ends for each of them.
//!
//! The walk's thread writes the table, the listener's thread calls back, objects of Python read.
//! None of them waits for another to go away: who wants an end cancels, and the threads end by
//! themselves. No Python code runs under a lock.

use crate::convert::to_py_err;
use crate::life::{self, Process};
use crate::watch::{self, Rhythm};
use pwalk::{Control, EntryError, ErrorKind, MemoryTable, Preamble, Summary, lock};
use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// What a scan says to its own callback, which waits for the end.
pub(crate) const IN_CALLBACK: &str = "a scan can't end while its callback runs: its length, \
    columns, streams, errors and summary are there after that";

/// What objects of Python hold, the scan and streams that are read from it: without any of them,
/// nothing of it goes on, and nobody waits for that. A fork leaves alone what its parent has.
pub(crate) struct Handle(Option<Arc<Shared>>);

impl Handle {
    pub(crate) fn new(shared: &Arc<Shared>) -> Handle {
        Handle(Some(shared.clone()))
    }
}

impl Deref for Handle {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.process.is_current() {
            self.cut();
            let callback = self.take_callback();
            if life::is_calling() {
                // A stream is dropped in a callback, perhaps without the GIL, which PyO3 takes to
                // be held there: nothing of Python may be dropped with it.
                std::mem::forget(callback);
            }
        } else {
            std::mem::forget(self.0.take());
        }
    }
}

/// What the walk, its listener and its readers share.
pub(crate) struct Shared {
    pub(crate) process: Process,
    pub(crate) control: Arc<Control>,
    pub(crate) table: Arc<MemoryTable>,
    pub(crate) errors: Mutex<Vec<EntryError>>,
    /// Called by the listener. Belongs to the object, which the garbage collector sees.
    callback: Mutex<Option<Py<PyAny>>>,
    /// The thread that calls back.
    listener: OnceLock<ThreadId>,
    /// What the summary of a walk that was cut short begins with.
    preamble: Preamble,
    started: Instant,
    pub(crate) state: Mutex<State>,
    /// Its state has changed.
    news: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// The walk's thread has nothing more to do.
    pub(crate) has_ended: bool,
    /// Its summary as JSON, or why there is none. What comes after `is_closed` is not looked at.
    pub(crate) walked: Option<Result<String, Arc<PyErr>>>,
    /// What the callback has raised.
    raised: Option<Py<PyBaseException>>,
    /// No more calls: there is no callback, or it has been called for the last time.
    is_told: bool,
    /// By `close` or a signal: the table is what it is by now.
    is_closed: bool,
}

impl State {
    /// What has become of the walk, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            _ if !self.is_settled() => "running",
            State { walked: None, is_closed: true, .. } => "closed",
            _ => "ended",
        }
    }

    /// There will be no more rows.
    pub(crate) fn has_all_rows(&self) -> bool {
        self.has_ended || self.is_closed
    }

    /// Who reads the table gets an error.
    pub(crate) fn has_failed(&self) -> bool {
        !self.is_closed && (self.raised.is_some() || matches!(self.walked, Some(Err(_))))
    }

    /// Nothing will change any more for who reads the table.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_closed || self.raised.is_some() || (self.walked.is_some() && self.is_told)
    }
}

impl Shared {
    pub(crate) fn new(
        scan: &pwalk::Scan,
        control: Arc<Control>,
        callback: Option<Py<PyAny>>,
    ) -> Shared {
        Shared {
            process: Process::current(),
            control,
            table: scan.table(),
            errors: Mutex::default(),
            state: Mutex::new(State { is_told: callback.is_none(), ..State::default() }),
            callback: Mutex::new(callback),
            listener: OnceLock::new(),
            preamble: scan.preamble().clone(),
            started: Instant::now(),
            news: Condvar::new(),
        }
    }

    /// Shows the garbage collector what can lead back to the scan.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What is locked is in use, and so is no garbage.
        if let Ok(callback) = self.callback.try_lock() {
            visit.call(&*callback)?;
        }
        if let Ok(state) = self.state.try_lock() {
            visit.call(&state.raised)?;
        }
        Ok(())
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut lock(&self.state));
        self.news.notify_all();
        changed
    }

    /// Waits until a condition holds, no longer than `patience`; says whether it does.
    pub(crate) fn wait_until(&self, patience: Duration, holds: impl Fn(&State) -> bool) -> bool {
        let waited =
            self.news.wait_timeout_while(lock(&self.state), patience, |state| !holds(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        holds(&state)
    }

    /// Ends the walk for all who read the table: it has the rows that it has.
    pub(crate) fn cut(&self) {
        self.control.cancel();
        self.change(|state| state.is_closed = true);
        self.table.end();
    }

    /// The walk's thread.
    pub(crate) fn walk(&self, scan: pwalk::Scan) {
        let keep = |error: &EntryError| lock(&self.errors).push(error.clone());
        let walked = watch::caught(|| scan.run(&self.control, &keep));
        let is_cut = matches!(&walked, Ok(Err(error)) if error.kind() == ErrorKind::Cancelled);
        let walked = walked.and_then(|done| done.map_err(to_py_err));
        self.change(|state| {
            state.has_ended = true;
            // By the end of the process, or by what the callback has raised.
            state.is_closed |= is_cut && state.raised.is_none();
            if !state.is_closed {
                state.walked = Some(walked.map(|summary| summary.to_json()).map_err(Arc::new));
            }
        });
        self.table.end();
    }

    /// The listener's thread. It holds the callback only while it calls it.
    pub(crate) fn listen(&self, mut rhythm: Rhythm) {
        // The only one that sets it.
        let _ = self.listener.set(std::thread::current().id());
        self.control.last_dirs();
        loop {
            let has_ended = self.wait_until(rhythm.tick(), |state| state.has_ended);
            if self.control.is_cancelled() {
                break;
            }
            if !has_ended && !rhythm.is_time() {
                continue;
            }
            let told = life::try_inside(|py| {
                let callback = lock(&self.callback).as_ref().map(|own| own.clone_ref(py));
                let Some(callback) = callback else { return Ok(()) };
                rhythm
                    .tell(py, &self.control, callback.bind(py), has_ended)
                    .map_err(|e| e.into_value(py))
            });
            let Some(told) = told else { break };
            if !self.process.is_current() {
                // It has forked, and returned.
                return;
            }
            if let Err(raised) = told {
                self.change(|state| state.raised = Some(raised));
                self.control.cancel();
                break;
            }
            if has_ended {
                break;
            }
        }
        self.change(|state| state.is_told = true);
    }

    /// The callback, and what it has raised, can lead back to the scan.
    ///
    /// What they do when they are dropped is up to them: no lock may be held.
    pub(crate) fn take_callback(&self) -> (Option<Py<PyAny>>, Option<Py<PyBaseException>>) {
        let callback = lock(&self.callback).take();
        let raised = lock(&self.state).raised.take();
        (callback, raised)
    }

    /// What ended the walk, for who reads the table.
    pub(crate) fn failure(&self, py: Python<'_>) -> Option<PyErr> {
        // Under the lock no Python code may run.
        let error = match &*lock(&self.state) {
            State { is_closed: true, .. } => return None,
            State { raised: Some(raised), .. } => return Some(to_err(py, raised.clone_ref(py))),
            State { walked: Some(Err(error)), .. } => error.clone(),
            _ => return None,
        };
        Some(error.clone_ref(py))
    }

    /// True in the callback, for which the scan waits.
    pub(crate) fn is_called_back(&self) -> bool {
        self.listener.get() == Some(&std::thread::current().id())
    }

    pub(crate) fn cut_summary(&self) -> Summary {
        let (elapsed, n_rows) = (self.started.elapsed(), self.table.n_rows() as u64);
        Summary::of_cut(&self.preamble, elapsed, n_rows, &lock(&self.errors))
    }
}

/// An exception that was raised already.
fn to_err(py: Python<'_>, raised: Py<PyBaseException>) -> PyErr {
    PyErr::from_value(raised.into_bound(py).into_any())
}
