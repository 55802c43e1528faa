//! The compiled condition, and what it says of an entry.
//!
//! What is not known of an entry yet is a third answer beside yes and no, as in the logic of SQL:
//! `name ~ '*.bam' and size > 1G` is no for `a.txt`, whatever its size. So one function serves both
//! a name that a directory tells and a row with everything.

use super::check::fields_of;
use super::facts::Facts;
use crate::entry::{Fields, Kind, extension};
use globset::GlobSet;
use regex::bytes::Regex;

/// A condition, or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// What is tested of an entry.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Text {
        of: Text,
        wanted: Wanted,
        is_negated: bool,
    },
    /// Which kinds are wanted, by their numbers.
    Kind([bool; Kind::ALL.len()]),
    Number {
        of: Number,
        comparison: Comparison,
        value: i128,
    },
    AnyOf {
        of: Number,
        values: Vec<i128>,
        is_negated: bool,
    },
    /// The bits of the mask are `bits`.
    Mode {
        mask: u32,
        bits: u32,
        is_negated: bool,
    },
    Empty,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    Name,
    Path,
    Extension,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Depth,
    Size,
    Allocated,
    Blocks,
    Uid,
    Gid,
    Links,
    Inode,
    Device,
    Entries,
    Atime,
    Mtime,
    Ctime,
    Btime,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Which texts are wanted.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// This one.
    Equal(Vec<u8>),
    /// One of these.
    OneOf(Vec<Vec<u8>>),
    /// Those that begin so, and have no slash after it: `a*`.
    Start(Vec<u8>),
    /// Those that end so, and have no slash before it: `*.bam`.
    End(Vec<u8>),
    Glob(GlobSet),
    Regex(Regex),
}

impl Node {
    /// What is known of an entry's fate; `None`: it depends on what is not known.
    pub(super) fn decide(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Node::All(parts) => decide_all(parts, facts, false),
            Node::Any(parts) => decide_all(parts, facts, true),
            Node::Not(part) => part.decide(facts).map(|yes| !yes),
            Node::Test(test) => test.decide(facts),
        }
    }

    /// What it needs of an inode.
    pub(super) fn fields(&self) -> Fields {
        match self {
            Node::All(parts) | Node::Any(parts) => {
                parts.iter().fold(Fields::empty(), |fields, part| fields | part.fields())
            }
            Node::Not(part) => part.fields(),
            Node::Test(test) => test.fields(),
        }
    }

    /// True if one of its tests is of a number that `is_meant`.
    pub(super) fn has_number(&self, is_meant: fn(Number) -> bool) -> bool {
        match self {
            Node::All(parts) | Node::Any(parts) => {
                parts.iter().any(|part| part.has_number(is_meant))
            }
            Node::Not(part) => part.has_number(is_meant),
            Node::Test(Test::Empty) => is_meant(Number::Entries),
            Node::Test(Test::Number { of, .. } | Test::AnyOf { of, .. }) => is_meant(*of),
            Node::Test(_) => false,
        }
    }

    /// How much it takes to decide, for the order.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Node::All(parts) | Node::Any(parts) => parts.iter().map(Node::cost).sum(),
            Node::Not(part) => part.cost(),
            Node::Test(test) => test.cost(),
        }
    }
}

/// One part that says `deciding` decides for all of them.
#[inline]
fn decide_all(parts: &[Node], facts: &Facts<'_>, deciding: bool) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part.decide(facts) {
            Some(yes) if yes == deciding => return Some(deciding),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(!deciding)
}

impl Test {
    fn decide(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Test::Text { of, wanted, is_negated } => {
                let is_wanted = match of {
                    Text::Name => wanted.has(facts.name()),
                    Text::Path => wanted.has(facts.path()),
                    Text::Extension if facts.kind? == Kind::Dir => wanted.has(b""),
                    Text::Extension => wanted.has(extension(facts.name())),
                };
                Some(is_wanted != *is_negated)
            }
            Test::Kind(wanted) => Some(wanted[facts.kind? as usize]),
            Test::Number { of, comparison, value } => {
                Some(facts.number(*of)?.is_some_and(|number| comparison.holds(number, *value)))
            }
            Test::AnyOf { of, values, is_negated } => {
                let holds = |number| values.contains(&number) != *is_negated;
                Some(facts.number(*of)?.is_some_and(holds))
            }
            Test::Mode { mask, bits, is_negated } => {
                Some((facts.stat?.mode & mask == *bits) != *is_negated)
            }
            Test::Empty => match facts.kind? {
                Kind::File => Some(facts.stat?.size == 0),
                Kind::Dir => Some(facts.n_entries()? == Some(0)),
                _ => Some(false),
            },
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Test::Text { of: Text::Extension, .. } | Test::Kind(_) => Fields::KIND,
            Test::Text { .. } => Fields::empty(),
            Test::Number { of, .. } | Test::AnyOf { of, .. } => fields_of(*of),
            Test::Mode { .. } => Fields::MODE,
            Test::Empty => Fields::SIZE | Fields::KIND,
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Test::Text { of, wanted, .. } => {
                wanted.cost() + if matches!(of, Text::Path) { 20 } else { 0 }
            }
            _ => 1,
        }
    }
}

impl Comparison {
    #[inline]
    fn holds(self, number: i128, value: i128) -> bool {
        match self {
            Comparison::Equal => number == value,
            Comparison::NotEqual => number != value,
            Comparison::Less => number < value,
            Comparison::AtMost => number <= value,
            Comparison::Greater => number > value,
            Comparison::AtLeast => number >= value,
        }
    }
}

impl Wanted {
    pub(super) fn one_of(mut texts: Vec<Vec<u8>>) -> Wanted {
        match texts.len() {
            1 => Wanted::Equal(texts.remove(0)),
            _ => Wanted::OneOf(texts),
        }
    }

    /// A glob that needs no machine, which most of them are: `*.bam`, `core*`, `README`.
    pub(super) fn simple(pattern: &str) -> Option<Wanted> {
        let literal = pattern.strip_prefix('*').or(pattern.strip_suffix('*')).unwrap_or(pattern);
        if literal.is_empty() || literal.contains(['*', '?', '[', ']', '{', '}', '\\', '/']) {
            return None;
        }
        let bytes = literal.as_bytes().to_vec();
        Some(match pattern {
            _ if literal.len() == pattern.len() => Wanted::Equal(bytes),
            _ if pattern.starts_with('*') => Wanted::End(bytes),
            _ => Wanted::Start(bytes),
        })
    }

    fn has(&self, text: &[u8]) -> bool {
        let has_no_slash = |rest: &[u8]| !rest.contains(&b'/');
        match self {
            Wanted::Equal(wanted) => text == wanted,
            Wanted::OneOf(wanted) => wanted.iter().any(|wanted| text == wanted),
            Wanted::Start(start) => text.strip_prefix(&start[..]).is_some_and(has_no_slash),
            Wanted::End(end) => text.strip_suffix(&end[..]).is_some_and(has_no_slash),
            Wanted::Glob(glob) => glob.is_match_candidate(&globset::Candidate::from_bytes(text)),
            Wanted::Regex(regex) => regex.is_match(text),
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Wanted::Equal(_) | Wanted::Start(_) | Wanted::End(_) => 2,
            Wanted::OneOf(texts) => 2 + texts.len() as u32,
            Wanted::Glob(_) => 50,
            Wanted::Regex(_) => 60,
        }
    }
}
