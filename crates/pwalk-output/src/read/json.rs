//! NDJSON: one JSON object a line, with the columns' names as keys.
//!
//! The first line says which columns the file has. A later one that lacks a column, or has
//! another, is an error: else a value would be made up, or lost.

use super::assemble::{Assembler, RowValues};
use super::wanted::Wanted;
use super::{BATCH_ROWS, RECORD_LEN_MAX, Reason, RowSource, kind_of, plain_reason};
use crate::cell::Cell;
use crate::columns::{COLUMNS, Column, Columns};
use crate::hex::from_hex;
use pwalk_engine::Batch;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

pub(crate) struct JsonSource {
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    n_lines: u64,
    /// Those of the first line, and those of them that are read.
    known: Columns,
    columns: Columns,
    /// The first line was read to learn the columns, and is still to be delivered.
    is_line_waiting: bool,
    assembler: Assembler,
}

impl JsonSource {
    pub(crate) fn new(input: Box<dyn Read + Send>, wanted: &Wanted) -> Reason<JsonSource> {
        let mut source = JsonSource {
            input: BufReader::with_capacity(128 << 10, input),
            line: Vec::new(),
            n_lines: 0,
            known: Columns::columnar(),
            columns: wanted.of_file(|name| Columns::columnar().has(name)),
            is_line_waiting: false,
            assembler: Assembler::default(),
        };
        source.is_line_waiting = source.read_line()?;
        if source.is_line_waiting {
            let first: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&source.line).map_err(|e| source.error(&plain(&e)))?;
            source.known = Wanted::all().of_file(|name| first.contains_key(name));
            source.columns = wanted.of_file(|name| first.contains_key(name));
            if !source.columns.has("filename") {
                return Err(source.error("has no filename, so it is not a scan"));
            }
            source.assembler = Assembler::new(&source.columns);
        }
        Ok(source)
    }

    fn read_line(&mut self) -> Reason<bool> {
        self.line.clear();
        let mut limited = (&mut self.input).take(RECORD_LEN_MAX as u64);
        let n_read = limited.read_until(b'\n', &mut self.line).map_err(|e| plain_reason(&e))?;
        self.n_lines += 1;
        if n_read >= RECORD_LEN_MAX {
            return Err(self.error(&format!("is longer than {RECORD_LEN_MAX} bytes")));
        }
        Ok(n_read > 0)
    }

    fn error(&self, what: &str) -> String {
        format!("line {}: {what}", self.n_lines)
    }

    fn push(&mut self, batch: &mut Batch) -> Reason<()> {
        let mut parser = serde_json::Deserializer::from_slice(&self.line);
        let row = Line { columns: &self.columns, known: &self.known }.deserialize(&mut parser);
        let row = row.and_then(|row| parser.end().map(|()| row));
        let row = row.map_err(|e| self.error(&plain(&e)))?;
        self.assembler.push(batch, &row).map_err(|e| format!("line {}: {e}", self.n_lines))
    }
}

/// An error without the parser's own number of the line: it is given one line at a time. Column 0
/// is no place.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    match error.column() {
        0 => what.to_owned(),
        column => format!("{what} at column {column}"),
    }
}

impl RowSource for JsonSource {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Reason<bool> {
        self.assembler.start();
        while batch.len() < BATCH_ROWS && batch.arena_len() < RECORD_LEN_MAX {
            if !std::mem::take(&mut self.is_line_waiting) && !self.read_line()? {
                break;
            }
            self.push(batch)?;
        }
        Ok(!batch.is_empty())
    }
}

/// Reads a line with these columns.
struct Line<'c> {
    columns: &'c Columns,
    /// Those that a line may have.
    known: &'c Columns,
}

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = RowValues<'de>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = RowValues<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut row = RowValues::default();
        let mut is_missing = vec![true; self.columns.as_slice().len()];
        // Lines mostly have their keys in the same order.
        let mut expected = 0;
        while let Some(Text(key)) = map.next_key()? {
            let Some(index) = self.columns.position_from(expected, &key) else {
                skip(&key, self.known, &mut map)?;
                continue;
            };
            if !std::mem::replace(&mut is_missing[index], false) {
                return Err(de::Error::custom(format_args!("has {key} twice")));
            }
            set_value(&self.columns.as_slice()[index], &mut map, &mut row)?;
            expected = index + 1;
        }
        let is_lost =
            |(index, column): &(usize, &Column)| is_missing[*index] && !column.is_nullable;
        match self.columns.iter().enumerate().find(is_lost) {
            Some((_, column)) => Err(de::Error::custom(format_args!("has no {}", column.name))),
            None => Ok(row),
        }
    }
}

/// Passes over a value that is in no column of ours, or in one that is not read.
fn skip<'de, M: MapAccess<'de>>(key: &str, known: &Columns, map: &mut M) -> Result<(), M::Error> {
    let is_ours = |column: &&Column| {
        column.name == key && column.cell.looked_up_by().is_none() && !known.has(key)
    };
    if COLUMNS.iter().find(is_ours).is_some() {
        return Err(de::Error::custom(format_args!("has {key}, which the first line lacks")));
    }
    map.next_value::<IgnoredAny>().map(drop)
}

/// Sets the next value on a row, unless it is null.
fn set_value<'de, M: MapAccess<'de>>(
    column: &Column,
    map: &mut M,
    row: &mut RowValues<'de>,
) -> Result<(), M::Error> {
    let name = column.name;
    let bad = |what: &str| de::Error::custom(format_args!("{name} {what}"));
    let is_set = match column.cell {
        Cell::U64(_, set, _) => map.next_value::<Option<_>>()?.map(|value| set(row, value)),
        Cell::I64(_, set, _) => map.next_value::<Option<_>>()?.map(|value| set(row, value)),
        Cell::U32(_, set, _) => map.next_value::<Option<_>>()?.map(|value| set(row, value)),
        Cell::I32(_, set) => map.next_value::<Option<_>>()?.map(|value| set(row, value)),
        Cell::Text(_, set) => map.next_value::<Option<Text>>()?.map(|Text(text)| set(row, text)),
        Cell::Bytes(_, set) => {
            let bytes = |Text(hex)| from_hex(&hex).ok_or_else(|| bad("is not hexadecimal"));
            let bytes = map.next_value::<Option<Text>>()?.map(bytes).transpose()?;
            bytes.map(|bytes| set(row, Cow::Owned(bytes)))
        }
        Cell::Kind(_, set) => {
            let kind = |Text(name)| kind_of(&name).ok_or_else(|| bad("is unknown"));
            let kind = map.next_value::<Option<Text>>()?.map(kind).transpose()?;
            kind.map(|kind| set(row, kind))
        }
        Cell::Name(..) => map.next_value::<IgnoredAny>().map(|_| Some(()))?,
    };
    if is_set.is_none() && !column.is_nullable {
        return Err(bad("is null"));
    }
    Ok(())
}

/// A text, borrowed from the line where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
