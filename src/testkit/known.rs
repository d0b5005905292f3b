//! Recorded bases as text: the lines `known …` of [`super::image`].

use crate::model::{BaseLock, Digest, ImageConfig, ImageFacts, RecordedBase};
use crate::rules::setting::{Day, ImageName};

/// A recorded base that a text tells.
#[derive(Clone)]
pub(super) struct Known {
    line: String,
    reference: String,
    /// Layers of the image that are the base's.
    layers: usize,
    moved: bool,
    created: Option<String>,
    recorded: i64,
    config: ImageConfig,
}

/// The first second of a day.
pub(super) fn day(text: &str) -> Option<i64> {
    Some(Day::parse(text)?.0 - 86_400)
}

/// The digest of the base that a line records.
#[must_use]
pub fn known_digest(line: &str) -> Digest {
    Digest::of(line.trim().as_bytes())
}

impl Known {
    pub(super) fn read(line: &str, rest: &str, layers: usize, config: &ImageConfig) -> Option<Self> {
        let mut words = rest.split_whitespace();
        let mut known = Self {
            line: line.to_owned(),
            reference: ImageName::read(words.next()?)?.to_string(),
            layers: layers.max(1),
            moved: false,
            created: None,
            recorded: day("2026-01-01")?,
            config: config.clone(),
        };
        while let Some(word) = words.next() {
            match word {
                "moved" => known.moved = true,
                "created" => known.created = Some(format!("{}T00:00:00Z", words.next()?)),
                "recorded" => known.recorded = day(words.next()?)?,
                _ => return None,
            }
        }
        Some(known)
    }
}

/// The list that the lines describe; none without lines.
pub(super) fn lock(known: &[Known], image: &ImageFacts) -> Option<BaseLock> {
    let mut lock = BaseLock::default();
    for base in known {
        let mut config = base.config.clone();
        config.created.clone_from(&base.created);
        config.diff_ids = image.config.diff_ids.iter().take(base.layers).cloned().collect();
        let digest = known_digest(&base.line);
        if base.moved {
            config.diff_ids = vec![digest.clone()];
        }
        let recorded = RecordedBase::new(&base.reference, (&digest, &digest), &image.platform, &config, base.recorded);
        lock.record(vec![recorded], base.recorded);
    }
    (!known.is_empty()).then_some(lock)
}
