//! What a report leaves out, and that its directories still count it.
//!
//! Owns the wiring of each filter and the rule of `pw_fcount` and `pw_dirsum`; what a pattern
//! matches is the engine's test.

use crate::harness::{assert_as_walked, assert_sums, config, lines, naive, report, try_report};
use pwalk::{ErrorKind, ReportConfig};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::fixture;
use pwalk_testkit::oracle::{self, OracleOptions, OracleRow};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Checks a report from which `cut` (paths below the root, and all below them) must be missing.
/// The rows of the directories above are those of the whole tree: they count what is left out.
#[track_caller]
fn check_cut(root: &Path, config: &ReportConfig, cut: &[&[u8]]) {
    let cut_paths: Vec<_> = cut.iter().map(|cut| root.join(OsStr::from_bytes(cut))).collect();
    let is_kept = |row: &OracleRow| {
        let path = Path::new(OsStr::from_bytes(&row.path));
        !cut_paths.iter().any(|cut| path.starts_with(cut))
    };
    let all = naive(root).rows;
    let kept: Vec<OracleRow> = all.iter().filter(|row| is_kept(row)).cloned().collect();
    assert!(cut.is_empty() || kept.len() < all.len(), "nothing is cut from {}", root.display());
    let run = report(config.clone());
    assert_same_rows(&run.rows(), &lines(&kept));
    assert_sums(&run.summary, &kept);
    assert_eq!(run.summary.skipped.excluded, cut.len() as u64);
    assert!(run.summary.is_complete(), "what is left out on purpose is no error");
}

#[test]
fn what_is_excluded_has_no_row_and_is_counted_in_its_directory() {
    let tree = fixture("basic").build().unwrap();
    let in_data: &[&str] =
        &["data/a.csv", "data/b.CSV", "data/archive.tar.gz", "data/2024", "data/2025.final"];
    let at_top: &[&str] = &["README.md", ".config", "empty", "empty_folder", "data", "src"];
    let both_pdf: &[&str] = &["data/2024/report.pdf", "data/2025.final/report (copy).pdf"];
    let cases: &[(&[&str], &[&str])] = &[
        (&["*.csv"], &["data/a.csv"]),
        (&["*.[cC][sS][vV]"], &["data/a.csv", "data/b.CSV"]),
        (&["data"], &["data"]),
        (&["data/"], &["data"]),
        (&["empty/"], &[]),
        (&["empty*/"], &["empty_folder"]),
        (&["data/*"], in_data),
        (&["data/**"], in_data),
        (&["**/*.pdf"], both_pdf),
        (&["*.pdf", "!report.pdf"], &both_pdf[1..]),
        (&["!report.pdf", "*.pdf"], both_pdf),
        (&["/inner"], &[]),
        (&["inner"], &["src/.hidden/inner"]),
        (&["/src/.hidden"], &["src/.hidden"]),
        (&["*"], at_top),
        (&["*", "!data", "!*.csv"], &[".config", "README.md", "empty", "empty_folder", "src"]),
        (&["basic"], &[]),
        (&["nothing", "*.none"], &[]),
    ];
    for (patterns, cut) in cases {
        println!("{patterns:?}");
        let mut config = config([tree.path()], 2);
        config.walk.exclude = patterns.iter().map(|&pattern| pattern.into()).collect();
        let mut cut: Vec<&[u8]> = cut.iter().map(|cut| cut.as_bytes()).collect();
        if patterns.len() == 3 {
            cut.extend(
                in_data.iter().map(|name| name.as_bytes()).filter(|name| !name.ends_with(b".csv")),
            );
        }
        check_cut(tree.path(), &config, &cut);
    }
}

#[test]
fn a_directory_with_excluded_entries_has_the_counts_of_all_of_them() {
    let tree = fixture("basic").build().unwrap();
    let counts = |exclude: &[&str]| {
        let mut config = config([tree.path()], 2);
        config.walk.exclude = exclude.iter().map(|&pattern| pattern.into()).collect();
        let rows = report(config).rows();
        let data = rows.iter().map(|row| crate::harness::fields(row));
        let data = data.into_iter().find(|row| row[3].ends_with(b"/data")).unwrap();
        (data[15].clone(), data[16].clone())
    };
    assert_eq!(counts(&[]).0, b"5");
    assert_eq!(counts(&["data/*"]), counts(&[]));
}

#[test]
fn the_paths_of_a_list_are_left_out_as_the_walk_prints_them() {
    let tree = fixture("not_utf8").build().unwrap();
    let list = tree.folder().join("list");
    let cut: [&[u8]; 4] = [b"files/caf\xe9", b"folders/\xff", b"nested", b"files/same\xfe"];
    let root = [tree.path().as_os_str().as_bytes(), b"/"].concat();
    let path = |rest: &[u8]| [&root, rest, b"\n"].concat();
    let mut text: Vec<u8> = cut.iter().flat_map(|cut| path(cut)).collect();
    text.extend(b"\n/no/such/path\ncaf\xe9\n");
    text.extend(path(b"nested/"));
    text.extend(path(b"files/missing"));
    text.truncate(text.len() - 1);
    std::fs::write(&list, text).unwrap();
    let mut config = config([tree.path()], 2);
    config.walk.exclude_from = vec![list];
    check_cut(tree.path(), &config, &cut);
}

#[test]
fn several_lists_and_patterns_add_up() {
    let tree = fixture("basic").build().unwrap();
    let lists = ["data/2024", "src"].map(|cut| {
        let list = tree.folder().join(cut.replace('/', "_"));
        std::fs::write(&list, tree.path().join(cut).as_os_str().as_bytes()).unwrap();
        list
    });
    let mut config = config([tree.path()], 2);
    config.walk.exclude_from = lists.to_vec();
    config.walk.exclude = vec!["*.md".into()];
    check_cut(tree.path(), &config, &[b"data/2024", b"src", b"README.md"]);
}

#[test]
fn excludes_that_cannot_be_meant_are_refused_by_name() {
    let tree = fixture("empty").build().unwrap();
    for bad in ["a[", "{a", "!", "/", "", "[z-a]"] {
        let mut config = config([tree.path()], 1);
        config.walk.exclude = vec!["*.ok".into(), bad.into()];
        let error = try_report(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert_eq!((error.argument(), error.value()), (Some("exclude"), Some(bad)));
    }
    let mut config = config([tree.path()], 1);
    config.walk.exclude_from = vec![tree.path().join("missing"), tree.path().into()];
    let error = try_report(config.clone()).unwrap_err();
    assert_eq!(
        (error.kind(), error.subject()),
        (ErrorKind::File, tree.path().join("missing").display().to_string())
    );
    config.walk.exclude_from.remove(0);
    assert!(try_report(config).unwrap_err().to_string().ends_with(": Is a directory"));
}

#[test]
fn the_depth_is_limited_as_in_find() {
    for name in ["basic", "deep", "long_path", "single_file"] {
        let tree = fixture(name).build().unwrap();
        for limit in [0, 1, 2, 5, 1_000] {
            let options = OracleOptions { max_depth: Some(limit), ..Default::default() };
            let mut config = config([tree.path()], 2);
            config.walk.max_depth = Some(limit as u32);
            assert_as_walked(&report(config), &oracle::walk(tree.path(), &options));
        }
    }
}

#[test]
fn t30_snapshots_are_walked_on_request_and_else_counted_with_their_size() {
    let tree = fixture("snapshots").build().unwrap();
    let options = OracleOptions { snapshots: true, ..Default::default() };
    let mut all = config([tree.path()], 8);
    all.walk.snapshots = true;
    let all = report(all);
    assert_as_walked(&all, &oracle::walk(tree.path(), &options));
    let some = report(config([tree.path()], 8));
    assert_as_walked(&some, &naive(tree.path()));
    assert_eq!((all.summary.skipped.snapshots, some.summary.skipped.snapshots), (0, 7));
    assert!(some.summary.is_complete());
    let is_inside = |path: &Vec<u8>| path.windows(16).any(|part| part == b"/.snapshot/2024-");
    assert!(all.paths().iter().any(is_inside) && !some.paths().iter().any(is_inside));
}

#[test]
fn t30_a_snapshot_directory_as_a_root_is_walked() {
    let tree = fixture("snapshots").build().unwrap();
    let root = tree.path().join(".zfs");
    assert_as_walked(&report(config([&root], 2)), &naive(&root));
}

/// `report /etc --exclude /etc/apt` left out nothing, and said nothing.
#[test]
fn t54_full_paths_mean_what_is_there_and_excludes_that_match_nothing_are_told() {
    let tree = fixture("basic").build().unwrap();
    let full = |path: &str| tree.path().join(path).to_str().unwrap().to_owned();
    let list = tree.folder().join("list");
    std::fs::write(&list, format!("{}\n\n{}\n/outside\n", full("src"), full("nothing"))).unwrap();
    let mut config = config([tree.path()], 2);
    config.walk.exclude = vec![full("data"), full("*.md"), "*.nope".into(), full("none")];
    config.walk.exclude_from = vec![list];
    check_cut(tree.path(), &config, &[b"data", b"src", b"README.md"]);
    let unmatched = report(config.clone()).summary.unmatched_excludes;
    let expected = ["*.nope".to_owned(), full("none"), full("nothing"), "/outside".to_owned()];
    assert_eq!((unmatched.count, unmatched.first), (4, expected.to_vec()));

    config.walk.exclude = (0..50).map(|n| format!("nope-{n}")).collect();
    config.walk.exclude_from = Vec::new();
    let unmatched = report(config).summary.unmatched_excludes;
    assert_eq!((unmatched.count, unmatched.first.len()), (50, 10));
}

/// However the root is spelled, a path from `/` on means what is there.
#[test]
fn t54_a_path_from_the_top_works_below_a_root_with_another_spelling() {
    let tree = fixture("basic").build().unwrap();
    let link = tree.folder().join("link-to-root");
    std::os::unix::fs::symlink(tree.path(), &link).unwrap();
    let resolved = tree.path().canonicalize().unwrap();
    let list = tree.folder().join("list");
    std::fs::write(&list, resolved.join("src").to_str().unwrap()).unwrap();
    let mut config = config([&link], 2);
    config.walk.exclude = vec![resolved.join("data").to_str().unwrap().to_owned()];
    config.walk.exclude_from = vec![list];
    let run = report(config);
    assert_eq!(run.summary.skipped.excluded, 2);
    assert_eq!(run.summary.unmatched_excludes.count, 0);
}
