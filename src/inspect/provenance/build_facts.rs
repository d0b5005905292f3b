//! What the provenance of an image says of its build: the images it used, and how many stages have a part in the result.
//!
//! Formats: in-toto statement with SLSA provenance v0.2 (`materials`) or v1 (`buildDefinition.resolvedDependencies`), as
//! `BuildKit` writes them (docs/attestations/slsa-provenance.md): images are `pkg:docker/…` with a digest, and with
//! `mode=max` the Dockerfile stands in `source.infos`.

use serde_json::Value;

use crate::model::{BaseClaim, BaseGrade, BuildFacts, BuildImage, Digest, Purl};

use super::super::base::canonical;
use super::Statement;
use super::stages::stages;

/// Dependencies of one statement that are looked at.
const MAX_DEPENDENCIES: usize = 1_000;
/// Images of the builder itself: frontends and scanners, never a base.
const BUILDERS: &[&str] =
    &["docker.io/docker/dockerfile", "docker.io/docker/buildkit-syft-scanner", "docker.io/moby/buildkit"];
/// Where the target stage is named, when one is.
const TARGETS: &[&str] = &[
    "/predicate/buildDefinition/externalParameters/request/args/target",
    "/predicate/invocation/parameters/args/target",
];

/// What the statements say of the build; none when there is no provenance.
pub(in crate::inspect) fn read(statements: &[Statement]) -> Option<BuildFacts> {
    let mut facts: Option<BuildFacts> = None;
    for statement in statements {
        let facts = facts.get_or_insert_default();
        facts.images.extend(images(&statement.value));
        facts.stages = facts.stages.or_else(|| stages_of(statement));
    }
    if let Some(facts) = &mut facts {
        facts.images.sort();
        facts.images.dedup();
    }
    facts
}

fn images(statement: &Value) -> Vec<BuildImage> {
    let lists = ["/predicate/buildDefinition/resolvedDependencies", "/predicate/materials"];
    let all = lists.iter().filter_map(|pointer| statement.pointer(pointer)?.as_array()).flatten();
    all.take(MAX_DEPENDENCIES).filter_map(image).collect()
}

fn image(dependency: &Value) -> Option<BuildImage> {
    let purl: Purl = dependency.get("uri")?.as_str()?.parse().ok()?;
    if purl.kind != "docker" {
        return None;
    }
    let name = match &purl.namespace {
        Some(namespace) => format!("{namespace}/{}", purl.name),
        None => purl.name.clone(),
    };
    let is_plain =
        |text: &str| !text.is_empty() && text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let name = Some(canonical(&name)).filter(|name| is_plain(name) && !BUILDERS.contains(&name.as_str()))?;
    // The version is a tag, or a digest where no tag was written.
    let version = purl.version.as_deref().filter(|version| is_plain(version));
    let pinned: Option<Digest> = version.and_then(|version| version.parse().ok());
    let listed = dependency.pointer("/digest/sha256").and_then(Value::as_str);
    let digest = listed.and_then(|hex| format!("sha256:{hex}").parse().ok()).or_else(|| pinned.clone());
    // `FROM debian@sha256:…` and `FROM debian:13@sha256:…` are written as such; else the digest is what a tag led to.
    let written = pinned.or_else(|| purl.qualifiers.get("digest")?.parse().ok());
    let tag = version.filter(|version| !version.contains(':')).map_or_else(String::new, |tag| format!(":{tag}"));
    let written = written.map_or_else(String::new, |digest| format!("@{digest}"));
    let reference = format!("{name}{tag}{written}");
    Some(BuildImage { reference, digest })
}

fn stages_of(statement: &Statement) -> Option<u32> {
    let dockerfile = statement.sources.first()?.file.as_ref()?;
    let target = TARGETS.iter().find_map(|pointer| statement.value.pointer(pointer)?.as_str());
    stages(dockerfile, target)
}

/// What it claims about the base: the image, when the build used one alone. Of several, any may be that of another stage.
pub(in crate::inspect) fn claim(facts: &BuildFacts) -> Option<BaseClaim> {
    let [image] = facts.images.as_slice() else { return None };
    Some(BaseClaim {
        reference: image.reference.clone(),
        digest: image.digest.clone(),
        grade: BaseGrade::Claimed,
        layers: None,
        by: "the only image in its provenance".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::statements;
    use super::*;
    use crate::model::DocumentKind;
    use crate::oci::RawDocument;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn read(documents: &[RawDocument]) -> Option<BuildFacts> {
        super::read(&statements(documents))
    }

    fn document(statement: &Value) -> RawDocument {
        let bytes: std::sync::Arc<[u8]> = serde_json::to_vec(statement).expect("serialises").into();
        RawDocument { kind: DocumentKind::Attestation, digest: Digest::of(&bytes), bytes }
    }

    fn statement(version: &str, dependencies: &Value, dockerfile: Option<&str>) -> RawDocument {
        let infos = dockerfile.map(|text| json!([{ "filename": "Dockerfile", "data": STANDARD.encode(text) }]));
        let metadata = json!({ "source": { "infos": infos } });
        let predicate = match version {
            "v1" => json!({
                "buildDefinition": { "resolvedDependencies": dependencies },
                "runDetails": { "metadata": { "buildkit_metadata": metadata } },
            }),
            _ => json!({
                "materials": dependencies,
                "metadata": { "https://mobyproject.org/buildkit@v1#metadata": metadata },
            }),
        };
        document(&json!({ "predicateType": format!("https://slsa.dev/provenance/{version}"), "predicate": predicate }))
    }

    fn dependency(uri: &str) -> Value {
        json!({ "uri": uri, "digest": { "sha256": Digest::of(uri.as_bytes()).hex() } })
    }

    #[test]
    fn both_versions_name_the_images_with_their_digests() {
        let uri = "pkg:docker/python@3.12-slim?platform=linux%2Famd64";
        let frontend = dependency("pkg:docker/docker/dockerfile@1?platform=linux%2Famd64");
        let list = json!([dependency(uri), frontend, { "uri": "https://github.com/acme/app.git" }]);
        for version in ["v1", "v0.2"] {
            let facts = read(&[statement(version, &list, None)]).expect("provenance");
            let wanted = BuildImage {
                reference: "docker.io/library/python:3.12-slim".to_owned(),
                digest: Some(Digest::of(uri.as_bytes())),
            };
            assert_eq!(facts, BuildFacts { images: vec![wanted], stages: None }, "{version}");
            assert_eq!(claim(&facts).map(|claim| claim.grade), Some(BaseGrade::Claimed));
        }
    }

    #[test]
    fn of_several_images_none_is_claimed() {
        let list = json!([dependency("pkg:docker/golang@1.25"), dependency("pkg:docker/registry.example/base/run@2")]);
        let facts = read(&[statement("v1", &list, None)]).expect("provenance");
        let references: Vec<&str> = facts.images.iter().map(|image| image.reference.as_str()).collect();
        assert_eq!(references, ["docker.io/library/golang:1.25", "registry.example/base/run:2"]);
        assert_eq!(claim(&facts), None);
    }

    #[test]
    fn a_digest_in_the_place_of_a_tag_is_a_digest() {
        let digest = Digest::of(b"base");
        let told = |uri: String| {
            let list = json!([{ "uri": uri, "digest": { "sha256": digest.hex() } }]);
            read(&[statement("v1", &list, None)]).expect("provenance").images
        };
        let image = |reference: String| [BuildImage { reference, digest: Some(digest.clone()) }];
        let escaped = digest.to_string().replace(':', "%3A");
        let untagged = image(format!("docker.io/library/debian@{digest}"));
        assert_eq!(told(format!("pkg:docker/debian@{escaped}")), untagged);
        let both = image(format!("docker.io/library/debian:13@{digest}"));
        assert_eq!(told(format!("pkg:docker/debian@13?digest={escaped}")), both);
    }

    #[test]
    fn stages_are_counted_in_the_recorded_dockerfile() {
        let text = "FROM golang AS build\nRUN make\nFROM debian\nCOPY --from=build /out /app\n";
        for version in ["v1", "v0.2"] {
            let facts = read(&[statement(version, &json!([]), Some(text))]).expect("provenance");
            assert_eq!(facts.stages, Some(2), "{version}");
        }
    }

    #[test]
    fn what_is_no_provenance_says_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[document(&json!({ "predicateType": "https://spdx.dev/Document" }))]), None);
        let odd = json!({ "predicateType": "https://slsa.dev/provenance/v1", "predicate": { "materials": 1 } });
        assert_eq!(read(&[document(&odd)]), Some(BuildFacts::default()));
        let bytes: std::sync::Arc<[u8]> = b"slsa.dev/provenance/ {".to_vec().into();
        let broken = RawDocument { kind: DocumentKind::Attestation, digest: Digest::of(&bytes), bytes };
        assert_eq!(read(&[broken]), None);
    }
}
