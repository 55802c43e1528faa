//! The listing: the paths of every entry, as `find` prints them.

use crate::error::Error;
use crate::setup::{Setup, WalkConfig};
use pwalk_engine::{Batch, Control, EntryError, Fields, Kind, Outcome, Sink, walk};
use pwalk_output::{OutputError, OutputFile, Preamble, Summary, TableSink, create_listing};
use std::time::Duration;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListingConfig {
    /// What to walk.
    pub walk: WalkConfig,
    /// Kinds to list; empty: all.
    pub kinds: Vec<Kind>,
    /// Ends paths with a NUL instead of a line end.
    pub nul: bool,
}

/// A listing to standard output that is ready to start.
pub struct Listing {
    setup: Setup,
    table: Box<dyn TableSink>,
}

impl Listing {
    /// Checks the roots.
    ///
    /// # Errors
    ///
    /// The first thing that a user must mend, by its name.
    pub fn prepare(config: ListingConfig) -> Result<Listing, Error> {
        let setup = Setup::new(&config.walk, None)?;
        let end = if config.nul { b'\0' } else { b'\n' };
        let n_encoders = setup.threads.n_cores.min(setup.threads.count);
        let table = create_listing(&config.kinds, end, OutputFile::stdout()?, n_encoders)?;
        Ok(Listing { setup, table })
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        &self.setup.notes
    }

    /// Walks and prints. `on_error` hears of each error, from any worker.
    ///
    /// # Errors
    ///
    /// `File` if standard output takes no more, `Cancelled` if `control` said so.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Outcome, Error> {
        let Setup { frontier, config, source, .. } = self.setup;
        let sink = ListingSink { table: self.table, on_error };
        let outcome = walk(frontier, &config, &source, &sink, control)?;
        if outcome.is_cancelled {
            return Err(Error::cancelled());
        }
        let summary = Summary::new(&Preamble::default(), Duration::ZERO, &outcome, 0);
        sink.table.finish(&summary)?;
        Ok(outcome)
    }
}

struct ListingSink<'a> {
    table: Box<dyn TableSink>,
    on_error: &'a (dyn Fn(&EntryError) + Sync),
}

impl Sink for ListingSink<'_> {
    type Error = OutputError;

    fn fields(&self) -> Fields {
        self.table.fields()
    }

    fn put(&self, batch: &mut Batch) -> Result<(), OutputError> {
        self.table.put(batch)?;
        batch.errors.iter().for_each(self.on_error);
        Ok(())
    }
}
