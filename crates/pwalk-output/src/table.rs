//! What writes a table: a pool of encoders before one file, or one folder.
//!
//! An [`Encoder`] turns what it is given into pieces in whatever thread comes, and needs no lock;
//! a [`Table`] puts finished pieces one behind the other, under a short one. Encoders take record
//! batches of any schema ([`RecordEncoder`]); those of the formats that have always the same
//! lines (the pwalk CSV, paths) take the batches of a walk as they are ([`BatchEncoder`]).

use crate::file::OutputError;
use crate::pool::Pool;
use crate::summary::Summary;
use arrow_array::RecordBatch;
use pwalk_engine::{Batch, Fields, Sink, lock};
use std::sync::{Mutex, PoisonError};

/// Rows of a table that are ready to be put behind the others.
pub(crate) struct Piece<P> {
    /// Its content.
    pub content: P,
    /// Rows in it.
    pub n_rows: u64,
}

/// Makes pieces.
pub(crate) trait Encoder: Send {
    /// What a piece is.
    type Content;

    /// Rows until a piece has as many as it may have.
    fn n_free_rows(&self) -> usize;

    /// What is left.
    fn finish(self) -> Result<Option<Piece<Self::Content>>, OutputError>;
}

/// Turns the batches of a walk into pieces.
pub(crate) trait BatchEncoder: Encoder {
    /// Takes a batch; returns a piece once one is full. What it had to change in a row, it adds
    /// to the batch's errors.
    fn encode(&mut self, batch: &mut Batch) -> Result<Option<Piece<Self::Content>>, OutputError>;
}

/// Turns record batches into pieces.
pub(crate) trait RecordEncoder: Encoder {
    /// Takes a record batch of no more rows than are free; returns a piece once one is full.
    fn encode(&mut self, record: RecordBatch) -> Result<Option<Piece<Self::Content>>, OutputError>;
}

/// A file, or several, that pieces are put into.
pub(crate) trait Table: Send {
    /// What a piece is.
    type Content;

    /// Puts a piece behind the others.
    fn append(&mut self, piece: Piece<Self::Content>) -> Result<(), OutputError>;

    /// Bytes written so far.
    fn n_bytes(&self) -> u64;

    /// Ends the table, and gives it its name. Returns its bytes. Without an ending it is one
    /// part of a larger whole.
    ///
    /// A table that is dropped instead leaves no file.
    fn finish(self, ending: Option<&Ending>) -> Result<u64, OutputError>;
}

/// What a table says of itself once it is complete.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// Keys and values, for formats that have metadata.
    pub(crate) metadata: Vec<(String, String)>,
    /// All of it as one line of JSON, for a folder.
    pub(crate) json: String,
}

impl Ending {
    pub(crate) fn of_summary(summary: &Summary) -> Ending {
        Ending { metadata: summary.pairs(), json: summary.to_json() }
    }
}

/// A sink that writes a table of whatever format.
pub trait TableSink: Sink<Error = OutputError> + Send {
    /// Ends the table, and gives it its name. Returns its bytes.
    fn finish(self: Box<Self>, summary: &Summary) -> Result<u64, OutputError>;
}

/// A table of record batches, of whatever format. All of them have the same schema.
pub(crate) trait RecordTable: Send + Sync {
    /// Writes a record batch.
    fn write(&self, record: RecordBatch) -> Result<(), OutputError>;

    /// Ends the table, and gives it its name. Returns its bytes.
    fn finish(self: Box<Self>, ending: &Ending) -> Result<u64, OutputError>;
}

/// Encoders before a table. Memory is bounded by them, however many threads there are.
pub(crate) struct Pooled<E, T> {
    encoders: Pool<E>,
    table: Mutex<T>,
}

impl<E: Encoder, T: Table<Content = E::Content>> Pooled<E, T> {
    pub(crate) fn new(encoders: Vec<E>, table: T) -> Pooled<E, T> {
        Pooled { encoders: Pool::new(encoders), table: Mutex::new(table) }
    }

    fn append(&self, piece: Option<Piece<E::Content>>) -> Result<(), OutputError> {
        match piece {
            Some(piece) => lock(&self.table).append(piece),
            None => Ok(()),
        }
    }

    fn finish(self, ending: &Ending) -> Result<u64, OutputError> {
        let mut table = self.table.into_inner().unwrap_or_else(PoisonError::into_inner);
        for encoder in self.encoders.into_values() {
            if let Some(piece) = encoder.finish()? {
                table.append(piece)?;
            }
        }
        table.finish(Some(ending))
    }
}

impl<E: RecordEncoder, T: Table<Content = E::Content>> RecordTable for Pooled<E, T> {
    fn write(&self, mut record: RecordBatch) -> Result<(), OutputError> {
        self.encoders.with(|encoder| {
            while record.num_rows() > encoder.n_free_rows() {
                let n_first = encoder.n_free_rows();
                let rest = record.slice(n_first, record.num_rows() - n_first);
                let first = std::mem::replace(&mut record, rest).slice(0, n_first);
                self.append(encoder.encode(first)?)?;
            }
            self.append(encoder.encode(record)?)
        })
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<u64, OutputError> {
        Pooled::finish(*self, ending)
    }
}

/// Writes a walk with encoders that take its batches.
pub(crate) struct PooledSink<E, T> {
    fields: Fields,
    pooled: Pooled<E, T>,
}

impl<E: BatchEncoder, T: Table<Content = E::Content>> PooledSink<E, T> {
    pub(crate) fn new(fields: Fields, pooled: Pooled<E, T>) -> PooledSink<E, T> {
        PooledSink { fields, pooled }
    }
}

impl<E: BatchEncoder, T: Table<Content = E::Content>> Sink for PooledSink<E, T> {
    type Error = OutputError;

    fn fields(&self) -> Fields {
        self.fields
    }

    fn put(&self, batch: &mut Batch) -> Result<(), OutputError> {
        self.pooled.encoders.with(|encoder| {
            put_in_pieces(batch, encoder, E::n_free_rows, |encoder, batch| {
                self.pooled.append(encoder.encode(batch)?)
            })
        })
    }
}

impl<E: BatchEncoder, T: Table<Content = E::Content>> TableSink for PooledSink<E, T> {
    fn finish(self: Box<Self>, summary: &Summary) -> Result<u64, OutputError> {
        self.pooled.finish(&Ending::of_summary(summary))
    }
}

/// Hands on a batch, cut where no more rows are free. All errors end up in `batch`.
pub(crate) fn put_in_pieces<S>(
    batch: &mut Batch,
    stage: &mut S,
    n_free_rows: impl Fn(&S) -> usize,
    mut put: impl FnMut(&mut S, &mut Batch) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    while batch.len() > n_free_rows(stage) {
        let rest = batch.split_off(n_free_rows(stage));
        let mut first = std::mem::replace(batch, rest);
        let done = put(stage, &mut first);
        batch.errors.append(&mut first.errors);
        done?;
    }
    put(stage, batch)
}
