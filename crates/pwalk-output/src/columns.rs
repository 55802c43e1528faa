//! The one table of columns: everything that names a column derives from it.
//!
//! CSV header, Arrow schema and arrays, NDJSON keys, the packing in Parquet, all readers,
//! `--columns` and its help, and the format documents. A new column is one row here: its typed
//! cell says how a batch fills it, and how a saved table gives it back.

use crate::argument;
use crate::cell::{
    Cell, Packing, append_exact_paths, append_extensions, append_paths, append_totals, each, row,
    slice, target, totals,
};
use arrow_schema::DataType;
use pwalk_engine::{ArgumentError, Contents, Fields, did_you_mean};

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
    /// Its name, in every format.
    pub name: &'static str,
    /// True if it may be null.
    pub is_nullable: bool,
    /// When a report has it.
    pub presence: Presence,
    /// The fields that it is made from.
    pub fields: Fields,
    /// What it says: unit, and when it is empty or null.
    pub doc: &'static str,
    /// Its type, and how its values are read from entries and set on rows.
    pub(crate) cell: Cell,
    /// How Parquet packs it, where that isn't as usual for its type.
    packing: Option<Packing>,
    is_quoted_in_csv: bool,
}

const fn pwalk(name: &'static str, cell: Cell, fields: Fields, doc: &'static str) -> Column {
    let (is_nullable, is_quoted_in_csv, packing) = (false, false, None);
    let presence = Presence::Pwalk;
    Column { name, is_nullable, presence, fields, doc, cell, packing, is_quoted_in_csv }
}

const fn extra(name: &'static str, cell: Cell, fields: Fields, doc: &'static str) -> Column {
    Column { presence: Presence::Extra, ..pwalk(name, cell, fields, doc) }
}

/// One of the totals of a subtree, which are of entries with these fields.
const fn total(name: &'static str, cell: Cell, fields: Fields, doc: &'static str) -> Column {
    extra(name, cell, Fields::TREE.union(fields), doc).nullable()
}

impl Column {
    const fn nullable(self) -> Column {
        Column { is_nullable: true, ..self }
    }

    const fn default_in_columnar(self) -> Column {
        Column { presence: Presence::Default, ..self }
    }

    const fn quoted_in_csv(self) -> Column {
        Column { is_quoted_in_csv: true, ..self }
    }

    /// Of few values, whatever its type.
    const fn of_few_values(self) -> Column {
        Column { packing: Some(Packing::Dictionary), ..self }
    }

    /// True if a CSV puts it between quotes.
    pub fn is_quoted_in_csv(&self) -> bool {
        self.is_quoted_in_csv
    }

    /// How Parquet packs it.
    pub(crate) fn packing(&self) -> Packing {
        self.packing.unwrap_or_else(|| Packing::of(&self.cell.data_type()))
    }

    /// The name of its type in documents.
    pub fn type_name(&self) -> &'static str {
        match (self.cell.data_type(), self.packing()) {
            (DataType::UInt64, _) => "uint64",
            (DataType::Int64, _) => "int64",
            (DataType::UInt32, _) => "uint32",
            (DataType::Int32, _) => "int32",
            (DataType::Binary, _) => "binary",
            (DataType::Utf8, Packing::Dictionary) => "utf8, dictionary in Parquet",
            (DataType::Utf8, _) => "utf8",
            (_, _) => "utf8, dictionary",
        }
    }
}

const NONE: Fields = Fields::empty();
const NANOS_DOC: &str = "nanoseconds, to add to the seconds";

/// All columns, in their order. Names and meanings of the first 17 are fixed: archived scans
/// use them.
pub const COLUMNS: [Column; 37] = [
    pwalk("inode", slice!(U64: inode, stat.ino), Fields::INODE, "inode number"),
    pwalk(
        "parent-inode",
        row!(U64: |row| Some(row.parent_inode()), |row, value| row.parent_inode = value),
        Fields::INODE,
        "inode of the parent directory; 0 for a root",
    ),
    pwalk(
        "directory-depth",
        Cell::I32(
            |batch, values| values.extend(batch.rows().map(|row| Some(row.depth()))),
            |row, value| row.depth = value,
        ),
        NONE,
        "-1 for a root, 0 for the entries directly in it, and so on",
    )
    .of_few_values(),
    pwalk(
        "filename",
        Cell::Text(append_paths, |row, value| row.path = Some(value)),
        NONE,
        "the full path, beginning with the root as given",
    )
    .quoted_in_csv(),
    pwalk(
        "fileExtension",
        Cell::Text(append_extensions, |row, value| row.extension = Some(value)),
        Fields::KIND,
        "what follows the last dot of the name, ignoring a leading dot; empty for directories",
    )
    .quoted_in_csv()
    .of_few_values(),
    pwalk("UID", slice!(U32: uid, stat.uid), Fields::OWNER, "user ID of the owner"),
    pwalk("GID", slice!(U32: gid, stat.gid), Fields::OWNER, "group ID"),
    pwalk("st_size", slice!(I64: size, stat.size), Fields::SIZE, "apparent size in bytes"),
    pwalk("st_dev", slice!(U64: dev, stat.dev), Fields::DEVICE, "device, as stat(2) encodes it")
        .of_few_values(),
    pwalk(
        "st_blocks",
        slice!(I64: blocks, stat.blocks),
        Fields::BLOCKS,
        "allocated size in units of 512 bytes",
    ),
    pwalk("st_nlink", slice!(U32: nlink, stat.nlink), Fields::LINKS, "number of hard links"),
    pwalk(
        "st_mode",
        each!(U32: mode, |mode| Some(*mode), |row, value| row.mode = value),
        Fields::MODE,
        "file type and permissions; in a CSV quoted octal, seven digits or more",
    )
    .quoted_in_csv(),
    pwalk(
        "st_atime",
        slice!(I64: atime, stat.atime),
        Fields::ATIME,
        "last access, in seconds since the epoch (negative before it)",
    ),
    pwalk(
        "st_mtime",
        slice!(I64: mtime, stat.mtime),
        Fields::MTIME,
        "last change of the content, in seconds since the epoch",
    ),
    pwalk(
        "st_ctime",
        slice!(I64: ctime, stat.ctime),
        Fields::CTIME,
        "last change of the inode, in seconds since the epoch",
    ),
    pwalk(
        "pw_fcount",
        each!(I64: contents, |c| counts(c).map(|c| c.0), |row, value| row.n_entries = Some(value)),
        Fields::KIND,
        "number of direct entries of a directory; null if it could not be read (in a CSV 0), and \
         for all other kinds (in a CSV -1)",
    )
    .nullable(),
    pwalk(
        "pw_dirsum",
        each!(I64: contents, |c| counts(c).map(|c| c.1), |row, value| row.size_sum = Some(value)),
        Fields::SIZE_SUM,
        "sum of the st_size of the direct entries of a directory; null if it could not be read, \
         and for all other kinds (in a CSV 0)",
    )
    .nullable(),
    extra(
        "kind",
        Cell::Kind(
            |batch, values| values.extend(batch.kind.iter().map(|kind| *kind as i8)),
            |row, value| row.kind = Some(value),
        ),
        Fields::KIND,
        "file, dir, symlink, fifo, socket, char or block",
    )
    .default_in_columnar(),
    extra(
        "filename_bytes",
        Cell::Bytes(append_exact_paths, |row, value| row.exact_path = Some(value)),
        NONE,
        "the exact bytes of a path that is not valid UTF-8, else null (in NDJSON hexadecimal)",
    )
    .nullable()
    .default_in_columnar(),
    extra(
        "user",
        Cell::Name(
            |batch, users, values| values.extend(batch.uid.iter().map(|uid| users.user(*uid))),
            "UID",
        ),
        Fields::OWNER,
        "name of the owner; null if there is none",
    )
    .nullable()
    .of_few_values(),
    extra(
        "group",
        Cell::Name(
            |batch, users, values| values.extend(batch.gid.iter().map(|gid| users.group(*gid))),
            "GID",
        ),
        Fields::OWNER,
        "name of the group; null if there is none",
    )
    .nullable()
    .of_few_values(),
    extra(
        "st_atime_ns",
        each!(U32: nanos, |nanos| Some(nanos[0]), |row, value| row.stat.nanos[0] = value),
        Fields::ATIME.union(Fields::NANOS),
        NANOS_DOC,
    ),
    extra(
        "st_mtime_ns",
        each!(U32: nanos, |nanos| Some(nanos[1]), |row, value| row.stat.nanos[1] = value),
        Fields::MTIME.union(Fields::NANOS),
        NANOS_DOC,
    ),
    extra(
        "st_ctime_ns",
        each!(U32: nanos, |nanos| Some(nanos[2]), |row, value| row.stat.nanos[2] = value),
        Fields::CTIME.union(Fields::NANOS),
        NANOS_DOC,
    ),
    extra(
        "st_btime",
        each!(I64: btime, |btime| *btime, |row, value| row.btime = Some(value)),
        Fields::BTIME,
        "creation, in seconds since the epoch; null where the filesystem doesn't record it",
    )
    .nullable(),
    extra(
        "st_btime_ns",
        Cell::U32(
            |batch, values| {
                let pairs = batch.btime.iter().zip(&batch.nanos);
                values.extend(pairs.map(|(btime, nanos)| btime.map(|_| nanos[3])));
            },
            |row, value| row.btime_nanos = Some(value),
            None,
        ),
        Fields::BTIME.union(Fields::NANOS),
        NANOS_DOC,
    )
    .nullable(),
    extra(
        "st_rdev",
        slice!(U64: rdev, stat.rdev),
        Fields::RDEV,
        "the device that a device node refers to",
    )
    .of_few_values(),
    extra(
        "st_blksize",
        slice!(U32: blksize, stat.blksize),
        Fields::RDEV,
        "preferred I/O size in bytes",
    ),
    extra(
        "target",
        Cell::Text(
            |batch, values| values.extend(batch.rows().map(target)),
            |row, value| row.target = Some(value),
        ),
        Fields::TARGET.union(Fields::KIND),
        "target of a symbolic link (invalid UTF-8 as U+FFFD); null for all other kinds",
    )
    .nullable(),
    total(
        "tree_count",
        totals!(count),
        Fields::KIND,
        "number of entries below a directory, on all levels; like all totals of subtrees null if it \
         could not be read or was not entered, and for all other kinds",
    ),
    total(
        "tree_files",
        totals!(files),
        Fields::KIND,
        "number of entries below a directory that are not directories",
    ),
    total("tree_dirs", totals!(dirs), Fields::KIND, "number of directories below a directory"),
    total(
        "tree_size",
        totals!(size),
        Fields::SIZE,
        "sum of the st_size of all entries below a directory; each hard link counts",
    ),
    total(
        "tree_blocks",
        totals!(blocks),
        Fields::BLOCKS,
        "sum of the st_blocks of all entries below a directory; each hard link counts",
    ),
    total(
        "tree_mtime",
        totals!(mtime),
        Fields::MTIME.union(Fields::KIND),
        "newest st_mtime of an entry below a directory that is not a directory; null if there is \
         none",
    ),
    total(
        "tree_atime",
        totals!(atime),
        Fields::ATIME.union(Fields::KIND),
        "newest st_atime of an entry below a directory that is not a directory; null if there is \
         none",
    ),
    total(
        "tree_errors",
        totals!(errors),
        NONE,
        "number of errors in a directory and below it: 0 if its totals are complete; set for a \
         directory that could not be read, too",
    ),
];

/// The name that stands for all totals of subtrees in a list.
const ALL_TOTALS: &str = "tree";

fn no_such_column(name: &str) -> String {
    let known = COLUMNS.iter().map(|column| column.name).chain([ALL_TOTALS]);
    format!("no such column{}", did_you_mean(name, known))
}

/// Direct entries and the sum of their sizes, of a directory that was read.
fn counts(contents: &Contents) -> Option<(i64, i64)> {
    match contents {
        Contents::Counted { n_entries, size_sum } => Some((*n_entries, *size_sum)),
        Contents::None | Contents::Unread => None,
    }
}

/// The columns of one report, in order.
#[derive(Clone, Debug)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// The 17 columns of the pwalk CSV.
    pub fn pwalk() -> Columns {
        Columns::present(|presence| presence == Presence::Pwalk)
    }

    /// The default columns of a columnar report: the 17, `kind` and `filename_bytes`.
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

    /// Reads a comma-separated list: plain names are the whole report in that order; `+name`
    /// and `-name` add to and take from the default. `tree` stands for all totals of subtrees.
    ///
    /// # Errors
    ///
    /// If a name is unknown or given twice, both ways are mixed, or no column is left.
    pub fn parse(list: &str) -> Result<Columns, ArgumentError> {
        let items: Vec<_> = list.split(',').map(str::trim).collect();
        let is_change = |item: &str| item.starts_with(['+', '-']);
        let n_changes = items.iter().filter(|item| is_change(item)).count();
        let mut columns = match n_changes {
            0 => Columns(Vec::new()),
            n if n == items.len() => Columns::columnar(),
            _ => {
                let reason = "either all names begin with + or -, or none does";
                return Err(ArgumentError::new(argument::COLUMNS, list, reason));
            }
        };
        for item in items {
            columns.change(item)?;
        }
        if columns.0.is_empty() {
            return Err(ArgumentError::new(argument::COLUMNS, list, "leaves no column"));
        }
        Ok(columns)
    }

    fn change(&mut self, item: &str) -> Result<(), ArgumentError> {
        let error = |reason: &str| ArgumentError::new(argument::COLUMNS, item, reason);
        let name = item.trim_start_matches(['+', '-']);
        let is_meant = |column: &Column| {
            column.name == name || name == ALL_TOTALS && column.fields.contains(Fields::TREE)
        };
        if !COLUMNS.iter().any(is_meant) {
            return Err(error(&no_such_column(name)));
        }
        let n_before = self.0.len();
        if item.starts_with('-') {
            self.0.retain(|column| !is_meant(column));
            return if self.0.len() < n_before {
                Ok(())
            } else {
                Err(error("not a column of this table"))
            };
        }
        if self.0.iter().any(is_meant) {
            return Err(error("named twice"));
        }
        self.0.extend(COLUMNS.into_iter().filter(is_meant));
        Ok(())
    }

    /// True if rows may carry another name than their file, and its bytes nowhere.
    pub(crate) fn change_names(&self) -> bool {
        self.has("filename") && !self.has("filename_bytes")
    }

    /// True if the column of this name is among them.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|column| column.name == name)
    }

    /// The first of some columns that a table with these columns neither has nor can provide. Names
    /// of users and groups are looked up, where it has their IDs.
    pub fn first_missing<'c>(&self, wanted: &'c Columns) -> Option<&'c Column> {
        let is_missing = |column: &&Column| {
            let source = column.cell.looked_up_by().unwrap_or(column.name);
            !self.has(source)
        };
        wanted.iter().find(is_missing)
    }

    /// The index of the column of this name, which most likely is `likely`.
    pub(crate) fn position_from(&self, likely: usize, name: &str) -> Option<usize> {
        match self.0.get(likely) {
            Some(column) if column.name == name => Some(likely),
            _ => self.iter().position(|column| column.name == name),
        }
    }

    /// The columns.
    pub(crate) fn as_slice(&self) -> &[Column] {
        &self.0
    }

    /// The columns.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.0.iter()
    }

    /// What a saved table with these columns tells of each entry. Totals don't tell what they are
    /// totals of.
    pub fn told(&self) -> Fields {
        let told = |fields: Fields| {
            if fields.contains(Fields::TREE) { Fields::TREE } else { fields }
        };
        self.iter().fold(Fields::empty(), |fields, column| fields | told(column.fields))
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
    fn one_name_stands_for_all_totals_of_subtrees() {
        let totals: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
        let totals = &totals[29..];
        assert!(totals.iter().all(|name| name.starts_with("tree_")));
        let columns = Columns::parse("filename,tree").unwrap();
        assert_eq!(names(&columns)[1..], *totals);
        let columns = Columns::parse("+tree,-tree_size").unwrap();
        assert_eq!(names(&columns).len(), 19 + totals.len() - 1);
        assert!(Columns::parse("filename,tree_count").unwrap().fields().contains(Fields::TREE));
        assert!(!Columns::columnar().fields().contains(Fields::TREE));
    }

    #[test]
    fn totals_do_not_tell_what_they_are_totals_of() {
        let columns = Columns::parse("filename,tree_size,st_mtime").unwrap();
        assert_eq!(columns.fields(), Fields::TREE | Fields::SIZE | Fields::MTIME);
        assert_eq!(columns.told(), Fields::TREE | Fields::MTIME);
    }

    #[test]
    fn lists_replace_or_change_the_default() {
        let parse = |list: &str| Columns::parse(list);
        assert_eq!(names(&parse("st_size, inode").unwrap()), ["st_size", "inode"]);
        let changed = parse("+target,-kind").unwrap();
        assert_eq!(names(&changed)[17..], ["filename_bytes", "target"]);
        let reason = |list: &str| parse(list).unwrap_err().to_string();
        assert_eq!(reason("xyz"), "column 'xyz': no such column");
        assert_eq!(reason("+size"), "column '+size': no such column; did you mean 'st_size'?");
        assert_eq!(reason("inode,inode"), "column 'inode': named twice");
        assert_eq!(reason("+kind"), "column '+kind': named twice");
        assert_eq!(reason("-user"), "column '-user': not a column of this table");
        assert_eq!(reason("+tree,+tree_size"), "column '+tree_size': named twice");
        assert_eq!(reason("+tree_size,+tree"), "column '+tree': named twice");
        assert_eq!(reason("-tree"), "column '-tree': not a column of this table");
        assert!(
            reason("+user,inode").ends_with("either all names begin with + or -, or none does")
        );
        assert_eq!(reason(""), "column '': no such column");
        let all: Vec<_> = Columns::columnar().iter().map(|c| format!("-{}", c.name)).collect();
        assert!(reason(&all.join(",")).ends_with("leaves no column"));
    }
}
