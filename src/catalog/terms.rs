//! Data written as text of nested values: Lua's literals in a rockspec, Erlang's terms in an application resource, TOML in
//! lock files. Nothing is run.

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// A string, a name or a number.
    Text(String),
    /// A list, a tuple or a table; in a table a key may stand before a value.
    List(Vec<(Option<String>, Term)>),
}

/// Most levels.
const DEPTH: u32 = 32;
/// Most values.
const VALUES: u32 = 2_000_000;

impl Term {
    /// The text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// The members of a list.
    pub fn members(&self) -> &[(Option<String>, Self)] {
        match self {
            Self::Text(_) => &[],
            Self::List(members) => members,
        }
    }

    /// The value behind a key of a table.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name.as_deref() == Some(key)).map(|(_, value)| value)
    }

    /// The second element of the first tuple `{key, value}` of a list.
    pub fn pair(&self, key: &str) -> Option<&Self> {
        self.members().iter().find_map(|(_, member)| match member.members() {
            [(_, name), (_, value)] if name.text() == Some(key) => Some(value),
            _ => None,
        })
    }
}

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Lua,
    Erlang,
    Toml,
}

/// Reads the top-level assignments of Lua as a table, the first term of Erlang, or the tables of TOML in their order, each
/// behind its header (an empty one for what comes before the first). The second value is false when the text was not understood to
/// its end.
pub(super) fn read(text: &str, language: Language) -> (Term, bool) {
    let mut reader = Reader { rest: text, language, left: VALUES };
    match language {
        Language::Erlang => match reader.term(0) {
            Some(term) => (term, true),
            None => (Term::List(Vec::new()), false),
        },
        Language::Lua => reader.assignments(),
        Language::Toml => reader.tables(),
    }
}

struct Reader<'a> {
    rest: &'a str,
    language: Language,
    left: u32,
}

impl<'a> Reader<'a> {
    fn assignments(&mut self) -> (Term, bool) {
        let mut members = Vec::new();
        let mut whole = true;
        loop {
            self.blank();
            self.rest = self.rest.trim_start_matches(';');
            if self.rest.is_empty() || self.left == 0 {
                return (Term::List(members), whole && self.rest.is_empty());
            }
            let assigned = self.key().and_then(|key| Some((key, self.term(0)?)));
            if let Some((key, value)) = assigned {
                members.push((Some(key), value));
            } else {
                // A statement that is no assignment of a literal.
                whole = false;
                self.skip_line();
            }
        }
    }

    fn tables(&mut self) -> (Term, bool) {
        let mut tables = Vec::new();
        let mut header = String::new();
        let mut members = Vec::new();
        let mut whole = true;
        loop {
            self.blank();
            let at_header = self.rest.starts_with('[');
            if at_header || self.rest.is_empty() {
                let table = Term::List(std::mem::take(&mut members));
                tables.push((Some(std::mem::take(&mut header)), table));
            }
            if self.rest.is_empty() {
                return (Term::List(tables), whole);
            }
            if at_header {
                let line = self.rest.split('\n').next().unwrap_or("");
                line.trim().trim_matches(['[', ']']).clone_into(&mut header);
                self.skip_line();
                continue;
            }
            let assigned = self.key().and_then(|key| Some((key, self.term(0)?)));
            if let Some((key, value)) = assigned {
                members.push((Some(key), value));
            } else {
                whole = false;
                self.skip_line();
            }
        }
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    /// Skips blanks and comments.
    fn blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let comment = match self.language {
                Language::Lua if self.rest.starts_with("--[[") => {
                    self.rest = self.rest.split_once("]]").map_or("", |(_, rest)| rest);
                    continue;
                }
                Language::Lua => "--",
                Language::Erlang => "%",
                Language::Toml => "#",
            };
            if !self.rest.starts_with(comment) {
                return;
            }
            self.skip_line();
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        self.blank();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `name =`, `["name"] =`.
    fn key(&mut self) -> Option<String> {
        let before = self.rest;
        self.blank();
        let key = if self.language == Language::Lua && self.take("[") {
            let key = self.string();
            self.take("]").then_some(key).flatten()
        } else if self.language == Language::Toml && self.rest.starts_with(['"', '\'']) {
            self.string()
        } else {
            let _ = self.rest.strip_prefix("local ").map(|rest| self.rest = rest.trim_start());
            let word = self.word();
            (!word.is_empty()).then(|| word.to_owned())
        };
        if key.is_some() && self.take("=") && !self.rest.starts_with('=') {
            return key;
        }
        self.rest = before;
        None
    }

    fn word(&mut self) -> &'a str {
        let dash = self.language == Language::Toml;
        let belongs = |letter: char| {
            letter.is_alphanumeric() || matches!(letter, '_' | '@' | '.') || (dash && matches!(letter, '-' | '+' | ':'))
        };
        let end = self.rest.find(|letter: char| !belongs(letter));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn string(&mut self) -> Option<String> {
        self.blank();
        let open = self.rest.chars().next()?;
        if self.language == Language::Lua && self.rest.starts_with("[[") {
            let (text, rest) = self.rest.get(2..)?.split_once("]]")?;
            self.rest = rest;
            return Some(text.to_owned());
        }
        if open != '"' && open != '\'' {
            return None;
        }
        for marks in ["\"\"\"", "'''"] {
            if let Some(rest) = self.rest.strip_prefix(marks).filter(|_| self.language == Language::Toml) {
                let (text, rest) = rest.split_once(marks)?;
                self.rest = rest;
                return Some(text.to_owned());
            }
        }
        let mut text = String::new();
        let mut letters = self.rest.get(1..)?.char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter == open {
                self.rest = self.rest.get(at + 2..)?;
                return Some(text);
            }
            if letter == '\\' {
                match letters.next()?.1 {
                    'n' | 't' | 'r' => text.push(' '),
                    other => text.push(other),
                }
            } else {
                text.push(letter);
            }
        }
        None
    }

    fn term(&mut self, depth: u32) -> Option<Term> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH {
            return None;
        }
        self.blank();
        if self.language == Language::Erlang && self.take("<<") {
            let text = self.string().unwrap_or_default();
            let (_, rest) = self.rest.split_once(">>")?;
            self.rest = rest;
            return Some(Term::Text(text));
        }
        if let Some(mut text) = self.string() {
            // Adjacent strings of Erlang, and those that Lua joins with `..`, are one.
            loop {
                let joined = self.language == Language::Lua && self.take("..");
                self.blank();
                let goes_on = joined || (self.language == Language::Erlang && self.rest.starts_with('"'));
                if !goes_on {
                    return Some(Term::Text(text));
                }
                text.push_str(&self.string()?);
            }
        }
        let close = match self.rest.chars().next()? {
            '{' => "}",
            '[' if self.language != Language::Lua => "]",
            _ => return self.bare(),
        };
        self.rest = self.rest.get(1..)?;
        let mut members = Vec::new();
        loop {
            if self.take(close) {
                return Some(Term::List(members));
            }
            let keyed = self.language == Language::Lua || (self.language == Language::Toml && close == "}");
            let key = if keyed { self.key() } else { None };
            members.push((key, self.term(depth + 1)?));
            let _ = self.take(",") || (self.language == Language::Lua && self.take(";")) || self.take("|");
        }
    }

    /// A name or a number. A name of Lua is a variable: whatever is computed with it is nothing.
    fn bare(&mut self) -> Option<Term> {
        let word = self.word();
        let literal =
            matches!(word, "true" | "false" | "nil") || word.starts_with(|first: char| first.is_ascii_digit());
        if self.language != Language::Lua || literal {
            return (!word.is_empty()).then(|| Term::Text(word.to_owned()));
        }
        let end = self.rest.find([',', '}', '\n', ';']).unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
        (!word.is_empty()).then(|| Term::List(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lua_tables_are_read() {
        let (term, whole) = read(
            "-- a\npackage = 'x' --[[ y ]]\nversion = \"1.0\" .. \"-1\"\nlocal t = { url = [[u]], [\"k\"] = 1; 'a', { 'b' }, }\nf()\nlocal a, b = 1\nv = a .. 'x'\nlast = 'y'",
            Language::Lua,
        );
        assert!(!whole);
        assert_eq!(term.get("v").and_then(Term::text), None);
        assert_eq!(term.get("last").and_then(Term::text), Some("y"));
        assert_eq!(term.get("version").and_then(Term::text), Some("1.0-1"));
        let table = term.get("t").expect("a table");
        assert_eq!(table.get("url").and_then(Term::text), Some("u"));
        assert_eq!(table.members().len(), 4);
    }

    #[test]
    fn erlang_terms_are_read() {
        let (term, whole) = read(
            "%% x\n{application,'my_app',[{vsn,\"1.\" \"2\"},{d,<<\"b\">>},{applications,[kernel,stdlib]}]}.",
            Language::Erlang,
        );
        assert!(whole);
        let list = &term.members()[2].1;
        assert_eq!(list.pair("vsn").and_then(Term::text), Some("1.2"));
        assert_eq!(list.pair("applications").map(|it| it.members().len()), Some(2));
    }

    #[test]
    fn toml_tables_are_read() {
        let text = "version = 1 # x\n[[package]]\nname = \"a\"\nwhen = 2024-01-01T00:00:00Z\nlist = [\n  \"x\",\n  { name = \"y\", n-n = true },\n]\ntext = \"\"\"\nmany\n\"\"\"\n[package.dependencies]\n\"q.r\" = '>=1'\n";
        let (tables, whole) = read(text, Language::Toml);
        assert!(whole);
        let headers: Vec<_> =
            tables.members().iter().map(|(header, _)| header.as_deref().unwrap_or_default()).collect();
        assert_eq!(headers, ["", "package", "package.dependencies"]);
        let package = &tables.members()[1].1;
        assert_eq!(package.get("name").and_then(Term::text), Some("a"));
        assert_eq!(package.get("list").map(|list| list.members().len()), Some(2));
        assert_eq!(package.get("list").and_then(|list| list.members()[1].1.get("n-n")?.text()), Some("true"));
        assert_eq!(tables.members()[2].1.get("q.r").and_then(Term::text), Some(">=1"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_or_run_on(text in "[\\[\\]{}<>=,.;'\"\\\\a1% \n-]{0,200}") {
            let _ = read(&text, Language::Lua);
            let _ = read(&text, Language::Toml);
            let _ = read(&text, Language::Erlang);
            let _ = read(&"{".repeat(10_000), Language::Erlang);
        }
    }
}
