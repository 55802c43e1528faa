//! What one worker counts: the rows of a batch, column by column.
//!
//! All that depends on the data is bounded: keys that this worker has met go to the shared counts
//! when there are [`KEYS_MAX`] of them, at the end of a [`CHUNK`] of rows.

use super::classes::{N_AGES, size_class};
use super::counts::{Cells, Counts, N_CELLS};
use super::dir::{Dir, DirFacts, without_slash};
use super::keyed::Keyed;
use super::local::Local;
use super::paths::shown;
use super::shared::Shared;
use super::sums::{Pair, Sums, allocated, size};
use super::trouble::troubles;
use super::{LargeFile, Trouble};
use pwalk_engine::{Batch, Contents, Fields, Kind, Row, extension, lock};
use std::borrow::Cow;
use std::ops::Range;

/// Rows between two looks at how many keys there are.
const CHUNK: usize = 1024;
/// Keys of a kind that one worker holds. The classes of an owner take a kilobyte.
const KEYS_MAX: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    owners: Local<u32>,
    /// By the number of the owner.
    cells: Vec<Cells>,
    groups: Local<u32>,
    extensions: Local<Vec<u8>>,
    /// Sizes of the rows at hand.
    sizes: Vec<u64>,
    /// Their allocated sizes.
    allocated: Vec<u64>,
    /// By the number of the extension: bytes in the run of rows of a directory.
    run: Vec<u64>,
    /// Numbers of the extensions in that run, each with a row that has it.
    in_run: Vec<(u32, usize)>,
}

/// A regular file, as far as is known.
#[inline]
fn is_file(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::Unknown)
}

impl Tally {
    /// Counts the rows of a batch.
    pub(crate) fn add(&mut self, batch: &Batch, shared: &Shared) {
        for start in (0..batch.len()).step_by(CHUNK) {
            let rows = start..batch.len().min(start + CHUNK);
            self.read_sizes(batch, rows.clone());
            self.count_kinds(batch, rows.clone());
            if batch.fields().contains(Fields::OWNER) {
                self.count_groups(batch, rows.clone());
            }
            self.count_owners(batch, rows.clone(), shared);
            self.count_atimes(batch, rows.clone(), shared);
            self.count_depths(batch, rows.clone());
            self.count_extensions(batch, rows.clone(), shared);
            self.offer_files(batch, rows.clone(), shared);
            self.look_at_names(batch, rows.clone(), shared);
            self.look_at_dirs(batch, rows, shared);
            let n_keys = [self.owners.len(), self.groups.len(), self.extensions.len()];
            if n_keys.iter().any(|n| *n > KEYS_MAX) {
                self.hand_over(&mut lock(&shared.keyed));
            }
        }
    }

    /// Adds all to what is counted together.
    pub(crate) fn hand_over(&mut self, keyed: &mut Keyed) {
        keyed.counts.add(&std::mem::take(&mut self.counts));
        self.owners.take(|uid, number, sums| {
            keyed.owners.add(&uid, sums);
            keyed.add_cells(uid, &self.cells[number]);
        });
        self.cells.clear();
        self.groups.take(|gid, _, sums| keyed.groups.add(&gid, sums));
        self.extensions.take(|extension, _, sums| keyed.extensions.add(&extension, sums));
    }
}

/// One column after the other.
impl Tally {
    /// The sizes of rows; 0 where the input tells none.
    fn read_sizes(&mut self, batch: &Batch, rows: Range<usize>) {
        fn read(column: &[i64], rows: Range<usize>, of: fn(i64) -> u64, into: &mut Vec<u64>) {
            into.clear();
            match column.get(rows.clone()) {
                Some(values) => into.extend(values.iter().map(|value| of(*value))),
                None => into.resize(rows.len(), 0),
            }
        }
        read(&batch.size, rows.clone(), size, &mut self.sizes);
        read(&batch.blocks, rows, allocated, &mut self.allocated);
    }

    fn count_kinds(&mut self, batch: &Batch, rows: Range<usize>) {
        let kinds = &batch.kind[rows];
        for ((kind, bytes), allocated) in kinds.iter().zip(&self.sizes).zip(&self.allocated) {
            self.counts.kinds[*kind as usize].add(&Sums::of(*bytes, *allocated));
            if is_file(*kind) {
                self.counts.count_small(*bytes, *allocated);
            }
        }
    }

    fn count_groups(&mut self, batch: &Batch, rows: Range<usize>) {
        let mut last = None;
        for (place, gid) in batch.gid[rows].iter().enumerate() {
            let number = remembered(&mut last, gid, || self.groups.number(gid));
            self.groups.sums(number).add(&Sums::of(self.sizes[place], self.allocated[place]));
        }
    }

    /// Entries by owner, and the files of each by age and by size.
    fn count_owners(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let mut last = None;
        for (place, index) in rows.enumerate() {
            let uid = batch.uid.get(index).copied().unwrap_or(0);
            let number = remembered(&mut last, &uid, || self.owners.number(&uid));
            let bytes = self.sizes[place];
            self.owners.sums(number).add(&Sums::of(bytes, self.allocated[place]));
            if self.cells.len() < self.owners.len() {
                self.cells.push([Pair::default(); N_CELLS]);
            }
            if is_file(batch.kind[index]) {
                let mtime = batch.mtime.get(index).copied().unwrap_or(0);
                let cells = &mut self.cells[number as usize];
                cells[shared.ages.class(mtime)].count(bytes);
                cells[N_AGES + size_class(bytes)].count(bytes);
            }
        }
    }

    fn count_atimes(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let Some(atimes) = batch.atime.get(rows.clone()) else { return };
        for ((atime, kind), bytes) in atimes.iter().zip(&batch.kind[rows]).zip(&self.sizes) {
            if is_file(*kind) {
                self.counts.atime_ages[shared.ages.class(*atime)].count(*bytes);
            }
        }
    }

    fn count_depths(&mut self, batch: &Batch, rows: Range<usize>) {
        for (place, index) in rows.enumerate() {
            let level = usize::try_from(batch.row(index).depth() + 1).unwrap_or(0);
            self.counts.count_depth(level, self.sizes[place]);
        }
    }

    fn count_extensions(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let mut dir = None;
        for (place, index) in rows.enumerate() {
            if !is_file(batch.kind[index]) {
                continue;
            }
            let row = batch.row(index);
            if dir.is_some_and(|dir: Row<'_>| dir.dir_index() != row.dir_index()) {
                self.end_run(batch, shared);
            }
            dir = Some(row);
            let bytes = self.sizes[place];
            let number = self.extensions.number(extension(row.last_component()));
            self.extensions.sums(number).add(&Sums::of(bytes, self.allocated[place]));
            self.run.resize(self.extensions.len(), 0);
            let in_run = &mut self.run[number as usize];
            if *in_run == 0 {
                self.in_run.push((number, index));
            }
            *in_run = in_run.saturating_add(bytes);
        }
        self.end_run(batch, shared);
    }

    /// The rows of a directory that stand beside each other have ended.
    fn end_run(&mut self, batch: &Batch, shared: &Shared) {
        let most = self.in_run.iter().max_by_key(|(number, _)| self.run[*number as usize]);
        if let Some((number, index)) = most {
            let (bytes, row) = (self.run[*number as usize], batch.row(*index));
            if shared.mains.admits(bytes) {
                let dir = shared.paths.hash(row.dir_path());
                shared.mains.offer(dir, extension(row.last_component()), bytes);
            }
        }
        self.in_run.drain(..).for_each(|(number, _)| self.run[number as usize] = 0);
    }

    fn offer_files(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        for (place, index) in rows.enumerate() {
            let bytes = self.sizes[place];
            if shared.files.admits(bytes) && is_file(batch.kind[index]) {
                let file = LargeFile {
                    path: shown(&batch.row(index).path()),
                    bytes,
                    allocated_bytes: batch.blocks.get(index).map(|_| self.allocated[place]),
                    mtime: batch.mtime.get(index).copied(),
                    uid: batch.uid.get(index).copied(),
                };
                shared.files.offer(bytes, file);
            }
        }
    }
}

/// Names and directories.
impl Tally {
    fn look_at_names(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let mut last = None;
        for row in rows.map(|index| batch.row(index)) {
            self.look_at_name(&row, shared);
            if row.is_dir_itself() {
                continue;
            }
            let dir = remembered(&mut last, &row.dir_index(), || shared.paths.hash(row.dir_path()));
            let is_repeated = match row.kind() {
                Kind::Dir => shared.case.is_dir_repeated(dir, row.name()),
                _ => shared.case.is_repeated(dir, row.name()),
            };
            if is_repeated {
                self.count_trouble(Trouble::Case, &row, shared);
            }
        }
    }

    #[inline]
    fn look_at_name(&mut self, row: &Row<'_>, shared: &Shared) {
        let (dir, name) = row.path_parts();
        troubles(row.last_component(), dir.len() + name.len(), |trouble| {
            self.count_trouble(trouble, row, shared);
        });
    }

    #[cold]
    fn count_trouble(&mut self, trouble: Trouble, row: &Row<'_>, shared: &Shared) {
        self.counts.names[trouble as usize] += 1;
        shared.names[trouble as usize].offer(|| shown(&row.path()));
    }

    fn look_at_dirs(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        for index in rows.filter(|index| batch.kind[*index] == Kind::Dir) {
            let row = batch.row(index);
            let path: Cow<'_, [u8]> = if row.is_dir_itself() {
                row.dir_path().into()
            } else {
                [row.dir_path(), row.name(), b"/"].concat().into()
            };
            let own = self.count_contents(batch.contents[index], &path, shared);
            let facts = DirFacts {
                path: &path,
                depth: row.depth(),
                totals: row.tree().filter(|_| shared.has_totals).copied().unwrap_or_default(),
                uid: batch.uid.get(index).copied(),
                own_entries: own.map_or(0, |(entries, _)| entries),
                own_bytes: own.map(|(_, bytes)| bytes),
            };
            self.look_at_dir(&Dir::new(facts, &shared.paths), &row, shared);
        }
    }

    fn look_at_dir(&mut self, dir: &Dir<'_>, row: &Row<'_>, shared: &Shared) {
        if let Some(above) = dir.above.filter(|_| row.is_dir_itself())
            && shared.case.is_dir_repeated(above, dir.facts.name())
        {
            self.count_trouble(Trouble::Case, row, shared);
        }
        shared.case.close(dir.hash);
        shared.offer_tree(dir);
    }

    /// Counts a directory by its entries. Returns what it has of them.
    fn count_contents(
        &mut self,
        contents: Contents,
        path: &[u8],
        shared: &Shared,
    ) -> Option<(u64, u64)> {
        let Contents::Counted { n_entries, size_sum } = contents else { return None };
        let (entries, bytes) = (size(n_entries), size(size_sum));
        self.counts.dir_entries[size_class(entries)] += 1;
        if entries == 0 {
            shared.empty_dirs.offer(|| shown(without_slash(path)));
        } else if !shared.has_condition {
            shared.offer_dir(path, entries, bytes);
        }
        Some((entries, bytes))
    }
}

/// What belongs to a value, computed only if the value is not the same as the last time.
#[inline]
fn remembered<K: Copy + PartialEq, V: Copy>(
    last: &mut Option<(K, V)>,
    key: &K,
    compute: impl FnOnce() -> V,
) -> V {
    match last {
        Some((known, value)) if known == key => *value,
        _ => {
            let value = compute();
            *last = Some((*key, value));
            value
        }
    }
}
