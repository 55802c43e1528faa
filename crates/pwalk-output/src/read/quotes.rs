//! Whether the quotes of a CSV are those of RFC 4180.
//!
//! The parser takes what stands behind a closing quote for a part of the field: `"a"b"` and `"ab"`
//! are the same to it, so that a name would be changed and nobody told. Owns the rule for quotes,
//! and knows neither rows nor columns.
//!
//! It looks at quotes alone, a few for each row, and at what stands beside them.

use memchr::memchr;

/// Follows a text from its beginning, in pieces.
pub(super) struct Quotes {
    place: Place,
    /// The byte before the next piece.
    before: u8,
}

enum Place {
    Outside,
    Inside,
    /// Behind a quote that ends the field, unless another one follows.
    Behind,
}

impl Quotes {
    pub(super) fn new() -> Quotes {
        Quotes { place: Place::Outside, before: b'\n' }
    }

    /// False if a quote in a quoted field is not doubled.
    pub(super) fn hold_in(&mut self, mut text: &[u8]) -> bool {
        while let Some(&first) = text.first() {
            let n_bytes = match self.place {
                Place::Outside => self.open(text),
                Place::Inside => match memchr(b'"', text) {
                    Some(index) => {
                        self.place = Place::Behind;
                        index + 1
                    }
                    None => text.len(),
                },
                Place::Behind => {
                    self.place = match first {
                        b'"' => Place::Inside,
                        b',' | b'\n' | b'\r' => Place::Outside,
                        _ => return false,
                    };
                    1
                }
            };
            self.before = text[n_bytes - 1];
            text = &text[n_bytes..];
        }
        true
    }

    /// Goes on behind the next quote, which opens a field only where one begins.
    fn open(&mut self, text: &[u8]) -> usize {
        let Some(index) = memchr(b'"', text) else { return text.len() };
        let before = index.checked_sub(1).map_or(self.before, |index| text[index]);
        if matches!(before, b',' | b'\n' | b'\r') {
            self.place = Place::Inside;
        }
        index + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_is_not_doubled_is_found_however_the_text_is_cut() {
        let good = ["", "1,2\n", "\"a\"\n", "\"a\"\"b\",\"\"\r\n\"c\"", "a\"b,c\n", "\"\"\"\"\n"];
        let bad = ["\"a\"b\"\n", "1,\"a\"b,2\n", "\"a\" ,2\n", "1\n\"\"\"\"x\n"];
        for (text, expected) in
            good.map(|text| (text, true)).into_iter().chain(bad.map(|t| (t, false)))
        {
            for n in 1..=text.len().max(1) {
                let mut quotes = Quotes::new();
                let is_good = text.as_bytes().chunks(n).all(|piece| quotes.hold_in(piece));
                assert_eq!(is_good, expected, "{text:?} in pieces of {n}");
            }
        }
    }
}
