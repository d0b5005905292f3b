//! Many promotions as a file under version control: for every repository which digest has which tags.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::Digest;
use crate::oci::Reference;
use crate::release::tags::check_tag;
use crate::yaml::{Node, YamlError, parse, read};

/// Bytes of a file.
const MAX_BYTES: usize = 4 << 20;
/// Images of a file.
const MAX_IMAGES: usize = 10_000;

/// One image that goes from one repository to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The repository that it comes from, with its host.
    pub source: Reference,
    /// The repository that gets it.
    pub destination: Reference,
    /// The image.
    pub digest: Digest,
    /// The tags that it has there.
    pub tags: Vec<String>,
    /// The line of the file.
    pub line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read for its complaints: the parts are read one by one, with their places")]
struct Raw {
    version: u32,
    promotions: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPromotion {
    source: String,
    destination: String,
    #[expect(dead_code, reason = "read image by image, with their places")]
    images: IgnoredAny,
}

/// Reads a file, and refuses promotions that get into each other's way.
///
/// # Errors
/// [`YamlError`] with the place of the first thing that is wrong.
pub fn read_many(text: &str) -> Result<Vec<Edge>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::new(crate::yaml::Span::default(), format!("there are more than {MAX_BYTES} bytes")));
    }
    let root = parse(text)?;
    let raw: Raw = read(&root)?;
    if raw.version != 1 {
        let span = root.get("version").map_or(root.span, |member| member.value.span);
        return Err(YamlError::new(span, format!("version {} of such files is not known", raw.version)));
    }
    let elements = root.get("promotions").and_then(|member| member.value.list()).unwrap_or_default();
    if elements.is_empty() {
        return Err(YamlError::new(root.span, "a list of promotions is wanted"));
    }
    let mut edges: Vec<(Edge, &Node)> = Vec::new();
    for element in elements {
        promotion(element, &mut edges)?;
        if edges.len() > MAX_IMAGES {
            return Err(YamlError::new(element.span, format!("there are more than {MAX_IMAGES} images")));
        }
    }
    apart(&edges)?;
    Ok(edges.into_iter().map(|(edge, _)| edge).collect())
}

fn promotion<'a>(element: &'a Node, edges: &mut Vec<(Edge, &'a Node)>) -> Result<(), YamlError> {
    let raw: RawPromotion = read(element)?;
    let place = |key: &str| element.get(key).map_or(element.span, |member| member.value.span);
    let repository = |key: &str, text: &str| {
        let reference: Reference =
            text.parse().map_err(|error: crate::oci::ReferenceError| YamlError::new(place(key), error.to_string()))?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(YamlError::new(place(key), "a repository without tag and digest is wanted here"));
        }
        Ok(reference)
    };
    let (source, destination) = (repository("source", &raw.source)?, repository("destination", &raw.destination)?);
    if source.repository_name() == destination.repository_name() {
        return Err(YamlError::new(place("destination"), "source and destination are the same repository"));
    }
    let images = element.get("images").and_then(|member| member.value.table()).unwrap_or_default();
    if images.is_empty() {
        return Err(YamlError::new(place("images"), "a table of digests, each with its tags, is wanted here"));
    }
    for image in images {
        let digest: Digest = image.key.parse().map_err(|error: crate::model::DigestError| {
            YamlError::new(image.key_span, error.to_string()).with_hint("write sha256:… and 64 hexadecimal digits")
        })?;
        let list = image.value.list().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| YamlError::new(image.value.span, "a list of tags is wanted here"))?;
        let mut tags: Vec<String> = Vec::new();
        for node in list {
            let tag = node.text().ok_or_else(|| {
                YamlError::new(node.span, "a tag is wanted here").with_hint("put it in quotes: \"1.4\"")
            })?;
            check_tag(tag).map_err(|error| YamlError::new(node.span, error.to_string()))?;
            if tags.iter().any(|known| known == tag) {
                return Err(YamlError::new(node.span, format!("tag `{tag}` is named twice")));
            }
            tags.push(tag.to_owned());
        }
        edges.push((
            Edge { source: source.clone(), destination: destination.clone(), digest, tags, line: image.key_span.line },
            element,
        ));
    }
    Ok(())
}

/// Every tag gets one image from one repository, and no repository is both: the result may not depend on the order.
fn apart(edges: &[(Edge, &Node)]) -> Result<(), YamlError> {
    let mut taken: BTreeMap<(String, &str), &Edge> = BTreeMap::new();
    let sources: std::collections::BTreeSet<String> =
        edges.iter().map(|(edge, _)| edge.source.repository_name()).collect();
    for (edge, element) in edges {
        let destination = edge.destination.repository_name();
        if sources.contains(&destination) {
            let message =
                format!("`{destination}` is a source of this file too: what it gets would depend on the order");
            let problem = YamlError::new(element.span, message);
            return Err(problem.with_hint("promote stage by stage, each with a file of its own"));
        }
        for tag in &edge.tags {
            if let Some(other) = taken.insert((destination.clone(), tag), edge) {
                let message = format!("`{destination}:{tag}` is given twice: to an image in line {}", other.line);
                let mut problem = YamlError::new(element.span, message);
                problem.span.line = edge.line;
                return Err(problem);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> String {
        format!("version: 1\npromotions:\n{body}")
    }

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    #[test]
    fn every_image_is_an_edge() {
        let body = format!(
            "  - source: s.example/app\n    destination: p.example/app\n    images:\n      {}: [\"1.4.2\", \"1.4\"]\n      {}: [\"1.3.9\"]\n",
            digest("a"),
            digest("b")
        );
        let edges = read_many(&text(&body)).expect("edges");
        assert_eq!(edges.len(), 2);
        assert_eq!((edges[0].tags.len(), edges[0].line, edges[1].line), (2, 6, 7));
    }

    #[test]
    fn overlapping_edges_are_refused() {
        let one = |source: &str, destination: &str, name: &str, tag: &str| {
            let digest = digest(name);
            format!(
                "  - source: {source}\n    destination: {destination}\n    images: {{ \"{digest}\": [\"{tag}\"] }}\n"
            )
        };
        let apart = one("s.example/a", "p.example/a", "a", "1.0.0") + &one("s.example/a", "p.example/a", "b", "1.0.1");
        assert!(read_many(&text(&apart)).is_ok());
        for (wrong, words) in [
            (one("s.example/a", "p.example/a", "a", "x") + &one("s.example/a", "p.example/a", "b", "x"), "given twice"),
            (one("s.example/a", "p.example/a", "a", "x") + &one("t.example/a", "p.example/a", "a", "x"), "given twice"),
            (one("s.example/a", "p.example/a", "a", "x") + &one("p.example/a", "q.example/a", "a", "x"), "order"),
            (one("s.example/a", "s.example/a", "a", "x"), "the same repository"),
            (one("s.example/a:1", "p.example/a", "a", "x"), "without tag"),
            (one("s.example/a", "p.example/a", "a", "-x"), "tag"),
        ] {
            let error = read_many(&text(&wrong)).expect_err(words);
            assert!(error.message.contains(words), "{words}: {}", error.message);
        }
        assert!(read_many("version: 2\npromotions: []\n").is_err());
        assert!(read_many("version: 1\npromotions: []\n").is_err());
    }
}
