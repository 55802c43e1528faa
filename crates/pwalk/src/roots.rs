//! Roots as a user gives them: checked, told apart, and turned into a frontier.

use crate::error::Error;
use pwalk_engine::{Argument, Frontier, FrontierDir, PathSet, RootPath};
use pwalk_output::work_folder;
use pwalk_sys::{
    Access, Errno, Freshness, Links, Mount, StatMask, innermost_mount, open_directory_by_path,
    stat_by_path,
};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

const ROOTS: Argument = Argument::new("roots", "root");

/// Checked roots of a walk.
pub(crate) struct Roots {
    /// Where the walk starts: each root once.
    pub(crate) frontier: Frontier,
    /// Roots as another root's walk would print them: they are left out there.
    pub(crate) nested: PathSet,
    /// What a user should know: roots that were given twice, or lie in another.
    pub(crate) notes: Vec<String>,
    /// Each root's place in the whole tree, as far as it could be resolved.
    resolved: Vec<PathBuf>,
}

impl Roots {
    /// Checks that every root is there and can be read.
    ///
    /// # Errors
    ///
    /// `Argument` if no root is given; `Root` for the first that is missing or not readable.
    pub(crate) fn check(given: &[Vec<u8>]) -> Result<Roots, Error> {
        if given.is_empty() {
            return Err(Error::bad(ROOTS, "", "at least one root is needed"));
        }
        let mut roots = Roots {
            frontier: Vec::new(),
            nested: PathSet::default(),
            notes: Vec::new(),
            resolved: Vec::new(),
        };
        for path in given {
            check_root(path).map_err(|errno| Error::root(path, errno))?;
            roots.add(path);
        }
        roots.find_nested();
        Ok(roots)
    }

    /// Looks at the roots, each in a thread that is left behind if it hangs.
    ///
    /// # Errors
    ///
    /// `Root` for the first that does not answer in time.
    pub(crate) fn await_answers(given: &[Vec<u8>], timeout: Duration) -> Result<(), Error> {
        for path in given {
            let asked = path.clone();
            let look = move || check_root(&asked).map(|()| resolve(to_path(&asked)));
            if matches!(ask_within(timeout, look), Err(RecvTimeoutError::Timeout)) {
                return Err(Error::root(path, Errno::TIMEDOUT));
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &[u8]) {
        let root = FrontierDir::root(path);
        let resolved = resolve(to_path(&root.path));
        match self.resolved.iter().position(|known| *known == resolved) {
            Some(first) => {
                let (first, second) = (show(&self.frontier[first].path), show(path));
                self.notes.push(format!("{second}: given twice (also as {first}); walked once"));
            }
            None => {
                self.frontier.push(root);
                self.resolved.push(resolved);
            }
        }
    }

    fn find_nested(&mut self) {
        for (outer, outer_resolved) in self.frontier.iter().zip(&self.resolved) {
            for (inner, inner_resolved) in self.frontier.iter().zip(&self.resolved) {
                if let Some(printed) = printed_below(outer, outer_resolved, inner_resolved) {
                    self.nested.insert(&printed);
                    let (inner, outer) = (show(&inner.path), show(&outer.path));
                    self.notes
                        .push(format!("{inner}: is inside {outer}; each entry is written once"));
                }
            }
        }
    }

    /// The roots as patterns may begin with them.
    pub(crate) fn paths(&self) -> Vec<RootPath> {
        let roots = self.frontier.iter().zip(&self.resolved);
        let path = |(root, resolved): (&FrontierDir, &PathBuf)| RootPath {
            printed: root.path.clone(),
            resolved: resolved.as_os_str().as_bytes().to_vec(),
        };
        roots.map(path).collect()
    }

    /// Each root as rows have it, and where it really is.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = (&[u8], &Path)> {
        let roots = self.frontier.iter().zip(&self.resolved);
        roots.map(|(root, resolved)| (&*root.path, resolved.as_path()))
    }

    /// How the walk prints what really is at `path`: once for each root that it lies below.
    pub(crate) fn printed<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = Vec<u8>> + 'a {
        let roots = self.frontier.iter().zip(&self.resolved);
        roots.filter_map(move |(root, resolved)| printed_below(root, resolved, path))
    }

    /// Leaves out a folder that is written, and the one in which the work goes on. They need not
    /// be there yet.
    pub(crate) fn leave_out(&mut self, folder: &Path) {
        let target = resolve(folder);
        for path in [&work_folder(&target), &target] {
            for (root, root_resolved) in self.frontier.iter().zip(&self.resolved) {
                if let Some(printed) = printed_below(root, root_resolved, path) {
                    self.nested.insert(&printed);
                }
            }
        }
    }

    /// The mount points of other filesystems below the roots, as their walks would print them.
    pub(crate) fn mount_points(&self, table: &[Mount]) -> PathSet {
        let mut set = PathSet::default();
        for (root, resolved) in self.frontier.iter().zip(&self.resolved) {
            let own = innermost_mount(table, resolved).map(|mount| &mount.device);
            for mount in table.iter().filter(|mount| Some(&mount.device) != own) {
                if let Some(printed) = printed_below(root, resolved, to_path(&mount.point)) {
                    set.insert(&printed);
                }
            }
        }
        set
    }
}

/// Asks in a thread that is left behind if it hangs. Where the system refuses a thread, nobody is asked.
pub(crate) fn ask_within<T: Send + 'static>(
    timeout: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RecvTimeoutError> {
    let (answer, answers) = channel();
    let ask = move || _ = answer.send(ask());
    let _ = Builder::new().name("pwalk-ask".to_owned()).spawn(ask);
    answers.recv_timeout(timeout)
}

/// A root must be there, and a directory must be readable.
fn check_root(path: &[u8]) -> Result<(), Errno> {
    let stat =
        stat_by_path(path, Links::Follow, StatMask::TYPE, Freshness::AsStat).or_else(|errno| {
            // A dangling link is an entry like any other; all else is missing or forbidden.
            let link = stat_by_path(path, Links::Keep, StatMask::TYPE, Freshness::AsStat)?;
            if pwalk_engine::Kind::from_mode(link.mode) == pwalk_engine::Kind::Symlink {
                Ok(link)
            } else {
                Err(errno)
            }
        })?;
    match pwalk_engine::Kind::from_mode(stat.mode) {
        pwalk_engine::Kind::Dir => {
            open_directory_by_path(path, Access::Read, Links::Follow).map(drop)
        }
        _ => Ok(()),
    }
}

/// Where a path really is; of one that isn't there, or dangles, where it would be.
fn resolve(path: &Path) -> PathBuf {
    let (parent, name) = (path.parent(), path.file_name().unwrap_or_default());
    let parent = parent.filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let would_be = || parent.canonicalize().map(|parent| parent.join(name));
    path.canonicalize().or_else(|_| would_be()).unwrap_or_else(|_| path.to_owned())
}

/// The path under which the walk of `root` would print what really is `inner`: `None` unless it
/// lies below the root.
fn printed_below(root: &FrontierDir, root_resolved: &Path, inner: &Path) -> Option<Vec<u8>> {
    let rest = inner.strip_prefix(root_resolved).ok()?;
    if rest.as_os_str().is_empty() {
        return None;
    }
    Some(to_path(&root.path).join(rest).into_os_string().into_vec())
}

fn to_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn show(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_roots_are_named_with_the_reason() {
        let check =
            |path: &str| Roots::check(&[path.as_bytes().to_vec()]).err().map(|e| e.to_string());
        assert_eq!(check("/etc"), None);
        assert_eq!(check("/etc/passwd"), None);
        assert_eq!(check("/no/such").unwrap(), "/no/such: No such file or directory");
        assert_eq!(check("").unwrap(), ": No such file or directory");
        assert_eq!(
            Roots::check(&[]).err().unwrap().to_string(),
            "root '': at least one root is needed"
        );
    }

    #[test]
    fn roots_given_twice_or_nested_are_walked_once() {
        let folder = tempfile::tempdir().unwrap();
        let outer = folder.path().canonicalize().unwrap();
        let inner = outer.join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let twice = outer.join("a/..");
        let roots = Roots::check(&[bytes(&outer), bytes(&inner), bytes(&twice)]).unwrap();
        assert_eq!(roots.frontier.len(), 2);
        assert_eq!(roots.notes.len(), 2, "{:?}", roots.notes);
        assert_eq!(
            format!("{:?}", roots.nested),
            format!("{:?}", PathSet::from_iter([bytes(&inner)]))
        );
    }
}
