//! What a repair leaves as it is: files with privileges, links to elsewhere, what has changed since.

use crate::harness::{apply, config, plan, rights, state, states, table};
use pwalk::repair::{Changes, Left, Why};
use pwalk_testkit::privileges::{Need, requires};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, dir, file, give};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn left(path: &Path, why: Why) -> Left {
    Left { path: path.as_os_str().as_bytes().to_vec(), why }
}

#[test]
fn files_with_setuid_setgid_or_capabilities_are_named_and_stay() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let [a, b, c, d] =
        ["a-setuid", "b-setgid", "c-capable", "d-capable"].map(|name| shared.at(name));
    file(&a, 0o4711, OWNER, OWNER);
    file(&b, 0o2700, OWNER, SHARED);
    file(&c, 0o700, OWNER, OWNER);
    // Only its mode would change, and that leaves capabilities alone.
    file(&d, 0o700, OWNER, SHARED);
    // VFS_CAP_REVISION_2, effective: CAP_NET_RAW permitted.
    let mut capability = 0x0200_0001u32.to_le_bytes().to_vec();
    [1u32 << 13, 0, 0, 0].iter().for_each(|word| capability.extend(word.to_le_bytes()));
    for path in [&c, &d] {
        setxattr(path, "security.capability", &capability, XattrFlags::empty()).unwrap();
    }
    let before = states(&shared.root);
    let planned = plan(&config(&shared.root)).unwrap();
    let expected =
        [left(&a, Why::SetId), left(&b, Why::SetId), left(&c, Why::Capabilities)].to_vec();
    assert_eq!((planned.said.changes, planned.left), (1, expected));
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    assert_eq!(rights(&d), (0o750, SHARED));
    let mut value = [0; 64];
    let len = rustix::fs::getxattr(&d, "security.capability", &mut value).unwrap();
    assert_eq!(value[..len], capability);
    for path in [&a, &b, &c] {
        assert_eq!(state(path), before[path]);
    }
}

#[test]
fn links_and_devices_stay_and_pipes_and_sockets_get_the_group_alone() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let [device, link, pipe, socket] =
        ["device", "link", "pipe", "socket"].map(|name| shared.at(name));
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &device, FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
    mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    [&device, &pipe, &socket].iter().for_each(|path| give(path, 0o600, OWNER, OWNER));
    symlink("device", &link).unwrap();
    lchown(&link, Some(OWNER), Some(OWNER)).unwrap();
    let before = states(&shared.root);
    let planned = plan(&config(&shared.root)).unwrap();
    assert_eq!((planned.said.changes, planned.left), (2, vec![left(&device, Why::Device)]));
    let (applied, _) = apply(table(planned.changes), &shared.journal(1)).unwrap();
    assert_eq!(applied.changed, 2);
    assert_eq!([rights(&pipe), rights(&socket)], [(0o600, SHARED); 2]);
    assert_eq!([state(&device), state(&link)], [&device, &link].map(|path| before[path].clone()));
    apply(Changes::Journal(shared.journal(1)), &shared.journal(2)).unwrap();
    assert_eq!([rights(&pipe), rights(&socket)], [(0o600, OWNER); 2]);
}

#[test]
fn a_file_with_several_links_is_changed_once_if_all_of_them_are_below_the_path() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    // The group of the directory of the smallest path.
    dir(&shared.at("one"), 0o2750, OWNER, SHARED);
    dir(&shared.at("two"), 0o2750, OWNER, 500);
    let inside = shared.private("two/inside");
    fs::hard_link(&inside, shared.at("one/inside")).unwrap();
    let outside = shared.private("one/outside");
    fs::hard_link(&outside, shared.folder.join("elsewhere")).unwrap();
    let before = shared.rights();
    let planned = plan(&config(&shared.root)).unwrap();
    assert_eq!((planned.said.changes, planned.left), (1, vec![left(&outside, Why::HardLinks)]));
    let (applied, _) = apply(table(planned.changes), &shared.journal(1)).unwrap();
    assert_eq!((applied.changes, applied.changed), (1, 1));
    assert_eq!((rights(&inside), rights(&outside)), ((0o640, SHARED), (0o600, OWNER)));

    let mut config = config(&shared.root);
    config.hard_links = true;
    let planned = plan(&config).unwrap();
    assert_eq!((planned.said.changes, planned.left), (1, vec![]));
    apply(table(planned.changes), &shared.journal(2)).unwrap();
    assert_eq!(rights(&shared.folder.join("elsewhere")), (0o640, SHARED));
    for number in [2, 1] {
        let undo = Changes::Journal(shared.journal(number));
        apply(undo, &shared.journal(number + 2)).unwrap();
    }
    assert_eq!(shared.rights(), before);
}

#[test]
fn t43_what_has_vanished_or_changed_since_the_plan_is_named_and_not_touched() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    dir(&shared.at("d"), 0o2750, OWNER, SHARED);
    let names =
        ["chmod", "gone", "group", "link", "linked", "new", "touched", "unchanged", "d/in-link"];
    let paths = names.map(|name| shared.private(name));
    let [chmod, gone, group, link, linked, new, touched, unchanged, in_link] = &paths;
    let planned = plan(&config(&shared.root)).unwrap();
    assert_eq!(planned.said.changes, names.len() as u64);
    give(chmod, 0o400, OWNER, OWNER);
    fs::remove_file(gone).unwrap();
    give(group, 0o600, OWNER, 500);
    let canary = shared.folder.join("canary");
    dir(&canary, 0o700, 0, 0);
    file(&canary.join("in-link"), 0o600, 0, 0);
    fs::remove_file(link).unwrap();
    symlink(canary.join("in-link"), link).unwrap();
    // One more name: its ctime tells.
    fs::hard_link(linked, shared.folder.join("linked")).unwrap();
    fs::rename(new, shared.folder.join("new")).unwrap();
    shared.private("new");
    fs::write(touched, "more").unwrap();
    fs::rename(shared.at("d"), shared.at("d2")).unwrap();
    symlink(&canary, shared.at("d")).unwrap();
    let before = (states(&shared.root), states(&canary));

    let changes = table(planned.changes);
    let (applied, mut found) = apply(changes.clone(), &shared.journal(1)).unwrap();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let since = |path: &&Path| left(path, Why::ChangedSince);
    let changed: [&Path; 7] = [chmod, in_link, group, link, linked, new, touched];
    let mut expected: Vec<Left> = changed.iter().map(since).collect();
    expected.push(left(gone, Why::Vanished));
    expected.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(found, expected);
    assert_eq!((applied.changed, applied.complete), (1, false));
    assert_eq!(rights(unchanged), (0o640, SHARED));
    let mut after = states(&shared.root);
    after.insert(unchanged.clone(), before.0[unchanged].clone());
    assert_eq!((after, states(&canary)), before);

    // Once more: what was changed is so already.
    let (again, _) = apply(changes, &shared.journal(2)).unwrap();
    assert_eq!((again.changed, again.unchanged), (0, 1));
}

#[test]
fn an_undo_leaves_what_has_other_permissions_by_now() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| shared.private(name));
    let planned = plan(&config(&shared.root)).unwrap();
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    give(&a, 0o644, OWNER, SHARED);
    give(&b, 0o640, OWNER, 500);
    // It was written to, which is no reason.
    fs::write(&c, "more").unwrap();
    let (undone, mut found) =
        apply(Changes::Journal(shared.journal(1)), &shared.journal(2)).unwrap();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(found, [left(&a, Why::ChangedSince), left(&b, Why::ChangedSince)]);
    assert_eq!((undone.changed, undone.complete), (1, false));
    let expected = [(0o644, SHARED), (0o640, 500), (0o600, OWNER)];
    assert_eq!([rights(&a), rights(&b), rights(&c)], expected);
}

/// The number of an inode that is gone is given again, mostly to the next one.
#[test]
fn t43_an_undo_knows_another_file_that_has_the_same_number_and_permissions() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.private("file");
    let planned = plan(&config(&shared.root)).unwrap();
    apply(table(planned.changes), &shared.journal(1)).unwrap();
    // Times of birth are as fine as the clock of the kernel.
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::remove_file(&path).unwrap();
    file(&path, 0o640, OWNER, SHARED);
    let undo = Changes::Journal(shared.journal(1));
    let (undone, found) = apply(undo, &shared.journal(2)).unwrap();
    assert_eq!((undone.changed, found), (0, vec![left(&path, Why::ChangedSince)]));
    assert_eq!(rights(&path), (0o640, SHARED));
}

/// Each state that a kill can leave is known to an undo.
#[test]
fn t43_an_undo_restores_what_was_left_between_two_steps() {
    if !requires(Need::Root) {
        return;
    }
    let shared = Shared::new();
    let path = shared.at("dir");
    dir(&path, 0o700, OWNER, OWNER);
    let planned = plan(&config(&shared.root)).unwrap();
    apply(table(planned.changes), &shared.journal(0)).unwrap();
    assert_eq!(rights(&path), (0o2750, SHARED));
    // Not begun, its group, without setgid where that was not to be had, all of it.
    let steps = [(0o700, OWNER), (0o700, SHARED), (0o750, SHARED), (0o2750, SHARED)];
    for (number, (mode, gid)) in steps.into_iter().enumerate() {
        give(&path, mode, OWNER, gid);
        let undo = Changes::Journal(shared.journal(0));
        let (_, left) = apply(undo, &shared.journal(number + 1)).unwrap();
        assert_eq!((left, rights(&path)), (vec![], (0o700, OWNER)), "{mode:o} {gid}");
    }
}
