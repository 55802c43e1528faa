//! A tree that changes while it is walked, and the thread that changes it.
//!
//! Owns the tree `vanishing`, the list of its entries that stay, and the changes to the rest.
//! Knows nothing of the walk: what a walk must report is the stable part, all of it, once.
//!
//! The changes follow a fixed pattern and not a random one: the races come from the walk, and
//! a failure is then not blamed on a seed.

use crate::fixtures::Folder;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Stable files beside the changing ones: enough for several reads of the folder.
const N_STABLE: usize = 1_000;
/// Names that the changes go round in.
const N_SLOTS: u64 = 64;
/// Names that are now a file and now a folder.
const N_SWAPPED: u64 = 8;

/// Makes the stable part of the tree `vanishing`.
pub(crate) fn make(root: &Path) -> io::Result<()> {
    let root = Folder::create(root)?;
    for name in ["busy", "other"] {
        let folder = root.folder(name)?;
        for n in 0..N_STABLE {
            folder.file(stable_name(n), n % 10)?;
        }
        folder.folder("stable")?.file("inside.txt", 3)?;
    }
    Ok(())
}

fn stable_name(n: usize) -> String {
    format!("stable_{n:04}.txt")
}

/// The paths that a walk from `root` must always report, each exactly once.
pub fn stable_paths(root: &Path) -> Vec<PathBuf> {
    let mut paths = vec![root.to_owned()];
    for name in ["busy", "other"] {
        let folder = root.join(name);
        paths.extend((0..N_STABLE).map(|n| folder.join(stable_name(n))));
        paths.extend([folder.join("stable"), folder.join("stable/inside.txt"), folder]);
    }
    paths
}

/// The body of a thread that changes the tree `vanishing` until `stop` is set.
///
/// It makes, renames and removes files and folders, and puts a folder where a file of the same
/// name was. Several may run at once. Returns the number of rounds, of about fifteen changes
/// each. Errors: only those that another such thread can't explain, like a full disk.
pub fn churn(root: &Path, stop: &AtomicBool) -> io::Result<u64> {
    let (busy, other) = (root.join("busy"), root.join("other"));
    let mut round = 0;
    // Relaxed: the flag carries no data, and a round more does no harm.
    while !stop.load(Ordering::Relaxed) {
        change_files(&busy, &other, round)?;
        change_folders(&busy, &other, round)?;
        swap_kinds(&busy, round)?;
        round += 1;
    }
    Ok(round)
}

/// A new file, one moved to the other folder, one removed there.
fn change_files(busy: &Path, other: &Path, round: u64) -> io::Result<()> {
    let name = |age: u64| format!("file_{}.tmp", (round + N_SLOTS - age) % N_SLOTS);
    raced(fs::write(busy.join(name(0)), b"new"))?;
    raced(fs::rename(busy.join(name(8)), other.join(name(8))))?;
    raced(fs::remove_file(other.join(name(16))))
}

/// The same with folders that hold a file and a folder.
fn change_folders(busy: &Path, other: &Path, round: u64) -> io::Result<()> {
    let name = |age: u64| format!("folder_{}", (round + N_SLOTS - age) % N_SLOTS);
    let folder = busy.join(name(0));
    raced(fs::create_dir_all(folder.join("inner")))?;
    raced(fs::write(folder.join("inner/file.txt"), b"new"))?;
    raced(fs::rename(busy.join(name(8)), other.join(name(8))))?;
    raced(fs::remove_dir_all(other.join(name(16))))
}

/// A file where a folder was, or a folder where a file was.
fn swap_kinds(busy: &Path, round: u64) -> io::Result<()> {
    let path = busy.join(format!("swap_{}", round % N_SWAPPED));
    if path.is_dir() {
        raced(fs::remove_dir_all(&path))?;
        return raced(fs::write(&path, b"now a file"));
    }
    raced(fs::remove_file(&path))?;
    raced(fs::create_dir(&path))?;
    raced(fs::write(path.join("inside.txt"), b"now below a folder"))
}

/// Forgives what only says that another thread was faster.
fn raced(result: io::Result<()>) -> io::Result<()> {
    use ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound};
    match result.map_err(|error| (error.kind(), error)) {
        Err((NotFound | AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory, _)) => {
            Ok(())
        }
        other => other.map_err(|(_, error)| error),
    }
}
