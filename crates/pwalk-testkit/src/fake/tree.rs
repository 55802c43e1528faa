//! The tree itself: nodes with names, inodes, children and targets, and the way from a path to
//! a node.
//!
//! Knows nothing of faults and of who reads it. Directories may hold, besides stored nodes, any
//! number of generated ones, which cost no memory.

use pwalk_engine::{Errno, FileId, Kind, Links, Stat};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// The number of a stored node. 0 is `/`.
pub type NodeId = usize;

/// A node: one that is stored, or one that its directory makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeRef {
    /// Stored in the tree.
    Stored(NodeId),
    /// The entry number `index` of those that `dir` generates.
    Generated {
        /// The directory.
        dir: NodeId,
        /// From 0.
        index: u64,
    },
}

/// Symbolic links that one resolution follows. Source: path_resolution(7).
const N_HOPS_MAX: u32 = 40;

/// An in-memory tree. Paths start at `/`, with or without saying so.
#[derive(Clone)]
pub struct FakeTree {
    nodes: Vec<Node>,
}

#[derive(Clone)]
struct Node {
    name: Vec<u8>,
    /// The directory that it stands in; `/` stands in itself.
    parent: NodeId,
    /// Its inode; the mode says its kind.
    stat: Stat,
    /// Where a link points to; empty for all others.
    target: Vec<u8>,
    /// Entries in the order in which reads bring them.
    children: Vec<NodeId>,
    by_name: HashMap<Vec<u8>, NodeId>,
    /// Entries that follow the stored ones.
    n_generated: u64,
    /// Their kind.
    generated_kind: Kind,
}

impl Default for FakeTree {
    fn default() -> Self {
        let mut tree = FakeTree { nodes: Vec::new() };
        tree.push_node(b"", 0, Kind::Dir);
        tree
    }
}

impl FakeTree {
    /// A tree of these entries. A path with a closing slash is a directory, `path -> target` a
    /// link, anything else a file.
    pub fn of<P: AsRef<str>>(entries: &[P]) -> FakeTree {
        let mut tree = FakeTree::default();
        for entry in entries.iter().map(P::as_ref) {
            match (entry.split_once(" -> "), entry.strip_suffix('/')) {
                (Some((path, target)), _) => _ = tree.add_link(path, target),
                (None, Some(path)) => _ = tree.add_dir(path),
                (None, None) => _ = tree.add(entry, Kind::File),
            }
        }
        tree
    }

    /// The number of stored nodes, `/` included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: there is `/`.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a directory, and those that are missing above it; one that exists is returned.
    pub fn add_dir(&mut self, path: impl AsRef<[u8]>) -> NodeId {
        let names = path.as_ref().split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        names.fold(0, |dir, name| match self.nodes[dir].by_name.get(name) {
            Some(&found) => found,
            None => self.add_in(dir, name, Kind::Dir),
        })
    }

    /// Adds an entry, and the directories that are missing above it.
    pub fn add(&mut self, path: impl AsRef<[u8]>, kind: Kind) -> NodeId {
        let path = path.as_ref();
        let cut = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let dir = self.add_dir(&path[..cut]);
        self.add_in(dir, &path[cut..], kind)
    }

    /// Adds a symbolic link.
    pub fn add_link(&mut self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> NodeId {
        let id = self.add(path, Kind::Symlink);
        self.set_target(id, target);
        id
    }

    /// Adds an entry to a stored directory.
    ///
    /// # Panics
    ///
    /// If it is no directory, has the name already, or the name can't be one.
    pub fn add_in(&mut self, dir: NodeId, name: &[u8], kind: Kind) -> NodeId {
        assert_eq!(self.kind(dir), Kind::Dir, "{} is no directory", self.shown(dir));
        assert!(!name.is_empty() && !name.contains(&b'/') && !name.contains(&0), "{name:?}");
        let id = self.push_node(name, dir, kind);
        let former = self.nodes[dir].by_name.insert(name.to_vec(), id);
        assert_eq!(former, None, "{} stands twice", self.shown(id));
        self.nodes[dir].children.push(id);
        id
    }

    /// Adds one more name for a file.
    pub fn add_hard_link(&mut self, dir: NodeId, name: &[u8], file: NodeId) -> NodeId {
        let id = self.add_in(dir, name, self.kind(file));
        self.nodes[id].stat = self.nodes[file].stat;
        let inode = self.nodes[file].stat.id();
        for node in self.nodes.iter_mut().filter(|node| node.stat.id() == inode) {
            node.stat.nlink += 1;
        }
        id
    }

    /// Lets a directory hold `n` generated entries behind the stored ones. Generated
    /// directories are empty.
    pub fn generate(&mut self, dir: NodeId, n: u64, kind: Kind) {
        (self.nodes[dir].n_generated, self.nodes[dir].generated_kind) = (n, kind);
    }

    /// Sets where a link points to.
    pub fn set_target(&mut self, link: NodeId, target: impl AsRef<[u8]>) {
        self.nodes[link].target = target.as_ref().to_vec();
    }

    /// True if a directory stores an entry of that name.
    pub fn has(&self, dir: NodeId, name: &[u8]) -> bool {
        self.nodes[dir].by_name.contains_key(name)
    }

    /// The inode of a stored node.
    pub fn stat(&self, id: NodeId) -> &Stat {
        &self.nodes[id].stat
    }

    /// The same, to change it. A change of the kind takes no children away.
    pub fn stat_mut(&mut self, id: NodeId) -> &mut Stat {
        &mut self.nodes[id].stat
    }

    /// Puts a node and everything below it on a device.
    pub fn set_device(&mut self, id: NodeId, dev: u64) {
        let mut pile = vec![id];
        while let Some(id) = pile.pop() {
            self.nodes[id].stat.dev = dev;
            pile.extend(&self.nodes[id].children);
        }
    }

    /// The kind of a stored node.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.nodes[id].stat.kind()
    }

    /// Where a link points to.
    pub fn target(&self, node: NodeRef) -> &[u8] {
        match node {
            NodeRef::Stored(id) => &self.nodes[id].target,
            NodeRef::Generated { .. } => b"",
        }
    }

    /// The path of a stored node.
    pub fn path(&self, id: NodeId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = id;
        while at != 0 {
            names.push(&*self.nodes[at].name);
            at = self.nodes[at].parent;
        }
        names.push(b"");
        names.reverse();
        if id == 0 { b"/".to_vec() } else { names.join(&b'/') }
    }

    /// The stored node at a path.
    ///
    /// # Panics
    ///
    /// If there is none: the path is written into a test.
    #[track_caller]
    pub fn at(&self, path: &str) -> NodeId {
        match self.resolve(NodeRef::Stored(0), path.as_bytes(), Links::Keep) {
            Ok(NodeRef::Stored(id)) => id,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// The inode of a node.
    pub fn inode(&self, node: NodeRef) -> Stat {
        match node {
            NodeRef::Stored(id) => self.nodes[id].stat,
            NodeRef::Generated { dir, index } => {
                let Node { stat, generated_kind, .. } = &self.nodes[dir];
                let ino = (dir as u64 + 1) << 40 | index;
                stat_of_kind(FileId { dev: stat.dev, ino }, *generated_kind)
            }
        }
    }

    /// The entry at a place of a directory: its node and its name.
    pub fn entry(&self, dir: NodeRef, place: u64) -> Option<(NodeRef, Cow<'_, [u8]>)> {
        let NodeRef::Stored(dir) = dir else { return None };
        let Node { children, n_generated, .. } = &self.nodes[dir];
        let n_stored = children.len() as u64;
        if place < n_stored {
            let id = children[place as usize];
            return Some((NodeRef::Stored(id), Cow::Borrowed(&self.nodes[id].name)));
        }
        let index = place - n_stored;
        let name = (index < *n_generated).then(|| format!("g{index:08}").into_bytes());
        name.map(|name| (NodeRef::Generated { dir, index }, Cow::Owned(name)))
    }

    fn child(&self, dir: NodeRef, name: &[u8]) -> Option<NodeRef> {
        let NodeRef::Stored(dir) = dir else { return None };
        let node = &self.nodes[dir];
        node.by_name.get(name).map(|&id| NodeRef::Stored(id)).or_else(|| {
            let digits = std::str::from_utf8(name.strip_prefix(b"g")?).ok()?;
            let index = digits.parse().ok()?;
            (index < node.n_generated).then_some(NodeRef::Generated { dir, index })
        })
    }

    /// The node that a path leads to, from the directory `start` if the path is relative.
    pub fn resolve(&self, start: NodeRef, path: &[u8], links: Links) -> Result<NodeRef, Errno> {
        let mut at = start;
        // Components still to come, the next one last.
        let mut rest = Vec::new();
        let mut n_hops = 0;
        begin(path, &mut at, &mut rest)?;
        while let Some(name) = rest.pop() {
            let next = self.step(at, name)?;
            let is_meant = rest.is_empty() && links == Links::Keep;
            if is_meant || self.inode(next).kind() != Kind::Symlink {
                at = next;
                continue;
            }
            n_hops += 1;
            if n_hops > N_HOPS_MAX {
                return Err(Errno::LOOP);
            }
            begin(self.target(next), &mut at, &mut rest)?;
        }
        Ok(at)
    }

    fn step(&self, at: NodeRef, name: &[u8]) -> Result<NodeRef, Errno> {
        if self.inode(at).kind() != Kind::Dir {
            return Err(Errno::NOTDIR);
        }
        match (name, at) {
            (b".", _) => Ok(at),
            (b"..", NodeRef::Stored(id)) => Ok(NodeRef::Stored(self.nodes[id].parent)),
            (b"..", NodeRef::Generated { dir, .. }) => Ok(NodeRef::Stored(dir)),
            _ => self.child(at, name).ok_or(Errno::NOENT),
        }
    }

    fn push_node(&mut self, name: &[u8], parent: NodeId, kind: Kind) -> NodeId {
        let id = self.nodes.len();
        let dev = self.nodes.get(parent).map_or(1, |node| node.stat.dev);
        self.nodes.push(Node {
            name: name.to_vec(),
            parent,
            stat: stat_of_kind(FileId { dev, ino: 100 + id as u64 }, kind),
            target: Vec::new(),
            children: Vec::new(),
            by_name: HashMap::new(),
            n_generated: 0,
            generated_kind: Kind::File,
        });
        id
    }

    fn shown(&self, id: NodeId) -> String {
        let Node { stat, target, n_generated, .. } = &self.nodes[id];
        let mut text = format!("{}: {}", self.path(id).escape_ascii(), stat.kind().name());
        if stat.kind() == Kind::Symlink {
            text += &format!(" -> {}", target.escape_ascii());
        }
        if *n_generated > 0 {
            text += &format!(" of {n_generated} generated");
        }
        text
    }
}

impl fmt::Debug for FakeTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|id| self.shown(id))).finish()
    }
}

/// Puts a path's components before those that are still to come.
fn begin<'p>(path: &'p [u8], at: &mut NodeRef, rest: &mut Vec<&'p [u8]>) -> Result<(), Errno> {
    match path.first() {
        None => return Err(Errno::NOENT),
        Some(b'/') => *at = NodeRef::Stored(0),
        Some(_) => {}
    }
    rest.extend(path.split(|&byte| byte == b'/').rev().filter(|name| !name.is_empty()));
    Ok(())
}

/// An inode in which every field differs from inode to inode, times before 1970 included.
fn stat_of_kind(id: FileId, kind: Kind) -> Stat {
    let n = (id.ino % 1_000_000) as i64;
    let type_bits: u32 = match kind {
        Kind::Fifo => 0o01,
        Kind::Char => 0o02,
        Kind::Dir => 0o04,
        Kind::Block => 0o06,
        Kind::File => 0o10,
        Kind::Symlink => 0o12,
        Kind::Socket => 0o14,
        Kind::Unknown => 0,
    };
    Stat {
        ino: id.ino,
        dev: id.dev,
        size: n * 37 % 5001,
        blocks: n % 11 * 8,
        mode: type_bits << 12 | 0o700 | n as u32 & 0o77,
        nlink: 1,
        uid: 1000 + n as u32 % 7,
        gid: 2000 + n as u32 % 5,
        atime: n * 1000 - 120_000,
        mtime: n * 1001 - 130_000,
        ctime: n * 1002 - 140_000,
        btime: Some(n * 1003 - 150_000),
        nanos: [1, 2, 3, 4].map(|k| (n as u32 * k) % 1_000_000_000),
        rdev: if matches!(kind, Kind::Char | Kind::Block) { n as u64 } else { 0 },
        blksize: 4096 + n as u32,
        is_automount: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_kernel_would_lead() {
        let tree = FakeTree::of(&[
            "r/a/f",
            "r/up -> ..",
            "r/abs -> /r/a",
            "r/a/side -> ../abs/f",
            "r/self -> self",
            "r/none -> nothing",
        ]);
        let resolve = |path: &str, links| tree.resolve(NodeRef::Stored(0), path.as_bytes(), links);
        let cases = [
            ("/", Ok("/")),
            ("r/a/", Ok("/r/a")),
            ("r/up/r/a/f", Ok("/r/a/f")),
            ("r/abs/./side", Ok("/r/a/f")),
            ("r/self", Err(Errno::LOOP)),
            ("r/none", Err(Errno::NOENT)),
            ("r/a/f/x", Err(Errno::NOTDIR)),
            ("", Err(Errno::NOENT)),
        ];
        for (path, expected) in cases {
            let expected = expected.map(|path| NodeRef::Stored(tree.at(path)));
            assert_eq!(resolve(path, Links::Follow), expected, "{path}");
        }
        assert_eq!(resolve("r/none", Links::Keep), Ok(NodeRef::Stored(tree.at("r/none"))));
    }

    #[test]
    fn generated_entries_follow_the_stored_ones_and_are_found_by_name() {
        let mut tree = FakeTree::of(&["r/f"]);
        tree.generate(tree.at("r"), 30_000_000, Kind::Dir);
        let dir = NodeRef::Stored(tree.at("r"));
        for place in [0, 1, 77, 30_000_000] {
            let (node, name) = tree.entry(dir, place).unwrap();
            assert_eq!(tree.child(dir, &name), Some(node));
        }
        assert_eq!(tree.entry(dir, 30_000_001), None);
        assert_eq!(tree.child(dir, b"g30000000"), None);
    }
}
