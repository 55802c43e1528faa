//! `repair`: a plan of changes, their application, and what takes it back.

use crate::convert::{WalkArguments, os_error, text, to_py_err};
use crate::life::Meter;
use crate::scan::{names_of, schema_capsule, stream_capsule, types_of};
use crate::watch::{self, Listener};
use arrow_array::RecordBatchIterator;
use arrow_schema::ArrowError;
use pwalk::repair::{ApplyConfig, ApplyJob, Changes, Left, PlanConfig, PlanJob, check_journal};
use pwalk::{Control, MemoryTable, WalkConfig, lock};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Which changes a repair makes, and whether it will.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct RepairRules {
    change_gids: Vec<u32>,
    group: Option<u32>,
    group_writable: bool,
    acl: bool,
    hard_links: bool,
    plan: Option<PathBuf>,
    journal: Option<PathBuf>,
    dry_run: bool,
}

/// How changes are made.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct ApplyArguments {
    written: Vec<PathBuf>,
    journal: Option<PathBuf>,
    syslog: bool,
    threads: Option<usize>,
    max_ops: Option<u64>,
}

/// The changes of a plan: a table.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct RepairChanges {
    table: Arc<MemoryTable>,
    root: PathBuf,
}

#[pymethods]
impl RepairChanges {
    fn __len__(&self) -> usize {
        self.table.n_rows()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names_of(self.table.schema())
    }

    /// The type of each column by name, in Arrow's words.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        types_of(py, self.table.schema())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol allows to answer any request with the own schema.
        drop(requested_schema);
        let batches = self.table.batches().map(|batch| batch.map_err(ArrowError::IpcError));
        let reader = RecordBatchIterator::new(batches, self.table.schema().clone());
        stream_capsule(py, Box::new(reader))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.table.schema())
    }
}

/// Plans a repair. Returns the changes, the summary as JSON, and what is left as it is.
#[pyfunction]
#[pyo3(signature = (walk, rules, *, callback, interval))]
pub(crate) fn plan_repair<'py>(
    py: Python<'py>,
    walk: WalkArguments,
    rules: RepairRules,
    callback: Option<Py<PyAny>>,
    interval: f64,
) -> PyResult<(RepairChanges, String, Bound<'py, PyList>)> {
    let RepairRules { change_gids, group, group_writable, acl, hard_links, .. } = rules;
    let RepairRules { plan, journal, dry_run, .. } = rules;
    let walk: WalkConfig = walk.config();
    let config = PlanConfig {
        walk,
        change_gids,
        group,
        group_writable,
        acl,
        hard_links,
        plan,
        keeps_changes: true,
    };
    let control = Arc::<Control>::default();
    let meter = Meter::of_job(&control);
    let left = Arc::<Mutex<Vec<Left>>>::default();
    let job = {
        let (control, left) = (control.clone(), left.clone());
        move |may_finish: &dyn Fn() -> bool| {
            let keep = |entry: &Left| lock(&left).push(entry.clone());
            let job = PlanJob::prepare(&config)?;
            if !dry_run {
                check_journal(journal.as_deref())?;
            }
            meter.writes(job.unfinished());
            let (root, table) = (job.root().to_owned(), job.changes());
            let planned = job.run(&control, &keep)?;
            may_finish();
            let table = table.expect("the changes are kept");
            Ok((RepairChanges { table, root }, planned.to_json()))
        }
    };
    let done = watch::run(py, &control, Listener::new(callback, interval), job)?;
    let (changes, planned) = done.map_err(to_py_err)?;
    let left = left_errors(py, &lock(&left))?;
    Ok((changes, planned, left))
}

/// Changes that are ready to be made, and their journal, which is there already: whoever is interrupted
/// from now on knows its name.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct RepairJob {
    job: Mutex<Option<ApplyJob>>,
    journal: PathBuf,
}

/// Opens the changes of a plan in memory or in a file, or those of a journal to take back, and begins
/// the journal.
#[pyfunction]
#[pyo3(signature = (how, *, changes=None, plan=None, undo=None))]
pub(crate) fn prepare_repair(
    py: Python<'_>,
    how: ApplyArguments,
    changes: Option<PyRef<'_, RepairChanges>>,
    plan: Option<PathBuf>,
    undo: Option<PathBuf>,
) -> PyResult<RepairJob> {
    let changes = match (changes, plan, undo) {
        (Some(changes), _, _) => Changes::Table(changes.table.clone(), changes.root.clone()),
        (None, Some(plan), _) => Changes::Plan(plan),
        (None, None, journal) => Changes::Journal(journal.unwrap_or_default()),
    };
    let ApplyArguments { written, journal, syslog, threads, max_ops } = how;
    let config = ApplyConfig { changes, written, journal, syslog, threads, max_ops };
    let prepare = move |_: &dyn Fn() -> bool| ApplyJob::prepare(&config);
    let job = watch::run(py, &Control::default(), None, prepare)?.map_err(to_py_err)?;
    let journal = job.journal().to_owned();
    Ok(RepairJob { job: Mutex::new(Some(job)), journal })
}

#[pymethods]
impl RepairJob {
    /// Where the journal is.
    #[getter]
    fn journal<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        text(py, self.journal.as_os_str().as_bytes()).into_any()
    }

    /// Makes the changes. Returns the summary as JSON, what is left as it is, and what else there is to
    /// say.
    #[pyo3(signature = (*, callback, interval))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        callback: Option<Py<PyAny>>,
        interval: f64,
    ) -> PyResult<(String, Bound<'py, PyList>, Vec<String>)> {
        let job = lock(&self.job).take();
        let job = job.ok_or_else(|| PyRuntimeError::new_err("the changes are made once"))?;
        let control = Arc::<Control>::default();
        let meter = Meter::of_job(&control);
        let left = Arc::<Mutex<Vec<Left>>>::default();
        let notes = Arc::<Mutex<Vec<String>>>::default();
        let work = {
            let (control, left, notes) = (control.clone(), left.clone(), notes.clone());
            move |may_finish: &dyn Fn() -> bool| {
                let _meter = meter;
                let keep = |entry: &Left| lock(&left).push(entry.clone());
                let note = |text: &str| lock(&notes).push(text.to_owned());
                let applied = job.run(&control, &keep, &note)?;
                may_finish();
                Ok(applied.to_json())
            }
        };
        let done = watch::run(py, &control, Listener::new(callback, interval), work)?;
        let applied = done.map_err(to_py_err)?;
        let left = left_errors(py, &lock(&left))?;
        let notes = std::mem::take(&mut *lock(&notes));
        Ok((applied, left, notes))
    }
}

/// Entries that are left as they are, as `OSError`: with the number 0 where the system has refused
/// nothing.
fn left_errors<'py>(py: Python<'py>, left: &[Left]) -> PyResult<Bound<'py, PyList>> {
    let error = |entry: &Left| {
        let path = text(py, &entry.path).into_any();
        match entry.why.errno() {
            Some(errno) => os_error(py, errno, path),
            None => py.get_type::<PyOSError>().call1((0, entry.why.to_string(), path)),
        }
    };
    PyList::new(py, left.iter().map(error).collect::<PyResult<Vec<_>>>()?)
}
