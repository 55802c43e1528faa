//! `report`: every inode into a file.

use crate::convert::{WalkArguments, os_errors, text, to_py_err};
use crate::life::Meter;
use crate::watch::{self, Listener};
use pwalk::{Control, EntryError, Format, Output, OutputConfig, Report, ReportConfig, lock};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

/// Writes a report; returns where it is, the summary as JSON, and the errors.
#[pyfunction]
#[pyo3(signature = (walk, output, *, format, compress, columns, callback, interval))]
#[expect(clippy::too_many_arguments, reason = "they are keywords of a Python function")]
pub(crate) fn report<'py>(
    py: Python<'py>,
    walk: WalkArguments,
    output: PathBuf,
    format: Option<String>,
    compress: String,
    columns: Option<String>,
    callback: Option<Py<PyAny>>,
    interval: f64,
) -> PyResult<(Bound<'py, PyString>, String, Bound<'py, PyList>)> {
    let walk = walk.config();
    let format = format.as_deref().map(Format::from_str).transpose();
    let format = format.map_err(|error| to_py_err(error.into()))?;
    let table = OutputConfig {
        format,
        compress: Some(compress),
        columns,
        ..OutputConfig::new(Output::File(output))
    };
    let config = ReportConfig { walk, table, summary: None, errors: None };
    let control = Arc::<Control>::default();
    let meter = Meter::of_job(&control);
    let errors = Arc::<Mutex<Vec<EntryError>>>::default();
    let job = {
        let (control, errors) = (control.clone(), errors.clone());
        move |may_finish: &dyn Fn() -> bool| {
            let keep = |error: &EntryError| lock(&errors).push(error.clone());
            let report = Report::prepare(config)?;
            meter.writes(report.unfinished());
            let output = report.output().clone();
            Ok((output, report.run_with(&control, &keep, may_finish)?))
        }
    };
    let done = watch::run(py, &control, Listener::new(callback, interval), job)?;
    let (output, summary) = done.map_err(to_py_err)?;
    let output = match &output {
        Output::File(path) => text(py, path.as_os_str().as_bytes()),
        Output::Stdout => unreachable!("it was a path"),
    };
    Ok((output, summary.to_json(), PyList::new(py, os_errors(py, &lock(&errors))?)?))
}
