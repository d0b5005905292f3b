//! Signed requests: the parameters of a URL's query, and the times in them.

use super::window::Window;

/// Gives the bounds of the URL or query around the window's place.
pub(super) fn around(window: &Window<'_>) -> (usize, usize) {
    let part = |byte: &&u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'(' | b')' | b'{' | b'}')
    };
    let before = window.behind().iter().rev().take_while(part).count();
    let after = window.ahead().iter().take_while(part).count();
    (window.at - before, window.at + after)
}

/// Gives the value of a parameter; `&` may be written as in HTML or JSON.
pub(super) fn param<'q>(query: &'q [u8], name: &str) -> Option<&'q [u8]> {
    memchr::memmem::find_iter(query, name.as_bytes()).find_map(|at| {
        let begins = query[..at].last().is_none_or(|before| matches!(before, b'?' | b'&' | b';' | b' '))
            || query[..at].ends_with(b"\\u0026");
        let value = query[at + name.len()..].strip_prefix(b"=").filter(|_| begins)?;
        Some(&value[..value.iter().position(|byte| matches!(byte, b'&' | b';' | b'\\' | b'#')).unwrap_or(value.len())])
    })
}

/// Reads a time in UTC, in seconds since 1970: `20251231T235959Z`, `2025-12-31T23:59:59Z`, the same with escaped colons or
/// without the time of day, or the seconds themselves.
pub(super) fn time(text: &[u8]) -> Option<i64> {
    let mut digits: Vec<i64> = Vec::new();
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = if *byte == b'%' { after.get(2..).unwrap_or_default() } else { after };
        match byte {
            b'0'..=b'9' if digits.len() < 14 => digits.push(i64::from(byte - b'0')),
            b'T' | b'-' | b':' | b'%' | b't' => {}
            _ => break,
        }
    }
    let number =
        |from: usize, to: usize| digits.get(from..to).map(|part| part.iter().fold(0, |sum, digit| sum * 10 + digit));
    if digits.len() == 10 {
        return number(0, 10);
    }
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = number(8, 10).unwrap_or(0) * 3600 + number(10, 12).unwrap_or(0) * 60 + number(12, 14).unwrap_or(0);
    Some(days(year, month, day) * 86_400 + seconds)
}

/// Counts the days since 1970-01-01 in the Gregorian calendar; the year is taken to begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Reads a count of seconds.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|seconds| (0..=10_000_000_000).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_spellings() {
        for text in ["20251231T235959Z", "2025-12-31T23:59:59Z", "2025-12-31T23%3A59%3A59Z", "1767225599"] {
            assert_eq!(time(text.as_bytes()), Some(1_767_225_599), "{text}");
        }
        assert_eq!(time(b"2025-12-31"), Some(1_767_139_200));
        assert_eq!(time(b"1970-01-01T00:00Z"), Some(0));
        assert_eq!(time(b"2024-02-29"), Some(1_709_164_800));
        for text in ["", "tomorrow", "2025", "20251331T000000Z", "00001231"] {
            assert_eq!(time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn parameters_are_whole_names() {
        let query = b"https://a/b?xsig=1&amp;se=2\\u0026sig=3&empty=";
        assert_eq!(param(query, "sig"), Some(&b"3"[..]));
        assert_eq!(param(query, "se"), Some(&b"2"[..]));
        assert_eq!(param(query, "empty"), Some(&b""[..]));
        assert_eq!(param(query, "xs"), None);
    }
}
