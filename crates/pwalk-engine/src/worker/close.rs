//! The row of a directory: at the end of its reading, or in a walk for totals of subtrees once all
//! that is below it has ended.

use super::Worker;
use crate::batch::Contents;
use crate::condition::Facts;
use crate::directory::{DirInfo, Siblings};
use crate::entry::Kind;
use crate::source::{Sink, Source};
use crate::tree::{Above, Closed, Tree, TreeSums};
use std::sync::Arc;

impl<S: Source, K: Sink> Worker<'_, '_, S, K> {
    /// The reading of a directory has ended, or could not begin.
    pub(super) fn end(&mut self, info: &Arc<DirInfo>, contents: Contents) {
        let Some(tree) = &info.tree else {
            self.dir_row(info, contents);
            return;
        };
        self.delivery.count_dir(&info.stat);
        if let Some(closed) = tree.end_reading(contents) {
            self.close(&info.path, tree.clone(), closed);
        }
    }

    /// Adds a slice to the totals of its directory: its rows, from `first` on, and the directories
    /// in it that are still to be walked.
    // Not inlined: most walks are for other things.
    #[inline(never)]
    pub(super) fn add_up<D>(&self, tree: &Tree, first: usize, waiting: Option<&Siblings<'_, D>>) {
        let n_waiting = waiting.map_or(0, Siblings::len);
        tree.add(&self.delivery.sums_from(first), n_waiting);
    }

    /// Nothing is to come below a directory, whose path begins this one: nor below those above it
    /// that waited for nothing else.
    fn close(&mut self, path: &[u8], mut tree: Arc<Tree>, mut closed: Closed) {
        loop {
            let sums = self.closed_row(&path[..tree.path_len], &tree, &closed);
            // In a chain of directories one job may bring any number of them.
            self.delivery.hand_over();
            let above = match &tree.above {
                Above::Nothing => return,
                Above::Left(number) => return self.walk.finish(Some(*number), 1, &sums),
                Above::Dir(above) => above.clone(),
            };
            let Some(next) = above.end_below(&sums) else { return };
            (tree, closed) = (above, next);
        }
    }

    /// The row of a closed directory, and what the directory above gets: where the condition leaves
    /// out the row, what is below it alone.
    fn closed_row(&mut self, path: &[u8], tree: &Tree, closed: &Closed) -> TreeSums {
        let facts = Facts::dir(path, tree.depth, &tree.stat).with_contents(closed.contents);
        if self.condition.is_some_and(|condition| condition.decide(&facts) != Some(true)) {
            self.delivery.totals.n_filtered += 1;
            return closed.sums;
        }
        self.delivery.closed_row(path, tree, closed);
        closed.sums.and(Kind::Dir, &tree.stat)
    }
}
