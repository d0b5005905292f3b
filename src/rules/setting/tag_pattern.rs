//! Patterns for tags.

use globset::{GlobBuilder, GlobMatcher};

/// A tag, or a pattern for tags: `latest`, `dev-*`.
#[derive(Debug, Clone)]
pub struct TagPattern {
    text: String,
    /// None when the text has no wildcard.
    matcher: Option<GlobMatcher>,
}

impl TagPattern {
    /// The pattern that only this tag matches.
    #[must_use]
    pub fn exactly(tag: &str) -> Self {
        Self { text: tag.to_owned(), matcher: None }
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// In words, when no tag could ever match it.
    pub fn read(text: &str) -> Result<Self, String> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.-*?{},[]!^".contains(letter);
        if text.is_empty() || !text.chars().all(allowed) {
            return Err(format!("`{text}` never matches a tag: a tag is made of letters, digits, `_`, `.` and `-`"));
        }
        if !text.contains(['*', '?', '{', '[']) {
            return Ok(Self::exactly(text));
        }
        let glob = GlobBuilder::new(text)
            .build()
            .map_err(|error| format!("`{text}` is not a pattern for tags: {}", error.kind()))?;
        Ok(Self { text: text.to_owned(), matcher: Some(glob.compile_matcher()) })
    }

    /// Whether the tag is meant.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        self.matcher.as_ref().map_or(self.text == tag, |matcher| matcher.is_match(tag))
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

super::text_setting!(
    TagPattern,
    expected: "a tag or a pattern for tags, such as `latest` or `dev-*`",
    parse: TagPattern::read,
    pattern: r"^[A-Za-z0-9_.*?{},\[\]!^-]+$",
    about: "A tag; `*` stands for any characters."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn tags_match_whole() {
        let pattern = read::<TagPattern>("dev-*").expect("good");
        assert!(pattern.matches("dev-1.2"));
        assert!(!pattern.matches("my-dev-1"));
        assert!(!read::<TagPattern>("latest").expect("good").matches("latest-1"));
        assert!(read::<TagPattern>("'a:b'").is_err());
        assert!(read::<TagPattern>("1.4").is_err_and(|error| error.contains("a tag or a pattern")));
    }
}
