//! What the folders of a tree hold, counted: the job behind Python's `DirectoryProfiler`.

use crate::error::Error;
use crate::input::{Input, Tree};
use crate::setup::WalkConfig;
use pwalk_engine::{Control, EntryError, Errno};
use pwalk_output::{FolderCounts, FolderSink, Summary};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A count that is ready to start.
pub struct Folders {
    input: Input,
    sink: FolderSink,
}

impl Folders {
    /// Checks the root, which must be a directory. The maximum depth is that of folders: files in
    /// those of that depth count.
    ///
    /// # Errors
    ///
    /// The first problem that the user must fix, by name.
    pub fn prepare(mut config: WalkConfig) -> Result<Folders, Error> {
        let max_depth = config.max_depth;
        config.max_depth = max_depth.map(|depth| depth.saturating_add(1));
        let tree = Tree::open(&config)?;
        config.roots.iter().try_for_each(|root| check_is_dir(root))?;
        let sink = FolderSink::new(max_depth, tree.n_encoders());
        Ok(Folders { input: tree.into(), sink })
    }

    /// Walks and counts. `on_error` is called for each error, from any thread.
    ///
    /// # Errors
    ///
    /// `Cancelled` if `control` was cancelled.
    pub fn run(
        self,
        control: &Control,
        on_error: &(dyn Fn(&EntryError) + Sync),
    ) -> Result<(FolderCounts, Summary), Error> {
        let summary = self.input.read(&self.sink, control, on_error)?;
        Ok((self.sink.finish(), summary))
    }
}

fn check_is_dir(root: &Path) -> Result<(), Error> {
    let path = root.as_os_str().as_bytes();
    match root.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::root(path, Errno::NOTDIR)),
        Err(error) => Err(Error::root(path, Errno::from_io(&error))),
    }
}
