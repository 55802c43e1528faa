//! A shared folder that needs repair, for the tests of `pwalk repair`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The group of the shared folder.
pub(crate) const SHARED: u32 = 400;
/// Who owns what is in it, with a group of the same number.
pub(crate) const OWNER: u32 = 100;

/// Mode and group by path.
pub(crate) type Rights = BTreeMap<PathBuf, (u32, u32)>;

/// A folder that is removed at the end.
pub(crate) struct Shared {
    /// What lies around the shared folder, and where the command is run.
    pub(crate) folder: PathBuf,
    /// The shared folder.
    pub(crate) root: PathBuf,
    _folder: TempDir,
}

impl Shared {
    /// An empty one.
    pub(crate) fn new() -> Shared {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().canonicalize().unwrap();
        let root = folder.join("shared");
        dir(&root, 0o2770, OWNER, SHARED);
        Shared { folder, root, _folder: own }
    }

    /// One with so many directories, each with so many files: some are right, the others are not.
    pub(crate) fn with(n_dirs: usize, n_files: usize) -> Shared {
        let shared = Shared::new();
        for number in 0..n_dirs {
            let path = shared.root.join(format!("d{number}"));
            let (mode, gid) =
                [(0o700, OWNER), (0o755, 0), (0o2750, SHARED), (0o700, SHARED)][number % 4];
            dir(&path, mode, OWNER, gid);
            for number in 0..n_files {
                let cases =
                    [(0o600, OWNER), (0o644, 0), (0o700, SHARED), (0o640, SHARED), (0o400, 0)];
                let (mode, gid) = cases[number % 5];
                file(&path.join(format!("f{number}")), mode, OWNER, gid);
            }
        }
        shared
    }

    /// Modes and groups of everything in it.
    pub(crate) fn rights(&self) -> Rights {
        let mut found = Rights::new();
        let mut waiting = vec![self.root.clone()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            found.insert(path, (metadata.mode() & 0o7777, metadata.gid()));
        }
        found
    }
}

/// Makes a directory.
pub(crate) fn dir(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::create_dir(path).unwrap();
    give(path, mode, uid, gid);
}

/// Makes a file.
pub(crate) fn file(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::write(path, "what is in it").unwrap();
    give(path, mode, uid, gid);
}

/// Gives an entry an owner, a group and a mode.
pub(crate) fn give(path: &Path, mode: u32, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
