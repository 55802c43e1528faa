//! What filesystem a path is on, and how a walk of it would be done.

use crate::error::Error;
use crate::filesystems::{MountsBelow, fs_kind, mounts_below};
use crate::threads::Threads;
use pwalk_engine::FsKind;
use pwalk_sys::{RawFilesystem, filesystem, mounts};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is known of the filesystem that a path is on.
#[derive(Clone, Debug)]
pub struct Info {
    /// The path asked for.
    pub path: PathBuf,
    /// What statfs(2) and the mount table say.
    pub filesystem: RawFilesystem,
    /// Its row in the table of tunings.
    pub kind: &'static FsKind,
    /// The workers that a walk would take, and why.
    pub threads: Threads,
    /// What is mounted below it.
    pub below: Vec<MountsBelow>,
}

impl Info {
    /// As many workers as there may be.
    pub fn workers_max(&self) -> usize {
        self.threads.count.max(self.threads.max.min(self.kind.tuning.workers_max))
    }

    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// `Root` if the path is missing or not accessible, `Argument` for a number out of range.
    pub fn of(path: &Path, threads: Option<usize>) -> Result<Info, Error> {
        // An automounter mounts it now, if it does.
        let _ = path.metadata();
        let table = mounts().unwrap_or_default();
        let filesystem = filesystem(&table, path)
            .map_err(|errno| Error::root(path.as_os_str().as_bytes(), errno))?;
        let kind = fs_kind(&filesystem, &table);
        let threads = Threads::choose(threads, |name| std::env::var_os(name), kind)?;
        let below = mounts_below(path, &table, threads.n_cores);
        Ok(Info { path: path.to_owned(), filesystem, kind, threads, below })
    }
}
