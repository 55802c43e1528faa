//! Which threads may enter the interpreter, and until when: the end of the process, and forks. The
//! list of the jobs that are under way, which that end cancels and whose work is counted.
//!
//! Knows no job but by its [`Control`] and its unfinished files.
//!
//! A thread that enters an interpreter which is being finalized is ended in the middle of a
//! function up to Python 3.13, which aborts the process when that function is one of Rust. So the
//! end is announced (`atexit`): from then on no thread enters, and those that are inside are
//! waited for. A thread that would enter later sleeps until the process is gone, as it does in
//! Python 3.14 anyway.
//!
//! In a forked process only the thread that forked is left. What others held stays as it was, so
//! nothing that a parent has begun may be locked, waited for or cleaned up there: its process is
//! compared first.

use pwalk::{Control, Unfinished, lock};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// The interpreter is about to be finalized. Paired with `N_INSIDE`: who enters counts itself and
/// looks here, who closes sets it and looks there; `SeqCst`, so that one of them sees the other.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Threads that are about to enter, or run a callback.
static N_INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Files and bytes that jobs of this process have seen that are over.
static DONE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Jobs and walks that are under way.
static RUNNING: List = List { running: Mutex::new(Vec::new()), of_child: OnceLock::new() };

/// How many forks lie between the process that has loaded the module and this one.
static N_FORKS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How often this thread is inside already, so that it may go on: that of a callback, and
    /// the one that finalizes the interpreter.
    static DEPTH: Cell<usize> = const { Cell::new(0) };

    /// How many calls of Python code from here this thread is in.
    static N_CALLS: Cell<usize> = const { Cell::new(0) };
}

/// A process and its fork have one each, since at the fork another thread may hold the lock. (To
/// take it before the fork waits for the lock of imports, whose holder waits for the GIL.)
#[derive(Default)]
struct List {
    running: Mutex<Vec<Arc<Running>>>,
    of_child: OnceLock<Box<List>>,
}

/// The list of this process. No Python code runs while it is locked.
fn running() -> MutexGuard<'static, Vec<Arc<Running>>> {
    let forks = 0..N_FORKS.load(SeqCst);
    let list = forks.fold(&RUNNING, |list, _| list.of_child.get_or_init(Box::default));
    lock(&list.running)
}

/// A job or a walk that is under way.
struct Running {
    control: Arc<Control>,
    /// False for a walk in order, which runs only while Python asks for its next step.
    is_job: bool,
    /// Set once its files are open.
    unfinished: OnceLock<Arc<Unfinished>>,
}

/// Belongs to a job, and so to its thread: counts what it does, while it runs and after it, and
/// lets the end of the process find it.
pub(crate) struct Meter(Arc<Running>);

impl Meter {
    pub(crate) fn of_job(control: &Arc<Control>) -> Meter {
        Meter::new(control, true)
    }

    pub(crate) fn of_walk(control: &Arc<Control>) -> Meter {
        Meter::new(control, false)
    }

    fn new(control: &Arc<Control>, is_job: bool) -> Meter {
        let (control, unfinished) = (control.clone(), OnceLock::new());
        let running = Arc::new(Running { control, is_job, unfinished });
        self::running().push(running.clone());
        Meter(running)
    }

    /// The job writes these outputs, which the end of the process removes.
    pub(crate) fn writes(&self, unfinished: Arc<Unfinished>) {
        // Each job has one.
        let _ = self.0.unfinished.set(unfinished);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let mut running = running();
        running.retain(|other| !Arc::ptr_eq(other, &self.0));
        let progress = self.0.control.progress();
        DONE[0].fetch_add(progress.n_files, Relaxed);
        DONE[1].fetch_add(progress.bytes, Relaxed);
    }
}

/// Files that all jobs of the process have seen, and their bytes.
#[pyfunction]
pub(crate) fn work_done() -> (u64, u64) {
    let running = running();
    let progress = running.iter().map(|job| job.control.progress());
    let done = (DONE[0].load(Relaxed), DONE[1].load(Relaxed));
    progress.fold(done, |(files, bytes), more| (files + more.n_files, bytes + more.bytes))
}

/// While it lives, the interpreter is not finalized. Stays in its thread.
pub(crate) struct Inside(());

impl Inside {
    /// `None` if it is too late.
    pub(crate) fn enter() -> Option<Inside> {
        N_INSIDE.fetch_add(1, SeqCst);
        DEPTH.set(DEPTH.get() + 1);
        let inside = Inside(());
        (!IS_CLOSED.load(SeqCst) || DEPTH.get() > 1).then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        N_INSIDE.fetch_sub(1, SeqCst);
    }
}

/// Does something with the GIL, as `Python::attach`, unless it is too late.
pub(crate) fn inside<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    try_inside(work).unwrap_or_else(|| sleep_for_ever())
}

/// The same for who has something else to do if it is too late: then nothing is done.
pub(crate) fn try_inside<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Some(Python::attach(work))
}

/// Does something without the GIL, as `Python::detach`, but doesn't come back too late.
pub(crate) fn outside<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, _inside) = py.detach(|| {
        let done = work();
        (done, Inside::enter().unwrap_or_else(|| sleep_for_ever()))
    });
    done
}

/// Calls what belongs to the user: a callback, a signal handler. PyO3 takes it that its thread
/// holds the GIL until it returns. Where a library in it has released the GIL and asks for a batch,
/// the interpreter can't be entered.
pub(crate) fn calling<T>(call: impl FnOnce() -> T) -> T {
    struct Call(());

    impl Drop for Call {
        fn drop(&mut self) {
            N_CALLS.set(N_CALLS.get() - 1);
        }
    }

    N_CALLS.set(N_CALLS.get() + 1);
    let _call = Call(());
    call()
}

/// True in what `calling` calls.
pub(crate) fn is_calling() -> bool {
    N_CALLS.get() > 0
}

/// Runs the handlers of signals that have come.
pub(crate) fn check_signals(py: Python<'_>) -> PyResult<()> {
    calling(|| py.check_signals())
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Sees to it that the end of the process and forks are announced.
pub(crate) fn install(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let function = |name| module.getattr(name);
    py.import("atexit")?.call_method1("register", (function("close_all")?,))?;
    let forks = pyo3::types::PyDict::new(py);
    forks.set_item("after_in_child", function("after_fork")?)?;
    py.import("os")?.getattr("register_at_fork")?.call((), Some(&forks))?;
    Ok(())
}

/// Ends all jobs, before the interpreter is finalized. Waits for callbacks that run, as Python
/// waits for threads.
#[pyfunction]
pub(crate) fn close_all(py: Python<'_>) -> PyResult<()> {
    DEPTH.set(DEPTH.get() + 1);
    IS_CLOSED.store(true, SeqCst);
    py.detach(|| {
        for job in running().iter().filter(|running| running.is_job) {
            job.control.cancel();
            job.unfinished.get().map(|unfinished| unfinished.abandon());
        }
    });
    while N_INSIDE.load(SeqCst) > 0 {
        check_signals(py)?;
        py.detach(|| std::thread::sleep(Duration::from_millis(1)));
    }
    Ok(())
}

/// The child has no jobs: nothing of its parent's is ended or removed by it.
#[pyfunction]
pub(crate) fn after_fork() {
    N_FORKS.fetch_add(1, SeqCst);
    // Perhaps in a callback.
    N_INSIDE.store(DEPTH.get(), SeqCst);
}

/// The process that something belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Process {
        Process(std::process::id())
    }

    pub(crate) fn is_current(self) -> bool {
        self.0 == std::process::id()
    }

    /// Fails in a process that was forked.
    pub(crate) fn check(self, what: &str) -> PyResult<()> {
        if self.is_current() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(self.reason(what)))
    }

    pub(crate) fn reason(self, what: &str) -> String {
        format!(
            "this {what} belongs to process {}, and this is a fork of it: start another",
            self.0
        )
    }
}
