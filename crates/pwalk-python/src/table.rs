//! The table of columns, and saved tables read back.

use crate::convert::{text, to_py_err};
use pwalk::{Batch, COLUMNS, Columns, Fields, TableReader};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::path::PathBuf;

/// The names of all columns: first those that a table has by default.
#[pyfunction]
pub(crate) fn column_names() -> (Vec<&'static str>, Vec<&'static str>) {
    let default: Vec<_> = Columns::columnar().iter().map(|column| column.name).collect();
    (default, COLUMNS.iter().map(|column| column.name).collect())
}

/// The first rows of a saved table, all of them without a limit: path, whether it is a directory,
/// inode, size, owner, group and time of change of each.
#[pyfunction]
pub(crate) fn read_rows<'py>(
    py: Python<'py>,
    path: PathBuf,
    limit: Option<usize>,
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut table =
        py.detach(|| TableReader::open(&path, None)).map_err(|e| to_py_err(e.into()))?;
    let mut batch = Batch::new(Fields::REPORT);
    let mut rows = Vec::new();
    while rows.len() < limit
        && py.detach(|| table.next(&mut batch)).map_err(|e| to_py_err(e.into()))?
    {
        py.check_signals()?;
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
