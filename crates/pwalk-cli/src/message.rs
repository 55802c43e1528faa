//! Lines on standard error. None of them fails the command: the reader may be gone.

use crate::words;
use pwalk::{EntryError, Error, Operation, Summary, UnmatchedExcludes};
use std::fmt::Display;
use std::io::Write;

/// Prints one line, with the program's name in front.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "pwalk: {}", one_line(&text.to_string()));
}

/// Prints to standard output.
pub(crate) fn print(text: impl Display) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    let printed = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    printed.map_err(|error| Error::stdout(&error))
}

/// A text with its control characters escaped: names hold anything, and must neither break the
/// line nor move a terminal's cursor.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// What could not be seen of an entry, in words.
pub(crate) fn entry_error(error: &EntryError) -> String {
    let path = String::from_utf8_lossy(&error.path);
    match error.operation {
        Operation::Follow => format!("{path}: leads back to a directory above it; not followed"),
        _ => format!("{path}: {}", error.errno),
    }
}

/// The excludes that matched nothing, one line each; of very many the first.
pub(crate) fn unmatched_excludes(summary: &Summary) -> Vec<String> {
    let UnmatchedExcludes { count, first } = &summary.unmatched_excludes;
    let name = |exclude: &String| one_line(&format!("exclude '{exclude}' matched nothing"));
    let mut lines: Vec<_> = first.iter().map(name).collect();
    let n_more = count.saturating_sub(first.len() as u64);
    if n_more > 0 {
        let more = words::counted(n_more, "more exclude", "more excludes");
        lines.push(format!("{more} matched nothing"));
    }
    lines
}
