//! The values of a condition: sizes, moments, permissions, kinds.
//!
//! Each is read from its text alone; what the time is now is told. The words of an error say what
//! would be right, since a user who wrote `10KB` knows what that is.

use crate::entry::Kind;

/// Units are powers of 1024, by their first letter.
const UNITS: &str = "KMGTP";

/// A number of bytes: `1000`, `64K`, `1.5G`, `1GiB`.
pub(super) fn size(text: &str) -> Result<i64, String> {
    let n_digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(n_digits);
    let unit = unit.to_ascii_uppercase();
    if unit.len() == 2 && unit.ends_with('B') && UNITS.contains(&unit[..1]) {
        let letter = &unit[..1];
        return Err(format!(
            "{unit} may mean powers of 1000 or of 1024: write {letter} or {letter}iB for those of 1024"
        ));
    }
    let bytes = power(&unit).and_then(|power| scaled(number, 1024_i128.pow(power)));
    bytes.and_then(|bytes| i64::try_from(bytes).ok()).ok_or_else(|| {
        "must be a number of bytes, with K, M, G, T or P for powers of 1024".to_owned()
    })
}

/// Which power of 1024 a unit is.
fn power(unit: &str) -> Option<u32> {
    let letter = unit.strip_suffix("IB").or(unit.strip_suffix('I')).unwrap_or(unit);
    match (letter, unit) {
        ("", "" | "B") | ("B", "B") => Some(0),
        ("", _) => None,
        _ if letter.len() == 1 => UNITS.find(letter).map(|index| index as u32 + 1),
        _ => None,
    }
}

/// A decimal number times a unit, rounded down.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 15 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = fraction.parse().ok()?;
    let scale = 10_i128.pow(fraction.len() as u32);
    (i128::from(whole) * scale + i128::from(part)).checked_mul(unit).map(|n| n / scale)
}

/// A whole number, as the columns have them.
pub(super) fn count(text: &str) -> Result<i128, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    // No field is larger.
    let number = number.filter(|number: &i128| number.unsigned_abs() <= u64::MAX.into());
    number.ok_or_else(|| "must be a whole number".to_owned())
}

/// A moment, and whether it is given to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since the epoch.
    pub(super) seconds: i64,
    /// False for ages and for days.
    pub(super) is_exact: bool,
}

const DAY: i64 = 86_400;

/// Units of ages, short and in full, in seconds. A month has 30 days, and a year 365.
const AGES: [(&str, &str, i64); 7] = [
    ("s", "second", 1),
    ("min", "minute", 60),
    ("h", "hour", 3600),
    ("d", "day", DAY),
    ("w", "week", 7 * DAY),
    ("mo", "month", 30 * DAY),
    ("y", "year", 365 * DAY),
];

/// A moment: an age (`-90d`), a date with or without a time (UTC, or with an offset), `now`, or
/// seconds since the epoch (`@1700000000`).
pub(super) fn moment(text: &str, now: i64) -> Result<Moment, String> {
    let word = text.to_ascii_lowercase();
    let found = match word.as_bytes() {
        b"now" => Some(Moment { seconds: now, is_exact: false }),
        [b'@', ..] => epoch(&word[1..]),
        [b'-' | b'+', ..] => return age(&word, now),
        _ => date(&word),
    };
    found.ok_or_else(|| {
        "must be an age as -90d, or a date as 2024-01-31 or 2024-01-31T12:00+01:00".to_owned()
    })
}

fn epoch(digits: &str) -> Option<Moment> {
    let seconds = count(digits).ok().and_then(|seconds| i64::try_from(seconds).ok())?;
    Some(Moment { seconds, is_exact: true })
}

fn age(word: &str, now: i64) -> Result<Moment, String> {
    let unsigned = &word[1..];
    let n_digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, name) = unsigned.split_at(n_digits);
    // In quotes there may be a blank: '-2 weeks'.
    let name = name.trim_start_matches(' ');
    if name == "m" {
        return Err("m may mean minutes or months: write min or mo".to_owned());
    }
    let is_meant =
        |short: &str, full: &str| name == short || name.strip_suffix('s').unwrap_or(name) == full;
    let unit = AGES.iter().find(|(short, full, _)| is_meant(short, full));
    let seconds = unit.and_then(|(.., unit)| digits.parse::<i64>().ok()?.checked_mul(*unit));
    let signed = seconds.map(|seconds| if word.starts_with('-') { -seconds } else { seconds });
    let seconds = signed.and_then(|seconds| now.checked_add(seconds));
    seconds.map(|seconds| Moment { seconds, is_exact: false }).ok_or_else(|| {
        "must be an age with a unit of s, min, h, d, w, mo or y, as in -90d".to_owned()
    })
}

/// `2024-01-31`, `2024-01-31T12:00`, `2024-01-31 12:00:30+01:00`, `...Z`. Lower case.
fn date(word: &str) -> Option<Moment> {
    let (day, rest) = word.split_at_checked(10)?;
    let midnight = days(day)?.checked_mul(DAY)?;
    if rest.is_empty() {
        return Some(Moment { seconds: midnight, is_exact: false });
    }
    let time = rest.strip_prefix(['t', ' '])?;
    let (time, offset) = match time.find(['z', '+', '-']) {
        Some(at) => (&time[..at], zone(&time[at..])?),
        None => (time, 0),
    };
    Some(Moment { seconds: midnight + clock(time)? - offset, is_exact: true })
}

/// Seconds of `12:00` or `12:00:30` since midnight.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| two_digits(part, 60));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    (hour < 24 && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds that a zone is ahead of UTC: `z`, `+01:00`, `+0100`, `-08`.
fn zone(text: &str) -> Option<i64> {
    if text == "z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text[1..].replacen(':', "", 1);
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { two_digits(minutes, 60)? };
    Some(sign * (two_digits(hours, 24)? * 3600 + minutes * 60))
}

fn two_digits(text: &str, limit: i64) -> Option<i64> {
    let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number < limit)
}

/// Days since the epoch of `2024-01-31`, of ten bytes.
fn days(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let has_dashes = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let is_day = (1..=12).contains(&month) && (1..=month_len(year, month)).contains(&day);
    (has_dashes && is_day).then(|| days_from_civil(year, month, day))
}

fn month_len(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the Gregorian calendar. The year is made to begin in March, so
/// that a leap day ends it.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Permission bits: octal digits, or letters as chmod(1) takes them (`o+w`, `u=rw,go=r`).
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let octal = text.strip_prefix("0o").unwrap_or(text);
    let bits = if !octal.is_empty() && octal.bytes().all(|byte| byte.is_ascii_digit()) {
        u32::from_str_radix(octal, 8).ok().filter(|bits| *bits <= 0o7777)
    } else {
        text.split(',').map(clause).try_fold(0, |sum, bits| Some(sum | bits?))
    };
    bits.ok_or_else(|| "must be octal digits as 022, or letters as o+w".to_owned())
}

fn clause(text: &str) -> Option<u32> {
    let (who, what) = text.split_once(['+', '='])?;
    if who.is_empty() || what.is_empty() {
        return None;
    }
    let mask = who.chars().try_fold(0, |mask, c| {
        Some(
            mask | match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o0007,
                'a' => 0o6777,
                _ => return None,
            },
        )
    })?;
    let bits = what.chars().try_fold(0, |bits, c| {
        Some(
            bits | match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                's' => 0o6000,
                't' => 0o1000,
                _ => return None,
            },
        )
    })?;
    // The sticky bit is nobody's, for chmod.
    let sticky = bits & 0o1000;
    Some(bits & mask | sticky)
}

/// A kind by its word, or by the letter of find.
pub(super) fn kind(text: &str) -> Result<Kind, String> {
    let word = text.to_ascii_lowercase();
    let kind = match word.as_str() {
        "f" => Some(Kind::File),
        "d" | "directory" => Some(Kind::Dir),
        "l" | "link" => Some(Kind::Symlink),
        "p" | "pipe" => Some(Kind::Fifo),
        "s" => Some(Kind::Socket),
        "c" => Some(Kind::Char),
        "b" => Some(Kind::Block),
        _ => Kind::ALL.into_iter().find(|kind| kind.name() == word),
    };
    kind.filter(|kind| *kind != Kind::Unknown)
        .ok_or_else(|| "must be one of file, dir, symlink, fifo, socket, char and block".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        let good = [
            ("0", 0),
            ("1000", 1000),
            ("12B", 12),
            ("1k", 1024),
            ("64K", 64 << 10),
            ("1Ki", 1 << 10),
            ("1.5G", 3 << 29),
            ("0.0005K", 0),
            ("2GiB", 2 << 30),
            ("3t", 3 << 40),
            ("8P", 8 << 50),
        ];
        for (text, expected) in good {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for bad in ["", "K", "-1", "1.G", ".5", "1..5", "1 G", "1GG", "1Gx", "9000P", "1i", "1iB"] {
            assert!(size(bad).unwrap_err().starts_with("must be a number of bytes"), "{bad}");
        }
        assert!(size("10kb").unwrap_err().starts_with("KB may mean powers of 1000 or of 1024"));
    }

    #[test]
    fn moments_are_ages_or_dates() {
        let now = 1_700_000_000;
        let exact = |seconds| Ok(Moment { seconds, is_exact: true });
        let about = |seconds| Ok(Moment { seconds, is_exact: false });
        let cases = [
            ("now", about(now)),
            ("-90d", about(now - 90 * DAY)),
            ("-2y", about(now - 730 * DAY)),
            ("+1H", about(now + 3600)),
            ("-6mo", about(now - 180 * DAY)),
            ("-30min", about(now - 1800)),
            ("-2 weeks", about(now - 14 * DAY)),
            ("-1Month", about(now - 30 * DAY)),
            ("+90 s", about(now + 90)),
            ("1970-01-01", about(0)),
            ("1969-12-31", about(-DAY)),
            ("2000-02-29", about(951_782_400)),
            ("0000-03-01", about(-62_162_035_200)),
            ("9999-12-31", about(253_402_214_400)),
            ("2023-11-14T22:13:20Z", exact(now)),
            ("2023-11-14T22:13:20", exact(now)),
            ("2023-11-14 23:13:20+01:00", exact(now)),
            ("2023-11-14t14:13:20-0800", exact(now)),
            ("2023-11-14T22:13", exact(now - 20)),
            ("@-5", exact(-5)),
            ("@1700000000", exact(now)),
        ];
        for (text, expected) in cases {
            assert_eq!(moment(text, now), expected, "{text}");
        }
        let bad = [
            "",
            "2",
            "2024",
            "2024-1-1",
            "2024-02-30",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024/01/01",
            "2024-01-01T24:00",
            "2024-01-01T12",
            "2024-01-01T12:60",
            "2024-01-01T12:00:00:00",
            "2024-01-01T12:00+1",
            "2024-01-01x",
            "@",
            "@x",
            "-",
            "-d",
            "-5",
            "- 5d",
            "-5 ",
            "-5ss",
            "-5 fortnights",
            "-99999999999999999999d",
            "-9223372036854775807y",
            "90d",
            "éééééé",
            "2024-01-0é",
        ];
        for bad in bad {
            assert!(moment(bad, now).is_err(), "{bad}");
        }
        assert_eq!(moment("-5m", now), Err("m may mean minutes or months: write min or mo".into()));
    }

    #[test]
    fn every_day_of_400_years_is_one_after_the_day_before() {
        let mut before = days_from_civil(1969, 12, 31);
        assert_eq!(before, -1);
        for year in 1970..2370 {
            for month in 1..=12 {
                for day in 1..=month_len(year, month) {
                    assert_eq!(days_from_civil(year, month, day), before + 1);
                    before += 1;
                }
            }
        }
        assert_eq!(before, 146_097 - 1);
    }

    #[test]
    fn permissions_are_octal_or_letters() {
        let good = [
            ("644", 0o644),
            ("0o022", 0o022),
            ("06000", 0o6000),
            ("0", 0),
            ("o+w", 0o002),
            ("u+s", 0o4000),
            ("ug+s", 0o6000),
            ("o+t", 0o1000),
            ("a+x", 0o111),
            ("u=rw,go=r", 0o644),
        ];
        for (text, expected) in good {
            assert_eq!(mode(text), Ok(expected), "{text}");
        }
        for bad in ["", "8", "10000", "w", "+w", "o+", "o+q", "z+w", "u=rw,", "0x1", "-022"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }
}
