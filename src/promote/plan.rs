//! What a promotion will do, as data with a digest of its own: reviewed, approved, applied.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Digest, Platform, json_schema};
use crate::oci::parse_strict;
use crate::policy::{Counts, Report};
use crate::release::closure::Closure;
use crate::release::plan::{CopyPlan, TagAction};
use crate::release::tags::{Action, Step};

use super::gate::Condition;
use super::record::{Purpose, anchor_tag};

/// Name of the format.
pub const SCHEMA: &str = "imgguard.promotion-plan/v1";
/// Bytes of a plan file.
pub const MAX_FILE: usize = 16 << 20;

/// Why a file is no plan that can be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read.
    #[error("it is no plan: {0}")]
    Form(String),
    /// It is of another version.
    #[error("it is of the format `{0}`, which is none of a plan")]
    Schema(String),
    /// It was changed after it was made.
    #[error("it was changed after it was made: its digest is {found}, and it says {said}")]
    Edited {
        /// The digest in the file.
        said: Digest,
        /// The digest of what is in it.
        found: Digest,
    },
}

/// The image that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// What was asked for, without its tag and digest.
    pub name: String,
    /// The tag that was resolved, if there was one.
    pub tag: Option<String>,
    /// The digest of the index or image.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
}

/// How the tags were asked for, so that the plan can be made again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wish {
    /// The version, as written.
    pub version: Option<String>,
    /// Tags that are given instead of a version.
    pub tags: Vec<String>,
    /// The variant of the image.
    pub variant: String,
    /// All variants of the repository.
    pub variants: Vec<String>,
    /// What `latest` follows.
    pub latest: String,
    /// No `MAJOR.MINOR` and `MAJOR`.
    pub no_floats: bool,
    /// Further channels.
    pub channels: Vec<String>,
    /// Why a full version may move to another image.
    pub allow_retag: Option<String>,
}

/// The policy that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicyUsed {
    /// Its name.
    pub name: String,
    /// Its file or preset.
    pub source: String,
    /// Its digest.
    pub digest: Digest,
}

/// An image that was judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JudgedImage {
    /// Its platform.
    pub platform: Platform,
    /// Its digest.
    pub digest: Digest,
}

/// The verdict: only a pass is ever planned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VerdictUsed {
    /// Every image.
    pub images: Vec<JudgedImage>,
    /// Rules that warned.
    pub warnings: usize,
    /// Faults that waivers let pass.
    pub waived: usize,
    /// A digest of all answers.
    pub answers: Digest,
}

impl VerdictUsed {
    /// What a report says; the caller knows that it is a pass.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut images: Vec<JudgedImage> = report
            .inspection
            .images
            .iter()
            .map(|image| JudgedImage { platform: image.platform.clone(), digest: image.subject.digest.clone() })
            .collect();
        images.sort();
        let Counts { warned, waived, .. } = report.counts();
        let mut answers: Vec<String> = Vec::new();
        for (image, judged) in report.inspection.images.iter().zip(&report.images) {
            let lines = judged.results.iter().map(|result| {
                format!("{} {} {:?} {:?}", image.subject.digest, result.rule.id, result.level, result.outcome)
            });
            answers.extend(lines);
        }
        answers.sort();
        Self { images, warnings: warned, waived, answers: Digest::of(answers.join("\n").as_bytes()) }
    }
}

/// What becomes of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlobItem {
    /// Its digest.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// `keep`, `mount`, `send`, or `leave` for what must not be distributed.
    pub action: String,
}

/// What becomes of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManifestItem {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// `index`, `image`, `attestation` or `artifact`.
    pub kind: String,
    /// Its platform.
    pub platform: Option<Platform>,
    /// What it is, if it is no image.
    pub artifact_type: Option<String>,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// `keep`, `write` or `attach`.
    pub action: String,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TagItem {
    /// The tag.
    pub tag: String,
    /// Where it points now.
    pub from: Option<Digest>,
    /// Where it is to point.
    pub to: Digest,
    /// `create`, `advance`, `keep` or `refuse`.
    pub action: String,
    /// Why.
    pub reason: String,
}

/// Evidence that stays behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Skipped {
    /// The tag beside an image.
    pub tag: String,
    /// Why it is not copied.
    pub reason: String,
}

/// A promotion before it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// Always `imgguard.promotion-plan/v1`.
    pub schema: String,
    /// The program that made it, with its version.
    pub tool: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Why tags move.
    pub purpose: Purpose,
    /// The image.
    pub source: Source,
    /// The repository that gets it, with its host.
    pub destination: String,
    /// How the tags were asked for.
    pub wish: Wish,
    /// The policy.
    pub policy: PolicyUsed,
    /// The verdict by it.
    pub verdict: VerdictUsed,
    /// What else the policy asks for, and how it stands.
    pub gate: Vec<Condition>,
    /// The repository that blobs are mounted from.
    pub mount_from: Option<String>,
    /// Blobs, the largest first.
    pub blobs: Vec<BlobItem>,
    /// Manifests in the order of writing; the evidence is among them.
    pub manifests: Vec<ManifestItem>,
    /// Evidence that stays behind.
    pub skipped: Vec<Skipped>,
    /// Tags in the order of writing: those beside images, the anchor, then the image's own.
    pub tags: Vec<TagItem>,
}

/// What a plan is made of.
pub struct Parts<'a> {
    /// Why tags move.
    pub purpose: Purpose,
    /// When, RFC 3339.
    pub created: String,
    /// The program.
    pub tool: String,
    /// The image.
    pub source: Source,
    /// How the tags were asked for.
    pub wish: Wish,
    /// The policy.
    pub policy: PolicyUsed,
    /// The verdict.
    pub verdict: VerdictUsed,
    /// How the gate stands.
    pub gate: Vec<Condition>,
    /// What is copied.
    pub copy: &'a CopyPlan,
    /// Evidence that stays behind.
    pub skipped: Vec<Skipped>,
    /// Where the anchor points now.
    pub anchored: Option<Digest>,
    /// The image's own tags.
    pub steps: &'a [Step],
}

impl Plan {
    /// Makes a plan.
    #[must_use]
    pub fn new(parts: Parts<'_>) -> Self {
        let Parts { purpose, created, tool, source, wish, policy, verdict, gate, copy, skipped, anchored, steps } =
            parts;
        let blobs = copy.blobs.iter().map(|blob| BlobItem {
            digest: blob.digest.clone(),
            size: blob.size,
            action: blob.action.word().to_owned(),
        });
        let manifests = copy.manifests.iter().map(|step| ManifestItem {
            digest: step.digest.clone(),
            media_type: step.media_type.clone(),
            size: step.size,
            kind: step.kind.word().to_owned(),
            platform: step.platform.clone(),
            artifact_type: step.artifact_type.clone(),
            subject: step.subject.clone(),
            action: step.action.word().to_owned(),
        });
        let sidecars = copy.tags.iter().map(|step| {
            let (action, from) = match &step.action {
                TagAction::Keep => ("keep", Some(step.digest.clone())),
                TagAction::Create => ("create", None),
                TagAction::Move { from } => ("advance", Some(from.clone())),
            };
            let reason = "evidence beside an image".to_owned();
            TagItem { tag: step.tag.clone(), from, to: step.digest.clone(), action: action.to_owned(), reason }
        });
        let anchor = anchor_step(&source.digest, anchored);
        let own = std::iter::once(&anchor).chain(steps).map(|step| TagItem {
            tag: step.tag.clone(),
            from: step.from.clone(),
            to: step.to.clone(),
            action: word(step.action).to_owned(),
            reason: step.reason.clone(),
        });
        Self {
            schema: SCHEMA.to_owned(),
            tool,
            created,
            purpose,
            destination: copy.destination.clone(),
            wish,
            policy,
            verdict,
            gate,
            mount_from: copy.mount_from.clone(),
            blobs: blobs.collect(),
            manifests: manifests.collect(),
            skipped,
            tags: sidecars.chain(own).collect(),
            source,
        }
    }

    /// The digest: that of the plan as JSON with sorted keys and without spaces.
    #[must_use]
    pub fn digest(&self) -> Digest {
        seal_digest(self)
    }

    /// The plan as a file: with its digest, fit to be read.
    #[must_use]
    pub fn to_file(&self) -> String {
        sealed("plan", self)
    }

    /// Reads a file, and compares it with the digest in it.
    ///
    /// # Errors
    /// [`PlanFileError`].
    pub fn read_file(bytes: &[u8]) -> Result<(Self, Digest), PlanFileError> {
        let opened = open_sealed(bytes, "plan", SCHEMA, MAX_FILE)?;
        opened.ok_or_else(|| PlanFileError::Form("it has no plan".to_owned()))
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn second(&self) -> Option<i64> {
        self.created.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }

    /// Whether a tag must not be written, and which.
    #[must_use]
    pub fn refused(&self) -> Option<&TagItem> {
        self.tags.iter().find(|item| item.action == "refuse")
    }

    /// Bytes that will be sent, and those that can be mounted.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let sum = |action: &str| {
            self.blobs
                .iter()
                .filter(|blob| blob.action == action)
                .fold(0_u64, |sum, blob| sum.saturating_add(blob.size))
        };
        (sum("send"), sum("mount"))
    }
}

/// The digest of a document.
pub(super) fn seal_digest(document: &impl Serialize) -> Digest {
    digest_of(serde_json::to_value(document).expect("all keys are text and no value can fail to serialise"))
}

/// A document as a file: with its digest, fit to be read.
pub(super) fn sealed(key: &str, document: &impl Serialize) -> String {
    let mut value = serde_json::json!({ "digest": seal_digest(document), key: document });
    value.sort_all_objects();
    format!("{value:#}\n")
}

/// Reads the document under a key beside its digest; none when there is nothing under the key.
pub(super) fn open_sealed<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    key: &str,
    schema: &str,
    most: usize,
) -> Result<Option<(T, Digest)>, PlanFileError> {
    let form = |why: &str| PlanFileError::Form(why.to_owned());
    if bytes.len() > most {
        return Err(form("it is too long"));
    }
    let value = parse_strict(bytes).map_err(|error| PlanFileError::Form(error.to_string()))?;
    let object = value.as_object().ok_or_else(|| form("it is no object"))?;
    let Some(document) = object.get(key) else { return Ok(None) };
    let said = object.get("digest").and_then(Value::as_str).ok_or_else(|| form("it has no digest"))?;
    let said: Digest = said.parse().map_err(|_| form("its digest is malformed"))?;
    if object.len() != 2 {
        return Err(form("it has more than a plan and its digest"));
    }
    let named = document.get("schema").and_then(Value::as_str).unwrap_or_default();
    if named != schema {
        return Err(PlanFileError::Schema(named.chars().take(100).collect::<String>().escape_debug().to_string()));
    }
    let found = digest_of(document.clone());
    if found != said {
        return Err(PlanFileError::Edited { said, found });
    }
    let document = T::deserialize(document).map_err(|error| PlanFileError::Form(error.to_string()))?;
    Ok(Some((document, said)))
}

fn digest_of(mut value: Value) -> Digest {
    value.sort_all_objects();
    Digest::of(value.to_string().as_bytes())
}

/// The word for what becomes of a tag.
#[must_use]
pub fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Advance => "advance",
        Action::Keep => "keep",
        Action::Refuse => "refuse",
    }
}

/// What becomes of the anchor.
#[must_use]
pub fn anchor_step(digest: &Digest, anchored: Option<Digest>) -> Step {
    let (action, reason) = match &anchored {
        None => (Action::Create, "keeps the image when all other tags move on"),
        Some(there) if there == digest => (Action::Keep, "it points at this image already"),
        Some(_) => (Action::Refuse, "another image has this anchor"),
    };
    Step { tag: anchor_tag(digest), action, from: anchored, to: digest.clone(), reason: reason.to_owned() }
}

/// The destination keeps tags beside images that it has of its own: taking them would lose what was signed there.
pub fn keep_own_sidecars(copy: &mut CopyPlan) -> Vec<Skipped> {
    let (moves, kept) = std::mem::take(&mut copy.tags)
        .into_iter()
        .partition::<Vec<_>, _>(|step| matches!(step.action, TagAction::Move { .. }));
    copy.tags = kept;
    let reason = "the destination has evidence of its own there";
    moves.into_iter().map(|step| Skipped { tag: step.tag, reason: reason.to_owned() }).collect()
}

/// The images and the root: what summaries are written about.
#[must_use]
pub fn subjects(closure: &Closure) -> Vec<Digest> {
    let mut all: Vec<Digest> = closure.images().into_iter().filter(|digest| *digest != closure.root).collect();
    all.push(closure.root.clone());
    all
}

/// JSON schemas of the documents: file name and text.
#[must_use]
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![("promotion-plan-v1.json", json_schema::<Plan>(SCHEMA, "imgguard promote --plan-out")), super::plans::schema()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_files_are_those_the_types_describe() {
        crate::testkit::schemas::are_up_to_date(&super::schemas());
    }
}
