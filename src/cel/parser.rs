//! Tokens to a tree (CEL, langdef.md, "Syntax"; the macros of "Macros").

use std::ops::Range;

use super::Problem;
use super::lexer::{Token, tokens};
use super::syntax::{Expr, Kind, Literal, Macro, Name, Operator};

/// Deepest nesting of brackets, and of the tree, in which a chain of operators is as deep as it is long.
const MAX_DEPTH: usize = 40;
const MAX_TREE: usize = 200;
/// Most elements of a list, a map or the arguments of a call that are written out.
const MAX_ELEMENTS: usize = 1_000;

/// Words that are no names (CEL, langdef.md, "Reserved").
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Operators from the weakest on; those of one row are of equal strength.
const STRENGTHS: &[&[(&str, Operator)]] = &[
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::LessOrEqual),
        ("<", Operator::Less),
        (">=", Operator::GreaterOrEqual),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Expr, Problem> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn here(&self) -> Range<usize> {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0..0, |(_, at)| at.clone())
    }

    fn take(&mut self) -> (Token, Range<usize>) {
        let taken = (self.peek().clone(), self.here());
        self.at += 1;
        taken
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(known) if *known == sign);
        self.at += usize::from(is);
        is
    }

    /// Takes a sign that must be there; tells where it ends.
    fn expect(&mut self, sign: &str) -> Result<usize, Problem> {
        let end = self.here().end;
        if self.takes(sign) { Ok(end) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Text(_) => "text".to_owned(),
            Token::Int(_) | Token::IntLimit | Token::Double(_) => "a number".to_owned(),
        };
        Problem::new(self.here(), format!("{wanted} is wanted here, not {found}"))
    }

    fn expression(&mut self) -> Result<Expr, Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::new(self.here(), format!("nested deeper than {MAX_DEPTH}")));
        }
        let condition = self.binary(0)?;
        let done = if self.takes("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            let at = condition.at.start..no.at.end;
            let (condition, yes, no) = (Box::new(condition), Box::new(yes), Box::new(no));
            make(Kind::Choice { condition, yes, no }, at)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(done)
    }

    fn binary(&mut self, strength: usize) -> Result<Expr, Problem> {
        let Some(row) = STRENGTHS.get(strength) else { return self.unary() };
        let mut left = self.binary(strength + 1)?;
        loop {
            let operator = match self.peek() {
                Token::Sign(sign) => row.iter().find(|(known, _)| known == sign).map(|(_, operator)| *operator),
                Token::Name(name) if name == "in" && strength == 2 => Some(Operator::In),
                _ => None,
            };
            let Some(operator) = operator else { return Ok(left) };
            self.at += 1;
            let right = self.binary(strength + 1)?;
            let at = left.at.start..right.at.end;
            left = make(Kind::Binary { operator, left: Box::new(left), right: Box::new(right) }, at)?;
        }
    }

    fn unary(&mut self) -> Result<Expr, Problem> {
        let start = self.here().start;
        let (mut nots, mut minuses) = (0_usize, 0_usize);
        while self.takes("!") {
            nots += 1;
        }
        while nots == 0 && self.takes("-") {
            minuses += 1;
        }
        if nots + minuses > MAX_DEPTH {
            return Err(Problem::new(self.here(), format!("nested deeper than {MAX_DEPTH}")));
        }
        if minuses > 0 && *self.peek() == Token::IntLimit {
            let end = self.take().1.end;
            let limit = make(Kind::Literal(Literal::Int(i64::MIN)), start..end)?;
            return wrap(limit, minuses - 1, start, Kind::Negative);
        }
        let inner = self.member()?;
        wrap(wrap(inner, nots, start, Kind::Not)?, minuses, start, Kind::Negative)
    }

    fn member(&mut self) -> Result<Expr, Problem> {
        let mut of = self.primary()?;
        loop {
            let start = of.at.start;
            if self.takes(".") {
                let name = self.name("the name of a field or function")?;
                if self.takes("(") {
                    of = self.method(of, name)?;
                } else {
                    let at = start..name.at.end;
                    of = make(Kind::Select { of: Box::new(of), field: name }, at)?;
                }
            } else if self.takes("[") {
                let key = self.expression()?;
                let end = self.expect("]")?;
                of = make(Kind::Index { of: Box::new(of), key: Box::new(key) }, start..end)?;
            } else {
                return Ok(of);
            }
        }
    }

    fn name(&mut self, wanted: &str) -> Result<Name, Problem> {
        if let Token::Name(text) = self.peek() {
            let name = Name { text: text.clone(), at: self.here() };
            self.at += 1;
            return Ok(name);
        }
        Err(self.unexpected(wanted))
    }

    fn method(&mut self, target: Expr, name: Name) -> Result<Expr, Problem> {
        let start = target.at.start;
        let which = match name.text.as_str() {
            "all" => Macro::All,
            "exists" => Macro::Exists,
            "exists_one" | "existsOne" => Macro::ExistsOne,
            "filter" => Macro::Filter,
            "map" => Macro::Map,
            _ => {
                let (mut rest, end) = self.elements(")")?;
                let mut arguments = vec![target];
                arguments.append(&mut rest);
                return make(Kind::Call { function: name, method: true, arguments }, start..end);
            }
        };
        let variable = self.name("the name that an element gets")?;
        self.expect(",")?;
        let first = self.expression()?;
        let second = if which == Macro::Map && self.takes(",") { Some(self.expression()?) } else { None };
        let end = self.expect(")")?;
        let (condition, body) = match second {
            Some(second) => (Some(Box::new(first)), Box::new(second)),
            None => (None, Box::new(first)),
        };
        make(Kind::Macro { which, range: Box::new(target), variable, condition, body }, start..end)
    }

    /// Expressions with commas between them up to a sign; tells where that ends.
    fn elements(&mut self, close: &str) -> Result<(Vec<Expr>, usize), Problem> {
        let mut all = Vec::new();
        loop {
            let end = self.here().end;
            if self.takes(close) {
                return Ok((all, end));
            }
            if all.len() >= MAX_ELEMENTS {
                return Err(Problem::new(self.here(), format!("more than {MAX_ELEMENTS} elements")));
            }
            all.push(self.expression()?);
            let end = self.here().end;
            if !self.takes(",") {
                return if self.takes(close) {
                    Ok((all, end))
                } else {
                    Err(self.unexpected(&format!("`,` or `{close}`")))
                };
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Problem> {
        let (token, at) = self.take();
        let literal = |literal: Literal| make(Kind::Literal(literal), at.clone());
        match token {
            Token::Int(value) => literal(Literal::Int(value)),
            Token::Double(value) => literal(Literal::Double(value)),
            Token::Text(value) => literal(Literal::Text(value)),
            Token::IntLimit => Err(Problem::new(at, "not a number of 64 bits")),
            Token::Sign("(") => {
                let inner = self.expression()?;
                let end = self.expect(")")?;
                Ok(Expr { at: at.start..end, ..inner })
            }
            Token::Sign("[") => {
                let (elements, end) = self.elements("]")?;
                make(Kind::List(elements), at.start..end)
            }
            Token::Sign("{") => self.map(at.start),
            Token::Name(name) => match name.as_str() {
                "true" => literal(Literal::Bool(true)),
                "false" => literal(Literal::Bool(false)),
                "null" => literal(Literal::Null),
                "has" if self.takes("(") => self.has(at),
                word if RESERVED.contains(&word) || word == "in" => {
                    Err(Problem::new(at, format!("`{word}` is a reserved word")))
                }
                _ if self.takes("(") => {
                    let (arguments, end) = self.elements(")")?;
                    let start = at.start;
                    let function = Name { text: name, at };
                    make(Kind::Call { function, method: false, arguments }, start..end)
                }
                _ => make(Kind::Variable(name), at),
            },
            Token::Sign(_) | Token::End => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    fn map(&mut self, start: usize) -> Result<Expr, Problem> {
        let mut members = Vec::new();
        loop {
            let end = self.here().end;
            if self.takes("}") {
                return make(Kind::Map(members), start..end);
            }
            if members.len() >= MAX_ELEMENTS {
                return Err(Problem::new(self.here(), format!("more than {MAX_ELEMENTS} elements")));
            }
            let key = self.expression()?;
            self.expect(":")?;
            members.push((key, self.expression()?));
            if !self.takes(",") && !matches!(self.peek(), Token::Sign("}")) {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn has(&mut self, at: Range<usize>) -> Result<Expr, Problem> {
        let inner = self.expression()?;
        let end = self.expect(")")?;
        match inner.kind {
            Kind::Select { of, field } => make(Kind::Has { of, field }, at.start..end),
            _ => {
                Err(Problem::new(inner.at, "`has` asks for a field").with_hint("write `has(image.config.healthcheck)`"))
            }
        }
    }
}

fn wrap(mut inner: Expr, times: usize, start: usize, kind: fn(Box<Expr>) -> Kind) -> Result<Expr, Problem> {
    for _ in 0..times {
        let at = start..inner.at.end;
        inner = make(kind(Box::new(inner)), at)?;
    }
    Ok(inner)
}

/// A part of the tree, unless the tree gets too deep.
fn make(kind: Kind, at: Range<usize>) -> Result<Expr, Problem> {
    let made = Expr::new(kind, at);
    if made.depth > MAX_TREE {
        return Err(Problem::new(made.at, format!("more than {MAX_TREE} operators inside each other")));
    }
    Ok(made)
}
