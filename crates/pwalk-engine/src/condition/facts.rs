//! What is known of an entry when a condition is asked: its name and its directory at first, its
//! inode and its content later.

use super::node::Number;
use crate::batch::{Contents, Row};
use crate::entry::{Kind, Stat};
use std::cell::OnceCell;

/// An entry, as far as it is known.
pub(crate) struct Facts<'a> {
    /// The path of the directory that it is in, or is, with a closing slash.
    dir: &'a [u8],
    /// Its name in that directory; empty if it is that directory.
    name: &'a [u8],
    /// -1 for a root.
    depth: i32,
    /// `None` where only the inode tells.
    pub(super) kind: Option<Kind>,
    /// Its inode; `None` while that was not read.
    pub(super) stat: Option<&'a Stat>,
    /// `None` while that is not known.
    contents: Option<Contents>,
    /// Put together when it is first asked for.
    path: OnceCell<Vec<u8>>,
}

impl<'a> Facts<'a> {
    /// An entry of which its directory tells. `dir_depth` is that of the directory.
    #[inline]
    pub(crate) fn told(dir: &'a [u8], dir_depth: i32, name: &'a [u8], kind: Option<Kind>) -> Self {
        let depth = dir_depth.saturating_add(i32::from(!name.is_empty()));
        Facts { dir, name, depth, kind, stat: None, contents: None, path: OnceCell::new() }
    }

    /// A directory itself, by its path with a closing slash.
    pub(crate) fn dir(path: &'a [u8], depth: i32, stat: &'a Stat) -> Self {
        Facts::told(path, depth, b"", Some(Kind::Dir)).with_stat(stat)
    }

    /// With its inode.
    #[inline]
    pub(crate) fn with_stat(self, stat: &'a Stat) -> Self {
        Facts { stat: Some(stat), ..self }
    }

    /// With what it contains: everything is known.
    #[inline]
    pub(crate) fn with_contents(self, contents: Contents) -> Self {
        Facts { contents: Some(contents), ..self }
    }

    /// A row, and its inode as [`Row::stat`] gives it.
    pub(crate) fn row(row: &Row<'a>, stat: &'a Stat) -> Self {
        let told = Facts::told(row.dir_path(), row.dir_depth(), row.name(), Some(row.kind()));
        told.with_stat(stat).with_contents(row.contents())
    }

    /// The last component of its path.
    #[inline]
    pub(super) fn name(&self) -> &'a [u8] {
        if !self.name.is_empty() {
            return self.name;
        }
        let path = self.own_path();
        &path[path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)..]
    }

    pub(super) fn path(&self) -> &[u8] {
        match self.name {
            b"" => self.own_path(),
            name => self.path.get_or_init(|| [self.dir, name].concat()),
        }
    }

    fn own_path(&self) -> &'a [u8] {
        match self.dir {
            b"/" => b"/",
            dir => dir.strip_suffix(b"/").unwrap_or(dir),
        }
    }

    /// Entries of a directory: not known yet, or known to be unknown.
    pub(super) fn n_entries(&self) -> Option<Option<i64>> {
        Some(match self.contents? {
            Contents::Counted { n_entries, .. } => Some(n_entries),
            Contents::None | Contents::Unread => None,
        })
    }

    /// A number: not known yet, or known to be missing.
    #[inline]
    pub(super) fn number(&self, of: Number) -> Option<Option<i128>> {
        let number = match of {
            Number::Depth => self.depth.into(),
            Number::Entries if self.kind.is_some_and(|kind| kind != Kind::Dir) => {
                return Some(None);
            }
            Number::Entries => return Some(self.n_entries()?.map(i128::from)),
            Number::Size => self.stat?.size.into(),
            Number::Allocated => i128::from(self.stat?.blocks) * 512,
            Number::Blocks => self.stat?.blocks.into(),
            Number::Uid => self.stat?.uid.into(),
            Number::Gid => self.stat?.gid.into(),
            Number::Links => self.stat?.nlink.into(),
            Number::Inode => self.stat?.ino.into(),
            Number::Device => self.stat?.dev.into(),
            Number::Atime => self.stat?.atime.into(),
            Number::Mtime => self.stat?.mtime.into(),
            Number::Ctime => self.stat?.ctime.into(),
            Number::Btime => return Some(self.stat?.btime.map(i128::from)),
        };
        Some(Some(number))
    }
}
