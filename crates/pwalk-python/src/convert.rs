//! Between Python's objects and ours: paths, errors, configurations.

use pwalk::{Effective, EntryError, Errno, ErrorKind, Settings, Value, WalkConfig};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The Python exception for a job that could not be done.
pub(crate) fn to_py_err(error: pwalk::Error) -> PyErr {
    match (error.kind(), error.errno()) {
        (ErrorKind::Argument, _) => PyValueError::new_err(invalid_argument(&error)),
        (ErrorKind::Cancelled, _) => PyKeyboardInterrupt::new_err(()),
        (_, Some(errno)) => os_error_args(errno, error.subject()),
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
    format!("{name}: '{}': {}", error.value().unwrap_or_default(), error.reason())
}

fn os_error_args(errno: Errno, filename: String) -> PyErr {
    PyOSError::new_err((errno.raw(), errno.to_string(), filename))
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

/// An `OSError` of a path that could not be asked.
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
    settings: HashMap<String, Option<u64>>,
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
            settings,
        } = self;
        WalkConfig {
            roots: vec![root],
            threads,
            snapshots,
            exclude,
            one_file_system,
            max_depth,
            settings: settings_of(&settings),
            ..WalkConfig::default()
        }
    }
}

/// The settings that differ from the defaults; switches are 0 or 1.
pub(crate) fn settings_of(given: &HashMap<String, Option<u64>>) -> Settings {
    let mut settings = Settings::default();
    for (name, &value) in given {
        let Some(value) = value else { continue };
        let (count, switch) = (usize::try_from(value).unwrap_or(usize::MAX), value != 0);
        match name.as_str() {
            "min_threads" => settings.min_threads = Some(count),
            "max_threads" => settings.max_threads = Some(count),
            "work_stealing" => settings.work_stealing = switch,
            "cpu_affinity" => settings.cpu_affinity = switch,
            "numa_aware" => settings.numa_aware = switch,
            "prefer_local_numa" => settings.prefer_local_numa = switch,
            "use_getdents" => settings.use_getdents = switch,
            "use_statx" => settings.use_statx = switch,
            "use_o_direct" => settings.use_o_direct = switch,
            "readahead_kb" => settings.readahead_kb = value,
            "use_io_uring" => settings.use_io_uring = switch,
            "use_mmap" => settings.use_mmap = switch,
            "buffer_size_mb" => settings.buffer_size_mb = value,
            "detect_filesystem" => settings.detect_filesystem = switch,
            "auto_tune" => settings.auto_tune = switch,
            _ => {}
        }
    }
    settings
}

/// Of each setting the value that a walk of `path` would use, and why.
#[pyfunction]
pub(crate) fn effective_config<'py>(
    py: Python<'py>,
    path: PathBuf,
    settings: HashMap<String, Option<u64>>,
) -> PyResult<Bound<'py, PyDict>> {
    let settings = settings_of(&settings);
    let effective = py.detach(|| settings.effective(&path)).map_err(to_py_err)?;
    let dict = PyDict::new(py);
    for Effective { name, value, reason } in effective {
        match value {
            Value::Switch(value) => dict.set_item(name, (value, reason))?,
            Value::Number(value) => dict.set_item(name, (value, reason))?,
        }
    }
    Ok(dict)
}
