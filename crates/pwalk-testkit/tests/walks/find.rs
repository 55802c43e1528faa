//! `find -printf` as the oracle of the oracle.
//!
//! Owns the call of find and the reading of its output. The parents and the counts, which find
//! can't print, are made from its rows by their paths.

use pwalk_testkit::oracle::{Kind, OracleRow};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Everything find knows, the path last because it may hold anything but NUL.
const FORMAT: &str = "%y %d %i %D %U %G %s %b %n %m %A@ %T@ %C@ %p\\0";
/// How many fields that is.
const N_FIELDS: usize = 14;

/// Runs find on `root`, with `tests` before the printing; errors of find are ignored.
pub(crate) fn find(root: &Path, tests: &[&str]) -> Vec<Vec<u8>> {
    let mut command = Command::new("find");
    command.env("LC_ALL", "C").current_dir("/").arg(root).args(tests);
    let output = command.args(["-printf", FORMAT]).output().expect("find is installed");
    let rows = output.stdout.strip_suffix(b"\0").unwrap_or(&[]);
    rows.split(|&byte| byte == 0).filter(|row| !row.is_empty()).map(<[u8]>::to_vec).collect()
}

/// A row of the oracle as find prints it.
pub(crate) fn as_find(row: &OracleRow) -> Vec<u8> {
    let OracleRow { inode, dev, uid, gid, size, blocks, nlink, atime, mtime, ctime, .. } = row;
    let OracleRow { atime_ns, mtime_ns, ctime_ns, .. } = row;
    let (kind, depth, mode) = (row.kind.letter(), row.depth + 1, row.mode & 0o7777);
    let fields = format!(
        "{kind} {depth} {inode} {dev} {uid} {gid} {size} {blocks} {nlink} {mode:o} \
         {atime}.{atime_ns:09}0 {mtime}.{mtime_ns:09}0 {ctime}.{ctime_ns:09}0 "
    );
    [fields.as_bytes(), &row.path].concat()
}

/// The path in a row of find.
pub(crate) fn path(row: &[u8]) -> &[u8] {
    field(row, N_FIELDS - 1)
}

fn field(row: &[u8], n: usize) -> &[u8] {
    row.splitn(N_FIELDS, |&byte| byte == b' ').nth(n).expect("a row of the format above")
}

fn number(row: &[u8], n: usize) -> i64 {
    let text = std::str::from_utf8(field(row, n)).expect("a number is ASCII");
    text.parse().expect("a number")
}

/// Number and size of the direct entries of each folder.
pub(crate) type Counts = HashMap<Vec<u8>, (i64, i64)>;

/// The counts of every folder among the rows of find.
pub(crate) fn counts(rows: &[Vec<u8>]) -> Counts {
    let mut counts = Counts::new();
    for row in rows.iter().filter(|row| field(row, 0) == b"d") {
        counts.insert(path(row).to_vec(), (0, 0));
    }
    for row in &rows[1..] {
        let (fcount, dirsum) = counts.get_mut(parent(path(row))).expect("a parent has a row");
        *fcount += 1;
        *dirsum += number(row, 6);
    }
    counts
}

/// Checks what find can't print: the parent's inode and the counts.
pub(crate) fn check_parents_and_counts(rows: &[OracleRow], counts: &Counts) {
    let inodes: HashMap<&[u8], u64> = rows.iter().map(|row| (&*row.path, row.inode)).collect();
    for row in rows {
        let shown = row.path.escape_ascii();
        let expected = if row.depth < 0 { 0 } else { inodes[parent(&row.path)] };
        assert_eq!(row.parent_inode, expected, "{shown}");
        let found = row.fcount.zip(row.dirsum);
        let expected = (row.kind == Kind::Dir).then(|| counts[&row.path]);
        assert_eq!(found, expected, "{shown}");
    }
}

fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/').expect("a path below the root");
    &path[..slash]
}
