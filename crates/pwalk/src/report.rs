//! The report: metadata of every inode of some trees, as a table.

use crate::error::Error;
use crate::input::Tree;
use crate::job::Job;
use crate::output::{Output, OutputConfig, default_output};
use crate::setup::WalkConfig;
use pwalk_engine::{Control, EntryError};
use pwalk_output::{
    Destination, ErrorList, OutputFile, OutputFolder, Summary, TableConfig, Unfinished, argument,
    create_table,
};
use std::path::PathBuf;
use std::sync::Arc;

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
            table: OutputConfig::new(Output::File(default_output(None, "auto").into())),
            summary: None,
            errors: None,
        }
    }
}

/// A report that is ready to start: all that can be checked was checked, and its files are open.
pub struct Report {
    job: Job,
    output: Output,
    summary: Option<OutputFile>,
    unfinished: Arc<Unfinished>,
}

impl Report {
    /// Checks the roots and opens the files.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(mut config: ReportConfig) -> Result<Report, Error> {
        let format;
        (config.table, format) = config.table.resolve()?;
        let columns = config.table.resolve_columns(format)?;
        let mut tree = Tree::without(&config.walk, config.table.folder())?;
        let errors = open(&config.errors)?.map(ErrorList::new);
        let summary = open(&config.summary)?;
        let mut destination = config.table.open()?;
        if let Destination::File(file) = &mut destination
            && config.walk.settings.use_mmap
        {
            file.map_writes();
        }
        let (table_file, folder) = match &destination {
            Destination::File(file) => (Some(file), None),
            Destination::Folder(folder, _) => (None, Some(folder)),
        };
        let files = [table_file, errors.as_ref().map(ErrorList::file), summary.as_ref()];
        let files: Vec<_> = files.into_iter().flatten().collect();
        check_distinct(&files, folder)?;
        let ids = files.iter().filter_map(|file| file.id());
        tree.leave_out(ids.chain(folder.map(OutputFolder::ids).unwrap_or_default()).collect());
        let unfinished = Arc::new(Unfinished::new(files, folder));
        let table = TableConfig {
            format,
            columns,
            names: config.table.names,
            preamble: tree.preamble.clone(),
            n_encoders: tree.n_encoders(),
        };
        let table = create_table(table, destination)?;
        let job = Job { input: tree.into(), table, errors };
        Ok(Report { job, output: config.table.output, summary, unfinished })
    }

    /// Where the table goes: under the name that was given, or a longer one that says how it is
    /// compressed.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        self.job.input.notes()
    }

    /// About how many entries it will find, where the filesystem reports it.
    pub fn n_expected(&self) -> Option<u64> {
        self.job.input.n_expected()
    }

    /// What must be abandoned if the process ends before `run` returns.
    pub fn unfinished(&self) -> Arc<Unfinished> {
        self.unfinished.clone()
    }

    /// Walks and writes. `on_error` is called for each error, from any thread.
    ///
    /// # Errors
    ///
    /// `File` if an output can't be written to its end: it has no final name, nor do those that
    /// come after it (the table, the errors, the summary). `Cancelled` if `control` was
    /// cancelled: no output has its final name.
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
        let mut file = self.summary;
        // What can fail is done before anything gets its name, as far as possible. The summary
        // gets it last: where it is, all else is.
        let summary = self.job.run(control, on_error, |summary| {
            if !may_finish() {
                return Err(Error::cancelled());
            }
            if let Some(file) = &mut file {
                file.append(format!("{}\n", summary.to_json()).as_bytes())?;
            }
            self.unfinished.begin_naming().then_some(()).ok_or_else(Error::cancelled)
        })?;
        if let Some(file) = file {
            file.finish()?;
        }
        Ok(summary)
    }
}

fn open(path: &Option<PathBuf>) -> Result<Option<OutputFile>, Error> {
    Ok(path.as_ref().map(|path| OutputFile::create(path)).transpose()?)
}

/// Two outputs under one name would overwrite each other, and a folder of parts holds parts.
fn check_distinct(files: &[&OutputFile], folder: Option<&OutputFolder>) -> Result<(), Error> {
    for (index, file) in files.iter().enumerate() {
        let target = file.target();
        if target.zip(folder).is_some_and(|(target, folder)| target.starts_with(folder.target())) {
            let name = file.name().display().to_string();
            return Err(Error::bad(argument::OUTPUT, name, "is inside the folder of the table"));
        }
        let is_same =
            |other: &&OutputFile| file.target().is_some() && other.target() == file.target();
        if files[..index].iter().any(is_same) {
            let name = file.name().display().to_string();
            return Err(Error::bad(argument::OUTPUT, name, "two outputs have the same name"));
        }
    }
    Ok(())
}
