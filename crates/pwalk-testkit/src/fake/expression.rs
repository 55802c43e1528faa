//! Conditions as trees that can be written down and asked: the model's opinion on `--where`.
//!
//! Owns a naive evaluator of a part of the language, one that shares nothing with the engine's but
//! the text. Must not know the engine's parser or its compiled form.

use super::glob::fits;
use proptest::prelude::*;
use proptest::sample::select;
use pwalk_engine::{Fields, Kind, Stat};

/// A condition.
#[derive(Clone, Debug)]
pub enum Expression {
    /// All of them.
    And(Vec<Expression>),
    /// One of them.
    Or(Vec<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// The name fits a glob.
    Name(&'static str),
    /// The path fits a glob.
    Path(&'static str),
    /// The extension is this.
    Extension(&'static str),
    /// It is of this kind.
    Kind(Kind),
    /// A number compares so with another.
    Number(Quantity, &'static str, i64),
    /// It has all of these bits.
    Has(u32),
    /// It has one of these bits.
    HasAny(u32),
    /// A file without bytes, a directory without entries.
    Empty,
}

/// A number that an entry has.
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    /// Levels below the root.
    Depth,
    /// Bytes.
    Size,
    /// Units of 512 bytes.
    Blocks,
    /// Owner.
    Uid,
    /// Hard links.
    Links,
    /// Seconds since the epoch.
    Mtime,
    /// Seconds since the epoch, where it is recorded.
    Btime,
    /// Of a directory that was read.
    Entries,
}

/// An entry, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The whole path.
    pub path: &'a [u8],
    /// -1 for a root.
    pub depth: i32,
    /// `None`: only the inode tells.
    pub kind: Option<Kind>,
    /// `None`: not read.
    pub stat: Option<&'a Stat>,
    /// Entries of a directory, or that they are not known. `None`: not read yet.
    pub n_entries: Option<Option<i64>>,
}

impl Expression {
    /// As a user writes it.
    pub fn text(&self) -> String {
        let join = |parts: &[Expression], word: &str| {
            format!("({})", parts.iter().map(Self::text).collect::<Vec<_>>().join(word))
        };
        match self {
            Expression::And(parts) => join(parts, " and "),
            Expression::Or(parts) => join(parts, " or "),
            Expression::Not(part) => format!("not {}", part.text()),
            Expression::Name(glob) => format!("name ~ '{glob}'"),
            Expression::Path(glob) => format!("path ~ '{glob}'"),
            Expression::Extension(extension) => format!("extension = '{extension}'"),
            Expression::Kind(kind) => format!("kind = {}", kind.name()),
            Expression::Number(Quantity::Mtime, sign, number) => format!("mtime {sign} @{number}"),
            Expression::Number(Quantity::Btime, sign, number) => format!("btime {sign} @{number}"),
            Expression::Number(quantity, sign, number) => {
                format!("{} {sign} {number}", format!("{quantity:?}").to_lowercase())
            }
            Expression::Has(bits) => format!("mode has {bits:o}"),
            Expression::HasAny(bits) => format!("mode any {bits:o}"),
            Expression::Empty => "empty".to_owned(),
        }
    }

    /// What is known of an entry's fate.
    pub fn holds(&self, seen: &Seen<'_>) -> Option<bool> {
        let name = seen.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        Some(match self {
            Expression::Not(part) => !part.holds(seen)?,
            Expression::And(parts) => {
                let answers: Vec<_> = parts.iter().map(|part| part.holds(seen)).collect();
                if answers.contains(&Some(false)) {
                    return Some(false);
                }
                return (!answers.contains(&None)).then_some(true);
            }
            Expression::Or(parts) => {
                let answers: Vec<_> = parts.iter().map(|part| part.holds(seen)).collect();
                if answers.contains(&Some(true)) {
                    return Some(true);
                }
                return (!answers.contains(&None)).then_some(false);
            }
            Expression::Name(glob) => fits(glob.as_bytes(), name),
            Expression::Path(glob) => fits(glob.as_bytes(), seen.path),
            Expression::Extension(wanted) => {
                let extension = match seen.kind? {
                    Kind::Dir => b"",
                    _ => crate::oracle::extension(name),
                };
                extension == wanted.as_bytes()
            }
            Expression::Kind(kind) => seen.kind? == *kind,
            Expression::Number(quantity, sign, wanted) => match quantity.of(seen)? {
                None => false,
                Some(number) => compare(number, sign, *wanted),
            },
            Expression::Has(bits) => seen.stat?.mode & bits == *bits,
            Expression::HasAny(bits) => seen.stat?.mode & bits != 0,
            Expression::Empty => match seen.kind? {
                Kind::File => seen.stat?.size == 0,
                Kind::Dir => seen.n_entries? == Some(0),
                _ => false,
            },
        })
    }

    /// What it needs of inodes.
    pub fn fields(&self) -> Fields {
        match self {
            Expression::And(parts) | Expression::Or(parts) => {
                parts.iter().fold(Fields::empty(), |fields, part| fields | part.fields())
            }
            Expression::Not(part) => part.fields(),
            Expression::Name(_) | Expression::Path(_) => Fields::empty(),
            Expression::Extension(_) | Expression::Kind(_) => Fields::KIND,
            Expression::Number(quantity, ..) => match quantity {
                Quantity::Depth | Quantity::Entries => Fields::empty(),
                Quantity::Size => Fields::SIZE,
                Quantity::Blocks => Fields::BLOCKS,
                Quantity::Uid => Fields::OWNER,
                Quantity::Links => Fields::LINKS,
                Quantity::Mtime => Fields::MTIME,
                Quantity::Btime => Fields::BTIME,
            },
            Expression::Has(_) | Expression::HasAny(_) => Fields::MODE,
            Expression::Empty => Fields::SIZE,
        }
    }
}

impl Quantity {
    fn of(self, seen: &Seen<'_>) -> Option<Option<i64>> {
        Some(Some(match self {
            Quantity::Depth => i64::from(seen.depth) + 1,
            Quantity::Size => seen.stat?.size,
            Quantity::Blocks => seen.stat?.blocks,
            Quantity::Uid => seen.stat?.uid.into(),
            Quantity::Links => seen.stat?.nlink.into(),
            Quantity::Mtime => seen.stat?.mtime,
            Quantity::Btime => return Some(seen.stat?.btime),
            Quantity::Entries if seen.kind.is_some_and(|kind| kind != Kind::Dir) => {
                return Some(None);
            }
            Quantity::Entries => return seen.n_entries,
        }))
    }
}

fn compare(number: i64, sign: &str, wanted: i64) -> bool {
    match sign {
        "=" => number == wanted,
        "!=" => number != wanted,
        "<" => number < wanted,
        "<=" => number <= wanted,
        ">" => number > wanted,
        _ => number >= wanted,
    }
}

/// Conditions of all sorts.
pub fn arb_expression() -> impl Strategy<Value = Expression> {
    let quantities = vec![
        Quantity::Depth,
        Quantity::Size,
        Quantity::Blocks,
        Quantity::Uid,
        Quantity::Links,
        Quantity::Mtime,
        Quantity::Btime,
        Quantity::Entries,
    ];
    let signs = vec!["=", "!=", "<", "<=", ">", ">="];
    let number = (select(quantities), select(signs), prop_oneof![0..6_i64, 0..3000_i64])
        .prop_map(|(quantity, sign, number)| Expression::Number(quantity, sign, number));
    let globs = vec!["*.tmp*", "a*", "*1", "b?", "d.rs", ".*", "*n*", "*"];
    let paths = vec!["/r/*", "**/a*", "/r", "**/b*/*", "/r/**/n*"];
    let bits = select(vec![0o200, 0o111, 0o022, 0o4000, 0o644]);
    let leaf = prop_oneof![
        3 => select(globs).prop_map(Expression::Name),
        1 => select(paths).prop_map(Expression::Path),
        1 => select(vec!["tmp", "tmp1", "rs", ""]).prop_map(Expression::Extension),
        2 => select(&Kind::ALL[1..]).prop_map(Expression::Kind),
        4 => number,
        1 => bits.clone().prop_map(Expression::Has),
        1 => bits.prop_map(Expression::HasAny),
        1 => Just(Expression::Empty),
    ];
    leaf.prop_recursive(3, 12, 4, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 1..4).prop_map(Expression::And),
            prop::collection::vec(part.clone(), 1..4).prop_map(Expression::Or),
            part.prop_map(|part| Expression::Not(Box::new(part))),
        ]
    })
}
