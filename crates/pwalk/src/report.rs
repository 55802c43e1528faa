//! The report: metadata of every inode of some trees, as a table.

use crate::delivery::Job;
use crate::error::Error;
use crate::input::Tree;
use crate::output::{Output, OutputConfig};
use crate::setup::WalkConfig;
use pwalk_engine::{Control, EntryError};
use pwalk_output::{ErrorList, OutputFile, Place, Summary, TableConfig, argument, create_table};
use std::path::{Path, PathBuf};

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
    job: Job,
    summary: Option<OutputFile>,
    part_paths: Vec<PathBuf>,
}

impl Report {
    /// Checks the roots and opens the files.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(config: ReportConfig) -> Result<Report, Error> {
        let format = config.table.resolve_format()?;
        let columns = config.table.resolve_columns(format)?;
        let mut tree = Tree::without(&config.walk, config.table.folder())?;
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
        tree.leave_out(files.iter().filter_map(|file| file.id()).collect());
        let part_paths = files.iter().filter_map(|file| file.part_path());
        let part_paths = part_paths.map(Path::to_owned).collect();
        let table = TableConfig {
            format,
            columns,
            names: config.table.names,
            preamble: tree.preamble.clone(),
            n_encoders: tree.n_encoders(),
        };
        let table = create_table(table, place)?;
        Ok(Report { job: Job { input: tree.into(), table, errors }, summary, part_paths })
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        self.job.input.notes()
    }

    /// About how many entries it will find, where the filesystem tells.
    pub fn n_expected(&self) -> Option<u64> {
        self.job.input.n_expected()
    }

    /// Part files that must be removed if the process ends before `run` returns.
    pub fn part_paths(&self) -> &[PathBuf] {
        &self.part_paths
    }

    /// Walks and writes. `on_error` is called for each error, from any thread.
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
        let mut file = self.summary;
        // Everything is written before anything gets its name, the table first.
        let summary = self.job.run(control, on_error, |summary| {
            if !may_finish() {
                return Err(Error::cancelled());
            }
            if let Some(file) = &mut file {
                file.append(format!("{}\n", summary.to_json()).as_bytes())?;
            }
            Ok(())
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
