//! Byte counts as people write them: GB is 10^9 bytes, GiB is 2^30 bytes.

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// A number without a unit, or a unit nobody knows.
    #[error("`{0}` is not a size: write a number and a unit, such as 1.8GB (10^9 bytes) or 2GiB (2^30 bytes)")]
    Malformed(String),
    /// More bytes than 2^63.
    #[error("`{0}` is larger than any image can be")]
    TooLarge(String),
}

const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads `1.8GB`, `20 MB`, `2GiB`. A unit is mandatory; at most nine decimal places count.
///
/// # Errors
/// [`SizeError`] when the unit or the number is missing or wrong, or the size does not fit.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(text.to_owned());
    let trimmed = text.trim();
    let split = trimmed.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(malformed)?;
    let (number, unit) = (trimmed[..split].trim_end(), &trimmed[split..]);
    let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?.1;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.len() <= 18 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(malformed());
    }
    let scale = 10u128.pow(u32::try_from(fraction.len()).map_err(|_| malformed())?);
    let units: u128 =
        whole.parse::<u128>().map_err(|_| malformed())? * scale + fraction.parse::<u128>().map_err(|_| malformed())?;
    let bytes = units * u128::from(factor) / scale;
    i64::try_from(bytes).map(i64::unsigned_abs).map_err(|_| SizeError::TooLarge(text.to_owned()))
}

/// Writes a byte count with a decimal unit and at most two decimal places: `1.23 GB`, `17 B`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    for (unit, factor) in [("TB", 1_000_000_000_000_u64), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)] {
        if bytes >= factor {
            let hundredths = u128::from(bytes) * 100 / u128::from(factor);
            let (whole, rest) = (hundredths / 100, hundredths % 100);
            return match (whole, rest) {
                (_, 0) | (100.., _) => format!("{whole} {unit}"),
                (10.., _) => format!("{whole}.{} {unit}", rest / 10),
                _ => format!("{whole}.{rest:02} {unit}"),
            };
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_and_are_exact() {
        assert_eq!(parse_size("2GB"), Ok(2_000_000_000));
        assert_eq!(parse_size("2GiB"), Ok(2_147_483_648));
        assert_eq!(parse_size("1.8GB"), Ok(1_800_000_000));
        assert_eq!(parse_size("20 MB"), Ok(20_000_000));
        for bad in ["2", "2gb", "GB", "-1GB", "1.GB", "1e3MB", "", "2 G B"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert!(matches!(parse_size("99999999999TB"), Err(SizeError::TooLarge(_))));
    }

    #[test]
    fn counts_are_short_and_never_rounded_up() {
        assert_eq!(format_bytes(17), "17 B");
        assert_eq!(format_bytes(1_999_999_999), "1.99 GB");
        assert_eq!(format_bytes(123_456_789), "123 MB");
        assert_eq!(format_bytes(12_345_678), "12.3 MB");
    }
}
