//! Why a policy was refused.

use std::fmt;

use crate::yaml::{Span, YamlError};

use super::source::Sources;

/// One thing that is wrong with a policy, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// What people call the text: a path as given, or a preset's name.
    pub file: String,
    /// Where in that text.
    pub span: Span,
    /// What is wrong: a lowercase fragment, control characters escaped.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// A second place, and what is there.
    pub related: Option<Related>,
    pub(super) source: usize,
}

/// A second place that belongs to an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What people call its text.
    pub file: String,
    /// Where in that text.
    pub span: Span,
    /// What is there.
    pub what: &'static str,
    pub(super) source: usize,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", visible(&self.file), self.span.line, self.span.column, self.message)
    }
}

/// Everything that is wrong with a policy: at least one error, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors {
    errors: Vec<PolicyError>,
    texts: Vec<String>,
}

impl PolicyErrors {
    /// Places complaints (whose spans are shifted) in their texts; the same complaint is kept once.
    pub(super) fn new(complaints: Vec<YamlError>, sources: &Sources) -> Self {
        let mut errors: Vec<PolicyError> = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        let mut keep = |number: usize, text: &str| {
            while texts.len() <= number {
                texts.push(String::new());
            }
            text.clone_into(&mut texts[number]);
        };
        for complaint in complaints {
            let Some((number, source, span)) = sources.locate(complaint.span) else { continue };
            keep(number, &source.text);
            let related = complaint.related.and_then(|related| {
                let (related, what) = *related;
                let (other, text, span) = sources.locate(related)?;
                keep(other, &text.text);
                Some(Related { file: text.name.clone(), span, what, source: other })
            });
            errors.push(PolicyError {
                file: source.name.clone(),
                span,
                message: visible(&complaint.message),
                hint: complaint.hint.as_deref().map(visible),
                related,
                source: number,
            });
        }
        errors.sort_by(|left, right| {
            (left.source, left.span.start, &left.message).cmp(&(right.source, right.span.start, &right.message))
        });
        errors.dedup();
        Self { errors, texts }
    }

    /// All of them, in the order of the texts.
    #[must_use]
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// The text of that number.
    pub(super) fn text(&self, source: usize) -> &str {
        self.texts.get(source).map_or("", String::as_str)
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.errors.iter().enumerate() {
            if at > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// Shows control and text-direction characters as escapes, so that a policy cannot write on the terminal.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        let steers =
            matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if letter.is_control() || steers {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}
