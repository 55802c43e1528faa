//! A source whose every request takes its time, and that knows how many it was asked at once.

use pwalk_engine::{At, Errno, Fields, Links, Listing, Source, Stat};
use pwalk_testkit::fake::{FakeDir, FakeSource, FakeTree, FaultPlan};
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

pub(super) struct Slow {
    source: FakeSource<'static>,
    latency: Duration,
    n_asked: AtomicUsize,
    n_at_once: AtomicUsize,
}

impl Slow {
    pub(super) fn new(tree: &FakeTree, latency: Duration) -> Arc<Slow> {
        let tree: &'static FakeTree = Box::leak(Box::new(tree.clone()));
        let source = FakeSource::new(tree, Box::leak(Box::new(FaultPlan::default())));
        let (n_asked, n_at_once) = Default::default();
        Arc::new(Slow { source, latency, n_asked, n_at_once })
    }

    /// The most requests that were asked at once.
    pub(super) fn n_at_once(&self) -> usize {
        self.n_at_once.load(Relaxed)
    }

    fn takes_its_time(&self) {
        self.n_at_once.fetch_max(self.n_asked.fetch_add(1, Relaxed) + 1, Relaxed);
        std::thread::sleep(self.latency);
        self.n_asked.fetch_sub(1, Relaxed);
    }
}

impl Source for Slow {
    type Dir = FakeDir;

    fn open(&self, at: At<'_, FakeDir>, links: Links) -> Result<FakeDir, Errno> {
        self.takes_its_time();
        self.source.open(at, links)
    }

    fn read(
        &self,
        dir: &FakeDir,
        buffer_len: usize,
        scratch: &mut Vec<u8>,
        listing: &mut Listing,
    ) -> Result<bool, Errno> {
        self.takes_its_time();
        self.source.read(dir, buffer_len, scratch, listing)
    }

    fn stat(&self, dir: &FakeDir, name: &CStr, links: Links, want: Fields) -> Result<Stat, Errno> {
        self.takes_its_time();
        self.source.stat(dir, name, links, want)
    }

    fn stat_dir(&self, dir: &FakeDir, want: Fields) -> Result<Stat, Errno> {
        self.takes_its_time();
        self.source.stat_dir(dir, want)
    }

    fn stat_path(&self, path: &[u8], links: Links, want: Fields) -> Result<Stat, Errno> {
        self.takes_its_time();
        self.source.stat_path(path, links, want)
    }

    fn read_link(&self, dir: &FakeDir, name: &CStr) -> Result<Vec<u8>, Errno> {
        self.takes_its_time();
        self.source.read_link(dir, name)
    }
}
