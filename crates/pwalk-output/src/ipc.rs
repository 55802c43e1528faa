//! Arrow IPC files: record batches as they lie in memory, so that a reader can map the file.

use crate::collect::RecordLen;
use crate::create::Layout;
use crate::file::{OutputError, OutputFile};
use crate::format::ArrowCompression;
use crate::table::{Encoder, Ending, Piece, RecordEncoder, Table};
use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::{ArrowError, Schema};
use std::io::{self, BufWriter};
use std::path::PathBuf;

/// Record batches of a file: large for readers, small enough that their memory is used again for
/// the next (with four times as many rows, three times the page faults).
pub(crate) const FILE_RECORDS: RecordLen =
    RecordLen { first: 8 << 10, max: 8 << 10, n_text_bytes: RECORD_TEXT_BYTES };

/// Bytes of paths of a record batch, however few its rows. Offsets have 31 bits.
pub(crate) const RECORD_TEXT_BYTES: usize = 16 << 20;

/// Bytes that are written at once, where a single buffer has not more.
const WRITE_BYTES: usize = 64 << 10;

/// Passes record batches on: each is a piece.
pub(crate) struct IpcEncoder {
    /// Rows that a piece may have.
    pub(crate) max_rows: u64,
}

impl Encoder for IpcEncoder {
    type Content = RecordBatch;

    fn n_free_rows(&self) -> usize {
        usize::try_from(self.max_rows).unwrap_or(usize::MAX)
    }

    fn finish(self) -> Result<Option<Piece<RecordBatch>>, OutputError> {
        Ok(None)
    }
}

impl RecordEncoder for IpcEncoder {
    fn encode(&mut self, content: RecordBatch) -> Result<Option<Piece<RecordBatch>>, OutputError> {
        let n_rows = content.num_rows() as u64;
        Ok(Some(Piece { content, n_rows }))
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
        layout: &Layout,
        compression: ArrowCompression,
    ) -> Result<IpcTable, OutputError> {
        let name = file.name().to_owned();
        let mut schema = Schema::clone(&layout.schema);
        schema.metadata.extend(layout.metadata.iter().cloned());
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

    fn finish(mut self, ending: Option<&Ending>) -> Result<u64, OutputError> {
        for (key, value) in ending.iter().flat_map(|ending| &ending.metadata) {
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
