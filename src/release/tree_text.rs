//! A closure as a tree for people.

use std::collections::BTreeSet;

use crate::model::{Digest, format_bytes};
use crate::report::escape::visible;

use super::closure::{Closure, Kind, Link, Node};
use super::json::way;

/// Writes a closure as a tree: what is listed, blobs, evidence. What hangs on several branches is written out once.
#[must_use]
pub fn tree_text(reference: &str, closure: &Closure) -> String {
    let mut tree = Tree { closure, text: String::new(), written: BTreeSet::new() };
    tree.text.push_str(&visible(reference));
    tree.text.push('\n');
    tree.branch(&closure.root, None, "", true);
    for (subject, problem) in &closure.problems {
        tree.text.push_str(&format!("! evidence of {}: {}\n", subject.short(), visible(problem)));
    }
    tree.text
}

struct Tree<'a> {
    closure: &'a Closure,
    text: String,
    written: BTreeSet<Digest>,
}

/// What stands below a manifest.
enum Below<'a> {
    Blob(String),
    Node(&'a Digest, Option<Link>),
}

impl Tree<'_> {
    fn line(&mut self, prefix: &str, last: bool, text: &str) {
        let corner = if last { "└─ " } else { "├─ " };
        self.text.push_str(&format!("{prefix}{corner}{text}\n"));
    }

    fn branch(&mut self, digest: &Digest, link: Option<Link>, prefix: &str, last: bool) {
        let Some(node) = self.closure.nodes.get(digest) else { return };
        let again = !self.written.insert(digest.clone());
        let mut text = title(node, link);
        if again {
            text.push_str("  (see above)");
        }
        self.line(prefix, last, &text);
        if again {
            return;
        }
        let prefix = format!("{prefix}{}", if last { "   " } else { "│  " });
        let mut below: Vec<Below<'_>> = node.children.iter().map(|child| Below::Node(&child.digest, None)).collect();
        for (at, blob) in node.blobs.iter().enumerate() {
            let what = if at == 0 { "config" } else { "layer" };
            let size = format_bytes(blob.size);
            below.push(Below::Blob(format!("{what}  {}  {size}  {}", blob.digest, visible(&blob.media_type))));
        }
        below.extend(node.evidence.iter().map(|(link, digest)| Below::Node(digest, Some(*link))));
        let count = below.len();
        for (at, one) in below.into_iter().enumerate() {
            let last = at + 1 == count;
            match one {
                Below::Blob(text) => self.line(&prefix, last, &text),
                Below::Node(digest, link) => self.branch(digest, link, &prefix, last),
            }
        }
    }
}

fn title(node: &Node, link: Option<Link>) -> String {
    let mut text = match link {
        Some(Link::Referrer(_)) => "referrer ".to_owned(),
        Some(Link::Sidecar(_)) => "beside ".to_owned(),
        None => String::new(),
    };
    text.push_str(node.kind.word());
    if let Some(platform) = &node.platform
        && node.kind != Kind::Attestation
    {
        text.push_str(&format!(" {platform}"));
    }
    text.push_str(&format!("  {}", node.manifest.digest));
    if node.kind == Kind::Image {
        text.push_str(&format!("  {}", format_bytes(node.blob_bytes())));
    }
    if node.kind != Kind::Image
        && let Some(artifact_type) = &node.artifact_type
    {
        text.push_str(&format!("  {}", visible(artifact_type)));
    }
    if let Some(about) = node.annotations.get("vnd.docker.reference.digest") {
        text.push_str(&format!("  about {}", visible(about)));
    }
    if let Some(link) = link {
        text.push_str(&format!("  (found by {})", way(link)));
    }
    text
}
