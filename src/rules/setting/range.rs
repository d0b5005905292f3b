//! Ranges of times and counts: `10s..60s`, `>=20s`, `<interval`, `1..5`.

use std::fmt;

use super::Period;

/// From where to where; each end may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ends<T> {
    /// The lower end, and whether it belongs to the range.
    low: Option<(T, bool)>,
    /// The upper end, and whether it belongs to the range.
    high: Option<(T, bool)>,
}

impl<T> Ends<T> {
    /// Reads a range of values that `value` understands.
    fn parse(text: &str, value: impl Fn(&str) -> Option<T>) -> Option<Self> {
        if let Some((low, high)) = text.split_once("..") {
            return Some(Self { low: Some((value(low)?, true)), high: Some((value(high)?, true)) });
        }
        let signs: [(&str, bool, bool); 4] =
            [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)];
        let sign =
            signs.into_iter().find_map(|(sign, is_low, inside)| Some((text.strip_prefix(sign)?, is_low, inside)));
        match sign {
            Some((rest, true, inside)) => Some(Self { low: Some((value(rest)?, inside)), high: None }),
            Some((rest, false, inside)) => Some(Self { low: None, high: Some((value(rest)?, inside)) }),
            None => Some(Self { low: Some((value(text)?, true)), high: Some((value(text)?, true)) }),
        }
    }

    fn contains(&self, number: u64, of: impl Fn(&T) -> u64) -> bool {
        let above = self.low.as_ref().is_none_or(|(low, inside)| number > of(low) || *inside && number == of(low));
        above && self.high.as_ref().is_none_or(|(high, inside)| number < of(high) || *inside && number == of(high))
    }

    /// Whether nothing lies between the ends.
    fn is_empty(&self, of: impl Fn(&T) -> Option<u64>) -> bool {
        let (low, high) = (self.low.as_ref(), self.high.as_ref());
        match (low.and_then(|(low, _)| of(low)), high.and_then(|(high, _)| of(high))) {
            (Some(low), Some(high)) => low > high,
            (None, Some(0)) => high.is_some_and(|(_, inside)| !inside),
            _ => false,
        }
    }
}

/// A fixed time, or the interval of the same health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Fixed(Period),
    Interval,
}

/// A range of times, such as `10s..60s`, `>=20s` or `<interval`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodRange {
    text: String,
    ends: Ends<Moment>,
}

impl PeriodRange {
    /// Reads a range.
    ///
    /// # Errors
    /// In words, when it is none or nothing lies in it.
    pub fn read(text: &str) -> Result<Self, String> {
        let moment = |text: &str| match text.trim() {
            "interval" => Some(Moment::Interval),
            text => Period::parse(text).map(Moment::Fixed),
        };
        let bad = || format!("`{text}` is no range of times: write `10s..60s`, `>=20s`, `<2m` or `<interval`");
        let ends = Ends::parse(text.trim(), moment).ok_or_else(bad)?;
        let fixed = |moment: &Moment| match moment {
            Moment::Fixed(period) => Some(period.nanoseconds),
            Moment::Interval => None,
        };
        if ends.is_empty(fixed) {
            return Err(format!("no time is in `{text}`"));
        }
        Ok(Self { text: text.trim().to_owned(), ends })
    }

    /// Whether the time lies in the range; `interval` is what the word stands for.
    #[must_use]
    pub fn contains(&self, period: Period, interval: Period) -> bool {
        let of = |moment: &Moment| match moment {
            Moment::Fixed(period) => period.nanoseconds,
            Moment::Interval => interval.nanoseconds,
        };
        self.ends.contains(period.nanoseconds, of)
    }

    /// Whether it speaks of the interval.
    #[must_use]
    pub fn names_interval(&self) -> bool {
        let is = |end: &Option<(Moment, bool)>| matches!(end, Some((Moment::Interval, _)));
        is(&self.ends.low) || is(&self.ends.high)
    }
}

impl fmt::Display for PeriodRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

super::text_setting!(
    PeriodRange,
    expected: "a range of times in quotes, such as `10s..60s`, `>=20s` or `<interval`",
    parse: PeriodRange::read,
    pattern: r"^ *(>=|<=|>|<)? *([0-9]+(w|d|h|ms|m|s))*(interval)?( *\.\. *(([0-9]+(w|d|h|ms|m|s))+|interval))? *$",
    about: "A range of times: `10s..60s`, `>=20s`, `<2m`; `interval` stands for the interval of the check."
);

/// A range of counts, such as `1..5` or `>=2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountRange {
    text: String,
    ends: Ends<u64>,
}

impl CountRange {
    /// Reads a range.
    ///
    /// # Errors
    /// In words, when it is none or nothing lies in it.
    pub fn read(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let text = text.trim();
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let ends = Ends::parse(text.trim(), number)
            .ok_or_else(|| format!("`{text}` is no range of counts: write `1..5` or `>=2`"))?;
        if ends.is_empty(|number| Some(*number)) {
            return Err(format!("no count is in `{text}`"));
        }
        Ok(Self { text: text.trim().to_owned(), ends })
    }

    /// Whether the count lies in the range.
    #[must_use]
    pub fn contains(&self, count: u64) -> bool {
        self.ends.contains(count, |number| *number)
    }
}

impl fmt::Display for CountRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

super::text_setting!(
    CountRange,
    expected: "a range of counts, such as `1..5`",
    parse: CountRange::read,
    pattern: r"^ *(>=|<=|>|<)? *[0-9]+( *\.\. *[0-9]+)? *$",
    about: "A range of counts, such as `1..5` or `>=2`."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn holds(range: &str, seconds: u64) -> bool {
        let range: PeriodRange = read(&format!("'{range}'")).expect(range);
        range.contains(Period::seconds(seconds), Period::seconds(30))
    }

    #[test]
    fn ends_belong_to_a_range_unless_its_sign_says_otherwise() {
        assert!(holds("10s..60s", 10) && holds("10s..60s", 60) && !holds("10s..60s", 61) && !holds("10s..60s", 9));
        assert!(holds(">=20s", 20) && !holds(">20s", 20) && holds("<=20s", 20) && !holds("<20s", 20));
        assert!(holds("<interval", 29) && !holds("<interval", 30) && holds("<= interval", 30));
        assert!(holds("5s..interval", 30) && holds("30s", 30) && !holds("30s", 31));
        assert!(read::<PeriodRange>("'<interval'").expect("good").names_interval());
        let count: CountRange = read("1..5").expect("good");
        assert!(count.contains(1) && count.contains(5) && !count.contains(6) && !count.contains(0));
        assert!(read::<CountRange>("'>=2'").expect("good").contains(2));
    }

    #[test]
    fn a_range_that_nothing_is_in_is_refused() {
        for wrong in ["60s..10s", "<0s", "10..20", "", "..", ">=", "=3s", "10s...20s", "1s..2s..3s"] {
            assert!(read::<PeriodRange>(&format!("'{wrong}'")).is_err(), "{wrong}");
        }
        for wrong in ["5..1", "<0", "a", "1..", "-1"] {
            assert!(read::<CountRange>(&format!("'{wrong}'")).is_err(), "{wrong}");
        }
        assert!(read::<CountRange>("3").is_err_and(|error| error.contains("a range of counts")));
    }
}
