//! Who may read what replaces something: never more people than before.
//!
//! Owner, group, mode and access list of the file or folder that is replaced are kept where the
//! system allows it. An ordinary user can't give a file away, and gives it only to groups of his
//! own. Where the group is lost, the new group and everybody else get what both had before. Where an
//! access list is lost, only the owner is let in: it may have kept out anybody.

use rustix::fs::{Gid, Mode, Uid, XattrFlags, fchmod, fchown, fstat};
use rustix::io::Errno;
use std::fs::Metadata;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The POSIX access list. With one, the group bits of the mode are its mask.
const ACL: &str = "system.posix_acl_access";

/// Bytes of an access list at the most: some hundred entries.
const ACL_LEN_MAX: usize = 4096;

/// What is to be kept of a file or folder that is replaced.
#[derive(Debug)]
pub(crate) struct OldAccess {
    uid: u32,
    gid: u32,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit.
    mode: u32,
    acl: Acl,
}

#[derive(Debug)]
enum Acl {
    None,
    Known(Vec<u8>),
    /// There may be one, but it can't be read.
    Unknown,
}

impl OldAccess {
    /// Reads what `path` has. `metadata` are its own.
    pub(crate) fn of(path: &Path, metadata: &Metadata) -> OldAccess {
        let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
        OldAccess { uid, gid, mode, acl: read_acl(path) }
    }

    /// Gives it to what replaces it. `also` are bits that it needs meanwhile.
    pub(crate) fn give(&self, to: impl AsFd, also: u32) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if fchown(&to, Some(uid), Some(gid)).is_err() {
            let _ = fchown(&to, None, Some(gid));
        }
        let now = fstat(&to)?;
        let (keeps_owner, keeps_group) = (now.st_uid == self.uid, now.st_gid == self.gid);
        // The list that a new file inherits from its folder is not that of the old one.
        let _ = rustix::fs::fremovexattr(&to, ACL);
        let is_listed = match &self.acl {
            Acl::None => true,
            Acl::Known(acl) => {
                keeps_group && rustix::fs::fsetxattr(&to, ACL, acl, XattrFlags::empty()).is_ok()
            }
            Acl::Unknown => false,
        };
        let mode = allowed_mode(self.mode, keeps_owner, keeps_group, is_listed) | also;
        match fchmod(&to, Mode::from_raw_mode(mode)) {
            // A filesystem without modes of its own.
            Err(Errno::PERM | Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        }
    }
}

fn read_acl(path: &Path) -> Acl {
    let mut acl = vec![0; ACL_LEN_MAX];
    match rustix::fs::getxattr(path, ACL, &mut acl[..]) {
        Ok(len) => {
            acl.truncate(len);
            Acl::Known(acl)
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Acl::None,
        Err(_) => Acl::Unknown,
    }
}

/// The old mode, without what would let somebody in who was kept out before.
fn allowed_mode(old: u32, keeps_owner: bool, keeps_group: bool, keeps_acl: bool) -> u32 {
    let mut mode = old;
    if !keeps_owner {
        mode &= !0o4000;
    }
    if !keeps_group {
        let both = (old >> 3) & old & 0o7;
        mode = (mode & 0o5700) | (both << 3) | both;
    }
    if !keeps_acl {
        mode &= !0o077;
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_in_who_was_kept_out_before() {
        // Old mode, owner kept, group kept, access list kept, new mode.
        let cases = [
            (0o640, true, true, true, 0o640),
            (0o640, true, false, true, 0o600),
            (0o644, true, false, true, 0o644),
            (0o664, true, false, true, 0o644),
            (0o604, true, false, true, 0o600),
            (0o2770, true, false, true, 0o700),
            (0o2770, true, true, true, 0o2770),
            (0o4755, false, true, true, 0o755),
            (0o1777, false, false, true, 0o1777),
            (0o664, true, true, false, 0o600),
            (0o2775, true, false, false, 0o700),
        ];
        for (old, owner, group, acl, new) in cases {
            let mode = allowed_mode(old, owner, group, acl);
            assert_eq!(mode, new, "{old:o} {owner} {group} {acl}");
        }
    }
}
