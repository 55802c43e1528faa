//! The summary that ends every report: what was seen, what was not, and whether it is complete.

use crate::columns::Columns;
use pwalk_engine::{
    Batch, EntryError, Fields, FileId, HardLinks, Kind, Operation, Outcome, Stall, Unmatched,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// Nothing is known: the table was made from one that doesn't tell.
    fn is_unknown(&self) -> bool {
        *self == Preamble::default()
    }

    /// As keys and values.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
        if self.is_unknown() {
            return pairs([version]);
        }
        let roots = serde_json::to_string(&self.roots).expect("a list of strings");
        pairs([
            version,
            ("roots", roots),
            ("started", self.started.to_string()),
            ("options", self.options.clone()),
        ])
    }
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (format!("pwalk.{key}"), value)).collect()
}

/// What only the walk knows that made a table.
const OF_THE_WALK: [&str; 13] = [
    "roots",
    "started",
    "seconds",
    "errors",
    "vanished",
    "skipped",
    "repeated_names",
    "unmatched_excludes",
    "threads",
    "threads_refused",
    "changed_names",
    "stalls",
    "stalled",
];

/// The keys of the sums, as paths into the JSON.
const APPARENT: &str = "bytes/apparent";
const ALLOCATED: &str = "bytes/allocated";

/// Rows by the names of their kinds, without kinds that did not occur.
fn by_kind(count: impl Fn(Kind) -> u64) -> BTreeMap<String, u64> {
    let entries = Kind::ALL.iter().map(|&kind| (kind.name().to_owned(), count(kind)));
    entries.filter(|(_, n)| *n > 0).collect()
}

/// Where the value of a key is in the JSON.
fn pointer(key: &str) -> String {
    format!("/{key}")
}

/// What a report contains and what it lacks. Its JSON has the fields' names as keys.
///
/// That of a table which was made from one without a summary knows little: there
/// [`Summary::knows`] says which fields mean something, and the others are null in the JSON.
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
    /// Requests that were not answered for 30 s or longer.
    #[serde(default)]
    pub stalls: u64,
    /// The first thousand of them.
    #[serde(default)]
    pub stalled: Vec<Stalled>,
    /// Fields that mean nothing, as paths into the JSON.
    #[serde(skip)]
    unknown: Vec<&'static str>,
}

/// A request that was not answered for long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stalled {
    /// What was asked of, with invalid UTF-8 as U+FFFD.
    pub path: String,
    /// What was asked: `open`, `read` or `stat`.
    pub operation: String,
    /// How long it took, or until it was given up.
    pub seconds: f64,
}

impl From<&Stall> for Stalled {
    fn from(stall: &Stall) -> Self {
        Stalled {
            path: String::from_utf8_lossy(&stall.path).into_owned(),
            operation: stall.operation.name().to_owned(),
            seconds: (stall.duration.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

/// What the rows of a table add up to.
#[derive(Debug)]
pub struct RowSums {
    /// Rows, by the number of their kind.
    n_rows: [u64; Kind::ALL.len()],
    /// `None` if the table has no column for it.
    apparent: Option<i128>,
    /// The same.
    allocated: Option<i128>,
    /// A table may hold an inode more often than it has links.
    links: HardLinks,
}

impl RowSums {
    /// Of no rows of a table that has these columns.
    pub fn new(columns: &Columns) -> RowSums {
        let sum = |names: &[&str]| names.iter().all(|name| columns.has(name)).then_some(0);
        RowSums {
            n_rows: Default::default(),
            apparent: sum(&["st_size"]),
            allocated: sum(&["st_blocks", "st_nlink", "st_dev", "inode"]),
            links: HardLinks::new(true),
        }
    }

    /// Adds the rows of a batch.
    pub fn add(&mut self, batch: &Batch) {
        batch.kind.iter().for_each(|kind| self.n_rows[*kind as usize] += 1);
        if let Some(sum) = &mut self.apparent {
            *sum += batch.size.iter().map(|&size| i128::from(size)).sum::<i128>();
        }
        if let Some(sum) = &mut self.allocated {
            for (index, &kind) in batch.kind.iter().enumerate() {
                let id = FileId { dev: batch.dev[index], ino: batch.inode[index] };
                if self.links.is_first(kind, id, batch.nlink[index]) {
                    *sum += i128::from(batch.blocks[index].max(0)) * 512;
                }
            }
        }
    }
}

/// Sums of sizes, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bytes {
    /// Sum of `st_size` over all rows.
    pub apparent: i128,
    /// What is allocated on disk, each inode counted once however many hard links it has. Blocks
    /// below 0, which a broken filesystem may report, count as 0.
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
    /// Entries that the condition left out.
    #[serde(default)]
    pub filtered: u64,
    /// Mount points of other filesystems.
    pub mount_points: u64,
    /// Directories of automounters that were not opened, since that would have mounted something.
    #[serde(default)]
    pub automounts: u64,
    /// Files and folders of this very run, which no directory counts either: its temporary files,
    /// and the folder of parts that it replaces.
    #[serde(default)]
    pub own_outputs: u64,
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
        Summary {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            roots: preamble.roots.clone(),
            started: preamble.started,
            seconds: (elapsed.as_secs_f64() * 1e6).round() / 1e6,
            complete: Some(
                errors.is_empty() && outcome.frontier.is_empty() && !outcome.is_cancelled,
            ),
            entries: by_kind(|kind| totals.n_entries.get(kind)),
            bytes: Bytes { apparent: totals.apparent_bytes, allocated: totals.allocated_bytes },
            errors,
            vanished: totals.n_vanished,
            skipped: Skipped {
                snapshots: totals.n_snapshots,
                excluded: totals.n_excluded,
                filtered: totals.n_filtered,
                mount_points: totals.n_mount_points,
                automounts: totals.n_automounts,
                own_outputs: totals.n_own_outputs,
            },
            repeated_names: totals.n_repeated,
            changed_names,
            unmatched_excludes: UnmatchedExcludes::default(),
            threads: outcome.n_workers as u64,
            threads_refused: outcome.n_workers_refused as u64,
            stalls: outcome.n_stalls,
            stalled: outcome.stalled.iter().map(Stalled::from).collect(),
            unknown: Vec::new(),
        }
    }

    /// What is known if only these fields were read: a sum of sizes that nobody asked for is not 0.
    #[must_use]
    pub fn with_sums_of(mut self, fields: Fields) -> Summary {
        let sums = [(APPARENT, Fields::SIZE), (ALLOCATED, Fields::BLOCKS.union(Fields::LINKS))];
        let unread = sums.into_iter().filter(|(_, needed)| !fields.contains(*needed));
        self.unknown.extend(unread.map(|(key, _)| key));
        self
    }

    /// The summary of rows about which nothing else is known.
    pub fn of_rows(preamble: &Preamble, sums: &RowSums) -> Summary {
        let is_told = |key| !preamble.is_unknown() && ["roots", "started"].contains(key);
        let of_the_walk = OF_THE_WALK.iter().filter(|key| !is_told(*key)).copied();
        let bytes = [(APPARENT, sums.apparent), (ALLOCATED, sums.allocated)];
        let no_sum = bytes.iter().filter(|(_, sum)| sum.is_none()).map(|(key, _)| *key);
        Summary {
            complete: None,
            entries: by_kind(|kind| sums.n_rows[kind as usize]),
            bytes: Bytes {
                apparent: sums.apparent.unwrap_or_default(),
                allocated: sums.allocated.unwrap_or_default(),
            },
            unknown: of_the_walk.chain(no_sum).collect(),
            ..Summary::nothing(preamble)
        }
    }

    /// The summary of a walk that was cut short: who has seen its rows knows how many they are,
    /// what could not be read, and how long it took.
    pub fn of_cut(
        preamble: &Preamble,
        elapsed: Duration,
        n_rows: u64,
        seen: &[EntryError],
    ) -> Summary {
        let known = ["roots", "started", "seconds", "errors"];
        let of_the_walk = OF_THE_WALK.iter().filter(|key| !known.contains(key)).copied();
        let mut errors = BTreeMap::new();
        for error in seen.iter().filter(|error| error.operation != Operation::Name) {
            *errors.entry(error.errno.name()).or_default() += 1;
        }
        Summary {
            complete: Some(false),
            seconds: elapsed.as_secs_f64(),
            entries: by_kind(|kind| if kind == Kind::Unknown { n_rows } else { 0 }),
            errors,
            unknown: of_the_walk.chain([APPARENT, ALLOCATED]).collect(),
            ..Summary::nothing(preamble)
        }
    }

    /// The same of some of the rows: those that a condition kept. What is known of the walk stays.
    #[must_use]
    pub fn of_kept_rows(mut self, sums: &RowSums) -> Summary {
        let n_before = self.n_entries();
        let kept = Summary::of_rows(&Preamble::default(), sums);
        self.unknown.retain(|key| ![APPARENT, ALLOCATED].contains(key));
        self.unknown.extend([APPARENT, ALLOCATED].iter().filter(|key| !kept.knows(key)));
        (self.entries, self.bytes) = (kept.entries, kept.bytes);
        self.skipped.filtered += n_before.saturating_sub(self.n_entries());
        self
    }

    fn nothing(preamble: &Preamble) -> Summary {
        Summary::new(preamble, Duration::ZERO, &Outcome::default(), 0)
    }

    /// True if a field means something: `seconds`, or `bytes/allocated`.
    pub fn knows(&self, key: &str) -> bool {
        !self.unknown.contains(&key)
    }

    /// True if it is known that nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(true)
    }

    /// As keys and values, for the metadata of columnar files.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let finished = self.started + self.seconds.round() as i64;
        let complete = self.complete.map_or_else(|| "unknown".to_owned(), |yes| yes.to_string());
        let mut known = pairs([("complete", complete), ("summary", self.to_json())]);
        if self.knows("seconds") {
            known.extend(pairs([("finished", finished.to_string())]));
        }
        known
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
        let json =
            serde_json::to_string(self).expect("its keys are strings and its numbers finite");
        if self.unknown.is_empty() {
            return json;
        }
        let mut value: Value = serde_json::from_str(&json).expect("it was just written");
        for key in &self.unknown {
            value.pointer_mut(&pointer(key)).map(Value::take);
        }
        value.to_string()
    }

    /// The summary that `to_json` has written.
    ///
    /// # Errors
    ///
    /// If it is no summary.
    pub fn from_json(json: &str) -> serde_json::Result<Summary> {
        let mut value: Value = serde_json::from_str(json)?;
        let nothing = serde_json::to_value(Summary::nothing(&Preamble::default()))?;
        let mut unknown = Vec::new();
        for key in OF_THE_WALK.into_iter().chain([APPARENT, ALLOCATED]) {
            let pointer = pointer(key);
            if let (Some(value @ Value::Null), Some(zero)) =
                (value.pointer_mut(&pointer), nothing.pointer(&pointer))
            {
                *value = zero.clone();
                unknown.push(key);
            }
        }
        Ok(Summary { unknown, ..serde_json::from_value(value)? })
    }
}
