//! Repairs by an ordinary user: what may be changed is changed, and the rest is named.

use crate::harness::{apply, config, plan, rights, states, table};
use pwalk::repair::{Changes, Left, Why};
use pwalk_sys::Errno;
use pwalk_testkit::privileges::{Need, USER, as_user, requires};
use pwalk_testkit::shared::{OWNER, SHARED, Shared, dir, file, give};
use std::os::unix::ffi::OsStrExt;

/// A folder that everybody may enter, with a place for journals.
fn open_to_all() -> Shared {
    let shared = Shared::new();
    give(&shared.root, 0o2775, OWNER, SHARED);
    give(&shared.folder, 0o755, USER, USER);
    shared
}

#[test]
fn t43_an_ordinary_user_changes_what_he_owns_and_hears_of_the_rest() {
    if !requires(Need::Root) {
        return;
    }
    let shared = open_to_all();
    let at = |name: &str| shared.at(name);
    file(&at("own"), 0o600, USER, SHARED);
    file(&at("own-with-another-group"), 0o640, USER, USER);
    file(&at("of-another"), 0o604, OWNER, SHARED);
    dir(&at("own-dir"), 0o700, USER, SHARED);
    dir(&at("own-dir-with-setgid"), 0o2700, USER, SHARED);
    dir(&at("closed"), 0o2750, OWNER, SHARED);
    let before = states(&shared.root);
    let (planned, applied) = as_user(|| {
        let planned = plan(&config(&shared.root)).unwrap();
        let changes = table(planned.changes.clone());
        (planned, apply(changes, &shared.journal(1)).unwrap())
    });
    let path = |name: &str| at(name).as_os_str().as_bytes().to_vec();
    let unseen = [Left { path: path("closed"), why: planned.left[0].why }];
    assert_eq!((planned.said.changes, planned.left), (5, unseen.to_vec()));
    assert_eq!(unseen[0].why.errno(), Some(Errno::ACCESS));

    let (said, mut left) = applied;
    left.sort_by(|a, b| a.path.cmp(&b.path));
    let expected = [
        ("of-another", Why::Failed("chmod", Errno::PERM)),
        ("own-dir", Why::NotTaken),
        ("own-dir-with-setgid", Why::LosesSetgid),
        ("own-with-another-group", Why::Failed("chown", Errno::PERM)),
    ];
    assert_eq!(left, expected.map(|(name, why)| Left { path: path(name), why }));
    assert_eq!((said.changes, said.changed, said.complete), (5, 1, false));
    assert_eq!(rights(&at("own")), (0o640, SHARED));
    // The group may read it, though setgid was not to be had; and nothing loses setgid.
    assert_eq!(rights(&at("own-dir")), (0o750, SHARED));
    let after = states(&shared.root);
    for name in ["of-another", "own-dir-with-setgid", "own-with-another-group"] {
        assert_eq!(after[&at(name)], before[&at(name)], "{name}");
    }

    let (undone, left) =
        as_user(|| apply(Changes::Journal(shared.journal(1)), &shared.journal(2)).unwrap());
    assert_eq!((undone.changed, left), (2, vec![]));
    for (path, state) in states(&shared.root) {
        assert_eq!((state.mode, state.gid), (before[&path].mode, before[&path].gid), "{path:?}");
    }
}

/// The owner can't give root's group back. What the other group had is taken away by then: a kill
/// there leaves less, never more.
#[test]
fn t43_permissions_are_taken_away_before_the_group_changes() {
    if !requires(Need::Root) {
        return;
    }
    let shared = open_to_all();
    let path = shared.at("file");
    file(&path, 0o600, USER, 0);
    let planned = plan(&config(&shared.root)).unwrap();
    let journal = shared.journal(1);
    apply(table(planned.changes), &journal).unwrap();
    assert_eq!(rights(&path), (0o640, SHARED));
    give(&journal, 0o600, USER, USER);
    let (_, left) =
        as_user(|| apply(Changes::Journal(journal.clone()), &shared.journal(2)).unwrap());
    assert_eq!(left[0].why, Why::Failed("chown", Errno::PERM));
    assert_eq!(rights(&path), (0o600, SHARED));
    // Root may, with the same journal, or with that of the undo.
    let (_, left) = apply(Changes::Journal(journal), &shared.journal(3)).unwrap();
    assert_eq!((left, rights(&path)), (vec![], (0o600, 0)));
}
