//! `profile`: statistics of a tree or of a saved scan, and what Python shows of them.

use crate::convert::{WalkArguments, to_py_err};
use crate::life::{Meter, outside};
use crate::scan::Batch;
use crate::watch::{self, Listener};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use pwalk::Control;
use pwalk::profile::{Profile as Statistics, ProfileConfig, ProfileJob, fragment, save_page};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// A profile, which Python knows by its JSON.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct Profile {
    profile: Statistics,
}

#[pymethods]
impl Profile {
    /// Reads JSON.
    #[new]
    fn new(text: &str) -> PyResult<Profile> {
        let profile = serde_json::from_str(text);
        let profile = profile.map_err(|error| {
            PyValueError::new_err(format!("text: is not the JSON of a profile: {error}"))
        })?;
        Ok(Profile { profile })
    }

    /// The profile as JSON.
    fn to_json(&self) -> String {
        self.profile.to_json()
    }

    /// One of its lists.
    fn table(&self, name: &str) -> PyResult<Batch> {
        let columns = TABLES.iter().find(|(known, _)| *known == name);
        let (_, columns) = columns.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        let rows = serde_json::to_value(&self.profile).map(|mut values| values[name].take());
        let rows = rows.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let arrays = columns.iter().map(|(name, kind)| (*name, kind.array(name, rows), true));
        let batch = RecordBatch::try_from_iter_with_nullable(arrays);
        Ok(Batch::new(batch.map_err(crate::column::to_os_error)?))
    }

    /// Writes its page to a file.
    fn write_page(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        outside(py, || save_page(&self.profile, &path)).map_err(to_py_err)
    }

    /// What a notebook shows.
    fn fragment(&self) -> String {
        fragment(&self.profile)
    }
}

/// The type of a column.
enum Kind {
    /// A number that is not negative.
    Count,
    /// Seconds since the epoch.
    Time,
    Switch,
    Text,
    Texts,
}

use Kind::{Count, Switch, Text, Texts, Time};

impl Kind {
    /// The values of a key in all rows; null where a row has none.
    fn array(&self, key: &str, rows: &[Value]) -> ArrayRef {
        let values = rows.iter().map(|row| &row[key]);
        match self {
            Count => Arc::new(UInt64Array::from_iter(values.map(Value::as_u64))),
            Time => Arc::new(Int64Array::from_iter(values.map(Value::as_i64))),
            Switch => Arc::new(BooleanArray::from_iter(values.map(Value::as_bool))),
            Text => Arc::new(StringArray::from_iter(values.map(Value::as_str))),
            Texts => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for list in values {
                    let texts = list.as_array().map(Vec::as_slice).unwrap_or_default();
                    lists.append_value(texts.iter().map(Value::as_str));
                }
                Arc::new(lists.finish())
            }
        }
    }
}

/// The lists of a profile that are tables, and their columns. A test compares them with the
/// documented example.
const TABLES: &[(&str, &[(&str, Kind)])] = &[
    (
        "extensions",
        &[
            ("extension", Text),
            ("entries", Count),
            ("bytes", Count),
            ("allocated_bytes", Count),
            ("is_estimate", Switch),
            ("entries_missed_max", Count),
            ("bytes_missed_max", Count),
        ],
    ),
    (
        "owners",
        &[
            ("uid", Count),
            ("name", Text),
            ("entries", Count),
            ("bytes", Count),
            ("allocated_bytes", Count),
            ("is_estimate", Switch),
        ],
    ),
    (
        "groups",
        &[
            ("gid", Count),
            ("name", Text),
            ("entries", Count),
            ("bytes", Count),
            ("allocated_bytes", Count),
            ("is_estimate", Switch),
        ],
    ),
    ("depths", &[("depth", Count), ("or_deeper", Switch), ("entries", Count), ("bytes", Count)]),
    ("sizes", &[("from", Count), ("to", Count), ("entries", Count), ("bytes", Count)]),
    ("mtime_ages", &[("age", Text), ("entries", Count), ("bytes", Count)]),
    ("atime_ages", &[("age", Text), ("entries", Count), ("bytes", Count)]),
    ("owner_ages", &[("uid", Count), ("age", Text), ("entries", Count), ("bytes", Count)]),
    (
        "owner_sizes",
        &[("uid", Count), ("from", Count), ("to", Count), ("entries", Count), ("bytes", Count)],
    ),
    ("dir_entries", &[("from", Count), ("to", Count), ("dirs", Count)]),
    (
        "largest_files",
        &[
            ("path", Text),
            ("bytes", Count),
            ("allocated_bytes", Count),
            ("mtime", Time),
            ("uid", Count),
        ],
    ),
    (
        "largest_trees",
        &[
            ("path", Text),
            ("entries", Count),
            ("files", Count),
            ("bytes", Count),
            ("allocated_bytes", Count),
            ("mtime", Time),
            ("errors", Count),
        ],
    ),
    ("largest_dirs", &[("path", Text), ("entries", Count), ("bytes", Count)]),
    ("oldest_trees", &[("path", Text), ("bytes", Count), ("atime", Time), ("mtime", Time)]),
    ("names", &[("trouble", Text), ("entries", Count), ("examples", Texts)]),
    (
        "tree",
        &[
            ("path", Text),
            ("parent", Count),
            ("bytes", Count),
            ("entries", Count),
            ("allocated_bytes", Count),
            ("atime", Time),
            ("mtime", Time),
            ("uid", Count),
            ("extension", Text),
            ("own_bytes", Count),
            ("own_entries", Count),
        ],
    ),
];

/// Makes a profile; `None` if it would be one of a saved scan, and has to be one of a tree.
#[pyfunction]
#[pyo3(signature = (walk, *, top, only_tree, callback, interval))]
pub(crate) fn profile(
    py: Python<'_>,
    walk: WalkArguments,
    top: usize,
    only_tree: bool,
    callback: Option<Py<PyAny>>,
    interval: f64,
) -> PyResult<Option<Profile>> {
    let config = ProfileConfig { walk: walk.config(), top, ..ProfileConfig::new::<PathBuf>([]) };
    let control = Arc::<Control>::default();
    let meter = Meter::of_job(&control);
    let job = {
        let control = control.clone();
        move |may_finish: &dyn Fn() -> bool| {
            let _meter = meter;
            // Here, since the path may hang.
            if only_tree && config.saved_scan().is_some() {
                return Ok(None);
            }
            let done = ProfileJob::prepare(&config)?.run(&control, &|_| ())?;
            may_finish();
            Ok(Some(done))
        }
    };
    let done = watch::run(py, &control, Listener::new(callback, interval), job)?;
    Ok(done.map_err(to_py_err)?.map(|profile| Profile { profile }))
}
