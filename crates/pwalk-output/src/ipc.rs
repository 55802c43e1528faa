//! Arrow IPC files: record batches as they lie in memory, so that a reader can map the file.

use crate::columns::Columns;
use crate::file::{OutputError, OutputFile};
use crate::format::ArrowCompression;
use crate::rows::{RowsBuilder, arrow_schema};
use crate::summary::{Preamble, Summary};
use crate::table::{Encoder, Piece, Table};
use crate::users::UserNames;
use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::ArrowError;
use pwalk_engine::Batch;
use std::collections::HashMap;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of the record batches of a file: large for readers, small enough that their memory is used
/// again for the next (with four times as many, three times the page faults).
pub(crate) const FILE_BATCHES: BatchRows = BatchRows { first: 8 << 10, max: 8 << 10 };

/// Rows of record batches: from the first on, each has twice as many as the one before.
#[derive(Clone, Copy)]
pub(crate) struct BatchRows {
    /// Of the first.
    pub(crate) first: usize,
    /// At the most.
    pub(crate) max: usize,
}

/// Bytes of paths of a record batch, however few its rows. Offsets have 31 bits.
const BATCH_BYTES: usize = 16 << 20;

/// Bytes that are written at once, where a single buffer has not more.
const WRITE_BYTES: usize = 64 << 10;

/// Collects record batches.
pub(crate) struct IpcEncoder {
    rows: RowsBuilder,
    /// Rows that make up a record batch, of the next and later ones.
    batch_rows: BatchRows,
    /// Rows that it may have at the most.
    max_rows: u64,
    /// For messages.
    name: PathBuf,
}

impl IpcEncoder {
    pub(crate) fn all(
        columns: &Columns,
        name: PathBuf,
        batch_rows: BatchRows,
        max_rows: u64,
        n: usize,
    ) -> Vec<IpcEncoder> {
        let users = Arc::new(UserNames::default());
        let encoder = |_| {
            let rows = RowsBuilder::new(columns, users.clone());
            IpcEncoder { rows, batch_rows, max_rows, name: name.clone() }
        };
        (0..n).map(encoder).collect()
    }

    fn take(&mut self) -> Result<Option<Piece<RecordBatch>>, OutputError> {
        let n_rows = self.rows.len() as u64;
        let BatchRows { first, max } = &mut self.batch_rows;
        *first = (*first * 2).min(*max);
        let record = self.rows.finish();
        let content = record.map_err(|error| OutputError::new(&self.name, to_io(error)))?;
        Ok(Some(Piece { content, n_rows }))
    }
}

impl Encoder for IpcEncoder {
    type Content = RecordBatch;

    fn encode(&mut self, batch: &mut Batch) -> Result<Option<Piece<RecordBatch>>, OutputError> {
        self.rows.append(batch);
        let is_full = self.rows.len() >= self.batch_rows.first
            || self.rows.n_text_bytes() >= BATCH_BYTES
            || self.n_free_rows() == 0;
        if is_full { self.take() } else { Ok(None) }
    }

    fn n_free_rows(&self) -> usize {
        usize::try_from(self.max_rows - self.rows.len() as u64).unwrap_or(usize::MAX)
    }

    fn finish(mut self) -> Result<Option<Piece<RecordBatch>>, OutputError> {
        if self.rows.is_empty() { Ok(None) } else { self.take() }
    }
}

/// One Arrow file.
pub(crate) struct IpcTable {
    /// The library writes each buffer of a batch by itself; most of them are tiny.
    writer: FileWriter<BufWriter<OutputFile>>,
    name: PathBuf,
}

impl IpcTable {
    pub(crate) fn begin(
        file: OutputFile,
        columns: &Columns,
        compression: ArrowCompression,
        preamble: &Preamble,
    ) -> Result<IpcTable, OutputError> {
        let name = file.name().to_owned();
        let metadata: HashMap<_, _> = preamble.pairs().into_iter().collect();
        let schema = arrow_schema(columns).with_metadata(metadata);
        let begin = || {
            let options = IpcWriteOptions::default().try_with_compression(match compression {
                ArrowCompression::None => None,
                ArrowCompression::Lz4 => Some(CompressionType::LZ4_FRAME),
                ArrowCompression::Zstd => Some(CompressionType::ZSTD),
            })?;
            let file = BufWriter::with_capacity(WRITE_BYTES, file);
            FileWriter::try_new_with_options(file, &schema, options)
        };
        match begin() {
            Ok(writer) => Ok(IpcTable { writer, name }),
            Err(error) => Err(OutputError::new(&name, to_io(error))),
        }
    }

    fn error(&self, error: ArrowError) -> OutputError {
        OutputError::new(&self.name, to_io(error))
    }
}

impl Table for IpcTable {
    type Content = RecordBatch;

    fn append(&mut self, piece: Piece<RecordBatch>) -> Result<(), OutputError> {
        self.writer.write(&piece.content).map_err(|error| self.error(error))
    }

    fn n_bytes(&self) -> u64 {
        self.writer.get_ref().get_ref().n_bytes()
    }

    fn finish(mut self, summary: Option<&Summary>) -> Result<u64, OutputError> {
        for (key, value) in summary.map(Summary::pairs).unwrap_or_default() {
            self.writer.write_metadata(key, value);
        }
        let name = self.name;
        let ended = self.writer.finish().and_then(|()| self.writer.into_inner());
        let buffer = ended.map_err(|error| OutputError::new(&name, to_io(error)))?;
        let file = buffer.into_inner().map_err(|e| OutputError::new(&name, e.into_error()))?;
        file.finish()
    }
}

/// The system's error, if it is one that the library has passed on.
pub(crate) fn to_io(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
