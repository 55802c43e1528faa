//! Record batches as CSV after RFC 4180, for tables that are not a scan: a header, quotes where
//! they are needed, `\n` line ends.
//!
//! A null is an empty field, an empty text is `""`; bytes are written in hexadecimal digits. The
//! CSV of a scan is another one, `csv.rs`: 17 columns as the C pwalk writes them.

use crate::text::RecordLines;
use crate::text_cells::{Style, append_rows};
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use std::io;

/// The header line.
pub(crate) fn plain_csv_header(schema: &Schema) -> Vec<u8> {
    let mut header = Vec::new();
    for field in schema.fields() {
        Csv::push_text(field.name(), &mut header);
        header.push(b',');
    }
    header.pop();
    header.push(b'\n');
    header
}

/// Formats rows as CSV.
#[derive(Clone)]
pub(crate) struct PlainCsvLines {
    /// What precedes the value of each column: a comma, but for the first.
    commas: Vec<Vec<u8>>,
}

impl PlainCsvLines {
    pub(crate) fn new(schema: &Schema) -> PlainCsvLines {
        let comma = |index| if index == 0 { Vec::new() } else { b",".to_vec() };
        PlainCsvLines { commas: (0..schema.fields().len()).map(comma).collect() }
    }
}

impl RecordLines for PlainCsvLines {
    fn append(&mut self, record: &RecordBatch, text: &mut Vec<u8>) -> io::Result<()> {
        append_rows::<Csv>(record, &self.commas, b"\n", text)
    }
}

struct Csv;

impl Style for Csv {
    const NULL: &'static [u8] = b"";

    fn push_text(value: &str, text: &mut Vec<u8>) {
        let is_plain = !value.contains([',', '"', '\n', '\r']) && !value.is_empty();
        if is_plain {
            return text.extend_from_slice(value.as_bytes());
        }
        text.push(b'"');
        text.extend_from_slice(value.replace('"', "\"\"").as_bytes());
        text.push(b'"');
    }

    fn push_float(value: f64, text: &mut Vec<u8>) {
        text.extend_from_slice(value.to_string().as_bytes());
    }
}
