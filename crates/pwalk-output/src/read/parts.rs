//! The parts of a folder: all of them, and nothing else.
//!
//! Numbers without a gap show that no part in the middle is missing, and the rows of all parts
//! together are compared with those that the summary counts. A list of the parts in the summary
//! would find no more, but for parts of another scan with the same number of rows.

use super::{ReadError, plain_reason};
use crate::dataset::{SUMMARY_NAME, part_number};
use crate::summary::Summary;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The parts of a folder, being read.
pub(super) struct Parts {
    folder: PathBuf,
    /// Those still to be read.
    paths: VecDeque<PathBuf>,
    /// The content of `_summary.json`.
    pub(super) summary: String,
    /// Rows of all kinds that it counts.
    n_expected: u64,
    /// Rows that were read. Added up by the reader.
    pub(super) n_rows: u64,
}

impl Parts {
    pub(super) fn open(folder: &Path) -> Result<Parts, ReadError> {
        let error = |reason: String| ReadError { path: folder.to_owned(), reason };
        let paths = list(folder).map_err(|e| error(plain_reason(&e)))?;
        if paths.is_empty() {
            return Err(error(
                "is not a folder of parts: it contains no part-NNNNN file".to_owned(),
            ));
        }
        let summary = match fs::read_to_string(folder.join(SUMMARY_NAME)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(error(format!("has no {SUMMARY_NAME}: it is not complete")));
            }
            summary => {
                summary.map_err(|e| error(format!("{SUMMARY_NAME}: {}", plain_reason(&e))))?
            }
        };
        let known = Summary::from_json(&summary)
            .map_err(|e| error(format!("{SUMMARY_NAME} is damaged: {e}")))?;
        for (index, (number, path)) in paths.iter().enumerate() {
            let name = path.file_name().unwrap_or_default().display();
            match number.cmp(&(index as u64)) {
                std::cmp::Ordering::Less => return Err(error(format!("has {name} twice"))),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => {
                    return Err(error(format!("part {index:05} is missing")));
                }
            }
        }
        Ok(Parts {
            folder: folder.to_owned(),
            paths: paths.into_iter().map(|(_, path)| path).collect(),
            summary,
            n_expected: known.n_entries(),
            n_rows: 0,
        })
    }

    /// The next one to be read.
    pub(super) fn next(&mut self) -> Option<PathBuf> {
        self.paths.pop_front()
    }

    /// After the last one: do they add up?
    pub(super) fn check(&self) -> Result<(), ReadError> {
        let Parts { n_rows, n_expected, .. } = self;
        if n_rows == n_expected {
            return Ok(());
        }
        let reason = format!("its parts have {n_rows} rows, but {SUMMARY_NAME} says {n_expected}");
        Err(ReadError { path: self.folder.clone(), reason })
    }
}

/// Parts and their numbers, in order.
fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(part_number) {
            parts.push((number, entry.path()));
        }
    }
    parts.sort();
    Ok(parts)
}
