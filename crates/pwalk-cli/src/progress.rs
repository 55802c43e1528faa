//! The line on a terminal that says how far a job is.
//!
//! Reads the job's counters ten times a second; the workers know nothing about it. A request that
//! isn't answered takes the place of the directory visited last.

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use pwalk::{Control, Waiting};
use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A request that lasts so long is named.
const HANGS: Duration = Duration::from_secs(5);

/// Between two looks at the counters.
const INTERVAL: Duration = Duration::from_millis(100);

/// Shows progress, if standard error is a terminal and nobody asked for quiet.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    started: Instant,
    /// About how many entries there are; `None` where nobody knows.
    n_expected: Option<u64>,
}

impl ProgressLine {
    pub(crate) fn new(is_quiet: bool, n_expected: Option<u64>) -> ProgressLine {
        let is_shown = !is_quiet && std::io::stderr().is_terminal();
        let bar = if is_shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is ours");
        bar.set_style(style);
        ProgressLine { bar, started: Instant::now(), n_expected }
    }

    /// Runs a job and keeps the line up to date meanwhile; clears it at the end.
    pub(crate) fn around<R>(&self, control: &Control, job: impl FnOnce() -> R) -> R {
        if self.bar.is_hidden() {
            return job();
        }
        let result = std::thread::scope(|scope| {
            let (ended, ends) = channel::<()>();
            // Without a thread to show it there is no progress, and the job runs nonetheless.
            let follow = move || self.follow(control, &ends);
            let _ = std::thread::Builder::new().spawn_scoped(scope, follow);
            let result = job();
            drop(ended);
            result
        });
        self.bar.finish_and_clear();
        result
    }

    /// Prints a line above the progress.
    pub(crate) fn say(&self, text: &str) {
        self.bar.suspend(|| crate::message::say(text));
    }

    fn follow(&self, control: &Control, ends: &Receiver<()>) {
        while ends.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            self.bar.set_message(self.line(control));
            self.bar.tick();
        }
    }

    fn line(&self, control: &Control) -> String {
        let done = control.progress();
        let n_entries = done.n_files + done.n_dirs;
        let rate = n_entries as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let mut words = vec![format!("{} entries", HumanCount(n_entries))];
        if let Some(expected) = self.n_expected.filter(|n| *n > 0) {
            let share = (100 * n_entries / expected).min(99);
            words.push(format!("{share}% of {}", HumanCount(expected)));
        }
        words.push(format!("{}/s", HumanCount(rate as u64)));
        if done.bytes > 0 {
            words.push(HumanBytes(done.bytes).to_string());
        }
        if done.n_errors > 0 {
            words.push(format!("{} errors", HumanCount(done.n_errors)));
        }
        words.push(match control.waiting(HANGS).first() {
            Some(request) => waiting(request),
            None => show(&control.last_dirs().pop().unwrap_or_default()),
        });
        words.join("  ")
    }
}

/// What the filesystem doesn't answer, and for how long.
fn waiting(request: &Waiting) -> String {
    let seconds = request.since.elapsed().as_secs();
    format!("waiting {seconds} s for {} ({})", show(&request.path), request.operation.name())
}

fn show(path: &[u8]) -> String {
    crate::message::one_line(&String::from_utf8_lossy(path))
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
}
