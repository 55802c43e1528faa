//! Symbolic links: entries by default, followed when asked, and never for ever (T29).

use crate::harness::{Pace, check, check_all, faults_at, no_faults, run_over};
use pwalk_engine::{Contents, EntryError, Errno, Fields, Kind, Links, Operation};
use pwalk_testkit::fake::{Call, Fail, FakeSource, FakeTree, FaultPlan, NodeFaults, Options};

/// Sizes are level, so that a sum says nothing about whose size was taken.
fn level(entries: &[&str]) -> FakeTree {
    let mut tree = FakeTree::of(entries);
    (0..tree.len()).for_each(|id| tree.stat_mut(id).size = 64);
    tree
}

fn following(fields: Fields) -> Options {
    Options { links: Links::Follow, fields, ..Options::default() }
}

fn refused(path: &str, depth: i32) -> EntryError {
    let path = path.as_bytes().to_vec();
    EntryError { operation: Operation::Follow, path, depth, errno: Errno::LOOP }
}

#[test]
fn t29_links_are_entries_and_are_not_followed_unless_asked() {
    let tree = level(&["r/a/f", "r/to_a -> a", "r/loop -> .", "r/none -> nothing", "r/f"]);
    for fields in [Fields::all(), Fields::REPORT, Fields::TARGET, Fields::empty()] {
        let options = Options { fields, ..Options::default() };
        let run = check_all(&tree, &no_faults(), &options);
        let expected = ["/r", "/r/a", "/r/a/f", "/r/f", "/r/loop", "/r/none", "/r/to_a"];
        assert_eq!(run.paths(), expected);
        assert_eq!(run.row("/r/to_a").kind, Kind::Symlink);
        let target = if fields.contains(Fields::TARGET) { "a" } else { "" };
        assert_eq!(run.row("/r/to_a").target, target.as_bytes());
        assert!(run.errors.is_empty());
    }
}

#[test]
fn t29_followed_links_are_what_they_lead_to() {
    let tree = level(&["r/a/f", "r/to_a -> a", "r/to_f -> /r/to_a/f", "x/g", "r/out -> ../x"]);
    for fields in [Fields::all(), Fields::empty()] {
        let run = check_all(&tree, &no_faults(), &following(fields));
        let expected =
            ["/r", "/r/a", "/r/a/f", "/r/out", "/r/out/g", "/r/to_a", "/r/to_a/f", "/r/to_f"];
        assert_eq!(run.paths(), expected);
        assert_eq!(run.row("/r/to_a").kind, Kind::Dir);
        assert_eq!(run.row("/r/to_f").kind, Kind::File);
        assert!(run.row("/r/to_f").target.is_empty());
    }
    let run = check_all(&tree, &no_faults(), &following(Fields::REPORT));
    let inode = |path| tree.stat(tree.at(path)).ino;
    assert_eq!(run.row("/r/to_f").stat.map(|stat| stat.ino), Some(inode("r/a/f")));
    assert_eq!(run.row("/r/to_a/f").parent_inode, inode("r/a"));
}

#[test]
fn t29_a_link_that_leads_back_up_is_refused_and_delivered_as_a_link() {
    let tree = level(&["r/a/b/up -> ../..", "r/a/self -> .", "r/top -> /r", "r/a/b/f"]);
    for fields in [Fields::all(), Fields::empty()] {
        let run = check_all(&tree, &no_faults(), &following(fields));
        let expected = ["/r", "/r/a", "/r/a/b", "/r/a/b/f", "/r/a/b/up", "/r/a/self", "/r/top"];
        assert_eq!(run.paths(), expected);
        let errors = [refused("/r/a/b/up", 2), refused("/r/a/self", 1), refused("/r/top", 0)];
        assert!(run.errors.len() == 3 && errors.iter().all(|error| run.errors.contains(error)));
        assert_eq!(run.row("/r/a/self").kind, Kind::Symlink);
    }
    let run = check_all(&tree, &no_faults(), &following(Fields::all()));
    assert_eq!(run.row("/r/a/b/up").target, b"../..");
}

#[test]
fn t29_two_directories_that_link_to_each_other_end() {
    let tree = level(&["r/a/to_b -> ../b", "r/b/to_a -> ../a", "r/b/f"]);
    let run = check_all(&tree, &no_faults(), &following(Fields::REPORT));
    let expected = [
        "/r",
        "/r/a",
        "/r/a/to_b",
        "/r/a/to_b/f",
        "/r/a/to_b/to_a",
        "/r/b",
        "/r/b/f",
        "/r/b/to_a",
        "/r/b/to_a/to_b",
    ];
    assert_eq!(run.paths(), expected);
    assert_eq!(run.errors.len(), 2);
}

#[test]
fn t29_links_that_lead_nowhere_are_delivered_as_links() {
    let tree = level(&["r/none -> nothing", "r/self -> self", "r/f/x", "r/past -> f/x/y"]);
    for fields in [Fields::all(), Fields::empty()] {
        let run = check_all(&tree, &no_faults(), &following(fields));
        for path in ["/r/none", "/r/self", "/r/past"] {
            assert_eq!(run.row(path).kind, Kind::Symlink, "{path}");
        }
        assert!(run.errors.is_empty() && run.totals().n_vanished == 0);
    }
}

#[test]
fn t30_a_followed_link_does_not_leave_the_file_system_either() {
    let mut tree = level(&["r/out -> /x", "r/file -> /x/g", "x/g", "r/f"]);
    tree.set_device(tree.at("x"), 7);
    let options = Options { one_file_system: true, ..following(Fields::REPORT) };
    let run = check_all(&tree, &no_faults(), &options);
    assert_eq!(run.paths(), ["/r", "/r/f", "/r/file"]);
    assert_eq!(run.totals().n_mount_points, 1);
}

#[test]
fn a_root_is_followed_always_and_a_dangling_one_is_a_link() {
    let tree = level(&["r/a/f", "to_r -> r", "to_f -> r/a/f", "none -> nothing", "r/l -> a"]);
    for links in [Links::Keep, Links::Follow] {
        let roots = ["/to_r", "/to_f", "/none"].map(|root| root.as_bytes().to_vec()).to_vec();
        let run = check_all(&tree, &no_faults(), &Options { roots, links, ..Options::default() });
        assert_eq!(run.row("/to_r").kind, Kind::Dir);
        assert_eq!(run.row("/to_f").kind, Kind::File);
        assert_eq!(run.row("/none").kind, Kind::Symlink);
        assert!(run.errors.is_empty());
    }
}

#[test]
fn t15_an_inode_with_several_names_is_counted_once_whichever_comes_first() {
    let mut tree = FakeTree::of(&["r/a/f", "r/b/", "x/g"]);
    let (file, other) = (tree.at("r/a/f"), tree.at("x/g"));
    let dirs = ["r/a", "r/b"].map(|path| tree.at(path));
    for (number, file) in [file, file, other].into_iter().enumerate() {
        tree.add_hard_link(dirs[number % 2], format!("link{number}").as_bytes(), file);
    }
    let plan = FaultPlan { delays: Some(3), ..FaultPlan::default() };
    let run = check_all(&tree, &plan, &Options::default());
    let blocks = |path| i128::from(tree.stat(tree.at(path)).blocks) * 512;
    let expected = ["r", "r/a", "r/b", "r/a/f", "x/g"].map(blocks).iter().sum::<i128>();
    assert_eq!(run.totals().allocated_bytes, expected);
}

/// Links lead to the same two names on three more ways: how many are to come is nobody's guess.
#[test]
fn t15_an_inode_that_is_met_more_often_than_it_has_names_is_counted_once() {
    let mut tree = FakeTree::of(&["r/a/f", "r/l1 -> a", "r/l2 -> a/g", "r/l3 -> a"]);
    tree.add_hard_link(tree.at("r/a"), b"g", tree.at("r/a/f"));
    (0..tree.len()).for_each(|id| tree.stat_mut(id).blocks = 8);
    let plan = FaultPlan { delays: Some(3), ..FaultPlan::default() };
    let run = check_all(&tree, &plan, &following(Fields::REPORT));
    // The root, its directory on each way to it, and the file.
    assert_eq!(run.totals().allocated_bytes, 512 * 8 * (1 + 3 + 1));
    assert_eq!(run.paths().len(), 1 + 3 + 7);
}

/// The row of a refused link is the link's: so must be its share in its directory's sum.
#[test]
fn t29_a_refused_link_adds_its_own_size_to_its_directory() {
    let mut tree = FakeTree::of(&["r/a/up -> .."]);
    for (path, size) in [("r", 1), ("r/a", 2), ("r/a/up", 4)] {
        let id = tree.at(path);
        tree.stat_mut(id).size = size;
    }
    let run = check(&tree, &no_faults(), &following(Fields::REPORT), Pace::usual(1));
    assert_eq!(run.row("/r/a").contents, Contents::Counted { n_entries: 1, size_sum: 4 });
}

/// Behind such a link may stand a whole tree: that it was not seen must be said.
#[test]
fn t29_a_followed_link_to_what_can_not_be_asked_is_said() {
    let tree = level(&["r/to_x -> /x", "x/f"]);
    for errno in [Errno::ACCESS, Errno::IO] {
        let stat = Some(Fail::always(errno));
        let plan = faults_at(&tree, "x", NodeFaults { stat, ..NodeFaults::default() });
        let run = check(&tree, &plan, &following(Fields::REPORT), Pace::usual(1));
        assert_eq!(run.row("/r/to_x").kind, Kind::Symlink);
        assert_eq!(run.totals().n_errors(), 1, "{errno:?}");
    }
}

#[test]
fn t29_a_root_behind_a_link_that_can_not_be_asked_is_said() {
    let tree = level(&["to_x -> /x", "x/f"]);
    let stat = Some(Fail::always(Errno::IO));
    let plan = faults_at(&tree, "x", NodeFaults { stat, ..NodeFaults::default() });
    let options = Options { roots: vec![b"/to_x".to_vec()], ..Options::default() };
    let run = check(&tree, &plan, &options, Pace::usual(1));
    assert_eq!(run.totals().n_errors(), 1);
}

#[test]
fn t23_a_root_behind_a_link_that_is_stale_once_is_walked() {
    let tree = level(&["to_x -> /x", "x/f"]);
    let stat = Some(Fail::times(Errno::STALE, 1));
    let plan = faults_at(&tree, "x", NodeFaults { stat, ..NodeFaults::default() });
    let options = Options { roots: vec![b"/to_x".to_vec()], ..Options::default() };
    let run = check(&tree, &plan, &options, Pace::usual(1));
    assert_eq!(run.paths(), ["/to_x", "/to_x/f"]);
}

#[test]
fn t29_a_loop_is_not_opened() {
    let tree = level(&["r/a/up -> .."]);
    let plan = no_faults();
    let source = FakeSource::new(&tree, &plan);
    let options = following(Fields::REPORT);
    run_over(&source, options.frontier(), &options, &Pace::usual(2).config(&options));
    assert_eq!(source.n_calls(Call::Open), 2);
}
