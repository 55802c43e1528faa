//! Rows of any names and numbers as CSV, read back by a reader that was written apart from the
//! writer: every field is what went in, after the policy for names.
//!
//! The reader is strict RFC 4180: a quote that is not doubled, or that stands in a bare field,
//! fails the target.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pwalk_engine::{Batch, Contents, Fields, Kind, Stat};
use pwalk_output::{CsvRows, Lines, Names};

#[derive(Arbitrary, Debug)]
struct Table {
    names: Policy,
    dirs: Vec<Dir>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Policy {
    Utf8,
    Raw,
    Pwalk,
}

#[derive(Arbitrary, Debug)]
struct Dir {
    components: Vec<Vec<u8>>,
    inode: u64,
    parent_inode: u64,
    depth: i16,
    rows: Vec<Row>,
}

#[derive(Arbitrary, Debug)]
struct Row {
    /// `None`: the row is the directory itself.
    name: Option<Vec<u8>>,
    /// Inode, device.
    ids: [u64; 2],
    /// Size, blocks, three times.
    numbers: [i64; 5],
    /// Owner, group, links.
    owner: [u32; 3],
    mode: u16,
    contents: Option<[i64; 2]>,
}

/// What a row must read back as.
#[derive(Debug, PartialEq)]
struct Expected {
    fields: Vec<Vec<u8>>,
    is_changed: bool,
}

fuzz_target!(|table: Table| {
    let mut batch = Batch::new(Fields::REPORT);
    let mut expected = Vec::new();
    for dir in &table.dirs {
        push_dir(dir, table.names, &mut batch, &mut expected);
    }
    let policy = match table.names {
        Policy::Utf8 => Names::Utf8,
        Policy::Raw => Names::Raw,
        Policy::Pwalk => Names::Pwalk,
    };
    let (mut text, mut changed) = (Vec::new(), Vec::new());
    CsvRows::new(policy).append(&batch, &mut text, &mut |row| changed.push(row.index()));
    if matches!(table.names, Policy::Utf8) {
        assert!(std::str::from_utf8(&text).is_ok());
    }
    let rows = read_csv(&text).into_iter().enumerate();
    let found: Vec<_> = rows
        .map(|(index, fields)| Expected { fields, is_changed: changed.contains(&index) })
        .collect();
    assert_eq!(found, expected);
});

fn push_dir(dir: &Dir, policy: Policy, batch: &mut Batch, expected: &mut Vec<Expected>) {
    let mut path = vec![b'/'];
    for component in &dir.components {
        let component = as_name(component);
        path.extend(component.as_slice());
        path.push(b'/');
    }
    let depth = i32::from(dir.depth);
    let number = batch.push_dir(&path, dir.inode, dir.parent_inode, depth);
    for row in &dir.rows {
        let is_dir = row.contents.is_some();
        let stat = stat(row, is_dir);
        let contents = match row.contents {
            None => Contents::None,
            Some([0, 0]) => Contents::Unread,
            Some([n_entries, size_sum]) => Contents::Counted { n_entries, size_sum },
        };
        let name = row.name.as_deref().map(as_name);
        let name_or_empty = name.as_deref().unwrap_or_default();
        batch.push(number, name_or_empty, stat.kind(), &stat, contents);
        let (full, parent, depth) = match &name {
            Some(name) => ([&path, name.as_slice()].concat(), dir.inode, depth + 1),
            None if path == b"/" => (path.clone(), dir.parent_inode, depth),
            None => (path[..path.len() - 1].to_vec(), dir.parent_inode, depth),
        };
        let extension = if is_dir { Vec::new() } else { extension(&full) };
        expected.push(Expected {
            fields: fields(row, &stat, parent, depth, [&full, &extension], policy),
            is_changed: is_changed(&full, policy),
        });
    }
}

/// Any bytes as the name of an entry: no NUL, no slash, not empty.
fn as_name(bytes: &[u8]) -> Vec<u8> {
    let mut name: Vec<u8> =
        bytes.iter().map(|&byte| if matches!(byte, 0 | b'/') { b'_' } else { byte }).collect();
    if name.is_empty() {
        name.push(b'"');
    }
    name
}

fn stat(row: &Row, is_dir: bool) -> Stat {
    let mut mode = u32::from(row.mode);
    if is_dir {
        mode = mode & 0o7777 | 0o040_000;
    } else if Kind::from_mode(mode) == Kind::Dir {
        mode |= 0o100_000;
    }
    let [ino, dev] = row.ids;
    let [size, blocks, atime, mtime, ctime] = row.numbers;
    let [uid, gid, nlink] = row.owner;
    Stat { ino, dev, size, blocks, mode, nlink, uid, gid, atime, mtime, ctime, ..Stat::default() }
}

fn fields(
    row: &Row,
    stat: &Stat,
    parent: u64,
    depth: i32,
    [path, extension]: [&Vec<u8>; 2],
    policy: Policy,
) -> Vec<Vec<u8>> {
    let [n_entries, size_sum] = row.contents.unwrap_or([-1, 0]);
    let text = |name: &[u8]| match policy {
        Policy::Utf8 => String::from_utf8_lossy(name).into_owned().into_bytes(),
        Policy::Raw => name.to_vec(),
        Policy::Pwalk => name.iter().copied().filter(|&byte| byte >= 32).collect(),
    };
    let number = |number: &dyn ToString| number.to_string().into_bytes();
    vec![
        number(&stat.ino),
        number(&parent),
        number(&depth),
        text(path),
        text(extension),
        number(&stat.uid),
        number(&stat.gid),
        number(&stat.size),
        number(&stat.dev),
        number(&stat.blocks),
        number(&stat.nlink),
        format!("{:07o}", stat.mode).into_bytes(),
        number(&stat.atime),
        number(&stat.mtime),
        number(&stat.ctime),
        number(&n_entries),
        number(&size_sum),
    ]
}

fn is_changed(path: &[u8], policy: Policy) -> bool {
    match policy {
        Policy::Utf8 => std::str::from_utf8(path).is_err(),
        Policy::Raw => false,
        Policy::Pwalk => path.iter().any(|&byte| byte < 32),
    }
}

/// What follows the last dot of the last component, unless that dot is its first byte.
fn extension(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let dots = (1..name.len()).filter(|&place| name[place] == b'.');
    dots.last().map_or_else(Vec::new, |dot| name[dot + 1..].to_vec())
}

/// Reads CSV as RFC 4180 has it, with `\n` alone as line end.
fn read_csv(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let field = read_field(&mut rest);
        row.push(field);
        match rest.split_first() {
            Some((b',', tail)) => rest = tail,
            Some((b'\n', tail)) => {
                rest = tail;
                rows.push(std::mem::take(&mut row));
            }
            other => panic!("a field ends in {other:?}"),
        }
    }
    assert!(row.is_empty(), "the last line has no end");
    rows
}

fn read_field(rest: &mut &[u8]) -> Vec<u8> {
    let Some(mut quoted) = rest.strip_prefix(b"\"") else {
        let len = rest.iter().position(|byte| matches!(byte, b',' | b'\n')).expect("a field ends");
        let (field, tail) = rest.split_at(len);
        assert!(!field.contains(&b'"'), "a quote in a bare field");
        *rest = tail;
        return field.to_vec();
    };
    let mut field = Vec::new();
    loop {
        let len = quoted.iter().position(|&byte| byte == b'"').expect("a quote ends the field");
        field.extend_from_slice(&quoted[..len]);
        quoted = &quoted[len + 1..];
        match quoted.strip_prefix(b"\"") {
            Some(tail) => (quoted, _) = (tail, field.push(b'"')),
            None => break,
        }
    }
    *rest = quoted;
    field
}
