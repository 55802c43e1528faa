//! `pwalk profile`: tables, JSON and pages, of trees and of saved scans.

use crate::harness::{build, json, names, program, pwalk, run, said};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

/// Runs it on a terminal of so many columns.
fn on_terminal(columns: usize, arguments: &str) -> String {
    let script = format!("stty rows 24 cols {columns}; $PWALK profile -q {arguments}");
    let mut command = program("script");
    command.args(["-qec", &script, "/dev/null"]).env("PWALK", crate::harness::BIN);
    let said = said(command.env("SHELL", "/bin/sh").env("TERM", "xterm")).with_status(0);
    said.text().replace("\r\n", "\n")
}

#[test]
fn a_profile_has_a_table_of_each_part_and_all_of_them_fit_into_80_columns() {
    let tree = build("basic");
    let said = run(&["profile", tree.path().to_str().unwrap()]).with_status(0);
    assert_eq!(said.stderr, "");
    let parts = ["Kind", "Extension", "Owner", "Group", "Changed", "Read", "Size", "Depth"];
    for title in parts.iter().chain(&["Largest directories", "Directories with", "Largest files"]) {
        assert!(
            said.text().lines().any(|line| line.starts_with(title)),
            "{title}: {}",
            said.text()
        );
    }
    assert!(said.text().contains("empty director") && !said.text().contains('\x1b'));
    for line in said.text().lines().filter(|line| !line.contains('/')) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let by = run(&["profile", "--by", "owner", tree.path().to_str().unwrap()]).with_status(0);
    assert!(by.text().contains("Changed within") && !by.text().contains("Extension"));
}

#[test]
fn a_table_is_as_wide_as_the_terminal() {
    let tree = build("basic");
    let root = tree.path().to_str().unwrap();
    for columns in [40, 80, 200] {
        let text = on_terminal(columns, root);
        let plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "");
        assert_ne!(plain, text, "titles are bold");
        let longest = plain.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{columns}: {longest}\n{plain}");
        assert!(columns < 80 || plain.contains('█'), "{columns}\n{plain}");
    }
    assert!(!on_terminal(80, &format!("{root} | cat")).contains('\x1b'));
    let script = format!("NO_COLOR=1 $PWALK profile -q {root}");
    let mut command = program("script");
    command.args(["-qec", &script, "/dev/null"]).env("PWALK", crate::harness::BIN);
    assert!(!said(&mut command).with_status(0).text().contains('\x1b'));
}

#[test]
fn t55_what_a_scan_does_not_tell_is_in_no_table() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.parquet");
    let (root, scan) = (tree.path().to_str().unwrap(), scan.to_str().unwrap());
    let columns = "filename,kind,UID,GID,st_mtime,directory-depth";
    run(&["report", root, "-o", scan, "-q", "--columns", columns]).with_status(0);
    for arguments in [vec!["profile", scan], vec!["profile", scan, "--by", "owner"]] {
        let said = run(&arguments).with_status(0);
        let sizes: Vec<_> =
            said.text().lines().skip(2).filter(|line| line.contains(" B")).collect();
        assert!(sizes.is_empty(), "{sizes:#?}");
        for word in ["bytes", "empty", "below", "%"] {
            assert!(!said.text().contains(word), "{word}: {}", said.text());
        }
        assert!(
            said.text().lines().any(|line| line.starts_with("Owner") && line.contains("entries"))
        );
    }
    let columns = "filename,kind,st_size,directory-depth,UID";
    run(&["report", root, "-o", scan, "-q", "--columns", columns]).with_status(0);
    let said = run(&["profile", scan]).with_status(0);
    assert!(said.text().contains("empty file") && !said.text().contains("empty director"));
    assert!(!said.text().contains("over 1 year old") && !said.text().contains("on disk"));
}

#[test]
fn shares_of_files_whose_kind_is_not_known_are_not_above_all_of_them() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.parquet");
    let (root, scan) = (tree.path().to_str().unwrap(), scan.to_str().unwrap());
    run(&["report", root, "-o", scan, "-q", "--columns", "filename,st_size"]).with_status(0);
    let said = run(&["profile", scan, "--by", "extension"]).with_status(0);
    let shares = said.text().split_whitespace().filter_map(|word| word.strip_suffix('%'));
    let shares: Vec<f64> = shares.map(|share| share.parse().unwrap()).collect();
    assert!(shares.len() > 2 && shares.iter().sum::<f64>() < 101.0, "{shares:?}");
}

#[test]
fn t4_a_csv_that_cannot_tell_directories_apart_has_estimates_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (root, scan) = (folder.path().join("r"), folder.path().join("scan.csv"));
    for name in [b"d\xff", b"d\xfe"] {
        fs::create_dir_all(root.join(OsStr::from_bytes(name))).unwrap();
    }
    let (root, scan) = (root.to_str().unwrap(), scan.to_str().unwrap());
    run(&["report", root, "-o", scan, "-q"]).with_status(0);
    let of = |path| run(&["profile", path]).with_status(0).text().to_owned();
    assert!(!of(root).contains("estimates") && of(scan).contains("estimates of what is below"));
}

#[test]
fn json_is_the_same_of_a_tree_and_of_its_scan() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.parquet");
    let (root, scan) = (tree.path().to_str().unwrap(), scan.to_str().unwrap());
    run(&["report", root, "-o", scan, "-q"]).with_status(0);
    let of = |path: &str| json(run(&["profile", "--json", path]).with_status(0).text());
    let (of_tree, of_scan) = (of(root), of(scan));
    assert_eq!(of_scan["source"]["kind"], "scan");
    assert_eq!(of_scan["source"]["roots"], of_tree["source"]["roots"]);
    assert_eq!((&of_scan["complete"], &of_scan["version"]), (&true.into(), &1.into()));
    for key in
        ["totals", "extensions", "owners", "groups", "depths", "sizes", "dir_entries", "empty"]
    {
        assert_eq!(of_scan[key], of_tree[key], "{key}");
    }
    let few = json(run(&["profile", "--json", "--top", "2", root]).with_status(0).text());
    assert_eq!(few["largest_files"].as_array().unwrap().len(), 2);
    let copy = folder.path().join("copy");
    fs::copy(scan, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    assert_eq!(json(run(&["profile", "--json", copy]).text())["source"]["kind"], "tree");
    let named = run(&["profile", "--json", copy, "--from", "parquet"]).with_status(0);
    assert_eq!(json(named.text())["totals"], of_tree["totals"]);
}

#[test]
fn a_condition_chooses_entries_of_trees_and_scans() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    let (root, scan) = (tree.path().to_str().unwrap(), scan.to_str().unwrap());
    run(&["report", root, "-o", scan, "-q"]).with_status(0);
    let of = |path: &str| {
        json(run(&["profile", "--json", "--where", "kind = file and size >= 1000", path]).text())
    };
    let (of_tree, of_scan) = (of(root), of(scan));
    for key in ["totals", "largest_trees", "largest_dirs", "tree"] {
        assert_eq!(of_tree[key], of_scan[key], "{key}");
    }
    assert!(of_tree["tree"].as_array().unwrap().len() > 1);
    assert_eq!(of_tree["source"]["condition"], "kind = file and size >= 1000");
    assert!(of_tree["totals"]["entries"].as_u64().unwrap() > 2);
    let all = json(run(&["profile", "--json", root]).text());
    assert_ne!(all["totals"], of_tree["totals"]);
    run(&["profile", "--where", "size >", "/nowhere"]).with_status(2);
}

#[test]
fn a_page_is_one_file_that_appears_when_it_is_complete() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let (root, page) = (tree.path().to_str().unwrap(), page.to_str().unwrap());
    let said = run(&["profile", root, "--html", page]).with_status(0);
    assert!(said.text().contains("Extension"));
    assert_eq!(said.lines(), [format!("page: {page}")]);
    assert_eq!(names(folder.path()), ["page.html"]);
    let text = fs::read_to_string(page).unwrap();
    assert!(text.starts_with("<!") && text.ends_with("</html>\n"));
    let quiet = run(&["profile", root, "--html", page, "-q"]).with_status(0);
    assert_eq!((quiet.text(), &*quiet.stderr), ("", ""));
    let streamed = run(&["profile", root, "--html", "-"]).with_status(0);
    assert!(streamed.text().ends_with("</html>\n") && streamed.text().starts_with("<!"));
    let missing = folder.path().join("no/page.html");
    let said = run(&["profile", root, "--html", missing.to_str().unwrap()]).with_status(2);
    assert_eq!((said.lines().len(), said.text()), (1, ""));
}

#[test]
fn what_a_scan_can_not_have_is_refused_in_one_line() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    let (root, scan) = (tree.path().to_str().unwrap(), scan.to_str().unwrap());
    run(&["report", root, "-o", scan, "-q"]).with_status(0);
    let cases: [(&[&str], &str); 7] = [
        (&[scan, "--exclude", "a"], "--exclude is for trees"),
        (&[scan, root], "give no other path"),
        (&[scan, "--top", "0"], "--top"),
        (&[scan, "--json", "--by", "owner"], "--by"),
        (&[root, "--json", "--html", "-"], "--html '-': standard output is what --json writes to"),
        (&[scan, "--by", "age", "--html", "-"], "standard output is what --by writes to"),
        (&["/nowhere/scan.csv"], "/nowhere/scan.csv"),
    ];
    for (arguments, expected) in cases {
        let said = run(&[&["profile"], arguments].concat()).with_status(2);
        assert!(said.stderr.contains(expected) && said.stdout.is_empty(), "{}", said.stderr);
        assert_eq!(said.lines().len(), 1, "{}", said.stderr);
    }
    fs::write(scan, "inode,parent-inode\n1,2\n").unwrap();
    let said = run(&["profile", scan]).with_status(2);
    assert!(said.stderr.contains("scan.csv: line 1"), "{}", said.stderr);
}

#[test]
fn hostile_names_neither_break_lines_nor_move_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a\n\x1b[2Jb\u{202e}c");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("x.\u{202e}gpj\r"), vec![0; 5000]).unwrap();
    let said = run(&["profile", folder.path().to_str().unwrap()]).with_status(0);
    assert!(!said.text().contains(['\x1b', '\r', '\u{202e}']), "{}", said.text());
    assert!(said.text().contains("a\\n\\u{1b}[2Jb\\u{202e}c"), "{}", said.text());
    assert!(said.text().contains("with control characters"));
}

#[test]
fn a_reader_that_leaves_early_ends_it_quietly_and_the_page_is_there() {
    let tree = build("basic");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let mut command = pwalk();
    command.args(["profile", "-q"]).arg(tree.path());
    for with_page in [false, true] {
        if with_page {
            command.arg("--json").arg("--html").arg(&page);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = Vec::new();
        let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
        stdout.read_until(b' ', &mut line).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    }
    assert!(page.is_file());
}
