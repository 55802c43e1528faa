//! The journal: what was changed, as NDJSON, so that it can be taken back.
//!
//! A line says what is about to be changed, before any of it is: after a kill at any moment, all that
//! can have been changed is in the journal. Another line follows once that is done. Format:
//! `docs/formats/repair.md`.

use super::plan::{self, Change, Rights, octal};
use crate::error::Error;
use pwalk_engine::{FileId, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// The longest line: a batch of changes whose paths are as long as they can be.
const LINE_LEN_MAX: u64 = 256 << 20;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line<'a> {
    /// The first: what this is.
    Journal { version: u32, pwalk: String, started: i64, of: String },
    /// These are about to be made. Batches are numbered.
    Changes { batch: u64, changes: Vec<Entry<'a>> },
    /// These were made, all but those with these places in the batch.
    Made { batch: u64, except: Vec<u32> },
    /// The last: nothing was interrupted.
    End { changed: u64 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    path: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    path_hex: Option<String>,
    kind: std::borrow::Cow<'a, str>,
    dev: u64,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    btime: Option<(i64, u32)>,
    uid: u32,
    old_mode: String,
    new_mode: String,
    old_gid: u32,
    new_gid: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    old_acl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    new_acl: Option<String>,
}

/// A journal being written.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    n_bytes: u64,
    n_batches: u64,
    /// Entries that were changed, wholly or in part, or may have been.
    n_touched: u64,
    n_changed: u64,
}

impl Journal {
    /// Begins a journal. A file that is there already is not touched.
    pub(crate) fn create(path: &Path, of: &Path, started: i64) -> Result<Journal, Error> {
        let mut options = OpenOptions::new();
        // Old permissions tell much of a folder.
        let file = options.append(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| Error::file(path, &error))?;
        let path = path.to_owned();
        let mut journal =
            Journal { path, file, n_bytes: 0, n_batches: 0, n_touched: 0, n_changed: 0 };
        journal.append(&Line::Journal {
            version: VERSION,
            pwalk: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            of: of.to_string_lossy().into_owned(),
        })?;
        Ok(journal)
    }

    /// True if there is nothing to take back.
    pub(crate) fn is_empty(&self) -> bool {
        self.n_touched == 0
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its inode: it is no part of what is repaired.
    pub(crate) fn id(&self) -> Option<FileId> {
        use std::os::unix::fs::MetadataExt;
        let metadata = self.file.metadata().ok()?;
        Some(FileId { dev: metadata.dev(), ino: metadata.ino() })
    }

    /// Says what is about to be made. The number is for `made`.
    pub(crate) fn announce(&mut self, changes: &[Change]) -> Result<u64, Error> {
        let batch = self.n_batches + 1;
        let entries = changes.iter().map(Entry::of).collect();
        self.append(&Line::Changes { batch, changes: entries })?;
        self.n_batches = batch;
        self.n_touched += changes.len() as u64;
        Ok(batch)
    }

    /// Says that they were made, but for some.
    pub(crate) fn made(
        &mut self,
        batch: u64,
        n_changed: u64,
        except: Vec<u32>,
    ) -> Result<(), Error> {
        self.n_changed += n_changed;
        self.n_touched -= except.len() as u64;
        self.append(&Line::Made { batch, except })
    }

    /// Sees to it that all of it is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| Error::file(&self.path, &error))
    }

    /// Ends it, and sees to it that it is on the disk.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.append(&Line::End { changed: self.n_changed })?;
        self.sync()
    }

    fn append(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let mut text = serde_json::to_vec(line).map_err(|e| Error::file(&self.path, &e.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| {
            // A full disk takes a part of a line, behind which nothing could be read.
            let _ = self.file.set_len(self.n_bytes);
            Error::file(&self.path, &error)
        })?;
        self.n_bytes += text.len() as u64;
        Ok(())
    }
}

/// One with nothing to take back is of no use, and would stand in the way of the next of its name.
impl Drop for Journal {
    fn drop(&mut self) {
        if self.is_empty() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A journal, being read: the changes that were made, or may have been.
pub(crate) struct JournalReader {
    path: PathBuf,
    input: BufReader<File>,
    n_lines: u64,
    /// Batches that were announced, and of which the end was not read yet.
    open: BTreeMap<u64, Vec<Change>>,
    /// Changes to deliver.
    ready: VecDeque<Change>,
    /// The path that was repaired.
    of: String,
    has_ended: bool,
}

impl JournalReader {
    pub(crate) fn open(path: &Path) -> Result<JournalReader, Error> {
        let file = File::open(path).map_err(|error| Error::file(path, &error))?;
        let mut journal = JournalReader {
            path: path.to_owned(),
            input: BufReader::with_capacity(1 << 20, file),
            n_lines: 0,
            open: BTreeMap::new(),
            ready: VecDeque::new(),
            of: String::new(),
            has_ended: false,
        };
        let text = journal.read_line()?;
        match text.as_deref().map(serde_json::from_slice::<Line<'_>>) {
            Some(Ok(Line::Journal { version: VERSION, of, .. })) => journal.of = of,
            Some(Ok(Line::Journal { version, .. })) => {
                let what = format!("is a journal of version {version}; this pwalk reads {VERSION}");
                return Err(Error::unreadable(path, what));
            }
            _ => return Err(Error::unreadable(path, "is not the journal of a repair".to_owned())),
        }
        Ok(journal)
    }

    /// What was repaired.
    pub(crate) fn of(&self) -> &str {
        &self.of
    }

    /// The next change that was made, or may have been; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Change>, Error> {
        while self.ready.is_empty() {
            if self.has_ended {
                // A kill came between a batch and its end.
                let Some((_, changes)) = self.open.pop_first() else { return Ok(None) };
                self.ready.extend(changes);
                continue;
            }
            match self.read_line()? {
                None => self.has_ended = true,
                Some(text) => self.take(&text)?,
            }
        }
        Ok(self.ready.pop_front())
    }

    fn take(&mut self, text: &[u8]) -> Result<(), Error> {
        let line = serde_json::from_slice(text).map_err(|error| self.error(&error.to_string()))?;
        match line {
            Line::Journal { .. } => Err(self.error("has a second beginning")),
            Line::End { .. } => Ok(()),
            Line::Changes { batch, changes } => {
                let changes = changes.into_iter().map(Change::try_from);
                let changes = changes.collect::<Result<Vec<_>, _>>().map_err(|e| self.error(&e))?;
                match self.open.insert(batch, changes) {
                    None => Ok(()),
                    Some(_) => Err(self.error("has a batch twice")),
                }
            }
            Line::Made { batch, except } => {
                let Some(changes) = self.open.remove(&batch) else {
                    return Err(self.error("has the end of a batch without its beginning"));
                };
                let is_made = |place: &usize| !except.contains(&(*place as u32));
                let made = changes.into_iter().enumerate().filter(|(place, _)| is_made(place));
                self.ready.extend(made.map(|(_, change)| change));
                Ok(())
            }
        }
    }

    /// The next line. One that is cut off, as a kill can leave it, is the end: nothing of it was begun.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut text = Vec::new();
        let mut limited = (&mut self.input).take(LINE_LEN_MAX);
        let n_read = limited.read_until(b'\n', &mut text);
        n_read.map_err(|error| Error::file(&self.path, &error))?;
        self.n_lines += 1;
        if text.len() as u64 == LINE_LEN_MAX {
            return Err(self.error("is too long"));
        }
        Ok(text.ends_with(b"\n").then_some(text))
    }

    fn error(&self, what: &str) -> Error {
        Error::unreadable(&self.path, format!("line {}: {what}", self.n_lines))
    }
}

impl Entry<'_> {
    fn of(change: &Change) -> Entry<'_> {
        let path = String::from_utf8_lossy(&change.path);
        let is_exact = matches!(path, std::borrow::Cow::Borrowed(_));
        Entry {
            path_hex: (!is_exact).then(|| pwalk_output::to_hex(&change.path)),
            path,
            kind: change.kind.name().into(),
            dev: change.id.dev,
            inode: change.id.ino,
            btime: change.btime,
            uid: change.uid,
            old_mode: octal(change.old.mode),
            new_mode: octal(change.new.mode),
            old_gid: change.old.gid,
            new_gid: change.new.gid,
            old_acl: change.old.acl.as_deref().map(pwalk_output::to_hex),
            new_acl: change.new.acl.as_deref().map(pwalk_output::to_hex),
        }
    }
}

impl TryFrom<Entry<'_>> for Change {
    type Error = String;

    fn try_from(entry: Entry<'_>) -> Result<Change, String> {
        let mode = |digits: &str| {
            let mode = u32::from_str_radix(digits, 8).ok();
            let mode = mode.filter(|mode| *mode <= pwalk_sys::MODE_BITS);
            mode.ok_or_else(|| format!("has an invalid mode: {digits}"))
        };
        let bytes = |digits: Option<String>| {
            digits.map(|digits| pwalk_output::from_hex(&digits).ok_or("has invalid hex digits"))
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == entry.kind);
        let path = bytes(entry.path_hex).transpose()?;
        let change = Change {
            path: path.unwrap_or_else(|| entry.path.into_owned().into_bytes()),
            id: FileId { dev: entry.dev, ino: entry.inode },
            ctime: None,
            btime: entry.btime,
            kind: kind.ok_or("has an unknown kind")?,
            uid: entry.uid,
            old: Rights {
                mode: mode(&entry.old_mode)?,
                gid: entry.old_gid,
                acl: bytes(entry.old_acl).transpose()?,
            },
            new: Rights {
                mode: mode(&entry.new_mode)?,
                gid: entry.new_gid,
                acl: bytes(entry.new_acl).transpose()?,
            },
            reason: "undo".to_owned(),
        };
        // That of an undo has them backwards.
        plan::check(&change)
            .or_else(|why| plan::check(&change.clone().reversed()).map_err(|_| why))?;
        Ok(change)
    }
}
