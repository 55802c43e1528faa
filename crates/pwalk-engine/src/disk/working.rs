//! The working directory, kept open for walks of relative roots.
//!
//! All walks that begin in the same directory share one descriptor, so that a thousand walks that
//! wait for their consumers don't hold a thousand. Where descriptors are short, the path is kept.

use super::{Disk, DiskDir};
use crate::source::{At, Base, Source};
use pwalk_sys::{DescriptorLimit, Freshness, Links, StatMask, stat_by_path, stat_open};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Arc, Mutex, Weak};

/// Descriptors that are left to others.
const RESERVE: u64 = 64;

/// The one that was opened last.
static SHARED: Mutex<Weak<DiskDir>> = Mutex::new(Weak::new());

/// The directory that the process works in now.
pub(super) fn directory(disk: &Disk) -> Base<DiskDir> {
    // Only tried: in a process that was forked off, who holds the lock may be gone.
    let mut shared = SHARED.try_lock().ok();
    if let Some(dir) = shared.as_ref().and_then(|shared| shared.upgrade())
        && is_working_directory(&dir)
    {
        return Base::Dir(dir);
    }
    let opened = disk.open(At { parent: None, path: b"." }, Links::Follow);
    let is_spare = |dir: &DiskDir| DescriptorLimit::default().n_spare(dir) >= RESERVE;
    match opened.ok().filter(is_spare).map(Arc::new) {
        Some(dir) => {
            shared.iter_mut().for_each(|shared| **shared = Arc::downgrade(&dir));
            Base::Dir(dir)
        }
        None => std::env::current_dir()
            .map_or(Base::None, |path| Base::Path(path.into_os_string().into_vec())),
    }
}

fn is_working_directory(dir: &DiskDir) -> bool {
    let now = stat_by_path(b".", Links::Follow, StatMask::INODE, Freshness::AsStat);
    let then = stat_open(dir, StatMask::INODE, Freshness::AsStat);
    matches!((now, then), (Ok(now), Ok(then)) if (now.dev, now.ino) == (then.dev, then.ino))
}
