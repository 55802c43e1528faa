//! `pwalk repair`, killed at any moment: no entry has more rights than before or after, and the journal
//! brings back all of it.

use crate::harness::{json, pwalk, said};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{Rights, Shared};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A command that makes changes, with a journal.
fn repair(shared: &Shared, arguments: &[&str], journal: &Path) -> Command {
    let mut command = pwalk();
    command.args(["repair", "--no-syslog", "--threads", "3", "--json", "--journal"]);
    command.arg(journal).args(arguments).current_dir(&shared.folder);
    command
}

/// Runs it to its end.
#[track_caller]
fn done(mut command: Command) -> serde_json::Value {
    json(said(&mut command).with_status(0).stdout)
}

/// Starts it, and waits until it is about to make changes: its journal is there.
fn begun(mut command: Command, journal: &Path) -> Child {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !journal.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(50));
    }
    child
}

/// Kills it some time after it has begun.
fn kill(command: Command, journal: &Path, after: Duration) {
    let mut child = begun(command, journal);
    let from = Instant::now();
    // A sleep of so short a time is too long.
    while from.elapsed() < after {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// How long the changes take, if nobody disturbs them.
fn duration(command: Command, journal: &Path) -> Duration {
    let mut child = begun(command, journal);
    let from = Instant::now();
    assert!(child.wait().unwrap().success());
    from.elapsed()
}

/// What a group may do with an entry.
fn of_group((mode, gid): (u32, u32), group: u32) -> u32 {
    if gid == group { mode >> 3 & 7 } else { mode & 7 }
}

/// No group, and nobody else, may do more than before or after.
fn assert_not_more(now: &Rights, before: &Rights, after: &Rights) {
    for (path, &state) in now {
        let sides = [before[path], after[path]];
        assert!(sides.iter().any(|side| side.1 == state.1), "{path:?} has a foreign group");
        for group in sides.map(|side| side.1) {
            let has_no_more = |side| of_group(state, group) & !of_group(side, group) == 0;
            assert!(sides.into_iter().any(has_no_more), "{path:?} {state:?} {sides:?}");
        }
        let rest = |mode: u32| mode & 0o5707;
        assert_eq!(rest(state.0), rest(sides[0].0), "{path:?}");
        assert_eq!(state.0 & 0o2000 & !(sides[0].0 | sides[1].0), 0, "{path:?}");
    }
}

/// A number from 0 to 1, spread evenly.
fn spread(number: usize) -> f64 {
    (number as f64 * 0.618_033_988_75).fract()
}

struct Killed {
    shared: Shared,
    before: Rights,
    after: Rights,
    /// How long all changes take, and to take them back.
    durations: [Duration; 2],
}

impl Killed {
    fn new() -> Killed {
        let shared = Shared::with(60, 50);
        let before = shared.rights();
        let journals = [0, 1].map(|number| shared.folder.join(format!("whole{number}")));
        let root = shared.root.to_str().unwrap().to_owned();
        let apply = duration(repair(&shared, &["--apply", &root], &journals[0]), &journals[0]);
        let after = shared.rights();
        assert_ne!(before, after);
        let undo = ["--undo", journals[0].to_str().unwrap()];
        let undo = duration(repair(&shared, &undo, &journals[1]), &journals[1]);
        assert_eq!(shared.rights(), before);
        Killed { shared, before, after, durations: [apply, undo] }
    }

    fn journal(&self, name: &str) -> PathBuf {
        let path = self.shared.folder.join(name);
        let _ = fs::remove_file(&path);
        path
    }

    /// Kills a repair, every second time the undo as well, and takes all of it back. Says whether the
    /// kill came between the first change and the last.
    fn round(&self, number: usize) -> bool {
        let [applied, undone, whole] =
            ["applied", "undone", "whole"].map(|name| self.journal(name));
        let root = self.shared.root.to_str().unwrap();
        let after = self.durations[0].mul_f64(spread(number) * 1.1);
        kill(repair(&self.shared, &["--apply", root], &applied), &applied, after);
        let now = self.shared.rights();
        assert_not_more(&now, &self.before, &self.after);
        let is_between = now != self.before && now != self.after;
        if fs::metadata(&applied).map_or(0, |file| file.len()) == 0 {
            assert_eq!(now, self.before, "nothing was announced");
            return false;
        }
        let undo = ["--undo", applied.to_str().unwrap()];
        if number % 2 == 1 {
            let after = self.durations[1].mul_f64(spread(number + 1));
            kill(repair(&self.shared, &undo, &undone), &undone, after);
            assert_not_more(&self.shared.rights(), &self.before, &self.after);
        }
        let said = done(repair(&self.shared, &undo, &whole));
        assert_eq!(said["applied"]["left"], serde_json::json!({}));
        assert_eq!(self.shared.rights(), self.before, "kill {number} after {after:?}");
        is_between
    }
}

fn assert_kills_can_be_taken_back(n_kills: usize) {
    if !requires(Need::Root) {
        return;
    }
    let killed = Killed::new();
    let n_between = (0..n_kills).filter(|number| killed.round(*number)).count();
    println!("{n_between} of {n_kills} kills came between the first change and the last");
    assert!(n_between >= n_kills / 5, "{n_between}");
}

#[test]
fn t43_what_a_kill_leaves_has_no_more_rights_and_is_taken_back() {
    assert_kills_can_be_taken_back(15);
}

#[test]
#[ignore = "it takes minutes: make attack"]
fn t43_what_two_hundred_kills_leave_is_taken_back() {
    assert_kills_can_be_taken_back(200);
}
