//! Entries with a POSIX ACL: skipped, or changed as far as the group needs it, and taken back to the
//! byte.

use crate::harness::{Plan, apply, config, plan, rights, table};
use pwalk::repair::{Changes, Left, Why};
use pwalk_slowfs::{Attribute, Options, Tree, mount};
use pwalk_sys::Errno;
use pwalk_testkit::privileges::{Need, USER as USER_ID, as_user, requires, skip};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, dir, file, give};
use rustix::fs::{XattrFlags, getxattr, setxattr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

const ACCESS: &str = "system.posix_acl_access";
const NOBODY: u32 = u32::MAX;

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The bytes of an ACL: tag, permissions and number of each entry.
fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut acl = 2u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        acl.extend(tag.to_le_bytes());
        acl.extend(bits.to_le_bytes());
        acl.extend(id.to_le_bytes());
    }
    acl
}

/// One that names a user and a group, in which the owning group and the mask have these.
fn named(group: u16, mask: u16) -> Vec<u8> {
    acl(&[
        (USER_OBJ, 6, NOBODY),
        (USER, 6, 1000),
        (GROUP_OBJ, group, NOBODY),
        (GROUP, 4, 2000),
        (MASK, mask, NOBODY),
        (OTHER, 0, NOBODY),
    ])
}

/// False on a filesystem without ACLs: the test is skipped.
fn set(path: &Path, name: &str, acl: &[u8]) -> bool {
    match setxattr(path, name, acl, XattrFlags::empty()) {
        Err(rustix::io::Errno::OPNOTSUPP) => {
            skip("it needs a filesystem with ACLs");
            false
        }
        done => done.map(|()| true).unwrap(),
    }
}

fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let len = getxattr(path, name, &mut value).ok()?;
    value.truncate(len);
    Some(value)
}

fn adjusted(shared: &Shared) -> Plan {
    let mut config = config(&shared.root);
    config.acl = true;
    plan(&config).unwrap()
}

#[test]
fn t43_an_entry_with_an_acl_is_left_alone_unless_it_is_asked_for() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.private("file");
    if !set(&path, ACCESS, &named(0, 6)) {
        return;
    }
    let before = (rights(&path), get(&path, ACCESS));
    let planned = plan(&config(&shared.root)).unwrap();
    let expected = Left { path: path.as_os_str().as_bytes().to_vec(), why: Why::Acl };
    assert_eq!((planned.said.changes, planned.left), (0, vec![expected]));
    assert!(!planned.said.complete);
    assert_eq!((rights(&path), get(&path, ACCESS)), before);
}

#[test]
fn t43_with_acl_the_owning_group_gets_what_it_lacks_and_an_undo_restores_every_byte() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let paths = ["masked", "without", "right"].map(|name| shared.private(name));
    let before = [named(0, 6), named(0, 0), named(6, 7)];
    // What is granted already, and a mask that is wide enough, stays.
    let after = [named(4, 6), named(4, 4), named(6, 7)];
    for (path, acl) in paths.iter().zip(&before) {
        if !set(path, ACCESS, acl) {
            return;
        }
    }
    let modes = shared.rights();
    let (j1, j2) = (shared.journal(1), shared.journal(2));
    let planned = adjusted(&shared);
    assert_eq!((planned.said.changes, planned.left), (3, vec![]));
    let (applied, left) = apply(table(planned.changes), &j1).unwrap();
    assert_eq!((applied.changed, left), (3, vec![]));
    for (path, acl) in paths.iter().zip(&after) {
        assert_eq!((get(path, ACCESS).as_ref(), rights(path).1), (Some(acl), SHARED), "{path:?}");
    }
    assert_eq!(adjusted(&shared).said.changes, 0);
    let (undone, left) = apply(Changes::Journal(j1), &j2).unwrap();
    assert_eq!((undone.changed, left), (3, vec![]));
    assert_eq!(shared.rights(), modes);
    for (path, acl) in paths.iter().zip(&before) {
        assert_eq!(get(path, ACCESS).as_ref(), Some(acl), "{path:?}");
    }
}

#[test]
fn a_directory_with_an_acl_gets_setgid_and_its_default_acl_stays() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.at("dir");
    dir(&path, 0o700, OWNER, OWNER);
    let own = |group| {
        acl(&[
            (USER_OBJ, 7, NOBODY),
            (USER, 5, 1000),
            (GROUP_OBJ, group, NOBODY),
            (MASK, 5, NOBODY),
            (OTHER, 0, NOBODY),
        ])
    };
    let default = "system.posix_acl_default";
    if !set(&path, ACCESS, &own(0)) || !set(&path, default, &own(1)) {
        return;
    }
    let before = rights(&path);
    let planned = adjusted(&shared);
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    assert_eq!(rights(&path), (0o2750, SHARED));
    assert_eq!((get(&path, ACCESS), get(&path, default)), (Some(own(5)), Some(own(1))));
    apply(Changes::Journal(shared.journal(1)), &shared.journal(2)).unwrap();
    assert_eq!(rights(&path), before);
    assert_eq!((get(&path, ACCESS), get(&path, default)), (Some(own(0)), Some(own(1))));
}

/// Whatever a kill leaves: an undo knows it, and brings back what was before.
#[test]
fn t43_an_undo_restores_an_acl_from_every_step_between() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.private("file");
    if !set(&path, ACCESS, &named(0, 0)) {
        return;
    }
    let planned = adjusted(&shared);
    apply(table(planned.changes), &shared.journal(0)).unwrap();
    // In the order of the system's calls, to there and back.
    let steps = [(OWNER, 0, 0), (SHARED, 0, 0), (SHARED, 4, 4), (SHARED, 4, 0), (SHARED, 0, 0)];
    for (number, (gid, group, mask)) in steps.into_iter().enumerate() {
        give(&path, 0o600, OWNER, gid);
        assert!(set(&path, ACCESS, &named(group, mask)));
        let undo = Changes::Journal(shared.journal(0));
        let (_, left) = apply(undo, &shared.journal(number + 1)).unwrap();
        assert_eq!(left, [], "{gid} {group} {mask}");
        assert_eq!((rights(&path), get(&path, ACCESS)), ((0o600, OWNER), Some(named(0, 0))));
    }
}

#[test]
fn an_undo_leaves_an_acl_that_somebody_has_changed_since() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.private("file");
    if !set(&path, ACCESS, &named(0, 4)) {
        return;
    }
    let planned = adjusted(&shared);
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    let other = acl(&[
        (USER_OBJ, 6, NOBODY),
        (USER, 6, 1234),
        (GROUP_OBJ, 4, NOBODY),
        (MASK, 4, NOBODY),
        (OTHER, 0, NOBODY),
    ]);
    assert!(set(&path, ACCESS, &other));
    let (_, left) = apply(Changes::Journal(shared.journal(1)), &shared.journal(2)).unwrap();
    assert_eq!(left[0].why, Why::ChangedSince);
    assert_eq!(get(&path, ACCESS), Some(other));
}

/// An undo that can't give the group back has taken away what the other group must not have.
#[test]
fn t43_the_old_group_never_gets_what_the_new_one_had() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    give(&shared.root, 0o2775, OWNER, SHARED);
    // Root's group, which the owner can't give back. Nothing but the entry of the group decides: the
    // mask hides nothing.
    let path = shared.at("file");
    file(&path, 0o660, USER_ID, 0);
    if !set(&path, ACCESS, &named(0, 6)) {
        return;
    }
    let planned = adjusted(&shared);
    let (journal, second) = (shared.journal(1), shared.at("journal"));
    apply(table(planned.changes), &journal).unwrap();
    assert_eq!((rights(&path), get(&path, ACCESS)), ((0o660, SHARED), Some(named(4, 6))));
    give(&journal, 0o600, USER_ID, 0);
    give(&shared.root, 0o777, USER_ID, SHARED);
    give(&shared.folder, 0o777, OWNER, OWNER);
    let (_, left) = as_user(|| apply(Changes::Journal(journal), &second).unwrap());
    assert_eq!(left[0].why, Why::Failed("chown", Errno::PERM));
    assert_eq!((rights(&path), get(&path, ACCESS)), ((0o660, SHARED), Some(named(0, 6))));
}

/// What a server of NFSv4 gives: type, flags, mask and name of each entry, in XDR.
const OF_THE_MODE: &[u8] = b"\0\0\0\x02\
    \0\0\0\0\0\0\0\0\0\x16\x01\xa7\0\0\0\x06OWNER@\0\0\
    \0\0\0\0\0\0\0\0\0\x12\0\x81\0\0\0\x06GROUP@\0\0";
const OF_ANNA: &[u8] = b"\0\0\0\x02\
    \0\0\0\0\0\0\0\0\0\x16\x01\xa7\0\0\0\x06OWNER@\0\0\
    \0\0\0\0\0\0\0\0\0\x12\0\x81\0\0\0\x08anna@lab";

/// Inodes of `d00000/f00000` and those after it.
const FILES: [u64; 3] = [3, 4, 5];

const ATTRIBUTES: &[Attribute] = &[
    Attribute { ino: FILES[0], name: "system.nfs4_acl", value: OF_THE_MODE },
    Attribute { ino: FILES[1], name: "system.nfs4_acl", value: OF_ANNA },
    Attribute { ino: FILES[2], name: "system.richacl", value: b"whatever" },
];

#[test]
fn an_nfs4_acl_that_names_somebody_is_left_alone_and_one_made_of_the_mode_is_not() {
    if !(requires(Need::Fuse) && requires(Need::Root)) {
        return;
    }
    let shared = Shared::new();
    let options =
        Options { attributes: ATTRIBUTES, ..Options::new(Tree::flat(1, 4), Duration::ZERO) };
    assert_eq!(options.tree.find("d00000/f00000"), Some(FILES[0]));
    let _mounted = mount(&shared.root, options).unwrap();
    // All of it is root's, and the group is that of the folder around it.
    give(&shared.folder, 0o755, 0, SHARED);
    for adjusts in [false, true] {
        let mut config = config(&shared.root);
        config.acl = adjusts;
        let planned = plan(&config).unwrap();
        let left = |name: &str| {
            let path = shared.at("d00000").join(name).as_os_str().as_bytes().to_vec();
            Left { path, why: Why::OtherAcl }
        };
        assert_eq!(planned.left, [left("f00001"), left("f00002")]);
        // The others, and two directories.
        assert_eq!((planned.said.entries, planned.said.changes), (6, 4));
    }
}
