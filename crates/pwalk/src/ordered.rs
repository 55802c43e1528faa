//! The walk in the order of `os.walk`, on disk.

use crate::settings::Settings;
use crate::threads::Threads;
use pwalk_engine::{Control, Disk, Links, Order, Ordered, Rules, Tuning, Workers};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// How to walk in order.
#[derive(Clone, Debug)]
pub struct OrderedConfig {
    /// When a directory is delivered.
    pub order: Order,
    /// Enters symbolic links to directories.
    pub follow: bool,
    /// Lists symbolic links to directories among the other entries.
    pub links_are_files: bool,
    /// Walks snapshot directories too.
    pub snapshots: bool,
    /// Worker threads that read ahead; `None`: as many as [`Threads::choose`] finds to begin with,
    /// and as measuring makes of them.
    pub threads: Option<usize>,
    /// How the walk uses the system.
    pub settings: Settings,
}

/// A walk of the directory at `root`, which is not touched before the first step.
///
/// The filesystem is detected only when workers are to start: small trees are walked in less time
/// than that takes. Its tuning then applies to the workers; the consumer reads as on a local disk.
pub fn walk_in_order(root: &[u8], config: &OrderedConfig, control: Arc<Control>) -> Ordered<Disk> {
    let config = config.clone();
    let OrderedConfig { order, follow, links_are_files, snapshots, threads, settings } = config;
    let rules = Rules {
        links: if follow { Links::Follow } else { Links::Keep },
        links_are_files,
        walks_snapshots: snapshots,
        ..Rules::default()
    };
    let source = Arc::new(settings.source(false, Tuning::LOCAL));
    let ops_max = settings.max_ops.map(|n| n as u64);
    let path = root.to_vec();
    let workers = move || {
        let table = settings.mounts(false);
        let raw = settings.filesystem(&table, Path::new(OsStr::from_bytes(&path)));
        let kind = settings.fs_kind(raw.as_ref(), &table);
        let tuning = settings.tuning(kind);
        let choice = Threads::choose(threads, |name| std::env::var_os(name), kind);
        let choice = choice.map(|threads| settings.clamp(threads));
        let (n_workers, n_workers_max, n_millicores) = choice
            .map_or((1, 1, 1000), |threads| (threads.count, threads.max, threads.n_millicores));
        Workers {
            n_workers,
            n_workers_max,
            n_millicores,
            source: Arc::new(settings.source(false, tuning)),
            buffer_len: tuning.buffer_bytes,
            placement: settings.placement(),
        }
    };
    Ordered::new(root.to_vec(), order, rules, source, control, workers).with_ops_max(ops_max)
}
