//! What all jobs have in common: rows go to a sink, errors to the callback, and files get
//! their names at one end.

use crate::error::Error;
use crate::input::Input;
use pwalk_engine::{Batch, Control, EntryError, Fields, Operation, Sink, lock};
use pwalk_output::{ErrorList, OutputError, Summary, TableSink};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// A sink, and beside it what takes the errors of entries.
pub(crate) struct JobSink<'a, K: ?Sized> {
    pub(crate) sink: &'a K,
    pub(crate) errors: &'a Errors<'a>,
}

impl<K: Sink + ?Sized> Sink for JobSink<'_, K>
where
    Error: From<K::Error>,
{
    type Error = Error;

    fn fields(&self) -> Fields {
        self.sink.fields()
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Error> {
        self.sink.put(batch)?;
        Ok(self.errors.put(&batch.errors)?)
    }
}

/// What takes the errors of entries: the list that a user asked for, and a function.
pub(crate) struct Errors<'a> {
    list: Option<Mutex<ErrorList>>,
    on_error: &'a (dyn Fn(&EntryError) + Sync),
    n_names_changed: AtomicU64,
}

impl<'a> Errors<'a> {
    pub(crate) fn new(
        list: Option<ErrorList>,
        on_error: &'a (dyn Fn(&EntryError) + Sync),
    ) -> Errors<'a> {
        Errors { list: list.map(Mutex::new), on_error, n_names_changed: AtomicU64::new(0) }
    }

    /// Rows whose name the sink had to change.
    pub(crate) fn n_names_changed(&self) -> u64 {
        self.n_names_changed.load(Relaxed)
    }

    fn put(&self, errors: &[EntryError]) -> Result<(), OutputError> {
        if errors.is_empty() {
            return Ok(());
        }
        if let Some(list) = &self.list {
            lock(list).append(errors)?;
        }
        for error in errors {
            match error.operation {
                Operation::Name => drop(self.n_names_changed.fetch_add(1, Relaxed)),
                _ => (self.on_error)(error),
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), OutputError> {
        if let Some(list) = self.list {
            list.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        }
        Ok(())
    }
}

/// Reads an input into a table.
pub(crate) struct Job {
    pub(crate) input: Input,
    pub(crate) table: Box<dyn TableSink>,
    pub(crate) errors: Option<ErrorList>,
}

impl Job {
    /// Reads all, and gives the files their names. Before that `before_names` may still refuse.
    pub(crate) fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
        before_names: impl FnOnce(&Summary) -> Result<(), Error>,
    ) -> Result<Summary, Error> {
        let errors = Errors::new(self.errors, on_error);
        let sink = JobSink { sink: &*self.table, errors: &errors };
        let summary = self.input.read_into(&sink, control)?;
        before_names(&summary)?;
        self.table.finish(&summary)?;
        errors.finish()?;
        Ok(summary)
    }
}
