//! Tables of any schema, in every format.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use arrow_array::builder::{Int32Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int16Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pwalk_output::{
    Destination, Format, OutputError, OutputFile, OutputFolder, PartBounds, RecordConfig,
    RecordWriter,
};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Texts that need care in one format or another, and numbers at their ends.
fn sample() -> RecordBatch {
    let mut groups = StringDictionaryBuilder::<Int16Type>::new();
    groups.extend([Some("old"), None, Some("new"), Some("old")]);
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("path", Arc::new(StringArray::from(vec![Some("a,b"), Some(""), None, Some("q\"\n\\")]))),
        ("count", Arc::new(UInt64Array::from(vec![0, u64::MAX, 1, 2]))),
        ("change", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(-1), Some(3)]))),
        ("share", Arc::new(Float64Array::from(vec![0.5, -1e300, f64::NAN, 2.0]))),
        ("is_old", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b""), None]))),
        ("group", Arc::new(groups.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(arrays.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

const CSV: &str = r#"path,count,change,share,is_old,bytes,group
"a,b",0,-9223372036854775808,0.5,true,00ff,old
"",18446744073709551615,,-1000...,false,,
,1,-1,NaN,,"",new
"q""
\",2,3,2,true,,old
"#;

const NDJSON: &str = r#"{"path":"a,b","count":0,"change":-9223372036854775808,"share":0.5,"is_old":true,"bytes":"00ff","group":"old"}
{"path":"","count":18446744073709551615,"change":null,"share":-1e+300,"is_old":false,"bytes":null,"group":null}
{"path":null,"count":1,"change":-1,"share":null,"is_old":null,"bytes":"","group":"new"}
{"path":"q\"\n\\","count":2,"change":3,"share":2.0,"is_old":true,"bytes":null,"group":"old"}
"#;

fn metadata(key: &str) -> Vec<(String, String)> {
    vec![(key.to_owned(), format!("value of {key}"))]
}

fn create(
    schema: SchemaRef,
    suffix: &str,
    destination: Destination,
) -> Result<RecordWriter, OutputError> {
    let format: Format = suffix.parse().unwrap();
    let config = RecordConfig { schema, format, metadata: metadata("pwalk.first"), n_encoders: 2 };
    RecordWriter::create(config, destination)
}

fn write(path: &Path, suffix: &str, record: &RecordBatch) {
    let file = Destination::File(OutputFile::create(path).unwrap());
    let writer = create(record.schema(), suffix, file).unwrap();
    writer.write(record).unwrap();
    assert!(!path.exists(), "it appears when it is finished");
    let n_bytes = writer.finish(metadata("pwalk.last")).unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), n_bytes);
}

fn read_parquet(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    match path.extension().unwrap().to_str() {
        Some("zst") => String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap(),
        _ => String::from_utf8(bytes).unwrap(),
    }
}

/// As text, in which NaN equals NaN.
#[track_caller]
fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(format!("{:?}", found.columns()), format!("{:?}", expected.columns()));
}

#[test]
fn any_schema_is_written_and_read_back_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let record = sample();
    for (suffix, expected) in
        [("csv", CSV), ("csv.zst", CSV), ("ndjson", NDJSON), ("ndjson.zst", NDJSON)]
    {
        let path = folder.path().join(format!("table.{suffix}"));
        write(&path, suffix, &record);
        let expected = expected.replace("-1000...", &(-1e300_f64).to_string());
        assert_eq!(text(&path), expected, "{suffix}");
    }
    let path = folder.path().join("table.parquet");
    write(&path, "parquet", &record);
    let found = read_parquet(&path);
    assert_eq!(found.len(), 1);
    // A dictionary is a way of packing here, and no type.
    let n_plain = record.num_columns() - 1;
    let plain: Vec<_> = (0..n_plain).collect();
    assert_same(&found[0].project(&plain).unwrap(), &record.project(&plain).unwrap());
    let groups = StringArray::from(vec![Some("old"), None, Some("new"), Some("old")]);
    assert_eq!(found[0].column(n_plain).to_data(), groups.into());
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key)?.value.clone();
    assert_eq!(value("pwalk.first").unwrap(), "value of pwalk.first");
    assert_eq!(value("pwalk.last").unwrap(), "value of pwalk.last");
    let path = folder.path().join("table.arrow");
    write(&path, "arrow", &record);
    let reader = arrow_ipc::reader::FileReader::try_new(File::open(&path).unwrap(), None).unwrap();
    assert_eq!(reader.schema().metadata()["pwalk.first"], "value of pwalk.first");
    assert_eq!(reader.custom_metadata()["pwalk.last"], "value of pwalk.last");
    let found: Vec<_> = reader.map(Result::unwrap).collect();
    assert_same(&found[0], &record);
}

#[test]
fn a_large_record_batch_becomes_parts_within_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = UInt64Array::from_iter_values(0..50_000);
    let record = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap();
    for suffix in ["parquet", "arrow", "ndjson", "csv"] {
        let parts = folder.path().join(suffix);
        let bounds = PartBounds { n_rows: 3000, ..PartBounds::default() };
        let destination = Destination::Folder(OutputFolder::create(&parts).unwrap(), bounds);
        let writer = create(record.schema(), suffix, destination).unwrap();
        writer.write(&record).unwrap();
        writer.finish(metadata("pwalk.last")).unwrap();
        let summary = text(&parts.join("_summary.json"));
        let expected =
            r#"{"pwalk.first":"value of pwalk.first","pwalk.last":"value of pwalk.last"}"#;
        assert_eq!(summary.trim_end(), expected);
        let n_parts = std::fs::read_dir(&parts).unwrap().count() - 1;
        assert!((17..=25).contains(&n_parts), "{suffix}: {n_parts} parts");
        if suffix == "parquet" {
            let read = |number| read_parquet(&parts.join(format!("part-{number:05}.parquet")));
            let rows = (0..n_parts).flat_map(read).map(|record| record.num_rows());
            assert_eq!(rows.sum::<usize>(), 50_000);
        }
    }
}

#[test]
fn a_part_has_one_row_at_the_least() {
    let folder = tempfile::tempdir().unwrap();
    let record = sample();
    for suffix in ["parquet", "ndjson"] {
        let parts = folder.path().join(suffix);
        let bounds = PartBounds { n_rows: 0, ..PartBounds::default() };
        let destination = Destination::Folder(OutputFolder::create(&parts).unwrap(), bounds);
        let writer = create(record.schema(), suffix, destination).unwrap();
        writer.write(&record).unwrap();
        writer.finish(Vec::new()).unwrap();
        assert_eq!(std::fs::read_dir(&parts).unwrap().count(), record.num_rows() + 1);
    }
}

#[test]
fn nested_columns_fit_into_parquet_and_are_refused_by_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    let lists: ArrayRef = Arc::new(lists.finish());
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let columns = [("list", lists, true), ("name", names, true)];
    let record = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let path = folder.path().join("table.parquet");
    write(&path, "parquet", &record);
    assert_eq!(read_parquet(&path)[0].columns(), record.columns());
    let path = folder.path().join("table.csv");
    let file = || Destination::File(OutputFile::create(&path).unwrap());
    let error = create(record.schema(), "csv", file()).err().unwrap().to_string();
    assert!(error.contains("table.csv: column list: "), "{error}");
    let error = create(Arc::new(Schema::empty()), "csv", file()).err().unwrap().to_string();
    assert!(error.ends_with("a table has at least one column"), "{error}");
}

#[test]
fn rows_of_another_schema_are_refused_and_the_table_that_lacks_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let schema = Schema::new(vec![Field::new("path", DataType::Utf8, true)]);
    let file = Destination::File(OutputFile::create(&path).unwrap());
    let writer = create(Arc::new(schema), "parquet", file).unwrap();
    let error = writer.write(&sample()).unwrap_err().to_string();
    assert!(error.ends_with("the schema of a record batch differs from its table's"), "{error}");
    let error = writer.finish(Vec::new()).unwrap_err().to_string();
    assert!(error.ends_with("lacks rows, because writing them has failed"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A value that mostly repeats from row to row, and is null at times.
fn repeating(row: usize, column: usize) -> Option<i64> {
    let value = (row * 7 + column) / 20 % 4;
    (value < 3).then_some(value as i64)
}

#[test]
fn values_that_repeat_are_written_in_full_in_each_of_many_columns() {
    const N_ROWS: usize = 50;
    let names: Vec<_> = (0..70).map(|column| format!("c{column}")).collect();
    let array = |column| -> ArrayRef {
        let values: Int64Array = (0..N_ROWS).map(|row| repeating(row, column)).collect();
        Arc::new(values)
    };
    let columns = names.iter().enumerate().map(|(column, name)| (name, array(column), true));
    let record = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let line = |row: usize, null: &str, key: &dyn Fn(&str) -> String| -> String {
        let value = |column| repeating(row, column).map_or(null.to_owned(), |v| v.to_string());
        let cells = names.iter().enumerate().map(|(column, name)| key(name) + &value(column));
        cells.collect::<Vec<_>>().join(",")
    };
    let path = folder.path().join("table.ndjson");
    write(&path, "ndjson", &record);
    let key = |name: &str| format!("\"{name}\":");
    let expected = (0..N_ROWS).map(|row| format!("{{{}}}\n", line(row, "null", &key)));
    assert_eq!(text(&path), expected.collect::<String>());
    let path = folder.path().join("table.csv");
    write(&path, "csv", &record);
    let expected = (0..N_ROWS).map(|row| line(row, "", &|_| String::new()) + "\n");
    let header = names.join(",") + "\n";
    assert_eq!(text(&path), header + &expected.collect::<String>());
}
