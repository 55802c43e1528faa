//! `os.walk` as its documentation tells it: a recursion that reads one directory after the other.
//!
//! Owns the second opinion on the order, on what is entered, and on what an error is. Reads
//! through a fake source of its own, which has the same faults, but never too few descriptors.

use pwalk_engine::{At, Child, Errno, Fields, Kind, Links, Listing, Order, SNAPSHOT_NAMES, Source};
use pwalk_testkit::fake::{FakeSource, FakeTree, FaultPlan};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What the consumer was told of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) path: Vec<u8>,
    pub(super) dirs: Vec<Vec<u8>>,
    /// Everything else, or the error.
    pub(super) others: Result<Vec<Vec<u8>>, Errno>,
}

/// What is walked, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) order: Order,
    pub(super) links: Links,
    pub(super) links_are_files: bool,
    pub(super) walks_snapshots: bool,
    pub(super) consumer: Consumer,
    /// Directories and errors after which the consumer has seen enough.
    pub(super) n_visits_max: usize,
}

/// What the consumer does with the subdirectories that it is shown: a pure function of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Consumer {
    /// Takes all, as they come.
    Takes,
    /// Leaves some out.
    Prunes(u64),
    /// Takes all in another order.
    Sorts(u64),
    /// Now this, now that; and some twice, and other paths.
    Changes(u64),
}

impl Consumer {
    /// Where it wants to go on; `None`: it leaves all as it is.
    pub(super) fn choose(self, path: &[u8], dirs: &[Vec<u8>]) -> Option<Vec<Child>> {
        let hash = |salt: u64, name: &[u8]| {
            let mut hasher = DefaultHasher::new();
            (salt, path, name).hash(&mut hasher);
            hasher.finish()
        };
        let found = |index: usize| Child::Found(index);
        let sorted = |salt: u64| {
            let mut order: Vec<_> = (0..dirs.len()).collect();
            order.sort_by_key(|&index| hash(salt, &dirs[index]) % 5);
            order
        };
        match self {
            Consumer::Takes => None,
            Consumer::Prunes(salt) => {
                let stay = |index: &usize| !hash(salt, &dirs[*index]).is_multiple_of(3);
                Some((0..dirs.len()).filter(stay).map(found).collect())
            }
            Consumer::Sorts(salt) => Some(sorted(salt).into_iter().map(found).collect()),
            Consumer::Changes(salt) => match hash(salt, b"") % 8 {
                0..3 => None,
                3 | 4 => Consumer::Prunes(salt).choose(path, dirs),
                5 => Consumer::Sorts(salt).choose(path, dirs),
                6 => {
                    let twice = sorted(salt).into_iter().chain(0..dirs.len().min(2));
                    Some(twice.map(found).collect())
                }
                _ => {
                    let first = (0..dirs.len()).take(1).map(found);
                    let others = [&b"/r/a"[..], b"/r/b/missing", b"/r/b"];
                    let others = others.map(|path| Child::Other(path.to_vec()));
                    Some(first.chain(others).chain((1..dirs.len()).map(found)).collect())
                }
            },
        }
    }
}

/// All that a consumer is told, in order.
pub(super) fn naive(tree: &FakeTree, plan: &FaultPlan, task: Task) -> Vec<Visit> {
    let plan = FaultPlan { shortage: None, delays: None, ..plan.clone() };
    let mut walk = Naive { source: FakeSource::new(tree, &plan), task, visits: Vec::new() };
    walk.visit(b"/r".to_vec(), Links::Follow);
    walk.visits
}

struct Naive<'a> {
    source: FakeSource<'a>,
    task: Task,
    visits: Vec<Visit>,
}

struct Entries {
    /// Each with whether it is a link.
    dirs: Vec<(Vec<u8>, bool)>,
    others: Vec<Vec<u8>>,
}

impl Naive<'_> {
    fn visit(&mut self, path: Vec<u8>, links: Links) {
        if self.visits.len() == self.task.n_visits_max {
            return;
        }
        let Entries { dirs, others } = match self.read(&path, links) {
            Ok(entries) => entries,
            Err(Errno::NOTDIR | Errno::LOOP) if links == Links::Keep && self.is_link(&path) => {
                return;
            }
            Err(errno) => return self.push(path, Vec::new(), Err(errno)),
        };
        let names: Vec<_> = dirs.iter().map(|(name, _)| name.clone()).collect();
        let mut chosen = None;
        if self.task.order == Order::TopDown {
            chosen = self.task.consumer.choose(&path, &names);
            self.push(path.clone(), names.clone(), Ok(others.clone()));
        }
        for child in chosen.unwrap_or_else(|| (0..dirs.len()).map(Child::Found).collect()) {
            match child {
                Child::Found(index) if self.task.links == Links::Keep && dirs[index].1 => {}
                Child::Found(index) => {
                    self.visit([&path, &b"/"[..], &names[index]].concat(), self.task.links);
                }
                Child::Other(path) => self.visit(path, self.task.links),
            }
        }
        if self.task.order == Order::BottomUp && self.visits.len() < self.task.n_visits_max {
            self.push(path, names, Ok(others));
        }
    }

    fn push(&mut self, path: Vec<u8>, dirs: Vec<Vec<u8>>, others: Result<Vec<Vec<u8>>, Errno>) {
        self.visits.push(Visit { path, dirs, others });
    }

    fn is_link(&self, path: &[u8]) -> bool {
        let stat = self.source.stat_path(path, Links::Keep, Fields::empty());
        stat.is_ok_and(|stat| stat.kind() == Kind::Symlink)
    }

    fn read(&self, path: &[u8], links: Links) -> Result<Entries, Errno> {
        let dir = self.source.open(At { parent: None, path }, links)?;
        let mut names = HashSet::new();
        let mut entries = Entries { dirs: Vec::new(), others: Vec::new() };
        let mut n_idle = 0;
        loop {
            let mut listing = Listing::default();
            let is_open = match self.source.read(&dir, 0, &mut Vec::new(), &mut listing) {
                // For readdir(3) a directory that was removed is at its end.
                Err(Errno::NOENT) => false,
                result => result?,
            };
            n_idle += 1;
            for index in 0..listing.len() {
                let (kind, name) = (listing.get(index).kind, listing.name(index).to_vec());
                if names.insert(name.clone()) {
                    n_idle = 0;
                    self.divide(path, &name, kind, &mut entries);
                }
            }
            match is_open {
                false => return Ok(entries),
                true if n_idle > 200 => return Err(Errno::LOOP),
                true => {}
            }
        }
    }

    fn divide(&self, dir: &[u8], name: &[u8], told: Kind, entries: &mut Entries) {
        let path = [dir, b"/", name].concat();
        let kind = |links| {
            let stat = self.source.stat_path(&path, links, Fields::empty());
            stat.map_or(Kind::Unknown, |stat| stat.kind())
        };
        let own = if told == Kind::Unknown { kind(Links::Keep) } else { told };
        let is_link = own == Kind::Symlink;
        let is_snapshot = SNAPSHOT_NAMES.iter().any(|known| known.as_bytes() == name);
        if own == Kind::Dir && is_snapshot && !self.task.walks_snapshots {
            return;
        }
        let may_be_dir = is_link && !self.task.links_are_files;
        if own == Kind::Dir || may_be_dir && kind(Links::Follow) == Kind::Dir {
            entries.dirs.push((name.to_vec(), is_link));
        } else {
            entries.others.push(name.to_vec());
        }
    }
}

#[test]
fn the_consumers_of_the_property_do_what_their_names_say() {
    let dirs: Vec<_> = (0..40_u8).map(|number| vec![b'a', number]).collect();
    let choose = |consumer: Consumer| consumer.choose(b"/r", &dirs);
    let all: Vec<_> = (0..40).map(Child::Found).collect();
    assert_eq!(choose(Consumer::Takes), None);
    assert!(choose(Consumer::Prunes(1)).is_some_and(|some| !some.is_empty() && some.len() < 40));
    let sorted = choose(Consumer::Sorts(1)).unwrap_or_default();
    assert!(sorted != all && all.iter().all(|child| sorted.contains(child)));
    let others = (0..50).filter_map(|salt| choose(Consumer::Changes(salt)));
    assert!(others.flatten().any(|child| matches!(child, Child::Other(_))));
}
