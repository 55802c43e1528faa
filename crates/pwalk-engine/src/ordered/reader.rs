//! Reads one directory as `os.walk` does: by its path, and to its end.
//!
//! What a path means is the kernel's to say, with its limits (PATH_MAX, forty links), and so the
//! errors are the same. Knows nothing of order.

use super::dir_listing::{DirListing, Subdirs};
use crate::config::Rules;
use crate::entry::{Fields, Kind, Stat};
use crate::filter::{Filter, Verdict};
use crate::listing::Listing;
use crate::names::{NameReader, is_lack};
use crate::pacer::{PER_LINK, PER_OPEN, Pacer};
use crate::source::{At, Base, Source};
use pwalk_sys::{DescriptorLimit, Errno, Links};
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the longest path that the kernel takes, its NUL included. Source: path_resolution(7).
const PATH_MAX: usize = 4096;

/// Requests that are waited for where a directory is opened: its name is looked up first.
const ASKED_PER_OPEN: u64 = PER_OPEN - 1;

/// Time after which somebody is told of answers, and not only at the end of the directory.
const LONG: Duration = Duration::from_micros(300);

/// Reads directories, one after the other.
pub(super) struct Reader<'a, S: Source> {
    pub(super) source: &'a S,
    pub(super) rules: &'a Rules,
    pub(super) base: &'a Base<S::Dir>,
    /// There may be only so many requests a second.
    pub(super) pacer: Option<&'a Pacer>,
    /// Length of the root's path.
    pub(super) root_len: usize,
    /// Bytes of names that a request should bring.
    pub(super) buffer_len: usize,
    pub(super) names: NameReader,
    pub(super) limit: DescriptorLimit,
    /// Descriptors that were left after the directory was opened.
    pub(super) n_spare: u64,
    /// As many must be left for a directory to be read.
    pub(super) n_reserved: u64,
    /// Requests that were answered, or refused for the lack of a descriptor, and not told.
    pub(super) n_answered: u64,
    /// When somebody was told last, or the read began.
    pub(super) since: Instant,
    /// Is told of them where they take long, during a read; says whether it listened.
    pub(super) tell: Option<&'a (dyn Fn(u64) -> bool + 'a)>,
}

impl<S: Source> Reader<'_, S> {
    /// Reads a whole directory; ECANCELED once `is_stopped` says so.
    pub(super) fn read(
        &mut self,
        path: &[u8],
        links: Links,
        mut is_stopped: impl FnMut() -> bool,
    ) -> Result<DirListing, Errno> {
        self.pace(PER_OPEN, &mut is_stopped)?;
        let dir = self.open(path, links);
        self.count_answers(ASKED_PER_OPEN);
        let dir = dir?;
        self.n_spare = self.source.n_spare(&dir, &mut self.limit);
        if self.n_spare < self.n_reserved {
            return Err(Errno::MFILE);
        }
        let mut listing = Listing::default();
        self.read_names(&dir, &mut listing, &mut is_stopped)?;
        let listing = self.divide(path, &dir, listing, &mut is_stopped)?;
        if is_stopped() { Err(Errno::CANCELED) } else { Ok(listing) }
    }

    fn read_names(
        &mut self,
        dir: &S::Dir,
        listing: &mut Listing,
        is_stopped: &mut impl FnMut() -> bool,
    ) -> Result<(), Errno> {
        let mut names = std::mem::take(&mut self.names);
        let result = names.read_all(listing, |scratch, listing| {
            self.pace(1, is_stopped)?;
            if is_stopped() {
                return Err(Errno::CANCELED);
            }
            let read = self.source.read(dir, self.buffer_len, scratch, listing);
            match read {
                Ok(true) => self.count_answers(1),
                // Whoever reads tells of the last one with the directory.
                _ => self.n_answered += 1,
            }
            read
        });
        self.names = names;
        result
    }

    /// Requests were answered. A directory may take many: whoever measures shall not have to wait
    /// for its end.
    fn count_answers(&mut self, n_answered: u64) {
        self.n_answered += n_answered;
        let Some(tell) = self.tell else { return };
        let now = Instant::now();
        if now - self.since >= LONG && tell(self.n_answered) {
            (self.n_answered, self.since) = (0, now);
        }
    }

    /// Waits until `n` requests may be made; ECANCELED if the walk is stopped before.
    fn pace(&self, n: u64, is_stopped: &mut impl FnMut() -> bool) -> Result<(), Errno> {
        pace(self.pacer, n, is_stopped)
    }

    /// True for a symbolic link; what can't be asked is none.
    pub(super) fn is_link(&self, path: &[u8]) -> bool {
        self.stat(path, Links::Keep).is_ok_and(|stat| stat.kind() == Kind::Symlink)
    }

    fn open(&self, path: &[u8], links: Links) -> Result<S::Dir, Errno> {
        let name = c_path(path)?;
        match self.base {
            Base::None => self.source.open(At { parent: None, path }, links),
            Base::Dir(base) => {
                self.source.open(At { parent: Some((&**base, name.as_c_str())), path }, links)
            }
            Base::Path(base) => {
                self.source.open(At { parent: None, path: &joined(base, path) }, links)
            }
        }
    }

    fn stat(&self, path: &[u8], links: Links) -> Result<Stat, Errno> {
        let name = c_path(path)?;
        match self.base {
            Base::None => self.source.stat_path(path, links, Fields::empty()),
            Base::Dir(base) => self.source.stat(base, &name, links, Fields::empty()),
            Base::Path(base) => self.source.stat_path(&joined(base, path), links, Fields::empty()),
        }
    }

    /// Divides the entries into directories and others, and leaves out what the filters say.
    /// Once it is stopped, it asks nothing more, and what it returns is void. The only errors are
    /// that, and a lack of descriptors, which some ways to ask for an inode need.
    fn divide(
        &mut self,
        path: &[u8],
        dir: &S::Dir,
        mut listing: Listing,
        is_stopped: &mut impl FnMut() -> bool,
    ) -> Result<DirListing, Errno> {
        let prefix = with_slash(path);
        let filter = Filter::new(self.rules);
        let filter = filter.in_dir(&prefix, self.root_len);
        let mut dirs = Subdirs::default();
        let keeps_files = filter.keeps_files();
        let links_are_files = self.rules.links_are_files;
        let mut failed = None;
        listing.retain(|told, name| {
            if keeps_files && !matches!(told, Kind::Dir | Kind::Symlink | Kind::Unknown) {
                return true;
            }
            let c_name = CStr::from_bytes_with_nul(name).expect("a name ends in its NUL");
            let name = c_name.to_bytes();
            let (kind, is_link) = match told {
                Kind::Symlink if links_are_files => (told, true),
                Kind::Symlink | Kind::Unknown if failed.is_some() || is_stopped() => return false,
                Kind::Symlink | Kind::Unknown => {
                    match self.kind_of(dir, &prefix, c_name, told, is_stopped) {
                        Ok(found) => found,
                        Err(errno) => {
                            failed = Some(errno);
                            return false;
                        }
                    }
                }
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
        match failed {
            Some(errno) => Err(errno),
            None => Ok(DirListing { dirs: Arc::new(dirs), others: listing }),
        }
    }

    /// The kind behind an entry, and whether it is a symbolic link. What can't be asked is no
    /// directory.
    fn kind_of(
        &mut self,
        dir: &S::Dir,
        prefix: &[u8],
        name: &CStr,
        told: Kind,
        is_stopped: &mut impl FnMut() -> bool,
    ) -> Result<(Kind, bool), Errno> {
        let own = match told {
            Kind::Unknown => {
                self.pace(1, is_stopped)?;
                let own = self.source.stat(dir, name, Links::Keep, Fields::empty());
                self.count_answers(1);
                known(own, Kind::Unknown)?
            }
            told => told,
        };
        if own != Kind::Symlink || self.rules.links_are_files {
            return Ok((own, own == Kind::Symlink));
        }
        // By the whole path, for which links count that were followed on the way. One that is
        // absolute begins nowhere, whatever directory is named.
        let path = [prefix, name.to_bytes()].concat();
        self.pace(PER_LINK, is_stopped)?;
        let behind = match self.base {
            Base::None if prefix.starts_with(b"/") => c_path(&path)
                .and_then(|path| self.source.stat(dir, &path, Links::Follow, Fields::empty())),
            _ => self.stat(&path, Links::Follow),
        };
        self.count_answers(1);
        Ok((known(behind, Kind::Symlink)?, true))
    }
}

fn pace(pacer: Option<&Pacer>, n: u64, is_stopped: &mut impl FnMut() -> bool) -> Result<(), Errno> {
    if let Some(pacer) = pacer {
        pacer.wait(n, &mut *is_stopped);
        if is_stopped() {
            return Err(Errno::CANCELED);
        }
    }
    Ok(())
}

/// The kind that was found, or `otherwise` if it could not be asked.
fn known(stat: Result<Stat, Errno>, otherwise: Kind) -> Result<Kind, Errno> {
    match stat {
        Err(errno) if is_lack(errno) => Err(errno),
        stat => Ok(stat.map_or(otherwise, |stat| stat.kind())),
    }
}

/// A path as the kernel takes it in one piece.
fn c_path(path: &[u8]) -> Result<CString, Errno> {
    if path.len() >= PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    CString::new(path).map_err(|_| Errno::INVAL)
}

/// A relative path below another one.
fn joined(base: &[u8], path: &[u8]) -> Vec<u8> {
    [&with_slash(base), path].concat()
}

/// A path that names can be added to.
pub(super) fn with_slash(path: &[u8]) -> Vec<u8> {
    let needs_slash = path.last().is_some_and(|&last| last != b'/');
    [path, if needs_slash { b"/" } else { b"" }].concat()
}
