//! The extensions that one worker has met, found by their bytes as a number.
//!
//! Owns the way from a name to the number of its extension. Most are short, and there are few of
//! them: a table of 256 numbers stands before the map and its hash.

use super::local::Local;
use super::sums::Sums;
use pwalk_engine::extension;

/// Bytes of an extension that fit into a number beside their length.
const SHORT_MAX: usize = 7;
/// Places in the table, as a power of two.
const PLACES_LOG2: u32 = 8;

/// Extensions with numbers from 0 on, and sums by number.
#[derive(Debug)]
pub(crate) struct Extensions {
    all: Local<Vec<u8>>,
    /// Short extensions with their numbers, at places that follow from their bytes.
    recent: Box<[Option<(u64, u32)>]>,
}

impl Default for Extensions {
    fn default() -> Self {
        Extensions { all: Local::default(), recent: vec![None; 1 << PLACES_LOG2].into() }
    }
}

impl Extensions {
    /// The number of the extension of a name, which it keeps until `take`.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> u32 {
        let Some(short) = short(name) else { return self.all.number(extension(name)) };
        let place = short.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES_LOG2);
        match &mut self.recent[place as usize] {
            Some((known, number)) if *known == short => *number,
            other => {
                let number = self.all.number(extension(name));
                *other = Some((short, number));
                number
            }
        }
    }

    #[inline]
    pub(crate) fn sums(&mut self, number: u32) -> &mut Sums {
        self.all.sums(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Hands out all with their sums, and forgets them.
    pub(crate) fn take(&mut self, mut each: impl FnMut(Vec<u8>, &Sums)) {
        self.all.take(|extension, _, sums| each(extension, sums));
        self.recent.fill(None);
    }
}

/// The extension of a name as a number, if it has a short one.
#[inline]
fn short(name: &[u8]) -> Option<u64> {
    let (mut bytes, rest) = (0, name.get(1..)?);
    for (len, byte) in rest.iter().rev().take(SHORT_MAX + 1).enumerate() {
        if *byte == b'.' {
            return Some(bytes | (len as u64) << 56);
        }
        bytes = bytes << 8 | u64::from(*byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_extension_has_its_own_sums_however_often_it_is_looked_up() {
        let names: [&[u8]; 12] = [
            b"a.txt",
            b"txt",
            b".txt",
            b"a.",
            b"a.\0",
            b"a.b.c",
            b"a.1234567",
            b"a.12345678",
            b"a.2345678",
            b"",
            b"x\xff.\xff",
            b"\xff.fastq.gz",
        ];
        let mut extensions = Extensions::default();
        for n in 0..3000 {
            let many = format!("x.{:x}", n % 1000);
            for name in names.into_iter().chain([many.as_bytes()]) {
                let number = extensions.number(name);
                extensions.sums(number).add(&Sums::of(1, 0));
                if n % 700 == 0 {
                    assert_eq!(extensions.number(name), number);
                }
            }
        }
        let mut found = BTreeMap::new();
        extensions.take(|extension, sums| assert!(found.insert(extension, sums.entries).is_none()));
        assert_eq!(extensions.len(), 0);
        let mut expected = BTreeMap::new();
        for name in names {
            *expected.entry(extension(name).to_vec()).or_insert(0) += 3000;
        }
        for n in 0..1000 {
            *expected.entry(format!("{n:x}").into_bytes()).or_insert(0) += 3;
        }
        assert_eq!(found, expected);
    }
}
