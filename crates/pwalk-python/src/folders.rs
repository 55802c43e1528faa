//! `DirectoryProfiler`: what the folders of a tree hold, counted.

use crate::convert::{WalkArguments, os_errors, text, to_py_err};
use crate::life::Meter;
use crate::watch::{self, Listener};
use pwalk::{Control, EntryError, FolderCounts, Folders, Summary, lock};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::{Arc, Mutex};

/// Counts what the folders below a root hold. Returns the counts by name, the number of threads,
/// and the errors.
#[pyfunction]
#[pyo3(signature = (walk, *, threshold, callback, interval))]
pub(crate) fn folders<'py>(
    py: Python<'py>,
    walk: WalkArguments,
    threshold: u64,
    callback: Option<Py<PyAny>>,
    interval: f64,
) -> PyResult<(Bound<'py, PyDict>, u64, Bound<'py, PyList>)> {
    let mut config = walk.config();
    config.n_alone = threshold;
    let control = Arc::<Control>::default();
    let meter = Meter::of_job(&control);
    let errors = Arc::<Mutex<Vec<EntryError>>>::default();
    let job = {
        let (control, errors) = (control.clone(), errors.clone());
        move |may_finish: &dyn Fn() -> bool| {
            let _meter = meter;
            let keep = |error: &EntryError| lock(&errors).push(error.clone());
            let done = Folders::prepare(config)?.run(&control, &keep)?;
            may_finish();
            Ok(done)
        }
    };
    let done = watch::run(py, &control, Listener::new(callback, interval), job)?;
    let (counts, summary): (FolderCounts, Summary) = done.map_err(to_py_err)?;
    let errors = PyList::new(py, os_errors(py, &lock(&errors))?)?;
    Ok((to_dict(py, counts)?, summary.threads, errors))
}

fn to_dict(py: Python<'_>, counts: FolderCounts) -> PyResult<Bound<'_, PyDict>> {
    // Destructured, so that a new field can't be forgotten here.
    let FolderCounts { n_files, n_bytes, extensions, names, depths, empty, fullest } = counts;
    let by_name = |counts: &pwalk::Counts| {
        let dict = PyDict::new(py);
        counts.iter().try_for_each(|(name, n)| dict.set_item(text(py, name), n))?;
        PyResult::Ok(dict)
    };
    let dict = PyDict::new(py);
    dict.set_item("files", n_files)?;
    dict.set_item("bytes", n_bytes)?;
    dict.set_item("extensions", by_name(&extensions)?)?;
    dict.set_item("names", by_name(&names)?)?;
    dict.set_item("depths", depths)?;
    let empty: Vec<Bound<'_, PyString>> = empty.iter().map(|path| text(py, path)).collect();
    dict.set_item("empty", empty)?;
    let fullest: Vec<_> = fullest.iter().map(|(path, n)| (text(py, path), *n)).collect();
    dict.set_item("fullest", fullest)?;
    Ok(dict)
}
