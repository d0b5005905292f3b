//! Shares.

use std::fmt;

/// A share from `0%` to `100%`, with at most two decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// Hundredths of a percent: 10,000 is all.
    hundredths: u16,
}

impl Percent {
    /// A whole number of percent; more than 100 is 100.
    #[must_use]
    pub const fn new(percent: u8) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self { hundredths: percent as u16 * 100 }
    }

    /// Whether `part` is more than this share of `whole`.
    #[must_use]
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 10_000 > u128::from(whole) * u128::from(self.hundredths)
    }

    /// The largest part of `whole` that does not exceed this share.
    #[must_use]
    pub fn of(self, whole: u64) -> u64 {
        let part = u128::from(whole) * u128::from(self.hundredths) / 10_000;
        u64::try_from(part).unwrap_or(whole)
    }

    /// What share `part` is of `whole`, never rounded down, so that an exceeded limit never looks kept.
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Self {
        let whole = u128::from(whole.max(1));
        let hundredths = (u128::from(part) * 10_000).div_ceil(whole).min(10_000);
        Self { hundredths: u16::try_from(hundredths).unwrap_or(10_000) }
    }

    /// What share `part` is of `whole`, never rounded up, so that a share that is too small never looks large enough.
    #[must_use]
    pub fn floor(part: u64, whole: u64) -> Self {
        let hundredths = (u128::from(part) * 10_000 / u128::from(whole.max(1))).min(10_000);
        Self { hundredths: u16::try_from(hundredths).unwrap_or(10_000) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.hundredths / 100, self.hundredths % 100);
        match rest {
            0 => write!(formatter, "{whole}%"),
            rest if rest % 10 == 0 => write!(formatter, "{whole}.{}%", rest / 10),
            rest => write!(formatter, "{whole}.{rest:02}%"),
        }
    }
}

fn parse(text: &str) -> Result<Percent, String> {
    let bad = || format!("`{text}` is not a share: write a number from 0 to 100 and `%`, such as `5%` or `2.5%`");
    let number = text.strip_suffix('%').ok_or_else(bad)?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 3) || !digits(fraction, 2) {
        return Err(bad());
    }
    let hundredths = whole.parse::<u16>().map_err(|_| bad())? * 100
        + fraction.parse::<u16>().map_err(|_| bad())? * if fraction.len() == 1 { 10 } else { 1 };
    if hundredths > 10_000 { Err(bad()) } else { Ok(Percent { hundredths }) }
}

super::text_setting!(
    Percent,
    expected: "a share with its sign, such as `5%`",
    parse: parse,
    pattern: r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?) *%$",
    about: "A share from 0% to 100%, with at most two decimal places."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_share_has_its_sign() {
        assert_eq!(read("5%"), Ok(Percent::new(5)));
        assert_eq!(read::<Percent>("2.5%").map(|share| share.to_string()), Ok("2.5%".to_owned()));
        assert_eq!(read::<Percent>("'0.05 %'").map(|share| share.to_string()), Ok("0.05%".to_owned()));
        for bad in ["5", "'5'", "101%", "-1%", "1.234%", "'%'", "'.5%'", "100.01%"] {
            assert!(read::<Percent>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_kept_at_its_value_and_exceeded_one_byte_above() {
        let five = Percent::new(5);
        assert!(!five.is_exceeded(50, 1000));
        assert!(five.is_exceeded(51, 1000));
        assert_eq!(five.of(1000), 50);
        assert!(!five.is_exceeded(0, 0));
        assert!(five.is_exceeded(u64::MAX, u64::MAX));
        assert_eq!(Percent::share(50_001, 1_000_000).to_string(), "5.01%");
        assert_eq!(Percent::floor(899_999, 1_000_000).to_string(), "89.99%");
        assert_eq!(Percent::floor(1, 0), Percent::new(100));
    }
}
