//! The source over a fake tree: answers as the plan says, and counts what it is asked.
//!
//! Knows the tree and the plan, nothing of who asks. It checks what the trait demands of a
//! caller: one worker at a time reads a directory, and name and path of an open lead to the
//! same node.

use super::plan::{Call, Endless, Fail, FaultPlan, NodeFaults, Shortage};
use super::tree::{FakeTree, NodeId, NodeRef};
use pwalk_engine::{At, Errno, Fields, Kind, Links, Listing, Source, Stat, lock};
use std::ffi::{CStr, CString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Names that a read brings where the plan doesn't say.
const N_PER_READ: usize = 100;

/// The longest path that is resolved only to check it: each costs its length.
const CHECKED_PATH_LEN: usize = 256;

/// Reads a fake tree.
pub struct FakeSource<'a> {
    tree: &'a FakeTree,
    plan: &'a FaultPlan,
    /// Is told of each call and its number before it is answered.
    on_call: Option<Box<OnCall<'a>>>,
    started: Instant,
    /// Calls by kind.
    n_calls: [AtomicU64; Call::ALL.len()],
    /// Calls by stored node and kind.
    n_node_calls: Vec<[AtomicU32; Call::ALL.len()]>,
    /// Failed reads by stored node: its calls include those that went well.
    n_failed_reads: Vec<AtomicU32>,
    /// What calls that hang wait for.
    gate: Gate,
    /// Directories that are open.
    handles: Arc<Level>,
    /// Names delivered and not yet stat'ed.
    unseen: Level,
    /// Names of directories delivered and not yet opened.
    unopened: Level,
}

type OnCall<'a> = dyn Fn(Call, u64) + Send + Sync + 'a;

/// A number that goes up and down, and how high it was.
#[derive(Debug, Default)]
struct Level {
    now: AtomicI64,
    max: AtomicI64,
}

impl Level {
    fn add(&self, n: i64) {
        let now = self.now.fetch_add(n, Relaxed) + n;
        self.max.fetch_max(now, Relaxed);
    }

    /// Adds one, unless it is at `limit`.
    fn add_below(&self, limit: i64) -> bool {
        let more = |now: i64| (now < limit).then_some(now + 1);
        let before = self.now.fetch_update(Relaxed, Relaxed, more);
        before.is_ok_and(|before| self.max.fetch_max(before + 1, Relaxed) <= limit)
    }
}

/// Where calls hang until somebody opens it.
#[derive(Debug, Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    n_waiting: AtomicI64,
}

impl Gate {
    fn open(&self) {
        *lock(&self.is_open) = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.n_waiting.fetch_add(1, Relaxed);
        let waited = self.opened.wait_while(lock(&self.is_open), |is_open| !*is_open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.n_waiting.fetch_add(-1, Relaxed);
    }
}

/// An open directory of a fake tree.
#[derive(Debug)]
pub struct FakeDir {
    node: NodeRef,
    cursor: Mutex<Cursor>,
    handles: Arc<Level>,
}

/// How far a directory is read.
#[derive(Debug, Default)]
struct Cursor {
    /// The place of the next entry.
    place: u64,
    n_reads: u64,
}

impl Drop for FakeDir {
    fn drop(&mut self) {
        self.handles.add(-1);
    }
}

impl<'a> FakeSource<'a> {
    /// A source that has not been asked anything.
    pub fn new(tree: &'a FakeTree, plan: &'a FaultPlan) -> Self {
        FakeSource {
            tree,
            plan,
            on_call: None,
            started: Instant::now(),
            n_calls: Default::default(),
            n_node_calls: (0..tree.len()).map(|_| Default::default()).collect(),
            n_failed_reads: (0..tree.len()).map(|_| AtomicU32::new(0)).collect(),
            gate: Gate::default(),
            handles: Arc::default(),
            unseen: Level::default(),
            unopened: Level::default(),
        }
    }

    /// Tells each call, and its number among its kind from 0, to `on_call` before it is answered:
    /// the filesystem is as slow as that is.
    #[must_use]
    pub fn on_call(self, on_call: impl Fn(Call, u64) + Send + Sync + 'a) -> Self {
        FakeSource { on_call: Some(Box::new(on_call)), ..self }
    }

    /// Answers the calls that hang, and all that would.
    pub fn release(&self) {
        self.gate.open();
    }

    /// How many calls hang now.
    pub fn n_hanging(&self) -> i64 {
        self.gate.n_waiting.load(Relaxed)
    }

    /// Hangs, if this call of the node does.
    fn hang(&self, node: NodeRef, call: Call) {
        if self.faults(node).hangs == Some(call) {
            self.gate.pass();
        }
    }

    /// How often a call was made.
    pub fn n_calls(&self, call: Call) -> u64 {
        self.n_calls[call as usize].load(Relaxed)
    }

    /// How often a call was made for a stored node.
    pub fn n_calls_for(&self, id: NodeId, call: Call) -> u32 {
        self.n_node_calls[id][call as usize].load(Relaxed)
    }

    /// Directories that are open now.
    pub fn n_handles(&self) -> i64 {
        self.handles.now.load(Relaxed)
    }

    /// The most directories that were open at once.
    pub fn n_handles_max(&self) -> i64 {
        self.handles.max.load(Relaxed)
    }

    /// The most names that were delivered and not yet stat'ed.
    pub fn n_unseen_max(&self) -> i64 {
        self.unseen.max.load(Relaxed)
    }

    /// The most directories that were delivered and not yet opened.
    pub fn n_unopened_max(&self) -> i64 {
        self.unopened.max.load(Relaxed)
    }

    fn faults(&self, node: NodeRef) -> NodeFaults {
        match node {
            NodeRef::Stored(id) => self.plan.nodes.get(&id).copied().unwrap_or_default(),
            NodeRef::Generated { .. } => NodeFaults::default(),
        }
    }

    /// Counts a call, and fails it if its number says so.
    fn count(&self, call: Call) -> Result<(), Errno> {
        let number = self.n_calls[call as usize].fetch_add(1, Relaxed);
        if let Some(on_call) = &self.on_call {
            on_call(call, number);
        }
        self.pause(call, number);
        let mut fails = self.plan.calls.iter();
        match fails.find(|(what, numbers, _)| *what == call && numbers.contains(&number)) {
            Some((_, _, errno)) => Err(*errno),
            None => Ok(()),
        }
    }

    /// Shuffles the schedule: most calls go on at once, some let others go first.
    fn pause(&self, call: Call, number: u64) {
        let Some(seed) = self.plan.delays else { return };
        let mut hasher = DefaultHasher::new();
        (seed, call, number).hash(&mut hasher);
        match hasher.finish() % 32 {
            0 => std::thread::sleep(Duration::from_micros(20)),
            1..8 => std::thread::yield_now(),
            _ => {}
        }
    }

    /// Counts a call for a node, and fails it as often as the plan says.
    fn try_node(&self, node: NodeRef, call: Call, fail: Option<Fail>) -> Result<(), Errno> {
        let NodeRef::Stored(id) = node else { return Ok(()) };
        let n_before = self.n_node_calls[id][call as usize].fetch_add(1, Relaxed);
        match fail {
            Some(fail) if n_before < fail.n_times => Err(fail.errno),
            _ => Ok(()),
        }
    }

    fn try_read(&self, node: NodeRef, fail: Fail) -> Result<(), Errno> {
        let NodeRef::Stored(id) = node else { return Ok(()) };
        let n_before = self.n_failed_reads[id].fetch_add(1, Relaxed);
        if n_before < fail.n_times { Err(fail.errno) } else { Ok(()) }
    }

    /// Takes a descriptor, if there is one.
    fn new_handle(&self, node: NodeRef) -> Result<FakeDir, Errno> {
        let n_max = match self.plan.shortage {
            Some(Shortage::Handles(n)) => n as i64,
            Some(Shortage::Until(end)) if self.started.elapsed() < end => 0,
            _ => i64::MAX,
        };
        if !self.handles.add_below(n_max) {
            return Err(Errno::MFILE);
        }
        Ok(FakeDir { node, cursor: Mutex::default(), handles: self.handles.clone() })
    }

    fn stat_node(&self, node: NodeRef, want: Fields) -> Result<Stat, Errno> {
        self.try_node(node, Call::Stat, self.faults(node).stat)?;
        Ok(masked(&self.tree.inode(node), want))
    }

    fn push(&self, dir: &NodeFaults, node: NodeRef, name: &[u8], place: u64, out: &mut Listing) {
        let inode = self.tree.inode(node);
        let is_unknown = self.plan.all_unknown || dir.unknown_after.is_some_and(|n| place >= n);
        let told = self.faults(node).listed_as.unwrap_or(inode.kind());
        let kind = if is_unknown { Kind::Unknown } else { told };
        let name = CString::new(name).expect("a name holds no NUL");
        out.push(inode.ino, kind, &name).expect("a fake directory is small");
    }

    fn read_names(
        &self,
        node: NodeRef,
        cursor: &mut Cursor,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        let faults = self.faults(node);
        let n_per_read = faults.n_per_read.or(self.plan.n_per_read).unwrap_or(N_PER_READ).max(1);
        let mut is_at_end = self.tree.entry(node, cursor.place).is_none();
        let is_even = cursor.n_reads.is_multiple_of(2);
        cursor.n_reads += 1;
        let place = &mut cursor.place;
        if (faults.repeats || faults.stutters && is_even) && *place > 0 && !is_at_end {
            let (again, name) = self.tree.entry(node, *place - 1).expect("it was delivered");
            self.push(&faults, again, &name, *place - 1, listing);
            if faults.stutters {
                return Ok(true);
            }
        }
        for n_read in 0..n_per_read {
            if let Some(fault) = faults.read.filter(|fault| fault.after == *place) {
                self.try_read(node, fault.fail)?;
            }
            if is_at_end && faults.endless == Some(Endless::Cycle) {
                *place = 0;
            }
            let Some((entry, name)) = self.tree.entry(node, *place) else {
                return Ok(n_read > 0 || faults.endless.is_some());
            };
            self.push(&faults, entry, &name, *place, listing);
            *place += 1;
            is_at_end = self.tree.entry(node, *place).is_none();
        }
        Ok(true)
    }
}

impl Source for FakeSource<'_> {
    type Dir = FakeDir;

    fn open(&self, at: At<'_, FakeDir>, links: Links) -> Result<FakeDir, Errno> {
        self.count(Call::Open)?;
        let by_path = || self.tree.resolve(NodeRef::Stored(0), at.path, links);
        let node = match at.parent {
            None => by_path(),
            Some((parent, name)) => {
                let node = self.tree.resolve(parent.node, name.to_bytes(), links);
                let is_checked = at.path.len() < CHECKED_PATH_LEN;
                assert!(!is_checked || node == by_path(), "{name:?}, {}", at.path.escape_ascii());
                node
            }
        }?;
        if let Some(pause) = self.faults(node).open_panics {
            std::thread::sleep(pause);
            panic!("opening {} panics", at.path.escape_ascii());
        }
        self.hang(node, Call::Open);
        // Its own faults first, as the model has them: they don't depend on who holds descriptors.
        self.try_node(node, Call::Open, self.faults(node).open)?;
        let dir = self.new_handle(node)?;
        if self.tree.inode(node).kind() != Kind::Dir {
            return Err(Errno::NOTDIR);
        }
        self.unopened.add(-1);
        Ok(dir)
    }

    fn read(
        &self,
        dir: &FakeDir,
        _buffer_len: usize,
        _scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        self.count(Call::Read)?;
        self.hang(dir.node, Call::Read);
        self.try_node(dir.node, Call::Read, None)?;
        let mut cursor = dir.cursor.try_lock().expect("one worker at a time reads a directory");
        let n_before = listing.len();
        let result = self.read_names(dir.node, &mut cursor, listing);
        let kinds = (n_before..listing.len()).map(|index| listing.get(index).kind);
        self.unopened.add(kinds.filter(|&kind| kind == Kind::Dir).count() as i64);
        self.unseen.add((listing.len() - n_before) as i64);
        result
    }

    fn stat(&self, dir: &FakeDir, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        self.unseen.add(-1);
        self.count(Call::Stat)?;
        let node = self.tree.resolve(dir.node, name.to_bytes(), links)?;
        self.hang(node, Call::Stat);
        self.stat_node(node, want)
    }

    fn stat_dir(&self, dir: &FakeDir, want: Fields) -> Result<Stat, Errno> {
        self.count(Call::StatDir)?;
        let mut inode = self.tree.inode(dir.node);
        if self.faults(dir.node).is_deleted {
            inode.nlink = 0;
        }
        Ok(masked(&inode, want))
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        self.count(Call::StatPath)?;
        let node = self.tree.resolve(NodeRef::Stored(0), path, links)?;
        self.hang(node, Call::StatPath);
        self.stat_node(node, want)
    }

    fn ping(&self, path: &[u8]) {
        let _ = self.count(Call::Ping);
        if let Ok(node) = self.tree.resolve(NodeRef::Stored(0), path, Links::Follow) {
            self.hang(node, Call::Ping);
        }
    }

    fn read_link(&self, dir: &FakeDir, name: &CStr) -> Result<Vec<u8>, Errno> {
        self.count(Call::ReadLink)?;
        let node = self.tree.resolve(dir.node, name.to_bytes(), Links::Keep)?;
        self.hang(node, Call::ReadLink);
        self.try_node(node, Call::ReadLink, self.faults(node).read_link)?;
        match self.tree.inode(node).kind() {
            Kind::Symlink => Ok(self.tree.target(node).to_vec()),
            _ => Err(Errno::INVAL),
        }
    }
}

/// What a source tells of an inode when it is asked for `want`, and not a fact more: type,
/// device and the automount mark come with every answer.
pub fn masked(stat: &Stat, want: Fields) -> Stat {
    let if_wanted = |fields: Fields, value: i64| if want.intersects(fields) { value } else { 0 };
    let time = |field, seconds| if_wanted(field, seconds);
    let nanos = |field, nanos| if want.contains(field | Fields::NANOS) { nanos } else { 0 };
    let number = |fields, value: u32| if_wanted(fields, value.into()) as u32;
    Stat {
        ino: if want.contains(Fields::INODE) { stat.ino } else { 0 },
        dev: stat.dev,
        size: if_wanted(Fields::SIZE | Fields::SIZE_SUM, stat.size),
        blocks: if_wanted(Fields::BLOCKS, stat.blocks),
        mode: if want.contains(Fields::MODE) { stat.mode } else { stat.mode & 0o170_000 },
        nlink: number(Fields::LINKS, stat.nlink),
        uid: number(Fields::OWNER, stat.uid),
        gid: number(Fields::OWNER, stat.gid),
        atime: time(Fields::ATIME, stat.atime),
        mtime: time(Fields::MTIME, stat.mtime),
        ctime: time(Fields::CTIME, stat.ctime),
        btime: stat.btime.filter(|_| want.contains(Fields::BTIME)),
        nanos: [
            nanos(Fields::ATIME, stat.nanos[0]),
            nanos(Fields::MTIME, stat.nanos[1]),
            nanos(Fields::CTIME, stat.nanos[2]),
            nanos(Fields::BTIME, stat.nanos[3]),
        ],
        rdev: if want.contains(Fields::RDEV) { stat.rdev } else { 0 },
        blksize: number(Fields::RDEV, stat.blksize),
        is_automount: stat.is_automount,
    }
}
