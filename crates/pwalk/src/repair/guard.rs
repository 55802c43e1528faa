//! Keeps a plan, whoever wrote it, from the system's own folders.

use super::protected::Protected;
use pwalk_engine::FileId;
use pwalk_sys::Mount;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The system's folders and the mounts, as they were when the job began.
pub(crate) struct Guard {
    protected: Arc<Protected>,
    mounts: Arc<Vec<Mount>>,
    /// Where something is mounted: what a path there leads to is not in the directory around it.
    points: HashSet<Vec<u8>>,
    /// What was said of the directory of the last path.
    last: Option<(PathBuf, bool)>,
}

impl Guard {
    pub(crate) fn new(protected: Arc<Protected>, mounts: Arc<Vec<Mount>>) -> Guard {
        let points = mounts.iter().map(|mount| mount.point.clone()).collect();
        Guard { protected, mounts, points, last: None }
    }

    /// True for the path and the inode of an entry that must not be touched. The path has no symbolic links, or it
    /// can't be opened.
    pub(crate) fn keeps(&mut self, path: &[u8], id: FileId) -> bool {
        let is_mounted = self.points.contains(path);
        let path = Path::new(OsStr::from_bytes(path));
        let Some(parent) = path.parent() else { return true };
        let is_at = self.protected.is_at(path) || self.protected.has(id);
        if is_at || is_mounted && self.protected.holds_path(path, &self.mounts) {
            return true;
        }
        match &self.last {
            Some((known, is_kept)) if known == parent => *is_kept,
            _ => {
                let is_kept = self.protected.holds_path(parent, &self.mounts);
                self.last = Some((parent.to_owned(), is_kept));
                is_kept
            }
        }
    }
}
