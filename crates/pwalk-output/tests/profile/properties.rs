//! A profile equals the naive one, whatever the tree, the faults, the workers and the batches.

use crate::lists::assert_as_naive;
use crate::naive::Naive;
use proptest::prelude::*;
use proptest::sample::select;
use pwalk_engine::{Config, Control, Filesystems, Tuning, walk};
use pwalk_output::profile::{About, LargeFile, Profile, Profiler, Source, SourceKind};
use pwalk_output::{Preamble, Summary};
use pwalk_testkit::fake::{
    Expression, FakeSource, FakeTree, FaultPlan, Options, Quantity, arb_fault_plan, arb_options,
    arb_tree, model,
};
use std::time::Duration;

/// What ages are relative to.
pub(crate) const AS_OF: i64 = 1_795_183_200;
const DAY: i64 = 86_400;

pub(crate) fn about(top: usize) -> About {
    about_where(top, None)
}

fn about_where(top: usize, condition: Option<String>) -> About {
    let source = Source { roots: Vec::new(), kind: SourceKind::Tree, scan: None, condition };
    About { source, started: AS_OF, ages_as_of: AS_OF, top, has_depths: true, has_entries: true }
}

/// Profiles a fake tree.
pub(crate) fn profile(
    tree: &FakeTree,
    plan: &FaultPlan,
    options: &Options,
    (n_workers, slice_len, batch_len): (usize, usize, usize),
    top: usize,
) -> Profile {
    let tuning = Tuning { slice_len, batch_len, ..Tuning::LOCAL };
    let filesystems = Filesystems::new(tuning);
    let config = Config { n_workers, workers_max: n_workers, filesystems, ..options.config() };
    let (source, control) = (FakeSource::new(tree, plan), Control::default());
    let about = about_where(top, options.condition.as_ref().map(Expression::text));
    let profiler = Profiler::new(options.fields, about, n_workers.min(3));
    let outcome = walk(options.frontier(), &config, &source, &profiler, &control).unwrap();
    let summary = Summary::new(&Preamble::default(), Duration::ZERO, &outcome, 0);
    profiler.finish(&summary)
}

/// Sizes, times and owners of every class.
fn spread(tree: &mut FakeTree, seed: u64) {
    let days = [0, 0, -3, 1, 6, 20, 60, 100, 200, 400, 800, 900, 1200, 2000, 9000];
    let mut state = seed | 1;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    for id in 0..tree.len() {
        let size = match next(4) {
            0 => 0,
            1 => next(5000) as i64,
            _ => 1_i64 << next(48),
        };
        let (mtime, atime) = (days[next(days.len())], days[next(days.len())]);
        let stat = tree.stat_mut(id);
        stat.size = size;
        (stat.mtime, stat.atime) = (AS_OF - mtime * DAY, AS_OF - atime * DAY);
    }
}

fn arb_case() -> impl Strategy<Value = (FakeTree, FaultPlan)> {
    (arb_tree(), any::<u64>()).prop_flat_map(|(mut tree, seed)| {
        spread(&mut tree, seed);
        for name in ["N1", "A", "a*2", "C.TMP", "\u{c9}", "\u{e9}", "tail "] {
            let dir = tree.add_dir("/r/case");
            if !tree.has(dir, name.as_bytes()) {
                tree.add_in(dir, name.as_bytes(), pwalk_engine::Kind::File);
            }
        }
        let plan = arb_fault_plan(&tree);
        (Just(tree), plan)
    })
}

/// Without what is an estimate, and which of two names that are equal but for case is the example.
fn reproducible(mut profile: Profile) -> Profile {
    profile.names.last_mut().unwrap().examples.clear();
    profile.tree.iter_mut().for_each(|row| row.extension = None);
    profile
}

/// All files in their order, as far as there is room for them.
fn largest_files(profile: &Profile, top: usize) -> Vec<LargeFile> {
    let mut files = profile.largest_files.clone();
    files.sort_by(|one, other| (other.bytes, &one.path).cmp(&(one.bytes, &other.path)));
    files.truncate(top);
    files
}

fn arb_pace() -> impl Strategy<Value = (usize, usize, usize)> {
    (select(vec![1, 1, 2, 2, 8]), 1..6_usize, 1..9_usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_profile_equals_the_naive_one(
        (tree, plan) in arb_case(),
        options in arb_options(),
        pace in arb_pace(),
    ) {
        let options = Options { fields: Profiler::FIELDS, ..options };
        let modelled = model(&tree, &plan, &options);
        let profile = profile(&tree, &plan, &options, pace, 1000);
        prop_assert_eq!(profile.errors.count, modelled.errors.len() as u64);
        prop_assert_eq!(profile.complete, Some(modelled.errors.is_empty()));
        let once = u64::try_from(modelled.allocated_bytes).unwrap();
        prop_assert_eq!(profile.totals.allocated_bytes, Some(once));
        let has_condition = options.condition.is_some();
        let naive = Naive { rows: modelled.rows, as_of: AS_OF, has_condition };
        let every_link: u64 = profile.totals.by_kind.iter().map(|row| row.allocated_bytes.unwrap()).sum();
        prop_assert_eq!(profile.totals.shared_bytes, Some(every_link - once));
        assert_as_naive(&profile, &naive);
    }

    #[test]
    fn of_equal_ones_those_are_listed_whose_paths_come_first(
        (mut tree, plan) in arb_case(),
        options in arb_options(),
        paces in (arb_pace(), arb_pace()),
        top in 1..5_usize,
    ) {
        for id in 0..tree.len() {
            tree.stat_mut(id).size %= 3;
        }
        let options = Options { fields: Profiler::FIELDS, ..options };
        let (one, other) =
            (profile(&tree, &plan, &options, paces.0, top), profile(&tree, &plan, &options, paces.1, top));
        prop_assert_eq!(reproducible(one.clone()), reproducible(other));
        let all = profile(&tree, &plan, &options, paces.1, 1000);
        let largest = largest_files(&all, top);
        prop_assert_eq!(one.largest_files, largest);
        prop_assert!(all.largest_trees.starts_with(&one.largest_trees));
        prop_assert!(all.oldest_trees.starts_with(&one.oldest_trees));
        prop_assert!(all.empty.dir_examples.is_sorted());
        prop_assert!(all.empty.dir_examples.starts_with(&one.empty.dir_examples));
    }

    /// Errors are counted in the same directories, too.
    #[test]
    fn a_condition_that_all_entries_fulfil_changes_no_totals(
        (tree, plan) in arb_case(),
        options in arb_options(),
        pace in arb_pace(),
    ) {
        let trees = |condition| {
            let options = Options { fields: Profiler::FIELDS, condition, ..options.clone() };
            let mut trees = profile(&tree, &plan, &options, pace, 1000).largest_trees;
            trees.sort_by(|a, b| a.path.cmp(&b.path));
            trees
        };
        prop_assert_eq!(trees(Some(Expression::Number(Quantity::Depth, ">=", 0))), trees(None));
    }
}
