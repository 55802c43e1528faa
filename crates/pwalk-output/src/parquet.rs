//! Parquet: each encoder fills row groups of its own and hands them over whole.
//!
//! Encodings by measurement (`docs/formats/columnar.md`): paths share their beginning with the
//! row before, so DELTA_BYTE_ARRAY; inodes and times lie close together, so
//! DELTA_BINARY_PACKED; what has few values gets a dictionary.

use crate::cell::Packing;
use crate::collect::RecordLen;
use crate::create::Layout;
use crate::file::{OutputError, OutputFile};
use crate::table::{Encoder, Ending, Piece, RecordEncoder, Table};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of a row group.
const GROUP_ROWS: u64 = 100_000;

/// Bytes that a row group may take in memory, however few its rows.
const GROUP_BYTES: usize = 32 << 20;

/// Record batches that are encoded at once.
pub(crate) const RECORDS: RecordLen = RecordLen { first: 8192, max: 8192, n_text_bytes: 4 << 20 };

/// Fills row groups.
pub(crate) struct ParquetEncoder {
    factory: Arc<ArrowRowGroupWriterFactory>,
    /// The columns of the row group at hand; empty before its first rows.
    writers: Vec<ArrowColumnWriter>,
    n_rows: u64,
    /// Rows that a row group may have.
    max_rows: u64,
    /// For messages.
    name: PathBuf,
}

/// The columns of a row group, encoded and packed.
pub(crate) type RowGroup = Vec<ArrowColumnChunk>;

impl ParquetEncoder {
    fn encode_record(&mut self, record: &RecordBatch) -> Result<(), ParquetError> {
        self.n_rows += record.num_rows() as u64;
        if self.writers.is_empty() {
            self.writers = self.factory.create_column_writers(0)?;
        }
        let mut writers = self.writers.iter_mut();
        for (field, array) in record.schema_ref().fields().iter().zip(record.columns()) {
            for leaf in compute_leaves(field, array)? {
                let writer = writers.next().expect("each leaf of the schema has a writer");
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let memory = || self.writers.iter().map(ArrowColumnWriter::memory_size).sum::<usize>();
        self.n_rows >= GROUP_ROWS.min(self.max_rows) || memory() >= GROUP_BYTES
    }

    fn close_group(&mut self) -> Result<Option<Piece<RowGroup>>, ParquetError> {
        let writers = std::mem::take(&mut self.writers).into_iter();
        let content = writers.map(ArrowColumnWriter::close).collect::<Result<_, _>>()?;
        Ok(Some(Piece { content, n_rows: std::mem::take(&mut self.n_rows) }))
    }

    fn error(&self, error: ParquetError) -> OutputError {
        OutputError::new(&self.name, to_io(error))
    }
}

impl Encoder for ParquetEncoder {
    type Content = RowGroup;

    fn n_free_rows(&self) -> usize {
        usize::try_from(self.max_rows - self.n_rows).unwrap_or(usize::MAX)
    }

    fn finish(mut self) -> Result<Option<Piece<RowGroup>>, OutputError> {
        if self.n_rows == 0 {
            return Ok(None);
        }
        self.close_group().map_err(|error| self.error(error))
    }
}

impl RecordEncoder for ParquetEncoder {
    fn encode(&mut self, record: RecordBatch) -> Result<Option<Piece<RowGroup>>, OutputError> {
        self.encode_record(&record).map_err(|error| self.error(error))?;
        if !self.is_full() {
            return Ok(None);
        }
        self.close_group().map_err(|error| self.error(error))
    }
}

/// What all files and encoders of a table share.
pub(crate) struct ParquetLayout {
    schema: SchemaRef,
    properties: WriterPropertiesPtr,
}

impl ParquetLayout {
    pub(crate) fn new(layout: &Layout) -> ParquetLayout {
        let key_values = layout.metadata.iter().cloned();
        let key_values = key_values.map(|(key, value)| KeyValue::new(key, value)).collect();
        let level = ZstdLevel::try_new(1).expect("zstd has a level 1");
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("pwalk {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(level))
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_statistics_truncate_length(Some(256))
            .set_write_batch_size(RECORDS.max)
            .set_data_page_row_count_limit(GROUP_ROWS as usize)
            .set_key_value_metadata(Some(key_values));
        for (field, packing) in layout.schema.fields().iter().zip(&layout.packings) {
            let path = ColumnPath::from(field.name().as_str());
            properties = match packing {
                Packing::Plain => properties,
                Packing::Dictionary => properties.set_column_dictionary_enabled(path, true),
                Packing::Differences => {
                    properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
                }
                Packing::Prefixes => {
                    properties.set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY)
                }
            };
        }
        ParquetLayout { schema: layout.schema.clone(), properties: Arc::new(properties.build()) }
    }

    /// Begins a file.
    pub(crate) fn begin(&self, file: OutputFile) -> Result<ParquetTable, OutputError> {
        let name = file.name().to_owned();
        let begin = || {
            let schema = ArrowSchemaConverter::new().convert(&self.schema)?;
            SerializedFileWriter::new(file, schema.root_schema_ptr(), self.properties.clone())
        };
        match begin() {
            Ok(writer) => Ok(ParquetTable { writer, name }),
            Err(error) => Err(OutputError::new(&name, to_io(error))),
        }
    }

    /// Encoders for files that this layout began, of which `table` is one.
    pub(crate) fn encoders(
        &self,
        table: &ParquetTable,
        max_rows: u64,
        n: usize,
    ) -> Vec<ParquetEncoder> {
        let factory = ArrowRowGroupWriterFactory::new(&table.writer, self.schema.clone());
        let factory = Arc::new(factory);
        let encoder = |_| ParquetEncoder {
            factory: factory.clone(),
            writers: Vec::new(),
            n_rows: 0,
            max_rows,
            name: table.name.clone(),
        };
        (0..n).map(encoder).collect()
    }
}

/// One Parquet file.
pub(crate) struct ParquetTable {
    writer: SerializedFileWriter<OutputFile>,
    name: PathBuf,
}

impl ParquetTable {
    fn append_group(&mut self, group: RowGroup) -> Result<(), ParquetError> {
        let mut writer = self.writer.next_row_group()?;
        for chunk in group {
            chunk.append_to_row_group(&mut writer)?;
        }
        writer.close().map(drop)
    }
}

impl Table for ParquetTable {
    type Content = RowGroup;

    fn append(&mut self, piece: Piece<RowGroup>) -> Result<(), OutputError> {
        let appended = self.append_group(piece.content);
        appended.map_err(|error| OutputError::new(&self.name, to_io(error)))
    }

    fn n_bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    fn finish(mut self, ending: Option<&Ending>) -> Result<u64, OutputError> {
        for (key, value) in ending.iter().flat_map(|ending| ending.metadata.iter().cloned()) {
            self.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        // Writes the end of the file.
        let ended = self.writer.into_inner();
        ended.map_err(|error| OutputError::new(&self.name, to_io(error)))?.finish()
    }
}

/// The system's error, if it is one that the library has passed on.
fn to_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}
