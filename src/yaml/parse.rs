//! Text to tree.

use saphyr_parser::{Event, Parser, ScalarStyle, Span as RawSpan};

use super::{Member, Node, Scalar, Span, Value, YamlError};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;
/// Most nodes that are read.
const MAX_NODES: usize = 200_000;

/// Reads one YAML document. Empty text is an empty table.
///
/// # Errors
/// [`YamlError`] with the place: syntax, several documents, anchors, aliases, tags, duplicate or non-text keys,
/// nesting deeper than 64, more than 200,000 nodes.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    offsets.push(text.len());
    let mut reader = Reader { events: Parser::new_from_str(text), offsets, nodes: 0 };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            _ if document.is_some() => return Err(YamlError::new(span, "a second document in one file")),
            event => document = Some(reader.node(event, span, 0)?),
        }
    }
    match document {
        None => Ok(Node { value: Value::Table(Vec::new()), span: Span { line: 1, column: 1, ..Span::default() } }),
        Some(Node { value: Value::Scalar(_, Scalar::Null), span }) => {
            Ok(Node { value: Value::Table(Vec::new()), span })
        }
        Some(node) => Ok(node),
    }
}

struct Reader<'text> {
    events: Parser<'text, saphyr_parser::StrInput<'text>>,
    offsets: Vec<usize>,
    nodes: usize,
}

impl<'text> Reader<'text> {
    fn span(&self, raw: RawSpan) -> Span {
        let byte = |index: usize| self.offsets[index.min(self.offsets.len() - 1)];
        let (start, end) = (byte(raw.start.index()), byte(raw.end.index()));
        Span { start, end: end.max(start), line: raw.start.line(), column: raw.start.col() + 1 }
    }

    fn next(&mut self) -> Result<(Event<'text>, Span), YamlError> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, self.span(span))),
            Some(Err(error)) => {
                let marker = *error.marker();
                let span = self.span(RawSpan::empty(marker));
                Err(YamlError::new(span, format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Node, YamlError> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(YamlError::new(span, "nested too deeply or too large"));
        }
        let plain = |anchor: usize, tagged: bool| {
            if anchor != 0 {
                Err(YamlError::new(span, "anchors and aliases are not allowed: write the value out"))
            } else if tagged {
                Err(YamlError::new(span, "tags are not allowed"))
            } else {
                Ok(())
            }
        };
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain(anchor, tag.is_some())?;
                let scalar = if style == ScalarStyle::Plain { resolve(&text) } else { Scalar::Text };
                Value::Scalar(text.into_owned(), scalar)
            }
            Event::SequenceStart(anchor, tag) => {
                plain(anchor, tag.is_some())?;
                self.list(depth)?
            }
            Event::MappingStart(anchor, tag) => {
                plain(anchor, tag.is_some())?;
                self.table(depth)?
            }
            _ => return Err(YamlError::new(span, "anchors and aliases are not allowed: write the value out")),
        };
        Ok(Node { value, span })
    }

    fn list(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(elements)),
                (event, span) => elements.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut members: Vec<Member> = Vec::new();
        let mut seen = std::collections::BTreeMap::new();
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Table(members));
            }
            let Value::Scalar(key, _) = self.node(event, key_span, depth + 1)?.value else {
                return Err(YamlError::new(key_span, "a key must be a word"));
            };
            if key == "<<" {
                return Err(YamlError::new(key_span, "merge keys are not allowed: write the values out"));
            }
            if let Some(line) = seen.insert(key.clone(), key_span.line) {
                return Err(YamlError::new(key_span, format!("`{key}` is given twice, first in line {line}")));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            members.push(Member { key, key_span, value });
        }
    }
}

/// The type of a plain scalar (YAML 1.2.2, 10.3.2, core schema).
fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return Scalar::Text;
    }
    let radix = |prefix: &str, radix| text.strip_prefix(prefix).and_then(|rest| i64::from_str_radix(rest, radix).ok());
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| text.parse().ok()) {
        return Scalar::Integer(number);
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if numeric => Scalar::Float(number),
        _ => Scalar::Text,
    }
}
