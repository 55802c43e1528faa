//! One table, read by several threads at once, in no promised order of its rows.
//!
//! Each thread has a [`Share`]. It reads a piece of its own (row groups, record batches), and takes
//! the next piece from the table under a lock. What has no pieces, which is all text, is read under
//! the lock: one thread parses while the others deal with what they have got.

use super::{ReadError, RowSource, TableReader, guard, next_of};
use pwalk_engine::{Batch, lock};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A table that several threads read.
pub struct SharedReader(Mutex<TableReader>);

impl SharedReader {
    /// Of a table of which nothing was read yet.
    pub fn new(reader: TableReader) -> SharedReader {
        SharedReader(Mutex::new(reader))
    }

    /// What one more thread reads.
    pub fn share(&self) -> Share<'_> {
        Share { table: &self.0, piece: None }
    }

    /// After the end of all shares: is everything there?
    ///
    /// # Errors
    ///
    /// If the parts of a folder don't add up.
    pub fn finish(self) -> Result<(), ReadError> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).check()
    }
}

/// The rows that one thread reads.
pub struct Share<'t> {
    table: &'t Mutex<TableReader>,
    piece: Option<Piece>,
}

/// A part of a file that only one thread reads.
struct Piece {
    source: Box<dyn RowSource>,
    /// The file.
    path: PathBuf,
    /// Rows that were read.
    n_rows: u64,
}

impl Share<'_> {
    /// Replaces the rows of a batch by the next ones; false at the end.
    ///
    /// # Errors
    ///
    /// If the file is damaged: which one, and where.
    pub fn next(&mut self, batch: &mut Batch) -> Result<bool, ReadError> {
        loop {
            if let Some(Piece { source, path, n_rows }) = &mut self.piece
                && next_of(&mut **source, path, batch)?
            {
                *n_rows += batch.len() as u64;
                return Ok(true);
            }
            let table = &mut *lock(self.table);
            table.count(self.piece.take().map_or(0, |piece| piece.n_rows));
            self.piece = table.split_off()?;
            if self.piece.is_some() {
                continue;
            }
            if next_of(&mut *table.source, &table.path, batch)? {
                table.count(batch.len() as u64);
                return Ok(true);
            }
            if !table.next_part()? {
                return Ok(false);
            }
        }
    }
}

impl TableReader {
    fn split_off(&mut self) -> Result<Option<Piece>, ReadError> {
        let path = self.path.clone();
        match guard(|| self.source.split_off()) {
            Ok(Some(source)) => Ok(Some(Piece { source, path, n_rows: 0 })),
            Ok(None) => Ok(None),
            Err(reason) => Err(ReadError { path, reason }),
        }
    }
}
