//! Everything that a user can get wrong: one line that names it and says why, status 2, and
//! nothing written.
//!
//! Owns the table. What stands in a line is checked by its parts, since half of the lines are
//! made by the parser of arguments.

use crate::harness::{build, names, pwalk, said};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Arguments (in a folder that holds the tree `basic` and a file `list`), and what the line
/// must contain.
#[rustfmt::skip]
const REFUSED: &[(&[&str], &[&str])] = &[
    // Roots.
    (&["report"], &["<PATH>"]),
    (&["walk"], &["<PATH>"]),
    (&["report", "missing"], &["missing: No such file or directory"]),
    (&["report", ""], &["''", "<PATH>", "must not be empty"]),
    (&["report", "basic", "missing"], &["missing: No such file or directory"]),
    (&["report", "list/below"], &["list/below: Not a directory"]),
    (&["walk", "missing"], &["missing: No such file or directory"]),
    (&["info", "missing"], &["missing: No such file or directory"]),
    // Outputs.
    (&["report", "basic", "-o", "basic"], &["basic"]),
    (&["report", "basic", "-o", "basic", "--format", "csv"], &["basic: Is a directory"]),
    (&["report", "basic", "-o", ".", "--format", "csv"], &[".: Is a directory"]),
    // With a slash it becomes a folder of parts, but not if it holds anything else.
    (&["report", "basic", "-o", "/", "--format", "csv"], &["/: is the root of the filesystem"]),
    (&["report", "basic", "-o", "basic/", "--format", "csv"], &["basic/: contains "]),
    (&["report", "basic", "-o", "list/", "--format", "csv"], &["list/: Not a directory"]),
    (&["report", "basic", "-o", "none/none/", "--format", "csv"], &["none/none/: No such file"]),
    (&["report", "basic", "-o", "none/a.csv"], &["none/a.csv: No such file or directory"]),
    (&["report", "basic", "-o", "list/a.csv"], &["list/a.csv: Not a directory"]),
    (&["report", "basic", "-o", "", "--format", "csv"], &["--output"]),
    (&["report", "basic", "-o"], &["'--output <FILE>' needs a value", "pwalk report --help"]),
    (&["report", "basic", "-o", "d.parquet/"], &["output 'd.parquet/'", "--format"]),
    (&["report", "basic", "-o", "scan/"], &["output 'scan/'", "--format"]),
    (&["report", "basic", "-o", "scan/."], &["output 'scan/'", "--format"]),
    (&["report", "basic", "-o", "a.csv", "--part-rows", "3"], &["--part-rows '3'", "-o FOLDER/"]),
    (&["report", "basic", "-o", "-", "--part-bytes", "1K"], &["--part-bytes '1024'", "-o FOLDER/"]),
    (&["report", "basic", "-o", "s/", "--format", "csv", "--part-bytes", "1X"], &["'1X'", "K, M, G or T"]),
    (&["report", "basic", "-o", "s/", "--format", "csv", "--part-rows", "0"], &["'0'", "at least 1"]),
    (&["report", "basic", "--summary", "-"], &["--summary '-'", "--json"]),
    (&["report", "basic", "--errors", "-"], &["--errors '-'", "/dev/stdout"]),
    (&["convert", "none/", "a.parquet"], &["none/: No such file or directory"]),
    (&["convert", "none", "a.parquet"], &["none: No such file or directory"]),
    (&["report", "basic", "-o", "a.csv", "--summary", "basic"], &["basic: Is a directory"]),
    (&["report", "basic", "-o", "a.csv", "--errors", "none/e"], &["none/e: No such file"]),
    (&["report", "basic", "-o", "a.csv", "--errors", "a.csv"], &["a.csv", "two outputs"]),
    (&["report", "basic", "-o", "a.csv", "--summary", "./a.csv"], &["a.csv", "two outputs"]),
    (&["report", "basic", "--errors", "e", "--summary", "basic/../e"], &["e", "two outputs"]),
    // Conditions.
    (&["report", "basic", "--where", "sise > 1"], &["condition 'sise > 1': no such field 'sise'; did you mean 'size'? (at character 1)"]),
    (&["walk", "basic", "--where", "size >"], &["condition 'size >': a value is missing here (at the end)"]),
    (&["walk", "missing", "--where", ""], &["condition '': a test is missing here, as in size > 1G"]),
    (&["walk", "basic", "--where", "user = no-such-user"], &["no such user on this machine (at character 8)"]),
    (&["walk", "basic", "--where"], &["'--where <CONDITION>' needs a value"]),
    (&["walk", "basic", "--where", "empty", "--where", "empty"], &["--where"]),
    // Formats.
    (&["report", "basic", "-o", "a.xls"], &["a.xls", "suffix", ".csv.zst"]),
    (&["report", "basic", "-o", "a.zst"], &["a.zst", "suffix"]),
    (&["report", "basic", "-o", "csv"], &["csv", "suffix"]),
    (&["report", "basic", "-o", ".csv.xz"], &[".csv.xz", "suffix"]),
    (&["report", "basic", "--format", "xls"], &["'xls'", "--format", "csv.zst"]),
    (&["report", "basic", "--format", "CSV"], &["'CSV'"]),
    (&["report", "basic", "-o", "a.csv", "--format", "parquet"], &["format 'parquet'", "a.parquet"]),
    (&["report", "basic", "-o", "a.csv.zst", "--format", "csv"], &["format 'csv'", ": a.csv"]),
    (&["report", "basic", "-o", "a.csv.zst", "--compress", "none"], &["compression 'none'", ": a.csv"]),
    (&["report", "basic", "-o", "a.parquet", "--compress=gzip"], &["'gzip'", "zstd, inside"]),
    (&["report", "basic", "-o", "a/"], &["a/", "format"]),
    (&["report", "basic", "--names", "latin1"], &["'latin1'", "--names", "utf8"]),
    (&["report", "basic", "-o", "a.parquet", "--columns", "size"], &["'size'", "did you mean 'st_size'?"]),
    (&["report", "basic", "-o", "a.parquet", "--columns", "+xyz"], &["column '+xyz': no such column"]),
    // Patterns and lists.
    (&["report", "basic", "--exclude", "a["], &["exclude pattern 'a['"]),
    (&["report", "basic", "--exclude", "{a,b"], &["exclude pattern '{a,b'"]),
    (&["walk", "basic", "--exclude", "*.ok", "--exclude", "[z-a]"], &["exclude pattern '[z-a]'"]),
    (&["walk", "basic", "--exclude", ""], &["exclude pattern ''"]),
    (&["walk", "basic", "--exclude", "!"], &["exclude pattern '!'"]),
    (&["walk", "basic", "--exclude-from", "none"], &["none: No such file or directory"]),
    (&["walk", "basic", "--exclude-from", "basic"], &["basic: Is a directory"]),
    // Numbers.
    (&["report", "basic", "-t", "0"], &["'0'", "--threads", "1 to 4096"]),
    (&["report", "basic", "--threads", "4097"], &["'4097'", "--threads", "1 to 4096"]),
    (&["walk", "basic", "--max-threads", "0"], &["'0'", "--threads", "1 to 4096"]),
    (&["info", "basic", "--threads", "5000"], &["'5000'", "--threads", "1 to 4096"]),
    (&["report", "basic", "-t", "-1"], &["-1"]),
    (&["report", "basic", "-t", "two"], &["'two'", "--threads", "1 to 4096"]),
    (&["report", "basic", "-t", ""], &["''", "--threads"]),
    (&["report", "basic", "-t", "1.5"], &["'1.5'", "--threads"]),
    (&["report", "basic", "-t", "99999999999999999999"], &["'99999999999999999999'", "--threads"]),
    (&["walk", "basic", "--max-ops", "-1"], &["'-1'", "--max-ops", "1 to 1000000000"]),
    (&["walk", "basic", "--max-ops", "0"], &["'0'", "--max-ops", "1 to 1000000000"]),
    (&["walk", "basic", "--max-depth", "-1"], &["-1"]),
    (&["walk", "basic", "--max-depth", "4294967296"], &["4294967296", "--max-depth", "0 to 4294967295"]),
    (&["walk", "basic", "--max-depth", "deep"], &["'deep'", "--max-depth"]),
    // Commands and arguments.
    (&["reprot", "basic"], &["'reprot' (did you mean 'report'?)", "pwalk --help"]),
    (&["help", "reprot"], &["'reprot' (did you mean 'report'?)"]),
    (&["report", "basic", "--formt", "csv"], &["'--formt' (did you mean '--format'?)", "pwalk report --help"]),
    (&["walk", "basic", "--typ", "f"], &["'--typ' (did you mean '--type'?)", "pwalk walk --help"]),
    (&["basic"], &["'basic'"]),
    (&["report", "basic", "--bogus"], &["'--bogus'"]),
    (&["report", "basic", "-Z"], &["'-Z'"]),
    (&["report", "basic", "-0"], &["'-0'"]),
    (&["walk", "basic", "-o", "a.csv"], &["'-o'"]),
    (&["info", "basic", "list"], &["'list'"]),
    (&["walk", "basic", "--type", "file,x"], &["'x'", "--type"]),
    (&["man", "nonsense"], &["nonsense"]),
    (&["completions"], &["<SHELL>"]),
];

#[test]
fn t10_bad_arguments_are_refused_in_one_line_and_write_nothing() {
    let tree = build("basic");
    std::fs::write(tree.folder().join("list"), "").unwrap();
    let mut failures = Vec::new();
    for (arguments, parts) in REFUSED {
        let said = said(pwalk().args(*arguments).current_dir(tree.folder()));
        let is_one_line = said.lines().len() == 1 && said.stderr.ends_with('\n');
        let has_parts = parts.iter().all(|part| contains_case(&said.stderr, part));
        let has_parts = has_parts && !said.stderr.contains("found in string");
        let is_clean = names(tree.folder()) == ["basic", "list"] && said.stdout.is_empty();
        if said.status != Some(2) || !is_one_line || !has_parts || !is_clean {
            let left = names(tree.folder());
            failures.push(format!("{arguments:?}: {:?} {:?} {left:?}", said.status, said.stderr));
            for name in left.iter().filter(|name| !["basic", "list"].contains(&&***name)) {
                pwalk_testkit::remove_tree(&tree.folder().join(name)).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The standard library says "is a directory" where the kernel says "Is a directory".
fn contains_case(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

#[test]
fn numbers_in_the_environment_are_refused_by_the_name_of_the_variable() {
    for value in ["0", "4097", "-1", "many", " 3"] {
        for command in [&["report", "-o-", "/etc/passwd"][..], &["walk", "/etc"], &["info", "/"]] {
            let said = said(pwalk().args(command).env("PWALK_THREADS", value)).with_status(2);
            let expected =
                format!("pwalk: PWALK_THREADS '{value}': must be a whole number from 1 to 4096\n");
            assert_eq!((&*said.stderr, said.stdout.len()), (&*expected, 0));
        }
    }
}

#[test]
fn an_empty_number_in_the_environment_is_as_good_as_none() {
    let mut command = pwalk();
    command.args(["info", "--json", "/"]).env("PWALK_THREADS", "");
    let info = crate::harness::json(said(&mut command).with_status(0).stdout);
    assert!(info["threads_reason"].as_str().unwrap().contains("cores"));
}

#[test]
fn what_an_argument_overrules_is_not_looked_at() {
    let mut command = pwalk();
    command.args(["walk", "-t1", "/etc/passwd"]).env("PWALK_THREADS", "0");
    assert_eq!(said(&mut command).with_status(0).stderr, "");
}

/// A line end in a name must not make two lines of a message, nor a control character move the
/// cursor of a terminal.
#[test]
fn t1_hostile_names_in_messages_stay_on_one_line() {
    let tree = build("empty");
    let hostile = "a\nb\r\x1b[2Jc";
    let cases: [&[&str]; 6] = [
        &["report", hostile],
        &["walk", hostile],
        &["info", hostile],
        &["report", "empty", "-o", hostile],
        &["report", "empty", "--exclude", "a\n["],
        &["walk", "empty", "--exclude-from", hostile],
    ];
    let mut failures = Vec::new();
    for arguments in cases {
        let said = said(pwalk().args(arguments).current_dir(tree.folder())).with_status(2);
        let is_plain = said.stderr.chars().filter(|c| c.is_control()).eq(['\n']);
        if !is_plain {
            failures.push(format!("{arguments:?}: {:?}", said.stderr));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn t4_an_argument_that_must_be_text_and_is_not_is_refused_by_its_name() {
    let bad = OsStr::from_bytes(b"caf\xe9");
    let mut failures = Vec::new();
    for argument in ["--exclude", "--threads", "--max-depth", "--format", "--names"] {
        let said = said(pwalk().args(["report", "/etc/passwd", argument]).arg(bad)).with_status(2);
        if said.lines().len() != 1 || !said.stderr.contains(argument) {
            failures.push(format!("{argument}: {:?}", said.stderr));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn t4_a_root_that_is_not_utf8_is_named_readably() {
    let root = OsStr::from_bytes(b"/no/caf\xe9");
    let said = said(pwalk().arg("report").arg(root)).with_status(2);
    assert_eq!(said.stderr, "pwalk: /no/caf\u{fffd}: No such file or directory\n");
}
