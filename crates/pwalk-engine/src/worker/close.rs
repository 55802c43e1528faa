//! The row of a directory: at the end of its reading, or in a walk for totals of subtrees once all
//! that is below it has ended.

use super::Worker;
use crate::batch::Contents;
use crate::directory::DirInfo;
use crate::source::{Sink, Source};
use crate::tree::{Above, Closed, Tree};
use std::sync::Arc;

impl<S: Source, K: Sink> Worker<'_, '_, S, K> {
    /// The reading of a directory has ended, or could not begin.
    pub(super) fn end(&mut self, info: &Arc<DirInfo>, contents: Contents) {
        let Some(tree) = &info.tree else { return self.delivery.dir_row(info, contents) };
        self.delivery.count_dir(&info.stat);
        if let Some(closed) = tree.end_reading(contents) {
            self.close(&info.path, tree.clone(), closed);
        }
    }

    /// Nothing is to come below a directory, whose path begins this one: nor below those above it
    /// that waited for nothing else.
    fn close(&mut self, path: &[u8], mut tree: Arc<Tree>, mut closed: Closed) {
        loop {
            self.delivery.closed_row(&path[..tree.path_len], &tree, &closed);
            // In a chain of directories one job may bring any number of them.
            self.delivery.hand_over();
            let sums = closed.sums.and(crate::Kind::Dir, &tree.stat);
            let above = match &tree.above {
                Above::Nothing => return,
                Above::Left(number) => return self.walk.finish(Some(*number), 1, &sums),
                Above::Dir(above) => above.clone(),
            };
            let Some(next) = above.end_below(&sums) else { return };
            (tree, closed) = (above, next);
        }
    }
}
