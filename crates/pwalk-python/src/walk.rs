//! `walk`: the directories of a tree in the order of `os.walk`.

use crate::convert::{Given, name, os_error};
use crate::life::{self, Inside, Meter, inside, outside};
use crate::watch::{self, caught, progress_of};
use pwalk::{
    Child, Control, DirListing, Disk, Order, Ordered, OrderedConfig, Step, lock, walk_in_order,
};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyStopIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Instant;

/// An iterator over the triples of `os.walk`.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct OrderedWalk {
    /// `None` once it is closed.
    walking: Mutex<Option<Walking>>,
    control: Arc<Control>,
    started: Instant,
    /// The root as given.
    top: Py<PyAny>,
    top_path: Vec<u8>,
    is_bytes: bool,
    /// `sys.audit`.
    audit: Py<PyAny>,
}

struct Walking {
    place: Place,
    _meter: Meter,
    is_top_down: bool,
    /// May lead back to who holds this walk, so it goes when the walk is closed.
    on_error: Option<Py<PyAny>>,
    /// The triple that was delivered last, top down: its subdirectories may be changed.
    delivered: Option<Delivered>,
}

/// Where the walk itself is.
enum Place {
    Here(Box<Ordered<Disk>>),
    /// In a thread that waits for its next step.
    Away(Arc<Mutex<Away>>),
}

/// What a thread of its own does with a walk.
enum Away {
    /// It has not begun, and takes the walk from here: what is moved into a thread that can't start
    /// is lost.
    IsCalled(Box<Ordered<Disk>>),
    Waits,
    /// It has the next step; or it has panicked.
    HasStep(PyResult<(Box<Ordered<Disk>>, Step)>),
    /// Nobody wants what it brings.
    IsAbandoned,
}

struct Delivered {
    dirpath: Py<PyAny>,
    /// The list that the consumer has.
    dirnames: Py<PyList>,
    /// What it held.
    names: Vec<Py<PyAny>>,
}

#[pymethods]
impl OrderedWalk {
    #[new]
    #[pyo3(signature = (top, path, *, topdown, onerror, followlinks, links_are_files, snapshots, threads, settings))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords of a Python function")]
    fn new(
        top: Py<PyAny>,
        path: Vec<u8>,
        topdown: bool,
        onerror: Option<Py<PyAny>>,
        followlinks: bool,
        links_are_files: bool,
        snapshots: bool,
        threads: Option<usize>,
        settings: Given,
        py: Python<'_>,
    ) -> PyResult<OrderedWalk> {
        let config = OrderedConfig {
            order: if topdown { Order::TopDown } else { Order::BottomUp },
            follow: followlinks,
            links_are_files,
            snapshots,
            threads,
            settings: settings.0,
        };
        let control = Arc::new(Control::default());
        let walk = walk_in_order(&path, &config, control.clone());
        let _meter = Meter::of_walk(&control);
        let is_top_down = topdown;
        let walking = Walking {
            place: Place::Here(Box::new(walk)),
            _meter,
            is_top_down,
            on_error: onerror,
            delivered: None,
        };
        Ok(OrderedWalk {
            walking: Mutex::new(Some(walking)),
            control,
            started: Instant::now(),
            is_bytes: top.bind(py).is_instance_of::<pyo3::types::PyBytes>(),
            top,
            top_path: path,
            audit: py.import("sys")?.getattr("audit")?.unbind(),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.advance(py, true)
    }

    /// The next triple if it is ready; `None` if it isn't, or there is none.
    fn next_ready<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.advance(py, false)
    }

    /// True once there is nothing more to come.
    fn is_closed(&self) -> PyResult<bool> {
        Ok(self.lock()?.is_none())
    }

    /// Waits for the next step in a thread of its own, and then calls `done` in that thread. Until
    /// then nothing is ready. The end of the interpreter doesn't wait for it.
    fn wait_in_thread(&self, done: Py<PyAny>) -> PyResult<()> {
        let mut walking = self.lock()?;
        let Some(walking) = &mut *walking else { return Ok(()) };
        let away = Arc::new(Mutex::new(Away::Waits));
        let place = std::mem::replace(&mut walking.place, Place::Away(away.clone()));
        let Place::Here(walk) = place else {
            walking.place = place;
            return Err(is_busy());
        };
        *lock(&away) = Away::IsCalled(walk);
        let called = away.clone();
        let spawned = watch::spawn("pwalk-async", move || {
            go_and_wait(&called);
            if let Some(_inside) = Inside::enter() {
                Python::attach(|py| {
                    // The loop may be closed: then nobody waits.
                    let _ = done.call0(py);
                    drop(done);
                });
            }
        });
        if spawned.is_err()
            && let Away::IsCalled(walk) = std::mem::replace(&mut *lock(&away), Away::IsAbandoned)
        {
            walking.place = Place::Here(walk);
        }
        spawned
    }

    /// As `close`, and nothing is waited for.
    fn close_in_thread(&self) -> PyResult<()> {
        self.control.cancel();
        let Some(Walking { place, .. }) = self.lock()?.take() else { return Ok(()) };
        if let Some(walk) = come_back_or_abandon(place) {
            // Without a thread it is dropped here.
            let _ = watch::spawn("pwalk-async", move || drop(walk));
        }
        Ok(())
    }

    /// The progress of the walk, as a callback gets it. The directories visited last are
    /// collected from the first call on.
    #[pyo3(signature = (done=false))]
    fn progress<'py>(&self, py: Python<'py>, done: bool) -> PyResult<Bound<'py, PyDict>> {
        progress_of(py, &self.control, self.started, done)
    }

    /// Tells the walk to end, from any thread: its next step is its last.
    fn cancel(&self) {
        self.control.cancel();
    }

    /// Ends the walk and leaves no thread and no descriptor behind, unless a request hangs: that
    /// thread and its descriptors go once the request is answered.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let walking = self.lock()?.take();
        if let Some(Walking { place, .. }) = walking {
            outside(py, || drop(come_back_or_abandon(place)));
        }
        Ok(())
    }

    /// A walk that is at work is left out, and so are what it leads to and all that lead to it.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(walking) = self.walking.try_lock() else { return Ok(()) };
        let Some(walking) = &*walking else { return Ok(()) };
        visit.call(&walking.on_error)?;
        if let Some(Delivered { dirnames, names, .. }) = &walking.delivered {
            visit.call(dirnames)?;
            names.iter().try_for_each(|name| visit.call(name))?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let taken = self.walking.try_lock().ok().and_then(|mut walking| {
            walking.as_mut().map(|walking| (walking.on_error.take(), walking.delivered.take()))
        });
        drop(taken);
    }
}

impl OrderedWalk {
    fn advance<'py>(
        &self,
        py: Python<'py>,
        may_wait: bool,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        loop {
            let step = {
                let mut walking = self.lock()?;
                let Some(walking) = &mut *walking else { return Ok(None) };
                if let Some(delivered) = walking.delivered.take() {
                    pass_on(py, walking, &delivered)?;
                }
                match walking.come_back()? {
                    Some(step) => step,
                    None => match &mut walking.place {
                        Place::Here(walk) => match walk.try_next() {
                            Some(step) => step,
                            None if may_wait => wait(py, walk)?,
                            None => return Ok(None),
                        },
                        Place::Away(_) if may_wait => return Err(is_busy()),
                        Place::Away(_) => return Ok(None),
                    },
                }
            };
            match step {
                Step::End => {
                    // Who doesn't wait for a directory doesn't wait for the end of threads either.
                    let () = if may_wait { self.close(py)? } else { self.close_in_thread()? };
                    return Ok(None);
                }
                Step::Failed { path, .. } if path.contains(&0) => {
                    // No path, which the caller has put among the names: raises.
                    py.import("os")?.call_method1("scandir", (self.path(py, &path),))?;
                }
                Step::Failed { path, errno } => {
                    let path = self.path(py, &path);
                    if self.may_scan(py, &path)? {
                        self.report(py, || os_error(py, errno, path))?;
                    }
                }
                Step::Directory { path, listing } => {
                    let dirpath = self.path(py, &path);
                    if self.may_scan(py, &dirpath)? {
                        return self.deliver(py, dirpath, &listing).map(Some);
                    }
                    self.stay_out()?;
                }
            }
        }
    }

    /// Tells those who audit the process of a directory, as `os.scandir` would. False if one of
    /// them said by an `OSError` that it can't be read.
    fn may_scan(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<bool> {
        let audit = || self.audit.call1(py, (intern!(py, "os.scandir"), path));
        let Err(error) = life::calling(audit) else { return Ok(true) };
        if !error.is_instance_of::<PyOSError>(py) {
            return Err(error);
        }
        self.report(py, || Ok(error.into_value(py).into_bound(py).into_any()))?;
        Ok(false)
    }

    /// Nothing below the directory that was just found is entered.
    fn stay_out(&self) -> PyResult<()> {
        if let Some(walking) = &mut *self.lock()?
            && walking.is_top_down
            && let Place::Here(walk) = &mut walking.place
        {
            walk.choose(Vec::new());
        }
        Ok(())
    }

    /// Calls `onerror`, if there is one.
    fn report<'py>(
        &self,
        py: Python<'py>,
        error: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let walking = self.lock()?;
        let on_error = walking.as_ref().and_then(|walking| walking.on_error.as_ref());
        let Some(on_error) = on_error.map(|on_error| on_error.clone_ref(py)) else {
            return Ok(());
        };
        drop(walking);
        let error = error()?;
        let result = life::calling(|| on_error.call1(py, (error,)));
        result.map(drop).map_err(|raised| no_stop(py, raised))
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, Option<Walking>>> {
        match self.walking.try_lock() {
            Ok(walking) => Ok(walking),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(is_busy()),
        }
    }

    fn deliver<'py>(
        &self,
        py: Python<'py>,
        dirpath: Bound<'py, PyAny>,
        listing: &DirListing,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let dirs = listing.dirs.names().map(|dir| name(py, dir, self.is_bytes));
        let names: Vec<_> = dirs.collect();
        let others = &listing.others;
        let file = |index| name(py, others.name(index), self.is_bytes);
        let files = PyList::new(py, (0..others.len()).map(file))?;
        let dirnames = PyList::new(py, &names)?;
        if let Some(walking) = &mut *self.lock()?
            && walking.is_top_down
        {
            walking.delivered = Some(Delivered {
                dirpath: dirpath.clone().unbind(),
                dirnames: dirnames.clone().unbind(),
                names: names.into_iter().map(Bound::unbind).collect(),
            });
        }
        PyTuple::new(py, [dirpath, dirnames.into_any(), files.into_any()])
    }

    /// A path, which for the root is the very object that was given.
    fn path<'py>(&self, py: Python<'py>, path: &[u8]) -> Bound<'py, PyAny> {
        if path == self.top_path {
            self.top.bind(py).clone()
        } else {
            name(py, path, self.is_bytes)
        }
    }
}

impl Walking {
    /// Takes the walk back from a thread that has waited for its next step, with that step.
    fn come_back(&mut self) -> PyResult<Option<Step>> {
        let Place::Away(away) = &self.place else { return Ok(None) };
        let mut state = lock(away);
        let Away::HasStep(_) = *state else { return Ok(None) };
        let found = std::mem::replace(&mut *state, Away::IsAbandoned);
        drop(state);
        let Away::HasStep(step) = found else { return Ok(None) };
        let (walk, step) = step?;
        self.place = Place::Here(walk);
        Ok(Some(step))
    }
}

/// In a thread of its own: waits for the next step of a walk.
fn go_and_wait(away: &Mutex<Away>) {
    let called = {
        let mut away = lock(away);
        match std::mem::replace(&mut *away, Away::Waits) {
            Away::IsCalled(walk) => walk,
            // The walk was closed meanwhile.
            other => return *away = other,
        }
    };
    let mut walk = called;
    let step = caught(move || {
        let step = walk.next_step(&mut || false).unwrap_or(Step::End);
        (walk, step)
    });
    let mut away = lock(away);
    if let Away::Waits = *away {
        *away = Away::HasStep(step);
    } else {
        drop(away);
        drop(step);
    }
}

/// The walk, unless a thread waits with it, which then ends it.
fn come_back_or_abandon(place: Place) -> Option<Box<Ordered<Disk>>> {
    match place {
        Place::Here(walk) => Some(walk),
        Place::Away(away) => match std::mem::replace(&mut *lock(&away), Away::IsAbandoned) {
            Away::HasStep(Ok((walk, _))) | Away::IsCalled(walk) => Some(walk),
            Away::HasStep(Err(_)) | Away::Waits | Away::IsAbandoned => None,
        },
    }
}

fn is_busy() -> PyErr {
    PyValueError::new_err("walk: another thread is waiting for its next directory")
}

/// What a generator makes of a StopIteration that is raised in it: its end would look like that
/// of the walk.
fn no_stop(py: Python<'_>, raised: PyErr) -> PyErr {
    if !raised.is_instance_of::<PyStopIteration>(py) {
        return raised;
    }
    let error = PyRuntimeError::new_err("generator raised StopIteration");
    error.set_context(py, Some(raised.clone_ref(py)));
    error.set_cause(py, Some(raised));
    error
}

/// Where to go on below the directory that was delivered last: to what its list holds now.
fn pass_on(py: Python<'_>, walking: &mut Walking, delivered: &Delivered) -> PyResult<()> {
    let dirnames = delivered.dirnames.bind(py);
    let is_same = dirnames.len() == delivered.names.len()
        && dirnames.iter().zip(&delivered.names).all(|(now, then)| now.is(then));
    if is_same {
        return Ok(());
    }
    let known = PyDict::new(py);
    for (index, name) in delivered.names.iter().enumerate() {
        known.set_item(name, index)?;
    }
    let join = py.import("os.path")?.getattr("join")?;
    let encode = py.import("os")?.getattr("fsencode")?;
    let child = |name: Bound<'_, PyAny>| -> PyResult<Child> {
        // Says what is no name, as `os.walk` does.
        let path = join.call1((delivered.dirpath.bind(py), &name))?;
        if let Some(index) = known.get_item(&name)? {
            return Ok(Child::Found(index.extract()?));
        }
        Ok(Child::Other(encode.call1((path,))?.extract()?))
    };
    let children = dirnames.iter().map(child).collect::<PyResult<_>>()?;
    if let Place::Here(walk) = &mut walking.place {
        walk.choose(children);
    }
    Ok(())
}

/// The next step, which has to be waited for; without the GIL.
fn wait(py: Python<'_>, walk: &mut Ordered<Disk>) -> PyResult<Step> {
    let mut raised = None;
    let step = outside(py, || {
        walk.next_step(&mut || {
            let checked = inside(life::check_signals);
            raised = checked.err();
            raised.is_some()
        })
    });
    match (step, raised) {
        (Some(step), _) => Ok(step),
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("a walk stops only when it is told to"),
    }
}
