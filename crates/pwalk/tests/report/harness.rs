//! Runs a report into a temporary folder and compares it with the naive walk.
//!
//! Owns what is compared: rows byte for byte, the errors, and the summary's sums. Knows no tree.

use pwalk::{Control, EntryError, Error, Format, Operation, Output, Report, ReportConfig, Summary};
use pwalk_testkit::compare::{assert_same_rows, csv_records};
use pwalk_testkit::oracle::{self, Kind, OracleError, OracleOptions, OracleRow, OracleWalk};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Numbers of workers that everything must hold for.
pub(crate) const N_WORKERS: [usize; 4] = [1, 2, 8, 64];

/// The header of the pwalk CSV, as sites have archived it for ten years.
pub(crate) const HEADER: &str = "inode,parent-inode,directory-depth,\"filename\",\
    \"fileExtension\",UID,GID,st_size,st_dev,st_blocks,st_nlink,\"st_mode\",st_atime,st_mtime,\
    st_ctime,pw_fcount,pw_dirsum";

/// What a report brought.
#[derive(Debug)]
pub(crate) struct Run {
    /// The file as it is.
    pub(crate) file: Vec<u8>,
    pub(crate) summary: Summary,
    /// What could not be read. Rows with changed names are in `changed`.
    pub(crate) errors: Vec<EntryError>,
    pub(crate) changed: Vec<EntryError>,
}

impl Run {
    /// The rows of a plain CSV, without its header, in the order of the file.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Vec<u8>> {
        rows_of(&self.file)
    }

    /// The column `filename`, with its quotes undone.
    pub(crate) fn paths(&self) -> Vec<Vec<u8>> {
        self.rows().iter().map(|row| fields(row).swap_remove(3)).collect()
    }
}

/// The rows of a CSV text, without its header.
#[track_caller]
pub(crate) fn rows_of(text: &[u8]) -> Vec<Vec<u8>> {
    let mut records = csv_records(text);
    assert_eq!(String::from_utf8_lossy(&records.remove(0)), HEADER);
    assert!(text.ends_with(b"\n"), "the last row has no end");
    records
}

/// A report of these roots by so many workers; the output is the harness's.
pub(crate) fn config<P: Into<PathBuf>>(
    roots: impl IntoIterator<Item = P>,
    n_workers: usize,
) -> ReportConfig {
    let mut config = ReportConfig::new(roots);
    config.walk.threads = Some(n_workers);
    config
}

/// Runs a report to a temporary file, plain unless the config has another format.
pub(crate) fn try_report(mut config: ReportConfig) -> Result<Run, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let suffix = config.table.format.map_or("csv", Format::suffix);
    let path = folder.path().join(format!("out.{suffix}"));
    config.table.output = Output::File(path.clone());
    let errors = Mutex::new(Vec::new());
    let on_error = |error: &EntryError| errors.lock().unwrap().push(error.clone());
    let summary = Report::prepare(config)?.run(&Control::default(), &on_error)?;
    let file = std::fs::read(path).expect("a report that succeeded is there");
    let errors = errors.into_inner().unwrap();
    let is_change = |error: &EntryError| error.operation == Operation::Name;
    let (changed, errors): (Vec<_>, _) = errors.into_iter().partition(is_change);
    assert_eq!(changed.len() as u64, summary.changed_names);
    Ok(Run { file, summary, errors, changed })
}

/// The same for a report that must succeed.
#[track_caller]
pub(crate) fn report(config: ReportConfig) -> Run {
    try_report(config).unwrap_or_else(|error| panic!("{error}"))
}

/// The naive walk with the default options.
pub(crate) fn naive(root: &Path) -> OracleWalk {
    oracle::walk(root, &OracleOptions::default())
}

/// Rows of the naive walk as lines of a CSV.
pub(crate) fn lines<'r>(rows: impl IntoIterator<Item = &'r OracleRow>) -> Vec<Vec<u8>> {
    rows.into_iter().map(oracle::csv_row).collect()
}

/// Compares everything that a report says with a naive walk of the same tree.
#[track_caller]
pub(crate) fn assert_as_walked(run: &Run, walk: &OracleWalk) {
    assert_same_rows(&run.rows(), &lines(&walk.rows));
    assert_same_rows(&error_texts(&run.errors), &oracle_error_texts(&walk.errors));
    assert_sums(&run.summary, &walk.rows);
    let summary = &run.summary;
    assert_eq!(summary.skipped.snapshots, walk.skipped.len() as u64, "snapshots");
    assert_eq!(summary.n_errors(), walk.errors.len() as u64);
    assert_eq!(summary.is_complete(), walk.errors.is_empty());
    let n_changed = walk.rows.iter().filter(|row| std::str::from_utf8(&row.path).is_err()).count();
    assert_eq!(summary.changed_names, n_changed as u64, "changed names");
    assert_eq!((summary.vanished, summary.repeated_names), (0, 0));
}

/// The sums of a summary are those over the rows: each inode's blocks once.
#[track_caller]
pub(crate) fn assert_sums(summary: &Summary, rows: &[OracleRow]) {
    let mut entries = BTreeMap::new();
    let (mut apparent, mut allocated) = (0, 0);
    let mut met = HashSet::new();
    for row in rows {
        *entries.entry(row.kind.word().to_owned()).or_default() += 1;
        apparent += i128::from(row.size);
        if row.kind == Kind::Dir || met.insert((row.dev, row.inode)) {
            allocated += i128::from(row.blocks) * 512;
        }
    }
    assert_eq!(summary.entries, entries);
    assert_eq!(summary.bytes.apparent, apparent, "apparent bytes");
    assert_eq!(summary.bytes.allocated, allocated, "allocated bytes");
}

/// Errors as text, to be compared in no guaranteed order.
pub(crate) fn error_texts(errors: &[EntryError]) -> Vec<String> {
    let text = |error: &EntryError| {
        let EntryError { operation, path, errno, .. } = error;
        format!("{} {} {}", path.escape_ascii(), operation.name(), errno.raw())
    };
    errors.iter().map(text).collect()
}

fn oracle_error_texts(errors: &[OracleError]) -> Vec<String> {
    let text = |error: &OracleError| {
        let OracleError { op, path, errno } = error;
        format!("{} {op} {errno}", path.escape_ascii())
    };
    errors.iter().map(text).collect()
}

/// The fields of a record, with quotes undone.
pub(crate) fn fields(record: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut in_quotes = false;
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let field = fields.last_mut().expect("there is always one");
        match byte {
            b'"' if in_quotes && bytes.next_if_eq(&b'"').is_some() => field.push(b'"'),
            b'"' => in_quotes = !in_quotes,
            b',' if !in_quotes => fields.push(Vec::new()),
            byte => field.push(byte),
        }
    }
    fields
}

#[test]
fn quotes_of_a_record_are_undone() {
    let record = b"1,\"a,\"\"b\"\"\n\",\"\",\"\"\"\",-1";
    assert_eq!(fields(record), [&b"1"[..], b"a,\"b\"\n", b"", b"\"", b"-1"]);
}
