//! The pwalk CSV, also as the C pwalk and others write it: with or without a header, with bytes
//! that are no UTF-8.
//!
//! A CSV doesn't tell a directory that could not be read from one that is empty: both count 0.

use super::assemble::{Assembler, RowValues, contents};
use super::{BATCH_ROWS, RECORD_LEN_MAX, Reason, RowSource, plain_reason};
use crate::columns::{COLUMNS, Columns};
use csv_core::{ReadRecordResult, Reader};
use pwalk_engine::{Batch, Kind, Stat};
use std::io::Read;
use std::str::FromStr;

const N_COLUMNS: usize = 17;

pub(crate) struct CsvSource {
    input: Box<dyn Read + Send>,
    parser: Reader,
    /// What was read and not parsed: `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The record at hand, and where its fields end.
    record: Vec<u8>,
    ends: [usize; N_COLUMNS + 1],
    n_fields: usize,
    n_records: u64,
    columns: Columns,
    assembler: Assembler,
}

impl CsvSource {
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Reason<CsvSource> {
        Ok(CsvSource {
            input,
            parser: Reader::new(),
            buffer: vec![0; 128 << 10],
            start: 0,
            end: 0,
            record: vec![0; 4096],
            ends: [0; N_COLUMNS + 1],
            n_fields: 0,
            n_records: 0,
            columns: Columns::columnar(),
            assembler: Assembler::default(),
        })
    }

    /// Reads one record into `record`; false at the end.
    fn read_record(&mut self) -> Reason<bool> {
        let (mut n_bytes, mut n_ends) = (0, 0);
        loop {
            if self.start == self.end {
                (self.start, self.end) =
                    (0, self.input.read(&mut self.buffer).map_err(|e| plain_reason(&e))?);
            }
            let input = &self.buffer[self.start..self.end];
            let (result, n_in, n_out, n_new_ends) = self.parser.read_record(
                input,
                &mut self.record[n_bytes..],
                &mut self.ends[n_ends..],
            );
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
                ReadRecordResult::Record => {
                    self.n_records += 1;
                    self.n_fields = n_ends;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn at(&self, what: impl std::fmt::Display) -> String {
        format!("record {} {what}", self.n_records + 1)
    }

    fn is_header(&self) -> bool {
        self.n_records == 1 && self.n_fields > 0 && &self.record[..self.ends[0]] == b"inode"
    }

    fn row(&self) -> Reason<RowValues<'_>> {
        let error = |what: &str| format!("record {} {what}", self.n_records);
        if self.n_fields != N_COLUMNS {
            return Err(error(&format!("has {} fields instead of {N_COLUMNS}", self.n_fields)));
        }
        let field = |index: usize| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.record[start..self.ends[index]]
        };
        let bad = |index: usize| {
            error(&format!("has a {} that is no number in range", COLUMNS[index].name))
        };
        let number = |index| parse::<u64>(field(index)).ok_or_else(|| bad(index));
        let signed = |index| parse::<i64>(field(index)).ok_or_else(|| bad(index));
        let small = |index| parse::<u32>(field(index)).ok_or_else(|| bad(index));
        let mode = std::str::from_utf8(field(11)).ok();
        let mode =
            mode.and_then(|text| u32::from_str_radix(text, 8).ok()).ok_or_else(|| bad(11))?;
        let kind = Kind::from_mode(mode);
        Ok(RowValues {
            path: field(3),
            kind,
            depth: parse(field(2)).ok_or_else(|| bad(2))?,
            parent_inode: number(1)?,
            stat: Stat {
                ino: number(0)?,
                uid: small(5)?,
                gid: small(6)?,
                size: signed(7)?,
                dev: number(8)?,
                blocks: signed(9)?,
                nlink: small(10)?,
                mode,
                atime: signed(12)?,
                mtime: signed(13)?,
                ctime: signed(14)?,
                ..Stat::default()
            },
            contents: contents(kind, Some(signed(15)?), Some(signed(16)?)),
            target: None,
        })
    }
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
        while batch.len() < BATCH_ROWS
            && batch.arena_len() < RECORD_LEN_MAX
            && self.read_record()?
        {
            if !self.is_header() {
                assembler.push(batch, &self.row()?);
            }
        }
        self.assembler = assembler;
        Ok(!batch.is_empty())
    }
}
