//! Rows that leave a batch, all others staying as they are: for batches that a walk did not make.

use super::{Batch, Row};
use crate::tree::TreeTotals;

impl Batch {
    /// Drops those rows for which `keep` says no. Errors stay, and so do the bytes of names until the
    /// batch is cleared.
    pub fn retain(&mut self, keep: impl FnMut(&Row<'_>) -> bool) {
        let mut keep = keep;
        let kept: Vec<bool> = self.rows().map(|row| keep(&row)).collect();
        if kept.iter().all(|is_kept| *is_kept) {
            return;
        }
        // Destructured, so that a new column can't be forgotten here.
        let Batch {
            fields: _,
            arena: _,
            dirs: _,
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
            errors: _,
        } = self;
        thin(dir, &kept);
        thin(name, &kept);
        thin(kind, &kept);
        thin(contents, &kept);
        thin(inode, &kept);
        thin(uid, &kept);
        thin(gid, &kept);
        thin(size, &kept);
        thin(dev, &kept);
        thin(blocks, &kept);
        thin(nlink, &kept);
        thin(mode, &kept);
        thin(atime, &kept);
        thin(mtime, &kept);
        thin(ctime, &kept);
        thin(nanos, &kept);
        thin(btime, &kept);
        thin(rdev, &kept);
        thin(blksize, &kept);
        thin(target, &kept);
        thin_trees(trees, &kept);
    }
}

/// A column that was not asked for is empty, and stays so.
fn thin<T>(column: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    column.retain(|_| *kept.next().expect("all columns that are not empty have the same length"));
}

/// Totals go with their rows, whose places change.
fn thin_trees(trees: &mut Vec<(u32, TreeTotals)>, kept: &[bool]) {
    let (mut n_dropped, mut seen) = (0, 0);
    trees.retain_mut(|(row, _)| {
        let place = *row as usize;
        n_dropped += kept[seen..place].iter().filter(|is_kept| !**is_kept).count() as u32;
        seen = place;
        *row -= n_dropped;
        kept[place]
    });
}

#[cfg(test)]
mod tests {
    use crate::batch::{Batch, Contents};
    use crate::entry::{Fields, Kind, Stat};
    use crate::tree::TreeTotals;

    #[test]
    fn rows_that_stay_keep_all_that_they_have() {
        let mut batch = Batch::new(Fields::all());
        let dir = batch.push_dir(b"/r/", 1, 0, -1);
        for number in 0..6_u8 {
            let stat = Stat { ino: number.into(), size: 10 * i64::from(number), ..Stat::default() };
            batch.push(dir, &[b'a' + number], Kind::Symlink, &stat, Contents::None);
            batch.set_target(&[b'A' + number]);
            if number != 1 {
                batch.set_tree(TreeTotals { count: Some(number.into()), ..TreeTotals::default() });
            }
        }
        batch.retain(|row| row.stat().ino % 2 == 1);
        let rows: Vec<_> = batch
            .rows()
            .map(|row| (row.path(), row.target().to_vec(), row.stat().ino, row.stat().size))
            .collect();
        let row = |name: &str, target: &str, ino, size| {
            (format!("/r/{name}").into_bytes(), target.as_bytes().to_vec(), ino, size)
        };
        assert_eq!(rows, [row("b", "B", 1, 10), row("d", "D", 3, 30), row("f", "F", 5, 50)]);
        let trees: Vec<_> = batch.trees().map(|(row, totals)| (row, totals.count)).collect();
        assert_eq!(trees, [(1, Some(3)), (2, Some(5))]);
        let mut names_only = Batch::new(Fields::empty());
        let dir = names_only.push_dir(b"/r/", 1, 0, -1);
        names_only.push(dir, b"x", Kind::File, &Stat::default(), Contents::None);
        names_only.retain(|_| false);
        assert!(names_only.is_empty());
    }
}
