//! The report: metadata of every inode of some trees, as a table.

use crate::error::Error;
use crate::output::{Output, OutputConfig};
use crate::setup::{Setup, WalkConfig};
use pwalk_engine::{Batch, Control, EntryError, Fields, Operation, Outcome, Sink, walk};
use pwalk_output::{
    ErrorList, OutputError, OutputFile, Place, Preamble, Summary, TableConfig, TableSink, argument,
    create_table,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What to report, and where to.
#[derive(Clone, Debug)]
pub struct ReportConfig {
    /// What to walk.
    pub walk: WalkConfig,
    /// The table.
    pub table: OutputConfig,
    /// Where the summary goes, as JSON.
    pub summary: Option<PathBuf>,
    /// Where the list of errors goes, as NDJSON.
    pub errors: Option<PathBuf>,
}

impl ReportConfig {
    /// A report of these roots to `scan.csv.zst` in the working directory.
    pub fn new<P: Into<PathBuf>>(roots: impl IntoIterator<Item = P>) -> ReportConfig {
        let roots = roots.into_iter().map(Into::into).collect();
        ReportConfig {
            walk: WalkConfig { roots, ..WalkConfig::default() },
            table: OutputConfig::new(Output::File("scan.csv.zst".into())),
            summary: None,
            errors: None,
        }
    }
}

/// A report that is ready to start: all that can be checked was checked, and its files are open.
pub struct Report {
    setup: Setup,
    preamble: Preamble,
    table: Box<dyn TableSink>,
    errors: Option<ErrorList>,
    summary: Option<OutputFile>,
    part_paths: Vec<PathBuf>,
}

impl Report {
    /// Checks the roots and opens the files.
    ///
    /// # Errors
    ///
    /// The first thing that a user must mend, by its name.
    pub fn prepare(config: ReportConfig) -> Result<Report, Error> {
        let format = config.table.resolve_format()?;
        let columns = config.table.resolve_columns(format)?;
        let mut setup = Setup::new(&config.walk, config.table.folder())?;
        let errors = open(&config.errors)?.map(ErrorList::new);
        let summary = open(&config.summary)?;
        let mut place = config.table.open()?;
        if let Place::File(file) = &mut place
            && config.walk.settings.use_mmap
        {
            file.map_writes();
        }
        let table_file = match &place {
            Place::File(file) => Some(file),
            Place::Folder(..) => None,
        };
        let files = [table_file, errors.as_ref().map(ErrorList::file), summary.as_ref()];
        let files: Vec<_> = files.into_iter().flatten().collect();
        check_distinct(&files)?;
        setup.config.rules.own_files = files.iter().filter_map(|file| file.id()).collect();
        let part_paths = files.iter().filter_map(|file| file.part_path());
        let part_paths = part_paths.map(Path::to_owned).collect();
        let preamble = preamble(&config.walk, &setup);
        let table = TableConfig {
            format,
            columns,
            names: config.table.names,
            preamble: preamble.clone(),
            n_encoders: setup.threads.n_cores.min(setup.threads.count),
        };
        let table = create_table(table, place)?;
        Ok(Report { setup, preamble, table, errors, summary, part_paths })
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        &self.setup.notes
    }

    /// About how many entries it will find, where the filesystem tells.
    pub fn n_expected(&self) -> Option<u64> {
        self.setup.n_expected
    }

    /// Part files that must be removed if the process ends before `run` returns.
    pub fn part_paths(&self) -> &[PathBuf] {
        &self.part_paths
    }

    /// Walks and writes. `on_error` hears of each error, from any worker.
    ///
    /// # Errors
    ///
    /// `File` if an output can't be written to its end, `Cancelled` if `control` said so: in
    /// both cases no output has its final name.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Summary, Error> {
        self.run_with(control, on_error, || true)
    }

    /// The same, but before the files get their names `may_finish` is asked; if it says no, the
    /// report is cancelled.
    ///
    /// # Errors
    ///
    /// Those of `run`.
    pub fn run_with(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
        may_finish: impl FnOnce() -> bool,
    ) -> Result<Summary, Error> {
        let clock = Instant::now();
        let Setup { frontier, config, source, .. } = self.setup;
        let sink = ReportSink::new(self.table, self.errors, on_error);
        let outcome = walk(frontier, &config, &source, &sink, control)?;
        let summary = summarize(&self.preamble, clock, &outcome, &sink)?;
        if !may_finish() {
            return Err(Error::cancelled());
        }
        // Everything is written before anything gets its name, the table first.
        let mut summary_file = self.summary;
        if let Some(file) = &mut summary_file {
            file.append(format!("{}\n", summary.to_json()).as_bytes())?;
        }
        sink.table.finish(&summary)?;
        if let Some(errors) = sink.errors {
            errors.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        }
        if let Some(file) = summary_file {
            file.finish()?;
        }
        Ok(summary)
    }
}

/// The summary of a walk that has ended, unless it was cancelled.
pub(crate) fn summarize(
    preamble: &Preamble,
    started: Instant,
    outcome: &Outcome,
    sink: &ReportSink<'_>,
) -> Result<Summary, Error> {
    if outcome.is_cancelled {
        return Err(Error::cancelled());
    }
    let n_names_changed = sink.n_names_changed.load(Relaxed);
    Ok(Summary::new(preamble, started.elapsed(), outcome, n_names_changed))
}

pub(crate) fn preamble(walk: &WalkConfig, setup: &Setup) -> Preamble {
    let roots = setup.frontier.iter().map(|root| String::from_utf8_lossy(&root.path).into_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Preamble {
        roots: roots.collect(),
        started: now.map_or(0, |since| since.as_secs() as i64),
        options: walk.options_json(),
    }
}

fn open(path: &Option<PathBuf>) -> Result<Option<OutputFile>, Error> {
    Ok(path.as_ref().map(|path| OutputFile::create(path)).transpose()?)
}

/// Two outputs under one name would overwrite each other.
fn check_distinct(files: &[&OutputFile]) -> Result<(), Error> {
    for (index, file) in files.iter().enumerate() {
        let is_same =
            |other: &&OutputFile| file.target().is_some() && other.target() == file.target();
        if files[..index].iter().any(is_same) {
            let name = file.name().display().to_string();
            return Err(Error::bad(argument::OUTPUT, name, "two outputs have this name"));
        }
    }
    Ok(())
}

/// The table, and beside it everything that hears of errors.
pub(crate) struct ReportSink<'a> {
    pub(crate) table: Box<dyn TableSink>,
    errors: Option<Mutex<ErrorList>>,
    on_error: &'a (dyn Fn(&EntryError) + Sync),
    n_names_changed: AtomicU64,
}

impl<'a> ReportSink<'a> {
    pub(crate) fn new(
        table: Box<dyn TableSink>,
        errors: Option<ErrorList>,
        on_error: &'a (dyn Fn(&EntryError) + Sync),
    ) -> Self {
        let errors = errors.map(Mutex::new);
        ReportSink { table, errors, on_error, n_names_changed: AtomicU64::new(0) }
    }
}

impl Sink for ReportSink<'_> {
    type Error = OutputError;

    fn fields(&self) -> Fields {
        self.table.fields()
    }

    fn put(&self, batch: &mut Batch) -> Result<(), OutputError> {
        self.table.put(batch)?;
        if batch.errors.is_empty() {
            return Ok(());
        }
        if let Some(list) = &self.errors {
            list.lock().unwrap_or_else(PoisonError::into_inner).append(&batch.errors)?;
        }
        for error in &batch.errors {
            match error.operation {
                Operation::Name => {
                    self.n_names_changed.fetch_add(1, Relaxed);
                }
                _ => (self.on_error)(error),
            }
        }
        Ok(())
    }
}
