//! The profile: statistics of trees, or of a saved scan.
//!
//! What is counted, and what the result says, is in `pwalk_output::profile`.

use crate::error::Error;
use crate::input::{Input, Tree};
use crate::setup::WalkConfig;
use pwalk_engine::{Argument, Control, EntryError};

pub use pwalk_output::profile::*;

/// Items of each list, unless something else is asked for.
pub const TOP_DEFAULT: usize = 100;
/// Items of each list that can be asked for.
pub const TOP_MAX: usize = 100_000;

const TOP: Argument = Argument::new("top", "length of lists");

/// What to count.
#[derive(Clone, Debug)]
pub struct ProfileConfig {
    /// What to walk.
    pub walk: WalkConfig,
    /// Items of each list at the most: extensions, owners, largest files. 1 to [`TOP_MAX`]; of
    /// paths there are never more than 10,000.
    pub top: usize,
}

impl ProfileConfig {
    /// A profile of these roots.
    pub fn new<P: Into<std::path::PathBuf>>(roots: impl IntoIterator<Item = P>) -> ProfileConfig {
        let roots = roots.into_iter().map(Into::into).collect();
        ProfileConfig { walk: WalkConfig { roots, ..WalkConfig::default() }, top: TOP_DEFAULT }
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
}

impl ProfileJob {
    /// Checks the roots and the rules.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(config: &ProfileConfig) -> Result<ProfileJob, Error> {
        let top = checked_top(config.top)?;
        let tree = Tree::open(&config.walk)?;
        let started = tree.preamble.started;
        let roots = tree.preamble.roots.clone();
        let source = Source { roots, kind: SourceKind::Tree, scan: None, condition: None };
        let about = About { source, started, ages_as_of: started, top };
        let profiler = Profiler::new(Profiler::FIELDS, about, tree.n_encoders());
        Ok(ProfileJob { input: tree.into(), profiler })
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
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Profile, Error> {
        let summary = self.input.read(&self.profiler, control, on_error)?;
        Ok(self.profiler.finish(&summary, false))
    }
}

fn checked_top(top: usize) -> Result<usize, Error> {
    if (1..=TOP_MAX).contains(&top) {
        return Ok(top);
    }
    Err(Error::bad(TOP, top.to_string(), format!("must be between 1 and {TOP_MAX}")))
}
