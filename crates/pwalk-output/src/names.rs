//! How names that are not valid UTF-8 get into a file of text.

use pwalk_engine::Row;
use std::borrow::Cow;

/// How a CSV writes bytes in names that a reader might refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Valid UTF-8 always: each invalid sequence becomes U+FFFD. Control characters stay.
    #[default]
    Utf8,
    /// The bytes as they are.
    Raw,
    /// As the C pwalk writes them: the bytes as they are, without those below 32.
    Pwalk,
}

impl Names {
    /// Appends `name` to a quoted CSV field: quotes are doubled, the rest is up to the policy.
    /// False if the text is not the name any more.
    #[inline]
    pub(crate) fn append_quoted(self, name: &[u8], text: &mut Vec<u8>) -> bool {
        if is_all_plain(name) {
            text.extend_from_slice(name);
            return true;
        }
        self.append_special(name, text)
    }

    #[cold]
    fn append_special(self, name: &[u8], text: &mut Vec<u8>) -> bool {
        let written: Cow<'_, [u8]> = match self {
            Names::Utf8 => match String::from_utf8_lossy(name) {
                Cow::Borrowed(same) => Cow::Borrowed(same.as_bytes()),
                Cow::Owned(changed) => Cow::Owned(changed.into_bytes()),
            },
            Names::Raw => Cow::Borrowed(name),
            Names::Pwalk => name.iter().copied().filter(|&byte| byte >= 32).collect(),
        };
        for &byte in written.iter() {
            if byte == b'"' {
                text.push(b'"');
            }
            text.push(byte);
        }
        *written == *name
    }
}

/// True for bytes that every policy writes as they are.
pub(crate) fn is_plain(byte: u8) -> bool {
    (32..127).contains(&byte) && byte != b'"'
}

/// True if all bytes are plain. Eight at a time: a byte at a time is a tenth of the time of a row.
#[inline]
pub(crate) fn is_all_plain(name: &[u8]) -> bool {
    let (eights, rest) = name.as_chunks::<8>();
    let odd = |eight: &[u8; 8]| odd_bytes(u64::from_le_bytes(*eight));
    match name.last_chunk() {
        // The last eight overlap those before.
        Some(last) => eights.iter().fold(odd(last), |all, eight| all | odd(eight)) == 0,
        None => rest.iter().all(|&byte| is_plain(byte)),
    }
}

/// Not 0 if one of eight bytes is not plain.
#[inline]
fn odd_bytes(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // A byte below n borrows from its high bit when n is subtracted. A borrow that goes on to the
    // next byte can only be seen where there is an odd byte anyway.
    let is_below = |bytes: u64, n: u64| bytes.wrapping_sub(n * ONES) & !bytes;
    let is = |byte: u64| is_below(eight ^ (byte * ONES), 1);
    (eight | is_below(eight, 32) | is(b'"'.into()) | is(0x7f)) & HIGH
}

/// True if the path of a row is UTF-8.
pub(crate) fn is_text(row: &Row<'_>) -> bool {
    let (dir, name) = row.path_parts();
    std::str::from_utf8(name).is_ok() && std::str::from_utf8(dir).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_plain_if_each_of_them_is() {
        for byte in 0..=255 {
            for place in 0..11 {
                for around in [b' ', b'!', b'#', b'a', b'~', 0, 0x80] {
                    let mut name = [around; 11];
                    name[place] = byte;
                    let expected = name.iter().all(|&byte| is_plain(byte));
                    assert_eq!(is_all_plain(&name), expected, "{name:?}");
                }
            }
        }
    }

    #[test]
    fn policies_differ_only_on_special_bytes() {
        // (name, utf8, raw, pwalk)
        let cases: [[&[u8]; 4]; 6] = [
            [b"plain", b"plain", b"plain", b"plain"],
            [b"a\"b", b"a\"\"b", b"a\"\"b", b"a\"\"b"],
            [b"a\nb", b"a\nb", b"a\nb", b"ab"],
            ["\u{e9}".as_bytes(), b"\xc3\xa9", b"\xc3\xa9", b"\xc3\xa9"],
            [b"a\xffb", b"a\xef\xbf\xbdb", b"a\xffb", b"a\xffb"],
            [b"\x7f\x1f", b"\x7f\x1f", b"\x7f\x1f", b"\x7f"],
        ];
        for [name, utf8, raw, pwalk] in cases {
            for (policy, expected) in
                [(Names::Utf8, utf8), (Names::Raw, raw), (Names::Pwalk, pwalk)]
            {
                let mut text = Vec::new();
                let is_same = policy.append_quoted(name, &mut text);
                assert_eq!(text, expected, "{policy:?} {name:?}");
                let unquoted = String::from_utf8_lossy(name).replace('"', "\"\"").into_bytes();
                assert_eq!(
                    is_same,
                    text == [name].concat() || (name.contains(&b'"') && text == unquoted)
                );
            }
        }
    }
}
