//! Where a secret lies, in words: what it is called, where reports point, what happened to it, how to get rid of it.

use crate::model::{DocumentKind, How, ImageFacts, Part, Place, SecretFact, Slack};

use super::setting::day_of;
use super::words::{self, code, count, pointer};
use super::{Fault, Seat};

/// A fault about a secret at these places, the first of which is told in full.
pub(super) fn fault(image: &ImageFacts, secret: &SecretFact, places: &[&Place], now: Option<i64>) -> Option<Fault> {
    let (first, others) = places.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        number => format!(", and at {}", count(number, "more place")),
    };
    let severity = match secret.severity {
        crate::model::Severity::Low => "low",
        crate::model::Severity::Medium => "medium",
        crate::model::Severity::High => "high",
        crate::model::Severity::Critical => "critical",
    };
    Some(Fault {
        subject: format!("{} ({})", subject(first), secret.fingerprint),
        message: format!(
            "{} {} {}{more}{}{}; severity {severity}, fingerprint {}",
            secret.what,
            code(&secret.redacted),
            told(image, first),
            halves(image, secret),
            expiry(secret, now),
            code(&secret.fingerprint)
        ),
        seat: seat(image, first),
        fix: Some(fix(image, first)),
    })
}

fn halves(image: &ImageFacts, secret: &SecretFact) -> String {
    let half = |half: &crate::model::Half| {
        let place = half.places.first().map(|place| format!(" {}", told(image, place))).unwrap_or_default();
        format!("; with it {} {}{place}", half.what, code(&half.redacted))
    };
    secret.halves.iter().take(3).map(half).collect()
}

fn expiry(secret: &SecretFact, now: Option<i64>) -> String {
    match (secret.expires, now) {
        (None, _) => String::new(),
        (Some(time), Some(now)) if time <= now => format!("; it expired on {}", day_of(time)),
        (Some(time), _) => format!("; it expires on {}", day_of(time)),
    }
}

fn subject(place: &Place) -> String {
    match place {
        Place::File { path, .. } | Place::Member { path, .. } | Place::Path { path, .. } => path.clone(),
        Place::Env { name } | Place::Label { name } => name.clone(),
        Place::History { .. } => "history".to_owned(),
        Place::Config { pointer } | Place::Document { pointer, .. } => pointer.clone(),
        Place::Slack { path, .. } => path.clone().unwrap_or_else(|| "unused bytes".to_owned()),
    }
}

/// Where it is, from `in` on.
fn told(image: &ImageFacts, place: &Place) -> String {
    match place {
        Place::File { layer, path, line, offset, view, hidden_by, how, supplied: _ } => {
            let line = line.map_or_else(String::new, |line| format!(", line {line}"));
            let file = format!("in {}{line}", code(format!("/{path}{view}")));
            let Some(by) = hidden_by else { return file };
            let did = match how {
                Some(How::Overwritten) => "overwrites the file",
                Some(How::Rewritten) => "writes the file again",
                Some(How::Deleted | How::Duplicate) | None => "hides the file",
            };
            let blob = usize::try_from(*layer).ok().and_then(|at| image.layers.get(at));
            let blob = blob.map(|layer| layer.digest.as_ref().unwrap_or(&layer.diff_id).short().to_owned());
            let blob =
                blob.map_or_else(String::new, |digest| format!(" in the blob {digest}, at byte {offset} of the file"));
            format!("{file} of layer {layer}; {} {did}, but it is still shipped{blob}", words::layer(image, *by))
        }
        Place::Path { path, line, view, offset: _ } => {
            let line = line.map_or_else(String::new, |line| format!(", line {line}"));
            format!("in {}{line}", code(format!("{path}{view}")))
        }
        Place::Env { name } => format!("in the environment variable {}", code(name)),
        Place::Label { name } => format!("in the label {}", code(name)),
        Place::History { index } => format!("in history entry {index}"),
        Place::Config { pointer } => format!("in {} of the config", code(pointer)),
        Place::Document { document, digest, pointer } => {
            let what = match document {
                DocumentKind::Index => "index",
                DocumentKind::Manifest => "manifest",
                DocumentKind::Config => "config",
                DocumentKind::Attestation => "attestation",
            };
            let pointer = if pointer.is_empty() { String::new() } else { format!("{} of ", code(pointer)) };
            format!("in {pointer}the {what} {}", digest.short())
        }
        Place::Member { layer, path, part } => {
            let of = format!("of {} in layer {layer}", code(format!("/{path}")));
            match part {
                Part::Name => format!("in the name {of}"),
                Part::Link => format!("in the link target {of}"),
                Part::Owner => format!("in the owner's name {of}"),
                Part::Attribute(name) => format!("in the attribute {} {of}", code(name)),
                Part::Record(key) => format!("in the archive record {} {of}", code(key)),
            }
        }
        Place::Slack { layer, slack, path, offset } => {
            let place = match slack {
                Slack::Padding => "in padding",
                Slack::BehindArchive => "behind the end of the archive",
                Slack::BehindStream => "behind the compressed stream",
                Slack::StreamHeader => "in a header of the compressed stream",
            };
            let after = path.as_ref().map_or_else(String::new, |path| format!(" after {}", code(format!("/{path}"))));
            format!("{place}{after} of layer {layer}, at byte {offset}")
        }
    }
}

fn seat(image: &ImageFacts, place: &Place) -> Seat {
    match place {
        Place::File { layer, path, line, .. } => Seat::File { path: path.clone(), layer: *layer, line: *line },
        Place::Member { layer, path, .. } if !path.is_empty() => {
            Seat::File { path: path.clone(), layer: *layer, line: None }
        }
        Place::Member { layer, .. } | Place::Slack { layer, .. } => Seat::Layer(*layer),
        Place::Env { name } => match image.config.env.iter().rposition(|(key, _)| key == name) {
            Some(index) => Seat::Config(format!("/config/Env/{index}")),
            None => Seat::Config("/config/Env".to_owned()),
        },
        Place::Label { name } => Seat::Config(format!("/config/Labels/{}", pointer(name))),
        Place::History { index } => Seat::History(*index),
        Place::Config { pointer } => Seat::Config(pointer.clone()),
        Place::Document { .. } => Seat::Manifest,
        Place::Path { .. } => Seat::Image,
    }
}

fn fix(image: &ImageFacts, place: &Place) -> String {
    match place {
        Place::File { layer, .. } => format!(
            "revoke it; then keep the file out of {}: `.dockerignore` for what is copied, `RUN --mount=type=secret` for what \
             the build needs",
            words::layer(image, *layer)
        ),
        Place::Env { name } => {
            let set = code(format!("ENV {name}"));
            format!("revoke it; then remove {set} and set the variable where the container is started")
        }
        Place::Label { .. } => "revoke it; then remove it from the label".to_owned(),
        Place::Document { document: DocumentKind::Attestation, .. } => {
            "revoke it; then give it to the build with `RUN --mount=type=secret` instead of `ARG` or a URL: provenance repeats \
             both"
                .to_owned()
        }
        Place::Document { .. } => "revoke it; then remove it from the annotation".to_owned(),
        Place::History { .. } => {
            "revoke it; then give it to the build with `RUN --mount=type=secret` instead of `ARG` or the command line"
                .to_owned()
        }
        Place::Config { .. } => {
            "revoke it; then take it out of the instruction and read it from a mounted file or the environment"
                .to_owned()
        }
        Place::Member { .. } => "revoke it; then name the file, its owner and its attributes without it".to_owned(),
        Place::Slack { layer, .. } => {
            format!("revoke it; then build {} anew with a tool that writes nothing there", words::layer(image, *layer))
        }
        Place::Path { .. } => "revoke it; then take it out of the file".to_owned(),
    }
}
