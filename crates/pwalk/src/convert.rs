//! Changes the format of a saved scan.

use crate::error::Error;
use crate::output::OutputConfig;
use pwalk_engine::{Batch, Control, Fields, Kind};
use pwalk_output::{
    ColumnId, Columns, Format, OutputFile, Place, Preamble, Summary, TableConfig, TableReader,
    argument, create_table,
};
use std::path::{Path, PathBuf};

/// A scan that is to be converted: both files are open, and fit.
pub struct Convert {
    reader: TableReader,
    table: TableConfig,
    place: Place,
    part_paths: Vec<PathBuf>,
}

impl Convert {
    /// Opens the scan and the output.
    ///
    /// # Errors
    ///
    /// If the input is no scan, the output can't be written, or wants a column that the input
    /// doesn't have.
    pub fn prepare(
        input: &Path,
        input_format: Option<Format>,
        output: &OutputConfig,
    ) -> Result<Convert, Error> {
        let format = output.resolve_format()?;
        let reader = TableReader::open(input, input_format)?;
        let columns = match &output.columns {
            None if format.is_columnar() => reader.columns().clone(),
            _ => output.resolve_columns(format)?,
        };
        check_columns(input, &columns, &reader)?;
        let metadata = reader.metadata();
        let get = |key: &str| metadata.get(key).cloned().unwrap_or_default();
        let preamble = Preamble {
            roots: serde_json::from_str(&get("roots")).unwrap_or_default(),
            started: get("started").parse().unwrap_or_default(),
            options: get("options"),
        };
        let place = output.open()?;
        let part_path = match &place {
            Place::File(file) => OutputFile::part_path(file).map(Path::to_owned),
            Place::Folder(..) => None,
        };
        let table = TableConfig { format, columns, names: output.names, preamble, n_encoders: 1 };
        Ok(Convert { reader, table, place, part_paths: part_path.into_iter().collect() })
    }

    /// Part files that must be removed if the process ends before `run` returns.
    pub fn part_paths(&self) -> &[PathBuf] {
        &self.part_paths
    }

    /// Reads and writes. The summary is that of the scan, where the input keeps it.
    ///
    /// # Errors
    ///
    /// If the input is broken, the output can't be written to its end, or `control` said stop:
    /// no output has its final name then.
    pub fn run(mut self, control: &Control) -> Result<Summary, Error> {
        let preamble = self.table.preamble.clone();
        let sink = create_table(self.table, self.place)?;
        let mut batch = Batch::new(sink.fields() | self.reader.columns().fields());
        let mut n_rows = [0; Kind::ALL.len()];
        while self.reader.next(&mut batch)? {
            if control.is_cancelled() {
                return Err(Error::cancelled());
            }
            batch.kind.iter().for_each(|kind| n_rows[*kind as usize] += 1);
            sink.put(&mut batch)?;
        }
        let summary = self.reader.summary().unwrap_or_else(|| Summary::of_rows(&preamble, n_rows));
        sink.finish(&summary)?;
        Ok(summary)
    }
}

/// What the output is made of must be in the input; names are looked up by number.
fn check_columns(input: &Path, columns: &Columns, reader: &TableReader) -> Result<(), Error> {
    let known = reader.columns();
    let has_owner = known.fields().contains(Fields::OWNER);
    for column in columns.iter() {
        let is_there = known.iter().any(|other| other.id == column.id);
        let is_name = matches!(column.id, ColumnId::User | ColumnId::Group);
        let can_be_made = is_there || (is_name && has_owner);
        if !can_be_made {
            let reason = format!("no such column in {}", input.display());
            return Err(Error::bad(argument::COLUMNS, column.name, reason));
        }
    }
    Ok(())
}
