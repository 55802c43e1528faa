//! Golden CSV of rows made by hand: every rule of the table, also those that no disk at hand
//! can show (inodes above 2^63, the extremes of time).
//!
//! Owns the rows. The encoder gets them in batches, as a walk would hand them over.

use crate::golden::assert_golden;
use pwalk_engine::{Batch, Contents, Fields, Kind, Row, Stat};
use pwalk_output::{CsvRows, Lines, Names, csv_header};

/// An inode without surprises, for rows that are about something else.
const PLAIN: Stat = Stat {
    ino: 1_000,
    dev: 2_049,
    size: 5,
    blocks: 8,
    mode: 0o100_644,
    nlink: 1,
    uid: 1_000,
    gid: 100,
    atime: 1_700_000_001,
    mtime: 1_700_000_002,
    ctime: 1_700_000_003,
    btime: None,
    nanos: [999_999_999; 4],
    rdev: 0,
    blksize: 4_096,
    is_automount: false,
};

/// The largest inode that was seen in the wild (BeeGFS), and beyond int64.
const BEEGFS: u64 = 11_054_398_539_339_071_178;

const DIR: Stat = Stat { size: 4_096, mode: 0o040_755, nlink: 2, ..PLAIN };

fn csv(names: Names, batches: &[Batch]) -> Vec<u8> {
    let mut rows = CsvRows::new(names);
    let mut text = csv_header();
    batches.iter().for_each(|batch| rows.append(batch, &mut text, &mut |_| ()));
    text
}

/// Rows of files that differ from [`PLAIN`] in their inode only.
fn files(batch: &mut Batch, dir: u32, inodes: &[(&str, Stat)]) {
    for (name, stat) in inodes {
        batch.push(dir, name.as_bytes(), stat.kind(), stat, Contents::None);
    }
}

fn kinds_and_modes(batch: &mut Batch, dir: u32) {
    let mode = |mode| Stat { mode, ..PLAIN };
    files(
        batch,
        dir,
        &[
            ("file", mode(0o100_644)),
            ("closed", mode(0o100_000)),
            ("setuid", mode(0o106_755)),
            ("all", mode(0o107_777)),
            ("link.to", Stat { size: 9, blocks: 0, ..mode(0o120_777) }),
            ("fifo", Stat { size: 0, blocks: 0, ..mode(0o010_644) }),
            ("socket.sock", Stat { size: 0, blocks: 0, ..mode(0o140_755) }),
            ("char", Stat { rdev: 259, ..mode(0o020_666) }),
            ("block", Stat { rdev: 2_048, ..mode(0o060_660) }),
        ],
    );
}

fn numbers(batch: &mut Batch, dir: u32) {
    files(
        batch,
        dir,
        &[
            ("t11_inode", Stat { ino: BEEGFS, ..PLAIN }),
            ("t11_inode_max", Stat { ino: u64::MAX, dev: u64::MAX, ..PLAIN }),
            (
                "t12_negative",
                Stat { atime: -1, mtime: -2_147_483_649, ctime: -300_000_000, ..PLAIN },
            ),
            ("t12_zero", Stat { atime: 0, mtime: 0, ctime: 0, ..PLAIN }),
            (
                "t12_later",
                Stat {
                    atime: 2_147_483_648,
                    mtime: 15_526_885_624,
                    ctime: 253_402_300_799,
                    ..PLAIN
                },
            ),
            ("t12_extremes", Stat { atime: i64::MIN, mtime: i64::MAX, ctime: i64::MIN, ..PLAIN }),
            ("t13_sparse", Stat { size: 1_000_000_000, blocks: 0, ..PLAIN }),
            ("t16_no_blocks", Stat { size: 70_000, blocks: 0, ..PLAIN }),
            (
                "largest",
                Stat { size: i64::MAX, blocks: 18_014_398_509_481_984, nlink: u32::MAX, ..PLAIN },
            ),
            ("owners", Stat { uid: 4_294_967_294, gid: u32::MAX, ..PLAIN }),
            ("root_owns", Stat { uid: 0, gid: 0, ..PLAIN }),
            ("empty", Stat { size: 0, blocks: 0, nlink: 3, ..PLAIN }),
        ],
    );
}

fn extensions(batch: &mut Batch, dir: u32) {
    let names = [
        "a.txt",
        "b",
        "t6_ends_in_a_dot.",
        ".bashrc",
        ".bash.bak",
        "..foo",
        "...",
        "a.tar.gz",
        "a.b c",
        "x.t\"t",
        "x.a,b",
        " .x",
        "A.TXT",
        "a..b",
    ];
    files(batch, dir, &names.map(|name| (name, PLAIN)));
}

fn directories(batch: &mut Batch, root: u32) {
    let mut dir = |name: &[u8], ino, size, contents| {
        batch.push(root, name, Kind::Dir, &Stat { ino, size, ..DIR }, contents);
    };
    let counted = |n_entries, size_sum| Contents::Counted { n_entries, size_sum };
    dir(b"unreadable", 20, 4_096, Contents::Unread);
    dir(b"empty", 21, 4_096, counted(0, 0));
    dir(b"full.d", 22, 4_096, counted(1_000_000, 123_456_789_012));
    dir(b"t14_recursive_size", 23, 5_000_000_000_000_000, counted(2, 9_007_199_254_740_993));
}

#[test]
fn t8_t11_t12_t13_t14_t16_every_rule_of_the_table_holds() {
    let mut first = Batch::new(Fields::REPORT);
    let root = first.push_dir(b"/data/", 2, 0, -1);
    first.push(
        root,
        b"",
        Kind::Dir,
        &Stat { ino: 2, ..DIR },
        Contents::Counted { n_entries: 3, size_sum: 8_197 },
    );
    kinds_and_modes(&mut first, root);
    directories(&mut first, root);
    let far = first.push_dir(b"/data/a.d/b/", BEEGFS, 7, 1);
    numbers(&mut first, far);
    first.push(
        far,
        b"",
        Kind::Dir,
        &Stat { ino: BEEGFS, ..DIR },
        Contents::Counted { n_entries: 12, size_sum: 0 },
    );
    extensions(&mut first, far);

    // Another batch: the root of everything, a relative root, a root that is a file.
    let mut second = Batch::new(Fields::REPORT);
    let slash = second.push_dir(b"/", 2, 0, -1);
    second.push(slash, b"etc", Kind::Dir, &DIR, Contents::Unread);
    second.push(slash, b"", Kind::Dir, &DIR, Contents::Counted { n_entries: 1, size_sum: 4_096 });
    let dot = second.push_dir(b"./", 9, 0, -1);
    second.push(dot, b"", Kind::Dir, &DIR, Contents::Counted { n_entries: 0, size_sum: 0 });
    second.push(dot, b"a.txt", Kind::File, &PLAIN, Contents::None);
    let file = second.push_dir(b"data.d/file.txt/", 1_000, 0, -1);
    second.push(file, b"", Kind::File, &PLAIN, Contents::None);
    assert_golden("rules.csv", &csv(Names::Utf8, &[first, second]));
}

/// Each as a file, and below a directory of that name.
const NAMES: [&[u8]; 22] = [
    b"plain.txt",
    b" ",
    b"-",
    b"\"",
    b"a\"b.t\"t",
    b"a,b;c.csv",
    b"back\\slash.\\n",
    b"line\nfeed.t\nt",
    b"carriage\r\nreturn.t\rt",
    b"tab\t.\t",
    b"\x01\x1b[31m\x1f.\x01",
    b"delete\x7f.\x7f",
    "caf\u{e9}.\u{e9}t\u{e9}".as_bytes(),
    "\u{1f600}.\u{65e5}\u{672c}".as_bytes(),
    "\u{fffd}\u{feff}\u{2028}".as_bytes(),
    b"latin-1: caf\xe9.\xe9",
    b"\xff",
    b"cut short: \xe2\x82",
    b"surrogate: \xed\xa0\x80.\xed\xb0\x80",
    b"overlong: \xc0\xaf",
    b"too high: \xf4\x90\x80\x80",
    b"all at once: \xff\"\n\xe9,\x01.\xff\"\n",
];

#[test]
fn t1_t2_t4_t5_every_policy_of_names_writes_what_it_says() {
    let mut batch = Batch::new(Fields::REPORT);
    let root = batch.push_dir(b"r/", 2, 0, -1);
    for name in NAMES {
        batch.push(root, name, Kind::File, &PLAIN, Contents::None);
    }
    for name in NAMES {
        let dir = batch.push_dir(&[b"r/", name, b"/"].concat(), 3, 2, 0);
        batch.push(dir, b"in.side", Kind::File, &PLAIN, Contents::None);
        batch.push(dir, b"", Kind::Dir, &DIR, Contents::Unread);
    }
    let policies = [(Names::Utf8, "utf8"), (Names::Raw, "raw"), (Names::Pwalk, "pwalk")];
    for (names, policy) in policies {
        let text = csv(names, std::slice::from_ref(&batch));
        assert_golden(&format!("names-{policy}.csv"), &text);
        assert_eq!(std::str::from_utf8(&text).is_ok(), names == Names::Utf8);
    }
}

#[test]
fn t2_a_row_is_called_changed_where_its_path_is_not_utf8() {
    let mut batch = Batch::new(Fields::REPORT);
    let root = batch.push_dir(b"r/", 2, 0, -1);
    let bad = batch.push_dir(b"r/\xe9/", 3, 2, 0);
    for (dir, name) in [(root, &b"good\n\""[..]), (root, b"\xff"), (bad, b"good"), (bad, b"")] {
        batch.push(dir, name, Kind::File, &PLAIN, Contents::None);
    }
    let mut changed = Vec::new();
    let mut note = |row: Row<'_>| changed.push(row.path());
    CsvRows::new(Names::Utf8).append(&batch, &mut Vec::new(), &mut note);
    assert_eq!(changed, [&b"r/\xff"[..], b"r/\xe9/good", b"r/\xe9"]);
}

#[test]
fn t7_names_of_nothing_but_quotes_and_long_extensions_fit() {
    let mut batch = Batch::new(Fields::REPORT);
    let root = batch.push_dir(b"/", 2, 0, -1);
    let long = [&b"a."[..], &[b'"'; 253]].concat();
    for name in [&[b'"'; 255][..], &long] {
        batch.push(root, name, Kind::File, &PLAIN, Contents::None);
    }
    let text = csv(Names::Utf8, &[batch]);
    let n_quotes = text.iter().filter(|&&byte| byte == b'"').count();
    // The header, six quotes around the fields of a row, and each quote of a name doubled: the
    // second name stands in two columns.
    assert_eq!(n_quotes, 6 + 2 * 6 + 2 * 255 + 2 * 253 + 2 * 253);
}

#[test]
fn t8_the_header_is_that_of_ten_years() {
    assert_eq!(csv_header(), format!("{}\n", crate::harness::HEADER).into_bytes());
}
