//! The scan: metadata of every inode as a table in memory, which can be read while it grows.

use crate::error::Error;
use crate::input::Tree;
use crate::job::Job;
use crate::setup::WalkConfig;
use pwalk_engine::{Control, EntryError};
use pwalk_output::{Columns, MemoryTable, Preamble, SpillConfig, Summary};
use std::sync::Arc;

/// A scan that is ready to start.
pub struct Scan {
    job: Job,
    table: Arc<MemoryTable>,
    preamble: Preamble,
}

impl Scan {
    /// Checks the roots. Columns are those of [`Columns::parse`]; `None`: the default ones.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(
        config: &WalkConfig,
        columns: Option<&str>,
        spill: SpillConfig,
    ) -> Result<Scan, Error> {
        let columns = columns.map_or_else(|| Ok(Columns::columnar()), Columns::parse)?;
        let tree = Tree::open(config)?;
        let (table, sink) = MemoryTable::new(&columns, tree.n_encoders(), spill);
        let preamble = tree.preamble.clone();
        Ok(Scan { job: Job { input: tree.into(), table: sink, errors: None }, table, preamble })
    }

    /// The table, which is read while the scan runs and after it.
    pub fn table(&self) -> Arc<MemoryTable> {
        self.table.clone()
    }

    /// What is known of it before it runs, for [`Summary::of_cut`].
    pub fn preamble(&self) -> &Preamble {
        &self.preamble
    }

    /// Walks. `on_error` is called for each error, from any thread.
    ///
    /// # Errors
    ///
    /// `File` if the table can't be spilled, `Cancelled` if `control` was cancelled: in both
    /// cases the table lacks rows.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Summary, Error> {
        self.job.run(control, on_error, |_| Ok(()))
    }
}
