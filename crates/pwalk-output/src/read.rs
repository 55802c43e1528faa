//! Reads tables back, of any format and from any writer, as batches.
//!
//! Streaming: a file of a billion rows passes through in batches of some thousands. What a file
//! claims is not trusted: lengths are bounded by the file, records by [`RECORD_LEN_MAX`], and a
//! library that panics on a broken file gives an error.

mod assemble;
mod csv;
mod ipc;
mod json;
mod parquet;
mod parts;
mod quotes;
mod record;
mod shared;
mod wanted;

pub(crate) use assemble::RowValues;
pub(crate) use json::plain as plain_json;
pub use shared::{Share, SharedReader};

use crate::columns::Columns;
use crate::compress::Compression;
use crate::format::Format;
use crate::summary::Summary;
use parts::Parts;
use pwalk_engine::{Batch, Kind};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use wanted::Wanted;

/// The longest record of a text format: 10,000 directories deep with long names fits.
pub(crate) const RECORD_LEN_MAX: usize = 16 << 20;

/// Rows of a batch that is read.
const BATCH_ROWS: usize = 8192;

/// Why a table can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct ReadError {
    path: PathBuf,
    reason: String,
}

impl ReadError {
    pub(crate) fn new(path: &Path, reason: String) -> ReadError {
        ReadError { path: path.to_owned(), reason }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it, and where.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A reason without its file yet.
pub(crate) type Reason<T> = Result<T, String>;

/// One file, being read.
pub(crate) trait RowSource: Send {
    /// The columns that it has and we know; names of users and groups aside.
    fn columns(&self) -> &Columns;

    /// What its metadata say, for keys that begin with `pwalk.`, without that.
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Adds the next rows to a batch that is empty; false at the end.
    fn next(&mut self, batch: &mut Batch) -> Reason<bool>;

    /// Takes out a piece of the rows still to come, which can be read beside the others. `None` if
    /// nothing is left, or the format can only be read from its start to its end.
    fn split_off(&mut self) -> Reason<Option<Box<dyn RowSource>>> {
        Ok(None)
    }
}

/// A table, being read: one file, or the parts of a folder in their order.
pub struct TableReader {
    source: Box<dyn RowSource>,
    path: PathBuf,
    /// Of a folder.
    parts: Option<Parts>,
    columns: Columns,
    metadata: BTreeMap<String, String>,
    summary: Option<String>,
    wanted: Wanted,
}

impl TableReader {
    /// Opens a table. The suffix selects the format, unless one is given.
    ///
    /// # Errors
    ///
    /// If it is missing, its suffix is unknown, or its content is not in that format.
    pub fn open(path: &Path, format: Option<Format>) -> Result<TableReader, ReadError> {
        TableReader::open_wanted(path, format, Wanted::all())
    }

    /// The same, for these columns only: others are not read, and not among those that it has.
    /// Paths and kinds are always read, and what kinds follow from.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn open_for(
        path: &Path,
        format: Option<Format>,
        wanted: &Columns,
    ) -> Result<TableReader, ReadError> {
        TableReader::open_wanted(path, format, Wanted::only(wanted))
    }

    fn open_wanted(
        path: &Path,
        format: Option<Format>,
        wanted: Wanted,
    ) -> Result<TableReader, ReadError> {
        let mut parts = if path.is_dir() { Some(Parts::open(path)?) } else { None };
        let first = parts.as_mut().and_then(Parts::next);
        let first = first.unwrap_or_else(|| path.to_owned());
        let source = open_file(&first, format, &wanted)?;
        let (columns, metadata) = (source.columns().clone(), source.metadata());
        let summary = match metadata.get("summary") {
            Some(summary) => Some(summary.clone()),
            None => parts.as_ref().map(|parts| parts.summary.clone()),
        };
        Ok(TableReader { source, path: first, parts, columns, metadata, summary, wanted })
    }

    /// The columns that it has and we know. Names of users and groups are not among them: they
    /// belong to the machine that was scanned.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// What its metadata says, by keys without `pwalk.` in front: `roots`, `started`, `options`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The summary of the walk that made it, where the table has one.
    pub fn summary(&self) -> Option<Summary> {
        Summary::from_json(self.summary.as_deref()?).ok()
    }

    /// Replaces the rows of a batch by the next ones; false at the end.
    ///
    /// # Errors
    ///
    /// If the file is damaged: which one, and where.
    pub fn next(&mut self, batch: &mut Batch) -> Result<bool, ReadError> {
        loop {
            if next_of(&mut *self.source, &self.path, batch)? {
                self.count(batch.len() as u64);
                return Ok(true);
            }
            if !self.next_part()? {
                return self.check().map(|()| false);
            }
        }
    }

    /// So many rows of a part were read.
    fn count(&mut self, n_rows: u64) {
        self.parts.iter_mut().for_each(|parts| parts.n_rows += n_rows);
    }

    /// Begins the next part; false after the last one.
    fn next_part(&mut self) -> Result<bool, ReadError> {
        let Some(next) = self.parts.as_mut().and_then(Parts::next) else { return Ok(false) };
        self.source = open_file(&next, None, &self.wanted)?;
        self.path = next;
        self.check_part().map(|()| true)
    }

    /// After the last row: do the parts add up?
    fn check(&self) -> Result<(), ReadError> {
        self.parts.as_ref().map_or(Ok(()), Parts::check)
    }

    /// A part without a column that the others have would seem to have it.
    fn check_part(&self) -> Result<(), ReadError> {
        let columns = self.source.columns();
        let missing = self.columns.iter().find(|column| !columns.has(column.name));
        let other = columns.iter().find(|column| !self.columns.has(column.name));
        let reason = match (missing, other) {
            (Some(column), _) => format!("has no column {}, which other parts have", column.name),
            (None, Some(column)) => format!("has a column {}, which other parts lack", column.name),
            (None, None) => return Ok(()),
        };
        Err(ReadError { path: self.path.clone(), reason })
    }
}

/// Replaces the rows of a batch by the next ones of a file; false at its end.
fn next_of(source: &mut dyn RowSource, path: &Path, batch: &mut Batch) -> Result<bool, ReadError> {
    batch.clear();
    let next = guard(|| source.next(batch));
    next.map_err(|reason| ReadError { path: path.to_owned(), reason })
}

fn open_file(
    path: &Path,
    format: Option<Format>,
    wanted: &Wanted,
) -> Result<Box<dyn RowSource>, ReadError> {
    let (file, format) = open_plain(path, format)?;
    open_source(file, format, wanted).map_err(|reason| ReadError::new(path, reason))
}

/// Opens a file. Its suffix tells the format, unless one is given.
pub(crate) fn open_plain(path: &Path, format: Option<Format>) -> Result<(File, Format), ReadError> {
    let error = |reason: String| ReadError::new(path, reason);
    let format = match format {
        Some(format) => format,
        None => Format::of_path(path).map_err(|e| error(e.reason().to_owned()))?,
    };
    let file = File::open(path).map_err(|e| error(plain_reason(&e)))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(error("Is a directory".to_owned()));
    }
    Ok((file, format))
}

fn open_source(file: File, format: Format, wanted: &Wanted) -> Reason<Box<dyn RowSource>> {
    guard(|| -> Reason<Box<dyn RowSource>> {
        Ok(match format {
            Format::Csv(compression) => {
                Box::new(csv::CsvSource::new(unpack(file, compression)?, wanted)?)
            }
            Format::Ndjson(compression) => {
                Box::new(json::JsonSource::new(unpack(file, compression)?, wanted)?)
            }
            Format::Parquet => Box::new(parquet::ParquetSource::new(file, wanted)?),
            Format::Arrow(_) => Box::new(ipc::IpcSource::new(file, wanted)?),
        })
    })
}

/// The text inside a file: all frames of a zstd file, all members of a gzip file.
pub(crate) fn unpack(file: File, compression: Compression) -> Reason<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(128 << 10, file);
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(|e| plain_reason(&e))?)
        }
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
    })
}

/// Turns a panic of a library over a broken file into an error.
pub(crate) fn guard<T>(read: impl FnOnce() -> Reason<T>) -> Reason<T> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    caught.unwrap_or_else(|_| {
        Err("is damaged in a way that the library reading it can't handle".to_owned())
    })
}

/// An error in words, without the number that `io::Error` puts behind them.
pub(crate) fn plain_reason(error: &io::Error) -> String {
    crate::file::reason(error)
}

/// The kind that a word of the `kind` column names.
pub(crate) fn kind_of(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}
