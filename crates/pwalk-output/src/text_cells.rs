//! Arrow arrays as cells of text: what NDJSON and the plain CSV have in common.

use crate::hex::to_hex;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BooleanArray, LargeBinaryArray, LargeStringArray, RecordBatch, StringArray,
    new_empty_array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Schema};
use std::io;

/// How a format of text writes what isn't a whole number.
pub(crate) trait Style {
    /// A value that isn't there.
    const NULL: &'static [u8];

    /// Appends a text.
    fn push_text(value: &str, text: &mut Vec<u8>);

    /// Appends a number that may be infinite or none.
    fn push_float(value: f64, text: &mut Vec<u8>);
}

/// Appends the rows of a record batch: each value after what precedes its column, and `end` after
/// the last.
///
/// What is the same as in the row before is copied from there, columns side by side at once:
/// owner, device and directory mostly are. That is a quarter of the instructions.
pub(crate) fn append_rows<S: Style>(
    record: &RecordBatch,
    before: &[Vec<u8>],
    end: &[u8],
    text: &mut Vec<u8>,
) -> io::Result<()> {
    let columns = record.columns().iter().map(|array| Cells::new(array));
    let columns = columns.collect::<io::Result<Vec<_>>>()?;
    // Where each column of the row before begins, and the row's end.
    let mut starts = vec![0; columns.len() + 1];
    for (index, repeated) in repeated_columns(&columns, record.num_rows()).into_iter().enumerate() {
        let mut column = 0;
        while column < columns.len() {
            // The mask knows 64 columns.
            let rest = repeated.checked_shr(column as u32).unwrap_or(0);
            let n_same = rest.trailing_ones() as usize;
            if n_same > 0 {
                column = repeat(&mut starts, column, n_same, text);
                continue;
            }
            starts[column] = text.len();
            text.extend_from_slice(&before[column]);
            columns[column].push::<S>(index, text);
            column += 1;
        }
        starts[column] = text.len();
        text.extend_from_slice(end);
    }
    Ok(())
}

/// Repeats some columns of the row before. Returns the next column.
fn repeat(starts: &mut [usize], first: usize, n: usize, text: &mut Vec<u8>) -> usize {
    let shift = text.len() - starts[first];
    text.extend_from_within(starts[first]..starts[first + n]);
    starts[first..first + n].iter_mut().for_each(|start| *start += shift);
    first + n
}

/// Of each row the columns that have the same value as in the row before, as bits.
fn repeated_columns(columns: &[Cells<'_>], n_rows: usize) -> Vec<u64> {
    let mut masks = vec![0; n_rows];
    for (number, cells) in columns.iter().enumerate().take(64) {
        cells.mark_repeated(1 << number, &mut masks);
    }
    masks
}

/// The values of a column.
struct Cells<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    F64(&'a [f64]),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
    Dictionary(Vec<usize>, Box<Cells<'a>>),
}

impl<'a> Cells<'a> {
    fn new(array: &'a dyn Array) -> io::Result<Cells<'a>> {
        let values = Values::new(array)?;
        Ok(Cells { values, nulls: array.nulls() })
    }

    /// Sets a bit for each row that has the same value as the row before.
    fn mark_repeated(&self, bit: u64, masks: &mut [u64]) {
        match &self.values {
            Values::I8(values) => mark(values, bit, masks),
            Values::I16(values) => mark(values, bit, masks),
            Values::I32(values) => mark(values, bit, masks),
            Values::I64(values) => mark(values, bit, masks),
            Values::U8(values) => mark(values, bit, masks),
            Values::U16(values) => mark(values, bit, masks),
            Values::U32(values) => mark(values, bit, masks),
            Values::U64(values) => mark(values, bit, masks),
            Values::Dictionary(keys, _) => mark(keys, bit, masks),
            // Numbers that may be none, and texts: comparing them gains nothing.
            _ => {}
        }
        let Some(nulls) = self.nulls else { return };
        for (index, mask) in masks.iter_mut().enumerate().skip(1) {
            match (nulls.is_null(index - 1), nulls.is_null(index)) {
                (true, true) => *mask |= bit,
                (false, false) => {}
                _ => *mask &= !bit,
            }
        }
    }

    /// Appends the value at an index.
    #[inline]
    fn push<S: Style>(&self, index: usize, text: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(index)) {
            return text.extend_from_slice(S::NULL);
        }
        match &self.values {
            Values::Null => text.extend_from_slice(S::NULL),
            Values::Bool(values) => {
                text.extend_from_slice(if values.value(index) { b"true" } else { b"false" });
            }
            Values::I8(values) => push_number(values[index], text),
            Values::I16(values) => push_number(values[index], text),
            Values::I32(values) => push_number(values[index], text),
            Values::I64(values) => push_number(values[index], text),
            Values::U8(values) => push_number(values[index], text),
            Values::U16(values) => push_number(values[index], text),
            Values::U32(values) => push_number(values[index], text),
            Values::U64(values) => push_number(values[index], text),
            Values::F64(values) => S::push_float(values[index], text),
            Values::Text(values) => S::push_text(values.value(index), text),
            Values::LargeText(values) => S::push_text(values.value(index), text),
            Values::Bytes(values) => S::push_text(&to_hex(values.value(index)), text),
            Values::LargeBytes(values) => S::push_text(&to_hex(values.value(index)), text),
            Values::Dictionary(keys, values) => values.push::<S>(keys[index], text),
        }
    }
}

impl<'a> Values<'a> {
    fn new(array: &'a dyn Array) -> io::Result<Values<'a>> {
        use DataType as T;
        Ok(match array.data_type() {
            T::Null => Values::Null,
            T::Boolean => Values::Bool(array.as_boolean()),
            T::Int8 => Values::I8(array.as_primitive::<Int8Type>().values()),
            T::Int16 => Values::I16(array.as_primitive::<Int16Type>().values()),
            T::Int32 => Values::I32(array.as_primitive::<Int32Type>().values()),
            T::Int64 => Values::I64(array.as_primitive::<Int64Type>().values()),
            T::UInt8 => Values::U8(array.as_primitive::<UInt8Type>().values()),
            T::UInt16 => Values::U16(array.as_primitive::<UInt16Type>().values()),
            T::UInt32 => Values::U32(array.as_primitive::<UInt32Type>().values()),
            T::UInt64 => Values::U64(array.as_primitive::<UInt64Type>().values()),
            T::Float64 => Values::F64(array.as_primitive::<Float64Type>().values()),
            T::Utf8 => Values::Text(array.as_string()),
            T::LargeUtf8 => Values::LargeText(array.as_string()),
            T::Binary => Values::Bytes(array.as_binary()),
            T::LargeBinary => Values::LargeBytes(array.as_binary()),
            T::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                // Without values all keys are null.
                let is_empty = dictionary.values().is_empty();
                let keys = if is_empty { Vec::new() } else { dictionary.normalized_keys() };
                Values::Dictionary(keys, Box::new(Cells::new(dictionary.values())?))
            }
            other => {
                return Err(io::Error::other(format!("text formats have no {other}")));
            }
        })
    }
}

/// Says whether text formats can write a schema.
pub(crate) fn check_schema(schema: &Schema) -> io::Result<()> {
    let check = |field: &arrow_schema::Field| {
        let array = new_empty_array(field.data_type());
        Cells::new(&array)
            .map(drop)
            .map_err(|e| io::Error::other(format!("column {}: {e}", field.name())))
    };
    schema.fields().iter().try_for_each(|field| check(field))
}

/// Without branches, so that the compiler compares many values at once.
fn mark<T: PartialEq>(values: &[T], bit: u64, masks: &mut [u64]) {
    let pairs = values.windows(2).map(|pair| u64::from(pair[0] == pair[1]) * bit);
    masks.iter_mut().skip(1).zip(pairs).for_each(|(mask, bit)| *mask |= bit);
}

#[inline]
fn push_number(number: impl itoa::Integer, text: &mut Vec<u8>) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
