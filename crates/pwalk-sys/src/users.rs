//! The names of users and groups, from whatever the system is set up to ask (getpwuid_r(3)).

use crate::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User};

/// The name of a user; `None` where the system knows none, or can't say.
pub fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// The name of a group; `None` where the system knows none, or can't say.
pub fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// The number of a user; `None` where the system knows no such name.
///
/// # Errors
///
/// Why the system can't say: a directory service does not answer.
pub fn user_id(name: &str) -> Result<Option<u32>, Errno> {
    found(User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())))
}

/// The number of a group; `None` where the system knows no such name.
///
/// # Errors
///
/// Those of [`user_id`].
pub fn group_id(name: &str) -> Result<Option<u32>, Errno> {
    found(Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())))
}

/// What getpwnam(3) lists as further ways to say that there is none is no error.
fn found(asked: nix::Result<Option<u32>>) -> Result<Option<u32>, Errno> {
    use nix::errno::Errno as Raw;
    match asked {
        Err(Raw::ENOENT | Raw::ESRCH | Raw::EBADF | Raw::EPERM) => Ok(None),
        asked => asked.map_err(|errno| Errno::from_raw(errno as i32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_number_0_and_an_unused_name_has_none() {
        assert_eq!((user_id("root"), group_id("root")), (Ok(Some(0)), Ok(Some(0))));
        assert_eq!(user_id("no such user"), Ok(None));
        assert_eq!(group_id("a\0b"), Ok(None));
    }

    #[test]
    fn root_has_a_name_and_an_unused_number_has_none() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_name(0).as_deref(), Some("root"));
        assert_eq!(user_name(3_999_999_999), None);
    }
}
