//! The arguments as typed. Nothing is resolved here: that is the jobs' work.

use crate::message::require_stdout;
use crate::profile::{PROFILED, ProfileArgs};
use crate::repair::{REPAIRED, REPAIRED_WHERE, RepairArgs};
use crate::texts::{DELIVERED_WHERE, TEXTS, after_help, columns_help, where_help};
use crate::values::{bytes, number};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Args as ArgGroup, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use pwalk::{
    COMPRESSIONS, Condition, Error, Format, Kind, Names, OPS_MAX, Output, OutputConfig, PartBounds,
    Settings, THREADS_MAX, TIMEOUT_MAX, WalkConfig, is_folder,
};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every inode of a filesystem, as a table, at the speed of the kernel.
#[derive(Parser)]
#[command(name = "pwalk", version, arg_required_else_help = true, after_help = after_help(""))]
#[command(disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the metadata of every inode as a table
    #[command(after_help = after_help("report"))]
    Report(ReportArgs),
    /// Print the path of every entry, like find
    #[command(after_help = after_help("walk"))]
    Walk(WalkCommandArgs),
    /// Count what is in a tree or a saved scan: sizes, ages, owners, the largest directories
    #[command(after_help = after_help("profile"))]
    #[command(mut_arg("roots", |arg| arg.value_name("PATH").help(PROFILED)))]
    Profile(ProfileArgs),
    /// Repair the permissions of a shared folder: a dry run, unless --apply is given
    #[command(after_help = after_help("repair"))]
    #[command(mut_arg("roots", |arg| {
        arg.help(REPAIRED)
            .action(ArgAction::Set)
            .num_args(1)
            .required(false)
            .required_unless_present_any(["from", "undo"])
    }))]
    #[command(mut_arg("condition", |arg| {
        let meaning = format!("{REPAIRED_WHERE}. All directories are entered all the same");
        arg.help(REPAIRED_WHERE).long_help(where_help(&format!("{meaning}.")))
    }))]
    #[command(mut_arg("follow", |arg| arg.hide(true)))]
    #[command(mut_arg("one_file_system", |arg| arg.hide(true)))]
    Repair(RepairArgs),
    /// Change the format of a saved scan
    #[command(after_help = after_help("convert"))]
    Convert(ConvertArgs),
    /// Show which filesystem a path is on, and how it would be walked
    #[command(after_help = after_help("info"))]
    Info(InfoArgs),
    /// Print a completion script for a shell
    #[command(after_help = after_help("completions"))]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page of pwalk, or of one of its commands
    #[command(after_help = after_help("man"))]
    Man {
        /// The command, as in `pwalk man report`; none for the page of pwalk
        #[arg(value_parser = page_parser(), hide_possible_values = true)]
        command: Option<String>,
    },
}

#[derive(ArgGroup)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) walk: WalkArgs,
    /// The file to write, or - for standard output; the suffix selects the format
    /// [default: scan.csv.zst]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Also write the summary to this file, as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    summary: Option<PathBuf>,
    /// Also write every error to this file, one JSON object per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    errors: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no progress, no individual errors, and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(ArgGroup)]
pub(crate) struct ConvertArgs {
    /// The scan to read: a file in any format, or a folder of parts
    #[arg(value_name = "IN", value_hint = ValueHint::AnyPath)]
    pub(crate) input: PathBuf,
    /// The file to write, a folder of parts (ending in a slash), or - for standard output
    #[arg(value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub(crate) output: PathBuf,
    /// The format of IN, if its suffix doesn't say
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    pub(crate) from: Option<String>,
    /// Write only rows that fulfil a condition, as in "size > 1G and mtime < -2y"; pwalk report
    /// --help says more. Ages count from the start of the walk, if IN knows it
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// What every command that writes a table takes.
#[derive(ArgGroup)]
pub(crate) struct TableArgs {
    /// The format, if the name of the output doesn't say
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<String>,
    /// The compression, which becomes part of the name: scan.csv is written as scan.csv.zst
    #[arg(long, value_name = "HOW", value_parser = PossibleValuesParser::from(COMPRESSIONS))]
    compress: Option<String>,
    /// The columns, comma-separated; or +NAME,-NAME to change the default (not for CSV)
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, long_help = columns_help())]
    columns: Option<String>,
    /// In a folder of parts (-o FOLDER/ --format ...): the maximum number of rows per part
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = number::<u64>(1, u64::MAX))]
    part_rows: Option<u64>,
    /// In a folder of parts: start a new part after this many bytes; K, M, G and T are powers of
    /// 1024 [default: 1G]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = bytes)]
    part_bytes: Option<u64>,
    /// How a CSV writes names that are not valid UTF-8 or contain control characters
    #[arg(long, value_enum, default_value_t = NamesArg::Utf8)]
    names: NamesArg,
}

pub(crate) fn format_parser() -> PossibleValuesParser {
    Format::names().into()
}

/// The pages by the names of their commands, or by their own.
fn page_parser() -> PossibleValuesParser {
    let names = TEXTS.iter().map(|texts| match texts.command {
        "" => PossibleValue::new(texts.page),
        command => PossibleValue::new(command).alias(texts.page),
    });
    names.collect::<Vec<_>>().into()
}

/// `pwalk help report` is `pwalk report --help`.
pub(crate) fn help_as_option(mut typed: Vec<OsString>) -> Vec<OsString> {
    if typed.get(1).is_some_and(|command| command == "help") {
        typed.remove(1);
        typed.push("--help".into());
    }
    typed
}

/// `folder/.` is a folder as `folder/` is.
fn with_slash(output: PathBuf) -> PathBuf {
    match output.as_os_str().as_bytes().strip_suffix(b"/.") {
        Some(folder) => OsString::from_vec([folder, b"/"].concat()).into(),
        None => output,
    }
}

/// A folder has no suffix that says what its parts are; nothing else has parts.
fn check_folder(
    output: &Path,
    has_format: bool,
    part_rows: Option<u64>,
    part_bytes: Option<u64>,
) -> Result<(), Error> {
    if is_folder(output) {
        let reason = "a folder of parts needs --format, as in --format parquet";
        return match has_format {
            true => Ok(()),
            false => Err(Error::usage("output", output.to_string_lossy(), reason)),
        };
    }
    let parts = [("--part-rows", part_rows), ("--part-bytes", part_bytes)];
    match parts.iter().find_map(|(name, value)| Some((name, (*value)?))) {
        None => Ok(()),
        Some((name, value)) => {
            let reason = "only a folder has parts: -o FOLDER/ --format FORMAT";
            Err(Error::usage(name, value.to_string(), reason))
        }
    }
}

/// The list of errors goes to a file.
pub(crate) fn check_errors(path: Option<&Path>) -> Result<(), Error> {
    if path.is_some_and(|path| path.as_os_str() == "-") {
        let reason = "is not a file; /dev/stdout is standard output";
        return Err(Error::usage("--errors", "-", reason));
    }
    Ok(())
}

impl ReportArgs {
    /// Where the summary and the list of errors go.
    pub(crate) fn files(&self) -> Result<(Option<PathBuf>, Option<PathBuf>), Error> {
        let is_dash =
            |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if is_dash(&self.summary) {
            let reason = "is not a file; --json prints the summary";
            return Err(Error::usage("--summary", "-", reason));
        }
        check_errors(self.errors.as_deref())?;
        Ok((self.summary.clone(), self.errors.clone()))
    }
}

impl TableArgs {
    /// Without an output: to `scan.csv.zst`, or what format and compression make of that.
    pub(crate) fn into_config(self, output: Option<PathBuf>) -> Result<OutputConfig, Error> {
        // Destructured, so that a new argument can't be forgotten here.
        let TableArgs { format, compress, columns, part_rows, part_bytes, names } = self;
        let format = format.map(|name| name.parse()).transpose()?;
        let output = output.unwrap_or_else(|| {
            pwalk::default_output(format, compress.as_deref().unwrap_or("auto")).into()
        });
        let is_stdout = output.as_os_str() == "-";
        let output = with_slash(output);
        check_folder(&output, format.is_some(), part_rows, part_bytes)?;
        if is_stdout {
            require_stdout()?;
        }
        let default_parts = PartBounds::default();
        Ok(OutputConfig {
            output: if is_stdout { Output::Stdout } else { Output::File(output) },
            format,
            compress,
            columns,
            parts: PartBounds {
                n_rows: part_rows.unwrap_or(default_parts.n_rows),
                n_bytes: part_bytes.unwrap_or(default_parts.n_bytes),
            },
            names: names.into(),
        })
    }
}

#[derive(ArgGroup)]
pub(crate) struct WalkCommandArgs {
    #[command(flatten)]
    pub(crate) walk: WalkArgs,
    /// End each path with a NUL instead of a newline
    #[arg(short = '0', long)]
    pub(crate) null: bool,
    /// Print only entries of these kinds, comma-separated or repeated
    #[arg(long = "type", value_name = "KIND", value_delimiter = ',', value_enum)]
    pub(crate) kinds: Vec<KindArg>,
    /// Print no progress and no errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(ArgGroup)]
pub(crate) struct InfoArgs {
    /// The path to examine
    #[arg(value_name = "PATH", default_value = ".", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// The number of threads, as for report or walk; with --probe, the maximum to try
    #[arg(short = 't', long, visible_alias = "max-threads", value_name = "N")]
    #[arg(allow_negative_numbers = true, value_parser = number::<usize>(1, THREADS_MAX as u64))]
    pub(crate) threads: Option<usize>,
    /// Measure: read the tree for at most SECONDS, with more and more requests at once
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    #[arg(value_parser = number::<u64>(1, PROBE_MAX))]
    pub(crate) probe: Option<u64>,
    /// With --probe: make at most N requests per second
    #[arg(long, value_name = "N", allow_negative_numbers = true, requires = "probe")]
    #[arg(value_parser = number::<usize>(1, OPS_MAX))]
    pub(crate) max_ops: Option<usize>,
    /// With --probe: give way to other processes: lowest CPU and I/O priority
    #[arg(long, requires = "probe")]
    pub(crate) nice: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Seconds of a probe: a day.
const PROBE_MAX: u64 = 86_400;

/// What every command that walks takes.
#[derive(ArgGroup)]
pub(crate) struct WalkArgs {
    /// The trees to walk
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    roots: Vec<PathBuf>,
    /// Use exactly N worker threads [default: PWALK_THREADS, else adapted to the filesystem during
    /// the walk]
    #[arg(short = 't', long, visible_alias = "max-threads", value_name = "N")]
    #[arg(allow_negative_numbers = true, value_parser = number::<usize>(1, THREADS_MAX as u64))]
    threads: Option<usize>,
    /// Make at most N requests per second, all threads together and without bursts, as a file
    /// server counts them
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = number::<usize>(1, OPS_MAX))]
    max_ops: Option<usize>,
    /// Give up requests that are not answered within SECONDS: what is missing is listed as errors
    /// (ETIMEDOUT); once a filesystem answers nothing at all, the rest of it is given up at once
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    #[arg(value_parser = number::<usize>(1, TIMEOUT_MAX))]
    timeout: Option<usize>,
    /// Give way to other processes: lowest CPU and I/O priority
    #[arg(long)]
    nice: bool,
    /// Leave out entries that match, as in gitignore: GLOB is matched against names, or if it
    /// contains a slash against the path below the root or the full path; ** matches across
    /// levels, a leading ! includes again
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    exclude: Vec<String>,
    /// Leave out the paths in this file, one per line, as the walk prints them or absolute
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    exclude_from: Vec<PathBuf>,
    /// Stay on the filesystem of each root
    #[arg(short = 'x', long)]
    one_file_system: bool,
    /// Descend at most N levels below each root; 0 is the root alone
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = number::<u32>(0, u32::MAX.into()))]
    max_depth: Option<u32>,
    /// Deliver only entries that fulfil a condition, as in "size > 1G and mtime < -2y". All
    /// directories are entered and counted all the same
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true)]
    #[arg(long_help = where_help(DELIVERED_WHERE))]
    condition: Option<String>,
    /// Walk snapshot directories too (.snapshot, .snapshots, ~snapshot, .zfs)
    #[arg(long)]
    snapshots: bool,
    /// Follow symbolic links
    #[arg(short = 'L', long)]
    follow: bool,
    /// Ask network filesystems for fresh attributes instead of cached ones
    #[arg(long)]
    strict: bool,
    /// What the C pwalk calls its default here: snapshots are skipped
    #[arg(long = "NoSnap", hide = true, action = ArgAction::SetTrue, conflicts_with = "snapshots")]
    _no_snap: bool,
    /// What the C pwalk has to be asked for: the header is always written
    #[arg(long = "header", hide = true, action = ArgAction::SetTrue)]
    _header: bool,
}

impl WalkArgs {
    /// How long a request is waited for.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds as u64))
    }

    /// True if it may meet a filesystem that stops answering, or is to expect one.
    pub(crate) fn may_hang(&self) -> bool {
        // A link may lead to any mount.
        let anywhere = self.follow.then(|| PathBuf::from("/"));
        let paths = self.roots.iter().chain(&self.exclude_from).chain(&anywhere);
        self.timeout.is_some() || pwalk::may_hang(paths)
    }

    /// The trees.
    pub(crate) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// A mistake in the condition is told at once, even if a root does not answer.
    pub(crate) fn check_condition(&self) -> Result<(), Error> {
        self.condition.as_deref().map_or(Ok(()), |text| Ok(Condition::new(text).map(drop)?))
    }

    /// The first option that says how a tree is walked, and nothing about a saved scan.
    pub(crate) fn set_for_trees(&self) -> Option<&'static str> {
        let options = [
            ("--max-ops", self.max_ops.is_some()),
            ("--timeout", self.timeout.is_some()),
            ("--nice", self.nice),
            ("--exclude", !self.exclude.is_empty()),
            ("--exclude-from", !self.exclude_from.is_empty()),
            ("--one-file-system", self.one_file_system),
            ("--max-depth", self.max_depth.is_some()),
            ("--snapshots", self.snapshots),
            ("--follow", self.follow),
            ("--strict", self.strict),
        ];
        options.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }

    pub(crate) fn into_config(self) -> WalkConfig {
        // Destructured, so that a new argument can't be forgotten here.
        let WalkArgs {
            roots,
            threads,
            max_ops,
            timeout,
            nice,
            exclude,
            exclude_from,
            one_file_system,
            max_depth,
            condition,
            snapshots,
            follow,
            strict,
            _no_snap,
            _header,
        } = self;
        WalkConfig {
            roots,
            threads,
            n_alone: 0,
            snapshots,
            exclude,
            exclude_from,
            one_file_system,
            max_depth,
            condition,
            follow,
            strict,
            settings: Settings { max_ops, timeout, nice, ..Settings::default() },
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum NamesArg {
    /// Always valid UTF-8: invalid bytes become U+FFFD
    Utf8,
    /// The unchanged bytes
    Raw,
    /// As the C pwalk does: the unchanged bytes, without bytes below 32
    Pwalk,
}

impl From<NamesArg> for Names {
    fn from(names: NamesArg) -> Names {
        match names {
            NamesArg::Utf8 => Names::Utf8,
            NamesArg::Raw => Names::Raw,
            NamesArg::Pwalk => Names::Pwalk,
        }
    }
}

/// The letters of find, or words.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum KindArg {
    #[value(name = "f", alias = "file")]
    File,
    #[value(name = "d", alias = "dir")]
    Dir,
    #[value(name = "l", alias = "symlink")]
    Symlink,
    #[value(name = "p", alias = "fifo")]
    Fifo,
    #[value(name = "s", alias = "socket")]
    Socket,
    #[value(name = "c", alias = "char")]
    Char,
    #[value(name = "b", alias = "block")]
    Block,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Kind {
        match kind {
            KindArg::File => Kind::File,
            KindArg::Dir => Kind::Dir,
            KindArg::Symlink => Kind::Symlink,
            KindArg::Fifo => Kind::Fifo,
            KindArg::Socket => Kind::Socket,
            KindArg::Char => Kind::Char,
            KindArg::Block => Kind::Block,
        }
    }
}

/// The whole command line, for completions, man pages and tests.
pub fn command() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_hold_together() {
        command().debug_assert();
    }
}
