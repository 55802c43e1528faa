//! The unit that crosses every boundary: rows as columns, with one arena for their names.
//!
//! Entries of several directories stand in one batch, each directory's path once. A column that
//! the sink didn't ask for is empty; totals of subtrees, which few rows have, stand beside them.
//! Columns rather than a struct per row, so that a sink can
//! hand them on as they are (Arrow), and reuse the memory for the next batch.

mod retain;
mod row;

use crate::entry::{Fields, Kind, Stat};
use crate::error::EntryError;
use crate::tree::{TreeSums, TreeTotals};
pub use row::Row;

/// A range of a batch's arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

/// A directory that rows of a batch are in.
#[derive(Clone, Copy, Debug)]
pub struct BatchDir {
    /// Its path, with a closing slash.
    path: Span,
    /// Its inode; 0 where the walk reads no inodes and the directory gave none.
    pub inode: u64,
    /// Inode of the parent directory; 0 for a root.
    pub parent_inode: u64,
    /// -1 for a root.
    pub depth: i32,
    /// What it passes on.
    inherited: Option<u32>,
}

/// What is known of the content of a row's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It is not a directory.
    None,
    /// A directory that was not read: forbidden, vanished, or beyond the maximum depth.
    Unread,
    /// A directory whose entries were counted.
    Counted {
        /// Direct entries of all kinds, those that a filter leaves out included.
        n_entries: i64,
        /// Sum of the apparent sizes of its direct entries, bytes.
        size_sum: i64,
    },
}

/// Rows of a walk. All columns that are not empty have `len()` values.
#[derive(Debug)]
pub struct Batch {
    /// Which of the columns below are filled.
    fields: Fields,
    /// Paths of directories, names, targets of links.
    arena: Vec<u8>,
    dirs: Vec<BatchDir>,
    /// For each row, which of `dirs` it is in, or is.
    dir: Vec<u32>,
    /// For each row its name in `dir`; empty if the row is that directory itself.
    name: Vec<Span>,
    /// Kind of each row.
    pub kind: Vec<Kind>,
    /// What is known of directories' contents.
    pub contents: Vec<Contents>,
    /// With any field of an inode: inode numbers.
    pub inode: Vec<u64>,
    /// Owners.
    pub uid: Vec<u32>,
    /// Groups.
    pub gid: Vec<u32>,
    /// Apparent sizes, bytes.
    pub size: Vec<i64>,
    /// Devices.
    pub dev: Vec<u64>,
    /// Allocated sizes, units of 512 bytes.
    pub blocks: Vec<i64>,
    /// Hard links.
    pub nlink: Vec<u32>,
    /// Types and permissions.
    pub mode: Vec<u32>,
    /// Access times, seconds.
    pub atime: Vec<i64>,
    /// Modification times, seconds.
    pub mtime: Vec<i64>,
    /// Change times, seconds.
    pub ctime: Vec<i64>,
    /// With `Fields::NANOS`: nanosecond parts of atime, mtime, ctime and btime.
    pub nanos: Vec<[u32; 4]>,
    /// With `Fields::BTIME`: creation times, seconds.
    pub btime: Vec<Option<i64>>,
    /// With `Fields::RDEV`: devices that device nodes refer to.
    pub rdev: Vec<u64>,
    /// With `Fields::RDEV`: preferred sizes of reads and writes.
    pub blksize: Vec<u32>,
    /// With `Fields::TARGET`: targets of links, empty for all others.
    target: Vec<Span>,
    /// With `Fields::TREE`: totals of subtrees, by the rows of their directories, in that order.
    /// Not a value for each row: few rows have one, and it is eight numbers.
    trees: Vec<(u32, TreeTotals)>,
    /// What the walk could not see since the last batch of this worker.
    pub errors: Vec<EntryError>,
}

impl Batch {
    /// An empty batch that will hold `fields`.
    pub fn new(fields: Fields) -> Batch {
        Batch {
            fields,
            arena: Vec::new(),
            dirs: Vec::new(),
            dir: Vec::new(),
            name: Vec::new(),
            kind: Vec::new(),
            contents: Vec::new(),
            inode: Vec::new(),
            uid: Vec::new(),
            gid: Vec::new(),
            size: Vec::new(),
            dev: Vec::new(),
            blocks: Vec::new(),
            nlink: Vec::new(),
            mode: Vec::new(),
            atime: Vec::new(),
            mtime: Vec::new(),
            ctime: Vec::new(),
            nanos: Vec::new(),
            btime: Vec::new(),
            rdev: Vec::new(),
            blksize: Vec::new(),
            target: Vec::new(),
            trees: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// What it holds of each entry.
    pub fn fields(&self) -> Fields {
        self.fields
    }

    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    /// True if it holds neither rows nor errors.
    pub fn is_empty(&self) -> bool {
        self.kind.is_empty() && self.errors.is_empty()
    }

    /// Bytes of names and paths.
    pub fn arena_len(&self) -> usize {
        self.arena.len()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        // Destructured, so that a new column can't be forgotten here.
        let Batch {
            fields: _,
            arena,
            dirs,
            dir,
            name,
            kind,
            contents,
            inode,
            uid,
            gid,
            size,
            dev,
            blocks,
            nlink,
            mode,
            atime,
            mtime,
            ctime,
            nanos,
            btime,
            rdev,
            blksize,
            target,
            trees,
            errors,
        } = self;
        arena.clear();
        dirs.clear();
        dir.clear();
        name.clear();
        kind.clear();
        contents.clear();
        inode.clear();
        uid.clear();
        gid.clear();
        size.clear();
        dev.clear();
        blocks.clear();
        nlink.clear();
        mode.clear();
        atime.clear();
        mtime.clear();
        ctime.clear();
        nanos.clear();
        btime.clear();
        rdev.clear();
        blksize.clear();
        target.clear();
        trees.clear();
        errors.clear();
    }

    /// Takes out the rows from `at` on, which must not be beyond `len`. Errors stay.
    pub fn split_off(&mut self, at: usize) -> Batch {
        fn tail<T>(column: &mut Vec<T>, at: usize) -> Vec<T> {
            // A column that was not asked for has no rows.
            if column.is_empty() { Vec::new() } else { column.split_off(at) }
        }
        let n_trees = self.trees.partition_point(|(row, _)| (*row as usize) < at);
        let mut trees = self.trees.split_off(n_trees);
        trees.iter_mut().for_each(|(row, _)| *row -= at as u32);
        Batch {
            fields: self.fields,
            arena: self.arena.clone(),
            dirs: self.dirs.clone(),
            dir: tail(&mut self.dir, at),
            name: tail(&mut self.name, at),
            kind: tail(&mut self.kind, at),
            contents: tail(&mut self.contents, at),
            inode: tail(&mut self.inode, at),
            uid: tail(&mut self.uid, at),
            gid: tail(&mut self.gid, at),
            size: tail(&mut self.size, at),
            dev: tail(&mut self.dev, at),
            blocks: tail(&mut self.blocks, at),
            nlink: tail(&mut self.nlink, at),
            mode: tail(&mut self.mode, at),
            atime: tail(&mut self.atime, at),
            mtime: tail(&mut self.mtime, at),
            ctime: tail(&mut self.ctime, at),
            nanos: tail(&mut self.nanos, at),
            btime: tail(&mut self.btime, at),
            rdev: tail(&mut self.rdev, at),
            blksize: tail(&mut self.blksize, at),
            target: tail(&mut self.target, at),
            trees,
            errors: Vec::new(),
        }
    }

    /// Bytes of the longest path of a directory that rows are in.
    pub fn longest_dir_path(&self) -> usize {
        self.dirs.iter().map(|dir| dir.path.len as usize).max().unwrap_or(0)
    }

    /// Adds a directory that rows are in; `path` ends in a slash. Returns its number.
    pub fn push_dir(&mut self, path: &[u8], inode: u64, parent_inode: u64, depth: i32) -> u32 {
        debug_assert!(path.ends_with(b"/"));
        let path = self.keep(path);
        self.dirs.push(BatchDir { path, inode, parent_inode, depth, inherited: None });
        self.dirs.len() as u32 - 1
    }

    /// What the directory that was added last passes on.
    pub(crate) fn set_inherited(&mut self, inherited: Option<u32>) {
        if let Some(dir) = self.dirs.last_mut() {
            dir.inherited = inherited;
        }
    }

    /// Adds a row: the entry `name` of directory `dir`, or `dir` itself if the name is empty.
    #[inline]
    pub fn push(&mut self, dir: u32, name: &[u8], kind: Kind, stat: &Stat, contents: Contents) {
        self.push_entry(dir, name, kind, contents);
        if self.fields.need_stat() {
            self.push_stat(stat);
        }
    }

    /// Adds a row without what its inode says. After the last one of them the columns of inodes get
    /// their values, and `fill_up` is called.
    #[inline]
    pub fn push_entry(&mut self, dir: u32, name: &[u8], kind: Kind, contents: Contents) {
        let name = self.keep(name);
        self.dir.push(dir);
        self.name.push(name);
        self.kind.push(kind);
        self.contents.push(contents);
        if self.fields.contains(Fields::TARGET) {
            self.target.push(Span::default());
        }
    }

    /// Gives each column of inodes that was asked for as many values as there are rows, and others
    /// none. What is missing is 0.
    pub fn fill_up(&mut self) {
        let len = if self.fields.need_stat() { self.len() } else { 0 };
        self.inode.resize(len, 0);
        self.uid.resize(len, 0);
        self.gid.resize(len, 0);
        self.size.resize(len, 0);
        self.dev.resize(len, 0);
        self.blocks.resize(len, 0);
        self.nlink.resize(len, 0);
        self.mode.resize(len, 0);
        self.atime.resize(len, 0);
        self.mtime.resize(len, 0);
        self.ctime.resize(len, 0);
        let has = |field| if self.fields.contains(field) { len } else { 0 };
        self.nanos.resize(has(Fields::NANOS), [0; 4]);
        self.btime.resize(has(Fields::BTIME), None);
        self.rdev.resize(has(Fields::RDEV), 0);
        self.blksize.resize(has(Fields::RDEV), 0);
    }

    /// Sets the target of the symbolic link in the last row.
    pub fn set_target(&mut self, target: &[u8]) {
        let span = self.keep(target);
        *self.target.last_mut().expect("a row was pushed, and targets are asked for") = span;
    }

    /// Sets the totals of the last row.
    pub fn set_tree(&mut self, totals: TreeTotals) {
        debug_assert!(self.trees.last().is_none_or(|(row, _)| (*row as usize) < self.len() - 1));
        self.trees.push((self.len() as u32 - 1, totals));
    }

    /// The totals of subtrees that rows have, with the rows' places, in that order.
    pub fn trees(&self) -> impl Iterator<Item = (usize, &TreeTotals)> {
        self.trees.iter().map(|(row, totals)| (*row as usize, totals))
    }

    /// Sums over the rows from `first` on.
    pub(crate) fn sums_from(&self, first: usize) -> TreeSums {
        // A column that was not asked for has no rows.
        fn tail(column: &[i64], first: usize) -> &[i64] {
            column.get(first..).unwrap_or_default()
        }
        let sum = |column| tail(column, first).iter().copied().fold(0, i64::saturating_add);
        let kinds = &self.kind[first..];
        let n_dirs = kinds.iter().filter(|kind| **kind == Kind::Dir).count() as i64;
        let n_files = kinds.len() as i64 - n_dirs;
        // Without a branch for each row, and without an `Option`.
        let newest = |times| {
            let times = tail(times, first);
            let newer = |newest: i64, (kind, time): (&Kind, &i64)| {
                newest.max(if *kind == Kind::Dir { i64::MIN } else { *time })
            };
            let is_known = n_files > 0 && !times.is_empty();
            is_known.then(|| kinds.iter().zip(times).fold(i64::MIN, newer))
        };
        TreeSums {
            n_files,
            n_dirs,
            size: sum(&self.size),
            blocks: sum(&self.blocks),
            mtime: newest(&self.mtime),
            atime: newest(&self.atime),
            n_errors: 0,
        }
    }

    #[inline]
    fn push_stat(&mut self, stat: &Stat) {
        self.inode.push(stat.ino);
        self.uid.push(stat.uid);
        self.gid.push(stat.gid);
        self.size.push(stat.size);
        self.dev.push(stat.dev);
        self.blocks.push(stat.blocks);
        self.nlink.push(stat.nlink);
        self.mode.push(stat.mode);
        self.atime.push(stat.atime);
        self.mtime.push(stat.mtime);
        self.ctime.push(stat.ctime);
        if self.fields.contains(Fields::NANOS) {
            self.nanos.push(stat.nanos);
        }
        if self.fields.contains(Fields::BTIME) {
            self.btime.push(stat.btime);
        }
        if self.fields.contains(Fields::RDEV) {
            self.rdev.push(stat.rdev);
            self.blksize.push(stat.blksize);
        }
    }

    /// The row at `index`, which must be below `len`.
    #[inline]
    pub fn row(&self, index: usize) -> Row<'_> {
        let dir_index = self.dir[index] as usize;
        let dir = &self.dirs[dir_index];
        Row { batch: self, index, dir, dir_index }
    }

    /// For each row its `Row::dir_index`.
    pub fn dir_indexes(&self) -> &[u32] {
        &self.dir
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span { start, len: bytes.len() as u32 }
    }

    #[inline]
    fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..(span.start + span.len) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_depths_and_parents_follow_from_the_directory() {
        let mut batch = Batch::new(Fields::empty());
        let root = batch.push_dir(b"/", 2, 0, -1);
        let etc = batch.push_dir(b"/etc/", 7, 2, 0);
        let stat = Stat::default();
        batch.push(root, b"", Kind::Dir, &stat, Contents::Unread);
        batch.push(etc, b"", Kind::Dir, &stat, Contents::Unread);
        batch.push(etc, b"hosts", Kind::File, &stat, Contents::None);
        let rows: Vec<_> = batch
            .rows()
            .map(|row| (row.path(), row.last_component(), row.depth(), row.parent_inode()))
            .collect();
        let expected: [(Vec<u8>, &[u8], i32, u64); 3] = [
            (b"/".to_vec(), b"", -1, 0),
            (b"/etc".to_vec(), b"etc", 0, 2),
            (b"/etc/hosts".to_vec(), b"hosts", 1, 7),
        ];
        assert_eq!(rows, expected);
        batch.clear();
        assert!(batch.is_empty() && batch.rows().next().is_none());
    }

    #[test]
    fn totals_stay_with_their_rows_when_a_batch_is_split() {
        let mut batch = Batch::new(Fields::TREE);
        let dir = batch.push_dir(b"/r/", 2, 0, -1);
        for number in 0..6 {
            batch.push(dir, b"d", Kind::Dir, &Stat::default(), Contents::Unread);
            if number % 2 == 1 {
                batch.set_tree(TreeTotals { count: Some(number), ..TreeTotals::default() });
            }
        }
        let tail = batch.split_off(3);
        let found = |batch: &Batch| -> Vec<_> {
            batch.rows().map(|row| row.tree().and_then(|totals| totals.count)).collect()
        };
        assert_eq!(found(&batch), [None, Some(1), None]);
        assert_eq!(found(&tail), [Some(3), None, Some(5)]);
        batch.clear();
        assert!(batch.trees().next().is_none());
    }
}
