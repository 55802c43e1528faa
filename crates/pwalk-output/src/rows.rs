//! Rows of batches as Arrow arrays, for every format but the pwalk CSV.
//!
//! Batches of a walk are small, so that workers stay small; what a file wants is larger. So the
//! rows of many are collected here, column by column, and come out as one `RecordBatch`.

use crate::cell::Cell;
use crate::columns::{Column, Columns};
use crate::names::is_text;
use crate::text::changed_name;
use crate::users::UserNames;
use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use pwalk_engine::{Batch, Kind, Row};
use std::sync::Arc;

/// The Arrow schema of some columns.
pub fn arrow_schema(columns: &Columns) -> Schema {
    let field =
        |column: &Column| Field::new(column.name, column.cell.data_type(), column.is_nullable);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// Collects rows.
pub struct RowsBuilder {
    schema: SchemaRef,
    columns: Vec<Values>,
    users: Arc<UserNames>,
    /// The values of the `kind` dictionary: the same for all batches of a file.
    kinds: ArrayRef,
    /// The text of paths is asked for, and their bytes are not.
    changes_names: bool,
    n_rows: usize,
}

/// A column under construction, with what appends to it.
enum Values {
    U64(fn(&Batch, &mut UInt64Builder), UInt64Builder),
    I64(fn(&Batch, &mut Int64Builder), Int64Builder),
    U32(fn(&Batch, &mut UInt32Builder), UInt32Builder),
    I32(fn(&Batch, &mut Int32Builder), Int32Builder),
    Text(fn(&Batch, &mut StringBuilder), StringBuilder),
    Bytes(fn(&Batch, &mut BinaryBuilder), BinaryBuilder),
    Kind(fn(&Batch, &mut Vec<i8>), Vec<i8>),
    Name(fn(&Batch, &UserNames, &mut StringBuilder), StringBuilder),
}

impl RowsBuilder {
    pub(crate) fn new(columns: &Columns, users: Arc<UserNames>) -> RowsBuilder {
        let schema = Arc::new(arrow_schema(columns));
        let kinds = Arc::new(StringArray::from_iter_values(Kind::ALL.map(Kind::name)));
        let changes_names = columns.change_names();
        let columns = columns.iter().map(|column| Values::new(&column.cell)).collect();
        RowsBuilder { schema, columns, users, kinds, changes_names, n_rows: 0 }
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

    /// Bytes of texts collected.
    pub fn n_text_bytes(&self) -> usize {
        self.columns.iter().map(Values::n_text_bytes).sum()
    }

    /// Adds the rows of a batch, which must hold the fields that the columns need. Where a name
    /// is not UTF-8 and no column has its bytes, the batch's errors have them.
    pub fn append(&mut self, batch: &mut Batch) {
        if self.changes_names {
            let is_changed = |row: &Row<'_>| !is_text(row);
            let changed: Vec<_> = batch.rows().filter(is_changed).map(changed_name).collect();
            batch.errors.extend(changed);
        }
        self.columns.iter_mut().for_each(|values| values.append(batch, &self.users));
        self.n_rows += batch.len();
    }

    /// Takes out the rows collected.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.n_rows = 0;
        let kinds = &self.kinds;
        let arrays = self.columns.iter_mut().map(|values| values.finish(kinds));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.schema.clone(), arrays)
    }
}

impl Values {
    fn new(cell: &Cell) -> Values {
        match *cell {
            Cell::U64(append, _, _) => Values::U64(append, UInt64Builder::new()),
            Cell::I64(append, _, _) => Values::I64(append, Int64Builder::new()),
            Cell::U32(append, _, _) => Values::U32(append, UInt32Builder::new()),
            Cell::I32(append, _) => Values::I32(append, Int32Builder::new()),
            Cell::Text(append, _) => Values::Text(append, StringBuilder::new()),
            Cell::Bytes(append, _) => Values::Bytes(append, BinaryBuilder::new()),
            Cell::Kind(append, _) => Values::Kind(append, Vec::new()),
            Cell::Name(append, _) => Values::Name(append, StringBuilder::new()),
        }
    }

    fn append(&mut self, batch: &Batch, users: &UserNames) {
        match self {
            Values::U64(append, values) => append(batch, values),
            Values::I64(append, values) => append(batch, values),
            Values::U32(append, values) => append(batch, values),
            Values::I32(append, values) => append(batch, values),
            Values::Text(append, values) => append(batch, values),
            Values::Bytes(append, values) => append(batch, values),
            Values::Kind(append, values) => append(batch, values),
            Values::Name(append, values) => append(batch, users, values),
        }
    }

    fn n_text_bytes(&self) -> usize {
        match self {
            Values::Text(_, values) | Values::Name(_, values) => values.values_slice().len(),
            Values::Bytes(_, values) => values.values_slice().len(),
            _ => 0,
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
            Values::U64(_, values) => numbers!(values, UInt64Builder),
            Values::I64(_, values) => numbers!(values, Int64Builder),
            Values::U32(_, values) => numbers!(values, UInt32Builder),
            Values::I32(_, values) => numbers!(values, Int32Builder),
            Values::Text(_, values) | Values::Name(_, values) => {
                let array = values.finish();
                *values = StringBuilder::with_capacity(array.len(), array.values().len());
                Arc::new(array)
            }
            Values::Bytes(_, values) => Arc::new(values.finish()),
            Values::Kind(_, keys) => {
                let next = Vec::with_capacity(keys.len());
                let keys = Int8Array::from(std::mem::replace(keys, next));
                Arc::new(DictionaryArray::<Int8Type>::try_new(keys, kinds.clone())?)
            }
        })
    }
}
