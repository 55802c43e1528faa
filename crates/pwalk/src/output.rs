//! Where a table goes and what it is like: shared by all jobs that write one.

use crate::error::Error;
use pwalk_output::{
    Columns, Compression, Destination, Format, Names, OutputFile, OutputFolder, PartBounds,
    argument, is_folder, name_file,
};
use std::path::{Path, PathBuf};

/// Where a table goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A file, which appears when it is complete. A path that ends in a slash becomes a folder of
    /// parts, which also appears when it is complete.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// What the user wants of a table.
#[derive(Clone, Debug)]
pub struct OutputConfig {
    /// Where it goes.
    pub output: Output,
    /// Its format, see [`name_file`]; `None`: by the output's suffix, CSV for standard output.
    pub format: Option<Format>,
    /// Its compression, see [`Format::packed`]; `None`: as the format says. It can make the name
    /// of a file longer, see [`name_file`].
    pub compress: Option<String>,
    /// Its columns, see [`Columns::parse`]; `None`: the 17 and what columnar formats add.
    pub columns: Option<String>,
    /// The limits of a part.
    pub parts: PartBounds,
    /// How a CSV writes names that are not valid UTF-8 or contain control characters.
    pub names: Names,
}

/// The default output of a table: `scan.csv.zst` in the working directory, or
/// what a format and a compression make of that. A compression that the format can't have is
/// refused later.
pub fn default_output(format: Option<Format>, compress: &str) -> String {
    let format = format.unwrap_or(Format::Csv(Compression::Zstd));
    format!("scan.{}", format.packed(compress).unwrap_or(format).suffix())
}

impl OutputConfig {
    /// As the output's name says, with the default columns.
    pub fn new(output: Output) -> OutputConfig {
        OutputConfig {
            output,
            format: None,
            compress: None,
            columns: None,
            parts: PartBounds::default(),
            names: Names::default(),
        }
    }

    /// The same with the name that the format asks for, and the format.
    pub(crate) fn resolve(&self) -> Result<(OutputConfig, Format), Error> {
        let compress = self.compress.as_deref().unwrap_or("auto");
        let format = match (&self.output, self.format) {
            (Output::File(path), format) if !is_folder(path) => {
                let (path, format) = name_file(path, format, compress)?;
                return Ok((OutputConfig { output: Output::File(path), ..self.clone() }, format));
            }
            (Output::Stdout, format) => format.unwrap_or(Format::Csv(Compression::None)),
            (Output::File(_), Some(format)) => format,
            (Output::File(path), None) => {
                let reason = "the name of a folder of parts doesn't tell their format; choose one";
                return Err(Error::bad(argument::OUTPUT, path.to_string_lossy(), reason));
            }
        };
        Ok((self.clone(), format.packed(compress)?))
    }

    pub(crate) fn resolve_columns(&self, format: Format) -> Result<Columns, Error> {
        match &self.columns {
            None if format.is_columnar() => Ok(Columns::columnar()),
            None => Ok(Columns::pwalk()),
            Some(list) if format.is_columnar() => Ok(Columns::parse(list)?),
            Some(list) => {
                let reason = "a CSV always has the same 17; other formats take a choice";
                Err(Error::bad(argument::COLUMNS, list, reason))
            }
        }
    }

    /// The folder that is filled, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.output {
            Output::File(path) if is_folder(path) => Some(path),
            _ => None,
        }
    }

    /// Begins the file or folder.
    pub(crate) fn open(&self) -> Result<Destination, Error> {
        Ok(match (&self.output, self.folder()) {
            (_, Some(folder)) => Destination::Folder(OutputFolder::create(folder)?, self.parts),
            (Output::File(path), None) => Destination::File(OutputFile::create(path)?),
            (Output::Stdout, None) => Destination::File(OutputFile::stdout()?),
        })
    }
}
