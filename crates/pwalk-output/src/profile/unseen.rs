//! What could not be seen.

use super::paths::{compare_shown, shown};
use super::{ErrorExample, ErrorRow, Errors};
use pwalk_engine::{EntryError, ErrorCounts, Operation};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Errors by kind, and those whose paths come first.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    counts: ErrorCounts,
    /// In order.
    examples: Vec<ErrorExample>,
}

impl Unseen {
    /// Counts errors, and keeps up to `n_max` in all.
    pub(crate) fn add(&mut self, errors: &[EntryError], n_max: usize) {
        // That a table changed a name is none of a profile's.
        for error in errors.iter().filter(|error| error.operation != Operation::Name) {
            *self.counts.entry((error.operation, error.errno)).or_default() += 1;
            self.keep(error, n_max);
        }
    }

    fn keep(&mut self, error: &EntryError, n_max: usize) {
        let last = self.examples.last().filter(|_| self.examples.len() >= n_max);
        if last.is_some_and(|last| compare_shown(&error.path, b"", &last.path.0).is_gt()) {
            return;
        }
        let example = ErrorExample {
            path: shown(&error.path),
            operation: error.operation.name().to_owned(),
            errno: error.errno.name(),
            message: error.errno.to_string(),
        };
        let place = self.examples.partition_point(|known| known <= &example);
        self.examples.insert(place, example);
        self.examples.truncate(n_max);
    }

    /// With what a summary knows, if nothing was counted here: of a saved scan.
    pub(crate) fn finish(self, known: &BTreeMap<String, u64>) -> Errors {
        let row = |((operation, errno), count): (&(Operation, _), &u64)| {
            let errno: &pwalk_engine::Errno = errno;
            ErrorRow {
                operation: Some(operation.name().to_owned()),
                errno: errno.name(),
                count: *count,
            }
        };
        let mut by: Vec<_> = self.counts.iter().map(row).collect();
        if by.is_empty() {
            let row = |(errno, count): (&String, &u64)| ErrorRow {
                operation: None,
                errno: errno.clone(),
                count: *count,
            };
            by = known.iter().map(row).collect();
        }
        by.sort_by_key(|row| Reverse(row.count));
        Errors { count: by.iter().map(|row| row.count).sum(), by, examples: self.examples }
    }
}
