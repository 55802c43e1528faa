//! A tree of any size that takes no memory: all that is known of an inode follows from its number.
//!
//! The root holds directories; each directory below it holds files, and directories again unless it
//! is at the lowest level. Directories are numbered level by level, so that the parent and the
//! children of one are a division away, and files follow after the last directory.

/// The number of the root, as FUSE has it.
pub(crate) const ROOT: u64 = 1;

/// How large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Directories in a directory.
    pub n_dirs: u64,
    /// Files in a directory; the root has none.
    pub n_files: u64,
    /// Levels of directories below the root.
    pub depth: u32,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) ino: u64,
    pub(crate) is_dir: bool,
    pub(crate) name: String,
}

impl Tree {
    /// `n_dirs` directories with `n_files` each.
    pub fn flat(n_dirs: u64, n_files: u64) -> Tree {
        Tree { n_dirs, n_files, depth: 1 }
    }

    /// All directories, the root included.
    pub fn n_all_dirs(&self) -> u64 {
        (0..=self.depth).map(|level| self.n_dirs.saturating_pow(level)).sum()
    }

    /// Everything, the root included.
    pub fn n_entries(&self) -> u64 {
        self.n_all_dirs() + (self.n_all_dirs() - 1) * self.n_files
    }

    /// The inode at a path below the root, as in `d00001/f00002`.
    pub fn find(&self, path: &str) -> Option<u64> {
        path.split('/').try_fold(ROOT, |ino, name| self.look_up(ino, name))
    }

    pub(crate) fn is_dir(&self, ino: u64) -> bool {
        ino <= self.n_all_dirs()
    }

    pub(crate) fn look_up(&self, dir: u64, name: &str) -> Option<u64> {
        let number: u64 = name.get(1..)?.parse().ok()?;
        let at = match name.as_bytes().first()? {
            b'd' if number < self.n_dirs_in(dir) => number,
            b'f' if number < self.n_files_in(dir) => self.n_dirs_in(dir) + number,
            _ => return None,
        };
        self.entry(dir, at).filter(|entry| entry.name == name).map(|entry| entry.ino)
    }

    /// The entry at a place in a directory, directories first.
    pub(crate) fn entry(&self, dir: u64, at: u64) -> Option<Entry> {
        let (n_dirs, n_files) = (self.n_dirs_in(dir), self.n_files_in(dir));
        if at < n_dirs {
            let ino = ROOT + (dir - ROOT) * self.n_dirs + 1 + at;
            return Some(Entry { ino, is_dir: true, name: format!("d{at:05}") });
        }
        let number = at - n_dirs;
        let before = self.n_all_dirs() + ROOT + (dir.checked_sub(ROOT + 1)?) * self.n_files;
        let file = || Entry { ino: before + number, is_dir: false, name: format!("f{number:05}") };
        (number < n_files).then(file)
    }

    fn n_dirs_in(&self, dir: u64) -> u64 {
        let first_child = (dir - ROOT) * self.n_dirs + 1;
        if self.is_dir(dir) && first_child < self.n_all_dirs() { self.n_dirs } else { 0 }
    }

    fn n_files_in(&self, dir: u64) -> u64 {
        if self.is_dir(dir) && dir != ROOT { self.n_files } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_inode_has_one_place_and_is_found_by_its_name() {
        for tree in [Tree::flat(5, 7), Tree { n_dirs: 3, n_files: 2, depth: 3 }, Tree::flat(0, 9)] {
            let mut seen = BTreeSet::from([ROOT]);
            let mut waiting = vec![ROOT];
            while let Some(dir) = waiting.pop() {
                for entry in (0..).map_while(|at| tree.entry(dir, at)) {
                    assert!(seen.insert(entry.ino), "{entry:?} is there twice");
                    assert_eq!(tree.look_up(dir, &entry.name), Some(entry.ino));
                    assert_eq!(tree.is_dir(entry.ino), entry.is_dir);
                    waiting.extend(entry.is_dir.then_some(entry.ino));
                }
            }
            assert_eq!(seen.len() as u64, tree.n_entries());
            assert_eq!(seen.last().copied(), Some(tree.n_entries()));
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let tree = Tree::flat(3, 4);
        assert_eq!(tree.find("d00001/f00002"), Some(1 + 3 + 4 + 3));
        for path in ["d00003", "d1", "f00000", "d00001/f00004", "d00001/x", "d00001/f00002/f00000"]
        {
            assert_eq!(tree.find(path), None, "{path}");
        }
    }
}
