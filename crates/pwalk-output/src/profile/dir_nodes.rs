//! Directories as a tree of names, each with the sums of its direct entries.
//!
//! A directory is found by a hash of 64 bits under a random key, without a look at the names: two
//! directories of one table that share it are not to be expected, nor can they be made up. Those whose
//! names differ only in invalid UTF-8 are one in a CSV, which is noticed by their inodes.

use super::paths::is_inexact;
use super::trail::Trail;
use foldhash::{fast, quality};
use memchr::{memchr, memrchr, memrchr_iter};
use pwalk_engine::{EntryError, Operation, TreeSums};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::iter::successors;

/// The parent of a root.
pub(crate) const NONE: u32 = u32::MAX;

/// What is known of the directories of a table.
#[derive(Default)]
pub(crate) struct Dirs {
    /// Parents come before what is in them.
    pub(crate) nodes: Vec<Node>,
    /// Names of all nodes; a root's is its path.
    names: Vec<u8>,
    /// Nodes by the hash of their parent and name.
    places: HashMap<u64, u32, fast::RandomState>,
    hasher: quality::RandomState,
    trail: Trail,
    pub(crate) n_max: usize,
    pub(crate) is_folded: bool,
    /// One node is of several directories.
    pub(crate) is_merged: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) parent: u32,
    /// Where its name is in `names`.
    start: usize,
    len: u32,
    /// 0 if it is not known.
    inode: u64,
    pub(crate) uid: Option<u32>,
    /// It has a row, which says that it was read.
    pub(crate) is_read: bool,
    /// Of its direct entries.
    pub(crate) own: TreeSums,
    /// Of what was below it and is no longer kept by itself.
    folded: TreeSums,
}

impl Node {
    /// Of all that is in no other node below it.
    pub(crate) fn sums(&self) -> TreeSums {
        let mut sums = self.own;
        sums.add(&self.folded);
        sums
    }
}

impl Dirs {
    /// None yet, to be folded beyond so many.
    pub(crate) fn with_max(n_max: usize) -> Dirs {
        Dirs { n_max, ..Dirs::default() }
    }

    /// The node of a directory, given its path with a closing slash and its depth, -1 for a root.
    pub(crate) fn enter(&mut self, path: &[u8], depth: i32) -> u32 {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let n_names = usize::try_from(depth.saturating_add(1)).unwrap_or(0);
        let (mut node, mut names) = match self.trail.back_to(path, n_names) {
            Some(found) => found,
            None => {
                // As many names at the end as the depth says are below the root.
                let slashes = memrchr_iter(b'/', path).take(n_names);
                let (root, names) = path.split_at(slashes.last().unwrap_or(path.len()));
                // The C pwalk has `data/` and `data//name` for a root that was given as `data/`.
                let len = root.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
                let node = self.below(NONE, &root[..len]);
                self.trail.go_on(root, node);
                (node, names)
            }
        };
        while let Some((_slash, rest)) = names.split_first() {
            let len = 1 + memchr(b'/', rest).unwrap_or(rest.len());
            let (name, others) = names.split_at(len);
            node = self.below(node, &name[1..]);
            self.trail.go_on(name, node);
            names = others;
        }
        node
    }

    /// Notices that a node is another directory, too.
    pub(crate) fn meet(&mut self, node: u32, inode: u64) {
        let known = &mut self.nodes[node as usize].inode;
        if *known == 0 {
            *known = inode;
        } else if inode != 0 && *known != inode && !self.is_merged {
            // Others may have changed during the walk, or be mount points.
            let above =
                |node: &u32| Some(self.nodes[*node as usize].parent).filter(|up| *up != NONE);
            let mut way = successors(Some(node), above);
            self.is_merged = way.any(|node| is_inexact(self.name(&self.nodes[node as usize])));
        }
    }

    /// Adds to what a directory is in, if it is not a root.
    pub(crate) fn add_above(&mut self, node: u32, sums: &TreeSums) {
        let parent = self.nodes[node as usize].parent;
        if parent != NONE {
            self.nodes[parent as usize].own.add(sums);
        }
    }

    /// Counts what could not be seen: in the directory that could not be read, or that it is in.
    pub(crate) fn fail(&mut self, error: &EntryError) {
        let EntryError { operation, path, depth, errno: _ } = error;
        let node = match (operation, memrchr(b'/', path)) {
            (Operation::Open | Operation::Read, _) | (_, None) => self.enter(path, *depth),
            (_, Some(_)) if *depth < 0 => self.enter(path, *depth),
            (_, Some(slash)) => self.enter(&path[..slash], *depth - 1),
        };
        self.nodes[node as usize].own.n_errors += 1;
    }

    /// The node of this name in a directory.
    pub(crate) fn below(&mut self, parent: u32, name: &[u8]) -> u32 {
        let hash = self.hasher.hash_one((parent, name));
        if let Some(place) = self.places.get(&hash) {
            return *place;
        }
        let place = self.nodes.len() as u32;
        self.push(
            hash,
            Node {
                parent,
                start: self.names.len(),
                len: name.len() as u32,
                inode: 0,
                uid: None,
                is_read: false,
                own: TreeSums::default(),
                folded: TreeSums::default(),
            },
        );
        self.names.extend_from_slice(name);
        place
    }

    fn push(&mut self, hash: u64, node: Node) {
        self.places.insert(hash, self.nodes.len() as u32);
        self.nodes.push(node);
    }

    fn name(&self, node: &Node) -> &[u8] {
        &self.names[node.start..node.start + node.len as usize]
    }

    /// Calls for each node after that of the directory that it is in, with its path, which has a
    /// closing slash, and its depth.
    pub(crate) fn each_path(&self, mut each: impl FnMut(usize, &[u8], i32)) {
        let mut first_in = vec![NONE; self.nodes.len()];
        let mut next = vec![NONE; self.nodes.len()];
        // Places of nodes, each with the length of the path that it is in, and its depth.
        let mut waiting = Vec::new();
        for (place, node) in self.nodes.iter().enumerate().rev() {
            match first_in.get_mut(node.parent as usize) {
                Some(first) => next[place] = std::mem::replace(first, place as u32),
                None => waiting.push((place, 0, -1)),
            }
        }
        let mut path = Vec::new();
        while let Some((place, above_len, depth)) = waiting.pop() {
            path.truncate(above_len);
            path.extend_from_slice(self.name(&self.nodes[place]));
            path.push(b'/');
            each(place, &path, depth);
            let known = |place: u32| (place != NONE).then_some(place as usize);
            let inner = successors(known(first_in[place]), |place| known(next[*place]));
            waiting.extend(inner.map(|place| (place, path.len(), depth + 1)));
        }
    }

    /// Forgets the smaller half. A directory is at least as large as each below it, and comes first.
    pub(crate) fn fold(&mut self) {
        self.is_folded = true;
        let keys = self.shares();
        let mut order: Vec<u32> = (0..self.nodes.len() as u32).collect();
        let by_share = |a: &u32, b: &u32| {
            let shares = keys[*b as usize].total_cmp(&keys[*a as usize]);
            shares.then(a.cmp(b))
        };
        let n_kept = self.n_max / 2;
        order.select_nth_unstable_by(n_kept, by_share);
        let mut kept = order[..n_kept].to_vec();
        kept.sort_unstable();
        let mut is_kept = vec![false; self.nodes.len()];
        kept.iter().for_each(|&node| is_kept[node as usize] = true);
        for index in (0..self.nodes.len()).rev() {
            let node = self.nodes[index];
            if !is_kept[index] && node.parent != NONE {
                self.nodes[node.parent as usize].folded.add(&node.sums());
            }
        }
        self.keep(&kept);
    }

    /// Keeps these nodes only, which are in order, each with all above it.
    fn keep(&mut self, kept: &[u32]) {
        let old = std::mem::take(self);
        *self = Dirs { hasher: old.hasher.clone(), n_max: old.n_max, ..Dirs::default() };
        (self.is_folded, self.is_merged) = (true, old.is_merged);
        let mut moved = HashMap::from([(NONE, NONE)]);
        for &place in kept {
            let node = &old.nodes[place as usize];
            let new = self.below(moved[&node.parent], old.name(node));
            moved.insert(place, new);
            let Node { inode, uid, is_read, own, folded, .. } = *node;
            let node = &mut self.nodes[new as usize];
            *node = Node { inode, uid, is_read, own, folded, ..*node };
        }
    }

    /// The larger one of each node's shares of all bytes and of all entries.
    fn shares(&self) -> Vec<f64> {
        let mut sums: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                let sums = node.sums();
                ((sums.n_files + sums.n_dirs) as f64, sums.size as f64)
            })
            .collect();
        let mut all = (1.0, 1.0);
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let (entries, bytes) = sums[index];
            let above = sums.get_mut(node.parent as usize).unwrap_or(&mut all);
            *above = (above.0 + entries, above.1 + bytes);
        }
        sums.iter().map(|(entries, bytes)| (entries / all.0).max(bytes / all.1)).collect()
    }
}
