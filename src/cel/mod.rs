//! Expressions of the Common Expression Language (CEL, github.com/google/cel-spec, langdef.md) over the facts of an
//! image: read, checked against the schema of the facts, and worked out within a bound of steps.
//!
//! What is not there: `uint`, `bytes`, `duration` and `timestamp` values, messages, `dyn`, `type`. Everything else of
//! the language that is about booleans, numbers, text, lists and maps is, and means what the specification says, but
//! that kinds are checked before anything is worked out.

mod check;
mod evaluate;
mod functions;
mod lexer;
mod parser;
mod reference;
mod schema;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::ops::Range;

pub use evaluate::{MAX_STEPS, Stopped};
pub use reference::reference;

use schema::{Schema, Type};
use syntax::Expr;

/// Most bytes of one expression.
const MAX_TEXT: usize = 10_000;

/// What is wrong with an expression, and where in its text (bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Range<usize>,
    /// A lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An expression that was checked against the facts and yields a boolean.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    expression: Expr,
    /// Fields of `image` that it looks at.
    fields: Vec<String>,
}

impl Program {
    /// Reads and checks an expression. `costly` allows a long list to be gone through once for each element of another.
    ///
    /// # Errors
    /// Everything that is wrong: syntax, unknown variables, fields and functions, kinds that do not go together, too
    /// costly.
    pub fn compile(text: &str, costly: bool) -> Result<Self, Vec<Problem>> {
        if text.len() > MAX_TEXT {
            let message = format!("the expression has more than {MAX_TEXT} bytes");
            return Err(vec![Problem::new(0..text.len(), message)]);
        }
        let expression = parser::parse(text).map_err(|problem| vec![problem])?;
        let checked = check::check(&expression, Schema::of_facts(), costly);
        let mut problems = checked.problems;
        if problems.is_empty() && !matches!(checked.kind, Type::Bool | Type::Any) {
            let message = format!("a boolean is wanted, and the expression is {}", checked.kind.describe());
            problems.push(Problem::new(expression.at.clone(), message));
        }
        if problems.is_empty() { Ok(Self { expression, fields: checked.fields }) } else { Err(problems) }
    }

    /// Whether it looks at that field of `image`.
    #[must_use]
    pub fn reads(&self, field: &str) -> bool {
        self.fields.iter().any(|known| known == field)
    }
}
