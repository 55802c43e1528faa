//! From what a user asks of a walk to what the engine needs: shared by all jobs that walk.

use crate::error::Error;
use crate::filesystems::filesystems;
use crate::roots::Roots;
use crate::settings::Settings;
use crate::threads::Threads;
use pwalk_engine::{
    Budget, Condition, Config, Disk, Excludes, Frontier, Links, PathSet, Rules, STALL_AFTER,
};
use pwalk_sys::RawFilesystem;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What to walk, and what to leave out.
#[derive(Clone, Debug, Default)]
pub struct WalkConfig {
    /// Roots, in the form that paths in rows begin with.
    pub roots: Vec<PathBuf>,
    /// Worker threads; `None`: as [`Threads::choose`] finds.
    pub threads: Option<usize>,
    /// Requests that one worker makes before others join it; 0: all start at once.
    pub n_alone: u64,
    /// Walks snapshot directories too.
    pub snapshots: bool,
    /// Patterns to leave out; see [`Excludes`]. What matched nothing is in the summary.
    pub exclude: Vec<String>,
    /// Files with paths to leave out, one per line: as rows have them, or absolute.
    pub exclude_from: Vec<PathBuf>,
    /// Stays on each root's filesystem.
    pub one_file_system: bool,
    /// Levels below a root: 0 is the root alone.
    pub max_depth: Option<u32>,
    /// What rows must fulfil; see [`Condition`].
    pub condition: Option<String>,
    /// Follows symbolic links.
    pub follow: bool,
    /// Asks network filesystems for fresh attributes.
    pub strict: bool,
    /// How the walk uses the system.
    pub settings: Settings,
}

impl WalkConfig {
    /// What was asked for, as JSON, for the metadata of files.
    pub(crate) fn options_json(&self) -> String {
        let show = |paths: &[PathBuf]| -> Vec<String> {
            paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
        };
        // Destructured, so that a new field can't be forgotten here.
        let WalkConfig {
            roots: _,
            threads,
            n_alone: _,
            snapshots,
            exclude,
            exclude_from,
            one_file_system,
            max_depth,
            condition,
            follow,
            strict,
            settings: _,
        } = self;
        let options = serde_json::json!({
            "threads": threads,
            "snapshots": snapshots,
            "exclude": exclude,
            "exclude_from": show(exclude_from),
            "one_file_system": one_file_system,
            "max_depth": max_depth,
            "where": condition,
            "follow": follow,
            "strict": strict,
        });
        options.to_string()
    }
}

/// A walk that is ready to start.
pub(crate) struct Setup {
    pub(crate) frontier: Frontier,
    pub(crate) config: Config,
    pub(crate) source: Disk,
    /// How long a request is waited for.
    pub(crate) timeout: Option<Duration>,
    pub(crate) threads: Threads,
    /// What a user should know before it starts.
    pub(crate) notes: Vec<String>,
    /// Inodes in use on the filesystem of a single root that is its mount point, where the
    /// filesystem counts them: about what the walk will find.
    pub(crate) n_expected: Option<u64>,
}

impl Setup {
    /// Checks and resolves everything. Touches the roots, and reads the lists of excludes.
    ///
    /// `own_folder` is one that the walk itself fills: it is no part of what it reports.
    pub(crate) fn new(walk: &WalkConfig, own_folder: Option<&Path>) -> Result<Setup, Error> {
        // Destructured, so that a new field can't be forgotten here.
        let WalkConfig {
            roots,
            threads,
            n_alone,
            snapshots,
            exclude,
            exclude_from,
            one_file_system,
            max_depth,
            condition,
            follow,
            strict,
            settings,
        } = walk;
        // First: a mistake in it is told before anything is asked of a filesystem that may hang.
        let condition = condition.as_deref().map(Condition::new).transpose()?.map(Arc::new);
        let given: Vec<_> = roots.iter().map(|root| root.as_os_str().as_bytes().to_vec()).collect();
        let timeout = settings.timeout.map(|seconds| Duration::from_secs(seconds as u64));
        if let Some(timeout) = timeout {
            Roots::await_answers(&given, timeout)?;
        }
        let mut roots = Roots::check(&given)?;
        if let Some(folder) = own_folder {
            roots.leave_out(folder);
        }
        let first = Path::new(OsStr::from_bytes(&given[0]));
        // A dangling link is on no filesystem that could be asked through it.
        let needs_mounts = *one_file_system || !exclude.is_empty() || !exclude_from.is_empty();
        let table = settings.mounts(needs_mounts);
        let raw = settings.filesystem(&table, first);
        let fs = settings.fs_kind(raw.as_ref(), &table);
        let tuning = settings.tuning(fs);
        let chosen = Threads::choose(*threads, |name| std::env::var_os(name), fs)?;
        let threads = if threads.is_some() { chosen } else { settings.clamp(chosen) };
        roots.notes.extend(threads.note());
        let filesystems = filesystems(&roots, &table, settings, tuning);
        let exclude_paths = read_path_lists(exclude_from, &roots)?;
        let rules = Rules {
            links: if *follow { Links::Follow } else { Links::Keep },
            links_are_files: true,
            walks_snapshots: *snapshots,
            one_file_system: *one_file_system,
            max_depth: *max_depth,
            excludes: Excludes::for_roots(exclude, &roots.paths())?,
            exclude_paths,
            mount_points: if needs_mounts {
                roots.mount_points(&table)
            } else {
                PathSet::default()
            },
            nested_roots: roots.nested,
            own_files: Vec::new(),
            condition,
        };
        let config = Config {
            rules,
            n_workers: threads.count,
            workers_max: threads.max,
            n_alone: *n_alone,
            n_cores: threads.n_cores,
            n_millicores: threads.n_millicores,
            filesystems,
            placement: settings.placement(),
            ops_max: settings.max_ops.map(|n| n as u64),
            ops_per_inode: if *strict { 2 } else { 1 },
            inherit: None,
            budget: Budget::default(),
            stall_after: STALL_AFTER,
        };
        let source = settings.source(*strict, tuning);
        // What is left out is in use, too.
        let is_all = exclude.is_empty() && exclude_from.is_empty() && max_depth.is_none();
        let raw = raw.filter(|_| is_all);
        let n_expected = raw.and_then(|raw| expected_entries(&raw, &roots.frontier, first));
        Ok(Setup {
            frontier: roots.frontier,
            config,
            source,
            timeout,
            threads,
            notes: roots.notes,
            n_expected,
        })
    }
}

/// Filesystems that count the inodes of something larger than what is mounted: of the disk below
/// an overlay, of the server's volume, or whatever a FUSE program makes up.
const COUNT_MORE: [&str; 6] = ["overlay", "nfs", "fuse", "9p", "virtiofs", "cifs"];

fn expected_entries(raw: &RawFilesystem, frontier: &Frontier, root: &Path) -> Option<u64> {
    let mount = raw.mount.as_ref()?;
    let point = Path::new(OsStr::from_bytes(&mount.point));
    let counts_more = COUNT_MORE.iter().any(|fs_type| mount.fs_type.starts_with(fs_type));
    let is_root = frontier.len() == 1 && root.canonicalize().is_ok_and(|root| root == point);
    let is_whole = is_root && mount.root == b"/" && !counts_more;
    raw.n_inodes_used().filter(|_| is_whole)
}

/// Paths, one per line: as the walk prints them, or from `/` on however the root is spelled.
fn read_path_lists(files: &[PathBuf], roots: &Roots) -> Result<PathSet, Error> {
    let mut set = PathSet::default();
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| Error::file(file, &error))?;
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let printed: Vec<_> = roots.printed(Path::new(OsStr::from_bytes(line))).collect();
            let spellings = printed.iter().map(Vec::as_slice);
            set.insert_spellings(std::iter::once(line).chain(spellings));
        }
    }
    Ok(set)
}
