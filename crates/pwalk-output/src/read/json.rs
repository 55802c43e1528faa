//! NDJSON: one JSON object a line, with the columns' names as keys.

use super::assemble::{Assembler, RowValues, contents};
use super::{BATCH_ROWS, RECORD_LEN_MAX, Reason, RowSource, plain_reason};
use crate::columns::{COLUMNS, ColumnId, Columns};
use pwalk_engine::{Batch, Kind, Stat};
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};

pub(crate) struct JsonSource {
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    n_lines: u64,
    /// Those of the first line.
    columns: Columns,
    /// The first line was read to learn the columns, and is still to be delivered.
    is_line_waiting: bool,
    assembler: Assembler,
}

/// A line. What is not there is 0, and not among the columns.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Line {
    inode: u64,
    #[serde(rename = "parent-inode")]
    parent_inode: u64,
    #[serde(rename = "directory-depth")]
    depth: i32,
    filename: String,
    #[serde(rename = "UID")]
    uid: u32,
    #[serde(rename = "GID")]
    gid: u32,
    st_size: i64,
    st_dev: u64,
    st_blocks: i64,
    st_nlink: u32,
    st_mode: u32,
    st_atime: i64,
    st_mtime: i64,
    st_ctime: i64,
    pw_fcount: Option<i64>,
    pw_dirsum: Option<i64>,
    kind: Option<String>,
    filename_bytes: Option<String>,
    st_atime_ns: u32,
    st_mtime_ns: u32,
    st_ctime_ns: u32,
    st_btime: Option<i64>,
    st_btime_ns: Option<u32>,
    st_rdev: u64,
    st_blksize: u32,
    target: Option<String>,
}

impl JsonSource {
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Reason<JsonSource> {
        let mut source = JsonSource {
            input: BufReader::with_capacity(128 << 10, input),
            line: Vec::new(),
            n_lines: 0,
            columns: Columns::columnar(),
            is_line_waiting: false,
            assembler: Assembler::default(),
        };
        source.is_line_waiting = source.read_line()?;
        if source.is_line_waiting {
            let first: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&source.line).map_err(|e| source.error(&e.to_string()))?;
            source.columns = known_columns(|name| first.contains_key(name));
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
        let line: Line =
            serde_json::from_slice(&self.line).map_err(|e| self.error(&e.to_string()))?;
        let exact = match &line.filename_bytes {
            Some(hex) => Some(from_hex(hex).ok_or_else(|| self.error("filename_bytes is no hex"))?),
            None => None,
        };
        let kind = match &line.kind {
            Some(name) => kind_of(name).ok_or_else(|| self.error("its kind is none"))?,
            None => Kind::from_mode(line.st_mode),
        };
        let row = RowValues {
            path: exact.as_deref().unwrap_or(line.filename.as_bytes()),
            kind,
            depth: line.depth,
            parent_inode: line.parent_inode,
            stat: Stat {
                ino: line.inode,
                dev: line.st_dev,
                size: line.st_size,
                blocks: line.st_blocks,
                mode: line.st_mode,
                nlink: line.st_nlink,
                uid: line.uid,
                gid: line.gid,
                atime: line.st_atime,
                mtime: line.st_mtime,
                ctime: line.st_ctime,
                btime: line.st_btime,
                nanos: [
                    line.st_atime_ns,
                    line.st_mtime_ns,
                    line.st_ctime_ns,
                    line.st_btime_ns.unwrap_or(0),
                ],
                rdev: line.st_rdev,
                blksize: line.st_blksize,
                is_automount: false,
            },
            contents: contents(kind, line.pw_fcount, line.pw_dirsum),
            target: line.target.as_deref().map(str::as_bytes),
        };
        self.assembler.push(batch, &row);
        Ok(())
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

/// The columns of the table that a file has, but for names that belong to another machine.
pub(crate) fn known_columns(has: impl Fn(&str) -> bool) -> Columns {
    let is_foreign = |id| matches!(id, ColumnId::User | ColumnId::Group);
    let known = COLUMNS.iter().filter(|column| has(column.name) && !is_foreign(column.id));
    Columns::of(known.copied())
}

/// The kind that a word of the `kind` column names.
pub(crate) fn kind_of(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    let byte = |start| u8::from_str_radix(&digits[start..start + 2], 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}
