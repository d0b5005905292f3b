//! `base.tag`: the base image is not named by a tag that says nothing.

use serde::Deserialize;

use crate::model::{BaseClaim, BaseGrade, ImageFacts};
use crate::yaml::YamlError;

use super::setting::{ImageName, NonEmpty, TagPattern};
use super::words::{code, codes};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "base.tag",
    code: "IG0204",
    level: Level::Warn,
    summary: "the base image is named by a tag that can become anything",
    why: "`FROM python` and `FROM python:latest` build on whatever is newest on that day: one day the next major version. A tag \
          of a version, or a digest, keeps builds of the same source alike.\n\nJudged by the name that an annotation, a label or \
          the provenance gives, or by the names of the recorded base that is proved; of several names of equal layers, one good \
          name is enough. What is only guessed decides nothing.",
    fix: "Name a version, and let a tool move it on:\n\n```dockerfile\nFROM python:3.12-slim\n```",
    flags: &[
        ("", "annotation org.opencontainers.image.base.name=docker.io/library/python:latest\n0755 0:0 bin/sh"),
        ("", "annotation org.opencontainers.image.base.name=python\n0755 0:0 bin/sh"),
        ("{forbid: [latest, stable*]}", "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:stable-slim"),
    ],
    passes: &[
        ("", "annotation org.opencontainers.image.base.name=python:3.12\n0755 0:0 bin/sh"),
        ("", "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:latest\nknown debian:13"),
        (
            "",
            "base claimed docker.io/library/python@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0755 0:0 bin/sh",
        ),
    ],
    build: |settings| {
        let tag: Tag = settings.read()?;
        if tag.forbid.as_ref().is_some_and(|forbid| forbid.iter().any(|pattern| pattern.text() == "*")) {
            return Err(YamlError::new(settings.span("forbid"), "`*` forbids every tag"));
        }
        Ok(Box::new(tag))
    },
    schema: |generator| generator.subschema_for::<Tag>(),
};

/// Which tags a base may not have.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Tag {
    /// Tags, with `*` as wildcard; `latest` when not given. No tag at all means `latest`.
    forbid: Option<NonEmpty<TagPattern>>,
}

impl Tag {
    /// The tag of a name that is forbidden; none when the name is good, as every name with a digest is.
    fn forbidden(&self, reference: &str) -> Option<String> {
        let name = ImageName::read(reference).filter(|name| name.digest.is_none())?;
        let tag = name.tag.unwrap_or_else(|| "latest".to_owned());
        let forbidden = match &self.forbid {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches(&tag)),
            None => tag == "latest",
        };
        forbidden.then_some(tag)
    }
}

impl Check for Tag {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let proved = image.base_layers();
        if proved == Some(0) {
            return Outcome::NotApplicable("the image is built on nothing".to_owned());
        }
        let of_grade = |grade: BaseGrade| move |claim: &&BaseClaim| claim.grade == grade;
        let said = || image.base.iter().filter(|claim| matches!(claim.grade, BaseGrade::Claimed | BaseGrade::Matched));
        let proved: Vec<&BaseClaim> =
            image.base.iter().filter(of_grade(BaseGrade::Proved)).filter(|claim| claim.layers == proved).collect();
        // What the image says of itself tells which of several names was written, if it is true.
        let is_true =
            |claim: &&BaseClaim| proved.is_empty() || proved.iter().any(|base| base.reference == claim.reference);
        let mut answers: Vec<&BaseClaim> = said().filter(is_true).collect();
        if answers.is_empty() {
            answers = proved;
        }
        if answers.is_empty() {
            return Outcome::Unknown("nothing tells by which name the image is built on its base".to_owned());
        }
        let bad: Vec<(&&BaseClaim, String)> =
            answers.iter().filter_map(|claim| Some((claim, self.forbidden(&claim.reference)?))).collect();
        if bad.len() < answers.len() {
            let names: Vec<&str> = answers.iter().map(|claim| claim.reference.as_str()).collect();
            return Outcome::Pass(names.join(", "));
        }
        let fault = |(claim, tag): (&&BaseClaim, String)| Fault {
            subject: claim.reference.clone(),
            message: format!(
                "the base is {}, and {} is no version ({})",
                code(&claim.reference),
                codes([tag]),
                claim.by
            ),
            seat: Seat::Image,
            fix: None,
        };
        Outcome::Fail(bad.into_iter().map(fault).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn guesses_and_silence_decide_nothing() {
        for image in ["0755 0:0 bin/sh", "env PYTHON_VERSION=3.12.1\n0755 0:0 bin/sh"] {
            assert!(matches!(decide("base.tag", "", image), Outcome::Unknown(_)), "{image}");
        }
        assert!(matches!(decide("base.tag", "", "0755 0:0 app"), Outcome::NotApplicable(_)));
    }

    #[test]
    fn the_name_that_the_image_gives_counts_among_names_of_equal_layers() {
        let image = "annotation org.opencontainers.image.base.name=debian:latest\nlayer ADD rootfs /\n0755 0:0 bin/sh\n\
                     known debian:latest\nknown debian:13";
        assert!(decide("base.tag", "", image).is_fail());
    }

    #[test]
    fn a_claim_that_the_proof_contradicts_does_not_count() {
        let image = "annotation org.opencontainers.image.base.name=python:latest\nlayer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:13";
        assert_eq!(decide("base.tag", "", image), Outcome::Pass("docker.io/library/debian:13".to_owned()));
    }

    #[test]
    fn every_tag_cannot_be_forbidden() {
        assert!(complaint("base.tag", "{forbid: ['*']}").contains("forbids every tag"));
        assert!(complaint("base.tag", "{forbid: []}").contains("empty list"));
    }
}
