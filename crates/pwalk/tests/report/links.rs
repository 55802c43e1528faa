//! Reports that follow symbolic links, against a naive walk that does.

use crate::harness::{N_WORKERS, config, error_texts, fields, report};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::fixture;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a walk that follows links sees: `inode path` of every entry; and as errors the links
/// that lead back up, and those that lead to what can't be asked.
#[derive(Default)]
struct Followed {
    entries: Vec<String>,
    errors: Vec<String>,
}

/// A link that leads nowhere is no error: ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP.
const NOWHERE: [i32; 4] = [2, 20, 36, 40];

impl Followed {
    fn walk(&mut self, path: &Path, above: &[(u64, u64)]) {
        let link = fs::symlink_metadata(path).unwrap();
        let inode = fs::metadata(path).unwrap_or_else(|error| {
            let errno = error.raw_os_error().unwrap();
            if !NOWHERE.contains(&errno) {
                self.errors.push(format!("{} stat {errno}", path.display()));
            }
            link.clone()
        });
        let id = (inode.dev(), inode.ino());
        let is_loop = inode.is_dir() && above.contains(&id);
        let shown = if is_loop { &link } else { &inode };
        self.entries.push(format!("{} {}", shown.ino(), path.display()));
        if is_loop {
            self.errors.push(format!("{} follow 40", path.display()));
        } else if inode.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.walk(&entry.unwrap().path(), &[above, &[id]].concat());
            }
        }
    }
}

#[test]
fn t29_followed_links_bring_what_is_behind_them_and_loops_end() {
    for name in ["links", "loops", "snapshots", "basic"] {
        let tree = fixture(name).build().unwrap();
        let mut expected = Followed::default();
        expected.walk(tree.path(), &[]);
        for n_workers in N_WORKERS {
            let mut config = config([tree.path()], n_workers);
            (config.walk.follow, config.walk.snapshots) = (true, true);
            let run = report(config);
            let rows: Vec<String> = run.rows().iter().map(|row| inode_and_path(row)).collect();
            assert_same_rows(&rows, &expected.entries);
            assert_same_rows(&error_texts(&run.errors), &expected.errors);
            assert_eq!(run.summary.is_complete(), expected.errors.is_empty(), "{name}");
        }
    }
}

fn inode_and_path(row: &[u8]) -> String {
    let fields = fields(row);
    format!("{} {}", String::from_utf8_lossy(&fields[0]), String::from_utf8_lossy(&fields[3]))
}

#[test]
fn t29_links_that_are_not_followed_are_rows_of_their_own() {
    let tree = fixture("loops").build().unwrap();
    let run = report(config([tree.path()], 8));
    assert_eq!(run.summary.entries.get("symlink"), Some(&9));
    assert!(run.summary.is_complete() && run.errors.is_empty());
}
