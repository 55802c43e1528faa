//! Comparers of two tables in no guaranteed order, with a difference that a person can read.
//!
//! Owns the sorting, the difference and its shortening. Knows rows as bytes only, and the
//! rows of the oracle as text made from them.
//!
//! Rows are compared as a multiset: a row that comes twice is a fault like one that is missing.

use crate::oracle::OracleRow;
use std::fmt::Write;

/// Rows shown of each side.
const N_SHOWN: usize = 10;
/// Characters shown of a row; of a longer one, its beginning and its end.
const N_CHARS: usize = 400;

/// Panics with a short difference unless both hold the same rows, in whatever order.
///
/// # Panics
///
/// That is what it is for.
#[track_caller]
pub fn assert_same_rows<G: AsRef<[u8]>, E: AsRef<[u8]>>(got: &[G], expected: &[E]) {
    if let Some(text) = difference(got, expected) {
        panic!("{text}");
    }
}

/// The same for rows of the oracle.
///
/// # Panics
///
/// That is what it is for.
#[track_caller]
pub fn assert_same_entries(got: &[OracleRow], expected: &[OracleRow]) {
    let text = |rows: &[OracleRow]| rows.iter().map(describe).collect::<Vec<_>>();
    assert_same_rows(&text(got), &text(expected));
}

/// The first rows that are missing in `got` and those that should not be there, if any.
pub fn difference<G: AsRef<[u8]>, E: AsRef<[u8]>>(got: &[G], expected: &[E]) -> Option<String> {
    let (got, expected) = (sorted(got), sorted(expected));
    let missing = without(&expected, &got);
    let extra = without(&got, &expected);
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let mut text = format!("{} rows, expected {}", got.len(), expected.len());
    show(&mut text, "missing", &missing);
    show(&mut text, "extra", &extra);
    Some(text)
}

/// The records of a CSV file, without their line ends: a line end inside quotes ends nothing.
///
/// What follows the last line end is a record too, so that a table cut short shows.
pub fn csv_records(table: &[u8]) -> Vec<Vec<u8>> {
    let mut in_quotes = false;
    let is_end = |&byte: &u8| {
        in_quotes ^= byte == b'"';
        byte == b'\n' && !in_quotes
    };
    let mut records: Vec<Vec<u8>> = table.split(is_end).map(<[u8]>::to_vec).collect();
    if records.last().is_some_and(Vec::is_empty) {
        records.pop();
    }
    records
}

fn sorted<R: AsRef<[u8]>>(rows: &[R]) -> Vec<&[u8]> {
    let mut rows: Vec<&[u8]> = rows.iter().map(AsRef::as_ref).collect();
    rows.sort_unstable();
    rows
}

/// The rows of `all` that are left when those of `others` are taken away; both are sorted.
fn without<'r>(all: &[&'r [u8]], others: &[&[u8]]) -> Vec<&'r [u8]> {
    let mut others = others.iter().peekable();
    let mut left = Vec::new();
    for row in all {
        while others.next_if(|other| *other < row).is_some() {}
        if others.next_if(|other| *other == row).is_none() {
            left.push(*row);
        }
    }
    left
}

fn show(text: &mut String, what: &str, rows: &[&[u8]]) {
    for row in rows.iter().take(N_SHOWN) {
        let _ = write!(text, "\n  {what}: {}", shortened(row));
    }
    if rows.len() > N_SHOWN {
        let _ = write!(text, "\n  {what}: and {} more", rows.len() - N_SHOWN);
    }
}

fn shortened(row: &[u8]) -> String {
    let text = row.escape_ascii().to_string();
    if text.len() <= N_CHARS {
        return text;
    }
    let (start, end) = (&text[..N_CHARS / 2], &text[text.len() - N_CHARS / 2..]);
    format!("{start} [... {} ...] {end}", text.len() - N_CHARS)
}

/// The path first, so that two opinions on one entry stand side by side.
fn describe(row: &OracleRow) -> Vec<u8> {
    let OracleRow { path, kind, inode, parent_inode, depth, uid, gid, size, dev, rdev, .. } = row;
    let OracleRow { blocks, nlink, mode, atime, mtime, ctime, fcount, dirsum, .. } = row;
    let OracleRow { atime_ns, mtime_ns, ctime_ns, .. } = row;
    let fields = format!(
        " {} inode={inode} parent={parent_inode} depth={depth} uid={uid} gid={gid} size={size} \
         dev={dev} rdev={rdev} blocks={blocks} nlink={nlink} mode={mode:o} \
         atime={atime}+{atime_ns}ns mtime={mtime}+{mtime_ns}ns ctime={ctime}+{ctime_ns}ns \
         fcount={fcount:?} dirsum={dirsum:?}",
        kind.word()
    );
    [path.as_slice(), fields.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_but_number_does() {
        assert_eq!(difference(&["a", "b"], &["b", "a"]), None);
        let text = difference(&["a", "a", "c"], &["a", "b"]).unwrap();
        assert_eq!(text, "3 rows, expected 2\n  missing: b\n  extra: a\n  extra: c");
    }

    #[test]
    fn a_difference_is_short_and_escaped() {
        let rows: Vec<Vec<u8>> = (0..99).map(|n| [&[b'\n'; 999][..], &[n]].concat()).collect();
        let text = difference(&rows, &[] as &[&str]).unwrap();
        assert!(text.len() < 6_000 && text.contains("extra: and 89 more"), "{text}");
        assert!(text.contains("\\n\\n [... "));
    }

    #[test]
    fn a_line_end_in_quotes_ends_no_record() {
        let records = csv_records(b"1,\"a\nb\"\n2,\"\"\"\n\"\"\"\n3");
        assert_eq!(records, [&b"1,\"a\nb\""[..], b"2,\"\"\"\n\"\"\"", b"3"]);
        assert!(csv_records(b"").is_empty());
    }
}
