//! Opens entries by their absolute paths, from `/` downwards, without following a link.

use pwalk_engine::Errno;
use pwalk_sys::{OwnedFd, open_beneath};
use std::fs::File;

/// Opens entries. Keeps the directory of the last one open: the next is mostly beside it.
pub(crate) struct Opener {
    root: OwnedFd,
    /// A path from `/` on without that slash, and its directory.
    parent: Option<(Vec<u8>, OwnedFd)>,
}

impl Opener {
    pub(crate) fn new() -> Result<Opener, Errno> {
        let root = File::open("/").map_err(|error| Errno::from_io(&error))?;
        Ok(Opener { root: root.into(), parent: None })
    }

    /// Opens the entry at an absolute path, only to refer to it.
    ///
    /// # Errors
    ///
    /// Those of [`open_beneath`].
    pub(crate) fn open(&mut self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = path.strip_prefix(b"/").ok_or(Errno::XDEV)?;
        let Some(slash) = path.iter().rposition(|&byte| byte == b'/') else {
            return open_beneath(&self.root, path);
        };
        let (above, name) = (&path[..slash], &path[slash + 1..]);
        match &self.parent {
            Some((known, parent)) if known == above => {
                match open_beneath(parent, name) {
                    // The directory that was at this path may be elsewhere by now.
                    Err(_) => {}
                    opened => return opened,
                }
            }
            _ => {}
        }
        let parent = open_beneath(&self.root, above)?;
        let opened = open_beneath(&parent, name);
        self.parent = Some((above.to_owned(), parent));
        opened
    }
}
