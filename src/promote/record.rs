//! What a promotion leaves behind, signed: a record about the image, and the approval of a plan.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Digest;

/// Predicate type of promotion records.
pub const PROMOTION_TYPE: &str = "https://imgguard.dev/attestation/promotion/v1";
/// Predicate type of approvals; their subject is the digest of a plan.
pub const APPROVAL_TYPE: &str = "https://imgguard.dev/attestation/promotion-approval/v1";
/// Tags of one record.
const MAX_TAGS: usize = 1_000;

/// Why tags moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// An image came from another repository.
    Promotion,
    /// Tags went back to an image that was promoted before.
    Rollback,
}

impl Purpose {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
        }
    }
}

/// Where the image came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The repository with its host.
    pub repository: String,
    /// The tag that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A tag that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The tag.
    pub tag: String,
    /// Where it pointed before; none for a new tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
}

/// The policy that was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMet {
    /// Its file or name.
    pub uri: String,
    /// Its digest.
    pub digest: Digest,
}

/// The predicate of a promotion record. The image that it is about is the statement's subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Why.
    pub purpose: Purpose,
    /// From where.
    pub source: Origin,
    /// The repository that it is about, with its host.
    pub destination: String,
    /// The tags, in the order of writing.
    pub tags: Vec<Moved>,
    /// Digest of the plan.
    pub plan: Digest,
    /// The policy.
    pub policy: PolicyMet,
    /// Who approved the plan: names of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// Who did it, as far as the environment tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The run of the pipeline: a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The program that wrote it.
    pub tool: String,
    /// When, RFC 3339.
    pub time: String,
}

impl Record {
    /// The predicate as JSON.
    #[must_use]
    pub fn to_predicate(&self) -> String {
        serde_json::to_string(self).expect("all keys are text and no value can fail to serialise")
    }

    /// Reads a predicate; unknown fields are passed over.
    #[must_use]
    pub fn read(predicate: &Value) -> Option<Self> {
        Self::deserialize(predicate).ok().filter(|record: &Self| record.tags.len() <= MAX_TAGS)
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn second(&self) -> Option<i64> {
        self.time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }

    /// Whether both are about the same deed: a second one would say nothing new.
    #[must_use]
    pub fn is_same_deed(&self, other: &Self) -> bool {
        let tags = |record: &Self| -> std::collections::BTreeSet<String> {
            record.tags.iter().map(|moved| moved.tag.clone()).collect()
        };
        self.purpose == other.purpose
            && self.source.repository == other.source.repository
            && self.destination == other.destination
            && self.policy.digest == other.policy.digest
            && tags(self) == tags(other)
    }
}

/// The tag that keeps a promoted image from being forgotten when all other tags move on.
#[must_use]
pub fn anchor_tag(digest: &Digest) -> String {
    format!("promoted-{}", digest.short())
}

/// Whether a tag is an anchor.
#[must_use]
pub fn is_anchor(tag: &str) -> bool {
    tag.strip_prefix("promoted-").is_some_and(|hex| {
        hex.len() == 12 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// The predicate of an approval of several promotions under one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalOfMany {
    /// Each of them.
    pub promotions: Vec<Approval>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, RFC 3339.
    pub time: String,
}

/// The predicate of an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// From where.
    pub source: String,
    /// To where.
    pub destination: String,
    /// The image.
    pub digest: Digest,
    /// The tags.
    pub tags: Vec<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, RFC 3339.
    pub time: String,
}
