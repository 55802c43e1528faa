//! Rows of a server that takes its time, however it is asked: by threads or a ring, by one worker or
//! hundreds.

use crate::harness::{assert_as_walked, config, naive, report};
use pwalk_slowfs::{Kind, Options, Tree, mount};
use pwalk_testkit::privileges::{Need, requires};
use std::time::Duration;

#[test]
fn rows_of_a_slow_server_are_the_same_by_threads_and_by_a_ring() {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(Tree::flat(12, 40), Duration::from_millis(1));
    let served = mount(folder.path(), options).unwrap();
    let walk = naive(folder.path());
    for threads in [Some(1), Some(8), Some(128), Some(512), None] {
        for use_io_uring in [false, true] {
            let mut config = config([folder.path()], 1);
            config.walk.threads = threads;
            config.walk.settings.use_io_uring = use_io_uring;
            served.reset();
            assert_as_walked(&report(config), &walk);
            let n_lookups = served.seen().n(Kind::Lookup);
            assert_eq!(n_lookups, 12 * 40 + 2 * 12, "{threads:?}, {use_io_uring}");
        }
    }
}
