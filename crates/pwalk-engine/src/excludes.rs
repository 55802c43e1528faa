//! What a user asks to leave out: patterns and paths, and which of them matched nothing.
//!
//! Each pattern and each path has a mark, which the first entry that it matches sets. Workers
//! share the marks without order (Relaxed): they are read after the last worker was joined. A
//! mark costs a load for an entry that matches, and nothing for all others.

use crate::argument::{Argument, ArgumentError};
use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const EXCLUDE: Argument = Argument::new("exclude", "exclude pattern");

/// Set by the first entry that something matches.
#[derive(Debug, Default)]
struct Mark(AtomicBool);

impl Mark {
    fn set(&self) {
        // Looked at first, so that workers don't take the cache line from each other.
        if !self.is_set() {
            self.0.store(true, Relaxed);
        }
    }

    fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Clone for Mark {
    fn clone(&self) -> Mark {
        Mark(AtomicBool::new(self.is_set()))
    }
}

/// Excludes that matched nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// How many.
    pub count: u64,
    /// The first of them, as given: at most [`Unmatched::FIRST_MAX`].
    pub first: Vec<Vec<u8>>,
}

impl Unmatched {
    /// How many of them are named.
    pub const FIRST_MAX: usize = 10;

    pub(crate) fn add(mut self, other: Unmatched) -> Unmatched {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(Unmatched::FIRST_MAX);
        self
    }
}

/// The path of a root, for patterns that begin with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPath {
    /// As paths in rows begin with it.
    pub printed: Vec<u8>,
    /// Its absolute path, resolved.
    pub resolved: Vec<u8>,
}

impl RootPath {
    /// The rest of a path that lies below the root, however it spells the root.
    fn rest_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = |root: &[u8]| {
            let root = root.strip_suffix(b"/").unwrap_or(root);
            let rest = path.as_bytes().strip_prefix(root)?.strip_prefix(b"/")?;
            path.get(path.len() - rest.len()..).filter(|rest| !rest.is_empty())
        };
        below(&self.printed).or_else(|| below(&self.resolved))
    }
}

/// Patterns of entries to leave out, with the rules of gitignore.
///
/// A pattern without a slash matches names at any level; one with a slash the path below the root,
/// where `*` stops at slashes and `**` doesn't. A trailing slash restricts it to directories.
/// A leading `!` includes again what an earlier pattern left out: the last match decides.
///
/// A pattern that begins with the path of a root refers to that path, below that root alone.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    patterns: Vec<Pattern>,
    /// Those without a slash, and for each its position in `patterns`.
    names: GlobSet,
    name_index: Vec<usize>,
    /// Those with a slash, and for each its position and the only root that it is for.
    paths: GlobSet,
    path_index: Vec<(usize, Option<RootId>)>,
    /// The roots that patterns begin with, as rows begin with them.
    roots: Vec<Vec<u8>>,
}

/// The position of a root in [`Excludes::roots`].
pub(crate) type RootId = usize;

#[derive(Clone, Debug)]
struct Pattern {
    given: String,
    takes_back: bool,
    is_for_dirs: bool,
    mark: Mark,
}

impl Excludes {
    /// Compiles patterns, in the order in which they count.
    ///
    /// # Errors
    ///
    /// The first that is not a pattern.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Excludes, ArgumentError> {
        Excludes::for_roots(patterns, &[])
    }

    /// The same for a walk of these roots, whose paths patterns may begin with.
    ///
    /// # Errors
    ///
    /// Those of `new`.
    pub fn for_roots<P: AsRef<str>>(
        patterns: &[P],
        roots: &[RootPath],
    ) -> Result<Excludes, ArgumentError> {
        let printed = roots.iter().map(|root| root.printed.clone());
        let mut excludes = Excludes { roots: printed.collect(), ..Excludes::default() };
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for given in patterns.iter().map(P::as_ref) {
            let position = excludes.patterns.len();
            let (pattern, text) = Pattern::parse(given);
            excludes.patterns.push(pattern);
            let below: Vec<_> = roots.iter().map(|root| root.rest_of(text)).collect();
            if below.iter().all(Option::is_none) {
                let glob = compile(given, text.strip_prefix('/').unwrap_or(text))?;
                if text.contains('/') {
                    paths.add(glob);
                    excludes.path_index.push((position, None));
                } else {
                    names.add(glob);
                    excludes.name_index.push(position);
                }
            }
            for (root, rest) in below.into_iter().enumerate() {
                if let Some(rest) = rest {
                    paths.add(compile(given, rest)?);
                    excludes.path_index.push((position, Some(root)));
                }
            }
        }
        excludes.names = names.build().map_err(|error| bad_set(patterns, &error))?;
        excludes.paths = paths.build().map_err(|error| bad_set(patterns, &error))?;
        Ok(excludes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True if some of them are for directories only.
    pub(crate) fn need_kind(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_for_dirs)
    }

    /// The root whose path this is, as patterns know it.
    pub(crate) fn root_id(&self, printed: &[u8]) -> Option<RootId> {
        self.roots.iter().position(|root| root == printed)
    }

    /// True if the entry is left out. `dir` is the path below the root of the directory that it
    /// is in: empty, or with a closing slash.
    pub(crate) fn leave_out(
        &self,
        root: Option<RootId>,
        dir: &[u8],
        name: &[u8],
        is_dir: bool,
    ) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let mut last = None;
        let mut count = |position: usize| {
            let pattern = &self.patterns[position];
            if is_dir || !pattern.is_for_dirs {
                pattern.mark.set();
                last = last.max(Some(position));
            }
        };
        let mut hits = Vec::new();
        self.names.matches_candidate_into(&Candidate::from_bytes(name), &mut hits);
        hits.iter().for_each(|&hit| count(self.name_index[hit]));
        if !self.paths.is_empty() {
            let path = [dir, name].concat();
            self.paths.matches_candidate_into(&Candidate::from_bytes(&path), &mut hits);
            let hits = hits.iter().map(|&hit| self.path_index[hit]);
            let here = hits.filter(|(_, only)| only.is_none() || *only == root);
            here.for_each(|(position, _)| count(position));
        }
        last.is_some_and(|position| !self.patterns[position].takes_back)
    }

    /// The patterns that matched no entry so far.
    pub fn unmatched(&self) -> Unmatched {
        let unset = self.patterns.iter().filter(|pattern| !pattern.mark.is_set());
        let first = unset.clone().take(Unmatched::FIRST_MAX);
        Unmatched {
            count: unset.count() as u64,
            first: first.map(|pattern| pattern.given.clone().into_bytes()).collect(),
        }
    }
}

impl Pattern {
    /// The pattern, and its text without what marks it.
    fn parse(given: &str) -> (Pattern, &str) {
        let (takes_back, text) =
            given.strip_prefix('!').map_or((false, given), |text| (true, text));
        let (is_for_dirs, text) = text.strip_suffix('/').map_or((false, text), |text| (true, text));
        let pattern =
            Pattern { given: given.to_owned(), takes_back, is_for_dirs, mark: Mark::default() };
        (pattern, text)
    }
}

fn compile(given: &str, text: &str) -> Result<Glob, ArgumentError> {
    if text.is_empty() {
        return Err(ArgumentError::new(EXCLUDE, given, "it can't match anything"));
    }
    let mut builder = GlobBuilder::new(text);
    let glob = builder.literal_separator(true).backslash_escape(true).build();
    glob.map_err(|error| bad_pattern(given, &error))
}

fn bad_pattern(pattern: &str, error: &globset::Error) -> ArgumentError {
    ArgumentError::new(EXCLUDE, pattern, glob_reason(error))
}

/// The error of a set doesn't say whose it is: of the first pattern that makes no set by itself.
fn bad_set<P: AsRef<str>>(patterns: &[P], error: &globset::Error) -> ArgumentError {
    let makes_none = |given: &&str| {
        let glob = compile(given, Pattern::parse(given).1);
        glob.is_ok_and(|glob| GlobSetBuilder::new().add(glob).build().is_err())
    };
    let guilty = patterns.iter().map(P::as_ref).find(makes_none);
    bad_pattern(guilty.unwrap_or("(all together)"), error)
}

/// What is wrong with a glob, in a user's words.
pub(crate) fn glob_reason(error: &globset::Error) -> String {
    match error.kind() {
        globset::ErrorKind::Regex(_) => "the pattern is too large or too deeply nested".to_owned(),
        kind => kind.to_string(),
    }
}

/// A set of paths, asked directory by directory.
#[derive(Clone, Debug, Default)]
pub struct PathSet {
    /// By the path of a directory, with its closing slash: names there.
    by_dir: HashMap<Vec<u8>, Names>,
    marks: Vec<Mark>,
}

type Names = HashMap<Vec<u8>, Spelling>;

/// One spelling of a path.
#[derive(Clone, Copy, Debug)]
struct Spelling {
    /// The position of the path's mark.
    mark: usize,
    /// It is the one that the path is named by.
    is_first: bool,
}

/// The members of a [`PathSet`] in one directory.
#[derive(Clone, Copy)]
pub(crate) struct PathsInDir<'a> {
    names: &'a Names,
    marks: &'a [Mark],
}

impl PathsInDir<'_> {
    /// True if the name is in the set, which is remembered.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        match self.names.get(name) {
            Some(spelling) => {
                self.marks[spelling.mark].set();
                true
            }
            None => false,
        }
    }
}

impl PathSet {
    /// Adds a path; closing slashes are dropped.
    pub fn insert(&mut self, path: &[u8]) {
        self.insert_spellings([path]);
    }

    /// Adds several spellings of one path: it has matched once one of them has, and is named by
    /// the first.
    pub fn insert_spellings<'a>(&mut self, paths: impl IntoIterator<Item = &'a [u8]>) {
        let paths: Vec<_> = paths.into_iter().map(split).collect();
        // What was added before keeps its mark, and other spellings of it get the same.
        let known = paths.iter().find_map(|(dir, name)| self.by_dir.get(*dir)?.get(*name));
        let mark = known.map_or(self.marks.len(), |spelling| spelling.mark);
        let mut is_first = mark == self.marks.len();
        if is_first {
            self.marks.push(Mark::default());
        }
        for (dir, name) in paths {
            let names = self.by_dir.entry(dir.to_vec()).or_default();
            names.entry(name.to_vec()).or_insert(Spelling { mark, is_first });
            is_first = false;
        }
    }

    pub(crate) fn in_dir(&self, dir: &[u8]) -> Option<PathsInDir<'_>> {
        if self.by_dir.is_empty() {
            return None;
        }
        self.by_dir.get(dir).map(|names| PathsInDir { names, marks: &self.marks })
    }

    /// The paths that no entry had so far, in the order in which they were added.
    pub fn unmatched(&self) -> Unmatched {
        let unset = (0..self.marks.len()).filter(|&mark| !self.marks[mark].is_set());
        let mut first: Vec<_> =
            unset.clone().take(Unmatched::FIRST_MAX).map(|mark| (mark, None)).collect();
        if first.is_empty() {
            return Unmatched::default();
        }
        for (dir, names) in &self.by_dir {
            for (name, spelling) in names.iter().filter(|(_, spelling)| spelling.is_first) {
                if let Ok(at) = first.binary_search_by_key(&spelling.mark, |(mark, _)| *mark) {
                    first[at].1 = Some([dir.as_slice(), name].concat());
                }
            }
        }
        Unmatched {
            count: unset.count() as u64,
            first: first.into_iter().filter_map(|(_, path)| path).collect(),
        }
    }
}

/// The directory with its closing slash, and the name without one.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let n_slashes = path.iter().rev().take_while(|&&byte| byte == b'/').count();
    let path = &path[..path.len() - n_slashes];
    let slash = path.iter().rposition(|&byte| byte == b'/');
    path.split_at(slash.map_or(0, |slash| slash + 1))
}

impl<P: AsRef<[u8]>> FromIterator<P> for PathSet {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut set = PathSet::default();
        paths.into_iter().for_each(|path| set.insert(path.as_ref()));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t54_a_pattern_that_is_too_large_is_named() {
        let deep = "{".repeat(300) + "a" + &"}".repeat(300);
        let error = Excludes::new(&["*.tmp", &deep]).expect_err("it is too large");
        assert_eq!(error.value(), deep);
        assert_eq!(error.reason(), "the pattern is too large or too deeply nested");
    }

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
            assert_eq!(
                excludes.leave_out(None, dir, name, is_dir),
                expected,
                "{patterns:?} on {path}"
            );
        }
    }

    #[test]
    fn names_that_are_not_utf8_match_too() {
        let excludes = Excludes::new(&["a*b"]).unwrap();
        assert!(excludes.leave_out(None, b"", b"a\xffb", false));
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
    fn t54_a_pattern_that_begins_with_a_root_means_what_is_there() {
        let roots = [("/etc", "/etc"), (".", "/srv/a"), ("b", "/srv/b")];
        let roots = roots.map(|(printed, resolved)| RootPath {
            printed: printed.into(),
            resolved: resolved.into(),
        });
        // (pattern, root, path below it, is it left out)
        let cases = [
            ("/etc/apt", "/etc", "apt", true),
            ("/etc/apt", ".", "apt", false),
            ("/etc/apt", ".", "etc/apt", false),
            ("/etc/apt/", "/etc", "apt", true),
            ("/etc/*.conf", "/etc", "x.conf", true),
            ("/etc/*.conf", "/etc", "x/y.conf", false),
            ("/etc/**/*.conf", "/etc", "x/y.conf", true),
            ("/srv/a/x", ".", "x", true),
            ("./x", ".", "x", true),
            ("b/x", "b", "x", true),
            ("/srv/b/x", "b", "x", true),
            ("/srv/b/x", ".", "x", false),
            ("c/x", "b", "c/x", true),
            ("/etcetera", "/etc", "etcetera", true),
        ];
        for (pattern, root, path, expected) in cases {
            let excludes = Excludes::for_roots(&[pattern], &roots).unwrap();
            let cut = path.rfind('/').map_or(0, |slash| slash + 1);
            let (dir, name) = path.as_bytes().split_at(cut);
            let root = excludes.root_id(root.as_bytes());
            let is_out = excludes.leave_out(root, dir, name, true);
            assert_eq!(is_out, expected, "{pattern} on {path} in {root:?}");
            assert_eq!(excludes.unmatched().count, u64::from(!expected));
        }
    }

    #[test]
    fn t54_what_matched_nothing_is_named_in_its_order_and_bounded() {
        let given: Vec<String> = (0..30).map(|n| format!("name-{n}")).collect();
        let excludes = Excludes::new(&given).unwrap();
        assert!(excludes.leave_out(None, b"", b"name-3", false));
        let twice = given.iter().chain(&given);
        let paths: PathSet = twice.map(|name| format!("/a/{name}")).collect();
        assert!(paths.in_dir(b"/a/").unwrap().has(b"name-3"));
        for (unmatched, prefix) in [(excludes.unmatched(), ""), (paths.unmatched(), "/a/")] {
            assert_eq!((unmatched.count, unmatched.first.len()), (29, Unmatched::FIRST_MAX));
            assert_eq!(unmatched.first[3], format!("{prefix}name-4").into_bytes());
        }
        assert_eq!(excludes.unmatched().add(paths.unmatched()).count, 58);
    }

    #[test]
    fn t54_a_path_that_matched_nothing_is_named_as_it_was_given() {
        let given: Vec<_> = (0..9).map(|n| format!("/srv/a/{n}/x").into_bytes()).collect();
        let printed: Vec<_> = (0..9).map(|n| format!("./{n}/x").into_bytes()).collect();
        let mut paths = PathSet::default();
        for (given, printed) in given.iter().zip(&printed) {
            paths.insert_spellings([given.as_slice(), printed]);
        }
        // Another spelling of what is known adds none, and renames nothing.
        paths.insert_spellings([&b"b/3/x"[..], &printed[3]]);
        paths.insert(&printed[4]);
        assert_eq!(paths.unmatched(), Unmatched { count: 9, first: given });
    }
}
