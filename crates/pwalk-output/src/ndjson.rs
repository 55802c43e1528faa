//! Record batches as NDJSON: one JSON object a line, with the columns' names as keys.
//!
//! Texts are valid UTF-8; bytes are written in hexadecimal digits.

use crate::text::RecordLines;
use crate::text_cells::{Style, append_rows};
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use std::io;

/// Formats rows as JSON objects.
#[derive(Clone)]
pub(crate) struct JsonLines {
    /// What precedes the value of each column: `{"inode":` or `,"name":`.
    keys: Vec<Vec<u8>>,
}

impl JsonLines {
    pub(crate) fn new(schema: &Schema) -> JsonLines {
        let key = |(index, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            Json::push_text(field.name(), &mut key);
            key.push(b':');
            key
        };
        JsonLines { keys: schema.fields().iter().enumerate().map(key).collect() }
    }
}

impl RecordLines for JsonLines {
    fn append(&mut self, record: &RecordBatch, text: &mut Vec<u8>) -> io::Result<()> {
        let end: &[u8] = if self.keys.is_empty() { b"{}\n" } else { b"}\n" };
        append_rows::<Json>(record, &self.keys, end, text)
    }
}

struct Json;

impl Style for Json {
    const NULL: &'static [u8] = b"null";

    #[inline]
    fn push_text(value: &str, text: &mut Vec<u8>) {
        text.push(b'"');
        if is_plain(value) {
            text.extend_from_slice(value.as_bytes());
        } else {
            push_escaped(value, text);
        }
        text.push(b'"');
    }

    /// What JSON has no number for is null.
    fn push_float(value: f64, text: &mut Vec<u8>) {
        match serde_json::Number::from_f64(value) {
            Some(number) => text.extend_from_slice(number.to_string().as_bytes()),
            None => text.extend_from_slice(Json::NULL),
        }
    }
}

/// True if nothing in it must be escaped. Without an early end, so that the compiler makes it a
/// comparison of many bytes at once.
#[inline]
fn is_plain(value: &str) -> bool {
    let is_special = |byte: u8| (byte < 32) | (byte == b'"') | (byte == b'\\');
    !value.bytes().fold(false, |any, byte| any | is_special(byte))
}

#[cold]
fn push_escaped(value: &str, text: &mut Vec<u8>) {
    let quoted = serde_json::to_string(value).expect("a string is valid JSON");
    text.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
}
