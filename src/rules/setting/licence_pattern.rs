//! Patterns for licences, and what an SPDX expression says of them.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern for SPDX licence identifiers: `GPL-3.0-only`, `AGPL-*`. Case does not matter (SPDX 2.3, annex D.2).
#[derive(Debug, Clone)]
pub struct LicencePattern {
    text: String,
    glob: GlobMatcher,
}

impl LicencePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// In words, when it could never match.
    pub fn read(text: &str) -> Result<Self, String> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-+*?{},[]!:".contains(letter);
        if text.is_empty() || !text.chars().all(allowed) {
            return Err(format!(
                "`{text}` never matches a licence: write an SPDX identifier such as `GPL-3.0-only` or `AGPL-*`"
            ));
        }
        let glob = GlobBuilder::new(text)
            .case_insensitive(true)
            .build()
            .map_err(|error| format!("`{text}` is no pattern for licences: {}", error.kind()))?;
        Ok(Self { text: text.to_owned(), glob: glob.compile_matcher() })
    }

    /// Whether the identifier is meant.
    #[must_use]
    pub fn matches(&self, identifier: &str) -> bool {
        self.glob.is_match(identifier)
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

super::text_setting!(
    LicencePattern,
    expected: "an SPDX licence identifier or a pattern, such as `AGPL-*`",
    parse: LicencePattern::read,
    pattern: r"^\S+$",
    about: "An SPDX licence identifier; `*`, `?` and `{a,b}` are wildcards."
);

/// Most nested parentheses of an expression.
const MAX_DEPTH: usize = 32;

/// Tells which licence makes an expression forbidden: one side of `AND` is enough, for `OR` all choices have to be; none when
/// a choice without it is left. An expression that cannot be read is looked at word by word, as if all of it applied.
#[must_use]
pub fn forbidden_by(expression: &str, is_forbidden: &dyn Fn(&str) -> bool) -> Option<String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0, is_forbidden };
    match parser.any(0) {
        Some(answer) if parser.at == words.len() => answer,
        _ => words.iter().find(|word| is_forbidden(word)).map(|word| (*word).to_owned()),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    is_forbidden: &'a dyn Fn(&str) -> bool,
}

/// The licence that is in the way, if any; none at all when this is no expression.
type Answer = Option<Option<String>>;

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn any(&mut self, depth: usize) -> Answer {
        let mut answer = self.all(depth)?;
        while self.eat("OR") {
            let other = self.all(depth)?;
            answer = answer.and_then(|first| other.map(|_| first));
        }
        Some(answer)
    }

    fn all(&mut self, depth: usize) -> Answer {
        let mut answer = self.one(depth)?;
        while self.eat("AND") {
            let other = self.one(depth)?;
            answer = answer.or(other);
        }
        Some(answer)
    }

    fn one(&mut self, depth: usize) -> Answer {
        if self.eat("(") {
            let answer = if depth < MAX_DEPTH { self.any(depth + 1)? } else { return None };
            return self.eat(")").then_some(answer);
        }
        let word = *self.words.get(self.at).filter(|word| !matches!(**word, ")" | "("))?;
        if ["AND", "OR", "WITH"].iter().any(|operator| word.eq_ignore_ascii_case(operator)) {
            return None;
        }
        self.at += 1;
        let mut forbidden = (self.is_forbidden)(word).then(|| word.to_owned());
        if self.eat("WITH") {
            let exception = *self.words.get(self.at)?;
            self.at += 1;
            // The licence with its exception is another licence than the licence without it.
            let whole = format!("{word} WITH {exception}");
            forbidden = forbidden.map(|_| whole);
        }
        Some(forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expression: &str) -> Option<String> {
        let pattern = LicencePattern::read("GPL-*").expect("a pattern");
        forbidden_by(expression, &|identifier| pattern.matches(identifier))
    }

    #[test]
    fn a_choice_is_forbidden_only_when_every_choice_is() {
        assert_eq!(told("MIT"), None);
        assert_eq!(told("gpl-2.0-only").as_deref(), Some("gpl-2.0-only"));
        assert_eq!(told("MIT OR GPL-2.0-only"), None);
        assert_eq!(told("GPL-3.0-only OR GPL-2.0-only").as_deref(), Some("GPL-3.0-only"));
        assert_eq!(told("MIT AND (BSD-3-Clause OR GPL-2.0-only)"), None);
        assert_eq!(told("MIT AND (GPL-2.0-only AND BSD-3-Clause)").as_deref(), Some("GPL-2.0-only"));
        assert_eq!(
            told("GPL-2.0-only WITH Classpath-exception-2.0").as_deref(),
            Some("GPL-2.0-only WITH Classpath-exception-2.0")
        );
        assert_eq!(told("LGPL-2.1-only"), None);
    }

    #[test]
    fn what_is_no_expression_is_looked_at_word_by_word() {
        assert_eq!(told("MIT GPL-2.0-only").as_deref(), Some("GPL-2.0-only"));
        assert_eq!(told("(MIT OR GPL-2.0-only").as_deref(), Some("GPL-2.0-only"));
        assert_eq!(told(&"(".repeat(100)), None);
        assert!(LicencePattern::read("GNU GPL").is_err());
    }
}
