//! The walk: from a frontier to rows and a smaller frontier.
//!
//! [`walk`] takes directories from a [`Frontier`], reads them through a [`Source`] with many
//! workers, and hands the entries in [`Batch`]es to a [`Sink`]. Everything that goes wrong with
//! an entry is a row of the result ([`EntryError`]), never an interruption. A [`Control`] stops
//! it and tells how far it is.
//!
//! Owns config, entries and batches, sources, scheduling, filters, tuning, progress, cancel and
//! budgets. Knows no format, prints nothing, reads no environment variable.

#![forbid(unsafe_code)]

mod argument;
mod batch;
mod condition;
mod config;
mod control;
mod controller;
mod crew;
mod delivery;
mod descriptors;
mod directory;
mod disk;
mod entry;
mod error;
mod excludes;
mod filesystems;
mod filter;
mod frontier;
mod hard_links;
mod impatient;
mod listing;
mod names;
mod open_dirs;
mod ordered;
mod pacer;
mod queue;
mod seen;
mod similar;
mod source;
mod stalls;
mod sync;
mod totals;
mod tree;
mod tuning;
mod waiting;
mod walk;
mod worker;

pub use argument::{Argument, ArgumentError};
pub use batch::{Batch, BatchDir, Contents, Row};
pub use condition::{CONDITION_FIELDS, Condition, ConditionField, Lookup};
pub use config::{Budget, Config, Inherit, OwnNumber, Placement, Rules, STALL_AFTER};
pub use control::{Control, Progress};
pub use controller::{Controller, LEVEL_MAX, Sample};
pub use disk::{Compared, Disk, DiskDir};
pub use entry::{Fields, FileId, Kind, Stat, extension};
pub use error::{EntryError, Operation};
pub use excludes::{Excludes, PathSet, RootPath, Unmatched};
pub use filesystems::{Filesystems, FsIndex};
pub use filter::SNAPSHOT_NAMES;
pub use frontier::{Frontier, FrontierDir};
pub use hard_links::HardLinks;
pub use impatient::{Impatient, ImpatientDir};
pub use listing::{Listed, Listing};
pub use open_dirs::{FinishedBelow, OpenDir, OpenDirs};
pub use ordered::{Child, DirListing, Order, Ordered, Step, Subdirs, Workers};
pub use pacer::Pacer;
pub use pwalk_sys::{Errno, Links};
pub use similar::did_you_mean;
pub use source::{Asked, At, Base, Known, Sink, Source};
pub use stalls::Stall;
pub use sync::lock;
pub use totals::{ErrorCounts, KindCounts, Totals};
pub use tree::{TreeSums, TreeTotals};
pub use tuning::{Asking, FsKind, ServedBy, TUNINGS, Tuning};
pub use waiting::Waiting;
pub use walk::{Outcome, walk};
