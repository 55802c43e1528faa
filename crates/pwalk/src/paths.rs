//! The paths of every entry, as `find` prints them: the job behind `pwalk walk`.

use crate::error::Error;
use crate::input::Tree;
use crate::job::Job;
use crate::setup::WalkConfig;
use pwalk_engine::{Control, EntryError, Kind};
use pwalk_output::{OutputFile, Summary, create_paths};

/// Which paths to print.
#[derive(Clone, Debug, Default)]
pub struct PathsConfig {
    /// What to walk.
    pub walk: WalkConfig,
    /// Kinds to print; empty: all.
    pub kinds: Vec<Kind>,
    /// Ends paths with a NUL instead of a newline.
    pub nul: bool,
}

/// Paths to standard output, ready to start.
pub struct Paths(Job);

impl Paths {
    /// Checks the roots.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(config: PathsConfig) -> Result<Paths, Error> {
        let tree = Tree::open(&config.walk)?;
        let end = if config.nul { b'\0' } else { b'\n' };
        let table = create_paths(&config.kinds, end, OutputFile::stdout()?, tree.n_encoders())?;
        Ok(Paths(Job { input: tree.into(), table, errors: None }))
    }

    /// What a user should know before it starts, one line each.
    pub fn notes(&self) -> &[String] {
        self.0.input.notes()
    }

    /// Walks and prints. `on_error` is called for each error, from any thread.
    ///
    /// # Errors
    ///
    /// `File` if standard output can't be written to, `Cancelled` if `control` was cancelled.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<Summary, Error> {
        self.0.run(control, on_error, |_| Ok(()))
    }
}
