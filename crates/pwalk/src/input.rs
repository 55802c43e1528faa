//! What a job reads: a tree that is walked, or a scan that was saved.
//!
//! Both deliver the same batches into the same sink, through [`Input::read`], and end with a
//! summary. A job that takes an [`Input`] therefore works with either; it doesn't know how a walk
//! or a file format works.

use crate::error::Error;
use crate::job::{Errors, JobSink, guarded};
use crate::setup::{Setup, WalkConfig};
use pwalk_engine::{
    Batch, Condition, Control, EntryError, Fields, FileId, Impatient, Kind, Lookup, Progress, Sink,
    lock, walk,
};
use pwalk_output::{
    COLUMNS, Columns, Format, Preamble, RowSums, SUMMARY_NAME, SharedReader, Summary, TableReader,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What a job reads.
///
/// ```
/// use pwalk::{Batch, Control, Fields, Input, Sink};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Adds up sizes. Batches come from several threads at once.
/// #[derive(Default)]
/// struct Sizes(AtomicU64);
///
/// impl Sink for Sizes {
///     type Error = std::convert::Infallible;
///
///     fn fields(&self) -> Fields {
///         Fields::SIZE
///     }
///
///     fn put(&self, batch: &mut Batch) -> Result<(), Self::Error> {
///         let sum: i64 = batch.size.iter().sum();
///         self.0.fetch_add(sum as u64, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), pwalk::Error> {
/// // The same for a saved scan: `Input::open("scan.parquet")`.
/// let input = Input::open("/etc")?;
/// let sizes = Sizes::default();
/// let summary = input.read(&sizes, &Control::default(), &|error| eprintln!("{error:?}"))?;
/// assert_eq!(sizes.0.into_inner() as i128, summary.bytes.apparent);
/// # Ok(())
/// # }
/// ```
pub enum Input {
    /// Trees, which are walked.
    Tree(Box<Tree>),
    /// A saved scan.
    Table(Box<Table>),
}

impl Input {
    /// The saved scan at `path` if [`is_saved_scan`], else the tree there, with the default rules.
    ///
    /// # Errors
    ///
    /// Those of [`Tree::open`] and [`Table::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Input, Error> {
        let path = path.as_ref();
        if is_saved_scan(path) {
            return Ok(Table::open(path, None)?.into());
        }
        let walk = WalkConfig { roots: vec![path.to_owned()], ..WalkConfig::default() };
        Ok(Tree::open(&walk)?.into())
    }

    /// What a user should know before the job starts, one line each.
    pub fn notes(&self) -> &[String] {
        match self {
            Input::Tree(tree) => tree.notes(),
            Input::Table(_) => &[],
        }
    }

    /// About how many entries there are, where that is known.
    pub fn n_expected(&self) -> Option<u64> {
        match self {
            Input::Tree(tree) => tree.n_expected(),
            Input::Table(table) => table.reader.summary().map(|summary| summary.n_entries()),
        }
    }

    /// Delivers every batch to `sink`. `on_error` is called for each error, from any thread.
    ///
    /// The summary is that of the walk. For a saved scan it is that of the walk which made it, or,
    /// where none was saved, what its rows add up to: see [`Summary::knows`].
    ///
    /// # Errors
    ///
    /// The sink's; `File` if a saved scan is damaged, or has no column for a field that the sink
    /// needs; `Cancelled` if `control` was cancelled; `Panicked` if the sink has panicked.
    pub fn read<K: Sink>(
        self,
        sink: &K,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Summary, Error>
    where
        Error: From<K::Error>,
    {
        let errors = Errors::new(None, on_error);
        guarded(control, || self.read_into(&JobSink { sink, errors: &errors }, control))
    }

    /// The loop of all jobs.
    pub(crate) fn read_into<K: Sink + ?Sized>(
        self,
        sink: &JobSink<'_, K>,
        control: &Control,
    ) -> Result<Summary, Error>
    where
        Error: From<K::Error>,
    {
        match self {
            Input::Tree(tree) => tree.read_into(sink, control),
            Input::Table(table) => table.read_into(sink, control),
        }
    }
}

impl From<Tree> for Input {
    fn from(tree: Tree) -> Input {
        Input::Tree(Box::new(tree))
    }
}

impl From<Table> for Input {
    fn from(table: Table) -> Input {
        Input::Table(Box::new(table))
    }
}

/// Trees that are ready to be walked.
pub struct Tree {
    pub(crate) setup: Setup,
    pub(crate) preamble: Preamble,
}

impl Tree {
    /// Checks the roots and the rules.
    ///
    /// # Errors
    ///
    /// `Root` for the first root that is missing or not readable, `Argument` for the first
    /// argument that is invalid.
    pub fn open(walk: &WalkConfig) -> Result<Tree, Error> {
        Tree::without(walk, None)
    }

    /// The same, without a folder that the job itself fills.
    pub(crate) fn without(walk: &WalkConfig, own_folder: Option<&Path>) -> Result<Tree, Error> {
        let setup = Setup::new(walk, own_folder)?;
        Ok(Tree { preamble: preamble(walk, &setup), setup })
    }

    /// Leaves out files that the job itself writes.
    pub(crate) fn leave_out(&mut self, files: Vec<FileId>) {
        self.setup.config.rules.own_files = files;
    }

    /// What a user should know before the walk starts, one line each.
    pub fn notes(&self) -> &[String] {
        &self.setup.notes
    }

    /// About how many entries there are, where the filesystem reports it.
    pub fn n_expected(&self) -> Option<u64> {
        self.setup.n_expected
    }

    /// As many encoders as can be busy at once, whatever becomes of the number of workers.
    pub(crate) fn n_encoders(&self) -> usize {
        self.setup.threads.n_cores.min(self.setup.threads.max)
    }

    fn read_into<K: Sink + ?Sized>(
        self,
        sink: &JobSink<'_, K>,
        control: &Control,
    ) -> Result<Summary, Error>
    where
        Error: From<K::Error>,
    {
        let clock = Instant::now();
        let Setup { frontier, config, source, timeout, .. } = self.setup;
        let outcome = match timeout {
            None => walk(frontier, &config, &source, sink, control)?,
            Some(timeout) => {
                let source = Impatient::new(source, timeout, &config, control);
                walk(frontier, &config, &source, sink, control)?
            }
        };
        if outcome.is_cancelled {
            return Err(Error::cancelled());
        }
        let n_names_changed = sink.errors.n_names_changed();
        let summary = Summary::new(&self.preamble, clock.elapsed(), &outcome, n_names_changed);
        let mut summary = summary.with_sums_of(sink.fields());
        summary.unmatched_excludes = config.rules.unmatched_excludes().into();
        Ok(summary)
    }
}

/// A saved scan that is open: one file, or a folder of parts.
pub struct Table {
    /// For messages.
    path: PathBuf,
    reader: TableReader,
    preamble: Preamble,
    /// Threads that read it; more than one read rows in no promised order.
    n_threads: usize,
    /// What rows must fulfil.
    condition: Option<Condition>,
    /// It is known to have what the job needs.
    is_checked: bool,
}

impl Table {
    /// Opens a saved scan. The suffix selects the format, unless one is given.
    ///
    /// # Errors
    ///
    /// `File` if it is missing, or its content is not in the format that its name says.
    pub fn open(path: impl AsRef<Path>, format: Option<Format>) -> Result<Table, Error> {
        // Before anything is said about a suffix.
        path.as_ref().metadata().map_err(|error| Error::file(path.as_ref(), &error))?;
        let reader = TableReader::open(path.as_ref(), format)?;
        Ok(Table::new(path.as_ref(), reader, 1))
    }

    /// The same for these columns only, beside paths and kinds, read by several threads: rows come
    /// in no promised order, as those of a tree do.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn open_for(
        path: &Path,
        format: Option<Format>,
        columns: &Columns,
        n_threads: usize,
    ) -> Result<Table, Error> {
        path.metadata().map_err(|error| Error::file(path, &error))?;
        Ok(Table::new(path, TableReader::open_for(path, format, columns)?, n_threads))
    }

    fn new(path: &Path, reader: TableReader, n_threads: usize) -> Table {
        let metadata = reader.metadata();
        let get = |key: &str| metadata.get(key).cloned().unwrap_or_default();
        let preamble = Preamble {
            roots: serde_json::from_str(&get("roots")).unwrap_or_default(),
            started: get("started").parse().unwrap_or_default(),
            options: get("options"),
        };
        Table {
            path: path.to_owned(),
            reader,
            preamble,
            n_threads,
            condition: None,
            is_checked: false,
        }
    }

    /// Delivers only those rows that fulfil a condition; see [`Condition`]. Ages count from the start
    /// of the walk that made the scan, where that is known, else from now.
    ///
    /// # Errors
    ///
    /// `Argument` if it is invalid, `File` if the scan has no column for what it tests.
    pub fn filter(&mut self, condition: &str) -> Result<(), Error> {
        let system = Lookup::system();
        let now = self.started().unwrap_or(system.now);
        let condition = Condition::with(condition, &Lookup { now, ..system })?;
        self.check_fields(condition.fields())?;
        let others = [
            ("pw_fcount", condition.needs_entries()),
            ("directory-depth", condition.needs_depth()),
        ];
        for (column, is_needed) in others {
            if is_needed && !self.columns().has(column) {
                return Err(self.lacks(column));
            }
        }
        self.condition = Some(condition);
        Ok(())
    }

    /// It has all columns that the job's table has. That says more than fields do: the total of the
    /// sizes in a subtree needs no sizes.
    pub(crate) fn has_columns_of_job(&mut self) {
        self.is_checked = true;
    }

    /// The columns that it has.
    pub fn columns(&self) -> &Columns {
        self.reader.columns()
    }

    /// When the walk that made it began, if it says so: seconds since the epoch.
    pub fn started(&self) -> Option<i64> {
        let summary = self.reader.summary().filter(|summary| summary.knows("started"));
        let known = summary.map_or(self.preamble.started, |summary| summary.started);
        (known != 0).then_some(known)
    }

    /// The roots of that walk, if it says so.
    pub(crate) fn roots(&self) -> Vec<String> {
        let summary = self.reader.summary().filter(|summary| summary.knows("roots"));
        summary.map_or_else(|| self.preamble.roots.clone(), |summary| summary.roots)
    }

    /// What was known before its walk.
    pub(crate) fn preamble(&self) -> &Preamble {
        &self.preamble
    }

    fn read_into<K: Sink + ?Sized>(
        self,
        sink: &JobSink<'_, K>,
        control: &Control,
    ) -> Result<Summary, Error>
    where
        Error: From<K::Error>,
    {
        if !self.is_checked {
            self.check_fields(sink.fields())?;
        }
        let fields = sink.fields() | self.columns().fields();
        let known = self.reader.summary();
        let condition = self.condition.as_ref();
        // Those of the rows that a condition keeps nobody knows.
        let is_summed = known.is_none() || condition.is_some();
        let sums = is_summed.then(|| Mutex::new(RowSums::new(self.columns())));
        let reader = SharedReader::new(self.reader);
        let has_failed = AtomicBool::new(false);
        let read = |worker| {
            let mut rows = reader.share();
            let mut batch = Batch::new(fields);
            while !has_failed.load(Relaxed) && rows.next(&mut batch)? {
                if control.is_cancelled() {
                    return Err(Error::cancelled());
                }
                control.add(worker, &progress(&batch));
                if let Some(condition) = condition {
                    batch.retain(|row| condition.keeps(row));
                }
                sums.iter().for_each(|sums| lock(sums).add(&batch));
                sink.put(&mut batch)?;
            }
            Ok(())
        };
        side_by_side(self.n_threads, |worker| {
            let result = read(worker);
            // The others may read some more rows, which is lost work and nothing else.
            has_failed.fetch_or(result.is_err(), Relaxed);
            result
        })?;
        reader.finish()?;
        Ok(match (known, sums) {
            (Some(known), None) => known,
            (Some(known), Some(sums)) => known.of_kept_rows(&lock(&sums)),
            (None, sums) => {
                let sums = sums.expect("what is not known was summed up");
                Summary::of_rows(&self.preamble, &lock(&sums))
            }
        })
    }

    /// What no column tells would be 0 in every row. A kind that isn't told is `Unknown`.
    fn check_fields(&self, wanted: Fields) -> Result<(), Error> {
        let missing = wanted.difference(self.columns().told() | Fields::KIND);
        match COLUMNS.iter().find(|column| column.fields.intersects(missing)) {
            Some(column) => Err(self.lacks(column.name)),
            None => Ok(()),
        }
    }

    fn lacks(&self, column: &str) -> Error {
        Error::file(&self.path, &io::Error::other(format!("has no column {column}")))
    }
}

/// Runs the same in several threads, given their numbers.
fn side_by_side(
    n_threads: usize,
    run: impl Fn(usize) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let run = &run;
        let spawn = |worker| std::thread::Builder::new().spawn_scoped(scope, move || run(worker));
        // Without another thread the first one reads all.
        let others: Vec<_> = (1..n_threads).filter_map(|worker| spawn(worker).ok()).collect();
        let first = run(0);
        let results = others
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.fold(first, Result::and)
    })
}

/// What a batch of a saved scan adds to the progress.
fn progress(batch: &Batch) -> Progress {
    let n_dirs = batch.kind.iter().filter(|kind| **kind == Kind::Dir).count() as u64;
    let sizes = batch.size.iter().map(|&size| u64::try_from(size).unwrap_or(0));
    let bytes = sizes.fold(0, u64::saturating_add);
    Progress { n_files: batch.len() as u64 - n_dirs, n_dirs, bytes, n_errors: 0 }
}

/// True if a path is treated as a saved scan: a file with the suffix of a table, or a folder of
/// parts with their summary. Anything else is a tree.
pub fn is_saved_scan(path: &Path) -> bool {
    if path.is_dir() {
        is_folder_of_parts(path)
    } else {
        path.is_file() && Format::of_path(path).is_ok()
    }
}

fn is_folder_of_parts(folder: &Path) -> bool {
    folder.join(SUMMARY_NAME).is_file()
        && folder.read_dir().is_ok_and(|entries| {
            let mut names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
            names.any(|name| name.as_encoded_bytes().starts_with(b"part-"))
        })
}

fn preamble(walk: &WalkConfig, setup: &Setup) -> Preamble {
    let roots = setup.frontier.iter().map(|root| String::from_utf8_lossy(&root.path).into_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Preamble {
        roots: roots.collect(),
        started: now.map_or(0, |since| since.as_secs() as i64),
        options: walk.options_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_saved_scan_is_a_tree() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for dir in ["plain", "half", "whole", "dir.csv"] {
            std::fs::create_dir(at(dir)).unwrap();
        }
        for file in ["half/part-00000.parquet", "whole/part-00000.parquet", "whole/_summary.json"] {
            std::fs::write(at(file), "").unwrap();
        }
        for file in ["scan.csv.zst", "notes.txt"] {
            std::fs::write(at(file), "").unwrap();
        }
        let cases = [
            ("plain", false),
            ("half", false),
            ("whole", true),
            ("dir.csv", false),
            ("scan.csv.zst", true),
            ("notes.txt", false),
            ("missing.csv", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_saved_scan(&at(name)), expected, "{name}");
        }
    }
}
