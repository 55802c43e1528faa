//! Runs a walk over a fake tree and compares it with the model.
//!
//! Owns what is compared and what is not. Columns that a sink did not ask for are not, nor is
//! the number of repetitions in a directory that never ends.

use proptest::test_runner::Config as ProptestConfig;
use pwalk_engine::{
    Config, Contents, Control, EntryError, Errno, Fields, Filesystems, Frontier, Kind, Outcome,
    Totals, Tuning, walk,
};
use pwalk_testkit::compare;
use pwalk_testkit::fake::{
    CollectingSink, Fail, FakeRow, FakeSource, FakeTree, FaultPlan, Modelled, NodeFaults, Options,
    ReadFault, model,
};

/// Numbers of workers that everything must hold for.
pub(crate) const N_WORKERS: [usize; 4] = [1, 2, 8, 64];

/// With so many a walk only begins, and what is mounted in its tree has workers of its own.
pub(crate) const MEASURED: usize = 8;
const OTHER_DEVICES: [(u64, usize); 3] = [(2, 1), (3, 8), (4, 8)];

/// How a walk is done, as far as it must not matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) n_workers: usize,
    pub(crate) slice_len: usize,
    pub(crate) batch_len: usize,
}

impl Pace {
    /// With slices so small that the fake's small directories are shared as giant ones are.
    pub(crate) fn small(n_workers: usize) -> Pace {
        Pace { n_workers, slice_len: 1 + n_workers % 5, batch_len: 1 + n_workers % 7 }
    }

    /// As on a local disk.
    pub(crate) fn usual(n_workers: usize) -> Pace {
        let Tuning { slice_len, batch_len, .. } = Tuning::LOCAL;
        Pace { n_workers, slice_len, batch_len }
    }

    /// The same for this tree, whose mounts are known by their paths, too: a walk that asks no
    /// inodes knows them by nothing else.
    fn config_of(&self, tree: &FakeTree, options: &Options) -> Config {
        let mut config = self.config(options);
        if self.n_workers == MEASURED {
            for id in 0..tree.len() {
                let device = OTHER_DEVICES.iter().position(|&(dev, _)| dev == tree.stat(id).dev);
                if let Some(number) = device.filter(|_| tree.kind(id) == Kind::Dir) {
                    config.filesystems.set_path(&tree.path(id), number as u16 + 1);
                }
            }
        }
        config
    }

    pub(crate) fn config(&self, options: &Options) -> Config {
        let Pace { n_workers, slice_len, batch_len } = *self;
        let tuning = Tuning { slice_len, batch_len, ..Tuning::LOCAL };
        let mut filesystems = Filesystems::new(tuning);
        let mut workers_max = n_workers;
        if n_workers == MEASURED {
            workers_max = 64;
            for (device, workers_min) in OTHER_DEVICES {
                let index = filesystems.add(Tuning { workers_min, ..tuning });
                filesystems.set_device(device, index);
            }
        }
        Config { n_workers, workers_max, filesystems, ..options.config() }
    }
}

/// What a walk brought.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) rows: Vec<FakeRow>,
    pub(crate) errors: Vec<EntryError>,
    pub(crate) outcome: Outcome,
}

impl Run {
    pub(crate) fn totals(&self) -> &Totals {
        &self.outcome.totals
    }

    /// The paths of all rows, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<_> =
            self.rows.iter().map(|row| row.path.escape_ascii().to_string()).collect();
        paths.sort();
        paths
    }

    /// The row of a path; there must be one.
    #[track_caller]
    pub(crate) fn row(&self, path: &str) -> &FakeRow {
        let mut rows = self.rows.iter().filter(|row| row.path == path.as_bytes());
        let row = rows.next().unwrap_or_else(|| panic!("{path} has no row"));
        assert_eq!(rows.next(), None, "{path} has two rows");
        row
    }
}

/// Walks from the roots to the end.
pub(crate) fn run(tree: &FakeTree, plan: &FaultPlan, options: &Options, pace: Pace) -> Run {
    let source = FakeSource::new(tree, plan);
    run_over(&source, options.frontier(), options, &pace.config_of(tree, options))
}

/// Walks from a frontier, as far as the config says.
pub(crate) fn run_over(
    source: &FakeSource<'_>,
    frontier: Frontier,
    options: &Options,
    config: &Config,
) -> Run {
    let sink = CollectingSink::new(options.fields);
    let control = Control::default();
    let outcome = walk(frontier, config, source, &sink, &control).expect("this sink never fails");
    assert_eq!(source.n_handles(), 0, "directories left open");
    let progress = control.progress();
    let totals = &outcome.totals;
    let n_dirs = totals.n_entries.get(Kind::Dir);
    assert_eq!(progress.n_errors, totals.n_errors());
    // Directories that are left open were read.
    let n_open = outcome.open.dirs.len() as u64;
    if totals.n_filtered == 0 {
        assert_eq!(progress.n_dirs, n_dirs + n_open);
    }
    let n_seen = totals.n_entries.sum() + totals.n_filtered + n_open;
    assert_eq!(progress.n_files + progress.n_dirs, n_seen);
    Run { rows: sink.rows(), errors: sink.errors(), outcome }
}

/// Walks and compares with the model.
#[track_caller]
pub(crate) fn check(tree: &FakeTree, plan: &FaultPlan, options: &Options, pace: Pace) -> Run {
    let run = run(tree, plan, options, pace);
    assert_as_modelled(&run, &model(tree, plan, options), options.fields);
    run
}

/// The same with each number of workers; returns the last run.
#[track_caller]
pub(crate) fn check_all(tree: &FakeTree, plan: &FaultPlan, options: &Options) -> Run {
    let runs = N_WORKERS.map(|n_workers| check(tree, plan, options, Pace::small(n_workers)));
    let [.., last] = runs;
    last
}

#[track_caller]
pub(crate) fn assert_as_modelled(run: &Run, expected: &Modelled, fields: Fields) {
    assert_same_rows(&run.rows, &expected.rows, fields);
    compare::assert_same_rows(&error_texts(&run.errors), &error_texts(&expected.errors));
    let totals = run.totals();
    assert_eq!(totals.n_vanished, expected.n_vanished, "vanished");
    assert_eq!(totals.n_snapshots, expected.n_snapshots, "snapshots");
    assert_eq!(totals.n_excluded, expected.n_excluded, "excluded");
    assert_eq!(totals.n_filtered, expected.n_filtered, "filtered");
    assert_eq!(totals.n_mount_points, expected.n_mount_points, "mount points");
    if let Some(n_repeated) = expected.n_repeated {
        assert_eq!(totals.n_repeated, n_repeated, "repeated");
    }
    assert_eq!(totals.apparent_bytes, expected.apparent_bytes, "apparent bytes");
    assert_eq!(totals.allocated_bytes, expected.allocated_bytes, "allocated bytes");
    assert_totals_count_rows(run);
    assert!(!run.outcome.is_cancelled && run.outcome.frontier.is_empty());
}

/// The sums by kind and by errno are those of what was delivered.
#[track_caller]
pub(crate) fn assert_totals_count_rows(run: &Run) {
    for kind in Kind::ALL {
        let n_rows = run.rows.iter().filter(|row| row.kind == kind).count() as u64;
        assert_eq!(run.totals().n_entries.get(kind), n_rows, "{kind:?}");
    }
    for (&(operation, errno), &n) in &run.totals().errors {
        let is_same = |error: &&EntryError| (error.operation, error.errno) == (operation, errno);
        assert_eq!(n, run.errors.iter().filter(is_same).count() as u64, "{operation:?} {errno:?}");
    }
    assert_eq!(run.totals().n_errors(), run.errors.len() as u64);
}

#[track_caller]
pub(crate) fn assert_same_rows(found: &[FakeRow], expected: &[FakeRow], fields: Fields) {
    compare::assert_same_rows(&row_texts(found, fields), &row_texts(expected, fields));
}

/// Rows as text, without what the sink did not ask for.
fn row_texts(rows: &[FakeRow], fields: Fields) -> Vec<String> {
    let text = |row: &FakeRow| {
        let mut row = row.clone();
        if !fields.need_stat() {
            row.parent_inode = 0;
        }
        if let Contents::Counted { size_sum, .. } = &mut row.contents
            && !fields.contains(Fields::SIZE_SUM)
        {
            *size_sum = 0;
        }
        // Nor is an inode that was read for the condition alone.
        if let Some(tree) = row.tree.as_mut().filter(|_| !fields.need_stat()) {
            (tree.size, tree.blocks) = (None, None);
        }
        row.to_string()
    };
    rows.iter().map(text).collect()
}

pub(crate) fn error_texts(errors: &[EntryError]) -> Vec<String> {
    let text = |error: &EntryError| {
        let EntryError { operation, path, depth, errno } = error;
        format!("{} at {depth}: {} {errno:?}", path.escape_ascii(), operation.name())
    };
    errors.iter().map(text).collect()
}

/// `n` cases, or as many as `PROPTEST_CASES` says. No file of failures appears beside the
/// sources: a failure prints its whole input.
pub(crate) fn cases(n: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { n };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

/// One file, two directories, a link: a tree of each kind of thing that a fault can hit.
pub(crate) fn small_tree() -> FakeTree {
    FakeTree::of(&["r/a/f", "r/a/g", "r/b/h", "r/b/c/", "r/l -> a", "r/z"])
}

pub(crate) fn no_faults() -> FaultPlan {
    FaultPlan::default()
}

/// A plan with the faults of one node.
pub(crate) fn faults_at(tree: &FakeTree, path: &str, faults: NodeFaults) -> FaultPlan {
    let mut plan = FaultPlan::default();
    *plan.node(tree.at(path)) = faults;
    plan
}

/// What fails, fails always. Where links are followed, one inode is met on several ways, and it
/// is a matter of schedule on which one it fails first.
pub(crate) fn without_transients(mut plan: FaultPlan) -> FaultPlan {
    let always = |fail: Fail| (fail.errno != Errno::MFILE).then_some(Fail::always(fail.errno));
    for faults in plan.nodes.values_mut() {
        for fail in [&mut faults.open, &mut faults.stat, &mut faults.read_link] {
            *fail = fail.and_then(always);
        }
        faults.read =
            faults.read.and_then(|read| Some(ReadFault { fail: always(read.fail)?, ..read }));
    }
    plan
}
