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
        self.collectors.with(|collector| {
            put_in_pieces(batch, collector, Collector::n_free_rows, |collector, batch| {
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
