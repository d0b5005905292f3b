//! Text to tokens (CEL, langdef.md, "Syntax").

use std::ops::Range;

use super::Problem;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    /// 9223372036854775808, which is a number only behind a minus.
    IntLimit,
    Double(f64),
    Text(String),
    Sign(&'static str),
    End,
}

/// Signs, longer ones first.
const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// Cuts a text into tokens; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Problem> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let (token, at) = lexer.next()?;
        let done = token == Token::End;
        tokens.push((token, at));
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        let length = self.rest().find(|letter| !wanted(letter)).unwrap_or(self.rest().len());
        self.at += length;
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn next(&mut self) -> Result<(Token, Range<usize>), Problem> {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest().starts_with("//") {
                break;
            }
            self.take_while(|letter| letter != '\n');
        }
        let start = self.at;
        let token = match self.peek() {
            None => Token::End,
            Some('"' | '\'') => self.text(false)?,
            Some('r' | 'R') if self.rest().get(1..).is_some_and(|rest| rest.starts_with(['"', '\''])) => {
                self.at += 1;
                self.text(true)?
            }
            Some('b' | 'B') if self.rest().get(1..).is_some_and(|rest| rest.starts_with(['"', '\''])) => {
                return Err(Problem::new(start..start + 1, "byte strings are not supported"));
            }
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                Token::Name(self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_').to_owned())
            }
            Some(letter) if letter.is_ascii_digit() => self.number()?,
            Some('.')
                if self.rest().get(1..).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit())) =>
            {
                self.number()?
            }
            Some(letter) => {
                let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) else {
                    let problem = Problem::new(start..start + letter.len_utf8(), format!("unexpected `{letter}`"));
                    return Err(match letter {
                        '=' => problem.with_hint("equal is `==`"),
                        '&' => problem.with_hint("and is `&&`"),
                        '|' => problem.with_hint("or is `||`"),
                        _ => problem,
                    });
                };
                self.at += sign.len();
                Token::Sign(sign)
            }
        };
        Ok((token, start..self.at))
    }

    fn number(&mut self) -> Result<Token, Problem> {
        let start = self.at;
        let rest = self.rest();
        if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let digits: String = hex.chars().take_while(char::is_ascii_hexdigit).collect();
            self.at += 2 + digits.len();
            let value = i64::from_str_radix(&digits, 16);
            return value.map(Token::Int).map_err(|_| Problem::new(start..self.at, "not a number of 64 bits"));
        }
        self.take_while(|letter| letter.is_ascii_digit());
        let mut fraction = false;
        if self.rest().starts_with('.')
            && self.rest().get(1..).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit()))
        {
            fraction = true;
            self.at += 1;
            self.take_while(|letter| letter.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            let sign = usize::from(self.rest().get(1..).is_some_and(|rest| rest.starts_with(['+', '-'])));
            if self.rest().get(1 + sign..).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit())) {
                fraction = true;
                self.at += 1 + sign;
                self.take_while(|letter| letter.is_ascii_digit());
            }
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        let wrong = || Problem::new(start..self.at, format!("`{written}` is no number of 64 bits"));
        if let Some(letter) = self.peek().filter(|letter| letter.is_alphanumeric() || *letter == '_') {
            let suffix = start..self.at + letter.len_utf8();
            return Err(match letter {
                'u' | 'U' => {
                    Problem::new(suffix, "unsigned numbers are not told apart").with_hint(format!("write `{written}`"))
                }
                _ => Problem::new(suffix, "a letter right behind a number"),
            });
        }
        if fraction {
            let value: f64 = written.parse().map_err(|_| wrong())?;
            return if value.is_finite() { Ok(Token::Double(value)) } else { Err(wrong()) };
        }
        match written.parse::<i64>() {
            Ok(value) => Ok(Token::Int(value)),
            Err(_) if written.parse() == Ok(1_u64 << 63) => Ok(Token::IntLimit),
            Err(_) => Err(wrong()),
        }
    }

    fn text(&mut self, raw: bool) -> Result<Token, Problem> {
        let start = self.at;
        let quote = self.peek().unwrap_or('"');
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let long = self.rest().starts_with(&triple);
        let close = if long { triple } else { quote.to_string() };
        self.at += close.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(&close) {
                self.at += close.len();
                return Ok(Token::Text(text));
            }
            match self.peek() {
                Some('\\') if !raw => text.push(self.escape()?),
                Some('\n') if !long => break,
                Some(letter) => {
                    self.at += letter.len_utf8();
                    text.push(letter);
                }
                None => break,
            }
        }
        Err(Problem::new(start..self.at, "the text is not closed").with_hint(format!("end it with `{close}`")))
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek();
        self.at += letter.map_or(0, char::len_utf8);
        let plain = match letter {
            Some('a') => Some('\u{7}'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\u{b}'),
            Some(same @ ('\\' | '?' | '"' | '\'' | '`')) => Some(same),
            _ => None,
        };
        if let Some(plain) = plain {
            return Ok(plain);
        }
        let (digits, radix) = match letter {
            Some('x' | 'X') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some('0'..='3') => {
                self.at -= 1;
                (3, 8)
            }
            _ => (0, 16),
        };
        let code = self.rest().get(..digits).filter(|code| !code.is_empty()).map(str::to_owned);
        let value = code.as_deref().and_then(|code| u32::from_str_radix(code, radix).ok()).and_then(char::from_u32);
        self.at += code.map_or(0, |code| code.len());
        let problem = Problem::new(start..self.at, "no such escape");
        value.ok_or_else(|| problem.with_hint("a backslash is `\\\\`, or write a raw text: `r'…'`"))
    }
}
