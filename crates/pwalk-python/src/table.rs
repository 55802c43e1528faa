//! The table of columns, and saved tables read back.

use crate::convert::{os_error_at, text, to_py_err};
use crate::life::{self, outside};
use pwalk::{ArrowCompression, Batch, COLUMNS, Columns, Fields, Format, TableReader};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::path::PathBuf;

/// The names of all columns: first those that a table has by default.
#[pyfunction]
pub(crate) fn column_names() -> (Vec<&'static str>, Vec<&'static str>) {
    let default: Vec<_> = Columns::columnar().iter().map(|column| column.name).collect();
    (default, COLUMNS.iter().map(|column| column.name).collect())
}

/// The first rows of a saved table, or without a limit all of them: path, whether it is a
/// directory, inode, size, owner, group and time of last change.
#[pyfunction]
pub(crate) fn read_rows<'py>(
    py: Python<'py>,
    path: PathBuf,
    limit: Option<usize>,
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let limit = limit.unwrap_or(usize::MAX);
    // A buffer is an Arrow file, whatever its name.
    let format = Format::of_path(&path).unwrap_or(Format::Arrow(ArrowCompression::None));
    let opened = outside(py, || {
        std::fs::metadata(&path)?;
        Ok(TableReader::open(&path, (!path.is_dir()).then_some(format)))
    });
    let opened = opened.map_err(|error: std::io::Error| os_error_at(py, &error, &path))?;
    let mut table = opened.map_err(|error| to_py_err(error.into()))?;
    // The kind is in either of two columns.
    let kind = if table.columns().has("st_mode") { "st_mode" } else { "kind" };
    let needed = format!("filename,inode,st_size,UID,GID,st_mtime,{kind}");
    let needed = Columns::parse(&needed).map_err(|error| to_py_err(error.into()))?;
    if let Some(column) = table.columns().first_missing(&needed) {
        let name = if column.name == "kind" { "st_mode or kind" } else { column.name };
        let reason = format!("{}: has no column {name}", path.display());
        return Err(PyValueError::new_err(reason));
    }
    let mut batch = Batch::new(Fields::REPORT);
    let mut rows = Vec::new();
    while rows.len() < limit
        && outside(py, || table.next(&mut batch)).map_err(|e| to_py_err(e.into()))?
    {
        life::check_signals(py)?;
        for row in batch.rows().take(limit - rows.len()) {
            let index = row.index();
            rows.push(
                (
                    text(py, &row.path()),
                    row.kind() == pwalk::Kind::Dir,
                    batch.inode[index],
                    batch.size[index],
                    batch.uid[index],
                    batch.gid[index],
                    batch.mtime[index],
                )
                    .into_pyobject(py)?,
            );
        }
    }
    Ok(rows)
}
