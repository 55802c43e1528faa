//! The pwalk CSV, also as the C pwalk and others write it: with or without a header, with bytes
//! that are not UTF-8.
//!
//! A CSV doesn't tell a directory that could not be read from one that is empty: both count 0.

use super::assemble::{Assembler, RowValues};
use super::quotes::Quotes;
use super::wanted::Wanted;
use super::{BATCH_ROWS, RECORD_LEN_MAX, Reason, RowSource, plain_reason};
use crate::cell::Cell;
use crate::columns::{COLUMNS, Column, Columns};
use csv_core::{ReadRecordResult, Reader};
use pwalk_engine::Batch;
use std::borrow::Cow;
use std::io::Read;
use std::str::FromStr;

const N_COLUMNS: usize = 17;

pub(crate) struct CsvSource {
    input: Box<dyn Read + Send>,
    parser: Reader,
    quotes: Quotes,
    /// What was read and not parsed: `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The record at hand, and where its fields end.
    record: Vec<u8>,
    ends: [usize; N_COLUMNS + 1],
    n_fields: usize,
    n_records: u64,
    /// The line that the record begins in, from 1.
    line: u64,
    /// The last byte that was read; `None` if the input is empty.
    last: Option<u8>,
    columns: Columns,
    /// Which of the 17 fields are read.
    is_read: [bool; N_COLUMNS],
    assembler: Assembler,
}

impl CsvSource {
    pub(crate) fn new(input: Box<dyn Read + Send>, wanted: &Wanted) -> Reason<CsvSource> {
        let fields = wanted.of_file(|name| Columns::pwalk().has(name));
        // Kinds and exact paths follow from the others.
        let columns = Columns::columnar();
        let made = columns.iter().filter(|column| !Columns::pwalk().has(column.name));
        let columns = Columns::of(fields.iter().chain(made).copied());
        Ok(CsvSource {
            input,
            parser: Reader::new(),
            quotes: Quotes::new(),
            buffer: vec![0; 128 << 10],
            start: 0,
            end: 0,
            record: vec![0; 4096],
            ends: [0; N_COLUMNS + 1],
            n_fields: 0,
            n_records: 0,
            line: 1,
            last: None,
            assembler: Assembler::new(&columns),
            is_read: std::array::from_fn(|index| fields.has(COLUMNS[index].name)),
            columns,
        })
    }

    /// Reads what is parsed next. At the end of the input there is nothing.
    fn fill(&mut self) -> Reason<()> {
        let n_bytes = self.input.read(&mut self.buffer).map_err(|e| self.at(plain_reason(&e)))?;
        (self.start, self.end) = (0, n_bytes);
        self.last = self.buffer[..n_bytes].last().copied().or(self.last);
        Ok(())
    }

    /// Reads one record into `record`; false at the end.
    fn read_record(&mut self) -> Reason<bool> {
        let (mut n_bytes, mut n_ends) = (0, 0);
        self.line = self.parser.line();
        loop {
            if self.start == self.end {
                self.fill()?;
            }
            let input = &self.buffer[self.start..self.end];
            let (result, n_in, n_out, n_new_ends) = self.parser.read_record(
                input,
                &mut self.record[n_bytes..],
                &mut self.ends[n_ends..],
            );
            if !self.quotes.hold_in(&input[..n_in]) {
                return Err(self.at("has a quote inside of quotes that is not doubled"));
            }
            self.start += n_in;
            n_bytes += n_out;
            n_ends += n_new_ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.record.len() >= RECORD_LEN_MAX => {
                    return Err(self.at(format!("is longer than {RECORD_LEN_MAX} bytes")));
                }
                ReadRecordResult::OutputFull => self.record.resize(2 * self.record.len(), 0),
                ReadRecordResult::OutputEndsFull => return Err(self.at("has too many fields")),
                // A number that was cut is a number, too.
                ReadRecordResult::Record if self.is_cut() => {
                    return Err(self.at("is cut off: the file ends in the middle of a row"));
                }
                ReadRecordResult::Record => {
                    self.n_records += 1;
                    self.n_fields = n_ends;
                    return Ok(true);
                }
                ReadRecordResult::End if self.n_records == 0 => {
                    return Err("is empty, so it is not a scan".to_owned());
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// True if the record at hand is the last one, and without an end.
    fn is_cut(&self) -> bool {
        self.end == 0 && !matches!(self.last, Some(b'\n' | b'\r'))
    }

    fn at(&self, what: impl std::fmt::Display) -> String {
        format!("line {}: {what}", self.line)
    }

    fn is_header(&self) -> bool {
        self.n_records == 1 && self.n_fields > 0 && &self.record[..self.ends[0]] == b"inode"
    }

    /// Columns in another order would be read as each other. Other spellings are nobody's business.
    fn check_header(&self) -> Reason<()> {
        self.check_length()?;
        let starts = std::iter::once(&0).chain(&self.ends);
        for ((column, &start), &end) in COLUMNS.iter().zip(starts).zip(&self.ends[..N_COLUMNS]) {
            let name = &self.record[start..end];
            let is_name = |column: &Column| column.name.as_bytes() == name;
            if !is_name(column) && COLUMNS.iter().any(is_name) {
                let name = String::from_utf8_lossy(name);
                return Err(self.at(format!("has the column {name} in place of {}", column.name)));
            }
        }
        Ok(())
    }

    fn check_length(&self) -> Reason<()> {
        match self.n_fields {
            N_COLUMNS => Ok(()),
            1 => Err(self.at(format!("has 1 field instead of {N_COLUMNS}"))),
            n => Err(self.at(format!("has {n} fields instead of {N_COLUMNS}"))),
        }
    }

    /// Reads as many rows as a batch has.
    fn read_rows(&mut self, assembler: &mut Assembler, batch: &mut Batch) -> Reason<()> {
        while batch.len() < BATCH_ROWS
            && batch.arena_len() < RECORD_LEN_MAX
            && self.read_record()?
        {
            if self.is_header() {
                self.check_header()?;
            } else {
                assembler.push(batch, &self.row()?)?;
            }
        }
        Ok(())
    }

    fn row(&self) -> Reason<RowValues<'_>> {
        let error = |what: String| self.at(what);
        self.check_length()?;
        let mut row = RowValues::default();
        let mut start = 0;
        for ((column, &end), is_read) in COLUMNS.iter().zip(&self.ends).zip(self.is_read) {
            if is_read {
                let is_set = set_field(column, &self.record[start..end], &mut row);
                is_set.ok_or_else(|| error(format!("has an invalid number in {}", column.name)))?;
            }
            start = end;
        }
        Ok(row)
    }
}

/// Sets a field on a row; `None` if it is not a number that its column can hold.
fn set_field<'a>(column: &Column, field: &'a [u8], row: &mut RowValues<'a>) -> Option<()> {
    match column.cell {
        Cell::U64(_, set, _) => set(row, parse(field)?),
        Cell::I64(_, set, _) => set(row, parse(field)?),
        // A number between quotes is octal.
        Cell::U32(_, set, _) if column.is_quoted_in_csv() => {
            set(row, u32::from_str_radix(std::str::from_utf8(field).ok()?, 8).ok()?);
        }
        Cell::U32(_, set, _) => set(row, parse(field)?),
        Cell::I32(_, set) => set(row, parse(field)?),
        Cell::Text(_, set) => match std::str::from_utf8(field) {
            Ok(text) => set(row, Cow::Borrowed(text)),
            // Of the two texts the path is the one that a row can hold as bytes; the extension
            // follows from it.
            Err(_) if column.name == "filename" => row.exact_path = Some(Cow::Borrowed(field)),
            Err(_) => {}
        },
        // Not among the 17.
        Cell::Bytes(..) | Cell::Kind(..) | Cell::Name(..) => {}
    }
    Some(())
}

fn parse<T: FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

impl RowSource for CsvSource {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Reason<bool> {
        let mut assembler = std::mem::take(&mut self.assembler);
        assembler.start();
        let read = self.read_rows(&mut assembler, batch);
        // After an error, too: who asks for more must not get rows without their columns.
        self.assembler = assembler;
        read.map(|()| !batch.is_empty())
    }
}
