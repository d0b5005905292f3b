//! `tags.forbid`: the image is not named by one of these tags.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::{NonEmpty, TagPattern};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "tags.forbid",
    code: "IG1101",
    level: Level::Deny,
    summary: "the image has a forbidden tag",
    why: "`latest` and its like say nothing about what is inside and point at something else tomorrow. Two machines that \
          deploy the same name run different images, and there is nothing to roll back to.",
    fix: "Name the image by its version, and deploy by version or digest: `docker build --tag registry.example/acme/app:1.4.2 \
          .` A build without a tag is `latest`.",
    flags: &[
        ("", "tag latest"),
        ("{names: [latest, 'dev-*']}", "tag dev-7"),
        ("{names: [latest]}", "index linux/amd64\ntag latest"),
    ],
    passes: &[("", "tag 1.4.2"), ("{names: [latest]}", "tag latest-1"), ("{names: ['*-rc*']}", "tag 1.4.2")],
    build: |settings| Ok(Box::new(settings.read::<Forbid>()?)),
    schema: |generator| generator.subschema_for::<Forbid>(),
};

/// The tags that are not wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Forbid {
    /// Tags, with `*` for any characters; `latest` when not given.
    #[serde(default = "latest")]
    #[schemars(extend("x-tighter" = "more"))]
    names: NonEmpty<TagPattern>,
}

fn latest() -> NonEmpty<TagPattern> {
    NonEmpty::one(TagPattern::exactly("latest"))
}

impl Check for Forbid {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(tag) = &image.subject.tag else {
            return Outcome::NotApplicable("the image is named without a tag".to_owned());
        };
        match self.names.iter().find(|pattern| pattern.matches(tag)) {
            None => Outcome::Pass(format!("tag {tag}")),
            Some(pattern) => Outcome::Fail(vec![Fault {
                subject: tag.clone(),
                message: if pattern.text() == tag {
                    format!("the tag {} is forbidden", code(tag))
                } else {
                    format!("the tag {} is forbidden by {}", code(tag), code(pattern.text()))
                },
                seat: Seat::Reference,
                fix: None,
            }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn an_image_without_a_tag_has_nothing_to_judge() {
        assert!(matches!(decide("tags.forbid", "", ""), Outcome::NotApplicable(_)));
    }

    #[test]
    fn empty_and_impossible_lists_are_refused() {
        assert!(complaint("tags.forbid", "{names: []}").starts_with("1:9: "));
        assert!(complaint("tags.forbid", "{names: [latest, 'app:latest']}").starts_with("1:18: "));
        assert!(complaint("tags.forbid", "{names: ~}").starts_with("1:9: "));
    }
}
