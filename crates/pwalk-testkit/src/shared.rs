//! A shared folder that needs repair: owners, groups and modes, for tests that run as root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The group of the shared folder.
pub const SHARED: u32 = 400;

/// Who owns what is in it, with a group of the same number.
pub const OWNER: u32 = 100;

/// Mode and group by path.
pub type Rights = BTreeMap<PathBuf, (u32, u32)>;

/// A folder that is removed at the end.
pub struct Shared {
    /// What lies around the shared folder.
    pub folder: PathBuf,
    /// The shared folder.
    pub root: PathBuf,
    _folder: TempDir,
}

impl Default for Shared {
    fn default() -> Self {
        Shared::new()
    }
}

impl Shared {
    /// An empty one.
    pub fn new() -> Shared {
        Shared::within(std::env::temp_dir())
    }

    /// One in another folder: on another filesystem.
    pub fn within(folder: impl AsRef<Path>) -> Shared {
        let own = tempfile::tempdir_in(folder).expect("it can be made");
        let folder = own.path().canonicalize().expect("it is there");
        give(&folder, 0o755, 0, 0);
        let root = folder.join("shared");
        dir(&root, 0o2770, OWNER, SHARED);
        Shared { folder, root, _folder: own }
    }

    /// One with so many directories, each with so many files: some are right, the others are not.
    pub fn with(n_dirs: usize, n_files: usize) -> Shared {
        const DIRS: [(u32, u32); 4] =
            [(0o700, OWNER), (0o755, 0), (0o2750, SHARED), (0o700, SHARED)];
        const FILES: [(u32, u32); 5] =
            [(0o600, OWNER), (0o644, 0), (0o700, SHARED), (0o640, SHARED), (0o400, 0)];
        let shared = Shared::new();
        for number in 0..n_dirs {
            let path = shared.at(&format!("d{number}"));
            let (mode, gid) = DIRS[number % DIRS.len()];
            dir(&path, mode, OWNER, gid);
            for number in 0..n_files {
                let (mode, gid) = FILES[number % FILES.len()];
                file(&path.join(format!("f{number}")), mode, OWNER, gid);
            }
        }
        shared
    }

    /// The path of an entry.
    pub fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file in it that nobody but its owner may read.
    pub fn private(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        file(&path, 0o600, OWNER, OWNER);
        path
    }

    /// A name for a journal.
    pub fn journal(&self, number: usize) -> PathBuf {
        self.folder.join(format!("journal-{number}"))
    }

    /// Modes and groups of everything in it.
    pub fn rights(&self) -> Rights {
        let mut found = Rights::new();
        let mut waiting = vec![self.root.clone()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            if metadata.is_dir() {
                let entries = fs::read_dir(&path).expect("it can be read");
                waiting.extend(entries.map(|entry| entry.expect("it can be read").path()));
            }
            found.insert(path, (metadata.mode() & 0o7777, metadata.gid()));
        }
        found
    }
}

/// Makes a directory.
pub fn dir(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::create_dir(path).expect("it can be made");
    give(path, mode, uid, gid);
}

/// Makes a file.
pub fn file(path: &Path, mode: u32, uid: u32, gid: u32) {
    fs::write(path, "what is in it").expect("it can be written");
    give(path, mode, uid, gid);
}

/// Gives an entry an owner, a group and a mode.
pub fn give(path: &Path, mode: u32, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).expect("root may");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root may");
}
