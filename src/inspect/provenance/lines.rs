//! Which line of which Dockerfile made which layer, as `BuildKit` records it in SLSA provenance (`mode=max`).
//!
//! Format: SLSA provenance v0.2 and v1, and `BuildKit`, docs/attestations/slsa-provenance.md and slsa-definitions.md:
//! `buildkit_metadata.source.locations` has ranges of lines per build step, `.source.infos` the texts of the files, and
//! `.layers` the layers that each step had put on top of each other when it was done.

use serde_json::Value;

use crate::companions::Keyword;
use crate::model::{ImageFacts, SourceGrade, SourceLine};

use super::{Source, Statement, match_steps};

/// Build steps of one statement that are looked at, and layers of all of them together.
const MAX_STEPS: usize = 10_000;
const MAX_LAYERS: usize = 500_000;

/// Gives layers and history entries the lines that the provenance of the image names.
pub(in crate::inspect) fn attach(image: &mut ImageFacts, statements: &[Statement]) {
    for statement in statements {
        if let Some(metadata) = statement.metadata() {
            place(image, metadata, &statement.sources);
        }
    }
}

/// A step and the layers that it had put on top of each other, bottom first.
struct Chain<'a> {
    step: &'a str,
    layers: Vec<(Option<&'a str>, Option<&'a str>)>,
}

fn place(image: &mut ImageFacts, metadata: &Value, sources: &[Source]) {
    let chains = chains(metadata);
    let locations = metadata.pointer("/source/locations").and_then(Value::as_object);
    for index in 0..image.layers.len() {
        let layer = &image.layers[index];
        let (digest, diff_id) = (layer.digest.as_ref().map(ToString::to_string), layer.diff_id.to_string());
        let is_here = |(blob, plain): &(Option<&str>, Option<&str>)| {
            (blob.is_some() && *blob == digest.as_deref()) || *plain == Some(diff_id.as_str())
        };
        // The step that put this layer on top: its list ends here. The earliest one counts, since later steps that
        // change nothing have the same list.
        let made = |chain: &&Chain<'_>| chain.layers.len() == index + 1 && chain.layers.last().is_some_and(is_here);
        let Some(chain) = chains.iter().find(made) else { continue };
        let Some(source) = locations.and_then(|all| all.get(chain.step)).and_then(|one| line(one, sources)) else {
            continue;
        };
        let history = layer.history.and_then(|at| usize::try_from(at).ok());
        if let Some(step) = history.and_then(|at| image.config.history.get_mut(at)) {
            step.source = Some(source.clone());
        }
        image.layers[index].source = Some(source);
    }
    for file in sources.iter().filter_map(|source| source.file.as_ref()) {
        match_steps(image, file);
    }
}

/// The layers of every step, shortest list first, then by the number of the step.
fn chains(metadata: &Value) -> Vec<Chain<'_>> {
    let mut left = MAX_LAYERS;
    let mut chains: Vec<Chain<'_>> = Vec::new();
    let steps = metadata.get("layers").and_then(Value::as_object);
    for (key, lists) in steps.into_iter().flatten().take(MAX_STEPS) {
        let step = key.split(':').next().unwrap_or_default();
        for list in lists.as_array().into_iter().flatten().filter_map(Value::as_array) {
            left = left.saturating_sub(list.len());
            if left == 0 {
                return chains;
            }
            let layers = list.iter().map(|layer| {
                let plain = layer.pointer("/annotations/containerd.io~1uncompressed").and_then(Value::as_str);
                (layer.get("digest").and_then(Value::as_str), plain)
            });
            chains.push(Chain { step, layers: layers.collect() });
        }
    }
    let number = |chain: &Chain<'_>| chain.step.trim_start_matches("step").parse::<u64>().unwrap_or(u64::MAX);
    chains.sort_by_key(|chain| (chain.layers.len(), number(chain)));
    chains
}

/// The lines of one step; none for `FROM`, whose layers are the base's.
fn line(location: &Value, sources: &[Source]) -> Option<SourceLine> {
    let first = location.get("locations").and_then(Value::as_array)?.first()?;
    let ranges = first.get("ranges").and_then(Value::as_array)?;
    let of = |range: Option<&Value>, end: &str| {
        let line = range?.get(end)?.get("line")?.as_u64()?;
        u32::try_from(line).ok().filter(|line| *line > 0)
    };
    let start = of(ranges.first(), "start")?;
    let end = of(ranges.last(), "end").unwrap_or(start).max(start);
    let index = first.get("sourceIndex").and_then(Value::as_u64).unwrap_or(0);
    let source = sources.get(usize::try_from(index).ok()?)?;
    let is_from = source.file.as_ref().is_some_and(|file| {
        let here = |one: &&crate::companions::Instruction| u32::try_from(one.line) == Ok(start);
        file.instructions.iter().find(here).is_some_and(|one| one.keyword == Keyword::From)
    });
    (!is_from).then(|| SourceLine {
        file: source.name.clone(),
        line: start,
        end_line: end,
        by: SourceGrade::Provenance,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{joined, statements};
    use super::*;
    use crate::model::{Digest, DocumentKind};
    use crate::oci::RawDocument;
    use crate::testkit::image::image;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const DOCKERFILE: &str = "FROM alpine AS base\nRUN apk add --no-cache curl\n\nCOPY app /app\nUSER 1000\n";
    const IMAGE: &str = "layer ADD alpine.tar /\nlayer RUN /bin/sh -c apk add --no-cache curl # buildkit\n0755 0:0 usr/bin/curl\nlayer COPY app /app # buildkit\n0755 0:0 app\nstep USER 1000";

    /// A statement as `BuildKit` writes it for an image of three layers.
    fn statement(facts: &ImageFacts, predicate: &str, plain: bool) -> RawDocument {
        let descriptor = |at: usize| {
            let layer = &facts.layers[at];
            if plain {
                let digest = Digest::of(b"of another compression").to_string();
                json!({ "digest": digest, "annotations": { "containerd.io/uncompressed": layer.diff_id.to_string() } })
            } else {
                json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.size })
            }
        };
        let chain = |upto: usize| json!([(0..=upto).map(descriptor).collect::<Vec<_>>()]);
        let range = |first: u32, last: u32| json!({ "locations": [{ "ranges": [{ "start": { "line": first }, "end": { "line": last } }] }] });
        let metadata = json!({
            "vcs": { "localdir:context": ".", "localdir:dockerfile": "docker" },
            "source": {
                "locations": { "step0": range(1, 1), "step1": range(2, 2), "step2": range(4, 4), "step3": {} },
                "infos": [{ "filename": "Dockerfile", "language": "Dockerfile", "data": STANDARD.encode(DOCKERFILE) }],
            },
            "layers": { "step0:0": chain(0), "step1:0": chain(1), "step3:0": chain(2), "step2:0": chain(2) },
        });
        let (version, predicate) = match predicate {
            "v1" => ("v1", json!({ "runDetails": { "metadata": { "buildkit_metadata": metadata } } })),
            _ => ("v0.2", json!({ "metadata": { "https://mobyproject.org/buildkit@v1#metadata": metadata } })),
        };
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": format!("https://slsa.dev/provenance/{version}"),
            "subject": [],
            "predicate": predicate,
        });
        let bytes: std::sync::Arc<[u8]> = serde_json::to_vec(&statement).expect("serialises").into();
        RawDocument { kind: DocumentKind::Attestation, digest: Digest::of(&bytes), bytes }
    }

    fn told(facts: &ImageFacts) -> Vec<Option<String>> {
        facts.layers.iter().map(|layer| layer.source.as_ref().map(ToString::to_string)).collect()
    }

    #[test]
    fn layers_get_the_lines_that_the_builder_recorded() {
        for (predicate, plain) in [("v1", false), ("v0.2", false), ("v1", true)] {
            let mut facts = image(IMAGE);
            let statement = statement(&facts, predicate, plain);
            attach(&mut facts, &statements(&[statement]));
            let wanted = [
                None,
                Some("docker/Dockerfile:2 (provenance)".to_owned()),
                Some("docker/Dockerfile:4 (provenance)".to_owned()),
            ];
            assert_eq!(told(&facts), wanted, "{predicate}");
            let user = facts.config.history.last().and_then(|step| step.source.as_ref()).map(ToString::to_string);
            assert_eq!(
                user.as_deref(),
                Some("docker/Dockerfile:5 (matched)"),
                "what makes no layer is matched by its text"
            );
        }
    }

    #[test]
    fn provenance_that_lies_or_is_odd_places_nothing() {
        let mut facts = image(IMAGE);
        let mut other = image("layer x\nlayer y\n0644 0:0 z\nlayer v\n0644 0:0 w");
        let about_other = statement(&other, "v1", false);
        attach(&mut facts, &statements(&[about_other]));
        assert!(
            facts
                .layers
                .iter()
                .all(|layer| { layer.source.as_ref().is_none_or(|source| source.by == SourceGrade::Matched) })
        );
        for odd in [
            json!({ "predicateType": "https://slsa.dev/provenance/v1", "predicate": [] }),
            json!({ "predicateType": "https://slsa.dev/provenance/v1",
                    "predicate": { "runDetails": { "metadata": { "buildkit_metadata": { "layers": { "": [[1]] }, "source": 1 } } } } }),
        ] {
            let bytes: std::sync::Arc<[u8]> = serde_json::to_vec(&odd).expect("serialises").into();
            let document = RawDocument { kind: DocumentKind::Attestation, digest: Digest::of(&bytes), bytes };
            attach(&mut other, &statements(&[document]));
            assert_eq!(told(&other), [None, None, None]);
        }
        assert_eq!(joined("../..", "/etc/passwd\u{1b}"), "Dockerfile");
        assert_eq!(joined(".", "build/Dockerfile"), "build/Dockerfile");
    }
}
