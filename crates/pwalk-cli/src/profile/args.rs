//! The arguments of `pwalk profile` as typed.

use crate::args::{WalkArgs, format_parser};
use crate::values::number;
use clap::{Args as ArgGroup, ValueEnum, ValueHint};
use pwalk::profile::TOP_MAX;
use std::path::PathBuf;

/// What a profile is of.
pub(crate) const PROFILED: &str =
    "The trees to walk, or one saved scan: a file with the suffix of a table, or a folder of parts";

#[derive(ArgGroup)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub(crate) walk: WalkArgs,
    /// Show N items of each list [default: 10, and 100 with --by, --json or in the page]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = number::<usize>(1, TOP_MAX as u64))]
    pub(crate) top: Option<usize>,
    /// Print one part only
    #[arg(long, value_name = "PART", value_enum)]
    pub(crate) by: Option<By>,
    /// Print JSON
    #[arg(long, conflicts_with = "by")]
    pub(crate) json: bool,
    /// Also write a page to look at in a browser: one file that needs no other; or - for standard
    /// output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
    /// The format of a saved scan, if its suffix doesn't say
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    pub(crate) from: Option<String>,
    /// Print no progress, and with --html no tables
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Parts of a profile that have a table.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum By {
    /// Owners, and how old and how large their files are
    Owner,
    /// Groups
    Group,
    /// What follows the last dot of names
    Extension,
    /// When files were changed and read
    Age,
    /// Levels below the root
    Depth,
    /// Sizes of files
    Size,
}
