//! Totals of subtrees from rows that have none, in whatever order they come: those of a table, and
//! those that a condition keeps. A directory needs no row of its own.
//!
//! A directory is kept by its name and the directory above it, with the sums of its direct entries;
//! what is below it is added up at the end. Memory is bounded: beyond [`N_DIRS_MAX`] directories the
//! smaller half is added to the directories above, where it stays right, and is forgotten by itself.
//! Totals of what is kept can then lack what had been forgotten before it grew: they are estimates.

use super::dir::DirFacts;
use super::dir_nodes::{Dirs, NONE, Node};
use pwalk_engine::{Batch, Contents, Fields, Kind, TreeSums, TreeTotals, lock};
use std::sync::Mutex;

/// Directories that are counted apart: some 150 bytes each.
const N_DIRS_MAX: usize = 1 << 18;

/// Directories, filled by all workers.
#[derive(Default)]
pub(crate) struct DirTable(Mutex<Dirs>);

/// Sums over the rows of a batch that are in one directory, without that of the directory itself.
struct Slice<'b> {
    path: &'b [u8],
    depth: i32,
    inode: u64,
    sums: TreeSums,
    /// Rows of directories: their places in the batch.
    dirs: Vec<usize>,
}

impl DirTable {
    pub(crate) fn new() -> DirTable {
        DirTable::with_max(N_DIRS_MAX)
    }

    fn with_max(n_max: usize) -> DirTable {
        DirTable(Mutex::new(Dirs::with_max(n_max)))
    }

    /// Adds the rows of a batch, which has sizes, blocks and times.
    pub(crate) fn add(&self, batch: &Batch) {
        let slices = slices(batch);
        let dirs = &mut *lock(&self.0);
        for Slice { path, depth, inode, sums, dirs: rows } in slices {
            let node = dirs.enter(path, depth);
            dirs.meet(node, inode);
            dirs.nodes[node as usize].own.add(&sums);
            for row in rows {
                let row = batch.row(row);
                let node = if row.is_dir_itself() {
                    dirs.add_above(node, &entry(batch, row.index()));
                    node
                } else {
                    let below = dirs.below(node, row.name());
                    dirs.meet(below, batch.inode[row.index()]);
                    below
                };
                let node = &mut dirs.nodes[node as usize];
                node.uid = Some(batch.uid[row.index()]);
                node.is_read |= matches!(row.contents(), Contents::Counted { .. });
            }
        }
        batch.errors.iter().for_each(|error| dirs.fail(error));
        if dirs.nodes.len() > dirs.n_max {
            dirs.fold();
        }
    }

    /// Calls for each directory that was read, of whose entries these fields are known. True if
    /// totals are estimates.
    pub(crate) fn finish(self, fields: Fields, mut each: impl FnMut(DirFacts<'_>)) -> bool {
        let dirs = self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut below: Vec<_> = dirs.nodes.iter().map(Node::sums).collect();
        for (index, node) in dirs.nodes.iter().enumerate().rev() {
            if node.parent != NONE {
                let sums = below[index];
                below[node.parent as usize].add(&sums);
            }
        }
        dirs.each_path(|index, path, depth| {
            let (node, below) = (&dirs.nodes[index], &below[index]);
            if !node.is_read && below.n_files + below.n_dirs == 0 {
                return;
            }
            each(DirFacts {
                path,
                depth,
                totals: totals(below, fields),
                uid: node.uid.filter(|_| fields.contains(Fields::OWNER)),
                own_bytes: Some(node.own.size as u64),
                own_entries: Some((node.own.n_files + node.own.n_dirs) as u64),
            });
        });
        dirs.is_folded || dirs.is_merged
    }
}

/// What is known of these sums.
fn totals(sums: &TreeSums, fields: Fields) -> TreeTotals {
    let TreeSums { n_files, n_dirs, size, blocks, mtime, atime, n_errors } = *sums;
    TreeTotals {
        count: Some(n_files + n_dirs),
        files: Some(n_files),
        dirs: Some(n_dirs),
        size: Some(size),
        blocks: fields.contains(Fields::BLOCKS).then_some(blocks),
        mtime: mtime.filter(|_| fields.contains(Fields::MTIME)),
        atime: atime.filter(|_| fields.contains(Fields::ATIME)),
        errors: Some(n_errors),
    }
}

/// The rows of a batch by the directories that they are in, in runs.
fn slices(batch: &Batch) -> Vec<Slice<'_>> {
    let mut slices: Vec<Slice<'_>> = Vec::new();
    let mut last = None;
    for row in batch.rows() {
        let (index, kind) = (row.index(), row.kind());
        if last.replace(row.dir_index()) != Some(row.dir_index()) {
            let (path, depth, inode) = (row.dir_path(), row.dir_depth(), row.dir_inode());
            slices.push(Slice { path, depth, inode, sums: TreeSums::default(), dirs: vec![] });
        }
        let Some(slice) = slices.last_mut() else { continue };
        if kind == Kind::Dir {
            slice.dirs.push(index);
        }
        if !row.is_dir_itself() {
            slice.sums.add(&entry(batch, index));
        }
    }
    slices
}

/// What an entry adds to the sums of the directory that it is in.
fn entry(batch: &Batch, index: usize) -> TreeSums {
    let is_dir = batch.kind[index] == Kind::Dir;
    let time = |times: &[i64]| times.get(index).copied().filter(|_| !is_dir);
    TreeSums {
        n_files: i64::from(!is_dir),
        n_dirs: i64::from(is_dir),
        size: batch.size[index].max(0),
        blocks: batch.blocks[index].max(0),
        mtime: time(&batch.mtime),
        atime: time(&batch.atime),
        n_errors: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_engine::{Contents, EntryError, Fields, Operation, Stat};

    fn row(batch: &mut Batch, dir: &str, depth: i32, name: &str, kind: Kind, size: i64) {
        let dir = batch.push_dir(dir.as_bytes(), 1, 0, depth);
        let stat = Stat { size, blocks: 8, uid: 7, mtime: size, atime: -size, ..Stat::default() };
        let contents = match kind {
            Kind::Dir => Contents::Counted { n_entries: 0, size_sum: 0 },
            _ => Contents::None,
        };
        batch.push(dir, name.as_bytes(), kind, &stat, contents);
    }

    /// Path, depth, bytes in it, bytes below it, entries below it.
    type Found = (String, i32, i64, i64, i64);

    fn totals(table: DirTable) -> (Vec<Found>, bool) {
        let mut found = Vec::new();
        let is_estimate = table.finish(Fields::REPORT, |dir| {
            let DirFacts { path, depth, totals, own_bytes, .. } = dir;
            let path = String::from_utf8(path.to_vec()).unwrap();
            let (size, count) = (totals.size.unwrap(), totals.count.unwrap());
            found.push((path, depth, own_bytes.unwrap() as i64, size, count));
        });
        found.sort();
        (found, is_estimate)
    }

    #[test]
    fn directories_add_up_whatever_the_order_of_their_rows() {
        let rows = [
            ("/r/", -1, "", Kind::Dir, 4096),
            ("/r/", -1, "a", Kind::Dir, 100),
            ("/r/a/", 0, "b", Kind::Dir, 10),
            ("/r/a/b/", 1, "f", Kind::File, 1),
            ("/r/a/", 0, "g", Kind::File, 2),
            ("/r/", -1, "empty", Kind::Dir, 0),
            ("/", -1, "", Kind::Dir, 4096),
            ("/", -1, "h", Kind::File, 5),
        ];
        for turn in 0..rows.len() {
            let table = DirTable::new();
            for (dir, depth, name, kind, size) in rows.iter().cycle().skip(turn).take(rows.len()) {
                let mut batch = Batch::new(Fields::REPORT);
                row(&mut batch, dir, *depth, name, *kind, *size);
                table.add(&batch);
            }
            let expected = [
                ("/", -1, 5, 5, 1),
                ("/r/", -1, 100, 113, 5),
                ("/r/a/", 0, 12, 13, 3),
                ("/r/a/b/", 1, 1, 1, 1),
                ("/r/empty/", 0, 0, 0, 0),
            ];
            let expected =
                expected.map(|(path, d, own, size, n)| (path.to_owned(), d, own, size, n));
            assert_eq!(totals(table), (expected.to_vec(), false));
        }
    }

    #[test]
    fn a_directory_may_have_a_row_of_its_own_in_any_batch_or_none() {
        let rows = [
            ("/r/a/", 0, "", Kind::Dir, 100),
            ("/r/a/b/", 1, "", Kind::Dir, 10),
            ("/r/a/c/d/", 2, "f", Kind::File, 1),
        ];
        let table = DirTable::new();
        for (dir, depth, name, kind, size) in rows {
            let mut batch = Batch::new(Fields::REPORT);
            row(&mut batch, dir, depth, name, kind, size);
            table.add(&batch);
        }
        let expected = [
            ("/r/", -1, 100, 111, 3),
            ("/r/a/", 0, 10, 11, 2),
            ("/r/a/b/", 1, 0, 0, 0),
            ("/r/a/c/", 1, 0, 1, 1),
            ("/r/a/c/d/", 2, 1, 1, 1),
        ];
        let expected = expected.map(|(path, d, own, size, n)| (path.to_owned(), d, own, size, n));
        assert_eq!(totals(table), (expected.to_vec(), false));
    }

    #[test]
    fn errors_count_where_they_were_and_make_no_directory_appear() {
        let table = DirTable::new();
        let mut batch = Batch::new(Fields::REPORT);
        row(&mut batch, "/r/a/", 0, "f", Kind::File, 1);
        let error = |operation, path: &str, depth| EntryError {
            operation,
            path: path.into(),
            depth,
            errno: pwalk_engine::Errno::ACCESS,
        };
        batch.errors = vec![
            error(Operation::Read, "/r/a", 0),
            error(Operation::Stat, "/r/a/g", 1),
            error(Operation::Open, "/r/a/b", 1),
            error(Operation::Open, "/r/c", 0),
            error(Operation::Stat, "/x", -1),
        ];
        table.add(&batch);
        let mut found = Vec::new();
        table.finish(Fields::REPORT, |dir| {
            found.push((dir.path.to_vec(), dir.totals.errors));
        });
        assert_eq!(found, [(b"/r/".to_vec(), Some(4)), (b"/r/a/".to_vec(), Some(3))]);
    }

    #[test]
    fn beyond_its_bound_the_smallest_are_folded_and_the_sums_above_stay_right() {
        let table = DirTable::with_max(64);
        for n in 0..1000_i64 {
            let mut batch = Batch::new(Fields::REPORT);
            row(&mut batch, &format!("/r/{}/{n}/", n % 10), 1, "f", Kind::File, n);
            table.add(&batch);
        }
        let (found, is_estimate) = totals(table);
        assert!(is_estimate && found.len() <= 64 + 3, "{}", found.len());
        assert_eq!(found[0], ("/r/".to_owned(), -1, 0, 999 * 500, 1000));
        let nine = found.iter().find(|dir| dir.0 == "/r/9/").unwrap();
        assert_eq!(nine.3, (0..100).map(|n| 10 * n + 9).sum::<i64>());
        assert!(found.iter().any(|dir| dir.0 == "/r/9/999/" && dir.3 == 999));
    }

    #[test]
    fn any_number_of_roots_is_bounded_too() {
        let table = DirTable::with_max(64);
        for n in 0..1000 {
            let mut batch = Batch::new(Fields::REPORT);
            row(&mut batch, &format!("/{n}/"), -1, "f", Kind::File, n);
            table.add(&batch);
        }
        let (found, is_estimate) = totals(table);
        assert!(is_estimate && found.len() <= 65);
    }
}
