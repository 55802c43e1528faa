//! Which columns of a file are read: all that we know, or those that somebody needs.
//!
//! A column that is not read costs nothing in a columnar file, and half of its time in a text.

use crate::columns::{COLUMNS, Column, Columns};

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
