//! Lengths of time.

use std::fmt;

/// Units, longest first, with their length in nanoseconds.
const UNITS: &[(&str, u64)] = &[
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// A length of time, written with its unit: `30s`, `1m30s`, `90d`. Weeks and days are of 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// Its length in nanoseconds.
    pub nanoseconds: u64,
}

impl Period {
    /// A whole number of seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self { nanoseconds: seconds.saturating_mul(1_000_000_000) }
    }

    /// Its length in whole seconds, the rest dropped.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        // u64 nanoseconds are less than 2^35 seconds.
        (self.nanoseconds / 1_000_000_000).cast_signed()
    }

    /// Reads `30s`, `1m30s`, `500ms`, `90d`; none when it is no such text or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut nanoseconds = 0_u64;
        let mut last = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(digits);
            let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, behind) = behind.split_at(letters);
            let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
            if *length >= last {
                return None;
            }
            last = *length;
            nanoseconds = nanoseconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
            rest = behind;
        }
        (!text.is_empty()).then_some(Self { nanoseconds })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.nanoseconds;
        // Weeks are for writing only: `90d` says more than `12w6d`.
        for (unit, length) in UNITS.iter().filter(|(unit, _)| *unit != "w") {
            if rest >= *length {
                write!(formatter, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        match (self.nanoseconds, rest) {
            (0, _) => formatter.write_str("0s"),
            (_, 0) => Ok(()),
            (_, rest) => write!(formatter, "{rest}ns"),
        }
    }
}

super::text_setting!(
    Period,
    expected: "a length of time with its unit, such as `30s` or `90d`",
    parse: |text| Period::parse(text)
        .ok_or_else(|| format!("`{text}` is no length of time: write numbers with `w`, `d`, `h`, `m`, `s` or `ms`, such as `90d` or `1m30s`")),
    pattern: "^([0-9]+(w|d|h|ms|m|s))+$",
    about: "A length of time with its unit, such as `30s`, `48h` or `90d`."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_period_has_a_unit_and_is_told_in_few_words() {
        assert_eq!(read("30s"), Ok(Period::seconds(30)));
        assert_eq!(read("1m30s"), Ok(Period::seconds(90)));
        assert_eq!(read("90d"), Ok(Period::seconds(90 * 86_400)));
        assert_eq!(read::<Period>("2w").map(|period| period.to_string()), Ok("14d".to_owned()));
        assert_eq!(Period::parse("1500ms").map(|period| period.to_string()).as_deref(), Some("1s500ms"));
        assert_eq!(Period::default().to_string(), "0s");
        assert_eq!(Period { nanoseconds: 1_000_000_001 }.to_string(), "1s1ns");
        for wrong in ["30", "s", "-1s", "1.5h", "30s1m", "1s1s", "99999999999999999999s", "9999999999w", "1 s", "1é"] {
            assert!(read::<Period>(&format!("'{wrong}'")).is_err(), "{wrong}");
        }
    }
}
