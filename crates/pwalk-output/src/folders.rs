//! What the folders of a tree hold: files by extension, folders by name and depth, which are empty,
//! and which have most files.
//!
//! Owns a sink that counts, one tally for each core, and adds the tallies up at the end. Knows nothing
//! of how the result is shown. Unlike a table, its result grows with the tree: all extensions, names
//! and empty folders are in it, as its users expect.

mod fullest;

use crate::pool::Pool;
use foldhash::quality::RandomState;
use fullest::{FilesByFolder, N_FULLEST};
use pwalk_engine::{Batch, Contents, Fields, Kind, Row, Sink, extension};
use std::collections::HashMap;
use std::convert::Infallible;

/// How often something was met, by its name.
pub type Counts = HashMap<Vec<u8>, u64, RandomState>;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderCounts {
    /// Regular files.
    pub n_files: u64,
    /// Sum of their apparent sizes, bytes.
    pub n_bytes: i128,
    /// Files by extension, which is empty where there is none.
    pub extensions: Counts,
    /// Folders by name, without the root.
    pub names: Counts,
    /// Folders by level; the root has level 0.
    pub depths: Vec<u64>,
    /// Paths of folders without any entry, in order.
    pub empty: Vec<Vec<u8>>,
    /// Paths of the ten folders that have most files directly in them, and how many: the fullest
    /// first, equal ones in the order of their paths.
    pub fullest: Vec<(Vec<u8>, u64)>,
}

/// Counts what the batches of a walk contain. Entries that are neither folders nor regular files only
/// matter to whether their folder is empty.
pub struct FolderSink {
    max_depth: Option<u32>,
    tallies: Pool<Tally>,
}

impl FolderSink {
    /// Folders below `max_depth` levels are not counted; files directly in that level's folders are.
    pub fn new(max_depth: Option<u32>, n_tallies: usize) -> FolderSink {
        let (n_tallies, hash) = (n_tallies.max(1), RandomState::default());
        let tally = |_| Tally::new(FilesByFolder::new(n_tallies, hash.clone()));
        let tallies = (0..n_tallies).map(tally).collect();
        FolderSink { max_depth, tallies: Pool::new(tallies) }
    }

    /// What was counted by now.
    pub fn finish(self) -> FolderCounts {
        let tallies = self.tallies.into_values().into_iter();
        let all = tallies.reduce(|mut all, tally| {
            all.merge(tally);
            all
        });
        all.map(Tally::finish).unwrap_or_default()
    }
}

impl Sink for FolderSink {
    type Error = Infallible;

    fn fields(&self) -> Fields {
        Fields::KIND | Fields::SIZE
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Infallible> {
        self.tallies.with(|tally| tally.add(batch, self.max_depth));
        Ok(())
    }
}

/// What one thread at a time counts.
#[derive(Debug)]
struct Tally {
    counts: FolderCounts,
    files: FilesByFolder,
    /// The extension of the last file, and how many had the same one after another.
    last: Vec<u8>,
    n_last: u64,
}

impl Tally {
    fn new(files: FilesByFolder) -> Tally {
        Tally { counts: FolderCounts::default(), files, last: Vec::new(), n_last: 0 }
    }

    fn add(&mut self, batch: &Batch, max_depth: Option<u32>) {
        // The folder of the last file, and its files one after another.
        let mut run: Option<(Row<'_>, u64)> = None;
        for row in batch.rows() {
            match row.kind() {
                Kind::File => {
                    self.add_file(&row, batch.size[row.index()]);
                    run = match run {
                        Some((first, n)) if first.dir_index() == row.dir_index() => {
                            Some((first, n + 1))
                        }
                        _ => {
                            self.end_run(run);
                            Some((row, 1))
                        }
                    };
                }
                Kind::Dir => self.add_folder(&row, batch.contents[row.index()], max_depth),
                _ => {}
            }
        }
        self.end_run(run);
    }

    #[inline]
    fn add_file(&mut self, row: &Row<'_>, size: i64) {
        self.counts.n_files += 1;
        self.counts.n_bytes += i128::from(size);
        let extension = extension(row.last_component());
        if extension != self.last {
            self.end_extension();
            self.last.extend_from_slice(extension);
        }
        self.n_last += 1;
    }

    /// Files of the same kind are often beside each other: the table is asked once for all of them.
    fn end_extension(&mut self) {
        count(&mut self.counts.extensions, &self.last, self.n_last);
        self.last.clear();
        self.n_last = 0;
    }

    fn end_run(&mut self, run: Option<(Row<'_>, u64)>) {
        if let Some((first, n)) = run {
            self.files.add(first.dir_path(), n);
        }
    }

    fn add_folder(&mut self, row: &Row<'_>, contents: Contents, max_depth: Option<u32>) {
        let level = (row.depth() + 1).unsigned_abs();
        if max_depth.is_some_and(|max_depth| level > max_depth) {
            return;
        }
        let level = level as usize;
        let counts = &mut self.counts;
        if counts.depths.len() <= level {
            counts.depths.resize(level + 1, 0);
        }
        counts.depths[level] += 1;
        if level > 0 {
            count(&mut counts.names, row.last_component(), 1);
        }
        if matches!(contents, Contents::Counted { n_entries: 0, .. }) {
            counts.empty.push(row.path());
        }
    }

    fn merge(&mut self, mut other: Tally) {
        other.end_extension();
        let Tally { counts, files, last: _, n_last: _ } = other;
        let all = &mut self.counts;
        all.n_files += counts.n_files;
        all.n_bytes += counts.n_bytes;
        counts.extensions.iter().for_each(|(name, n)| count(&mut all.extensions, name, *n));
        counts.names.iter().for_each(|(name, n)| count(&mut all.names, name, *n));
        all.depths.resize(all.depths.len().max(counts.depths.len()), 0);
        all.depths.iter_mut().zip(&counts.depths).for_each(|(all, n)| *all += n);
        all.empty.extend(counts.empty);
        self.files.merge(files);
    }

    fn finish(mut self) -> FolderCounts {
        self.end_extension();
        self.counts.empty.sort_unstable();
        self.counts.fullest = self.files.into_fullest(N_FULLEST);
        self.counts
    }
}

fn count(counts: &mut Counts, name: &[u8], n: u64) {
    match counts.get_mut(name) {
        Some(all) => *all += n,
        None if n > 0 => _ = counts.insert(name.to_owned(), n),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_engine::Stat;

    fn counts(counts: &Counts) -> Vec<(&str, u64)> {
        let name = |name| std::str::from_utf8(name).unwrap();
        let mut all: Vec<_> = counts.iter().map(|(known, n)| (name(known), *n)).collect();
        all.sort_unstable();
        all
    }

    /// The rows of `/r`, of `/r/a` and of `/r/a/b`, which is empty, with the deepest first.
    fn batch() -> Batch {
        let mut batch = Batch::new(Fields::KIND | Fields::SIZE);
        let r = batch.push_dir(b"/r/", 0, 0, -1);
        let a = batch.push_dir(b"/r/a/", 0, 0, 0);
        let b = batch.push_dir(b"/r/a/b/", 0, 0, 1);
        let stat = |size| Stat { size, ..Stat::default() };
        let counted = |n_entries| Contents::Counted { n_entries, size_sum: 0 };
        batch.push(b, b"", Kind::Dir, &stat(4096), counted(0));
        for (name, size) in [("1.txt", 1), ("2.txt", 2), ("none", 4), (".txt", 8)] {
            batch.push(a, name.as_bytes(), Kind::File, &stat(size), Contents::None);
        }
        batch.push(a, b"link.txt", Kind::Symlink, &stat(100), Contents::None);
        batch.push(a, b"", Kind::Dir, &stat(4096), counted(6));
        batch.push(r, b"3.txt", Kind::File, &stat(16), Contents::None);
        batch.push(r, b"", Kind::Dir, &stat(4096), counted(2));
        batch
    }

    #[test]
    fn files_and_folders_are_counted_and_links_are_neither() {
        let sink = FolderSink::new(None, 2);
        sink.put(&mut batch()).unwrap();
        let found = sink.finish();
        assert_eq!((found.n_files, found.n_bytes), (5, 31));
        assert_eq!(counts(&found.extensions), [("", 2), ("txt", 3)]);
        assert_eq!(counts(&found.names), [("a", 1), ("b", 1)]);
        assert_eq!(found.depths, [1, 1, 1]);
        assert_eq!(found.empty, [b"/r/a/b".to_vec()]);
        assert_eq!(found.fullest, [(b"/r/a".to_vec(), 4), (b"/r".to_vec(), 1)]);
    }

    #[test]
    fn folders_below_the_maximum_depth_are_not_counted() {
        let sink = FolderSink::new(Some(1), 1);
        sink.put(&mut batch()).unwrap();
        let found = sink.finish();
        assert_eq!(counts(&found.names), [("a", 1)]);
        assert_eq!(found.depths, [1, 1]);
        assert!(found.empty.is_empty());
    }

    #[test]
    fn several_tallies_add_up_to_what_one_counts() {
        let one = FolderSink::new(None, 1);
        (0..3).for_each(|_| one.put(&mut batch()).unwrap());
        let mut several: Vec<_> = FolderSink::new(None, 3).tallies.into_values();
        several.iter_mut().for_each(|tally| tally.add(&batch(), None));
        assert_eq!(
            FolderSink { max_depth: None, tallies: Pool::new(several) }.finish(),
            one.finish()
        );
    }
}
