//! The tree of an expression.

use std::ops::Range;

/// A part of an expression and where it stands, in bytes of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
    /// How many parts lie inside each other, itself included.
    pub(super) depth: usize,
}

impl Expr {
    pub(super) fn new(kind: Kind, at: Range<usize>) -> Self {
        let depth = kind.parts().into_iter().map(|part| part.depth).max().unwrap_or(0) + 1;
        Self { kind, at, depth }
    }
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// A value that is written out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// What goes through a list or the keys of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Literal(Literal),
    Variable(String),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    /// `of.field`.
    Select {
        of: Box<Expr>,
        field: Name,
    },
    /// `of[key]`.
    Index {
        of: Box<Expr>,
        key: Box<Expr>,
    },
    /// `has(of.field)`.
    Has {
        of: Box<Expr>,
        field: Name,
    },
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Choice {
        condition: Box<Expr>,
        yes: Box<Expr>,
        no: Box<Expr>,
    },
    /// `function(…)`, or `target.function(…)` with the target first.
    Call {
        function: Name,
        method: bool,
        arguments: Vec<Expr>,
    },
    /// `range.all(variable, body)` and its like; `condition` is that of `map(x, condition, body)`.
    Macro {
        which: Macro,
        range: Box<Expr>,
        variable: Name,
        condition: Option<Box<Expr>>,
        body: Box<Expr>,
    },
}

impl Kind {
    /// The expressions right inside this one.
    pub(super) fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) | Self::Variable(_) => Vec::new(),
            Self::List(elements) | Self::Call { arguments: elements, .. } => elements.iter().collect(),
            Self::Map(members) => members.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Select { of, .. } | Self::Has { of, .. } | Self::Not(of) | Self::Negative(of) => vec![of],
            Self::Index { of: left, key: right } | Self::Binary { left, right, .. } => vec![left, right],
            Self::Choice { condition, yes, no } => vec![condition, yes, no],
            Self::Macro { range, condition, body, .. } => {
                [Some(range), condition.as_ref(), Some(body)].into_iter().flatten().map(Box::as_ref).collect()
            }
        }
    }
}
