//! The command `pwalk-fixtures`, by its wiring only.

use pwalk_testkit::FIXTURES;
use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str], folder: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pwalk-fixtures"));
    let (flags, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|a| a.starts_with('-'));
    command.args(flags).args(folder).args(names).output().expect("the command starts")
}

#[test]
fn trees_are_made_by_name_and_removed_whatever_is_in_them() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("trees");
    assert!(run(&["basic", "long_path"], Some(&folder)).status.success());
    assert!(folder.join("basic/README.md").exists() && folder.join("long_path").is_dir());
    assert_eq!(run(&["basic"], Some(&folder)).status.code(), Some(1), "it exists");
    std::fs::write(folder.join("a result of a test"), b"").unwrap();
    assert!(run(&["--rm"], Some(&folder)).status.success());
    assert!(!folder.exists());
    assert!(run(&["--rm"], Some(&folder)).status.success(), "gone already");
}

#[test]
fn a_folder_of_others_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["--rm"], Some(folder.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("left alone"));
    assert!(folder.path().exists());
}

#[test]
fn names_are_listed_and_unknown_ones_refused() {
    let names = String::from_utf8(run(&["--list"], None).stdout).unwrap();
    assert_eq!(names.lines().count(), FIXTURES.len());
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("trees");
    assert_eq!(run(&["basic", "nonsense"], Some(&folder)).status.code(), Some(1));
    assert!(!folder.exists());
    assert_eq!(run(&["--nonsense"], None).status.code(), Some(2));
    assert_eq!(run(&[], None).status.code(), Some(2));
}
