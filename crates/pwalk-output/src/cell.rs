//! The typed cell of a column: how a batch fills it, and how a saved table gives it back.
//!
//! A cell has both halves in one value, so that a column that is written and not read back can't
//! be made. The types pair up the functions with the builders: nothing is looked up by a column's
//! number or name.
//!
//! A whole batch is appended by one call, which copies a slice where the batch has one. A call
//! for each value would be simpler, and cost several per cent of an Arrow file.

use crate::read::RowValues;
use crate::users::UserNames;
use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, UInt32Builder, UInt64Builder,
};
use arrow_schema::DataType;
use pwalk_engine::{Batch, Kind, Row, TreeTotals, extension};
use std::borrow::Cow;
use std::fmt::Write;

/// Reads a column from a batch into a builder, and sets a value on a row being assembled. Values
/// that are null are not set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    U64(fn(&Batch, &mut UInt64Builder), fn(&mut RowValues<'_>, u64), InBatch<u64>),
    I64(fn(&Batch, &mut Int64Builder), fn(&mut RowValues<'_>, i64), InBatch<i64>),
    U32(fn(&Batch, &mut UInt32Builder), fn(&mut RowValues<'_>, u32), InBatch<u32>),
    I32(fn(&Batch, &mut Int32Builder), fn(&mut RowValues<'_>, i32)),
    /// Text.
    Text(fn(&Batch, &mut StringBuilder), for<'a> fn(&mut RowValues<'a>, Cow<'a, str>)),
    /// Bytes; hexadecimal digits in formats of text.
    Bytes(fn(&Batch, &mut BinaryBuilder), for<'a> fn(&mut RowValues<'a>, Cow<'a, [u8]>)),
    /// The name of a kind: in Arrow a dictionary, which is the same for all batches.
    Kind(fn(&Batch, &mut Vec<i8>), fn(&mut RowValues<'_>, Kind)),
    /// A name that only the machine knows that was scanned. It is not read back: it is looked up
    /// again by the number in the column of this name.
    Name(fn(&Batch, &UserNames, &mut StringBuilder), &'static str),
}

/// The column that a batch has as a whole, and that nothing else of a row follows from: a reader
/// copies it, which saves a call for each value.
type InBatch<T> = Option<fn(&mut Batch) -> &mut Vec<T>>;

impl Cell {
    /// Its type in Arrow, and so in Parquet.
    ///
    /// Texts of few values are plain strings, in files and in memory, for reasons that
    /// `docs/formats/columnar.md` gives with their numbers. Inside a Parquet file they are packed
    /// by dictionaries, one for each row group ([`Packing::Dictionary`]).
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Cell::U64(..) => DataType::UInt64,
            Cell::I64(..) => DataType::Int64,
            Cell::U32(..) => DataType::UInt32,
            Cell::I32(..) => DataType::Int32,
            Cell::Text(..) | Cell::Name(..) => DataType::Utf8,
            Cell::Bytes(..) => DataType::Binary,
            Cell::Kind(..) => DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        }
    }

    /// The column of the number that stands for it, if it is not read back itself.
    pub(crate) fn looked_up_by(&self) -> Option<&'static str> {
        match self {
            Cell::Name(_, column) => Some(column),
            _ => None,
        }
    }
}

/// How the values of a column are packed in Parquet, by measurement
/// (`docs/formats/columnar.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    Plain,
    /// Few values: by their number in a dictionary.
    Dictionary,
    /// Numbers that lie close together: by their differences.
    Differences,
    /// Texts that begin as the one before.
    Prefixes,
}

impl Packing {
    /// What fits most columns of a type.
    pub(crate) fn of(data_type: &DataType) -> Packing {
        use DataType as T;
        match data_type {
            T::UInt32 | T::Dictionary(..) => Packing::Dictionary,
            T::Int32 | T::Int64 | T::UInt64 => Packing::Differences,
            T::Utf8 | T::Binary => Packing::Prefixes,
            _ => Packing::Plain,
        }
    }
}

/// A column that a batch has as a slice, and a row as a field.
macro_rules! slice {
    ($type:ident: $column:ident, $($field:ident).+) => {
        Cell::$type(
            |batch, values| values.append_slice(&batch.$column),
            |row, value| row.$($field).+ = value,
            Some(|batch| &mut batch.$column),
        )
    };
}

/// A column that is made from each value of one of the batch's.
macro_rules! each {
    ($type:ident: $column:ident, $get:expr, $set:expr) => {
        Cell::$type(|batch, values| values.extend(batch.$column.iter().map($get)), $set, None)
    };
}

/// A column that is made from each row of a batch.
macro_rules! row {
    ($type:ident: $get:expr, $set:expr) => {
        Cell::$type(|batch, values| values.extend(batch.rows().map($get)), $set, None)
    };
}

/// A column of the totals of subtrees.
macro_rules! totals {
    ($field:ident) => {
        Cell::I64(
            |batch, values| append_totals(batch, values, |totals| totals.$field),
            |row, value| row.totals.$field = Some(value),
            None,
        )
    };
}

pub(crate) use {each, row, slice, totals};

/// Bytes as text, each sequence that is not UTF-8 as U+FFFD. Most are UTF-8, which the check finds
/// in a third of the instructions.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

pub(crate) fn append_paths(batch: &Batch, values: &mut StringBuilder) {
    // The text of a directory's path is made once for its entries.
    let mut dir: Option<(usize, Cow<'_, str>)> = None;
    for row in batch.rows() {
        let path = match dir.take() {
            Some((number, path)) if number == row.dir_index() => path,
            _ => text(row.dir_path()),
        };
        // Writing to memory can't fail.
        let _ = if row.is_dir_itself() {
            values.write_str(if path == "/" { "/" } else { &path[..path.len() - 1] })
        } else {
            values.write_str(&path).and_then(|()| values.write_str(&text(row.name())))
        };
        values.append_value("");
        dir = Some((row.dir_index(), path));
    }
}

pub(crate) fn append_extensions(batch: &Batch, values: &mut StringBuilder) {
    for row in batch.rows() {
        match row.kind() {
            Kind::Dir => values.append_value(""),
            _ => values.append_value(text(extension(row.last_component()))),
        }
    }
}

/// The bytes of paths that are not UTF-8; null for all others.
pub(crate) fn append_exact_paths(batch: &Batch, values: &mut BinaryBuilder) {
    let mut dir: Option<(usize, bool)> = None;
    for row in batch.rows() {
        let is_text = match dir {
            Some((number, is_text)) if number == row.dir_index() => is_text,
            _ => std::str::from_utf8(row.dir_path()).is_ok(),
        };
        dir = Some((row.dir_index(), is_text));
        if is_text && std::str::from_utf8(row.name()).is_ok() {
            values.append_null();
        } else {
            values.append_value(row.path());
        }
    }
}

/// Rows without totals, which most are, are null; they are appended all at once.
pub(crate) fn append_totals(
    batch: &Batch,
    values: &mut Int64Builder,
    get: fn(&TreeTotals) -> Option<i64>,
) {
    let mut n_done = 0;
    for (row, totals) in batch.trees() {
        values.append_nulls(row - n_done);
        values.append_option(get(totals));
        n_done = row + 1;
    }
    values.append_nulls(batch.len() - n_done);
}

pub(crate) fn target(row: Row<'_>) -> Option<Cow<'_, str>> {
    let target = row.target();
    (!target.is_empty()).then(|| text(target))
}
