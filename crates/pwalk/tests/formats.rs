//! Every format holds the same table: what is written is read back, row for row.
//!
//! The CSV is the measure; it is compared with an independent walk elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use pwalk::{
    Batch, Columns, Control, Convert, ErrorKind, Fields, Input, Kind, Output, OutputConfig,
    PartBounds, Report, ReportConfig, SharedReader, Sink, Table, TableReader, Tree, WalkConfig,
};
use pwalk_testkit::compare::{assert_same_rows, csv_records};
use pwalk_testkit::{FIXTURES, fixture};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// The suffixes of all formats.
const SUFFIXES: [&str; 7] =
    ["csv", "csv.zst", "csv.gz", "parquet", "arrow", "ndjson", "ndjson.zst"];

fn report(root: &Path, output: &Path, change: impl FnOnce(&mut ReportConfig)) {
    let mut config = ReportConfig::new([root]);
    config.table.output = Output::File(output.to_owned());
    config.walk.threads = Some(2);
    change(&mut config);
    Report::prepare(config).unwrap().run(&Control::default(), &|_| {}).unwrap();
}

fn convert(input: &Path, output: &Path) {
    let table = OutputConfig::new(Output::File(output.to_owned()));
    Convert::prepare(input, None, &table, None).unwrap().run(&Control::default()).unwrap();
}

/// The records of a CSV, which must have a header.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let mut records = csv_records(&std::fs::read(path).unwrap());
    assert!(records.remove(0).starts_with(b"inode,"));
    records
}

#[test]
fn every_format_reads_back_to_the_same_table() {
    // The deepest tree is 100 MB of paths, and tells no format from another.
    for tree in FIXTURES.iter().filter(|fixture| fixture.name != "very_deep") {
        let name = tree.name;
        let tree = fixture(name).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let direct = folder.path().join("direct.csv");
        report(tree.path(), &direct, |_| {});
        let expected = records(&direct);
        for suffix in SUFFIXES {
            let scan = folder.path().join(format!("scan.{suffix}"));
            let back = folder.path().join("back.csv");
            report(tree.path(), &scan, |_| {});
            convert(&scan, &back);
            println!("{name} {suffix}");
            assert_same_rows(&records(&back), &expected);
        }
    }
}

/// Keeps the paths, kinds and sizes of all rows.
#[derive(Default)]
struct Kept(Mutex<Vec<(Vec<u8>, Kind, i64)>>);

impl Sink for Kept {
    type Error = std::convert::Infallible;

    fn fields(&self) -> Fields {
        Fields::KIND | Fields::SIZE
    }

    fn put(&self, batch: &mut Batch) -> Result<(), Self::Error> {
        let rows = batch.rows().map(|row| (row.path(), row.kind(), batch.size[row.index()]));
        self.0.lock().unwrap().extend(rows);
        Ok(())
    }
}

#[test]
fn a_tree_and_its_saved_scans_are_the_same_input() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| {
        let input = Input::open(path).unwrap();
        assert_eq!(matches!(input, Input::Tree(_)), path == tree.path(), "{}", path.display());
        let (kept, control) = (Kept::default(), Control::default());
        let summary = input.read(&kept, &control, &|_| ()).unwrap();
        let mut rows = kept.0.into_inner().unwrap();
        rows.sort();
        (rows, summary.entries, control.progress())
    };
    let expected = read(tree.path());
    assert!(expected.0.len() > 10 && expected.2.bytes > 0);
    for suffix in SUFFIXES {
        let scan = folder.path().join(format!("scan.{suffix}"));
        report(tree.path(), &scan, |_| {});
        assert_eq!(read(&scan), expected, "{suffix}");
    }
    let parts = folder.path().join("parts/");
    report(tree.path(), &parts, |config| config.table.format = Some("csv".parse().unwrap()));
    assert_eq!(read(&parts), expected);
    let control = Control::default();
    control.cancel();
    let error = Input::open(&parts).unwrap().read(&Kept::default(), &control, &|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Paths, kinds and sizes of all rows that a table delivers to so many threads.
fn read_shared(reader: TableReader, n_threads: usize) -> Vec<(Vec<u8>, Kind, i64)> {
    let fields = reader.columns().fields() | Fields::SIZE;
    let (table, kept) = (SharedReader::new(reader), Kept::default());
    std::thread::scope(|scope| {
        let read = || {
            let (mut share, mut batch) = (table.share(), Batch::new(fields));
            while share.next(&mut batch).unwrap() {
                kept.put(&mut batch).unwrap();
            }
        };
        (0..n_threads).for_each(|_| _ = scope.spawn(read));
    });
    table.finish().unwrap();
    let mut rows = kept.0.into_inner().unwrap();
    rows.sort();
    rows
}

#[test]
fn threads_that_share_a_table_read_each_row_once_and_only_what_is_wanted() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wanted = Columns::parse("st_size,UID").unwrap();
    let check = |scan: &Path| {
        let all = read_shared(TableReader::open(scan, None).unwrap(), 1);
        assert!(all.len() > 10 && all.iter().any(|row| row.2 > 0));
        for n_threads in [1, 3] {
            let reader = TableReader::open_for(scan, None, &wanted).unwrap();
            let names: Vec<_> = reader.columns().iter().map(|column| column.name).collect();
            let is_csv = scan.as_os_str().to_string_lossy().contains(".csv");
            assert!(
                ["directory-depth", "filename", "UID", "st_size"].iter().all(|n| names.contains(n))
            );
            assert_eq!(names.contains(&"st_mode"), is_csv, "the kind of a row follows from it");
            assert!(!names.contains(&"st_ctime") && !names.contains(&"inode"));
            assert_eq!(read_shared(reader, n_threads), all, "{}", scan.display());
        }
        let input = Input::from(Table::open_for(scan, None, &wanted, 3).unwrap());
        let (kept, control) = (Kept::default(), Control::default());
        let summary = input.read(&kept, &control, &|_| ()).unwrap();
        let mut rows = kept.0.into_inner().unwrap();
        rows.sort();
        assert_eq!((summary.n_entries(), rows), (all.len() as u64, all));
    };
    for suffix in SUFFIXES {
        let scan = folder.path().join(format!("scan.{suffix}"));
        report(tree.path(), &scan, |_| {});
        check(&scan);
        let parts = folder.path().join(format!("parts.{suffix}/"));
        report(tree.path(), &parts, |config| {
            config.table.format = Some(suffix.parse().unwrap());
            config.table.parts.n_rows = 3;
        });
        check(&parts);
    }
}

#[test]
fn a_condition_keeps_the_same_rows_of_a_tree_and_of_its_saved_scans() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let condition = "kind = file and (size > 5 or name ~ '*.csv') or empty or entries = 3";
    let read = |input: Input| {
        let kept = Kept::default();
        let summary = input.read(&kept, &Control::default(), &|_| ()).unwrap();
        let mut rows = kept.0.into_inner().unwrap();
        rows.sort();
        (rows, summary)
    };
    let walk = WalkConfig {
        roots: vec![tree.path().to_owned()],
        condition: Some(condition.to_owned()),
        ..WalkConfig::default()
    };
    let (expected, of_tree) = read(Tree::open(&walk).unwrap().into());
    assert!(expected.len() > 4 && of_tree.skipped.filtered > 4);
    for suffix in SUFFIXES {
        let path = folder.path().join(format!("scan.{suffix}"));
        report(tree.path(), &path, |_| {});
        let mut table = Table::open(&path, None).unwrap();
        table.filter(condition).unwrap();
        let (rows, summary) = read(table.into());
        assert_eq!((rows, &summary.entries), (expected.clone(), &of_tree.entries), "{suffix}");
        assert_eq!(summary.bytes.apparent, of_tree.bytes.apparent);
        if summary.knows("skipped") {
            assert_eq!(summary.skipped.filtered, of_tree.skipped.filtered);
        }
    }
}

#[test]
fn t55_totals_of_subtrees_come_back_without_the_columns_that_they_are_of() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let columns = "filename,tree_count,tree_size,tree_mtime";
    let lines = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    report(tree.path(), &at("narrow.parquet"), |config| {
        config.table.columns = Some(columns.to_owned());
    });
    report(tree.path(), &at("narrow.ndjson"), |config| {
        config.table.columns = Some(columns.to_owned());
    });
    convert(&at("narrow.parquet"), &at("back.ndjson"));
    assert_eq!(lines(&at("back.ndjson")), lines(&at("narrow.ndjson")));
    assert!(lines(&at("back.ndjson")).iter().any(|line| !line.contains("null")));
}

#[test]
fn ages_of_a_saved_scan_count_from_the_start_of_its_walk() {
    const YEAR: u64 = 365 * 86_400;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("tree")).unwrap();
    let now = SystemTime::now();
    for (name, years) in [("new", 0), ("old", 6), ("older", 9)] {
        let file = std::fs::File::create(at("tree").join(name)).unwrap();
        file.set_modified(now - Duration::from_secs(years * YEAR)).unwrap();
    }
    let (scan, output) = (at("scan/"), at("out.csv"));
    report(&at("tree"), &scan, |config| config.table.format = Some("csv".parse().unwrap()));
    // As if it had been made five years ago.
    let started = Table::open(&scan, None).unwrap().started().unwrap();
    let summary = std::fs::read_to_string(scan.join("_summary.json")).unwrap();
    let then = format!("\"started\":{}", started - 5 * YEAR as i64);
    let summary = summary.replace(&format!("\"started\":{started}"), &then);
    std::fs::write(scan.join("_summary.json"), summary).unwrap();
    let table = OutputConfig::new(Output::File(output.clone()));
    let kept = |scan: &Path| {
        let condition = Some("kind = file and mtime < -2y");
        let convert = Convert::prepare(scan, None, &table, condition).unwrap();
        let summary = convert.run(&Control::default()).unwrap();
        assert_eq!(summary.n_entries(), records(&output).len() as u64);
        records(&output).len()
    };
    assert_eq!(kept(&scan), 1);
    // A CSV by itself doesn't say when it was made.
    let part = scan.join("part-00000.csv");
    assert_eq!((Table::open(&part, None).unwrap().started(), kept(&part)), (None, 2));
}

#[test]
fn t55_a_condition_on_a_column_that_a_scan_lacks_is_refused() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.parquet");
    report(tree.path(), &path, |config| {
        config.table.columns = Some("filename,kind,st_size".to_owned());
    });
    let refused = [
        ("mtime < -1d", "has no column st_mtime"),
        ("empty", "has no column pw_fcount"),
        ("user = 0 or size > 1", "has no column UID"),
        ("entries > 1", "has no column pw_fcount"),
        ("not depth > 1", "has no column directory-depth"),
        ("sise > 1", "no such field 'sise'; did you mean 'size'?"),
    ];
    let mut table = Table::open(&path, None).unwrap();
    for (condition, reason) in refused {
        assert_eq!(table.filter(condition).unwrap_err().reason(), reason);
    }
    assert_eq!(table.filter("size > 1 and name ~ '*.csv' and kind = file"), Ok(()));
}

#[test]
fn t55_an_input_without_a_column_that_a_sink_needs_is_refused() {
    let tree = fixture("basic").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let read = |columns: &str| {
        let scan = folder.path().join("scan.parquet");
        report(tree.path(), &scan, |config| config.table.columns = Some(columns.to_owned()));
        let control = Control::default();
        Input::open(&scan).unwrap().read(&Kept::default(), &control, &|_| ())
    };
    read("filename,st_size").unwrap();
    let error = read("filename,kind").unwrap_err().to_string();
    assert!(error.ends_with("scan.parquet: has no column st_size"), "{error}");
}

#[test]
fn t4_exact_bytes_of_names_survive_columnar_formats() {
    let tree = fixture("not_utf8").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw.csv");
    report(tree.path(), &raw, |config| config.table.names = pwalk::Names::Raw);
    for suffix in ["parquet", "arrow", "ndjson"] {
        let scan = folder.path().join(format!("scan.{suffix}"));
        let back = folder.path().join("back.csv");
        report(tree.path(), &scan, |_| {});
        let mut table = OutputConfig::new(Output::File(back.clone()));
        table.names = pwalk::Names::Raw;
        Convert::prepare(&scan, None, &table, None).unwrap().run(&Control::default()).unwrap();
        assert_same_rows(&records(&back), &records(&raw));
    }
}

#[test]
fn a_folder_of_parts_is_one_table_and_is_replaced_as_one() {
    let tree = fixture("wide").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (direct, parts) = (folder.path().join("direct.csv"), folder.path().join("scan/"));
    report(tree.path(), &direct, |_| {});
    std::fs::create_dir(&parts).unwrap();
    let cases = [("parquet", 1000), ("ndjson.zst", 3000), ("arrow", 500), ("csv", 5000)];
    for (suffix, n_rows) in cases {
        report(tree.path(), &parts, |config| {
            config.table.format = Some(suffix.parse().unwrap());
            config.table.parts = PartBounds { n_rows, ..PartBounds::default() };
        });
        let names: Vec<_> = std::fs::read_dir(&parts)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(names.contains(&"_summary.json".to_owned()), "{names:?}");
        assert!(names.iter().all(|name| name.ends_with(suffix) || name == "_summary.json"));
        let back = folder.path().join("back.csv");
        convert(&parts, &back);
        assert_same_rows(&records(&back), &records(&direct));
    }
}

#[test]
fn t52_a_folder_whose_parts_do_not_add_up_is_refused() {
    let tree = fixture("deep").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan/");
    let part = |number: usize| scan.join(format!("part-{number:05}.csv"));
    let last = || (0..).find(|number| !part(number + 1).exists()).unwrap();
    // What is done to the parts, and what is said of it.
    let cases: [(&dyn Fn(), &str); 7] = [
        (&|| std::fs::remove_file(part(1)).unwrap(), "part 00001 is missing"),
        (&|| std::fs::remove_file(part(0)).unwrap(), "part 00000 is missing"),
        (&|| std::fs::remove_file(part(last())).unwrap(), " rows, but _summary.json says "),
        (
            &|| assert!(std::fs::copy(part(0), part(last() + 1)).is_ok()),
            " rows, but _summary.json says ",
        ),
        (&|| std::fs::write(part(2), records_text(&part(2), 9)).unwrap(), " rows, but "),
        (&|| std::fs::remove_file(scan.join("_summary.json")).unwrap(), "it is not complete"),
        (&|| std::fs::write(scan.join("_summary.json"), "{}").unwrap(), "is damaged: missing"),
    ];
    for (damage, reason) in cases {
        report(tree.path(), &scan, |config| {
            config.table.format = Some(pwalk::Format::Csv(pwalk::Compression::None));
            config.table.parts = PartBounds { n_rows: 200, ..PartBounds::default() };
        });
        assert!(last() > 2, "the tree has changed");
        let output = folder.path().join("out.csv");
        convert(&scan, &output);
        std::fs::remove_file(&output).unwrap();
        damage();
        let table = OutputConfig::new(Output::File(output.clone()));
        let done = Convert::prepare(&scan, None, &table, None)
            .and_then(|convert| convert.run(&Control::default()));
        let error = done.expect_err(reason).to_string();
        assert!(error.contains(reason) && error.contains("scan/: "), "{error}");
        assert!(!output.exists());
        std::fs::remove_dir_all(&scan).unwrap();
    }
}

/// The first lines of a file.
fn records_text(path: &Path, n_lines: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().take(n_lines).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_folder_that_holds_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "").unwrap();
    let mut config = ReportConfig::new(["/etc"]);
    config.table.output = Output::File(folder.path().join(""));
    config.table.format = Some(pwalk::Format::Parquet);
    let error = Report::prepare(config).err().unwrap().to_string();
    assert!(error.ends_with("contains thesis.tex, which is not part of a table"), "{error}");
    assert!(folder.path().join("thesis.tex").exists());
}

#[test]
fn broken_files_are_errors_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let tree = fixture("basic").build().unwrap();
    for suffix in SUFFIXES {
        let scan = folder.path().join(format!("scan.{suffix}"));
        report(tree.path(), &scan, |_| {});
        let bytes = std::fs::read(&scan).unwrap();
        for cut in [bytes.len() / 2, bytes.len() - 1, 3] {
            // A text that ends behind a whole line is not known to be cut.
            let is_text = matches!(suffix, "csv" | "ndjson");
            let broken = [&bytes[..cut], if is_text { b"\"broken" } else { b"" }].concat();
            let path = folder.path().join(format!("broken.{suffix}"));
            std::fs::write(&path, broken).unwrap();
            let output = folder.path().join("out.csv");
            let table = OutputConfig::new(Output::File(output.clone()));
            let done = Convert::prepare(&path, None, &table, None)
                .and_then(|convert| convert.run(&Control::default()));
            let error = done.expect_err(suffix).to_string();
            assert!(error.starts_with(&path.display().to_string()), "{suffix} {cut}: {error}");
            assert!(!output.exists(), "{suffix} {cut}");
        }
    }
}

#[test]
fn columns_are_those_that_were_asked_for() {
    let tree = fixture("links").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.ndjson");
    report(tree.path(), &scan, |config| {
        config.table.columns = Some("filename,target,user,st_btime".to_owned());
    });
    let text = std::fs::read_to_string(&scan).unwrap();
    assert!(text.lines().all(|line| line.starts_with("{\"filename\":\"")), "{text}");
    assert!(text.contains("\"user\":\"root\"") && text.contains("\"target\":null"));
    let missing = OutputConfig::new(Output::File(folder.path().join("x.csv")));
    let error = Convert::prepare(&scan, None, &missing, None).err().unwrap().to_string();
    assert!(error.starts_with("column 'inode': no such column in "), "{error}");
}

#[test]
fn t55_what_a_csv_does_not_tell_is_null_and_what_its_rows_tell_is_kept() {
    let tree = fixture("hard_links").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut walk = None;
    for (name, input) in
        [("a.csv", None), ("b.parquet", Some("a.csv")), ("c.csv", Some("b.parquet"))]
    {
        let Some(input) = input else {
            let mut config = ReportConfig::new([tree.path()]);
            config.table.output = Output::File(at(name));
            let report = Report::prepare(config).unwrap();
            walk = Some(report.run(&Control::default(), &|_| ()).unwrap());
            continue;
        };
        let output = OutputConfig::new(Output::File(at(name)));
        let convert = Convert::prepare(&at(input), None, &output, None).unwrap();
        let summary = convert.run(&Control::default()).unwrap();
        let walk = walk.as_ref().unwrap();
        assert_eq!((&summary.entries, &summary.bytes), (&walk.entries, &walk.bytes));
        assert!(summary.knows("bytes/apparent") && !summary.knows("seconds"));
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        for key in [
            "roots",
            "started",
            "seconds",
            "complete",
            "errors",
            "vanished",
            "skipped",
            "threads",
            "repeated_names",
            "changed_names",
            "unmatched_excludes",
            "threads_refused",
            "stalls",
            "stalled",
        ] {
            assert!(json[key].is_null(), "{key} of {name}: {}", json[key]);
        }
        assert_eq!(json["bytes"]["allocated"], walk.bytes.allocated as u64);
    }
    let metadata = TableReader::open(&at("b.parquet"), None).unwrap().metadata().clone();
    let keys: Vec<_> = metadata.keys().map(String::as_str).collect();
    assert_eq!(keys, ["complete", "summary", "version"]);
    let mut output = OutputConfig::new(Output::File(at("d.parquet")));
    output.columns = Some("filename,kind".to_owned());
    Convert::prepare(&at("a.csv"), None, &output, None).unwrap().run(&Control::default()).unwrap();
}

#[test]
fn a_csv_that_is_empty_or_cut_off_is_an_error_that_names_the_line() {
    let tree = fixture("names").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.csv");
    report(tree.path(), &whole, |_| {});
    let text = std::fs::read(&whole).unwrap();
    let (cut, output) = (folder.path().join("cut.csv"), folder.path().join("out.parquet"));
    // The last row has no line break in its name or the test would not know its line.
    let n_lines = |text: &[u8]| 1 + text.iter().filter(|&&byte| byte == b'\n').count();
    let last_row = text[..text.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    let middle = |n: usize| last_row + n;
    for len in [0, 3, middle(1), middle(30), text.len() - 1, text.len()] {
        std::fs::write(&cut, &text[..len]).unwrap();
        let table = OutputConfig::new(Output::File(output.clone()));
        let done = Convert::prepare(&cut, None, &table, None).unwrap().run(&Control::default());
        assert_eq!(done.is_ok(), len == text.len(), "{len}");
        assert_eq!(output.exists(), len == text.len());
        let Err(error) = done else { continue };
        let expected = match len {
            0 => "is empty, so it is not a scan".to_owned(),
            _ => format!("line {}: is cut off: ", n_lines(&text[..len])),
        };
        assert!(error.reason().starts_with(&expected), "{len}: {error}");
    }
}

/// Why a file of this content can't be converted.
fn reason_against(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join(name), folder.path().join("out.arrow"));
    std::fs::write(&input, text).unwrap();
    let table = OutputConfig::new(Output::File(output.clone()));
    let done = Convert::prepare(&input, None, &table, None);
    let done = done.and_then(|convert| convert.run(&Control::default()));
    assert!(!output.exists(), "{text}");
    done.map(|_| "nothing".to_owned()).unwrap_or_else(|error| error.reason().to_owned())
}

#[test]
fn a_csv_that_is_not_a_scan_is_refused_with_the_reason() {
    let header = "inode,parent-inode,directory-depth,\"filename\",\"fileExtension\",UID,GID,st_size,st_dev,st_blocks,st_nlink,\"st_mode\",st_atime,st_mtime,st_ctime,pw_fcount,pw_dirsum\n";
    let row = "1,2,0,\"f\",\"\",7,8,5,1,8,1,\"0100644\",1,2,3,-1,0\n";
    let swapped = header.replace("UID,GID", "GID,UID") + row;
    let quoted = |name: &str| format!("{header}{row}{}", row.replace("\"f\"", name));
    for (text, reason) in [
        (swapped.as_str(), "line 1: has the column GID in place of UID"),
        ("inode,filename\n1,x\n", "line 1: has 2 fields instead of 17"),
        ("hello\n", "line 1: has 1 field instead of 17"),
        ("\n\n", "is empty, so it is not a scan"),
        (&quoted("\"a\"b\""), "line 3: has a quote inside of quotes that is not doubled"),
        (&quoted("\"a\"b"), "line 3: has a quote inside of quotes that is not doubled"),
    ] {
        assert_eq!(reason_against("a.csv", text), reason);
    }
    // As the C pwalk and others spell what they mean.
    let spelled = header.replace("fileExtension", "extension") + row;
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("a.csv"), folder.path().join("a.ndjson"));
    std::fs::write(&input, spelled).unwrap();
    let table = OutputConfig::new(Output::File(output));
    Convert::prepare(&input, None, &table, None).unwrap().run(&Control::default()).unwrap();
}

#[test]
fn the_reason_against_a_line_of_ndjson_names_one_line() {
    let reason = reason_against("a.ndjson", "{\"filename\":\"/a\"}\n{\"filename\":");
    assert_eq!(reason, "line 2: EOF while parsing a value at column 12");
    let reason = reason_against("a.ndjson", "{\"filename\":\"/a\"}\n\n");
    assert_eq!(reason, "line 2: EOF while parsing a value");
}
