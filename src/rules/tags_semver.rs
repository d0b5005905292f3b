//! `tags.semver`: the tag is a full semantic version.

use crate::model::ImageFacts;

use super::label_format;
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "tags.semver",
    code: "IG1102",
    level: Level::Deny,
    summary: "the tag is not a full semantic version",
    why: "A tag of the form `MAJOR.MINOR.PATCH` tells people and tools which image is newer and what an update may break. \
          `1.4` or `stable` moves from image to image: it may point at a release, but it cannot be one.",
    fix: "Release under the full version, `1.4.2` or `v1.4.2`, with a suffix such as `-rc.1` before a release; let `1.4` and \
          `1` follow it as additional tags.",
    flags: &[("", "tag latest"), ("", "tag 1.4"), ("", "tag 1.04.2"), ("", "tag 1.4.2.1"), ("", "tag release-1.4.2")],
    passes: &[("", "tag 1.4.2"), ("", "tag v1.4.2"), ("", "tag 2.0.0-rc.1")],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Semver))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Semver;

impl Check for Semver {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(tag) = &image.subject.tag else {
            return Outcome::NotApplicable("the image is named without a tag".to_owned());
        };
        let version = label_format::without_v(tag);
        if semver::Version::parse(version).is_ok() {
            return Outcome::Pass(format!("tag {tag}"));
        }
        let missing = version.split('.').count();
        let numbers = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        let message = if numbers && missing < 3 {
            format!("the tag {} is only a part of a version: it will move on to the next release", code(tag))
        } else {
            format!("the tag {} is not a semantic version", code(tag))
        };
        Outcome::Fail(vec![Fault { subject: tag.clone(), message, seat: Seat::Reference, fix: None }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn an_image_without_a_tag_has_nothing_to_judge() {
        assert!(matches!(decide("tags.semver", "", ""), Outcome::NotApplicable(_)));
    }
}
