//! What `pwalk repair` takes, prints and writes.

use crate::harness::{BIN, Said, json, names, program, pwalk, said, shell, worker};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, dir, file};
use serde_json::json as value;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Runs `pwalk repair` in the folder around the shared one; `shared` is its path.
fn repair(shared: &Shared, arguments: &[&str]) -> Said {
    let mut command = pwalk();
    command.arg("repair").args(arguments).current_dir(&shared.folder);
    said(&mut command)
}

/// A shared folder with a private directory, and a private file in it.
fn private() -> Shared {
    let shared = Shared::new();
    dir(&shared.root.join("dir"), 0o700, OWNER, OWNER);
    file(&shared.root.join("dir/file"), 0o600, OWNER, OWNER);
    shared
}

#[track_caller]
fn refused(shared: &Shared, arguments: &[&str], message: &str) {
    let (rights, listed) = (shared.rights(), names(&shared.folder));
    let said = repair(shared, arguments).with_status(2);
    assert_eq!(said.stderr, format!("pwalk: {message}\n"), "{arguments:?}");
    assert_eq!(said.text(), "");
    assert_eq!((shared.rights(), names(&shared.folder)), (rights, listed), "{arguments:?}");
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    file(&shared.root.join("suid"), 0o4700, OWNER, SHARED);
    let rights = shared.rights();
    for arguments in [&["shared"][..], &["shared", "--dry-run"], &["shared/dir/../"]] {
        let said = repair(&shared, arguments).with_status(1);
        let root = shared.root.display();
        let expected = format!(
            "{root}: 4 entries, 2 changes\n\
             \x20            2  a group that is private, root's, or listed\n\
             \x20            2  the group can't read or search\n\
             \x20            1  directories without setgid\n\
             by owner\n             2  100\nby group\n             2  400\n\
             for example\n\
             \x20 0700 -> 2750  100 -> 400  {root}/dir\n\
             \x20 0600 -> 0640  100 -> 400  {root}/dir/file\n\
             left as they are\n             1  files with setuid or setgid\n\
             dry run: nothing was changed; --apply makes these changes\n"
        );
        assert_eq!(without_names(said.text()), expected);
        assert_eq!(said.stderr, format!("pwalk: {root}/suid: is a file with setuid or setgid\n"));
        assert_eq!(
            (shared.rights(), names(&shared.folder)),
            (rights.clone(), vec!["shared".into()])
        );
    }
    let said = repair(&shared, &["shared", "-q"]).with_status(1);
    assert_eq!((said.text(), &*said.stderr), ("", ""));
}

/// With numbers for users and groups that this machine may have names for.
fn without_names(text: &str) -> String {
    let named = |gid: u32| pwalk::group_name(gid).unwrap_or_else(|| gid.to_string());
    let groups = format!("{} -> {}  ", named(OWNER), named(SHARED));
    let text = text.replace(&groups, "100 -> 400  ");
    let text = text.replace(&format!("  {}\nfor", named(SHARED)), "  400\nfor");
    let mut lines: Vec<&str> = text.split('\n').collect();
    let owner = lines.iter().position(|line| *line == "by owner").unwrap() + 1;
    assert!(lines[owner].starts_with("             2  "));
    lines[owner] = "             2  100";
    lines.join("\n")
}

#[test]
fn a_plan_of_every_format_is_applied_and_taken_back() {
    if !requires(Need::Root) {
        return;
    }
    let formats = ["csv", "csv.zst", "csv.gz", "ndjson", "ndjson.zst", "parquet", "arrow"];
    for suffix in formats {
        let shared = private();
        let before = shared.rights();
        let plan = format!("plan.{suffix}");
        let said = repair(&shared, &["shared", "--plan", &plan]).with_status(0);
        assert!(said.text().contains(&format!("\nplan: {plan}\ndry run: ")), "{}", said.text());
        let apply = ["--apply", "--from", &plan, "--journal", "j", "--no-syslog"];
        let said = repair(&shared, &apply).with_status(0);
        assert_eq!(
            said.text(),
            "changed: 2 entries\njournal: j; to take it back: pwalk repair --undo j\n"
        );
        assert_eq!(shared.rights()[&shared.root.join("dir/file")], (0o640, SHARED), "{suffix}");
        let undo = ["--undo", "j", "--journal", "it's 2", "--no-syslog"];
        let said = repair(&shared, &undo).with_status(0);
        assert_eq!(
            said.text(),
            "restored: 2 entries\n\
             journal: it's 2; to take it back: pwalk repair --undo 'it'\\''s 2'\n"
        );
        assert_eq!(shared.rights(), before, "{suffix}");
    }
}

#[test]
fn rows_that_are_removed_from_a_plan_are_not_applied() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    repair(&shared, &["shared", "--plan", "plan.csv", "-q"]).with_status(0);
    let plan = fs::read_to_string(shared.folder.join("plan.csv")).unwrap();
    let kept: Vec<&str> = plan.lines().filter(|line| !line.contains("dir/file")).collect();
    assert_eq!(kept.len(), 2);
    fs::write(shared.folder.join("less.csv"), format!("{}\n", kept.join("\n"))).unwrap();
    let said = repair(&shared, &["--apply", "--from", "less.csv", "--no-syslog", "--json"]);
    assert_eq!(json(said.with_status(0).stdout)["applied"]["changed"], 1);
    let rights = shared.rights();
    assert_eq!(rights[&shared.root.join("dir")], (0o2750, SHARED));
    assert_eq!(rights[&shared.root.join("dir/file")], (0o600, OWNER));
}

#[test]
fn json_has_both_parts() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    let planned = json(repair(&shared, &["shared", "--json"]).with_status(0).stdout);
    assert_eq!(planned["applied"], value!(null));
    let plan = &planned["plan"];
    assert_eq!(plan["path"], shared.root.to_str().unwrap());
    assert_eq!((&plan["entries"], &plan["changes"]), (&value!(3), &value!(2)));
    assert_eq!(plan["reasons"], value!({"group": 2, "read": 2, "setgid": 1}));
    assert_eq!((&plan["left"], &plan["complete"]), (&value!({}), &value!(true)));
    assert_eq!(plan["examples"][0]["new_mode"], "2750");
    let apply = ["shared", "--apply", "--json", "--journal", "j", "--no-syslog"];
    let both = json(repair(&shared, &apply).with_status(0).stdout);
    assert_eq!(both["plan"]["changes"], 2);
    let applied = both["applied"].as_object().unwrap();
    let expected = value!({"journal": "j", "changes": 2, "changed": 2, "unchanged": 0, "left": {},
        "complete": true, "seconds": applied["seconds"]});
    assert_eq!(both["applied"], expected);
    let again = json(repair(&shared, &["shared", "--apply", "--json"]).with_status(0).stdout);
    assert_eq!(again["applied"]["journal"], value!(null));
    assert_eq!(names(&shared.folder), ["j", "shared"], "there is no journal of nothing");
}

#[test]
fn changes_that_are_all_refused_leave_no_journal() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    repair(&shared, &["shared", "--plan", "plan.csv", "-q"]).with_status(0);
    fs::remove_dir_all(shared.root.join("dir")).unwrap();
    let said = repair(&shared, &["--apply", "--from", "plan.csv", "--no-syslog"]).with_status(1);
    assert_eq!(
        said.text(),
        "changed: 0 entries\nleft as they are\n             2  vanished since\n"
    );
    assert_eq!(said.lines().len(), 2);
    assert_eq!(names(&shared.folder), ["plan.csv", "shared"]);
}

#[test]
fn every_entry_that_is_left_is_in_the_list() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    for number in 0..15 {
        file(&shared.root.join(format!("suid{number:02}")), 0o4700, OWNER, SHARED);
    }
    let said = repair(&shared, &["shared", "--errors", "shared/list.ndjson"]).with_status(1);
    assert_eq!(said.lines().len(), 11);
    assert!(said.stderr.ends_with("pwalk: more entries are in the list\n"), "{}", said.stderr);
    let list = fs::read_to_string(shared.root.join("list.ndjson")).unwrap();
    assert_eq!(list.lines().count(), 15);
    let mut lines: Vec<_> = list.lines().map(|line| json(format!("{line}\n"))).collect();
    lines.sort_by_key(|line| line["path"].to_string());
    let path = shared.root.join("suid00");
    let expected = value!({"path": path.to_str().unwrap(), "reason": "setuid", "errno": null,
        "error": null, "message": "is a file with setuid or setgid"});
    assert_eq!(lines[0], expected);
    let said = repair(&shared, &["shared", "--exclude", "list.ndjson"]).with_status(1);
    assert!(said.stderr.ends_with("not shown; --errors FILE lists all\n"), "{}", said.stderr);
}

#[test]
fn a_plan_and_a_journal_in_the_folder_are_no_part_of_it_and_no_obstacle() {
    if !requires(Need::Root) {
        return;
    }
    let apply = ["--apply", "--json", "--no-syslog", "--plan", "plan.csv"];
    for arguments in [&[".", "--errors", "list"][..], &["."], &[".", "--journal", "j"]] {
        let shared = private();
        std::os::unix::fs::chown(&shared.root, None, Some(0)).unwrap();
        let mut command = pwalk();
        command.args(["repair", "--group", "400", "--numeric"]).args(apply).args(arguments);
        let said = said(command.current_dir(&shared.root)).with_status(0);
        let done = json(said.stdout);
        assert_eq!((&done["plan"]["entries"], &done["applied"]["changed"]), (&3.into(), &3.into()));
        assert_eq!(shared.rights()[&shared.root], (0o2770, SHARED), "{arguments:?}");
    }
    let shared = private();
    std::os::unix::fs::chown(&shared.root, None, Some(0)).unwrap();
    let plan = ["shared", "--plan", "shared/plan.csv", "--group", "400", "--numeric", "-q"];
    repair(&shared, &plan).with_status(0);
    let apply = ["--apply", "--from", "shared/plan.csv", "--journal", "shared/j", "--no-syslog"];
    repair(&shared, &apply).with_status(0);
    assert_eq!(shared.rights()[&shared.root], (0o2770, SHARED));
}

#[test]
fn groups_are_given_by_name_or_number() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    let known = pwalk::group_id("daemon").unwrap().expect("there is such a group");
    for group in ["daemon", &known.to_string()] {
        let done = repair(&shared, &["shared", "--json", "--group", group]).with_status(0);
        assert_eq!(json(done.stdout)["plan"]["groups"][0]["id"], known);
    }
    let number = ["shared", "--json", "--group", "77777777", "--numeric"];
    let done = json(repair(&shared, &number).with_status(0).stdout);
    assert_eq!(done["plan"]["groups"][0]["id"], 77_777_777);
    let gids = format!("daemon,{SHARED}");
    let both = ["shared", "--json", "--numeric", "--change-gids", &gids, "--group", "bin"];
    let done = json(repair(&shared, &both).with_status(0).stdout);
    assert_eq!(
        (&done["plan"]["changes"], &done["plan"]["reasons"]["group"]),
        (&3.into(), &3.into())
    );
}

#[test]
fn what_can_not_be_meant_is_refused() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    fs::write(shared.folder.join("there"), "x").unwrap();
    let unknown = "no group has this number; --numeric accepts it anyway";
    let bad = |value: &str, why: &str| format!("--group '{value}': {why}");
    let cases: &[(&[&str], &str)] = &[
        (
            &[],
            "the following required arguments were not provided: <PATH>; see pwalk repair --help",
        ),
        (&["missing"], "missing: No such file or directory"),
        (
            &["shared", "--errors", "-"],
            "--errors '-': is not a file; /dev/stdout is standard output",
        ),
        (&["-L", "shared"], "option '--follow': a repair never follows symbolic links"),
        (&["shared", "--group", "nobody's"], &bad("nobody's", "no such group")),
        (&["shared", "--group", "77777777"], &bad("77777777", unknown)),
        (&["shared", "--group", "-1"], &bad("-1", "no such group")),
        (&["shared", "--group", "4294967295", "--numeric"], &bad("4294967295", "no such group")),
        (&["shared", "--change-gids", "x,y"], "--change-gids 'x': no such group"),
        (
            &["shared", "--group", "root"],
            "group '0': is root's group, which is one of those replaced",
        ),
        (&["shared", "--apply", "--journal", "there"], "there: File exists"),
        (&["shared", "--apply", "--journal", "no/j"], "no/j: No such file or directory"),
        (
            &["shared", "--journal", "j"],
            "option '--journal': a dry run has no journal; --apply makes the changes",
        ),
        (&["--undo", "there"], "there: is not the journal of a repair"),
        (&["--apply", "--from", "no.csv"], "no.csv: No such file or directory"),
        (&["--undo", "no"], "no: No such file or directory"),
        (
            &["--from", "x"],
            "the following required arguments were not provided: --apply; see pwalk repair --help",
        ),
        (
            &["shared", "--apply", "--dry-run"],
            "the argument '--apply' cannot be used with '--dry-run'",
        ),
    ];
    for (arguments, message) in cases {
        refused(&shared, arguments, message);
    }
    for arguments in [
        &["shared", "shared"][..],
        &["shared", "--apply", "--from", "there"],
        &["shared", "--undo", "there"],
        &["--apply", "--from", "there", "--group", "bin"],
        &["--apply", "--from", "there", "--where", "uid = 0"],
        &["--apply", "--from", "there", "--exclude", "x"],
        &["--undo", "there", "--max-depth", "1"],
        &["--undo", "there", "--acl"],
        &["--undo", "there", "--apply"],
        &["shared", "--plan", "plan.txt"],
    ] {
        repair(&shared, arguments).with_status(2);
    }
    assert_eq!(names(&shared.folder), ["shared", "there"]);
}

#[test]
fn what_is_left_out_is_not_changed() {
    if !requires(Need::Root) {
        return;
    }
    let shared = private();
    dir(&shared.root.join(".snapshot"), 0o700, OWNER, OWNER);
    file(&shared.root.join(".snapshot/old"), 0o600, OWNER, OWNER);
    let n_changes = |arguments: &[&str]| {
        let said = repair(&shared, &[&["shared", "--json"], arguments].concat()).with_status(0);
        json(said.stdout)["plan"]["changes"].as_u64().unwrap()
    };
    assert_eq!(n_changes(&[]), 2);
    assert_eq!(n_changes(&["--snapshots"]), 4);
    assert_eq!(n_changes(&["--exclude", "dir"]), 0);
    assert_eq!(n_changes(&["--max-depth", "1"]), 1);
    assert_eq!(n_changes(&["--where", "kind = file"]), 1);
    assert_eq!(n_changes(&["--max-ops", "100000", "--threads", "1", "--nice"]), 2);
    assert_eq!(n_changes(&["--group-writable"]), 2);
    assert_eq!(n_changes(&["--force-group-writable", "-x"]), 2);
}

#[test]
fn other_filesystems_are_entered_if_that_is_asked_for() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = private();
    let script = "mkdir shared/m && mount -t tmpfs none shared/m && mkdir -m 700 shared/m/x && \
                  \"$0\" repair --json shared && \"$0\" repair --json --cross-filesystems shared";
    let mut command = program("unshare");
    command.args(["--mount", "sh", "-c", script, BIN]).current_dir(&shared.folder);
    let said = said(&mut command).with_status(0);
    let lines: Vec<_> = said.text().lines().map(|line| json(format!("{line}\n"))).collect();
    // A mount point is an entry of its own filesystem.
    let changes: Vec<_> = lines.iter().map(|done| &done["plan"]["changes"]).collect();
    assert_eq!(changes[1], &value!(4), "{lines:?}");
    assert!(changes[0].as_u64() < Some(4), "{lines:?}");
}

/// A name that would move a cursor, break a line, turn the order of text, and is not UTF-8.
const HOSTILE: &[u8] = b"a\x1b[2J\nb\xe2\x80\xaec\xff";

#[test]
fn a_hostile_name_is_escaped_in_messages_and_exact_in_plan_and_journal() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let name = std::ffi::OsStr::from_bytes(HOSTILE);
    let path = shared.root.join(name);
    file(&path, 0o600, OWNER, OWNER);
    let suid = [HOSTILE, b"suid"].concat();
    file(&shared.root.join(std::ffi::OsStr::from_bytes(&suid)), 0o4700, OWNER, OWNER);
    let shown = "a\\u{1b}[2J\\nb\\u{202e}c\u{fffd}";
    for plan in ["plan.csv", "plan.ndjson", "plan.parquet"] {
        let said = repair(&shared, &["shared", "--plan", plan]).with_status(1);
        assert!(said.text().contains(&format!("  {}/{shown}\n", shared.root.display())));
        assert!(said.stderr.contains(&format!("{shown}suid: is a file with setuid")));
        assert_eq!(said.lines().len(), 1);
        repair(&shared, &["--apply", "--from", plan, "--journal", "j", "-q"]).with_status(0);
        assert_eq!(shared.rights()[&path], (0o640, SHARED), "{plan}");
        repair(&shared, &["--undo", "j", "--journal", "k", "-q"]).with_status(0);
        assert_eq!(shared.rights()[&path], (0o600, OWNER), "{plan}");
        for name in ["j", "k"] {
            fs::remove_file(shared.folder.join(name)).unwrap();
        }
    }
}

/// Ends it with a signal once `is_time`, and returns what it said.
fn interrupted(shared: &Shared, arguments: &[&str], is_time: impl Fn(&Child) -> bool) -> Said {
    let mut command = pwalk();
    command.arg("repair").args(arguments).current_dir(&shared.folder);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_time(&child) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    said(&mut shell("kill -INT $1", &[child.id().to_string()])).with_status(0);
    child.wait_with_output().unwrap().into()
}

#[test]
fn an_interrupted_plan_writes_nothing() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::with(30, 20);
    let rights = shared.rights();
    let slow = ["shared", "--apply", "--plan", "plan.csv", "--errors", "list", "--max-ops", "20"];
    // It has begun to write, where nobody sees it.
    let is_written = |fd: fs::DirEntry| {
        fs::read_link(fd.path()).is_ok_and(|file| file.parent() == Some(&shared.folder))
    };
    let is_time = |child: &Child| {
        let fds = fs::read_dir(format!("/proc/{}/fd", worker(child)));
        fds.is_ok_and(|mut fds| fds.any(|fd| fd.is_ok_and(is_written)))
    };
    let said = interrupted(&shared, &slow, is_time).with_status(130);
    assert_eq!((said.text(), &*said.stderr), ("", "pwalk: interrupted: nothing was written\n"));
    assert_eq!((names(&shared.folder), shared.rights()), (vec!["shared".to_owned()], rights));
}

#[test]
fn interrupted_changes_say_how_to_take_them_back() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::with(30, 20);
    let before = shared.rights();
    repair(&shared, &["shared", "--plan", "plan.csv", "-q"]).with_status(0);
    let slow = ["--apply", "--from", "plan.csv", "--journal", "j", "--max-ops", "200"];
    let journal = shared.folder.join("j");
    let is_time =
        |_: &Child| fs::read_to_string(&journal).is_ok_and(|text| text.contains("changes"));
    let said = interrupted(&shared, &slow, is_time).with_status(130);
    assert!(
        said.text().ends_with("journal: j; to take it back: pwalk repair --undo j\n"),
        "{said:?}"
    );
    let message = "pwalk: interrupted: what was changed is in the journal j\n";
    assert!(said.stderr.ends_with(message), "{}", said.stderr);
    assert_ne!(shared.rights(), before);
    let undo = repair(&shared, &["--undo", "j", "--json", "--no-syslog"]).with_status(0);
    assert_ne!(json(undo.stdout)["applied"]["changed"], 0);
    assert_eq!(shared.rights(), before);
}
