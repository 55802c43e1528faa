//! The naive profile: all rows in a list, and each question answered by looking at all of them.
//!
//! Owns the second opinion on what a profile says. Must not share a line with the product, and
//! nobody may make it fast.

use pwalk_engine::{Contents, Kind, Stat};
use pwalk_testkit::fake::FakeRow;
use pwalk_testkit::oracle::extension;
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400;

/// Entries, bytes, allocated bytes.
pub(crate) type Sums = (u64, u64, u64);

/// Rows that are to be counted, and the time that ages are relative to.
pub(crate) struct Naive {
    pub(crate) rows: Vec<FakeRow>,
    pub(crate) as_of: i64,
    /// They are those that a condition has kept.
    pub(crate) has_condition: bool,
}

/// A directory with what is below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NaiveTree {
    pub(crate) path: Vec<u8>,
    pub(crate) entries: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) allocated: u64,
    pub(crate) mtime: Option<i64>,
    pub(crate) atime: Option<i64>,
}

pub(crate) fn stat(row: &FakeRow) -> &Stat {
    row.stat.as_ref().expect("a profile asks for inodes")
}

pub(crate) fn bytes(row: &FakeRow) -> u64 {
    u64::try_from(stat(row).size).unwrap_or(0)
}

fn allocated(row: &FakeRow) -> u64 {
    u64::try_from(stat(row).blocks).unwrap_or(0) * 512
}

pub(crate) fn name(row: &FakeRow) -> &[u8] {
    row.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn directory(row: &FakeRow) -> &[u8] {
    &row.path[..row.path.len() - name(row).len()]
}

/// Without the closing slash.
fn own_path(path: &[u8]) -> &[u8] {
    match path {
        b"/" => path,
        _ => path.strip_suffix(b"/").unwrap_or(path),
    }
}

pub(crate) fn age(as_of: i64, time: i64) -> &'static str {
    let days = (as_of - time).div_euclid(DAY);
    match days {
        _ if time > as_of + DAY => "future",
        ..1 => "today",
        1..7 => "week",
        7..30 => "month",
        30..91 => "quarter",
        91..183 => "half_year",
        183..365 => "1y",
        365..730 => "2y",
        730..1095 => "3y",
        1095..1826 => "5y",
        _ => "older",
    }
}

/// The power of two that a size is not below; 0 for 0.
pub(crate) fn power(size: u64) -> u64 {
    let mut power = 0_u64;
    while power < size && size >= power.max(1) {
        power = if power == 0 { 1 } else { power * 2 };
    }
    if power > size { power / 2 } else { power }
}

impl Naive {
    pub(crate) fn files(&self) -> impl Iterator<Item = &FakeRow> {
        self.rows.iter().filter(|row| row.kind == Kind::File || row.kind == Kind::Unknown)
    }

    /// Sums of rows by a key.
    pub(crate) fn by<'a, K: Ord>(
        &self,
        rows: impl Iterator<Item = &'a FakeRow>,
        key: impl Fn(&FakeRow) -> K,
    ) -> BTreeMap<K, Sums> {
        let mut all = BTreeMap::new();
        for row in rows {
            let sums: &mut Sums = all.entry(key(row)).or_default();
            sums.0 += 1;
            sums.1 += bytes(row);
            sums.2 += allocated(row);
        }
        all
    }

    pub(crate) fn extensions(&self) -> BTreeMap<Vec<u8>, Sums> {
        self.by(self.files(), |row| extension(name(row)).to_vec())
    }

    /// Numbers of entries of the directories that were read.
    pub(crate) fn dir_entries(&self) -> Vec<(Vec<u8>, u64, u64)> {
        let counted = |row: &FakeRow| match row.contents {
            Contents::Counted { n_entries, size_sum } => {
                Some((row.path.clone(), n_entries as u64, u64::try_from(size_sum).unwrap_or(0)))
            }
            _ => None,
        };
        self.rows.iter().filter_map(counted).collect()
    }

    /// The directories with direct entries: their number, and the sum of their sizes.
    pub(crate) fn dirs(&self) -> Vec<(Vec<u8>, u64, u64)> {
        let mut dirs = self.dir_entries();
        if self.has_condition {
            let inner = self.rows.iter().filter(|row| row.depth >= 0);
            let kept = self.by(inner, |row| own_path(directory(row)).to_vec());
            let kept = kept.into_iter().map(|(path, (entries, bytes, _))| (path, entries, bytes));
            dirs = kept.collect();
        }
        dirs.retain(|(_, entries, _)| *entries > 0);
        dirs
    }

    fn below<'a>(&'a self, dir: &[u8]) -> impl Iterator<Item = &'a FakeRow> {
        let mut path = dir.to_vec();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        let is_below =
            move |row: &&FakeRow| row.path.starts_with(&path) && row.path.len() > path.len();
        self.rows.iter().filter(is_below)
    }

    /// All directories that were read, with what is below them. Those that a condition leaves out
    /// are among them if there is something below.
    pub(crate) fn trees(&self) -> Vec<NaiveTree> {
        let is_read = |row: &&FakeRow| matches!(row.contents, Contents::Counted { .. });
        let read = self.rows.iter().filter(is_read).map(|row| row.path.clone());
        let mut paths: BTreeSet<_> = read.collect();
        for row in &self.rows {
            let mut path = &*row.path;
            for _ in -1..row.depth {
                let name_len = path.iter().rev().take_while(|byte| **byte != b'/').count();
                path = own_path(&path[..path.len() - name_len]);
                paths.insert(path.to_vec());
            }
        }
        paths.iter().map(|path| self.tree(path)).collect()
    }

    fn tree(&self, dir: &[u8]) -> NaiveTree {
        let not_dirs = || self.below(dir).filter(|row| row.kind != Kind::Dir);
        NaiveTree {
            path: dir.to_vec(),
            entries: self.below(dir).count() as u64,
            files: not_dirs().count() as u64,
            bytes: self.below(dir).map(bytes).sum(),
            allocated: self.below(dir).map(allocated).sum(),
            mtime: not_dirs().map(|row| stat(row).mtime).max(),
            atime: not_dirs().map(|row| stat(row).atime).max(),
        }
    }

    /// Directories below which all is older than two years, in no other of these.
    pub(crate) fn oldest(&self) -> Vec<NaiveTree> {
        let is_old = |time: Option<i64>| time.is_some_and(|time| self.as_of - time >= 730 * DAY);
        let trees: Vec<_> = self.trees();
        let old: Vec<_> =
            trees.iter().filter(|tree| is_old(tree.mtime) && is_old(tree.atime)).collect();
        let is_in = |tree: &NaiveTree, other: &NaiveTree| {
            tree.path.starts_with(&[&other.path[..], b"/"].concat())
                || other.path == b"/" && tree.path != b"/"
        };
        let uppermost = old.iter().filter(|tree| !old.iter().any(|other| is_in(tree, other)));
        uppermost.map(|tree| (**tree).clone()).filter(|tree| tree.bytes > 0).collect()
    }

    /// How many names make which trouble.
    pub(crate) fn troubles(&self) -> [u64; 6] {
        let count = |is_so: &dyn Fn(&FakeRow) -> bool| {
            self.rows.iter().filter(|row| is_so(row)).count() as u64
        };
        let lossy = |row: &FakeRow| String::from_utf8_lossy(name(row)).into_owned();
        [
            count(&|row| String::from_utf8(name(row).to_vec()).is_err()),
            count(&|row| lossy(row).chars().any(|c| c < ' ' || ('\x7f'..'\u{a0}').contains(&c))),
            count(&|row| name(row).len() > 255),
            count(&|row| row.path.len() >= 4096),
            count(&|row| lossy(row).trim() != lossy(row)),
            self.n_repeated_but_for_case(),
        ]
    }

    fn n_repeated_but_for_case(&self) -> u64 {
        let lower = |name: &[u8]| match std::str::from_utf8(name) {
            Ok(text) => text.to_lowercase().into_bytes(),
            Err(_) => name.to_ascii_lowercase(),
        };
        let inner: Vec<_> = self.rows.iter().filter(|row| row.depth >= 0).collect();
        let distinct: BTreeSet<_> =
            inner.iter().map(|row| (directory(row), lower(name(row)))).collect();
        (inner.len() - distinct.len()) as u64
    }
}
