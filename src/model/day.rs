//! Days of the calendar (UTC) as they stand in policies and waivers.

/// The end of a day such as `2027-01-31`, in seconds since 1970; none when there is no such day.
#[must_use]
pub fn end_of_day(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}
