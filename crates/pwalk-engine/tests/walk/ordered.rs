//! The walk in order equals a naive recursion, however many workers read ahead and whatever its
//! consumer chooses on the way.

use crate::harness::{cases, faults_at, no_faults};
use proptest::prelude::*;
use proptest::sample::select;
use pwalk_engine::{Child, Errno, Kind, Links, Order, Ordered, Rules, Step};
use pwalk_testkit::fake::{
    Call, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, NodeRef, arb_tree,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// What the consumer does with the subdirectories of a directory: a pure function of their names.
type Choose = fn(&[Vec<u8>], u64) -> Vec<usize>;

const CHOICES: [Choose; 4] = [
    |names, _| (0..names.len()).collect(),
    |names, _| (0..names.len()).rev().collect(),
    |names, salt| (0..names.len()).filter(|i| !(*i as u64 + salt).is_multiple_of(3)).collect(),
    |names, salt| {
        let mut order: Vec<_> = (0..names.len()).collect();
        order
            .sort_by_key(|&i| names[i].iter().map(|&b| u64::from(b) * (salt | 1)).sum::<u64>() % 7);
        order
    },
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Visit {
    path: Vec<u8>,
    dirs: Vec<Vec<u8>>,
    others: Vec<Vec<u8>>,
}

fn naive(tree: &FakeTree, order: Order, choose: Choose) -> Vec<Visit> {
    let mut visits = Vec::new();
    let root = NodeRef::Stored(tree.at("/r"));
    visit(tree, root, b"/r".to_vec(), order, choose, &mut visits);
    visits
}

fn visit(
    tree: &FakeTree,
    node: NodeRef,
    path: Vec<u8>,
    order: Order,
    choose: Choose,
    visits: &mut Vec<Visit>,
) {
    let entries = (0..).map_while(|place| tree.entry(node, place));
    let (mut dirs, mut others, mut children) = (Vec::new(), Vec::new(), Vec::new());
    for (child, name) in entries {
        let behind = tree.resolve(node, &name, Links::Follow);
        if behind.is_ok_and(|behind| tree.inode(behind).kind() == Kind::Dir) {
            dirs.push(name.to_vec());
            children.push(child);
        } else {
            others.push(name.to_vec());
        }
    }
    let chosen = match order {
        Order::TopDown => choose(&dirs, path.len() as u64),
        Order::BottomUp => (0..dirs.len()).collect(),
    };
    let this = Visit { path: path.clone(), dirs: dirs.clone(), others };
    if order == Order::TopDown {
        visits.push(this.clone());
    }
    for index in chosen {
        if tree.inode(children[index]).kind() == Kind::Dir {
            let below = [&path, &b"/"[..], &dirs[index]].concat();
            visit(tree, children[index], below, order, choose, visits);
        }
    }
    if order == Order::BottomUp {
        visits.push(this);
    }
}

fn start(
    tree: &FakeTree,
    plan: FaultPlan,
    order: Order,
    n_workers: usize,
) -> Ordered<FakeSource<'static>> {
    // The workers outlive no test, but the compiler can't know.
    let tree: &'static FakeTree = Box::leak(Box::new(tree.clone()));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(plan))));
    let rules = Rules { walks_snapshots: true, ..Rules::default() };
    Ordered::new(b"/r".to_vec(), order, rules, source, move || n_workers)
}

fn visit_of(path: Vec<u8>, folder: &pwalk_engine::Folder) -> Visit {
    let others = (0..folder.others.len()).map(|i| folder.others.get(i).name.to_bytes().to_vec());
    Visit {
        path,
        dirs: folder.dirs.names().map(<[u8]>::to_vec).collect(),
        others: others.collect(),
    }
}

/// Runs a walk to its end. Errors are visits without entries.
fn run(mut walk: Ordered<FakeSource<'static>>, order: Order, choose: Choose) -> Vec<Visit> {
    let mut visits = Vec::new();
    loop {
        let step = match walk.try_next() {
            Some(step) => step,
            None => walk.next_step(&mut || false).expect("nobody stops it"),
        };
        match step {
            Step::End => return visits,
            Step::Failed { path, errno } => {
                let others = vec![errno.to_string().into_bytes()];
                visits.push(Visit { path, dirs: Vec::new(), others });
            }
            Step::Directory { path, folder } => {
                let visit = visit_of(path, &folder);
                let chosen = choose(&visit.dirs, visit.path.len() as u64);
                let is_changed = !chosen.iter().copied().eq(0..visit.dirs.len());
                if order == Order::TopDown && is_changed {
                    walk.choose(chosen.into_iter().map(Child::Found).collect());
                }
                visits.push(visit);
            }
        }
    }
}

/// Slow enough that workers start, and are busy when the consumer comes.
fn slow() -> FaultPlan {
    FaultPlan { delays: Some(1), ..FaultPlan::default() }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_walk_in_order_equals_a_recursion(
        tree in arb_tree(),
        n_workers in select(vec![0, 1, 2, 8]),
        is_top_down in any::<bool>(),
        choice in 0..CHOICES.len(),
        is_slow in any::<bool>(),
    ) {
        let order = if is_top_down { Order::TopDown } else { Order::BottomUp };
        let plan = if is_slow { slow() } else { no_faults() };
        let visits = run(start(&tree, plan, order, n_workers), order, CHOICES[choice]);
        prop_assert_eq!(visits, naive(&tree, order, CHOICES[choice]));
    }
}

/// Three levels of directories: enough for workers.
fn bushy() -> FakeTree {
    let mut tree = FakeTree::default();
    for number in 0..400 {
        tree.add(format!("/r/a{}/b{}/c{number}/f", number % 7, number % 31), Kind::File);
    }
    tree
}

#[test]
fn many_workers_keep_the_order_of_a_bushy_tree_whatever_is_chosen() {
    let tree = bushy();
    for n_workers in [0, 1, 2, 8] {
        for choose in CHOICES {
            for order in [Order::TopDown, Order::BottomUp] {
                let visits = run(start(&tree, slow(), order, n_workers), order, choose);
                assert_eq!(visits.len(), naive(&tree, order, choose).len());
                assert!(visits == naive(&tree, order, choose), "{n_workers} workers, {order:?}");
            }
        }
    }
}

#[test]
fn a_directory_that_is_chosen_twice_is_walked_twice_and_other_paths_too() {
    let tree = FakeTree::of(&["r/a/x/f", "r/b/", "q/g"]);
    let mut walk = start(&tree, no_faults(), Order::TopDown, 2);
    let mut paths = Vec::new();
    while let Some(step) = walk.next_step(&mut || false) {
        let Step::Directory { path, .. } = step else { break };
        if path == b"/r" {
            let other = Child::Other(b"/q".to_vec());
            walk.choose(vec![Child::Found(0), other, Child::Found(0)]);
        }
        paths.push(String::from_utf8(path).expect("it is ASCII"));
    }
    assert_eq!(paths, ["/r", "/r/a", "/r/a/x", "/q", "/r/a", "/r/a/x"]);
}

#[test]
fn t20_a_directory_that_can_not_be_read_is_told_in_its_place() {
    let tree = bushy();
    let open = Some(Fail::always(Errno::ACCESS));
    for n_workers in [0, 2, 8] {
        let plan = faults_at(&tree, "r/a3", NodeFaults { open, ..NodeFaults::default() });
        let visits = run(start(&tree, plan, Order::TopDown, n_workers), Order::TopDown, CHOICES[0]);
        let place = visits.iter().position(|visit| visit.path == b"/r/a3").expect("it is told");
        let expected = naive(&tree, Order::TopDown, CHOICES[0]);
        assert!(visits[place].dirs.is_empty() && visits[place].others.len() == 1);
        assert_eq!(visits[..place], expected[..place]);
        let rest = expected.iter().filter(|visit| !visit.path.starts_with(b"/r/a3"));
        assert!(rest.eq(visits.iter().filter(|visit| !visit.path.starts_with(b"/r/a3"))));
    }
}

#[test]
fn t33_a_walk_that_is_stopped_inside_an_enormous_directory_goes_on_there() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 2_000_000, Kind::File);
    let mut walk = start(&tree, no_faults(), Order::TopDown, 2);
    assert!(walk.try_next().is_none());
    assert!(walk.next_step(&mut || true).is_none());
    let Some(Step::Directory { folder, .. }) = walk.next_step(&mut || false) else {
        panic!("the directory comes")
    };
    assert_eq!(folder.others.len(), 2_000_000);
    assert!(matches!(walk.try_next(), Some(Step::End)));
}

#[test]
fn t31_a_panic_of_the_source_reaches_the_consumer_where_it_belongs() {
    let tree = bushy();
    let open_panics = Some(Duration::ZERO);
    let plan = faults_at(&tree, "r/a3", NodeFaults { open_panics, ..NodeFaults::default() });
    let mut walk = start(&tree, plan, Order::TopDown, 8);
    let mut n_steps = 0;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        while !matches!(walk.next_step(&mut || false), Some(Step::End)) {
            n_steps += 1;
        }
    }));
    let message = panic.expect_err("the source panics");
    let expected = naive(&tree, Order::TopDown, CHOICES[0]);
    assert_eq!(message.downcast_ref::<String>().map(String::as_str), Some("opening /r/a3 panics"));
    assert_eq!(expected[n_steps].path, b"/r/a3");
}

#[test]
fn a_walk_that_is_dropped_leaves_no_directory_open() {
    let tree: &'static FakeTree = Box::leak(Box::new(bushy()));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(slow()))));
    for n_steps in [0, 1, 20, 100] {
        let (order, rules) = (Order::TopDown, Rules::default());
        let mut walk = Ordered::new(b"/r".to_vec(), order, rules, source.clone(), || 8);
        (0..n_steps).for_each(|_| drop(walk.next_step(&mut || false)));
        drop(walk);
        assert_eq!(source.n_handles(), 0, "after {n_steps} steps");
    }
}

/// Snapshot directories are no entries, unless they are walked.
#[test]
fn t30_snapshots_are_left_out() {
    let tree: &'static FakeTree = Box::leak(Box::new(FakeTree::of(&["r/.snapshot/f", "r/a/"])));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(no_faults()))));
    let (order, rules) = (Order::TopDown, Rules::default());
    let mut walk = Ordered::new(b"/r".to_vec(), order, rules, source.clone(), || 2);
    let Some(Step::Directory { folder, .. }) = walk.next_step(&mut || false) else {
        panic!("the root comes")
    };
    assert_eq!(folder.dirs.names().collect::<Vec<_>>(), [b"a"]);
    assert_eq!(source.n_calls_for(tree.at("r/.snapshot"), Call::Open), 0);
}
