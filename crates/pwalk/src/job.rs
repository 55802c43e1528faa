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
        let is_change = |error: &&EntryError| error.operation == Operation::Name;
        let n_changed = errors.iter().filter(is_change).count();
        self.n_names_changed.fetch_add(n_changed as u64, Relaxed);
        errors.iter().for_each(self.on_error);
        Ok(())
    }

    fn finish(self) -> Result<(), OutputError> {
        if let Some(list) = self.list {
            list.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        }
        Ok(())
    }
}

/// Makes an error of a panic, in whatever thread of the job it was: callers of a library, Python
/// above all, expect no other way out of it. All that the job held is gone by then, and its
/// outputs leave nothing.
///
/// And sees to it that a lack of memory is one, where the program has a reserve ([`Reserve`]).
///
/// [`Reserve`]: pwalk_sys::Reserve
pub(crate) fn guarded<T>(
    control: &Control,
    job: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    pwalk_sys::keep_reserve();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    match caught {
        // Whatever else it is called: it follows from the lack.
        Ok(Err(_)) | Err(_) if control.lacks_memory() => Err(Error::memory()),
        Ok(result) => result,
        Err(panic) => Err(Error::panicked(&*panic)),
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
        guarded(control, || self.run_unguarded(control, on_error, before_names))
    }

    fn run_unguarded(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::input::Tree;
    use crate::setup::WalkConfig;
    use pwalk_output::OutputError;
    use std::sync::atomic::AtomicUsize;

    /// Panics with the batch of this number, or at its end.
    struct Panics {
        at: usize,
        n_batches: AtomicUsize,
    }

    impl Sink for Panics {
        type Error = OutputError;

        fn fields(&self) -> Fields {
            Fields::SIZE
        }

        fn put(&self, _: &mut Batch) -> Result<(), OutputError> {
            assert_ne!(self.n_batches.fetch_add(1, Relaxed), self.at, "told to panic");
            Ok(())
        }
    }

    impl TableSink for Panics {
        fn finish(self: Box<Self>, _: &Summary) -> Result<u64, OutputError> {
            panic!("told to panic at its {}", "end");
        }
    }

    #[test]
    fn t47_a_panic_is_an_error_of_the_job_whatever_the_number_of_workers() {
        for (at, text) in [(0, "told to panic"), (usize::MAX, "told to panic at its end")] {
            for n_workers in [1, 2, 8] {
                let walk = WalkConfig {
                    roots: vec!["/proc/self/attr".into()],
                    threads: Some(n_workers),
                    ..WalkConfig::default()
                };
                let input = Tree::open(&walk).unwrap().into();
                let table = Box::new(Panics { at, n_batches: AtomicUsize::new(0) });
                let job = Job { input, table, errors: None };
                let error = job.run(&Control::default(), &|_| (), |_| Ok(())).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Panicked);
                let told = error.to_string();
                assert!(told.starts_with("internal error: ") && told.contains(text), "{told}");
            }
        }
    }

    #[test]
    fn a_panic_of_somebodys_sink_is_an_error_of_the_input() {
        let sink = Panics { at: 0, n_batches: AtomicUsize::new(0) };
        let input = Input::open("/proc/self/attr").unwrap();
        let error = input.read(&sink, &Control::default(), &|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.errno()), (ErrorKind::Panicked, None));
    }
}
