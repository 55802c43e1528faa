//! The jobs that users ask for, and the public Rust API of pwalk.
//!
//! A job is prepared, which checks everything that its user can get wrong, and then run:
//!
//! ```
//! use pwalk::{Control, Output, Report, ReportConfig};
//!
//! # fn main() -> Result<(), pwalk::Error> {
//! let mut config = ReportConfig::new(["/etc"]);
//! config.table.output = Output::File("/dev/null".into());
//! config.table.format = Some("csv".parse()?);
//! let report = Report::prepare(config)?;
//! let summary = report.run(&Control::default(), &|error| eprintln!("{error:?}"))?;
//! println!("{} entries, complete: {}", summary.n_entries(), summary.is_complete());
//! # Ok(())
//! # }
//! ```
//!
//! Joins engine and sinks. Knows neither the command line nor Python.

#![forbid(unsafe_code)]

mod convert;
mod error;
mod filesystems;
mod folders;
mod info;
mod input;
mod job;
mod ordered;
mod output;
mod paths;
mod probe;
pub mod profile;
pub mod repair;
mod report;
mod roots;
mod scan;
mod settings;
mod setup;
mod threads;

pub use convert::Convert;
pub use error::{Error, ErrorKind};
pub use filesystems::{MountsBelow, may_hang};
pub use folders::Folders;
pub use info::Info;
pub use input::{Input, Table, Tree, is_saved_scan};
pub use ordered::{OrderedConfig, walk_in_order};
pub use output::{Output, OutputConfig, default_output};
pub use paths::{Paths, PathsConfig};
pub use probe::{Call, Probe, ProbeConfig, Tried};
pub use report::{Report, ReportConfig};
pub use scan::Scan;
pub use settings::{Effective, OPS_MAX, Range, SETTINGS, Setting, Settings, TIMEOUT_MAX, Value};
pub use setup::WalkConfig;
pub use threads::{THREADS_MAX, Threads};

pub use pwalk_engine::{
    Batch, CONDITION_FIELDS, Child, Condition, ConditionField, Contents, Control, DirListing, Disk,
    EntryError, Errno, Fields, Kind, Operation, Order, Ordered, Progress, STALL_AFTER, ServedBy,
    Sink, Stall, Step, TreeTotals, Waiting, lock,
};
pub use pwalk_output::{
    ArrowCompression, COLUMNS, COMPRESSIONS, Column, Columns, Compression, Counts, FolderCounts,
    Format, MemoryTable, Names, Next, PartBounds, Preamble, ReadError, Share, SharedReader,
    SpillConfig, Stalled, Summary, TableReader, Unfinished, UnmatchedExcludes, did_you_mean,
    is_folder, words,
};
pub use pwalk_sys::{
    Ended, Mount, RawFilesystem, Reserve, Side, Worker, group_id, group_name, has_terminal,
    is_stdout_closed, let_go_of_files, occupy_standard_descriptors, raise_descriptor_limit,
    share_heap_if_limited, split, terminal_width,
};
