//! Journals that were cut off by a kill, or damaged; and names that are no text.

use crate::harness::{apply, config, plan, rights, table};
use pwalk::repair::Changes;
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, file};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// A folder with three files that were repaired, and the text of the journal.
fn repaired() -> (Shared, Vec<u8>) {
    let shared = Shared::new();
    ["a", "b", "c"].iter().for_each(|name| drop(shared.private(name)));
    let planned = plan(&config(&shared.root)).unwrap();
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    let text = fs::read(shared.journal(1)).unwrap();
    (shared, text)
}

#[test]
fn a_journal_that_was_cut_off_anywhere_takes_back_what_it_announced() {
    if !requires(Need::Root) {
        return;
    }
    let (shared, text) = repaired();
    let ends: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b'\n').collect();
    let [first, announced, made, last] = ends[..] else { panic!("it has four lines") };
    let whole = shared.rights();
    let cut = shared.journal(2);
    // The ends of lines and what is beside them, and some places between.
    let around = ends.iter().flat_map(|end| [end - 1, *end, end + 1]);
    for len in around.chain((first..last).step_by(97)) {
        fs::write(&cut, &text[..len]).unwrap();
        let undo = apply(Changes::Journal(cut.clone()), &shared.journal(3));
        let _ = fs::remove_file(shared.journal(3));
        if len <= first {
            let error = undo.unwrap_err().to_string();
            assert!(error.ends_with("is not the journal of a repair"), "{len}: {error}");
            continue;
        }
        let (undone, left) = undo.unwrap();
        let expected = if len > announced { 3 } else { 0 };
        assert_eq!((undone.changed, left), (expected, vec![]), "{len} {made}");
        if expected > 0 {
            let back = [(0o600, OWNER); 3];
            assert_eq!(["a", "b", "c"].map(|name| rights(&shared.at(name))), back);
            let planned = plan(&config(&shared.root)).unwrap();
            apply(table(planned.changes), &shared.journal(3)).unwrap();
            fs::remove_file(shared.journal(3)).unwrap();
        }
        assert_eq!(shared.rights(), whole);
    }
}

#[test]
fn a_journal_that_is_damaged_or_of_another_version_is_refused_by_its_line() {
    if !requires(Need::Root) {
        return;
    }
    let (shared, text) = repaired();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let whole = shared.rights();
    let other = shared.journal(2);
    let cases = [
        (text.replacen("\"version\":1", "\"version\":2", 1), "this pwalk reads 1"),
        (text.replacen("\"kind\":\"file\"", "\"kind\":\"fil\"", 1), "line 2: "),
        (text.replacen("\"uid\":", "\"why\":1,\"uid\":", 1), "line 2: "),
        (text.replacen("\"0600\"", "\"0800\"", 1), "line 2: has an invalid mode"),
        ([lines[0], &lines[1][..80], lines[2], ""].join("\n"), "line 2: "),
        ([lines[0], lines[2], ""].join("\n"), "line 2: has the end of a batch without"),
        ([lines[0], lines[0], ""].join("\n"), "line 2: has a second beginning"),
        ([lines[0], lines[1], lines[1], ""].join("\n"), "line 3: has a batch twice"),
        ("{}\n".to_owned(), "is not the journal of a repair"),
        ("path,old_mode\n".to_owned(), "is not the journal of a repair"),
    ];
    for (text, expected) in cases {
        fs::write(&other, &text).unwrap();
        let error = apply(Changes::Journal(other.clone()), &shared.journal(3)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(shared.rights(), whole);
        assert!(!shared.journal(3).exists(), "{expected}");
    }
}

#[test]
fn names_that_are_no_text_are_repaired_and_taken_back() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let names: [&[u8]; 6] = [b"\xff", b"a\nb", b"\"q\"", b" ", b"\\", "\u{fffd}".as_bytes()];
    let paths = names.map(|name| shared.root.join(OsStr::from_bytes(name)));
    paths.iter().for_each(|path| file(path, 0o600, OWNER, OWNER));
    for name in ["plan.csv", "plan.ndjson", "plan.parquet"] {
        let path = shared.folder.join(name);
        let mut config = config(&shared.root);
        config.plan = Some(path.clone());
        plan(&config).unwrap();
        let [j1, j2] = [1, 2].map(|number| shared.journal(number));
        let (applied, left) = apply(Changes::Plan(path), &j1).unwrap();
        assert_eq!((applied.changed, left), (6, vec![]), "{name}");
        paths.iter().for_each(|path| assert_eq!(rights(path), (0o640, SHARED)));
        let (undone, left) = apply(Changes::Journal(j1.clone()), &j2).unwrap();
        assert_eq!((undone.changed, left), (6, vec![]), "{name}");
        paths.iter().for_each(|path| assert_eq!(rights(path), (0o600, OWNER)));
        [j1, j2].iter().for_each(|journal| fs::remove_file(journal).unwrap());
    }
}
