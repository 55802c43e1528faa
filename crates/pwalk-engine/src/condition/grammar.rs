//! The text of a condition, as a tree: what is a word, what an operator, and how they combine.
//!
//! Knows no fields and no types: `condition/check.rs` says what a test means. Everything keeps its
//! place in the text, so that an error points at it.
//!
//! Whatever can't be read is an error at once, and nothing is tried in its place: the first error
//! is then where the user made it.

use crate::argument::excerpt;
use std::ops::Range;
use winnow::Parser;
use winnow::combinator::{alt, opt, peek, preceded, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, take_while};

/// Parentheses in parentheses, so that no text exhausts the stack.
const DEPTH_MAX: usize = 64;

/// Characters that end a value without quotes.
const SPECIAL: &str = "'\"(),=!<>~&|";

/// A condition as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Syntax {
    /// All of them: `and`.
    All(Vec<Syntax>),
    /// One of them at least: `or`.
    Any(Vec<Syntax>),
    Not(Box<Syntax>),
    Test(Written),
}

/// A test as it is written: a field, and mostly an operator and a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) field: Placed<String>,
    pub(super) operator: Option<Placed<Operator>>,
    /// One, but for `in`.
    pub(super) values: Vec<Placed<Value>>,
}

/// Something, and which bytes of the text it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed<T> {
    pub(super) is: T,
    pub(super) at: Range<usize>,
}

/// A value without its quotes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) is_quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// A glob or a regular expression.
    Matches {
        is_regex: bool,
        is_negated: bool,
        ignores_case: bool,
    },
    In {
        is_negated: bool,
    },
    /// All of some bits.
    Has,
    /// At least one of some bits.
    HasAny,
}

/// What can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) reason: String,
}

type Input<'t> = LocatingSlice<&'t str>;
type Parsed<T> = Result<T, ErrMode<Fault>>;

impl ParserError<Input<'_>> for Fault {
    type Inner = Fault;

    fn from_input(input: &Input<'_>) -> Fault {
        let start = input.current_token_start();
        Fault { at: start..start, reason: String::new() }
    }

    fn into_inner(self) -> Result<Fault, Fault> {
        Ok(self)
    }
}

/// Reads a whole condition.
pub(super) fn parse(text: &str) -> Result<Syntax, Fault> {
    let mut input = Input::new(text);
    let parsed = alternatives(&mut input, 0).and_then(|syntax| {
        skip_blanks(&mut input)?;
        match input.is_empty() {
            true => Ok(syntax),
            false => unexpected(&input, "'and', 'or' or the end was expected"),
        }
    });
    parsed.map_err(|error| match error {
        ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => fault,
        ErrMode::Incomplete(_) => unreachable!("the text is whole"),
    })
}

fn alternatives(input: &mut Input<'_>, depth: usize) -> Parsed<Syntax> {
    let or = alt((keyword("or").void(), preceded(blanks, "||").void()));
    let mut parts: Vec<_> =
        separated(1.., |input: &mut Input<'_>| conjunction(input, depth), or).parse_next(input)?;
    Ok(if parts.len() == 1 { parts.remove(0) } else { Syntax::Any(parts) })
}

fn conjunction(input: &mut Input<'_>, depth: usize) -> Parsed<Syntax> {
    let and = alt((keyword("and").void(), preceded(blanks, "&&").void()));
    let mut parts: Vec<_> =
        separated(1.., |input: &mut Input<'_>| negation(input, depth), and).parse_next(input)?;
    Ok(if parts.len() == 1 { parts.remove(0) } else { Syntax::All(parts) })
}

/// A loop: any number of them needs no stack.
fn negation(input: &mut Input<'_>, depth: usize) -> Parsed<Syntax> {
    let mut is_negated = false;
    while opt(alt((keyword("not").void(), preceded(blanks, "!").void())))
        .parse_next(input)?
        .is_some()
    {
        is_negated = !is_negated;
    }
    let syntax = group_or_test(input, depth)?;
    Ok(if is_negated { Syntax::Not(Box::new(syntax)) } else { syntax })
}

fn group_or_test(input: &mut Input<'_>, depth: usize) -> Parsed<Syntax> {
    skip_blanks(input)?;
    let start = input.current_token_start();
    if opt('(').parse_next(input)?.is_none() {
        return Ok(Syntax::Test(test(input)?));
    }
    if depth == DEPTH_MAX {
        return fail(start..start + 1, format!("more than {DEPTH_MAX} parentheses in each other"));
    }
    let syntax = alternatives(input, depth + 1)?;
    skip_blanks(input)?;
    match opt(')').parse_next(input)? {
        Some(_) => Ok(syntax),
        None if input.is_empty() => fail(start..start + 1, "this parenthesis is not closed"),
        None => unexpected(input, "'and', 'or' or ')' was expected"),
    }
}

fn test(input: &mut Input<'_>) -> Parsed<Written> {
    let field = match opt(word.with_span()).parse_next(input)? {
        Some((word, at)) if is_keyword(word) => {
            return fail(at, format!("a test was expected, as in size > 1G, and not '{word}'"));
        }
        Some((word, at)) => Placed { is: word.to_owned(), at },
        None if input.is_empty() => {
            let end = input.current_token_start();
            return fail(end..end, "a test is missing here, as in size > 1G");
        }
        None => return unexpected(input, "a test was expected, as in size > 1G"),
    };
    let Some(operator) = operator(input)? else {
        return Ok(Written { field, operator: None, values: Vec::new() });
    };
    let values = match operator.is {
        Operator::In { .. } => list(input)?,
        _ => vec![value(input)?],
    };
    Ok(Written { field, operator: Some(operator), values })
}

/// Those that begin as others do stand before them.
const SIGNS: [(&str, Operator); 17] = [
    ("!=~i", matches(true, true, true)),
    ("!=~", matches(true, true, false)),
    ("=~i", matches(true, false, true)),
    ("=~", matches(true, false, false)),
    ("!~i", matches(false, true, true)),
    ("!~", matches(false, true, false)),
    ("~i", matches(false, false, true)),
    ("~", matches(false, false, false)),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("&", Operator::HasAny),
];

const fn matches(is_regex: bool, is_negated: bool, ignores_case: bool) -> Operator {
    Operator::Matches { is_regex, is_negated, ignores_case }
}

fn operator(input: &mut Input<'_>) -> Parsed<Option<Placed<Operator>>> {
    let before = input.checkpoint();
    skip_blanks(input)?;
    let start = input.current_token_start();
    let text: &str = input.as_ref();
    let sign =
        SIGNS.iter().find(|(sign, _)| is_sign(text, sign)).filter(|_| !text.starts_with("&&"));
    if let Some(&(sign, is)) = sign {
        let _ = input.next_slice(sign.len());
        return Ok(Some(Placed { is, at: start..start + sign.len() }));
    }
    let words = alt((
        keyword("in").value(Operator::In { is_negated: false }),
        (keyword("not"), keyword("in")).value(Operator::In { is_negated: true }),
        keyword("has").value(Operator::Has),
        keyword("any").value(Operator::HasAny),
    ));
    let found = opt(words.with_span()).parse_next(input)?;
    if let Some((is, at)) = found {
        return Ok(Some(Placed { is, at }));
    }
    // `size 10M` lacks an operator; `empty and ...`, `empty)` and `empty` don't.
    let next = opt(peek(word)).parse_next(input)?;
    let text: &str = input.as_ref();
    let is_next = |sign: &str| text.starts_with(sign);
    let is_end = text.is_empty() || [")", "&&", "||"].into_iter().any(is_next);
    if !is_end && !next.is_some_and(is_keyword) {
        let expected = "an operator was expected, one of = != < <= > >= ~ !~ =~ !=~ in has any";
        return unexpected(input, expected);
    }
    input.reset(&before);
    Ok(None)
}

/// The `i` that ignores case stands before a blank or a quote: in `name ~image*` it is part of the
/// pattern.
fn is_sign(text: &str, sign: &str) -> bool {
    let Some(rest) = text.strip_prefix(sign) else { return false };
    !sign.ends_with('i') || rest.starts_with(|c: char| c.is_whitespace() || c == '\'' || c == '"')
}

fn list(input: &mut Input<'_>) -> Parsed<Vec<Placed<Value>>> {
    skip_blanks(input)?;
    let start = input.current_token_start();
    if opt('(').parse_next(input)?.is_none() {
        return unexpected(input, "values in parentheses were expected, as in (a, b)");
    }
    let values = separated(1.., value, preceded(blanks, ',')).parse_next(input)?;
    skip_blanks(input)?;
    match opt(')').parse_next(input)? {
        Some(_) => Ok(values),
        None if input.is_empty() => fail(start..start + 1, "this parenthesis is not closed"),
        None => unexpected(input, "',' or ')' was expected"),
    }
}

fn value(input: &mut Input<'_>) -> Parsed<Placed<Value>> {
    skip_blanks(input)?;
    let start = input.current_token_start();
    let (bytes, is_quoted) = match opt(peek(any)).parse_next(input)? {
        Some('\'') => (raw(input)?, true),
        Some('"') => (escaped(input)?, true),
        None => return fail(start..start, "a value is missing here"),
        Some(c) if SPECIAL.contains(c) => {
            return unexpected(
                input,
                "a value was expected; one with such characters needs quotes",
            );
        }
        Some(_) => (bare(input)?, false),
    };
    Ok(Placed { is: Value { bytes, is_quoted }, at: start..input.current_token_start() })
}

/// A value without quotes.
fn bare(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    let is_plain = |c: char| !c.is_whitespace() && !SPECIAL.contains(c);
    let (text, at) = take_while(1.., is_plain).with_span().parse_next(input)?;
    if is_keyword(text) {
        return fail(at, format!("a value is missing before '{text}'; as a value it needs quotes"));
    }
    Ok(text.as_bytes().to_vec())
}

/// A value in single quotes: every character is itself, and two quotes are one.
fn raw(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    let start = input.current_token_start();
    let mut bytes = Vec::new();
    let _ = any.parse_next(input)?;
    loop {
        let text = take_while(0.., |c| c != '\'').parse_next(input)?;
        bytes.extend_from_slice(text.as_bytes());
        match opt(alt(("''", "'"))).parse_next(input)? {
            Some("''") => bytes.push(b'\''),
            Some(_) => return Ok(bytes),
            None => return fail(start..start + 1, "this quote is not closed"),
        }
    }
}

/// A value in double quotes, with the escapes of C.
fn escaped(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    let start = input.current_token_start();
    let mut bytes = Vec::new();
    let _ = any.parse_next(input)?;
    loop {
        let text = take_while(0.., |c| c != '"' && c != '\\').parse_next(input)?;
        bytes.extend_from_slice(text.as_bytes());
        match opt(any).parse_next(input)? {
            Some('"') => return Ok(bytes),
            Some(_) => bytes.push(escape(input)?),
            None => return fail(start..start + 1, "this quote is not closed"),
        }
    }
}

/// The byte that follows a backslash.
fn escape(input: &mut Input<'_>) -> Parsed<u8> {
    let start = input.current_token_start() - 1;
    let byte = match opt(any).parse_next(input)? {
        Some(c @ ('\\' | '"' | '\'')) => Some(c as u8),
        Some('n') => Some(b'\n'),
        Some('t') => Some(b'\t'),
        Some('r') => Some(b'\r'),
        Some('x') => {
            let is_hex = |c: char| c.is_ascii_hexdigit();
            let digits = opt(take_while(2..=2, is_hex)).parse_next(input)?;
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
        }
        _ => None,
    };
    let end = input.current_token_start();
    let reason =
        r#"no such escape; there are \\ \" \' \n \t \r and \x with two digits, as in \xff"#;
    byte.map_or_else(|| fail(start..end, reason), Ok)
}

/// A name: of a field, or a word of the language.
fn word<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    let is_start = |c: char| c.is_alphabetic() || c == '_';
    let _ = peek(any.verify(move |c| is_start(*c))).parse_next(input)?;
    take_while(1.., |c: char| c.is_alphanumeric() || c == '_' || c == '-').parse_next(input)
}

const KEYWORDS: [&str; 3] = ["and", "or", "not"];

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// A word of the language, in whatever case.
fn keyword<'t>(keyword: &'static str) -> impl Parser<Input<'t>, &'t str, ErrMode<Fault>> {
    preceded(blanks, word.verify(move |word: &str| word.eq_ignore_ascii_case(keyword)))
}

fn blanks<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    take_while(0.., char::is_whitespace).parse_next(input)
}

fn skip_blanks(input: &mut Input<'_>) -> Parsed<()> {
    blanks(input).map(|_| ())
}

fn fail<T>(at: Range<usize>, reason: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Fault { at, reason: reason.into() }))
}

/// Something else was expected than what comes next.
fn unexpected<T>(input: &Input<'_>, expected: &str) -> Parsed<T> {
    let start = input.current_token_start();
    let text: &str = input.as_ref();
    let Some(first) = text.chars().next() else { return fail(start..start, expected) };
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_' || *c == '-';
    let word: String = text.chars().take_while(is_word).collect();
    let found = if word.is_empty() { first.to_string() } else { word };
    let shown = excerpt(&found, 0);
    fail(start..start + found.len(), format!("unexpected '{}': {expected}", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(syntax: &Syntax) -> String {
        let join = |parts: &[Syntax], word: &str| {
            format!("({})", parts.iter().map(shown).collect::<Vec<_>>().join(word))
        };
        match syntax {
            Syntax::All(parts) => join(parts, " and "),
            Syntax::Any(parts) => join(parts, " or "),
            Syntax::Not(part) => format!("not {}", shown(part)),
            Syntax::Test(Written { field, operator: None, .. }) => field.is.clone(),
            Syntax::Test(Written { field, operator: Some(operator), values }) => {
                let values = values.iter().map(|value| value.is.bytes.escape_ascii().to_string());
                let values = values.collect::<Vec<_>>().join(",");
                let sign = SIGNS.iter().find(|(_, is)| *is == operator.is);
                let word = format!(" {:?} ", operator.is);
                let sign = sign.map_or(word.as_str(), |(sign, _)| sign);
                format!("{}{sign}{values}", field.is)
            }
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tighter_than_both() {
        let cases = [
            ("size>1G", "size>1G"),
            ("  a = 1 or b = 2 and c = 3 ", "(a==1 or (b==2 and c==3))"),
            ("(a = 1 or b = 2) and c = 3", "((a==1 or b==2) and c==3)"),
            ("not a = 1 and b = 2", "(not a==1 and b==2)"),
            ("not (a = 1 and b = 2)", "not (a==1 and b==2)"),
            ("! ! !empty", "not empty"),
            ("a=1 AND b=2 Or c=3", "((a==1 and b==2) or c==3)"),
            ("a=1&&b=2||c=3", "((a==1 and b==2) or c==3)"),
            ("empty and not empty", "(empty and not empty)"),
            ("((((empty))))", "empty"),
            ("mode & 022 && a=1", "(mode&022 and a==1)"),
            ("mode has o+w", "mode Has o+w"),
            ("mode any 6000", "mode&6000"),
            ("a <> 1", "a!=1"),
            ("a not in (1, 'b c',\"d\")", "a In { is_negated: true } 1,b c,d"),
            ("a in(1)", "a In { is_negated: false } 1"),
            ("mtime<-2y", "mtime<-2y"),
            ("mtime >= 2024-01-01T12:00+02:00", "mtime>=2024-01-01T12:00+02:00"),
            ("name ~ *.bam", "name~*.bam"),
            ("name ~image*", "name~image*"),
            ("name ~i '*.JPG'", "name~i*.JPG"),
            ("name ~i'*.JPG'", "name~i*.JPG"),
            ("name !=~i x", "name!=~ix"),
            ("android = 1 or origin = 2", "(android==1 or origin==2)"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|syntax| shown(&syntax)), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn quotes_hold_every_byte() {
        let cases: [(&str, &[u8]); 7] = [
            ("'it''s'", b"it's"),
            (r"'\d+\.x'", br"\d+\.x"),
            (r#""a\"b\\c\n\t""#, b"a\"b\\c\n\t"),
            (r#""\xff\x00é""#, b"\xff\x00\xc3\xa9"),
            ("''", b""),
            ("'and'", b"and"),
            ("é*", "é*".as_bytes()),
        ];
        for (text, expected) in cases {
            let Ok(Syntax::Test(test)) = parse(&format!("name = {text}")) else { panic!("{text}") };
            assert_eq!(test.values[0].is.bytes, expected, "{text}");
            assert_eq!(test.values[0].at, 7..7 + text.len());
        }
    }

    #[test]
    fn what_can_not_be_read_is_told_with_its_place() {
        let cases = [
            ("", 0..0, "a test is missing here"),
            ("  ", 2..2, "a test is missing here"),
            ("size >", 6..6, "a value is missing here"),
            ("size > and empty", 7..10, "a value is missing before 'and'"),
            ("size 10M", 5..8, "unexpected '10M': an operator was expected, one of ="),
            ("size is 1", 5..7, "unexpected 'is': an operator was expected, one of ="),
            ("size 'x'", 5..6, "unexpected '\\'': an operator was expected, one of ="),
            ("size > 1 2", 9..10, "unexpected '2': 'and', 'or' or the end was expected"),
            ("(size > 1", 0..1, "this parenthesis is not closed"),
            ("(size > 1 x", 10..11, "unexpected 'x': 'and', 'or' or ')' was expected"),
            ("size > 1)", 8..9, "unexpected ')'"),
            ("name = 'a", 7..8, "this quote is not closed"),
            ("name = \"a", 7..8, "this quote is not closed"),
            (r#"name = "\q""#, 8..10, "no such escape"),
            (r#"name = "\x1""#, 8..10, "no such escape"),
            ("size > 1 and", 12..12, "a test is missing here"),
            ("or empty", 0..2, "a test was expected, as in size > 1G, and not 'or'"),
            ("size > 1 or or empty", 12..14, "a test was expected"),
            ("name in a", 8..9, "unexpected 'a': values in parentheses were expected"),
            ("name in (a b)", 11..12, "unexpected 'b': ',' or ')' was expected"),
            ("name in ()", 9..10, "unexpected ')': a value was expected"),
            ("name = a=b", 8..9, "unexpected '='"),
            ("name = ~x", 7..8, "unexpected '~': a value was expected; one with such"),
            ("é = 1 \u{1b}", 7..8, r"unexpected '\u{1b}'"),
        ];
        for (text, at, reason) in cases {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.at, at, "{text}: {}", fault.reason);
            assert!(fault.reason.starts_with(reason), "{text}: {}", fault.reason);
        }
        let deep = "(".repeat(100_000);
        assert_eq!(parse(&deep).unwrap_err().at, DEPTH_MAX..DEPTH_MAX + 1);
        let many = format!("{}empty", "not ".repeat(100_000));
        assert_eq!(parse(&many).map(|syntax| shown(&syntax)), Ok("empty".to_owned()));
    }
}
