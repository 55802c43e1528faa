//! Facts that have their home in Rust, for the Python package to repeat.

use pwalk::{COMPRESSIONS, Format};
use pyo3::prelude::*;

/// The version of the package and of the command.
#[pyfunction]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The names of all formats, and of all ways to compress one.
#[pyfunction]
pub(crate) fn formats() -> (Vec<&'static str>, Vec<&'static str>) {
    (Format::names().collect(), COMPRESSIONS.to_vec())
}

/// The known name that was probably meant by one that is not known, as the end of an error.
#[pyfunction]
pub(crate) fn did_you_mean(name: &str, known: Vec<String>) -> String {
    pwalk::did_you_mean(name, known.iter().map(String::as_str))
}

/// The default output of a report, given the format and the compression.
#[pyfunction]
pub(crate) fn default_output(format: Option<&str>, compress: &str) -> String {
    let format = format.and_then(|name| name.parse().ok());
    pwalk::default_output(format, compress)
}
