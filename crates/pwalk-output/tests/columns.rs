//! The table of columns against the formats: what a row of it says is what is written, and what
//! is written is what is read back.
//!
//! The sample has a value for every column. A new column that it doesn't fill fails the first
//! test; one that is not read back fails the second.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use pwalk_engine::{Batch, Contents, Fields, Kind, Outcome, Stat, TreeTotals};
use pwalk_output::{
    COLUMNS, Column, Columns, Destination, Format, MemoryTable, Names, Next, OutputFile,
    OutputFolder, PartBounds, Preamble, RecordConfig, RecordWriter, SpillConfig, Summary,
    TableConfig, TableReader, create_table,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The formats that have all columns.
const COLUMNAR: [&str; 6] = ["parquet", "arrow", "ndjson", "ndjson.zst", "lz4.arrow", "zstd.arrow"];

/// Numbers that differ between fields and rows, and the extremes of their types.
fn stat(row: u64, kind: Kind) -> Stat {
    let base = 1000 * (row + 1);
    let mut stat = Stat {
        ino: base + 1,
        dev: base + 2,
        size: base as i64 + 3,
        blocks: -(base as i64) - 4,
        mode: type_bits(kind) | row as u32,
        nlink: base as u32 + 5,
        uid: base as u32 + 6,
        gid: base as u32 + 7,
        atime: base as i64 + 8,
        mtime: base as i64 + 9,
        ctime: -(base as i64) - 10,
        btime: (!row.is_multiple_of(3)).then_some(base as i64 + 11),
        nanos: [12, 13, 14, 15].map(|field| base as u32 + field),
        rdev: base + 16,
        blksize: base as u32 + 17,
        is_automount: false,
    };
    match row {
        0 => (stat.uid, stat.gid) = (0, 0),
        1 => (stat.ino, stat.dev, stat.rdev) = (u64::MAX, u64::MAX - 1, u64::MAX - 2),
        2 => (stat.size, stat.blocks) = (i64::MAX, i64::MIN),
        3 => (stat.atime, stat.mtime, stat.ctime) = (i64::MIN, i64::MAX, i64::MIN + 1),
        4 => (stat.nlink, stat.uid, stat.gid, stat.blksize) = (u32::MAX, u32::MAX - 1, 2, u32::MAX),
        5 => stat.btime = Some(i64::MIN),
        _ => {}
    }
    stat
}

fn type_bits(kind: Kind) -> u32 {
    (0..16).map(|bits| bits << 12).find(|mode| Kind::from_mode(*mode) == kind).unwrap()
}

/// Totals of rows that are directories: all, those without files, and those of one that could not
/// be read.
fn totals() -> [(usize, TreeTotals); 3] {
    let all = TreeTotals {
        count: Some(i64::MAX),
        files: Some(2),
        dirs: Some(3),
        size: Some(i64::MIN),
        blocks: Some(5),
        mtime: Some(-6),
        atime: Some(7),
        errors: Some(0),
    };
    let size = Some(40);
    let no_files =
        TreeTotals { count: Some(1), files: Some(0), size, mtime: None, atime: None, ..all };
    [
        (0, all),
        (4, TreeTotals { blocks: Some(8), dirs: Some(1), ..no_files }),
        (11, TreeTotals { errors: Some(1), ..TreeTotals::default() }),
    ]
}

/// A batch with rows of each kind, and what goes wrong in names. `unread`: what is known of a
/// directory that could not be read.
fn sample(unread: Contents) -> Batch {
    let mut batch = Batch::new(Fields::all());
    let counted = |n_entries, size_sum| Contents::Counted { n_entries, size_sum };
    let root = batch.push_dir(b"/r/", 1001, 0, -1);
    let deep = batch.push_dir(b"/r/not \xff text/", u64::MAX, 7, i32::MAX - 1);
    let dotted = batch.push_dir(b"/r/a.dir/", 99, 1001, 0);
    let rows: [(u32, &[u8], Kind, Contents); 13] = [
        (root, b"", Kind::Dir, counted(i64::MAX, i64::MIN)),
        (root, b"a.txt", Kind::File, Contents::None),
        (deep, b"b \xfe.bin", Kind::File, Contents::None),
        (deep, b"", Kind::Dir, unread),
        (dotted, b"", Kind::Dir, counted(0, 1)),
        (dotted, b"link.ln", Kind::Symlink, Contents::None),
        (root, b"quote \" comma , line \n back \\ tab \t \x7f.\"", Kind::Fifo, Contents::None),
        (root, b"\xf0\x9f\x8c\xb2.\xf0\x9f\x8c\xb3", Kind::Socket, Contents::None),
        (root, b".bashrc", Kind::Char, Contents::None),
        (root, b"ends.", Kind::Block, Contents::None),
        (root, b"other.dir", Kind::Dir, unread),
        (root, b"plain", Kind::Dir, unread),
        (root, b" ", Kind::File, Contents::None),
    ];
    for (number, (dir, name, kind, contents)) in rows.into_iter().enumerate() {
        batch.push(dir, name, kind, &stat(number as u64, kind), contents);
        if kind == Kind::Symlink {
            batch.set_target(b"/else/where \"quoted\"");
        }
        if let Some((_, totals)) = totals().into_iter().find(|(row, _)| *row == number) {
            batch.set_tree(totals);
        }
    }
    batch
}

/// The rows of batches as one record batch.
fn record(columns: &Columns, fill: impl FnOnce(&mut dyn FnMut(&mut Batch))) -> RecordBatch {
    let spill = SpillConfig { max_bytes: usize::MAX, folder: None };
    let (table, sink) = MemoryTable::new(columns, 1, spill);
    fill(&mut |batch| sink.put(batch).unwrap());
    sink.finish(&summary()).unwrap();
    let Next::Batch(record) = table.batch(0, Duration::ZERO).unwrap() else { panic!("no rows") };
    assert!(matches!(table.batch(1, Duration::ZERO), Ok(Next::End)), "one record batch is enough");
    record
}

fn sample_record(columns: &Columns, unread: Contents) -> RecordBatch {
    record(columns, |put| put(&mut sample(unread)))
}

fn summary() -> Summary {
    Summary::new(&Preamble::default(), Duration::ZERO, &Outcome::default(), 0)
}

fn format(suffix: &str) -> Format {
    match suffix.split_once(".arrow") {
        Some((packing, _)) => "arrow".parse::<Format>().unwrap().packed(packing).unwrap(),
        None => suffix.parse().unwrap(),
    }
}

fn write(path: &Path, columns: &Columns, format: Format, unread: Contents) {
    let config = TableConfig {
        format,
        columns: columns.clone(),
        names: Names::Raw,
        preamble: Preamble::default(),
        n_encoders: 1,
    };
    let file = Destination::File(OutputFile::create(path).unwrap());
    let sink = create_table(config, file).unwrap();
    sink.put(&mut sample(unread)).unwrap();
    sink.finish(&summary()).unwrap();
}

fn read(reader: &mut TableReader, columns: &Columns) -> RecordBatch {
    record(columns, |put| {
        let mut batch = Batch::new(Fields::all());
        while reader.next(&mut batch).unwrap() {
            put(&mut batch);
        }
    })
}

fn names(columns: &Columns) -> Vec<&'static str> {
    columns.iter().map(|column| column.name).collect()
}

/// True for the names that only the machine knows that was scanned.
fn is_looked_up(column: &&Column) -> bool {
    ["user", "group"].contains(&column.name)
}

#[test]
fn the_sample_has_distinct_values_and_nulls_in_every_column() {
    let all = Columns::of(COLUMNS);
    let record = sample_record(&all, Contents::Unread);
    let text = |array: &ArrayRef| format!("{:?}", array.to_data());
    for (index, (column, array)) in COLUMNS.iter().zip(record.columns()).enumerate() {
        let name = column.name;
        let n_nulls = array.logical_null_count();
        assert!(n_nulls < array.len(), "{name} is null in all rows");
        assert_eq!(n_nulls > 0, column.is_nullable, "{name}: {n_nulls} nulls");
        let is_constant = (1..array.len())
            .all(|row| array.slice(row, 1).to_data() == array.slice(0, 1).to_data());
        assert!(!is_constant, "{name} is the same in all rows");
        for (other, earlier) in COLUMNS.iter().zip(record.columns()).take(index) {
            let is_same = text(earlier) == text(array);
            assert!(!is_same || is_looked_up(&column), "{name} is the same as {}", other.name);
        }
    }
}

#[test]
fn t55_every_column_comes_back_from_every_format_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let all = Columns::of(COLUMNS);
    let expected = sample_record(&all, Contents::Unread);
    let read_back: Vec<_> = COLUMNS.iter().filter(|column| !is_looked_up(column)).collect();
    for suffix in COLUMNAR {
        let path = folder.path().join(format!("scan.{suffix}"));
        write(&path, &all, format(suffix), Contents::Unread);
        let mut reader = TableReader::open(&path, None).unwrap();
        let known: Vec<_> = reader.columns().iter().map(|column| column.name).collect();
        let expected_names: Vec<_> = read_back.iter().map(|column| column.name).collect();
        assert_eq!(known, expected_names, "{suffix}");
        assert!(reader.columns().first_missing(&all).is_none(), "{suffix}");
        assert_eq!(read(&mut reader, &all), expected, "{suffix}");
    }
    // The CSV doesn't tell a directory that could not be read from an empty one.
    let unread = Contents::Counted { n_entries: 0, size_sum: 0 };
    let columnar = Columns::columnar();
    for suffix in ["csv", "csv.zst", "csv.gz"] {
        let path = folder.path().join(format!("scan.{suffix}"));
        write(&path, &Columns::pwalk(), format(suffix), unread);
        let mut reader = TableReader::open(&path, None).unwrap();
        assert_eq!(names(reader.columns()), names(&columnar));
        assert_eq!(read(&mut reader, &columnar), sample_record(&columnar, unread), "{suffix}");
    }
}

#[test]
fn t55_a_column_comes_back_whatever_others_the_table_lacks() {
    let folder = tempfile::tempdir().unwrap();
    for column in COLUMNS.iter().filter(|column| column.name != "filename") {
        let columns = Columns::parse(&format!("filename,{}", column.name)).unwrap();
        let expected = sample_record(&columns, Contents::Unread);
        for suffix in ["parquet", "arrow", "ndjson"] {
            let path = folder.path().join(format!("scan.{suffix}"));
            write(&path, &columns, format(suffix), Contents::Unread);
            let mut reader = TableReader::open(&path, None).unwrap();
            let missing = reader.columns().first_missing(&columns).map(|column| column.name);
            if is_looked_up(&column) {
                assert_eq!(missing, Some(column.name));
                continue;
            }
            assert_eq!(missing, None);
            let found = read(&mut reader, &columns);
            let name = column.name;
            // Where only the mode says the kind, or nothing does, what a name has stays.
            assert_eq!(found.column(1), expected.column(1), "{suffix} {name}");
            // The bytes of a path that is not UTF-8 are in a column of their own.
            if name == "filename_bytes" || suffix == "arrow" {
                assert_eq!(found.column(0), expected.column(0), "{suffix} {name}");
            }
        }
    }
}

/// A table of other tools: a path and a size, which may be null.
fn foreign(path: &Path, format: &str, names: [&str; 2], size: Option<i64>) {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let fields = vec![field(names[0], DataType::Utf8), field(names[1], DataType::Int64)];
    let schema = Arc::new(Schema::new(fields));
    let sizes = Int64Array::from(vec![Some(1), size]);
    let paths = StringArray::from(vec!["/r/a", "/r/b"]);
    let record = RecordBatch::try_new(schema.clone(), vec![Arc::new(paths), Arc::new(sizes)]);
    let format = format.parse().unwrap();
    let config = RecordConfig { schema, format, metadata: Vec::new(), n_encoders: 1 };
    let file = Destination::File(OutputFile::create(path).unwrap());
    let writer = RecordWriter::create(config, file).unwrap();
    writer.write(&record.unwrap()).unwrap();
    writer.finish(Vec::new()).unwrap();
}

fn read_error(path: &Path) -> String {
    let mut batch = Batch::new(Fields::all());
    let read = TableReader::open(path, None).and_then(|mut reader| {
        while reader.next(&mut batch)? {}
        Ok(())
    });
    read.unwrap_err().reason().to_owned()
}

#[test]
fn t55_a_value_that_is_missing_is_an_error_and_not_zero() {
    let folder = tempfile::tempdir().unwrap();
    for (suffix, expected) in [
        ("parquet", "has a row without st_size"),
        ("arrow", "has a row without st_size"),
        ("ndjson", "line 2: st_size is null"),
    ] {
        let path = folder.path().join(format!("nulls.{suffix}"));
        foreign(&path, suffix, ["filename", "st_size"], None);
        let error = read_error(&path);
        assert!(error.starts_with(expected), "{suffix}: {error}");
        foreign(&path, suffix, ["filename", "pw_fcount"], None);
        let columns = Columns::parse("filename,pw_fcount").unwrap();
        let mut reader = TableReader::open(&path, None).unwrap();
        assert!(read(&mut reader, &columns).column(1).is_null(1), "{suffix}");
    }
    let lines = [
        ("{\"filename\":\"/a\"}\n{\"filename\":\"/b\",\"st_size\":1}\n", "line 2: has st_size"),
        ("{\"filename\":\"/a\",\"st_size\":1}\n{\"filename\":\"/b\"}\n", "line 2: has no st_size"),
        ("{\"filename\":\"/a\",\"st_size\":1,\"st_size\":2}\n", "line 1: has st_size twice"),
        ("{\"st_size\":1}\n", "line 1: has no filename"),
        ("{\"filename\":\"/a\",\"kind\":\"door\"}\n", "line 1: kind"),
    ];
    for (text, expected) in lines {
        let path = folder.path().join("lines.ndjson");
        std::fs::write(&path, text).unwrap();
        let error = read_error(&path);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn t55_parts_of_one_table_have_the_same_columns() {
    let folder = tempfile::tempdir().unwrap();
    for (number, names) in [["filename", "st_size"], ["filename", "st_atime"]].iter().enumerate() {
        let path = folder.path().join(format!("part-{number:05}.parquet"));
        foreign(&path, "parquet", *names, Some(2));
    }
    std::fs::write(folder.path().join("_summary.json"), summary().to_json()).unwrap();
    assert_eq!(read_error(folder.path()), "has no column st_size, which other parts have");
}

#[test]
fn parts_have_no_more_rows_than_their_bound() {
    let folder = tempfile::tempdir().unwrap();
    for suffix in ["parquet", "arrow", "ndjson", "csv"] {
        let parts = folder.path().join(suffix);
        let bounds = PartBounds { n_rows: 5, ..PartBounds::default() };
        let config = TableConfig {
            format: format(suffix),
            columns: if suffix == "csv" { Columns::pwalk() } else { Columns::columnar() },
            names: Names::Raw,
            preamble: Preamble::default(),
            n_encoders: 1,
        };
        let sink = create_table(
            config,
            Destination::Folder(OutputFolder::create(&parts).unwrap(), bounds),
        )
        .unwrap();
        sink.put(&mut sample(Contents::Unread)).unwrap();
        sink.finish(&summary()).unwrap();
        let rows = |number: usize| {
            let part = parts.join(format!("part-{number:05}.{suffix}"));
            let mut reader = TableReader::open(&part, None).unwrap();
            read(&mut reader, &Columns::columnar()).num_rows()
        };
        assert_eq!([rows(0), rows(1), rows(2)], [5, 5, 3], "{suffix}");
    }
}
