//! The fixture trees, as one table, and the life of one tree on the disk.
//!
//! Owns the list: a tree that is not in [`FIXTURES`] is not tested. Each tree is made by a
//! function in one of the submodules, which know what a walk may stumble over and nothing of
//! who walks.
//!
//! A tree is made anew for each test and never unpacked from an archive: tar can't hold half
//! of it (times before 1970, paths beyond PATH_MAX, sockets), and git none.

mod depth;
mod folder;
mod inodes;
mod links;
mod names;
mod plain;

pub(crate) use folder::Folder;

use crate::churn;
use crate::remove::remove_tree;
use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A tree that can be made.
#[derive(Debug, Clone, Copy)]
pub struct Fixture {
    /// Lower case with underscores; also the name of the tree's root.
    pub name: &'static str,
    /// Makes the tree: the path given does not exist yet, its parent does.
    pub make: fn(&Path) -> io::Result<()>,
    /// The hazards that it stands for, by number; empty for what is merely normal.
    pub hazards: &'static [&'static str],
}

/// Every fixture tree.
pub const FIXTURES: &[Fixture] = &[
    row("basic", plain::basic, &[]),
    row("empty", plain::empty, &["T10"]),
    row("single_file", plain::single_file, &["T10"]),
    row("wide", plain::wide, &["T33", "T34"]),
    row("snapshots", plain::snapshots, &["T30"]),
    row("perms", inodes::perms, &["T20"]),
    row("owners", inodes::owners, &[]),
    row("inaccessible", inodes::inaccessible, &["T20"]),
    row("times", inodes::times, &["T12"]),
    row("sparse", inodes::sparse, &["T13"]),
    row("hard_links", inodes::hard_links, &["T15"]),
    row("special", inodes::special, &[]),
    row("links", links::links, &["T29"]),
    row("loops", links::loops, &["T29"]),
    row("names", names::names, &["T1", "T5", "T6", "T7"]),
    row("not_utf8", names::not_utf8, &["T2", "T3", "T4"]),
    row("deep", depth::deep, &["T28"]),
    row("very_deep", depth::very_deep, &["T18"]),
    row("long_path", depth::long_path, &["T17"]),
    row("vanishing", churn::make, &["T21", "T22"]),
];

const fn row(
    name: &'static str,
    make: fn(&Path) -> io::Result<()>,
    hazards: &'static [&'static str],
) -> Fixture {
    Fixture { name, make, hazards }
}

/// The fixture called `name`.
///
/// # Panics
///
/// If there is none: a name is written into a test, not typed by a user.
#[track_caller]
pub fn fixture(name: &str) -> &'static Fixture {
    find(name).unwrap_or_else(|| panic!("no fixture is called {name:?}"))
}

/// The fixture called `name`, if there is one.
pub fn find(name: &str) -> Option<&'static Fixture> {
    FIXTURES.iter().find(|fixture| fixture.name == name)
}

impl Fixture {
    /// Makes the tree in a temporary folder (below `TMPDIR`) that everybody may search.
    pub fn build(&self) -> io::Result<Tree> {
        let folder = tempfile::Builder::new().prefix("pwalk-").tempdir()?.keep();
        let tree = Tree { root: folder.join(self.name), folder };
        set_permissions(&tree.folder, Permissions::from_mode(0o755))?;
        (self.make)(&tree.root)?;
        Ok(tree)
    }
}

/// A tree on the disk; removed when it is dropped.
#[derive(Debug)]
pub struct Tree {
    /// The temporary folder, which holds the tree and nothing else.
    folder: PathBuf,
    /// Where a walk starts: `folder` and the fixture's name.
    root: PathBuf,
}

impl Tree {
    /// The root of the tree: an absolute path, of a folder or (`single_file`) of a file.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder around the tree, for what a test wants to write beside it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.folder) {
            eprintln!("{}: can't be removed: {error}", self.folder.display());
        }
    }
}
