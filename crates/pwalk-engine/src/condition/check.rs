//! What a test means: its field, the type of its value, and what its operator says of them.
//!
//! Owns the table of fields. Everything that can be wrong with a condition is found here, before the
//! first directory is opened; names of users and groups are looked up here, once.

use super::Lookup;
use super::grammar::{Fault, Operator, Placed, Syntax, Value, Written};
use super::node::{Comparison, Node, Number, Test, Text, Wanted};
use super::{possible, values};
use crate::argument::excerpt;
use crate::entry::{Fields, Kind};
use crate::excludes::glob_reason;
use crate::similar::did_you_mean;
use globset::{GlobBuilder, GlobSetBuilder};
use regex::bytes::RegexBuilder;

/// A field that conditions can test.
#[derive(Clone, Copy, Debug)]
pub struct ConditionField {
    /// Its name.
    pub name: &'static str,
    /// Other names for it: columns of a report, and words of `find`.
    pub aliases: &'static [&'static str],
    /// What it is.
    pub doc: &'static str,
    is: Type,
}

#[derive(Clone, Copy, Debug)]
enum Type {
    Text(Text),
    Kind,
    Size(Number),
    Count(Number),
    User,
    Group,
    Mode,
    Time(Number),
    /// Stands alone.
    Empty,
}

const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    is: Type,
    doc: &'static str,
) -> ConditionField {
    ConditionField { name, aliases, doc, is }
}

/// Every field, in the order of the documentation.
pub const CONDITION_FIELDS: [ConditionField; 21] = [
    field("name", &[], Type::Text(Text::Name), "the last component of the path"),
    field("path", &["filename"], Type::Text(Text::Path), "the full path, as rows have it"),
    field(
        "extension",
        &["ext", "fileExtension"],
        Type::Text(Text::Extension),
        "what follows the last dot of the name; empty for directories",
    ),
    field("kind", &["type"], Type::Kind, "file, dir, symlink, fifo, socket, char or block"),
    field("depth", &[], Type::Count(Number::Depth), "levels below the root, which itself has 0"),
    field("size", &["st_size"], Type::Size(Number::Size), "apparent size in bytes"),
    field("allocated", &[], Type::Size(Number::Allocated), "allocated size in bytes"),
    field(
        "blocks",
        &["st_blocks"],
        Type::Count(Number::Blocks),
        "allocated size in units of 512 bytes",
    ),
    field("user", &["owner"], Type::User, "the owner, by name or number"),
    field("group", &[], Type::Group, "the group, by name or number"),
    field("uid", &[], Type::Count(Number::Uid), "the number of the owner"),
    field("gid", &[], Type::Count(Number::Gid), "the number of the group"),
    field("mode", &["perm", "st_mode"], Type::Mode, "permission bits"),
    field("links", &["nlink", "st_nlink"], Type::Count(Number::Links), "hard links"),
    field("atime", &["st_atime"], Type::Time(Number::Atime), "last access"),
    field("mtime", &["st_mtime"], Type::Time(Number::Mtime), "last change of the content"),
    field("ctime", &["st_ctime"], Type::Time(Number::Ctime), "last change of the inode"),
    field("btime", &["st_btime"], Type::Time(Number::Btime), "creation, where it is recorded"),
    field("inode", &[], Type::Count(Number::Inode), "inode number"),
    field("dev", &["st_dev"], Type::Count(Number::Device), "device, as stat(2) encodes it"),
    field(
        "entries",
        &["pw_fcount"],
        Type::Count(Number::Entries),
        "direct entries of a directory that was read",
    ),
];

/// Stands alone, and is no field with a value.
const EMPTY: ConditionField =
    field("empty", &[], Type::Empty, "a file of 0 bytes, or a directory without entries");

type Checked<T> = Result<T, Fault>;

/// A regular expression may take so many bytes when it is compiled.
const REGEX_LEN_MAX: usize = 4 << 20;

/// What the tree of a text means.
pub(super) fn check(syntax: &Syntax, lookup: &Lookup) -> Checked<Node> {
    let all = |parts: &[Syntax]| -> Checked<Vec<Node>> {
        let mut nodes =
            parts.iter().map(|part| check(part, lookup)).collect::<Checked<Vec<_>>>()?;
        // What costs little is asked first. No order changes what comes out.
        nodes.sort_by_key(Node::cost);
        Ok(nodes)
    };
    Ok(match syntax {
        Syntax::All(parts) => Node::All(all(parts)?),
        Syntax::Any(parts) => Node::Any(all(parts)?),
        Syntax::Not(part) => Node::Not(Box::new(check(part, lookup)?)),
        Syntax::Test(written) => Node::Test(check_test(written, lookup)?),
    })
}

fn check_test(written: &Written, lookup: &Lookup) -> Checked<Test> {
    let field = find(&written.field)?;
    let end = written.field.at.end;
    let Some(operator) = &written.operator else {
        return match field.is {
            Type::Empty => Ok(Test::Empty),
            _ => fault(end..end, format!("an operator is missing after '{}'", written.field.is)),
        };
    };
    let context = Context { field, operator, values: &written.values };
    match field.is {
        Type::Text(text) => context.text(text),
        Type::Kind => context.kind(),
        Type::Size(number) => context.number(number, |text| values::size(text).map(i128::from)),
        Type::Count(number) => context.number(number, values::count),
        Type::User => context.id(Number::Uid, "user", lookup.user),
        Type::Group => context.id(Number::Gid, "group", lookup.group),
        Type::Mode => context.mode(),
        Type::Time(number) => context.time(number, lookup.now),
        Type::Empty => fault(operator.at.clone(), "'empty' stands alone: empty, or not empty"),
    }
}

/// A field by its name or another one, in whatever case.
fn find(written: &Placed<String>) -> Checked<&'static ConditionField> {
    static ALL: [ConditionField; 22] = {
        let mut all = [EMPTY; 22];
        let mut index = 0;
        while index < CONDITION_FIELDS.len() {
            all[index] = CONDITION_FIELDS[index];
            index += 1;
        }
        all
    };
    let name = &written.is;
    let is_same = |known: &&str| known.eq_ignore_ascii_case(name);
    let mut fields = ALL.iter();
    let found = fields.find(|field| is_same(&field.name) || field.aliases.iter().any(is_same));
    found.ok_or_else(|| {
        let names = ALL
            .iter()
            .flat_map(|field| [field.name].into_iter().chain(field.aliases.iter().copied()));
        let meant = did_you_mean(name, names);
        let reason = match meant.is_empty() {
            true => format!("no such field '{}'; there are {}", excerpt(name, 0), names_of(&ALL)),
            false => format!("no such field '{name}'{meant}"),
        };
        Fault { at: written.at.clone(), reason }
    })
}

fn names_of(fields: &[ConditionField]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// A test that is being checked.
struct Context<'a> {
    field: &'static ConditionField,
    operator: &'a Placed<Operator>,
    values: &'a [Placed<Value>],
}

impl Context<'_> {
    /// The operator does not suit the field.
    fn refuse<T>(&self, suitable: &str) -> Checked<T> {
        let reason = format!("'{}' takes {suitable}", self.field.name);
        fault(self.operator.at.clone(), reason)
    }

    fn text(&self, of: Text) -> Checked<Test> {
        let (wanted, is_negated) = match self.operator.is {
            Operator::Equal => (self.texts(of)?, false),
            Operator::NotEqual => (self.texts(of)?, true),
            Operator::In { is_negated } => (self.texts(of)?, is_negated),
            Operator::Matches { is_regex, is_negated, ignores_case } => {
                let value = &self.values[0];
                let pattern = self.pattern(value)?;
                let compile = if is_regex { regex } else { glob };
                let wanted = compile(of, pattern, ignores_case);
                (wanted.or_else(|reason| fault(value.at.clone(), reason))?, is_negated)
            }
            _ => return self.refuse("= != ~ !~ =~ !=~ and in"),
        };
        Ok(Test::Text { of, wanted, is_negated })
    }

    fn texts(&self, of: Text) -> Checked<Wanted> {
        let text = |value: &Placed<Value>| {
            let possible = possible::check_text(of, &value.is.bytes);
            possible.map_err(|reason| Fault { at: value.at.clone(), reason })?;
            Ok(value.is.bytes.clone())
        };
        Ok(Wanted::one_of(self.values.iter().map(text).collect::<Checked<_>>()?))
    }

    fn pattern<'v>(&self, value: &'v Placed<Value>) -> Checked<&'v str> {
        let reason = r"a pattern must be valid UTF-8: test such bytes with =, or as '\xff' with =~";
        std::str::from_utf8(&value.is.bytes).or_else(|_| fault(value.at.clone(), reason))
    }

    fn kind(&self) -> Checked<Test> {
        let is_negated = match self.operator.is {
            Operator::Equal => false,
            Operator::NotEqual => true,
            Operator::In { is_negated } => is_negated,
            _ => return self.refuse("= != and in"),
        };
        let kinds = self.each(values::kind)?;
        let wanted = |kind: &Kind| kinds.contains(kind) != is_negated;
        Ok(Test::Kind(Kind::ALL.map(|kind| wanted(&kind))))
    }

    fn number(&self, of: Number, value: impl Fn(&str) -> Result<i128, String>) -> Checked<Test> {
        match self.operator.is {
            Operator::Has | Operator::HasAny => return self.refuse("= != < <= > >= and in"),
            Operator::Matches { .. } => {
                return self.refuse("= != < <= > >= and in: it is a number, and no text");
            }
            _ => {}
        }
        let hint = |reason: String| match of {
            Number::Blocks => {
                format!("{reason}: blocks counts units of 512 bytes, allocated bytes")
            }
            _ => reason,
        };
        let possible = |text: &str| {
            let number = value(text).map_err(hint)?;
            possible::check_number(of, number).map(|()| number)
        };
        Ok(self.compare(of, self.each(possible)?))
    }

    /// The operator is one that suits a number.
    fn compare(&self, of: Number, values: Vec<i128>) -> Test {
        // Users count from the root on, rows from what stands in it.
        let shift = if matches!(of, Number::Depth) { -1 } else { 0 };
        let values: Vec<_> = values.into_iter().map(|value| value + shift).collect();
        let comparison = match self.operator.is {
            Operator::In { is_negated } => return Test::AnyOf { of, values, is_negated },
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::AtMost => Comparison::AtMost,
            Operator::Greater => Comparison::Greater,
            Operator::AtLeast => Comparison::AtLeast,
            _ => Comparison::Equal,
        };
        Test::Number { of, comparison, value: values[0] }
    }

    /// A user or group, by name or number.
    fn id(&self, of: Number, noun: &str, ask: super::Ask) -> Checked<Test> {
        match self.operator.is {
            Operator::Equal | Operator::NotEqual | Operator::In { .. } => {}
            _ => return self.refuse("= != and in"),
        }
        let number = |name: &str| match ask(name) {
            Ok(Some(id)) => Ok(i128::from(id)),
            Ok(None) => {
                let number = name.parse::<u32>().ok().filter(|_| !name.starts_with('+'));
                number.map(i128::from).ok_or_else(|| format!("no such {noun} on this machine"))
            }
            Err(errno) => Err(format!("the {noun} can't be looked up: {errno}")),
        };
        Ok(self.compare(of, self.each(number)?))
    }

    fn mode(&self) -> Checked<Test> {
        let comparison = self.operator.is;
        match comparison {
            Operator::Equal | Operator::NotEqual | Operator::Has | Operator::HasAny => {}
            _ => return self.refuse("= != has (all of these bits) and any (one of them)"),
        }
        let bits = self.each(values::mode)?[0];
        if bits == 0 && matches!(comparison, Operator::Has | Operator::HasAny) {
            return fault(self.values[0].at.clone(), "must name a bit");
        }
        Ok(match comparison {
            Operator::Equal => Test::Mode { mask: 0o7777, bits, is_negated: false },
            Operator::NotEqual => Test::Mode { mask: 0o7777, bits, is_negated: true },
            Operator::Has => Test::Mode { mask: bits, bits, is_negated: false },
            // Not none of them.
            _ => Test::Mode { mask: bits, bits: 0, is_negated: true },
        })
    }

    fn time(&self, of: Number, now: i64) -> Checked<Test> {
        if matches!(self.operator.is, Operator::Matches { .. } | Operator::Has | Operator::HasAny) {
            return self.refuse("< <= > >= and a date or an age");
        }
        let moments = self.each(|text| values::moment(text, now))?;
        let is_comparison =
            !matches!(self.operator.is, Operator::Equal | Operator::NotEqual | Operator::In { .. });
        if let Some(index) = moments.iter().position(|moment| !moment.is_exact && !is_comparison) {
            let reason = "no moment to the second: use >= and <, as in \
                          mtime >= 2024-01-01 and mtime < 2024-01-02";
            return fault(self.values[index].at.clone(), reason);
        }
        Ok(self.compare(of, moments.iter().map(|moment| moment.seconds.into()).collect()))
    }

    /// What each value means.
    fn each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Checked<Vec<T>> {
        let one = |value: &Placed<Value>| {
            let text =
                std::str::from_utf8(&value.is.bytes).map_err(|_| "not valid UTF-8".to_owned());
            text.and_then(&read).map_err(|reason| Fault { at: value.at.clone(), reason })
        };
        self.values.iter().map(one).collect()
    }
}

/// A glob with the rules of excludes: `*` stops at slashes, `**` doesn't.
fn glob(of: Text, pattern: &str, ignores_case: bool) -> Result<Wanted, String> {
    if pattern.is_empty() {
        return Err("it can't match anything".to_owned());
    }
    let mut builder = GlobBuilder::new(pattern);
    builder.literal_separator(true).backslash_escape(true).case_insensitive(ignores_case);
    let glob = builder.build().map_err(|error| glob_reason(&error))?;
    possible::check_pattern(of, glob.regex())?;
    if let Some(simple) = Wanted::simple(pattern).filter(|_| !ignores_case) {
        return Ok(simple);
    }
    // A set of one: a matcher by itself panics where a pattern is too large, or nested too deep.
    let set = GlobSetBuilder::new().add(glob).build();
    set.map(Wanted::Glob).map_err(|error| glob_reason(&error))
}

/// A regular expression, which is searched for: `^` and `$` bind it to the ends.
///
/// Of bytes, since names are: with characters, `^a.*$` would pass over names that are not valid UTF-8.
fn regex(of: Text, pattern: &str, ignores_case: bool) -> Result<Wanted, String> {
    possible::check_pattern(of, pattern)?;
    let mut builder = RegexBuilder::new(pattern);
    builder
        .unicode(false)
        .case_insensitive(ignores_case)
        .size_limit(REGEX_LEN_MAX)
        .dfa_size_limit(REGEX_LEN_MAX);
    builder.build().map(Wanted::Regex).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        // Its last line says what is wrong; those before it draw where.
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

fn fault<T>(at: std::ops::Range<usize>, reason: impl Into<String>) -> Checked<T> {
    Err(Fault { at, reason: reason.into() })
}

/// The fields of an inode that a number is made of.
pub(super) fn fields_of(number: Number) -> Fields {
    match number {
        Number::Depth | Number::Entries => Fields::empty(),
        Number::Size => Fields::SIZE,
        Number::Allocated | Number::Blocks => Fields::BLOCKS,
        Number::Uid | Number::Gid => Fields::OWNER,
        Number::Links => Fields::LINKS,
        Number::Inode => Fields::INODE,
        Number::Device => Fields::DEVICE,
        Number::Atime => Fields::ATIME,
        Number::Mtime => Fields::MTIME,
        Number::Ctime => Fields::CTIME,
        Number::Btime => Fields::BTIME,
    }
}
