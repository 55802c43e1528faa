//! The list of entries that a repair leaves as they are: one JSON object a line.

use super::why::Left;
use crate::error::Error;
use pwalk_engine::{FileId, lock};
use pwalk_output::{OutputError, OutputFile, to_hex};
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A list being written, by any number of threads.
pub struct LeftList {
    state: Mutex<(OutputFile, Option<OutputError>)>,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    reason: &'static str,
    errno: Option<i32>,
    error: Option<String>,
    message: String,
}

impl LeftList {
    /// Begins a list.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn create(path: &Path) -> Result<LeftList, Error> {
        Ok(LeftList { state: Mutex::new((OutputFile::create(path)?, None)) })
    }

    /// Its inode: it is no part of what is repaired.
    pub fn id(&self) -> Option<FileId> {
        lock(&self.state).0.id()
    }

    /// Adds an entry. That it can't be written is said by `finish`.
    pub fn add(&self, left: &Left) {
        let path = String::from_utf8_lossy(&left.path);
        let line = Line {
            path_hex: matches!(path, Cow::Owned(_)).then(|| to_hex(&left.path)),
            path,
            reason: left.why.word(),
            errno: left.why.errno().map(pwalk_engine::Errno::raw),
            error: left.why.errno().map(pwalk_engine::Errno::name),
            message: left.why.to_string(),
        };
        let mut text = serde_json::to_vec(&line).expect("its keys are strings");
        text.push(b'\n');
        let mut state = lock(&self.state);
        let (file, failure) = &mut *state;
        if failure.is_none() {
            *failure = file.append(&text).err();
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// If it could not be written to its end.
    pub fn finish(self) -> Result<(), Error> {
        let (file, failure) = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(failure) => Err(failure.into()),
            None => Ok(file.finish().map(drop)?),
        }
    }
}
