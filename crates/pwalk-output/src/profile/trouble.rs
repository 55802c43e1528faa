//! What is wrong with a name, judging by the name alone.

use super::Trouble;

/// Bytes that the name of a file can have on Linux's own filesystems.
const NAME_MAX: usize = 255;
/// Bytes that a path must stay below to be given to a system call.
const PATH_MAX: usize = 4096;

/// True if there can't be any trouble with a name of plain characters, of which this is one.
#[inline]
pub(crate) fn is_harmless(plain: &[u8], path_len: usize) -> bool {
    let is_blank = |byte: Option<&u8>| byte == Some(&b' ');
    let is_short = path_len < PATH_MAX && plain.len() <= NAME_MAX;
    is_short && !is_blank(plain.first()) && !is_blank(plain.last())
}

/// Calls `found` for each trouble of a name, with the length of its path; not for
/// `Trouble::Case`.
#[cold]
pub(crate) fn troubles(name: &[u8], path_len: usize, mut found: impl FnMut(Trouble)) {
    [
        (Trouble::Long, name.len() > NAME_MAX),
        (Trouble::PathMax, path_len >= PATH_MAX),
        (Trouble::NotUtf8, std::str::from_utf8(name).is_err()),
        (Trouble::Control, has_control(name)),
        (Trouble::Blanks, has_blank_end(name)),
    ]
    .into_iter()
    .filter(|(_, is_so)| *is_so)
    .for_each(|(trouble, _)| found(trouble));
}

fn has_control(name: &[u8]) -> bool {
    match std::str::from_utf8(name) {
        Ok(text) => text.chars().any(char::is_control),
        Err(_) => name.iter().any(u8::is_ascii_control),
    }
}

fn has_blank_end(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_found_in_its_names() {
        let long = "x".repeat(256);
        let cases: [(&[u8], usize, &[Trouble]); 15] = [
            (b"plain.txt", 9, &[]),
            (b"a \"quoted\" name", 15, &[]),
            ("\u{e9}t\u{e9}".as_bytes(), 5, &[]),
            (b"caf\xe9", 4, &[Trouble::NotUtf8]),
            (b"a\nb", 3, &[Trouble::Control]),
            (b"a\x7f", 2, &[Trouble::Control]),
            ("a\u{85}b".as_bytes(), 4, &[Trouble::Control]),
            (b"\x01\xff", 2, &[Trouble::NotUtf8, Trouble::Control]),
            (b" a", 2, &[Trouble::Blanks]),
            (b"a ", 2, &[Trouble::Blanks]),
            (b"a\t", 2, &[Trouble::Control, Trouble::Blanks]),
            ("a\u{a0}".as_bytes(), 3, &[Trouble::Blanks]),
            (b"a", 4095, &[]),
            (b"a", 4096, &[Trouble::PathMax]),
            (long.as_bytes(), 256, &[Trouble::Long]),
        ];
        for (name, path_len, expected) in cases {
            let mut all = Vec::new();
            troubles(name, path_len, |trouble| all.push(trouble));
            assert_eq!(all, expected, "{}", name.escape_ascii());
            let is_plain = name.iter().all(|byte| (32..127).contains(byte));
            assert!(!is_plain || is_harmless(name, path_len) == expected.is_empty());
        }
    }
}
