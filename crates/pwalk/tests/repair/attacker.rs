//! An attacker who owns the folder: what leads to a file outside takes the place of what was planned
//! for, at any moment.

use crate::harness::{State, apply, config, plan, state, states, table};
use pwalk::repair::{Applied, Changes, Left, Why};
use pwalk_sys::{OwnedFd, open_beneath, set_group, set_mode};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{OWNER, Shared, dir, file};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Directories of the folder, all with files of the same names.
const N_DIRS: usize = 6;
const N_FILES: usize = 4;

/// The folder, what must not be touched, and how to begin again.
struct Scene {
    shared: Shared,
    /// Has files of the same names, which belong to root.
    canary: PathBuf,
    /// A directory outside that changes places with one inside.
    twin: PathBuf,
    /// A symbolic link to the canary, outside.
    link: PathBuf,
    /// Inodes that stay, wherever they are, and their modes.
    inodes: Vec<(OwnedFd, u32)>,
    /// Swaps so far.
    n_swaps: AtomicU64,
    is_over: AtomicBool,
    /// Whoever holds it knows that the twin is outside.
    twin_is_outside: Mutex<()>,
}

impl Scene {
    fn new() -> Scene {
        let shared = Shared::new();
        let outside = shared.folder.join("outside");
        dir(&outside, 0o700, 0, 0);
        let [canary, twin, link] = ["canary", "twin", "link"].map(|name| outside.join(name));
        for (path, uid) in [(&canary, 0), (&twin, OWNER)] {
            dir(path, 0o700, uid, uid);
            (0..N_FILES).for_each(|n| file(&path.join(format!("f{n}")), 0o600, uid, uid));
        }
        symlink(&canary, &link).unwrap();
        let mut inodes = Vec::new();
        let top = File::open("/").unwrap();
        let mut keep = |path: &Path, mode| {
            let path = path.strip_prefix("/").unwrap().as_os_str().as_encoded_bytes();
            inodes.push((open_beneath(&top, path).unwrap(), mode));
        };
        for number in 0..N_DIRS {
            let path = shared.at(&format!("d{number}"));
            dir(&path, 0o700, OWNER, OWNER);
            keep(&path, 0o700);
            for number in 0..N_FILES {
                let path = path.join(format!("f{number}"));
                file(&path, 0o600, OWNER, OWNER);
                keep(&path, 0o600);
            }
        }
        let (n_swaps, is_over) = Default::default();
        let twin_is_outside = Mutex::default();
        Scene { shared, canary, twin, link, inodes, n_swaps, is_over, twin_is_outside }
    }

    fn dir(&self, number: usize) -> PathBuf {
        self.shared.at(&format!("d{number}"))
    }

    /// Everything that must not change. A rename changes the ctime of what it renames, and of nothing
    /// else.
    fn outside(&self) -> BTreeMap<PathBuf, State> {
        let ctime = (0, 0);
        let renamed =
            [&self.twin, &self.link].map(|path| (path.clone(), State { ctime, ..state(path) }));
        let mut found = states(&self.canary);
        found.extend(states(&self.twin));
        found.extend(renamed);
        let around = [self.shared.folder.as_path(), self.canary.parent().unwrap()];
        found.extend(around.map(|path| (path.to_owned(), State { ctime, ..state(path) })));
        found
    }

    /// Everything is as wrong as it was.
    fn begin_again(&self) {
        for (inode, mode) in &self.inodes {
            set_group(inode, OWNER).unwrap();
            set_mode(inode, *mode).unwrap();
        }
    }

    fn attack(&self, swap: impl Fn(u64)) {
        for round in 0.. {
            if self.is_over.load(Relaxed) {
                return;
            }
            swap(round);
            self.n_swaps.fetch_add(1, Relaxed);
            // On few cores nobody would repair anything.
            std::thread::sleep(Duration::from_micros(20));
        }
    }

    /// A directory is away for a moment, and a link to the canary in its place.
    fn put_link(&self) {
        let (path, away) = (self.dir(0), self.shared.at("away"));
        self.attack(|_| {
            fs::rename(&path, &away).unwrap();
            symlink(&self.canary, &path).unwrap();
            std::thread::yield_now();
            fs::remove_file(&path).unwrap();
            fs::rename(&away, &path).unwrap();
        });
    }

    /// A directory and a link to the canary change places, without a moment between.
    fn exchange_with_link(&self) {
        let path = self.dir(1);
        self.attack(|_| exchange(&path, &self.link));
        if fs::symlink_metadata(&path).unwrap().is_symlink() {
            exchange(&path, &self.link);
        }
    }

    /// Files are renamed over each other, and links to files of the canary over them.
    fn rename_files(&self) {
        let (path, new) = (self.dir(2), self.shared.at("new"));
        self.attack(|round| {
            let name = format!("f{}", round as usize % N_FILES);
            match round % 3 {
                0 => fs::write(&new, "").unwrap(),
                1 => symlink(self.canary.join(&name), &new).unwrap(),
                _ => fs::hard_link(self.dir(3).join(&name), &new).unwrap(),
            }
            fs::rename(&new, path.join(name)).unwrap();
            // Does nothing if both are the same inode.
            let _ = fs::remove_file(&new);
        });
    }

    /// Directories inside change places.
    fn exchange_inside(&self) {
        self.attack(|_| exchange(&self.dir(3), &self.dir(4)));
    }

    /// A directory inside and one outside change places.
    fn exchange_with_twin(&self) {
        let path = self.dir(5);
        self.attack(|_| {
            let _outside = self.twin_is_outside.lock().unwrap();
            exchange(&path, &self.twin);
            std::thread::yield_now();
            exchange(&path, &self.twin);
        });
    }
}

fn exchange(a: &Path, b: &Path) {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
}

const ATTACKS: [fn(&Scene); 5] = [
    Scene::put_link,
    Scene::exchange_with_link,
    Scene::rename_files,
    Scene::exchange_inside,
    Scene::exchange_with_twin,
];

/// What was done and left in all rounds.
#[derive(Default)]
struct Sum {
    n_changed: u64,
    n_left: u64,
    n_foreign: u64,
}

impl Sum {
    fn add(&mut self, n_planned: u64, (applied, left): (Applied, Vec<Left>)) {
        let n_left: u64 = applied.left.values().sum();
        assert_eq!(applied.changes, n_planned);
        assert_eq!(applied.changed + applied.unchanged + n_left, n_planned, "{applied:?}");
        assert_eq!(left.len() as u64, n_left, "each is reported: {left:?}");
        self.n_changed += applied.changed;
        self.n_left += n_left;
        let is_foreign = |left: &&Left| left.why == Why::ChangedSince;
        self.n_foreign += left.iter().filter(is_foreign).count() as u64;
    }
}

/// Plans, applies, and now and then takes back, until there were so many rounds of each.
fn repair(scene: &Scene, n_rounds: usize, n_swaps: u64) -> Sum {
    let mut sum = Sum::default();
    let mut n_done = 0;
    while n_done < n_rounds || scene.n_swaps.load(Relaxed) < n_swaps {
        scene.begin_again();
        let planned = {
            let _outside = scene.twin_is_outside.lock().unwrap();
            plan(&config(&scene.shared.root)).unwrap()
        };
        let [journal, second] = [0, 1].map(|number| scene.shared.journal(number));
        let n_planned = planned.said.changes;
        let applied = apply(table(planned.changes), &journal).unwrap();
        let n_changed = applied.0.changed;
        sum.add(n_planned, applied);
        if n_done % 8 == 7 && n_changed > 0 {
            let undone = apply(Changes::Journal(journal.clone()), &second).unwrap();
            assert!(undone.0.changes >= n_changed);
            sum.add(undone.0.changes, undone);
        }
        [journal, second].iter().for_each(|journal| drop(fs::remove_file(journal)));
        n_done += 1;
    }
    sum
}

fn assert_nothing_outside_is_touched(n_rounds: usize, n_swaps: u64) {
    if !requires(Need::Root) {
        return;
    }
    let scene = Scene::new();
    let before = scene.outside();
    let sum = std::thread::scope(|scope| {
        for attack in &ATTACKS {
            scope.spawn(|| attack(&scene));
        }
        let sum = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            repair(&scene, n_rounds, n_swaps)
        }));
        scene.is_over.store(true, Relaxed);
        sum.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert_eq!(scene.outside(), before);
    let content = fs::read(scene.canary.join("f0")).unwrap();
    assert_eq!(content, b"what is in it");
    assert!(sum.n_changed > 0 && sum.n_foreign > 0, "there was no attack");
    let n_swaps = scene.n_swaps.load(Relaxed);
    let Sum { n_changed, n_left, n_foreign } = sum;
    println!("{n_swaps} swaps; {n_changed} changed, {n_left} left, {n_foreign} of them for others");
}

#[test]
fn t43_whoever_swaps_what_is_repaired_gets_nothing_outside_changed() {
    assert_nothing_outside_is_touched(200, 10_000);
}

#[test]
#[ignore = "it takes minutes: make attack"]
fn t43_ten_thousand_repairs_under_attack_change_nothing_outside() {
    assert_nothing_outside_is_touched(10_000, 10_000);
}
