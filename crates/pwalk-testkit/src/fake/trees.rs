//! Totals of subtrees, the obvious way: each row and each error is added to every directory above.
//!
//! Owns who is in what. Must not know what a row or an error is due to.

use super::model::Modelled;
use super::sink::FakeRow;
use pwalk_engine::{Contents, Fields, Kind, TreeTotals};

/// Which directory rows and errors are in.
#[derive(Debug, Default)]
pub(super) struct Trees {
    /// Of each directory that is read the one that it is in; a root is in none.
    dirs: Vec<Option<usize>>,
    /// The directory at hand.
    at: Option<usize>,
    /// For each row the directory that it is in, and the one that it is.
    rows: Vec<(Option<usize>, Option<usize>)>,
    /// For each error the directory that it is of, or in.
    errors: Vec<Option<usize>>,
}

impl Trees {
    /// A number for a root that will be read.
    pub(super) fn root(&mut self) -> usize {
        self.dirs.push(None);
        self.dirs.len() - 1
    }

    /// A number for a directory in the one at hand, that will be read.
    pub(super) fn dir(&mut self) -> usize {
        self.dirs.push(self.at);
        self.dirs.len() - 1
    }

    /// This directory is at hand.
    pub(super) fn enter(&mut self, number: usize) {
        self.at = Some(number);
    }

    /// The row of an entry of the directory at hand.
    pub(super) fn row(&mut self) {
        self.rows.push((self.at, None));
    }

    /// The last row is that of the directory at hand itself.
    pub(super) fn is_itself(&mut self) {
        let number = self.at.expect("a directory is at hand");
        *self.rows.last_mut().expect("its row was just added") = (self.dirs[number], self.at);
    }

    /// An error of the directory at hand, or in it.
    pub(super) fn error(&mut self) {
        self.errors.push(self.at);
    }

    /// Sets the totals of all directories, if the sink wants them.
    pub(super) fn add_up(&self, fields: Fields, found: &mut Modelled) {
        if !fields.contains(Fields::TREE) {
            return;
        }
        let mut trees = vec![TreeTotals::default(); self.dirs.len()];
        for (row, (above, _)) in found.rows.iter().zip(&self.rows) {
            self.above(*above).for_each(|number| add_row(&mut trees[number], row));
        }
        for dir in &self.errors {
            self.above(*dir).for_each(|number| add(&mut trees[number].errors, 1));
        }
        for (row, (_, itself)) in found.rows.iter_mut().zip(&self.rows) {
            let Some(number) = *itself else { continue };
            let tree = trees[number];
            row.tree = match row.contents {
                Contents::Counted { .. } => Some(or_zero(tree)),
                // Of one that could not be read, only why.
                _ => tree.errors.map(|n| TreeTotals { errors: Some(n), ..TreeTotals::default() }),
            };
        }
    }

    /// A directory and those above it.
    fn above(&self, first: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(first, |&number| self.dirs[number])
    }
}

fn add(sum: &mut Option<i64>, n: i64) {
    *sum = Some(sum.unwrap_or(0).saturating_add(n));
}

fn add_row(tree: &mut TreeTotals, row: &FakeRow) {
    let stat = row.stat.unwrap_or_default();
    let is_dir = row.kind == Kind::Dir;
    add(&mut tree.count, 1);
    add(if is_dir { &mut tree.dirs } else { &mut tree.files }, 1);
    add(&mut tree.size, stat.size);
    add(&mut tree.blocks, stat.blocks);
    if !is_dir && row.stat.is_some() {
        tree.mtime = tree.mtime.max(Some(stat.mtime));
        tree.atime = tree.atime.max(Some(stat.atime));
    }
}

/// The same where nothing was added.
fn or_zero(tree: TreeTotals) -> TreeTotals {
    let or_zero = |sum: Option<i64>| sum.or(Some(0));
    TreeTotals {
        count: or_zero(tree.count),
        files: or_zero(tree.files),
        dirs: or_zero(tree.dirs),
        size: or_zero(tree.size),
        blocks: or_zero(tree.blocks),
        errors: or_zero(tree.errors),
        ..tree
    }
}
