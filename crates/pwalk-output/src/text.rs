//! Formats that are lines of text. Rows become text, text becomes packed pieces, pieces can stand
//! in any order.

use crate::compress::{Compression, Compressor};
use crate::file::{OutputError, OutputFile};
use crate::table::{BatchEncoder, Encoder, Ending, Piece, RecordEncoder, Table};
use arrow_array::RecordBatch;
use pwalk_engine::{Batch, EntryError, Errno, Operation, Row};
use std::io;
use std::path::PathBuf;

/// Formats the rows of a walk as lines.
pub trait Lines: Send {
    /// Appends the rows of a batch to `text`; `on_change` is called for each whose path had to be
    /// changed to become valid text.
    fn append(&mut self, batch: &Batch, text: &mut Vec<u8>, on_change: &mut dyn FnMut(Row<'_>));
}

/// Formats the rows of record batches as lines.
pub(crate) trait RecordLines: Send {
    /// Appends the rows of a record batch to `text`.
    fn append(&mut self, record: &RecordBatch, text: &mut Vec<u8>) -> io::Result<()>;
}

/// Turns rows into packed pieces of text.
pub(crate) struct TextEncoder<L> {
    lines: L,
    compression: Compression,
    compressor: Compressor,
    /// Lines that are not packed yet.
    text: Vec<u8>,
    n_rows: u64,
    /// Rows that a piece may have.
    max_rows: u64,
    /// For messages.
    name: PathBuf,
}

impl<L> TextEncoder<L> {
    pub(crate) fn new(
        lines: L,
        compression: Compression,
        name: PathBuf,
        max_rows: u64,
    ) -> Result<Self, OutputError> {
        let compressor =
            Compressor::new(compression).map_err(|error| OutputError::new(&name, error))?;
        let text = Vec::new();
        Ok(TextEncoder { lines, compression, compressor, text, n_rows: 0, max_rows, name })
    }

    /// Counts rows whose lines were appended; returns a piece if that made it full.
    fn add_rows(&mut self, n_rows: usize) -> Result<Option<Piece<Vec<u8>>>, OutputError> {
        self.n_rows += n_rows as u64;
        let is_full =
            self.text.len() >= self.compression.piece_len() || self.n_rows >= self.max_rows;
        if is_full { self.pack() } else { Ok(None) }
    }

    fn pack(&mut self) -> Result<Option<Piece<Vec<u8>>>, OutputError> {
        let packed = self.compressor.pack(&mut self.text);
        let content = packed.map_err(|error| OutputError::new(&self.name, error))?;
        let n_rows = std::mem::take(&mut self.n_rows);
        Ok(Some(Piece { content, n_rows }))
    }
}

impl<L: Send> Encoder for TextEncoder<L> {
    type Content = Vec<u8>;

    fn n_free_rows(&self) -> usize {
        usize::try_from(self.max_rows - self.n_rows).unwrap_or(usize::MAX)
    }

    fn finish(mut self) -> Result<Option<Piece<Vec<u8>>>, OutputError> {
        if self.text.is_empty() { Ok(None) } else { self.pack() }
    }
}

impl<L: Lines> BatchEncoder for TextEncoder<L> {
    fn encode(&mut self, batch: &mut Batch) -> Result<Option<Piece<Vec<u8>>>, OutputError> {
        let mut changed = Vec::new();
        self.lines.append(batch, &mut self.text, &mut |row| changed.push(changed_name(row)));
        batch.errors.append(&mut changed);
        self.add_rows(batch.len())
    }
}

impl<L: RecordLines> RecordEncoder for TextEncoder<L> {
    fn encode(&mut self, record: RecordBatch) -> Result<Option<Piece<Vec<u8>>>, OutputError> {
        let appended = self.lines.append(&record, &mut self.text);
        appended.map_err(|error| OutputError::new(&self.name, error))?;
        self.add_rows(record.num_rows())
    }
}

/// The error that says which row carries another name than its file.
pub(crate) fn changed_name(row: Row<'_>) -> EntryError {
    let (path, depth) = (row.path(), row.depth());
    EntryError { operation: Operation::Name, path, depth, errno: Errno::ILSEQ }
}

/// A file of packed pieces, after a header.
pub(crate) struct TextTable {
    file: OutputFile,
}

impl TextTable {
    /// Begins the file with a header, packed as the pieces are.
    pub(crate) fn begin(
        mut file: OutputFile,
        mut header: Vec<u8>,
        compression: Compression,
    ) -> Result<TextTable, OutputError> {
        if !header.is_empty() {
            let pack =
                |header| -> io::Result<Vec<u8>> { Compressor::new(compression)?.pack(header) };
            let packed = pack(&mut header).map_err(|error| file.error(error))?;
            file.append(&packed)?;
        }
        Ok(TextTable { file })
    }
}

impl Table for TextTable {
    type Content = Vec<u8>;

    fn append(&mut self, piece: Piece<Vec<u8>>) -> Result<(), OutputError> {
        self.file.append(&piece.content)
    }

    fn n_bytes(&self) -> u64 {
        self.file.n_bytes()
    }

    fn finish(self, _ending: Option<&Ending>) -> Result<u64, OutputError> {
        self.file.finish()
    }
}
