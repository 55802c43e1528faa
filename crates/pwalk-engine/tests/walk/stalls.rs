//! Requests that get no answer: they are told of, and hold up nothing else.

use crate::harness::{MEASURED, Pace, no_faults};
use pwalk_engine::{
    Config, Contents, Control, Filesystems, Kind, Operation, Stall, Tuning, lock, walk,
};
use pwalk_testkit::fake::{Call, CollectingSink, FakeSource, FakeTree, FaultPlan, Options};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const AFTER: Duration = Duration::from_millis(40);

/// A tree whose first directories hang when they are opened, and others that don't.
fn hanging(n_hanging: usize) -> (FakeTree, FaultPlan) {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    for number in 0..n_hanging + 50 {
        let dir = tree.add_dir(format!("/r/{number:03}"));
        tree.add(format!("/r/{number:03}/file"), Kind::File);
        if number < n_hanging {
            plan.node(dir).hangs = Some(Call::Open);
        }
    }
    (tree, plan)
}

/// True if it is of a directory that hangs. On a busy machine a worker may not get to run for a
/// while in the middle of any other request: that is a stall, too.
fn hangs(stall: &Stall, n_hanging: usize) -> bool {
    let number = stall.path.strip_prefix(b"/r/").and_then(|name| name.utf8_chunks().next());
    let number = number.and_then(|chunk| chunk.valid().parse::<usize>().ok());
    stall.operation == Operation::Open && number.is_some_and(|number| number < n_hanging)
}

fn config(n_workers: usize, options: &Options) -> Config {
    Config { stall_after: AFTER, ..Pace { slice_len: 8, ..Pace::usual(n_workers) }.config(options) }
}

/// Waits for what must come.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Instant::now();
    while !is_so() {
        assert!(clock.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn t49_as_many_hanging_directories_as_workers_hold_up_nothing_else() {
    for n_workers in [1, 4, MEASURED] {
        let n_hanging = 3 * n_workers;
        let (tree, plan) = hanging(n_hanging);
        let (options, control) = (Options::default(), Control::default());
        let n_told = Arc::<AtomicUsize>::default();
        let telling = n_told.clone();
        let is_told = move |stall: &Stall| !stall.is_over && hangs(stall, n_hanging);
        control.on_stall(move |stall| _ = telling.fetch_add(is_told(stall).into(), Relaxed));
        let (source, sink) = (FakeSource::new(&tree, &plan), CollectingSink::new(options.fields));
        let config = config(n_workers, &options);
        let outcome = std::thread::scope(|scope| {
            let walked =
                scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &control));
            until("all others are read", || {
                control.progress().n_files == 50 && n_told.load(Relaxed) == n_hanging
            });
            source.release();
            walked.join().expect("no panic").expect("this sink never fails")
        });
        let (told, others): (Vec<_>, Vec<_>) =
            outcome.stalled.iter().partition(|stall| hangs(stall, n_hanging));
        assert_eq!(told.len(), n_hanging, "{n_workers} workers: {told:?}");
        assert_eq!(outcome.n_stalls, (n_hanging + others.len()) as u64, "{others:?}");
        assert_eq!(outcome.totals.n_entries.sum(), 1 + 2 * (n_hanging as u64 + 50));
        if n_workers < MEASURED {
            assert_eq!(outcome.n_workers, n_workers, "as many as were asked for");
        }
    }
}

#[test]
fn t49_a_stall_is_told_of_when_it_begins_and_when_it_ends() {
    let (tree, plan) = hanging(1);
    let (options, control) = (Options::default(), Control::default());
    let told = Arc::<Mutex<Vec<Stall>>>::default();
    let telling = told.clone();
    control.on_stall(move |stall| {
        if hangs(stall, 1) {
            lock(&telling).push(stall.clone());
        }
    });
    let (source, sink) = (FakeSource::new(&tree, &plan), CollectingSink::new(options.fields));
    let config = config(2, &options);
    let outcome = std::thread::scope(|scope| {
        let walked = scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &control));
        until("it is told of", || !lock(&told).is_empty());
        source.release();
        walked.join().expect("no panic").expect("this sink never fails")
    });
    let told = lock(&told);
    let [begins, ends] = &**told else { panic!("{told:?}") };
    assert_eq!((begins.operation, &*begins.path), (Operation::Open, &b"/r/000"[..]));
    assert!(!begins.is_over && ends.is_over && !ends.is_given_up);
    assert!(ends.duration >= begins.duration && begins.duration >= AFTER);
    let of_it: Vec<_> = outcome.stalled.iter().filter(|stall| hangs(stall, 1)).collect();
    assert_eq!(of_it, [ends]);
}

#[test]
fn t49_a_mount_point_that_hangs_holds_up_no_other_entry_of_its_directory() {
    assert_holds_up_nothing(|config, n_workers| {
        let index = if n_workers == MEASURED { 1 } else { config.filesystems.add(Tuning::LOCAL) };
        config.filesystems.set_path(b"/r/mnt", index);
    });
}

#[test]
fn t49_a_directory_of_a_server_that_hangs_holds_up_no_other_entry_beside_it() {
    assert_holds_up_nothing(|config, _| config.filesystems = Filesystems::new(Tuning::REMOTE));
}

/// The others of its slice would wait for it, and all that is below them.
fn assert_holds_up_nothing(set_filesystems: impl Fn(&mut Config, usize)) {
    let (mut tree, mut plan) = (FakeTree::default(), no_faults());
    for name in ["a", "b", "mnt", "y", "z"] {
        tree.add_dir(format!("/r/{name}"));
        tree.add(format!("/r/{name}/file"), Kind::File);
    }
    let mnt = tree.at("r/mnt");
    tree.set_device(mnt, 2);
    plan.node(mnt).hangs = Some(Call::Stat);
    for n_workers in [1, 2, MEASURED] {
        let (options, control) = (Options::default(), Control::default());
        let (source, sink) = (FakeSource::new(&tree, &plan), CollectingSink::new(options.fields));
        let mut config = Config { stall_after: AFTER, ..Pace::usual(n_workers).config(&options) };
        set_filesystems(&mut config, n_workers);
        let outcome = std::thread::scope(|scope| {
            let walked =
                scope.spawn(|| walk(options.frontier(), &config, &source, &sink, &control));
            until("all others are read", || {
                control.progress().n_files == 4 && source.n_hanging() == 1
            });
            source.release();
            walked.join().expect("no panic").expect("this sink never fails")
        });
        assert_eq!(outcome.totals.n_entries.sum(), 11, "{n_workers} workers");
        let rows = sink.rows();
        let root = rows.iter().find(|row| row.path == b"/r").expect("the root");
        let Contents::Counted { n_entries, .. } = root.contents else { panic!("{root:?}") };
        assert_eq!(n_entries, 5);
    }
}
