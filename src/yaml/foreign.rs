//! YAML as others write it: several documents, anchors, aliases, merge keys, tags, keys of any scalar type.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use super::parse::{Lines, MAX_DEPTH, MAX_NODES, close, next, resolve};
use super::{Member, Node, Scalar, Span, Value, YamlError};

/// Most bytes of text that all scalars may have together once aliases are written out.
const MAX_TEXT: usize = 16 << 20;
/// The key whose tables are merged into the one it stands in (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

/// Reads a file of several YAML documents; empty documents are left out.
///
/// Aliases are written out and merge keys are merged, both within bounds: no more than 200,000 nodes, 64 levels and
/// 16 MiB of text in all. Tags are passed over: a scalar with a tag is what it would be without.
///
/// # Errors
/// [`YamlError`] with the place of the first thing that is wrong: syntax, a key given twice, a key that is a list or a
/// table, an alias to nothing, a bound.
pub fn parse_foreign(text: &str) -> Result<Vec<Node>, YamlError> {
    let lines = Lines::of(text);
    let mut reader = Reader { events: Parser::new_from_str(text), lines, nodes: 0, bytes: 0, anchors: BTreeMap::new() };
    let mut documents = Vec::new();
    loop {
        let (event, span) = next(&mut reader.events, &reader.lines)?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => reader.anchors.clear(),
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            event => {
                let node = reader.node(event, span, 0)?.0;
                if !matches!(node.value, Value::Scalar(_, Scalar::Null)) {
                    documents.push(node);
                }
            }
        }
    }
}

/// A node that an alias may stand for, and what it costs to write it out.
struct Anchored {
    node: Node,
    height: usize,
    nodes: usize,
    bytes: usize,
}

struct Reader<'text> {
    events: Parser<'text, StrInput<'text>>,
    lines: Lines<'text>,
    nodes: usize,
    bytes: usize,
    anchors: BTreeMap<usize, Anchored>,
}

impl<'text> Reader<'text> {
    fn charge(&mut self, nodes: usize, bytes: usize, span: Span) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > MAX_NODES || self.bytes > MAX_TEXT {
            return Err(YamlError::new(span, "too large, with all aliases written out"));
        }
        Ok(())
    }

    /// Reads a node; gives it with its height.
    fn node(&mut self, event: Event<'text>, mut span: Span, depth: usize) -> Result<(Node, usize), YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::new(span, "nested too deeply"));
        }
        let before = (self.nodes, self.bytes);
        self.charge(1, 0, span)?;
        let (value, anchor, height) = match event {
            Event::Scalar(text, style, anchor, _) => {
                self.charge(0, text.len(), span)?;
                span.end = self.lines.quoted_end(span.start).unwrap_or(span.end);
                let scalar = if style == ScalarStyle::Plain { resolve(&text) } else { Scalar::Text };
                (Value::Scalar(text.into_owned(), scalar), anchor, 0)
            }
            Event::SequenceStart(anchor, _) => {
                let (value, height) = self.list(&mut span, depth)?;
                (value, anchor, height)
            }
            Event::MappingStart(anchor, _) => {
                let (value, height) = self.table(&mut span, depth)?;
                (value, anchor, height)
            }
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            _ => (Value::Scalar(String::new(), Scalar::Null), 0, 0),
        };
        let node = Node { value, span };
        if anchor != 0 {
            let (nodes, bytes) = (self.nodes - before.0, self.bytes - before.1);
            // The copy that is kept costs as much as the node itself.
            self.charge(nodes, bytes, span)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), height, nodes, bytes });
        }
        Ok((node, height))
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<(Node, usize), YamlError> {
        let Some(known) = self.anchors.get(&anchor) else {
            return Err(YamlError::new(span, "an alias to an anchor that is not complete here"));
        };
        let (height, nodes, bytes) = (known.height, known.nodes, known.bytes);
        if depth + height > MAX_DEPTH {
            return Err(YamlError::new(span, "nested too deeply, with all aliases written out"));
        }
        self.charge(nodes, bytes, span)?;
        let node = self.anchors.get(&anchor).map(|known| known.node.clone());
        Ok((node.unwrap_or(Node { value: Value::Scalar(String::new(), Scalar::Null), span }), height))
    }

    fn list(&mut self, span: &mut Span, depth: usize) -> Result<(Value, usize), YamlError> {
        let (mut elements, mut height) = (Vec::new(), 0);
        loop {
            match next(&mut self.events, &self.lines)? {
                (Event::SequenceEnd, end) => {
                    close(span, end);
                    return Ok((Value::List(elements), height + 1));
                }
                (Event::StreamEnd, end) => return Err(YamlError::new(end, "not YAML: a list without an end")),
                (event, place) => {
                    let (element, deep) = self.node(event, place, depth + 1)?;
                    span.end = span.end.max(element.span.end);
                    height = height.max(deep);
                    elements.push(element);
                }
            }
        }
    }

    fn table(&mut self, span: &mut Span, depth: usize) -> Result<(Value, usize), YamlError> {
        let (mut members, mut merged, mut height) = (Vec::<Member>::new(), Vec::new(), 0);
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        loop {
            let (event, place) = next(&mut self.events, &self.lines)?;
            match event {
                Event::MappingEnd => {
                    close(span, place);
                    merge(&mut members, merged);
                    return Ok((Value::Table(members), height + 1));
                }
                Event::StreamEnd => return Err(YamlError::new(place, "not YAML: a table without an end")),
                _ => {}
            }
            let (key_node, _) = self.node(event, place, depth + 1)?;
            let key_span = key_node.span;
            let (event, place) = next(&mut self.events, &self.lines)?;
            let (mut value, deep) = self.node(event, place, depth + 1)?;
            height = height.max(deep);
            if matches!(&value.value, Value::Scalar(text, Scalar::Null) if text.is_empty()) {
                value.span = key_span;
            }
            span.end = span.end.max(key_span.end).max(value.span.end);
            let Value::Scalar(key, _) = key_node.value else {
                return Err(YamlError::new(key_span, "a key must be a scalar"));
            };
            if key == MERGE {
                merged.push(value);
                continue;
            }
            if let Some(first) = seen.get(&key) {
                let message = format!("`{key}` is given twice, first in line {}", first.line);
                return Err(YamlError::new(key_span, message));
            }
            seen.insert(key.clone(), key_span);
            members.push(Member { key, key_span, value });
        }
    }
}

/// Adds what merge keys bring: what is written out counts before it, and the first table before the next.
fn merge(members: &mut Vec<Member>, merged: Vec<Node>) {
    let mut tables = Vec::new();
    for node in merged {
        match node.value {
            Value::Table(table) => tables.push(table),
            Value::List(nodes) => tables.extend(nodes.into_iter().filter_map(|node| match node.value {
                Value::Table(table) => Some(table),
                _ => None,
            })),
            Value::Scalar(..) => {}
        }
    }
    if tables.is_empty() {
        return;
    }
    let mut seen: BTreeSet<String> = members.iter().map(|member| member.key.clone()).collect();
    for member in tables.into_iter().flatten() {
        if seen.insert(member.key.clone()) {
            members.push(member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Vec<Node> {
        parse_foreign(text).unwrap_or_else(|error| panic!("{error} at {:?}", error.span))
    }

    #[test]
    fn several_documents_are_read_and_empty_ones_left_out() {
        let read = documents("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n");
        let keys: Vec<&str> = read.iter().map(|node| node.table().expect("a table")[0].key.as_str()).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(read[1].span.line, 6);
        assert!(documents("").is_empty());
    }

    #[test]
    fn aliases_and_merge_keys_are_written_out() {
        let text = "base: &b\n  image: app\n  user: '1'\nweb:\n  <<: *b\n  user: '2'\nboth:\n  <<: [{x: 1}, *b]\n8080: !tag y\n";
        let read = documents(text);
        let of = |name: &str, key: &str| {
            read[0].get(name).and_then(|member| member.value.get(key)).and_then(|member| member.value.text())
        };
        assert_eq!(of("web", "image"), Some("app"));
        assert_eq!(of("web", "user"), Some("2"), "what is written out counts before what is merged");
        assert_eq!(of("both", "image"), Some("app"));
        assert_eq!(read[0].get("8080").and_then(|member| member.value.text()), Some("y"));
    }

    #[test]
    fn bombs_end_with_an_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(parse_foreign(&bomb).is_err_and(|error| error.message.contains("too large")));
        let text = format!("t: &t \"{}\"\nl:\n{}", "x".repeat(900_000), "- *t\n".repeat(1000));
        assert!(parse_foreign(&text).is_err_and(|error| error.message.contains("too large")));
        let mut deep = String::from("a0: &a0 1\n");
        for level in 1..9 {
            deep.push_str(&format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(30), level - 1, "]".repeat(30)));
        }
        assert!(parse_foreign(&deep).is_err_and(|error| error.message.contains("deeply")));
        assert!(parse_foreign("a: &a [*a]\n").is_err());
        assert!(parse_foreign("a: 1\na: 2\n").is_err_and(|error| error.span.line == 2));
        assert!(parse_foreign("a: [1\nb: 2\n").is_err());
        assert!(parse_foreign("? [1]\n: 2\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ \t\r\na-c0-9:{}\\[\\],'\"#&*!|>~?<é%-]{0,60}") {
            let _ = parse_foreign(&text);
        }
    }
}
