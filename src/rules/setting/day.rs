//! A day in a calendar: when an exception ends.

/// The end of a day (UTC), in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// Reads `2027-01-31`; none when there is no such day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::model::end_of_day(text).map(Self)
    }
}

/// A time in seconds since 1970 as a day.
#[must_use]
pub fn day_of(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("second {seconds} since 1970"), |time| time.strftime("%Y-%m-%d").to_string())
}

super::text_setting!(
    Day,
    expected: "a day such as `2027-01-31`",
    parse: |text| Day::parse(text).ok_or_else(|| format!("`{text}` is no day: write it as `2027-01-31`")),
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    about: "The last day on which it holds, such as `2027-01-31` (UTC)."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_day_holds_until_its_end() {
        assert_eq!(read("1970-01-01"), Ok(Day(86_400)));
        assert_eq!(day_of(86_399), "1970-01-01");
        for wrong in ["2027-02-30", "2027-1-1", "soon", "20270131xx"] {
            assert!(read::<Day>(wrong).is_err_and(|error| error.contains("is no day")), "{wrong}");
        }
    }
}
