//! The tree.

/// A range of bytes in the text, and the line and column (from 1) where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
}

impl Span {
    /// The same line and column in a text that starts that many bytes further on.
    #[must_use]
    pub fn shifted(self, bytes: usize) -> Self {
        Self { start: self.start + bytes, end: self.end + bytes, ..self }
    }
}

/// A scalar as YAML 1.2's core schema reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Text, or a quoted scalar.
    Text,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The key's text.
    pub key: String,
    /// Where the key is.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar: its text as written (quotes removed) and its type.
    Scalar(String, Scalar),
    /// A list.
    List(Vec<Node>),
    /// A table; keys are unique.
    Table(Vec<Member>),
}

/// A value and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is.
    pub span: Span,
}

impl Node {
    /// What it is, for messages: `a number`, `a list`.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(_, Scalar::Null) => "nothing",
            Value::Scalar(_, Scalar::Bool(_)) => "a boolean",
            Value::Scalar(_, Scalar::Integer(_) | Scalar::Float(_)) => "a number",
            Value::Scalar(_, Scalar::Text) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The members, when this is a table.
    #[must_use]
    pub fn table(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Table(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, when this is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, when this is a scalar that reads as text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, Scalar::Text) => Some(text),
            _ => None,
        }
    }

    /// Moves every place in the tree by that many bytes, so that trees of several texts can be told apart.
    #[must_use]
    pub fn shifted(mut self, bytes: usize) -> Self {
        self.shift(bytes);
        self
    }

    fn shift(&mut self, bytes: usize) {
        self.span = self.span.shifted(bytes);
        match &mut self.value {
            Value::Scalar(..) => {}
            Value::List(elements) => elements.iter_mut().for_each(|element| element.shift(bytes)),
            Value::Table(members) => {
                for member in members {
                    member.key_span = member.key_span.shifted(bytes);
                    member.value.shift(bytes);
                }
            }
        }
    }

    /// The member of that key, when this is a table.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Member> {
        self.table()?.iter().find(|member| member.key == key)
    }
}
