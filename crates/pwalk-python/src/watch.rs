//! A job in a thread of its own, while the calling one looks after signals and progress.
//!
//! The thread owns all that the job needs. So a job that hangs in a request can be left behind: it
//! ends, and cleans up after itself, once the request is answered.

use crate::convert::{text, to_py_err};
use crate::life::{self, Inside, Process, outside};
use pwalk::{Control, Error, STALL_AFTER};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often signals are looked at: often enough to end within 200 ms.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// How long a job that was cancelled is waited for, where no request hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// A request that takes longer hangs, as far as the end of a cancelled job is concerned.
pub(crate) const HANGS: Duration = Duration::from_millis(100);

/// True once a job that was cancelled so long ago is left behind.
pub(crate) fn is_left_behind(control: &Control, cancelled: Instant) -> bool {
    let waited = cancelled.elapsed();
    waited > PATIENCE || (waited > HANGS && !control.waiting(HANGS).is_empty())
}

/// Calls a function of Python with the progress of a job.
pub(crate) struct Listener {
    callback: Py<PyAny>,
    rhythm: Rhythm,
}

impl Listener {
    pub(crate) fn new(callback: Option<Py<PyAny>>, interval: f64) -> Option<Listener> {
        callback.map(|callback| Listener { callback, rhythm: Rhythm::new(interval) })
    }

    /// Calls back, if it is time to.
    fn tell(&mut self, py: Python<'_>, control: &Control, is_last: bool) -> PyResult<()> {
        if !is_last && !self.rhythm.is_time() {
            return Ok(());
        }
        self.rhythm.tell(py, control, self.callback.bind(py), is_last)
    }
}

/// When to call back.
pub(crate) struct Rhythm {
    interval: Duration,
    started: Instant,
    told: Instant,
}

impl Rhythm {
    pub(crate) fn new(interval: f64) -> Rhythm {
        let interval = Duration::try_from_secs_f64(interval).unwrap_or(Duration::MAX);
        let started = Instant::now();
        Rhythm { interval, started, told: started }
    }

    pub(crate) fn is_time(&self) -> bool {
        self.told.elapsed() >= self.interval
    }

    /// How often to look whether it is.
    pub(crate) fn tick(&self) -> Duration {
        self.interval.clamp(Duration::from_millis(1), TICK)
    }

    /// Calls back, unless the interpreter ends.
    pub(crate) fn tell(
        &mut self,
        py: Python<'_>,
        control: &Control,
        callback: &Bound<'_, PyAny>,
        is_last: bool,
    ) -> PyResult<()> {
        let Some(_inside) = Inside::enter() else { return Ok(()) };
        self.told = Instant::now();
        let progress = progress_of(py, control, self.started, is_last)?;
        life::calling(|| callback.call1((progress,))).map(drop)
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
    dict.set_item("stalled", stalled(py, control)?)?;
    dict.set_item("done", done)?;
    Ok(dict)
}

/// The requests that were not answered for long, the oldest first.
fn stalled<'py>(py: Python<'py>, control: &Control) -> PyResult<Bound<'py, PyList>> {
    let waiting = control.waiting(STALL_AFTER).into_iter().map(|waiting| {
        let dict = PyDict::new(py);
        dict.set_item("path", text(py, &waiting.path))?;
        dict.set_item("operation", waiting.operation.name())?;
        dict.set_item("seconds", waiting.since.elapsed().as_secs_f64())?;
        Ok(dict)
    });
    PyList::new(py, waiting.collect::<PyResult<Vec<_>>>()?)
}

/// Starts the thread of a job.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> PyResult<()> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| {
        let errno = pwalk::Errno::from_io(&error);
        PyOSError::new_err((errno.raw(), format!("can't start a thread: {errno}")))
    })
}

/// A panic is a defect, and for Python an `Exception` as others are.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.map_err(|panic| to_py_err(Error::panicked(&*panic)))
}

enum Message<T> {
    /// Nothing is left but to finish. The job waits for the answer.
    MayFinish(Sender<bool>),
    Done(PyResult<T>),
}

/// Runs a job. A signal whose handler raises, or a callback that does, cancels it; what was
/// raised is returned once the job has ended, or is left behind.
///
/// The job calls what it is given when nothing is left but to finish: that is the last report of
/// progress. If it returns false, the job must not finish.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    control: &Control,
    mut listener: Option<Listener>,
    job: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> PyResult<T> {
    if listener.is_some() {
        // From now on the names of directories are collected.
        control.last_dirs();
    }
    let process = Process::current();
    let (send, mut messages) = channel();
    spawn("pwalk-job", move || {
        let may_finish = || {
            let (answer, answered) = channel();
            send.send(Message::MayFinish(answer)).is_ok() && answered.recv() == Ok(true)
        };
        let done = caught(|| job(&may_finish));
        // Nobody listens to a job that was left behind.
        let _ = send.send(Message::Done(done));
    })?;
    let tick = listener.as_ref().map_or(TICK, |listener| listener.rhythm.tick());
    loop {
        let answer = match receive(py, &mut messages, tick) {
            Ok(Message::Done(done)) => return done,
            Ok(Message::MayFinish(answer)) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("no result"));
            }
        };
        let looked = life::check_signals(py).and_then(|()| match &mut listener {
            Some(listener) => listener.tell(py, control, answer.is_some()),
            None => Ok(()),
        });
        if !process.is_current() {
            // The callback has forked. Who shares the channel is in the other process.
            std::mem::forget((messages, answer));
            let error = looked.and_then(|()| process.check("call"));
            return error.map(|()| unreachable!("it is another process"));
        }
        if let Err(error) = looked {
            control.cancel();
            // Hangs up.
            drop(answer);
            return Err(see_off(py, control, &mut messages).err().unwrap_or(error));
        }
        if let Some(answer) = answer {
            let _ = answer.send(true);
        }
    }
}

/// Waits for the end of a job that was cancelled, unless it hangs.
fn see_off<T: Send>(
    py: Python<'_>,
    control: &Control,
    messages: &mut Receiver<Message<T>>,
) -> PyResult<()> {
    let cancelled = Instant::now();
    while !is_left_behind(control, cancelled) {
        match receive(py, messages, HANGS / 4) {
            Err(RecvTimeoutError::Timeout) => life::check_signals(py)?,
            // Dropped, which is a refusal.
            Ok(Message::MayFinish(_)) => {}
            Ok(Message::Done(_)) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

fn receive<T: Send>(
    py: Python<'_>,
    messages: &mut Receiver<Message<T>>,
    patience: Duration,
) -> Result<Message<T>, RecvTimeoutError> {
    outside(py, move || messages.recv_timeout(patience))
}
