//! Rows as the pwalk CSV: 17 columns, `"` doubled, `\n` line ends.
//!
//! A row without control characters or invalid UTF-8 is byte for byte what the C pwalk prints.

use crate::columns::{Column, Columns};
use crate::digits::ShortText;
use crate::names::Names;
use crate::text::Lines;
use pwalk_engine::{Batch, Contents, Kind, Row, extension};

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
/// repeats from row to row (owner, device, mode, times) is kept as text. Everything behind the names is
/// put together in `numbers` and appended in one piece: short pieces one by one cost more than
/// their digits.
#[derive(Debug, Default)]
pub struct CsvRows {
    names: Names,
    dir: Option<DirText>,
    owner: Repeated<(u32, u32)>,
    dev: Repeated<u64>,
    mode: Repeated<u32>,
    atime: Repeated<i64>,
    mtime: Repeated<i64>,
    ctime: Repeated<i64>,
    /// Empty between rows. Twelve numbers of at most 20 digits, and a mode.
    numbers: ShortText<320>,
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
    text: ShortText<24>,
}

impl<T: PartialEq + Copy> Repeated<T> {
    #[inline]
    fn get(&mut self, value: T, format: impl FnOnce(T, &mut ShortText<24>)) -> &ShortText<24> {
        if self.value != Some(value) {
            self.text.clear();
            format(value, &mut self.text);
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
        push_number(text, batch.inode[row.index()], b',');
        let is_same = self.append_place(row, text);
        self.numbers.clear();
        self.put_numbers(batch, row.index());
        text.extend_from_slice(self.numbers.as_bytes());
        is_same
    }

    /// What stands behind the names.
    #[inline]
    fn put_numbers(&mut self, batch: &Batch, index: usize) {
        let numbers = &mut self.numbers;
        numbers.push_short(self.owner.get((batch.uid[index], batch.gid[index]), |owner, text| {
            text.push_u64(owner.0.into(), b',');
            text.push_u64(owner.1.into(), b',');
        }));
        numbers.push_i64(batch.size[index], b',');
        numbers.push_short(self.dev.get(batch.dev[index], |dev, text| text.push_u64(dev, b',')));
        numbers.push_i64(batch.blocks[index], b',');
        numbers.push_u64(batch.nlink[index].into(), b',');
        numbers.push_short(self.mode.get(batch.mode[index], push_mode));
        let push_time = |time, text: &mut ShortText<24>| text.push_i64(time, b',');
        numbers.push_short(self.atime.get(batch.atime[index], push_time));
        numbers.push_short(self.mtime.get(batch.mtime[index], push_time));
        numbers.push_short(self.ctime.get(batch.ctime[index], push_time));
        match batch.contents[index] {
            Contents::None => numbers.push_bytes(b"-1,0\n"),
            Contents::Unread => numbers.push_bytes(b"0,0\n"),
            Contents::Counted { n_entries, size_sum } => {
                numbers.push_i64(n_entries, b',');
                numbers.push_i64(size_sum, b'\n');
            }
        }
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
            push_place(text, row.parent_inode(), row.depth());
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
                push_place(&mut text, row.dir_inode(), row.dir_depth().saturating_add(1));
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
fn push_number(text: &mut Vec<u8>, number: u64, end: u8) {
    let mut short = ShortText::<32>::default();
    short.push_u64(number, end);
    short.append_to(text);
}

/// `parent-inode,directory-depth,`
fn push_place(text: &mut Vec<u8>, parent_inode: u64, depth: i32) {
    let mut short = ShortText::<48>::default();
    short.push_u64(parent_inode, b',');
    short.push_i64(depth.into(), b',');
    short.append_to(text);
}

/// `"0100644",`: seven octal digits at least, as the C pwalk's `%07o`. No mode of a file has more,
/// but a saved scan may.
fn push_mode(mode: u32, text: &mut ShortText<24>) {
    let n_digits = (u32::BITS - mode.leading_zeros()).div_ceil(3).max(7);
    text.push_bytes(b"\"");
    for place in (0..n_digits).rev() {
        text.push_bytes(&[b'0' + (mode >> (3 * place) & 7) as u8]);
    }
    text.push_bytes(b"\",");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_keeps_all_its_bits() {
        for mode in [0, 0o644, 0o100_644, 0o7_777_777, 0o10_000_000, u32::MAX] {
            let mut text = ShortText::default();
            push_mode(mode, &mut text);
            assert_eq!(text.as_bytes(), format!("\"{mode:07o}\",").as_bytes());
        }
    }
}
