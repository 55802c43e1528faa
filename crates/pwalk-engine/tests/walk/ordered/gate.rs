//! A source that keeps whoever opens one of some directories, with a descriptor in hand, until it
//! is told to let go: a server that doesn't answer.

use pwalk_engine::{At, Errno, Fields, Links, Listing, Source, Stat, lock};
use pwalk_testkit::fake::{FakeDir, FakeSource, FakeTree, FaultPlan};
use std::ffi::CStr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Nothing in a test takes longer, unless it hangs.
pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) struct Gate {
    source: FakeSource<'static>,
    paths: Vec<&'static str>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_open: bool,
    n_waiting: usize,
}

impl Gate {
    pub(super) fn new(tree: &FakeTree, plan: FaultPlan, paths: &[&'static str]) -> Arc<Gate> {
        let tree: &'static FakeTree = Box::leak(Box::new(tree.clone()));
        let source = FakeSource::new(tree, Box::leak(Box::new(plan)));
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Gate { source, paths: paths.to_vec(), state, changed })
    }

    /// Waits until so many are kept.
    #[track_caller]
    pub(super) fn wait_for(&self, n_waiting: usize) {
        let is_less = |state: &mut State| state.n_waiting < n_waiting;
        let waited = self.changed.wait_timeout_while(lock(&self.state), LONG, is_less);
        let is_late = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        assert!(!is_late, "nobody came to the gate");
    }

    /// Lets all go on, and those that come.
    pub(super) fn open(&self) {
        lock(&self.state).is_open = true;
        self.changed.notify_all();
    }

    /// Waits until so many directories are open.
    #[track_caller]
    pub(super) fn wait_for_handles(&self, n_handles: i64) {
        let start = Instant::now();
        while self.source.n_handles() != n_handles {
            assert!(start.elapsed() < LONG, "{} are open", self.source.n_handles());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Source for Gate {
    type Dir = FakeDir;

    fn open(&self, at: At<'_, FakeDir>, links: Links) -> Result<FakeDir, Errno> {
        let is_kept = self.paths.iter().any(|path| path.as_bytes() == at.path);
        let dir = self.source.open(at, links)?;
        if is_kept {
            let mut state = lock(&self.state);
            state.n_waiting += 1;
            self.changed.notify_all();
            while !state.is_open {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(dir)
    }

    fn read(
        &self,
        dir: &FakeDir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        self.source.read(dir, buffer_len, scratch, listing)
    }

    fn stat(&self, dir: &FakeDir, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        self.source.stat(dir, name, links, want)
    }

    fn stat_dir(&self, dir: &FakeDir, want: Fields) -> Result<Stat, Errno> {
        self.source.stat_dir(dir, want)
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        self.source.stat_path(path, links, want)
    }

    fn read_link(&self, dir: &FakeDir, name: &CStr) -> Result<Vec<u8>, Errno> {
        self.source.read_link(dir, name)
    }
}
