//! What a file server sees of a walk: how many requests, which, how fast, how many at once. And what
//! a walk makes of a server that dies.
//!
//! The server is the slow filesystem of the benchmarks, in this process; it caches nothing, so that
//! it gets what a server on the network would get. No time is asserted as speed: that `--max-ops`
//! is kept is a promise.

use crate::harness::{BIN, csv_rows, json, program, pwalk, said, worker};
use crate::signals::N_TRIES;
use pwalk_slowfs::{Kind, Mounted, Options, Seen, Tree, mount};
use pwalk_testkit::privileges::{Need, requires};
use rustix::fs::{CWD, Mode, OFlags, RawDir};
use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The buffer of getdents64 that FUSE gets.
const BUFFER_LEN: usize = 256 << 10;

/// Fixed numbers of workers, and the number that measuring makes of it.
const THREADS: [&[&str]; 5] = [&["-t1"], &["-t8"], &["-t128"], &["-t512"], &[]];

/// What ends must do so within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mounted server, and a folder for outputs.
struct Scene {
    served: Mounted,
    tree: Tree,
    folder: TempDir,
}

/// None where it can't be mounted.
fn scene(options: Options) -> Option<Scene> {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount_point = folder.path().join("mnt");
    fs::create_dir(&mount_point).unwrap();
    let served = mount(&mount_point, options).unwrap();
    Some(Scene { served, tree: options.tree, folder })
}

/// Gives the other threads of this process, the server's among them, priority over everything else:
/// on a busy machine a server that waits for its turn finds all at once what was sent meanwhile, and
/// would count that as a burst. What this thread starts has no such priority. Where a container
/// forbids it, the server has to share.
fn let_the_server_run_first() {
    let own = rustix::thread::gettid().to_string();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let id = task.unwrap().file_name().into_string().unwrap();
        if id != own {
            let mut chrt = Command::new("chrt");
            chrt.args(["--rr", "--pid", "1", &id]).stderr(Stdio::null());
            let _ = chrt.status();
        }
    }
}

impl Scene {
    /// `pwalk`, with the mount as its root and in the folder.
    fn pwalk(&self, arguments: &[&str]) -> Command {
        let mut command = pwalk();
        command.args(arguments).arg("mnt").current_dir(self.folder.path());
        command
    }

    fn report(&self, arguments: &[&str]) -> Command {
        self.pwalk(&[&["report", "-q", "-o", "out.csv", "--summary", "s.json"], arguments].concat())
    }

    /// What the server saw of a command that succeeds.
    fn seen_of(&self, command: &mut Command) -> Seen {
        self.served.reset();
        said(command).with_status(0);
        self.seen()
    }

    /// The kernel closes directories after the command has ended, too.
    fn seen(&self) -> Seen {
        wait_until("all directories are closed", || {
            let seen = self.served.seen();
            seen.n(Kind::Releasedir) == seen.n(Kind::Opendir)
        });
        self.served.seen()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    fn sorted_rows(&self) -> Vec<Vec<u8>> {
        let mut rows = csv_rows(&self.read("out.csv"));
        rows.sort();
        rows
    }
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for its end, and gives its exit status.
#[track_caller]
fn status(child: &mut Child) -> Option<i32> {
    wait_until("the command ends", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two levels, and one directory that does not fit into a buffer.
const TREE: Tree = Tree { n_dirs: 3, n_files: 40, depth: 2 };

/// Reads a directory without looking at its entries.
fn list(path: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap();
    let mut buffer = vec![MaybeUninit::<u8>::uninit(); BUFFER_LEN];
    let mut reader = RawDir::new(dir, &mut buffer);
    while let Some(entry) = reader.next() {
        entry.unwrap();
    }
}

// ---- how many requests ----

#[test]
fn a_report_makes_no_request_twice() {
    let Some(scene) = scene(Options::new(TREE, millis(1))) else { return };
    for threads in THREADS {
        let seen = scene.seen_of(&mut scene.report(threads));
        let n_dirs = TREE.n_all_dirs();
        let n_files = TREE.n_entries() - n_dirs;
        // The root's name is no entry of the filesystem. Other directories are looked up for their
        // inode, and once more when they are opened, since nothing is cached.
        assert_eq!(seen.n(Kind::Lookup), n_files + 2 * (n_dirs - 1), "{threads:?}");
        assert_eq!(seen.most_of_a_file(Kind::Lookup), 1, "{threads:?}");
        assert_eq!(seen.most_of_a_dir(Kind::Lookup), 2, "{threads:?}");
        check_directories(&seen, threads);
    }
}

/// Each is opened, read to its end, and closed. The root is looked at and opened once more, before
/// there are outputs and workers, so that a root that can't be read is refused. All other inodes
/// come with the answer to their names.
#[track_caller]
fn check_directories(seen: &Seen, threads: &[&str]) {
    assert!(seen.n_of_inode(Kind::Getattr, 1) <= 2, "{threads:?}: {seen}");
    assert_eq!(seen.n(Kind::Getattr), u64::from(seen.n_of_inode(Kind::Getattr, 1)), "{threads:?}");
    for ino in 1..=TREE.n_all_dirs() {
        let n_opened = if ino == 1 { 2 } else { 1 };
        assert_eq!(seen.n_of_inode(Kind::Opendir, ino), n_opened, "{threads:?}: {ino}");
        assert_eq!(seen.n_of_inode(Kind::Releasedir, ino), n_opened, "{threads:?}: {ino}");
        // One for the names, and one that says that there are no more.
        assert_eq!(seen.n_of_inode(Kind::Readdir, ino), 2, "{threads:?}: {ino}");
    }
}

#[test]
fn paths_without_inodes_need_no_look_at_a_file() {
    let Some(scene) = scene(Options::new(TREE, millis(1))) else { return };
    for threads in THREADS {
        let seen = scene.seen_of(&mut scene.pwalk(&[&["walk"], threads].concat()));
        assert_eq!(seen.n(Kind::Lookup), TREE.n_all_dirs() - 1, "{threads:?}");
        assert_eq!(seen.most_of_a_file(Kind::Lookup), 0, "{threads:?}");
        check_directories(&seen, threads);
    }
}

#[test]
fn a_large_directory_is_read_in_as_few_requests_as_the_buffer_allows() {
    let tree = Tree::flat(1, 20_000);
    let Some(scene) = scene(Options::new(tree, Duration::ZERO)) else { return };
    let dir = tree.find("d00000").unwrap();
    list(&scene.folder.path().join("mnt/d00000"));
    let expected = scene.seen().n_of_inode(Kind::Readdir, dir);
    assert!(expected > 2, "it fits into one buffer");
    for threads in THREADS {
        let seen = scene.seen_of(&mut scene.pwalk(&[&["walk"], threads].concat()));
        assert_eq!(seen.n_of_inode(Kind::Readdir, dir), expected, "{threads:?}");
    }
}

// ---- how fast ----

#[test]
fn max_ops_is_what_the_server_counts_from_the_first_second_on_and_without_bursts() {
    let Some(scene) = scene(Options::new(Tree::flat(20, 100), Duration::ZERO)) else { return };
    let_the_server_run_first();
    for threads in ["-t1", "-t512"] {
        let run = || {
            let seen = scene.seen_of(&mut scene.report(&[threads, "--max-ops", "1000"]));
            // What the kernel and the command need before the walk comes on top.
            assert!(seen.rate() <= 1050.0, "{threads}: {seen}");
            assert!(seen.most_within(millis(1000)) <= 1050, "{threads}: {seen}");
            assert!(seen.most_within(millis(100)) <= 150, "{threads}: {seen}");
            seen.rate()
        };
        // A machine that does something else makes it slower, and never faster.
        let is_kept = (0..N_TRIES).any(|_| run() >= 950.0);
        assert!(is_kept, "{threads}: slower than it may be");
    }
}

/// The kernel asks again for attributes that came with the name.
#[test]
fn max_ops_counts_the_fresh_attributes_that_strict_asks_for() {
    let Some(scene) = scene(Options::new(Tree::flat(5, 40), Duration::ZERO)) else { return };
    let seen = scene.seen_of(&mut scene.report(&["--strict", "--max-ops", "200"]));
    assert!(seen.n(Kind::Getattr) >= 200, "it is asked for fresh ones: {seen}");
    // What the kernel and the command need before the walk comes on top.
    assert!(seen.rate() <= 220.0, "{seen}");
}

// ---- the same rows ----

#[test]
fn rows_are_the_same_however_the_server_is_asked() {
    let Some(scene) = scene(Options::new(Tree::flat(30, 60), millis(1))) else { return };
    let mut variants: Vec<Vec<&str>> = THREADS.iter().map(|threads| threads.to_vec()).collect();
    variants.push(vec!["-t512", "--max-ops", "20000"]);
    variants.push(vec!["--max-ops", "5000"]);
    let mut expected = None;
    for variant in &variants {
        said(&mut scene.report(variant)).with_status(0);
        let rows = scene.sorted_rows();
        assert_eq!(rows.len() as u64, scene.tree.n_entries(), "{variant:?}");
        assert_eq!(rows, *expected.get_or_insert_with(|| rows.clone()), "{variant:?}");
    }
}

// ---- trying ----

#[test]
fn a_probe_has_no_more_requests_at_once_than_it_says() {
    let Some(scene) = scene(Options::new(Tree::flat(40, 50), millis(2))) else { return };
    scene.served.reset();
    let mut command = scene.pwalk(&["info", "--json", "--probe", "2", "--threads", "8"]);
    let probe = &json(said(&mut command).with_status(0).stdout)["probe"];
    let seen = scene.seen();
    let levels = probe["levels"].as_array().unwrap();
    let at_once: Vec<_> = levels.iter().map(|tried| tried["at_once"].as_u64().unwrap()).collect();
    assert!(at_once.starts_with(&[1, 2, 4]) && at_once.ends_with(&[8]), "{probe}");
    assert!(seen.most_awaited() <= 8, "{seen}");
    let n: u64 = levels.iter().map(|tried| tried["requests"].as_u64().unwrap()).sum();
    let n_seen: u64 =
        [Kind::Lookup, Kind::Opendir, Kind::Readdir].iter().map(|kind| seen.n(*kind)).sum();
    assert!(n > 0 && n <= n_seen, "{n}: {seen}");
    assert!(levels.iter().all(|tried| tried["median_us"].as_f64() >= Some(1900.0)), "{probe}");
}

// ---- servers that die ----

/// The names of entries that the rows or the errors have.
fn told(scene: &Scene) -> BTreeSet<String> {
    let rows = csv_rows(&scene.read("out.csv"));
    let names = rows.iter().map(|row| {
        String::from_utf8(row.split(|&byte| byte == b'"').nth(1).unwrap().to_vec()).unwrap()
    });
    let errors = scene.read("errors.ndjson");
    let lines = errors.split_inclusive(|&byte| byte == b'\n').map(json);
    let missing = lines.map(|line| line["path"].as_str().unwrap().to_owned());
    names.chain(missing).collect()
}

/// Starts a report.
fn start(scene: &Scene, threads: &[&str]) -> Child {
    let mut command = scene.report(&[&["--errors", "errors.ndjson"], threads].concat());
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// Everything that was found has its row, or stands in the list of errors.
#[track_caller]
fn check_incomplete(scene: &Scene, threads: &[&str]) {
    let summary = json(scene.read("s.json"));
    assert_eq!(summary["complete"], false, "{threads:?}: {summary}");
    let told = told(scene);
    for number in 0..scene.tree.n_dirs {
        let path = format!("mnt/d{number:05}");
        assert!(told.contains(&path), "{threads:?}: {path} is neither a row nor an error");
    }
}

#[test]
fn a_server_that_goes_away_leaves_errors_and_no_hang() {
    for threads in [&["-t1"], &["-t512"], &[][..]] {
        let Some(scene) = scene(Options::new(Tree::flat(100, 50), millis(2))) else { return };
        let mut child = start(&scene, threads);
        wait_until("it is in the midst", || scene.served.seen().n(Kind::Lookup) >= 300);
        scene.served.abort();
        assert_eq!(status(&mut child), Some(1), "{threads:?}");
        check_incomplete(&scene, threads);
    }
}

/// Names the folder on which the test below mounts.
const MOUNT_POINT: &str = "PWALK_TEST_MOUNT_POINT";

/// What the next test kills.
#[test]
#[ignore = "it is a server, for another test"]
fn serves_in_a_process_of_its_own() {
    if let Some(folder) = std::env::var_os(MOUNT_POINT) {
        let options = Options::new(Tree::flat(100, 50), millis(2));
        pwalk_slowfs::serve(Path::new(&folder), options).unwrap();
    }
}

#[test]
fn a_server_that_is_killed_leaves_errors_and_no_hang() {
    // It is mounted where this one was.
    let Some(scene) = scene(Options::new(Tree::flat(100, 50), millis(2))) else { return };
    let mount_point = scene.served.path().to_owned();
    scene.served.abort();
    let mut server = program(std::env::current_exe().unwrap());
    server.args(["--exact", "--ignored", "slow::serves_in_a_process_of_its_own"]);
    let mut server = server.env(MOUNT_POINT, &mount_point).stdout(Stdio::null()).spawn().unwrap();
    let n_asked = || -> Option<u64> {
        let text = fs::read_to_string(mount_point.join(pwalk_slowfs::STATS_NAME)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("lookup "))?.parse().ok()
    };
    wait_until("it is mounted", || n_asked().is_some());
    let mut child = start(&scene, &[]);
    wait_until("it is in the midst", || n_asked() >= Some(300));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(status(&mut child), Some(1));
    check_incomplete(&scene, &[]);
    scene.served.abort();
}

#[test]
fn a_file_that_never_answers_keeps_nothing_else_from_being_read() {
    let tree = Tree::flat(20, 30);
    let stuck = tree.find("d00003/f00004");
    for threads in [&["-t8"], &[][..]] {
        let options = Options { stuck, ..Options::new(tree, millis(1)) };
        let Some(scene) = scene(options) else { return };
        let mut child = start(&scene, threads);
        wait_until("all other directories are read", || {
            let seen = scene.served.seen();
            let is_read = |number: u64, file: u64| {
                let ino = tree.find(&format!("d{number:05}/f{file:05}")).unwrap();
                seen.n_of_inode(Kind::Lookup, ino) == 1
            };
            let others = (0..20).filter(|number| *number != 3);
            others.into_iter().all(|number| (0..30).all(|file| is_read(number, file)))
        });
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
        scene.served.abort();
        assert_eq!(status(&mut child), Some(1), "{threads:?}");
        let told = told(&scene);
        assert!(told.contains("mnt/d00003/f00004"), "{told:?}");
        check_incomplete(&scene, threads);
    }
}

// ---- memory ----

/// The peak of a running command, in KiB.
fn peak_kb(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", worker(child))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn five_hundred_workers_need_less_than_128_mb() {
    let Some(scene) = scene(Options::new(Tree::flat(400, 100), millis(10))) else { return };
    let mut command = scene.pwalk(&["report", "-q", "-t512", "-o", "out.csv.zst"]);
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    wait_until("the command ends", || {
        peak = peak.max(peak_kb(&child).unwrap_or_default());
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(status(&mut child), Some(0));
    assert!(scene.seen().most_in_flight() >= 500, "{}", scene.seen());
    assert!((1..128 << 10).contains(&peak), "{peak} KiB");
}

/// Each worker takes address space, and a slow filesystem wants hundreds.
#[test]
fn t47_a_slow_filesystem_gets_as_many_workers_as_there_is_memory_for() {
    let Some(scene) = scene(Options::new(Tree::flat(400, 100), millis(5))) else { return };
    for mib in [250, 400] {
        let mut limited = program("prlimit");
        limited.arg(format!("--as={}", mib << 20)).arg(BIN);
        limited.args(["report", "-q", "-o", "out.csv.zst", "mnt"]);
        said(limited.current_dir(scene.folder.path())).with_status(0);
        assert!(scene.seen().most_in_flight() >= 32, "{mib} MiB: {}", scene.seen());
    }
}
