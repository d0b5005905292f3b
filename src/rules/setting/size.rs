//! Byte counts with their unit.

use crate::model::{format_bytes, parse_size};

/// A number of bytes, written with its unit: `1.8GB` is 1.8 · 10^9 bytes, `2GiB` is 2 · 2^30 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&format_bytes(self.0))
    }
}

super::text_setting!(
    Size,
    expected: "a size with its unit, such as `1.8GB` or `2GiB`",
    parse: |text| parse_size(text).map(Size).map_err(|error| error.to_string()),
    pattern: r"^ *[0-9]+(\.[0-9]{1,9})? *(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB) *$",
    about: "A number of bytes with its unit: GB is 10^9 bytes, GiB is 2^30 bytes."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(read("1.8GB"), Ok(Size(1_800_000_000)));
        assert_eq!(read("'2 GiB'"), Ok(Size(2 << 30)));
        assert!(read::<Size>("'2'").is_err_and(|error| error.contains("is not a size")));
        assert!(read::<Size>("[1GB]").is_err());
    }
}
