//! Mount points, with real mounts: each test runs itself again in a mount namespace of its own.
//!
//! Owns the mounting. What a walk must then see is the naive walk's opinion, and `find -xdev`'s.

use crate::harness::{Run, assert_as_walked, config, report};
use pwalk_testkit::automounter::Automounter;
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::fixture;
use pwalk_testkit::oracle::{self, OracleOptions};
use pwalk_testkit::privileges::{Need, requires};
use std::env;
use std::path::Path;
use std::process::Command;

const MOUNTED: &str = "PWALK_TEST_MOUNTED";

/// Runs `script` (`$0` is a tree `basic`) in a namespace, then the test `name` again there;
/// inside, calls `check` with the root of the tree.
#[track_caller]
fn in_namespace(name: &str, script: &str, check: impl FnOnce(&Path)) {
    if let Some(root) = env::var_os(MOUNTED) {
        return check(Path::new(&root));
    }
    if !requires(Need::Mount) {
        return;
    }
    let tree = fixture("basic").build().unwrap();
    let script = format!("{script} && exec \"$1\" --exact \"$2\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(tree.path());
    command.arg(env::current_exe().unwrap()).arg(format!("mounts::{name}"));
    let output = command.env(MOUNTED, tree.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{complained}");
}

fn run(roots: &[&Path], one_file_system: bool) -> Run {
    let mut config = config(roots.iter().copied(), 2);
    config.walk.one_file_system = one_file_system;
    report(config)
}

fn walk(root: &Path, one_file_system: bool) -> oracle::OracleWalk {
    oracle::walk(root, &OracleOptions { one_file_system, ..Default::default() })
}

const TMPFS: &str = "mount -t tmpfs none $0/data/2024 && touch $0/data/2024/x";

#[test]
fn t30_a_mount_is_walked_and_left_out_on_request() {
    in_namespace("t30_a_mount_is_walked_and_left_out_on_request", TMPFS, |root| {
        let (all, one) = (run(&[root], false), run(&[root], true));
        assert_as_walked(&all, &walk(root, false));
        assert_as_walked(&one, &walk(root, true));
        assert_eq!(all.summary.n_entries(), one.summary.n_entries() + 2);
        assert_eq!(one.summary.skipped.mount_points, 1);
        assert!(one.summary.is_complete());
    });
}

#[test]
fn t30_a_mount_that_is_a_root_is_walked_and_the_walk_stays_on_it() {
    let name = "t30_a_mount_that_is_a_root_is_walked_and_the_walk_stays_on_it";
    let script =
        format!("{TMPFS} && mkdir $0/data/2024/deeper && mount -t tmpfs none $0/data/2024/deeper");
    in_namespace(name, &script, |root| {
        let mount = root.join("data/2024");
        assert_as_walked(&run(&[&mount], true), &walk(&mount, true));
        let both = run(&[root, &mount], true);
        let mut expected = walk(root, true).rows;
        expected.extend(walk(&mount, true).rows);
        assert_eq!(both.summary.n_entries(), expected.len() as u64);
        let expected: Vec<_> = expected.iter().map(|row| &row.path).collect();
        assert_same_rows(&both.paths(), &expected);
    });
}

/// A part of the same filesystem mounted at a second place: the same device, so it stays.
#[test]
fn t30_a_mount_of_the_same_filesystem_is_on_that_filesystem() {
    let name = "t30_a_mount_of_the_same_filesystem_is_on_that_filesystem";
    in_namespace(name, "mount --bind $0/data $0/empty_folder", |root| {
        let find = Command::new("find").arg(root).args(["-xdev", "-print0"]).output().unwrap();
        let found = find.stdout.strip_suffix(b"\0").unwrap();
        let found: Vec<&[u8]> = found.split(|&byte| byte == 0).collect();
        assert_same_rows(&run(&[root], false).paths(), &found);
        assert_same_rows(&run(&[root], true).paths(), &found);
    });
}

#[test]
fn t30_proc_and_sys_are_walked_to_their_end() {
    for root in ["/proc/self", "/sys/devices/system/cpu", "/proc/sys/net"] {
        let root = Path::new(root);
        let run = report(config([root], 8));
        let n_rows = run.rows().len() as u64;
        assert_eq!(run.summary.n_entries(), n_rows);
        assert!(n_rows > 20, "{} has only {n_rows} entries", root.display());
        // Nothing there has a size that can be told beforehand, but every entry has a path.
        let lost = run
            .paths()
            .iter()
            .filter(|path| !path.starts_with(root.as_os_str().as_encoded_bytes()))
            .count();
        assert_eq!(lost, 0);
    }
}

#[test]
fn t30_no_walk_makes_an_automounter_mount_anything() {
    if !requires(Need::Mount) {
        return;
    }
    let automounter = Automounter::mount().unwrap();
    let root = automounter.path();
    let mut expected: Vec<_> = ["", "direct", "indirect", "indirect/ghost", "indirect/filled"]
        .iter()
        .chain(&["indirect/filled/file", "indirect/host", "indirect/host/export"])
        .chain(&["indirect/host/export/file"])
        .map(|path| root.join(path).into_os_string().into_encoded_bytes())
        .collect();
    expected[0].pop();
    let indirect = root.join("indirect");
    for threads in [None, Some(2)] {
        for (root, n_above) in [(root, 0), (&indirect, 2)] {
            let mut config = config([root], 2);
            config.walk.threads = threads;
            config.walk.settings.auto_tune = threads.is_none();
            let run = report(config);
            assert_same_rows(&run.paths(), &expected[n_above..]);
            assert_eq!(run.summary.skipped.automounts, 2 - (n_above as u64) / 2);
            assert!(run.summary.is_complete());
        }
    }
}
