//! SLSA provenance of an image: which images its build used, how many stages have a part in it, which line of which
//! Dockerfile made which layer.
//!
//! Format: in-toto statements with SLSA provenance v0.2 or v1, as `BuildKit` writes them (docs/attestations/slsa-provenance.md
//! and slsa-definitions.md): what the builder knows beyond the standard stands in its metadata, with `mode=max` the texts
//! of the Dockerfiles too.

mod build_facts;
mod lines;
mod source_lines;
mod stages;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde_json::Value;

use crate::companions::Dockerfile;
use crate::model::DocumentKind;
use crate::oci::{RawDocument, parse_strict};

pub(super) use build_facts::{claim, read as build_facts};
pub(super) use lines::attach;
pub use source_lines::match_steps;

/// Files of one statement, bytes of one of them, and characters of a name.
const MAX_FILES: usize = 20;
const MAX_FILE: usize = 1 << 20;
const MAX_NAME: usize = 300;

/// Where `BuildKit` keeps what it knows about sources and layers, in v1 and v0.2 of the predicate.
const METADATA: &[&str] = &[
    "/predicate/runDetails/metadata/buildkit_metadata",
    "/predicate/runDetails/metadata/https:~1~1mobyproject.org~1buildkit@v1#metadata",
    "/predicate/metadata/https:~1~1mobyproject.org~1buildkit@v1#metadata",
    "/predicate/metadata/buildkit_metadata",
];

/// A provenance statement.
pub(super) struct Statement {
    value: Value,
    /// The files that the build was made from.
    sources: Vec<Source>,
}

/// A file that the build was made from; none when its text is not there.
struct Source {
    name: String,
    file: Option<Dockerfile>,
}

/// The provenance statements among the documents of an image.
pub(super) fn statements(documents: &[RawDocument]) -> Vec<Statement> {
    let attestations = documents.iter().filter(|document| document.kind == DocumentKind::Attestation);
    attestations.filter_map(statement).collect()
}

fn statement(document: &RawDocument) -> Option<Statement> {
    // Bills of materials are large, and none of our business here.
    memmem::find(&document.bytes, b"slsa.dev/provenance/")?;
    let value = parse_strict(&document.bytes).ok()?;
    let kind = value.get("predicateType").and_then(Value::as_str).unwrap_or_default();
    if !kind.starts_with("https://slsa.dev/provenance/") {
        return None;
    }
    let sources = metadata(&value).map(sources).unwrap_or_default();
    Some(Statement { value, sources })
}

impl Statement {
    /// What `BuildKit` adds to the standard.
    fn metadata(&self) -> Option<&Value> {
        metadata(&self.value)
    }
}

fn metadata(statement: &Value) -> Option<&Value> {
    METADATA.iter().find_map(|pointer| statement.pointer(pointer))
}

fn sources(metadata: &Value) -> Vec<Source> {
    let infos = metadata.pointer("/source/infos").and_then(Value::as_array);
    let folder = metadata.pointer("/vcs/localdir:dockerfile").and_then(Value::as_str).unwrap_or_default();
    infos
        .into_iter()
        .flatten()
        .take(MAX_FILES)
        .map(|info| {
            let name = info.get("filename").and_then(Value::as_str).unwrap_or("Dockerfile");
            let name = joined(folder, name);
            let data = info.get("data").and_then(Value::as_str).filter(|data| data.len() <= MAX_FILE * 4 / 3 + 4);
            let text = data.and_then(|data| STANDARD.decode(data).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
            Source { file: text.map(|text| Dockerfile::parse(&name, &text)), name }
        })
        .collect()
}

/// The path of a file in its repository, as far as the builder knew it; no path leads out of it.
fn joined(folder: &str, name: &str) -> String {
    let path: Vec<&str> =
        folder.split('/').chain(name.split('/')).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let path = path.join("/");
    let odd = path.is_empty() || path.chars().count() > MAX_NAME || path.chars().any(char::is_control);
    if odd { "Dockerfile".to_owned() } else { path }
}
