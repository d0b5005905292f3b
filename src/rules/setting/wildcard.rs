//! Patterns for names: `*` stands for any characters.

/// A name, or a pattern for names with `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    text: String,
}

impl Wildcard {
    /// The pattern of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Whether the name is meant; large and small letters differ.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.text.split_once('*') else { return self.text == name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return left.ends_with(part);
            }
            // The first place is the best one: it leaves most for what follows.
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        true
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

super::text_setting!(
    Wildcard,
    expected: "a name; `*` stands for any characters",
    parse: |text| if text.trim().is_empty() || text.contains(char::is_control) {
        Err("an empty name never matches".to_owned())
    } else {
        Ok(Wildcard::new(text))
    },
    pattern: r"\S",
    about: "A name; `*` stands for any characters."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_star_is_any_characters_and_the_rest_is_itself() {
        let matches = |pattern: &str, name: &str| Wildcard::new(pattern).matches(name);
        assert!(matches("A", "A") && !matches("A", "a") && !matches("A", "AB"));
        assert!(matches("*_SHA256", "PYTHON_SHA256") && !matches("*_SHA256", "PYTHON_SHA256_X"));
        assert!(matches("a*b*c", "axbbc") && matches("a*b*c", "abc") && !matches("a*b*c", "acb"));
        assert!(matches("*", "") && matches("a*", "a") && !matches("a*a", "a"));
        assert!(read::<Wildcard>("' '").is_err() && read::<Wildcard>("1").is_err());
    }
}
