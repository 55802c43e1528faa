//! The profile of a saved scan is that of the tree, whatever the format, but for what no row tells.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use pwalk::profile::{Profile, ProfileConfig, ProfileJob, SourceKind};
use pwalk::{Control, Output, Report, ReportConfig};
use pwalk_testkit::{Tree, fixture};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The suffixes of all formats.
const SUFFIXES: [&str; 7] =
    ["csv", "csv.zst", "csv.gz", "parquet", "arrow", "ndjson", "ndjson.zst"];

fn report(tree: &Tree, output: PathBuf, change: impl FnOnce(&mut ReportConfig)) {
    let mut config = ReportConfig::new([tree.path()]);
    config.table.output = Output::File(output);
    config.walk.threads = Some(2);
    change(&mut config);
    Report::prepare(config).unwrap().run(&Control::default(), &|_| {}).unwrap();
}

fn profile(path: &Path) -> Profile {
    profile_where(path, None)
}

fn profile_where(path: &Path, condition: Option<&str>) -> Profile {
    let mut config = ProfileConfig::new([path]);
    config.walk.condition = condition.map(str::to_owned);
    ProfileJob::prepare(&config).unwrap().run(&Control::default(), &|_| ()).unwrap()
}

/// Without what is of the run, and without what only a walk knows.
fn comparable(profile: Profile, knows_walk: bool) -> Profile {
    let mut profile = profile;
    profile.source = pwalk::profile::Source {
        roots: if knows_walk { profile.source.roots } else { Vec::new() },
        kind: SourceKind::Tree,
        scan: None,
        condition: None,
    };
    (profile.started, profile.seconds) = (String::new(), 0.0);
    profile.ages_as_of = String::new();
    if !knows_walk {
        (profile.complete, profile.skipped) = (None, None);
    }
    profile
}

/// Its path, bytes and entries below it, bytes in it, and its owner.
type Dir = (String, u64, u64, Option<u64>, Option<u32>);

/// The tree of a profile by full paths, in their order.
fn tree(profile: &Profile) -> Vec<Dir> {
    let mut paths: Vec<String> = Vec::new();
    for row in &profile.tree {
        let above = row.parent.map(|parent| format!("{}/", paths[parent])).unwrap_or_default();
        paths.push(above + &row.path.to_str());
    }
    let rows = profile.tree.iter().zip(paths);
    let mut rows: Vec<_> =
        rows.map(|(row, path)| (path, row.bytes, row.entries, row.own_bytes, row.uid)).collect();
    rows.sort();
    rows
}

#[track_caller]
fn assert_same(scan: &Path, expected: &Profile, knows_walk: bool) {
    let found = profile_where(scan, expected.source.condition.as_deref());
    assert_eq!(found.source.kind, SourceKind::Scan);
    assert_eq!(tree(&found), tree(expected), "{}", scan.display());
    let (mut found, mut expected) =
        (comparable(found, knows_walk), comparable(expected.clone(), knows_walk));
    (found.tree, expected.tree) = (Vec::new(), Vec::new());
    assert_eq!(found, expected, "{}", scan.display());
}

#[test]
fn every_format_has_the_profile_of_the_tree() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let expected = profile(tree.path());
    assert!(expected.tree.len() > 3 && expected.largest_files.len() > 5);
    for suffix in SUFFIXES {
        let knows_walk = ["parquet", "arrow"].contains(&suffix);
        let scan = folder.path().join(format!("scan.{suffix}"));
        report(&tree, scan.clone(), |_| {});
        assert_same(&scan, &expected, knows_walk);
        if knows_walk || suffix.starts_with("ndjson") {
            report(&tree, scan.clone(), |config| config.table.columns = Some("+tree".to_owned()));
            assert_same(&scan, &expected, knows_walk);
        }
        let parts = folder.path().join(format!("parts.{suffix}/"));
        report(&tree, parts.clone(), |config| {
            config.table.format = Some(suffix.parse().unwrap());
            config.table.parts.n_rows = 3;
        });
        assert_same(&parts, &expected, true);
    }
}

/// Some leave out directories of which they keep entries, and one all.
const CONDITIONS: [&str; 5] =
    ["kind = file", "name ~ '*.pdf'", "kind = dir", "name = data or size > 5000", "size < 0"];

#[test]
fn every_format_has_the_profile_of_the_tree_with_the_same_condition() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for columns in [None, Some("+tree"), Some("+tree_count,+tree_size")] {
        for suffix in ["csv", "parquet", "ndjson"] {
            if suffix == "csv" && columns.is_some() {
                continue;
            }
            let scan = folder.path().join(format!("scan.{suffix}"));
            report(&tree, scan.clone(), |config| {
                config.table.columns = columns.map(str::to_owned);
            });
            for condition in CONDITIONS {
                let expected = profile_where(tree.path(), Some(condition));
                assert_same(&scan, &expected, suffix == "parquet");
            }
        }
    }
}

#[test]
fn with_a_condition_a_profile_says_which_directories_hold_most_of_what_it_keeps() {
    let tree = fixture("basic").build().unwrap();
    let found = profile_where(tree.path(), Some("name ~ '*.pdf'"));
    let within = |path: &pwalk::profile::Text| {
        let path = path.to_str().into_owned();
        path.strip_prefix(tree.path().to_str().unwrap()).unwrap().to_owned()
    };
    let trees = found.largest_trees.iter();
    let trees: Vec<_> =
        trees.map(|row| (within(&row.path), row.entries, row.files, row.bytes)).collect();
    let row = |path: &str, entries, bytes| (path.to_owned(), entries, entries, bytes);
    let expected = [
        row("", 2, 20_001),
        row("/data", 2, 20_001),
        row("/data/2025.final", 1, 10_001),
        row("/data/2024", 1, 10_000),
    ];
    assert_eq!(trees, expected);
    let mut dirs: Vec<_> =
        found.largest_dirs.iter().map(|row| (within(&row.path), row.entries, row.bytes)).collect();
    dirs.sort();
    let row = |path: &str, bytes| (path.to_owned(), 1, Some(bytes));
    assert_eq!(dirs, [row("/data/2024", 10_000), row("/data/2025.final", 10_001)]);
    // They are shown, and not counted.
    assert_eq!((found.totals.entries, found.totals.by_kind.len(), found.tree.len()), (2, 1, 4));
}

#[test]
fn names_and_links_are_those_of_the_tree() {
    for name in ["hostile_names", "hard_links"] {
        let Some(tree) = pwalk_testkit::FIXTURES.iter().find(|known| known.name == name) else {
            continue;
        };
        let tree = tree.build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let scan = folder.path().join("scan.parquet");
        report(&tree, scan.clone(), |_| {});
        assert_same(&scan, &profile(tree.path()), true);
    }
}

#[test]
fn what_a_scan_lacks_is_null_or_an_empty_list() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.parquet");
    report(&tree, scan.clone(), |config| {
        config.table.columns = Some("filename,st_mtime,kind".to_owned());
    });
    let found = profile(&scan);
    assert!(found.totals.entries > 10 && !found.extensions.is_empty());
    assert!(found.owners.is_empty() && found.sizes.is_empty() && found.depths.is_empty());
    assert!(found.tree.is_empty() && found.largest_trees.is_empty());
    assert!(found.largest_files.is_empty() && found.atime_ages.is_empty());
    assert_eq!(found.totals.owners, None);
    assert!(found.mtime_ages.iter().any(|row| row.entries > 0));
}

/// The profile of a scan of the fixture `basic` with these columns alone, as JSON.
fn json_of_columns(columns: &str) -> serde_json::Value {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.parquet");
    report(&tree, scan.clone(), |config| config.table.columns = Some(columns.to_owned()));
    serde_json::from_str(&profile(&scan).to_json()).unwrap()
}

#[test]
fn t55_what_no_column_tells_is_null_and_not_0() {
    let without_owners = "filename,kind,st_size,directory-depth";
    let with_totals = "filename,kind,st_size,tree,directory-depth";
    let without_sizes = "filename,kind,UID,st_blocks,st_mtime,directory-depth";
    let without_counts = "filename,kind,st_size,st_mtime,UID,GID,pw_dirsum,tree,directory-depth";
    let cases: [(&str, &[&str]); 4] = [
        (
            without_owners,
            &[
                "/largest_files/0/allocated_bytes",
                "/largest_files/0/mtime",
                "/largest_files/0/uid",
                "/totals/by_kind/0/allocated_bytes",
                "/totals/shared_bytes",
                "/extensions/0/allocated_bytes",
                "/waste/allocated_bytes",
                "/empty/dirs",
                "/tree/0/uid",
                "/tree/0/allocated_bytes",
                "/tree/0/mtime",
                "/tree/0/atime",
                "/largest_trees/0/allocated_bytes",
                "/largest_trees/0/mtime",
            ],
        ),
        (with_totals, &["/tree/0/uid", "/tree/0/own_bytes", "/tree/0/own_entries", "/empty/dirs"]),
        (
            without_sizes,
            &[
                "/totals/by_kind/0/bytes",
                "/extensions/0/bytes",
                "/extensions/0/bytes_missed_max",
                "/owners/0/bytes",
                "/depths/0/bytes",
                "/mtime_ages/0/bytes",
                "/owner_ages/0/bytes",
                "/empty/files",
                "/waste/files",
                "/waste/bytes",
                "/waste/allocated_bytes",
            ],
        ),
        (without_counts, &["/empty/dirs", "/tree/0/own_entries", "/groups/0/allocated_bytes"]),
    ];
    for (columns, keys) in cases {
        let found = json_of_columns(columns);
        for key in keys {
            let value = found.pointer(key).unwrap_or_else(|| panic!("no {key} with {columns}"));
            assert!(value.is_null(), "{key}: {value} with {columns}");
        }
    }
    let found = json_of_columns(without_sizes);
    assert!(found["totals"]["by_kind"][0]["allocated_bytes"].as_u64() > Some(0));
    let found = json_of_columns(without_counts);
    assert!(found["tree"][0]["own_bytes"].is_u64() && found["dir_entries"] == json!([]));
    assert!(found["largest_dirs"] == json!([]) && found["empty"]["dir_examples"] == json!([]));
}

#[test]
fn a_scan_is_profiled_alone_and_a_damaged_one_is_an_error() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    report(&tree, scan.clone(), |_| {});
    let config = ProfileConfig::new([&*scan, tree.path()]);
    let error = ProfileJob::prepare(&config).err().unwrap().to_string();
    assert!(error.contains("scan.csv") && error.contains("no other path"), "{error}");
    let text = std::fs::read(&scan).unwrap();
    std::fs::write(&scan, &text[..text.len() - 3]).unwrap();
    let config = ProfileConfig::new([&scan]);
    let job = ProfileJob::prepare(&config).unwrap();
    let error = job.run(&Control::default(), &|_| ()).unwrap_err().to_string();
    assert!(error.contains("scan.csv") && error.contains("is cut off"), "{error}");
}
