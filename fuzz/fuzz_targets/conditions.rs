//! Conditions as users type them: understood, or refused with a place in their text, but no panic; and
//! what is understood says of a row the opposite of what its negation says.
//!
//! An input is a condition and, after a NUL, the name of an entry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pwalk_engine::{Batch, Condition, Contents, Errno, Fields, Kind, Lookup, Stat};

/// No directory service is asked.
fn id(name: &str) -> Result<Option<u32>, Errno> {
    Ok((name.len() < 5).then_some(1000))
}

fn batch(name: &[u8]) -> Batch {
    let mut batch = Batch::new(Fields::all());
    let dir = batch.push_dir(b"/r/", 1, 0, -1);
    let number = name.iter().fold(0_i64, |sum, byte| sum.wrapping_mul(257) + i64::from(*byte));
    let stat = Stat { size: number, mtime: number, mode: 0o100_644, ..Stat::default() };
    let (kind, contents) = match name {
        b"" => (Kind::Dir, Contents::Counted { n_entries: 0, size_sum: 0 }),
        _ => (Kind::File, Contents::None),
    };
    batch.push(dir, name, kind, &stat, contents);
    batch
}

fuzz_target!(|input: &[u8]| {
    let nul = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let name: Vec<u8> =
        input[nul..].iter().copied().filter(|byte| !matches!(byte, 0 | b'/')).collect();
    let Ok(text) = std::str::from_utf8(&input[..nul]) else { return };
    let parse =
        |text: &str| Condition::with(text, &Lookup { now: 1_700_000_000, user: id, group: id });
    let condition = match parse(text) {
        Ok(condition) => condition,
        Err(error) => {
            assert!(!error.reason().is_empty());
            if let Some(place) = error.place() {
                assert!(place.start <= place.end && place.end <= text.chars().count());
            }
            return;
        }
    };
    assert_eq!(condition.text(), text);
    // Parentheses may have been as deep as they can be, and the text as long.
    if let Ok(opposite) = parse(&format!("not ({text})")) {
        let batch = batch(&name);
        assert_ne!(condition.keeps(&batch.row(0)), opposite.keeps(&batch.row(0)), "{text}");
    }
});
