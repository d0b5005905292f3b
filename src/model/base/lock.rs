//! The list of bases ever seen: an append-only file that proves, offline, what an image is built on.
//!
//! Tags move. What was recorded once is kept, so that an image that was proved to be built on a base stays proved after
//! the base has been built again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{BaseConfig, LockProblem};
use crate::model::{Digest, History, ImageConfig, Platform};

/// The version of the file format.
pub const BASES_SCHEMA: &str = "imgguard.bases/v1";

/// Bases in one file.
const MAX_BASES: usize = 100_000;
/// Bytes of one file.
const MAX_BYTES: usize = 256 << 20;
/// Layers and history entries of one base.
const MAX_PARTS: usize = 10_000;
/// An archive without members. A base of nothing else is below every image, and proves nothing.
const EMPTY_LAYER: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// Seconds since 1970 of an RFC 3339 time; none when it is none.
#[must_use]
pub fn seconds_of(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

fn time_of(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// What a reference pointed at when it was last looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Digest of the index or manifest.
    pub digest: Digest,
    /// When: RFC 3339, UTC.
    pub checked: String,
}

/// One platform of a base, as it was under a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedBase {
    /// Canonical name, such as `docker.io/library/python:3.12-slim`.
    pub reference: String,
    /// Digest that the reference pointed at: of the index, or of the manifest.
    pub digest: Digest,
    /// The platform.
    pub platform: Platform,
    /// Digest of the platform's manifest.
    pub manifest: Digest,
    /// When it was seen first: RFC 3339, UTC.
    pub recorded: String,
    /// When it was built, as its config says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Its layers, bottom first: `rootfs.diff_ids`.
    pub diff_ids: Vec<Digest>,
    /// Its history, first entry first: 32 hexadecimal digits of the SHA-256 of each instruction.
    pub history: Vec<String>,
    /// What images built on it inherit.
    pub config: BaseConfig,
}

impl RecordedBase {
    /// What is recorded of an image; `digests` are those that the reference pointed at and of the platform's manifest,
    /// `now` is in seconds since 1970. Secrets in the config are masked already.
    #[must_use]
    pub fn new(
        reference: &str,
        (digest, manifest): (&Digest, &Digest),
        platform: &Platform,
        config: &ImageConfig,
        now: i64,
    ) -> Self {
        Self {
            reference: reference.to_owned(),
            digest: digest.clone(),
            platform: platform.clone(),
            manifest: manifest.clone(),
            recorded: time_of(now),
            created: config.created.as_deref().and_then(seconds_of).map(time_of),
            diff_ids: config.diff_ids.clone(),
            history: config.history.iter().map(Self::fingerprint).collect(),
            config: BaseConfig::of(config),
        }
    }

    /// The fingerprint of a history entry: of its instruction, and of whether it made a layer.
    #[must_use]
    pub fn fingerprint(step: &History) -> String {
        let text = format!("{}\n{}", step.empty_layer, step.created_by);
        Digest::of(text.as_bytes()).hex().chars().take(32).collect()
    }

    /// When it was built, in seconds since 1970; none when it does not say, or says 1970, as builds do that leave the
    /// time out on purpose.
    #[must_use]
    pub fn built(&self) -> Option<i64> {
        self.created.as_deref().and_then(seconds_of).filter(|time| *time > 366 * 86_400)
    }

    fn key(&self) -> (&str, &str, &Digest, &Platform) {
        (&self.reference, &self.recorded, &self.digest, &self.platform)
    }

    fn is_for(&self, platform: &Platform) -> bool {
        self.platform.os == platform.os && self.platform.architecture == platform.architecture
    }

    fn is_below(&self, diff_ids: &[Digest]) -> bool {
        diff_ids.starts_with(&self.diff_ids) && self.diff_ids.iter().any(|id| id.to_string() != EMPTY_LAYER)
    }
}

/// All bases ever seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseLock {
    /// [`BASES_SCHEMA`].
    pub schema: String,
    /// The last look-up of each reference, by canonical name.
    pub references: BTreeMap<String, Lookup>,
    /// The bases, sorted by reference, then by the time of recording.
    pub bases: Vec<RecordedBase>,
}

impl Default for BaseLock {
    fn default() -> Self {
        Self { schema: BASES_SCHEMA.to_owned(), references: BTreeMap::new(), bases: Vec::new() }
    }
}

impl BaseLock {
    /// Reads a file and checks that it does not contradict itself.
    ///
    /// # Errors
    /// [`LockProblem`] with the place.
    pub fn read(text: &str) -> Result<Self, LockProblem> {
        if text.len() > MAX_BYTES {
            return Err(LockProblem::new("line 1", format!("the file has more than {MAX_BYTES} bytes")));
        }
        let lock: Self = serde_json::from_str(text).map_err(|error| {
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or(&why).to_owned();
            LockProblem::new(format!("line {}, column {}", error.line(), error.column()), why)
        })?;
        lock.check()?;
        Ok(lock)
    }

    fn check(&self) -> Result<(), LockProblem> {
        if self.schema != BASES_SCHEMA {
            let why = format!("it is `{}`, and this version reads `{BASES_SCHEMA}`", self.schema.escape_debug());
            return Err(LockProblem::new("schema", why));
        }
        if self.bases.len() > MAX_BASES {
            return Err(LockProblem::new("bases", format!("there are more than {MAX_BASES}")));
        }
        let mut seen = BTreeSet::new();
        let mut contents: BTreeMap<&Digest, &RecordedBase> = BTreeMap::new();
        for (at, base) in self.bases.iter().enumerate() {
            let wrong = |why: String| {
                let place = format!("bases[{at}] ({} {})", base.reference.escape_debug(), base.platform);
                Err(LockProblem::new(place, why))
            };
            if base.reference.is_empty() || base.reference.chars().any(|letter| letter.is_control() || letter == ' ') {
                return wrong("`reference` is no name of an image".to_owned());
            }
            if base.diff_ids.is_empty() {
                return wrong("`diff_ids` is empty, and a base without layers proves nothing".to_owned());
            }
            if base.diff_ids.len() > MAX_PARTS || base.history.len() > MAX_PARTS {
                return wrong(format!("it has more than {MAX_PARTS} layers or history entries"));
            }
            if seconds_of(&base.recorded).is_none() {
                return wrong(format!("`recorded` is `{}`, which is no RFC 3339 time", base.recorded.escape_debug()));
            }
            if let Some(time) = base.created.as_deref().filter(|time| seconds_of(time).is_none()) {
                return wrong(format!("`created` is `{}`, which is no RFC 3339 time", time.escape_debug()));
            }
            if !seen.insert((&base.reference, &base.digest, &base.platform)) {
                return wrong(format!("{} is recorded twice under this name", base.digest));
            }
            if !self.references.contains_key(&base.reference) {
                return wrong("its name is missing in `references`".to_owned());
            }
            // A digest names one content.
            let known = contents.entry(&base.manifest).or_insert(base);
            if known.diff_ids != base.diff_ids || known.created != base.created {
                return wrong(format!(
                    "it contradicts {}, which has the same `manifest`",
                    known.reference.escape_debug()
                ));
            }
        }
        if let Some(at) = self.bases.windows(2).position(|pair| pair[0].key() >= pair[1].key()) {
            return Err(LockProblem::new(format!("bases[{}]", at + 1), "it is out of order: the list is sorted"));
        }
        for (reference, lookup) in &self.references {
            let wrong =
                |why: String| Err(LockProblem::new(format!("references[\"{}\"]", reference.escape_debug()), why));
            let Some(checked) = seconds_of(&lookup.checked) else {
                return wrong(format!("`checked` is `{}`, which is no RFC 3339 time", lookup.checked.escape_debug()));
            };
            let mut here = self.bases.iter().filter(|base| base.reference == *reference);
            let late = here.clone().find(|base| seconds_of(&base.recorded).is_some_and(|time| time > checked));
            if let Some(late) = late {
                return wrong(format!("it was last checked before {} was recorded", late.digest));
            }
            if !here.any(|base| base.digest == lookup.digest) {
                return wrong(format!("no base with its digest {} is recorded", lookup.digest));
            }
        }
        Ok(())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// Notes one look-up: what a reference points at now, one element per platform. What is known stays as it is. Tells
    /// how many bases are new. An empty look-up changes nothing.
    pub fn record(&mut self, found: Vec<RecordedBase>, now: i64) -> usize {
        let before = self.bases.len();
        for base in found {
            let checked = self.references.get(&base.reference).and_then(|lookup| seconds_of(&lookup.checked));
            // A clock that went back must not make the file contradict itself.
            let now = checked.unwrap_or(now).max(now);
            let lookup = Lookup { digest: base.digest.clone(), checked: time_of(now) };
            self.references.insert(base.reference.clone(), lookup);
            let same = |known: &RecordedBase| {
                (&known.reference, &known.digest, &known.platform) == (&base.reference, &base.digest, &base.platform)
            };
            if !self.bases.iter().any(same) {
                self.bases.push(RecordedBase { recorded: time_of(now), ..base });
            }
        }
        self.bases.sort_by(|left, right| left.key().cmp(&right.key()));
        self.bases.len() - before
    }

    /// Forgets bases that were recorded before `time` (seconds since 1970), but those that a reference still points at.
    /// Tells how many are gone.
    pub fn prune(&mut self, time: i64) -> usize {
        let before = self.bases.len();
        let references = &self.references;
        self.bases.retain(|base| {
            let is_current = references.get(&base.reference).is_some_and(|lookup| lookup.digest == base.digest);
            is_current || seconds_of(&base.recorded).is_none_or(|recorded| recorded >= time)
        });
        before - self.bases.len()
    }

    /// The longest bases whose layers are the lowest layers of an image of that platform: several when they have the
    /// same layers.
    #[must_use]
    pub fn below(&self, platform: &Platform, diff_ids: &[Digest]) -> Vec<&RecordedBase> {
        let fits = || self.bases.iter().filter(|base| base.is_for(platform) && base.is_below(diff_ids));
        let longest = fits().map(|base| base.diff_ids.len()).max();
        fits().filter(|base| Some(base.diff_ids.len()) == longest).collect()
    }

    /// What is recorded under a digest, of an index or a manifest, for that platform.
    #[must_use]
    pub fn under(&self, digest: &Digest, platform: &Platform) -> Vec<&RecordedBase> {
        let is_it =
            |base: &&RecordedBase| base.is_for(platform) && (base.digest == *digest || base.manifest == *digest);
        self.bases.iter().filter(is_it).collect()
    }

    /// What a reference pointed at when it was last looked up, on that platform, and when that was.
    #[must_use]
    pub fn current(&self, reference: &str, platform: &Platform) -> Option<(&RecordedBase, i64)> {
        let lookup = self.references.get(reference)?;
        let base = self
            .bases
            .iter()
            .find(|base| base.reference == reference && base.digest == lookup.digest && base.is_for(platform))?;
        Some((base, seconds_of(&lookup.checked)?))
    }
}

#[cfg(test)]
mod tests;
