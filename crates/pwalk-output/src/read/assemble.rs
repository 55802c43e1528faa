//! From rows with full paths back to batches, which keep each directory's path once.

use pwalk_engine::{Batch, Contents, Kind, Stat};

/// Splits paths, and remembers the directory of the row before.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The directory last added to the batch: its number, path, inode and depth.
    dir: Option<(u32, Vec<u8>, u64, i32)>,
}

impl Assembler {
    /// A new batch begins.
    pub(crate) fn start(&mut self) {
        self.dir = None;
    }

    /// Adds a row to the batch.
    pub(crate) fn push(&mut self, batch: &mut Batch, row: &RowValues<'_>) {
        let cut = row.path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (dir, name) = row.path.split_at(cut);
        let is_entry = row.depth >= 0 && !dir.is_empty() && !name.is_empty();
        let (number, name) = if is_entry {
            (self.enter(batch, dir, row.parent_inode, row.depth - 1), name)
        } else {
            self.dir = None;
            let slash: &[u8] = if row.path.ends_with(b"/") { b"" } else { b"/" };
            let path = [row.path, slash].concat();
            (batch.push_dir(&path, row.stat.ino, row.parent_inode, row.depth), &b""[..])
        };
        batch.push(number, name, row.kind, &row.stat, row.contents);
        if let Some(target) = row.target {
            batch.set_target(target);
        }
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
}

/// What the two columns of counts say.
pub(crate) fn contents(kind: Kind, n_entries: Option<i64>, size_sum: Option<i64>) -> Contents {
    match (kind, n_entries) {
        (Kind::Dir, Some(n_entries)) => {
            Contents::Counted { n_entries, size_sum: size_sum.unwrap_or(0) }
        }
        (Kind::Dir, None) => Contents::Unread,
        _ => Contents::None,
    }
}

/// A row before it is split.
#[derive(Debug)]
pub(crate) struct RowValues<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) kind: Kind,
    pub(crate) depth: i32,
    pub(crate) parent_inode: u64,
    pub(crate) stat: Stat,
    pub(crate) contents: Contents,
    pub(crate) target: Option<&'a [u8]>,
}
