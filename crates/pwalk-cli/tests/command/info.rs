//! `pwalk info`: in words, as JSON, and where the number of threads comes from.

use crate::harness::{build, ended, json, pwalk, run, said, shell};
use pwalk_testkit::automounter::Automounter;
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::stuck::StuckTree;
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};

const LABELS: [&str; 13] = [
    "path",
    "filesystem",
    "mount type",
    "mount point",
    "source",
    "access times",
    "inodes",
    "threads",
    "maximum",
    "slices",
    "buffer",
    "attributes",
    "opened",
];

#[test]
fn a_filesystem_is_described_in_words() {
    let said = run(&["info", "/proc/self"]).with_status(0);
    let labels: Vec<&str> =
        said.text().lines().map(|line| line.split_once(':').expect("a label").0).collect();
    assert_eq!(labels, LABELS);
    for part in ["/proc/self\n", "magic 0x9fa0", " proc\n", " /proc\n", "not counted by this"] {
        assert!(said.text().contains(part), "{part}: {}", said.text());
    }
    assert_eq!(said.stderr, "");
}

#[test]
fn a_filesystem_is_described_as_json() {
    let info = json(run(&["info", "--json", "/proc/self"]).with_status(0).stdout);
    let mut keys: Vec<&str> = info.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "attributes",
        "buffer_bytes",
        "cores",
        "filesystem",
        "inodes",
        "inodes_used",
        "magic",
        "mount_options",
        "mount_point",
        "mount_type",
        "mounts_below",
        "noatime",
        "path",
        "slice_len",
        "source",
        "threads",
        "threads_max",
        "threads_reason",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&info["path"], &info["magic"]), (&"/proc/self".into(), &0x9fa0.into()));
    assert_eq!((&info["mount_point"], &info["mount_type"]), (&"/proc".into(), &"proc".into()));
    assert!(info["inodes"].is_null() && info["inodes_used"].is_null(), "/proc counts none: {info}");
}

#[test]
fn without_a_path_it_is_the_working_directory() {
    let mut command = pwalk();
    command.args(["info", "--json"]).current_dir("/proc");
    let info = json(said(&mut command).with_status(0).stdout);
    assert_eq!((&info["path"], &info["mount_point"]), (&".".into(), &"/proc".into()));
}

#[test]
fn t32_the_first_source_of_the_number_of_threads_that_is_set_decides() {
    let pwalk_threads = ("PWALK_THREADS", "5");
    let (task, node) = (("SLURM_CPUS_PER_TASK", "7"), ("SLURM_CPUS_ON_NODE", "9"));
    let cases: [(&[&str], &[(&str, &str)], u64, &str); 8] = [
        (&["-t", "3"], &[pwalk_threads, task, node], 3, "asked for"),
        (&["--threads=4"], &[pwalk_threads], 4, "asked for"),
        (&["--max-threads", "4096"], &[], 4096, "asked for"),
        (&[], &[pwalk_threads, task, node], 5, "PWALK_THREADS"),
        (&[], &[task, node], 7, "SLURM_CPUS_PER_TASK"),
        (&[], &[node], 9, "SLURM_CPUS_ON_NODE"),
        (&[], &[("SLURM_CPUS_PER_TASK", "2(x3)"), node], 9, "SLURM_CPUS_ON_NODE"),
        (&[], &[("SLURM_CPUS_PER_TASK", "0"), node], 9, "SLURM_CPUS_ON_NODE"),
    ];
    for (arguments, variables, threads, reason) in cases {
        let mut command = pwalk();
        command.args(["info", "--json", "/proc"]).args(arguments);
        let info = json(said(command.envs(variables.iter().copied())).with_status(0).stdout);
        assert_eq!(info["threads"], threads, "{arguments:?} {variables:?}");
        let found = info["threads_reason"].as_str().unwrap();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn t10_a_path_that_is_not_there_is_refused_in_one_line() {
    let said = run(&["info", "/no/such"]).with_status(2);
    assert_eq!(said.stderr, "pwalk: /no/such: No such file or directory\n");
    assert_eq!(said.text(), "");
}

#[test]
fn t17_a_path_beyond_path_max_has_a_filesystem() {
    let tree = build("long_path");
    let (folder, name) = (tree.folder().join("deeper"), "d".repeat(200));
    let make = "mkdir \"$1\" && cd \"$1\" && for i in $(seq 30); do mkdir $2 && cd -P ./$2; done";
    let arguments = [folder.to_str().unwrap(), &name];
    said(&mut shell(make, &arguments)).with_status(0);
    let path = format!("{}{}", folder.display(), format!("/{name}").repeat(30));
    let info = json(run(&["info", "--json", &path]).with_status(0).stdout);
    let expected = json(run(&["info", "--json", folder.to_str().unwrap()]).stdout);
    for key in ["filesystem", "mount_point", "magic"] {
        assert_eq!(info[key], expected[key], "{key}");
    }
    pwalk_testkit::remove_tree(&folder).unwrap();
}

/// Without it an answer about files that nobody reads may mean nothing.
#[test]
fn info_says_what_access_times_are_worth() {
    if !requires(Need::Mount) {
        return;
    }
    let cases = [
        ("noatime", "not kept: st_atime doesn't tell when a file was read (noatime)"),
        ("ro,relatime", "not kept: st_atime doesn't tell when a file was read (ro, relatime)"),
        ("relatime", "to within a day: later reads on the same day aren't recorded (relatime)"),
        ("strictatime", "kept at every read"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (options, expected) in cases {
        let script = "unshare --mount sh -c 'mount -t tmpfs -o $2 none $1 && $0 info $1' $0 $1 $2";
        let arguments = [folder.path().to_str().unwrap(), options];
        let said = said(&mut shell(script, &arguments)).with_status(0);
        let line = format!("access times: {expected}\n");
        assert!(said.text().contains(&line), "{options}: {}", said.text());
    }
}

#[test]
fn t1_info_escapes_what_moves_the_cursor_of_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = folder.path().join("a\u{1b}[2J\nb");
    std::fs::create_dir(&hostile).unwrap();
    let said = run(&["info".as_ref(), hostile.as_os_str()]).with_status(0);
    assert!(said.text().lines().next().unwrap().ends_with("a\\u{1b}[2J\\nb"), "{}", said.text());
}

/// A line of standard output with this in it, and those before.
fn read_until(stdout: &mut BufReader<ChildStdout>, part: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let n = stdout.read_line(&mut line).expect("lines are UTF-8");
        assert!(n > 0, "{part} is missing: {lines:?}");
        lines.push(line);
        if lines.last().is_some_and(|line| line.contains(part)) {
            return lines;
        }
    }
}

#[test]
fn a_probe_tries_more_and_more_requests_at_once_and_says_what_is_best() {
    let tree = build("basic");
    let path = tree.path().to_str().unwrap();
    let info = json(run(&["info", "--json", "--probe", "1", path]).with_status(0).stdout);
    let probe = &info["probe"];
    let levels = probe["levels"].as_array().unwrap();
    let at_once: Vec<_> = levels.iter().map(|tried| tried["at_once"].as_u64().unwrap()).collect();
    assert!(at_once.is_sorted() && at_once[0] == 1, "{at_once:?}");
    assert!(at_once.contains(&probe["best"].as_u64().unwrap()), "{probe}");
    for tried in levels {
        assert!(tried["requests"].as_u64().unwrap() > 0, "{probe}");
        assert!(tried["median_us"].as_f64() <= tried["p99_us"].as_f64(), "{probe}");
    }
    let calls: Vec<_> = probe["calls"].as_object().unwrap().keys().collect();
    assert_eq!(calls, ["getdents", "open", "statx"]);
    assert!(probe["passes"].as_u64() > Some(1), "a tree of some dozens of entries: {probe}");
    // Some dozens of entries are little.
    assert!(at_once.iter().all(|level| *level <= 8), "{at_once:?}");

    let said = run(&["info", "--probe", "1", "--threads", "2", "--nice", path]).with_status(0);
    assert_eq!(said.stderr, "");
    let lines: Vec<_> = said.text().lines().skip(LABELS.len()).collect();
    assert!(lines[0].starts_with("probe: ") && lines[0].contains("1 at once: open "), "{lines:?}");
    assert!(lines[1].starts_with("  at once   requests/s "), "{lines:?}");
    assert!(lines[2].trim_start().starts_with("1 ") && lines[2].contains('#'), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("best: ")), "{lines:?}");
    assert!(said.text().is_ascii(), "no terminal, no blocks");
}

#[test]
fn t30_a_probe_makes_an_automounter_mount_nothing() {
    if !requires(Need::Mount) {
        return;
    }
    let automounter = Automounter::mount().unwrap();
    let path = automounter.path().to_str().unwrap();
    let info = json(run(&["info", "--json", "--probe", "1", path]).with_status(0).stdout);
    let below = info["mounts_below"].as_array().unwrap();
    let autofs = below.iter().find(|below| below["filesystem"] == "autofs").expect("it is there");
    assert_eq!(autofs["entered"], false);
    assert_eq!(autofs["mount_points"].as_array().unwrap().len(), 2);
    let indirect = format!("{path}/indirect");
    run(&["info", "--probe", "1", &indirect]).with_status(0);
    // Without any inode: directories tell nothing of what is mounted on them.
    let walked = run(&["walk", path]).with_status(0);
    assert_eq!(walked.text().lines().count(), 9, "{}", walked.text());
}

#[test]
fn t49_a_probe_says_what_does_not_answer_and_ends_in_time() {
    if !requires(Need::Fuse) || !requires(Need::Mount) {
        return;
    }
    let stuck = StuckTree::mount().unwrap();
    let mut command = pwalk();
    command.args(["info", "--probe", "1"]).arg(stuck.path()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let last = read_until(&mut stdout, "no answer:").pop().unwrap();
    let path = stuck.stuck_path();
    assert!(last.contains(&format!("{} (statx, ", path.display())), "{last}");
    assert_eq!(ended(&mut child), Some(1));
}

#[test]
fn a_probe_ends_on_a_signal() {
    let mut command = pwalk();
    command.args(["info", "--probe", "3600", "/usr"]).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    read_until(&mut stdout, "opened:");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let said = crate::harness::Said::from(child.wait_with_output().unwrap()).with_status(130);
    assert_eq!(said.stderr, "pwalk: interrupted\n");
}
