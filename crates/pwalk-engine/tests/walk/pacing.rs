//! At most so many requests a second, whatever they ask.

use crate::harness::{faults_at, no_faults};
use pwalk_engine::{Config, Control, Errno, Fields, FileId, Kind, Links, walk};
use pwalk_testkit::fake::{
    Call, CollectingSink, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Options, ReadFault,
};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Requests a second.
const OPS: u64 = 1000;

/// Requests that may come at once: the first, and what is made up for.
const AT_ONCE: u64 = 12;

/// Walks, and looks that no requests came faster than they may; `most` of them were this call.
#[track_caller]
fn check(tree: &FakeTree, plan: &FaultPlan, options: &Options, most: Call) {
    let source = FakeSource::new(tree, plan);
    let sink = CollectingSink::new(options.fields);
    let config = Config { ops_max: Some(OPS), ..options.config() };
    let started = Instant::now();
    walk(options.frontier(), &config, &source, &sink, &Control::default())
        .expect("this sink never fails");
    let elapsed = started.elapsed();
    let n_calls: u64 = Call::ALL.iter().map(|&call| source.n_calls(call)).sum();
    assert!(source.n_calls(most) > n_calls / 3 && n_calls > 50, "{most:?} is not tried");
    let least = Duration::from_secs(n_calls - AT_ONCE) / OPS as u32;
    assert!(elapsed >= least, "{n_calls} requests, most of them {most:?}, in {elapsed:?}");
}

fn hundred(path: impl Fn(u32) -> String) -> FakeTree {
    FakeTree::of(&(0..100).map(path).collect::<Vec<_>>())
}

#[test]
fn inodes_are_paced() {
    check(&hundred(|n| format!("r/{n}")), &no_faults(), &Options::default(), Call::Stat);
}

#[test]
fn the_sizes_of_excluded_entries_are_paced() {
    let options = Options { excludes: vec!["*.x".into()], ..Options::default() };
    check(&hundred(|n| format!("r/{n}.x")), &no_faults(), &options, Call::Stat);
}

#[test]
fn targets_of_links_are_paced() {
    let options = Options { fields: Fields::TARGET, ..Options::default() };
    check(&hundred(|n| format!("r/{n} -> t")), &no_faults(), &options, Call::ReadLink);
}

#[test]
fn what_is_asked_again_is_paced() {
    let options = Options { links: Links::Follow, ..Options::default() };
    check(&hundred(|n| format!("r/{n} -> nothing")), &no_faults(), &options, Call::Stat);
    check(&hundred(|n| format!("r/{n} -> ../r")), &no_faults(), &options, Call::Stat);
    let tree = hundred(|n| format!("r/{n}"));
    let mut plan = no_faults();
    for n in 0..100 {
        plan.node(tree.at(&format!("r/{n}"))).stat = Some(Fail::times(Errno::STALE, 1));
    }
    check(&tree, &plan, &Options::default(), Call::Stat);
}

#[test]
fn a_look_for_files_that_the_walk_writes_is_paced() {
    let mut tree = FakeTree::of(&["r/f"]);
    let (dir, file) = (tree.at("r"), tree.at("r/f"));
    for n in 0..100 {
        tree.add_hard_link(dir, format!("l{n}").as_bytes(), file);
    }
    let own = FileId { dev: 77, ino: tree.stat(file).ino };
    let fields = Fields::empty();
    let options = Options { fields, own_files: vec![own], ..Options::default() };
    check(&tree, &no_faults(), &options, Call::Stat);
}

#[test]
fn reads_that_are_tried_again_are_paced() {
    let tree = hundred(|n| format!("r/{n}/"));
    let (mut once, mut deleted) = (no_faults(), no_faults());
    for n in 0..100 {
        let dir = tree.at(&format!("r/{n}"));
        let fail = Fail::times(Errno::STALE, 2);
        once.node(dir).read = Some(ReadFault { after: 0, fail });
        let fail = Fail::always(Errno::NOENT);
        *deleted.node(dir) = NodeFaults {
            read: Some(ReadFault { after: 0, fail }),
            is_deleted: true,
            ..NodeFaults::default()
        };
    }
    check(&tree, &once, &Options::default(), Call::Read);
    check(&tree, &deleted, &Options::default(), Call::Read);
    let tree = FakeTree::of(&["r/f"]);
    let endless =
        NodeFaults { endless: Some(pwalk_testkit::fake::Endless::Empty), ..NodeFaults::default() };
    check(&tree, &faults_at(&tree, "r", endless), &Options::default(), Call::Read);
}

#[test]
fn roots_are_paced() {
    let mut tree = FakeTree::of(&["r/f"]);
    let roots = (0..100).map(|n| format!("/r/{n}").into_bytes()).collect::<Vec<_>>();
    roots.iter().for_each(|root| {
        tree.add(root, Kind::File);
    });
    check(&tree, &no_faults(), &Options { roots, ..Options::default() }, Call::StatPath);
}

#[test]
fn a_cancel_makes_no_request_of_those_that_wait_for_their_turn() {
    let tree = hundred(|n| format!("r/{n}/f"));
    let (plan, control) = (no_faults(), Control::default());
    let n_calls = AtomicU64::new(0);
    let source = FakeSource::new(&tree, &plan).on_call(|_, _| {
        if n_calls.fetch_add(1, Relaxed) == 9 {
            // Until all workers wait.
            std::thread::sleep(Duration::from_millis(100));
            control.cancel();
        }
    });
    let options = Options { fields: Fields::empty(), ..Options::default() };
    let config = Config { ops_max: Some(100), n_workers: 32, workers_max: 32, ..options.config() };
    let sink = CollectingSink::new(options.fields);
    let outcome = walk(options.frontier(), &config, &source, &sink, &control).unwrap();
    let n_others = n_calls.load(Relaxed) - 10;
    // Those that had their turn meanwhile.
    assert!(n_others <= 12, "{n_others} after the cancel");
    assert!(outcome.totals.errors.is_empty(), "{:?}", outcome.totals.errors);
}
