//! Profiles of saved scans that no walk has written, or of filesystems that nobody would believe.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use pwalk::Control;
use pwalk::profile::{Profile, ProfileConfig, ProfileJob};
use std::fmt::Write;

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
    let job = ProfileJob::prepare(&ProfileConfig::new([scan])).unwrap();
    job.run(&Control::default(), &|_| ()).unwrap()
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
