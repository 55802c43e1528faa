//! Arrow record batches back to rows: what Parquet and Arrow files have in common.

use super::assemble::{Assembler, RowValues};
use super::wanted::Wanted;
use super::{Reason, kind_of};
use crate::cell::Cell;
use crate::columns::{Column, Columns};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::Schema;
use pwalk_engine::{Batch, Kind};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The columns of a file's schema that are read.
pub(crate) fn columns_of(schema: &Schema, wanted: &Wanted) -> Reason<Columns> {
    let columns = wanted.of_file(|name| schema.column_with_name(name).is_some());
    if columns.has("filename") {
        Ok(columns)
    } else {
        Err("has no column filename, so it is not a scan".to_owned())
    }
}

/// Metadata by keys without `pwalk.` in front.
pub(crate) fn own_metadata<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    let own = |(key, value): (&str, &str)| {
        Some((key.strip_prefix("pwalk.")?.to_owned(), value.to_owned()))
    };
    pairs.into_iter().filter_map(own).collect()
}

/// Adds the rows of a record batch that has these columns.
pub(crate) fn push_record(
    assembler: &mut Assembler,
    batch: &mut Batch,
    record: &RecordBatch,
    columns: &Columns,
) -> Reason<()> {
    let arrays = columns.iter().map(|column| Values::new(column, record));
    let arrays = arrays.collect::<Reason<Vec<_>>>()?;
    let told = arrays.iter().filter(|values| !values.is_all_null());
    let (whole, single): (Vec<_>, Vec<_>) = told.partition(|values| values.is_whole());
    let first = batch.len();
    let pushed = push_rows(assembler, batch, record.num_rows(), &single);
    whole.iter().for_each(|values| values.copy(batch, first));
    batch.fill_up();
    pushed
}

/// Adds rows that have these values; those that are null are mostly null in the same rows.
fn push_rows(
    assembler: &mut Assembler,
    batch: &mut Batch,
    n_rows: usize,
    single: &[&Values<'_>],
) -> Reason<()> {
    let (rare, usual): (Vec<&Values<'_>>, Vec<_>) =
        single.iter().copied().partition(|values| values.nulls().is_some());
    let valid = rare.iter().filter_map(|values| values.nulls()).map(|nulls| nulls.inner().clone());
    let any = valid.reduce(|any, valid| &any | &valid);
    let mut row = RowValues::default();
    for index in 0..n_rows {
        usual.iter().for_each(|values| values.set(index, &mut row));
        let has_rare = any.as_ref().is_some_and(|any| any.value(index));
        if has_rare {
            rare.iter().for_each(|values| values.set(index, &mut row));
        }
        assembler.push(batch, &row)?;
        if has_rare {
            row.forget_nullable();
        }
    }
    Ok(())
}

/// The values of a column, and what sets them on a row.
enum Values<'a> {
    U64(&'a PrimitiveArray<UInt64Type>, fn(&mut RowValues<'_>, u64)),
    I64(&'a PrimitiveArray<Int64Type>, fn(&mut RowValues<'_>, i64)),
    U32(&'a PrimitiveArray<UInt32Type>, fn(&mut RowValues<'_>, u32)),
    I32(&'a PrimitiveArray<Int32Type>, fn(&mut RowValues<'_>, i32)),
    Text(&'a StringArray, for<'b> fn(&mut RowValues<'b>, Cow<'b, str>)),
    Bytes(&'a BinaryArray, for<'b> fn(&mut RowValues<'b>, Cow<'b, [u8]>)),
    Kind(Vec<Kind>, fn(&mut RowValues<'_>, Kind)),
    WholeU64(&'a [u64], fn(&mut Batch) -> &mut Vec<u64>),
    WholeI64(&'a [i64], fn(&mut Batch) -> &mut Vec<i64>),
    WholeU32(&'a [u32], fn(&mut Batch) -> &mut Vec<u32>),
    /// Nothing that is read back.
    Name,
}

impl<'a> Values<'a> {
    fn new(column: &Column, record: &'a RecordBatch) -> Reason<Values<'a>> {
        let name = column.name;
        let array = record.column_by_name(name).ok_or_else(|| format!("has no column {name}"))?;
        if !column.is_nullable && array.null_count() > 0 {
            return Err(format!("has a row without {name}"));
        }
        let values = match column.cell {
            Cell::U64(.., Some(slot)) => {
                numbers::<UInt64Type>(array).map(|a| Values::WholeU64(a.values(), slot))
            }
            Cell::I64(.., Some(slot)) => {
                numbers::<Int64Type>(array).map(|a| Values::WholeI64(a.values(), slot))
            }
            Cell::U32(.., Some(slot)) => {
                numbers::<UInt32Type>(array).map(|a| Values::WholeU32(a.values(), slot))
            }
            Cell::U64(_, set, _) => numbers(array).map(|array| Values::U64(array, set)),
            Cell::I64(_, set, _) => numbers(array).map(|array| Values::I64(array, set)),
            Cell::U32(_, set, _) => numbers(array).map(|array| Values::U32(array, set)),
            Cell::I32(_, set) => numbers(array).map(|array| Values::I32(array, set)),
            Cell::Text(_, set) => array.as_string_opt().map(|array| Values::Text(array, set)),
            Cell::Bytes(_, set) => array.as_binary_opt().map(|array| Values::Bytes(array, set)),
            Cell::Kind(_, set) => kinds(array)?.map(|kinds| Values::Kind(kinds, set)),
            Cell::Name(..) => Some(Values::Name),
        };
        let (found, expected) = (array.data_type(), column.cell.data_type());
        values
            .ok_or_else(|| format!("its column {name} has the type {found} instead of {expected}"))
    }

    /// True if the batch gets all values at once.
    fn is_whole(&self) -> bool {
        matches!(self, Values::WholeU64(..) | Values::WholeI64(..) | Values::WholeU32(..))
    }

    /// Which values there are, unless there are all.
    fn nulls(&self) -> Option<&NullBuffer> {
        let nulls = match self {
            Values::U64(array, _) => array.nulls(),
            Values::I64(array, _) => array.nulls(),
            Values::U32(array, _) => array.nulls(),
            Values::I32(array, _) => array.nulls(),
            Values::Text(array, _) => array.nulls(),
            Values::Bytes(array, _) => array.nulls(),
            _ => None,
        };
        nulls.filter(|nulls| nulls.null_count() > 0)
    }

    /// True if no row has a value.
    fn is_all_null(&self) -> bool {
        self.nulls().is_some_and(|nulls| nulls.null_count() == nulls.len())
    }

    /// Gives all values to the rows of the batch from `first` on.
    fn copy(&self, batch: &mut Batch, first: usize) {
        match self {
            Values::WholeU64(values, slot) => fill(slot(batch), first, values),
            Values::WholeI64(values, slot) => fill(slot(batch), first, values),
            Values::WholeU32(values, slot) => fill(slot(batch), first, values),
            _ => {}
        }
    }

    /// Sets the value at an index, unless it is null.
    fn set(&self, index: usize, row: &mut RowValues<'a>) {
        match self {
            Values::U64(array, set) if array.is_valid(index) => set(row, array.value(index)),
            Values::I64(array, set) if array.is_valid(index) => set(row, array.value(index)),
            Values::U32(array, set) if array.is_valid(index) => set(row, array.value(index)),
            Values::I32(array, set) if array.is_valid(index) => set(row, array.value(index)),
            Values::Text(array, set) if array.is_valid(index) => {
                set(row, Cow::Borrowed(array.value(index)));
            }
            Values::Bytes(array, set) if array.is_valid(index) => {
                set(row, Cow::Borrowed(array.value(index)));
            }
            Values::Kind(kinds, set) => set(row, kinds[index]),
            _ => {}
        }
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<&PrimitiveArray<T>> {
    array.as_primitive_opt()
}

/// Values of rows that have none yet, or zeros.
fn fill<T: Copy>(column: &mut Vec<T>, first: usize, values: &[T]) {
    if column.len() == first {
        column.extend_from_slice(values);
    } else if let Some(rows) = column.get_mut(first..first + values.len()) {
        rows.copy_from_slice(values);
    }
}

/// The kind of each row, of which none is null; `None` if the column is not one of texts.
fn kinds(array: &ArrayRef) -> Reason<Option<Vec<Kind>>> {
    if let Some(names) = array.as_string_opt::<i32>() {
        return names
            .iter()
            .map(|name| known(name, name.and_then(kind_of)))
            .collect::<Reason<_>>()
            .map(Some);
    }
    let Some(dictionary) = array.as_dictionary_opt::<Int8Type>() else { return Ok(None) };
    let Some(names) = dictionary.values().as_string_opt::<i32>() else { return Ok(None) };
    let kinds: Vec<_> = names.iter().map(|name| name.and_then(kind_of)).collect();
    let numbered = |key: &i8| *kinds.get(usize::try_from(*key).ok()?)?;
    let all = || dictionary.keys().values().iter().map(numbered).collect::<Option<Vec<_>>>();
    // What is wrong with a row is looked for only if something is.
    if let (0, Some(all)) = (dictionary.null_count(), all()) {
        return Ok(Some(all));
    }
    let kind = |key: Option<usize>| {
        let name = key.filter(|key| *key < names.len()).map(|key| names.value(key));
        known(name, key.and_then(|key| *kinds.get(key)?))
    };
    dictionary.keys_iter().map(kind).collect::<Reason<_>>().map(Some)
}

fn known(name: Option<&str>, kind: Option<Kind>) -> Reason<Kind> {
    kind.ok_or_else(|| format!("has a row of the unknown kind '{}'", name.unwrap_or_default()))
}
