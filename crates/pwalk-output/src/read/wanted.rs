//! Which columns of a file are read: all that we know, or those that somebody needs.
//!
//! A column that is not read costs nothing in a columnar file, and half of its time in a text.

use crate::columns::{COLUMNS, Column, Columns};
use pwalk_engine::{Condition, Fields};

/// What is made into rows, whoever wants them.
const ALWAYS: [&str; 4] = ["directory-depth", "filename", "kind", "filename_bytes"];

/// What the kind follows from, in a table without a column for it.
const OF_KIND: [&str; 4] = ["st_mode", "pw_fcount", "pw_dirsum", "fileExtension"];

/// The columns that somebody needs.
#[derive(Clone, Debug)]
pub(crate) struct Wanted(Option<Columns>);

impl Wanted {
    pub(crate) fn all() -> Wanted {
        Wanted(None)
    }

    pub(crate) fn only(columns: &Columns) -> Wanted {
        Wanted(Some(columns.clone()))
    }

    /// Those of the columns of a file that are read; never names that belong to another machine.
    pub(crate) fn of_file(&self, has: impl Fn(&str) -> bool) -> Columns {
        let of_kind = !has("kind");
        let is_wanted = |name: &str| match &self.0 {
            None => true,
            Some(_) if ALWAYS.contains(&name) || of_kind && OF_KIND.contains(&name) => true,
            Some(columns) => columns.has(name),
        };
        let is_read = |column: &&Column| {
            has(column.name) && column.cell.looked_up_by().is_none() && is_wanted(column.name)
        };
        Columns::of(COLUMNS.iter().filter(is_read).copied())
    }
}

impl Columns {
    /// The columns of a saved scan that a condition depends on, besides those of paths and kinds.
    pub fn for_condition(condition: &Condition) -> Columns {
        let is_read = |column: &&Column| match column.name {
            "pw_fcount" => condition.needs_entries(),
            "parent-inode" => false,
            _ if column.cell.looked_up_by().is_some() || column.fields == Fields::KIND => false,
            _ => !column.fields.is_empty() && condition.fields().contains(column.fields),
        };
        Columns::of(COLUMNS.iter().filter(is_read).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_needs_the_columns_that_it_tests() {
        let cases: [(&str, &[&str]); 5] = [
            ("name ~ '*.bam' and kind = file and path ~ '/a/**' and depth > 1 and ext = x", &[]),
            ("size > 1 or allocated > 1", &["st_size", "st_blocks"]),
            ("user = root and mtime < -1d", &["UID", "GID", "st_mtime"]),
            ("empty and btime > -1y", &["st_size", "pw_fcount", "st_btime"]),
            ("inode = 1 and dev = 2 and links > 1", &["inode", "st_dev", "st_nlink"]),
        ];
        for (text, expected) in cases {
            let condition = Condition::new(text).unwrap();
            let columns = Columns::for_condition(&condition);
            let names: Vec<_> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names, expected, "{text}");
        }
    }
}
