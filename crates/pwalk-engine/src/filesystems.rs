//! The filesystems that a walk may meet, and the tuning of each.
//!
//! Known before the walk starts, from the mount table: no filesystem is asked what it is. An unknown
//! one is treated like the directory that it is in, or like the first root if there is none above.

use crate::tuning::Tuning;
use std::collections::{HashMap, HashSet};

/// The number of a filesystem in [`Filesystems`]; 0 is that of the first root.
pub type FsIndex = u16;

/// Tunings by filesystem.
#[derive(Clone, Debug)]
pub struct Filesystems {
    tunings: Vec<Tuning>,
    /// By st_dev, for walks that read inodes.
    by_device: HashMap<u64, FsIndex>,
    /// By mount points and roots, as paths in rows: for walks that read no inodes.
    by_path: HashMap<Box<[u8]>, FsIndex>,
    /// The parent directories of these, with a closing slash.
    above: HashSet<Box<[u8]>>,
    /// The filesystem of the automounters: opening one of its directories mounts something.
    trigger: Option<FsIndex>,
    /// Directories of an automounter that can be opened nevertheless, as paths in rows.
    open: HashSet<Box<[u8]>>,
}

impl Filesystems {
    /// Only that of the first root.
    pub fn new(first: Tuning) -> Filesystems {
        Filesystems {
            tunings: vec![first],
            by_device: HashMap::new(),
            by_path: HashMap::new(),
            above: HashSet::new(),
            trigger: None,
            open: HashSet::new(),
        }
    }

    /// Adds a filesystem. Several mounts of one server may share one.
    ///
    /// # Panics
    ///
    /// With the 65,536th.
    pub fn add(&mut self, tuning: Tuning) -> FsIndex {
        let index = FsIndex::try_from(self.tunings.len()).expect("fewer filesystems than 65,536");
        self.tunings.push(tuning);
        index
    }

    /// Inodes with this device are on this filesystem.
    pub fn set_device(&mut self, device: u64, index: FsIndex) {
        self.by_device.insert(device, index);
    }

    /// At this path, as in rows, is the top of this filesystem, or a root on it.
    pub fn set_path(&mut self, path: &[u8], index: FsIndex) {
        let name = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        self.above.insert(path[..name].into());
        self.by_path.insert(path.into(), index);
    }

    /// This is the filesystem of the automounters: its directories are not opened, except for roots
    /// and those named by [`Filesystems::set_open`].
    pub fn set_trigger(&mut self, index: FsIndex) {
        self.trigger = Some(index);
    }

    /// The directory at this path, as in rows, can be opened although it is an automounter's.
    pub fn set_open(&mut self, path: &[u8]) {
        self.open.insert(path.into());
    }

    /// True if opening this directory would mount something.
    pub(crate) fn is_trigger(&self, index: FsIndex, parent: &[u8], name: &[u8]) -> bool {
        self.trigger == Some(index) && !self.open.contains([parent, name].concat().as_slice())
    }

    /// True for the filesystem of the automounters.
    pub(crate) fn is_automounter(&self, index: FsIndex) -> bool {
        self.trigger == Some(index)
    }

    /// The maximum number of workers for the filesystem of the first root.
    pub fn workers_max(&self) -> usize {
        self.tunings[0].workers_max
    }

    /// How many there are: at least one.
    pub(crate) fn len(&self) -> usize {
        self.tunings.len()
    }

    pub(crate) fn tuning(&self, index: FsIndex) -> &Tuning {
        &self.tunings[usize::from(index)]
    }

    /// The filesystem with this device, if it is known.
    pub(crate) fn of_device(&self, device: u64) -> Option<FsIndex> {
        self.by_device.get(&device).copied()
    }

    /// True if a filesystem begins at an entry of this directory, whose path has a closing slash.
    pub(crate) fn has_tops(&self, dir: &[u8]) -> bool {
        !self.above.is_empty() && self.above.contains(dir)
    }

    /// The filesystem that begins at this path, if one does.
    pub(crate) fn of_path(&self, path: &[u8]) -> Option<FsIndex> {
        if self.by_path.is_empty() { None } else { self.by_path.get(path).copied() }
    }
}

impl Default for Filesystems {
    /// A local disk, and nothing else.
    fn default() -> Self {
        Filesystems::new(Tuning::default())
    }
}
