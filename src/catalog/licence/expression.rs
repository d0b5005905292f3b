//! SPDX licence expressions (SPDX 2.3, annex D), read tolerantly and written strictly.

use std::collections::BTreeMap;

use sha2::Digest as _;

use super::super::owned::hex;

/// Most tokens of an expression; more is a text.
const MAX_TOKENS: usize = 1024;
/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 32;
/// Most bytes of a licence text that are kept behind a `LicenseRef-…`.
pub(super) const MAX_TEXT: usize = 64 << 10;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A listed licence, with `+` or `WITH …` where they belong, or a `LicenseRef-…` of the package itself.
    Listed(String),
    /// Something that no list has.
    Unlisted {
        /// What the `LicenseRef-…` is made from.
        name: String,
        /// The text behind it; the name itself when there is none.
        text: Option<String>,
    },
    /// All apply.
    All(Vec<Expression>),
    /// One may be chosen.
    Any(Vec<Expression>),
}

/// How parts are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// `AND`: all apply.
    All,
    /// `OR`: one may be chosen.
    Any,
}

impl Expression {
    /// Joins parts; what is said twice is said once.
    pub fn join(join: Join, parts: Vec<Self>) -> Option<Self> {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            let inner = match part {
                Self::All(inner) if join == Join::All => inner,
                Self::Any(inner) if join == Join::Any => inner,
                other => vec![other],
            };
            for part in inner {
                if !flat.contains(&part) {
                    flat.push(part);
                }
            }
        }
        match (flat.len(), join) {
            (0 | 1, _) => flat.pop(),
            (_, Join::All) => Some(Self::All(flat)),
            (_, Join::Any) => Some(Self::Any(flat)),
        }
    }

    /// Whether every leaf is listed.
    pub fn is_listed(&self) -> bool {
        match self {
            Self::Listed(_) => true,
            Self::Unlisted { .. } => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_listed),
        }
    }

    /// Whether a leaf is longer than any licence's name: then the whole is prose.
    pub fn is_prose(&self) -> bool {
        match self {
            Self::Listed(_) => false,
            Self::Unlisted { name, .. } => name.len() > 80 || name.split(' ').count() > 8,
            Self::All(parts) | Self::Any(parts) => parts.len() > 200 || parts.iter().any(Self::is_prose),
        }
    }

    /// Writes it with as few parentheses as precedence allows (`AND` binds before `OR`) and collects the texts of its references.
    pub fn write(&self, texts: &mut BTreeMap<String, String>) -> String {
        match self {
            Self::Listed(id) => {
                if let Some(reference) = id.split(' ').next().filter(|id| id.starts_with("LicenseRef-")) {
                    texts.entry(reference.to_owned()).or_insert_with(|| reference.to_owned());
                }
                id.clone()
            }
            Self::Unlisted { name, text } => {
                let id = reference(name, text.as_deref());
                texts.entry(id.clone()).or_insert_with(|| cut(text.as_ref().unwrap_or(name)).to_owned());
                id
            }
            Self::Any(parts) => written(parts.iter().map(|part| part.write(texts)), " OR "),
            Self::All(parts) => {
                let parts = parts.iter().map(|part| match (part, part.write(texts)) {
                    (Self::Any(_), choice) if choice.contains(" OR ") => format!("({choice})"),
                    (_, part) => part,
                });
                written(parts, " AND ")
            }
        }
    }
}

/// Parts with an operator between them. Two names may give one reference: it is said once.
fn written(parts: impl Iterator<Item = String>, operator: &str) -> String {
    let mut once: Vec<String> = Vec::new();
    for part in parts {
        if !once.contains(&part) {
            once.push(part);
        }
    }
    once.join(operator)
}

/// The beginning of a text, as far as it is kept.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The `LicenseRef-…` of a name. With a text of its own, or where letters had to go, a hash keeps different licences apart.
fn reference(name: &str, text: Option<&str>) -> String {
    let mut slug = String::with_capacity(name.len());
    let mut lossy = text.is_some();
    for letter in name.chars() {
        match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' => slug.push(letter),
            ' ' | ':' | '_' | '/' | '\n' | '\t' if slug.ends_with('-') => {}
            ' ' | ':' | '_' | '/' | '\n' | '\t' => slug.push('-'),
            _ => lossy = true,
        }
        if slug.len() >= 48 {
            lossy = true;
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if !lossy && !slug.is_empty() {
        return format!("LicenseRef-{slug}");
    }
    let digest = sha2::Sha256::digest(text.unwrap_or(name).as_bytes());
    let hash = hex(&digest[..4]);
    let separator = if slug.is_empty() { "" } else { "-" };
    format!("LicenseRef-{slug}{separator}{hash}")
}

/// A token of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    Comma,
    Word(&'a str),
}

fn tokens(raw: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    for word in raw.split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let end = rest.find(['(', ')', ',', '|', '&', ';']).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if !word.is_empty() {
                tokens.push(match word {
                    "AND" | "and" | "And" => Token::And,
                    "OR" | "or" | "Or" => Token::Or,
                    word => Token::Word(word),
                });
            }
            let mut skip = 1;
            match behind.as_bytes() {
                [] => skip = 0,
                [b'(', ..] => tokens.push(Token::Open),
                [b')', ..] => tokens.push(Token::Close),
                [b'|', b'|', ..] | [b'&', b'&', ..] => {
                    skip = 2;
                    tokens.push(if behind.starts_with('|') { Token::Or } else { Token::And });
                }
                [b'|', ..] => tokens.push(Token::Or),
                [b'&', ..] => tokens.push(Token::And),
                _ => tokens.push(Token::Comma),
            }
            rest = behind.get(skip..).unwrap_or("");
            if tokens.len() > MAX_TOKENS {
                return None;
            }
        }
    }
    Some(tokens)
}

/// Reads an expression. `leaf` is given the words between two operators, joined by one blank. None when the text does not
/// follow the grammar.
pub(super) fn parse(raw: &str, leaf: &dyn Fn(&str) -> Expression) -> Option<Expression> {
    let tokens = tokens(raw)?;
    let mut parser = Parser { tokens: &tokens, leaf, depth: 0 };
    let expression = parser.listed()?;
    parser.tokens.is_empty().then_some(expression)
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    leaf: &'a dyn Fn(&str) -> Expression,
    depth: usize,
}

impl Parser<'_> {
    fn next_is(&mut self, token: Token<'_>) -> bool {
        let is = self.tokens.first() == Some(&token);
        if is {
            self.tokens = &self.tokens[1..];
        }
        is
    }

    /// Debian's lists: a comma before `and` or `or` ends what binds closer (`A or B, and C`).
    fn listed(&mut self) -> Option<Expression> {
        let mut left = self.any()?;
        while self.next_is(Token::Comma) {
            let join = if self.next_is(Token::And) {
                Join::All
            } else if self.next_is(Token::Or) {
                Join::Any
            } else {
                return None;
            };
            let right = self.any()?;
            left = Expression::join(join, vec![left, right])?;
        }
        Some(left)
    }

    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.next_is(Token::Or) {
            parts.push(self.all()?);
        }
        Expression::join(Join::Any, parts)
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.part()?];
        while self.next_is(Token::And) {
            parts.push(self.part()?);
        }
        Expression::join(Join::All, parts)
    }

    fn part(&mut self) -> Option<Expression> {
        if self.next_is(Token::Open) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return None;
            }
            let inner = self.listed()?;
            self.depth -= 1;
            return self.next_is(Token::Close).then_some(inner);
        }
        let mut words = String::new();
        while let Some(Token::Word(word)) = self.tokens.first() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
            self.tokens = &self.tokens[1..];
        }
        if words.is_empty() { None } else { Some((self.leaf)(&words)) }
    }
}
