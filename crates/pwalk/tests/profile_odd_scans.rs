//! Profiles of saved scans that no walk has written, or of filesystems that nobody would believe.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use pwalk::profile::{Profile, ProfileConfig, ProfileJob, Trouble};
use pwalk::{Batch, Control, Output, Report, ReportConfig, TableReader};
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const HEAD: &str = "inode,parent-inode,directory-depth,\"filename\",\"fileExtension\",UID,GID,st_size,\
                    st_dev,st_blocks,st_nlink,\"st_mode\",st_atime,st_mtime,st_ctime,pw_fcount,\
                    pw_dirsum\n4,0,-1,\"/r\",\"\",0,0,0,1,8,2,\"0040755\",0,0,0,1,0\n";

/// A file of a CSV: its depth, size and blocks.
type File = (i32, i64, i64);

/// The profile of a CSV with a root and these files.
fn profile(files: &[File]) -> Profile {
    let mut text = HEAD.to_owned();
    for (number, (depth, size, blocks)) in files.iter().enumerate() {
        let inode = number + 5;
        writeln!(
            text,
            "{inode},4,{depth},\"/r/{number}.txt\",\"txt\",0,0,{size},1,{blocks},1,\"0100644\",0,0,0,-1,0"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    std::fs::write(&scan, text).unwrap();
    profile_of(&scan)
}

fn profile_of(path: &Path) -> Profile {
    let job = ProfileJob::prepare(&ProfileConfig::new([path])).unwrap();
    job.run(&Control::default(), &|_| ()).unwrap()
}

/// The profiles of a tree of files, and of its scan as a CSV and as a Parquet.
fn profiles(files: &[&[u8]]) -> [Profile; 3] {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("r");
    for file in files {
        let path = root.join(OsStr::from_bytes(file));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let scan = |suffix| {
        let path = folder.path().join(format!("scan.{suffix}"));
        let mut config = ReportConfig::new([&root]);
        config.table.output = Output::File(path.clone());
        Report::prepare(config).unwrap().run(&Control::default(), &|_| {}).unwrap();
        profile_of(&path)
    };
    [profile_of(&root), scan("csv"), scan("parquet")]
}

fn n_equal_but_for_case(profile: &Profile) -> u64 {
    profile.names.iter().find(|row| row.trouble == Trouble::Case).unwrap().entries
}

#[test]
fn t4_names_that_a_csv_cannot_tell_apart_are_not_equal_but_for_case() {
    let files: [&[u8]; 7] =
        [b"a\xff", b"a\xfe", b"d\xff/f", b"d\xfe/f", b"d\xff/s/g", b"d\xfe/s/g", b"plain/F"];
    for found in profiles(&files) {
        assert_eq!(n_equal_but_for_case(&found), 0, "{:?}", found.source);
    }
    for found in profiles(&[b"plain/F", b"plain/f", b"Plain/f", b"\xff/f"]) {
        assert_eq!(n_equal_but_for_case(&found), 2, "{:?}", found.source);
    }
}

#[test]
fn t4_directories_that_a_csv_cannot_tell_apart_make_totals_estimates() {
    let cases: [(&[&[u8]], bool); 4] = [
        (&[b"d\xff/f", b"e\xff/f"], false),
        (&[b"d\xff/f", b"d\xfe/f"], true),
        (&[b"d\xff/s/t/f", b"d\xfe/f"], true),
        (&["d\u{fffd}/f".as_bytes(), b"plain/f"], false),
    ];
    for (files, expected) in cases {
        let found = profiles(files).map(|profile| profile.trees_are_estimates);
        assert_eq!(found, [false, expected, false], "{files:?}");
    }
}

#[test]
fn sums_of_sizes_that_no_number_holds_stop_at_the_largest_one() {
    let found =
        profile(&[1 << 62, 1 << 62, i64::MAX, i64::MAX, i64::MAX].map(|size| (0, size, size)));
    let totals = &found.totals;
    assert_eq!((totals.apparent_bytes, totals.allocated_bytes), (Some(u64::MAX), Some(u64::MAX)));
    assert_eq!(totals.by_kind[0].bytes, Some(u64::MAX));
    assert_eq!(found.extensions[0].bytes, Some(u64::MAX));
    assert_eq!((found.largest_files[0].bytes, found.largest_files.len()), (i64::MAX as u64, 5));
    assert_eq!(found.largest_trees[0].bytes, i64::MAX as u64, "below a directory it is this one");
}

#[test]
fn any_depth_of_a_scan_is_counted() {
    for depth in [0, 998, 2000, i32::MAX - 1, i32::MAX] {
        let found = profile(&[(depth, 7, 8)]);
        let row = found.depths.last().unwrap();
        let expected = (depth.saturating_add(1).min(999) as u32, 1, depth >= 998);
        assert_eq!((row.depth, row.entries, row.or_deeper), expected, "{depth}");
    }
}

#[test]
fn sizes_and_blocks_below_0_count_as_0() {
    let found = profile(&[(0, -5, 8), (0, 10, -8), (0, i64::MIN, i64::MIN)]);
    let totals = &found.totals;
    assert_eq!((totals.apparent_bytes, totals.allocated_bytes), (Some(10), Some(8192)));
    assert_eq!(totals.shared_bytes, Some(0));
    let sums: Vec<_> = totals.by_kind.iter().map(|row| (row.bytes, row.allocated_bytes)).collect();
    assert_eq!(sums, [(Some(10), Some(4096)), (Some(0), Some(4096))]);
}

#[test]
fn t55_after_a_damaged_row_of_a_csv_the_next_ones_have_all_columns() {
    let row = |time: &str| format!("5,4,0,\"/r/f\",\"\",0,0,7,1,8,1,\"0100644\",{time},0,0,-1,0\n");
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    std::fs::write(&scan, [HEAD, &row("0"), &row("1%2"), &row("0"), &row("0")].concat()).unwrap();
    let expected = "line 4: has an invalid number in st_atime";
    // As a thread does that waited for the row that turned out to be damaged.
    let mut reader = TableReader::open(&scan, None).unwrap();
    let mut batch = Batch::new(reader.columns().fields());
    assert!(reader.next(&mut batch).unwrap_err().to_string().ends_with(expected));
    assert!(reader.next(&mut batch).unwrap());
    assert_eq!((batch.len(), &batch.size[..], batch.inode.len()), (2, &[7, 7][..], 2));

    let mut config = ProfileConfig::new([&scan]);
    config.walk.threads = Some(2);
    let job = ProfileJob::prepare(&config).unwrap();
    let error = job.run(&Control::default(), &|_| ()).unwrap_err();
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// No header; of the root `data/`, paths with two slashes; a directory that could not be read has no
/// row, and is counted by the one that it is in.
const C_PWALK: &str = "\
2,1,0,\"data//f.txt\",\"txt\",0,0,100,9,8,1,\"0100644\",1600000000,1600000000,1600000000,-1,0
4,3,1,\"data//a/g.bam\",\"bam\",0,0,1000,9,8,1,\"0100644\",1600000000,1600000000,1600000000,-1,0
7,6,2,\"data//a/b/i.\",\"bam\",0,0,5,9,8,1,\"0100644\",1600000000,1600000000,1600000000,-1,0
6,3,1,\"data//a/b\",\"\",0,0,4096,9,8,2,\"0040755\",1600000000,1600000000,1600000000,1,5
3,1,0,\"data//a\",\"\",0,0,4096,9,8,3,\"0040755\",1600000000,1600000000,1600000000,2,5096
9,8,1,\"data//gone/x\",\"\",0,0,7,9,8,1,\"0100644\",1600000000,1600000000,1600000000,-1,0
1,0,-1,\"data/\",\"\",0,0,4096,9,8,4,\"0040755\",1600000000,1600000000,1600000000,3,8292
";

#[test]
fn t20_a_csv_of_the_c_pwalk_is_one_tree_without_the_rows_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.csv");
    std::fs::write(&scan, C_PWALK).unwrap();
    let profile = profile_of(&scan);
    let rows = profile.tree.iter();
    let found: Vec<_> =
        rows.map(|row| (row.path.to_str(), row.parent, row.bytes, row.entries)).collect();
    let expected = [
        ("data".into(), None, 9304, 6),
        ("a".into(), Some(0), 5101, 3),
        ("gone".into(), Some(0), 7, 1),
        ("b".into(), Some(1), 5, 1),
    ];
    assert_eq!(found, expected);
    assert_eq!((profile.complete, profile.totals.entries), (None, 7));
    assert_eq!(profile.empty.dirs, Some(0));
    // By the name, and not by what stands in the column.
    let extensions = profile.extensions.iter().map(|row| (row.extension.to_str(), row.entries));
    let extensions: Vec<_> = extensions.collect();
    assert_eq!(extensions, [("bam".into(), 1), ("txt".into(), 1), ("".into(), 2)]);
}
