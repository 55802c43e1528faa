//! Generators of trees, faults and options for property tests.
//!
//! Owns the ranges: small trees with many kinds of trouble close together. What the generated
//! plans leave out stands here with its reason.

use super::expression::arb_expression;
use super::options::Options;
use super::plan::{Endless, Fail, FaultPlan, NodeFaults, ReadFault, Shortage};
use super::tree::{FakeTree, NodeId};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use pwalk_engine::{Errno, Fields, Kind};

/// The names that entries get, with a number where one is taken.
const NAMES: [&[u8]; 16] = [
    b"a",
    b"b",
    b"c.tmp",
    b"d.rs",
    b".hidden",
    b".snapshot",
    b".zfs",
    b"~snapshot",
    b" ",
    b"-",
    b"x\ny",
    b"\xff\xfe",
    b"\"q\"",
    b"a*",
    b"...",
    b"n1",
];

/// What an entry of a generated tree is.
#[derive(Clone, Copy, Debug)]
enum What {
    Node(Kind),
    /// One more name for a file.
    HardLink,
    /// A directory on another device.
    Mount,
}

/// Trees below `/r`, of up to some sixty entries.
pub fn arb_tree() -> impl Strategy<Value = FakeTree> {
    let entry = (any::<Index>(), arb_what(), select(&NAMES[..]), any::<Index>());
    let wide =
        weighted(0.3, (any::<Index>(), 0..60_u64, prop_oneof![Just(Kind::File), Just(Kind::Dir)]));
    (prop::collection::vec(entry, 0..60), wide).prop_map(|(entries, wide)| {
        let mut tree = FakeTree::default();
        let mut dirs = vec![tree.add_dir("/r")];
        let (mut files, mut mounts, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (dir, what, name, other)) in entries.into_iter().enumerate() {
            let dir = *dir.get(&dirs);
            let name = [name, format!("{}", number / 4).as_bytes()].concat();
            let name = if number % 4 == 0 { NAMES[number % 16].to_vec() } else { name };
            if tree.has(dir, &name) {
                continue;
            }
            match (what, files.is_empty()) {
                (What::HardLink, false) => _ = tree.add_hard_link(dir, &name, *other.get(&files)),
                (What::Node(Kind::Dir), _) => dirs.push(tree.add_in(dir, &name, Kind::Dir)),
                (What::Mount, _) => {
                    mounts.push(tree.add_in(dir, &name, Kind::Dir));
                    dirs.extend(mounts.last());
                }
                (What::Node(Kind::Symlink), _) => {
                    links.push((tree.add_in(dir, &name, Kind::Symlink), other));
                }
                (What::Node(Kind::File) | What::HardLink, _) => {
                    files.push(tree.add_in(dir, &name, Kind::File));
                }
                (What::Node(kind), _) => _ = tree.add_in(dir, &name, kind),
            }
        }
        finish(&mut tree, &mounts, &links);
        if let Some((dir, n, kind)) = wide {
            tree.generate(*dir.get(&dirs), n, kind);
        }
        tree
    })
}

/// Puts mounts on devices of their own, and lets links point to anything: one in eight to
/// nothing.
fn finish(tree: &mut FakeTree, mounts: &[NodeId], links: &[(NodeId, Index)]) {
    for (number, &mount) in mounts.iter().enumerate() {
        tree.set_device(mount, 2 + number as u64);
        tree.stat_mut(mount).is_automount = number % 3 == 2;
    }
    for (link, other) in links {
        let target = match other.index(8) {
            0 => b"nothing".to_vec(),
            _ => tree.path(other.index(tree.len())),
        };
        tree.set_target(*link, target);
    }
}

fn arb_what() -> impl Strategy<Value = What> {
    let special = select(vec![Kind::Fifo, Kind::Socket, Kind::Char, Kind::Block]);
    prop_oneof![
        6 => Just(What::Node(Kind::Dir)),
        8 => Just(What::Node(Kind::File)),
        2 => Just(What::Node(Kind::Symlink)),
        1 => Just(What::HardLink),
        1 => Just(What::Mount),
        1 => special.prop_map(What::Node),
    ]
}

/// Faults for a tree: of every sort, on up to a third of its nodes.
///
/// Left out: a lack of descriptors that never ends on one directory, since each costs a second.
pub fn arb_fault_plan(tree: &FakeTree) -> impl Strategy<Value = FaultPlan> + use<> {
    let n_nodes = tree.len();
    let nodes = prop::collection::btree_map(1..n_nodes.max(2), arb_node_faults(), 0..=n_nodes / 3);
    let shortage = weighted(0.15, (1..6_usize).prop_map(Shortage::Handles));
    let n_per_read = weighted(0.6, 1..8_usize);
    let parts = (nodes, n_per_read, any::<[bool; 3]>(), shortage, weighted(0.5, any::<u64>()));
    parts.prop_map(|(nodes, n_per_read, coins, shortage, delays)| {
        let all_unknown = coins == [true; 3];
        FaultPlan { nodes, n_per_read, all_unknown, shortage, delays, ..FaultPlan::default() }
    })
}

fn arb_node_faults() -> impl Strategy<Value = NodeFaults> {
    let read = (0..12_u64, arb_fail()).prop_map(|(after, fail)| ReadFault { after, fail });
    let told = select(&Kind::ALL[..]);
    let endless = prop_oneof![Just(Endless::Cycle), Just(Endless::Empty)];
    let parts = (
        weighted(0.2, arb_fail()),
        weighted(0.25, read),
        weighted(0.2, arb_fail()),
        weighted(0.2, arb_fail()),
        weighted(0.15, told),
        weighted(0.2, 0..10_u64),
        weighted(0.3, 1..5_usize),
        [0.2, 0.3, 0.1].map(prop::bool::weighted),
        weighted(0.05, endless),
    );
    parts.prop_map(
        |(open, read, stat, read_link, listed_as, unknown_after, n_per_read, flags, endless)| {
            let [repeats, is_deleted, stutters] = flags;
            // Of an error amid repetitions, patience decides how many are seen.
            let stutters = stutters && read.is_none();
            NodeFaults {
                hangs: None,
                open,
                open_panics: None,
                read,
                stat,
                read_link,
                listed_as,
                unknown_after,
                n_per_read,
                repeats,
                endless,
                is_deleted,
                stutters,
            }
        },
    )
}

/// A lack of descriptors goes away after a few tries.
fn arb_fail() -> impl Strategy<Value = Fail> {
    let errnos = [Errno::ACCESS, Errno::IO, Errno::NOENT, Errno::STALE, Errno::INTR, Errno::NOTDIR];
    let n_times = prop_oneof![1..4_u32, Just(u32::MAX)];
    let fail =
        (select(errnos.to_vec()), n_times).prop_map(|(errno, n_times)| Fail { errno, n_times });
    let no_descriptor = (1..4_u32).prop_map(|n| Fail::times(Errno::MFILE, n));
    prop_oneof![8 => fail, 1 => no_descriptor]
}

/// Options of all sorts, but for links that are followed and lists of paths, which depend on
/// the tree.
pub fn arb_options() -> impl Strategy<Value = Options> {
    let fields = prop_oneof![
        4 => Just(Fields::REPORT),
        2 => Just(Fields::empty()),
        1 => Just(Fields::all()),
        1 => Just(Fields::TARGET | Fields::KIND),
        1 => Just(Fields::SIZE),
        2 => Just(Fields::REPORT | Fields::TREE),
        1 => Just(Fields::KIND | Fields::TREE),
    ];
    let excludes: [&[&str]; 8] =
        [&[], &[], &[], &["*.tmp*"], &["a*/"], &["**/b*", "!b1"], &["/a"], &["*/a*", "!a?", "a"]];
    let roots: [&[&str]; 4] = [&["/r"], &["r/"], &["/"], &["/r", "/missing"]];
    let parts = (
        fields,
        any::<bool>(),
        prop::bool::weighted(0.3),
        weighted(0.3, 0..5_u32),
        select(excludes.to_vec()),
        select(roots.to_vec()),
        weighted(0.3, arb_expression()),
    );
    parts.prop_map(|parts| {
        let (fields, walks_snapshots, one_file_system, max_depth, excludes, roots, condition) =
            parts;
        Options {
            roots: roots.iter().map(|root| root.as_bytes().to_vec()).collect(),
            fields,
            walks_snapshots,
            one_file_system,
            max_depth,
            excludes: excludes.iter().map(|&pattern| pattern.to_owned()).collect(),
            condition,
            ..Options::default()
        }
    })
}
