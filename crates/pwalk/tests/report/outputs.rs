//! The files of a report: whole or not there, and the summary that stands beside them.

use crate::harness::{config, fields, report, rows_of};
use pwalk::{Control, ErrorKind, Output, Report, ReportConfig};
use pwalk_testkit::privileges::as_user;
use pwalk_testkit::{Tree, fixture};
use std::fs;
use std::path::Path;

/// A report of `tree` with all three files in a folder beside it, which is returned.
fn with_files(tree: &Tree) -> (ReportConfig, std::path::PathBuf) {
    let folder = tree.folder().join("outputs");
    fs::create_dir(&folder).unwrap();
    let mut config = config([tree.path()], 8);
    config.table.output = Output::File(folder.join("out.csv"));
    config.summary = Some(folder.join("summary.json"));
    config.errors = Some(folder.join("errors.ndjson"));
    (config, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_cancelled_report_leaves_nothing_and_old_files_as_they_were() {
    // A tree with errors, so that a worker itself can cancel in the middle.
    as_user(|| {
        let tree = fixture("inaccessible").build().unwrap();
        let (config, folder) = with_files(&tree);
        let report = || Report::prepare(config.clone()).unwrap();
        let control = Control::default();
        control.cancel();
        let error = report().run(&control, &|_| ()).unwrap_err();
        assert_eq!((error.kind(), names(&folder)), (ErrorKind::Cancelled, Vec::new()));

        fs::write(folder.join("out.csv"), "of last week").unwrap();
        let control = Control::default();
        let error = report().run(&control, &|_| control.cancel()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(control.progress().n_errors > 0, "it had begun");
        assert_eq!(names(&folder), ["out.csv"]);
        assert_eq!(fs::read(folder.join("out.csv")).unwrap(), b"of last week");
    });
}

#[test]
fn a_report_that_is_dropped_before_it_runs_leaves_nothing() {
    let tree = fixture("empty").build().unwrap();
    let (config, folder) = with_files(&tree);
    let report = Report::prepare(config).unwrap();
    drop(report);
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_report_replaces_what_was_there_when_it_is_complete() {
    let tree = fixture("basic").build().unwrap();
    let (config, folder) = with_files(&tree);
    for name in ["out.csv", "summary.json", "errors.ndjson"] {
        fs::write(folder.join(name), "old").unwrap();
    }
    let report = Report::prepare(config).unwrap();
    assert_eq!(fs::read(folder.join("out.csv")).unwrap(), b"old");
    let summary = report.run(&Control::default(), &|_| ()).unwrap();
    assert_eq!(names(&folder), ["errors.ndjson", "out.csv", "summary.json"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("errors.ndjson"), "");
    assert_eq!(read("out.csv").lines().count() as u64, summary.n_entries() + 1);
    assert_eq!(read("summary.json"), summary.to_json() + "\n");
}

#[test]
fn files_that_cannot_be_written_are_refused_by_name_before_the_walk() {
    let tree = fixture("basic").build().unwrap();
    let bad = tree.folder().join("no folder/file");
    let (good, folder) = with_files(&tree);
    let change: [fn(&mut ReportConfig, &Path); 3] = [
        |config, bad| config.table.output = Output::File(bad.with_extension("csv")),
        |config, bad| config.summary = Some(bad.into()),
        |config, bad| config.errors = Some(bad.into()),
    ];
    for change in change {
        let mut config = good.clone();
        change(&mut config, &bad);
        let error = Report::prepare(config).err().expect("it must be refused");
        assert_eq!(error.kind(), ErrorKind::File);
        assert!(error.to_string().ends_with(": No such file or directory"), "{error}");
        assert!(error.subject().starts_with(bad.to_str().unwrap()), "{error}");
        assert_eq!(names(&folder), [""; 0]);
    }
}

/// "In both cases no output has its final name": also where the last of them fails.
#[test]
fn if_one_file_cannot_be_finished_none_has_its_name() {
    let tree = fixture("not_utf8").build().unwrap();
    let (good, folder) = with_files(&tree);
    let full = Path::new("/dev/full");
    let change: [fn(&mut ReportConfig, &Path); 2] = [
        |config, full| config.errors = Some(full.into()),
        |config, full| config.summary = Some(full.into()),
    ];
    for change in change {
        let mut config = good.clone();
        change(&mut config, full);
        let error = Report::prepare(config).unwrap().run(&Control::default(), &|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "/dev/full: No space left on device");
        assert_eq!(names(&folder), [""; 0]);
    }
}

#[test]
fn two_outputs_under_one_name_are_refused() {
    let tree = fixture("empty").build().unwrap();
    let (good, folder) = with_files(&tree);
    std::os::unix::fs::symlink(&folder, tree.folder().join("again")).unwrap();
    for path in ["out.csv", "../outputs/out.csv", "./out.csv", "../again/out.csv"] {
        let mut config = good.clone();
        config.summary = Some(folder.join(path));
        let error = Report::prepare(config).err();
        let error = error.unwrap_or_else(|| panic!("{path}: the summary replaces the table"));
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains("out.csv': two outputs have the same name"), "{error}");
    }
}

#[test]
fn the_summary_says_everything_under_its_name() {
    let tree = fixture("snapshots").build().unwrap();
    let summary = report(config([tree.path()], 2)).summary;
    let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "bytes",
        "changed_names",
        "complete",
        "entries",
        "errors",
        "repeated_names",
        "roots",
        "seconds",
        "skipped",
        "stalled",
        "stalls",
        "started",
        "threads",
        "threads_refused",
        "unmatched_excludes",
        "vanished",
        "version",
    ];
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(json["complete"], true);
    assert_eq!(json["skipped"]["snapshots"], 7);
    assert_eq!(json["roots"][0], tree.path().to_str().unwrap());
    assert!(json["started"].as_i64().unwrap() > 1_700_000_000);
    assert!(json["seconds"].as_f64().unwrap() < 60.0);
    assert_eq!(json["entries"].as_object().unwrap().len(), 3, "dir, file, symlink");
}

#[test]
fn a_run_leaves_out_its_own_files_everywhere_and_says_how_many() {
    let tree = fixture("basic").build().unwrap();
    let outside = tree.folder().join("outside.csv");
    let report_to = |output: &Path| {
        let mut config = config([tree.path()], 2);
        config.table.output = Output::File(output.to_owned());
        config.table.format = Some("csv".parse().unwrap());
        let summary = Report::prepare(config).unwrap().run(&Control::default(), &|_| ()).unwrap();
        let text = if output == outside {
            fs::read(output)
        } else {
            fs::read(output.join("part-00000.csv"))
        };
        let rows = rows_of(&text.unwrap());
        let root = rows.iter().map(|row| fields(row)).find(|row| row[2] == b"-1").unwrap();
        let at_root = rows.iter().filter(|row| fields(row)[2] == b"0").count();
        assert_eq!(root[15], at_root.to_string().as_bytes(), "pw_fcount counts the rows");
        (summary.n_entries(), summary.skipped.own_outputs)
    };
    let (n_entries, _) = report_to(&outside);
    let parts = tree.path().join("parts/");
    // Its work folder, and the second time the older table too.
    assert_eq!(report_to(&parts), (n_entries, 1));
    assert_eq!(report_to(&parts), (n_entries, 2));
    // The folder and what is in it belong to nobody now.
    assert_eq!(report_to(&outside), (n_entries + 3, 0));
}
