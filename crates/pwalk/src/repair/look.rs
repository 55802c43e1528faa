//! The second look, at entries that the rules would change: what their inodes alone don't tell.

use super::acl::{self, AclKind};
use super::judge::{Change as Judged, Reasons};
use super::opener::Opener;
use super::plan::{Change, Rights};
use super::why::Why;
use pwalk_engine::{Errno, FileId, Stat};
use pwalk_sys::{Freshness, OwnedFd, RawStat, StatMask, attribute, attribute_names, locked};

/// What a comparison with a plan needs.
pub(crate) const COMPARED: StatMask = StatMask::INODE
    .union(StatMask::MODE)
    .union(StatMask::OWNER)
    .union(StatMask::CTIME)
    .union(StatMask::BTIME);

/// Permission bits of the group.
const GROUP_BITS: u32 = 0o070;

/// When an inode was changed last.
pub(crate) fn ctime(stat: &RawStat) -> (i64, u32) {
    (stat.ctime, stat.nanos[2])
}

/// When an inode was made.
pub(crate) fn btime(stat: &RawStat) -> Option<(i64, u32)> {
    stat.btime.map(|seconds| (seconds, stat.nanos[3]))
}

/// Device and inode.
pub(crate) fn id(stat: &RawStat) -> FileId {
    FileId { dev: stat.dev, ino: stat.ino }
}

/// Opens the entry at a path, and reads what can be compared.
pub(crate) fn open(opener: &mut Opener, path: &[u8]) -> Result<(OwnedFd, RawStat), Why> {
    let file = opener.open(path).map_err(|errno| match errno {
        Errno::NOENT => Why::Vanished,
        // A directory above it is a link by now, or no directory.
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => Why::ChangedSince,
        errno => Why::Failed("open", errno),
    })?;
    let stat = pwalk_sys::stat_open(&file, COMPARED, Freshness::AsStat);
    let stat = stat.map_err(|errno| Why::Failed("stat", errno))?;
    Ok((file, stat))
}

/// Looks at an entry that should be changed like this, or has an ACL that may not say what its mode
/// seems to. `None` if it turns out to be right.
///
/// `granted` are the bits that an ACL must give to the group (4: read, 2: write, 1: execute); `None`: an
/// entry with an ACL is not changed.
pub(crate) fn look(
    opener: &mut Opener,
    path: Vec<u8>,
    stat: &Stat,
    judged: Judged,
    granted: Option<u32>,
) -> Result<Option<Change>, Why> {
    let (file, now) = open(opener, &path)?;
    if (id(&now), ctime(&now)) != (stat.id(), (stat.ctime, stat.nanos[2])) {
        return Err(Why::ChangedSince);
    }
    let lock = locked(&file).map_err(|errno| Why::Failed("stat", errno))?;
    let old = Rights { mode: stat.mode & pwalk_sys::MODE_BITS, gid: stat.gid, acl: None };
    let new = Rights { mode: judged.mode, gid: judged.gid, acl: None };
    let reason = judged.reasons.to_text();
    let mut change = Change {
        path,
        id: stat.id(),
        ctime: Some(ctime(&now)),
        // An undo would take the copy for another inode.
        btime: btime(&now).filter(|_| !pwalk_sys::is_in_overlay(&file)),
        kind: stat.kind(),
        uid: stat.uid,
        old,
        new,
        reason,
    };
    let names = attribute_names(&file).map_err(|errno| Why::Failed("listxattr", errno))?;
    let loses = names.iter().any(|name| name == b"security.capability");
    if loses && judged.reasons.contains(Reasons::GROUP) {
        return Err(Why::Capabilities);
    }
    for (name, kind) in names.iter().filter_map(|name| Some((name, acl::kind_of(name)?))) {
        consider_acl(&file, name, kind, &mut change, granted)?;
    }
    if change.old == change.new {
        return Ok(None);
    }
    match lock {
        lock if lock.is_immutable => Err(Why::Immutable),
        lock if lock.is_append_only => Err(Why::AppendOnly),
        _ => Ok(Some(change)),
    }
}

fn consider_acl(
    file: &OwnedFd,
    name: &[u8],
    kind: AclKind,
    change: &mut Change,
    granted: Option<u32>,
) -> Result<(), Why> {
    let c_name = std::ffi::CString::new(name).map_err(|_| Why::OtherAcl)?;
    let read = || attribute(file, &c_name).map_err(|errno| Why::Failed("getxattr", errno));
    match kind {
        AclKind::Other => Err(Why::OtherAcl),
        AclKind::Nfs4 => match read()? {
            Some(value) if !acl::nfs4_is_plain(&value) => Err(Why::OtherAcl),
            _ => Ok(()),
        },
        AclKind::Posix => {
            let bits = granted.ok_or(Why::Acl)?;
            read()?.map_or(Ok(()), |value| grant(change, value, bits))
        }
    }
}

/// What the group should be able to do it gets in the ACL, by its own entry and the mask.
fn grant(change: &mut Change, acl: Vec<u8>, bits: u32) -> Result<(), Why> {
    let (granted, mask) = acl::grant(&acl, bits).ok_or(Why::OtherAcl)?;
    change.new.mode = change.new.mode & !GROUP_BITS | mask << 3;
    if granted != acl {
        (change.old.acl, change.new.acl) = (Some(acl), Some(granted));
        if change.reason.is_empty() {
            change.reason = Reasons::READ.to_text();
        }
    }
    Ok(())
}
