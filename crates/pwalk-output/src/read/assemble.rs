//! From rows with full paths back to batches, which keep each directory's path once.
//!
//! A table may lack columns. What follows from others is made of them: the kind from the mode,
//! the path's bytes from its text. For all else the batch has values that mean nothing, and the
//! list of the table's columns ([`RowSource::columns`](super::RowSource::columns)) says which.

use super::Reason;
use crate::columns::Columns;
use memchr::memrchr;
use pwalk_engine::{Batch, Contents, Fields, Kind, Stat, TreeTotals, extension};
use std::borrow::Cow;

/// What the cells of a row set in its inode; all else of it has columns in the batch.
const BY_ROW: Fields = Fields::MODE.union(Fields::NANOS).union(Fields::BTIME);

/// A row of a table, as its columns have set it.
#[derive(Debug, Default)]
pub(crate) struct RowValues<'a> {
    pub(crate) path: Option<Cow<'a, str>>,
    /// The path, where it is not UTF-8.
    pub(crate) exact_path: Option<Cow<'a, [u8]>>,
    pub(crate) extension: Option<Cow<'a, str>>,
    pub(crate) kind: Option<Kind>,
    pub(crate) mode: u32,
    pub(crate) depth: i32,
    pub(crate) parent_inode: u64,
    /// All but its mode and the time of creation.
    pub(crate) stat: Stat,
    pub(crate) btime: Option<i64>,
    pub(crate) btime_nanos: Option<u32>,
    pub(crate) n_entries: Option<i64>,
    pub(crate) size_sum: Option<i64>,
    pub(crate) target: Option<Cow<'a, str>>,
    pub(crate) totals: TreeTotals,
}

/// Splits paths, and remembers the directory of the row before.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The directory last added to the batch: its number, path, inode and depth.
    dir: Option<(u32, Vec<u8>, u64, i32)>,
    /// The table has these columns.
    has_mode: bool,
    has_btime: bool,
    has_counts: bool,
    /// Something of an inode is set row by row, and not a whole column at once.
    has_inodes: bool,
}

impl Assembler {
    /// Rows of a table with these columns.
    pub(crate) fn new(columns: &Columns) -> Assembler {
        Assembler {
            dir: None,
            has_mode: columns.has("st_mode"),
            has_btime: columns.has("st_btime"),
            has_counts: columns.has("pw_fcount") && columns.has("pw_dirsum"),
            has_inodes: true,
        }
    }

    /// The same for a table whose columns go into the batch as a whole, where they can.
    pub(crate) fn of_records(columns: &Columns) -> Assembler {
        Assembler { has_inodes: columns.fields().intersects(BY_ROW), ..Assembler::new(columns) }
    }

    /// A new batch begins.
    pub(crate) fn start(&mut self) {
        self.dir = None;
    }

    /// Adds a row to the batch.
    pub(crate) fn push(&mut self, batch: &mut Batch, row: &RowValues<'_>) -> Reason<()> {
        let path = row.path_bytes().ok_or("has a row without a filename")?;
        let kind = row.kind.unwrap_or_else(|| self.kind(path, row));
        let contents = self.contents(kind, row)?;
        let cut = memrchr(b'/', path).map_or(0, |slash| slash + 1);
        let (dir, name) = path.split_at(cut);
        let is_entry = row.depth >= 0 && !dir.is_empty() && !name.is_empty();
        let (number, name) = if is_entry {
            (self.enter(batch, dir, row.parent_inode, row.depth.saturating_sub(1)), name)
        } else {
            self.dir = None;
            let slash: &[u8] = if path.ends_with(b"/") { b"" } else { b"/" };
            let path = [path, slash].concat();
            (batch.push_dir(&path, row.stat.ino, row.parent_inode, row.depth), &b""[..])
        };
        if self.has_inodes {
            let (mode, btime, nanos) = (row.mode, self.btime(row), row.nanos());
            batch.push(number, name, kind, &Stat { mode, btime, nanos, ..row.stat }, contents);
        } else {
            batch.push_entry(number, name, kind, contents);
        }
        if let Some(target) = &row.target
            && batch.fields().contains(Fields::TARGET)
        {
            batch.set_target(target.as_bytes());
        }
        if batch.fields().contains(Fields::TREE) && row.totals != TreeTotals::default() {
            batch.set_tree(row.totals);
        }
        Ok(())
    }

    fn enter(&mut self, batch: &mut Batch, path: &[u8], inode: u64, depth: i32) -> u32 {
        match &self.dir {
            Some((number, known, known_inode, known_depth))
                if known == path && *known_inode == inode && *known_depth == depth =>
            {
                *number
            }
            _ => {
                let number = batch.push_dir(path, inode, 0, depth);
                self.dir = Some((number, path.to_vec(), inode, depth));
                number
            }
        }
    }

    /// The kind in a table without that column: from its modes, or else from what only
    /// directories have.
    fn kind(&self, path: &[u8], row: &RowValues<'_>) -> Kind {
        let is_counted = row.n_entries.is_some()
            || row.size_sum.is_some()
            || row.totals != TreeTotals::default();
        match self.has_mode {
            true => Kind::from_mode(row.mode),
            false if is_counted || row.lacks_extension(path) => Kind::Dir,
            false => Kind::Unknown,
        }
    }

    /// What the two columns of counts say. A batch has both or none; where the table has one of
    /// them only, the other means nothing.
    fn contents(&self, kind: Kind, row: &RowValues<'_>) -> Reason<Contents> {
        Ok(match (kind, row.n_entries, row.size_sum) {
            (Kind::Dir, None, None) => Contents::Unread,
            (Kind::Dir, n_entries, size_sum) => {
                if self.has_counts && n_entries.is_none() != size_sum.is_none() {
                    return Err("has a row with only one of pw_fcount and pw_dirsum".to_owned());
                }
                let (n_entries, size_sum) = (n_entries.unwrap_or(0), size_sum.unwrap_or(0));
                Contents::Counted { n_entries, size_sum }
            }
            _ => Contents::None,
        })
    }

    /// In a table of the nanoseconds alone there must be a time that they belong to.
    fn btime(&self, row: &RowValues<'_>) -> Option<i64> {
        let stand_in = row.btime_nanos.filter(|_| !self.has_btime).map(|_| 0);
        row.btime.or(stand_in)
    }
}

impl RowValues<'_> {
    /// Makes it ready for the next row of a table whose other columns have a value in each row,
    /// without setting all of its 400 bytes.
    #[inline]
    pub(crate) fn forget_nullable(&mut self) {
        // Destructured, so that a new column can't be forgotten here.
        let RowValues {
            path: _,
            extension: _,
            kind: _,
            mode: _,
            depth: _,
            parent_inode: _,
            stat: _,
            exact_path,
            btime,
            btime_nanos,
            n_entries,
            size_sum,
            target,
            totals,
        } = self;
        (*exact_path, *target) = (None, None);
        (*btime, *btime_nanos) = (None, None);
        (*n_entries, *size_sum) = (None, None);
        *totals = TreeTotals::default();
    }

    fn path_bytes(&self) -> Option<&[u8]> {
        match (&self.exact_path, &self.path) {
            (Some(exact), _) => Some(exact),
            (None, Some(text)) => Some(text.as_bytes()),
            (None, None) => None,
        }
    }

    /// Only a directory has a name with an extension, and none in its column.
    fn lacks_extension(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        self.extension.as_ref().is_some_and(|text| text.is_empty()) && !extension(name).is_empty()
    }

    fn nanos(&self) -> [u32; 4] {
        let [atime, mtime, ctime, _] = self.stat.nanos;
        [atime, mtime, ctime, self.btime_nanos.unwrap_or(0)]
    }
}
