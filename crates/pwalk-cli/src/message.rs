//! Lines on standard error. None of them fails the command: the reader may be gone.

use crate::words;
use pwalk::{EntryError, Errno, Error, Operation, Summary, UnmatchedExcludes, lock};
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::sync::Mutex;
use unicode_width::UnicodeWidthStr;

/// A line of progress stands on the terminal, without an end.
static HAS_STATUS: Mutex<bool> = Mutex::new(false);

const CLEAR: &str = "\r\u{1b}[2K";

/// Prints one line, with the program's name in front.
pub(crate) fn say(text: impl Display) {
    print_error(&format!("pwalk: {}", one_line(&text.to_string())));
}

/// On a terminal: the value that is invalid, and below it which characters are.
pub(crate) fn point_at(error: &Error) {
    if let (Some(value), Some(place)) = (error.value(), error.place())
        && std::io::stderr().is_terminal()
    {
        let width = pwalk::terminal_width().unwrap_or(80).saturating_sub(4).max(20);
        pointer(value, place, width).iter().for_each(|line| print_error(&format!("  {line}")));
    }
}

/// As much of a value as fits, and a line that points at some of its characters.
fn pointer(value: &str, place: Range<usize>, width: usize) -> [String; 2] {
    let shown = |c: char| one_line(c.encode_utf8(&mut [0; 4]));
    let widths = value.chars().map(|c| shown(c).width());
    let starts: Vec<usize> = std::iter::once(0)
        .chain(widths.scan(0, |end, width| {
            *end += width;
            Some(*end)
        }))
        .collect();
    let column = |index: usize| starts[index.min(starts.len() - 1)];
    let (from, to) = (column(place.start), column(place.end));
    // What is wrong in the middle, if not all fits.
    let all = column(usize::MAX);
    let first = if all <= width { 0 } else { from.saturating_sub(width / 2).min(all - width) };
    let is_in = |index: usize| first <= starts[index] && starts[index + 1] <= first + width;
    let indexed = value.chars().enumerate();
    let text: String = indexed.filter(|(i, _)| is_in(*i)).map(|(_, c)| shown(c)).collect();
    // A character that is cut off at the margin has moved all others.
    let margin = (0..starts.len() - 1).find(|&index| is_in(index)).map_or(first, |i| starts[i]);
    let from = from.saturating_sub(margin);
    let n_marks = to.saturating_sub(margin).min(width).saturating_sub(from).max(1);
    [text, format!("{}{}", " ".repeat(from), "^".repeat(n_marks))]
}

/// Prints one line on standard error, in place of the progress.
pub(crate) fn print_error(line: &str) {
    let mut has_status = lock(&HAS_STATUS);
    let clear = if *has_status { CLEAR } else { "" };
    *has_status = false;
    let _ = writeln!(std::io::stderr(), "{clear}{line}");
}

/// Shows the progress, in place of what was shown before.
pub(crate) fn status(line: &str) {
    let mut has_status = lock(&HAS_STATUS);
    *has_status = true;
    // At once, so that nothing flickers.
    let _ = std::io::stderr().write_all(format!("\r{line}\u{1b}[K").as_bytes());
}

/// The progress is no longer shown.
pub(crate) fn clear_status() {
    let mut has_status = lock(&HAS_STATUS);
    // Who has the terminal now has its own text there.
    if *has_status && pwalk::has_terminal() {
        let _ = std::io::stderr().write_all(CLEAR.as_bytes());
    }
    *has_status = false;
}

/// Another program has the terminal: what was shown is no longer ours to clear.
pub(crate) fn leave_status() {
    *lock(&HAS_STATUS) = false;
}

/// Prints to standard output.
pub(crate) fn print(text: impl Display) -> Result<(), Error> {
    require_stdout()?;
    let mut stdout = std::io::stdout().lock();
    let printed = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    printed.map_err(|error| Error::stdout(&error))
}

/// An error if the command was started without the standard output that it is to fill.
pub(crate) fn require_stdout() -> Result<(), Error> {
    match pwalk::is_stdout_closed() {
        true => Err(Error::stdout(&Errno::BADF.into())),
        false => Ok(()),
    }
}

/// A text with its control characters escaped: names hold anything, and must neither break the
/// line, nor move a terminal's cursor, nor turn the order of what stands beside them.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns_order(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Marks of direction, and ends of lines and paragraphs that are not control characters.
fn turns_order(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_pointed_at_however_wide_its_characters_are() {
        let cases = [
            ("sise > 1", 0..4, 40, "sise > 1", "^^^^"),
            ("size >", 6..6, 40, "size >", "      ^"),
            (
                "name = '\u{65e5}\u{672c}' x",
                12..13,
                40,
                "name = '\u{65e5}\u{672c}' x",
                "              ^",
            ),
            ("a\n= x", 3..4, 40, "a\\n= x", "    ^"),
            ("0123456789abcdefghij", 10..12, 8, "6789abcd", "    ^^"),
            ("0123456789abcdefghij", 0..20, 8, "01234567", "^^^^^^^^"),
            ("0123456789abcdefghij", 20..20, 8, "cdefghij", "        ^"),
            ("\u{65e5}\u{672c}\u{65e5}x", 3..4, 4, "\u{65e5}x", "  ^"),
        ];
        for (value, place, width, text, marks) in cases {
            assert_eq!(pointer(value, place, width), [text, marks], "{value}");
        }
    }
}
