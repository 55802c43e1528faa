//! One directory as `os.walk` sees it: what can be entered, and everything else.

use crate::config::Rules;
use crate::entry::{Fields, Kind};
use crate::filter::{Filter, Verdict};
use crate::listing::Listing;
use crate::names::NameReader;
use crate::source::{At, Source};
use pwalk_sys::{Errno, Links};
use std::ffi::{CStr, CString};
use std::sync::Arc;

/// The entries of one directory, each kind in the directory's own order.
#[derive(Debug, Default)]
pub struct Folder {
    /// Directories, and symbolic links to directories.
    pub dirs: Arc<Subdirs>,
    /// All other entries.
    pub others: Listing,
}

/// Names of subdirectories.
#[derive(Debug, Default)]
pub struct Subdirs {
    names: Vec<u8>,
    /// For each: where its name ends, and whether it is a symbolic link.
    entries: Vec<(u32, bool)>,
}

impl Subdirs {
    /// Number of them.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The name at `index`, which must be below `len`.
    pub fn name(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.entries[before].0 as usize);
        &self.names[start..self.entries[index].0 as usize]
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.name(index))
    }

    pub(super) fn is_link(&self, index: usize) -> bool {
        self.entries[index].1
    }

    pub(super) fn push(&mut self, name: &[u8], is_link: bool) {
        self.names.extend_from_slice(name);
        self.entries.push((self.names.len() as u32, is_link));
    }
}

impl Folder {
    /// Bytes that it holds in memory, roughly.
    pub(super) fn n_bytes(&self) -> usize {
        self.others.n_bytes() + self.dirs.names.len() + 8 * self.dirs.len()
    }
}

/// Reads directories by their paths, as `os.walk` does: what a path means is the kernel's to
/// say, with its limits (PATH_MAX, forty links), and so the errors are the same.
pub(super) struct Reader<'a, S: Source> {
    pub(super) source: &'a S,
    pub(super) rules: &'a Rules,
    /// What paths begin at.
    pub(super) base: Option<&'a S::Dir>,
    /// Length of the root's path.
    pub(super) root_len: usize,
    pub(super) names: NameReader,
}

impl<S: Source> Reader<'_, S> {
    /// Reads a whole directory; ECANCELED once `is_stopped` says so.
    pub(super) fn read(
        &mut self,
        path: &[u8],
        links: Links,
        mut is_stopped: impl FnMut() -> bool,
    ) -> Result<Folder, Errno> {
        let dir = self.open(path, links)?;
        let mut listing = Listing::default();
        self.names.read_all(self.source, &dir, &mut listing, &mut is_stopped)?;
        let folder = self.divide(path, &dir, listing, &mut is_stopped);
        if is_stopped() { Err(Errno::CANCELED) } else { Ok(folder) }
    }

    /// True for a symbolic link; what can't be asked is none.
    pub(super) fn is_link(&self, path: &[u8]) -> bool {
        let stat = match (self.base, CString::new(path)) {
            (Some(base), Ok(path)) => self.source.stat(base, &path, Links::Keep, Fields::empty()),
            _ => self.source.stat_path(path, Links::Keep, Fields::empty()),
        };
        stat.is_ok_and(|stat| stat.kind() == Kind::Symlink)
    }

    fn open(&self, path: &[u8], links: Links) -> Result<S::Dir, Errno> {
        let name = CString::new(path).map_err(|_| Errno::INVAL)?;
        let parent = self.base.map(|base| (base, name.as_c_str()));
        self.source.open(At { parent, path }, links)
    }

    /// Divides the entries into directories and others, and leaves out what the filters say.
    /// Once it is stopped, it asks nothing more, and what it returns is void.
    fn divide(
        &self,
        path: &[u8],
        dir: &S::Dir,
        mut listing: Listing,
        is_stopped: &mut impl FnMut() -> bool,
    ) -> Folder {
        let prefix = with_slash(path);
        let filter = Filter::new(self.rules);
        let filter = filter.in_dir(&prefix, self.root_len);
        let mut dirs = Subdirs::default();
        let keeps_files = filter.keeps_files();
        listing.retain(|told, name| {
            if keeps_files && !matches!(told, Kind::Dir | Kind::Symlink | Kind::Unknown) {
                return true;
            }
            let c_name = CStr::from_bytes_with_nul(name).expect("a name ends in its NUL");
            let name = c_name.to_bytes();
            let (kind, is_link) = match told {
                Kind::Symlink | Kind::Unknown if is_stopped() => return false,
                Kind::Symlink | Kind::Unknown => self.kind_of(dir, &prefix, c_name, told),
                kind => (kind, false),
            };
            if filter.judge(name, if is_link { Kind::Symlink } else { kind }) != Verdict::Keep {
                return false;
            }
            if kind == Kind::Dir {
                dirs.push(name, is_link);
            }
            kind != Kind::Dir
        });
        Folder { dirs: Arc::new(dirs), others: listing }
    }

    /// The kind behind an entry, and whether it is a symbolic link. What can't be asked is no
    /// directory.
    fn kind_of(&self, dir: &S::Dir, prefix: &[u8], name: &CStr, kind: Kind) -> (Kind, bool) {
        let want = Fields::empty();
        let kind = match kind {
            Kind::Unknown => {
                self.source.stat(dir, name, Links::Keep, want).map_or(Kind::Unknown, |s| s.kind())
            }
            kind => kind,
        };
        if kind != Kind::Symlink {
            return (kind, false);
        }
        // By the whole path, for which links count that were followed on the way.
        let behind = match (self.base, CString::new([prefix, name.to_bytes()].concat())) {
            (Some(base), Ok(path)) => self.source.stat(base, &path, Links::Follow, want),
            _ => self.source.stat(dir, name, Links::Follow, want),
        };
        (behind.map_or(Kind::Symlink, |stat| stat.kind()), true)
    }
}

/// A path that names can be added to.
pub(super) fn with_slash(path: &[u8]) -> Vec<u8> {
    let needs_slash = path.last().is_some_and(|&last| last != b'/');
    [path, if needs_slash { b"/" } else { b"" }].concat()
}
