//! The texts a policy is made of, and which place of which text a span means.

use crate::yaml::Span;

use super::Origin;

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What people call it: a path as given, or a preset's name.
    pub(super) name: String,
    /// The text itself.
    pub(super) text: String,
    base: usize,
}

/// All texts, laid end to end: the spans of each tree are shifted by the base of its text, so a span alone tells both
/// the text and the place in it, even in a table that was merged from several files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// Adds a text and tells by how much its spans must be shifted.
    pub(super) fn add(&mut self, name: String, text: String) -> usize {
        // One more than the length: the end of a text and the start of the next one stay different places.
        let base = self.sources.last().map_or(0, |last| last.base + last.text.len() + 1);
        self.sources.push(Source { name, text, base });
        base
    }

    /// The text that a shifted span lies in, its number, and the span in that text.
    pub(super) fn locate(&self, span: Span) -> Option<(usize, &Source, Span)> {
        let at = self.sources.partition_point(|source| source.base <= span.start).checked_sub(1)?;
        let source = self.sources.get(at)?;
        let local = |byte: usize| (byte - source.base).min(source.text.len());
        Some((at, source, Span { start: local(span.start), end: local(span.end.max(span.start)), ..span }))
    }

    /// Name and line, for people.
    pub(super) fn origin(&self, span: Span) -> Origin {
        self.locate(span)
            .map(|(_, source, local)| Origin { file: source.name.clone(), line: local.line })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_tells_its_text() {
        let mut sources = Sources::default();
        assert_eq!(sources.add("a".to_owned(), "xyz".to_owned()), 0);
        let base = sources.add("b".to_owned(), "q".to_owned());
        assert_eq!(base, 4);
        let span = Span { start: 0, end: 1, line: 1, column: 1 };
        assert_eq!(sources.origin(span).file, "a");
        assert_eq!(sources.origin(Span { start: 3, end: 3, ..span }).file, "a", "the end of a text belongs to it");
        assert_eq!(sources.origin(span.shifted(base)).file, "b");
        assert_eq!(sources.locate(span.shifted(base)).map(|(_, _, local)| local), Some(span));
    }
}
