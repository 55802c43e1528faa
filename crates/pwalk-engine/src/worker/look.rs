//! From names to rows, and to subdirectories that wait.

use super::{Job, Worker, is_gone, stat_behind};
use crate::batch::Contents;
use crate::directory::{Dir, DirInfo, Siblings};
use crate::entry::{Fields, Kind, Stat};
use crate::error::Operation;
use crate::filter::{DirFilter, Verdict};
use crate::listing::{Listed, Listing};
use crate::source::{Sink, Source};
use pwalk_sys::{Errno, Links};
use std::ffi::CStr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Entries whose inodes count as one request for those who wonder what a worker waits for.
const N_PER_REQUEST: usize = 16;

impl<'w, S: Source, K: Sink> Worker<'w, '_, S, K> {
    pub(super) fn look_at(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        listing: &Listing,
        range: Range<usize>,
    ) {
        let filter = self.walk.filter.in_dir(&dir.info.path, dir.info.root_len);
        let row_dir = self.delivery.dir(&dir.info);
        let mut slice = Found { row_dir, n_entries: 0, size_sum: 0, siblings: None };
        for (number, index) in range.enumerate() {
            // Each look may take long on a slow filesystem.
            if self.walk.control.is_cancelled() {
                break;
            }
            if number.is_multiple_of(N_PER_REQUEST) {
                self.post.asks(Operation::Stat);
            }
            self.look_at_entry(dir, &filter, listing.get(index), &mut slice);
        }
        dir.count(slice.n_entries, slice.size_sum);
        if let Some(siblings) = slice.siblings {
            self.jobs.push(Job::Open(siblings));
        }
    }

    #[inline]
    fn look_at_entry(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        filter: &DirFilter<'_>,
        entry: Listed<'_>,
        found: &mut Found<'w, S::Dir>,
    ) {
        if self.is_own_file(dir, &entry) {
            return;
        }
        found.n_entries += 1;
        let name = entry.name.to_bytes();
        match filter.judge(name, entry.kind) {
            Verdict::Keep => {}
            verdict => return self.leave_out(dir, verdict, entry.name, found),
        }
        let (mut kind, mut stat) =
            (entry.kind, Stat { ino: entry.ino, dev: dir.info.stat.dev, ..Stat::default() });
        if self.must_stat(entry.kind) {
            // A mount point, perhaps, of something that is dead.
            let is_named = matches!(entry.kind, Kind::Dir | Kind::Unknown);
            if is_named {
                self.post.asks_entry(name);
            }
            let answer = self.stat(dir, entry.name);
            if is_named {
                self.post.asks_others();
            }
            match answer {
                (Some(found_stat), failure) => {
                    (kind, stat) = (found_stat.kind(), found_stat);
                    if let Some(errno) = failure {
                        self.fail_at(dir, Operation::Stat, name, errno);
                    }
                }
                (None, failure) => return self.fail_entry(dir, entry, failure, found),
            }
            if kind != entry.kind {
                match filter.judge(name, kind) {
                    Verdict::Keep => {}
                    verdict => return self.leave_out(dir, verdict, entry.name, found),
                }
            }
            if self.is_elsewhere(&dir.info, &stat) {
                self.delivery.totals.n_mount_points += 1;
                return;
            }
        }
        if kind == Kind::Dir && self.walk.config.rules.may_enter(dir.info.level() + 1) {
            if dir.info.is_below(stat.id()) {
                return self.refuse_loop(dir, entry.name, found);
            }
            found.siblings.get_or_insert_with(|| self.new_siblings(dir)).push(entry.name, stat);
        } else {
            let contents = if kind == Kind::Dir { Contents::Unread } else { Contents::None };
            self.delivery.row(found.row_dir, name, kind, &stat, contents);
            self.add_target(dir, entry.name, kind);
        }
        found.size_sum = found.size_sum.wrapping_add(stat.size);
    }

    fn new_siblings(&self, dir: &Dir<'w, S::Dir>) -> Box<Siblings<'w, S::Dir>> {
        let handle = self.walk.descriptors.are_plenty().then(|| dir.handle.clone());
        Box::new(Siblings::new(dir.info.clone(), handle))
    }

    /// True for a file that the walk writes. Directories tell numbers only, so that one with the
    /// number of such a file is asked for its device.
    fn is_own_file(&self, dir: &Dir<'w, S::Dir>, entry: &Listed<'_>) -> bool {
        let own = &self.walk.config.rules.own_files;
        if !own.iter().any(|id| id.ino == entry.ino) {
            return false;
        }
        let want = Fields::INODE | Fields::DEVICE;
        let stat =
            self.ask(|| self.walk.source.stat(&dir.handle.dir, entry.name, Links::Keep, want));
        stat.is_ok_and(|stat| own.contains(&stat.id()))
    }

    fn must_stat(&self, kind: Kind) -> bool {
        let rules = &self.walk.config.rules;
        self.want.need_stat()
            || match kind {
                Kind::Unknown => true,
                Kind::Dir => rules.one_file_system,
                Kind::Symlink => rules.follow_links(),
                _ => false,
            }
    }

    /// The inode of an entry, and what stands in the way of it.
    fn stat(&self, dir: &Dir<'w, S::Dir>, name: &CStr) -> (Option<Stat>, Option<Errno>) {
        stat_behind(self.walk.config.rules.links, |links| {
            self.ask(|| self.walk.source.stat(&dir.handle.dir, name, links, self.want))
        })
    }

    fn fail_entry(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        entry: Listed<'_>,
        failure: Option<Errno>,
        found: &mut Found<'w, S::Dir>,
    ) {
        let Some(errno) = failure.filter(|errno| !is_gone(*errno)) else {
            found.n_entries -= 1;
            self.delivery.totals.n_vanished += 1;
            return;
        };
        let name = entry.name.to_bytes();
        self.fail_at(dir, Operation::Stat, name, errno);
        if self.delivery.needs_names_only() {
            // Its name is all that the sink wants, and that is known.
            let contents = if entry.kind == Kind::Dir { Contents::Unread } else { Contents::None };
            self.delivery.row(found.row_dir, name, entry.kind, &Stat::default(), contents);
        }
    }

    /// True for a directory on another filesystem than the root, in a walk that stays on one.
    ///
    /// Only directories: on overlayfs files carry other devices than the directory they are in.
    fn is_elsewhere(&self, info: &DirInfo, stat: &Stat) -> bool {
        self.walk.config.rules.one_file_system
            && stat.kind() == Kind::Dir
            && (stat.dev != info.root_dev || stat.is_automount)
    }

    fn leave_out(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        verdict: Verdict,
        name: &CStr,
        found: &mut Found<'w, S::Dir>,
    ) {
        let (counter, may_stat) = match verdict {
            Verdict::Exclude { is_mount_point } => {
                (&mut self.delivery.totals.n_excluded, !is_mount_point)
            }
            Verdict::MountPoint => (&mut self.delivery.totals.n_mount_points, false),
            Verdict::Snapshot => (&mut self.delivery.totals.n_snapshots, true),
            Verdict::Root | Verdict::Keep => (&mut 0, true),
        };
        *counter += 1;
        if may_stat && self.want.contains(Fields::SIZE_SUM) {
            // What can't be stat'ed adds nothing: nobody asked for this entry.
            if let (Some(stat), _) = self.stat(dir, name) {
                found.size_sum = found.size_sum.wrapping_add(stat.size);
            }
        }
    }

    /// A link that leads back up is delivered as the link that it is, and as an error.
    fn refuse_loop(&mut self, dir: &Dir<'w, S::Dir>, name: &CStr, found: &mut Found<'w, S::Dir>) {
        self.fail_at(dir, Operation::Follow, name.to_bytes(), Errno::LOOP);
        let stat = || self.walk.source.stat(&dir.handle.dir, name, Links::Keep, self.want);
        if let Ok(stat) = self.ask(stat) {
            let contents = if stat.kind() == Kind::Dir { Contents::Unread } else { Contents::None };
            self.delivery.row(found.row_dir, name.to_bytes(), stat.kind(), &stat, contents);
            self.add_target(dir, name, stat.kind());
            found.size_sum = found.size_sum.wrapping_add(stat.size);
        }
    }

    fn add_target(&mut self, dir: &Dir<'w, S::Dir>, name: &CStr, kind: Kind) {
        if kind != Kind::Symlink || !self.want.contains(Fields::TARGET) {
            return;
        }
        match self.ask(|| self.walk.source.read_link(&dir.handle.dir, name)) {
            Ok(target) => self.delivery.target(&target),
            Err(errno) if is_gone(errno) => {}
            Err(errno) => self.fail_at(dir, Operation::ReadLink, name.to_bytes(), errno),
        }
    }

    pub(super) fn release(&mut self, dir: &Dir<'w, S::Dir>) {
        if !dir.release() {
            return;
        }
        let (n_entries, size_sum) = dir.counts();
        let contents = match (dir.has_failed.load(Relaxed), n_entries) {
            (true, 0) => Contents::Unread,
            _ => Contents::Counted { n_entries, size_sum },
        };
        self.delivery.dir_row(&dir.info, contents);
    }
}

/// What one slice of a directory has brought, besides rows.
struct Found<'w, D> {
    /// The directory's number in the batch.
    row_dir: u32,
    n_entries: i64,
    /// Bytes.
    size_sum: i64,
    /// Subdirectories to walk.
    siblings: Option<Box<Siblings<'w, D>>>,
}
