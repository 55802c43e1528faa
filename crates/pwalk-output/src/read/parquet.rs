//! Parquet files, row group by row group.

use super::assemble::Assembler;
use super::record::{columns_of, own_metadata, push_record};
use super::{BATCH_ROWS, Reason, RowSource};
use crate::columns::Columns;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use pwalk_engine::Batch;
use std::collections::BTreeMap;
use std::fs::File;

/// Bytes of one column in a row group, and in a row on average, up to which [`BATCH_ROWS`] rows are
/// less than 2 GiB: 2 * 512 MiB + 8192 * 16 KiB.
const GROUP_BYTES_MAX: i64 = 512 << 20;
const ROW_BYTES_MAX: i64 = 16 << 10;

/// Rows that are less than 2 GiB whatever their paths, none of which is longer than
/// [`RECORD_LEN_MAX`](super::RECORD_LEN_MAX).
const FEW_ROWS: usize = 64;

pub(crate) struct ParquetSource {
    records: ParquetRecordBatchReader,
    columns: Columns,
    metadata: BTreeMap<String, String>,
    assembler: Assembler,
}

impl ParquetSource {
    pub(crate) fn new(file: File) -> Reason<ParquetSource> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
        let columns = columns_of(builder.schema())?;
        let pairs = builder.metadata().file_metadata().key_value_metadata();
        let metadata = own_metadata(
            pairs
                .into_iter()
                .flatten()
                .filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?))),
        );
        let n_rows = batch_rows(builder.metadata());
        let records = builder.with_batch_size(n_rows).build().map_err(|e| e.to_string())?;
        let assembler = Assembler::new(&columns);
        Ok(ParquetSource { records, columns, metadata, assembler })
    }
}

/// Rows that are decoded at once: their paths must fit into one array, which holds 2 GiB. A batch
/// may hold all of the row groups that it begins and ends in, and whole ones between them.
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
        &self.columns
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn next(&mut self, batch: &mut Batch) -> Reason<bool> {
        let Some(record) = self.records.next() else { return Ok(false) };
        self.assembler.start();
        let record = record.map_err(|e| e.to_string())?;
        push_record(&mut self.assembler, batch, &record, &self.columns)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    #[test]
    fn t17_rows_with_long_paths_are_read_in_small_batches() {
        for (path_len, expected) in [(100, 150), (20 << 10, 64)] {
            let paths = StringArray::from_iter_values((0..150).map(|_| "a".repeat(path_len)));
            let columns = [("filename", Arc::new(paths) as ArrayRef)];
            let record = RecordBatch::try_from_iter(columns).unwrap();
            let file = tempfile::tempfile().unwrap();
            let copy = file.try_clone().unwrap();
            let mut writer = ArrowWriter::try_new(copy, record.schema(), None).unwrap();
            writer.write(&record).unwrap();
            writer.close().unwrap();
            let mut source = ParquetSource::new(file).unwrap();
            let mut batch = Batch::new(source.columns().fields());
            assert!(source.next(&mut batch).unwrap());
            assert_eq!(batch.len(), expected);
        }
    }
}
