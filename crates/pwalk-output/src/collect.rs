//! The stage before the encoders of record batches: rows of a walk are collected until they make
//! up a record batch of the size that a format likes.

use crate::columns::Columns;
use crate::file::OutputError;
use crate::pool::Pool;
use crate::rows::RowsBuilder;
use crate::summary::Summary;
use crate::table::{Ending, RecordTable, TableSink, put_in_pieces};
use crate::users::UserNames;
use pwalk_engine::{Batch, Fields, Sink};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How large the record batches are that a format gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordLen {
    /// Rows of the first of an encoder. Each has twice as many as the one before.
    pub(crate) first: usize,
    /// Rows at the most; more only if a single batch of the walk has more.
    pub(crate) max: usize,
    /// Bytes of texts that make up a record batch, however few its rows. Arrow's offsets have 31
    /// bits.
    pub(crate) n_text_bytes: usize,
}

impl RecordLen {
    /// Each batch of the walk becomes a record batch.
    pub(crate) const AS_IT_COMES: RecordLen = RecordLen { first: 1, max: 1, n_text_bytes: 0 };
}

/// Collects rows for one encoder.
struct Collector {
    rows: RowsBuilder,
    /// Of the record batch at hand and later ones.
    len: RecordLen,
    /// Rows that it may have at the most, so that it fits into one part of a folder.
    max_rows: u64,
}

impl Collector {
    fn n_free_rows(&self) -> usize {
        usize::try_from(self.max_rows - self.rows.len() as u64).unwrap_or(usize::MAX)
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.len.first
            || self.rows.n_text_bytes() >= self.len.n_text_bytes
            || self.n_free_rows() == 0
    }
}

/// Rows that are collected at once: a batch has the path of a directory once, a record batch in
/// every row, of up to three times the bytes, and no array of texts holds more than 2 GiB.
fn n_rows_max(longest_dir_path: usize) -> usize {
    ((1 << 29) / (longest_dir_path + NAME_LEN_MAX)).max(1)
}

/// A name has 255 bytes, and up to three for each that is not UTF-8.
const NAME_LEN_MAX: usize = 3 * 255;

/// Writes a walk into a table of record batches.
pub(crate) struct RowsSink {
    fields: Fields,
    /// As many as the table has encoders, so that none waits for one of those.
    collectors: Pool<Collector>,
    table: Box<dyn RecordTable>,
    /// For messages.
    name: PathBuf,
}

impl RowsSink {
    pub(crate) fn new(
        columns: &Columns,
        len: RecordLen,
        max_rows: u64,
        n_encoders: usize,
        name: PathBuf,
        table: Box<dyn RecordTable>,
    ) -> RowsSink {
        let users = Arc::new(UserNames::default());
        let collector =
            |_| Collector { rows: RowsBuilder::new(columns, users.clone()), len, max_rows };
        let collectors = Pool::new((0..n_encoders).map(collector).collect());
        RowsSink { fields: columns.fields(), collectors, table, name }
    }

    /// Keeps the collector while the record batch is encoded: there are no more record batches
    /// than collectors, however many threads bring rows.
    fn put_rows(&self, collector: &mut Collector, batch: &mut Batch) -> Result<(), OutputError> {
        collector.rows.append(batch);
        if collector.is_full() { self.write(collector) } else { Ok(()) }
    }

    fn write(&self, collector: &mut Collector) -> Result<(), OutputError> {
        let RecordLen { first, max, .. } = &mut collector.len;
        *first = (*first * 2).min(*max);
        let record = collector.rows.finish();
        let record = record.map_err(|e| OutputError::new(&self.name, io::Error::other(e)))?;
        self.table.write(record)
    }
}

impl Sink for RowsSink {
    type Error = OutputError;

    fn fields(&self) -> Fields {
        self.fields
    }

    fn put(&self, batch: &mut Batch) -> Result<(), OutputError> {
        let n_rows_max = n_rows_max(batch.longest_dir_path());
        self.collectors.with(|collector| {
            let n_free = |collector: &Collector| collector.n_free_rows().min(n_rows_max);
            put_in_pieces(batch, collector, n_free, |collector, batch| {
                self.put_rows(collector, batch)
            })
        })
    }
}

impl TableSink for RowsSink {
    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<u64, OutputError> {
        let collectors = std::mem::replace(&mut self.collectors, Pool::new(Vec::new()));
        for mut collector in collectors.into_values() {
            if !collector.rows.is_empty() {
                self.write(&mut collector)?;
            }
        }
        self.table.finish(&Ending::of_summary(summary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t17_rows_with_very_long_paths_fit_into_an_array() {
        assert!(n_rows_max(4096) > 100_000);
        // A batch has 8,192 rows, of directories up to its 16 MiB of names.
        for len in [4096, 300_000, 1 << 20, 16 << 20] {
            let bytes = n_rows_max(len) * (len + NAME_LEN_MAX);
            assert!(bytes <= 1 << 29, "{len}");
        }
    }
}
