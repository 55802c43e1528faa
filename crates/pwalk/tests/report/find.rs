//! The report of `/usr` against `find -printf`: all 13 fields that find knows, and those that
//! follow from them (parent, extension, number and sizes of a directory's entries).
//!
//! The system may write there meanwhile, and find itself changes access times (the report does
//! not). So the tree is reported before and after find has run, and both reports must agree in
//! all but the access times; of those, find's must lie between the two.

use crate::harness::{config, fields, report};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::oracle::extension;
use std::collections::HashMap;
use std::process::Command;

const ROOT: &str = "/usr";

/// What find prints of an entry, the path last because it may hold anything but NUL.
const FORMAT: &str = "%i %d %U %G %s %D %b %n %m %A@ %T@ %C@ %y %p\\0";

/// A row: its access time, and all else as text. By its path.
type Table = HashMap<Vec<u8>, (i64, String)>;

fn reported() -> Table {
    let mut config = config([ROOT], 2);
    config.walk.snapshots = true;
    let mut table = Table::new();
    for row in report(config).rows() {
        let mut row: Vec<String> =
            fields(&row).into_iter().map(|field| String::from_utf8(field).unwrap()).collect();
        let atime = row.remove(12).parse().unwrap();
        let path = row.remove(3).into_bytes();
        assert!(table.insert(path, (atime, row.join(" "))).is_none(), "a row came twice");
    }
    table
}

/// One entry as find prints it.
struct Found {
    inode: String,
    depth: i64,
    size: i64,
    kind: String,
    atime: i64,
    /// UID, GID, size, device, blocks, links.
    numbers: String,
    mode: u32,
    mtime: i64,
    ctime: i64,
    path: Vec<u8>,
}

fn found() -> Vec<Found> {
    let mut find = Command::new("find");
    find.env("LC_ALL", "C").arg(ROOT).args(["-printf", FORMAT]);
    let output = find.output().expect("find is installed");
    let entries = output.stdout.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    entries.map(parse).collect()
}

fn parse(entry: &[u8]) -> Found {
    let mut parts = entry.splitn(14, |&byte| byte == b' ');
    let mut text = || String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
    let seconds = |text: String| text.split('.').next().unwrap().parse().unwrap();
    let (inode, depth) = (text(), text().parse().unwrap());
    let numbers: Vec<String> = (0..6).map(|_| text()).collect();
    let permissions = u32::from_str_radix(&text(), 8).unwrap();
    let (atime, mtime, ctime) = (seconds(text()), seconds(text()), seconds(text()));
    let kind = text();
    let file_type = match kind.as_str() {
        "f" => 0o100_000,
        "d" => 0o040_000,
        "l" => 0o120_000,
        "p" => 0o010_000,
        "s" => 0o140_000,
        "c" => 0o020_000,
        "b" => 0o060_000,
        kind => panic!("find knows a kind {kind}"),
    };
    let (size, numbers) = (numbers[2].parse().unwrap(), numbers.join(" "));
    let path = String::from_utf8_lossy(parts.next().unwrap()).into_owned().into_bytes();
    let mode = file_type | permissions;
    Found { inode, depth, size, kind, atime, numbers, mode, mtime, ctime, path }
}

fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&byte| byte == b'/').unwrap()]
}

/// The rows that follow from what find has printed.
fn as_table(found: &[Found]) -> Table {
    let inodes: HashMap<&[u8], &str> =
        found.iter().map(|entry| (&*entry.path, &*entry.inode)).collect();
    let mut counts: HashMap<&[u8], (i64, i64)> = HashMap::new();
    for entry in found.iter().filter(|entry| entry.depth > 0) {
        let (n_entries, size_sum) = counts.entry(parent(&entry.path)).or_default();
        *n_entries += 1;
        *size_sum += entry.size;
    }
    let row = |entry: &Found| {
        let is_dir = entry.kind == "d";
        let above = inodes.get(parent(&entry.path)).copied().unwrap_or("0");
        let extension = if is_dir { b"" } else { extension(&entry.path) };
        let (n_entries, size_sum) = match is_dir {
            true => counts.get(&*entry.path).copied().unwrap_or_default(),
            false => (-1, 0),
        };
        let Found { inode, depth, numbers, mode, mtime, ctime, .. } = entry;
        let (depth, extension) = (depth - 1, String::from_utf8_lossy(extension));
        let row = format!(
            "{inode} {above} {depth} {extension} {numbers} {mode:07o} {mtime} {ctime} {n_entries} \
             {size_sum}"
        );
        (entry.path.clone(), (entry.atime, row))
    };
    found.iter().map(row).collect()
}

fn without_access_times(table: &Table) -> Vec<String> {
    let row =
        |(path, (_, row)): (&Vec<u8>, &(i64, String))| format!("{} {row}", path.escape_ascii());
    table.iter().map(row).collect()
}

#[test]
fn the_report_of_usr_is_what_find_prints() {
    for _ in 0..3 {
        let (before, found, after) = (reported(), as_table(&found()), reported());
        let is_at_rest = |path: &Vec<u8>| {
            before.get(path).map(|row| &row.1) == after.get(path).map(|row| &row.1)
        };
        if before.len() != after.len() || !before.keys().all(is_at_rest) {
            continue;
        }
        assert!(found.len() > 1_000, "/usr is nearly empty");
        assert_same_rows(&without_access_times(&before), &without_access_times(&found));
        for (path, (atime, _)) in &found {
            let (first, last) = (before[path].0, after[path].0);
            let shown = path.escape_ascii();
            assert!((first..=last).contains(atime), "{shown}: {first} <= {atime} <= {last}");
        }
        return;
    }
    panic!("/usr changes all the time");
}
