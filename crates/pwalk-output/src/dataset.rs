//! A table as a folder of parts: `part-00000.parquet` and so on, and `_summary.json`.
//!
//! For billions of rows: each part is bounded, and a reader takes them one by one. The folder
//! appears when it is complete (`crates/pwalk-output/src/folder.rs`).

use crate::file::{OutputError, OutputFile};
use crate::folder::OutputFolder;
use crate::format::Format;
use crate::table::{Ending, Piece, Table};

/// The file that says that a folder is complete.
pub const SUMMARY_NAME: &str = "_summary.json";

/// How large a part may become. None has more rows than the limit. In bytes, a part ends
/// with the piece that reaches the limit, and can exceed it by that piece.
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
    folder: OutputFolder,
    suffix: &'static str,
    bounds: PartBounds,
    /// Begins the table of a part.
    begin: Box<dyn Fn(OutputFile) -> Result<T, OutputError> + Send>,
    /// The part being written, and its rows.
    current: Option<(T, u64)>,
    /// Parts that are complete.
    n_parts: usize,
    n_bytes: u64,
}

impl<T: Table> Dataset<T> {
    /// Begins its first part: even a walk without a row leaves a table that readers can open.
    pub(crate) fn begin(
        folder: OutputFolder,
        suffix: &'static str,
        bounds: PartBounds,
        begin: Box<dyn Fn(OutputFile) -> Result<T, OutputError> + Send>,
    ) -> Result<Dataset<T>, OutputError> {
        let (current, n_parts, n_bytes) = (None, 0, 0);
        let mut dataset = Dataset { folder, suffix, bounds, begin, current, n_parts, n_bytes };
        dataset.current = Some((dataset.next_part()?, 0));
        Ok(dataset)
    }

    /// The table that is being written.
    pub(crate) fn current(&self) -> &T {
        &self.current.as_ref().expect("`begin` made the first part, and `append` the next").0
    }

    fn next_part(&self) -> Result<T, OutputError> {
        let name = format!("part-{:05}.{}", self.n_parts, self.suffix);
        (self.begin)(self.folder.create_file(&name)?)
    }

    fn end_part(&mut self) -> Result<(), OutputError> {
        if let Some((table, _)) = self.current.take() {
            // Whoever comes after a failure, before it is known, must not meet a part that is there.
            self.n_parts += 1;
            self.n_bytes += table.finish(None)?;
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
        let done = table.append(piece);
        self.current = Some((table, n_rows));
        done
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes + self.current.as_ref().map_or(0, |(table, _)| table.n_bytes())
    }

    fn finish(mut self, ending: Option<&Ending>) -> Result<u64, OutputError> {
        self.end_part()?;
        if let Some(ending) = ending {
            let mut file = self.folder.create_file(SUMMARY_NAME)?;
            file.append(format!("{}\n", ending.json).as_bytes())?;
            self.n_bytes += file.finish()?;
        }
        self.folder.finish()?;
        Ok(self.n_bytes)
    }
}

/// The number of the part that has this name.
pub(crate) fn part_number(name: &str) -> Option<u64> {
    let (number, suffix) = name.strip_prefix("part-")?.split_once('.')?;
    let is_number = number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_format = Format::names().any(|known| known == suffix);
    (is_number && is_format).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_names() {
        let cases = [
            ("part-00000.parquet", Some(0)),
            ("part-00012.csv.zst", Some(12)),
            ("part-123456.arrow", Some(123_456)),
            ("part-0012.csv", None),
            ("part-00012.txt", None),
            ("part-00012", None),
            ("part-+0012.csv", None),
            (".part-00012.csv", None),
            ("part-99999999999999999999.csv", None),
        ];
        for (name, number) in cases {
            assert_eq!(part_number(name), number, "{name}");
        }
    }
}
