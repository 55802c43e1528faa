//! What one worker counts: the rows of a batch, column by column.
//!
//! All that depends on the data is bounded: keys that this worker has met go to the shared counts
//! when there are [`KEYS_MAX`] of them, at the end of a [`CHUNK`] of rows.

use super::classes::{N_AGES, size_class};
use super::counts::{Cells, Counts, N_CELLS};
use super::dir::{Dir, DirFacts, without_slash};
use super::extensions::Extensions;
use super::folded::Folded;
use super::keyed::Keyed;
use super::local::Local;
use super::paths::is_inexact;
use super::shared::{EXAMPLE, Lasts, Shared};
use super::sums::{Pair, Sums, allocated, size};
use super::trouble::{is_harmless, troubles};
use super::{LargeFile, Trouble};
use pwalk_engine::{Batch, Contents, Fields, Kind, Row, extension, lock};
use std::borrow::Cow;
use std::ops::Range;

/// Rows between two looks at how many keys there are.
const CHUNK: usize = 1024;
/// Keys of a kind that one worker holds. The classes of an owner take a kilobyte.
const KEYS_MAX: usize = 256;
/// Rows whose names are looked up together: what they need of the table takes 16 KiB.
const NEAR: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    owners: Local<u32>,
    /// By the number of the owner.
    cells: Vec<Cells>,
    groups: Local<u32>,
    extensions: Extensions,
    /// Sizes of the rows at hand.
    sizes: Vec<u64>,
    /// Their allocated sizes.
    allocated: Vec<u64>,
    /// By the number of the extension: bytes in the run of rows of a directory.
    run: Vec<u64>,
    /// Numbers of the extensions in that run, each with a row that has it.
    in_run: Vec<(u32, usize)>,
    /// What the names of the rows at hand are compared by.
    keys: Vec<u64>,
    lasts: Lasts,
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
            if shared.fields.contains(Fields::OWNER) {
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
        self.extensions.take(|extension, sums| keyed.extensions.add(&extension, sums));
    }
}

/// One column after the other. Values that are equal mostly stand beside each other, and what they
/// are counted by is looked up once for each run of them.
impl Tally {
    /// The sizes of rows; 0 where the input tells none.
    fn read_sizes(&mut self, batch: &Batch, rows: Range<usize>) {
        fill(&mut self.sizes, &batch.size, rows.clone(), size);
        fill(&mut self.allocated, &batch.blocks, rows, allocated);
    }

    /// Sums over some of the rows at hand.
    #[inline]
    fn sums_of(&self, places: Range<usize>) -> Sums {
        let sum = |values: &[u64]| values.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        let entries = places.len() as u64;
        let (bytes, allocated) = (sum(&self.sizes[places.clone()]), sum(&self.allocated[places]));
        Sums { entries, bytes, allocated }
    }

    fn count_kinds(&mut self, batch: &Batch, rows: Range<usize>) {
        for (kind, run) in runs(&batch.kind[rows]) {
            let sums = self.sums_of(run.clone());
            self.counts.kinds[kind as usize].add(&sums);
            if is_file(kind) {
                for (bytes, allocated) in self.sizes[run.clone()].iter().zip(&self.allocated[run]) {
                    self.counts.count_small(*bytes, *allocated);
                }
            }
        }
    }

    fn count_groups(&mut self, batch: &Batch, rows: Range<usize>) {
        for (gid, run) in runs(&batch.gid[rows]) {
            let (number, sums) = (self.groups.number(&gid), self.sums_of(run));
            self.groups.sums(number).add(&sums);
        }
    }

    /// Entries by owner, and the files of each by age and by size.
    fn count_owners(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        // Without owners all are of one.
        let nobody = [0; CHUNK];
        let uids = batch.uid.get(rows.clone()).unwrap_or(&nobody[..rows.len()]);
        for (uid, run) in runs(uids) {
            let (number, sums) = (self.owners.number(&uid), self.sums_of(run.clone()));
            self.owners.sums(number).add(&sums);
            if self.cells.len() < self.owners.len() {
                self.cells.push([Pair::default(); N_CELLS]);
            }
            let cells = &mut self.cells[number as usize];
            let files = run.filter(|place| is_file(batch.kind[rows.start + place]));
            for place in files {
                let mtime = batch.mtime.get(rows.start + place).copied().unwrap_or(0);
                let bytes = self.sizes[place];
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
        let level = |depth: i32| usize::try_from(depth.saturating_add(1)).unwrap_or(0);
        for (_, run) in runs(&batch.dir_indexes()[rows.clone()]) {
            let depth = batch.row(rows.start + run.start).dir_depth();
            let mut inside = Pair::default();
            for place in run {
                match batch.row(rows.start + place).is_dir_itself() {
                    true => {
                        let itself = Pair { entries: 1, bytes: self.sizes[place] };
                        self.counts.count_depth(level(depth), &itself);
                    }
                    false => inside.count(self.sizes[place]),
                }
            }
            self.counts.count_depth(level(depth.saturating_add(1)), &inside);
        }
    }

    fn count_extensions(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        for (_, run) in runs(&batch.dir_indexes()[rows.clone()]) {
            for place in run {
                let index = rows.start + place;
                if !is_file(batch.kind[index]) {
                    continue;
                }
                let bytes = self.sizes[place];
                let number = self.extensions.number(batch.row(index).last_component());
                self.extensions.sums(number).add(&Sums::of(bytes, self.allocated[place]));
                if self.run.len() < self.extensions.len() {
                    self.run.resize(self.extensions.len(), 0);
                }
                let in_run = &mut self.run[number as usize];
                if *in_run == 0 {
                    self.in_run.push((number, index));
                }
                *in_run = in_run.saturating_add(bytes);
            }
            self.end_run(batch, shared);
        }
    }

    /// The rows of a directory that stand beside each other have ended.
    fn end_run(&mut self, batch: &Batch, shared: &Shared) {
        let name = |index| extension(batch.row(index).last_component());
        let most = self.in_run.iter().max_by(|(one, at), (other, other_at)| {
            let bytes = self.run[*one as usize].cmp(&self.run[*other as usize]);
            bytes.then_with(|| name(*other_at).cmp(name(*at)))
        });
        if let Some((number, index)) = most {
            let (bytes, row) = (self.run[*number as usize], batch.row(*index));
            if shared.mains.admits(bytes) {
                let dir = shared.paths.hash(row.dir_path());
                shared.mains.offer(dir, name(*index), bytes);
            }
        }
        self.in_run.drain(..).for_each(|(number, _)| self.run[number as usize] = 0);
    }

    fn offer_files(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let knows = |fields| shared.fields.contains(fields);
        for (place, index) in rows.enumerate() {
            let bytes = self.sizes[place];
            if shared.files.admits(bytes) && is_file(batch.kind[index]) {
                let make = |path| LargeFile {
                    path,
                    bytes,
                    allocated_bytes: knows(Fields::BLOCKS).then(|| self.allocated[place]),
                    mtime: batch.mtime.get(index).copied().filter(|_| knows(Fields::MTIME)),
                    uid: batch.uid.get(index).copied().filter(|_| knows(Fields::OWNER)),
                };
                let path = batch.row(index).path_parts();
                shared.files.offer_at(bytes, path, &mut self.lasts.file, make);
            }
        }
    }
}

/// Names and directories.
impl Tally {
    fn look_at_names(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        for start in rows.clone().step_by(NEAR) {
            let near = start..rows.end.min(start + NEAR);
            self.read_names(batch, near.clone(), shared);
            shared.case.bring_near(&self.keys);
            for (place, index) in near.enumerate() {
                let (row, key) = (batch.row(index), self.keys[place]);
                let is_repeated = !row.is_dir_itself()
                    && match row.kind() {
                        Kind::Dir => {
                            shared.case.is_dir_repeated(shared.paths.hash(row.dir_path()), key)
                        }
                        _ => shared.case.is_repeated(key),
                    };
                if is_repeated {
                    self.count_trouble(Trouble::Case, &row, shared);
                }
            }
        }
    }

    /// What names are compared by, and what is wrong with each by itself.
    fn read_names(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        self.keys.clear();
        for (_, run) in runs(&batch.dir_indexes()[rows.clone()]) {
            let dir_path = batch.row(rows.start + run.start).dir_path();
            let (dir, is_inexact) = (shared.paths.hash(dir_path), is_inexact(dir_path));
            for row in run.map(|place| batch.row(rows.start + place)) {
                let name = row.last_component();
                let Folded { key, is_plain } = shared.case.fold(dir, name, is_inexact);
                self.keys.push(key);
                let path_len = row.dir_path().len() + row.name().len();
                if !is_plain || !is_harmless(name, path_len) {
                    self.look_at_name(&row, shared);
                }
            }
        }
    }

    #[cold]
    fn look_at_name(&mut self, row: &Row<'_>, shared: &Shared) {
        let (dir, name) = row.path_parts();
        troubles(row.last_component(), dir.len() + name.len(), |trouble| {
            self.count_trouble(trouble, row, shared);
        });
    }

    #[cold]
    fn count_trouble(&mut self, trouble: Trouble, row: &Row<'_>, shared: &Shared) {
        self.counts.names[trouble as usize] += 1;
        let last = &mut self.lasts.names[trouble as usize];
        shared.names[trouble as usize].offer_at(EXAMPLE, row.path_parts(), last, |path| path);
    }

    fn look_at_dirs(&mut self, batch: &Batch, rows: Range<usize>, shared: &Shared) {
        let knows = |fields| shared.fields.contains(fields);
        for index in rows.filter(|index| batch.kind[*index] == Kind::Dir) {
            let row = batch.row(index);
            let path: Cow<'_, [u8]> = if row.is_dir_itself() {
                row.dir_path().into()
            } else {
                [row.dir_path(), row.name(), b"/"].concat().into()
            };
            let (own_entries, own_bytes) =
                self.count_contents(batch.contents[index], &path, shared);
            let facts = DirFacts {
                path: &path,
                depth: row.depth(),
                totals: row.tree().filter(|_| knows(Fields::TREE)).copied().unwrap_or_default(),
                uid: batch.uid.get(index).copied().filter(|_| knows(Fields::OWNER)),
                own_entries,
                own_bytes,
            };
            self.look_at_dir(&Dir::new(facts, &shared.paths), &row, shared);
        }
    }

    fn look_at_dir(&mut self, dir: &Dir<'_>, row: &Row<'_>, shared: &Shared) {
        if let Some(above) = dir.above.filter(|_| row.is_dir_itself())
            && shared.case.is_dir_repeated(
                above,
                shared.case.fold(above, dir.facts.name(), is_inexact(dir.facts.path)).key,
            )
        {
            self.count_trouble(Trouble::Case, row, shared);
        }
        shared.case.close(dir.hash);
        shared.offer_tree(dir);
    }

    /// Counts a directory by its entries. Returns how many it has, and the sum of their sizes, as
    /// far as known.
    fn count_contents(
        &mut self,
        contents: Contents,
        path: &[u8],
        shared: &Shared,
    ) -> (Option<u64>, Option<u64>) {
        let Contents::Counted { n_entries, size_sum } = contents else {
            return (shared.has_entries.then_some(0), None);
        };
        let bytes = shared.fields.contains(Fields::SIZE_SUM).then(|| size(size_sum));
        if !shared.has_entries {
            return (None, bytes);
        }
        let entries = size(n_entries);
        self.counts.dir_entries[size_class(entries)] += 1;
        if entries == 0 {
            let (path, last) = ((without_slash(path), &b""[..]), &mut self.lasts.empty_dir);
            shared.empty_dirs.offer_at(EXAMPLE, path, last, |path| path);
        } else if !shared.has_condition {
            shared.offer_dir(path, entries, bytes, &mut self.lasts.dir);
        }
        (Some(entries), bytes)
    }
}

/// Reads a column of sizes; 0 for each row where there is none.
#[inline]
fn fill(into: &mut Vec<u64>, column: &[i64], rows: Range<usize>, of: impl Fn(i64) -> u64) {
    into.clear();
    match column.get(rows.clone()) {
        Some(values) => into.extend(values.iter().map(|value| of(*value))),
        None => into.resize(rows.len(), 0),
    }
}

/// Values that are equal and stand beside each other, each with its places.
#[inline]
fn runs<T: Copy + PartialEq>(column: &[T]) -> impl Iterator<Item = (T, Range<usize>)> {
    let mut end = 0;
    column.chunk_by(PartialEq::eq).map(move |run| {
        let start = end;
        end += run.len();
        (run[0], start..end)
    })
}
