//! Which entries a user wants to see: the condition of `--where`.
//!
//! It is read and checked once ([`Condition::new`]), and then asked for each entry: first with what a
//! directory tells, which spares the inode of what is decided by that, and then with everything. It
//! decides about rows only. What is walked, and what directories count, is up to the rules.
//!
//! The language is documented in `docs/filters.md`. Two answers were chosen for what a field lacks (a
//! creation time that was not recorded, the entries of a directory that could not be read): a
//! comparison with nothing is false, and `not` makes it true. SQL's third answer would make an entry
//! vanish from both a condition and its opposite, which users of `find` don't expect.

mod check;
mod facts;
mod grammar;
mod node;
mod possible;
mod values;

use crate::argument::{Argument, ArgumentError};
use crate::batch::Row;
use crate::entry::Fields;
pub use check::{CONDITION_FIELDS, ConditionField};
pub(crate) use facts::Facts;
use node::{Node, Number};
use pwalk_sys::Errno;
use std::time::{SystemTime, UNIX_EPOCH};

const WHERE: Argument = Argument::new("where", "condition");

/// Bytes of a condition: longer ones are mistakes.
const LEN_MAX: usize = 64 << 10;

/// The number of a user or group by name.
type Ask = fn(&str) -> Result<Option<u32>, Errno>;

/// What the meaning of a condition depends on besides its text.
pub struct Lookup {
    /// The time that ages count from, seconds since the epoch.
    pub now: i64,
    /// The number of a user; `None` if there is none of the name.
    pub user: Ask,
    /// The same of a group.
    pub group: Ask,
}

impl Lookup {
    /// The present time, and the users and groups of this machine.
    pub fn system() -> Lookup {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Lookup {
            now: now.map_or(0, |since| since.as_secs() as i64),
            user: pwalk_sys::user_id,
            group: pwalk_sys::group_id,
        }
    }
}

/// A condition on entries, as users write it: `size >= 1G and mtime < -2y`.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    node: Node,
    fields: Fields,
}

impl Condition {
    /// Reads and checks a condition. Ages count from now on.
    ///
    /// # Errors
    ///
    /// What can't be understood, with its place in the text.
    pub fn new(text: &str) -> Result<Condition, ArgumentError> {
        Condition::with(text, &Lookup::system())
    }

    /// The same at another time, and with other users.
    ///
    /// # Errors
    ///
    /// Those of `new`.
    pub fn with(text: &str, lookup: &Lookup) -> Result<Condition, ArgumentError> {
        if text.len() > LEN_MAX {
            let start: String = text.chars().take(40).collect();
            let reason = format!("it is longer than {LEN_MAX} bytes");
            return Err(ArgumentError::new(WHERE, format!("{start}..."), reason));
        }
        let node = grammar::parse(text).and_then(|syntax| check::check(&syntax, lookup));
        let node =
            node.map_err(|fault| ArgumentError::new(WHERE, text, fault.reason).at(fault.at))?;
        Ok(Condition { text: text.to_owned(), fields: node.fields(), node })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it needs to know of inodes.
    pub fn fields(&self) -> Fields {
        self.fields
    }

    /// True if it depends on the number of a directory's entries.
    pub fn needs_entries(&self) -> bool {
        self.node.has_number(|number| matches!(number, Number::Entries))
    }

    /// True if it depends on how deep an entry lies.
    pub fn needs_depth(&self) -> bool {
        self.node.has_number(|number| matches!(number, Number::Depth))
    }

    /// True for a row that it wants. The batch must have what [`Condition::fields`] says.
    pub fn keeps(&self, row: &Row<'_>) -> bool {
        self.decide(&Facts::row(row, &row.stat())) == Some(true)
    }

    /// What is known of an entry's fate; `None`: it depends on what is not known.
    #[inline]
    pub(crate) fn decide(&self, facts: &Facts<'_>) -> Option<bool> {
        self.node.decide(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Contents;
    use crate::entry::{Kind, Stat};
    use proptest::test_runner::Config as ProptestConfig;

    const NOW: i64 = 1_700_000_000;

    fn ask(name: &str) -> Result<Option<u32>, Errno> {
        match name {
            "anna" => Ok(Some(1000)),
            "77" => Ok(Some(5)),
            "down" => Err(Errno::IO),
            _ => Ok(None),
        }
    }

    fn parse(text: &str) -> Result<Condition, ArgumentError> {
        Condition::with(text, &Lookup { now: NOW, user: ask, group: ask })
    }

    /// `/data/run/a.tar.GZ`: 3 GiB of anna, written 800 days ago.
    fn file() -> Stat {
        Stat {
            ino: 7,
            dev: 9,
            size: 3 << 30,
            blocks: 100,
            mode: 0o100_664,
            nlink: 2,
            uid: 1000,
            gid: 5,
            atime: NOW - 86_400,
            mtime: NOW - 800 * 86_400,
            ctime: NOW + 10,
            ..Stat::default()
        }
    }

    #[track_caller]
    fn keeps(text: &str, facts: Facts<'_>) -> bool {
        let decided = parse(text).unwrap_or_else(|error| panic!("{error}")).decide(&facts);
        decided.unwrap_or_else(|| panic!("{text}: all is known"))
    }

    #[test]
    fn a_condition_is_true_or_false_for_an_entry() {
        let stat = file();
        let facts = || {
            let told = Facts::told(b"/data/run/", 1, b"a.tar.GZ", Some(Kind::File));
            told.with_stat(&stat).with_contents(Contents::None)
        };
        let yes = [
            "name = a.tar.GZ",
            "name ~ '*.GZ' and name ~ 'a*' and name ~ '*.tar.*' and name ~ a.tar.GZ",
            "name ~i '*.gz' and name !~ '*.gz' and name =~i '\\.gz$' and name !=~ '\\.gz$'",
            "name in (x, a.tar.GZ) and name not in (x, y) and name != x",
            "path = /data/run/a.tar.GZ and path ~ '/data/*/*' and path ~ '**/run/**'",
            "path !~ '/data/*' and path !~ '*.GZ' and path =~ ^/data/ and path =~ run",
            "extension = GZ and ext ~i gz and fileextension != ''",
            "kind = file and type = f and kind in (file, dir) and kind != dir and kind not in (d, l)",
            "size > 2.9G and size <= 3G and size = 3GiB and st_size >= 3221225472 and size < 1T",
            "blocks = 100 and allocated = 50K and allocated < 1M",
            "owner = anna and user in (anna, 1) and uid = 1000 and user != 999 and user not in (1)",
            "group = 77 and gid = 5 and gid < 6",
            "mode = 664 and mode has u+w and mode any o+rwx and mode & 002 or mode & 004",
            "mode has ug+w and not mode has a+w and mode != 0o644 and not mode & 6000",
            "links > 1 and links in (1, 2, 3) and inode = 7 and dev = 9",
            "depth = 3 and depth > 2",
            "mtime < -2y and mtime > -3y and mtime < 2022-01-01 and atime > -25h and ctime > now",
            "mtime = @1630880000 and mtime != @0",
            "not empty and not entries = 0 and not entries != 0 and not btime < now",
            "empty or (size > 1 and not (kind = dir or name = x))",
        ];
        for text in yes {
            assert!(keeps(text, facts()), "{text}");
            assert!(!keeps(&format!("not ({text})"), facts()), "{text}");
        }
    }

    #[test]
    fn names_are_bytes_whatever_they_are_compared_with() {
        let facts = || Facts::told(b"/r/", -1, b"a\xff\xc3\xa9.B", Some(Kind::File));
        let yes = [
            r#"name = "a\xffé.B" and name = "a\xff\xc3\xa9.B""#,
            r"name =~ '^a.*$' and name =~ '^a[^/]{3}\.B' and name =~ '\xff' and name =~ é",
            "name =~i 'é.b$' and name ~i 'A*é.b' and name ~ 'a?é.*' and name ~ '*é.B'",
            "path =~ '^/r/[^/]+$' and path ~ '/r/*'",
        ];
        for text in yes {
            let decided = parse(text).unwrap_or_else(|error| panic!("{error}")).decide(&facts());
            assert_eq!(decided, Some(true), "{text}");
        }
    }

    #[test]
    fn a_directory_is_empty_if_it_was_read_and_has_no_entries() {
        let stat = Stat { mode: 0o40_755, ..file() };
        let dir = |contents| {
            Facts::told(b"/data/run.d/", 0, b"", Some(Kind::Dir))
                .with_stat(&stat)
                .with_contents(contents)
        };
        let counted = |n_entries| dir(Contents::Counted { n_entries, size_sum: 0 });
        assert!(keeps("empty and entries = 0 and depth = 1 and ext = ''", counted(0)));
        assert!(keeps("not empty and entries >= 5 and name = run.d", counted(5)));
        assert!(keeps("not empty and not entries = 0 and not entries > 0", dir(Contents::Unread)));
        assert!(keeps("path = /data/run.d", counted(5)));
        let told = || Facts::told(b"/data/run.d/", 0, b"", Some(Kind::Dir)).with_stat(&stat);
        assert_eq!(parse("empty").unwrap().decide(&told()), None);
        assert_eq!(parse("empty and name = x").unwrap().decide(&told()), Some(false));
        let root = || Facts::told(b"/", -1, b"", Some(Kind::Dir)).with_stat(&stat);
        assert!(keeps("depth = 0 and path = / and name = ''", root()));
    }

    #[test]
    fn what_a_name_decides_needs_no_inode() {
        let cases = [
            ("name ~ '*.bam' and size > 1G", Some(false)),
            ("size > 1G and name ~ '*.bam'", Some(false)),
            ("name ~ '*.txt' and size > 1G", None),
            ("name ~ '*.txt' or size > 1G", Some(true)),
            ("not (name ~ '*.txt' or size > 1G)", Some(false)),
            ("kind = file and extension = txt and depth = 1", Some(true)),
            ("kind = dir and mtime < -1y", Some(false)),
            ("entries > 5", Some(false)),
            ("inode = 1", None),
            ("empty", None),
            ("mode has u+w", None),
        ];
        for (text, expected) in cases {
            let facts = Facts::told(b"/r/", -1, b"a.txt", Some(Kind::File));
            assert_eq!(parse(text).unwrap().decide(&facts), expected, "{text}");
        }
        for text in ["kind = file", "extension = txt", "empty"] {
            let facts = Facts::told(b"/r/", -1, b"a.txt", None);
            assert_eq!(parse(text).unwrap().decide(&facts), None, "{text}");
        }
    }

    #[test]
    fn only_the_fields_of_inodes_that_it_tests_are_asked() {
        let cases = [
            ("name = a and path ~ 'b/*' and depth > 1", Fields::empty()),
            ("kind = dir or extension = x", Fields::KIND),
            (
                "size > 1 and not (uid = 0 or mode has o+w)",
                Fields::SIZE | Fields::OWNER | Fields::MODE,
            ),
            ("allocated > 1 and btime > -1d", Fields::BLOCKS | Fields::BTIME),
            ("empty and entries = 0", Fields::SIZE | Fields::KIND),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().fields(), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        let cases = [
            ("sise > 1G", 0..4, "no such field 'sise'; did you mean 'size'?"),
            ("xyzzy > 1G", 0..5, "no such field 'xyzzy'; there are name, path,"),
            ("size ~ '*'", 5..6, "'size' takes = != < <= > >= and in: it is a number, and no text"),
            ("name > a", 5..6, "'name' takes = != ~ !~ =~ !=~ and in"),
            ("kind ~ f", 5..6, "'kind' takes = != and in"),
            ("user > anna", 5..6, "'user' takes = != and in"),
            ("mode < 7", 5..6, "'mode' takes = != has"),
            ("mtime ~ x", 6..7, "'mtime' takes < <= > >= and a date or an age"),
            ("links has 1", 6..9, "'links' takes = != < <= > >= and in"),
            ("empty = 1", 6..7, "'empty' stands alone"),
            ("size", 4..4, "an operator is missing after 'size'"),
            ("size > 10KB", 7..11, "KB may mean powers of 1000 or of 1024"),
            ("size > big", 7..10, "must be a number of bytes"),
            ("blocks > 1G", 9..11, "must be a whole number: blocks counts units of 512 bytes"),
            ("links > 1K", 8..10, "must be a whole number"),
            ("mtime < 2y", 8..10, "must be an age as -90d, or a date"),
            ("mtime = 2024-01-01", 8..18, "no moment to the second"),
            ("mtime in (@1, -1d)", 14..17, "no moment to the second"),
            ("kind = folder", 7..13, "must be one of file, dir,"),
            ("user = 'no one'", 7..15, "no such user on this machine"),
            ("group in (anna, bob)", 16..19, "no such group on this machine"),
            ("user = +5", 7..9, "no such user on this machine"),
            ("user = down", 7..11, "the user can't be looked up: Input/output error"),
            ("mode has 999", 9..12, "must be octal digits as 022"),
            ("mode any 0", 9..10, "must name a bit"),
            ("name ~ ''", 7..9, "it can't match anything"),
            ("name = 'a/b'", 7..12, "a name has no slash: test the path"),
            ("name in (a, b/c, d)", 12..15, "a name has no slash"),
            ("name ~ 'a/*'", 7..12, "a name has no slash"),
            ("name !~i '**/a/**'", 9..18, "a name has no slash"),
            ("name =~ '(a|^)/+'", 8..17, "a name has no slash"),
            ("name = \"a\\x00\"", 7..14, "no name has a null byte"),
            ("path =~ '\\x00'", 8..14, "no name has a null byte"),
            ("path = /data/", 7..13, "no path ends in a slash"),
            ("ext = .bam", 6..10, "an extension has no dot: it is what follows the last one"),
            ("ext not in (bam, tar.gz)", 17..23, "an extension has no dot"),
            ("ext ~ '*.bam'", 6..13, "an extension has no dot"),
            ("ext =~ '\\.gz$'", 7..14, "an extension has no dot"),
            ("uid = 4294967296", 6..16, "must be from 0 to 4294967295"),
            ("gid in (5, -1)", 11..13, "must be from 0 to 4294967295"),
            ("links > 4294967296", 8..18, "must be from 0 to 4294967295"),
            ("entries >= -1", 11..13, "must be from 0 to 9223372036854775807"),
            ("depth = 2147483649", 8..18, "must be from 0 to 2147483648"),
            ("inode = -7", 8..10, "must be from 0 to 18446744073709551615"),
            ("name ~ 'a['", 7..11, "unclosed character class"),
            ("name =~ '('", 8..11, "unclosed group"),
            ("name =~ 'a{1000}{1000}'", 8..23, "the regular expression is too large"),
            ("name ~ \"\\xff*\"", 7..14, "a pattern must be valid UTF-8"),
            ("size > \"\\xff\"", 7..13, "not valid UTF-8"),
            ("name = 'éé' and sise = 1", 16..20, "no such field 'sise'"),
        ];
        for (text, place, reason) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.reason().starts_with(reason), "{text}: {}", error.reason());
            assert_eq!(error.place(), Some(place), "{text}");
            assert_eq!((error.argument(), error.value()), ("where", text));
        }
        let long = parse(&"x".repeat(LEN_MAX + 1)).unwrap_err();
        assert!(long.place().is_none() && long.to_string().len() < 100, "{long}");
        // The message is one line for people, however long the condition is.
        let (many, word) = ("empty or ".repeat(5000), "x".repeat(40_000));
        for text in
            [&word, &format!("({word})"), &format!("empty {word}"), &format!("{many}sise > 1")]
        {
            let error = parse(text).unwrap_err();
            assert!(error.value() == text && error.to_string().len() < 800, "{error}");
        }
    }

    #[test]
    fn what_may_match_something_is_not_refused() {
        let cases = [
            "name ~ '**/a' and name ~ '{a/b,c}' and name ~ '**' and name ~ '[!/]*'",
            "name =~ 'a(/b)?' and name =~ '[/x]' and name =~ '/|x' and name =~ '(a/b){0,1}'",
            "path ~ '*/' and path = / and path ~ 'a/b' and path =~ '/$'",
            "ext ~ '*' and ext =~ '.' and ext = '' and ext ~ '[.a]*'",
            "uid = 4294967295 and gid >= 0 and depth < 0 and inode = 18446744073709551615",
            "blocks = -8 and blocks < 0 and size < 0 and entries <= 9223372036854775807",
        ];
        for text in cases {
            parse(text).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn t54_a_glob_that_is_too_large_is_refused() {
        let glob = "{".repeat(300) + "a" + &"}".repeat(300);
        let error = parse(&format!("name ~ '{glob}'")).expect_err("it is too large");
        assert_eq!(error.reason(), "the pattern is too large or too deeply nested");
        assert_eq!(error.place(), Some(7..glob.len() + 9));
    }

    #[test]
    fn fields_have_one_meaning_each() {
        let names = CONDITION_FIELDS
            .iter()
            .flat_map(|field| [field.name].into_iter().chain(field.aliases.iter().copied()));
        let mut names: Vec<_> = names.map(str::to_ascii_lowercase).collect();
        let n_names = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), n_names);
    }

    /// Words and signs of the language, in any order: most of it makes no sense.
    fn arb_text() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let words = "size name mtime mode kind user empty and or not in has any ( ) , = != ~ ~i =~ \
                     !=~ < >= & && || ! 1 10K -2y @5 2024-01-01T12:00+01:00 o+w f * *.bam 'a b' '' ' \
                     \" \"\\xff\" \"\\ é \u{1} [ ( a{9} \\";
        let words: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).collect();
        let word = prop_oneof![
            8 => proptest::sample::select(words).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        let blank = prop_oneof![3 => Just(" "), 1 => Just("")];
        proptest::collection::vec((word, blank), 0..12)
            .prop_map(|words| words.into_iter().map(|(word, blank)| word + blank).collect())
    }

    proptest::proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_understood_or_refused_with_its_place(text in arb_text()) {
            match parse(&text) {
                Ok(condition) => {
                    let facts = || Facts::told(b"/r/", -1, b"a.bam", Some(Kind::File));
                    let opposite = parse(&format!("not ({text})")).unwrap();
                    let decided = condition.decide(&facts());
                    assert_eq!(decided.map(|yes| !yes), opposite.decide(&facts()));
                }
                Err(error) => {
                    let place = error.place().expect("each mistake has its place");
                    assert!(place.start <= place.end && place.end <= text.chars().count());
                    assert!(!error.reason().is_empty());
                }
            }
        }
    }
}
