//! What all workers of a profile share.

use super::case::Case;
use super::classes::Ages;
use super::dir::{Dir, without_slash};
use super::keyed::Keyed;
use super::mains::Mains;
use super::old::OldTrees;
use super::paths::Paths;
use super::top::{HasPath, Last, Top};
use super::trees::Trees;
use super::unseen::Unseen;
use super::{About, LargeDir, LargeFile, Text, Trouble};
use pwalk_engine::Fields;
use std::sync::Mutex;

/// Names that make trouble, and errors, of which a profile has the paths.
const EXAMPLES_MAX: usize = 20;
/// Paths in a list, whatever was asked for.
const PATHS_MAX: usize = 10_000;

/// The rank of examples: they are equal but for their paths.
pub(crate) const EXAMPLE: u64 = 1;

/// What one worker knows of the ends of lists.
#[derive(Debug, Default)]
pub(crate) struct Lasts {
    pub(crate) file: Last,
    pub(crate) dir: Last,
    pub(crate) empty_dir: Last,
    /// By the place in `Trouble::ALL`.
    pub(crate) names: [Last; Trouble::ALL.len()],
}

impl HasPath for LargeFile {
    fn path(&self) -> &[u8] {
        &self.path.0
    }
}

impl HasPath for LargeDir {
    fn path(&self) -> &[u8] {
        &self.path.0
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// Items of a list of paths.
    pub(crate) n_paths: usize,
    /// Paths that stand for others.
    pub(crate) n_examples: usize,
    /// What is known of each entry: columns of a batch that are not among these mean nothing.
    pub(crate) fields: Fields,
    /// The rows of directories have the number of their entries.
    pub(crate) has_entries: bool,
    /// What a directory counts is more than what is meant.
    pub(crate) has_condition: bool,
    pub(crate) ages: Ages,
    pub(crate) paths: Paths,
    pub(crate) keyed: Mutex<Keyed>,
    pub(crate) files: Top<LargeFile>,
    pub(crate) dirs: Top<LargeDir>,
    pub(crate) trees: Trees,
    pub(crate) old: OldTrees,
    pub(crate) case: Case,
    pub(crate) mains: Mains,
    pub(crate) empty_dirs: Top<Text>,
    pub(crate) names: [Top<Text>; Trouble::ALL.len()],
    pub(crate) unseen: Mutex<Unseen>,
}

impl Shared {
    pub(crate) fn new(about: &About, fields: Fields) -> Shared {
        let (n_paths, n_examples) = (about.top.min(PATHS_MAX), about.top.min(EXAMPLES_MAX));
        Shared {
            n_paths,
            n_examples,
            fields,
            has_entries: about.has_entries,
            has_condition: about.source.condition.is_some(),
            ages: Ages::new(about.ages_as_of),
            paths: Paths::default(),
            keyed: Mutex::new(Keyed::new()),
            files: Top::new(n_paths),
            dirs: Top::new(n_paths),
            trees: Trees::new(),
            old: OldTrees::new(n_paths),
            case: Case::new(),
            mains: Mains::default(),
            empty_dirs: Top::new(n_paths),
            names: Trouble::ALL.map(|_| Top::new(n_examples)),
            unseen: Mutex::default(),
        }
    }

    /// A directory, whose path has a closing slash, with its direct entries.
    pub(crate) fn offer_dir(&self, path: &[u8], entries: u64, bytes: Option<u64>, last: &mut Last) {
        if self.dirs.admits(entries) {
            let make = |path| LargeDir { path, entries, bytes };
            self.dirs.offer_at(entries, (without_slash(path), b""), last, make);
        }
    }

    /// A directory with its totals, if it has some.
    pub(crate) fn offer_tree(&self, dir: &Dir<'_>) {
        let totals = &dir.facts.totals;
        let is_old = |time: Option<i64>| time.is_some_and(|time| self.ages.is_old(time));
        self.old.close(dir, is_old(totals.atime) && is_old(totals.mtime));
        if totals.count.is_some() {
            self.trees.offer(dir);
        }
    }
}
