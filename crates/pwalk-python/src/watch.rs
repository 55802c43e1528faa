//! A job in a thread of its own, while the calling one looks after signals and progress.

use crate::convert::text;
use pwalk::{Control, lock};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How often signals are looked at: often enough to end within 200 ms.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Files and bytes that walks of this process have seen and that no `Meter` counts any more.
static DONE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Walks that are under way.
static RUNNING: Mutex<Vec<Weak<Control>>> = Mutex::new(Vec::new());

/// Counts a walk, while it runs and after it.
pub(crate) struct Meter(Arc<Control>);

impl Meter {
    pub(crate) fn of(control: &Arc<Control>) -> Meter {
        lock(&RUNNING).push(Arc::downgrade(control));
        Meter(control.clone())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let mut running = lock(&RUNNING);
        running.retain(|control| !std::ptr::eq(control.as_ptr(), Arc::as_ptr(&self.0)));
        let progress = self.0.progress();
        DONE[0].fetch_add(progress.n_files, Relaxed);
        DONE[1].fetch_add(progress.bytes, Relaxed);
    }
}

/// Files that all walks of the process have seen, and their bytes.
#[pyfunction]
pub(crate) fn work_done() -> (u64, u64) {
    let running = lock(&RUNNING);
    let progress = running.iter().filter_map(Weak::upgrade).map(|control| control.progress());
    let done = (DONE[0].load(Relaxed), DONE[1].load(Relaxed));
    progress.fold(done, |(files, bytes), more| (files + more.n_files, bytes + more.bytes))
}

/// Calls a function of Python with the progress of a job.
pub(crate) struct Listener {
    callback: Py<PyAny>,
    interval: Duration,
    started: Instant,
    told: Instant,
}

impl Listener {
    pub(crate) fn new(callback: Option<Py<PyAny>>, interval: f64) -> Option<Listener> {
        let interval = Duration::try_from_secs_f64(interval).unwrap_or(Duration::MAX);
        let started = Instant::now();
        callback.map(|callback| Listener { callback, interval, started, told: started })
    }

    /// Calls back, if it is time to.
    pub(crate) fn tell_in_time(&mut self, py: Python<'_>, control: &Control) -> PyResult<()> {
        if self.told.elapsed() < self.interval {
            return Ok(());
        }
        self.tell(py, control, false)
    }

    /// Calls back; the last time if the walk is done.
    pub(crate) fn tell(&mut self, py: Python<'_>, control: &Control, done: bool) -> PyResult<()> {
        self.told = Instant::now();
        let progress = progress_of(py, control, self.started, done)?;
        self.callback.bind(py).call1((progress,)).map(drop)
    }
}

/// What a progress callback gets. The names of directories are collected from the first call on.
pub(crate) fn progress_of<'py>(
    py: Python<'py>,
    control: &Control,
    started: Instant,
    done: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let progress = control.progress();
    let dirs: Vec<_> = control.last_dirs().iter().map(|path| text(py, path)).collect();
    let dict = PyDict::new(py);
    dict.set_item("files", progress.n_files)?;
    dict.set_item("dirs", progress.n_dirs)?;
    dict.set_item("bytes", progress.bytes)?;
    dict.set_item("elapsed", started.elapsed().as_secs_f64())?;
    dict.set_item("errors", progress.n_errors)?;
    dict.set_item("last_dirs", PyList::new(py, dirs)?)?;
    dict.set_item("done", done)?;
    Ok(dict)
}

/// Runs a job. A signal whose handler raises, or a callback that does, cancels it; what was
/// raised is returned once the job has ended.
///
/// The job calls what it is given when nothing is left but to finish: that is the last report of
/// progress. If it returns false, the job must not finish.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    control: &Control,
    mut listener: Option<Listener>,
    job: impl FnOnce(&dyn Fn() -> bool) -> T + Send,
) -> PyResult<T> {
    if listener.is_some() {
        // From now on the names of directories are collected.
        control.last_dirs();
    }
    let (result, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            // The job sends where it wants the answer, and hangs up at its end.
            let (send, asked) = channel::<Sender<bool>>();
            let worker = scope.spawn(move || {
                let may_finish = || {
                    let (answer, answered) = channel();
                    send.send(answer).is_ok() && answered.recv() == Ok(true)
                };
                job(&may_finish)
            });
            let mut raised: Option<PyErr> = None;
            let tick = listener.as_ref().map_or(TICK, |listener| listener.interval.min(TICK));
            loop {
                let is_last = match asked.recv_timeout(tick.max(Duration::from_millis(1))) {
                    Ok(answer) => Some(answer),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                if raised.is_none() {
                    let looked = Python::attach(|py| {
                        py.check_signals()?;
                        match &mut listener {
                            Some(listener) if is_last.is_some() => listener.tell(py, control, true),
                            Some(listener) => listener.tell_in_time(py, control),
                            None => Ok(()),
                        }
                    });
                    raised = looked.inspect_err(|_| control.cancel()).err();
                }
                if let Some(answer) = is_last {
                    let _ = answer.send(raised.is_none());
                }
            }
            (worker.join(), raised)
        })
    });
    match (result, raised) {
        (Err(panic), _) => std::panic::resume_unwind(panic),
        (_, Some(error)) => Err(error),
        (Ok(result), None) => Ok(result),
    }
}
