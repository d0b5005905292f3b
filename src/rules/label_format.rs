//! What the value of a label may have to look like.

use serde::Deserialize;

/// The form that a label's value must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// A full semantic version (semver 2.0.0), such as `1.4.2` or `2.0.0-rc.1`.
    Semver,
    /// A full Git commit id: 40 or 64 lower-case hexadecimal digits.
    GitSha,
    /// A URL with scheme and host.
    Url,
    /// A time as RFC 3339 writes it, such as `2027-01-15T09:30:00Z`.
    Rfc3339,
    /// Anything but blanks.
    NonEmpty,
    /// An e-mail address.
    Email,
    /// An SPDX licence expression, such as `MIT OR Apache-2.0`; its form is checked, ids are not looked up.
    Spdx,
}

impl Format {
    /// Whether the value has the form.
    pub(super) fn holds(self, value: &str) -> bool {
        match self {
            Self::Semver => semver::Version::parse(value).is_ok(),
            Self::GitSha => {
                matches!(value.len(), 40 | 64) && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            }
            Self::Url => is_url(value),
            Self::Rfc3339 => is_rfc3339(value),
            Self::NonEmpty => !value.trim().is_empty(),
            Self::Email => is_email(value),
            Self::Spdx => is_expression(value),
        }
    }

    /// What is wanted, in words.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Semver => "a semantic version, such as `1.4.2`",
            Self::GitSha => "a full Git commit id of 40 or 64 lower-case hexadecimal digits",
            Self::Url => "a URL, such as `https://git.example/acme/app`",
            Self::Rfc3339 => "a time by RFC 3339, such as `2027-01-15T09:30:00Z`",
            Self::NonEmpty => "a value that is not empty",
            Self::Email => "an e-mail address, such as `team@acme.example`",
            Self::Spdx => "an SPDX licence expression, such as `Apache-2.0` or `MIT OR Apache-2.0`",
        }
    }

    /// A Dockerfile value that has the form.
    pub(super) fn sample(self) -> &'static str {
        match self {
            Self::Semver => "\"$VERSION\"",
            Self::GitSha => "\"$GIT_SHA\"",
            Self::Url => "\"https://git.example/acme/app\"",
            Self::Rfc3339 => "\"$BUILD_TIME\"",
            Self::NonEmpty => "\"…\"",
            Self::Email => "\"team@acme.example\"",
            Self::Spdx => "\"Apache-2.0\"",
        }
    }
}

/// A version without the `v` that people write before it: `v1.4.2` is `1.4.2`.
pub(super) fn without_v(version: &str) -> &str {
    match version.strip_prefix('v') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => version,
    }
}

fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let scheme_is_good = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let host_is_good = host.starts_with(|first: char| first.is_alphanumeric() || first == '[');
    scheme_is_good && host_is_good && !value.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

/// RFC 3339, section 5.6: `date-time`.
fn is_rfc3339(value: &str) -> bool {
    let raw = value.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = raw.len() > shape.len()
        && raw.iter().zip(shape).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            wanted => byte.eq_ignore_ascii_case(wanted),
        });
    if !fits {
        return false;
    }
    let rest = &value[shape.len()..];
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
    };
    let zone = match rest.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hour @ .., b':', tens, ones] if hour.len() == 2 => {
            let number = |high: u8, low: u8| {
                (high.is_ascii_digit() && low.is_ascii_digit()).then(|| (high - b'0') * 10 + low - b'0')
            };
            number(hour[0], hour[1]).is_some_and(|hour| hour < 24)
                && number(*tens, *ones).is_some_and(|minute| minute < 60)
        }
        _ => false,
    };
    // A leap second is a valid time by the RFC; the calendar is checked on the second before.
    let second = if &raw[17..19] == b"60" { "59" } else { &value[17..19] };
    let civil = format!("{}T{}{second}", &value[..10], &value[11..17]);
    zone && civil.parse::<jiff::civil::DateTime>().is_ok()
}

fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    let local_is_good = !local.is_empty()
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty())
        && local.chars().all(|letter| letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter));
    local_is_good && domain.contains('.') && domain.split('.').all(label)
}

/// The form of an SPDX licence expression (SPDX specification, annex "SPDX license expressions").
fn is_expression(value: &str) -> bool {
    let spaced = value.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0_usize;
    // Whether a licence is wanted next, or an operator; after `WITH` an exception is wanted.
    let mut wants_licence = true;
    let mut wants_exception = false;
    let mut may_except = false;
    for word in spaced.split_whitespace() {
        match word {
            "(" if wants_licence && !wants_exception => depth += 1,
            ")" if !wants_licence && depth > 0 => {
                depth -= 1;
                may_except = false;
            }
            "AND" | "OR" if !wants_licence => (wants_licence, may_except) = (true, false),
            "WITH" if !wants_licence && may_except => (wants_licence, wants_exception) = (true, true),
            "(" | ")" | "AND" | "OR" | "WITH" => return false,
            id if wants_licence && is_id(id, wants_exception) => {
                (wants_licence, may_except) = (false, !wants_exception);
                wants_exception = false;
            }
            _ => return false,
        }
    }
    depth == 0 && !wants_licence
}

fn is_id(text: &str, is_exception: bool) -> bool {
    let plain =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if let Some((document, licence)) = text.split_once(':') {
        let parts = document.strip_prefix("DocumentRef-").zip(licence.strip_prefix("LicenseRef-"));
        return !is_exception && parts.is_some_and(|(document, licence)| plain(document) && plain(licence));
    }
    let text = if is_exception { text } else { text.strip_suffix('+').unwrap_or(text) };
    plain(text) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, good: &[&str], bad: &[&str]) {
        for value in good {
            assert!(format.holds(value), "{format:?} refuses {value}");
        }
        for value in bad {
            assert!(!format.holds(value), "{format:?} accepts {value}");
        }
    }

    #[test]
    fn formats_hold_for_their_kind_only() {
        check(Format::Semver, &["1.4.2", "2.0.0-rc.1+b7"], &["1.4", "v1.4.2", "", "01.2.3"]);
        check(Format::GitSha, &["0123456789abcdef0123456789abcdef01234567"], &["0123456", "HEAD", ""]);
        check(
            Format::Url,
            &["https://git.example/acme/app", "ssh://git@git.example:22/a", "http://[::1]/"],
            &["git.example/app", "https://", "https:///x", "git@git.example:a/b", "https://a b/", "1://a"],
        );
        check(
            Format::Rfc3339,
            &["2027-01-15T09:30:00Z", "2027-01-15t09:30:00.123+02:00", "2024-02-29T23:59:60Z"],
            &[
                "2027-01-15",
                "2027-01-15 09:30:00Z",
                "2027-02-29T00:00:00Z",
                "2027-01-15T25:00:00Z",
                "2027-01-15T09:30:00",
                "2027-01-15T09:30:00.Z",
                "2027-01-15T09:30:00+25:00",
                "2027-01-15T09:30:00é",
            ],
        );
        check(Format::Email, &["a.b+c@acme.example"], &["a", "a@b", "@b.c", "a b@c.d", "a@-b.c", "A B <a@b.c>"]);
        check(
            Format::Spdx,
            &[
                "MIT",
                "Apache-2.0 OR MIT",
                "GPL-2.0-or-later WITH Classpath-exception-2.0",
                "(MIT AND BSD-3-Clause) OR ISC",
                "GPL-2.0+",
                "LicenseRef-acme",
                "DocumentRef-a:LicenseRef-b",
            ],
            &[
                "",
                "MIT License",
                "Apache 2.0",
                "MIT OR",
                "OR MIT",
                "(MIT",
                "MIT)",
                "MIT WITH",
                "() MIT",
                "proprietary!",
                "MIT WITH a WITH b",
                "(MIT) WITH x",
            ],
        );
        check(Format::NonEmpty, &["x"], &["", " "]);
    }

    #[test]
    fn only_a_versions_v_is_dropped() {
        assert_eq!(without_v("v1.4.2"), "1.4.2");
        assert_eq!(without_v("vnext"), "vnext");
    }
}
