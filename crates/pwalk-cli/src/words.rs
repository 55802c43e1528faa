//! Numbers as people read them.

use std::fmt::Display;
use std::time::Duration;

/// `1,202,000`
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 entry`, `2 entries`
pub(crate) fn counted(n: u64, one: impl Display, many: impl Display) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", count(n)) }
}

/// `1 entry`, `2 entries`
pub(crate) fn entries(n: u64) -> String {
    counted(n, "entry", "entries")
}

/// `1 error`, `2 errors`
pub(crate) fn errors(n: u64) -> String {
    counted(n, "error", "errors")
}

/// `12.00 KiB`
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = n.checked_ilog2().unwrap_or(0) as usize / 10;
    match power.checked_sub(1) {
        None => format!("{n} B"),
        Some(unit) => format!("{:.2} {}", n as f64 / (1_u64 << (10 * power)) as f64, UNITS[unit]),
    }
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
    fn numbers_are_grouped_and_one_is_singular() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (n, expected) in cases {
            assert_eq!(count(n), expected);
        }
        assert_eq!([0, 1, 2].map(entries), ["0 entries", "1 entry", "2 entries"]);
        assert_eq!(errors(1), "1 error");
    }

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (12 << 10, "12.00 KiB")];
        for (n, expected) in cases.into_iter().chain([(u64::MAX, "16.00 EiB")]) {
            assert_eq!(bytes(n), expected);
        }
    }

    #[test]
    fn times_are_those_of_a_clock() {
        let shown = [7, 720, 3723].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:07", "12:00", "1:02:03"]);
    }
}
