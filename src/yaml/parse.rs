//! Text to tree.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as RawSpan, StrInput};

use super::{Member, Node, Scalar, Span, Value, YamlError};

/// Deepest nesting that is read.
pub(super) const MAX_DEPTH: usize = 64;
/// Most nodes that are read.
pub(super) const MAX_NODES: usize = 200_000;
/// Most complaints that are collected before reading stops.
const MAX_PROBLEMS: usize = 100;

/// Reads one YAML document. Empty text is an empty table.
///
/// # Errors
/// [`YamlError`] with the place of the first thing that is wrong, in the order of the text; see [`parse_all`].
pub fn parse(text: &str) -> Result<Node, YamlError> {
    match parse_all(text) {
        (_, mut problems) if !problems.is_empty() => Err(problems.swap_remove(0)),
        (Some(node), _) => Ok(node),
        (None, _) => Err(YamlError::new(Span { line: 1, column: 1, ..Span::default() }, "not YAML")),
    }
}

/// Reads one YAML document and collects everything that is wrong with it, in the order of the text: syntax, several
/// documents, anchors, aliases, tags, merge keys, duplicate or non-text keys, nesting deeper than 64, more than
/// 200,000 nodes.
///
/// There is no tree when the text could not be read to its end. A tree that comes with complaints lacks what they are
/// about: it serves to find further mistakes, not to be used.
#[must_use]
pub fn parse_all(text: &str) -> (Option<Node>, Vec<YamlError>) {
    let mut reader =
        Reader { events: Parser::new_from_str(text), lines: Lines::of(text), nodes: 0, problems: Vec::new() };
    let node = reader.document().map_err(|fatal| reader.problems.push(fatal)).ok();
    reader.problems.sort_by_key(|problem| problem.span.start);
    (node, reader.problems)
}

/// Where lines start. Places are taken from the line and column of a marker: its index drifts in some constructs.
pub(super) struct Lines<'text> {
    text: &'text str,
    starts: Vec<usize>,
}

impl<'text> Lines<'text> {
    /// Line breaks are `\n`, `\r\n` and `\r` (YAML 1.2.2, 5.4).
    pub(super) fn of(text: &'text str) -> Self {
        let bytes = text.as_bytes();
        let breaks = bytes.iter().enumerate().filter_map(|(at, byte)| match byte {
            b'\n' => Some(at + 1),
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => Some(at + 1),
            _ => None,
        });
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Byte offset, line and column of a marker, clamped to the text.
    fn place(&self, marker: Marker) -> (usize, usize, usize) {
        let line = marker.line().clamp(1, self.starts.len());
        let start = self.starts[line - 1];
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let content = self.text[start..end].trim_end_matches(['\n', '\r']);
        let column = if marker.line() > line { usize::MAX } else { marker.col() };
        match content.char_indices().nth(column) {
            Some((at, _)) => (start + at, line, column + 1),
            None => (start + content.len(), line, content.chars().count() + 1),
        }
    }

    pub(super) fn span(&self, raw: RawSpan) -> Span {
        let (start, line, column) = self.place(raw.start);
        let (end, ..) = self.place(raw.end);
        // Plain and block scalars report the blanks and line breaks behind them as their own.
        let end = end.max(start);
        Span { start, end: start + self.text[start..end].trim_end().len(), line, column }
    }

    /// The end of the quoted scalar that starts there: the parser counts blanks and comments behind it as its own.
    pub(super) fn quoted_end(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let quote = bytes.get(start).copied().filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let mut at = start + 1;
        loop {
            let byte = *bytes.get(at)?;
            at += match byte {
                b'\\' if quote == b'"' => 2,
                _ if byte == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => 2,
                _ if byte == quote => return Some(at + 1),
                _ => 1,
            };
        }
    }
}

/// The next event and its place; the end of the stream behind the last one.
pub(super) fn next<'text>(
    events: &mut Parser<'text, StrInput<'text>>,
    lines: &Lines<'text>,
) -> Result<(Event<'text>, Span), YamlError> {
    match events.next() {
        Some(Ok((event, span))) => Ok((event, lines.span(span))),
        Some(Err(error)) => {
            let span = lines.span(RawSpan::empty(*error.marker()));
            Err(YamlError::new(span, format!("not YAML: {}", error.info())))
        }
        None => Ok((Event::StreamEnd, Span::default())),
    }
}

struct Reader<'text> {
    events: Parser<'text, StrInput<'text>>,
    lines: Lines<'text>,
    nodes: usize,
    problems: Vec<YamlError>,
}

impl<'text> Reader<'text> {
    fn document(&mut self) -> Result<Node, YamlError> {
        let mut document = None;
        loop {
            let (event, span) = next(&mut self.events, &self.lines)?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if document.is_some() => return Err(YamlError::new(span, "a second document in one file")),
                event => document = Some(self.node(event, span, 0)?),
            }
        }
        Ok(match document {
            None => Node { value: Value::Table(Vec::new()), span: Span { line: 1, column: 1, ..Span::default() } },
            Some(Node { value: Value::Scalar(_, Scalar::Null), span }) => {
                Node { value: Value::Table(Vec::new()), span }
            }
            Some(node) => node,
        })
    }

    /// Notes a complaint behind which reading can go on.
    fn note(&mut self, problem: YamlError) -> Result<(), YamlError> {
        if self.problems.len() >= MAX_PROBLEMS {
            return Err(problem);
        }
        self.problems.push(problem);
        Ok(())
    }

    fn plain(&mut self, span: Span, anchor: usize, tagged: bool) -> Result<(), YamlError> {
        if anchor != 0 {
            self.note(YamlError::new(span, "anchors and aliases are not allowed").with_hint("write the value out"))?;
        }
        if tagged {
            self.note(YamlError::new(span, "tags are not allowed"))?;
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'text>, mut span: Span, depth: usize) -> Result<Node, YamlError> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(YamlError::new(span, "nested too deeply or too large"));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                span.end = self.lines.quoted_end(span.start).unwrap_or(span.end);
                let scalar = if style == ScalarStyle::Plain { resolve(&text) } else { Scalar::Text };
                Value::Scalar(text.into_owned(), scalar)
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                self.list(&mut span, depth)?
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(span, anchor, tag.is_some())?;
                self.table(&mut span, depth)?
            }
            _ => {
                self.plain(span, 1, false)?;
                Value::Scalar(String::new(), Scalar::Null)
            }
        };
        Ok(Node { value, span })
    }

    fn list(&mut self, span: &mut Span, depth: usize) -> Result<Value, YamlError> {
        let mut elements = Vec::new();
        loop {
            match next(&mut self.events, &self.lines)? {
                (Event::SequenceEnd, end) => {
                    close(span, end);
                    return Ok(Value::List(elements));
                }
                (event, place) => {
                    let element = self.node(event, place, depth + 1)?;
                    span.end = span.end.max(element.span.end);
                    elements.push(element);
                }
            }
        }
    }

    fn table(&mut self, span: &mut Span, depth: usize) -> Result<Value, YamlError> {
        let mut members: Vec<Member> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        loop {
            let (event, place) = next(&mut self.events, &self.lines)?;
            if matches!(event, Event::MappingEnd) {
                close(span, place);
                return Ok(Value::Table(members));
            }
            let key_node = self.node(event, place, depth + 1)?;
            let key_span = key_node.span;
            let (event, place) = next(&mut self.events, &self.lines)?;
            let mut value = self.node(event, place, depth + 1)?;
            if matches!(&value.value, Value::Scalar(text, Scalar::Null) if text.is_empty()) {
                // A value that was left out has no place of its own: complaints point at its key.
                value.span = key_span;
            }
            span.end = span.end.max(key_span.end).max(value.span.end);
            let Value::Scalar(key, Scalar::Text) = key_node.value else {
                let problem = YamlError::new(key_span, format!("a key must be text, not {}", key_node.describe()));
                self.note(problem.with_hint("put the key in quotes, and see that its value stands on the same line"))?;
                continue;
            };
            if key == "<<" {
                let problem = YamlError::new(key_span, "merge keys are not allowed").with_hint("write the values out");
                self.note(problem)?;
            } else if let Some(first) = seen.get(&key).copied() {
                let message = format!("`{key}` is given twice, first in line {}", first.line);
                self.note(YamlError::new(key_span, message).with_related(first, "first given here"))?;
            } else {
                seen.insert(key.clone(), key_span);
                members.push(Member { key, key_span, value });
            }
        }
    }
}

/// Ends a collection: a flow collection at its bracket, a block collection at its last child.
pub(super) fn close(span: &mut Span, end: Span) {
    if end.end > end.start {
        span.end = span.end.max(end.end);
    }
}

/// The type of a plain scalar (YAML 1.2.2, 10.3.2, core schema).
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        let digits = text.strip_prefix(prefix).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)));
        if let Some(number) = digits.and_then(|digits| i64::from_str_radix(digits, radix).ok()) {
            return Scalar::Integer(number);
        }
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Scalar::Text;
    }
    if let Ok(number) = text.parse() {
        return Scalar::Integer(number);
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if numeric => Scalar::Float(number),
        _ => Scalar::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Node {
        parse(text).unwrap_or_else(|error| panic!("{error} at {:?} in {text:?}", error.span))
    }

    /// The text of every node, depth first, as its span cuts it out.
    fn cuts(text: &str) -> Vec<String> {
        fn walk(text: &str, node: &Node, into: &mut Vec<String>) {
            into.push(text[node.span.start..node.span.end].to_owned());
            for element in node.list().unwrap_or_default() {
                walk(text, element, into);
            }
            for member in node.table().unwrap_or_default() {
                into.push(text[member.key_span.start..member.key_span.end].to_owned());
                walk(text, &member.value, into);
            }
        }
        let mut into = Vec::new();
        walk(text, &good(text), &mut into);
        into
    }

    #[test]
    fn a_block_collection_ends_with_its_last_child() {
        let text = "a:\n  b: 1   # note\n  c:\n    - x\n    - y z\n\n# end\nd: [1, {e: f}]\n";
        assert_eq!(
            cuts(text),
            [
                "a:\n  b: 1   # note\n  c:\n    - x\n    - y z\n\n# end\nd: [1, {e: f}]",
                "a",
                "b: 1   # note\n  c:\n    - x\n    - y z",
                "b",
                "1",
                "c",
                "- x\n    - y z",
                "x",
                "y z",
                "d",
                "[1, {e: f}]",
                "1",
                "{e: f}",
                "e",
                "f",
            ]
        );
    }

    #[test]
    fn quoted_block_and_folded_scalars_have_their_own_place() {
        let text = "a: 'it''s'\nb: \"x\\ty\"\nc: |\n  one\n  two\n\nd: plain\n  more\ne: 1\n";
        assert_eq!(
            &cuts(text)[1..],
            ["a", "'it''s'", "b", "\"x\\ty\"", "c", "one\n  two", "d", "plain\n  more", "e", "1"]
        );
        assert_eq!(good(text).get("a").and_then(|member| member.value.text()), Some("it's"));
    }

    #[test]
    fn places_hold_behind_letters_of_several_bytes() {
        let text = "# café — größer\nä: 'ö'   # ü\nb: x\n";
        assert_eq!(&cuts(text)[1..], ["ä", "'ö'", "b", "x"]);
        let node = good(text);
        let b = node.get("b").expect("there");
        assert_eq!((b.key_span.line, b.key_span.column, b.value.span.column), (3, 1, 4));
        let a = node.get("ä").expect("there");
        assert_eq!((a.value.span.line, a.value.span.column), (2, 4), "columns count characters");
    }

    #[test]
    fn places_hold_with_every_line_break_and_with_a_byte_order_mark() {
        for text in ["a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "a: 1\nb: 2", "\u{feff}a: 1\nb: 2"] {
            let node = good(text);
            let b = node.get("b").unwrap_or_else(|| panic!("{text:?}"));
            assert_eq!((b.key_span.line, b.key_span.column), (2, 1), "{text:?}");
            assert_eq!(&text[b.value.span.start..b.value.span.end], "2", "{text:?}");
            assert_eq!(&text[node.span.start..node.span.end].trim_start_matches('\u{feff}')[..4], "a: 1");
        }
    }

    #[test]
    fn a_value_left_out_is_placed_at_its_key() {
        let text = "a:\nb: 1\nc: {d: }\ne: ~\n";
        let node = good(text);
        let a = node.get("a").expect("there");
        assert_eq!(a.value.span, a.key_span);
        assert_eq!(&text[node.get("e").expect("there").value.span.start..][..1], "~");
        assert_eq!(node.span.end, text.len() - 1);
    }

    #[test]
    fn several_complaints_come_in_one_answer_in_the_order_of_the_text() {
        let (node, problems) = parse_all("a: 1\na: 2\nb: &x 3\nc: !!str 4\n<<: {}\n1: 2\nd: 5\n");
        assert_eq!(node.expect("read to the end").table().map(<[Member]>::len), Some(4), "a, b, c, d");
        let places: Vec<_> = problems.iter().map(|problem| (problem.span.line, problem.message.as_str())).collect();
        assert_eq!(
            places,
            [
                (2, "`a` is given twice, first in line 1"),
                (3, "anchors and aliases are not allowed"),
                (4, "tags are not allowed"),
                (5, "merge keys are not allowed"),
                (6, "a key must be text, not a number"),
            ]
        );
        assert_eq!(problems[0].related.as_ref().map(|related| related.0.line), Some(1));
    }

    #[test]
    fn whatever_yaml_allows_and_we_do_not_is_refused_with_its_place() {
        for (text, line) in [
            ("a: &x 1\n", 1),
            ("a: 1\nb: *x\n", 2),
            ("a: !tag 1\n", 1),
            ("a: 1\n? [b]\n: 2\n", 2),
            ("a: 1\n---\nb: 2\n", 3),
            ("a: [1\nb: 2\n", 2),
            ("a: 'x\n", 2),
            ("a: 1\n\tb: 2\n", 2),
            ("a: b: c\n", 1),
            ("null: 1\n", 1),
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                error.span.line.abs_diff(line) <= 1 && error.span.line > 0,
                "{text:?}: {error} in {}",
                error.span.line
            );
            assert!(error.span.end <= text.len());
        }
    }

    #[test]
    fn depth_and_number_of_nodes_are_bounded() {
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"- ".repeat(100_000)).is_err());
        assert!(parse(&"{a: ".repeat(100_000)).is_err());
        assert!(parse(&format!("{}1{}", "[".repeat(60), "]".repeat(60))).is_ok());
        assert!(parse(&"- 1\n".repeat(MAX_NODES + 1)).is_err());
        let (_, problems) = parse_all(&"a: 1\n".repeat(1000));
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
    }

    #[test]
    fn plain_scalars_read_as_the_core_schema_says_and_no_further() {
        for text in
            ["off", "on", "yes", "no", "2GB", "1_000", "0x", "0x-5", "0o8", "-", "+", ".", "-x", "1e", "1.2.3", "5%"]
        {
            assert_eq!(resolve(text), Scalar::Text, "{text}");
        }
        for (text, number) in [("0", 0), ("-17", -17), ("+3", 3), ("0x1F", 31), ("0o17", 15), ("007", 7)] {
            assert_eq!(resolve(text), Scalar::Integer(number), "{text}");
        }
        for text in ["1.0", "-.5", "1e3", "1.", ".inf", "-.INF", ".nan", "99999999999999999999"] {
            assert!(matches!(resolve(text), Scalar::Float(_)), "{text}");
        }
        assert_eq!(resolve("~"), Scalar::Null);
        assert_eq!(resolve("TRUE"), Scalar::Bool(true));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_every_place_lies_in_the_text(text in "[ \t\r\na-c0-9:{}\\[\\],'\"#&*!|>~?é%-]{0,60}") {
            let (node, problems) = parse_all(&text);
            proptest::prop_assert!(node.is_some() || !problems.is_empty());
            for problem in &problems {
                proptest::prop_assert!(text.get(problem.span.start..problem.span.end).is_some());
            }
            let mut stack: Vec<&Node> = node.iter().collect();
            while let Some(node) = stack.pop() {
                proptest::prop_assert!(text.get(node.span.start..node.span.end).is_some());
                stack.extend(node.list().unwrap_or_default());
                for member in node.table().unwrap_or_default() {
                    proptest::prop_assert!(text.get(member.key_span.start..member.key_span.end).is_some());
                    stack.push(&member.value);
                }
            }
        }
    }
}
