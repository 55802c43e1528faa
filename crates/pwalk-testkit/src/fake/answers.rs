//! What the model takes for the answer to a request: after retries, and behind a link.
//!
//! Owns what is asked again, and which errors mean that nothing is there. Must not know why it is
//! asked.

use pwalk_engine::{Errno, Kind, Links, Stat};

/// Calls that a lack of descriptors may fail.
const CALLS_MAX: u32 = 100;

/// The inode behind a link, or the link itself where it dangles or leads nowhere. If it is
/// something else that stands in the way, the link and that.
pub(super) fn behind_link(
    stat: impl Fn(Links) -> Result<Stat, Errno>,
) -> (Option<Stat>, Option<Errno>) {
    let errno = match answer(|| stat(Links::Follow)) {
        Ok(stat) => return (Some(stat), None),
        Err(errno) => errno,
    };
    match answer(|| stat(Links::Keep)) {
        Ok(link) if matches!(errno, Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {
            (Some(link), None)
        }
        Ok(link) if link.kind() == Kind::Symlink => (Some(link), Some(errno)),
        Ok(found) => (Some(found), None),
        Err(errno) => (None, Some(errno)),
    }
}

pub(super) fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::STALE)
}

pub(super) fn is_lack(errno: Errno) -> bool {
    matches!(errno, Errno::MFILE | Errno::NFILE)
}

/// What a call says once there are descriptors.
pub(super) fn answer<T>(call: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut result = once_more(&call);
    for _ in 0..CALLS_MAX {
        if !matches!(result, Err(errno) if is_lack(errno)) {
            break;
        }
        result = once_more(&call);
    }
    result
}

/// A stale handle gets one more try.
fn once_more<T>(call: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    match call() {
        Err(Errno::STALE) => call(),
        result => result,
    }
}
