//! Rows as the pwalk CSV: 17 columns, `"` doubled, `\n` line ends.
//!
//! A row without control characters and invalid UTF-8 is byte for byte what the C pwalk prints.

use crate::columns::{Column, Columns};
use crate::names::{Names, extension};
use crate::text::Lines;
use pwalk_engine::{Batch, Contents, Kind, Row};

/// The header line of the pwalk CSV.
pub fn csv_header() -> Vec<u8> {
    let name = |column: &Column| match column.is_quoted_in_csv() {
        true => format!("\"{}\"", column.name),
        false => column.name.to_owned(),
    };
    let names: Vec<_> = Columns::pwalk().iter().map(name).collect();
    (names.join(",") + "\n").into_bytes()
}

/// Formats rows as CSV text.
///
/// What a directory's entries have in common is made once: parent, depth and path. What mostly
/// repeats from row to row (owner and device) is kept as text. Together that is a third of the
/// time of a row.
#[derive(Debug, Default)]
pub struct CsvRows {
    names: Names,
    dir: Option<DirText>,
    owner: Repeated<(u32, u32)>,
    dev: Repeated<u64>,
}

/// The text that the entries of one directory share.
#[derive(Debug)]
struct DirText {
    /// Its number in the batch at hand.
    number: usize,
    /// `parent-inode,directory-depth,"path/` of its entries.
    text: Vec<u8>,
    /// Where the path starts in `text`.
    path_start: usize,
    /// True if the text of the path is the path, unchanged.
    is_same: bool,
}

/// The text of a value that often is the same as in the row before.
#[derive(Debug, Default)]
struct Repeated<T> {
    value: Option<T>,
    text: Vec<u8>,
}

impl<T: PartialEq> Repeated<T> {
    #[inline]
    fn get(&mut self, value: T, format: impl FnOnce(&T, &mut Vec<u8>)) -> &[u8] {
        if self.value.as_ref() != Some(&value) {
            self.text.clear();
            format(&value, &mut self.text);
            self.value = Some(value);
        }
        &self.text
    }
}

impl CsvRows {
    /// Rows with names written in this way.
    pub fn new(names: Names) -> CsvRows {
        CsvRows { names, ..CsvRows::default() }
    }

    #[inline]
    fn append_row(&mut self, batch: &Batch, row: Row<'_>, text: &mut Vec<u8>) -> bool {
        let index = row.index();
        push_number(text, batch.inode[index], b',');
        let is_same = self.append_place(row, text);
        text.extend_from_slice(self.owner.get(
            (batch.uid[index], batch.gid[index]),
            |owner, text| {
                push_number(text, owner.0, b',');
                push_number(text, owner.1, b',');
            },
        ));
        push_number(text, batch.size[index], b',');
        text.extend_from_slice(self.dev.get(batch.dev[index], |dev, text| {
            push_number(text, *dev, b',');
        }));
        push_number(text, batch.blocks[index], b',');
        push_number(text, batch.nlink[index], b',');
        push_mode(text, batch.mode[index]);
        push_number(text, batch.atime[index], b',');
        push_number(text, batch.mtime[index], b',');
        push_number(text, batch.ctime[index], b',');
        match batch.contents[index] {
            Contents::None => text.extend_from_slice(b"-1,0\n"),
            Contents::Unread => text.extend_from_slice(b"0,0\n"),
            Contents::Counted { n_entries, size_sum } => {
                push_number(text, n_entries, b',');
                push_number(text, size_sum, b'\n');
            }
        }
        is_same
    }

    /// Appends `parent-inode,directory-depth,"filename","fileExtension",`.
    #[inline]
    fn append_place(&mut self, row: Row<'_>, text: &mut Vec<u8>) -> bool {
        let name = row.name();
        let names = self.names;
        let dir = self.enter_dir(row);
        let mut is_same = dir.is_same;
        if name.is_empty() {
            // The directory itself; its path has no closing slash, unless it is all there is.
            push_number(text, row.parent_inode(), b',');
            push_number(text, row.depth(), b',');
            let path = &dir.text[dir.path_start..];
            let len = if path == b"/" { 1 } else { path.len() - 1 };
            text.push(b'"');
            text.extend_from_slice(&path[..len]);
        } else {
            text.extend_from_slice(&dir.text);
            is_same &= names.append_quoted(name, text);
        }
        text.extend_from_slice(b"\",\"");
        if row.kind() != Kind::Dir {
            names.append_quoted(extension(row.last_component()), text);
        }
        text.extend_from_slice(b"\",");
        is_same
    }

    /// The text that the entries of the row's directory share.
    #[inline]
    fn enter_dir(&mut self, row: Row<'_>) -> &DirText {
        let number = row.dir_index();
        match &mut self.dir {
            Some(dir) if dir.number == number => {}
            dir => {
                let mut text = dir.take().map_or_else(Vec::new, |dir| dir.text);
                text.clear();
                push_number(&mut text, row.dir_inode(), b',');
                push_number(&mut text, row.dir_depth() + 1, b',');
                text.push(b'"');
                let path_start = text.len();
                let is_same = self.names.append_quoted(row.dir_path(), &mut text);
                *dir = Some(DirText { number, text, path_start, is_same });
            }
        }
        self.dir.as_ref().expect("it was just set")
    }
}

impl Lines for CsvRows {
    fn append(&mut self, batch: &Batch, text: &mut Vec<u8>, on_change: &mut dyn FnMut(Row<'_>)) {
        self.dir = None;
        for row in batch.rows() {
            if !self.append_row(batch, row, text) {
                on_change(row);
            }
        }
    }
}

#[inline]
fn push_number(text: &mut Vec<u8>, number: impl itoa::Integer, end: u8) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    text.push(end);
}

/// `"0100644",`: seven octal digits at least, as the C pwalk's `%07o`. No mode has more.
#[inline]
fn push_mode(text: &mut Vec<u8>, mode: u32) {
    let mut field = *b"\"0000000\",";
    for (place, digit) in field[1..8].iter_mut().rev().enumerate() {
        *digit = b'0' + (mode >> (3 * place) & 7) as u8;
    }
    text.extend_from_slice(&field);
}
