//! Numbers as people read them.

pub(crate) use pwalk::words::{bytes, count};
use std::fmt::Display;
use std::time::Duration;

/// `1 entry`, `2 entries`
pub(crate) fn counted(n: u64, one: impl Display, many: impl Display) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", count(n)) }
}

/// `1 entry`, `2 entries`
pub(crate) fn entries(n: u64) -> String {
    counted(n, "entry", "entries")
}

/// A number of changes of a repair, with the word.
pub(crate) fn changes(n: u64) -> String {
    counted(n, "change", "changes")
}

/// `1 error`, `2 errors`
pub(crate) fn errors(n: u64) -> String {
    counted(n, "error", "errors")
}

/// `0:07`, `12:00`, `1:02:03`
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(entries), ["0 entries", "1 entry", "2 entries"]);
        assert_eq!(errors(1), "1 error");
    }

    #[test]
    fn times_are_those_of_a_clock() {
        let shown = [7, 720, 3723].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:07", "12:00", "1:02:03"]);
    }
}
