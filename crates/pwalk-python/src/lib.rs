//! The module `pwalk._pwalk`: what the Python package stands on.
//!
//! Owns what lies between two worlds: conversions of values, the threads that jobs run in, and who
//! of them may enter the interpreter when. Arguments come checked from `python/pwalk`, jobs are done
//! by the crate `pwalk`. Whatever touches the disk runs without the GIL.

#![forbid(unsafe_code)]

mod column;
mod command;
mod convert;
mod facts;
mod folders;
mod life;
mod memory;
mod profile;
mod repair;
mod report;
mod running;
mod scan;
mod stream;
mod table;
mod walk;
mod watch;

/// The native part of the package pwalk.
#[pyo3::pymodule(gil_used = false)]
mod _pwalk {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::column::Column;
    #[pymodule_export]
    use super::command::run_command;
    #[pymodule_export]
    use super::convert::{effective_config, settings};
    #[pymodule_export]
    use super::facts::{default_output, did_you_mean, formats, version};
    #[pymodule_export]
    use super::folders::folders;
    #[pymodule_export]
    use super::life::{after_fork, close_all, work_done};
    #[pymodule_export]
    use super::profile::{Profile, profile};
    #[pymodule_export]
    use super::repair::{RepairChanges, RepairJob, plan_repair, prepare_repair};
    #[pymodule_export]
    use super::report::report;
    #[pymodule_export]
    use super::scan::{Batch, Scan};
    #[pymodule_export]
    use super::table::{column_names, read_rows};
    #[pymodule_export]
    use super::walk::OrderedWalk;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::life::install(module)
    }
}
