//! The filesystems that a walk may meet, and what each wants.
//!
//! Known before the walk starts, from the mount table: nothing is asked of a filesystem to know
//! what it is. What is not known is like the directory that it is in, and like the
//! first root where nothing is above it.

use crate::tuning::Tuning;
use std::collections::{HashMap, HashSet};

/// The number of a filesystem in [`Filesystems`]; 0 is that of the first root.
pub type FsIndex = u16;

/// Tunings by filesystem.
#[derive(Clone, Debug)]
pub struct Filesystems {
    tunings: Vec<Tuning>,
    /// By st_dev: where inodes are read.
    by_device: HashMap<u64, FsIndex>,
    /// By mount points and roots as rows have their paths: where they are not.
    by_path: HashMap<Box<[u8]>, FsIndex>,
    /// The directories that these are in, each with a closing slash.
    above: HashSet<Box<[u8]>>,
    /// That of the automounters: opening one of its directories mounts something.
    trigger: Option<FsIndex>,
    /// Directories of an automounter that can be opened all the same, as rows have their paths.
    open: HashSet<Box<[u8]>>,
}

impl Filesystems {
    /// One, which is that of the first root.
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

    /// Adds one. Several mounts may be one, if the same server has them.
    ///
    /// # Panics
    ///
    /// With the 65,536th.
    pub fn add(&mut self, tuning: Tuning) -> FsIndex {
        let index = FsIndex::try_from(self.tunings.len()).expect("fewer filesystems than 65,536");
        self.tunings.push(tuning);
        index
    }

    /// What has this device, is on this filesystem.
    pub fn set_device(&mut self, device: u64, index: FsIndex) {
        self.by_device.insert(device, index);
    }

    /// What rows have at this path is the top of a filesystem, or a root on it.
    pub fn set_path(&mut self, path: &[u8], index: FsIndex) {
        let name = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        self.above.insert(path[..name].into());
        self.by_path.insert(path.into(), index);
    }

    /// This one is that of the automounters: none of its directories is opened, but for roots and
    /// for those that [`Filesystems::set_open`] names.
    pub fn set_trigger(&mut self, index: FsIndex) {
        self.trigger = Some(index);
    }

    /// What rows have at this path can be opened though it is an automounter's.
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

    /// The maximum number of workers of the first root's.
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
