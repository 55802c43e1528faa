//! Rows as NDJSON: one JSON object a line, with the columns' names as keys.
//!
//! Strings are valid UTF-8; `filename_bytes` is in hexadecimal digits.

use crate::columns::{Column, ColumnId, Columns};
use crate::error_list::to_hex;
use crate::names::{extension, is_plain, is_text};
use crate::text::Lines;
use crate::users::UserNames;
use pwalk_engine::{Batch, Contents, Kind, Row};
use std::sync::Arc;

/// Formats rows as JSON objects.
pub(crate) struct JsonRows {
    /// Each column with what stands before its value: `{"inode":` or `,"name":`.
    columns: Vec<(ColumnId, Vec<u8>)>,
    /// The text of paths is asked for, and their bytes are not.
    changes_names: bool,
    users: Arc<UserNames>,
}

impl JsonRows {
    pub(crate) fn new(columns: &Columns, users: Arc<UserNames>) -> JsonRows {
        let key = |(index, column): (usize, &Column)| {
            let before = if index == 0 { '{' } else { ',' };
            (column.id, format!("{before}\"{}\":", column.name).into_bytes())
        };
        let changes_names = columns.change_names();
        JsonRows { columns: columns.iter().enumerate().map(key).collect(), changes_names, users }
    }
}

impl Lines for JsonRows {
    fn append(&mut self, batch: &Batch, text: &mut Vec<u8>, on_change: &mut dyn FnMut(Row<'_>)) {
        for row in batch.rows() {
            if self.changes_names && !is_text(&row) {
                on_change(row);
            }
            for (id, key) in &self.columns {
                text.extend_from_slice(key);
                push_value(*id, batch, row, &self.users, text);
            }
            text.extend_from_slice(b"}\n");
        }
    }
}

/// One arm for each column: the compiler asks for that of a new one.
fn push_value(id: ColumnId, batch: &Batch, row: Row<'_>, users: &UserNames, text: &mut Vec<u8>) {
    use ColumnId as C;
    let index = row.index();
    match id {
        C::Inode => push_number(batch.inode[index], text),
        C::ParentInode => push_number(row.parent_inode(), text),
        C::DirectoryDepth => push_number(row.depth(), text),
        C::Filename => {
            let (dir, name) = row.path_parts();
            text.push(b'"');
            push_escaped(dir, text);
            push_escaped(name, text);
            text.push(b'"');
        }
        C::FileExtension if row.kind() == Kind::Dir => push_string(b"", text),
        C::FileExtension => push_string(extension(row.last_component()), text),
        C::Uid => push_number(batch.uid[index], text),
        C::Gid => push_number(batch.gid[index], text),
        C::Size => push_number(batch.size[index], text),
        C::Dev => push_number(batch.dev[index], text),
        C::Blocks => push_number(batch.blocks[index], text),
        C::Nlink => push_number(batch.nlink[index], text),
        C::Mode => push_number(batch.mode[index], text),
        C::Atime => push_number(batch.atime[index], text),
        C::Mtime => push_number(batch.mtime[index], text),
        C::Ctime => push_number(batch.ctime[index], text),
        C::Fcount => push_count(batch.contents[index], |n_entries, _| n_entries, text),
        C::Dirsum => push_count(batch.contents[index], |_, size_sum| size_sum, text),
        C::Kind => push_string(row.kind().name().as_bytes(), text),
        C::FilenameBytes => {
            let path = row.path();
            let is_text = std::str::from_utf8(&path).is_ok();
            push_optional((!is_text).then(|| to_hex(&path)).as_deref(), text);
        }
        C::User => push_optional(users.user(batch.uid[index]).as_deref(), text),
        C::Group => push_optional(users.group(batch.gid[index]).as_deref(), text),
        C::AtimeNs => push_number(batch.nanos[index][0], text),
        C::MtimeNs => push_number(batch.nanos[index][1], text),
        C::CtimeNs => push_number(batch.nanos[index][2], text),
        C::Btime => match batch.btime[index] {
            Some(btime) => push_number(btime, text),
            None => push_null(text),
        },
        C::BtimeNs => match batch.btime[index] {
            Some(_) => push_number(batch.nanos[index][3], text),
            None => push_null(text),
        },
        C::Rdev => push_number(batch.rdev[index], text),
        C::Blksize => push_number(batch.blksize[index], text),
        C::Target if row.target().is_empty() => push_null(text),
        C::Target => push_string(row.target(), text),
    }
}

fn push_null(text: &mut Vec<u8>) {
    text.extend_from_slice(b"null");
}

fn push_number(number: impl itoa::Integer, text: &mut Vec<u8>) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn push_count(contents: Contents, of: impl Fn(i64, i64) -> i64, text: &mut Vec<u8>) {
    match contents {
        Contents::Counted { n_entries, size_sum } => push_number(of(n_entries, size_sum), text),
        Contents::None | Contents::Unread => push_null(text),
    }
}

fn push_optional(value: Option<&str>, text: &mut Vec<u8>) {
    match value {
        Some(value) => push_string(value.as_bytes(), text),
        None => push_null(text),
    }
}

fn push_string(value: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    push_escaped(value, text);
    text.push(b'"');
}

/// Appends what stands between the quotes of a JSON string.
fn push_escaped(value: &[u8], text: &mut Vec<u8>) {
    if value.iter().all(|&byte| is_plain(byte) && byte != b'\\') {
        text.extend_from_slice(value);
        return;
    }
    let quoted = serde_json::to_string(&String::from_utf8_lossy(value)).unwrap_or_default();
    text.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
}
