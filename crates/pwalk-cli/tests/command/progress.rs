//! The line of progress: on a terminal, and nowhere else.
//!
//! A terminal is made by `script` of util-linux. The report waits for its reader, so that it
//! lasts long enough to show progress on any machine.

use crate::harness::{BIN, build, program, run, said};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::stuck::StuckTree;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Runs a script of sh on a terminal; `$PWALK` is the command under test, `$ROOT` a tree.
/// Returns what the terminal got.
fn on_terminal(script: &str, root: &Path) -> String {
    let mut command = program("script");
    command.args(["-qec", script, "/dev/null"]).env("PWALK", BIN).env("ROOT", root);
    command.env("TERM", "xterm").env("SHELL", "/bin/sh");
    let said = said(&mut command).with_status(0);
    // Where its own input has ended, `script` passes that on, and a terminal echoes it.
    String::from_utf8_lossy(&said.stdout).trim_start_matches("^D").to_owned()
}

/// Waits from the first byte on: a busy machine may start the command late.
const SLOW_READER: &str = "{ head -c 1 > /dev/null; sleep 0.8; cat > /dev/null; }";

#[test]
fn a_terminal_gets_progress_and_then_the_summary() {
    let tree = build("deep");
    let shown = on_terminal(&format!("$PWALK report $ROOT -o - | {SLOW_READER}"), tree.path());
    let (progress, summary) = shown.split_once("1,202 entries in ").expect("a summary");
    for part in [" entries", "/s  "] {
        assert!(progress.contains(part), "{part:?} in {progress:?}");
    }
    assert!(summary.contains("complete: standard output"), "{shown:?}");
    assert!(progress.ends_with("\u{1b}[2K"), "the line is cleared: {progress:?}");
}

#[test]
fn a_converted_scan_is_summed_up_on_a_terminal() {
    let tree = build("deep");
    let script = "cd $(mktemp -d) && $PWALK report -q $ROOT -o a.csv && \
                  $PWALK convert a.csv b.parquet && rm -r $PWD";
    let shown = on_terminal(script, tree.path());
    for part in ["1,202 entries: ", " apparent, ", "written, complete as far as the input is: b"] {
        assert!(shown.contains(part), "{part:?} in {shown:?}");
    }
}

#[test]
fn a_listing_shows_progress_unless_its_paths_go_to_the_same_terminal() {
    let tree = build("deep");
    let shown = on_terminal(&format!("$PWALK walk $ROOT | {SLOW_READER}"), tree.path());
    assert!(shown.contains(" entries") && shown.contains("/s"), "{shown:?}");
    let shown = on_terminal("$PWALK walk $ROOT", tree.path());
    assert_eq!(shown.lines().filter(|line| !line.contains("/deep")).count(), 0);
    assert!(!shown.contains('\u{1b}') && shown.lines().count() == 1_202);
}

#[test]
fn progress_says_the_share_of_a_whole_filesystem() {
    if !requires(Need::Mount) {
        return;
    }
    let tree = build("deep");
    let disk = tree.folder().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = format!(
        "unshare --mount sh -c 'mount -t tmpfs none $ROOT/../disk && \
         cp -r $ROOT $ROOT/../disk && \
         $PWALK report $ROOT/../disk -o - | {SLOW_READER}'"
    );
    let shown = on_terminal(&script, tree.path());
    assert!(shown.contains("% of 1,20"), "{shown:?}");
}

#[test]
fn a_conversion_shows_progress_too() {
    let tree = build("deep");
    let script = format!(
        "$PWALK report -q $ROOT -o $ROOT/../scan.csv; \
         $PWALK convert $ROOT/../scan.csv - | {SLOW_READER}"
    );
    let shown = on_terminal(&script, tree.path());
    assert!(shown.contains("\r0:00  ") && shown.contains(" entries  "), "{shown:?}");
}

#[test]
fn a_profile_shows_progress_of_a_tree_and_of_a_scan_and_then_its_tables() {
    let tree = build("deep");
    let of_tree = "$PWALK profile --max-ops 4000 $ROOT".to_owned();
    let of_scan = "$PWALK report -q $ROOT -o $ROOT/../scan.csv; \
                   { cat $ROOT/../scan.csv; sleep 0.8; } | $PWALK profile --from csv /dev/stdin"
        .to_owned();
    for script in [of_tree, of_scan] {
        let shown = on_terminal(&script, tree.path());
        let (progress, tables) = shown.rsplit_once("\u{1b}[2K").expect("the line is cleared");
        assert!(progress.contains("\r0:00  ") && progress.contains(" entries  "), "{shown:?}");
        assert!(tables.contains("1,202 entries, ") && tables.contains("Extension"), "{shown:?}");
    }
    let quiet = on_terminal("$PWALK profile -q --max-ops 4000 $ROOT", tree.path());
    assert!(!quiet.contains("\u{1b}[K") && quiet.contains("1,202 entries, "), "{quiet:?}");
}

/// It has its own text there, and reads single keys.
#[test]
fn a_pager_has_the_terminal_for_itself() {
    let tree = build("deep");
    let script = format!("stty -icanon; $PWALK report $ROOT -o - | {SLOW_READER}");
    let shown = on_terminal(&script, tree.path());
    assert!(shown.starts_with("1,202 entries in ") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn progress_fits_into_the_terminal() {
    let tree = build("deep");
    for columns in [20, 40, 80] {
        let script =
            format!("stty rows 24 cols {columns}; $PWALK report $ROOT -o - | {SLOW_READER}");
        let shown = on_terminal(&script, tree.path());
        let (progress, _) = shown.split_once("\u{1b}[2K").expect("it was cleared");
        let lines = progress.split("\u{1b}[K").map(|line| line.trim_start_matches('\r'));
        for line in lines {
            assert!(line.chars().count() < columns, "{columns}: {line:?}");
        }
    }
}

#[test]
fn a_terminal_that_can_not_redraw_a_line_gets_the_summary_alone() {
    let tree = build("deep");
    let script = format!("export TERM=dumb; $PWALK report $ROOT -o - | {SLOW_READER}");
    let shown = on_terminal(&script, tree.path());
    assert!(shown.starts_with("1,202 entries in ") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn quiet_shows_nothing_on_a_terminal_either() {
    let tree = build("deep");
    for command in ["report -q -o -", "walk --quiet"] {
        let script = format!("$PWALK {command} $ROOT | {SLOW_READER}");
        assert_eq!(on_terminal(&script, tree.path()), "", "{command}");
    }
}

#[test]
fn without_a_terminal_there_is_no_progress() {
    let tree = build("deep");
    let root = tree.path().to_str().unwrap();
    let script = format!("{{ \"$0\" report \"$1\" -o - 2>&3 | {SLOW_READER}; }} 3>&1");
    let report = said(&mut crate::harness::shell(&script, &[root])).with_status(0);
    assert_eq!(report.text().lines().count(), 3, "the summary alone: {}", report.text());
    assert!(!report.text().contains(['\r', '\u{1b}']));
    assert_eq!(run(&["walk", root]).with_status(0).stderr, "");
}

/// For as long as it lasts: here until the terminal has shown it.
#[test]
fn t49_what_does_not_answer_stands_on_the_line() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    // In the walk, and before it begins.
    stands_on_the_line(StuckTree::mount().unwrap(), |stuck| stuck.path().to_owned());
    stands_on_the_line(StuckTree::mount().unwrap(), StuckTree::stuck_path);
}

fn stands_on_the_line(stuck: StuckTree, root: fn(&StuckTree) -> PathBuf) {
    let mut command = program("script");
    command.args(["-qec", "$PWALK report $ROOT -o- > /dev/null", "/dev/null"]);
    command.env("PWALK", BIN).env("ROOT", root(&stuck)).env("TERM", "xterm").env("COLUMNS", "200");
    command.env("SHELL", "/bin/sh").stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut terminal = child.stdout.take().unwrap();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n) = terminal.read(&mut bytes) {
            if n == 0 || send.send(String::from_utf8_lossy(&bytes[..n]).into_owned()).is_err() {
                return;
            }
        }
    });
    let mut shown = String::new();
    while !shown.contains(" s for ") {
        let more = receive.recv_timeout(Duration::from_secs(30));
        shown.push_str(&more.unwrap_or_else(|_| panic!("no word of it: {shown:?}")));
    }
    let (_, waiting) = shown.split_once("waiting ").expect("how long");
    let expected = format!(" s for {}", stuck.path().display());
    assert!(waiting.contains(&expected[..expected.len().min(40)]), "{waiting:?}");
    drop(stuck);
    child.wait().unwrap();
}
