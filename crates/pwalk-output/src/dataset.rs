//! A table as a folder of part files: `part-00000.parquet` and so on, and `_summary.json` once it
//! is complete.
//!
//! For billions of rows: each part is bounded, and a reader takes them one by one. A folder that
//! holds an older table is emptied first; one that holds anything else is refused.

use crate::file::{OutputError, OutputFile};
use crate::summary::Summary;
use crate::table::{Piece, Table};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file that says that a folder is complete.
pub const SUMMARY_NAME: &str = "_summary.json";

/// How large a part may become. None has more rows than its bound; in bytes it ends with the
/// piece that reaches the bound, and is larger by that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartBounds {
    /// Rows.
    pub n_rows: u64,
    /// Bytes.
    pub n_bytes: u64,
}

impl Default for PartBounds {
    /// A gigabyte, however many rows that is.
    fn default() -> Self {
        PartBounds { n_rows: u64::MAX, n_bytes: 1 << 30 }
    }
}

/// A folder of tables.
pub(crate) struct Dataset<T> {
    folder: PathBuf,
    suffix: &'static str,
    bounds: PartBounds,
    /// Begins the table of a part.
    begin: Box<dyn Fn(OutputFile) -> Result<T, OutputError> + Send>,
    /// The part being written, and its rows.
    current: Option<(T, u64)>,
    /// Parts that have their name: removed again if the whole does not come about.
    parts: Vec<PathBuf>,
    n_bytes: u64,
    is_complete: bool,
}

impl<T: Table> Dataset<T> {
    /// Makes the folder, or empties that of an older table, and begins its first part.
    pub(crate) fn begin(
        folder: &Path,
        suffix: &'static str,
        bounds: PartBounds,
        begin: Box<dyn Fn(OutputFile) -> Result<T, OutputError> + Send>,
    ) -> Result<Dataset<T>, OutputError> {
        prepare(folder).map_err(|error| OutputError::new(folder, error))?;
        let (folder, parts) = (folder.to_owned(), Vec::new());
        let (current, n_bytes, is_complete) = (None, 0, false);
        let mut dataset =
            Dataset { folder, suffix, bounds, begin, current, parts, n_bytes, is_complete };
        // Even a walk without a row leaves a table that readers can open.
        dataset.current = Some((dataset.next_part()?, 0));
        Ok(dataset)
    }

    /// The table that is being written.
    pub(crate) fn current(&self) -> &T {
        &self.current.as_ref().expect("`begin` made the first part, and `append` the next").0
    }

    fn next_part(&self) -> Result<T, OutputError> {
        (self.begin)(OutputFile::create(&self.part_path(self.parts.len()))?)
    }

    fn part_path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("part-{number:05}.{}", self.suffix))
    }

    fn end_part(&mut self) -> Result<(), OutputError> {
        if let Some((table, _)) = self.current.take() {
            self.n_bytes += table.finish(None)?;
            self.parts.push(self.part_path(self.parts.len()));
        }
        Ok(())
    }
}

impl<T: Table> Table for Dataset<T> {
    type Content = T::Content;

    fn append(&mut self, piece: Piece<T::Content>) -> Result<(), OutputError> {
        let bounds = self.bounds;
        let is_full = |(table, n_rows): &(T, u64)| {
            *n_rows > 0
                && (n_rows + piece.n_rows > bounds.n_rows || table.n_bytes() >= bounds.n_bytes)
        };
        if self.current.as_ref().is_some_and(is_full) {
            self.end_part()?;
        }
        let (mut table, n_rows) = match self.current.take() {
            Some(current) => current,
            None => (self.next_part()?, 0),
        };
        let n_rows = n_rows + piece.n_rows;
        table.append(piece)?;
        self.current = Some((table, n_rows));
        Ok(())
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes + self.current.as_ref().map_or(0, |(table, _)| table.n_bytes())
    }

    fn finish(mut self, summary: Option<&Summary>) -> Result<u64, OutputError> {
        self.end_part()?;
        if let Some(summary) = summary {
            let mut file = OutputFile::create(&self.folder.join(SUMMARY_NAME))?;
            file.append((summary.to_json() + "\n").as_bytes())?;
            self.n_bytes += file.finish()?;
        }
        self.is_complete = true;
        Ok(self.n_bytes)
    }
}

impl<T> Drop for Dataset<T> {
    /// What was cut short leaves no parts. An error here would hide the one that led here.
    fn drop(&mut self) {
        if !self.is_complete {
            self.parts.iter().for_each(|part| drop(fs::remove_file(part)));
        }
    }
}

/// Makes the folder, or empties it of an older table. The summary goes first, so that a folder
/// half emptied doesn't seem complete.
fn prepare(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let is_ours =
        |name: &str| name == SUMMARY_NAME || name.trim_start_matches('.').starts_with("part-");
    let names: Vec<_> = entries.iter().map(|entry| entry.file_name().into_string()).collect();
    if !names.iter().all(|name| name.as_ref().is_ok_and(|name| is_ours(name))) {
        return Err(io::Error::other("holds files that are no part of a table"));
    }
    let summary = folder.join(SUMMARY_NAME);
    if summary.exists() {
        fs::remove_file(summary)?;
    }
    for entry in entries.iter().filter(|entry| entry.file_name() != SUMMARY_NAME) {
        // Part files of a living writer stay: `OutputFile` knows them by their lock.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
