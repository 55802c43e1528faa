//! Which entries get a row, and what must be asked for it: the condition, in the way of a worker.
//!
//! The condition decides about rows. What is entered, followed and counted, it does not change: so it
//! saves the inode of what is neither, where the name is enough to leave it out. The sum of a
//! directory's sizes needs those inodes all the same, unless the directory itself has no row.

use super::Worker;
use crate::batch::Contents;
use crate::condition::Facts;
use crate::directory::{Dir, DirInfo};
use crate::entry::{Fields, Kind, Stat};
use crate::listing::Told;
use crate::source::{Sink, Source};
use std::sync::Arc;

/// What an entry needs before it is done with.
pub(super) enum Need {
    /// It is left out.
    Nothing,
    /// A row.
    Row,
    /// Its inode, and what that says.
    Inode,
    /// Its size, for the sum of its directory, and no row.
    Size,
}

impl<'w, S: Source, K: Sink> Worker<'w, '_, S, K> {
    /// What an entry needs that no rule leaves out, by what its directory tells of it.
    #[inline]
    pub(super) fn need(&self, dir: &Dir<'w, S::Dir>, entry: Told<'_>) -> Need {
        let is_asked = match self.told(dir, entry) {
            Some(false) if self.is_leaf(entry.kind) => {
                return if self.wants_sum(dir) { Need::Size } else { Need::Nothing };
            }
            Some(_) => self.must_stat(dir, entry.kind),
            None => true,
        };
        if is_asked { Need::Inode } else { Need::Row }
    }

    /// What the condition says of an entry by what its directory tells; `None`: it takes the inode.
    #[inline]
    pub(super) fn told(&self, dir: &Dir<'w, S::Dir>, entry: Told<'_>) -> Option<bool> {
        let Some(condition) = self.condition else { return Some(true) };
        let is_certain = match entry.kind {
            Kind::Unknown => false,
            Kind::Symlink => !self.walk.config.rules.follow_links(),
            _ => true,
        };
        let kind = is_certain.then_some(entry.kind);
        condition.decide(&Facts::told(&dir.info.path, dir.info.depth, entry.name(), kind))
    }

    /// True for what is no directory to enter, nor leads to one.
    fn is_leaf(&self, kind: Kind) -> bool {
        match kind {
            Kind::Dir | Kind::Unknown => false,
            Kind::Symlink => !self.walk.config.rules.follow_links(),
            _ => true,
        }
    }

    /// True if somebody will see the sum of the sizes of a directory's entries.
    pub(super) fn wants_sum(&self, dir: &Dir<'w, S::Dir>) -> bool {
        self.want.contains(Fields::SIZE_SUM) && !dir.info.has_no_row
    }

    fn must_stat(&self, dir: &Dir<'w, S::Dir>, kind: Kind) -> bool {
        let rules = &self.walk.config.rules;
        self.want_of_rows.need_stat()
            || match kind {
                Kind::Unknown => true,
                // Only the inode says whether something is mounted there.
                Kind::Dir => {
                    rules.one_file_system
                        || self.walk.config.filesystems.is_automounter(dir.info.fs)
                }
                Kind::Symlink => rules.follow_links(),
                _ => false,
            }
    }

    /// The row of an entry, unless the condition leaves it out; without a name, of the directory.
    #[inline]
    pub(super) fn row(
        &mut self,
        info: &DirInfo,
        row_dir: u32,
        name: &[u8],
        kind: Kind,
        stat: &Stat,
        contents: Contents,
    ) -> bool {
        if let Some(condition) = self.condition {
            let told = Facts::told(&info.path, info.depth, name, Some(kind));
            if condition.decide(&told.with_stat(stat).with_contents(contents)) != Some(true) {
                self.delivery.pass(kind);
                return false;
            }
        }
        self.delivery.row(row_dir, name, kind, stat, contents);
        true
    }

    /// The row of a directory itself, unless the condition leaves it out.
    pub(super) fn dir_row(&mut self, info: &Arc<DirInfo>, contents: Contents) -> bool {
        if info.has_no_row {
            self.delivery.pass(Kind::Dir);
            return false;
        }
        let row_dir = self.delivery.dir(info);
        self.row(info, row_dir, b"", Kind::Dir, &info.stat, contents)
    }

    /// True if the condition leaves out a directory whatever it contains. What it depends on of the
    /// inode was read.
    pub(super) fn has_no_row(&self, path: &[u8], depth: i32, stat: &Stat) -> bool {
        let facts = Facts::dir(path, depth, stat);
        self.condition.is_some_and(|condition| condition.decide(&facts) == Some(false))
    }
}
