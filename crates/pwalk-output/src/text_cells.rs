//! Arrow arrays as cells of text: what NDJSON and the plain CSV have in common.

use crate::error_list::to_hex;
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

/// The values of a column.
pub(crate) struct Cells<'a> {
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
    /// The columns of a record batch.
    pub(crate) fn all(record: &'a RecordBatch) -> io::Result<Vec<Cells<'a>>> {
        record.columns().iter().map(|array| Cells::new(array)).collect()
    }

    fn new(array: &'a dyn Array) -> io::Result<Cells<'a>> {
        let values = Values::new(array)?;
        Ok(Cells { values, nulls: array.nulls() })
    }

    /// Appends the value at an index.
    #[inline]
    pub(crate) fn push<S: Style>(&self, index: usize, text: &mut Vec<u8>) {
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
                return Err(io::Error::other(format!("a format of text has no {other}")));
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

#[inline]
fn push_number(number: impl itoa::Integer, text: &mut Vec<u8>) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
