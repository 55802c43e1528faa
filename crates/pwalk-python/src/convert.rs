//! Between Python's objects and ours: paths, errors, configurations.

use crate::life::outside;
use pwalk::{
    Effective, EntryError, Errno, ErrorKind, Range, SETTINGS, Setting, Settings, Value, WalkConfig,
};
use pyo3::exceptions::{
    PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The Python exception for a job that could not be done.
pub(crate) fn to_py_err(error: pwalk::Error) -> PyErr {
    match (error.kind(), error.errno()) {
        (ErrorKind::Argument, _) => PyValueError::new_err(invalid_argument(&error)),
        (ErrorKind::Cancelled, _) => PyKeyboardInterrupt::new_err(()),
        (ErrorKind::Memory, _) => PyMemoryError::new_err(error.to_string()),
        (ErrorKind::Panicked, _) => PyRuntimeError::new_err(error.to_string()),
        (_, Some(errno)) => {
            let filename = error.path().unwrap_or_else(|| Path::new("")).as_os_str().to_owned();
            PyOSError::new_err((errno.raw(), errno.to_string(), filename))
        }
        (_, None) => PyOSError::new_err(error.to_string()),
    }
}

/// What is wrong with an argument, which Python knows by another name in places.
fn invalid_argument(error: &pwalk::Error) -> String {
    let name = match error.argument().unwrap_or_default() {
        "roots" => "top",
        "threads" => "max_threads",
        name => name,
    };
    let (value, place) = (error.excerpt().unwrap_or_default(), error.place_in_words());
    format!("{name}: '{value}': {}{place}", error.reason())
}

/// An `OSError` with errno and filename: the subclass that fits the errno.
pub(crate) fn os_error<'py>(
    py: Python<'py>,
    errno: Errno,
    filename: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let reason = py.import("os")?.getattr("strerror")?.call1((errno.raw(),))?;
    py.get_type::<PyOSError>().call1((errno.raw(), reason, filename))
}

/// An `OSError` about a path that could not be read.
pub(crate) fn os_error_at(py: Python<'_>, error: &std::io::Error, path: &Path) -> PyErr {
    let errno = Errno::from_io(error);
    match os_error(py, errno, text(py, path.as_os_str().as_bytes()).into_any()) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// The errors of entries, as a list of `OSError`.
pub(crate) fn os_errors<'py>(
    py: Python<'py>,
    errors: &[EntryError],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    errors.iter().map(|error| os_error(py, error.errno, text(py, &error.path).into_any())).collect()
}

/// A name or path as `str`, as `os.fsdecode` makes it.
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) => PyString::new(py, text),
        Err(_) => {
            let Ok(text) = OsStr::from_bytes(bytes).into_pyobject(py);
            text
        }
    }
}

/// A name or path as `str` or `bytes`.
pub(crate) fn name<'py>(py: Python<'py>, bytes: &[u8], is_bytes: bool) -> Bound<'py, PyAny> {
    if is_bytes { PyBytes::new(py, bytes).into_any() } else { text(py, bytes).into_any() }
}

/// What to walk, from the keyword arguments that `python/pwalk` passes on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct WalkArguments {
    root: PathBuf,
    threads: Option<usize>,
    snapshots: bool,
    exclude: Vec<String>,
    one_file_system: bool,
    max_depth: Option<u32>,
    #[pyo3(item("where"))]
    condition: Option<String>,
    settings: Given,
}

impl WalkArguments {
    pub(crate) fn config(self) -> WalkConfig {
        let WalkArguments {
            root,
            threads,
            snapshots,
            exclude,
            one_file_system,
            max_depth,
            condition,
            settings,
        } = self;
        WalkConfig {
            roots: vec![root],
            threads,
            snapshots,
            exclude,
            one_file_system,
            max_depth,
            condition,
            settings: settings.0,
            ..WalkConfig::default()
        }
    }
}

/// The settings of a `Config`, by name; `None` leaves a default.
pub(crate) struct Given(pub(crate) Settings);

#[derive(FromPyObject)]
enum GivenValue {
    Switch(bool),
    Number(u64),
}

impl<'py> FromPyObject<'_, 'py> for Given {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Given> {
        let given: HashMap<String, Option<GivenValue>> = given.extract()?;
        let mut settings = Settings::default();
        for (name, value) in given {
            let value = match value {
                None => continue,
                Some(GivenValue::Switch(value)) => Value::Switch(value),
                Some(GivenValue::Number(value)) => Value::Number(value),
            };
            settings.set(&name, value).map_err(to_py_err)?;
        }
        Ok(Given(settings))
    }
}

/// For each setting its name, its default, and the smallest and the largest number it takes;
/// `None` instead of these for a switch.
#[pyfunction]
pub(crate) fn settings<'py>(py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let row = |setting: &Setting| {
        let default = match setting.default() {
            None => py.None().into_bound(py),
            Some(value) => to_py_value(py, value)?,
        };
        let (min, max) = match setting.range {
            Range::Switch => (None, None),
            Range::Number(min, max) => (Some(min), Some(max)),
        };
        (setting.name, default, min, max).into_pyobject(py)
    };
    SETTINGS.iter().map(row).collect()
}

fn to_py_value<'py>(py: Python<'py>, value: Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Switch(value) => value.into_bound_py_any(py),
        Value::Number(value) => value.into_bound_py_any(py),
    }
}

/// The value of each setting that a walk of `path` would use, and why.
#[pyfunction]
pub(crate) fn effective_config<'py>(
    py: Python<'py>,
    path: PathBuf,
    settings: Given,
) -> PyResult<Bound<'py, PyDict>> {
    let effective = outside(py, || settings.0.effective(&path)).map_err(to_py_err)?;
    let dict = PyDict::new(py);
    for Effective { name, value, reason } in effective {
        dict.set_item(name, (to_py_value(py, value)?, reason))?;
    }
    Ok(dict)
}
