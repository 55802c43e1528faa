//! Changes the format of a saved scan.

use crate::error::Error;
use crate::input::Table;
use crate::job::Job;
use crate::output::{Output, OutputConfig};
use pwalk_engine::Control;
use pwalk_output::{
    Columns, Destination, Format, Summary, TableConfig, Unfinished, argument, create_table,
};
use std::path::Path;
use std::sync::Arc;

/// A conversion that is ready to start: both files are open, and compatible.
pub struct Convert {
    job: Job,
    output: Output,
    unfinished: Arc<Unfinished>,
}

impl Convert {
    /// Opens the scan and the output. Only rows that fulfil the condition are written; see
    /// [`Table::filter`].
    ///
    /// # Errors
    ///
    /// If the input is not a scan, the condition is invalid, or the output can't be written or asks
    /// for a column that the input doesn't have.
    pub fn prepare(
        input: &Path,
        input_format: Option<Format>,
        output: &OutputConfig,
        condition: Option<&str>,
    ) -> Result<Convert, Error> {
        let (output, format) = output.resolve()?;
        let mut scan = Table::open(input, input_format)?;
        if let Some(condition) = condition {
            scan.filter(condition)?;
        }
        let columns = match &output.columns {
            None if format.is_columnar() => scan.columns().clone(),
            _ => output.resolve_columns(format)?,
        };
        check_columns(input, &columns, scan.columns())?;
        scan.has_columns_of_job();
        let destination = output.open()?;
        let unfinished = Arc::new(match &destination {
            Destination::File(file) => Unfinished::new([file], None),
            Destination::Folder(folder, _) => Unfinished::new(None, Some(folder)),
        });
        let preamble = scan.preamble().clone();
        let table = TableConfig { format, columns, names: output.names, preamble, n_encoders: 1 };
        let table = create_table(table, destination)?;
        let job = Job { input: scan.into(), table, errors: None };
        Ok(Convert { job, output: output.output, unfinished })
    }

    /// Where the table goes: under the name that was given, or a longer one that says how it is
    /// compressed.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// How many entries it will read, where the scan says so.
    pub fn n_expected(&self) -> Option<u64> {
        self.job.input.n_expected()
    }

    /// What must be abandoned if the process ends before `run` returns.
    pub fn unfinished(&self) -> Arc<Unfinished> {
        self.unfinished.clone()
    }

    /// Reads and writes. The summary is that of the scan, where the input keeps it.
    ///
    /// # Errors
    ///
    /// If the input is damaged, the output can't be written to its end, or `control` was cancelled:
    /// no output has its final name then.
    pub fn run(self, control: &Control) -> Result<Summary, Error> {
        let may_name =
            |_: &Summary| self.unfinished.begin_naming().then_some(()).ok_or_else(Error::cancelled);
        self.job.run(control, &|_| (), may_name)
    }
}

/// What the output is made of must be in the input.
fn check_columns(input: &Path, columns: &Columns, known: &Columns) -> Result<(), Error> {
    let Some(column) = known.first_missing(columns) else { return Ok(()) };
    let reason = format!("no such column in {}", input.display());
    Err(Error::bad(argument::COLUMNS, column.name, reason))
}
