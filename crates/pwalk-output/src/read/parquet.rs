//! Parquet files, row group by row group.

use super::assemble::Assembler;
use super::record::{columns_of, own_metadata, push_record};
use super::wanted::Wanted;
use super::{BATCH_ROWS, Reason, RowSource};
use crate::columns::Columns;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use pwalk_engine::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of one column in a row group, and in a row on average, up to which [`BATCH_ROWS`] rows are
/// less than 2 GiB: 2 * 512 MiB + 8192 * 16 KiB.
const GROUP_BYTES_MAX: i64 = 512 << 20;
const ROW_BYTES_MAX: i64 = 16 << 10;

/// Rows that are less than 2 GiB whatever their paths, none of which is longer than
/// [`RECORD_LEN_MAX`](super::RECORD_LEN_MAX).
const FEW_ROWS: usize = 64;

pub(crate) struct ParquetSource {
    file: Arc<OpenFile>,
    /// The one that is being read.
    group: Option<ParquetRecordBatchReader>,
    /// Row groups still to be read.
    groups: VecDeque<usize>,
    assembler: Assembler,
}

/// What all pieces of a file share.
struct OpenFile {
    file: Positioned,
    metadata: ArrowReaderMetadata,
    columns: Columns,
    /// Rows that are decoded at once.
    n_rows: usize,
}

impl ParquetSource {
    pub(crate) fn new(file: File, wanted: &Wanted) -> Reason<ParquetSource> {
        let file = Positioned { file: Arc::new(file) };
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default());
        let metadata = with_our_types(metadata.map_err(|e| e.to_string())?);
        let columns = columns_of(metadata.schema(), wanted)?;
        let n_rows = batch_rows(metadata.metadata());
        let groups = (0..metadata.metadata().num_row_groups()).collect();
        Ok(ParquetSource::of(Arc::new(OpenFile { file, metadata, columns, n_rows }), groups))
    }

    fn of(file: Arc<OpenFile>, groups: VecDeque<usize>) -> ParquetSource {
        let assembler = Assembler::of_records(&file.columns);
        ParquetSource { file, group: None, groups, assembler }
    }
}

impl OpenFile {
    fn read(&self, group: usize) -> Reason<ParquetRecordBatchReader> {
        let (file, metadata) = (self.file.clone(), self.metadata.clone());
        let schema = metadata.metadata().file_metadata().schema_descr_ptr();
        let columns = self.columns.iter().map(|column| column.name);
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(ProjectionMask::columns(&schema, columns))
            .with_row_groups(vec![group])
            .with_batch_size(self.n_rows)
            .build()
            .map_err(|e| e.to_string())
    }
}

/// Texts and bytes as we have them, whatever the writer's types for these (those of Polars and pandas
/// are others); kinds by their number in the dictionary, which the file mostly has: no text for each
/// row.
fn with_our_types(metadata: ArrowReaderMetadata) -> ArrowReaderMetadata {
    let ours: Vec<_> = metadata.schema().fields().iter().map(|field| our_type(field)).collect();
    if ours.iter().zip(metadata.schema().fields()).all(|(our, field)| our == field.data_type()) {
        return metadata;
    }
    let fields = metadata.schema().fields().iter().zip(ours);
    let fields = fields.map(|(field, our)| field.as_ref().clone().with_data_type(our));
    let pairs = metadata.schema().metadata().clone();
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), pairs);
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).unwrap_or(metadata)
}

fn our_type(field: &Field) -> DataType {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if field.name() == "kind" => {
            DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into())
        }
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        same => same.clone(),
    }
}

/// Rows that are decoded at once: their paths must fit into one array, which holds 2 GiB.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let is_large = |group: &RowGroupMetaData| {
        let texts = group.columns().iter().filter_map(|c| c.unencoded_byte_array_data_bytes());
        let n_bytes = texts.max().unwrap_or(0);
        n_bytes > GROUP_BYTES_MAX || n_bytes > group.num_rows().saturating_mul(ROW_BYTES_MAX)
    };
    if metadata.row_groups().iter().any(is_large) { FEW_ROWS } else { BATCH_ROWS }
}

impl RowSource for ParquetSource {
    fn columns(&self) -> &Columns {
        &self.file.columns
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let pairs = self.file.metadata.metadata().file_metadata().key_value_metadata();
        let pairs = pairs.into_iter().flatten();
        own_metadata(pairs.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?))))
    }

    fn next(&mut self, batch: &mut Batch) -> Reason<bool> {
        loop {
            if let Some(record) = self.group.as_mut().and_then(Iterator::next) {
                self.assembler.start();
                let record = record.map_err(|e| e.to_string())?;
                push_record(&mut self.assembler, batch, &record, &self.file.columns)?;
                return Ok(true);
            }
            let Some(group) = self.groups.pop_front() else { return Ok(false) };
            self.group = Some(self.file.read(group)?);
        }
    }

    fn split_off(&mut self) -> Reason<Option<Box<dyn RowSource>>> {
        let Some(group) = self.groups.pop_front() else { return Ok(None) };
        Ok(Some(Box::new(ParquetSource::of(self.file.clone(), [group].into()))))
    }
}

/// A file of which several threads read: copies of a `File` would share one position.
#[derive(Clone)]
struct Positioned {
    file: Arc<File>,
}

/// Reads on from a position.
struct Onward {
    file: Arc<File>,
    position: u64,
}

impl Read for Onward {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.file.read_at(buffer, self.position)?;
        self.position += n_read as u64;
        Ok(n_read)
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Positioned {
    type T = BufReader<Onward>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(Onward { file: self.file.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::with_capacity(length.min(self.len() as usize));
        let mut rest = Onward { file: self.file.clone(), position: start }.take(length as u64);
        match rest.read_to_end(&mut bytes)? {
            n_read if n_read == length => Ok(bytes.into()),
            _ => Err(ParquetError::EOF("refers to a range beyond its end".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, LargeStringArray, RecordBatch, StringArray, StringViewArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use pwalk_engine::Kind;
    use std::sync::Arc;

    /// A file of 150 rows whose paths have this length, in row groups of so many rows.
    fn file_of(path_len: usize, group_rows: usize) -> File {
        let paths = StringArray::from_iter_values((0..150).map(|_| "a".repeat(path_len)));
        let record = RecordBatch::try_from_iter([("filename", Arc::new(paths) as ArrayRef)]);
        let (record, file) = (record.unwrap(), tempfile::tempfile().unwrap());
        let properties = WriterProperties::builder();
        let properties = properties.set_max_row_group_row_count(Some(group_rows)).build();
        let copy = file.try_clone().unwrap();
        let mut writer = ArrowWriter::try_new(copy, record.schema(), Some(properties)).unwrap();
        writer.write(&record).unwrap();
        writer.close().unwrap();
        file
    }

    fn n_rows(source: &mut dyn RowSource) -> usize {
        let mut batch = Batch::new(source.columns().fields());
        let mut n_rows = 0;
        while source.next(&mut batch).unwrap() {
            n_rows += batch.len();
            batch.clear();
        }
        n_rows
    }

    #[test]
    fn texts_of_other_writers_are_read_whatever_their_type() {
        let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["r", "r/a"]));
        let view: ArrayRef = Arc::new(StringViewArray::from(vec!["r", "r/a"]));
        let kinds: ArrayRef = Arc::new(LargeStringArray::from(vec!["dir", "file"]));
        for paths in [large, view] {
            let columns = [("filename", paths), ("kind", kinds.clone())];
            let record = RecordBatch::try_from_iter(columns).unwrap();
            let file = tempfile::tempfile().unwrap();
            let copy = file.try_clone().unwrap();
            let mut writer = ArrowWriter::try_new(copy, record.schema(), None).unwrap();
            writer.write(&record).unwrap();
            writer.close().unwrap();
            let mut source = ParquetSource::new(file, &Wanted::all()).unwrap();
            let mut batch = Batch::new(source.columns().fields());
            assert!(source.next(&mut batch).unwrap());
            let rows: Vec<_> = batch.rows().map(|row| (row.path(), row.kind())).collect();
            assert_eq!(rows, [(b"r".to_vec(), Kind::Dir), (b"r/a".to_vec(), Kind::File)]);
        }
    }

    #[test]
    fn each_row_group_is_a_piece() {
        let mut source = ParquetSource::new(file_of(10, 40), &Wanted::all()).unwrap();
        let mut first = source.split_off().unwrap().unwrap();
        assert_eq!([n_rows(&mut *first), n_rows(&mut source)], [40, 110]);
        assert!(source.split_off().unwrap().is_none());
    }

    #[test]
    fn t17_rows_with_long_paths_are_read_in_small_batches() {
        for (path_len, expected) in [(100, 150), (20 << 10, 64)] {
            let mut source = ParquetSource::new(file_of(path_len, 150), &Wanted::all()).unwrap();
            let mut batch = Batch::new(source.columns().fields());
            assert!(source.next(&mut batch).unwrap());
            assert_eq!(batch.len(), expected);
        }
    }
}
