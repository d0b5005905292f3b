//! What a release tells in the end.

use crate::model::format_bytes;
use crate::oci::Reference;
use crate::policy::Report;
use crate::registry::ManifestToPush;
use crate::release::plan::{BlobAction, CopyPlan};
use crate::release::publish::Published;
use crate::release::tags::Step;

use super::super::sign::released::Carried;
use super::super::{Failure, tags};

/// What was done.
pub(super) struct Done {
    pub published: Published,
    pub carried: Carried,
}

/// What is told at the end.
pub(super) struct Told<'a> {
    pub destination: &'a Reference,
    pub root: &'a ManifestToPush,
    pub plans: &'a [CopyPlan],
    pub steps: &'a [Step],
    pub done: Option<&'a Done>,
    pub report: &'a Report,
}

impl Told<'_> {
    pub fn json(&self) -> Result<String, Failure> {
        let images = self.report.inspection.images.iter();
        let platforms: Vec<serde_json::Value> = images
            .map(|image| serde_json::json!({ "platform": image.platform.to_string(), "digest": image.subject.digest }))
            .collect();
        tags::json(&serde_json::json!({
            "schema": "imgguard.release/v1",
            "repository": self.destination.repository_name(),
            "digest": self.root.digest,
            "media-type": self.root.media_type,
            "platforms": platforms,
            "policy": self.report.policy_digest,
            "tags": self.steps,
            "released": self.done.is_some(),
            "written": self.done.map(|done| serde_json::json!({
                "blobs": done.published.copied.sent,
                "bytes": done.published.copied.sent_bytes,
                "mounted": done.published.copied.mounted,
                "manifests": done.published.copied.manifests,
                "tags": done.published.tags,
                "signatures": done.carried.signatures,
                "bills": done.carried.bills,
                "found": done.carried.found,
            })),
        }))
    }

    pub fn text(&self) -> String {
        let platforms: Vec<String> =
            self.report.inspection.images.iter().map(|image| image.platform.to_string()).collect();
        let mut text = tags::plan_text(self.destination, self.steps);
        text.push_str(&format!("{} platforms checked: {}\n", platforms.len(), platforms.join(", ")));
        if let Some(Done { published: done, carried }) = self.done {
            if carried.signatures > 0 {
                text.push_str(&format!(
                    "{} manifests signed, {} bills of materials attested; {} of these were there\n",
                    carried.signatures, carried.bills, carried.found
                ));
            }
            text.push_str(&format!(
                "{} blobs sent ({}), {} mounted, {} manifests and {} tags written, read back\n",
                done.copied.sent,
                format_bytes(done.copied.sent_bytes),
                done.copied.mounted,
                done.copied.manifests,
                done.tags.len()
            ));
        } else {
            let missing = self.plans.iter().map(|plan| plan.blobs_with(BlobAction::Send));
            let (blobs, bytes) = missing.fold((0, 0), |(blobs, bytes), (more, of)| (blobs + more, bytes + of));
            let bytes = format_bytes(bytes);
            text.push_str(&format!("nothing was written; {blobs} blobs ({bytes}) are missing there\n"));
        }
        text.push_str(&format!("digest {}\n", self.root.digest));
        text
    }
}
