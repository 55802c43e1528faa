//! Reads tables of any columns back, row by row: plans, for example, also after DuckDB or an editor
//! had them.
//!
//! Columns are found by their names, and may be of any type that can hold the value: a number is
//! one of whatever width, or digits. It knows nothing of what they mean. The counterpart of
//! `record_writer.rs`; scans have readers of their own, which are faster.

use crate::format::Format;
use crate::read::{ReadError, guard, open_plain, plain_reason, unpack};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, downcast_integer_array};
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, SchemaRef};
use csv::{ByteRecord, ReaderBuilder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// There is none: a null, an empty field of a CSV.
    Null,
    /// A whole number.
    Number(i128),
    /// A text.
    Text(String),
    /// Bytes; texts that stand for bytes are hexadecimal digits, which nobody has read yet.
    Bytes(Vec<u8>),
}

/// A table, being read.
pub struct RecordReader {
    path: PathBuf,
    rows: Box<dyn Rows>,
}

/// The rows of one file, of the columns wanted, in their order.
trait Rows: Send {
    fn next(&mut self) -> Result<Option<Vec<Value>>, String>;
}

impl RecordReader {
    /// Opens a table for some of its columns. The suffix selects the format.
    ///
    /// # Errors
    ///
    /// If it is missing, not in that format, or lacks one of the columns.
    pub fn open(path: &Path, columns: &[&str]) -> Result<RecordReader, ReadError> {
        let (file, format) = open_plain(path, None)?;
        let rows = guard(|| open_rows(file, format, columns));
        let rows = rows.map_err(|reason| ReadError::new(path, reason))?;
        Ok(RecordReader { path: path.to_owned(), rows })
    }

    /// The same of record batches with this schema. The path is for messages.
    ///
    /// # Errors
    ///
    /// If it lacks one of the columns.
    pub fn of_batches(
        path: &Path,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, String>> + Send + 'static,
        columns: &[&str],
    ) -> Result<RecordReader, ReadError> {
        let rows = ArrowRows::new(schema, Box::new(batches), columns);
        let rows = rows.map_err(|reason| ReadError::new(path, reason))?;
        Ok(RecordReader { path: path.to_owned(), rows: Box::new(rows) })
    }

    /// The file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next row: a value for each column. `None` at the end.
    ///
    /// # Errors
    ///
    /// If the file is damaged, or a value is of no type that this reads.
    pub fn next_row(&mut self) -> Result<Option<Vec<Value>>, ReadError> {
        guard(|| self.rows.next()).map_err(|reason| ReadError::new(&self.path, reason))
    }
}

fn open_rows(file: File, format: Format, columns: &[&str]) -> Result<Box<dyn Rows>, String> {
    Ok(match format {
        Format::Csv(compression) => Box::new(CsvRows::new(unpack(file, compression)?, columns)?),
        Format::Ndjson(compression) => Box::new(JsonRows {
            input: BufReader::new(unpack(file, compression)?),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            n_lines: 0,
        }),
        Format::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file);
            let builder = builder.map_err(|e| e.to_string())?;
            let schema = builder.schema().clone();
            let batches = builder.build().map_err(|e| e.to_string())?;
            let batches = batches.map(|batch| batch.map_err(|e| e.to_string()));
            Box::new(ArrowRows::new(&schema, Box::new(batches), columns)?)
        }
        Format::Arrow(_) => {
            let reader = FileReader::try_new_buffered(file, None).map_err(|e| e.to_string())?;
            let schema = reader.schema();
            let batches = reader.map(|batch| batch.map_err(|e| e.to_string()));
            Box::new(ArrowRows::new(&schema, Box::new(batches), columns)?)
        }
    })
}

fn lacks(column: &str) -> String {
    format!("has no column {column}")
}

/// Places of columns among names.
fn places<'n>(
    names: impl Iterator<Item = &'n [u8]> + Clone,
    columns: &[&str],
) -> Result<Vec<usize>, String> {
    let place = |column: &&str| {
        names.clone().position(|name| name == column.as_bytes()).ok_or_else(|| lacks(column))
    };
    columns.iter().map(place).collect()
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

struct ArrowRows {
    batches: Batches,
    batch: Option<RecordBatch>,
    at: usize,
    places: Vec<usize>,
}

impl ArrowRows {
    fn new(schema: &SchemaRef, batches: Batches, columns: &[&str]) -> Result<ArrowRows, String> {
        let names = schema.fields().iter().map(|field| field.name().as_bytes());
        Ok(ArrowRows { batches, batch: None, at: 0, places: places(names, columns)? })
    }
}

impl Rows for ArrowRows {
    fn next(&mut self) -> Result<Option<Vec<Value>>, String> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.at < batch.num_rows()) {
                let value = |place: &usize| value_at(batch.column(*place), self.at);
                let row = self.places.iter().map(value).collect::<Result<_, _>>()?;
                self.at += 1;
                return Ok(Some(row));
            }
            (self.batch, self.at) = (self.batches.next().transpose()?, 0);
            if self.batch.is_none() {
                return Ok(None);
            }
        }
    }
}

fn value_at(array: &dyn Array, at: usize) -> Result<Value, String> {
    use DataType as T;
    if array.is_null(at) {
        return Ok(Value::Null);
    }
    let text = |text: &str| Ok(Value::Text(text.to_owned()));
    let bytes = |bytes: &[u8]| Ok(Value::Bytes(bytes.to_owned()));
    downcast_integer_array!(
        array => Ok(Value::Number(array.value(at).into())),
        T::Utf8 => text(array.as_string::<i32>().value(at)),
        T::LargeUtf8 => text(array.as_string::<i64>().value(at)),
        T::Utf8View => text(array.as_string_view().value(at)),
        T::Binary => bytes(array.as_binary::<i32>().value(at)),
        T::LargeBinary => bytes(array.as_binary::<i64>().value(at)),
        T::BinaryView => bytes(array.as_binary_view().value(at)),
        T::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            value_at(dictionary.values(), dictionary.normalized_keys()[at])
        }
        // A column without a value has no type for whoever wrote it: pandas, Polars and DuckDB do so.
        T::Null => Ok(Value::Null),
        T::Float64 => whole(array.as_primitive::<arrow_array::types::Float64Type>().value(at)),
        other => Err(format!("has values of the type {other}")),
    )
}

/// What DuckDB makes of a sum: a number with a point in it.
fn whole(number: f64) -> Result<Value, String> {
    let is_exact = number.fract() == 0.0 && number.abs() < (1u64 << 53) as f64;
    is_exact
        .then_some(Value::Number(number as i128))
        .ok_or_else(|| format!("has {number}, which is not a whole number"))
}

struct CsvRows {
    reader: csv::Reader<Box<dyn Read + Send>>,
    places: Vec<usize>,
    record: ByteRecord,
}

impl CsvRows {
    fn new(input: Box<dyn Read + Send>, columns: &[&str]) -> Result<CsvRows, String> {
        let mut reader = ReaderBuilder::new().from_reader(input);
        let names = reader.byte_headers().map_err(|e| reason(&e))?;
        let places = places(names.iter(), columns)?;
        Ok(CsvRows { reader, places, record: ByteRecord::new() })
    }
}

impl Rows for CsvRows {
    fn next(&mut self) -> Result<Option<Vec<Value>>, String> {
        if !self.reader.read_byte_record(&mut self.record).map_err(|e| reason(&e))? {
            return Ok(None);
        }
        let value = |place: &usize| match &self.record[*place] {
            b"" => Ok(Value::Null),
            field => match std::str::from_utf8(field) {
                Ok(text) => Ok(Value::Text(text.to_owned())),
                Err(_) => {
                    let line = self.record.position().map_or(0, csv::Position::line);
                    Err(format!("line {line}: has a text that is not valid UTF-8"))
                }
            },
        };
        self.places.iter().map(value).collect::<Result<_, _>>().map(Some)
    }
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => plain_reason(error),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line}: has {len} fields instead of {expected_len}")
        }
        _ => error.to_string(),
    }
}

struct JsonRows {
    input: BufReader<Box<dyn Read + Send>>,
    columns: Vec<String>,
    n_lines: u64,
}

impl Rows for JsonRows {
    fn next(&mut self) -> Result<Option<Vec<Value>>, String> {
        let mut line = Vec::new();
        let mut limited = (&mut self.input).take(crate::read::RECORD_LEN_MAX as u64);
        if limited.read_until(b'\n', &mut line).map_err(|e| plain_reason(&e))? == 0 {
            return Ok(None);
        }
        self.n_lines += 1;
        let error = |what: String| format!("line {}: {what}", self.n_lines);
        let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&line);
        let mut object = object.map_err(|e| error(crate::read::plain_json(&e)))?;
        let mut value = |column: &String| match object.remove(column) {
            None => Err(error(lacks(column))),
            Some(serde_json::Value::Null) => Ok(Value::Null),
            Some(serde_json::Value::String(text)) => Ok(Value::Text(text)),
            Some(serde_json::Value::Number(number)) => {
                let number = number.as_i128().or(number.as_f64().and_then(|number| {
                    whole(number).ok().and_then(|value| match value {
                        Value::Number(number) => Some(number),
                        _ => None,
                    })
                }));
                number.map(Value::Number).ok_or_else(|| error(format!("{column} is not whole")))
            }
            Some(_) => Err(error(format!("{column} is neither a number nor a text"))),
        };
        self.columns.iter().map(&mut value).collect::<Result<_, _>>().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_writer::{RecordConfig, RecordWriter};
    use crate::{ArrowCompression, Compression, Destination, OutputFile};
    use arrow_array::{ArrayRef, BinaryArray, StringArray, UInt32Array};
    use std::sync::Arc;

    #[test]
    fn what_was_written_in_any_format_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a,\"b\"", "ä\n", "c"]));
        let numbers: ArrayRef = Arc::new(UInt32Array::from(vec![Some(1), None, Some(u32::MAX)]));
        let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![None, Some(b"\xff"), None]));
        let columns = [("text", texts), ("number", numbers), ("bytes", bytes)];
        let record = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        );
        let record = record.unwrap();
        for (format, name) in [
            (Format::Csv(Compression::None), "t.csv"),
            (Format::Csv(Compression::Zstd), "t.csv.zst"),
            (Format::Ndjson(Compression::None), "t.ndjson"),
            (Format::Parquet, "t.parquet"),
            (Format::Arrow(ArrowCompression::None), "t.arrow"),
        ] {
            let path = folder.path().join(name);
            let config = RecordConfig {
                schema: record.schema(),
                format,
                metadata: Vec::new(),
                n_encoders: 1,
            };
            let destination = Destination::File(OutputFile::create(&path).unwrap());
            let writer = RecordWriter::create(config, destination).unwrap();
            writer.write(&record).unwrap();
            writer.finish(Vec::new()).unwrap();
            let mut reader = RecordReader::open(&path, &["bytes", "text", "number"]).unwrap();
            let is_text = !matches!(format, Format::Parquet | Format::Arrow(_));
            let mut n_rows = 0;
            while let Some(row) = reader.next_row().unwrap() {
                let hex = Value::Text("ff".to_owned());
                let byte = if is_text { hex } else { Value::Bytes(b"\xff".to_vec()) };
                let expected = [
                    (Value::Null, "a,\"b\"", Some(1)),
                    (byte, "ä\n", None),
                    (Value::Null, "c", Some(i128::from(u32::MAX))),
                ];
                let (bytes, text, number) = &expected[n_rows];
                assert_eq!((&row[0], &row[1]), (bytes, &Value::Text((*text).to_owned())), "{name}");
                match (&row[2], number) {
                    (Value::Null, None) => {}
                    (Value::Number(found), Some(number)) => assert_eq!(found, number),
                    (Value::Text(found), Some(number)) => assert_eq!(*found, number.to_string()),
                    other => panic!("{name}: {other:?}"),
                }
                n_rows += 1;
            }
            assert_eq!(n_rows, 3, "{name}");
            let error = RecordReader::open(&path, &["none"]).map(|mut reader| reader.next_row());
            let error = error.and_then(|row| row).unwrap_err();
            assert!(error.reason().ends_with("has no column none"), "{error}");
        }
    }

    #[test]
    fn a_column_without_any_value_may_have_no_type() {
        let columns: [(&str, ArrayRef); 2] = [
            ("text", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("none", Arc::new(arrow_array::NullArray::new(2))),
        ];
        let record = RecordBatch::try_from_iter(columns).unwrap();
        let schema = record.schema();
        let batches = std::iter::once(Ok(record));
        let reader = RecordReader::of_batches(Path::new("t"), &schema, batches, &["none", "text"]);
        let mut reader = reader.unwrap();
        for text in ["a", "b"] {
            let row = reader.next_row().unwrap().unwrap();
            assert_eq!(row, [Value::Null, Value::Text(text.to_owned())]);
        }
    }

    #[test]
    fn damaged_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a.csv", "x\n1,2\n"),
            ("b.csv", "x\n\"\u{e9}"),
            ("c.ndjson", "{\"x\":1.5}\n"),
            ("d.ndjson", "{\"x\":[]}\n"),
            ("e.ndjson", "nothing\n"),
            ("f.parquet", "PAR1"),
            ("g.arrow", "ARROW1"),
            ("h.csv", ""),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let read = RecordReader::open(&path, &["x"]).and_then(|mut reader| reader.next_row());
            if name != "b.csv" {
                assert!(read.is_err(), "{name}: {read:?}");
            }
        }
    }
}
