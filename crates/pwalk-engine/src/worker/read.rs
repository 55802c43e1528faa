//! From an open directory to slices of its names.

use super::{Asker, Job, Slice, Worker, is_gone, is_lack};
use crate::directory::Dir;
use crate::entry::Fields;
use crate::error::Operation;
use crate::listing::Listing;
use crate::source::{Sink, Source};
use crate::sync::lock;
use pwalk_sys::Errno;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// How a read of names ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// There may be more names.
    More,
    /// There may be more, but no descriptor to read them.
    Lack,
    /// There are no more, or they can't be read.
    End,
}

impl<'w, S: Source, K: Sink> Worker<'w, '_, S, K> {
    /// Reads a directory that was just opened: to its end, if it is small.
    pub(super) fn read(&mut self, dir: Arc<Dir<'w, S::Dir>>) {
        let mut listing = std::mem::take(&mut self.listing);
        listing.clear();
        let read = self.fill(&dir, &mut listing, true);
        if listing.len() <= self.walk.gauge(dir.info.fs).slice_len() {
            self.look_at(&dir, &listing, 0..listing.len());
            self.listing = listing;
            if read == Read::More {
                return self.read_on(dir);
            }
        } else {
            self.share(&dir, listing, read);
        }
        self.after_read(dir, read);
    }

    /// Reads the next names of a directory of which some were read before.
    pub(super) fn read_on(&mut self, dir: Arc<Dir<'w, S::Dir>>) {
        let mut listing = std::mem::take(&mut self.listing);
        listing.clear();
        let read = self.fill(&dir, &mut listing, false);
        if listing.is_empty() {
            self.listing = listing;
        } else {
            self.share(&dir, listing, read);
        }
        self.after_read(dir, read);
    }

    /// What becomes of the reader's hold on the directory.
    fn after_read(&mut self, dir: Arc<Dir<'w, S::Dir>>, read: Read) {
        match read {
            // It goes on in the job that `share` made visible.
            Read::More => {}
            Read::Lack => self.jobs.defer(Job::ReadAgain(dir)),
            Read::End => self.release(&dir),
        }
    }

    /// Makes the rest of a directory, and all slices of `listing` but the first, visible to idle
    /// workers, and looks at the first. The reader's hold goes on to the `Read` job.
    fn share(&mut self, dir: &Arc<Dir<'w, S::Dir>>, listing: Listing, read: Read) {
        let len = listing.len();
        let slice_len = self.walk.gauge(dir.info.fs).slice_len();
        let listing = Arc::new(listing);
        // All holders before the first job, or the directory could seem finished in between.
        dir.add_holders(len.div_ceil(slice_len));
        if read == Read::More {
            self.jobs.push(Job::Read(dir.clone()));
        }
        for start in (slice_len..len).step_by(slice_len).rev() {
            let range = start..len.min(start + slice_len);
            let slice = Slice { dir: dir.clone(), listing: listing.clone(), range };
            self.jobs.push(Job::Slice(Box::new(slice)));
        }
        self.look_at(dir, &listing, 0..len.min(slice_len));
        self.release(dir);
    }

    /// Reads names that the directory has not delivered before.
    fn fill(&mut self, dir: &Dir<'w, S::Dir>, listing: &mut Listing, is_first: bool) -> Read {
        if self.walk.control.is_cancelled() {
            return Read::End;
        }
        if is_first {
            self.names.seen.start();
        } else {
            std::mem::swap(&mut self.names.seen, &mut lock(&dir.seen));
        }
        let (walk, fs) = (self.walk, dir.info.fs);
        let buffer_len = walk.config.filesystems.tuning(fs).buffer_bytes;
        let asker = Asker { walk, post: &self.post, index: self.index, fs };
        let result = self.names.read(listing, |scratch, listing| {
            let read = || walk.source.read(&dir.handle.dir, buffer_len, scratch, listing);
            asker.ask(Operation::Read, 1, read)
        });
        let read = match result {
            Ok(true) => Read::More,
            Ok(false) => Read::End,
            Err(errno) if is_lack(errno) && self.walk.descriptors.put_off_reading() => Read::Lack,
            Err(errno) => {
                self.fail_reading(dir, errno);
                Read::End
            }
        };
        if read != Read::End {
            std::mem::swap(&mut self.names.seen, &mut lock(&dir.seen));
        }
        read
    }

    fn fail_reading(&mut self, dir: &Dir<'w, S::Dir>, errno: Errno) {
        dir.has_failed.store(true, Relaxed);
        if is_gone(errno) && self.is_deleted(dir) {
            self.delivery.totals.n_vanished += 1;
        } else {
            dir.info.fail();
            self.delivery.fail(
                Operation::Read,
                dir.info.own_path().to_vec(),
                dir.info.depth,
                errno,
            );
        }
    }

    fn is_deleted(&self, dir: &Dir<'w, S::Dir>) -> bool {
        let stat = || self.walk.source.stat_dir(&dir.handle.dir, Fields::LINKS);
        match self.asker(dir.info.fs).ask(Operation::Stat, 1, stat) {
            Ok(stat) => stat.nlink == 0,
            Err(errno) => is_gone(errno),
        }
    }
}
