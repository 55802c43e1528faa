//! How values of arguments are read, with words for those that can't be.

/// A whole number from `min` to `max`, which `T` can hold.
pub(crate) fn number<T: TryFrom<u64>>(
    min: u64,
    max: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.and_then(|number| number.try_into().ok()).ok_or_else(|| match max {
            u64::MAX => format!("must be a whole number, at least {min}"),
            _ => format!("must be a whole number from {min} to {max}"),
        })
    }
}

/// Units are powers of 1024, by their first letter.
const UNITS: &[u8] = b"KMGT";

/// A number of bytes: `1000`, `64K`, `1G`, `1GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| {
        "must be a whole number of bytes, at least 1, with a unit of K, M, G or T if need be"
            .to_owned()
    })
}

fn parse_bytes(text: &str) -> Option<u64> {
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(n_digits);
    let number: u64 = digits.parse().ok()?;
    let unit = unit.to_ascii_uppercase();
    let letter = unit.strip_suffix("IB").or(unit.strip_suffix('I')).unwrap_or(&unit);
    let power = match letter.as_bytes() {
        [] if unit.is_empty() => 0,
        [letter] => UNITS.iter().position(|known| known == letter)? as u32 + 1,
        _ => return None,
    };
    number.checked_mul(1024_u64.pow(power)).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_a_unit() {
        let (k, g) = (1 << 10, 1 << 30);
        let good =
            [("1", 1), ("64K", 64 * k), ("64k", 64 * k), ("1Ki", k), ("1G", g), ("2GiB", 2 * g)];
        for (text, expected) in good.into_iter().chain([("1M", 1 << 20), ("3t", 3 << 40)]) {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for bad in ["", "0", "0G", "G", "-1", "1.5G", "1KB", "1B", "1 G", "1i", "1GG", "99999999T"]
        {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        assert_eq!(number::<u8>(0, 9)("9"), Ok(9));
        assert_eq!(number::<u8>(0, 9)("10"), Err("must be a whole number from 0 to 9".to_owned()));
        let all = number::<u64>(1, u64::MAX);
        assert_eq!(all("0"), Err("must be a whole number, at least 1".to_owned()));
    }
}
