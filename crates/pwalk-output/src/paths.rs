//! Paths alone, one a line or one a NUL: what `find` prints.

use crate::text::Lines;
use pwalk_engine::{Batch, Kind, Row};

/// Writes the bytes of paths, unchanged.
#[derive(Clone, Debug)]
pub(crate) struct PathLines {
    /// Which kinds are written, by their number.
    writes_kind: [bool; Kind::ALL.len()],
    /// What ends a path.
    end: u8,
}

impl PathLines {
    pub(crate) fn new(kinds: &[Kind], end: u8) -> PathLines {
        let writes_kind = Kind::ALL.map(|kind| kinds.is_empty() || kinds.contains(&kind));
        PathLines { writes_kind, end }
    }
}

impl Lines for PathLines {
    fn append(&mut self, batch: &Batch, text: &mut Vec<u8>, _on_change: &mut dyn FnMut(Row<'_>)) {
        for row in batch.rows().filter(|row| self.writes_kind[row.kind() as usize]) {
            let (dir, name) = row.path_parts();
            text.extend_from_slice(dir);
            text.extend_from_slice(name);
            text.push(self.end);
        }
    }
}
