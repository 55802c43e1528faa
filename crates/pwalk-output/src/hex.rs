//! Bytes as hexadecimal digits, for texts that must not hold them.

/// Two digits for each byte.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that digits stand for; `None` if they are none, or one is left over.
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    let byte = |start| u8::from_str_radix(&digits[start..start + 2], 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}
