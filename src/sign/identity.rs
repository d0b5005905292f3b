//! Who may sign without a key: an identity in a certificate, and the issuer that vouched for it.

use std::collections::BTreeMap;

use regex::Regex;

use super::{Reason, Rejection};

/// Bytes of a pattern.
const MAX_PATTERN: usize = 1_024;
/// Bytes of a compiled pattern.
const MAX_COMPILED: usize = 1 << 20;

/// The kind of a certificate's subject alternative name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SanKind {
    /// An email address.
    Email,
    /// A URI: a workflow, a service account, a SPIFFE ID.
    Uri,
}

impl SanKind {
    /// The name in policies and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Uri => "uri",
        }
    }
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Empty, or longer than the bound.
    #[error("the pattern is empty or longer than {MAX_PATTERN} bytes")]
    Length,
    /// It does not stand on its own as a regular expression.
    #[error("the pattern is no regular expression: {0}")]
    Syntax(String),
}

/// A regular expression for a whole text: it must match from the first to the last character.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern on its own, so that no bracket in it can close ours, and then anchors it at both ends.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(PatternError::Length);
        }
        let compile = |pattern: &str| {
            regex::RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build().map_err(|error| {
                PatternError::Syntax(error.to_string().lines().last().unwrap_or_default().trim().to_owned())
            })
        };
        compile(text)?;
        Ok(Self { text: text.to_owned(), regex: compile(&format!("^(?:{text})$"))? })
    }

    /// Whether the whole text matches. A line break at the end is part of the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the pattern admits beyond what its author may think: a dot in a host that is not escaped, alternatives, wildcards
    /// that cross slashes. Empty when there is nothing to say.
    #[must_use]
    pub fn lints(&self) -> Vec<String> {
        let mut lints = Vec::new();
        let rest = self.text.trim_start_matches('^');
        let host = rest.strip_prefix("https://").and_then(|rest| rest.split(['/', '(', '[', ':']).next()).unwrap_or("");
        let open = host
            .as_bytes()
            .windows(2)
            .any(|pair| matches!(pair, [before, b'.'] if *before != b'\\' && before.is_ascii_alphanumeric()));
        if open {
            lints.push(format!("a dot in `{host}` stands for any character: write `\\.`"));
        }
        if self.text.contains(".*") || self.text.contains(".+") {
            lints.push("`.*` also matches slashes and `@`: other repositories and branches may fit".to_owned());
        }
        if self.text.contains('|') {
            lints.push("`|` has several alternatives: each is matched against the whole identity".to_owned());
        }
        lints
    }
}

/// A text that must be equal, or a pattern for it.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    Exact(String),
    Pattern(Pattern),
}

impl Matcher {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Pattern(pattern) => pattern.matches(text),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Exact(wanted) => format!("`{wanted}`"),
            Self::Pattern(pattern) => format!("the pattern `{}`", pattern.as_str()),
        }
    }
}

/// Whom to believe: always an issuer and an identity of its.
#[derive(Debug, Clone)]
pub struct IdentityRule {
    pub(super) issuer: Matcher,
    pub(super) san: Matcher,
    pub(super) kind: Option<SanKind>,
    claims: BTreeMap<String, String>,
}

impl IdentityRule {
    /// An identity and an issuer, both exact.
    #[must_use]
    pub fn exact(identity: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self {
            issuer: Matcher::Exact(issuer.into()),
            san: Matcher::Exact(identity.into()),
            kind: None,
            claims: BTreeMap::new(),
        }
    }

    /// The same rule with a pattern in place of the identity.
    #[must_use]
    pub fn with_identity_pattern(self, pattern: Pattern) -> Self {
        Self { san: Matcher::Pattern(pattern), ..self }
    }

    /// The same rule with a pattern in place of the issuer.
    #[must_use]
    pub fn with_issuer_pattern(self, pattern: Pattern) -> Self {
        Self { issuer: Matcher::Pattern(pattern), ..self }
    }

    /// The same rule for one kind of identity only.
    #[must_use]
    pub fn with_kind(self, kind: SanKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// The same rule with a claim of the certificate that must have this value, such as `source-repository-uri`.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Checks what a certificate says.
    pub(super) fn check(
        &self,
        san: Option<(SanKind, &str)>,
        issuer: Option<&str>,
        claims: &BTreeMap<String, String>,
    ) -> Result<(), Rejection> {
        let shown = |text: Option<&str>| text.map_or("nobody".to_owned(), |text| format!("`{}`", text.escape_debug()));
        if !issuer.is_some_and(|issuer| self.issuer.matches(issuer)) {
            let detail = format!("the issuer is {}, not {}", shown(issuer), self.issuer.shown());
            return Err(Rejection::new(Reason::UntrustedIssuer, detail));
        }
        let fits =
            san.is_some_and(|(kind, san)| self.kind.is_none_or(|wanted| wanted == kind) && self.san.matches(san));
        if !fits {
            let detail = format!("the identity is {}, not {}", shown(san.map(|(_, san)| san)), self.san.shown());
            return Err(Rejection::new(Reason::UntrustedIdentity, detail));
        }
        for (name, wanted) in &self.claims {
            if claims.get(name) != Some(wanted) {
                let found = shown(claims.get(name).map(String::as_str));
                let detail = format!("the certificate's {name} is {found}, not `{wanted}`");
                return Err(Rejection::new(Reason::UntrustedIdentity, detail));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(rule: &IdentityRule, san: &str, issuer: &str) -> Reason {
        let found = rule.check(Some((SanKind::Uri, san)), Some(issuer), &BTreeMap::new());
        found.err().map_or(Reason::Verified, |rejection| rejection.reason)
    }

    #[test]
    fn patterns_match_whole_texts_only() {
        let pattern = Pattern::new("https://github\\.com/acme/app").expect("a pattern");
        assert!(pattern.matches("https://github.com/acme/app"));
        for wrong in
            ["https://github.com/acme/app-evil", "xhttps://github.com/acme/app", "https://github.com/acme/app\n"]
        {
            assert!(!pattern.matches(wrong), "{wrong:?}");
        }
        let either = Pattern::new("a|b").expect("a pattern");
        assert!(either.matches("a") && either.matches("b") && !either.matches("ax") && !either.matches("xb"));
        let anchored = Pattern::new("^a$").expect("anchors of one's own are harmless");
        assert!(anchored.matches("a") && !anchored.matches("b\na"));
    }

    #[test]
    fn a_bracket_cannot_close_ours() {
        for wrong in ["a)|(b", "a)|.*|(?:b", "(", "[", ""] {
            assert!(Pattern::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::new(&"a".repeat(2_000)).expect_err("long"), PatternError::Length);
    }

    #[test]
    fn issuer_identity_kind_and_claims_all_count() {
        let rule = IdentityRule::exact("https://a", "https://issuer");
        assert_eq!(reason(&rule, "https://a", "https://issuer"), Reason::Verified);
        assert_eq!(reason(&rule, "https://a/", "https://issuer"), Reason::UntrustedIdentity);
        assert_eq!(reason(&rule, "https://a", "https://issuer/"), Reason::UntrustedIssuer);
        assert_eq!(
            reason(&rule.clone().with_kind(SanKind::Email), "https://a", "https://issuer"),
            Reason::UntrustedIdentity
        );
        let claim = rule.clone().with_claim("runner-environment", "github-hosted");
        assert_eq!(reason(&claim, "https://a", "https://issuer"), Reason::UntrustedIdentity);
        assert_eq!(rule.check(None, None, &BTreeMap::new()).expect_err("nobody").reason, Reason::UntrustedIssuer);
    }

    #[test]
    fn open_dots_wildcards_and_alternatives_are_pointed_out() {
        let lints = |text: &str| Pattern::new(text).expect("a pattern").lints().len();
        assert_eq!(lints("https://github\\.com/acme/app"), 0);
        assert_eq!(lints("https://github.com/acme/app"), 1);
        assert_eq!(lints("^https://github.com/acme/.*|b"), 3);
    }
}
