//! T49: what a walk waits for has a name, while it waits.

use crate::harness::{Pace, no_faults};
use pwalk_engine::{Control, Operation, Waiting, lock, walk};
use pwalk_testkit::fake::{Call, CollectingSink, FakeSource, FakeTree, Options};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const WHILE: Duration = Duration::from_millis(30);

/// Walks a tree of which one call doesn't answer until somebody has asked what is waited for.
fn waiting_in(tree: &FakeTree, hangs: Call, number: u64) -> Vec<Waiting> {
    let (plan, options, control) = (no_faults(), Options::default(), Control::default());
    let (answer, answers) = channel();
    let answers = Mutex::new(answers);
    let source = FakeSource::new(tree, &plan).on_call(|call, n| {
        if (call, n) == (hangs, number) {
            lock(&answers).recv().expect("the test answers");
        }
    });
    let sink = CollectingSink::new(options.fields);
    let config = Pace::usual(1).config(&options);
    std::thread::scope(|scope| {
        let walked = scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &control));
        let start = Instant::now();
        let mut waiting = Vec::new();
        while waiting.is_empty() && start.elapsed() < Duration::from_secs(30) {
            std::thread::yield_now();
            waiting = control.waiting(WHILE);
        }
        assert!(control.waiting(Duration::from_secs(3600)).is_empty());
        answer.send(()).expect("the call waits");
        walked.join().expect("no panic").expect("this sink never fails");
        assert!(control.waiting(Duration::ZERO).is_empty(), "it has ended");
        waiting
    })
}

#[test]
fn t49_what_does_not_answer_has_its_operation_and_its_path() {
    let tree = FakeTree::of(&["r/d/e/", "r/d/f", "r/d/g"]);
    let cases = [
        (Call::StatPath, 0, Operation::Stat, "/r"),
        (Call::Open, 0, Operation::Open, "/r"),
        (Call::Read, 0, Operation::Read, "/r"),
        // A directory may be a mount point, and is named itself.
        (Call::Stat, 0, Operation::Stat, "/r/d"),
        (Call::Open, 1, Operation::Open, "/r/d"),
        (Call::Read, 2, Operation::Read, "/r/d"),
        (Call::Stat, 1, Operation::Stat, "/r/d/e"),
        (Call::Stat, 2, Operation::Stat, "/r/d"),
        (Call::Stat, 3, Operation::Stat, "/r/d"),
        (Call::Read, 3, Operation::Read, "/r/d"),
    ];
    for (call, number, operation, path) in cases {
        let start = Instant::now();
        let waiting = waiting_in(&tree, call, number);
        let [Waiting { operation: found, path: found_path, since }] = &*waiting else {
            panic!("{call:?} {number}: {waiting:?}");
        };
        let name = format!("{call:?} {number}");
        assert_eq!((*found, &**found_path), (operation, path.as_bytes()), "{name}");
        assert!(since.elapsed() >= WHILE, "{name}");
        assert!(since.elapsed() <= start.elapsed() + Duration::from_millis(20), "{name}");
    }
}

#[test]
fn t49_the_oldest_request_comes_first() {
    let mut tree = FakeTree::default();
    for number in 0..4 {
        tree.add_dir(format!("/r/d{number}"));
    }
    let (plan, options, control) = (no_faults(), Options::default(), Control::default());
    let found = Mutex::new(Vec::new());
    let source = FakeSource::new(&tree, &plan).on_call(|call, number| {
        if (call, number) == (Call::Open, 0) {
            return;
        }
        if call == Call::Open {
            std::thread::sleep(Duration::from_millis(40 * (5 - number)));
            lock(&found).push(control.waiting(Duration::ZERO));
        }
    });
    let sink = CollectingSink::new(options.fields);
    let config = Pace { slice_len: 1, ..Pace::usual(4) }.config(&options);
    walk(options.frontier(), &config, &source, &sink, &control).unwrap();
    for waiting in lock(&found).iter() {
        assert!(waiting.is_sorted_by_key(|waiting| waiting.since), "{waiting:?}");
        assert!(!waiting.is_empty());
    }
}
