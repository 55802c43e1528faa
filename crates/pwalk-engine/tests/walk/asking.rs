//! How a disk is asked: what a row of the table of tunings says of its calls.

use pwalk_engine::{Asking, At, Disk, Errno, Known, Links, Source};
use pwalk_testkit::privileges::{Need, as_user, requires};
use std::os::fd::{AsFd, AsRawFd};

const NOATIME: u32 = 0o1_000_000;

/// Opens a directory that belongs to `owner`; true if it was opened with O_NOATIME.
fn is_quiet(path: &[u8], opens_quietly: bool, owner: Option<u32>) -> Result<bool, Errno> {
    let known = Known { asking: Asking { opens_quietly, ..Asking::default() }, owner };
    let dir = Disk::new().open_known(At { parent: None, path }, Links::Keep, &known)?;
    let info = format!("/proc/self/fdinfo/{}", dir.as_fd().as_raw_fd());
    let info = std::fs::read_to_string(info).expect("an open descriptor has its flags");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
    Ok(u32::from_str_radix(flags.trim(), 8).expect("octal") & NOATIME != 0)
}

#[test]
fn only_who_has_the_rights_of_an_owner_leaves_no_trace_and_only_where_that_is_of_use() {
    if !requires(Need::Root) {
        return;
    }
    // Open to everybody, and root's.
    let path = b"/usr";
    assert_eq!(is_quiet(path, true, None), Ok(true));
    assert_eq!(is_quiet(path, true, Some(0)), Ok(true));
    assert_eq!(is_quiet(path, true, Some(12_345)), Ok(true));
    assert_eq!(is_quiet(path, false, Some(0)), Ok(false));
    as_user(|| {
        // Refused, and opened all the same.
        assert_eq!(is_quiet(path, true, None), Ok(false));
        assert_eq!(is_quiet(path, true, Some(0)), Ok(false));
    });
}
