//! The formats of a table, and how a file's name tells them.

use crate::argument::{COMPRESS, FORMAT, OUTPUT};
use crate::compress::Compression;
use pwalk_engine::ArgumentError;
use std::path::Path;
use std::str::FromStr;

/// How the buffers of an Arrow file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowCompression {
    /// As they are: the file can be mapped into memory.
    None,
    /// LZ4 frames.
    Lz4,
    /// zstd.
    Zstd,
}

/// A format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The pwalk CSV.
    Csv(Compression),
    /// Apache Parquet, zstd inside.
    Parquet,
    /// Arrow IPC file, also known as Feather version 2.
    Arrow(ArrowCompression),
    /// One JSON object per line.
    Ndjson(Compression),
}

/// How a table can be compressed: the words that [`Format::packed`] takes.
pub const COMPRESSIONS: [&str; 5] = ["auto", "zstd", "gzip", "none", "lz4"];

/// Every format, by the suffix that names it.
const SUFFIXES: [(&str, Format); 7] = [
    ("csv", Format::Csv(Compression::None)),
    ("csv.zst", Format::Csv(Compression::Zstd)),
    ("csv.gz", Format::Csv(Compression::Gzip)),
    ("parquet", Format::Parquet),
    ("arrow", Format::Arrow(ArrowCompression::None)),
    ("ndjson", Format::Ndjson(Compression::None)),
    ("ndjson.zst", Format::Ndjson(Compression::Zstd)),
];

impl Format {
    /// The names that `FromStr` takes: suffixes without their first dot.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SUFFIXES.iter().map(|(suffix, _)| *suffix)
    }

    /// The format that a file's name asks for.
    ///
    /// # Errors
    ///
    /// If its suffix is unknown.
    pub fn of_path(path: &Path) -> Result<Format, ArgumentError> {
        let name = path.as_os_str().to_string_lossy();
        let has_suffix =
            |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
        let found = SUFFIXES.iter().find(|(suffix, _)| has_suffix(suffix));
        found.map(|(_, format)| *format).ok_or_else(|| {
            let known: Vec<_> = Format::names().map(|name| format!(".{name}")).collect();
            let reason = format!("unknown suffix; the known ones are {}", known.join(", "));
            ArgumentError::new(OUTPUT, name, reason)
        })
    }

    /// The suffix that names it, without its first dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Format::Arrow(_) => "arrow",
            // Nothing packs NDJSON so.
            Format::Ndjson(Compression::Gzip) => "ndjson.gz",
            _ => SUFFIXES.iter().find(|(_, format)| *format == self).map_or("", |(s, _)| s),
        }
    }

    /// The same format packed another way: `auto`, `none`, `zstd`, `gzip` or `lz4`.
    ///
    /// # Errors
    ///
    /// If the format can't be packed that way.
    pub fn packed(self, compression: &str) -> Result<Format, ArgumentError> {
        let text = |compression| match compression {
            "none" => Some(Compression::None),
            "zstd" => Some(Compression::Zstd),
            "gzip" => Some(Compression::Gzip),
            _ => None,
        };
        let packed = match (self, compression) {
            (same, "auto") => Some(same),
            (Format::Csv(_), _) => text(compression).map(Format::Csv),
            (Format::Ndjson(_), "gzip") => None,
            (Format::Ndjson(_), _) => text(compression).map(Format::Ndjson),
            (Format::Parquet, "zstd") => Some(Format::Parquet),
            (Format::Arrow(_), "none") => Some(Format::Arrow(ArrowCompression::None)),
            (Format::Arrow(_), "lz4") => Some(Format::Arrow(ArrowCompression::Lz4)),
            (Format::Arrow(_), "zstd") => Some(Format::Arrow(ArrowCompression::Zstd)),
            _ => None,
        };
        packed.ok_or_else(|| {
            let reason = match self {
                Format::Csv(_) => "a CSV can be compressed with zstd or gzip",
                Format::Ndjson(_) => "an NDJSON file can be compressed with zstd",
                Format::Parquet => "a Parquet file is always compressed with zstd, inside",
                Format::Arrow(_) => "an Arrow file can be compressed with lz4 or zstd, inside",
            };
            ArgumentError::new(COMPRESS, compression, reason)
        })
    }

    /// True if rows in it have the columns of `COLUMNS`; a CSV always has the same 17.
    pub fn is_columnar(self) -> bool {
        !matches!(self, Format::Csv(_))
    }
}

impl FromStr for Format {
    type Err = ArgumentError;

    fn from_str(name: &str) -> Result<Format, ArgumentError> {
        let found = SUFFIXES.iter().find(|(suffix, _)| *suffix == name);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let known: Vec<_> = Format::names().collect();
            let reason = format!("no such format; the known ones are {}", known.join(", "));
            ArgumentError::new(FORMAT, name, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_tells_the_format() {
        let of = |path: &str| Format::of_path(Path::new(path));
        assert_eq!(of("a/b.csv"), Ok(Format::Csv(Compression::None)));
        assert_eq!(of("b.x.csv.zst"), Ok(Format::Csv(Compression::Zstd)));
        assert_eq!(of("b.parquet"), Ok(Format::Parquet));
        for bad in ["a.xls", "csv", "a.zst", "a.csv.xz", ""] {
            assert!(of(bad).unwrap_err().to_string().contains("known ones are .csv,"), "{bad}");
        }
        for (suffix, format) in SUFFIXES {
            assert_eq!(format.suffix(), suffix);
            assert_eq!(suffix.parse(), Ok(format));
        }
    }

    #[test]
    fn some_format_has_each_compression_and_none_has_another() {
        let has = |word: &str| SUFFIXES.iter().any(|(_, format)| format.packed(word).is_ok());
        assert!(COMPRESSIONS.iter().all(|word| has(word)));
        assert!(["", "zst", "gz", "brotli"].iter().all(|word| !has(word)));
    }

    #[test]
    fn each_format_says_which_packings_it_has() {
        let csv = Format::Csv(Compression::None);
        assert_eq!(csv.packed("zstd"), Ok(Format::Csv(Compression::Zstd)));
        assert_eq!(csv.packed("auto"), Ok(csv));
        let error = Format::Parquet.packed("gzip").unwrap_err();
        let expected = "compression 'gzip': a Parquet file is always compressed with zstd, inside";
        assert_eq!(error.to_string(), expected);
    }
}
