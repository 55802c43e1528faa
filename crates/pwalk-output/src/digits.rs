//! Numbers as decimal text, eight digits at a time.
//!
//! Owns the digits and the short buffer that they are put into. Knows nothing of rows.
//!
//! A row of the CSV has a dozen numbers. Written one by one with `itoa` into a vector, each costs
//! a loop over its digits, a check of the capacity and a call of memcpy; here eight digits are
//! made in one register and stored at once, and what is behind the last is overwritten by what
//! follows.

/// Text that is put together here, and appended in one piece.
#[derive(Debug)]
pub(crate) struct ShortText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

/// The digit 0 in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Eight digits hold the numbers below this one.
const EIGHT: u64 = 100_000_000;

impl<const N: usize> Default for ShortText<N> {
    fn default() -> Self {
        ShortText { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> ShortText<N> {
    /// What was put into it.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Forgets everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends a number and the byte that ends it.
    #[inline]
    pub(crate) fn push_u64(&mut self, number: u64, end: u8) {
        match number {
            0..10 => self.push_byte(b'0' + number as u8),
            10..EIGHT => self.push_first(number),
            _ => self.push_long(number),
        }
        self.push_byte(end);
    }

    /// The same for a number that may be negative.
    #[inline]
    pub(crate) fn push_i64(&mut self, number: i64, end: u8) {
        if number < 0 {
            self.push_byte(b'-');
        }
        self.push_u64(number.unsigned_abs(), end);
    }

    /// Appends a few bytes.
    #[inline]
    pub(crate) fn push_bytes<const M: usize>(&mut self, bytes: &[u8; M]) {
        self.bytes[self.len..self.len + M].copy_from_slice(bytes);
        self.len += M;
    }

    /// Appends what another one holds. All of its memory is copied, so that the length is known
    /// when this is compiled: this one needs room for `M` bytes.
    #[inline]
    pub(crate) fn push_short<const M: usize>(&mut self, text: &ShortText<M>) {
        self.bytes[self.len..self.len + M].copy_from_slice(&text.bytes);
        self.len += text.len;
    }

    /// Appends it to `text`, in the same way.
    #[inline]
    pub(crate) fn append_to(&self, text: &mut Vec<u8>) {
        let len = text.len() + self.len;
        text.extend_from_slice(&self.bytes);
        text.truncate(len);
    }

    #[inline]
    fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// The first digits of a number: below `EIGHT`, without leading zeros.
    #[inline]
    fn push_first(&mut self, number: u64) {
        let digits = eight_digits(number);
        // The first digit is the lowest byte. Of a zero, the last digit stays.
        let n_zeros = (digits | (1 << 56)).trailing_zeros() / 8;
        self.put_eight((digits | ZEROS) >> (8 * n_zeros));
        self.len += 8 - n_zeros as usize;
    }

    #[inline]
    fn push_eight(&mut self, number: u64) {
        self.put_eight(eight_digits(number) | ZEROS);
        self.len += 8;
    }

    fn push_long(&mut self, number: u64) {
        let (first, last) = (number / EIGHT, number % EIGHT);
        match first {
            0..10 => self.push_byte(b'0' + first as u8),
            // A time of our days.
            10..100 => self.push_bytes(&[b'0' + (first / 10) as u8, b'0' + (first % 10) as u8]),
            100..EIGHT => self.push_first(first),
            _ => {
                self.push_first(first / EIGHT);
                self.push_eight(first % EIGHT);
            }
        }
        self.push_eight(last);
    }

    #[inline]
    fn put_eight(&mut self, digits: u64) {
        self.bytes[self.len..self.len + 8].copy_from_slice(&digits.to_le_bytes());
    }
}

/// The eight digits of a number below `EIGHT`, one a byte, the first one lowest.
///
/// Halves, then quarters, then digits, all of them at once in lanes of one register. Each factor
/// is the reciprocal of 100 or 10, rounded up, exact for what a lane holds.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x007f_0000_007f;
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: i64) {
        let mut text = ShortText::<64>::default();
        text.push_i64(number, b',');
        text.push_u64(number as u64, b'\n');
        let expected = format!("{number},{}\n", number as u64);
        assert_eq!(String::from_utf8_lossy(text.as_bytes()), expected);
    }

    #[test]
    fn every_number_of_four_digits_is_right_in_each_half() {
        for number in 0..10_000u64 {
            let digits = format!("{number:04}");
            let (first, last) = (eight_digits(number * 10_000), eight_digits(number));
            assert_eq!((first | ZEROS).to_le_bytes(), *format!("{digits}0000").as_bytes());
            assert_eq!((last | ZEROS).to_le_bytes(), *format!("0000{digits}").as_bytes());
        }
    }

    #[test]
    fn numbers_of_all_lengths_and_signs_are_right() {
        for exponent in 0..19 {
            let power = 10i64.pow(exponent);
            for number in [power - 1, power, power + 1, 9 * power, power * 7 / 3] {
                check(number);
                check(-number);
            }
        }
        [i64::MIN, i64::MIN + 1, i64::MAX].into_iter().for_each(check);
    }

    #[test]
    fn short_texts_are_put_together_and_appended() {
        let (mut text, mut part) = (ShortText::<32>::default(), ShortText::<8>::default());
        part.push_bytes(b"xy");
        text.push_short(&part);
        text.push_short(&part);
        let mut all = b"<".to_vec();
        text.append_to(&mut all);
        all.push(b'>');
        text.clear();
        assert_eq!((&all[..], text.as_bytes()), (&b"<xyxy>"[..], &b""[..]));
    }
}
