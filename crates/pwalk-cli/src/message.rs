//! Lines on standard error. None of them fails the command: the reader may be gone.

use crate::exit::Exit;
use clap::error::ErrorKind;
use pwalk::{EntryError, Error, Operation, Summary, UnmatchedExcludes};
use std::ffi::OsString;
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
        lines.push(format!("{n_more} more excludes matched nothing"));
    }
    lines
}

/// Prints help where it was asked for, else what is wrong with the arguments as one line.
pub(crate) fn argument_error(error: &clap::Error, typed: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Complete
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Unable
        }
        ErrorKind::InvalidUtf8 => {
            say(not_text(typed));
            Exit::Unable
        }
        _ => {
            say(first_paragraph(&error.render().to_string()));
            Exit::Unable
        }
    }
}

/// Which argument is not UTF-8, with the option before it, whose value it may be.
fn not_text(typed: &[OsString]) -> String {
    let bad = typed.iter().position(|arg| arg.to_str().is_none()).unwrap_or_default();
    let around = &typed[bad.saturating_sub(1).max(1).min(bad)..=bad];
    let words: Vec<_> = around.iter().map(|arg| arg.to_string_lossy()).collect();
    format!("{}: not valid UTF-8", words.join(" "))
}

/// The message without the usage that follows it, on one line.
fn first_paragraph(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_refused_in_one_line() {
        let text =
            "error: invalid value 'x' for '--names <NAMES>'\n  [possible values: a, b]\n\nFor more";
        assert_eq!(
            first_paragraph(text),
            "invalid value 'x' for '--names <NAMES>' [possible values: a, b]"
        );
    }
}
