//! A number of days.

use std::fmt;

/// A number of whole days, written `30d` or `4w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl Days {
    /// Reads `30d` or `4w`.
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no number of days: write it as `30d` or `4w`");
        let (number, factor) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(number), _) => (number, 1),
            (None, Some(number)) => (number, 7),
            (None, None) => return Err(bad()),
        };
        if number.is_empty() || number.len() > 5 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        number.parse::<u32>().map(|number| Self(number * factor)).map_err(|_| bad())
    }

    /// The same time in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::from(self.0) * 86_400
    }
}

impl fmt::Display for Days {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}d", self.0)
    }
}

super::text_setting!(
    Days,
    expected: "a number of days, such as `30d` or `4w`",
    parse: Days::parse,
    pattern: "^[0-9]{1,5}[dw]$",
    about: "A number of days, such as 30d or 4w."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn days_and_weeks_are_read_and_nothing_else() {
        assert_eq!(read("30d"), Ok(Days(30)));
        assert_eq!(read("2w"), Ok(Days(14)));
        assert_eq!(Days(14).to_string(), "14d");
        assert_eq!(Days(1).seconds(), 86_400);
        for wrong in ["'30'", "d", "-1d", "1.5d", "1h", "123456d", "' 1d'"] {
            assert!(read::<Days>(wrong).is_err_and(|error| error.contains("number of days")), "{wrong}");
        }
    }
}
