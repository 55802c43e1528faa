//! Compression of text, piece by piece: each piece can be read alone, and pieces can be put one
//! after the other in any order.
//!
//! Pieces (zstd frames, gzip members) instead of one stream, so that every encoder compresses
//! on its own. DuckDB, Polars, pandas, PyArrow, zstd and gzip read such files in full.

use flate2::write::GzEncoder;
use std::io::{self, Write};
use zstd::zstd_safe::CParameter;

/// How the bytes of a text format are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// zstd frames.
    Zstd,
    /// gzip members.
    Gzip,
}

impl Compression {
    /// Bytes of text that make up a piece. Large enough that a frame's own dictionary pays
    /// (zstd level 1 has a window of 512 KiB), small enough that an encoder stays small.
    pub fn piece_len(self) -> usize {
        match self {
            Compression::None => 128 << 10,
            Compression::Zstd | Compression::Gzip => 1 << 20,
        }
    }
}

/// The level of both: the fastest that isn't a special mode. The negative ones of zstd save a
/// few per cent of time and write half as much again.
const LEVEL: i32 = 1;

/// The size of zstd's table of positions, as a power of two. Level 1 would take 14; the rows of
/// a table repeat what stood a few rows above, and a table that stays in the first-level cache
/// is a sixth faster, with a file 2% smaller (made corpus) to 1% larger (`/usr`).
const ZSTD_HASH_LOG: u32 = 12;

/// Packs pieces; each encoder has its own.
pub(crate) enum Compressor {
    None,
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    Gzip,
}

impl Compressor {
    pub(crate) fn new(compression: Compression) -> io::Result<Compressor> {
        Ok(match compression {
            Compression::None => Compressor::None,
            Compression::Zstd => {
                let mut context = Box::new(zstd::bulk::Compressor::new(LEVEL)?);
                context.set_parameter(CParameter::HashLog(ZSTD_HASH_LOG))?;
                Compressor::Zstd(context)
            }
            Compression::Gzip => Compressor::Gzip,
        })
    }

    /// The packed form of a piece of text, which is empty then.
    pub(crate) fn pack(&mut self, text: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        let packed = match self {
            // The next piece will be about as long.
            Compressor::None => {
                let next = Vec::with_capacity(text.capacity());
                return Ok(std::mem::replace(text, next));
            }
            Compressor::Zstd(context) => context.compress(text)?,
            Compressor::Gzip => {
                let level = flate2::Compression::new(LEVEL as u32);
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(text)?;
                encoder.finish()?
            }
        };
        text.clear();
        Ok(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn pieces_one_after_the_other_read_as_one_text() {
        let pieces: [&[u8]; 3] = [b"header\n", &[b'x'; 100_000], b"end\n"];
        let pack = |compression| -> Vec<u8> {
            let mut compressor = Compressor::new(compression).unwrap();
            pieces.iter().flat_map(|piece| compressor.pack(&mut piece.to_vec()).unwrap()).collect()
        };
        let expected = pieces.concat();
        assert_eq!(pack(Compression::None), expected);
        assert_eq!(zstd::decode_all(&pack(Compression::Zstd)[..]).unwrap(), expected);
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&pack(Compression::Gzip)[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, expected);
    }
}
