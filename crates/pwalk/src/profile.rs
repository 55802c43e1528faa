//! The profile: statistics of trees, or of a saved scan.
//!
//! What is counted, and what the result says, is in `pwalk_output::profile`.

use crate::error::Error;
use crate::input::{Input, Table, Tree, is_saved_scan};
use crate::output::Output;
use crate::roots::ask_within;
use crate::setup::WalkConfig;
use pwalk_engine::{Argument, Condition, Control, EntryError, Fields};
use pwalk_output::{Columns, Format, OutputFile, Unfinished, page};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use pwalk_output::page::fragment;
pub use pwalk_output::profile::*;

/// Items of each list, unless something else is asked for.
pub const TOP_DEFAULT: usize = 100;
/// Items of each list that can be asked for.
pub const TOP_MAX: usize = 100_000;

const PATH: Argument = Argument::new("path", "path");
const TOP: Argument = Argument::new("top", "length of lists");

/// What a profile of a saved scan is made of, beside paths and kinds; `tree` if it has all of them.
const COLUMNS: &str =
    "inode,UID,GID,st_size,st_dev,st_blocks,st_nlink,st_atime,st_mtime,pw_fcount,pw_dirsum";

/// What to count.
#[derive(Clone, Debug)]
pub struct ProfileConfig {
    /// What to walk. A single root that is a saved scan ([`is_saved_scan`]) is read instead, by as
    /// many threads; the other rules are for trees then.
    pub walk: WalkConfig,
    /// The format of the saved scan, if its suffix doesn't say.
    pub format: Option<Format>,
    /// Where a page to look at goes, besides.
    pub page: Option<Output>,
    /// Items of each list at the most: extensions, owners, largest files. 1 to [`TOP_MAX`]; of
    /// paths there are never more than 10,000.
    pub top: usize,
}

impl ProfileConfig {
    /// A profile of these roots.
    pub fn new<P: Into<std::path::PathBuf>>(roots: impl IntoIterator<Item = P>) -> ProfileConfig {
        let roots = roots.into_iter().map(Into::into).collect();
        ProfileConfig {
            walk: WalkConfig { roots, ..WalkConfig::default() },
            format: None,
            page: None,
            top: TOP_DEFAULT,
        }
    }
}

/// A profile that is ready to be made: all that can be checked was checked.
///
/// ```
/// use pwalk::Control;
/// use pwalk::profile::{ProfileConfig, ProfileJob};
///
/// # fn main() -> Result<(), pwalk::Error> {
/// let job = ProfileJob::prepare(&ProfileConfig::new(["/etc"]))?;
/// let profile = job.run(&Control::default(), &|error| eprintln!("{error:?}"))?;
/// for tree in profile.largest_trees.iter().take(10) {
///     println!("{} bytes in {}", tree.bytes, tree.path.to_str());
/// }
/// println!("{}", profile.to_json());
/// # Ok(())
/// # }
/// ```
pub struct ProfileJob {
    input: Input,
    profiler: Profiler,
    page: Option<OutputFile>,
    unfinished: Arc<Unfinished>,
}

impl ProfileConfig {
    /// The first of the paths that is a saved scan ([`is_saved_scan`]). With a timeout, what doesn't
    /// answer in time is none.
    pub fn saved_scan(&self) -> Option<&Path> {
        let timeout = self.walk.settings.timeout.map(|seconds| Duration::from_secs(seconds as u64));
        let is_scan = |root: &PathBuf| match timeout {
            None => is_saved_scan(root),
            Some(timeout) => {
                let root = root.clone();
                ask_within(timeout, move || is_saved_scan(&root)).unwrap_or(false)
            }
        };
        let scan = self.walk.roots.iter().find(|root| self.format.is_some() || is_scan(root));
        scan.map(PathBuf::as_path)
    }

    /// The saved scan that it is of.
    fn scan(&self) -> Result<Option<&Path>, Error> {
        match self.saved_scan() {
            Some(scan) if self.walk.roots.len() > 1 => {
                let reason = "is a saved scan, which has a profile of its own: give no other path";
                Err(Error::bad(PATH, scan.to_string_lossy(), reason))
            }
            scan => Ok(scan),
        }
    }
}

impl ProfileJob {
    /// Checks the roots and the rules.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(config: &ProfileConfig) -> Result<ProfileJob, Error> {
        let top = checked_top(config.top)?;
        let scan = config.scan()?;
        let page = open(config.page.as_ref())?;
        match scan {
            Some(scan) => ProfileJob::of_scan(scan, config, top, page),
            None => ProfileJob::of_tree(config, top, page),
        }
    }

    fn of_tree(
        config: &ProfileConfig,
        top: usize,
        page: Option<OutputFile>,
    ) -> Result<ProfileJob, Error> {
        let mut tree = Tree::open(&config.walk)?;
        let started = tree.preamble.started;
        let roots = tree.preamble.roots.clone();
        let source = Source {
            roots,
            kind: SourceKind::Tree,
            scan: None,
            condition: config.walk.condition.clone(),
        };
        let about = About {
            source,
            started,
            ages_as_of: started,
            top,
            has_depths: true,
            has_entries: true,
        };
        let profiler = Profiler::new(Profiler::FIELDS, about, tree.n_encoders());
        tree.leave_out(page.iter().filter_map(OutputFile::id).collect());
        Ok(ProfileJob::new(tree.into(), profiler, page))
    }

    fn new(input: Input, profiler: Profiler, page: Option<OutputFile>) -> ProfileJob {
        let unfinished = Arc::new(Unfinished::new(&page, None));
        ProfileJob { input, profiler, page, unfinished }
    }

    /// What must be abandoned if the process ends before `run` returns.
    pub fn unfinished(&self) -> Arc<Unfinished> {
        self.unfinished.clone()
    }

    fn of_scan(
        path: &Path,
        config: &ProfileConfig,
        top: usize,
        page: Option<OutputFile>,
    ) -> Result<ProfileJob, Error> {
        let condition = config.walk.condition.as_deref();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let n_threads = config.walk.threads.unwrap_or_else(cores);
        let mut table = Table::open_for(path, config.format, &wanted(condition)?, n_threads)?;
        condition.map_or(Ok(()), |condition| table.filter(condition))?;
        let totals = Columns::parse("tree")?;
        let has_trees = totals.iter().all(|column| table.columns().has(column.name));
        let mut fields = Profiler::FIELDS & table.columns().told();
        if !has_trees {
            fields.remove(Fields::TREE);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let started = now.map_or(0, |since| since.as_secs() as i64);
        let source = Source {
            roots: table.roots(),
            kind: SourceKind::Scan,
            scan: Some(path.as_os_str().as_bytes().into()),
            condition: config.walk.condition.clone(),
        };
        let about = About {
            source,
            started,
            ages_as_of: table.started().unwrap_or(started),
            top,
            has_depths: table.columns().has("directory-depth"),
            has_entries: table.columns().has("pw_fcount"),
        };
        let profiler = Profiler::new(fields, about, n_threads);
        Ok(ProfileJob::new(table.into(), profiler, page))
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        self.input.notes()
    }

    /// About how many entries there are, where that is known.
    pub fn n_expected(&self) -> Option<u64> {
        self.input.n_expected()
    }

    /// Reads and counts. `on_error` is called for each error, from any thread.
    ///
    /// # Errors
    ///
    /// `Cancelled` if `control` was cancelled: what was counted by then says nothing of the whole.
    /// `File` if a saved scan is damaged, or the page can't be written.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Profile, Error> {
        let clock = Instant::now();
        let summary = self.input.read(&self.profiler, control, on_error)?;
        let mut profile = self.profiler.finish(&summary);
        // The summary of a saved scan says how long its walk took.
        profile.seconds = (clock.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        if let Some(file) = self.page {
            write_page(&profile, file, &self.unfinished)?;
        }
        Ok(profile)
    }
}

/// The columns of a saved scan that are read.
fn wanted(condition: Option<&str>) -> Result<Columns, Error> {
    let counted = Columns::parse(&format!("{COLUMNS},tree"))?;
    let Some(condition) = condition else { return Ok(counted) };
    let tested = Columns::for_condition(&Condition::new(condition)?);
    let tested = tested.iter().filter(|column| !counted.has(column.name)).copied();
    Ok(Columns::of(counted.iter().copied().chain(tested.collect::<Vec<_>>())))
}

/// Writes the page of a profile to a file, which appears when it is complete.
///
/// # Errors
///
/// `File` if it can't be written.
pub fn save_page(profile: &Profile, path: &Path) -> Result<(), Error> {
    let file = OutputFile::create(path)?;
    let unfinished = Unfinished::new([&file], None);
    write_page(profile, file, &unfinished)
}

fn open(page: Option<&Output>) -> Result<Option<OutputFile>, Error> {
    Ok(match page {
        None => None,
        Some(Output::Stdout) => Some(OutputFile::stdout()?),
        Some(Output::File(path)) => Some(OutputFile::create(path)?),
    })
}

fn write_page(
    profile: &Profile,
    mut file: OutputFile,
    unfinished: &Unfinished,
) -> Result<(), Error> {
    let mut text = Vec::new();
    page::write(profile, &mut text).map_err(|error| file.error(error))?;
    file.append(&text)?;
    if !unfinished.begin_naming() {
        return Err(Error::cancelled());
    }
    file.finish()?;
    Ok(())
}

fn checked_top(top: usize) -> Result<usize, Error> {
    if (1..=TOP_MAX).contains(&top) {
        return Ok(top);
    }
    Err(Error::bad(TOP, top.to_string(), format!("must be between 1 and {TOP_MAX}")))
}
