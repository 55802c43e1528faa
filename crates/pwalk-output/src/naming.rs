//! The rule that the name of a file says what is in it: the one place that decides it.
//!
//! * The suffix selects the format. A format that is given must be that of the suffix.
//! * A compression that is given changes a name without one: `scan.csv` compressed with zstd is
//!   `scan.csv.zst`. A name that says another compression is refused.
//! * Parquet and Arrow files are compressed inside, and their names don't say how.
//! * A name with no known suffix is taken as it is, as long as it doesn't end in `.zst` or `.gz`
//!   without being compressed so.
//!
//! Programs that read tables go by the suffix: DuckDB doesn't open a zstd file called `scan.csv`.

use crate::argument::{COMPRESS, FORMAT};
use crate::compress::Compression;
use crate::format::Format;
use pwalk_engine::ArgumentError;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The name that a file gets, and its format, given what a user has said of both: the format by
/// its name, and the compression by one of the words of [`Format::packed`].
///
/// # Errors
///
/// If the name says neither format nor compression, or others than those that were given.
pub fn name_file(
    path: &Path,
    format: Option<Format>,
    compress: &str,
) -> Result<(PathBuf, Format), ArgumentError> {
    let told = Format::of_path(path);
    let format = format.map_or_else(|| told.clone(), Ok)?;
    let packed = format.packed(compress)?;
    let refuse = |name: PathBuf| {
        let is_other = told.as_ref().is_ok_and(|told| !is_same_text(*told, format));
        let (argument, value) = match compress {
            "auto" => (FORMAT, packed.suffix()),
            _ if is_other => (FORMAT, format.suffix()),
            _ => (COMPRESS, compress),
        };
        let reason = format!("the name must end in .{}: {}", packed.suffix(), name.display());
        Err(ArgumentError::new(argument, value, reason))
    };
    match told {
        Ok(told) if told.suffix() == packed.suffix() => Ok((path.to_owned(), packed)),
        Ok(told) if compress != "auto" && may_grow(told, packed) => {
            Ok((with_suffix(path, told, packed), packed))
        }
        Ok(told) => refuse(with_suffix(path, told, packed)),
        Err(_) if claims_another(path, packed) => refuse(path.with_extension(packed.suffix())),
        Err(_) => Ok((path.to_owned(), packed)),
    }
}

/// True if a name says nothing of a compression, so that one can become part of it.
fn may_grow(told: Format, packed: Format) -> bool {
    compression(told) == Some(Compression::None) && is_same_text(told, packed)
}

/// A name that ends in the suffix of one format, with that of another.
fn with_suffix(path: &Path, told: Format, packed: Format) -> PathBuf {
    let name = path.as_os_str().as_bytes();
    let stem = name.strip_suffix(told.suffix().as_bytes()).unwrap_or(name);
    OsString::from_vec([stem, packed.suffix().as_bytes()].concat()).into()
}

/// How the text of a format is compressed; `None` for formats that are not text.
fn compression(format: Format) -> Option<Compression> {
    match format {
        Format::Csv(compression) | Format::Ndjson(compression) => Some(compression),
        Format::Parquet | Format::Arrow(_) => None,
    }
}

/// True for the same kind of text, however compressed.
fn is_same_text(one: Format, other: Format) -> bool {
    matches!(
        (one, other),
        (Format::Csv(_), Format::Csv(_)) | (Format::Ndjson(_), Format::Ndjson(_))
    )
}

/// True if a name whose suffix is not that of a table ends as a compressed file of another kind.
fn claims_another(path: &Path, format: Format) -> bool {
    let claimed = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("zst") => Compression::Zstd,
        Some("gz") => Compression::Gzip,
        _ => return false,
    };
    compression(format) != Some(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, format: &str, compress: &str) -> Result<(String, String), String> {
        let format = (!format.is_empty()).then(|| format.parse().expect("a known format"));
        let named = name_file(Path::new(path), format, compress);
        let (path, format) = named.map_err(|error| error.to_string())?;
        Ok((path.display().to_string(), format!("{format:?}")))
    }

    #[test]
    fn a_compression_becomes_part_of_a_name_that_says_none() {
        let cases = [
            ("a.csv", "", "auto", "a.csv", "Csv(None)"),
            ("a.csv", "", "zstd", "a.csv.zst", "Csv(Zstd)"),
            ("a.csv", "csv", "gzip", "a.csv.gz", "Csv(Gzip)"),
            ("a.csv.zst", "csv", "zstd", "a.csv.zst", "Csv(Zstd)"),
            ("a.b.ndjson", "", "zstd", "a.b.ndjson.zst", "Ndjson(Zstd)"),
            ("a.parquet", "", "zstd", "a.parquet", "Parquet"),
            ("a.arrow", "", "lz4", "a.arrow", "Arrow(Lz4)"),
            ("a.arrow", "arrow", "zstd", "a.arrow", "Arrow(Zstd)"),
            ("table", "csv.zst", "auto", "table", "Csv(Zstd)"),
            ("a.txt", "csv", "zstd", "a.txt", "Csv(Zstd)"),
            ("a.zst", "csv.zst", "auto", "a.zst", "Csv(Zstd)"),
            ("a.gz", "csv", "gzip", "a.gz", "Csv(Gzip)"),
        ];
        for (path, format, compress, expected, packed) in cases {
            let named = name(path, format, compress);
            assert_eq!(named, Ok((expected.to_owned(), packed.to_owned())), "{path} {compress}");
        }
    }

    #[test]
    fn a_name_that_says_something_else_is_refused_with_the_right_one() {
        let cases = [
            ("a.csv.zst", "", "none", "compression 'none': the name must end in .csv: a.csv"),
            ("a.csv.zst", "", "gzip", "compression 'gzip': the name must end in .csv.gz: a.csv.gz"),
            ("a.csv.zst", "csv", "none", "compression 'none': the name must end in .csv: a.csv"),
            (
                "a.csv",
                "parquet",
                "auto",
                "format 'parquet': the name must end in .parquet: a.parquet",
            ),
            (
                "a.csv",
                "parquet",
                "zstd",
                "format 'parquet': the name must end in .parquet: a.parquet",
            ),
            ("a.csv.zst", "csv", "auto", "format 'csv': the name must end in .csv: a.csv"),
            ("a.csv", "csv.gz", "auto", "format 'csv.gz': the name must end in .csv.gz: a.csv.gz"),
            ("a.zst", "csv", "auto", "format 'csv': the name must end in .csv: a.csv"),
            (
                "a.gz",
                "parquet",
                "auto",
                "format 'parquet': the name must end in .parquet: a.parquet",
            ),
            (
                "a.ndjson",
                "",
                "gzip",
                "compression 'gzip': an NDJSON file can be compressed with zstd",
            ),
            (
                "a.parquet",
                "",
                "none",
                "compression 'none': a Parquet file is always compressed with zstd, inside",
            ),
        ];
        for (path, format, compress, expected) in cases {
            assert_eq!(name(path, format, compress), Err(expected.to_owned()), "{path}");
        }
    }
}
