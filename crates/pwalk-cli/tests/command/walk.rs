//! `pwalk walk`: paths as `find` prints them.

use crate::harness::{build, naive, paths, pwalk, run, said};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::{Kind, OracleRow};
use std::path::Path;
use std::process::Command;

fn find(root: &Path, tests: &[&str]) -> Vec<u8> {
    let output = Command::new("find").arg(root).args(tests).arg("-print0").output();
    output.expect("find is installed").stdout
}

fn walk0(root: &Path, arguments: &[&str]) -> Vec<u8> {
    said(pwalk().args(["walk", "-0"]).args(arguments).arg(root)).with_status(0).stdout
}

fn split(paths: &[u8]) -> Vec<&[u8]> {
    paths.split_inclusive(|&byte| byte == 0).collect()
}

#[test]
fn paths_are_those_of_find_for_every_kind() {
    let trees = ["special", "links", "basic", "names"].map(build);
    let kinds = ["file f", "dir d", "symlink l", "fifo p", "socket s", "char c", "block b"];
    for tree in &trees {
        assert_same_rows(&split(&walk0(tree.path(), &[])), &split(&find(tree.path(), &[])));
        for kind in kinds {
            let (word, letter) = kind.split_once(' ').unwrap();
            let found = find(tree.path(), &["-type", letter]);
            assert_same_rows(&split(&walk0(tree.path(), &["--type", letter])), &split(&found));
            assert_same_rows(&split(&walk0(tree.path(), &["--type", word])), &split(&found));
        }
        let both = find(tree.path(), &["-type", "f,l"]);
        for several in [&["--type", "f,l"][..], &["--type", "l", "--type", "f"], &["--type=f,l,f"]]
        {
            assert_same_rows(&split(&walk0(tree.path(), several)), &split(&both));
        }
    }
    let n_of = |letter: &str| split(&find(trees[0].path(), &["-type", letter])).len();
    assert!(["f", "d", "p", "s"].iter().all(|letter| n_of(letter) > 0), "the tree has them");
}

#[test]
fn t1_t4_t5_names_are_printed_as_they_are() {
    for name in ["names", "not_utf8", "long_path"] {
        let tree = build(name);
        let rows = naive(tree.path());
        for null in ["-0", "--null"] {
            let said = said(pwalk().args(["walk", null]).arg(tree.path())).with_status(0);
            assert_same_rows(&said.paths(b'\0'), &paths(&rows));
            assert_eq!(said.stderr, "");
        }
        let said = said(pwalk().arg("walk").arg(tree.path())).with_status(0);
        let expected: Vec<u8> = paths(&rows).concat();
        assert_eq!(said.stdout.len(), expected.len() + rows.len(), "a line end each");
    }
}

#[test]
fn t10_a_root_of_any_kind_is_listed() {
    let (file, empty, links) = (build("single_file"), build("empty"), build("links"));
    let cases = [
        (file.path().to_owned(), Kind::File),
        (empty.path().to_owned(), Kind::Dir),
        (links.path().join("dangling"), Kind::Symlink),
    ];
    for (root, kind) in cases {
        let rows: Vec<OracleRow> = naive(&root);
        assert_eq!((rows.len(), rows[0].kind), (1, kind));
        let said = run(&["walk", root.to_str().unwrap()]).with_status(0);
        assert_same_rows(&said.paths(b'\n'), &paths(&rows));
    }
}

#[test]
fn t10_an_unknown_kind_or_no_root_is_refused_in_one_line() {
    for (arguments, part) in [
        (&["walk", "--type", "x", "/"][..], "'x'"),
        (&["walk", "--type", "", "/"], "--type"),
        (&["walk"], "<PATH>"),
        (&["walk", "/no/such"], "/no/such: No such file or directory"),
    ] {
        let said = run(arguments).with_status(2);
        assert_eq!((said.lines().len(), &*said.stdout), (1, &b""[..]), "{}", said.stderr);
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}
