//! Plans and journals that somebody has written by hand: they can't do more than a repair, and nothing
//! to the system.

use crate::harness::{apply, config, plan, table};
use pwalk::repair::{Changes, Why};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{OWNER, SHARED, Shared};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A plan of one file, as text with a row.
fn text(shared: &Shared) -> (PathBuf, String) {
    shared.private("file");
    let path = shared.folder.join("plan.ndjson");
    let mut config = config(&shared.root);
    config.plan = Some(path.clone());
    assert_eq!(plan(&config).unwrap().said.changes, 1);
    let row = fs::read_to_string(&path).unwrap();
    (path, row)
}

/// The same row with another value.
fn with(row: &str, key: &str, value: &str) -> String {
    let (before, after) = row.split_once(&format!("\"{key}\":")).unwrap();
    let end = after.find([',', '}']).unwrap();
    format!("{before}\"{key}\":{value}{}", &after[end..])
}

#[test]
fn t43_a_plan_can_not_do_more_than_a_repair() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let (path, row) = text(&shared);
    let before = shared.rights();
    // A mode with one bit that the group doesn't get, a path that leads elsewhere, a kind.
    let root = shared.root.display();
    let cases = [
        ("new_mode", "\"0644\"".to_owned(), "does not change the mode 0600 to 0644"),
        ("new_mode", "\"4640\"".to_owned(), "does not change the mode 0600 to 4640"),
        ("new_mode", "\"2640\"".to_owned(), "does not change the mode 0600 to 2640"),
        ("new_mode", "\"1640\"".to_owned(), "does not change the mode 0600 to 1640"),
        ("new_mode", "\"0440\"".to_owned(), "does not change the mode 0600 to 0440"),
        ("new_mode", "\"10640\"".to_owned(), "has an invalid new_mode"),
        ("path", "\"shared/file\"".to_owned(), "has a path that is not absolute"),
        ("path", format!("\"{root}/../shared/file\""), "has '.' or '..' in it"),
        ("path", format!("\"{root}/./file\""), "has '.' or '..' in it"),
        ("path", "\"/\"".to_owned(), "has '.' or '..' in it"),
        ("kind", "\"char\"".to_owned(), "does not change entries of the kind char"),
        ("kind", "\"symlink\"".to_owned(), "does not change entries of the kind symlink"),
        ("old_acl", "\"02000000\"".to_owned(), "has one of old_acl and new_acl"),
        ("inode", "-1".to_owned(), "has an invalid inode"),
        ("old_gid", "4294967295".to_owned(), "which no entry can have"),
        ("new_gid", "4294967295".to_owned(), "which no entry can have"),
        ("new_gid", "0".to_owned(), "gives no entry root's group"),
    ];
    for (key, value, expected) in cases {
        fs::write(&path, with(&row, key, &value)).unwrap();
        let journal = shared.journal(1);
        let error = apply(Changes::Plan(path.clone()), &journal).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("row 1"), "{key} {value}: {error}");
        assert!(!journal.exists(), "nothing is in it");
    }
    assert_eq!(shared.rights(), before);
    fs::write(&path, row).unwrap();
    let (applied, _) = apply(Changes::Plan(path), &shared.journal(1)).unwrap();
    assert_eq!(applied.changed, 1);
}

/// Another thread must not go on behind a row that one has refused.
#[test]
fn t43_nothing_behind_a_row_that_is_refused_is_changed() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let (path, row) = text(&shared);
    let before = shared.rights();
    fs::write(&path, with(&row, "new_mode", "\"0644\"") + &row).unwrap();
    for round in 0..100 {
        let error = apply(Changes::Plan(path.clone()), &shared.journal(1)).unwrap_err();
        assert!(error.to_string().contains("row 1: "), "{error}");
        assert_eq!(shared.rights(), before, "round {round}");
    }
}

/// A row about an inode as it is.
fn row_of(row: &str, path: &Path, kind: &str) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.mode() & 0o7777;
    let new = mode | 0o020;
    [
        ("path", format!("\"{}\"", path.display())),
        ("kind", format!("\"{kind}\"")),
        ("st_dev", metadata.dev().to_string()),
        ("inode", metadata.ino().to_string()),
        ("st_ctime", metadata.ctime().to_string()),
        ("st_ctime_ns", metadata.ctime_nsec().to_string()),
        ("st_btime", "null".to_owned()),
        ("st_btime_ns", "null".to_owned()),
        ("old_mode", format!("\"{mode:04o}\"")),
        ("new_mode", format!("\"{new:04o}\"")),
        ("old_gid", metadata.gid().to_string()),
        ("new_gid", metadata.gid().to_string()),
    ]
    .iter()
    .fold(row.to_owned(), |row, (key, value)| with(&row, key, value))
}

#[test]
fn t43_no_plan_touches_what_belongs_to_the_system() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let (plan, row) = text(&shared);
    let cases = [("/etc/passwd", "file"), ("/etc", "dir"), ("/usr/share", "dir"), ("/var", "dir")];
    for (path, kind) in cases {
        let path = Path::new(path);
        let before = crate::harness::state(path);
        fs::write(&plan, row_of(&row, path, kind)).unwrap();
        let (applied, left) = apply(Changes::Plan(plan.clone()), &shared.journal(1)).unwrap();
        assert!(!shared.journal(1).exists(), "nothing was changed: there is no journal");
        assert_eq!((applied.changed, left[0].why), (0, Why::Protected), "{path:?}");
        assert_eq!(crate::harness::state(path), before);
    }
}

#[test]
fn t43_a_plan_with_another_acl_than_a_repair_makes_is_refused() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let (path, row) = text(&shared);
    let acl = |user: &str, group: &str, mask: &str| {
        let entry = |tag: &str, bits: &str, id: &str| format!("{tag}00{bits}00{id}");
        let nobody = "ffffffff";
        let entries = [
            entry("01", "06", nobody),
            entry("02", user, "e8030000"),
            entry("04", group, nobody),
            entry("10", mask, nobody),
            entry("20", "00", nobody),
        ];
        format!("\"02000000{}\"", entries.concat())
    };
    let old = acl("04", "00", "00");
    let masks = "old_acl to new_acl";
    for (new, mode, expected) in [
        (acl("06", "04", "04"), "\"0640\"", masks),
        (acl("04", "04", "06"), "\"0660\"", masks),
        // What the mode shows is not the mask.
        (acl("04", "04", "04"), "\"0660\"", masks),
        // As a repair makes it, but of an ACL that the file doesn't have.
        (acl("04", "04", "04"), "\"0640\"", ""),
    ] {
        let row = with(&with(&with(&row, "old_acl", &old), "new_acl", &new), "new_mode", mode);
        fs::write(&path, row).unwrap();
        match apply(Changes::Plan(path.clone()), &shared.journal(1)) {
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            Ok((_, left)) => assert_eq!((expected, left[0].why), ("", Why::ChangedSince)),
        }
    }
}

#[test]
fn t43_a_journal_can_not_do_more_than_the_undo_of_a_repair() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    shared.private("file");
    let planned = plan(&config(&shared.root)).unwrap();
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    let text = fs::read_to_string(shared.journal(1)).unwrap();
    let other = shared.journal(2);
    for mode in ["4600", "0604", "0700"] {
        fs::write(
            &other,
            text.replace("\"old_mode\":\"0600\"", &format!("\"old_mode\":\"{mode}\"")),
        )
        .unwrap();
        let error = apply(Changes::Journal(other.clone()), &shared.journal(3)).unwrap_err();
        assert!(error.to_string().contains("a repair does not change the mode"), "{error}");
    }
    for (key, gid) in [("old_gid", OWNER), ("new_gid", SHARED)] {
        let no_group =
            text.replace(&format!("\"{key}\":{gid}"), &format!("\"{key}\":{}", u32::MAX));
        fs::write(&other, no_group).unwrap();
        let error = apply(Changes::Journal(other.clone()), &shared.journal(3)).unwrap_err();
        assert!(error.to_string().contains("which no entry can have"), "{error}");
    }
    assert_eq!(crate::harness::rights(&shared.at("file")), (0o640, SHARED));
    // An undo can be undone: its journal has all of it backwards.
    apply(Changes::Journal(shared.journal(1)), &shared.journal(4)).unwrap();
    assert_eq!(crate::harness::rights(&shared.at("file")), (0o600, OWNER));
    apply(Changes::Journal(shared.journal(4)), &shared.journal(5)).unwrap();
    assert_eq!(crate::harness::rights(&shared.at("file")), (0o640, SHARED));
}
