//! What goes wrong in a fake tree, and when.
//!
//! Owns the vocabulary of faults. Does not act: `source` does, and is the only one that reads
//! this closely.

use super::tree::NodeId;
use pwalk_engine::{Errno, Kind};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// The calls of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Opening a directory.
    Open,
    /// Reading names.
    Read,
    /// Reading an inode by name.
    Stat,
    /// Reading the inode of an open directory.
    StatDir,
    /// Reading an inode by path.
    StatPath,
    /// Reading a link.
    ReadLink,
    /// Asking for a sign of life.
    Ping,
}

impl Call {
    /// Every call.
    pub const ALL: [Call; 7] = [
        Call::Open,
        Call::Read,
        Call::Stat,
        Call::StatDir,
        Call::StatPath,
        Call::ReadLink,
        Call::Ping,
    ];
}

/// An error, and how often it comes before the call succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fail {
    /// What the call says.
    pub errno: Errno,
    /// How many calls fail; `u32::MAX` means all.
    pub n_times: u32,
}

impl Fail {
    /// Every call fails.
    pub fn always(errno: Errno) -> Fail {
        Fail { errno, n_times: u32::MAX }
    }

    /// The first `n_times` calls fail.
    pub fn times(errno: Errno, n_times: u32) -> Fail {
        Fail { errno, n_times }
    }
}

/// A read that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadFault {
    /// Names that the directory delivers before: 0 fails the first read.
    pub after: u64,
    /// How it fails.
    pub fail: Fail,
}

/// How a directory never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endless {
    /// It begins again with its first name.
    Cycle,
    /// After its last name it says that there are more, and brings none.
    Empty,
}

/// What goes wrong with one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFaults {
    /// This call of it gets no answer until the source is released.
    pub hangs: Option<Call>,
    /// When it is opened, as a directory.
    pub open: Option<Fail>,
    /// As a directory: opening it panics, after this long.
    pub open_panics: Option<Duration>,
    /// When its names are read.
    pub read: Option<ReadFault>,
    /// When its inode is read, by name or by path.
    pub stat: Option<Fail>,
    /// When its target is read.
    pub read_link: Option<Fail>,
    /// The kind that its directory tells, whatever the inode says.
    pub listed_as: Option<Kind>,
    /// As a directory: entries from this one on are told without a kind.
    pub unknown_after: Option<u64>,
    /// As a directory: names that one read brings.
    pub n_per_read: Option<usize>,
    /// As a directory: each read but the first brings the name before its first one again.
    pub repeats: bool,
    /// As a directory: every other read brings nothing but the name before its first one.
    pub stutters: bool,
    /// As a directory: it never ends.
    pub endless: Option<Endless>,
    /// As a directory: it is deleted once it is open, so its inode has no links left.
    pub is_deleted: bool,
}

/// A lack of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// No more than this many directories can be open at once.
    Handles(usize),
    /// Others hold all descriptors until this long after the source was made.
    Until(Duration),
}

/// Everything that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// By node.
    pub nodes: BTreeMap<NodeId, NodeFaults>,
    /// By call number, from 0, whatever it is asked for.
    pub calls: Vec<(Call, Range<u64>, Errno)>,
    /// Names that one read brings where the node doesn't say; `None`: 100.
    pub n_per_read: Option<usize>,
    /// No directory tells any kind.
    pub all_unknown: bool,
    /// What opening a directory meets.
    pub shortage: Option<Shortage>,
    /// Calls take a moment now and then, by this seed.
    pub delays: Option<u64>,
}

impl FaultPlan {
    /// The faults of a node, to change them.
    pub fn node(&mut self, id: NodeId) -> &mut NodeFaults {
        self.nodes.entry(id).or_default()
    }
}
