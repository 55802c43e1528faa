//! The one table of columns: everything that names a column derives from it.
//!
//! CSV header, Arrow schema, NDJSON keys, `--columns` and its help, and the format documents.
//! A column's row here and its arm in `rows.rs` are all there is to it; the compiler asks for
//! the arm.

use crate::argument;
use pwalk_engine::{ArgumentError, Fields};

/// A column that a report can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is documented in its row of COLUMNS")]
pub enum ColumnId {
    Inode,
    ParentInode,
    DirectoryDepth,
    Filename,
    FileExtension,
    Uid,
    Gid,
    Size,
    Dev,
    Blocks,
    Nlink,
    Mode,
    Atime,
    Mtime,
    Ctime,
    Fcount,
    Dirsum,
    Kind,
    FilenameBytes,
    User,
    Group,
    AtimeNs,
    MtimeNs,
    CtimeNs,
    Btime,
    BtimeNs,
    Rdev,
    Blksize,
    Target,
}

/// What a column holds in columnar formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// UTF-8.
    Text,
    /// UTF-8 of a few values only.
    Category,
    /// Bytes.
    Bytes,
}

impl ColumnType {
    /// Its name in documents.
    pub fn name(self) -> &'static str {
        match self {
            ColumnType::U64 => "uint64",
            ColumnType::I64 => "int64",
            ColumnType::U32 => "uint32",
            ColumnType::I32 => "int32",
            ColumnType::Text => "utf8",
            ColumnType::Category => "utf8, dictionary",
            ColumnType::Bytes => "binary",
        }
    }
}

/// When a report has a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is one of the 17 of the pwalk CSV: in every report.
    Pwalk,
    /// In every columnar report.
    Default,
    /// On request.
    Extra,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Which column it is.
    pub id: ColumnId,
    /// Its name, in every format.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// True if it may be null.
    pub is_nullable: bool,
    /// When a report has it.
    pub presence: Presence,
    /// What it takes to know it.
    pub fields: Fields,
    /// What it says: unit, and when it is empty or null.
    pub doc: &'static str,
}

const fn pwalk(
    id: ColumnId,
    name: &'static str,
    kind: ColumnType,
    fields: Fields,
    doc: &'static str,
) -> Column {
    Column { id, name, kind, is_nullable: false, presence: Presence::Pwalk, fields, doc }
}

const fn extra(
    id: ColumnId,
    name: &'static str,
    kind: ColumnType,
    fields: Fields,
    doc: &'static str,
) -> Column {
    Column { id, name, kind, is_nullable: false, presence: Presence::Extra, fields, doc }
}

impl Column {
    const fn nullable(self) -> Column {
        Column { is_nullable: true, ..self }
    }

    const fn default_in_columnar(self) -> Column {
        Column { presence: Presence::Default, ..self }
    }

    /// True if a CSV puts it between quotes.
    pub fn is_quoted_in_csv(&self) -> bool {
        matches!(self.id, ColumnId::Filename | ColumnId::FileExtension | ColumnId::Mode)
    }
}

const NANOS_DOC: &str = "nanoseconds, to be added to the seconds";

/// All columns, in their order. Names and meanings of the first 17 are fixed: sites have
/// archives of them.
pub const COLUMNS: [Column; 29] = {
    use ColumnId as C;
    use ColumnType::{Bytes, Category, I32, I64, Text, U32, U64};
    const NONE: Fields = Fields::empty();
    [
        pwalk(C::Inode, "inode", U64, Fields::INODE, "inode number"),
        pwalk(
            C::ParentInode,
            "parent-inode",
            U64,
            Fields::INODE,
            "inode of the directory that holds it; 0 for a root",
        ),
        pwalk(
            C::DirectoryDepth,
            "directory-depth",
            I32,
            NONE,
            "-1 for a root, 0 for what stands directly in it, and so on",
        ),
        pwalk(
            C::Filename,
            "filename",
            Text,
            NONE,
            "the full path, beginning with the root as it was given",
        ),
        pwalk(
            C::FileExtension,
            "fileExtension",
            Category,
            Fields::KIND,
            "what follows the last dot of the name, a leading dot not counted; empty for directories",
        ),
        pwalk(C::Uid, "UID", U32, Fields::OWNER, "owner"),
        pwalk(C::Gid, "GID", U32, Fields::OWNER, "group"),
        pwalk(C::Size, "st_size", I64, Fields::SIZE, "apparent size, bytes"),
        pwalk(C::Dev, "st_dev", U64, Fields::DEVICE, "device, as stat(2) encodes it"),
        pwalk(C::Blocks, "st_blocks", I64, Fields::BLOCKS, "allocated size, units of 512 bytes"),
        pwalk(C::Nlink, "st_nlink", U32, Fields::LINKS, "hard links"),
        pwalk(
            C::Mode,
            "st_mode",
            U32,
            Fields::MODE,
            "file type and permissions; in CSV quoted octal of at least seven digits",
        ),
        pwalk(
            C::Atime,
            "st_atime",
            I64,
            Fields::ATIME,
            "last access, seconds since the epoch, negative before it",
        ),
        pwalk(C::Mtime, "st_mtime", I64, Fields::MTIME, "last change of the content, seconds"),
        pwalk(C::Ctime, "st_ctime", I64, Fields::CTIME, "last change of the inode, seconds"),
        pwalk(
            C::Fcount,
            "pw_fcount",
            I64,
            Fields::KIND,
            "of a directory: its direct entries; null otherwise, and if it could not be read (in \
             CSV -1 otherwise, 0 if it could not be read)",
        )
        .nullable(),
        pwalk(
            C::Dirsum,
            "pw_dirsum",
            I64,
            Fields::SIZE_SUM,
            "of a directory: the sum of its direct entries' st_size, bytes; null otherwise, and if \
             it could not be read (in CSV 0)",
        )
        .nullable(),
        extra(C::Kind, "kind", Category, Fields::KIND, "file dir symlink fifo socket char block")
            .default_in_columnar(),
        extra(
            C::FilenameBytes,
            "filename_bytes",
            Bytes,
            NONE,
            "the exact bytes of the path where it is not UTF-8, null otherwise (NDJSON: in hex)",
        )
        .nullable()
        .default_in_columnar(),
        extra(C::User, "user", Category, Fields::OWNER, "name of the owner, null if it has none")
            .nullable(),
        extra(C::Group, "group", Category, Fields::OWNER, "name of the group, null if it has none")
            .nullable(),
        extra(C::AtimeNs, "st_atime_ns", U32, Fields::ATIME.union(Fields::NANOS), NANOS_DOC),
        extra(C::MtimeNs, "st_mtime_ns", U32, Fields::MTIME.union(Fields::NANOS), NANOS_DOC),
        extra(C::CtimeNs, "st_ctime_ns", U32, Fields::CTIME.union(Fields::NANOS), NANOS_DOC),
        extra(
            C::Btime,
            "st_btime",
            I64,
            Fields::BTIME,
            "creation, seconds since the epoch; null where the filesystem doesn't keep it",
        )
        .nullable(),
        extra(C::BtimeNs, "st_btime_ns", U32, Fields::BTIME.union(Fields::NANOS), NANOS_DOC)
            .nullable(),
        extra(C::Rdev, "st_rdev", U64, Fields::RDEV, "the device that a node stands for"),
        extra(C::Blksize, "st_blksize", U32, Fields::RDEV, "preferred size of I/O, bytes"),
        extra(
            C::Target,
            "target",
            Text,
            Fields::TARGET.union(Fields::KIND),
            "where a symbolic link points to (not UTF-8 as U+FFFD); null for all others",
        )
        .nullable(),
    ]
};

/// The columns of one report, in order.
#[derive(Clone, Debug)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// The 17 columns of the pwalk CSV.
    pub fn pwalk() -> Columns {
        Columns::present(|presence| presence == Presence::Pwalk)
    }

    /// What a columnar report has if nobody asks: the 17, `kind` and `filename_bytes`.
    pub fn columnar() -> Columns {
        Columns::present(|presence| presence != Presence::Extra)
    }

    /// These columns, in this order.
    pub fn of(columns: impl IntoIterator<Item = Column>) -> Columns {
        Columns(columns.into_iter().collect())
    }

    fn present(is_in: impl Fn(Presence) -> bool) -> Columns {
        Columns(COLUMNS.into_iter().filter(|column| is_in(column.presence)).collect())
    }

    /// Reads a comma-separated list: names alone are the whole report in that order; `+name`
    /// and `-name` add to and take from the default.
    ///
    /// # Errors
    ///
    /// An unknown name, one that stands twice, or a mixture of both ways.
    pub fn parse(list: &str) -> Result<Columns, ArgumentError> {
        let parts: Vec<_> = list.split(',').map(str::trim).collect();
        let is_change = |part: &str| part.starts_with(['+', '-']);
        let n_changes = parts.iter().filter(|part| is_change(part)).count();
        let mut columns = match n_changes {
            0 => Columns(Vec::new()),
            n if n == parts.len() => Columns::columnar(),
            _ => {
                let reason = "either all names begin with + or -, or none does";
                return Err(ArgumentError::new(argument::COLUMNS, list, reason));
            }
        };
        for part in parts {
            columns.change(part)?;
        }
        Ok(columns)
    }

    fn change(&mut self, part: &str) -> Result<(), ArgumentError> {
        let error = |reason: &str| ArgumentError::new(argument::COLUMNS, part, reason);
        let name = part.trim_start_matches(['+', '-']);
        let found = COLUMNS.iter().find(|column| column.name == name);
        let column = *found.ok_or_else(|| error("no such column"))?;
        let place = self.0.iter().position(|known| known.id == column.id);
        match (part.starts_with('-'), place) {
            (true, Some(place)) => drop(self.0.remove(place)),
            (true, None) => return Err(error("not among the columns")),
            (false, None) => self.0.push(column),
            (false, Some(_)) => return Err(error("named twice")),
        }
        Ok(())
    }

    /// True if rows may carry another name than their file, and its bytes nowhere.
    pub(crate) fn change_names(&self) -> bool {
        let has = |id| self.iter().any(|column| column.id == id);
        has(ColumnId::Filename) && !has(ColumnId::FilenameBytes)
    }

    /// The columns.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.0.iter()
    }

    /// What a walk must ask of each entry for them.
    pub fn fields(&self) -> Fields {
        self.iter().fold(Fields::empty(), |fields, column| fields | column.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &Columns) -> Vec<&str> {
        columns.iter().map(|column| column.name).collect()
    }

    #[test]
    fn the_first_seventeen_are_the_pwalk_csv() {
        assert_eq!(names(&Columns::pwalk()).len(), 17);
        assert_eq!(Columns::pwalk().fields(), Fields::REPORT);
        assert_eq!(names(&Columns::columnar())[17..], ["kind", "filename_bytes"]);
    }

    #[test]
    fn lists_replace_or_change_the_default() {
        let parse = |list: &str| Columns::parse(list);
        assert_eq!(names(&parse("st_size, inode").unwrap()), ["st_size", "inode"]);
        let changed = parse("+target,-kind").unwrap();
        assert_eq!(names(&changed)[17..], ["filename_bytes", "target"]);
        let reason = |list: &str| parse(list).unwrap_err().to_string();
        assert_eq!(reason("nope"), "column 'nope': no such column");
        assert_eq!(reason("inode,inode"), "column 'inode': named twice");
        assert_eq!(reason("+kind"), "column '+kind': named twice");
        assert_eq!(reason("-user"), "column '-user': not among the columns");
        assert!(
            reason("+user,inode").ends_with("either all names begin with + or -, or none does")
        );
        assert_eq!(reason(""), "column '': no such column");
    }
}
