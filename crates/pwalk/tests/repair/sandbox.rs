//! A shared folder to repair, with a group that its entries should have; and what lies beside it.

use crate::harness::{State, states};
use pwalk::MemoryTable;
use pwalk::repair::Changes;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The group of the shared folder.
pub(crate) const SHARED: u32 = 400;

/// Who owns what is in it, with a group of the same number.
pub(crate) const OWNER: u32 = 100;

/// A folder that is removed at the end.
pub(crate) struct Sandbox {
    /// What lies around the shared folder.
    pub(crate) folder: PathBuf,
    /// The shared folder.
    pub(crate) root: PathBuf,
    _folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        Sandbox::within(std::env::temp_dir())
    }

    /// One in another folder: on another filesystem.
    pub(crate) fn within(folder: impl AsRef<Path>) -> Sandbox {
        let own = tempfile::tempdir_in(folder).unwrap();
        let folder = own.path().canonicalize().unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.join("shared");
        dir(&root, 0o2770, OWNER, SHARED);
        Sandbox { folder, root, _folder: own }
    }

    /// The path of an entry.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file in it that nobody but its owner may read.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        file(&path, 0o600, OWNER, OWNER);
        path
    }

    /// A name for a journal.
    pub(crate) fn journal(&self, number: usize) -> PathBuf {
        self.folder.join(format!("journal-{number}"))
    }
}

pub(crate) fn dir(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::create_dir(path).unwrap();
    give(path, mode, uid, gid);
}

pub(crate) fn file(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::write(path, "what is in it").unwrap();
    give(path, mode, uid, gid);
}

pub(crate) fn give(path: &Path, mode: u32, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The changes of a plan.
pub(crate) fn table(changes: Arc<MemoryTable>) -> Changes {
    Changes::Table(changes, PathBuf::new())
}

/// Mode and group.
pub(crate) fn rights(path: &Path) -> (u32, u32) {
    let state = state(path);
    (state.mode & 0o7777, state.gid)
}

/// What one entry is like.
pub(crate) fn state(path: &Path) -> State {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path).unwrap();
    let ctime = (metadata.ctime(), metadata.ctime_nsec());
    State { mode: metadata.mode(), uid: metadata.uid(), gid: metadata.gid(), ctime }
}

/// Modes and groups of everything below a path.
pub(crate) fn all_rights(root: &Path) -> BTreeMap<PathBuf, (u32, u32)> {
    let states = states(root).into_iter();
    states.map(|(path, state)| (path, (state.mode & 0o7777, state.gid))).collect()
}
