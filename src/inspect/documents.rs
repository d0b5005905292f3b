//! Secrets in the small documents of an image: every string of manifest, index, config and attestations, at its pointer.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::model::{DocumentKind, Gap, GapKind, Place};
use crate::oci::{RawDocument, parse_strict};
use crate::secrets::{FileScan, Scanner};

use super::sightings::Sighting;

/// Strings of one document.
const MAX_STRINGS: usize = 2_000_000;
/// Shortest text that is tried as base64.
const MIN_BASE64: usize = 24;

/// Members of the config that are searched field by field, so that they can be masked.
const FIELDS: &[&str] = &[
    "/config/Env",
    "/config/Labels",
    "/config/Entrypoint",
    "/config/Cmd",
    "/config/Shell",
    "/config/OnBuild",
    "/config/Healthcheck/Test",
    "/config/User",
    "/config/WorkingDir",
    "/config/StopSignal",
    "/config/ExposedPorts",
    "/config/Volumes",
    "/author",
];

/// Searches one document.
pub(super) fn search(document: &RawDocument, scanner: &Scanner) -> (Vec<Sighting>, Option<Gap>) {
    let mut search = Search { document, scanner, seen: Vec::new(), strings: 0, pointer: String::new() };
    match parse_strict(&document.bytes) {
        Ok(value) => search.value("", &value),
        // Whatever it is, its bytes are searched.
        Err(_) => search.bytes(),
    }
    let gap = (search.strings > MAX_STRINGS).then(|| Gap {
        kind: GapKind::SecretScan,
        layer: None,
        path: None,
        detail: format!("{} holds more than {MAX_STRINGS} texts: the rest was not searched", document.digest),
    });
    (search.seen, gap)
}

struct Search<'a> {
    document: &'a RawDocument,
    scanner: &'a Scanner,
    seen: Vec<Sighting>,
    strings: usize,
    pointer: String,
}

impl Search<'_> {
    fn bytes(&mut self) {
        let mut hits = Vec::new();
        let bytes = &self.document.bytes;
        FileScan::new("", bytes.len() as u64).feed(self.scanner, bytes, true, &mut hits);
        let seen = hits.iter().map(|hit| Sighting::of_hit(hit, self.place()));
        let seen: Vec<_> = seen.collect();
        self.seen.extend(seen);
    }

    fn place(&self) -> Place {
        match self.document.kind {
            DocumentKind::Config => Place::Config { pointer: self.pointer.clone() },
            document => {
                Place::Document { document, digest: self.document.digest.clone(), pointer: self.pointer.clone() }
            }
        }
    }

    /// `key` is the name that gives the value its meaning: of the member, or of the list it stands in.
    fn value(&mut self, key: &str, value: &Value) {
        if self.strings > MAX_STRINGS || self.is_field() {
            return;
        }
        match value {
            Value::String(text) => self.text(key, text),
            Value::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    self.step(&at.to_string(), |search| search.value(key, element));
                }
            }
            Value::Object(members) => {
                // `{"name": "TOKEN", "value": "…"}` is a pair as well.
                let of = |name: &str| members.get(name).and_then(Value::as_str);
                let named = of("name").or_else(|| of("key")).or_else(|| of("Name")).unwrap_or_default();
                for (name, member) in members {
                    let key = if name.eq_ignore_ascii_case("value") && !named.is_empty() { named } else { name };
                    self.step(name, |search| {
                        search.found("", name);
                        search.value(key, member);
                    });
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn is_field(&self) -> bool {
        self.document.kind == DocumentKind::Config
            && (FIELDS.contains(&self.pointer.as_str()) || is_told_step(&self.pointer))
    }

    fn step(&mut self, key: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        // A key that is a secret must not show up in the pointer.
        let key = super::mask::masked(self.scanner, key);
        self.pointer.push('/');
        self.pointer.push_str(&key.chars().take(80).collect::<String>().replace('~', "~0").replace('/', "~1"));
        visit(self);
        self.pointer.truncate(length);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.strings += 1;
        // BuildKit writes `build-arg:NAME`, frontends `label:NAME`.
        let key = key.rsplit_once(':').map_or(key, |(_, name)| name);
        self.found(key, text);
        if let Some(inner) = decoded(text) {
            self.found(key, &inner);
        }
    }

    fn found(&mut self, key: &str, text: &str) {
        for hit in self.scanner.scan_text(key, text) {
            let place = self.place();
            self.seen.push(Sighting::of_text(hit, place));
        }
    }
}

/// Whether a pointer is that of a step's instruction or comment.
fn is_told_step(pointer: &str) -> bool {
    pointer
        .strip_prefix("/history/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, field)| matches!(field, "created_by" | "comment"))
}

/// The text inside a base64 text, such as a Dockerfile in a provenance statement.
fn decoded(text: &str) -> Option<String> {
    let bare = text.trim_end_matches('=');
    if bare.len() < MIN_BASE64 || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)) {
        return None;
    }
    let bytes = STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()?;
    let inner = String::from_utf8(bytes).ok()?;
    let readable = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
    inner.chars().all(readable).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use serde_json::json;

    fn pointers(kind: DocumentKind, value: &Value) -> Vec<String> {
        let bytes: std::sync::Arc<[u8]> = serde_json::to_vec(value).expect("serialises").into();
        let document = RawDocument { kind, digest: Digest::of(&bytes), bytes };
        let (seen, gap) = search(&document, &Scanner::new());
        assert_eq!(gap, None);
        let facts = super::super::sightings::join(seen, &Scanner::new(), super::super::pairs::Reach::Image);
        let mut pointers: Vec<String> = facts
            .iter()
            .flat_map(|fact| &fact.places)
            .map(|place| match place {
                Place::Document { pointer, .. } | Place::Config { pointer } => pointer.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        pointers.sort();
        pointers
    }

    fn token() -> String {
        format!("{}_live_{}", "sk", "kR7vQ2mZx8Lw3Np5Tb9Yc4Hd")
    }

    #[test]
    fn provenance_is_searched_at_every_depth() {
        let dockerfile =
            base64::engine::general_purpose::STANDARD.encode(format!("FROM scratch\nENV STRIPE_KEY={}\n", token()));
        let statement = json!({
            "predicate": {
                "buildDefinition": {
                    "externalParameters": { "request": { "args": { "build-arg:NPM_TOKEN": "kR7vQ2mZx8Lw" } } },
                    "internalParameters": { "env": [{ "name": "DB_PASSWORD", "value": "kR7vQ2mZx8Lw" }] },
                },
                "runDetails": { "metadata": { "source": { "infos": [{ "data": dockerfile }] } } },
                "materials": [{ "uri": "https://bot:kR7vQ2mZx8Lw@git.internal/x.git" }],
            },
        });
        let found = pointers(DocumentKind::Attestation, &statement);
        for wanted in [
            "/predicate/buildDefinition/externalParameters/request/args/build-arg:NPM_TOKEN",
            "/predicate/buildDefinition/internalParameters/env/0/value",
            "/predicate/runDetails/metadata/source/infos/0/data",
            "/predicate/materials/0/uri",
        ] {
            assert!(found.iter().any(|pointer| pointer == wanted), "{wanted}: {found:?}");
        }
    }

    #[test]
    fn unknown_fields_of_the_config_are_searched_and_known_ones_are_left_to_their_own_search() {
        let config = json!({
            "config": { "Env": [format!("A={}", token())], "Note": token() },
            "container_config": { "Env": [format!("B={}", token())] },
            "history": [{ "created_by": token(), "author": token() }],
        });
        assert_eq!(
            pointers(DocumentKind::Config, &config),
            ["/config/Note", "/container_config/Env/0", "/history/0/author"]
        );
    }

    #[test]
    fn a_document_that_is_no_json_is_searched_as_it_is() {
        let bytes: std::sync::Arc<[u8]> = format!("not json {}\n", token()).into_bytes().into();
        let document = RawDocument { kind: DocumentKind::Attestation, digest: Digest::of(&bytes), bytes };
        assert_eq!(search(&document, &Scanner::new()).0.len(), 1);
    }

    #[test]
    fn a_key_that_is_a_secret_does_not_stand_in_the_pointer() {
        let found = pointers(DocumentKind::Manifest, &json!({ "annotations": { token(): "x" } }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!found[0].contains(&token()[12..]), "{found:?}");
    }
}
