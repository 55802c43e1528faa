//! Plans of random trees are those of a reference of ten lines; applied and taken back, nothing is left
//! of them.

use crate::harness::{State, apply, config, plan, states};
use proptest::prelude::*;
use pwalk::repair::Changes;
use pwalk_testkit::privileges::{Need, requires};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// An entry of a random tree.
#[derive(Clone, Debug)]
struct Node {
    /// Which of the directories so far it is in.
    parent: usize,
    is_dir: bool,
    mode: u32,
    uid: u32,
    gid: u32,
}

const LISTED: u32 = 300;

fn node() -> impl Strategy<Value = Node> {
    let modes = prop_oneof![0..0o10000u32, Just(0o644), Just(0o2775), Just(0o700)];
    let uids = prop::sample::select(vec![0u32, 100, 200]);
    let gids = prop::sample::select(vec![0u32, 100, 200, LISTED, 400, 500]);
    (any::<prop::sample::Index>(), any::<bool>(), modes, uids, gids).prop_map(
        |(parent, is_dir, mode, uid, gid)| {
            let parent = parent.index(1000);
            Node { parent, is_dir, mode, uid, gid }
        },
    )
}

/// Makes the tree. Modes and groups come last, the deepest first.
fn make(root: &Path, nodes: &[Node]) {
    let (mut dirs, mut made) = (vec![root.to_owned()], Vec::new());
    for (number, node) in nodes.iter().enumerate() {
        let path = dirs[node.parent % dirs.len()].join(format!("e{number}"));
        if node.is_dir {
            fs::create_dir(&path).unwrap();
            dirs.push(path.clone());
        } else {
            fs::write(&path, "x").unwrap();
        }
        made.push((path, node));
    }
    for (path, node) in made {
        chown(&path, Some(node.uid), Some(node.gid)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(node.mode)).unwrap();
    }
}

/// What an entry should be: mode and group. The reference, written from the words of the issue.
fn right(path: &Path, tree: &BTreeMap<PathBuf, State>, top: u32, writes: bool) -> (u32, u32) {
    let old = &tree[path];
    let is_bad = |state: &State| state.gid == 0 || state.gid == state.uid || state.gid == LISTED;
    let above = path.ancestors().skip(1).map_while(|above| tree.get(above));
    let group = above.filter(|dir| !is_bad(dir)).map(|dir| dir.gid).next().unwrap_or(top);
    let gid = if is_bad(old) { group } else { old.gid };
    let (is_dir, bits) = (old.mode & 0o170000 == 0o040000, old.mode & 0o7777);
    let mut mode = bits | 0o040 | if is_dir { 0o2010 } else { 0 } | if writes { 0o020 } else { 0 };
    mode |= if bits & 0o100 != 0 { 0o010 } else { 0 };
    let is_set_id = !is_dir && bits & 0o6000 != 0;
    if is_set_id { (bits, old.gid) } else { (mode, gid) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_plan_is_that_of_the_reference_and_what_was_applied_can_be_taken_back(
        nodes in prop::collection::vec(node(), 0..60),
        writes in any::<bool>(),
        top in prop::sample::select(vec![400u32, 500]),
    ) {
        if !requires(Need::Root) {
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        // The group above the path.
        chown(&folder, Some(0), Some(top)).unwrap();
        let root = folder.join("root");
        fs::create_dir(&root).unwrap();
        make(&root, &nodes);
        let before = states(&root);

        let mut config = config(&root);
        (config.change_gids, config.group_writable) = (vec![LISTED], writes);
        let planned = plan(&config).unwrap();
        let (applied, left) = apply(Changes::Table(planned.changes, root.clone()), &folder.join("j1")).unwrap();
        prop_assert_eq!(left, []);
        let after = states(&root);
        let mut n_changed = 0;
        for (path, old) in &before {
            let new = &after[path];
            let expected = right(path, &before, top, writes);
            prop_assert_eq!((new.mode & 0o7777, new.gid), expected, "{:?} {:?}", path, old);
            prop_assert_eq!((new.uid, new.mode >> 12), (old.uid, old.mode >> 12));
            if (old.mode & 0o7777, old.gid) == expected {
                prop_assert_eq!(new.ctime, old.ctime, "{:?} was right and is touched", path);
            } else {
                n_changed += 1;
            }
        }
        prop_assert_eq!((planned.said.changes, applied.changed), (n_changed, n_changed));
        let again = plan(&config).unwrap();
        prop_assert_eq!((again.said.changes, again.left), (0, planned.left));

        if n_changed > 0 {
            let journal = folder.join("j1");
            let (undone, left) = apply(Changes::Journal(journal), &folder.join("j2")).unwrap();
            prop_assert_eq!((undone.changed, left), (n_changed, vec![]));
        }
        for (path, state) in states(&root) {
            let old = &before[&path];
            prop_assert_eq!((state.mode, state.gid), (old.mode, old.gid), "{:?}", path);
        }
    }
}
