//! Paths of any length: from a path to a descriptor and a rest that one system call takes.
//!
//! Owns the cutting of long paths. Knows nothing of what the caller does at the end of one.
//!
//! The way in is opened with O_PATH, which asks only for the right to search the folders
//! above: a folder of mode `--x` must not stop it. It is kept open for the next path, since a
//! naive walk of 10,000 levels otherwise looks up 50 million names (3 s instead of 0.3 s).

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// The most bytes of a path given to one call. PATH_MAX would allow 4095; shorter steps are
/// looked up again in less time, and cost a descriptor each.
const STEP_BYTES: usize = 1000;

/// The way to the path asked for last.
#[derive(Default)]
pub(crate) struct Way {
    /// From the first piece of the path to the longest; none while paths are short.
    steps: Vec<Step>,
}

struct Step {
    /// All of the path up to here, with the slash that ends it.
    path: Vec<u8>,
    folder: OwnedFd,
}

impl Way {
    /// A descriptor and what is left of `path` from there: short, and empty only if `path` is.
    pub(crate) fn to<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        while self.steps.last().is_some_and(|step| !path.starts_with(&step.path)) {
            self.steps.pop();
        }
        while let Some(n_bytes) = next_step(&path[self.n_done()..]) {
            let end = self.n_done() + n_bytes;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = openat(self.end(), &path[self.n_done()..end], flags, Mode::empty())?;
            self.steps.push(Step { path: path[..end].to_vec(), folder });
        }
        Ok((self.end(), &path[self.n_done()..]))
    }

    /// Bytes of the path that the steps have taken.
    fn n_done(&self) -> usize {
        self.steps.last().map_or(0, |step| step.path.len())
    }

    fn end(&self) -> BorrowedFd<'_> {
        self.steps.last().map_or(CWD, |step| step.folder.as_fd())
    }
}

/// How much of a path that is too long the next call takes, its slash included. None: the path
/// is short, or has no slash where one is needed, and the kernel shall refuse it.
fn next_step(path: &[u8]) -> Option<usize> {
    if path.len() <= STEP_BYTES {
        return None;
    }
    let slash = path[..STEP_BYTES].iter().rposition(|&byte| byte == b'/')?;
    path[slash..].iter().position(|&byte| byte != b'/').map(|n_slashes| slash + n_slashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_behind_a_slash() {
        let long = "name/".repeat(1000);
        assert_eq!(next_step(long.as_bytes()), Some(1000));
        assert_eq!(next_step(format!("x{long}").as_bytes()), Some(996));
        let doubled = long.replace('/', "//");
        assert_eq!(next_step(doubled.as_bytes()), Some(996));
    }

    #[test]
    fn short_paths_and_giant_names_take_no_step() {
        assert_eq!(next_step(b"a/b"), None);
        assert_eq!(next_step(&[b'x'; 5000]), None);
        assert_eq!(next_step(&[b'/'; 5000]), None);
    }

    #[test]
    fn a_way_is_kept_as_far_as_the_next_path_goes_along() {
        let mut way = Way::default();
        let path = |n, end: &str| [&b"./".repeat(n), end.as_bytes()].concat();
        assert_eq!(way.to(&path(2000, "x")).unwrap().1, b"x");
        assert_eq!(way.steps.len(), 4);
        assert_eq!(way.to(&path(600, "y")).unwrap().1, path(100, "y"));
        assert_eq!(way.steps.len(), 1);
        assert_eq!(way.to(b"z").unwrap().1, b"z");
        assert!(way.steps.is_empty());
    }
}
