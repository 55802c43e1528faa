//! What directories pass on reaches all that is below them, however the walk is cut into pieces.

use crate::harness::{Pace, cases};
use proptest::prelude::*;
use pwalk_engine::{Batch, Budget, Config, Control, Fields, Inherit, Sink, Stat, lock, walk};
use pwalk_testkit::fake::{FakeSource, FaultPlan, Options, arb_tree};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// Of a row: its path, whether it is the directory itself, its group, and what it was passed.
type Passed = (Vec<u8>, bool, u32, Option<u32>);

#[derive(Default)]
struct Rows(Mutex<Vec<Passed>>);

impl Sink for Rows {
    type Error = Infallible;

    fn fields(&self) -> Fields {
        Fields::OWNER | Fields::INODE
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Infallible> {
        let row = |row: pwalk_engine::Row<'_>| {
            (row.path(), row.is_dir_itself(), row.stat().gid, row.inherited())
        };
        lock(&self.0).extend(batch.rows().map(row));
        Ok(())
    }
}

fn own(stat: &Stat) -> Option<u32> {
    stat.gid.is_multiple_of(2).then_some(stat.gid)
}

/// The paths above one, the nearest first.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| if at == 0 { &b"/"[..] } else { &path[..at] })
}

proptest! {
    #![proptest_config(cases(60))]
    #[test]
    fn each_row_gets_the_number_of_the_nearest_directory_that_has_one(
        tree in arb_tree(),
        n_workers in 1..4usize,
        n_entries in proptest::option::of(1..20u64),
    ) {
        let (plan, options) = (FaultPlan::default(), Options::default());
        let source = FakeSource::new(&tree, &plan);
        let inherit = Some(Inherit { own: Arc::new(own), above: Some(1) });
        let budget = Budget { n_entries, time: None };
        let config = Config { inherit, budget, ..Pace::small(n_workers).config(&options) };
        let (rows, mut frontier) = (Rows::default(), options.frontier());
        while !frontier.is_empty() {
            let walked = walk(frontier, &config, &source, &rows, &Control::default());
            frontier = walked.unwrap().frontier;
        }
        let rows = rows.0.into_inner().unwrap();
        let is_dir = |row: &&Passed| row.1;
        let dirs: HashMap<_, _> = rows.iter().filter(is_dir).map(|row| (&*row.0, row.2)).collect();
        for (path, is_dir_itself, gid, inherited) in &rows {
            let stat = |gid: u32| Stat { gid, ..Stat::default() };
            let own_number = if *is_dir_itself { own(&stat(*gid)) } else { None };
            let found = above(path).filter_map(|dir| own(&stat(*dirs.get(dir)?))).next();
            let expected = own_number.or(found).unwrap_or(1);
            prop_assert_eq!(*inherited, Some(expected), "{}", String::from_utf8_lossy(path));
        }
    }
}
