//! The scan: metadata of every inode as a table in memory, which can be read while it grows.

use crate::error::Error;
use crate::report::{ReportSink, preamble, summarize};
use crate::setup::{Setup, WalkConfig};
use pwalk_engine::{Control, EntryError, walk};
use pwalk_output::{Columns, MemoryTable, Preamble, SpillConfig, Summary, TableSink};
use std::sync::Arc;
use std::time::Instant;

/// A scan that is ready to start.
pub struct Scan {
    setup: Setup,
    preamble: Preamble,
    table: Arc<MemoryTable>,
    sink: Box<dyn TableSink>,
}

impl Scan {
    /// Checks the roots. Columns are those of [`Columns::parse`]; `None`: the default ones.
    ///
    /// # Errors
    ///
    /// The first thing that a user must mend, by its name.
    pub fn prepare(
        config: &WalkConfig,
        columns: Option<&str>,
        spill: SpillConfig,
    ) -> Result<Scan, Error> {
        let columns = columns.map_or_else(|| Ok(Columns::columnar()), Columns::parse)?;
        let setup = Setup::new(config, None)?;
        let n_encoders = setup.threads.n_cores.min(setup.threads.count);
        let (table, sink) = MemoryTable::new(&columns, n_encoders, spill);
        Ok(Scan { preamble: preamble(config, &setup), setup, table, sink })
    }

    /// The table, which is read while the scan runs and after it.
    pub fn table(&self) -> Arc<MemoryTable> {
        self.table.clone()
    }

    /// Walks. `on_error` hears of each error, from any worker.
    ///
    /// # Errors
    ///
    /// `File` if the table can't be spilled, `Cancelled` if `control` said so: in both cases the
    /// table lacks rows.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Summary, Error> {
        let clock = Instant::now();
        let Setup { frontier, config, source, .. } = self.setup;
        let sink = ReportSink::new(self.sink, None, on_error);
        let outcome = walk(frontier, &config, &source, &sink, control)?;
        let summary = summarize(&self.preamble, clock, &outcome, &sink)?;
        sink.table.finish(&summary)?;
        Ok(summary)
    }
}
