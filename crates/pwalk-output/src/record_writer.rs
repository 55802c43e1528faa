//! Writes record batches of any schema as a table: profiles, plans, differences.
//!
//! In all formats and into files and folders, as the table of a walk. It knows nothing of what
//! the columns mean.

use crate::cell::Packing;
use crate::create::{Destination, Layout, create_records};
use crate::file::OutputError;
use crate::format::Format;
use crate::memory::{MemoryTable, NAME};
use crate::spill::SpillConfig;
use crate::table::{Ending, RecordTable};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Rows that are encoded at once: larger record batches are cut.
const RECORD_ROWS: usize = 8192;

/// What a table of record batches is like.
#[derive(Clone, Debug)]
pub struct RecordConfig {
    /// Its columns. Text formats support numbers, booleans, strings, bytes, and dictionaries of
    /// these.
    pub schema: SchemaRef,
    /// Its format. CSV is that of RFC 4180, with a header: nulls are empty fields.
    pub format: Format,
    /// Keys and values for the metadata of Parquet and Arrow files.
    pub metadata: Vec<(String, String)>,
    /// Encoders: as many as threads that write at the same time.
    pub n_encoders: usize,
}

/// A table being written. It appears when it is finished; if dropped before, nothing is left.
pub struct RecordWriter {
    schema: SchemaRef,
    table: Box<dyn RecordTable>,
    metadata: Vec<(String, String)>,
    /// For messages.
    name: PathBuf,
    /// Calls of `write` that began and did not succeed. Relaxed: `finish` owns the writer, so that
    /// all of them came before.
    n_open: AtomicU64,
}

impl RecordWriter {
    /// Begins a table.
    ///
    /// # Errors
    ///
    /// If it can't be written, or the format can't hold the schema.
    pub fn create(
        config: RecordConfig,
        destination: Destination,
    ) -> Result<RecordWriter, OutputError> {
        let RecordConfig { schema, format, metadata, n_encoders } = config;
        let name = destination.name().to_owned();
        if schema.fields().is_empty() {
            return Err(OutputError::new(
                &name,
                io::Error::other("a table has at least one column"),
            ));
        }
        let packings = schema.fields().iter().map(|field| Packing::of(field.data_type()));
        let layout = Layout {
            schema: schema.clone(),
            packings: packings.collect(),
            metadata: metadata.clone(),
            n_encoders: n_encoders.max(1),
        };
        let table = create_records(layout, format, destination)?;
        Ok(RecordWriter { schema, table, metadata, name, n_open: AtomicU64::new(0) })
    }

    /// Begins a table in memory, which can be read while it grows, and spills beyond a limit.
    pub fn to_memory(
        schema: SchemaRef,
        n_encoders: usize,
        spill: SpillConfig,
    ) -> (Arc<MemoryTable>, RecordWriter) {
        let (memory, table) = MemoryTable::of_records(schema.clone(), n_encoders, spill);
        let (metadata, name, n_open) = (Vec::new(), NAME.into(), AtomicU64::new(0));
        (memory, RecordWriter { schema, table, metadata, name, n_open })
    }

    /// Writes rows, from any thread. With several threads they come in no guaranteed order.
    ///
    /// # Errors
    ///
    /// If they have a different schema, or the file can't be written. The table can't be finished
    /// then, because it lacks rows.
    pub fn write(&self, record: &RecordBatch) -> Result<(), OutputError> {
        self.n_open.fetch_add(1, Relaxed);
        self.write_rows(record)?;
        self.n_open.fetch_sub(1, Relaxed);
        Ok(())
    }

    fn write_rows(&self, record: &RecordBatch) -> Result<(), OutputError> {
        if record.schema_ref().fields() != self.schema.fields() {
            let error = io::Error::other("the schema of a record batch differs from its table's");
            return Err(OutputError::new(&self.name, error));
        }
        for start in (0..record.num_rows()).step_by(RECORD_ROWS) {
            let n_rows = RECORD_ROWS.min(record.num_rows() - start);
            self.table.write(record.slice(start, n_rows))?;
        }
        Ok(())
    }

    /// Ends the table, and gives it its name. Returns its size in bytes. The metadata is added to
    /// what it began with; in a folder `_summary.json` has all of them.
    ///
    /// # Errors
    ///
    /// If the file can't be written to its end, or a `write` has failed.
    pub fn finish(self, metadata: Vec<(String, String)>) -> Result<u64, OutputError> {
        if self.n_open.into_inner() > 0 {
            let error = io::Error::other("lacks rows, because writing them has failed");
            return Err(OutputError::new(&self.name, error));
        }
        let all: BTreeMap<_, _> = self.metadata.iter().chain(&metadata).cloned().collect();
        let json = serde_json::to_string(&all).expect("its keys are strings");
        self.table.finish(&Ending { metadata, json })
    }
}
