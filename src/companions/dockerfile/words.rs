//! Arguments as words: quotes keep blanks together and stay where they are.

/// A word and where it starts in the instruction's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word as written, quotes included.
    pub text: String,
    /// Byte in [`super::Instruction::text`].
    pub start: usize,
}

impl Word {
    /// The word without the quotes around it and without escapes.
    #[must_use]
    pub fn plain(&self, escape: char) -> String {
        unquote(&self.text, escape)
    }
}

/// Takes a text apart at blanks outside of quotes.
pub(super) fn split(text: &str, base: usize, escape: char) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut start, mut quote, mut escaped) = (None::<usize>, None::<char>, false);
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match letter {
            letter if letter.is_whitespace() && quote.is_none() => {
                if let Some(from) = start.take() {
                    words.push(Word { text: text[from..at].to_owned(), start: base + from });
                }
                continue;
            }
            letter if letter == escape && quote != Some('\'') => escaped = true,
            '"' | '\'' => match quote {
                Some(open) if open == letter => quote = None,
                None => quote = Some(letter),
                Some(_) => {}
            },
            _ => {}
        }
        start.get_or_insert(at);
    }
    if let Some(from) = start {
        words.push(Word { text: text[from..].to_owned(), start: base + from });
    }
    words
}

/// Removes quotes and escapes.
pub(super) fn unquote(text: &str, escape: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut quote, mut letters) = (None::<char>, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            ('\'' | '"', Some(open)) if open == letter => quote = None,
            (letter, None) if letter == escape => plain.extend(letters.next()),
            (letter, Some('"')) if letter == escape => {
                // Inside double quotes only these lose their escape.
                match letters.peek() {
                    Some('"' | '$') => plain.extend(letters.next()),
                    Some(next) if *next == escape => plain.extend(letters.next()),
                    _ => plain.push(letter),
                }
            }
            (letter, _) => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_together() {
        let words = |text: &str| split(text, 0, '\\').into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert_eq!(words(r#"A="x y" B='z \' C=d\ e"#), [r#"A="x y""#, r"B='z \'", r"C=d\ e"]);
        assert_eq!(words("  a \"b"), ["a", "\"b"]);
        assert_eq!(unquote(r#""x y"\ 'a\b'"c\"d\e""#, '\\'), r#"x y a\bc"d\e"#);
        assert_eq!(split("a  b", 10, '\\')[1].start, 13);
    }
}
