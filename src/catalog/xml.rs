//! XML as a small tree without attributes. No entity is looked up or expanded but the five of XML itself and characters by
//! number; documents may be damaged, deep or huge: what comes before the damage is kept.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Most levels.
const DEPTH: usize = 128;
/// Most elements of one document.
const ELEMENTS: usize = 1_000_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The name without its namespace prefix.
    pub name: String,
    /// The text directly inside.
    pub text: String,
    /// The elements inside.
    pub children: Vec<Element>,
}

impl Element {
    /// The first element inside of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The elements of this name inside a list element: `<names><name/>…</names>`.
    pub fn list<'a>(&'a self, outer: &str, inner: &'a str) -> impl Iterator<Item = &'a Self> {
        self.child(outer).into_iter().flat_map(|list| &list.children).filter(move |child| child.name == inner)
    }

    /// The trimmed text of the first element inside of this name, unless it is empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }
}

/// Reads a document. The first element is the root; none when there is none.
pub(super) fn parse(text: &str) -> (Option<Element>, Option<String>) {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().allow_dangling_amp = true;
    let mut stack: Vec<Element> = Vec::new();
    let mut root = None;
    let mut left = ELEMENTS;
    let damage = loop {
        let place = |reader: &Reader<&[u8]>| {
            let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
            memchr::memchr_iter(b'\n', text.as_bytes().get(..end).unwrap_or_default()).count() + 1
        };
        let Ok(event) = reader.read_event() else {
            break Some(format!("line {}: the XML is damaged", place(&reader)));
        };
        match event {
            Event::Start(start) => {
                if stack.len() >= DEPTH || left == 0 {
                    break Some(format!("line {}: the XML is too deep or too large", place(&reader)));
                }
                left -= 1;
                stack.push(Element { name: start.local_name().into_inner().to_owned(), ..Element::default() });
            }
            Event::Empty(start) => {
                if left == 0 {
                    break Some(format!("line {}: the XML is too deep or too large", place(&reader)));
                }
                left -= 1;
                let element = Element { name: start.local_name().into_inner().to_owned(), ..Element::default() };
                close(element, &mut stack, &mut root);
            }
            Event::End(_) => {
                if let Some(element) = stack.pop() {
                    close(element, &mut stack, &mut root);
                }
            }
            Event::Text(content) => add(&mut stack, &content),
            Event::CData(content) => add(&mut stack, &content),
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                let mut buffer = [0; 4];
                add(&mut stack, character.unwrap_or('\u{fffd}').encode_utf8(&mut buffer));
            }
            Event::Eof => break (!stack.is_empty()).then(|| format!("line {}: the XML ends early", place(&reader))),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    };
    while let Some(element) = stack.pop() {
        close(element, &mut stack, &mut root);
    }
    (root, damage)
}

fn add(stack: &mut [Element], text: &str) {
    if let Some(element) = stack.last_mut() {
        element.text.push_str(text);
    }
}

fn close(element: Element, stack: &mut [Element], root: &mut Option<Element>) {
    match stack.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_tree_of_texts() {
        let (root, damage) = parse(
            "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><m:a x='1'>\n<b>1 &amp; &#50;<![CDATA[<3>]]></b><c/>&x;</m:a>",
        );
        let root = root.expect("a root");
        assert_eq!(damage, None);
        assert_eq!((root.name.as_str(), root.value("b"), root.children.len()), ("a", Some("1 & 2<3>"), 2));
        assert_eq!(root.text.trim(), "\u{fffd}");
    }

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        let (root, damage) = parse("<a><b>1</b>\n<c>2");
        assert_eq!(root.expect("a root").value("c"), Some("2"));
        assert_eq!(damage.as_deref(), Some("line 2: the XML ends early"));
        assert!(parse(&"<a>".repeat(10_000)).1.is_some_and(|damage| damage.contains("too deep")));
    }
}
