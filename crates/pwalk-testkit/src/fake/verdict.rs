//! What the rules say of an entry, before anything is asked of it: the model's opinion on filters.
//!
//! Owns which rule comes first. Must not know what is counted of an entry that is left out.

use super::glob::{is_path, leaves_out};
use super::options::Options;
use pwalk_engine::Kind;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    Root,
    Excluded,
    MountPoint,
    Snapshot,
}

impl Options {
    /// What the rules say of an entry below a root; `None` where it depends on the kind and that is
    /// unknown.
    pub(super) fn judge(&self, root: &[u8], path: &[u8], kind: Kind) -> Option<Verdict> {
        let below_root = &path[if root == b"/" { 1 } else { root.len() + 1 }..];
        let judge = |is_dir| self.judge_as(below_root, path, is_dir);
        match kind {
            Kind::Unknown => Some(judge(true)).filter(|&verdict| verdict == judge(false)),
            kind => Some(judge(kind == Kind::Dir)),
        }
    }

    fn judge_as(&self, below_root: &[u8], path: &[u8], is_dir: bool) -> Verdict {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let has = |paths: &[Vec<u8>]| paths.iter().any(|given| is_path(given, path));
        if has(&self.nested_roots) {
            Verdict::Root
        } else if has(&self.exclude_paths) || leaves_out(&self.excludes, below_root, is_dir) {
            Verdict::Excluded
        } else if self.one_file_system && has(&self.mount_points) {
            Verdict::MountPoint
        } else if is_dir && self.skips_snapshot(name) {
            Verdict::Snapshot
        } else {
            Verdict::Keep
        }
    }
}
