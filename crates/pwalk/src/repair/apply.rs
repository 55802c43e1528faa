//! Makes a change: through a descriptor of the very inode that was planned for, and in steps none of
//! which gives anybody more than the entry before or after the change does.

use super::acl::{common, is_same_but_mask};
use super::look::{COMPARED, btime, ctime, open};
use super::opener::Opener;
use super::plan::{Change, Rights};
use super::why::Why;
use pwalk_engine::{Errno, Kind};
use pwalk_sys::{Freshness, MODE_BITS, OwnedFd, RawStat};
use pwalk_sys::{attribute, may_set_setgid, replace_attribute, set_group, set_mode};

const POSIX_ACCESS: &std::ffi::CStr = c"system.posix_acl_access";

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const GROUP_BITS: u32 = 0o070;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was made.
    Now,
    /// The entry was so already: an earlier run, which was killed, has made it.
    Before,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotMade {
    pub(crate) why: Why,
    /// The entry is not quite as it was: a step of several was made.
    pub(crate) is_begun: bool,
}

impl From<Why> for NotMade {
    fn from(why: Why) -> NotMade {
        NotMade { why, is_begun: false }
    }
}

/// Makes a change, if the entry is what it was planned for.
pub(crate) fn apply(opener: &mut Opener, change: &Change) -> Result<Made, NotMade> {
    let (file, now) = open(opener, &change.path)?;
    if !change.is_of(&now) {
        return Err(Why::ChangedSince.into());
    }
    let current = (now.mode & MODE_BITS, now.gid);
    let is_as = |rights: &Rights| current == (rights.mode, rights.gid);
    let acl = change.acl_of(&file)?;
    if is_as(&change.new) && acl == change.new.acl {
        return Ok(Made::Before);
    }
    let may_be = match change.ctime {
        Some(expected) => is_as(&change.old) && ctime(&now) == expected && acl == change.old.acl,
        None => change.can_be(current, acl.as_deref()),
    };
    if !may_be {
        return Err(Why::ChangedSince.into());
    }
    if change.kind == Kind::File && now.mode & 0o6000 != 0 {
        return Err(Why::SetId.into());
    }
    if change.would_lose_setgid(current.0) {
        return Err(Why::LosesSetgid.into());
    }
    let mut is_begun = false;
    let made = change.make(&file, current, acl, &mut is_begun);
    let made = made.and_then(|()| change.verify(&file));
    made.map(|()| Made::Now).map_err(|why| NotMade { why, is_begun })
}

fn is_made_up(dev: &u64) -> bool {
    pwalk_sys::is_made_up_device(*dev)
}

impl Change {
    /// The same backwards: for whoever undoes it.
    pub(crate) fn reversed(self) -> Change {
        Change { old: self.new, new: self.old, ctime: None, ..self }
    }

    /// Permissions that both before and after have: what an entry may show while its group changes.
    fn common_mode(&self) -> u32 {
        self.old.mode & self.new.mode
    }

    /// The states that an entry goes through, forwards and backwards: mode and group. An ACL brings the
    /// group's bits.
    fn steps(&self) -> impl Iterator<Item = (u32, u32)> {
        [&self.old, &self.new].into_iter().flat_map(move |side| {
            let common = self.common_mode();
            let shown = common & !GROUP_BITS | side.mode & GROUP_BITS;
            let modes = [common, shown, side.mode];
            modes
                .into_iter()
                .flat_map(|mode| [mode, self.cleared(mode)])
                .map(|mode| (mode, side.gid))
        })
    }

    /// What the system may make of a mode: it clears setuid and setgid of a file with its group, and
    /// setgid of a directory if whoever changes it is not in the group.
    fn cleared(&self, mode: u32) -> u32 {
        mode & !if self.kind == Kind::Dir { SETGID } else { SETUID | SETGID }
    }

    /// True for the inode that it was planned for, whatever has become of it.
    fn is_of(&self, now: &RawStat) -> bool {
        let is_as_old = self.btime.is_none() || btime(now).is_none() || self.btime == btime(now);
        let kind = Kind::from_mode(now.mode);
        // Such a number may be another one after the next mount.
        let is_device = |dev| dev == self.id.dev || [dev, self.id.dev].iter().all(is_made_up);
        let is_inode = now.ino == self.id.ino && is_device(now.dev);
        is_inode && kind == self.kind && kind != Kind::Symlink && is_as_old
    }

    /// The system may accept a change and not make it: setgid, for those who are not in the group.
    fn verify(&self, file: &OwnedFd) -> Result<(), Why> {
        let after = pwalk_sys::stat_open(file, COMPARED, Freshness::AsStat);
        let after = after.map_err(|errno| Why::Failed("stat", errno))?;
        let is_new = (after.mode & MODE_BITS, after.gid) == (self.new.mode, self.new.gid);
        if is_new { Ok(()) } else { Err(Why::NotTaken) }
    }

    /// The ACL that an entry has now, if this changes it.
    fn acl_of(&self, file: &OwnedFd) -> Result<Option<Vec<u8>>, Why> {
        match self.new.acl {
            Some(_) => attribute(file, POSIX_ACCESS).map_err(|errno| failed("getxattr", errno)),
            None => Ok(None),
        }
    }

    /// True for what an entry can be before, after, and between two steps.
    fn can_be(&self, current: (u32, u32), acl: Option<&[u8]>) -> bool {
        let common = self.common_acl();
        let acls = [&self.old.acl, &common, &self.new.acl];
        let is_acl = |known| acl.is_some_and(|acl| is_same_but_mask(acl, known));
        let has_acl = self.new.acl.is_none() || acls.into_iter().flatten().any(|acl| is_acl(acl));
        has_acl && self.steps().any(|step| step == current)
    }

    /// What both ACLs grant: it comes first, so that no group ever has what was meant for the other.
    fn common_acl(&self) -> Option<Vec<u8>> {
        common(self.old.acl.as_ref()?, self.new.acl.as_ref()?)
    }

    /// True for a directory that has setgid, and would have it no more: a change of the mode takes it
    /// away for those who are not in the group.
    fn would_lose_setgid(&self, mode: u32) -> bool {
        let is_kept = mode & self.new.mode & SETGID != 0 && self.kind == Kind::Dir;
        is_kept && mode != self.new.mode && !may_set_setgid(self.new.gid)
    }

    fn make(
        &self,
        file: &OwnedFd,
        current: (u32, u32),
        acl: Option<Vec<u8>>,
        is_begun: &mut bool,
    ) -> Result<(), Why> {
        let (mut mode, gid) = current;
        let mut acl = acl;
        if gid != self.new.gid {
            if mode != self.common_mode() {
                self.set_mode(file, self.common_mode(), is_begun)?;
            }
            if let Some(common) = self.common_acl().filter(|common| acl.as_ref() != Some(common)) {
                set_acl(file, &common, is_begun)?;
                acl = Some(common);
            }
            set_group(file, self.new.gid).map_err(|errno| failed("chown", errno))?;
            *is_begun = true;
            mode = match self.kind {
                Kind::Dir => self.common_mode(),
                _ => self.cleared(self.common_mode()),
            };
        }
        if let Some(new) = self.new.acl.as_ref().filter(|new| acl.as_ref() != Some(new)) {
            set_acl(file, new, is_begun)?;
            // It brings its own bits of the group.
            mode = u32::MAX;
        }
        if mode != self.new.mode {
            self.set_mode(file, self.new.mode, is_begun)?;
        }
        Ok(())
    }

    fn set_mode(&self, file: &OwnedFd, mode: u32, is_begun: &mut bool) -> Result<(), Why> {
        set_mode(file, mode).map_err(|errno| failed("chmod", errno))?;
        *is_begun = true;
        Ok(())
    }
}

fn set_acl(file: &OwnedFd, acl: &[u8], is_begun: &mut bool) -> Result<(), Why> {
    replace_attribute(file, POSIX_ACCESS, acl).map_err(|errno| failed("setxattr", errno))?;
    *is_begun = true;
    Ok(())
}

fn failed(call: &'static str, errno: Errno) -> Why {
    Why::Failed(call, errno)
}
