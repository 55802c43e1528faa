//! Text of a profile in a page: how much of it, and how JSON has it within HTML.

use serde_json::{Value, json};
use std::fmt::Write;

/// Characters of a text that is not cut. Paths are longer at times, names never.
pub(crate) const LEN_MAX: usize = 400;
/// Characters at the beginning and at the end of a text that was cut.
const HEAD_LEN: usize = 260;
const TAIL_LEN: usize = 120;

/// A text as a cell: itself, or the two ends of it and how many characters are between them.
pub(crate) fn shown(text: &str) -> Value {
    // Texts are short but for a few: bytes are counted first.
    if text.len() <= LEN_MAX || text.chars().count() <= LEN_MAX {
        return text.into();
    }
    let head: String = text.chars().take(HEAD_LEN).collect();
    let tail_start = text.char_indices().rev().nth(TAIL_LEN - 1).map_or(0, |(start, _)| start);
    let n_cut = text[head.len()..tail_start].chars().count();
    json!({"head": head, "cut": n_cut, "tail": &text[tail_start..]})
}

/// JSON that can stand in HTML, within any element and in any attribute but for its quotes.
pub(crate) fn encode(value: &Value) -> String {
    let plain = value.to_string();
    if !plain.contains(is_escaped) {
        return plain;
    }
    let mut text = String::with_capacity(plain.len() + plain.len() / 8);
    for c in plain.chars() {
        match is_escaped(c) {
            // All of them have 16 bits.
            true => write!(text, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
            false => text.push(c),
        }
    }
    text
}

/// What ends or begins markup, what ends lines in scripts, and what people who look at the source
/// don't see or see elsewhere: controls, marks of direction. JSON has them in strings only.
pub(crate) fn is_escaped(c: char) -> bool {
    matches!(c, '<' | '>' | '&' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_as_it_was() {
        let names = [
            "plain",
            "<script>alert(1)</script>.csv",
            "\"onerror=",
            "]]>",
            "--!>",
            "&amp;",
            "\u{2028}\u{2029}\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}\u{85}\u{0}\r\n",
            "\u{fffd}\u{1f600}e\u{301}",
        ];
        for name in names {
            let text = encode(&json!(name));
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), name);
            assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{202e}', '\r']), "{text}");
        }
        assert_eq!(encode(&json!("</a")), "\"\\u003c/a\"");
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        assert_eq!(shown(&"é".repeat(LEN_MAX)), "é".repeat(LEN_MAX));
        let long = format!("{}x{}", "é".repeat(50_000), "é".repeat(50_000));
        let cut = shown(&long);
        assert_eq!(cut["head"], "é".repeat(HEAD_LEN));
        assert_eq!(cut["tail"], "é".repeat(TAIL_LEN));
        assert_eq!(cut["cut"], 100_001 - HEAD_LEN - TAIL_LEN);
    }
}
