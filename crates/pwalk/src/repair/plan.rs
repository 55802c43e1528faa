//! The plan: a table with a row for each entry that is to be changed.
//!
//! A row says all that is needed to make its change and nothing else, so that a plan may be filtered
//! and sorted by whatever reads tables, and is still one.

use super::acl;
use super::judge::Reasons;
use crate::error::Error;
use arrow_array::builder::{
    BinaryBuilder, Int64Builder, StringBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use pwalk_engine::{FileId, Kind};
use pwalk_output::{RecordReader, Value};
use std::path::Path;
use std::sync::Arc;

/// Who may do what with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The group.
    pub gid: u32,
    /// The POSIX ACL, where it changes, too: the value of `system.posix_acl_access`.
    pub acl: Option<Vec<u8>>,
}

/// A change: one row of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The absolute path, without symbolic links.
    pub path: Vec<u8>,
    /// Device and inode.
    pub id: FileId,
    /// When the inode was changed last: seconds and nanoseconds. `None`: whenever.
    pub ctime: Option<(i64, u32)>,
    /// When the inode was made, where the filesystem records it: numbers of inodes are used again.
    pub btime: Option<(i64, u32)>,
    /// What it is.
    pub kind: Kind,
    /// The owner.
    pub uid: u32,
    /// As it was found.
    pub old: Rights,
    /// As it should be.
    pub new: Rights,
    /// The rules that it does not fulfil, joined by `+`.
    pub reason: String,
}

const N_COLUMNS: usize = 17;

/// The columns of a plan.
const COLUMNS: [(&str, DataType, bool); N_COLUMNS] = [
    ("path", DataType::Utf8, false),
    ("path_bytes", DataType::Binary, true),
    ("kind", DataType::Utf8, false),
    ("st_dev", DataType::UInt64, false),
    ("inode", DataType::UInt64, false),
    ("st_ctime", DataType::Int64, false),
    ("st_ctime_ns", DataType::UInt32, false),
    ("st_btime", DataType::Int64, true),
    ("st_btime_ns", DataType::UInt32, true),
    ("UID", DataType::UInt32, false),
    ("old_mode", DataType::Utf8, false),
    ("new_mode", DataType::Utf8, false),
    ("old_gid", DataType::UInt32, false),
    ("new_gid", DataType::UInt32, false),
    ("old_acl", DataType::Binary, true),
    ("new_acl", DataType::Binary, true),
    ("reason", DataType::Utf8, false),
];

/// The schema of a plan.
pub fn plan_schema() -> SchemaRef {
    let field = |(name, data_type, is_nullable)| Field::new(name, data_type, is_nullable);
    Arc::new(Schema::new(COLUMNS.map(field).to_vec()))
}

impl Reasons {
    /// The words as a plan has them.
    pub(crate) fn to_text(self) -> String {
        self.words().collect::<Vec<_>>().join("+")
    }
}

/// Rows as a record batch.
pub(crate) fn to_record(changes: &[Change]) -> RecordBatch {
    fn numbers(values: impl Iterator<Item = impl Into<Option<u32>>>) -> ArrayRef {
        let mut builder = UInt32Builder::new();
        values.for_each(|value| builder.append_option(value.into()));
        Arc::new(builder.finish())
    }
    fn seconds(values: impl Iterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
        let mut builder = Int64Builder::new();
        values.for_each(|value| builder.append_option(value.into()));
        Arc::new(builder.finish())
    }
    fn large(values: impl Iterator<Item = u64>) -> ArrayRef {
        let mut builder = UInt64Builder::new();
        values.for_each(|value| builder.append_value(value));
        Arc::new(builder.finish())
    }
    fn texts(values: impl Iterator<Item = impl AsRef<str>>) -> ArrayRef {
        let mut builder = StringBuilder::new();
        values.for_each(|value| builder.append_value(value));
        Arc::new(builder.finish())
    }
    fn bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
        let mut builder = BinaryBuilder::new();
        values.for_each(|value| builder.append_option(value));
        Arc::new(builder.finish())
    }
    let rows = || changes.iter();
    let exact = |row: &Change| std::str::from_utf8(&row.path).is_err();
    let columns: Vec<ArrayRef> = vec![
        texts(rows().map(|row| String::from_utf8_lossy(&row.path))),
        bytes(rows().map(|row| exact(row).then_some(&*row.path))),
        texts(rows().map(|row| row.kind.name())),
        large(rows().map(|row| row.id.dev)),
        large(rows().map(|row| row.id.ino)),
        seconds(rows().map(|row| row.ctime.unwrap_or_default().0)),
        numbers(rows().map(|row| row.ctime.unwrap_or_default().1)),
        seconds(rows().map(|row| row.btime.map(|time| time.0))),
        numbers(rows().map(|row| row.btime.map(|time| time.1))),
        numbers(rows().map(|row| row.uid)),
        texts(rows().map(|row| octal(row.old.mode))),
        texts(rows().map(|row| octal(row.new.mode))),
        numbers(rows().map(|row| row.old.gid)),
        numbers(rows().map(|row| row.new.gid)),
        bytes(rows().map(|row| row.old.acl.as_deref())),
        bytes(rows().map(|row| row.new.acl.as_deref())),
        texts(rows().map(|row| &row.reason)),
    ];
    RecordBatch::try_new(plan_schema(), columns).expect("each column has a value for each row")
}

/// Permission bits as people write them.
pub(crate) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// A plan, being read.
pub(crate) struct PlanReader {
    rows: RecordReader,
    n_rows: u64,
}

impl PlanReader {
    /// Opens a plan of any format.
    pub(crate) fn open(path: &Path) -> Result<PlanReader, Error> {
        // A reader of tables says only in words what the system has refused.
        path.metadata().map_err(|error| Error::file(path, &error))?;
        let names = COLUMNS.map(|(name, ..)| name);
        let rows = RecordReader::open(path, &names).map_err(|error| {
            let is_other = error.reason().contains("has no column");
            let not = if is_other { ", so it is not a plan" } else { "" };
            Error::unreadable(error.path(), format!("{}{not}", error.reason()))
        })?;
        Ok(PlanReader::of(rows))
    }

    /// A plan whose rows are these.
    pub(crate) fn of(rows: RecordReader) -> PlanReader {
        PlanReader { rows, n_rows: 0 }
    }

    /// The columns, in the order that a reader of rows needs them.
    pub(crate) fn columns() -> [&'static str; N_COLUMNS] {
        COLUMNS.map(|(name, ..)| name)
    }

    /// The next change; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Change>, Error> {
        let Some(values) = self.rows.next_row()? else { return Ok(None) };
        self.n_rows += 1;
        let row = change(values).map_err(|reason| {
            Error::unreadable(self.rows.path(), format!("row {}: {reason}", self.n_rows))
        })?;
        Ok(Some(row))
    }
}

/// A row from its values, in the order of the columns.
fn change(values: Vec<Value>) -> Result<Change, String> {
    let mut values = COLUMNS.iter().map(|(name, ..)| *name).zip(values);
    let mut next = || values.next().expect("there is a value for each column");
    let path = text(next())?;
    let exact = bytes(next())?;
    let kind = text(next())?;
    let id = FileId { dev: number(next())?, ino: number(next())? };
    let ctime = (number(next())?, number(next())?);
    let btime = optional(next())?.zip(optional(next())?);
    let uid = number(next())?;
    let (old_mode, new_mode) = (mode(next())?, mode(next())?);
    let (old_gid, new_gid) = (number(next())?, number(next())?);
    let (old_acl, new_acl) = (bytes(next())?, bytes(next())?);
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let change = Change {
        path: exact.unwrap_or(path.into_bytes()),
        id,
        ctime: Some(ctime),
        btime,
        kind: kind.ok_or("has an unknown kind")?,
        uid,
        old: Rights { mode: old_mode, gid: old_gid, acl: old_acl },
        new: Rights { mode: new_mode, gid: new_gid, acl: new_acl },
        reason: text(next())?,
    };
    check(&change)?;
    // Its undo does, so that `check` doesn't know it.
    if change.new.gid == 0 && change.old.gid != 0 {
        return Err("a repair gives no entry root's group".to_owned());
    }
    Ok(change)
}

/// A plan gives the group what it lacks, and nothing else to anybody: whoever changed it.
pub(crate) fn check(change: &Change) -> Result<(), String> {
    let is_bad = |name: &[u8]| matches!(name, b"" | b"." | b"..");
    let is_absolute = change.path.strip_prefix(b"/");
    if is_absolute.is_none_or(|path| path.split(|&byte| byte == b'/').any(is_bad)) {
        return Err("has a path that is not absolute, or has '.' or '..' in it".to_owned());
    }
    if !matches!(change.kind, Kind::Dir | Kind::File | Kind::Fifo | Kind::Socket) {
        return Err(format!("a repair does not change entries of the kind {}", change.kind.name()));
    }
    // To the system it means that the group stays.
    if [change.old.gid, change.new.gid].contains(&u32::MAX) {
        return Err(format!("has the group {}, which no entry can have", u32::MAX));
    }
    let given = change.new.mode & !change.old.mode;
    let setgid = if change.kind == Kind::Dir { 0o2000 } else { 0 };
    let is_less = change.old.mode & !change.new.mode != 0;
    if given & !(0o070 | setgid) != 0 || is_less {
        return Err(format!(
            "a repair does not change the mode {} to {}",
            octal(change.old.mode),
            octal(change.new.mode)
        ));
    }
    match (&change.old.acl, &change.new.acl) {
        (None, None) => Ok(()),
        (Some(old), Some(new)) => check_acl(old, new, change.new.mode),
        _ => Err("has one of old_acl and new_acl without the other".to_owned()),
    }
}

/// The owning group gets something, and the mask, which the mode shows, lets it have that.
fn check_acl(old: &[u8], new: &[u8], mode: u32) -> Result<(), String> {
    let is_granted =
        |bits| acl::grant(old, bits).is_some_and(|(acl, mask)| acl == new && mask == mode >> 3 & 7);
    match (0..8).any(is_granted) {
        true => Ok(()),
        false => Err("a repair does not change old_acl to new_acl".to_owned()),
    }
}

/// The value of a column, and its name for messages.
type Named = (&'static str, Value);

fn text((name, value): Named) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("has no {name}")),
    }
}

fn number<T: TryFrom<i128>>((name, value): Named) -> Result<T, String> {
    let number = match value {
        Value::Number(number) => Some(number),
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Bytes(_) => None,
    };
    number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| format!("has an invalid {name}"))
}

fn optional<T: TryFrom<i128>>(value: Named) -> Result<Option<T>, String> {
    if value.1 == Value::Null { Ok(None) } else { number(value).map(Some) }
}

/// Octal digits, whatever a reader of tables has taken them for.
fn mode(value: Named) -> Result<u32, String> {
    let name = value.0;
    let digits = text(value)?;
    let mode = u32::from_str_radix(&digits, 8).ok().filter(|mode| *mode <= pwalk_sys::MODE_BITS);
    mode.ok_or_else(|| {
        format!("has an invalid {name}: '{digits}' is not of octal digits up to 7777")
    })
}

/// Bytes, or the hexadecimal digits that stand for them.
fn bytes((name, value): Named) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bytes(bytes) => Ok(Some(bytes)),
        // Digits alone, which a reader may have taken for a number.
        Value::Number(number) => from_hex(&number.to_string(), name).map(Some),
        Value::Text(digits) => from_hex(&digits, name).map(Some),
    }
}

fn from_hex(digits: &str, name: &str) -> Result<Vec<u8>, String> {
    pwalk_output::from_hex(digits).ok_or_else(|| format!("has an invalid {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pwalk_output::{Destination, Format, OutputFile, RecordConfig, RecordWriter};

    prop_compose! {
        fn a_change()(
            path in proptest::collection::vec(prop_oneof![1..=b'-', b'0'..=255u8], 1..60),
            id in any::<(u64, u64)>(),
            ctime in any::<(i64, u32)>(),
            btime in any::<Option<(i64, u32)>>(),
            kind in proptest::sample::select(vec![Kind::Dir, Kind::File, Kind::Fifo, Kind::Socket]),
            uid in any::<u32>(),
            (old_gid, new_gid) in (0..u32::MAX, 0..u32::MAX),
            mode in 0..0o10000u32,
            given in 0..8u32,
            has_acl in any::<bool>(),
            reasons in 1..32u8,
        ) -> Change {
            // The owning group has nothing of its own, and the mask is what the mode shows.
            let acl = |group: u32, mask: u32| {
                let mut acl = vec![2, 0, 0, 0];
                for (tag, bits) in [(4, group), (16, mask)] {
                    acl.extend([tag, 0, bits as u8, 0, 255, 255, 255, 255]);
                }
                acl
            };
            let bits = mode >> 3 & 7;
            let acls = has_acl.then(|| (acl(0, bits), acl(given, bits | given))).unzip();
            Change {
                path: [b"/", &path[..]].concat(),
                id: FileId { dev: id.0, ino: id.1 },
                ctime: Some(ctime),
                btime,
                kind,
                uid,
                old: Rights { mode, gid: old_gid, acl: acls.0 },
                new: Rights { mode: mode | given << 3, gid: new_gid, acl: acls.1 },
                reason: Reasons::from_bits_truncate(reasons).to_text(),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]
        #[test]
        fn a_plan_is_read_back_from_every_format(
            changes in proptest::collection::vec(a_change(), 0..20)
        ) {
            let folder = tempfile::tempdir().unwrap();
            for name in ["p.csv", "p.csv.zst", "p.ndjson", "p.parquet", "p.arrow"] {
                let path = folder.path().join(name);
                let config = RecordConfig {
                    schema: plan_schema(),
                    format: Format::of_path(&path).unwrap(),
                    metadata: Vec::new(),
                    n_encoders: 1,
                };
                let file = OutputFile::create(&path).unwrap();
                let output = RecordWriter::create(config, Destination::File(file)).unwrap();
                output.write(&to_record(&changes)).unwrap();
                output.finish(Vec::new()).unwrap();
                let mut plan = PlanReader::open(&path).unwrap();
                let mut found = Vec::new();
                while let Some(change) = plan.next().unwrap() {
                    found.push(change);
                }
                prop_assert_eq!(&found, &changes, "{}", name);
            }
        }
    }
}
