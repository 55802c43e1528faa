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
    let (told, format) = match (Format::of_path(path), format) {
        (told, Some(format)) => (told.ok(), format),
        (told, None) => (Some(told.clone()?), told?),
    };
    let packed = format.packed(compress)?;
    let mismatch = |name: PathBuf| match compress {
        "auto" => lie(FORMAT, packed.suffix(), packed, &name),
        _ if told.is_some_and(|told| !is_same_text(told, format)) => {
            lie(FORMAT, format.suffix(), packed, &name)
        }
        _ => lie(COMPRESS, compress, packed, &name),
    };
    match told {
        Some(told) if told.suffix() == packed.suffix() => Ok((path.to_owned(), packed)),
        Some(told) => {
            let plain = path.to_string_lossy();
            let stem = plain.strip_suffix(told.suffix()).unwrap_or(&plain);
            let name = PathBuf::from(format!("{stem}{}", packed.suffix()));
            let may_grow = compress != "auto" && compression(told) == Some(Compression::None);
            if may_grow && is_same_text(told, packed) {
                let mut name = path.as_os_str().to_owned();
                name.push(&packed.suffix()[told.suffix().len()..]);
                return Ok((name.into(), packed));
            }
            Err(mismatch(name))
        }
        None if claims_another(path, packed) => Err(mismatch(path.with_extension(packed.suffix()))),
        None => Ok((path.to_owned(), packed)),
    }
}

fn lie(
    argument: pwalk_engine::Argument,
    value: &str,
    packed: Format,
    name: &Path,
) -> ArgumentError {
    let reason = format!("the name must end in .{}: {}", packed.suffix(), name.display());
    ArgumentError::new(argument, value, reason)
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
