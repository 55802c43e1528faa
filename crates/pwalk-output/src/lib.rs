//! Tables of the batches of a walk: written as sinks, and read back.
//!
//! Owns the one table of columns, the formats, compression, the page of a profile, and files that
//! appear whole or not at all. Knows nothing of the command line or of Python.
//!
//! Data flows one way: a worker's batch goes to an encoder borrowed from a pool, the encoder
//! formats and compresses it there, and the finished piece is appended to the table under a
//! short lock. No thread of its own, no queue that could fill up.

#![forbid(unsafe_code)]

mod access;
pub mod argument;
mod cell;
mod collect;
mod columns;
mod compress;
mod create;
mod csv;
mod dataset;
mod digits;
mod error_list;
mod file;
mod folder;
mod folders;
mod format;
mod hex;
mod ipc;
mod memory;
mod names;
mod naming;
mod ndjson;
pub mod page;
mod parquet;
mod paths;
mod plain_csv;
mod pool;
pub mod profile;
mod read;
mod record_reader;
mod record_writer;
mod rows;
mod spill;
mod summary;
mod table;
mod temporary;
mod text;
mod text_cells;
mod unfinished;
mod users;
mod utc;
pub mod words;

pub use columns::{COLUMNS, Column, Columns, Presence};
pub use compress::Compression;
pub use create::{Destination, TableConfig, create_paths, create_table, is_folder};
pub use csv::{CsvRows, csv_header};
pub use dataset::{PartBounds, SUMMARY_NAME};
pub use error_list::ErrorList;
pub use file::{OutputError, OutputFile, STDOUT_NAME};
pub use folder::{OutputFolder, work_folder};
pub use folders::{Counts, FolderCounts, FolderSink};
pub use format::{ArrowCompression, COMPRESSIONS, Format};
pub use hex::{from_hex, to_hex};
pub use memory::{MemoryTable, Next};
pub use names::Names;
pub use naming::name_file;
pub use pwalk_engine::{did_you_mean, extension};
pub use read::{ReadError, Share, SharedReader, TableReader};
pub use record_reader::{RecordReader, Value};
pub use record_writer::{RecordConfig, RecordWriter};
pub use rows::{RowsBuilder, arrow_schema};
pub use spill::SpillConfig;
pub use summary::{Bytes, Preamble, RowSums, Skipped, Stalled, Summary, UnmatchedExcludes};
pub use table::TableSink;
pub use text::Lines;
pub use unfinished::Unfinished;
pub use utc::utc;
