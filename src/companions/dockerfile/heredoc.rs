//! Here-documents of `RUN`, `COPY` and `ADD`.

use super::words::{Word, unquote};

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Whether variables in it are written out: its name is not quoted.
    pub expands: bool,
    /// Whether tabs at the start of lines go away (`<<-`).
    pub strips_tabs: bool,
    /// Its lines.
    pub body: String,
    /// The line where the body begins, from 1.
    pub line: usize,
}

/// Most here-documents of one instruction.
pub(super) const MOST: usize = 50;

/// The here-documents that the words announce, bodies still empty.
pub(super) fn announced(words: &[Word], escape: char) -> Vec<Heredoc> {
    words
        .iter()
        .filter_map(|word| {
            let rest = word.text.trim_start_matches(|letter: char| letter.is_ascii_digit()).strip_prefix("<<")?;
            let (rest, strips_tabs) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
            if rest.is_empty() || rest.contains('<') {
                return None;
            }
            let expands = !rest.contains(['"', '\'']);
            let name = unquote(rest, escape);
            (!name.is_empty()).then(|| Heredoc { name, expands, strips_tabs, body: String::new(), line: 0 })
        })
        .take(MOST)
        .collect()
}
