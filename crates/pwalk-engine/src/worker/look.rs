//! From names to rows, and to subdirectories that wait.

use super::choose::Need;
use super::{Job, Slice, Worker, is_gone, stat_behind, stat_link};
use crate::batch::Contents;
use crate::crew::SLOW_SLICE;
use crate::directory::{Dir, DirInfo, Siblings};
use crate::entry::{Fields, Kind, Stat};
use crate::error::Operation;
use crate::filesystems::FsIndex;
use crate::filter::{DirFilter, Verdict};
use crate::listing::{Listing, Told};
use crate::pacer::PER_LINK;
use crate::source::{Asked, Sink, Source};
use crate::tree::TreeSums;
use pwalk_sys::{Errno, Links};
use std::ffi::CStr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// The time of a request is noted anew after this many inodes.
const N_PER_REQUEST: usize = 16;

impl<'w, S: Source, K: Sink> Worker<'w, '_, S, K> {
    /// Judges the names of a slice, asks for all inodes that are needed, and delivers the rows.
    pub(super) fn look_at(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        listing: &Listing,
        range: Range<usize>,
    ) {
        let filter = self.walk.filter.in_dir(&dir.info.path, dir.info.root_len);
        let row_dir = self.delivery.dir(&dir.info);
        let first_row = self.delivery.n_rows();
        let mut slice = SliceSums { row_dir, n_entries: 0, size_sum: 0, siblings: None };
        let mut wanted = std::mem::take(&mut self.wanted);
        let mut only_size = std::mem::take(&mut self.only_size);
        wanted.clear();
        only_size.clear();
        self.post.asks(Operation::Stat);
        let may_share = range.len() > 1;
        let has_tops = may_share && self.walk.config.filesystems.has_tops(&dir.info.path);
        let is_slow = may_share && self.walk.gauge(dir.info.fs).slice_len() < SLOW_SLICE;
        for index in range {
            let entry = listing.told(index);
            if has_tops && self.sets_top_apart(dir, entry)
                || is_slow && self.sets_dir_apart(dir, entry)
            {
                continue;
            }
            match self.judge(dir, &filter, entry, &mut slice) {
                Need::Nothing => {}
                need @ (Need::Inode | Need::Size) => {
                    wanted.push(index as u32);
                    only_size.push(matches!(need, Need::Size));
                }
                Need::Row => self.deliver_told(dir, entry, &mut slice),
            }
        }
        let answers = self.ask_slice(dir, listing, &wanted);
        for (number, &index) in wanted.iter().enumerate() {
            // On a slow filesystem the rest may take long.
            if self.walk.control.is_cancelled() {
                break;
            }
            let entry = listing.told(index as usize);
            match answers.get(number) {
                answer if only_size[number] => self.add_size(dir, entry, answer, &mut slice),
                Some(Ok(stat)) => self.deliver_stat(dir, &filter, entry, stat, &mut slice),
                other => {
                    let errno = other.and_then(|answer| answer.err());
                    self.deliver_failed(dir, &filter, entry, errno, &mut slice);
                }
            }
        }
        (self.wanted, self.only_size, self.answers) = (wanted, only_size, answers);
        dir.count(slice.n_entries, slice.size_sum);
        if let Some(tree) = &dir.info.tree {
            self.add_up(tree, first_row, slice.siblings.as_deref());
        }
        if let Some(siblings) = slice.siblings {
            self.jobs.push(Job::Open(siblings));
        }
    }

    /// The top of another filesystem is a slice of its own, for that filesystem's workers: if it is
    /// dead, it holds up no other entry.
    #[cold]
    fn sets_top_apart(&self, dir: &Arc<Dir<'w, S::Dir>>, entry: Told<'_>) -> bool {
        let path = [&dir.info.path, entry.name()].concat();
        let fs = self.walk.config.filesystems.of_path(&path);
        fs.is_some_and(|fs| self.sets_apart(dir, entry, fs))
    }

    /// Where answers take long, so is each directory: what is below it can be read before the
    /// entries beside it are answered, which may be never.
    fn sets_dir_apart(&self, dir: &Arc<Dir<'w, S::Dir>>, entry: Told<'_>) -> bool {
        may_hang(entry.kind) && self.sets_apart(dir, entry, dir.info.fs)
    }

    fn sets_apart(&self, dir: &Arc<Dir<'w, S::Dir>>, entry: Told<'_>, fs: FsIndex) -> bool {
        let mut listing = Listing::default();
        if !matches!(self.need(dir, entry), Need::Inode)
            || listing.push(entry.ino, entry.kind, entry.c_name()).is_err()
        {
            return false;
        }
        dir.add_holders(1);
        let slice = Slice { dir: dir.clone(), listing: Arc::new(listing), range: 0..1 };
        self.jobs.push_to(self.walk.pool(fs), Job::Slice(Box::new(slice)));
        true
    }

    /// What an entry needs, judging by what its directory says.
    #[inline]
    fn judge(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        filter: &DirFilter<'_>,
        entry: Told<'_>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) -> Need {
        if self.is_own_file(dir, entry) {
            self.delivery.totals.n_own_outputs += 1;
            return Need::Nothing;
        }
        slice.n_entries += 1;
        match filter.judge(entry.name(), entry.kind) {
            Verdict::Keep => match self.need(dir, entry) {
                Need::Nothing => {
                    self.delivery.pass(entry.kind);
                    Need::Nothing
                }
                need => need,
            },
            verdict => {
                self.leave_out(dir, verdict, entry, slice);
                Need::Nothing
            }
        }
    }

    /// Adds the size of an entry that the condition leaves out. What can't be read of it adds nothing:
    /// nobody asked for this entry.
    fn add_size(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        entry: Told<'_>,
        answer: Option<&Result<Stat, Errno>>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        self.delivery.pass(entry.kind);
        let size = match answer {
            Some(Ok(stat)) => stat.size,
            other => {
                let errno = other.and_then(|answer| answer.err());
                self.stat_again(dir, entry.c_name(), errno).0.map_or(0, |stat| stat.size)
            }
        };
        slice.size_sum = slice.size_sum.saturating_add(size);
    }

    /// Asks for the inodes of some entries, unless the walk is cancelled.
    fn ask_slice(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        listing: &Listing,
        wanted: &[u32],
    ) -> Vec<Result<Stat, Errno>> {
        let mut answers = std::mem::take(&mut self.answers);
        answers.clear();
        let links = self.walk.config.rules.links;
        let asked = Asked { listing, wanted, links, fields: self.want };
        let (control, post) = (self.walk.control, &self.post);
        let (gauge, number) = (self.walk.gauge(dir.info.fs), self.index);
        let (mut n_told, mut is_named, mut n_counted) = (0_usize, false, 0);
        // Where answers take long, each is counted at once, for the next sample.
        let n_per_count = if gauge.slice_len() < SLOW_SLICE { 1 } else { N_PER_REQUEST };
        let mut asked_at = Instant::now();
        let walk = self.walk;
        let may_ask = |index| {
            if n_told >= n_counted + n_per_count {
                gauge.count(number, (n_told - n_counted) as u64, asked_at);
                (n_counted, asked_at) = (n_told, Instant::now());
            }
            if walk.is_paced() {
                // It is not the filesystem that makes it wait.
                post.rests();
                let is_followed = links == Links::Follow && listing.kind(index) == Kind::Symlink;
                let n_before = if is_followed { PER_LINK - 1 } else { 0 };
                if !walk.pace(n_before + walk.config.ops_per_inode) {
                    return false;
                }
                (is_named, asked_at) = (true, Instant::now());
            }
            let may_hang = may_hang(listing.kind(index));
            if may_hang {
                post.asks_entry(listing.name(index));
            } else if is_named || n_told == n_counted {
                post.asks_others();
            }
            (is_named, n_told) = (may_hang, n_told + 1);
            !control.is_cancelled()
        };
        self.walk.source.stat_slice(&dir.handle.dir, &asked, may_ask, &mut answers);
        gauge.count(number, (answers.len() - n_counted.min(answers.len())) as u64, asked_at);
        self.post.asks_others();
        answers
    }

    /// Delivers an entry for which the directory says enough.
    fn deliver_told(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        entry: Told<'_>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        let stat = Stat { ino: entry.ino, dev: dir.info.stat.dev, ..Stat::default() };
        self.deliver(dir, entry, entry.kind, &stat, slice);
    }

    /// Delivers an entry whose inode was not read at once, or could not be.
    #[cold]
    fn deliver_failed(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        filter: &DirFilter<'_>,
        entry: Told<'_>,
        errno: Option<Errno>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        let (stat, failure) = self.stat_again(dir, entry.c_name(), errno);
        let Some(stat) = stat else { return self.fail_entry(dir, entry, failure, slice) };
        if let Some(errno) = failure {
            self.fail_at(dir, Operation::Stat, entry.name(), errno);
        }
        self.deliver_stat(dir, filter, entry, &stat, slice);
    }

    /// Delivers an entry whose inode was read.
    #[inline]
    fn deliver_stat(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        filter: &DirFilter<'_>,
        entry: Told<'_>,
        stat: &Stat,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        let kind = stat.kind();
        if kind != entry.kind {
            match filter.judge(entry.name(), kind) {
                Verdict::Keep => {}
                verdict => return self.leave_out(dir, verdict, entry, slice),
            }
        }
        if self.is_elsewhere(&dir.info, stat) {
            self.delivery.totals.n_mount_points += 1;
            return;
        }
        self.deliver(dir, entry, kind, stat, slice);
    }

    // Always: with calls of this and of `add_target` a walk took 4% more instructions.
    #[inline(always)]
    fn deliver(
        &mut self,
        dir: &Arc<Dir<'w, S::Dir>>,
        entry: Told<'_>,
        kind: Kind,
        stat: &Stat,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        if kind == Kind::Dir && self.walk.config.rules.may_enter(dir.info.level() + 1) {
            if dir.info.is_below(stat.id()) {
                return self.refuse_loop(dir, entry, slice);
            }
            let fs = self.walk.fs_below(&dir.info, entry.name(), stat);
            if self.walk.config.filesystems.is_trigger(fs, &dir.info.path, entry.name()) {
                self.delivery.totals.n_automounts += 1;
                self.row(&dir.info, slice.row_dir, entry.name(), kind, stat, Contents::Unread);
            } else if fs != dir.info.fs {
                self.cross(dir, fs, entry, stat);
            } else {
                let siblings = slice.siblings.get_or_insert_with(|| self.new_siblings(dir, fs));
                siblings.push(entry.c_name(), *stat);
            }
        } else {
            let contents = if kind == Kind::Dir { Contents::Unread } else { Contents::None };
            let has_row = self.row(&dir.info, slice.row_dir, entry.name(), kind, stat, contents);
            if kind == Kind::Symlink && has_row {
                self.add_target(dir, entry);
            }
        }
        slice.size_sum = slice.size_sum.saturating_add(stat.size);
    }

    fn new_siblings(&self, dir: &Dir<'w, S::Dir>, fs: FsIndex) -> Box<Siblings<'w, S::Dir>> {
        let handle = self.walk.descriptors.are_plenty().then(|| dir.handle.clone());
        Box::new(Siblings::new(dir.info.clone(), fs, handle))
    }

    /// A directory on another filesystem waits for that filesystem's workers.
    #[cold]
    fn cross(&self, dir: &Dir<'w, S::Dir>, fs: FsIndex, entry: Told<'_>, stat: &Stat) {
        let mut siblings = self.new_siblings(dir, fs);
        siblings.push(entry.c_name(), *stat);
        if let Some(tree) = &dir.info.tree {
            tree.add(&TreeSums::default(), 1);
        }
        self.jobs.push_to(self.walk.pool(fs), Job::Open(siblings));
    }

    /// True for a file that the walk writes. A directory lists inode numbers only, so the device of an
    /// entry with such a number is read.
    fn is_own_file(&self, dir: &Dir<'w, S::Dir>, entry: Told<'_>) -> bool {
        let own = &self.walk.config.rules.own_files;
        if !own.iter().any(|id| id.ino == entry.ino) {
            return false;
        }
        let want = Fields::INODE | Fields::DEVICE;
        let stat = self.ask(|| self.stat_once(dir, entry.c_name(), Links::Keep, want));
        stat.is_ok_and(|stat| own.contains(&stat.id()))
    }

    /// The inode of an entry, and what stands in the way of it.
    fn stat(&self, dir: &Dir<'w, S::Dir>, name: &CStr) -> (Option<Stat>, Option<Errno>) {
        stat_behind(self.walk.config.rules.links, |links| self.stat_entry(dir, name, links))
    }

    /// The same after a first answer, or where there was none.
    fn stat_again(
        &self,
        dir: &Dir<'w, S::Dir>,
        name: &CStr,
        errno: Option<Errno>,
    ) -> (Option<Stat>, Option<Errno>) {
        let Some(errno) = errno else { return self.stat(dir, name) };
        let links = self.walk.config.rules.links;
        let stat = || self.stat_once(dir, name, links, self.want);
        match self.ask_after(errno, stat) {
            Ok(stat) => (Some(stat), None),
            Err(errno) => stat_link(links, errno, |links| self.stat_entry(dir, name, links)),
        }
    }

    fn stat_entry(&self, dir: &Dir<'w, S::Dir>, name: &CStr, links: Links) -> Result<Stat, Errno> {
        self.ask(|| self.stat_once(dir, name, links, self.want))
    }

    fn stat_once(
        &self,
        dir: &Dir<'w, S::Dir>,
        name: &CStr,
        links: Links,
        want: Fields,
    ) -> Result<Stat, Errno> {
        let stat = || self.walk.source.stat(&dir.handle.dir, name, links, want);
        let n_ops = self.walk.config.ops_per_inode;
        self.asker(dir.info.fs).ask(Operation::Stat, n_ops, stat)
    }

    fn fail_entry(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        entry: Told<'_>,
        failure: Option<Errno>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        let Some(errno) = failure.filter(|errno| !is_gone(*errno)) else {
            slice.n_entries -= 1;
            self.delivery.totals.n_vanished += 1;
            return;
        };
        let name = entry.name();
        self.fail_at(dir, Operation::Stat, name, errno);
        if self.delivery.needs_names_only() && self.told(dir, entry) == Some(true) {
            // Its name is all that the sink wants, and that is known.
            let contents = if entry.kind == Kind::Dir { Contents::Unread } else { Contents::None };
            self.delivery.row(slice.row_dir, name, entry.kind, &Stat::default(), contents);
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
        entry: Told<'_>,
        slice: &mut SliceSums<'w, S::Dir>,
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
        if may_stat && self.wants_sum(dir) && !self.walk.control.is_cancelled() {
            // What can't be stat'ed adds nothing: nobody asked for this entry.
            if let (Some(stat), _) = self.stat(dir, entry.c_name()) {
                slice.size_sum = slice.size_sum.saturating_add(stat.size);
            }
        }
    }

    /// A link that leads back up is delivered as the link that it is, and as an error.
    fn refuse_loop(
        &mut self,
        dir: &Dir<'w, S::Dir>,
        entry: Told<'_>,
        slice: &mut SliceSums<'w, S::Dir>,
    ) {
        self.fail_at(dir, Operation::Follow, entry.name(), Errno::LOOP);
        if let Ok(stat) = self.stat_entry(dir, entry.c_name(), Links::Keep) {
            let contents = if stat.kind() == Kind::Dir { Contents::Unread } else { Contents::None };
            let (name, kind) = (entry.name(), stat.kind());
            let has_row = self.row(&dir.info, slice.row_dir, name, kind, &stat, contents);
            if kind == Kind::Symlink && has_row {
                self.add_target(dir, entry);
            }
            slice.size_sum = slice.size_sum.saturating_add(stat.size);
        }
    }

    fn add_target(&mut self, dir: &Dir<'w, S::Dir>, entry: Told<'_>) {
        if !self.want.contains(Fields::TARGET) {
            return;
        }
        let read_link = || self.walk.source.read_link(&dir.handle.dir, entry.c_name());
        let asker = self.asker(dir.info.fs);
        match self.ask(|| asker.ask(Operation::Stat, 1, read_link)) {
            Ok(target) => self.delivery.target(&target),
            Err(errno) if is_gone(errno) => {}
            Err(errno) => self.fail_at(dir, Operation::ReadLink, entry.name(), errno),
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
        self.end(&dir.info, contents);
    }
}

/// True for what may be a mount point, which may be dead.
fn may_hang(kind: Kind) -> bool {
    matches!(kind, Kind::Dir | Kind::Unknown)
}

/// What one slice of a directory has brought, besides rows.
struct SliceSums<'w, D> {
    /// The directory's number in the batch.
    row_dir: u32,
    n_entries: i64,
    /// Bytes; stops at 2^63 - 1.
    size_sum: i64,
    /// Subdirectories to walk.
    siblings: Option<Box<Siblings<'w, D>>>,
}
