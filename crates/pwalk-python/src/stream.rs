//! The batches of a scan as a stream of Arrow, and exceptions that pass through its readers.

use crate::life::{self, outside};
use crate::running::{Handle, IN_CALLBACK, State};
use crate::watch::TICK;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pwalk::{Next, lock};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::sync::Arc;

/// The batches of a scan, one after the other, for readers of the C stream interface.
pub(crate) struct Reader {
    pub(crate) shared: Arc<Handle>,
    pub(crate) number: usize,
}

impl Reader {
    /// Waits a little for the next batch. `Pending` means to try again.
    fn step(&self, py: Python<'_>) -> PyResult<Next> {
        let shared = &***self.shared;
        match outside(py, || shared.table.batch(self.number, TICK)).map_err(PyOSError::new_err)? {
            Next::End if outside(py, || shared.wait_until(TICK, State::is_settled)) => {
                shared.failure(py).map_or(Ok(Next::End), Err)
            }
            Next::Batch(batch) => Ok(Next::Batch(batch)),
            Next::End | Next::Pending => {
                life::check_signals(py).inspect_err(|_| shared.cut())?;
                Ok(Next::Pending)
            }
        }
    }
}

/// Raises an exception in this thread as soon as it runs Python code again, in place of what a
/// library would make of it. False if it can't: the thread runs no Python code. No Python code may
/// run here after the call: it would be met at once.
fn raise_soon(py: Python<'_>, error: &PyErr) -> bool {
    let raise = || -> PyResult<()> {
        // Fails in a thread that runs none.
        py.import("sys")?.call_method0("_getframe")?;
        let again = py.import("pwalk._again")?.call_method1("again", (error.value(py),))?;
        let ctypes = py.import("ctypes")?;
        let thread = py.import("threading")?.getattr("get_ident")?.call0()?;
        let thread = ctypes.getattr("c_ulong")?.call1((thread,))?;
        let kind = ctypes.getattr("py_object")?.call1((again,))?;
        let raise = ctypes.getattr("pythonapi")?.getattr("PyThreadState_SetAsyncExc")?;
        raise.call1((thread, kind)).map(drop)
    };
    raise().is_ok()
}

impl Reader {
    /// The next batch for who may not enter the interpreter, and perhaps holds the GIL: what needs
    /// that isn't waited for.
    fn next_alone(&self) -> Result<Option<RecordBatch>, String> {
        loop {
            let next = self.shared.table.batch(self.number, TICK);
            match next.map_err(|error| error.to_string())? {
                Next::Batch(batch) => return Ok(Some(batch)),
                _ if self.shared.is_called_back() => return Err(IN_CALLBACK.to_owned()),
                Next::End if lock(&self.shared.state).has_all_rows() => {
                    let is_whole = !lock(&self.shared.state).has_failed();
                    let reason = "the walk of this scan has failed: its length raises the error";
                    return if is_whole { Ok(None) } else { Err(reason.to_owned()) };
                }
                Next::End | Next::Pending => {}
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = |text: String| Some(Err(ArrowError::CDataInterface(text)));
        if !self.shared.process.is_current() {
            return error(self.shared.process.reason("scan"));
        }
        if life::is_calling() {
            let next = self.next_alone();
            self.number += 1;
            return next.map_or_else(error, |batch| batch.map(Ok));
        }
        loop {
            // Whoever reads a stream may hold the GIL.
            let next = life::try_inside(|py| {
                let next = self.step(py);
                next.map_err(|error| {
                    let text = error.to_string();
                    (raise_soon(py, &error), text)
                })
            });
            let Some(next) = next else { return error("Python ends".to_owned()) };
            match next {
                Ok(Next::Batch(batch)) => {
                    self.number += 1;
                    return Some(Ok(batch));
                }
                Ok(Next::Pending) => {}
                Ok(Next::End) | Err((true, _)) => return None,
                Err((false, text)) => return error(text),
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.shared.table.schema().clone()
    }
}
