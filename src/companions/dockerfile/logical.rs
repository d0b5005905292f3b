//! Physical lines become one logical line that remembers where each of its parts stands.

/// An instruction's text over all its lines, continuation characters and comments taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logical {
    /// The text.
    pub(super) text: String,
    /// Start of each part in `text`, and the line and column where it stands.
    pub(super) parts: Vec<(usize, usize, usize)>,
}

impl Logical {
    pub(super) fn push(&mut self, text: &str, line: usize, column: usize) {
        self.parts.push((self.text.len(), line, column));
        self.text.push_str(text);
    }

    /// Line and column of a byte of the text.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let index = self.parts.partition_point(|(start, ..)| *start <= at).saturating_sub(1);
        let Some((start, line, column)) = self.parts.get(index) else { return (1, 1) };
        let before = self.text.get(*start..at.min(self.text.len())).unwrap_or_default();
        (*line, column + before.chars().count())
    }
}

/// The part of a physical line that counts, and whether the instruction goes on in the next one.
pub(super) fn continued(line: &str, escape: char) -> (&str, bool) {
    let trimmed = line.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix(escape) {
        // Two of them are one that is meant.
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}
