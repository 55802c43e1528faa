//! The naive walk: one thread, one entry after the other, the obvious way.
//!
//! Owns the second opinion on what a walk must report: rows, counts, sums, errors. It must not
//! know the product, and nobody may make it fast.
//!
//! Each folder is opened by its full path, in steps below PATH_MAX, and every entry goes over
//! one pile: no stack of descriptors, no `..`, nothing that could go wrong in the same way as
//! the walk under test.

mod row;

pub use row::{Kind, OracleRow, csv_row, extension};

use crate::reach::Way;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What to leave out. The default is the default of the product.
#[derive(Debug, Clone, Copy, Default)]
pub struct OracleOptions {
    /// Walk snapshot folders like any other.
    pub snapshots: bool,
    /// As `find -maxdepth`: 0 is the root alone. Folders at the limit are not read.
    pub max_depth: Option<i32>,
    /// Leave out folders of another device than the root's.
    pub one_file_system: bool,
}

/// What the walk found.
#[derive(Debug, Clone, Default)]
pub struct OracleWalk {
    /// One row per entry, in no guaranteed order.
    pub rows: Vec<OracleRow>,
    /// What could not be looked at, in no guaranteed order.
    pub errors: Vec<OracleError>,
    /// The paths of the snapshot folders that were skipped.
    pub skipped: Vec<Vec<u8>>,
}

/// A system call that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OracleError {
    /// `stat` (the entry has no row), `open` (the folder has a row without counts), `read`
    /// (its counts are of what was read until then).
    pub op: &'static str,
    /// The full path, as in a row.
    pub path: Vec<u8>,
    /// The number of the error.
    pub errno: i32,
}

/// The names of snapshot folders.
const SNAPSHOTS: [&[u8]; 4] = [b".snapshot", b".snapshots", b"~snapshot", b".zfs"];

/// Walks everything below `root`, itself included.
///
/// A symbolic link is never followed, not even as the root; a trailing slash makes the kernel
/// follow it, as everywhere. A root that is missing is an error and no row. Access times stay
/// as they are where the caller owns the folders, or is root.
pub fn walk(root: &Path, options: &OracleOptions) -> OracleWalk {
    let given = root.as_os_str().as_bytes();
    let mut walker = Walker { options: *options, ..Walker::default() };
    walker.add_root(given, without_trailing_slashes(given));
    while let Some(mut row) = walker.pending.pop() {
        let may_read = options.max_depth.is_none_or(|limit| row.depth + 1 < limit);
        if row.kind == Kind::Dir && may_read {
            walker.read_folder(&mut row);
        }
        walker.found.rows.push(row);
    }
    walker.found
}

#[derive(Default)]
struct Walker {
    options: OracleOptions,
    found: OracleWalk,
    /// Entries whose rows are not finished: folders among them are still to be read.
    pending: Vec<OracleRow>,
    way: Way,
    /// The device of the root.
    device: u64,
}

impl Walker {
    fn add_root(&mut self, given: &[u8], path: &[u8]) {
        match self.lstat(given) {
            Ok(stat) => {
                let row = OracleRow::new(path.to_vec(), &stat, 0, -1);
                self.device = row.dev;
                self.pending.push(row);
            }
            Err(errno) => self.fail("stat", path, errno),
        }
    }

    fn fail(&mut self, op: &'static str, path: &[u8], errno: Errno) {
        let errno = errno.raw_os_error();
        self.found.errors.push(OracleError { op, path: path.to_vec(), errno });
    }

    /// Counts the entries of a folder, and puts those that have a row on the pile.
    fn read_folder(&mut self, folder: &mut OracleRow) {
        let mut dir = match self.open(&folder.path).and_then(Dir::new) {
            Ok(dir) => dir,
            Err(errno) => return self.fail("open", &folder.path, errno),
        };
        let names = self.names(&mut dir, &folder.path);
        let mut dirsum = 0;
        for name in &names {
            let path = join(&folder.path, name.as_bytes());
            match dir.fd().and_then(|fd| statat(fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
                Ok(stat) => {
                    let row = OracleRow::new(path, &stat, folder.inode, folder.depth + 1);
                    dirsum += self.add(row, name.as_bytes());
                }
                Err(errno) => self.fail("stat", &path, errno),
            }
        }
        folder.fcount = Some(names.len() as i64);
        folder.dirsum = Some(dirsum);
    }

    /// Puts an entry on the pile unless it is left out; returns what it adds to the sum.
    fn add(&mut self, row: OracleRow, name: &[u8]) -> i64 {
        let is_dir = row.kind == Kind::Dir;
        let size = row.size;
        if is_dir && self.options.one_file_system && row.dev != self.device {
            return 0;
        }
        if is_dir && !self.options.snapshots && SNAPSHOTS.contains(&name) {
            self.found.skipped.push(row.path);
        } else {
            self.pending.push(row);
        }
        size
    }

    /// All names but `.` and `..`.
    fn names(&mut self, dir: &mut Dir, path: &[u8]) -> Vec<CString> {
        let mut names = Vec::new();
        for entry in dir {
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => names.push(entry.file_name().to_owned()),
                Err(errno) => self.fail("read", path, errno),
            }
        }
        names
    }

    fn lstat(&mut self, path: &[u8]) -> Result<Stat, Errno> {
        let (folder, rest) = self.way.to(path)?;
        statat(folder, rest, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// O_NOATIME is for owners only, so it is tried first and then left out.
    fn open(&mut self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let (folder, rest) = self.way.to(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(folder, rest, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => openat(folder, rest, flags, Mode::empty()),
            result => result,
        }
    }
}

/// The root `/` keeps its slash.
fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let mut path = path;
    while path.len() > 1 && path.ends_with(b"/") {
        path = &path[..path.len() - 1];
    }
    path
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if folder.ends_with(b"/") { b"" } else { b"/" };
    [folder, slash, name].concat()
}
