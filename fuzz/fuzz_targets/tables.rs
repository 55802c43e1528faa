//! The reader of saved tables takes any bytes as any format, and answers with rows or an error.
//!
//! The first byte says the format. The fuzzer begins with whole files, in `fuzz/seeds/tables`:
//! `tests/golden/rules.csv`, converted to each format, behind that byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pwalk_engine::{Batch, Fields};
use pwalk_output::{ArrowCompression, Compression, Format, TableReader};
use std::io::Write;

const FORMATS: [Format; 8] = [
    Format::Csv(Compression::None),
    Format::Csv(Compression::Zstd),
    Format::Csv(Compression::Gzip),
    Format::Ndjson(Compression::None),
    Format::Ndjson(Compression::Zstd),
    Format::Parquet,
    Format::Arrow(ArrowCompression::None),
    Format::Arrow(ArrowCompression::Zstd),
];

fuzz_target!(
    // A panic inside a library is turned into an error by the reader; libFuzzer's own hook would
    // end the process before that. One that gets out of the reader still ends it.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let Some((&first, content)) = data.split_first() else { return };
        let format = FORMATS[usize::from(first) % FORMATS.len()];
        let mut file = tempfile::NamedTempFile::new().expect("there is a folder for them");
        file.write_all(content).expect("there is room");
        let Ok(mut table) = TableReader::open(file.path(), Some(format)) else { return };
        let mut batch = Batch::new(Fields::all());
        while let Ok(true) = table.next(&mut batch) {
            assert!(batch.len() > 0);
        }
    }
);
