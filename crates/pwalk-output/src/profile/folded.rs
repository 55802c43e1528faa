//! A name in one pass over its bytes, sixteen at a time: a hash of it in lower case, and whether it
//! is plain.
//!
//! Owns what lower case means here: that of Unicode for names that are UTF-8, letters of ASCII in
//! others. Bytes are taken in eights, and the last ones overlap those before: names of different
//! lengths never have the same hash, since it is made of their length, too.

use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;
const BLANKS: u64 = b' ' as u64 * ONES;

/// What a name is compared by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded {
    /// The hash, which is not 0.
    pub(crate) key: u64,
    /// It is all of characters of ASCII that can be seen, and blanks.
    pub(crate) is_plain: bool,
}

/// Looks at a name that is in the directory with this hash.
#[inline]
pub(crate) fn fold(state: &RandomState, dir: u64, name: &[u8]) -> Folded {
    let folded = fold_ascii(state, dir, name);
    if folded.is_plain || name.is_ascii() {
        return folded;
    }
    let lower = lower_case(name);
    Folded { is_plain: false, ..fold_ascii(state, dir, &lower) }
}

#[inline]
fn fold_ascii(state: &RandomState, dir: u64, name: &[u8]) -> Folded {
    let (mut hasher, mut odd) = (state.build_hasher(), 0);
    hasher.write_u64(dir);
    hasher.write_usize(name.len());
    each_sixteen(name, |[one, other]| {
        odd |= odd_bytes(one) | odd_bytes(other);
        hasher.write_u128(u128::from(fold_eight(other)) << 64 | u128::from(fold_eight(one)));
    });
    Folded { key: hasher.finish().max(1), is_plain: odd & HIGH == 0 }
}

/// All bytes as pairs of eights; less than eight are filled up with blanks.
#[inline]
fn each_sixteen(name: &[u8], mut each: impl FnMut([u64; 2])) {
    let Some((before, last)) = name.split_last_chunk() else { return each(few(name)) };
    let halves = |sixteen: &[u8; 16]| {
        let all = u128::from_le_bytes(*sixteen);
        [all as u64, (all >> 64) as u64]
    };
    // As many as begin before the last sixteen bytes.
    let sixteens = name.as_chunks().0.iter().take(before.len().div_ceil(16));
    sixteens.for_each(|sixteen| each(halves(sixteen)));
    each(halves(last));
}

/// Less than sixteen bytes.
#[inline]
fn few(name: &[u8]) -> [u64; 2] {
    match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
        _ => [name.iter().fold(BLANKS, |few, byte| few << 8 | u64::from(*byte)), BLANKS],
    }
}

/// The high bit of some byte is set if one of the eight is not plain.
#[inline]
fn odd_bytes(eight: u64) -> u64 {
    // 127 gets it by the addition, what is below 32 by the subtraction. A carry or borrow into the
    // next byte comes only from an odd one.
    eight | eight.wrapping_add(ONES) | eight.wrapping_sub(BLANKS)
}

/// Letters of ASCII in lower case. Bytes beyond ASCII stay as they are.
#[inline]
fn fold_eight(bytes: u64) -> u64 {
    let low = bytes & !HIGH;
    // The high bit of each byte that is not below `byte`: no sum of two of them is above 255.
    let from = |byte: u8| low + u64::from(0x80 - byte) * ONES;
    let is_upper = from(b'A') & !from(b'Z' + 1) & !bytes & HIGH;
    bytes | is_upper >> 2
}

/// A name in lower case; one that is not UTF-8 as it is.
#[cold]
fn lower_case(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase().into_bytes().into(),
        Err(_) => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_folded_as_each_of_them_is() {
        for byte in 0..=255_u8 {
            for around in [0, b'@', b'A', b'Z', b'[', b'z', 0x7f, 0x80, 0xff] {
                let mut bytes = [around; 8];
                bytes[3] = byte;
                let folded = fold_eight(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(folded, bytes.map(|byte| byte.to_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn every_byte_of_a_name_of_any_length_counts() {
        let state = RandomState::default();
        for len in 1..70 {
            let name = vec![b'x'; len];
            let known = fold(&state, 1, &name);
            assert!(known.is_plain);
            assert_ne!(fold(&state, 2, &name).key, known.key);
            assert_ne!(fold(&state, 1, &name[1..]).key, known.key);
            for place in 0..len {
                for (byte, is_equal, is_plain) in [
                    (b'X', true, true),
                    (b'y', false, true),
                    (b' ', false, true),
                    (b'~', false, true),
                    (31, false, false),
                    (127, false, false),
                    (0, false, false),
                    (0xff, false, false),
                ] {
                    let mut other = name.clone();
                    other[place] = byte;
                    let other = fold(&state, 1, &other);
                    assert_eq!((other.key == known.key, other.is_plain), (is_equal, is_plain));
                }
            }
        }
    }
}
