//! The largest directories, by bytes and by entries, as a tree.
//!
//! Owns two lists of the `N_MAX` largest. Each is closed upwards: the sums of a directory are never
//! less than those of one in it, and of equal ones the upper counts as larger. Of others that are
//! equal a hash decides that has no secret, so that the same ones are there after every walk; in
//! the list that people read it is the path. So at the end the
//! directory above each one is there, too, whatever the order in which they came, and what is known
//! of a directory is its name and the hashes of its path and of that above. Whole paths are not
//! kept: those of 10,000 directories in one another take 100 MB and more.

use super::dir::{Dir, DirFacts, count};
use super::mains::Mains;
use super::paths::shown;
use super::sums::allocated;
use super::{LargeTree, Text, TreeRow};
use foldhash::quality::FixedState;
use pwalk_engine::lock;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Directories in each of the two lists, and in the tree that is made of them.
const N_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Trees {
    /// Bytes and entries that a directory must not be below. They only grow, so old values let one
    /// in too many to the lock.
    least: [AtomicU64; 2],
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    nodes: HashMap<u64, Node>,
    /// By bytes and by entries.
    lists: [BTreeSet<Rank>; 2],
}

/// The measure, the depth, a hash of the path that is always the same, and the hash that directories
/// are known by; the largest is the last.
type Rank = (u64, Reverse<i32>, u64, u64);

#[derive(Debug)]
struct Node {
    /// The hash of the path of the directory that it is in.
    above: Option<u64>,
    depth: i32,
    /// A hash of the path that is always the same.
    tie: u64,
    name: Box<[u8]>,
    n_lists: u8,
    row: TreeRow,
    files: u64,
    errors: u64,
}

impl Trees {
    pub(crate) fn new() -> Trees {
        Trees { least: Default::default(), held: Mutex::default() }
    }

    /// Holds a directory if it is one of the largest so far.
    pub(crate) fn offer(&self, dir: &Dir<'_>) {
        let measures = [dir.facts.bytes(), dir.facts.entries()];
        let is_in = |(measure, least): (&u64, &AtomicU64)| *measure >= least.load(Relaxed);
        if !measures.iter().zip(&self.least).any(is_in) {
            return;
        }
        let tie = FixedState::default().hash_one(dir.facts.path);
        let mut held = lock(&self.held);
        for (list, measure) in measures.into_iter().enumerate() {
            held.offer(list, (measure, Reverse(dir.facts.depth), tie, dir.hash), dir);
            if let Some(least) =
                held.lists[list].first().filter(|_| held.lists[list].len() >= N_MAX)
            {
                self.least[list].store(least.0, Relaxed);
            }
        }
    }

    /// The largest of both lists by their share of the whole, parents before their children, and
    /// the `top` largest by bytes.
    pub(crate) fn finish(self, top: usize, mains: &Mains) -> (Vec<TreeRow>, Vec<LargeTree>) {
        let held = self.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Held { nodes, lists: [by_bytes, _] } = held;
        let largest = largest(&nodes, &by_bytes, top);
        (tree(nodes, mains), largest)
    }
}

impl Held {
    fn offer(&mut self, list: usize, rank: Rank, dir: &Dir<'_>) {
        let ranks = &mut self.lists[list];
        let is_full = ranks.len() >= N_MAX;
        if is_full && ranks.first().is_some_and(|least| rank < *least) || !ranks.insert(rank) {
            return;
        }
        let (.., tie, hash) = rank;
        self.nodes.entry(hash).or_insert_with(|| Node::new(dir, tie)).n_lists += 1;
        if is_full && let Some((.., least)) = self.lists[list].pop_first() {
            self.let_go(least);
        }
    }

    fn let_go(&mut self, hash: u64) {
        if let Some(node) = self.nodes.get_mut(&hash) {
            node.n_lists -= 1;
            if node.n_lists == 0 {
                self.nodes.remove(&hash);
            }
        }
    }
}

impl Node {
    fn new(dir: &Dir<'_>, tie: u64) -> Node {
        let DirFacts { depth, totals, uid, own_bytes, own_entries, .. } = dir.facts;
        Node {
            above: dir.above,
            depth,
            tie,
            name: dir.facts.name().into(),
            n_lists: 0,
            row: TreeRow {
                path: Text::default(),
                parent: None,
                bytes: dir.facts.bytes(),
                entries: dir.facts.entries(),
                allocated_bytes: totals.blocks.map(allocated),
                atime: totals.atime,
                mtime: totals.mtime,
                uid,
                extension: None,
                own_bytes,
                own_entries,
            },
            files: count(totals.files),
            errors: count(totals.errors),
        }
    }
}

/// The largest by bytes. Of equal ones those nearer to the roots come first, then those whose paths
/// do: paths are put together for as many as are equal to the last one of the list, and no more.
fn largest(nodes: &HashMap<u64, Node>, ranks: &BTreeSet<Rank>, top: usize) -> Vec<LargeTree> {
    let mut found = Vec::new();
    let mut ranks = ranks.iter().rev().peekable();
    while let Some((bytes, depth, ..)) = ranks.peek().filter(|_| found.len() < top) {
        let (start, equal) = (found.len(), (*bytes, *depth));
        while let Some((.., hash)) = ranks.next_if(|rank| (rank.0, rank.1) == equal) {
            found.extend(large_tree(nodes, *hash));
        }
        found[start..].sort_by(|one: &LargeTree, other| one.path.cmp(&other.path));
    }
    found.truncate(top);
    found
}

/// A directory with its path; `None` if one above it is missing: in a saved scan that lacks rows.
fn large_tree(nodes: &HashMap<u64, Node>, hash: u64) -> Option<LargeTree> {
    let Node { row, files, errors, .. } = nodes.get(&hash)?;
    Some(LargeTree {
        path: path(nodes, hash)?,
        entries: row.entries,
        files: *files,
        bytes: row.bytes,
        allocated_bytes: row.allocated_bytes,
        mtime: row.mtime,
        errors: *errors,
    })
}

fn path(nodes: &HashMap<u64, Node>, hash: u64) -> Option<Text> {
    let mut names = Vec::new();
    let mut next = Some(hash);
    while let Some(hash) = next {
        // No chain is longer than there are directories, whatever hashes are equal.
        let node = nodes.get(&hash).filter(|_| names.len() < nodes.len())?;
        names.push(&*node.name);
        next = node.above;
    }
    names.reverse();
    // The root may be `/`.
    let mut path = names[0].to_vec();
    for name in &names[1..] {
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    Some(shown(&path))
}

fn tree(mut nodes: HashMap<u64, Node>, mains: &Mains) -> Vec<TreeRow> {
    let roots = nodes.values().filter(|node| node.above.is_none());
    let (bytes, entries) = roots.fold((1.0, 1.0), |(bytes, entries): (f64, f64), node| {
        (bytes + node.row.bytes as f64, entries + node.row.entries as f64)
    });
    // Shares of what is all for everybody, and so in the order of what is shared.
    let share =
        |node: &Node| (node.row.bytes as f64 / bytes).max(node.row.entries as f64 / entries);
    let mut order: Vec<_> =
        nodes.iter().map(|(hash, node)| (*hash, share(node), (node.depth, node.tie))).collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.2.cmp(&other.2)));
    order.truncate(N_MAX);
    // Parents first; of one depth the largest.
    order.sort_by_cached_key(|(hash, _, (depth, tie))| {
        let Node { row, name, .. } = &nodes[hash];
        (*depth, Reverse(row.bytes), Reverse(row.entries), name.clone(), *tie)
    });
    let mut places = HashMap::new();
    let mut rows = Vec::new();
    for (hash, _, _) in order {
        let Some(Node { above, name, mut row, .. }) = nodes.remove(&hash) else { continue };
        row.parent = above.and_then(|above| places.get(&above).copied());
        if above.is_some() && row.parent.is_none() {
            continue;
        }
        (row.path, row.extension) = (shown(&name), mains.get(hash));
        places.insert(hash, rows.len());
        rows.push(row);
    }
    rows
}
