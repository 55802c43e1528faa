//! The one place where requests are made: paced, recorded for [`crate::waiting`], and counted.
//!
//! Except for the inodes of a slice, which are read at once: see `look.rs`.

use crate::error::Operation;
use crate::filesystems::FsIndex;
use crate::source::{Sink, Source};
use crate::waiting::Post;
use crate::walk::Walk;
use pwalk_sys::Errno;
use std::time::Instant;

/// One worker, as it asks a filesystem.
pub(super) struct Asker<'a, S: Source, K: Sink> {
    pub(super) walk: &'a Walk<'a, S, K>,
    pub(super) post: &'a Post,
    /// The worker's number.
    pub(super) index: usize,
    /// The filesystem that is asked.
    pub(super) fs: FsIndex,
}

impl<S: Source, K: Sink> Asker<'_, S, K> {
    /// Makes a request that a server sees as `n_ops`; ECANCELED if the walk is cancelled before its
    /// turn comes.
    pub(super) fn ask<T>(
        &self,
        operation: Operation,
        n_ops: u64,
        call: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        if self.walk.is_paced() {
            // It is not the filesystem that makes it wait.
            self.post.rests();
            if !self.walk.pace(n_ops) {
                return Err(Errno::CANCELED);
            }
        }
        self.post.asks(operation);
        let asked = Instant::now();
        let answer = call();
        self.walk.gauge(self.fs).count(self.index, 1, asked);
        self.post.rests();
        answer
    }
}
