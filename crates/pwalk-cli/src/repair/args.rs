//! The arguments of `pwalk repair` as typed, and what they mean.

use crate::args::{WalkArgs, check_errors};
use clap::{Args as ArgGroup, ValueHint};
use pwalk::repair::{Changes, PlanConfig, check_journal};
use pwalk::{Error, group_id, group_name};
use std::path::{Path, PathBuf};

/// What is repaired.
pub(crate) const REPAIRED: &str = "The folder to repair";

/// What a condition means here.
pub(crate) const REPAIRED_WHERE: &str =
    "Repair only entries that fulfil a condition, as in \"user = anna and mtime > -30d\"";

/// What only a plan needs: a plan that is there, and a journal, say it themselves.
const OF_PLAN: [&str; 16] = [
    "roots",
    "plan",
    "group",
    "change_gids",
    "group_writable",
    "acl",
    "hard_links",
    "cross_filesystems",
    "numeric",
    "exclude",
    "exclude_from",
    "max_depth",
    "condition",
    "snapshots",
    "strict",
    "follow",
];

#[derive(ArgGroup)]
pub(crate) struct RepairArgs {
    /// Make the changes: plan and apply, or with --from apply a plan
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) apply: bool,
    /// Change nothing; this is the default
    #[arg(long)]
    dry_run: bool,
    /// Write the plan to this file, one row for each change; the suffix selects the format (.parquet,
    /// .csv, .ndjson, .arrow)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) plan: Option<PathBuf>,
    /// Apply this plan instead of making one; rows may have been removed from it
    #[arg(long, value_name = "PLAN", value_hint = ValueHint::FilePath, requires = "apply")]
    #[arg(conflicts_with_all = OF_PLAN)]
    pub(crate) from: Option<PathBuf>,
    /// Take back what this journal says was changed
    #[arg(long, value_name = "JOURNAL", value_hint = ValueHint::FilePath)]
    #[arg(conflicts_with_all = OF_PLAN, conflicts_with_all = ["from", "apply", "dry_run"])]
    pub(crate) undo: Option<PathBuf>,
    /// Write the journal, which --undo reads, to this new file [default: repair-DATE-TIME.journal in
    /// the working directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
    /// Give this group to entries whose group is replaced, instead of that of the nearest directory
    /// above them
    #[arg(long, value_name = "NAME|GID", allow_hyphen_values = true)]
    group: Option<String>,
    /// Also replace these groups, by name or number, comma-separated or repeated; root's, and those
    /// whose number is that of the owner, are always replaced
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    change_gids: Vec<String>,
    /// Let the group write, too
    #[arg(long, visible_alias = "force-group-writable")]
    group_writable: bool,
    /// Also change entries that have a POSIX access control list: the owning group's entry and the
    /// mask
    #[arg(long)]
    acl: bool,
    /// Also change files that have hard links outside of PATH
    #[arg(long)]
    hard_links: bool,
    /// Also enter other filesystems that are mounted below PATH
    #[arg(long)]
    cross_filesystems: bool,
    /// Accept numbers of groups that are not known by a name
    #[arg(long)]
    numeric: bool,
    /// Write no line to the system's log for each change
    #[arg(long)]
    pub(crate) no_syslog: bool,
    /// Also write every entry that is left as it is to this file, one JSON object per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) errors: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no progress, no individual entries, and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
    // What a repair adds comes first in help.
    #[command(flatten)]
    pub(crate) walk: WalkArgs,
}

/// What is to be done.
pub(crate) enum Task {
    /// A plan, and perhaps its changes.
    Plan(Box<PlanConfig>),
    /// Changes that are there already.
    Apply(Changes),
}

impl RepairArgs {
    /// Files that are read or written.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let files = [&self.plan, &self.from, &self.undo, &self.journal, &self.errors];
        files.into_iter().flatten()
    }

    /// Looks at the files that can't be written, before a plan is made that takes long.
    fn check(&self) -> Result<(), Error> {
        check_errors(self.errors.as_deref())?;
        let is_planned = self.from.is_none() && self.undo.is_none();
        match (&self.journal, self.apply) {
            (Some(_), false) if is_planned => {
                let reason = "a dry run has no journal; --apply makes the changes";
                Err(Error::usage("option", "--journal", reason))
            }
            (journal, true) if is_planned => check_journal(journal.as_deref()),
            _ => Ok(()),
        }
    }

    /// What is to be done, and the limits that apply to the changes.
    pub(crate) fn task(self) -> Result<(Task, Option<usize>, Option<u64>), Error> {
        self.check()?;
        // Destructured, so that a new argument can't be forgotten here.
        let RepairArgs {
            walk,
            apply,
            dry_run: _,
            plan,
            from,
            undo,
            journal: _,
            group,
            change_gids,
            group_writable,
            acl,
            hard_links,
            cross_filesystems,
            numeric,
            no_syslog: _,
            errors: _,
            json: _,
            quiet: _,
        } = self;
        let mut walk = walk.into_config();
        let limits = (walk.threads, walk.settings.max_ops.map(|n| n as u64));
        if let Some(changes) = from.map(Changes::Plan).or(undo.map(Changes::Journal)) {
            return Ok((Task::Apply(changes), limits.0, limits.1));
        }
        if walk.follow {
            let reason = "a repair never follows symbolic links";
            return Err(Error::usage("option", "--follow", reason));
        }
        walk.one_file_system = !cross_filesystems;
        let id = |option, name: &String| group_number(option, name, numeric);
        let config = PlanConfig {
            walk,
            change_gids: change_gids
                .iter()
                .map(|name| id("--change-gids", name))
                .collect::<Result<_, _>>()?,
            group: group.as_ref().map(|name| id("--group", name)).transpose()?,
            group_writable,
            acl,
            hard_links,
            plan,
            keeps_changes: apply,
        };
        Ok((Task::Plan(Box::new(config)), limits.0, limits.1))
    }
}

/// The list of what is left, or the plan, would replace the journal or plan of the same name: what
/// was changed could not be taken back.
pub(crate) fn check_distinct(files: &[PathBuf]) -> Result<(), Error> {
    let mut known: Vec<PathBuf> = Vec::new();
    for file in files.iter().filter_map(|path| resolved(path)) {
        if known.contains(&file) {
            let name = file.display().to_string();
            return Err(Error::usage("file", &name, "is given for two purposes"));
        }
        known.push(file);
    }
    Ok(())
}

/// Where a file is or will be; `None` for what keeps nothing, such as a terminal.
fn resolved(path: &Path) -> Option<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return path.is_file().then_some(path);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(folder.unwrap_or(Path::new(".")).canonicalize().ok()?.join(path.file_name()?))
}

/// The number of a group that is known, or one that needs no name.
fn group_number(option: &'static str, name: &str, is_numeric: bool) -> Result<u32, Error> {
    let bad = |reason: &str| Error::usage(option, name, reason);
    match group_id(name) {
        Ok(Some(gid)) => return Ok(gid),
        Ok(None) => {}
        Err(errno) => return Err(bad(&errno.to_string())),
    }
    let number = name.parse::<u32>().ok().filter(|gid| *gid != u32::MAX);
    match number {
        Some(gid) if is_numeric || group_name(gid).is_some() => Ok(gid),
        Some(_) => Err(bad("no group has this number; --numeric accepts it anyway")),
        None => Err(bad("no such group")),
    }
}
