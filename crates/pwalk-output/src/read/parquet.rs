//! Parquet files, row group by row group.

use super::assemble::Assembler;
use super::record::{columns_of, own_metadata, push_record};
use super::{BATCH_ROWS, Reason, RowSource};
use crate::columns::Columns;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use pwalk_engine::Batch;
use std::collections::BTreeMap;
use std::fs::File;

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
        let records = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| e.to_string())?;
        let assembler = Assembler::new(&columns);
        Ok(ParquetSource { records, columns, metadata, assembler })
    }
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
