//! What filesystems, logs, namespaces and users do to `pwalk repair`.
//!
//! Mounts are those of a namespace of the test.

use crate::harness::{BIN, Said, copy_for_users, json, program, pwalk, said};
use pwalk_testkit::privileges::{Need, USER, as_user, requires, skip};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, dir, file, give};
use serde_json::json as value;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Arguments of a repair that is made, with JSON at its end.
const APPLY: [&str; 4] = ["repair", "--apply", "--json", "--no-syslog"];

/// Runs a script in a mount namespace. `$0` is the command, `$1` the folder around the shared one,
/// which is the working directory, and `$2` the shared one.
fn in_namespace(shared: &Shared, script: &str) -> Said {
    let mut command = program("unshare");
    command.args(["--mount", "sh", "-c", script, BIN]).arg(&shared.folder).arg(&shared.root);
    said(command.current_dir(&shared.folder))
}

/// Runs the command in the folder around the shared one.
fn run(shared: &Shared, arguments: &[&str]) -> Said {
    said(pwalk().args(arguments).arg(&shared.root).current_dir(&shared.folder))
}

/// A shared folder with one private file.
fn with_a_file() -> Shared {
    let shared = Shared::new();
    file(&shared.root.join("file"), 0o600, OWNER, OWNER);
    shared
}

/// A script that makes what is in a shared folder that was just mounted.
const FILL: &str = "chown 100:400 \"$2\"; chmod 2770 \"$2\"; cd \"$2\"; \
    for name in a b c; do echo x > $name; chown 100:100 $name; chmod 600 $name; done; cd \"$1\"";

#[test]
fn immutable_and_append_only_files_are_named() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = Shared::new();
    let script = format!(
        "truncate -s 16M disk && mkfs.ext4 -q disk && mount -o loop disk \"$2\" || exit 77; \
         rmdir \"$2/lost+found\"; {FILL}; chattr +i \"$2/a\"; chattr +a \"$2/b\"; \
         \"$0\" {} \"$2\"; status=$?; stat -c %a:%g \"$2\"/*; chattr -i -a \"$2\"/*; exit $status",
        APPLY.join(" ")
    );
    let said = in_namespace(&shared, &script);
    if said.status == Some(77) {
        skip(&format!("it needs a loop device: {}", said.stderr.trim()));
        return;
    }
    let said = said.with_status(1);
    let (summary, modes) = said.text().split_once('\n').unwrap();
    let summary = json(format!("{summary}\n"));
    assert_eq!(summary["plan"]["left"], value!({"append_only": 1, "immutable": 1}));
    assert_eq!(
        (&summary["plan"]["changes"], &summary["applied"]["changed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(modes, "600:100\n600:100\n640:400\n");
    assert!(said.stderr.contains("/a: is immutable") && said.stderr.contains("/b: is append-only"));
}

#[test]
fn a_filesystem_that_is_read_only_can_be_planned_for_and_each_change_is_refused() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = Shared::new();
    let mount = format!("mount -t tmpfs none \"$2\"; {FILL}; mount -o remount,ro \"$2\"");
    let plan =
        in_namespace(&shared, &format!("{mount}; \"$0\" repair --json \"$2\"")).with_status(0);
    assert_eq!(json(plan.stdout)["plan"]["changes"], 3);
    let said = in_namespace(&shared, &format!("{mount}; \"$0\" {} \"$2\"", APPLY.join(" ")));
    let said = said.with_status(1);
    assert!(said.stderr.contains("/a: chown: Read-only file system\n"), "{}", said.stderr);
    let applied = &json(said.stdout)["applied"];
    assert_eq!((&applied["changed"], &applied["left"]), (&0.into(), &value!({"failed": 3})));
}

/// Where the disk is full, what was announced was perhaps made, and nothing else.
#[test]
fn t43_a_journal_without_room_ends_the_repair_and_takes_back_what_was_made() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = Shared::with(20, 50);
    let before = shared.rights();
    fs::create_dir(shared.folder.join("disk")).unwrap();
    // No inode for it; room for its first line; for some batches.
    for (options, is_begun) in [("nr_inodes=1", false), ("size=4k", false), ("size=96k", true)] {
        let script = format!(
            "mount -t tmpfs -o {options} none disk; \
             \"$0\" {} --threads 2 --journal disk/journal \"$2\"; status=$?; \
             test ! -e disk/journal || mv disk/journal .; exit $status",
            APPLY.join(" ")
        );
        let said = in_namespace(&shared, &script).with_status(2);
        let undo = "pwalk: to take back what was changed: pwalk repair --undo disk/journal\n";
        let undo = if is_begun { undo } else { "" };
        let expected = format!("{undo}pwalk: disk/journal: No space left on device\n");
        assert_eq!(said.stderr, expected, "{options}");
        assert_eq!(shared.rights() != before, is_begun, "{options}");
        assert_eq!(shared.folder.join("journal").exists(), is_begun, "{options}");
    }
    let mut undo = pwalk();
    undo.args(["repair", "--json", "--no-syslog", "--undo", "journal"]).current_dir(&shared.folder);
    let said = said(&mut undo).with_status(0);
    assert_eq!(json(said.stdout)["applied"]["left"], value!({}));
    assert_eq!(shared.rights(), before);
}

#[test]
fn a_log_that_is_not_there_or_full_is_said_and_stops_nothing() {
    if !requires(Need::Mount) {
        return;
    }
    let script = "mount -t tmpfs none /dev; ln -s \"$1/log\" /dev/log; \
        \"$0\" repair --apply --json \"$2\"";
    let shared = Shared::with(4, 50);
    let said = in_namespace(&shared, script).with_status(0);
    let n_changed = json(said.stdout)["applied"]["changed"].as_u64().unwrap();
    let expected = format!(
        "pwalk: /dev/log: {n_changed} changes are not in the log: No such file or directory\n"
    );
    assert_eq!((said.stderr, n_changed > 100), (expected, true));

    let shared = Shared::with(4, 500);
    // Nobody reads what is in it.
    let log = UnixDatagram::bind(shared.folder.join("log")).unwrap();
    let said = in_namespace(&shared, script).with_status(0);
    assert!(said.stderr.contains("changes are not in the log: the log does not take more"));
    let mut line = [0; 2000];
    let len = log.recv(&mut line).unwrap();
    let line = std::str::from_utf8(&line[..len]).unwrap();
    assert!(
        line.starts_with("<13>pwalk[") && line.contains(" gid=") && !line.contains('\n'),
        "{line}"
    );
}

#[test]
fn t43_without_proc_nothing_is_repaired() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = with_a_file();
    let before = shared.rights();
    let plan = shared.folder.join("plan.csv");
    run(&shared, &["repair", "--quiet", "--plan", plan.to_str().unwrap()]).with_status(0);
    // Which mounts are of the system's folders, is only there.
    for arguments in ["--apply \"$2\"", "--apply --from plan.csv"] {
        let script = format!("mount -t tmpfs none /proc; \"$0\" repair --no-syslog {arguments}");
        let said = in_namespace(&shared, &script).with_status(2);
        assert_eq!(said.stderr, "pwalk: /proc/self/mountinfo: No such file or directory\n");
    }
    assert_eq!(shared.rights(), before);
}

#[test]
fn groups_that_a_user_namespace_does_not_have_can_not_be_given() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = with_a_file();
    file(&shared.root.join("of-root"), 0o640, 0, 0);
    // Who is root there has the rights of nobody else's here.
    give(&shared.root, 0o2775, OWNER, SHARED);
    give(&shared.folder, 0o755, 0, 0);
    let before = shared.rights();
    let inside = |arguments: &[&str]| {
        let mut command = program("unshare");
        command.args(["--user", "--map-root-user", BIN]).args(APPLY).args(arguments);
        said(command.arg(&shared.root).current_dir(&shared.folder)).with_status(1)
    };
    // The owner and the group have the same number there: none.
    let said = inside(&[]);
    assert_eq!(json(said.stdout)["plan"]["left"], value!({"no_group": 3}));
    let said = inside(&["--group", "400", "--numeric"]);
    let expected = ["/of-root: chown: Invalid argument\n", "/file: chown: Invalid argument\n"];
    assert!(expected.iter().all(|line| said.stderr.contains(line)), "{}", said.stderr);
    assert_eq!(json(said.stdout)["applied"]["changed"], 0);
    assert_eq!(shared.rights(), before);
}

#[test]
fn an_ordinary_user_may_plan_and_changes_what_is_his() {
    if !requires(Need::Root) {
        return;
    }
    let shared = with_a_file();
    give(&shared.root, 0o2775, OWNER, SHARED);
    file(&shared.root.join("own"), 0o600, USER, SHARED);
    let own = shared.folder.join("own");
    dir(&own, 0o700, USER, USER);
    let bin = copy_for_users(&shared.folder);
    let run = |arguments: &[&str]| {
        let mut command = program(&bin);
        command.args(arguments).arg(&shared.root).current_dir(&own);
        as_user(move || said(&mut command))
    };
    give(&shared.folder, 0o755, OWNER, OWNER);
    let plan = run(&["repair", "--json"]).with_status(0);
    assert_eq!(json(plan.stdout)["plan"]["changes"], 2);
    let said = run(&APPLY).with_status(1);
    assert!(said.stderr.contains("/file: chown: Operation not permitted\n"), "{}", said.stderr);
    let applied = &json(said.stdout)["applied"];
    assert_eq!((&applied["changed"], &applied["left"]), (&1.into(), &value!({"failed": 1})));
}

/// The folder is refused, and nothing is said but why.
#[track_caller]
fn refused(said: Said) {
    let said = said.with_status(2);
    assert!(
        said.stderr.contains("belongs to the system and is never repaired")
            || said.stderr.contains("belongs to the system, and is never repaired"),
        "{}",
        said.stderr
    );
    assert_eq!(said.text(), "");
}

#[test]
fn t43_the_systems_folders_are_refused_however_they_are_spelled() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/share", folder.path().join("link")).unwrap();
    let ups = "../".repeat(20);
    let paths =
        ["/", "/etc", "/usr/share", "//etc//", "/tmp/../etc", "link", "link/doc", "/proc/self"];
    for path in paths.into_iter().chain([&*format!("{ups}usr"), &*ups]) {
        let mut command = pwalk();
        refused(said(command.args(["repair", path]).current_dir(folder.path())));
    }
}

/// A folder of the system with a directory that needs repair, and a mount of that in the shared folder.
const BIND: &str = "mount -t tmpfs none /run; mkdir -m 700 /run/inner /run/inner/deep; \
    mkdir \"$2/bound\"; mount --bind /run/inner \"$2/bound\"; ";
const SHOW: &str = "; status=$?; stat -c %a /run/inner /run/inner/deep; exit $status";

#[test]
fn t43_a_mount_of_the_systems_folder_is_refused_and_left_out() {
    if !requires(Need::Mount) {
        return;
    }
    for path in ["bound", "bound/deep"] {
        let shared = with_a_file();
        refused(in_namespace(&shared, &format!("{BIND} \"$0\" repair \"$2/{path}\"")));
    }
    for option in ["", "--cross-filesystems"] {
        let shared = with_a_file();
        let script = format!("{BIND} \"$0\" {} {option} \"$2\" {SHOW}", APPLY.join(" "));
        let said = in_namespace(&shared, &script).with_status(0);
        let (summary, modes) = said.text().split_once('\n').unwrap();
        assert_eq!(json(format!("{summary}\n"))["applied"]["changed"], 1, "{summary}");
        assert_eq!(modes, "700\n700\n");
    }
}

#[test]
fn t43_a_plan_that_names_a_mount_of_the_systems_folder_changes_nothing_there() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = with_a_file();
    // As it would be written if it did not belong to the system.
    let row = "stat -c '{\"path\":\"%n\",\"path_bytes\":null,\"kind\":\"directory\",\"st_dev\":%d,\
        \"inode\":%i,\"st_ctime\":%.9Z,\"st_btime\":null,\"st_btime_ns\":null,\"UID\":0,\
        \"old_mode\":\"0700\",\"new_mode\":\"2750\",\"old_gid\":0,\"new_gid\":400,\
        \"old_acl\":null,\"new_acl\":null,\"reason\":\"setgid\"}' \"$2/bound\" \"$2/bound/deep\"";
    let edit = "sed 's/\\(\"st_ctime\":[0-9]*\\)\\.0*\\([0-9]*\\)/\\1,\"st_ctime_ns\":\\2/'";
    let kind = "sed 's/\"directory\"/\"dir\"/'";
    let script = format!(
        "{BIND} {row} | {edit} | {kind} > plan.ndjson; \
         \"$0\" repair --json --no-syslog --apply --from plan.ndjson {SHOW}"
    );
    let said = in_namespace(&shared, &script).with_status(1);
    let (summary, modes) = said.text().split_once('\n').unwrap();
    let applied = &json(format!("{summary}\n"))["applied"];
    assert_eq!((&applied["changed"], &applied["left"]), (&0.into(), &value!({"protected": 2})));
    assert_eq!(modes, "700\n700\n");
}

/// The journal is no part of what is repaired, wherever it is.
#[test]
fn a_journal_in_the_folder_that_is_repaired_stays_as_it_is() {
    if !requires(Need::Root) {
        return;
    }
    let shared = with_a_file();
    let journal = shared.root.join("j");
    let mut command = pwalk();
    command.args(APPLY).arg("--journal").arg(&journal).arg(&shared.root);
    said(&mut command).with_status(0);
    assert_eq!(mode(&journal), 0o600);
    let again = run(&shared, &["repair", "--apply", "--json", "--no-syslog"]).with_status(0);
    let again = json(again.stdout);
    assert_eq!(again["plan"]["changes"], 1, "the journal of the last time is one file of many");
}

/// An inode of a lower layer is copied when it is changed, and the copy was made just now.
#[test]
fn t43_what_was_changed_in_an_overlay_is_taken_back() {
    if !requires(Need::Mount) {
        return;
    }
    let shared = Shared::new();
    let script = format!(
        "top=\"$2\"; mkdir b; mount -t tmpfs none b; mkdir b/lower b/upper b/work
        chown 100:400 b/upper; chmod 2770 b/upper
        set -- \"$1\" \"$1/b/lower\"; {FILL}
        mount -t overlay none -o lowerdir=b/lower,upperdir=b/upper,workdir=b/work \"$top\"
        \"$0\" repair --apply --no-syslog --quiet --journal j \"$top\"; echo $?
        stat -c %a:%g \"$top\"/*; \"$0\" repair --undo j --no-syslog --quiet; echo $?
        stat -c %a:%g \"$top\"/*"
    );
    let said = in_namespace(&shared, &script).with_status(0);
    let expected = ["0", "640:400", "640:400", "640:400", "0", "600:100", "600:100", "600:100"];
    let found = String::from_utf8(said.stdout).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{}", said.stderr);
}

/// A list that replaces the journal would leave nothing to take the changes back with.
#[test]
fn t43_a_file_of_a_repair_is_not_replaced_by_another_of_its_files() {
    if !requires(Need::Root) {
        return;
    }
    let shared = with_a_file();
    std::os::unix::fs::symlink(&shared.folder, shared.folder.join("link")).unwrap();
    let refused = |said: Said| {
        let said = said.with_status(2);
        assert!(said.stderr.contains("is given for two purposes"), "{said:?}");
    };
    refused(run(&shared, &["repair", "--apply", "--journal", "j", "--errors", "link/j"]));
    refused(run(&shared, &["repair", "--plan", "p.csv", "--errors", "p.csv"]));
    assert!(!shared.folder.join("j").exists() && !shared.folder.join("p.csv").exists());
    let said = |arguments: &[&str]| said(pwalk().args(arguments).current_dir(&shared.folder));
    run(&shared, &["repair", "--plan", "p.csv"]).with_status(0);
    refused(said(&["repair", "--apply", "--from", "p.csv", "--errors", "p.csv"]));
    said(&["repair", "--apply", "--from", "p.csv", "--journal", "j", "--no-syslog"]).with_status(0);
    refused(said(&["repair", "--undo", "j", "--errors", "link/j"]));
    said(&["repair", "--undo", "j", "--no-syslog"]).with_status(0);
    assert_eq!(mode(&shared.root.join("file")), 0o600);
}

/// The summary says where the journal is; if nobody can read it, standard error does.
#[test]
fn t43_a_summary_that_can_not_be_written_does_not_hide_the_journal() {
    if !requires(Need::Root) {
        return;
    }
    let shared = with_a_file();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = pwalk();
    command.args(["repair", "--apply", "--no-syslog", "--journal", "j"]).arg(&shared.root);
    command.current_dir(&shared.folder).stdout(full);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("pwalk repair --undo j"), "{said}");
    assert_eq!(mode(&shared.root.join("file")), 0o640);
}

/// Whoever gives a filter expects that it is obeyed: all of the plan would be applied.
#[test]
fn a_plan_or_journal_with_a_rule_or_filter_of_a_plan_is_refused() {
    for task in [&["--apply", "--from", "p.csv"][..], &["--undo", "j"]] {
        for rule in [
            &["--where", "uid = 1"][..],
            &["--exclude", "x"],
            &["--exclude-from", "x"],
            &["--max-depth", "1"],
            &["--group", "1"],
            &["--change-gids", "1"],
            &["--group-writable"],
            &["--acl"],
            &["--hard-links"],
            &["--cross-filesystems"],
            &["--numeric"],
            &["--snapshots"],
        ] {
            let said = said(pwalk().arg("repair").args(task).args(rule)).with_status(2);
            let is_told = said.stderr.contains(rule[0]) && said.stderr.contains("cannot be used");
            assert!(is_told, "{task:?} {rule:?}: {said:?}");
        }
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().mode() & 0o7777
}
