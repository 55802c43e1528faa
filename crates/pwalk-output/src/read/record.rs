//! Arrow record batches back to rows: what Parquet and Arrow files have in common.

use super::Reason;
use super::assemble::{Assembler, RowValues, contents};
use super::json::{kind_of, known_columns};
use crate::columns::Columns;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use pwalk_engine::{Batch, Kind, Stat};
use std::collections::BTreeMap;

/// The columns of a file's schema that we know.
pub(crate) fn columns_of(schema: &Schema) -> Reason<Columns> {
    let columns = known_columns(|name| schema.column_with_name(name).is_some());
    if columns.iter().any(|column| column.name == "filename") {
        Ok(columns)
    } else {
        Err("has no column filename, so it is no scan".to_owned())
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

/// A number column; absent: all 0.
struct Numbers<'a, T: ArrowPrimitiveType>(Option<&'a PrimitiveArray<T>>);

impl<'a, T: ArrowPrimitiveType> Numbers<'a, T> {
    fn of(record: &'a RecordBatch, name: &str) -> Reason<Self> {
        let Some(array) = record.column_by_name(name) else { return Ok(Numbers(None)) };
        let typed = array.as_primitive_opt::<T>();
        typed
            .map(|array| Numbers(Some(array)))
            .ok_or_else(|| wrong_type(name, array, &T::DATA_TYPE))
    }

    fn get(&self, row: usize) -> Option<T::Native> {
        self.0.filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }

    fn or_zero(&self, row: usize) -> T::Native {
        self.get(row).unwrap_or_default()
    }
}

fn wrong_type(name: &str, array: &ArrayRef, expected: &DataType) -> String {
    format!("its column {name} is {} instead of {expected}", array.data_type())
}

fn texts<'a>(record: &'a RecordBatch, name: &str) -> Reason<Option<&'a StringArray>> {
    let Some(array) = record.column_by_name(name) else { return Ok(None) };
    let typed = array.as_string_opt::<i32>();
    typed.map(Some).ok_or_else(|| wrong_type(name, array, &DataType::Utf8))
}

/// The kind of each row; `None` where the file has no such column.
fn kinds(record: &RecordBatch) -> Reason<Option<Vec<Option<Kind>>>> {
    let Some(array) = record.column_by_name("kind") else { return Ok(None) };
    if let Some(names) = array.as_string_opt::<i32>() {
        return Ok(Some(names.iter().map(|name| name.and_then(kind_of)).collect()));
    }
    let dictionary = array.as_dictionary_opt::<Int8Type>();
    let names = dictionary.and_then(|array| array.downcast_dict::<StringArray>());
    let names = names.ok_or_else(|| wrong_type("kind", array, &DataType::Utf8))?;
    Ok(Some(names.into_iter().map(|name| name.and_then(kind_of)).collect()))
}

/// Adds the rows of a record batch.
pub(crate) fn push_record(
    assembler: &mut Assembler,
    batch: &mut Batch,
    record: &RecordBatch,
) -> Reason<()> {
    let u64s = |name| Numbers::<UInt64Type>::of(record, name);
    let i64s = |name| Numbers::<Int64Type>::of(record, name);
    let u32s = |name| Numbers::<UInt32Type>::of(record, name);
    let (inode, parent, dev, rdev) =
        (u64s("inode")?, u64s("parent-inode")?, u64s("st_dev")?, u64s("st_rdev")?);
    let (size, blocks, btime) = (i64s("st_size")?, i64s("st_blocks")?, i64s("st_btime")?);
    let (atime, mtime, ctime) = (i64s("st_atime")?, i64s("st_mtime")?, i64s("st_ctime")?);
    let (fcount, dirsum) = (i64s("pw_fcount")?, i64s("pw_dirsum")?);
    let (uid, gid, nlink, mode) = (u32s("UID")?, u32s("GID")?, u32s("st_nlink")?, u32s("st_mode")?);
    let (atime_ns, mtime_ns) = (u32s("st_atime_ns")?, u32s("st_mtime_ns")?);
    let (ctime_ns, btime_ns) = (u32s("st_ctime_ns")?, u32s("st_btime_ns")?);
    let (depth, blksize) =
        (Numbers::<Int32Type>::of(record, "directory-depth")?, u32s("st_blksize")?);
    let paths = texts(record, "filename")?.ok_or("has no column filename")?;
    let targets = texts(record, "target")?;
    let exact =
        record.column_by_name("filename_bytes").and_then(|array| array.as_binary_opt::<i32>());
    let kinds = kinds(record)?;
    for row in 0..record.num_rows() {
        let mode = mode.or_zero(row);
        let kind = match &kinds {
            Some(kinds) => kinds[row].unwrap_or(Kind::Unknown),
            None => Kind::from_mode(mode),
        };
        let path = match exact.filter(|exact| exact.is_valid(row)) {
            Some(exact) => exact.value(row),
            None => paths.value(row).as_bytes(),
        };
        let stat = Stat {
            ino: inode.or_zero(row),
            dev: dev.or_zero(row),
            size: size.or_zero(row),
            blocks: blocks.or_zero(row),
            mode,
            nlink: nlink.or_zero(row),
            uid: uid.or_zero(row),
            gid: gid.or_zero(row),
            atime: atime.or_zero(row),
            mtime: mtime.or_zero(row),
            ctime: ctime.or_zero(row),
            btime: btime.get(row),
            nanos: [&atime_ns, &mtime_ns, &ctime_ns, &btime_ns].map(|ns| ns.or_zero(row)),
            rdev: rdev.or_zero(row),
            blksize: blksize.or_zero(row),
            is_automount: false,
        };
        let target = targets.filter(|targets| targets.is_valid(row));
        let values = RowValues {
            path,
            kind,
            depth: depth.or_zero(row),
            parent_inode: parent.or_zero(row),
            stat,
            contents: contents(kind, fcount.get(row), dirsum.get(row)),
            target: target.map(|targets| targets.value(row).as_bytes()),
        };
        assembler.push(batch, &values);
    }
    Ok(())
}
