//! Short texts of the image's config: variables, labels, commands, history.

use std::ops::Range;

use super::assignment;
use super::detectors::Reading;
use super::engine::{Found, Scanner};
use super::name::Name;
use crate::model::{Grade, Nature};

/// A secret seen in a short text, such as the value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHit {
    /// Id of the detector.
    pub detector: &'static str,
    /// How sure.
    pub grade: Grade,
    /// What kind of thing it is.
    pub nature: Nature,
    /// When the value itself says that it expires, in seconds since 1970.
    pub expires: Option<i64>,
    /// First and last few characters and the length.
    pub redacted: String,
    /// Keyed hash of the value.
    pub fingerprint: String,
    /// Byte range of the value in the text: the caller masks it before the text is shown anywhere.
    pub range: Range<usize>,
}

impl Scanner {
    /// Searches a short text. `key` is the name that the text is the value of (variable, label), as context; it may be
    /// empty. Pairs of name and value inside the text (`RUN |1 TOKEN=… /bin/sh -c …`) are looked at in the same way.
    ///
    /// Hits are sorted by their range, and ranges do not overlap.
    #[must_use]
    pub fn scan_text(&self, key: &str, text: &str) -> Vec<TextHit> {
        // A detector sees the name where it would stand in a file.
        let named = if key.is_empty() { text.to_owned() } else { format!("{key}={text}") };
        let shift = named.len() - text.len();
        let mut found = self.in_text(named.as_bytes());
        if assignment::is_secret_name(key.as_bytes()) {
            let start = shift + text.len() - text.trim_start().len();
            let value = text.trim();
            let grade = assignment::grade_of_value(key.as_bytes(), value.as_bytes(), Name::Config);
            let whole = grade.map(|grade| Reading::new(start, start + value.len(), grade));
            found.extend(whole.and_then(|whole| self.found_by_name(named.as_bytes(), &whole)));
        }
        let found = self.settled(found);
        found.iter().filter_map(|found| self.text_hit(text, shift, found)).collect()
    }

    fn text_hit(&self, text: &str, shift: usize, found: &Found) -> Option<TextHit> {
        let offset = |at: u64| usize::try_from(at).ok().map(|at| at.saturating_sub(shift));
        let (mut start, mut end) = (offset(found.start)?, offset(found.end)?.min(text.len()));
        // Values are bytes; a range that cuts a character is widened so that the caller can slice.
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        (start < end).then(|| TextHit {
            detector: self.id(found),
            grade: found.grade,
            nature: self.nature(found),
            expires: found.expires,
            redacted: found.redacted.to_string(),
            fingerprint: found.fingerprint.to_string(),
            range: start..end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::expand;
    use super::*;

    fn hits(key: &str, text: &str) -> Vec<(String, Grade, String)> {
        let text = expand(text);
        let hits = Scanner::new().scan_text(key, &text);
        hits.into_iter().map(|hit| (hit.detector.to_owned(), hit.grade, text[hit.range].to_owned())).collect()
    }

    #[test]
    fn the_name_of_a_variable_makes_its_value_a_secret() {
        let made = |detector: &str, value: &str| vec![(detector.to_owned(), Grade::Structured, value.to_owned())];
        assert_eq!(hits("DB_PASSWORD", "kR7 vQ2mZx"), made("secret-assignment", "kR7 vQ2mZx"));
        assert_eq!(hits("NPM_CONFIG__AUTH_TOKEN", "kR7vQ2mZx"), made("secret-assignment", "kR7vQ2mZx"));
        assert_eq!(hits("DB_PASSWORD", "changeme")[0].1, Grade::Weak);
        for key in ["DB_PASSWORD_FILE", "JWT_PUBLIC_KEY", "TOKEN_VERSION", "PATH"] {
            assert_eq!(hits(key, "kR7vQ2mZx"), [], "{key}");
        }
        for value in ["${PW}", "", "true", "/run/secrets/db"] {
            assert_eq!(hits("DB_PASSWORD", value), [], "{value}");
        }
    }

    #[test]
    fn variables_of_official_images_are_no_secrets() {
        for (key, value) in
            [("GPG_KEY", "{AN 40}"), ("PYTHON_SHA256", "{hex 64}"), ("NODE_VERSION", "24.1.0"), ("PWD", "/app")]
        {
            assert_eq!(hits(key, value), [], "{key}");
        }
    }

    #[test]
    fn a_known_token_is_told_by_its_own_detector() {
        assert_eq!(hits("GITHUB_TOKEN", "ghp_{b62 30}{sum62}")[0].0, "github-token");
        assert_eq!(hits("AWS_SECRET_ACCESS_KEY", "{b64 40}")[0].0, "aws-secret-access-key");
        let unverified = &hits("GITHUB_TOKEN", "ghp_{b62 36}")[0];
        assert_eq!(unverified.1, Grade::Contextual, "the name keeps it from being weak");
    }

    #[test]
    fn pairs_inside_history_are_found() {
        for text in [
            "RUN |2 STAGE=prod NPM_TOKEN=kR7vQ2mZx /bin/sh -c npm ci # buildkit",
            "ARG NPM_TOKEN=kR7vQ2mZx",
            "ENV NPM_TOKEN=kR7vQ2mZx",
            "/bin/sh -c #(nop)  ENV NPM_TOKEN=kR7vQ2mZx",
            "/bin/sh -c #(nop) ENV NPM_TOKEN kR7vQ2mZx",
            "RUN /bin/sh -c tool --token kR7vQ2mZx --verbose",
            "RUN /bin/sh -c NPM_TOKEN=\"kR7vQ2mZx\" npm ci",
        ] {
            let expected = ("secret-assignment".to_owned(), Grade::Structured, "kR7vQ2mZx".to_owned());
            assert_eq!(hits("", text), [expected], "{text}");
        }
        for text in [
            "RUN --mount=type=secret,id=npm_token /bin/sh -c npm ci",
            "RUN |1 NPM_TOKEN /bin/sh -c npm ci",
            "RUN /bin/sh -c NPM_TOKEN=$(cat /run/secrets/token) npm ci",
            "RUN /bin/sh -c echo \"$GPG_KEY\" && gpg --recv-keys {AN 40}",
        ] {
            assert_eq!(hits("", text), [], "{text}");
        }
    }

    #[test]
    fn ranges_can_be_masked_in_any_text() {
        let text = expand("päßwörter ghp_{b62 30}{sum62} DB_PASSWORD=ßßßß7kR7");
        let hits = Scanner::new().scan_text("ключ", &text);
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert!(hits.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        assert!(hits.iter().all(|hit| text.get(hit.range.clone()).is_some()));
    }
}
