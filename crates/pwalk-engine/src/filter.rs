//! What a walk leaves out: decided by name and path, before anything is opened.
//!
//! Each rule is resolved once for a directory ([`Filter::in_dir`]) and then asked entry by
//! entry, so that a walk without rules pays one comparison a name.

use crate::argument::{Argument, ArgumentError};
use crate::config::Rules;
use crate::entry::Kind;
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::{HashMap, HashSet};

/// Directories that hold a filesystem's own snapshots.
pub const SNAPSHOT_NAMES: [&str; 4] = [".snapshot", ".snapshots", "~snapshot", ".zfs"];

/// Patterns of entries to leave out, with the rules of gitignore.
///
/// A pattern without a slash matches a name anywhere; one with a slash the path below the root,
/// where `*` stops at slashes and `**` doesn't. A closing slash restricts it to directories.
/// `!` in front takes back what an earlier pattern left out: the last one that matches decides.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    patterns: Vec<Pattern>,
    /// Those without a slash, and for each its place in `patterns`.
    names: GlobSet,
    name_index: Vec<usize>,
    /// Those with a slash.
    paths: GlobSet,
    path_index: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Pattern {
    takes_back: bool,
    is_for_dirs: bool,
}

const EXCLUDE: Argument = Argument::new("exclude", "exclude pattern");

impl Excludes {
    /// Compiles patterns, in the order in which they count.
    ///
    /// # Errors
    ///
    /// The first that is no pattern.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Excludes, ArgumentError> {
        let mut excludes = Excludes::default();
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for (index, given) in patterns.iter().map(P::as_ref).enumerate() {
            let error = |error: globset::Error| bad_pattern(given, &error);
            let (takes_back, rest) =
                given.strip_prefix('!').map_or((false, given), |rest| (true, rest));
            let (is_for_dirs, rest) =
                rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
            let is_path = rest.contains('/');
            let text = rest.strip_prefix('/').unwrap_or(rest);
            if text.is_empty() {
                return Err(ArgumentError::new(EXCLUDE, given, "it can match nothing"));
            }
            let mut builder = GlobBuilder::new(text);
            let glob =
                builder.literal_separator(true).backslash_escape(true).build().map_err(error)?;
            excludes.patterns.push(Pattern { takes_back, is_for_dirs });
            if is_path {
                paths.add(glob);
                excludes.path_index.push(index);
            } else {
                names.add(glob);
                excludes.name_index.push(index);
            }
        }
        let failed = |error: globset::Error| bad_pattern(error.glob().unwrap_or_default(), &error);
        excludes.names = names.build().map_err(failed)?;
        excludes.paths = paths.build().map_err(failed)?;
        Ok(excludes)
    }

    /// True if some of them are for directories only.
    fn need_kind(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_for_dirs)
    }

    /// True if the entry is left out. `dir` is the path below the root of the directory that it
    /// stands in: empty, or with a closing slash.
    fn leave_out(&self, dir: &[u8], name: &[u8], is_dir: bool) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let mut hits = Vec::new();
        let mut last = None;
        let mut collect = |set: &GlobSet, index: &[usize], bytes: &[u8]| {
            set.matches_candidate_into(&Candidate::from_bytes(bytes), &mut hits);
            let places = hits.iter().map(|&hit| index[hit]);
            let counts = places.filter(|&place| is_dir || !self.patterns[place].is_for_dirs);
            last = last.max(counts.max());
        };
        collect(&self.names, &self.name_index, name);
        if !self.paths.is_empty() {
            collect(&self.paths, &self.path_index, &[dir, name].concat());
        }
        last.is_some_and(|place| !self.patterns[place].takes_back)
    }
}

fn bad_pattern(pattern: &str, error: &globset::Error) -> ArgumentError {
    ArgumentError::new(EXCLUDE, pattern, error.kind().to_string())
}

/// A set of paths, asked directory by directory.
#[derive(Clone, Debug, Default)]
pub struct PathSet {
    /// Names by the path of the directory that they stand in, with its closing slash.
    by_dir: HashMap<Vec<u8>, HashSet<Vec<u8>>>,
}

impl PathSet {
    /// Adds a path; closing slashes are dropped. A path without any slash names nothing that a
    /// walk can meet below a root, and is left out.
    pub fn insert(&mut self, path: &[u8]) {
        let n_slashes = path.iter().rev().take_while(|&&byte| byte == b'/').count();
        let path = &path[..path.len() - n_slashes];
        if let Some(slash) = path.iter().rposition(|&byte| byte == b'/') {
            let (dir, name) = path.split_at(slash + 1);
            self.by_dir.entry(dir.to_vec()).or_default().insert(name.to_vec());
        }
    }

    fn names_in(&self, dir: &[u8]) -> Option<&HashSet<Vec<u8>>> {
        if self.by_dir.is_empty() { None } else { self.by_dir.get(dir) }
    }
}

impl<P: AsRef<[u8]>> FromIterator<P> for PathSet {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut set = PathSet::default();
        paths.into_iter().for_each(|path| set.insert(path.as_ref()));
        set
    }
}

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
    excluded: Option<&'a HashSet<Vec<u8>>>,
    nested_roots: Option<&'a HashSet<Vec<u8>>>,
    mount_points: Option<&'a HashSet<Vec<u8>>>,
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
            excluded: rules.exclude_paths.names_in(path),
            nested_roots: rules.nested_roots.names_in(path),
            mount_points: rules.mount_points.names_in(path),
        }
    }
}

impl DirFilter<'_> {
    /// True if nothing but directories can be left out.
    pub(crate) fn keeps_files(&self) -> bool {
        self.excluded.is_none()
            && self.nested_roots.is_none()
            && self.mount_points.is_none()
            && self.rules.excludes.patterns.is_empty()
    }

    /// What the rules say of an entry. Of kind `Unknown`, only what holds for all kinds.
    #[inline]
    pub(crate) fn judge(&self, name: &[u8], kind: Kind) -> Verdict {
        let has = |set: Option<&HashSet<Vec<u8>>>| set.is_some_and(|names| names.contains(name));
        let is_dir = kind == Kind::Dir;
        // Patterns for directories can't be asked before the kind is known.
        let can_match = kind != Kind::Unknown || !self.rules.excludes.need_kind();
        if has(self.nested_roots) {
            Verdict::Root
        } else if has(self.excluded)
            || (can_match && self.rules.excludes.leave_out(self.below_root, name, is_dir))
        {
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
    fn excludes_follow_the_rules_of_gitignore() {
        // (patterns, path below the root, is it a directory, is it left out)
        let cases: &[(&[&str], &str, bool, bool)] = &[
            (&["*.tmp"], "a/b/c.tmp", false, true),
            (&["*.tmp"], "a.tmp/c", false, false),
            (&["a/*.tmp"], "a/c.tmp", false, true),
            (&["a/*.tmp"], "a/b/c.tmp", false, false),
            (&["a/*.tmp"], "x/a/c.tmp", false, false),
            (&["a/**/c"], "a/b/b/c", false, true),
            (&["a/**/c"], "a/c", false, true),
            (&["**/c"], "a/b/c", false, true),
            (&["/c"], "c", false, true),
            (&["/c"], "a/c", false, false),
            (&["c/"], "a/c", false, false),
            (&["c/"], "a/c", true, true),
            (&["*", "!*.rs"], "a/b.rs", false, false),
            (&["*", "!*.rs"], "a/b.py", false, true),
            (&["!*.rs", "*"], "a/b.rs", false, true),
            (&["a/*", "!b.rs"], "a/b.rs", false, false),
            (&["[ab]?"], "xy/b1", false, true),
            (&["{x,y}z"], "yz", false, true),
            (&[r"\!c"], "!c", false, true),
            (&[r"\*"], "x", false, false),
            (&["*"], ".hidden", false, true),
        ];
        for &(patterns, path, is_dir, expected) in cases {
            let excludes = Excludes::new(patterns).unwrap();
            let cut = path.rfind('/').map_or(0, |slash| slash + 1);
            let (dir, name) = path.as_bytes().split_at(cut);
            assert_eq!(excludes.leave_out(dir, name, is_dir), expected, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_match_too() {
        let excludes = Excludes::new(&["a*b"]).unwrap();
        assert!(excludes.leave_out(b"", b"a\xffb", false));
    }

    #[test]
    fn a_bad_pattern_is_named() {
        for bad in ["a[", "{a", "!", "/"] {
            let error = Excludes::new(&["ok", bad]).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("exclude pattern '{bad}': ")),
                "{error}"
            );
        }
    }

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
