//! The command, inside of a Python process.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the `pwalk` command with these arguments, the program's name first; returns its status.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| pwalk_cli::run(arguments))
}
