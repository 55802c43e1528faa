//! The frontier: directories found and not yet read.

use crate::entry::FileId;

/// What a walk starts from, and what is left of it when a budget ends it.
pub type Frontier = Vec<FrontierDir>;

/// One directory still to be walked. Holds no descriptor and no fields of its inode, so that it
/// can be stored and continued another day, or on another machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrontierDir {
    /// The path as rows have it, without a closing slash (but for `/`).
    pub path: Vec<u8>,
    /// How much of `path` is the root that it was found under, in bytes.
    pub root_len: usize,
    /// Depth as rows have it: -1 for a root.
    pub depth: i32,
    /// Inode of the parent directory; 0 for a root.
    pub parent_inode: u64,
    /// Device of the root, once known: what `one_file_system` compares with.
    pub root_dev: Option<u64>,
    /// The directories above it, from the root down, in a walk that follows links; empty in
    /// others. A link to one of them is a loop.
    pub ancestors: Vec<FileId>,
    /// What it gets from above ([`crate::Inherit`]); of a root the walk itself says that.
    pub inherited: Option<u32>,
    /// In a walk for totals of subtrees the number of its parent among the directories that are
    /// open ([`crate::OpenDirs`]); `None` for a root, and in other walks.
    pub above: Option<u64>,
}

impl FrontierDir {
    /// A root, as a user names it; closing slashes are dropped.
    pub fn root(path: &[u8]) -> FrontierDir {
        let n_slashes = path.iter().rev().take_while(|&&byte| byte == b'/').count();
        let len = (path.len() - n_slashes).max(path.len().min(1));
        let path = path[..len].to_vec();
        FrontierDir {
            root_len: path.len(),
            path,
            depth: -1,
            parent_inode: 0,
            root_dev: None,
            ancestors: Vec::new(),
            inherited: None,
            above: None,
        }
    }

    /// True for a root that no walk has looked at yet.
    pub fn is_root(&self) -> bool {
        self.depth < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_slashes_of_a_root_are_dropped() {
        for (given, expected) in [("/a//", "/a"), ("a", "a"), ("/", "/"), ("///", "/"), ("", "")] {
            assert_eq!(FrontierDir::root(given.as_bytes()).path, expected.as_bytes(), "{given}");
        }
    }
}
