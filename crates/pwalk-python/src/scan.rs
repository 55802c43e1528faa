//! `scan`: every inode as a table in memory, which can be read while it grows.

use crate::column::{Column, array_capsules, name_in, to_os_error, type_name};
use crate::convert::{WalkArguments, os_errors, to_py_err};
use crate::life::{self, Meter, outside};
use crate::running::{Handle, IN_CALLBACK, Shared, State};
use crate::stream::Reader;
use crate::watch::{self, HANGS, Rhythm, TICK};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{Schema, SchemaRef};
use pwalk::{Control, Next, SpillConfig, lock};
use pyo3::exceptions::{PyIndexError, PyOSError, PyRuntimeError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PyTuple};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// A table of every inode, which a walk fills in the background.
///
/// Three own what there is: the walk's thread, a thread that calls back, if there is a callback,
/// and this object with the streams that are read from it. None of them waits for another to go
/// away: the last of these objects cancels, and the threads end by themselves.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct Scan {
    shared: Arc<Handle>,
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
        let control = Arc::<Control>::default();
        let prepare =
            move |_: &dyn Fn() -> bool| pwalk::Scan::prepare(&config, columns.as_deref(), spill);
        let scan = watch::run(py, &control, None, prepare)?.map_err(to_py_err)?;
        let has_listener = callback.is_some();
        let shared = Arc::new(Shared::new(&scan, control.clone(), callback));
        // From here on it cancels what was started, should the rest fail.
        let own = Scan { shared: Arc::new(Handle::new(&shared)) };
        if has_listener {
            let shared = shared.clone();
            watch::spawn("pwalk-listener", move || shared.listen(Rhythm::new(interval)))?;
        }
        watch::spawn("pwalk-scan", move || {
            let _meter = Meter::of_job(&control);
            shared.walk(scan);
        })?;
        Ok(own)
    }

    /// The batch with this number; waits for it. `IndexError` after the last.
    fn batch(&self, py: Python<'_>, number: usize) -> PyResult<Batch> {
        self.check_process()?;
        loop {
            let next = outside(py, || self.shared.table.batch(number, TICK));
            match next.map_err(PyOSError::new_err)? {
                Next::Batch(batch) => return Ok(Batch::new(batch)),
                Next::Pending => self.check_signals(py)?,
                Next::End => {
                    if !self.shared.is_called_back() {
                        self.wait(py)?;
                    }
                    return Err(PyIndexError::new_err("batch: no more batches"));
                }
            }
        }
    }

    /// Waits for the end of the walk; raises the error that ended it, if any.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process()?;
        while !outside(py, || self.shared.wait_until(TICK, State::is_settled)) {
            if self.shared.is_called_back() {
                return Err(PyRuntimeError::new_err(IN_CALLBACK));
            }
            self.check_signals(py)?;
        }
        self.shared.failure(py).map_or(Ok(()), Err)
    }

    /// Ends the walk, if it is still under way. What was read stays.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process()?;
        self.shared.cut();
        if !self.shared.is_called_back() {
            let cancelled = Instant::now();
            let shared = &self.shared;
            while !outside(py, || shared.wait_until(HANGS / 4, |state| state.has_ended))
                && !watch::is_left_behind(&shared.control, cancelled)
            {
                life::check_signals(py)?;
            }
        }
        Ok(())
    }

    /// The summary as JSON; waits for it.
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        self.wait(py)?;
        match &lock(&self.shared.state).walked {
            Some(Ok(summary)) => Ok(summary.clone()),
            _ => Ok(self.shared.cut_summary().to_json()),
        }
    }

    /// What could not be read; waits for the end of the walk.
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.wait(py)?;
        let errors = lock(&self.shared.errors).clone();
        PyList::new(py, os_errors(py, &errors)?)
    }

    /// The column of this name; waits for the end of the walk.
    fn column(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Column> {
        let name = name_in(name, self.shared.table.schema())?;
        self.wait(py)?;
        let index = self.shared.table.schema().index_of(&name).map_err(to_os_error)?;
        let array = outside(py, || self.shared.table.column(index)).map_err(PyOSError::new_err)?;
        Ok(Column::new(&name, array))
    }

    #[getter]
    fn column_names(&self) -> Vec<String> {
        names_of(self.shared.table.schema())
    }

    /// The types of the columns, by name.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        types_of(py, self.shared.table.schema())
    }

    /// Rows that are in the table by now, and whether its walk is `running`, was `closed`, or has
    /// `ended` by itself. Waits for nothing.
    fn so_far(&self) -> PyResult<(usize, &'static str)> {
        self.check_process()?;
        let word = lock(&self.shared.state).word();
        Ok((self.shared.table.n_rows(), word))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.wait(py)?;
        Ok(self.shared.table.n_rows())
    }

    /// How often the table was spilled to a file.
    #[getter]
    fn spill_count(&self) -> PyResult<usize> {
        self.check_process()?;
        Ok(self.shared.table.n_spills())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol allows to answer any request with the own schema.
        drop(requested_schema);
        self.check_process()?;
        if life::is_calling() {
            // Readers of a stream release the GIL, which can't be had again in a callback: once
            // the table is complete, nobody needs it.
            self.wait(py)?;
        }
        let reader = Reader { shared: self.shared.clone(), number: 0 };
        stream_capsule(py, Box::new(reader))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.shared.table.schema())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.shared.traverse(&visit)
    }

    fn __clear__(&self) {
        drop(self.shared.take_callback());
    }
}

impl Scan {
    fn check_process(&self) -> PyResult<()> {
        self.shared.process.check("scan")
    }

    /// A signal whose handler raises ends the walk, too.
    fn check_signals(&self, py: Python<'_>) -> PyResult<()> {
        let raised = life::check_signals(py);
        if raised.is_err() {
            self.close(py)?;
        }
        raised
    }
}

impl Drop for Scan {
    /// Holds the GIL, which the last of its streams may not.
    fn drop(&mut self) {
        if self.shared.process.is_current() && Arc::strong_count(&self.shared) == 1 {
            self.shared.cut();
            drop(self.shared.take_callback());
        }
    }
}

pub(crate) fn stream_capsule(
    py: Python<'_>,
    reader: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'_, PyCapsule>> {
    let stream = FFI_ArrowArrayStream::new(reader);
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

pub(crate) fn schema_capsule<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(to_os_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

pub(crate) fn names_of(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

pub(crate) fn types_of<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyDict>> {
    let types = PyDict::new(py);
    for field in schema.fields() {
        types.set_item(field.name(), type_name(field.data_type()))?;
    }
    Ok(types)
}

/// Some rows of a scan: what iterating over a `Scan` gives.
///
/// `pyarrow.record_batch(batch)` and `polars.DataFrame(batch)` read it without copying.
#[pyclass(frozen, mapping, module = "pwalk")]
pub(crate) struct Batch {
    batch: RecordBatch,
}

impl Batch {
    pub(crate) fn new(batch: RecordBatch) -> Batch {
        Batch { batch }
    }
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

    /// The rows as an Arrow stream of one batch.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let batches = [Ok(self.batch.clone())].into_iter();
        let reader = RecordBatchIterator::new(batches, self.batch.schema());
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// The Arrow schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.batch.schema())
    }
}
