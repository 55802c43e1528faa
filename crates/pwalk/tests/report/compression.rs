//! Compressed reports unpack to the plain one.
//!
//! Owns that a file of several pieces is one stream to those who unpack it; which readers do is
//! the Python tests' matter.

use crate::harness::{config, lines, naive, report, rows_of};
use pwalk_testkit::compare::assert_same_rows;
use pwalk_testkit::{Tree, fixture};
use std::io::Read;

fn unpack_zst(file: &[u8]) -> Vec<u8> {
    zstd::decode_all(file).unwrap()
}

fn unpack_gz(file: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
    text
}

/// Frames, or members: those that begin where the one before has ended.
fn n_pieces(file: &[u8], magic: &[u8]) -> usize {
    file.windows(magic.len()).filter(|bytes| bytes == &magic).count()
}

type Unpack = fn(&[u8]) -> Vec<u8>;

/// The suffix, what a piece begins with, and the way back.
const FORMATS: [(&str, &[u8], Unpack); 2] =
    [("csv.zst", b"\x28\xb5\x2f\xfd", unpack_zst), ("csv.gz", b"\x1f\x8b\x08", unpack_gz)];

#[test]
fn t9_compressed_reports_unpack_to_the_plain_one() {
    // Three times `deep` takes several pieces of rows, `empty` hardly one.
    let cases: [&[&str]; 4] =
        [&["empty"], &["basic"], &["not_utf8", "names"], &["deep", "deep", "deep"]];
    for names in cases {
        let trees: Vec<Tree> = names.iter().map(|name| fixture(name).build().unwrap()).collect();
        let roots = || trees.iter().map(Tree::path);
        let plain = report(config(roots(), 8));
        let rows: Vec<_> = roots().flat_map(|root| naive(root).rows).collect();
        assert_same_rows(&plain.rows(), &lines(&rows));
        for (format, magic, unpack) in FORMATS {
            for n_workers in [1, 64] {
                let mut config = config(roots(), n_workers);
                config.table.format = Some(format.parse().unwrap());
                let packed = report(config);
                assert!(packed.file.starts_with(magic), "{format} of {names:?}");
                assert_same_rows(&rows_of(&unpack(&packed.file)), &plain.rows());
                assert_eq!(packed.summary.entries, plain.summary.entries);
                let is_large = plain.file.len() > 4 << 20;
                assert_eq!(is_large, names.len() == 3);
                assert!(!is_large || n_pieces(&packed.file, magic) > 3, "{format}");
                assert!(!is_large || packed.file.len() < plain.file.len() / 10);
            }
        }
    }
}
