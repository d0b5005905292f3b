//! Variables in arguments, as the builder writes them out.

use crate::companions::interpolate::closing;

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Its value.
    Value(String),
    /// It exists, but its value is not known before the build.
    Unknown,
    /// Nobody sets it.
    Unset,
}

/// A text with its variables written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The text without quotes; none when it depends on something unknown.
    pub text: Option<String>,
    /// The variables it names without a default, each with its byte in the text.
    pub variables: Vec<(String, usize)>,
}

/// Most bytes of an expanded text: variables that name variables grow fast.
const MOST: usize = 1 << 16;
/// Deepest nesting of defaults.
const MAX_DEPTH: usize = 8;

/// Writes variables out: `$A`, `${A}`, `${A:-x}`, `${A:+x}` and their forms without the colon; patterns (`${A#x}`,
/// `${A/x/y}`) are unknown. Single quotes and the escape character keep a `$` as it is.
#[must_use]
pub fn expand(text: &str, escape: char, lookup: &dyn Fn(&str) -> Lookup) -> Expansion {
    let mut expander = Expander { lookup, escape, out: Some(String::new()), variables: Vec::new(), depth: 0 };
    expander.walk(text, 0);
    Expansion { text: expander.out, variables: expander.variables }
}

struct Expander<'a> {
    lookup: &'a dyn Fn(&str) -> Lookup,
    escape: char,
    out: Option<String>,
    variables: Vec<(String, usize)>,
    depth: usize,
}

impl Expander<'_> {
    fn push(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            if out.len() + text.len() > MOST {
                self.out = None;
            } else {
                out.push_str(text);
            }
        }
    }

    fn walk(&mut self, text: &str, base: usize) {
        let mut quote = None;
        let mut at = 0;
        while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let next = at + letter.len_utf8();
            match letter {
                '\'' | '"' if quote.is_none() => quote = Some(letter),
                '\'' | '"' if quote == Some(letter) => quote = None,
                _ if letter == self.escape && quote != Some('\'') => {
                    let rest = &text[next..];
                    let Some(escaped) = rest.chars().next() else { break };
                    if quote == Some('"') && !matches!(escaped, '"' | '$') && escaped != self.escape {
                        self.push(&text[at..next]);
                        at = next;
                        continue;
                    }
                    self.push(&rest[..escaped.len_utf8()]);
                    at = next + escaped.len_utf8();
                    continue;
                }
                '$' if quote != Some('\'') => {
                    at = self.variable(text, next, base);
                    continue;
                }
                _ => self.push(&text[at..next]),
            }
            at = next;
        }
    }

    /// Reads the variable behind a `$`; gives the byte behind it.
    fn variable(&mut self, text: &str, at: usize, base: usize) -> usize {
        let rest = &text[at..];
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if let Some(body) = rest.strip_prefix('{') {
            let Some(end) = closing(body) else {
                self.out = None;
                return text.len();
            };
            let inner = &body[..end];
            let length = inner.find(|letter: char| !is_name(letter)).unwrap_or(inner.len());
            self.braced(&inner[..length], &inner[length..], base + at + 1, base + at + 1 + length);
            return at + 1 + end + 1;
        }
        let length = rest.find(|letter: char| !is_name(letter)).unwrap_or(rest.len());
        if length == 0 {
            self.push("$");
            return at;
        }
        self.plain(&rest[..length], base + at);
        at + length
    }

    fn plain(&mut self, name: &str, at: usize) {
        self.variables.push((name.to_owned(), at));
        match (self.lookup)(name) {
            Lookup::Value(value) => self.push(&value),
            Lookup::Unknown => self.out = None,
            Lookup::Unset => {}
        }
    }

    fn braced(&mut self, name: &str, operator: &str, at: usize, operator_at: usize) {
        if operator.is_empty() {
            return self.plain(name, at);
        }
        let known = (self.lookup)(name);
        let (colon, behind) = operator.strip_prefix(':').map_or((false, operator), |rest| (true, rest));
        let word_at = operator_at + usize::from(colon) + 1;
        let is_set = match &known {
            Lookup::Value(value) => Some(!(colon && value.is_empty())),
            Lookup::Unset => Some(false),
            Lookup::Unknown => None,
        };
        match (behind.chars().next(), is_set) {
            (Some('-' | '?'), Some(true)) => {
                if let Lookup::Value(value) = known {
                    self.push(&value);
                }
            }
            (Some('-'), Some(false)) | (Some('+'), Some(true)) if self.depth < MAX_DEPTH => {
                self.depth += 1;
                self.walk(&behind[1..], word_at);
                self.depth -= 1;
            }
            (Some('+'), Some(false)) => {}
            _ => self.out = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let lookup = |name: &str| match name {
            "A" => Lookup::Value("1".to_owned()),
            "EMPTY" => Lookup::Value(String::new()),
            "U" => Lookup::Unknown,
            _ => Lookup::Unset,
        };
        expand(text, '\\', &lookup).text
    }

    #[test]
    fn variables_are_written_out_as_far_as_they_are_known() {
        for (text, expected) in [
            ("$A-${A}", "1-1"),
            ("${N:-x$A}", "x1"),
            ("${A:-x}", "1"),
            ("${EMPTY:-x}${EMPTY-x}", "x"),
            ("${A:+y}${N:+y}", "y"),
            (r"'$A' \$A $", "$A $A $"),
            (r#""a b$A""#, "a b1"),
            ("${N}", ""),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
        for unknown in ["$U", "${U:-x}", "${A#1}", "${A/1/2}", "${A", "${N:?must}"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_variable_has_its_place() {
        let found = expand("x$B/${CD}${E:-$F}", '\\', &|_| Lookup::Unset).variables;
        assert_eq!(found, [("B".to_owned(), 2), ("CD".to_owned(), 6), ("F".to_owned(), 15)]);
    }
}
