//! The summary that ends every report: what was seen, what was not, and whether it is complete.

use pwalk_engine::{Kind, Outcome, Unmatched};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is known of a report before its walk: metadata of columnar files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preamble {
    /// The roots, as given, with invalid UTF-8 as U+FFFD.
    pub roots: Vec<String>,
    /// When it began, seconds since the epoch.
    pub started: i64,
    /// What was asked for, as JSON.
    pub options: String,
}

impl Preamble {
    /// As keys and values.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let roots = serde_json::to_string(&self.roots).expect("a list of strings");
        pairs([
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("roots", roots),
            ("started", self.started.to_string()),
            ("options", self.options.clone()),
        ])
    }
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (format!("pwalk.{key}"), value)).collect()
}

/// What a report contains and what it lacks. Its JSON has the fields' names as keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of pwalk that wrote it.
    pub version: String,
    /// The roots, as given, with invalid UTF-8 as U+FFFD.
    pub roots: Vec<String>,
    /// When the walk began, seconds since the epoch.
    pub started: i64,
    /// How long it took.
    pub seconds: f64,
    /// True if everything that was asked for is there; `None` where it is unknown: in a table
    /// made from one without a summary.
    pub complete: Option<bool>,
    /// Rows by kind; kinds that did not occur are left out.
    pub entries: BTreeMap<String, u64>,
    /// Sums of sizes.
    pub bytes: Bytes,
    /// Entries that could not be read, by the name of the errno.
    pub errors: BTreeMap<String, u64>,
    /// Entries that were gone before they could be looked at.
    pub vanished: u64,
    /// What was left out on purpose.
    pub skipped: Skipped,
    /// Names that a directory listed more than once; each was written once.
    pub repeated_names: u64,
    /// Rows whose path is not valid UTF-8, and was changed to be.
    pub changed_names: u64,
    /// Excludes that matched nothing.
    #[serde(default)]
    pub unmatched_excludes: UnmatchedExcludes,
    /// Worker threads of the walk; 0 where nothing was walked.
    #[serde(default)]
    pub threads: u64,
    /// Worker threads that were asked for but that the system did not start.
    #[serde(default)]
    pub threads_refused: u64,
}

/// Sums of sizes, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bytes {
    /// Sum of `st_size` over all rows.
    pub apparent: i128,
    /// What is allocated on disk, each inode counted once however many hard links it has.
    pub allocated: i128,
}

/// Patterns and paths of the user that matched no entry: mistyped, or not in this tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedExcludes {
    /// How many.
    pub count: u64,
    /// The first ten, as given, with invalid UTF-8 as U+FFFD.
    pub first: Vec<String>,
}

impl From<Unmatched> for UnmatchedExcludes {
    fn from(unmatched: Unmatched) -> Self {
        let Unmatched { count, first } = unmatched;
        let show = |exclude: &Vec<u8>| String::from_utf8_lossy(exclude).into_owned();
        UnmatchedExcludes { count, first: first.iter().map(show).collect() }
    }
}

/// Counts of what was left out on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// Snapshot directories that were not entered.
    pub snapshots: u64,
    /// Entries that an exclude matched.
    pub excluded: u64,
    /// Mount points of other filesystems.
    pub mount_points: u64,
}

impl Summary {
    /// The summary of a walk that has ended.
    pub fn new(
        preamble: &Preamble,
        elapsed: Duration,
        outcome: &Outcome,
        changed_names: u64,
    ) -> Summary {
        let totals = &outcome.totals;
        let mut errors = BTreeMap::new();
        for ((_, errno), n) in &totals.errors {
            *errors.entry(errno.name()).or_default() += n;
        }
        let entries =
            Kind::ALL.iter().map(|&kind| (kind.name().to_owned(), totals.n_entries.get(kind)));
        Summary {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            roots: preamble.roots.clone(),
            started: preamble.started,
            seconds: (elapsed.as_secs_f64() * 1e6).round() / 1e6,
            complete: Some(
                errors.is_empty() && outcome.frontier.is_empty() && !outcome.is_cancelled,
            ),
            entries: entries.filter(|(_, n)| *n > 0).collect(),
            bytes: Bytes { apparent: totals.apparent_bytes, allocated: totals.allocated_bytes },
            errors,
            vanished: totals.n_vanished,
            skipped: Skipped {
                snapshots: totals.n_snapshots,
                excluded: totals.n_excluded,
                mount_points: totals.n_mount_points,
            },
            repeated_names: totals.n_repeated,
            changed_names,
            unmatched_excludes: UnmatchedExcludes::default(),
            threads: outcome.n_workers as u64,
            threads_refused: outcome.n_workers_refused as u64,
        }
    }

    /// The summary of rows about which nothing else is known.
    pub fn of_rows(preamble: &Preamble, n_rows: [u64; Kind::ALL.len()]) -> Summary {
        let entries = Kind::ALL.iter().map(|kind| (kind.name().to_owned(), n_rows[*kind as usize]));
        Summary {
            complete: None,
            entries: entries.filter(|(_, n)| *n > 0).collect(),
            ..Summary::new(preamble, Duration::ZERO, &Outcome::default(), 0)
        }
    }

    /// True if it is known that nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(true)
    }

    /// As keys and values, for the metadata of columnar files.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let finished = self.started + self.seconds.round() as i64;
        pairs([
            ("finished", finished.to_string()),
            ("complete", self.complete.map_or_else(|| "unknown".to_owned(), |yes| yes.to_string())),
            ("summary", self.to_json()),
        ])
    }

    /// Rows of all kinds.
    pub fn n_entries(&self) -> u64 {
        self.entries.values().sum()
    }

    /// Errors of all kinds.
    pub fn n_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// The summary as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are strings and its numbers finite")
    }
}
