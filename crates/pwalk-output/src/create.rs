//! Begins a table: from a format and a destination to what writes it.
//!
//! A walk is written by a sink of its batches ([`create_table`], [`create_paths`]), any other
//! table by a [`RecordWriter`]. Both have the same formats, but for CSV: that of a walk is the
//! pwalk CSV with its 17 columns.

use crate::cell::Packing;
use crate::collect::{RecordLen, RowsSink};
use crate::columns::{Column, Columns};
use crate::compress::Compression;
use crate::csv::{CsvRows, csv_header};
use crate::dataset::{Dataset, PartBounds};
use crate::file::{OutputError, OutputFile};
use crate::folder::OutputFolder;
use crate::format::Format;
use crate::ipc::{FILE_RECORDS, IpcEncoder, IpcTable};
use crate::names::Names;
use crate::ndjson::JsonLines;
use crate::parquet::{self, ParquetLayout};
use crate::paths::PathLines;
use crate::plain_csv::{PlainCsvLines, plain_csv_header};
use crate::rows::arrow_schema;
use crate::summary::Preamble;
use crate::table::{Encoder, Ending, Piece, Pooled, PooledSink, RecordTable, Table, TableSink};
use crate::text::{RecordLines, TextEncoder, TextTable};
use crate::text_cells::check_schema;
use arrow_schema::SchemaRef;
use pwalk_engine::{Fields, Kind};
use std::path::Path;
use std::sync::Arc;

/// Where a table goes.
#[derive(Debug)]
pub enum Destination {
    /// One file, or a stream.
    File(OutputFile),
    /// A folder of parts.
    Folder(OutputFolder, PartBounds),
}

impl Destination {
    /// Its name, for messages.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Destination::File(file) => file.name(),
            Destination::Folder(folder, _) => folder.name(),
        }
    }

    /// Rows that a piece may have, so that it fits into one part: one at the least.
    fn max_rows(&self) -> u64 {
        match self {
            Destination::File(_) => u64::MAX,
            Destination::Folder(_, bounds) => bounds.n_rows.max(1),
        }
    }
}

/// What the table of a walk is like.
#[derive(Clone, Debug)]
pub struct TableConfig {
    /// Its format.
    pub format: Format,
    /// Its columns; a CSV always has the 17 of the pwalk CSV.
    pub columns: Columns,
    /// How a CSV writes names that are not valid UTF-8.
    pub names: Names,
    /// What is known before the walk.
    pub preamble: Preamble,
    /// Encoders: as many as there are cores to run them.
    pub n_encoders: usize,
}

/// What a table of record batches is like.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    /// Of each column.
    pub(crate) packings: Vec<Packing>,
    /// Keys and values that are known at the beginning.
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) n_encoders: usize,
}

/// Begins the table of a walk.
///
/// # Errors
///
/// If it can't be written.
pub fn create_table(
    config: TableConfig,
    destination: Destination,
) -> Result<Box<dyn TableSink>, OutputError> {
    let n_encoders = config.n_encoders.max(1);
    if let Format::Csv(compression) = config.format {
        let lines = || CsvRows::new(config.names);
        let text =
            create_text(destination, config.format, compression, csv_header(), lines, n_encoders)?;
        return Ok(Box::new(PooledSink::new(Fields::REPORT, text)));
    }
    let layout = Layout {
        schema: Arc::new(arrow_schema(&config.columns)),
        packings: config.columns.iter().map(Column::packing).collect(),
        metadata: config.preamble.pairs(),
        n_encoders,
    };
    let (name, max_rows) = (destination.name().to_owned(), destination.max_rows());
    let len = match config.format {
        Format::Parquet => parquet::RECORDS,
        Format::Arrow(_) => FILE_RECORDS,
        Format::Ndjson(_) | Format::Csv(_) => RecordLen::AS_IT_COMES,
    };
    let table = create_records(layout, config.format, destination)?;
    Ok(Box::new(RowsSink::new(&config.columns, len, max_rows, n_encoders, name, table)))
}

/// Begins a list of the paths of the kinds given (none: of all), each ended by `end`.
///
/// # Errors
///
/// None are known; the type is that of all sinks.
pub fn create_paths(
    kinds: &[Kind],
    end: u8,
    file: OutputFile,
    n_encoders: usize,
) -> Result<Box<dyn TableSink>, OutputError> {
    let name = file.name().to_owned();
    let table = TextTable::begin(file, Vec::new(), Compression::None)?;
    let lines = || PathLines::new(kinds, end);
    let encoders = text_encoders(lines, Compression::None, &name, u64::MAX, n_encoders.max(1))?;
    Ok(Box::new(PooledSink::new(Fields::KIND, Pooled::new(encoders, table))))
}

/// Begins a table of record batches.
pub(crate) fn create_records(
    layout: Layout,
    format: Format,
    destination: Destination,
) -> Result<Box<dyn RecordTable>, OutputError> {
    match format {
        Format::Csv(compression) => {
            let header = plain_csv_header(&layout.schema);
            let lines = PlainCsvLines::new(&layout.schema);
            create_record_text(&layout, format, compression, header, destination, || lines.clone())
        }
        Format::Ndjson(compression) => {
            let lines = JsonLines::new(&layout.schema);
            create_record_text(&layout, format, compression, Vec::new(), destination, || {
                lines.clone()
            })
        }
        Format::Parquet => create_parquet(&layout, destination),
        Format::Arrow(compression) => {
            let n_encoders = layout.n_encoders;
            let begin = move |file| IpcTable::begin(file, &layout, compression);
            let encoders = |_: &IpcTable, _: &Path, max_rows| {
                Ok((0..n_encoders).map(|_| IpcEncoder { max_rows }).collect())
            };
            Ok(Box::new(create(destination, format, begin, encoders)?))
        }
    }
}

fn create_record_text<L: RecordLines + 'static>(
    layout: &Layout,
    format: Format,
    compression: Compression,
    header: Vec<u8>,
    destination: Destination,
    lines: impl Fn() -> L,
) -> Result<Box<dyn RecordTable>, OutputError> {
    let checked = check_schema(&layout.schema);
    checked.map_err(|error| OutputError::new(destination.name(), error))?;
    let n_encoders = layout.n_encoders;
    Ok(Box::new(create_text(destination, format, compression, header, lines, n_encoders)?))
}

fn create_text<L: Send + 'static>(
    destination: Destination,
    format: Format,
    compression: Compression,
    header: Vec<u8>,
    lines: impl Fn() -> L,
    n_encoders: usize,
) -> Result<Pooled<TextEncoder<L>, Files<TextTable>>, OutputError> {
    let begin = move |file| TextTable::begin(file, header.clone(), compression);
    create(destination, format, begin, |_, name, max_rows| {
        text_encoders(lines, compression, name, max_rows, n_encoders)
    })
}

fn text_encoders<L>(
    lines: impl Fn() -> L,
    compression: Compression,
    name: &Path,
    max_rows: u64,
    n_encoders: usize,
) -> Result<Vec<TextEncoder<L>>, OutputError> {
    let encoder = |_| TextEncoder::new(lines(), compression, name.to_owned(), max_rows);
    (0..n_encoders).map(encoder).collect()
}

fn create_parquet(
    layout: &Layout,
    destination: Destination,
) -> Result<Box<dyn RecordTable>, OutputError> {
    let n_encoders = layout.n_encoders;
    let layout = Arc::new(ParquetLayout::new(layout));
    let begin = {
        let layout = layout.clone();
        move |file| layout.begin(file)
    };
    Ok(Box::new(create(destination, Format::Parquet, begin, |table, _, max_rows| {
        Ok(layout.encoders(table, max_rows, n_encoders))
    })?))
}

/// Joins the encoders and the files of a format. `encoders` is told a table to write for, the
/// name for messages, and how many rows a piece may have at the most.
fn create<E, T>(
    destination: Destination,
    format: Format,
    begin: impl Fn(OutputFile) -> Result<T, OutputError> + Send + 'static,
    encoders: impl FnOnce(&T, &Path, u64) -> Result<Vec<E>, OutputError>,
) -> Result<Pooled<E, Files<T>>, OutputError>
where
    E: Encoder,
    T: Table<Content = E::Content>,
{
    let (name, max_rows) = (destination.name().to_owned(), destination.max_rows());
    match destination {
        Destination::File(file) => {
            let table = begin(file)?;
            let encoders = encoders(&table, &name, max_rows)?;
            Ok(Pooled::new(encoders, Files::One(table)))
        }
        Destination::Folder(folder, bounds) => {
            let dataset = Dataset::begin(folder, format.suffix(), bounds, Box::new(begin))?;
            let encoders = encoders(dataset.current(), &name, max_rows)?;
            Ok(Pooled::new(encoders, Files::Folder(Box::new(dataset))))
        }
    }
}

/// The files of a table: one, or a folder of parts.
pub(crate) enum Files<T> {
    One(T),
    Folder(Box<Dataset<T>>),
}

impl<T: Table> Table for Files<T> {
    type Content = T::Content;

    fn append(&mut self, piece: Piece<T::Content>) -> Result<(), OutputError> {
        match self {
            Files::One(table) => table.append(piece),
            Files::Folder(dataset) => dataset.append(piece),
        }
    }

    fn n_bytes(&self) -> u64 {
        match self {
            Files::One(table) => table.n_bytes(),
            Files::Folder(dataset) => dataset.n_bytes(),
        }
    }

    fn finish(self, ending: Option<&Ending>) -> Result<u64, OutputError> {
        match self {
            Files::One(table) => table.finish(ending),
            Files::Folder(dataset) => dataset.finish(ending),
        }
    }
}

/// True if a path names a folder of parts rather than one file: it ends in a slash.
pub fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
