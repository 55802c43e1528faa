//! The line on a terminal that says how far a job is.
//!
//! Reads the job's counters ten times a second; the workers know nothing about it. A request that
//! isn't answered takes the place of the directory visited last. While another program has the
//! terminal, a pager above all, nothing is drawn: the line would stand in its text.

use crate::message;
use crate::pace::Pace;
use crate::signals::Cancellable;
use crate::words;
use pwalk::{Control, Progress, Waiting};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr;

/// A request that lasts so long is named.
const HANGS: Duration = Duration::from_secs(5);

/// Between two looks at the counters.
const INTERVAL: Duration = Duration::from_millis(100);

/// A pager has taken the terminal by then.
const PAGER_STARTS: Duration = Duration::from_millis(300);

/// What a path is cut to before other words are left out, but for the time and the count; if not
/// even half of that is left beside those, there is no path.
const PATH_WIDTH_MIN: usize = 16;

/// Of a terminal that doesn't say.
const WIDTH: usize = 80;

/// Shows progress, if standard error is a terminal and nobody asked for quiet.
pub(crate) struct ProgressLine {
    is_shown: bool,
    started: Instant,
    /// About how many entries there are; 0 where nobody knows.
    n_expected: AtomicU64,
    /// Entries that were counted when changes began, which are counted from then on.
    n_before_changes: OnceLock<u64>,
}

impl ProgressLine {
    pub(crate) fn new(is_quiet: bool) -> ProgressLine {
        ProgressLine {
            is_shown: !is_quiet && std::io::stderr().is_terminal() && can_redraw(),
            started: Instant::now(),
            n_expected: AtomicU64::new(0),
            n_before_changes: OnceLock::new(),
        }
    }

    /// From now on the job counts changes, of which there are so many.
    pub(crate) fn changes_begin(&self, control: &Control, n_expected: Option<u64>) {
        let _ = self.n_before_changes.set(n_entries(&control.progress()));
        self.expect(n_expected);
    }

    /// About so many entries will come.
    pub(crate) fn expect(&self, n_expected: Option<u64>) {
        self.n_expected.store(n_expected.unwrap_or(0), Relaxed);
    }

    /// Runs a job and keeps the line up to date meanwhile; clears it at the end.
    pub(crate) fn around<R>(&self, job: &Cancellable, run: impl FnOnce() -> R) -> R {
        if !self.is_shown {
            return run();
        }
        let result = std::thread::scope(|scope| {
            let (ended, ends) = channel::<()>();
            // Without a thread to show it there is no progress, and the job runs nonetheless.
            let follow = move || self.follow(job, &ends);
            let _ = std::thread::Builder::new().spawn_scoped(scope, follow);
            let result = run();
            drop(ended);
            result
        });
        message::clear_status();
        result
    }

    fn follow(&self, job: &Cancellable, ends: &Receiver<()>) {
        let mut pace = Pace::default();
        while ends.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            let done = job.control.progress();
            pace.see(Instant::now(), self.n_done(&done));
            let is_early = self.started.elapsed() < PAGER_STARTS;
            if (is_early && !std::io::stdout().is_terminal()) || !pwalk::has_terminal() {
                message::leave_status();
                continue;
            }
            // The last column stays free: some terminals begin a line behind it.
            let width = pwalk::terminal_width().unwrap_or(WIDTH).saturating_sub(1);
            let words = self.words(&done, &pace);
            // Changes are made elsewhere than where the walk has ended.
            let subject =
                self.n_before_changes.get().map_or_else(|| subject(job), |_| String::new());
            message::status(&fit(words, &subject, width));
        }
    }

    /// Entries, or changes once these have begun.
    fn n_done(&self, done: &Progress) -> u64 {
        n_entries(done).saturating_sub(self.n_before_changes.get().copied().unwrap_or(0))
    }

    /// The most important first.
    fn words(&self, done: &Progress, pace: &Pace) -> Vec<String> {
        let n = self.n_done(done);
        let counted = match self.n_before_changes.get() {
            None => words::entries(n),
            Some(_) => words::changes(n),
        };
        let mut words = vec![words::clock(self.started.elapsed()), counted];
        words.extend(pace.rate().map(|rate| format!("{}/s", words::count(rate as u64))));
        if done.n_errors > 0 {
            words.push(words::errors(done.n_errors));
        }
        let expected = self.n_expected.load(Relaxed);
        // Far beyond it the guess was wrong: hard links, or other filesystems below.
        if expected > 0 && n <= expected + expected / 20 {
            let share = (100 * n / expected).min(99);
            words.push(format!("{share}% of {}", words::count(expected)));
            let left = pace.time_for(n, expected.saturating_sub(n));
            let left = left.filter(|left| left.as_secs() > 0);
            words.extend(left.map(|left| format!("about {} left", words::clock(left))));
        }
        if done.bytes > 0 {
            words.push(words::bytes(done.bytes));
        }
        words
    }
}

/// A terminal that can't go back to the start of its line would show every state of it.
fn can_redraw() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn n_entries(done: &Progress) -> u64 {
    done.n_files + done.n_dirs
}

/// What the job waits for, else where it is.
fn subject(job: &Cancellable) -> String {
    let control: &Control = &job.control;
    match (control.waiting(HANGS).first(), job.asked(HANGS)) {
        (Some(request), _) => waiting(request),
        (None, Some((path, since))) => format!("waiting {} s for {path}", since.as_secs()),
        _ => show(&control.last_dirs().pop().unwrap_or_default()),
    }
}

/// What the filesystem doesn't answer, and for how long.
fn waiting(request: &Waiting) -> String {
    let seconds = request.since.elapsed().as_secs();
    format!("waiting {seconds} s for {} ({})", show(&request.path), request.operation.name())
}

fn show(path: &[u8]) -> String {
    message::one_line(&String::from_utf8_lossy(path))
}

/// As many of the words as there is room for beside the subject, which is cut in its middle.
fn fit(mut words: Vec<String>, subject: &str, width: usize) -> String {
    let wanted = subject.width().min(PATH_WIDTH_MIN) + 2;
    while words.len() > 2 && words.join("  ").width() + wanted > width {
        words.pop();
    }
    let line = words.join("  ");
    let rest = width.saturating_sub(line.width() + 2);
    if rest < PATH_WIDTH_MIN / 2 {
        return cut(&line, width);
    }
    format!("{line}  {}", cut(subject, rest))
}

/// A text of at most `width` columns: its middle is left out if need be.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    // A whole text can be wider than its characters one by one: signs that are shown as emoji.
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let head = &text[..ends[ends.partition_point(|&at| text[..at].width() <= room / 2) - 1]];
    let rest = room - head.width();
    let tail = ends.partition_point(|&at| text[at..].width() > rest);
    format!("{head}…{}", ends.get(tail).map_or("", |&at| &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk::Operation;

    #[test]
    fn t49_what_does_not_answer_is_named_with_the_time_that_it_takes() {
        let since = Instant::now().checked_sub(Duration::from_secs(12)).unwrap();
        let request = Waiting { operation: Operation::Stat, path: b"/a\nb".to_vec(), since };
        assert_eq!(waiting(&request), "waiting 12 s for /a\\nb (stat)");
    }

    #[test]
    fn a_path_is_cut_in_its_middle_by_the_columns_that_it_takes() {
        let cases = [
            ("/data/a", 7, "/data/a"),
            ("/data/a/b/c.txt", 9, "/dat….txt"),
            ("/データ/深い/階層", 10, "/デ…/階層"),
            ("/データ", 1, "…"),
            ("/data", 0, ""),
        ];
        for (path, width, expected) in cases {
            assert_eq!(cut(path, width), expected);
            assert!(cut(path, width).width() <= width);
        }
    }

    #[test]
    fn no_path_is_wider_than_its_room_whatever_its_characters_make_together() {
        let signs =
            ["\u{263a}\u{fe0f}", "1\u{fe0f}\u{20e3}", "\u{1f469}\u{200d}\u{1f467}", "e\u{301}"];
        for text in signs.iter().map(|sign| sign.repeat(50)) {
            for width in 0..60 {
                assert!(cut(&text, width).width() <= width, "{width}: {}", cut(&text, width));
            }
        }
    }

    #[test]
    fn a_narrow_terminal_gets_the_most_important_words() {
        let words =
            || ["0:07", "1,202 entries", "600/s", "50% of 2,404"].map(str::to_owned).to_vec();
        let path = "/data/projects/climate/run-17/output";
        let wide = "0:07  1,202 entries  600/s  50% of 2,404  /data/projects/climate/run-17/output";
        assert_eq!(fit(words(), path, 120), wide);
        assert_eq!(
            fit(words(), path, 60),
            "0:07  1,202 entries  600/s  50% of 2,404  /data/pr…17/output"
        );
        assert_eq!(fit(words(), path, 39), "0:07  1,202 entries  /data/pr…17/output");
        assert_eq!(fit(words(), path, 29), "0:07  1,202 entries  /da…tput");
        assert_eq!(fit(words(), path, 24), "0:07  1,202 entries");
        for width in 0..130 {
            assert!(fit(words(), path, width).width() <= width);
        }
    }
}
