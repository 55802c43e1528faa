//! What a file server sees of a walk in order: each request once, and as many a second as it may get.
//!
//! The server is the slow filesystem of the benchmarks, in this process; it caches nothing. No time
//! is asserted as speed: that `max_ops` is kept is a promise.

use pwalk::{Control, Order, OrderedConfig, Settings, Step, walk_in_order};
use pwalk_slowfs::{Kind, Mounted, Options, Seen, Tree, mount};
use pwalk_testkit::privileges::{Need, requires};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Fixed numbers of workers, and the number that measuring makes of it.
const THREADS: [Option<usize>; 5] = [Some(1), Some(8), Some(128), Some(512), None];

/// None where it can't be mounted.
fn served(tree: Tree) -> Option<(Mounted, TempDir)> {
    if !requires(Need::Root) || !requires(Need::Fuse) {
        return None;
    }
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let options = Options::new(tree, Duration::from_millis(1));
    Some((mount(folder.path(), options).expect("FUSE mounts it"), folder))
}

fn config(threads: Option<usize>) -> OrderedConfig {
    OrderedConfig {
        order: Order::TopDown,
        follow: false,
        links_are_files: false,
        snapshots: false,
        threads,
        settings: Settings::default(),
    }
}

/// Walks to the end; the paths of directories, and what the server saw.
fn walk(served: &Mounted, config: &OrderedConfig) -> (Vec<Vec<u8>>, Seen) {
    served.reset();
    let root = served.path().as_os_str().as_bytes();
    let mut walk = walk_in_order(root, config, Arc::new(Control::default()));
    let mut paths = Vec::new();
    while let Some(Step::Directory { path, .. }) = walk.next_step(&mut || false) {
        paths.push(path);
    }
    drop(walk);
    // The kernel closes directories later.
    let begun = Instant::now();
    while served.seen().n(Kind::Releasedir) < served.seen().n(Kind::Opendir) {
        assert!(begun.elapsed() < Duration::from_secs(30), "directories stay open");
    }
    (paths, served.seen())
}

#[test]
fn no_directory_is_read_twice_and_no_file_looked_at_whoever_reads_ahead() {
    let tree = Tree::flat(600, 3);
    let Some((served, _folder)) = served(tree) else { return };
    let mut expected = None;
    for threads in THREADS {
        let (paths, seen) = walk(&served, &config(threads));
        assert_eq!(paths.len() as u64, tree.n_all_dirs());
        assert_eq!(*expected.get_or_insert(paths.clone()), paths, "{threads:?}");
        assert_eq!(seen.n(Kind::Opendir), tree.n_all_dirs(), "{threads:?}");
        assert_eq!(seen.most_of_a_dir(Kind::Opendir), 1, "{threads:?}");
        assert!(seen.most_of_a_dir(Kind::Lookup) <= 1, "{threads:?}");
        // The names, and the end of them.
        assert!(seen.most_of_a_dir(Kind::Readdir) <= 2, "{threads:?}");
        assert_eq!((seen.most_of_a_file(Kind::Lookup), seen.most_of_a_file(Kind::Getattr)), (0, 0));
    }
}

/// A path is looked up name by name where nothing is cached, as by `os.walk`.
#[test]
fn no_directory_of_a_deep_tree_is_read_twice() {
    let tree = Tree { n_dirs: 3, n_files: 2, depth: 5 };
    let Some((served, _folder)) = served(tree) else { return };
    for threads in [Some(8), None] {
        let (paths, seen) = walk(&served, &config(threads));
        assert_eq!(paths.len() as u64, tree.n_all_dirs());
        assert_eq!(seen.n(Kind::Opendir), tree.n_all_dirs());
        assert_eq!(seen.most_of_a_dir(Kind::Opendir), 1);
        assert_eq!(seen.most_of_a_file(Kind::Lookup), 0);
    }
}

#[test]
fn a_server_gets_no_more_requests_a_second_than_it_may() {
    let Some((served, _folder)) = served(Tree::flat(150, 3)) else { return };
    for threads in [Some(1), Some(64), None] {
        let settings = Settings { max_ops: Some(500), ..Settings::default() };
        let (paths, seen) = walk(&served, &OrderedConfig { settings, ..config(threads) });
        assert_eq!(paths.len(), 151);
        assert!(seen.rate() <= 525.0, "{threads:?}: {}", seen.rate());
        // What is closed later comes in heaps.
        assert!(seen.most_within(Duration::from_millis(100)) < 120, "{threads:?}");
    }
}
