//! `scan`: every inode as a table in memory, which can be read while it grows.

use crate::column::{Column, array_capsules, name_in, to_os_error, type_name};
use crate::convert::{WalkArguments, os_errors, to_py_err};
use crate::watch::{self, Listener, Meter, TICK};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use pwalk::{Control, EntryError, MemoryTable, Next, SpillConfig, lock};
use pyo3::exceptions::{PyIndexError, PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PyTuple};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A table of every inode, which a walk fills in the background.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct Scan {
    table: Arc<MemoryTable>,
    running: Arc<Running>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the walk and its readers share.
#[derive(Default)]
struct Running {
    control: Arc<Control>,
    errors: Mutex<Vec<EntryError>>,
    /// The summary as JSON, or what was raised, once the walk has ended.
    outcome: Mutex<Option<Result<String, PyErr>>>,
}

/// Sees to it that there is an outcome, whatever becomes of the walk: readers wait for it.
struct Outcome(Arc<Running>);

impl Drop for Outcome {
    fn drop(&mut self) {
        let panicked = || Err(PyOSError::new_err("the walk panicked"));
        lock(&self.0.outcome).get_or_insert_with(panicked);
    }
}

#[pymethods]
impl Scan {
    #[new]
    #[pyo3(signature = (walk, *, columns, spill_folder, callback, interval))]
    fn new(
        py: Python<'_>,
        walk: WalkArguments,
        columns: Option<String>,
        spill_folder: Option<PathBuf>,
        callback: Option<Py<PyAny>>,
        interval: f64,
    ) -> PyResult<Scan> {
        let config = walk.config();
        let max_bytes = usize::try_from(config.settings.buffer_size_mb).unwrap_or(usize::MAX);
        let spill =
            SpillConfig { max_bytes: max_bytes.saturating_mul(1 << 20), folder: spill_folder };
        let scan = py
            .detach(|| pwalk::Scan::prepare(&config, columns.as_deref(), spill))
            .map_err(to_py_err)?;
        let (table, running) = (scan.table(), Arc::new(Running::default()));
        let listener = Listener::new(callback, interval);
        let work = {
            let running = running.clone();
            move || {
                let _outcome = Outcome(running.clone());
                let _meter = Meter::of(&running.control);
                let keep = |error: &EntryError| lock(&running.errors).push(error.clone());
                let walk = || scan.run(&running.control, &keep);
                let done = match listener {
                    None => Ok(walk()),
                    // The thread of the callbacks; signals belong to the main thread.
                    Some(listener) => Python::attach(|py| {
                        watch::run(py, &running.control, Some(listener), |may_finish| {
                            let done = walk();
                            // All is in the table by now.
                            let _ = may_finish();
                            done
                        })
                    }),
                };
                let outcome = done.and_then(|summary| summary.map_err(to_py_err));
                *lock(&running.outcome) = Some(outcome.map(|summary| summary.to_json()));
            }
        };
        let thread = std::thread::Builder::new().name("pwalk-scan".to_owned()).spawn(work)?;
        Ok(Scan { table, running, thread: Mutex::new(Some(thread)) })
    }

    /// The batch with this number; waits for it. `IndexError` after the last.
    fn batch(&self, py: Python<'_>, number: usize) -> PyResult<Batch> {
        loop {
            match py.detach(|| self.table.batch(number, TICK)).map_err(PyOSError::new_err)? {
                Next::Batch(batch) => return Ok(Batch { batch }),
                Next::Pending => self.check_signals(py)?,
                Next::End => {
                    self.wait(py)?;
                    return Err(PyIndexError::new_err("batch: no more batches"));
                }
            }
        }
    }

    /// Waits for the end of the walk; raises the error that ended it, if any.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        while lock(&self.running.outcome).is_none() {
            py.detach(|| std::thread::sleep(Duration::from_millis(1)));
            self.check_signals(py)?;
        }
        self.join(py);
        match &*lock(&self.running.outcome) {
            Some(Err(error)) => Err(error.clone_ref(py)),
            _ => Ok(()),
        }
    }

    /// Ends the walk, if it is still under way.
    fn close(&self, py: Python<'_>) {
        self.running.control.cancel();
        self.join(py);
    }

    /// The summary as JSON; waits for it.
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        self.wait(py)?;
        match &*lock(&self.running.outcome) {
            Some(Ok(summary)) => Ok(summary.clone()),
            _ => Ok("{}".to_owned()),
        }
    }

    /// What could not be read; waits for the end of the walk.
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.wait(py)?;
        PyList::new(py, os_errors(py, &lock(&self.running.errors))?)
    }

    /// The column of this name; waits for the end of the walk.
    fn column(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Column> {
        let name = name_in(name, self.table.schema())?;
        self.wait(py)?;
        let index = self.table.schema().index_of(&name).map_err(to_os_error)?;
        let array = py.detach(|| self.table.column(index)).map_err(PyOSError::new_err)?;
        Ok(Column::new(&name, array))
    }

    #[getter]
    fn column_names(&self) -> Vec<String> {
        names_of(self.table.schema())
    }

    /// The types of the columns, by name.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        types_of(py, self.table.schema())
    }

    /// Rows that are in the table by now, and whether more may come. Waits for nothing.
    fn so_far(&self) -> (usize, bool) {
        let runs = lock(&self.running.outcome).is_none();
        (self.table.n_rows(), runs)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.wait(py)?;
        Ok(self.table.n_rows())
    }

    /// How often the table was spilled to a file.
    #[getter]
    fn spill_count(&self) -> usize {
        self.table.n_spills()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol allows to answer any request with the own schema.
        drop(requested_schema);
        let (table, running) = (self.table.clone(), self.running.clone());
        let reader = Reader { table, running, number: 0 };
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.table.schema())
    }
}

impl Scan {
    /// A signal whose handler raises ends the walk, too.
    fn check_signals(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals().inspect_err(|_| self.close(py))
    }

    fn join(&self, py: Python<'_>) {
        let thread = lock(&self.thread).take();
        // A panic is an outcome, too.
        if let Some(thread) = thread {
            let _ = py.detach(|| thread.join());
        }
    }
}

impl Drop for Scan {
    /// Nothing of it goes on: no thread, no file.
    fn drop(&mut self) {
        self.running.control.cancel();
        Python::try_attach(|py| self.join(py));
    }
}

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(to_os_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

fn names_of(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn types_of<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyDict>> {
    let types = PyDict::new(py);
    for field in schema.fields() {
        types.set_item(field.name(), type_name(field.data_type()))?;
    }
    Ok(types)
}

/// The batches of a scan, one after the other, for readers of the C stream interface.
struct Reader {
    table: Arc<MemoryTable>,
    running: Arc<Running>,
    number: usize,
}

impl Reader {
    /// True if a signal ends the stream. What its handler has raised is raised again as soon as
    /// the reader is back in Python, in place of an error that a library would make of it.
    fn is_interrupted(&self) -> bool {
        Python::attach(|py| {
            let Err(error) = py.check_signals() else { return false };
            self.running.control.cancel();
            // Without ctypes the stream only ends.
            let _ = raise_soon(py, &error);
            true
        })
    }
}

/// Raises an exception in this thread as soon as it runs Python code again. No Python code may
/// run here after the call: it would be met at once.
fn raise_soon(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    let ctypes = py.import("ctypes")?;
    let thread = py.import("threading")?.getattr("get_ident")?.call0()?;
    let thread = ctypes.getattr("c_ulong")?.call1((thread,))?;
    let kind = ctypes.getattr("py_object")?.call1((error.get_type(py),))?;
    let raise = ctypes.getattr("pythonapi")?.getattr("PyThreadState_SetAsyncExc")?;
    raise.call1((thread, kind)).map(drop)
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Whoever reads a stream may hold the GIL.
            let next = Python::attach(|py| py.detach(|| self.table.batch(self.number, TICK)));
            match next {
                Ok(Next::Batch(batch)) => {
                    self.number += 1;
                    return Some(Ok(batch));
                }
                Ok(Next::Pending) if self.is_interrupted() => return None,
                Ok(Next::Pending) => {}
                Ok(Next::End) => return self.end().map(Err),
                Err(error) => return Some(Err(ArrowError::IoError(error.to_string(), error))),
            }
        }
    }
}

impl Reader {
    /// The table has ended: wholly, or by an error.
    fn end(&self) -> Option<ArrowError> {
        loop {
            match &*lock(&self.running.outcome) {
                Some(Ok(_)) => return None,
                Some(Err(error)) => {
                    let message = Python::attach(|_| error.to_string());
                    return Some(ArrowError::CDataInterface(message));
                }
                None => {}
            }
            Python::attach(|py| py.detach(|| std::thread::sleep(Duration::from_millis(1))));
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.table.schema().clone()
    }
}

/// Some rows of a scan: what iterating over a `Scan` gives.
///
/// `pyarrow.record_batch(batch)` and `polars.DataFrame(batch)` read it without copying.
#[pyclass(frozen, mapping, module = "pwalk")]
pub(crate) struct Batch {
    batch: RecordBatch,
}

#[pymethods]
impl Batch {
    fn __repr__(&self) -> String {
        let names = names_of(&self.batch.schema()).join(", ");
        format!("Batch({} rows: {names})", self.batch.num_rows())
    }

    /// The number of rows.
    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// True if there is a column of this name.
    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<String>().is_ok_and(|name| self.batch.column_by_name(&name).is_some())
    }

    /// A column as a NumPy array, as a `Scan` gives it; needs NumPy.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Column::to_numpy(&Bound::new(py, self.column(name)?)?)
    }

    /// NumPy and pandas would make one object of it.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__(
        &self,
        dtype: Option<Bound<'_, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let _ = (dtype, copy);
        let reason = "a Batch is a table and not an array: use batch['st_size'] for one column, \
            pyarrow.record_batch(batch) or polars.DataFrame(batch) for all of them";
        Err(PyTypeError::new_err(reason))
    }

    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names_of(&self.batch.schema())
    }

    /// The type of each column by name, in Arrow's words.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        types_of(py, &self.batch.schema())
    }

    /// A column: `len`, `to_numpy()`, `to_list()`, `null_count`. Polars and PyArrow read it
    /// without copying.
    fn column(&self, name: &Bound<'_, PyAny>) -> PyResult<Column> {
        let schema = self.batch.schema();
        let name = name_in(name, &schema)?;
        let index = schema.index_of(&name).map_err(to_os_error)?;
        Ok(Column::new(&name, self.batch.column(index).clone()))
    }

    /// The rows as an Arrow array of structs.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        drop(requested_schema);
        array_capsules(py, &StructArray::from(self.batch.clone()))
    }

    /// The Arrow schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.batch.schema())
    }
}
