//! What no entry has: a name with a slash, a user -1. A test for it says the same of every entry.
//!
//! Owns which values are possible. Knows no operators: `not` and `!=` turn a test around, and one that
//! is true of everything is as much a mistake as one that is true of nothing.
//!
//! What depends on the roots is not judged: `path ~ '*.bam'` finds something below `.` only. Sizes,
//! blocks and times may be below 0 in a saved scan.

use super::node::{Number, Text};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// Why no entry has this text.
pub(super) fn check_text(of: Text, wanted: &[u8]) -> Result<(), String> {
    let is_dir = wanted.len() > 1 && wanted.ends_with(b"/");
    match of {
        Text::Path if is_dir => Err("no path ends in a slash".to_owned()),
        _ => check(of, |byte| wanted.contains(&byte)),
    }
}

/// Why no entry has a text that this regular expression matches.
pub(super) fn check_pattern(of: Text, regex: &str) -> Result<(), String> {
    // One that is nested deeper than this parser goes is not judged.
    let parsed = ParserBuilder::new().utf8(false).unicode(false).build().parse(regex);
    parsed.map_or(Ok(()), |hir| check(of, |byte| needs(&hir, byte)))
}

fn check(of: Text, has: impl Fn(u8) -> bool) -> Result<(), String> {
    let reason = match of {
        _ if has(0) => "no name has a null byte",
        Text::Name if has(b'/') => "a name has no slash: test the path",
        Text::Extension if has(b'/') => "an extension has no slash",
        Text::Extension if has(b'.') => "an extension has no dot: it is what follows the last one",
        _ => return Ok(()),
    };
    Err(reason.to_owned())
}

/// True if there is a certain byte in every text that it matches.
fn needs(hir: &Hir, byte: u8) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.contains(&byte),
        HirKind::Repetition(repetition) => repetition.min > 0 && needs(&repetition.sub, byte),
        HirKind::Capture(capture) => needs(&capture.sub, byte),
        HirKind::Concat(parts) => parts.iter().any(|part| needs(part, byte)),
        HirKind::Alternation(parts) => parts.iter().all(|part| needs(part, byte)),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// Why no entry has this number.
pub(super) fn check_number(of: Number, number: i128) -> Result<(), String> {
    match largest(of) {
        Some(largest) if !(0..=largest).contains(&number) => {
            Err(format!("must be from 0 to {largest}"))
        }
        _ => Ok(()),
    }
}

/// The largest number of a field that can't be below 0.
fn largest(of: Number) -> Option<i128> {
    match of {
        Number::Uid | Number::Gid | Number::Links => Some(u32::MAX.into()),
        Number::Inode | Number::Device => Some(u64::MAX.into()),
        Number::Entries => Some(i64::MAX.into()),
        Number::Depth => Some(i128::from(i32::MAX) + 1),
        Number::Size | Number::Allocated | Number::Blocks => None,
        Number::Atime | Number::Mtime | Number::Ctime | Number::Btime => None,
    }
}
