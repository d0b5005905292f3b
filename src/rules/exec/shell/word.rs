//! Shell text as tokens (POSIX.1-2024, Shell Command Language, 2.2 and 2.3, with the usual extensions of bash).

/// Why a text could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules::exec) struct ShellError {
    pub line: u32,
    pub why: &'static str,
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rules) struct Word {
    /// What it stands for when `literal`, else roughly what is written.
    pub text: String,
    /// The shell changes nothing in it but its quotes.
    pub literal: bool,
    /// Some of it is quoted.
    pub quoted: bool,
    /// Where the `=` of an assignment stands in `text`.
    pub assigns: Option<usize>,
    /// Line it starts on, from 1.
    pub line: u32,
}

impl Word {
    /// A word of an exec form: nothing in it is expanded.
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), literal: true, quoted: true, assigns: None, line: 0 }
    }

    /// The literal text.
    pub fn literal(&self) -> Option<&str> {
        self.literal.then_some(self.text.as_str())
    }

    /// Whether it stands for all arguments of the script or function.
    pub fn is_arguments(&self) -> bool {
        matches!(self.text.as_str(), "$@" | "$*" | "${@}") && !self.literal
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Newline,
}

/// Deepest nesting of quotes and substitutions.
const MAX_DEPTH: u32 = 50;

const OPERATORS: [&str; 28] = [
    "&>>", "<<<", "<<-", ";;&", "&>", "&&", "||", "|&", ";;", ";&", ">>", ">&", ">|", "<<", "<&", "<>", "<(", ">(",
    "((", "&", "|", ";", "<", ">", "(", ")", "\n", "",
];

pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    pub line: u32,
    /// Here-documents whose lines follow: delimiter, and whether leading tabs are cut.
    pending: Vec<(Vec<u8>, bool)>,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, line: 1, pending: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, why: &'static str) -> ShellError {
        ShellError { line: self.line, why }
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line = self.line.saturating_add(u32::from(byte == b'\n'));
        Some(byte)
    }

    /// The lines of this here-document come behind the current line.
    pub fn expect_document(&mut self, delimiter: &Word, strip: bool) {
        self.pending.push((delimiter.text.as_bytes().to_vec(), strip));
    }

    fn skip_documents(&mut self) {
        for (delimiter, strip) in std::mem::take(&mut self.pending) {
            while self.at < self.bytes.len() {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let line = rest.get(..end).unwrap_or_default();
                self.at = (self.at + end + 1).min(self.bytes.len());
                self.line = self.line.saturating_add(1);
                let tabs = if strip { line.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
                if line.get(tabs..) == Some(&delimiter[..]) {
                    break;
                }
            }
        }
    }

    pub fn next(&mut self) -> Result<Option<Token>, ShellError> {
        loop {
            match self.peek() {
                None => return Ok(None),
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.bytes.get(self.at + 1) == Some(&b'\n') => {
                    self.at += 1;
                    self.bump();
                }
                Some(b'#') => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                Some(b'\n') => {
                    self.bump();
                    self.skip_documents();
                    return Ok(Some(Token::Newline));
                }
                Some(_) => break,
            }
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| !operator.is_empty() && rest.starts_with(operator.as_bytes()));
        if let Some(operator) = operator {
            if *operator == "<(" || *operator == ">(" {
                return self.word().map(|word| Some(Token::Word(word)));
            }
            self.at += operator.len();
            return Ok(Some(Token::Operator(operator)));
        }
        let word = self.word()?;
        // Digits in front of a redirection are its file descriptor.
        let descriptor = !word.quoted && !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if descriptor && matches!(self.peek(), Some(b'<' | b'>')) {
            return self.next();
        }
        Ok(Some(Token::Word(word)))
    }

    fn word(&mut self) -> Result<Word, ShellError> {
        let start = self.at;
        let mut word = Word { literal: true, line: self.line, ..Word::default() };
        let mut text: Vec<u8> = Vec::new();
        let mut may_assign = true;
        let mut braces = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'<' | b'>' if self.at == start => {
                    self.at += 2;
                    self.skip_parentheses(0)?;
                    word.literal = false;
                    text.extend_from_slice(b"<(...)");
                }
                b'(' if word.assigns.is_some_and(|at| at + 1 == text.len()) => {
                    self.at += 1;
                    self.skip_parentheses(0)?;
                    word.literal = false;
                    text.extend_from_slice(b"(...)");
                }
                b' ' | b'\t' | b'\n' | b'&' | b'|' | b';' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    self.at += 1;
                    word.quoted = true;
                    may_assign = false;
                    while let Some(byte) = self.bump() {
                        if byte == b'\'' {
                            break;
                        }
                        text.push(byte);
                        if self.at >= self.bytes.len() {
                            return Err(self.error("a quote is not closed"));
                        }
                    }
                }
                b'"' => {
                    self.at += 1;
                    word.quoted = true;
                    may_assign = false;
                    self.double_quoted(&mut word, &mut text)?;
                }
                b'\\' => {
                    self.at += 1;
                    word.quoted = true;
                    match self.bump() {
                        Some(b'\n') => {}
                        Some(byte) => text.push(byte),
                        None => text.push(b'\\'),
                    }
                }
                b'$' => self.expansion(&mut word, &mut text)?,
                b'`' => {
                    word.literal = false;
                    text.extend_from_slice(b"`...`");
                    self.at += 1;
                    self.skip_to(b'`')?;
                }
                _ => {
                    self.bump();
                    match byte {
                        b'=' if may_assign && word.assigns.is_none() && is_name(&text) => {
                            word.assigns = Some(text.len());
                        }
                        b'~' if text.is_empty() => word.literal = false,
                        b'*' | b'?' => word.literal = false,
                        b'[' if !text.is_empty() || !self.ends_word() => {
                            word.literal &= text == b"[" || self.at == start + 1;
                        }
                        b'{' => braces = true,
                        b',' if braces => word.literal = false,
                        _ => {}
                    }
                    text.push(byte);
                }
            }
        }
        if self.at == start {
            return Err(self.error("it stands where a word is expected"));
        }
        word.text = String::from_utf8_lossy(&text).into_owned();
        if word.text.len() > 2 && word.text.starts_with('[') && !word.quoted && word.text != "[[" {
            word.literal = false;
        }
        Ok(word)
    }

    fn ends_word(&self) -> bool {
        self.peek().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b';'))
    }

    fn double_quoted(&mut self, word: &mut Word, text: &mut Vec<u8>) -> Result<(), ShellError> {
        loop {
            match self.peek() {
                None => return Err(self.error("a quote is not closed")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.bump() {
                        Some(b'\n') | None => {}
                        Some(byte @ (b'$' | b'`' | b'"' | b'\\')) => text.push(byte),
                        Some(byte) => text.extend([b'\\', byte]),
                    }
                }
                Some(b'$') => self.expansion(word, text)?,
                Some(b'`') => {
                    word.literal = false;
                    text.extend_from_slice(b"`...`");
                    self.at += 1;
                    self.skip_to(b'`')?;
                }
                Some(byte) => {
                    self.bump();
                    text.push(byte);
                }
            }
        }
    }

    /// A `$` and what belongs to it, kept as written.
    fn expansion(&mut self, word: &mut Word, text: &mut Vec<u8>) -> Result<(), ShellError> {
        let from = self.at;
        let expands = self.skip_dollar(0)?;
        word.literal &= !expands;
        word.quoted |= !expands;
        let written = self.bytes.get(from..self.at).unwrap_or_default();
        // A long substitution says nothing in a message.
        text.extend_from_slice(written.get(..200).unwrap_or(written));
        Ok(())
    }

    /// Skips a `$` with what belongs to it; false for a `$` that is only itself.
    fn skip_dollar(&mut self, depth: u32) -> Result<bool, ShellError> {
        self.at += 1;
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                self.skip_parentheses(depth + 1)?;
            }
            Some(b'{') => {
                self.at += 1;
                self.skip_braces(depth + 1)?;
            }
            Some(b'\'') => {
                self.at += 1;
                while let Some(byte) = self.bump() {
                    match byte {
                        b'\\' => {
                            self.bump();
                        }
                        b'\'' => return Ok(true),
                        _ => {}
                    }
                }
                return Err(self.error("a quote is not closed"));
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    self.at += 1;
                }
            }
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' | b'0'..=b'9') => self.at += 1,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn skip_to(&mut self, end: u8) -> Result<(), ShellError> {
        while let Some(byte) = self.bump() {
            if byte == b'\\' {
                self.bump();
            } else if byte == end {
                return Ok(());
            }
        }
        Err(self.error("a substitution is not closed"))
    }

    fn skip_braces(&mut self, depth: u32) -> Result<(), ShellError> {
        self.skip_nested(b'{', b'}', depth)
    }

    pub fn skip_parentheses(&mut self, depth: u32) -> Result<(), ShellError> {
        self.skip_nested(b'(', b')', depth)
    }

    fn skip_nested(&mut self, open: u8, close: u8, depth: u32) -> Result<(), ShellError> {
        if depth > MAX_DEPTH {
            return Err(self.error("it is nested too deeply"));
        }
        let mut level = 1_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' if open == b'(' => {
                    self.at += 1;
                    while self.bump().is_some_and(|byte| byte != b'\'') {}
                }
                b'"' => {
                    self.at += 1;
                    self.skip_double_quoted(depth + 1)?;
                }
                b'\\' => {
                    self.at += 1;
                    self.bump();
                }
                // Its lines are no shell text, and where they end is known only to whoever reads the commands in here.
                b'<' if open == b'(' && self.bytes.get(self.at + 1) == Some(&b'<') => {
                    return Err(self.error("a here-document stands in a substitution"));
                }
                b'#' if open == b'(' && self.begins_word() => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                b'$' => {
                    self.skip_dollar(depth)?;
                }
                b'`' => {
                    self.at += 1;
                    self.skip_to(b'`')?;
                }
                _ => {
                    self.bump();
                    if byte == open {
                        level = level.saturating_add(1);
                    } else if byte == close {
                        level -= 1;
                        if level == 0 {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Err(self.error("a substitution is not closed"))
    }

    fn begins_word(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.bytes.get(at));
        before.is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'('))
    }

    fn skip_double_quoted(&mut self, depth: u32) -> Result<(), ShellError> {
        if depth > MAX_DEPTH {
            return Err(self.error("it is nested too deeply"));
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    self.bump();
                }
                b'$' => {
                    self.skip_dollar(depth)?;
                }
                _ => {
                    self.bump();
                }
            }
        }
        Err(self.error("a quote is not closed"))
    }
}

fn is_name(text: &[u8]) -> bool {
    let text = text.strip_suffix(b"+").unwrap_or(text);
    text.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Splits a text as `shlex` does: quotes and backslashes, nothing else; none when a quote is not closed.
pub(in crate::rules::exec) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' => match letters.next()? {
                            same @ ('"' | '\\') => word.push(same),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}
