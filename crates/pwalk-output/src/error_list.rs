//! The list of errors: one JSON object a line (NDJSON).
//!
//! Keys: `operation`, `path`, `path_hex` (the exact bytes; only where the path is not UTF-8, so
//! that `path` holds U+FFFD), `depth`, `errno`, `error` (its name), `message`.

use crate::file::{OutputError, OutputFile};
use crate::hex::to_hex;
use pwalk_engine::EntryError;
use serde::Serialize;

/// Writes errors to a file.
#[derive(Debug)]
pub struct ErrorList {
    file: OutputFile,
    text: Vec<u8>,
}

#[derive(Serialize)]
struct Line<'a> {
    operation: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    depth: i32,
    errno: i32,
    error: String,
    message: String,
}

impl ErrorList {
    /// A list in `file`.
    pub fn new(file: OutputFile) -> ErrorList {
        ErrorList { file, text: Vec::new() }
    }

    /// Adds errors.
    pub fn append(&mut self, errors: &[EntryError]) -> Result<(), OutputError> {
        self.text.clear();
        for error in errors {
            let line = error_line(error).map_err(|error| self.file.error(error.into()))?;
            self.text.extend_from_slice(line.as_bytes());
            self.text.push(b'\n');
        }
        self.file.append(&self.text)
    }

    /// The file that it is written to.
    pub fn file(&self) -> &OutputFile {
        &self.file
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<u64, OutputError> {
        self.file.finish()
    }
}

fn error_line(error: &EntryError) -> serde_json::Result<String> {
    let path = String::from_utf8_lossy(&error.path);
    let is_changed = matches!(path, std::borrow::Cow::Owned(_));
    serde_json::to_string(&Line {
        operation: error.operation.name(),
        path: &path,
        path_hex: is_changed.then(|| to_hex(&error.path)),
        depth: error.depth,
        errno: error.errno.raw(),
        error: error.errno.name(),
        message: error.errno.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_engine::{Errno, Operation};

    #[test]
    fn an_error_keeps_the_exact_bytes_of_its_path() {
        let error = |path: &[u8]| EntryError {
            operation: Operation::Open,
            path: path.to_vec(),
            depth: 3,
            errno: Errno::ACCESS,
        };
        let rest = r#""depth":3,"errno":13,"error":"EACCES","message":"Permission denied"}"#;
        assert_eq!(
            error_line(&error(b"/a\"b\n")).unwrap(),
            format!(r#"{{"operation":"open","path":"/a\"b\n",{rest}"#)
        );
        assert_eq!(
            error_line(&error(b"/\xff")).unwrap(),
            format!("{{\"operation\":\"open\",\"path\":\"/\u{fffd}\",\"path_hex\":\"2fff\",{rest}")
        );
    }
}
