//! The sink that counts, and what it makes of the counts in the end.

use super::counts::Counts;
use super::dir::{Dir, DirFacts};
use super::dir_table::DirTable;
use super::lists::Lists;
use super::shared::Shared;
use super::tally::Tally;
use super::top::{Last, Top};
use super::{Empty, NamesRow, PROFILE_VERSION, Profile, Source, Text, Trouble};
use crate::pool::Pool;
use crate::summary::Summary;
use crate::utc::utc;
use pwalk_engine::{Batch, Fields, Sink, lock};
use std::convert::Infallible;
use std::sync::PoisonError;

/// Counts the batches of a walk, or of a saved scan.
///
/// As many threads as there are tallies count at once; others wait for one of these.
pub struct Profiler {
    /// What is known of each entry.
    fields: Fields,
    about: About,
    tallies: Pool<Tally>,
    shared: Shared,
    /// Adds up the totals of directories where rows don't have them.
    dirs: Option<DirTable>,
}

/// What a profile says that no row does.
#[derive(Clone, Debug)]
pub struct About {
    /// What it is of.
    pub source: Source,
    /// When it was begun, seconds since the epoch.
    pub started: i64,
    /// What ages are relative to, seconds since the epoch.
    pub ages_as_of: i64,
    /// Items of each list at the most, 1 or more.
    pub top: usize,
    /// True if the depth of each entry is known.
    pub has_depths: bool,
    /// True if the number of entries of each directory is known.
    pub has_entries: bool,
}

impl Profiler {
    /// What it needs of each entry to know all there is to know.
    pub const FIELDS: Fields = Fields::OWNER
        .union(Fields::SIZE)
        .union(Fields::BLOCKS)
        .union(Fields::LINKS)
        .union(Fields::ATIME)
        .union(Fields::MTIME)
        .union(Fields::SIZE_SUM)
        .union(Fields::KIND)
        .union(Fields::TREE);

    /// A profiler of entries of which these fields are known, for `n_tallies` threads.
    ///
    /// With a condition it takes no totals from rows: a directory that the condition leaves out has
    /// none, and a saved scan has those of all entries.
    pub fn new(fields: Fields, about: About, n_tallies: usize) -> Profiler {
        let has_condition = about.source.condition.is_some();
        let fields = if has_condition { fields.difference(Fields::TREE) } else { fields };
        let has_totals = fields.contains(Fields::TREE);
        let adds_up = !has_totals && fields.contains(Fields::SIZE) && about.has_depths;
        Profiler {
            fields,
            tallies: Pool::new((0..n_tallies).map(|_| Tally::default()).collect()),
            shared: Shared::new(&about, fields),
            dirs: adds_up.then(DirTable::new),
            about,
        }
    }

    /// What was counted, with what the summary of the input knows.
    pub fn finish(self, summary: &Summary) -> Profile {
        let Profiler { fields, about, tallies, shared, dirs } = self;
        let mut last = Last::default();
        let offer = |dir: DirFacts<'_>| {
            if let (true, Some(entries)) = (shared.has_condition, dir.own_entries) {
                shared.offer_dir(dir.path, entries, dir.own_bytes, &mut last);
            }
            shared.offer_tree(&Dir::new(dir, &shared.paths));
        };
        let trees_are_estimates = dirs.is_some_and(|dirs| dirs.finish(fields, offer));
        for mut tally in tallies.into_values() {
            tally.hand_over(&mut lock(&shared.keyed));
        }
        let Shared {
            n_paths,
            keyed,
            files,
            dirs,
            trees,
            old,
            mains,
            empty_dirs,
            names,
            unseen,
            ..
        } = shared;
        let keyed = keyed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unseen = unseen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lists = Lists { fields, top: about.top, keyed: &keyed };
        let (tree, largest_trees) = trees.finish(n_paths, &mains);
        let owners = lists.owners();
        Profile {
            version: PROFILE_VERSION,
            pwalk: env!("CARGO_PKG_VERSION").to_owned(),
            source: about.source,
            started: utc(about.started),
            seconds: summary.seconds,
            complete: summary.complete,
            ages_as_of: utc(about.ages_as_of),
            top: about.top,
            totals: lists.totals(summary),
            extensions: lists.extensions(),
            owner_ages: lists.owner_ages(&owners),
            owner_sizes: lists.owner_sizes(&owners),
            owners,
            groups: lists.groups(),
            depths: if about.has_depths { lists.depths() } else { Vec::new() },
            sizes: lists.sizes(),
            mtime_ages: lists.ages(Fields::MTIME, keyed.mtime_ages()),
            atime_ages: lists.ages(Fields::ATIME, &keyed.counts.atime_ages),
            dir_entries: lists.dir_entries(),
            largest_files: files.into_sorted(),
            largest_trees,
            largest_dirs: dirs.into_sorted(),
            oldest_trees: old.finish(),
            empty: Empty {
                dirs: about.has_entries.then_some(keyed.counts.dir_entries[0]),
                files: lists.bytes(keyed.counts.n_empty_files),
                dir_examples: empty_dirs.into_sorted(),
            },
            waste: lists.waste(),
            names: named(&keyed.counts, names),
            errors: unseen.finish(&summary.errors),
            skipped: summary.knows("skipped").then(|| summary.skipped.clone()),
            trees_are_estimates,
            tree,
        }
    }
}

impl Sink for Profiler {
    type Error = Infallible;

    fn fields(&self) -> Fields {
        self.fields
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Infallible> {
        self.dirs.iter().for_each(|dirs| dirs.add(batch));
        self.tallies.with(|tally| tally.add(batch, &self.shared));
        if !batch.errors.is_empty() {
            lock(&self.shared.unseen).add(&batch.errors, self.shared.n_examples);
        }
        Ok(())
    }
}

fn named(counts: &Counts, examples: [Top<Text>; Trouble::ALL.len()]) -> Vec<NamesRow> {
    let row = |(trouble, examples): (Trouble, Top<Text>)| NamesRow {
        trouble,
        entries: counts.names[trouble as usize],
        examples: examples.into_sorted(),
    };
    Trouble::ALL.into_iter().zip(examples).map(row).collect()
}
