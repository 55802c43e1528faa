//! What a walk leaves out: decided by name and path, before anything is opened.
//!
//! Each rule is resolved once for a directory ([`Filter::in_dir`]) and then asked entry by
//! entry, so that a walk without rules pays one comparison a name.

use crate::config::Rules;
use crate::entry::Kind;
use crate::excludes::{PathsInDir, RootId};

/// Directories that contain a filesystem's own snapshots.
pub const SNAPSHOT_NAMES: [&str; 4] = [".snapshot", ".snapshots", "~snapshot", ".zfs"];

/// What the rules say of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is delivered, and walked if it is a directory.
    Keep,
    /// An exclude leaves it out.
    Exclude {
        /// Asking its inode could hang: it is a mount point.
        is_mount_point: bool,
    },
    /// A snapshot directory that is not walked.
    Snapshot,
    /// A mount point, in a walk that stays on one filesystem. Its inode is not asked.
    MountPoint,
    /// It is a root of this walk, and is delivered as such.
    Root,
}

/// Judges the entries of a walk by its rules.
pub(crate) struct Filter<'a> {
    rules: &'a Rules,
}

/// The rules for the entries of one directory.
pub(crate) struct DirFilter<'a> {
    rules: &'a Rules,
    /// Path of the directory below its root: empty, or with a closing slash.
    below_root: &'a [u8],
    /// The root, as the excludes know it.
    root: Option<RootId>,
    excluded: Option<PathsInDir<'a>>,
    nested_roots: Option<PathsInDir<'a>>,
    mount_points: Option<PathsInDir<'a>>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Self {
        Filter { rules }
    }

    /// The rules for a directory. `path` has a closing slash; the root is its first `root_len`
    /// bytes.
    pub(crate) fn in_dir(&self, path: &'a [u8], root_len: usize) -> DirFilter<'a> {
        let rules = self.rules;
        let root_prefix_len = if path.get(..root_len) == Some(b"/") { 1 } else { root_len + 1 };
        DirFilter {
            rules,
            below_root: &path[root_prefix_len.min(path.len())..],
            root: path.get(..root_len).and_then(|root| rules.excludes.root_id(root)),
            excluded: rules.exclude_paths.in_dir(path),
            nested_roots: rules.nested_roots.in_dir(path),
            mount_points: rules.mount_points.in_dir(path),
        }
    }
}

impl DirFilter<'_> {
    /// True if nothing but directories can be left out.
    pub(crate) fn keeps_files(&self) -> bool {
        self.excluded.is_none()
            && self.nested_roots.is_none()
            && self.mount_points.is_none()
            && self.rules.excludes.is_empty()
    }

    fn matches_pattern(&self, name: &[u8], is_dir: bool) -> bool {
        self.rules.excludes.leave_out(self.root, self.below_root, name, is_dir)
    }

    /// What the rules say of an entry. Of kind `Unknown`, only what holds for all kinds.
    #[inline]
    pub(crate) fn judge(&self, name: &[u8], kind: Kind) -> Verdict {
        let has = |paths: Option<PathsInDir<'_>>| paths.is_some_and(|paths| paths.has(name));
        let is_dir = kind == Kind::Dir;
        // Patterns for directories can't be asked before the kind is known.
        let can_match = kind != Kind::Unknown || !self.rules.excludes.need_kind();
        if has(self.nested_roots) {
            Verdict::Root
        } else if has(self.excluded) || (can_match && self.matches_pattern(name, is_dir)) {
            Verdict::Exclude { is_mount_point: has(self.mount_points) }
        } else if self.rules.one_file_system && has(self.mount_points) {
            Verdict::MountPoint
        } else if is_dir && !self.rules.walks_snapshots && is_snapshot(name) {
            Verdict::Snapshot
        } else {
            Verdict::Keep
        }
    }
}

fn is_snapshot(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'.' | b'~'))
        && SNAPSHOT_NAMES.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_by_directory_and_name() {
        let rules = Rules {
            exclude_paths: ["/a/b/", "r/c"].iter().collect(),
            mount_points: ["/a/b", "/a/m", "/top"].iter().collect(),
            nested_roots: ["/a/root"].iter().collect(),
            one_file_system: true,
            ..Rules::default()
        };
        let filter = Filter::new(&rules);
        let judge = |dir: &str, root_len, name: &str, kind| {
            filter.in_dir(dir.as_bytes(), root_len).judge(name.as_bytes(), kind)
        };
        assert_eq!(judge("/a/", 2, "b", Kind::Unknown), Verdict::Exclude { is_mount_point: true });
        assert_eq!(judge("r/", 1, "c", Kind::File), Verdict::Exclude { is_mount_point: false });
        assert_eq!(judge("/a/", 1, "m", Kind::Dir), Verdict::MountPoint);
        assert_eq!(judge("/", 1, "top", Kind::Dir), Verdict::MountPoint);
        assert_eq!(judge("/a/", 2, "root", Kind::Dir), Verdict::Root);
        assert_eq!(judge("/a/", 2, ".zfs", Kind::Dir), Verdict::Snapshot);
        assert_eq!(judge("/a/", 2, ".zfs", Kind::File), Verdict::Keep);
        assert_eq!(judge("/b/", 1, "b", Kind::Dir), Verdict::Keep);
    }
}
