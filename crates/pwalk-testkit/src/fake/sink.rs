//! The sink that keeps everything, and fails when it is told to.
//!
//! Owns the row as a test sees it. Checks of every batch that its columns are as long as they
//! must be. Must not know what the rows should be.

use pwalk_engine::{Batch, Contents, EntryError, Fields, Kind, Row, Sink, Stat, TreeTotals, lock};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A row of a walk, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeRow {
    /// The whole path.
    pub path: Vec<u8>,
    /// Its kind.
    pub kind: Kind,
    /// -1 for a root.
    pub depth: i32,
    /// Inode of the parent directory; 0 for a root.
    pub parent_inode: u64,
    /// What is known of its content.
    pub contents: Contents,
    /// The columns of its inode; `None` where the sink asks for none.
    pub stat: Option<Stat>,
    /// Where a link points to.
    pub target: Vec<u8>,
    /// The totals of its subtree, if it has some.
    pub tree: Option<TreeTotals>,
}

/// The path first, so that two opinions on one entry stand side by side.
impl fmt::Display for FakeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FakeRow { path, kind, depth, parent_inode, contents, stat, target, tree } = self;
        write!(f, "{} {} at {depth} in {parent_inode}", path.escape_ascii(), kind.name())?;
        match contents {
            Contents::None => {}
            Contents::Unread => f.write_str(" unread")?,
            Contents::Counted { n_entries, size_sum } => {
                write!(f, " of {n_entries} with {size_sum} bytes")?;
            }
        }
        if !target.is_empty() {
            write!(f, " -> {}", target.escape_ascii())?;
        }
        stat.as_ref().map_or(Ok(()), |stat| write!(f, " {stat:?}"))?;
        tree.as_ref().map_or(Ok(()), |tree| write!(f, " {tree:?}"))
    }
}

/// Why a sink takes no more: it was told to fail at this batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkFailure(
    /// The number of the batch, from 0.
    pub u64,
);

type OnBatch<'a> = Box<dyn Fn(u64) -> Result<(), SinkFailure> + Sync + 'a>;

/// Keeps rows and errors.
pub struct CollectingSink<'a> {
    fields: Fields,
    /// Asked with each batch's number before it is taken.
    on_batch: OnBatch<'a>,
    keeps_rows: bool,
    n_batches: AtomicU64,
    n_rows: AtomicU64,
    /// The most bytes of names and paths in one batch.
    arena_len_max: AtomicUsize,
    rows: Mutex<Vec<FakeRow>>,
    errors: Mutex<Vec<EntryError>>,
}

impl<'a> CollectingSink<'a> {
    /// A sink that wants these fields and takes everything.
    pub fn new(fields: Fields) -> Self {
        CollectingSink {
            fields,
            on_batch: Box::new(|_| Ok(())),
            keeps_rows: true,
            n_batches: AtomicU64::new(0),
            n_rows: AtomicU64::new(0),
            arena_len_max: AtomicUsize::new(0),
            rows: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// Calls `on_batch` with the number of each batch before it takes it: to fail, to panic, to
    /// cancel the walk, or to wait.
    pub fn on_batch(self, on_batch: impl Fn(u64) -> Result<(), SinkFailure> + Sync + 'a) -> Self {
        CollectingSink { on_batch: Box::new(on_batch), ..self }
    }

    /// Takes `n` batches, and fails with all that follow.
    pub fn failing_after(self, n: u64) -> Self {
        self.on_batch(move |number| if number < n { Ok(()) } else { Err(SinkFailure(number)) })
    }

    /// Takes `n` batches, and panics with the next one.
    pub fn panicking_after(self, n: u64) -> Self {
        self.on_batch(move |number| {
            assert_ne!(number, n, "the sink was told to panic");
            Ok(())
        })
    }

    /// Counts rows without keeping them.
    pub fn counting(self) -> Self {
        CollectingSink { keeps_rows: false, ..self }
    }

    /// Rows taken so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows.load(Relaxed)
    }

    /// Batches offered so far.
    pub fn n_batches(&self) -> u64 {
        self.n_batches.load(Relaxed)
    }

    /// The most bytes of names and paths that a batch held.
    pub fn arena_len_max(&self) -> usize {
        self.arena_len_max.load(Relaxed)
    }

    /// The rows, in no particular order.
    pub fn rows(&self) -> Vec<FakeRow> {
        lock(&self.rows).clone()
    }

    /// The errors, in no particular order.
    pub fn errors(&self) -> Vec<EntryError> {
        lock(&self.errors).clone()
    }
}

impl Sink for CollectingSink<'_> {
    type Error = SinkFailure;

    fn fields(&self) -> Fields {
        self.fields
    }

    fn put(&self, batch: &mut Batch) -> Result<(), SinkFailure> {
        (self.on_batch)(self.n_batches.fetch_add(1, Relaxed))?;
        check_columns(batch, self.fields);
        self.n_rows.fetch_add(batch.len() as u64, Relaxed);
        self.arena_len_max.fetch_max(batch.arena_len(), Relaxed);
        lock(&self.errors).extend_from_slice(&batch.errors);
        if self.keeps_rows {
            let rows: Vec<FakeRow> = batch.rows().map(|row| owned(batch, &row)).collect();
            lock(&self.rows).extend(rows);
        }
        Ok(())
    }
}

fn check_columns(batch: &Batch, fields: Fields) {
    assert!(!batch.is_empty(), "a batch holds rows or errors");
    let n_stat = if fields.need_stat() { batch.len() } else { 0 };
    let n_of = |field| if fields.contains(field) { n_stat } else { 0 };
    let lengths = [
        (batch.contents.len(), batch.len()),
        (batch.inode.len(), n_stat),
        (batch.uid.len(), n_stat),
        (batch.gid.len(), n_stat),
        (batch.size.len(), n_stat),
        (batch.dev.len(), n_stat),
        (batch.blocks.len(), n_stat),
        (batch.nlink.len(), n_stat),
        (batch.mode.len(), n_stat),
        (batch.atime.len(), n_stat),
        (batch.mtime.len(), n_stat),
        (batch.ctime.len(), n_stat),
        (batch.nanos.len(), n_of(Fields::NANOS)),
        (batch.btime.len(), n_of(Fields::BTIME)),
        (batch.rdev.len(), n_of(Fields::RDEV)),
        (batch.blksize.len(), n_of(Fields::RDEV)),
    ];
    let trees: Vec<_> = batch.trees().map(|(row, _)| row).collect();
    assert!(trees.is_sorted_by(|a, b| a < b) && trees.last().is_none_or(|&row| row < batch.len()));
    assert!(fields.contains(Fields::TREE) || trees.is_empty(), "totals that nobody asked for");
    for (index, (found, expected)) in lengths.into_iter().enumerate() {
        assert_eq!(found, expected, "length of column {index}");
    }
}

fn owned(batch: &Batch, row: &Row<'_>) -> FakeRow {
    let index = row.index();
    let stat = || Stat {
        ino: batch.inode[index],
        dev: batch.dev[index],
        size: batch.size[index],
        blocks: batch.blocks[index],
        mode: batch.mode[index],
        nlink: batch.nlink[index],
        uid: batch.uid[index],
        gid: batch.gid[index],
        atime: batch.atime[index],
        mtime: batch.mtime[index],
        ctime: batch.ctime[index],
        btime: batch.btime.get(index).copied().flatten(),
        nanos: batch.nanos.get(index).copied().unwrap_or_default(),
        rdev: batch.rdev.get(index).copied().unwrap_or_default(),
        blksize: batch.blksize.get(index).copied().unwrap_or_default(),
        is_automount: false,
    };
    FakeRow {
        path: row.path(),
        kind: row.kind(),
        depth: row.depth(),
        parent_inode: row.parent_inode(),
        contents: batch.contents[index],
        stat: batch.fields().need_stat().then(stat),
        target: row.target().to_vec(),
        tree: row.tree().copied(),
    }
}
