//! Begins a table: from a format and a place to a sink.

use crate::columns::Columns;
use crate::compress::Compression;
use crate::csv::{CsvRows, csv_header};
use crate::dataset::{Dataset, PartBounds};
use crate::file::{OutputError, OutputFile};
use crate::folder::OutputFolder;
use crate::format::Format;
use crate::ipc::{FILE_BATCHES, IpcEncoder, IpcTable};
use crate::names::Names;
use crate::ndjson::JsonRows;
use crate::parquet::ParquetLayout;
use crate::paths::PathLines;
use crate::summary::Preamble;
use crate::table::{Encoder, PooledSink, Table, TableSink};
use crate::text::{TextEncoder, TextTable};
use crate::users::UserNames;
use pwalk_engine::{Fields, Kind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a table goes.
#[derive(Debug)]
pub enum Place {
    /// One file, or a stream.
    File(OutputFile),
    /// A folder of parts.
    Folder(OutputFolder, PartBounds),
}

/// What a table is like.
#[derive(Clone, Debug)]
pub struct TableConfig {
    /// Its format.
    pub format: Format,
    /// Its columns; a CSV has always the 17 of the pwalk CSV.
    pub columns: Columns,
    /// How a CSV writes names that are no clean text.
    pub names: Names,
    /// What is known before the walk.
    pub preamble: Preamble,
    /// Encoders: as many as there are cores to run them.
    pub n_encoders: usize,
}

/// Begins a table.
///
/// # Errors
///
/// If it can't be written.
pub fn create_table(config: TableConfig, place: Place) -> Result<Box<dyn TableSink>, OutputError> {
    let n = config.n_encoders.max(1);
    match config.format {
        Format::Csv(compression) => {
            let names = config.names;
            let lines = || CsvRows::new(names);
            create_text(&config, place, compression, csv_header(), lines, n)
        }
        Format::Ndjson(compression) => {
            let users = Arc::new(UserNames::default());
            let lines = || JsonRows::new(&config.columns, users.clone());
            create_text(&config, place, compression, Vec::new(), lines, n)
        }
        Format::Parquet => create_parquet(&config, place, n),
        Format::Arrow(compression) => {
            let TableConfig { columns, preamble, .. } = config.clone();
            let encoders =
                |name, rows| Ok(IpcEncoder::all(&config.columns, name, FILE_BATCHES, rows, n));
            let begin = move |file| IpcTable::begin(file, &columns, compression, &preamble);
            create(&config, place, begin, |_: &IpcTable, name, rows| encoders(name, rows))
        }
    }
}

/// Begins a list of the paths of the kinds given (none: of all), each ended by `end`.
///
/// # Errors
///
/// None that is known; the type is that of all sinks.
pub fn create_paths(
    kinds: &[Kind],
    end: u8,
    file: OutputFile,
    n_encoders: usize,
) -> Result<Box<dyn TableSink>, OutputError> {
    let encoder = || {
        let lines = PathLines::new(kinds, end);
        TextEncoder::new(lines, Compression::None, file.name().to_owned(), u64::MAX)
    };
    let encoders = (0..n_encoders.max(1)).map(|_| encoder()).collect::<Result<_, _>>()?;
    let table = TextTable::begin(file, Vec::new(), Compression::None)?;
    Ok(Box::new(PooledSink::new(Fields::KIND, encoders, table)))
}

fn create_text<L: crate::text::Lines + 'static>(
    config: &TableConfig,
    place: Place,
    compression: Compression,
    header: Vec<u8>,
    lines: impl Fn() -> L,
    n: usize,
) -> Result<Box<dyn TableSink>, OutputError> {
    let begin = move |file| TextTable::begin(file, header.clone(), compression);
    create(config, place, begin, |_, name, rows| {
        (0..n).map(|_| TextEncoder::new(lines(), compression, name.clone(), rows)).collect()
    })
}

fn create_parquet(
    config: &TableConfig,
    place: Place,
    n: usize,
) -> Result<Box<dyn TableSink>, OutputError> {
    let layout = Arc::new(ParquetLayout::new(&config.columns, &config.preamble));
    let begin = {
        let layout = layout.clone();
        move |file| layout.begin(file)
    };
    create(config, place, begin, |table, _, rows| {
        Ok(layout.encoders(table, &config.columns, rows, n))
    })
}

/// Joins the encoders and the table of a format, in a file or in a folder. `encoders` is told a
/// table to write for, the name for messages, and how many rows a piece may have at the most.
fn create<E, T>(
    config: &TableConfig,
    place: Place,
    begin: impl Fn(OutputFile) -> Result<T, OutputError> + Send + 'static,
    encoders: impl FnOnce(&T, PathBuf, u64) -> Result<Vec<E>, OutputError>,
) -> Result<Box<dyn TableSink>, OutputError>
where
    E: Encoder + 'static,
    T: Table<Content = E::Content> + 'static,
{
    let fields = fields(config);
    match place {
        Place::File(file) => {
            let name = file.name().to_owned();
            let table = begin(file)?;
            let encoders = encoders(&table, name, u64::MAX)?;
            Ok(Box::new(PooledSink::new(fields, encoders, table)))
        }
        Place::Folder(folder, bounds) => {
            let suffix = config.format.suffix();
            let name = folder.name().to_owned();
            let dataset = Dataset::begin(folder, suffix, bounds, Box::new(begin))?;
            let encoders = encoders(dataset.current(), name, bounds.n_rows)?;
            Ok(Box::new(PooledSink::new(fields, encoders, dataset)))
        }
    }
}

fn fields(config: &TableConfig) -> Fields {
    match config.format {
        Format::Csv(_) => Fields::REPORT,
        _ => config.columns.fields(),
    }
}

/// True if a path names a folder of parts rather than one file: it ends in a slash.
pub fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
