//! Trees that no table of fixed size has room for.

use crate::properties::{AS_OF, about, profile};
use pwalk_engine::{Batch, Contents, Fields, Kind, Sink, Stat, TreeTotals};
use pwalk_output::Summary;
use pwalk_output::profile::{About, Profile, Profiler, Text};
use pwalk_testkit::fake::{FakeTree, FaultPlan, Options};

fn options() -> Options {
    Options { fields: Profiler::FIELDS, ..Options::default() }
}

fn of(tree: &FakeTree, top: usize) -> Profile {
    profile(tree, &FaultPlan::default(), &options(), (2, 200, 1024), top)
}

/// Puts files of one byte into a profiler: their names and owners by number.
fn put_files(profiler: &Profiler, numbers: std::ops::Range<u32>, name: impl Fn(u32) -> String) {
    let mut batch = Batch::new(Profiler::FIELDS);
    for start in numbers.clone().step_by(1000) {
        let dir = batch.push_dir(b"/r/", 1, 0, -1);
        for n in start..numbers.end.min(start + 1000) {
            let stat = Stat { size: 1, uid: n, gid: n, mtime: AS_OF, ..Stat::default() };
            batch.push(dir, name(n).as_bytes(), Kind::File, &stat, Contents::None);
        }
        let Ok(()) = profiler.put(&mut batch);
        batch.clear();
    }
}

fn finish(profiler: Profiler) -> Profile {
    let nothing = Summary::new(
        &pwalk_output::Preamble::default(),
        std::time::Duration::ZERO,
        &pwalk_engine::Outcome::default(),
        0,
    );
    profiler.finish(&nothing)
}

#[test]
fn beyond_100_000_extensions_and_50_000_owners_the_frequent_ones_are_known() {
    let profiler = Profiler::new(Profiler::FIELDS, about(10), 1);
    for round in 0..3 {
        let numbers = round * 60_000..(round + 1) * 60_000;
        put_files(&profiler, numbers, |n| format!("{n}.x{}", if n % 4 == 0 { 0 } else { n }));
    }
    let profile = finish(profiler);
    let first = &profile.extensions[0];
    assert_eq!(
        (first.extension.clone(), first.entries, first.is_estimate),
        ("x0".into(), 45_000, false)
    );
    let second = &profile.extensions[1];
    assert!(second.is_estimate || second.entries == 1);
    // Not more than 4 of 100,000 of all.
    assert!(profile.extensions.iter().all(|row| row.entries_missed_max <= 7));
    let totals = &profile.totals;
    assert_eq!((totals.extensions, totals.owners, totals.groups), (None, None, None));
    assert_eq!(totals.entries, 180_000);
    assert_eq!(profile.mtime_ages[0].entries, 180_000);
}

#[test]
fn t18_a_chain_of_directories_has_bounded_lists() {
    let mut tree = FakeTree::default();
    let mut dir = tree.add_dir("/r");
    for _ in 0..3000 {
        dir = tree.add_in(dir, b"directory", Kind::Dir);
    }
    let file = tree.add_in(dir, b"file", Kind::File);
    *tree.stat_mut(file) = Stat { size: 1 << 30, mode: 0o100_644, nlink: 1, ..Stat::default() };
    let profile = of(&tree, 5);
    assert_eq!(profile.depths.len(), 1000);
    let last = profile.depths.last().unwrap();
    assert!(last.or_deeper && last.entries == 3002 - 999);
    assert_eq!(profile.largest_files[0].bytes, 1 << 30);
    let Text(path) = &profile.largest_files[0].path;
    assert!(path.len() <= 4096 && path.starts_with(b"/r/directory/") && path.ends_with(b"/file"));
    assert_eq!(profile.tree.len(), 3001);
    assert_eq!(profile.oldest_trees.len(), 1);
    assert_eq!(profile.oldest_trees[0].path, "/r".into());
    assert_eq!(profile.names[3].entries, profile.totals.entries - 410);
}

#[test]
fn of_more_than_10_000_directories_the_largest_are_in_the_tree_with_all_that_they_are_in() {
    let mut tree = FakeTree::default();
    for number in 0..11_000_u64 {
        let dir = tree.add_dir(format!("/r/{}/{}/{number}", number % 7, number % 300));
        let file = tree.add_in(dir, b"f.x", Kind::File);
        tree.stat_mut(file).size = number as i64 * 100;
    }
    let profile = of(&tree, 10);
    assert_eq!(profile.tree.len(), 10_000);
    let roots = profile.tree.iter().filter(|row| row.parent.is_none()).count();
    assert_eq!(roots, 1);
    for (place, row) in profile.tree.iter().enumerate() {
        assert!(row.parent.is_none_or(|parent| parent < place));
    }
    let names: Vec<_> = profile.tree.iter().map(|row| row.path.to_str()).collect();
    assert!(names.iter().any(|name| name == "10999"));
    assert!(profile.tree.iter().filter(|row| row.extension == Some("x".into())).count() > 5000);
}

#[test]
fn what_a_hostile_server_says_of_sizes_and_times_is_counted() {
    let profiler = Profiler::new(Profiler::FIELDS, about(10), 1);
    let mut batch = Batch::new(Profiler::FIELDS);
    let dir = batch.push_dir(b"/r/", 1, 0, -1);
    for size in [i64::MIN, -1, i64::MAX, i64::MAX] {
        let stat = Stat { size, blocks: size, mtime: i64::MIN, atime: i64::MAX, ..Stat::default() };
        batch.push(dir, b"f", Kind::File, &stat, Contents::None);
    }
    let Ok(()) = profiler.put(&mut batch);
    let profile = finish(profiler);
    let files = profile.totals.by_kind.iter().find(|row| row.kind == "file").unwrap();
    assert_eq!((files.bytes, files.allocated_bytes), (Some(u64::MAX - 1), Some(u64::MAX)));
    assert_eq!(profile.mtime_ages[9].entries, 4);
    assert_eq!(profile.atime_ages[10].entries, 4);
    assert_eq!(profile.sizes.last().unwrap().entries, 2);
    assert_eq!(profile.empty.files, Some(2));
}

#[test]
fn what_a_scan_does_not_tell_has_no_lists() {
    let fields = Fields::SIZE | Fields::KIND;
    let profiler = Profiler::new(fields, About { has_depths: false, ..about(10) }, 1);
    let mut batch = Batch::new(fields);
    let dir = batch.push_dir(b"/r/", 1, 0, -1);
    let stat = Stat { size: 5, ..Stat::default() };
    batch.push(dir, b"a.txt", Kind::File, &stat, Contents::None);
    let Ok(()) = profiler.put(&mut batch);
    let profile = finish(profiler);
    assert!(
        profile.owners.is_empty() && profile.groups.is_empty() && profile.owner_ages.is_empty()
    );
    assert!(profile.mtime_ages.is_empty() && profile.atime_ages.is_empty());
    assert!(profile.tree.is_empty() && profile.largest_trees.is_empty());
    assert_eq!((profile.extensions[0].bytes, profile.sizes.len()), (Some(5), 1));
}

#[test]
fn a_batch_of_names_alone_is_counted() {
    let profiler = Profiler::new(Fields::KIND, about(10), 1);
    let mut batch = Batch::new(Fields::KIND);
    let dir = batch.push_dir(b"/r/", 1, 0, -1);
    batch.push(dir, b"a.txt", Kind::File, &Stat::default(), Contents::None);
    let Ok(()) = profiler.put(&mut batch);
    let profile = finish(profiler);
    assert_eq!((profile.totals.entries, profile.extensions[0].entries), (1, 1));
    assert!(profile.sizes.is_empty() && profile.largest_files.is_empty());
}

#[test]
fn directories_may_come_in_any_order() {
    let profiler = Profiler::new(Profiler::FIELDS, about(10), 1);
    let tell = |above: &[u8], depth, name: &[u8], size, age: i64| {
        let time = Some(AS_OF - age * 86_400);
        let totals = TreeTotals {
            count: Some(3),
            size: Some(size),
            mtime: time,
            atime: time,
            ..TreeTotals::default()
        };
        let mut batch = Batch::new(Profiler::FIELDS);
        let dir = batch.push_dir(above, 1, 0, depth);
        let contents = Contents::Counted { n_entries: 1, size_sum: 0 };
        batch.push(dir, name, Kind::Dir, &Stat::default(), contents);
        batch.set_tree(totals);
        let Ok(()) = profiler.put(&mut batch);
    };
    tell(b"/r/old/", 0, b"inner", 40, 900);
    tell(b"/r/", -1, b"", 100, 0);
    tell(b"/r/", -1, b"old", 50, 900);
    tell(b"/r/old/", 0, b"other", 5, 900);
    tell(b"/r/", -1, b"new", 50, 3);
    let profile = finish(profiler);
    let old: Vec<_> = profile.oldest_trees.iter().map(|tree| tree.path.to_str()).collect();
    assert_eq!(old, ["/r/old"]);
    let paths: Vec<_> = profile.largest_trees.iter().map(|tree| tree.path.to_str()).collect();
    assert_eq!(paths.len(), 5);
    assert_eq!((&*paths[0], &*paths[3], &*paths[4]), ("/r", "/r/old/inner", "/r/old/other"));
}
