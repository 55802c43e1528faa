//! The sink that writes a table: a pool of encoders before one file.
//!
//! An [`Encoder`] turns batches into pieces in whatever thread comes, and needs no lock; a
//! [`Table`] puts finished pieces one behind the other, under a short one.

use crate::file::OutputError;
use crate::pool::Pool;
use crate::summary::Summary;
use pwalk_engine::{Batch, Fields, Sink};
use std::sync::{Mutex, PoisonError};

/// A part of a table that is ready to be put behind the others.
pub(crate) struct Piece<P> {
    /// Its content.
    pub content: P,
    /// Rows in it.
    pub n_rows: u64,
}

/// Turns batches into pieces.
pub(crate) trait Encoder: Send {
    /// What a piece is.
    type Content;

    /// Takes a batch; returns a piece once one is full. What it had to change in a row, it adds
    /// to the batch's errors.
    fn encode(&mut self, batch: &mut Batch) -> Result<Option<Piece<Self::Content>>, OutputError>;

    /// Rows until a piece has as many as it may have.
    fn n_free_rows(&self) -> usize;

    /// What is left.
    fn finish(self) -> Result<Option<Piece<Self::Content>>, OutputError>;
}

/// A file, or several, that pieces are put into.
pub(crate) trait Table: Send {
    /// What a piece is.
    type Content;

    /// Puts a piece behind the others.
    fn append(&mut self, piece: Piece<Self::Content>) -> Result<(), OutputError>;

    /// Bytes written so far.
    fn n_bytes(&self) -> u64;

    /// Ends the table, and gives it its name. Returns its bytes. Without a summary it is one
    /// part of a larger whole.
    ///
    /// A table that is dropped instead leaves no file.
    fn finish(self, summary: Option<&Summary>) -> Result<u64, OutputError>;
}

/// A sink that writes a table of whatever format.
pub trait TableSink: Sink<Error = OutputError> + Send {
    /// Ends the table, and gives it its name. Returns its bytes.
    fn finish(self: Box<Self>, summary: &Summary) -> Result<u64, OutputError>;
}

/// Writes a walk into a table. Memory is bounded by its encoders, however many workers there are.
pub(crate) struct PooledSink<E, T> {
    fields: Fields,
    encoders: Pool<E>,
    table: Mutex<T>,
}

impl<E: Encoder, T: Table<Content = E::Content>> PooledSink<E, T> {
    pub(crate) fn new(fields: Fields, encoders: Vec<E>, table: T) -> PooledSink<E, T> {
        PooledSink { fields, encoders: Pool::new(encoders), table: Mutex::new(table) }
    }

    fn encode(&self, encoder: &mut E, batch: &mut Batch) -> Result<(), OutputError> {
        match encoder.encode(batch)? {
            Some(piece) => self.table.lock().unwrap_or_else(PoisonError::into_inner).append(piece),
            None => Ok(()),
        }
    }
}

impl<E: Encoder, T: Table<Content = E::Content>> Sink for PooledSink<E, T> {
    type Error = OutputError;

    fn fields(&self) -> Fields {
        self.fields
    }

    fn put(&self, batch: &mut Batch) -> Result<(), OutputError> {
        self.encoders.with(|encoder| {
            while batch.len() > encoder.n_free_rows() {
                let rest = batch.split_off(encoder.n_free_rows());
                let mut first = std::mem::replace(batch, rest);
                let encoded = self.encode(encoder, &mut first);
                batch.errors.append(&mut first.errors);
                encoded?;
            }
            self.encode(encoder, batch)
        })
    }
}

impl<E: Encoder, T: Table<Content = E::Content>> TableSink for PooledSink<E, T> {
    fn finish(self: Box<Self>, summary: &Summary) -> Result<u64, OutputError> {
        let mut table = self.table.into_inner().unwrap_or_else(PoisonError::into_inner);
        for encoder in self.encoders.into_values() {
            if let Some(piece) = encoder.finish()? {
                table.append(piece)?;
            }
        }
        table.finish(Some(summary))
    }
}
