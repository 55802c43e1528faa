//! The walk in order equals a naive recursion, however many workers read ahead and whatever its
//! consumer chooses on the way.

mod gate;
mod naive;
mod slow;

use crate::harness::{cases, faults_at, no_faults, without_transients};
use gate::{Gate, LONG};
use naive::{Consumer, Task, Visit, naive};
use proptest::prelude::*;
use proptest::sample::select;
use pwalk_engine::{
    Child, Control, Errno, Kind, Links, Order, Ordered, Placement, Rules, Source, Step, Workers,
};
use pwalk_testkit::fake::{
    Call, Endless, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Shortage, arb_fault_plan,
    arb_tree,
};
use slow::Slow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Runs a walk until its consumer has seen enough.
fn run(mut walk: Ordered<impl Source + Send + 'static>, task: Task) -> Vec<Visit> {
    let mut visits = Vec::new();
    while visits.len() < task.n_visits_max {
        let step = match walk.try_next() {
            Some(step) => step,
            None => walk.next_step(&mut || false).expect("nobody stops it"),
        };
        if matches!(step, Step::End) {
            break;
        }
        let visit = visit_of_step(step);
        if task.order == Order::TopDown
            && visit.others.is_ok()
            && let Some(chosen) = task.consumer.choose(&visit.path, &visit.dirs)
        {
            walk.choose(chosen);
        }
        visits.push(visit);
    }
    visits
}

#[track_caller]
fn visit_of_step(step: Step) -> Visit {
    match step {
        Step::Failed { path, errno } => Visit { path, dirs: Vec::new(), others: Err(errno) },
        Step::Directory { path, listing } => {
            let others = (0..listing.others.len()).map(|index| listing.others.name(index).to_vec());
            let dirs = listing.dirs.names().map(<[u8]>::to_vec).collect();
            Visit { path, dirs, others: Ok(others.collect()) }
        }
        Step::End => panic!("there is more"),
    }
}

/// A walk whose workers outlive no test, which the compiler can't know.
fn start(
    tree: &FakeTree,
    plan: FaultPlan,
    task: Task,
    n_workers: usize,
) -> Ordered<FakeSource<'static>> {
    start_over(fake(tree, plan), task, n_workers)
}

fn fake(tree: &FakeTree, plan: FaultPlan) -> Arc<FakeSource<'static>> {
    let tree: &'static FakeTree = Box::leak(Box::new(tree.clone()));
    Arc::new(FakeSource::new(tree, Box::leak(Box::new(plan))))
}

fn start_over<S: Source + Send + 'static>(
    source: Arc<S>,
    task: Task,
    n_workers: usize,
) -> Ordered<S> {
    let workers = workers(n_workers, source.clone());
    start_with(workers, task, source)
}

/// A walk whose number of workers is measured.
fn start_measured<S: Source + Send + 'static>(
    source: Arc<S>,
    task: Task,
    n_workers: usize,
) -> Ordered<S> {
    let workers = Workers { n_workers_max: 512, ..workers(n_workers, source.clone()) };
    start_with(workers, task, source)
}

fn start_with<S: Source + Send + 'static>(
    workers: Workers<S>,
    task: Task,
    source: Arc<S>,
) -> Ordered<S> {
    let Task { order, links, links_are_files, walks_snapshots, .. } = task;
    let rules = Rules { links, links_are_files, walks_snapshots, ..Rules::default() };
    Ordered::new(b"/r".to_vec(), order, rules, source, Arc::default(), move || workers)
}

/// So many workers, whatever is measured.
fn workers<S>(n_workers: usize, source: Arc<S>) -> Workers<S> {
    let (buffer_len, placement) = (0, Placement::default());
    Workers {
        n_workers,
        n_workers_max: n_workers,
        n_millicores: 2000,
        source,
        buffer_len,
        placement,
    }
}

/// A consumer that takes all, top down.
fn plain() -> Task {
    Task {
        order: Order::TopDown,
        links: Links::Keep,
        links_are_files: false,
        walks_snapshots: true,
        consumer: Consumer::Takes,
        n_visits_max: usize::MAX,
    }
}

fn arb_task() -> impl Strategy<Value = Task> {
    let consumer = (0..4, any::<u64>()).prop_map(|(sort, salt)| match sort {
        0 => Consumer::Takes,
        1 => Consumer::Prunes(salt),
        2 => Consumer::Sorts(salt),
        _ => Consumer::Changes(salt),
    });
    let order = prop_oneof![2 => Just(Order::TopDown), 1 => Just(Order::BottomUp)];
    let links = prop_oneof![
        3 => Just((Links::Keep, false)),
        2 => Just((Links::Follow, false)),
        1 => Just((Links::Keep, true)),
    ];
    let task = (order, links, any::<bool>(), consumer);
    task.prop_map(|(order, (links, links_are_files), walks_snapshots, consumer)| Task {
        order,
        links,
        links_are_files,
        walks_snapshots,
        consumer,
        // Links that lead back up, and paths that the consumer adds, make endless walks.
        n_visits_max: 300,
    })
}

const CONSUMERS: [Consumer; 4] =
    [Consumer::Takes, Consumer::Prunes(1), Consumer::Sorts(2), Consumer::Changes(3)];

/// Slow enough that workers start, and are busy when the consumer comes.
fn slow() -> FaultPlan {
    FaultPlan { delays: Some(1), ..FaultPlan::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    /// Faults come and stay: of one that passes, a worker may have met the last.
    #[test]
    fn a_walk_in_order_equals_a_recursion(
        (tree, plan) in arb_tree().prop_flat_map(|tree| {
            let plan = prop_oneof![Just(no_faults()), Just(slow()), arb_fault_plan(&tree)];
            (Just(tree), plan)
        }),
        n_workers in select(vec![0, 1, 2, 8, 128]),
        is_measured in any::<bool>(),
        task in arb_task(),
    ) {
        let plan = without_transients(plan);
        let source = fake(&tree, plan.clone());
        let start = if is_measured { start_measured } else { start_over };
        let visits = run(start(source, task, n_workers), task);
        prop_assert_eq!(visits, naive(&tree, &plan, task));
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
    for consumer in CONSUMERS {
        for order in [Order::TopDown, Order::BottomUp] {
            let task = Task { order, consumer, ..plain() };
            let expected = naive(&tree, &no_faults(), task);
            for n_workers in [0, 1, 2, 8, 512] {
                let visits = run(start(&tree, slow(), task, n_workers), task);
                assert!(visits == expected, "{n_workers} workers, {task:?}");
            }
            for n_workers in [1, 8] {
                let visits = run(start_measured(fake(&tree, slow()), task, n_workers), task);
                assert!(visits == expected, "{n_workers} workers to begin with, {task:?}");
            }
        }
    }
}

/// Directories that workers can read all at once.
fn wide() -> FakeTree {
    let mut tree = FakeTree::default();
    (0..3000).for_each(|number| _ = tree.add(format!("/r/{number}/f"), Kind::File));
    tree
}

#[test]
fn where_requests_take_their_time_more_workers_read_ahead_than_it_began_with() {
    let slow = Slow::new(&wide(), Duration::from_millis(2));
    let visits = run(start_measured(slow.clone(), plain(), 2), plain());
    assert!(visits == naive(&wide(), &no_faults(), plain()));
    assert!(slow.n_at_once() > 16, "{}", slow.n_at_once());
    let fixed = Slow::new(&wide(), Duration::from_micros(100));
    run(start_over(fixed.clone(), plain(), 2), plain());
    // The consumer is one more.
    assert!(fixed.n_at_once() <= 3, "{}", fixed.n_at_once());
}

/// Each directory costs five: three to open it, one to read it, and one to find its end.
#[test]
fn a_walk_of_so_many_requests_a_second_takes_so_long_whoever_makes_them() {
    let tree = FakeTree::of(&["r/a/x/f", "r/a/y/g", "r/b/"]);
    for n_workers in [0, 8] {
        let source = fake(&tree, no_faults());
        let walk = start_measured(source, plain(), n_workers).with_ops_max(Some(100));
        let begun = Instant::now();
        assert_eq!(run(walk, plain()).len(), 5);
        // The first is made at once, and a moment may be made up for.
        assert!(begun.elapsed() >= Duration::from_millis(4 * 50 - 10), "{:?}", begun.elapsed());
    }
}

/// Else the second directory would come after all that those have asked for who read ahead.
#[test]
fn with_few_requests_a_second_the_next_directory_comes_before_those_that_are_read_ahead() {
    let tree = wide();
    for is_measured in [false, true] {
        let source = fake(&tree, no_faults());
        let start = if is_measured { start_measured } else { start_over };
        let mut walk = start(source.clone(), plain(), 32).with_ops_max(Some(50));
        (0..3).for_each(|_| drop(walk.next_step(&mut || false)));
        let n_opened = (0..100)
            .filter(|number| source.n_calls_for(tree.at(&format!("r/{number}")), Call::Open) > 0)
            .count();
        assert!(n_opened <= 8, "{n_opened} directories were opened for two");
    }
}

#[test]
fn who_waits_for_his_request_hears_a_cancel_a_stop_and_the_end() {
    let tree = bushy();
    for n_workers in [0, 8] {
        let begun = Instant::now();
        let source = fake(&tree, no_faults());
        let mut walk = start_measured(source.clone(), plain(), n_workers).with_ops_max(Some(10));
        assert!(matches!(walk.next_step(&mut || false), Some(Step::Directory { .. })));
        assert!(walk.next_step(&mut || true).is_none());
        drop(walk);
        let control = Arc::new(Control::default());
        let workers = workers(n_workers, source.clone());
        let (order, rules, root) = (Order::TopDown, Rules::default(), b"/r".to_vec());
        let walk = Ordered::new(root, order, rules, source, control.clone(), move || workers);
        let mut walk = walk.with_ops_max(Some(10));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while control.progress().n_dirs == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                control.cancel();
            });
            while !matches!(walk.next_step(&mut || false), Some(Step::End)) {}
        });
        assert!(begun.elapsed() < LONG);
    }
}

#[test]
fn a_directory_that_is_chosen_twice_is_walked_twice_and_other_paths_too() {
    let tree = FakeTree::of(&["r/a/x/f", "r/b/", "q/g"]);
    let mut walk = start(&tree, no_faults(), plain(), 2);
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
        let visits = run(start(&tree, plan, plain(), n_workers), plain());
        let place = visits.iter().position(|visit| visit.path == b"/r/a3").expect("it is told");
        let expected = naive(&tree, &no_faults(), plain());
        assert_eq!(visits[place].others, Err(Errno::ACCESS));
        assert_eq!(visits[..place], expected[..place]);
        let rest = expected.iter().filter(|visit| !visit.path.starts_with(b"/r/a3"));
        assert!(rest.eq(visits.iter().filter(|visit| !visit.path.starts_with(b"/r/a3"))));
    }
}

/// Names that were read before are no news, also where the consumer keeps them.
#[test]
fn t27_a_directory_that_never_ends_is_an_error_in_its_place() {
    let tree = FakeTree::of(&["r/a/f", "r/b/g", "r/b/h/"]);
    for endless in [Endless::Cycle, Endless::Empty] {
        let faults = NodeFaults { endless: Some(endless), ..NodeFaults::default() };
        let plan = faults_at(&tree, "r/b", faults);
        let visits = run(start(&tree, plan, plain(), 2), plain());
        let errors: Vec<_> = visits.iter().map(|visit| visit.others.as_ref().err()).collect();
        assert_eq!(errors, [None, None, Some(&Errno::LOOP)], "{endless:?}");
    }
}

#[test]
fn t33_a_walk_that_is_stopped_inside_an_enormous_directory_goes_on_there() {
    let mut tree = FakeTree::of(&["r/"]);
    tree.generate(tree.at("r"), 2_000_000, Kind::File);
    let mut walk = start(&tree, no_faults(), plain(), 2);
    assert!(walk.try_next().is_none());
    assert!(walk.next_step(&mut || true).is_none());
    let Some(Step::Directory { listing, .. }) = walk.next_step(&mut || false) else {
        panic!("the directory comes")
    };
    assert_eq!(listing.others.len(), 2_000_000);
    assert!(matches!(walk.try_next(), Some(Step::End)));
}

#[test]
fn t31_a_panic_of_the_source_reaches_the_consumer_where_it_belongs() {
    let tree = bushy();
    let open_panics = Some(Duration::ZERO);
    let plan = faults_at(&tree, "r/a3", NodeFaults { open_panics, ..NodeFaults::default() });
    let mut walk = start(&tree, plan, plain(), 8);
    let mut n_steps = 0;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        while !matches!(walk.next_step(&mut || false), Some(Step::End)) {
            n_steps += 1;
        }
    }));
    let message = panic.expect_err("the source panics");
    let expected = naive(&tree, &no_faults(), plain());
    assert_eq!(message.downcast_ref::<String>().map(String::as_str), Some("opening /r/a3 panics"));
    assert_eq!(expected[n_steps].path, b"/r/a3");
}

#[test]
fn a_walk_that_is_dropped_leaves_no_directory_open() {
    let tree: &'static FakeTree = Box::leak(Box::new(bushy()));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(slow()))));
    for n_steps in [0, 1, 20, 100] {
        let mut walk = start_over(source.clone(), plain(), 8);
        (0..n_steps).for_each(|_| drop(walk.next_step(&mut || false)));
        drop(walk);
        // On a busy machine a worker may take longer than the end of the walk waits for it.
        let start = Instant::now();
        while source.n_handles() > 0 {
            assert!(start.elapsed() < LONG, "after {n_steps} steps");
        }
    }
}

/// Snapshot directories are no entries, unless they are walked.
#[test]
fn t30_snapshots_are_left_out() {
    let tree: &'static FakeTree = Box::leak(Box::new(FakeTree::of(&["r/.snapshot/f", "r/a/"])));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(no_faults()))));
    let task = Task { walks_snapshots: false, ..plain() };
    let mut walk = start_over(source.clone(), task, 2);
    let Some(Step::Directory { listing, .. }) = walk.next_step(&mut || false) else {
        panic!("the root comes")
    };
    assert_eq!(listing.dirs.names().collect::<Vec<_>>(), [b"a"]);
    assert_eq!(source.n_calls_for(tree.at("r/.snapshot"), Call::Open), 0);
}

/// The consumer comes first: what workers hold is given back to it, and nothing is lost.
#[test]
fn t45_with_hardly_any_descriptors_every_directory_is_delivered() {
    let tree = bushy();
    for n_handles in [1, 2, 3] {
        for order in [Order::TopDown, Order::BottomUp] {
            let shortage = Some(Shortage::Handles(n_handles));
            let task = Task { order, ..plain() };
            let walk = start(&tree, FaultPlan { shortage, ..slow() }, task, 64);
            assert!(run(walk, task) == naive(&tree, &no_faults(), task), "{n_handles}, {order:?}");
        }
    }
}

/// The only descriptor is held by a worker when the consumer wants it.
#[test]
fn t45_a_consumer_that_is_refused_waits_until_a_worker_closes_a_directory() {
    let tree = gated_tree();
    let shortage = Some(Shortage::Handles(1));
    let gate = Gate::new(&tree, FaultPlan { shortage, ..no_faults() }, &["/r/m/hangs"]);
    let (mut walk, mut seen) = until_workers_start(&gate, 8);
    gate.wait_for(1);
    // Another worker may have closed a directory, and be about to store what it read.
    while let Some(step) = walk.next_step(&mut || true) {
        assert!(!matches!(step, Step::End), "it waits");
        seen.push(visit_of_step(step));
    }
    gate.open();
    seen.extend(run(walk, plain()));
    assert!(seen == naive(&tree, &no_faults(), plain()));
}

/// Where nobody else of the walk holds a descriptor, it is as with `os.walk`.
#[test]
fn t45_without_any_descriptor_the_error_is_the_consumers() {
    let tree = FakeTree::of(&["r/a/f"]);
    let shortage = Some(Shortage::Handles(0));
    let visits = run(start(&tree, FaultPlan { shortage, ..no_faults() }, plain(), 8), plain());
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0].others, Err(Errno::MFILE));
}

/// A worker is caught in a directory, as on a mount whose server is gone.
#[test]
fn t49_nobody_waits_for_a_directory_that_was_pruned() {
    let tree = gated_tree();
    for n_workers in [1, 2] {
        let gate = Gate::new(&tree, no_faults(), &["/r/m/hangs"]);
        let (mut walk, mut seen) = until_workers_start(&gate, n_workers);
        gate.wait_for(1);
        let start = Instant::now();
        while let Some(step) = walk.next_step(&mut || start.elapsed() > LONG) {
            if matches!(step, Step::End) {
                break;
            }
            if matches!(&step, Step::Directory { path, .. } if path == b"/r/m") {
                walk.choose((1..4).map(Child::Found).collect());
            }
            seen.push(visit_of_step(step));
        }
        // Its end waits for nobody either.
        drop(walk);
        assert!(start.elapsed() < LONG);
        gate.open();
        gate.wait_for_handles(0);
        let mut expected = naive(&tree, &no_faults(), plain());
        expected.retain(|visit| visit.path != b"/r/m/hangs");
        assert!(seen == expected, "{n_workers} workers");
    }
}

/// Directories for a consumer that is alone, then one in which a worker can be caught, and others
/// that it would take with it.
fn gated_tree() -> FakeTree {
    let mut tree = FakeTree::default();
    (0..100).for_each(|number| _ = tree.add_dir(format!("/r/a/{number}")));
    for path in ["/r/m/hangs", "/r/m/x/deep", "/r/m/y", "/r/m/z", "/r/n/1", "/r/n/2"] {
        tree.add_dir(path);
    }
    tree
}

/// Steps until workers are started, and then no more.
fn until_workers_start(gate: &Arc<Gate>, n_workers: usize) -> (Ordered<Gate>, Vec<Visit>) {
    let have_started = Arc::new(AtomicBool::new(false));
    let workers = workers(n_workers, gate.clone());
    let (rules, started) = (Rules::default(), have_started.clone());
    let ask = move || {
        started.store(true, Relaxed);
        workers
    };
    let (root, source) = (b"/r".to_vec(), gate.clone());
    let mut walk = Ordered::new(root, Order::TopDown, rules, source, Arc::default(), ask);
    let mut seen = Vec::new();
    while !have_started.load(Relaxed) {
        seen.push(visit_of_step(walk.next_step(&mut || false).expect("nobody stops it")));
    }
    (walk, seen)
}

#[test]
fn after_a_panic_of_the_source_the_walk_goes_on_and_meets_it_again() {
    let tree = bushy();
    let open_panics = Some(Duration::ZERO);
    let plan = faults_at(&tree, "r/a3", NodeFaults { open_panics, ..NodeFaults::default() });
    for n_workers in [0, 2] {
        let mut walk = start(&tree, plan.clone(), plain(), n_workers);
        let start = Instant::now();
        let mut n_panics = 0;
        while n_panics < 3 {
            let step = || walk.next_step(&mut || start.elapsed() > LONG);
            match catch_unwind(AssertUnwindSafe(step)) {
                Ok(step) => assert!(matches!(step, Some(Step::Directory { .. })), "{step:?}"),
                Err(_) => n_panics += 1,
            }
        }
    }
}

#[test]
fn a_walk_that_is_cancelled_from_another_thread_ends() {
    let tree = gated_tree();
    let gate = Gate::new(&tree, no_faults(), &["/r/m/hangs"]);
    let control = Arc::new(Control::default());
    let workers = workers(2, gate.clone());
    let (order, rules, source) = (Order::TopDown, Rules::default(), gate.clone());
    let root = b"/r".to_vec();
    let mut walk = Ordered::new(root, order, rules, source, control.clone(), move || workers);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            gate.wait_for(1);
            control.cancel();
            gate.open();
        });
        while !matches!(walk.next_step(&mut || false), Some(Step::End)) {}
    });
    assert!(matches!(walk.try_next(), Some(Step::End)));
}

#[test]
fn progress_counts_what_the_consumer_got() {
    let tree = bushy();
    let open = Some(Fail::always(Errno::ACCESS));
    let plan = faults_at(&tree, "r/a3", NodeFaults { open, ..NodeFaults::default() });
    let tree: &'static FakeTree = Box::leak(Box::new(tree));
    let source = Arc::new(FakeSource::new(tree, Box::leak(Box::new(plan))));
    let control = Arc::new(Control::default());
    let workers = workers(2, source.clone());
    let (order, rules) = (Order::TopDown, Rules::default());
    let root = b"/r".to_vec();
    let walk = Ordered::new(root, order, rules, source, control.clone(), move || workers);
    assert!(control.last_dirs().is_empty());
    let visits = run(walk, plain());
    let progress = control.progress();
    let read = visits.iter().filter_map(|visit| visit.others.as_ref().ok());
    assert_eq!(progress.n_dirs, read.clone().count() as u64);
    assert_eq!(progress.n_files, read.map(Vec::len).sum::<usize>() as u64);
    assert_eq!(progress.n_errors, 1);
    assert_eq!(control.last_dirs().last(), visits.last().map(|visit| &visit.path));
}

/// A tree in which the numbers of positions run out again and again: each level has two
/// directories, and the walk goes down in the first.
#[test]
fn t18_levels_for_which_no_positions_are_left_are_walked_in_order() {
    let mut tree = FakeTree::default();
    let mut spine = b"/r".to_vec();
    let mut expected = vec![spine.clone()];
    while spine.len() < 1000 {
        tree.add_dir([&spine[..], b"/a"].concat());
        tree.add_dir([&spine[..], b"/b"].concat());
        spine.extend(b"/a");
        expected.push(spine.clone());
    }
    let mut backs: Vec<_> = expected[1..].to_vec();
    backs.reverse();
    expected.extend(backs.into_iter().map(|mut path| {
        path.pop();
        path.push(b'b');
        path
    }));
    let paths = |task: Task, n_workers| -> Vec<Vec<u8>> {
        let visits = run(start(&tree, no_faults(), task, n_workers), task);
        visits.into_iter().map(|visit| visit.path).collect()
    };
    for n_workers in [0, 8] {
        assert!(paths(plain(), n_workers) == expected);
        assert_eq!(
            paths(Task { order: Order::BottomUp, ..plain() }, n_workers).len(),
            expected.len()
        );
    }
}
