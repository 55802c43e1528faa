//! A parallel walk equals the naive model, whatever the tree, the faults and the workers.

use crate::harness::{
    MEASURED, N_WORKERS, Pace, cases, check, no_faults, small_tree, without_transients,
};
use proptest::prelude::*;
use proptest::sample::select;
use pwalk_engine::{Batch, Control, Fields, Kind, Links, Sink, walk};
use pwalk_testkit::fake::{
    FakeSource, FakeTree, FaultPlan, Options, arb_expression, arb_fault_plan, arb_options, arb_tree,
};
use std::sync::Mutex;

fn arb_pace() -> impl Strategy<Value = Pace> {
    let n_workers = select(vec![1, 1, 2, 2, 8, 64]);
    (n_workers, 1..6_usize, 1..9_usize).prop_map(|(n_workers, slice_len, batch_len)| Pace {
        n_workers,
        slice_len,
        batch_len,
    })
}

fn arb_faulty_tree() -> impl Strategy<Value = (FakeTree, FaultPlan)> {
    arb_tree().prop_flat_map(|tree| {
        let plan = arb_fault_plan(&tree);
        (Just(tree), plan)
    })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn parallel_equals_naive_whatever_fails(
        (tree, plan) in arb_faulty_tree(),
        options in arb_options(),
        pace in arb_pace(),
    ) {
        check(&tree, &plan, &options, pace);
    }

    #[test]
    fn parallel_equals_naive_without_faults(
        tree in arb_tree(),
        options in arb_options(),
        pace in arb_pace(),
    ) {
        check(&tree, &FaultPlan::default(), &options, pace);
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn rows_that_a_condition_keeps_are_those_of_the_naive_model(
        (tree, plan) in arb_faulty_tree(),
        options in arb_options(),
        condition in arb_expression(),
        pace in arb_pace(),
    ) {
        let options = Options { condition: Some(condition), ..options };
        check(&tree, &plan, &options, pace);
    }

    /// Trees stay small by a maximum depth: two links to one directory double it, level by
    /// level.
    #[test]
    fn parallel_equals_naive_where_links_are_followed(
        (tree, plan) in arb_faulty_tree(),
        options in arb_options(),
        max_depth in 0..5_u32,
        pace in arb_pace(),
    ) {
        let fields = options.fields.difference(Fields::BLOCKS);
        let options =
            Options { links: Links::Follow, max_depth: Some(max_depth), fields, ..options };
        check(&tree, &without_transients(plan), &options, pace);
    }
}

/// Keeps columns as they are, as a sink for Arrow does.
#[derive(Default)]
struct Taking {
    kinds: Mutex<Vec<Kind>>,
    inodes: Mutex<Vec<u64>>,
    sizes: Mutex<Vec<i64>>,
}

impl Sink for Taking {
    type Error = ();

    fn fields(&self) -> Fields {
        Fields::REPORT
    }

    fn put(&self, batch: &mut Batch) -> Result<(), ()> {
        append(&self.kinds, std::mem::take(&mut batch.kind));
        append(&self.inodes, std::mem::take(&mut batch.inode));
        append(&self.sizes, std::mem::take(&mut batch.size));
        Ok(())
    }
}

fn append<T>(to: &Mutex<Vec<T>>, mut column: Vec<T>) {
    to.lock().expect("no other worker has panicked").append(&mut column);
}

#[test]
fn a_sink_may_take_columns_out_of_a_batch() {
    let mut tree = FakeTree::of(&["r/a/f", "r/b/"]);
    tree.generate(tree.at("r/b"), 1000, Kind::Fifo);
    let (plan, options) = (no_faults(), Options::default());
    for n_workers in N_WORKERS {
        let (source, sink) = (FakeSource::new(&tree, &plan), Taking::default());
        let config = Pace::small(n_workers).config(&options);
        let outcome = walk(options.frontier(), &config, &source, &sink, &Control::default());
        let totals = outcome.expect("this sink never fails").totals;
        let mut inodes = sink.inodes.into_inner().unwrap();
        inodes.sort_unstable();
        inodes.dedup();
        let n_rows = [sink.kinds.into_inner().unwrap().len(), inodes.len()];
        assert_eq!((n_rows, totals.n_entries.sum()), ([1004; 2], 1004));
        let size: i64 = sink.sizes.into_inner().unwrap().iter().sum();
        assert_eq!(i128::from(size), totals.apparent_bytes);
    }
}

#[test]
fn filesystems_that_are_not_met_get_no_workers() {
    let run = check(&small_tree(), &no_faults(), &Options::default(), Pace::usual(MEASURED));
    assert_eq!((run.outcome.n_workers, run.outcome.n_workers_refused), (MEASURED, 0));
}
