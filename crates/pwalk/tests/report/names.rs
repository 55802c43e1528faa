//! Names in a report: nothing is lost, and what is changed is said with its exact bytes.

use crate::harness::{Run, config, fields, naive, report};
use pwalk::Names;
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{OracleRow, extension};
use pwalk_testkit::{Tree, fixture};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const BOTH: [&str; 2] = ["names", "not_utf8"];

fn run(tree: &Tree, names: Names) -> Run {
    let mut config = config([tree.path()], 2);
    config.table.names = names;
    report(config)
}

/// `inode filename fileExtension`, with quotes undone.
fn names_of(run: &Run) -> Vec<Vec<u8>> {
    run.rows()
        .iter()
        .map(|row| {
            let row = fields(row);
            assert_eq!(row.len(), 17);
            [&row[0], &row[3], &row[4]].map(Vec::as_slice).join(&b' ')
        })
        .collect()
}

/// The same of the naive walk, with each name as `change` makes it.
fn expected(rows: &[OracleRow], change: fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let line = |row: &OracleRow| {
        let is_dir = row.kind == pwalk_testkit::oracle::Kind::Dir;
        let extension = if is_dir { b"" } else { extension(&row.path) };
        let inode = row.inode.to_string().into_bytes();
        [inode, change(&row.path), change(extension)].join(&b' ')
    };
    rows.iter().map(line).collect()
}

#[test]
fn t1_t2_t4_each_policy_changes_what_it_says_and_nothing_else() {
    let lossy = |name: &[u8]| String::from_utf8_lossy(name).into_owned().into_bytes();
    let above_31 = |name: &[u8]| name.iter().copied().filter(|&byte| byte >= 32).collect();
    for name in BOTH {
        let tree = fixture(name).build().unwrap();
        let rows = naive(tree.path()).rows;
        assert_same_rows(&names_of(&run(&tree, Names::Utf8)), &expected(&rows, lossy));
        assert_same_rows(&names_of(&run(&tree, Names::Raw)), &expected(&rows, <[u8]>::to_vec));
        assert_same_rows(&names_of(&run(&tree, Names::Pwalk)), &expected(&rows, above_31));
    }
}

#[test]
fn t1_t4_t5_every_raw_name_leads_back_to_its_inode() {
    for name in BOTH {
        let tree = fixture(name).build().unwrap();
        for row in run(&tree, Names::Raw).rows() {
            let row = fields(&row);
            let inode = Path::new(OsStr::from_bytes(&row[3])).symlink_metadata().unwrap().ino();
            assert_eq!(row[0], inode.to_string().as_bytes());
        }
    }
}

#[test]
fn t2_t3_a_report_is_utf8_and_names_that_are_stay_as_they_are() {
    let trees = BOTH.map(|name| fixture(name).build().unwrap());
    let run = report(config(trees.iter().map(Tree::path), 2));
    let text = String::from_utf8(run.file).expect("all of it is UTF-8");
    for kept in ["/caf\u{e9}.txt\"", "/\u{65e5}\u{672c}.\u{62e1}\u{5f35}\"", "/\u{1f600}\""] {
        assert!(text.contains(kept), "{kept}");
    }
}

#[test]
fn t2_t4_the_list_of_errors_has_the_exact_bytes_of_every_changed_name() {
    let tree = fixture("not_utf8").build().unwrap();
    let list = tree.folder().join("errors.ndjson");
    let mut config = config([tree.path()], 8);
    config.errors = Some(list.clone());
    let run = report(config);
    let changed: Vec<OracleRow> = naive(tree.path())
        .rows
        .into_iter()
        .filter(|row| std::str::from_utf8(&row.path).is_err())
        .collect();
    assert!(changed.len() > 500);
    assert_eq!(run.summary.changed_names, changed.len() as u64);
    assert!(run.summary.is_complete() && run.errors.is_empty(), "nothing is missing");
    let told: Vec<_> = run.changed.iter().map(|error| error.path.clone()).collect();
    assert_same_rows(&told, &changed.iter().map(|row| row.path.clone()).collect::<Vec<_>>());

    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let expected: Vec<String> = changed
        .iter()
        .map(|row| {
            let path = String::from_utf8_lossy(&row.path);
            format!("{path} {} {} name EILSEQ", hex(&row.path), row.depth)
        })
        .collect();
    let text = std::fs::read_to_string(list).unwrap();
    let listed = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| match &line[name] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        ["path", "path_hex", "depth", "operation", "error"].map(field).join(" ")
    });
    assert_same_rows(&listed.collect::<Vec<_>>(), &expected);
}

#[test]
fn t2_names_that_are_utf8_are_not_in_the_list_of_errors() {
    let tree = fixture("names").build().unwrap();
    let list = tree.folder().join("errors.ndjson");
    let mut config = config([tree.path()], 2);
    config.errors = Some(list.clone());
    assert_eq!(report(config).summary.changed_names, 0);
    assert_eq!(std::fs::read(list).unwrap(), b"");
}
