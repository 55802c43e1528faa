//! Golden CSV of a real tree, sorted by path, with what differs from machine to machine replaced
//! by words: inodes (numbered instead), devices, owners, blocks, times, and the sizes and links
//! of directories.

use crate::golden::assert_golden;
use crate::harness::{HEADER, config, fields, report};
use pwalk_testkit::fixture;
use std::collections::HashMap;

/// Places of columns in a row.
const INODE: usize = 0;
const PARENT: usize = 1;
const FILENAME: usize = 3;
const EXTENSION: usize = 4;
const SIZE: usize = 7;
const MODE: usize = 11;
const DIRSUM: usize = 16;
/// Those that are replaced in every row.
const OF_THE_MACHINE: [(usize, &str); 7] = [
    (5, "UID"),
    (6, "GID"),
    (8, "DEV"),
    (9, "BLOCKS"),
    (12, "ATIME"),
    (13, "MTIME"),
    (14, "CTIME"),
];
/// Those that are replaced in rows of directories.
const OF_DIRECTORIES: [(usize, &str); 2] = [(SIZE, "SIZE"), (10, "NLINK")];

fn is_dir(row: &[String]) -> bool {
    row[MODE].starts_with("004")
}

/// The sum of a directory without the sizes of its subdirectories.
fn without_subdirectories(row: &[String], rows: &[Vec<String>]) -> String {
    let number = |text: &str| text.parse::<i64>().unwrap();
    let children = rows.iter().filter(|child| child[PARENT] == row[INODE] && is_dir(child));
    let of_children: i64 = children.map(|child| number(&child[SIZE])).sum();
    (number(&row[DIRSUM]) - of_children).to_string()
}

fn normalised(rows: &[Vec<String>], folder: &str) -> String {
    let numbers: HashMap<&str, String> =
        rows.iter().enumerate().map(|(n, row)| (&*row[INODE], (n + 1).to_string())).collect();
    let mut text = format!("{HEADER}\n");
    for row in rows {
        let mut shown = row.clone();
        OF_THE_MACHINE.iter().for_each(|&(place, word)| shown[place] = word.to_owned());
        if is_dir(row) {
            OF_DIRECTORIES.iter().for_each(|&(place, word)| shown[place] = word.to_owned());
            shown[DIRSUM] = without_subdirectories(row, rows);
        }
        shown[INODE] = numbers[&*row[INODE]].clone();
        shown[PARENT] = numbers.get(&*row[PARENT]).cloned().unwrap_or_else(|| row[PARENT].clone());
        shown[FILENAME] = row[FILENAME].replace(folder, "");
        for place in [FILENAME, EXTENSION, MODE] {
            shown[place] = format!("\"{}\"", shown[place].replace('"', "\"\""));
        }
        text += &(shown.join(",") + "\n");
    }
    text
}

#[test]
fn real_trees_make_the_golden_rows() {
    for name in ["basic", "hard_links"] {
        let tree = fixture(name).build().unwrap();
        let rows = report(config([tree.path()], 8)).rows();
        let text = |field| String::from_utf8(field).unwrap();
        let mut rows: Vec<Vec<String>> =
            rows.iter().map(|row| fields(row).into_iter().map(text).collect()).collect();
        rows.sort_by(|a, b| a[FILENAME].cmp(&b[FILENAME]));
        let folder = format!("{}/", tree.folder().display());
        assert_golden(&format!("{name}.csv"), normalised(&rows, &folder).as_bytes());
    }
}
