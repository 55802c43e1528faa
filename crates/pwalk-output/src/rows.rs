//! Rows of batches as Arrow arrays, for every columnar format.
//!
//! Batches of a walk are small, so that workers stay small; what a file wants is larger. So the
//! rows of many are collected here, column by column, and come out as one `RecordBatch`.
//!
//! `fileExtension`, `user` and `group` are plain strings here, and dictionary-encoded inside a
//! Parquet file: an Arrow file has one dictionary for all its batches, and a tree of billions of
//! files named `out.000001` would have to be held in it, and in memory.

use crate::columns::{Column, ColumnId, Columns};
use crate::names::{extension, is_text};
use crate::text::changed_name;
use crate::users::UserNames;
use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pwalk_engine::{Batch, Contents, Kind, Row};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

/// The Arrow schema of some columns.
pub fn arrow_schema(columns: &Columns) -> Schema {
    let field = |column: &Column| Field::new(column.name, data_type(column), column.is_nullable);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

fn data_type(column: &Column) -> DataType {
    use crate::columns::ColumnType as T;
    match (column.id, column.kind) {
        (ColumnId::Kind, _) => DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        (_, T::U64) => DataType::UInt64,
        (_, T::I64) => DataType::Int64,
        (_, T::U32) => DataType::UInt32,
        (_, T::I32) => DataType::Int32,
        (_, T::Text | T::Category) => DataType::Utf8,
        (_, T::Bytes) => DataType::Binary,
    }
}

/// Collects rows.
pub struct RowsBuilder {
    schema: SchemaRef,
    columns: Vec<(ColumnId, Values)>,
    users: Arc<UserNames>,
    /// The values of the `kind` dictionary: the same for all batches of a file.
    kinds: ArrayRef,
    /// The text of paths is asked for, and their bytes are not.
    changes_names: bool,
    n_rows: usize,
    n_text_bytes: usize,
}

/// A column under construction.
enum Values {
    U64(UInt64Builder),
    I64(Int64Builder),
    U32(UInt32Builder),
    I32(Int32Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Kind(Vec<i8>),
}

impl RowsBuilder {
    pub(crate) fn new(columns: &Columns, users: Arc<UserNames>) -> RowsBuilder {
        let schema = Arc::new(arrow_schema(columns));
        let kinds = Arc::new(StringArray::from_iter_values(Kind::ALL.map(Kind::name)));
        let changes_names = columns.change_names();
        let columns = columns.iter().map(|column| (column.id, Values::new(column))).collect();
        RowsBuilder { schema, columns, users, kinds, changes_names, n_rows: 0, n_text_bytes: 0 }
    }

    /// What comes out of `finish`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows collected.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Bytes of paths collected.
    pub fn n_text_bytes(&self) -> usize {
        self.n_text_bytes
    }

    /// Adds the rows of a batch, which must hold the fields that the columns need. Where a name
    /// is not UTF-8 and no column has its bytes, the batch's errors have them.
    pub fn append(&mut self, batch: &mut Batch) {
        if self.changes_names {
            let is_changed = |row: &Row<'_>| !is_text(row);
            let changed: Vec<_> = batch.rows().filter(is_changed).map(changed_name).collect();
            batch.errors.extend(changed);
        }
        for (id, values) in &mut self.columns {
            append_column(*id, values, batch, &self.users);
        }
        self.n_rows += batch.len();
        self.n_text_bytes +=
            batch.rows().map(|row| row.dir_path().len() + row.name().len()).sum::<usize>();
    }

    /// The rows collected, of which it then has none.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        (self.n_rows, self.n_text_bytes) = (0, 0);
        let kinds = &self.kinds;
        let arrays = self.columns.iter_mut().map(|(_, values)| values.finish(kinds));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.schema.clone(), arrays)
    }
}

impl Values {
    fn new(column: &Column) -> Values {
        match data_type(column) {
            DataType::UInt64 => Values::U64(UInt64Builder::new()),
            DataType::Int64 => Values::I64(Int64Builder::new()),
            DataType::UInt32 => Values::U32(UInt32Builder::new()),
            DataType::Int32 => Values::I32(Int32Builder::new()),
            DataType::Utf8 => Values::Text(StringBuilder::new()),
            DataType::Binary => Values::Bytes(BinaryBuilder::new()),
            _ => Values::Kind(Vec::new()),
        }
    }

    /// The array, and in its place a builder with room for as much again: growing one from
    /// nothing each time was a tenth of the time of an Arrow file.
    fn finish(&mut self, kinds: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        macro_rules! numbers {
            ($values:ident, $builder:ident) => {{
                let array = $values.finish();
                *$values = $builder::with_capacity(array.len());
                Arc::new(array)
            }};
        }
        Ok(match self {
            Values::U64(values) => numbers!(values, UInt64Builder),
            Values::I64(values) => numbers!(values, Int64Builder),
            Values::U32(values) => numbers!(values, UInt32Builder),
            Values::I32(values) => numbers!(values, Int32Builder),
            Values::Text(values) => {
                let array = values.finish();
                *values = StringBuilder::with_capacity(array.len(), array.values().len());
                Arc::new(array)
            }
            Values::Bytes(values) => Arc::new(values.finish()),
            Values::Kind(keys) => {
                let keys = Int8Array::from(std::mem::take(keys));
                Arc::new(DictionaryArray::<Int8Type>::try_new(keys, kinds.clone())?)
            }
        })
    }
}

/// One arm for each column: the compiler asks for that of a new one.
fn append_column(id: ColumnId, values: &mut Values, batch: &Batch, users: &UserNames) {
    use ColumnId as C;
    match (id, values) {
        (C::Inode, Values::U64(v)) => v.append_slice(&batch.inode),
        (C::ParentInode, Values::U64(v)) => {
            v.extend(batch.rows().map(|row| Some(row.parent_inode())))
        }
        (C::DirectoryDepth, Values::I32(v)) => v.extend(batch.rows().map(|row| Some(row.depth()))),
        (C::Filename, Values::Text(v)) => append_paths(v, batch),
        (C::FileExtension, Values::Text(v)) => append_extensions(v, batch),
        (C::Uid, Values::U32(v)) => v.append_slice(&batch.uid),
        (C::Gid, Values::U32(v)) => v.append_slice(&batch.gid),
        (C::Size, Values::I64(v)) => v.append_slice(&batch.size),
        (C::Dev, Values::U64(v)) => v.append_slice(&batch.dev),
        (C::Blocks, Values::I64(v)) => v.append_slice(&batch.blocks),
        (C::Nlink, Values::U32(v)) => v.append_slice(&batch.nlink),
        (C::Mode, Values::U32(v)) => v.append_slice(&batch.mode),
        (C::Atime, Values::I64(v)) => v.append_slice(&batch.atime),
        (C::Mtime, Values::I64(v)) => v.append_slice(&batch.mtime),
        (C::Ctime, Values::I64(v)) => v.append_slice(&batch.ctime),
        (C::Fcount, Values::I64(v)) => {
            v.extend(batch.contents.iter().map(|c| counts(c).map(|c| c.0)))
        }
        (C::Dirsum, Values::I64(v)) => {
            v.extend(batch.contents.iter().map(|c| counts(c).map(|c| c.1)))
        }
        (C::Kind, Values::Kind(v)) => v.extend(batch.kind.iter().map(|kind| *kind as i8)),
        (C::FilenameBytes, Values::Bytes(v)) => append_exact_paths(v, batch),
        (C::User, Values::Text(v)) => v.extend(batch.uid.iter().map(|uid| users.user(*uid))),
        (C::Group, Values::Text(v)) => v.extend(batch.gid.iter().map(|gid| users.group(*gid))),
        (C::AtimeNs, Values::U32(v)) => v.extend(batch.nanos.iter().map(|nanos| Some(nanos[0]))),
        (C::MtimeNs, Values::U32(v)) => v.extend(batch.nanos.iter().map(|nanos| Some(nanos[1]))),
        (C::CtimeNs, Values::U32(v)) => v.extend(batch.nanos.iter().map(|nanos| Some(nanos[2]))),
        (C::Btime, Values::I64(v)) => v.extend(batch.btime.iter().copied()),
        (C::BtimeNs, Values::U32(v)) => {
            let pairs = batch.btime.iter().zip(&batch.nanos);
            v.extend(pairs.map(|(btime, nanos)| btime.map(|_| nanos[3])));
        }
        (C::Rdev, Values::U64(v)) => v.append_slice(&batch.rdev),
        (C::Blksize, Values::U32(v)) => v.append_slice(&batch.blksize),
        (C::Target, Values::Text(v)) => v.extend(batch.rows().map(target)),
        (id, _) => unreachable!("the builder of {id:?} is that of its type in COLUMNS"),
    }
}

/// Direct entries and the sum of their sizes, of a directory that was read.
fn counts(contents: &Contents) -> Option<(i64, i64)> {
    match contents {
        Contents::Counted { n_entries, size_sum } => Some((*n_entries, *size_sum)),
        Contents::None | Contents::Unread => None,
    }
}

fn append_paths(values: &mut StringBuilder, batch: &Batch) {
    // The text of a directory's path is made once for the rows that stand in it.
    let mut dir: Option<(usize, Cow<'_, str>)> = None;
    for row in batch.rows() {
        let text = match dir.take() {
            Some((number, text)) if number == row.dir_index() => text,
            _ => String::from_utf8_lossy(row.dir_path()),
        };
        // Writing to memory can't fail.
        let _ = if row.is_dir_itself() {
            values.write_str(if text == "/" { "/" } else { &text[..text.len() - 1] })
        } else {
            values
                .write_str(&text)
                .and_then(|()| values.write_str(&String::from_utf8_lossy(row.name())))
        };
        values.append_value("");
        dir = Some((row.dir_index(), text));
    }
}

fn append_extensions(values: &mut StringBuilder, batch: &Batch) {
    for row in batch.rows() {
        match row.kind() {
            Kind::Dir => values.append_value(""),
            _ => values.append_value(String::from_utf8_lossy(extension(row.last_component()))),
        }
    }
}

/// The bytes of paths that are not UTF-8; null for all others.
fn append_exact_paths(values: &mut BinaryBuilder, batch: &Batch) {
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

fn target(row: Row<'_>) -> Option<String> {
    let target = row.target();
    (!target.is_empty()).then(|| String::from_utf8_lossy(target).into_owned())
}
