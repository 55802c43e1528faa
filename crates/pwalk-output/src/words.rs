//! Numbers as people read them. Knows nothing of what they count.

/// `1,202,000`
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.00 KiB`
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = n.checked_ilog2().unwrap_or(0) as usize / 10;
    match power.checked_sub(1) {
        None => format!("{n} B"),
        Some(unit) => format!("{:.2} {}", n as f64 / (1_u64 << (10 * power)) as f64, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (n, expected) in cases {
            assert_eq!(count(n), expected);
        }
    }

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (12 << 10, "12.00 KiB")];
        for (n, expected) in cases.into_iter().chain([(u64::MAX, "16.00 EiB")]) {
            assert_eq!(bytes(n), expected);
        }
    }
}
