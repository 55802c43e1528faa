//! Golden files: what an output must be, byte for byte, beside this file in `golden/`.
//!
//! Owns the comparing and the rewriting: with `PWALK_BLESS=1` in the environment a test writes
//! what it got instead, and a person looks at the difference before it is kept.
//!
//! Tests of several crates take this file in as a module, so that the folder and the variable
//! have one home.

use std::fs;
use std::path::Path;

/// Panics unless `got` is what stands in the golden file `name`.
#[track_caller]
pub(crate) fn assert_golden(name: &str, got: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    if std::env::var_os("PWALK_BLESS").is_some() {
        fs::write(&path, got).expect("a golden file can be written");
    }
    let expected = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    if got != expected {
        let line = got.split(|&b| b == b'\n').zip(expected.split(|&b| b == b'\n'));
        let n_same = line.take_while(|(got, expected)| got == expected).count();
        let nth = |text: &[u8]| {
            let line = text.split(|&b| b == b'\n').nth(n_same);
            line.map_or("no line".to_owned(), |line| line.escape_ascii().to_string())
        };
        panic!(
            "{name} differs in line {}\n  got:      {}\n  expected: {}\n\
             PWALK_BLESS=1 writes what it got",
            n_same + 1,
            nth(got),
            nth(&expected)
        );
    }
}
