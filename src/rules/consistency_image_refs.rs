//! `consistency.image-refs`: deployments name images that stay the same.

use serde::Deserialize;

use crate::companions::Workload;
use crate::model::ImageFacts;

use super::label_format::without_v;
use super::setting::{ImageName, NonEmpty};
use super::words::code;
use super::workloads::{Source, both, fault, select};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.image-refs",
    code: "IG1905",
    level: Level::Warn,
    summary: "the deployment names an image by a reference that moves",
    why: "`latest`, and a reference without a tag, mean whatever was pushed last: two hosts run different images, and going \
          back is not possible. A version tag of somebody else's image can be pushed anew as well; only a digest is what was \
          tested.",
    fix: "Name your own image by its version, or better by the digest that was judged: `app:1.4.2@sha256:…`. Pin images of \
          others by digest: `postgres:17.2@sha256:…`.",
    flags: &[
        ("", "tag 1.4.2\n--- compose.yml\nservices:\n  app: {image: \"registry.example/acme/app:latest\"}"),
        ("", "--- compose.yml\nservices:\n  app: {image: registry.example/acme/app}"),
        (
            "",
            "--- compose.yml\nservices:\n  app: {image: \"registry.example/acme/app:1.2.3\"}\n  proxy: {image: \"nginx:1.27\"}",
        ),
    ],
    passes: &[
        ("", "--- compose.yml\nservices:\n  app: {image: \"registry.example/acme/app:1.2.3\"}"),
        (
            "{third-party: tag}",
            "--- compose.yml\nservices:\n  app: {image: \"registry.example/acme/app:1.2.3\"}\n  proxy: {image: \"nginx:1.27\"}",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<ImageRefs>()?)),
    schema: |generator| generator.subschema_for::<ImageRefs>(),
};

/// What a reference to somebody else's image needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Pin {
    /// A digest.
    Digest,
    /// A tag other than `latest`.
    Tag,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ImageRefs {
    /// The kinds of files that are looked at; both when not given.
    #[serde(default = "both", rename = "in")]
    #[schemars(extend("x-tighter" = "more"))]
    kinds: NonEmpty<Source>,
    /// What images of others are named by; `digest` when not given.
    #[serde(default = "digest")]
    #[schemars(extend("x-tighter" = ["tag", "digest"]))]
    third_party: Pin,
}

fn digest() -> Pin {
    Pin::Digest
}

impl Check for ImageRefs {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let evidence = &circumstances.evidence;
        let selection = select(image, evidence, &self.kinds);
        let is_own = |workload: &Workload| selection.own.iter().any(|own| std::ptr::eq(*own, workload));
        let all: Vec<&Workload> = self.kinds.iter().flat_map(|source| evidence.of_kind(source.kind())).collect();
        let mut faults: Vec<Fault> =
            all.iter().filter_map(|workload| self.fault(image, workload, is_own(workload))).collect();
        faults.sort();
        faults.dedup();
        if faults.is_empty() && selection.own.is_empty() && !all.is_empty() {
            return Outcome::Pass("all images are named by references that stay".to_owned());
        }
        selection.outcome(faults)
    }
}

impl ImageRefs {
    fn fault(&self, image: &ImageFacts, workload: &Workload, own: bool) -> Option<Fault> {
        let said = workload.image.as_ref()?;
        let name = ImageName::read(&said.value)?;
        if name.digest.is_some() {
            return None;
        }
        let reference = code(&said.value);
        let moves = match name.tag.as_deref() {
            None => Some("has no tag, which means `latest`"),
            Some("latest") => Some("is `latest`, which moves"),
            Some(_) => None,
        };
        let version = image.subject.tag.as_deref().filter(|tag| semver::Version::parse(without_v(tag)).is_ok());
        let (message, fix) = match (own, moves) {
            (true, Some(why)) => {
                let against = version.map(|tag| format!("; the image is {}", code(tag))).unwrap_or_default();
                let tag = version.unwrap_or("1.4.2");
                (
                    format!("{reference} {why}{against}"),
                    format!("write {}, or the digest", code(format!("{}:{tag}", name.repository))),
                )
            }
            (false, Some(why)) => (
                format!("{reference}, an image of others, {why}"),
                "name a version and its digest: `name:1.2@sha256:…`".to_owned(),
            ),
            (false, None) if self.third_party == Pin::Digest && !workload.build => (
                format!("{reference}, an image of others, is not pinned by digest"),
                format!("write its digest behind it: {}", code(format!("{}@sha256:…", said.value))),
            ),
            (true | false, None) => return None,
        };
        Some(fault(format!("{}: {}", workload.name, name.repository), message, &said.place, fix))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::table::tests::decide;

    #[test]
    fn a_moving_reference_is_told_with_the_version_it_could_name() {
        let text = "tag 1.4.2\n--- compose.yml\nservices:\n  app: {image: \"registry.example/acme/app:latest\"}\n  db: {image: \"postgres:17@sha256:0123\"}\n  x: {image: \"a:${TAG}\"}";
        let Outcome::Fail(faults) = decide("consistency.image-refs", "", text) else { panic!("a fault") };
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.ends_with("the image is `1.4.2`"), "{}", faults[0].message);
    }
}
