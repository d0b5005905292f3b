//! `base.allow`: the image is built on an approved base.

use serde::Deserialize;

use crate::model::{BaseClaim, BaseGrade, ImageFacts};
use crate::yaml::YamlError;

use super::setting::{ImageName, ImagePattern, KnownBase, NonEmpty};
use super::words::{code, codes};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "base.allow",
    code: "IG0201",
    level: Level::Deny,
    summary: "the image is built on a base that is not approved",
    why: "Most of an image, and most of its vulnerabilities, come from its base. An approved base is watched and updated by \
          somebody; any other one is a stranger's work in production.\n\nHow well the base is known is graded. `proved`: the \
          layers of a base that `imgguard bases update` recorded, or of one in `bases`, are the lowest layers of this image, or no layer holds an operating system (`scratch`). \
          `matched`: an annotation names a base with the digest that `bases` has for it. `claimed`: an annotation or label \
          names it. `guessed`: environment or `os-release` look like it. Below `min-grade` the answer is unknown, never a \
          pass.",
    fix: "Build the last stage on an approved base:\n\n```dockerfile\nFROM python:3.12-slim\n```\n\nand record \
          what that base is made of, so that it can be proved: `imgguard bases update`, beside the policy.",
    flags: &[
        (
            "{refs: [python], min-grade: claimed}",
            "annotation org.opencontainers.image.base.name=docker.io/library/ubuntu:24.04\n0644 0:0 etc/os-release \"ID=ubuntu\"",
        ),
        ("{refs: [debian], min-grade: guessed}", "env PYTHON_VERSION=3.12.1\n0644 0:0 etc/os-release \"ID=debian\""),
        (
            "{refs: [python], known: [{ref: 'ubuntu:24.04', diff-ids: ['sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']}]}",
            "annotation org.opencontainers.image.base.name=python:3.12\nlayer ADD base /\ndiff-id sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0755 0:0 bin/sh",
        ),
        ("{refs: [python]}", "0755 0:0 app"),
        (
            "{refs: ['python:3.11*'], min-grade: claimed}",
            "annotation org.opencontainers.image.base.name=python:3.12\n0755 0:0 bin/sh",
        ),
        (
            "{refs: [python, alpine], min-grade: claimed}",
            "base claimed docker.io/library/python:3.12\nbase claimed evil.example/python:3.12\n0755 0:0 bin/sh",
        ),
    ],
    passes: &[
        (
            "{refs: ['python:3.12-slim*'], known: [{ref: 'debian:13', diff-ids: ['sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']}, {ref: 'python:3.12-slim', diff-ids: ['sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb']}]}",
            "layer a\ndiff-id sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0755 0:0 bin/sh\nlayer b\ndiff-id sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\nlayer c\n0755 0:0 app",
        ),
        ("{refs: [scratch, python]}", "0755 0:0 app"),
        (
            "{refs: [python], min-grade: matched, known: [{ref: 'python:3.12', digest: 'sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc'}]}",
            "annotation org.opencontainers.image.base.name=python:3.12\nannotation org.opencontainers.image.base.digest=sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n0755 0:0 bin/sh",
        ),
        (
            "{refs: ['library/python:3*'], min-grade: claimed}",
            "annotation org.opencontainers.image.base.name=python:3.12\n0755 0:0 bin/sh",
        ),
        ("{refs: [alpine], min-grade: guessed}", "0644 0:0 etc/os-release \"ID=alpine\\nVERSION_ID=3.22\""),
    ],
    build: |settings| {
        let allow: Allow = settings.read()?;
        if allow.known.iter().any(|base| base.digest.is_none() && base.diff_ids.is_none()) {
            let error = YamlError::new(settings.span("known"), "a known base has neither `digest` nor `diff-ids`");
            return Err(error.with_hint("give `diff-ids`, the `rootfs.diff_ids` of its config, to let it be proved"));
        }
        Ok(Box::new(allow))
    },
    schema: |generator| generator.subschema_for::<Allow>(),
};

/// Which bases are approved, and how well they must be known.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Allow {
    /// Approved bases.
    #[schemars(extend("x-tighter" = "fewer"))]
    refs: NonEmpty<ImagePattern>,
    /// How well the base must be known; `proved` when not given.
    #[serde(default = "proved")]
    #[schemars(extend("x-tighter" = ["guessed", "claimed", "matched", "proved"]))]
    min_grade: BaseGrade,
    /// Bases whose content is known, approved or not: one element per platform.
    #[serde(default)]
    known: Vec<KnownBase>,
}

fn proved() -> BaseGrade {
    BaseGrade::Proved
}

fn grade_name(grade: BaseGrade) -> &'static str {
    match grade {
        BaseGrade::Guessed => "guessed",
        BaseGrade::Claimed => "claimed",
        BaseGrade::Matched => "matched",
        BaseGrade::Proved => "proved",
    }
}

impl Allow {
    fn is_allowed(&self, claim: &BaseClaim) -> bool {
        ImageName::read(&claim.reference)
            .is_some_and(|name| self.refs.iter().any(|pattern| pattern.matches(&name, claim.digest.as_ref())))
    }

    /// All answers, those of the facts and those that `known` gives.
    fn claims(&self, image: &ImageFacts) -> Vec<BaseClaim> {
        let own = &image.config.diff_ids;
        let is_below = |base: &KnownBase| {
            let ids = base.diff_ids.as_deref();
            ids.is_some_and(|ids| ids.len() <= own.len() && ids.iter().zip(own).all(|(known, own)| known.0 == *own))
        };
        let mut claims: Vec<BaseClaim> = self
            .known
            .iter()
            .filter(|base| is_below(base))
            .map(|base| BaseClaim {
                reference: base.r#ref.0.to_string(),
                digest: base.digest.as_ref().map(|digest| digest.0.clone()),
                grade: BaseGrade::Proved,
                layers: base.diff_ids.as_ref().and_then(|ids| u32::try_from(ids.len()).ok()),
                by: "its layers are the lowest layers of this image".to_owned(),
            })
            .collect();
        for claim in &image.base {
            let named = |base: &&KnownBase| {
                let digest = base.digest.as_ref().map(|digest| &digest.0);
                let name = ImageName::read(&claim.reference);
                digest.is_some()
                    && digest == claim.digest.as_ref()
                    && name.is_some_and(|name| is_same(&name, &base.r#ref.0))
            };
            let mut claim = claim.clone();
            if claim.grade == BaseGrade::Claimed {
                let mut known = self.known.iter().filter(named).peekable();
                if known.peek().is_some() {
                    // A base whose layers are known and are not here contradicts the claim.
                    if known.all(|base| base.diff_ids.is_some() && !is_below(base)) {
                        continue;
                    }
                    claim.grade = BaseGrade::Matched;
                    claim.by = format!("{}, with the digest that the policy knows", claim.by);
                }
            }
            claims.push(claim);
        }
        claims
    }

    fn fault(&self, claim: &BaseClaim, image: &ImageFacts) -> Fault {
        let own = claim.layers.and_then(|layers| layers.checked_sub(1));
        let claimed = image.base.iter().find(|other| other.grade < claim.grade && self.is_allowed(other));
        let against = claimed.map_or_else(String::new, |other| {
            format!("; that {} names {} does not outrank it", other.by.trim_end(), code(&other.reference))
        });
        Fault {
            subject: claim.reference.clone(),
            message: format!(
                "the base is {} ({}: {}), the policy allows {}{against}",
                code(&claim.reference),
                grade_name(claim.grade),
                claim.by,
                codes(self.refs.iter().map(ImagePattern::text)),
            ),
            seat: own.map_or(Seat::Image, Seat::Layer),
            fix: None,
        }
    }
}

/// Whether two names may mean one image: a digest decides anyway, so a missing tag is no difference.
fn is_same(left: &ImageName, right: &ImageName) -> bool {
    let tags = left.tag.as_ref().zip(right.tag.as_ref());
    left.repository == right.repository && tags.is_none_or(|(left, right)| left == right)
}

impl Check for Allow {
    fn named_bases(&self) -> Vec<String> {
        self.refs.iter().filter_map(ImagePattern::exact).filter(|name| name != "scratch").collect()
    }

    fn decide(&self, image: &ImageFacts) -> Outcome {
        let claims = self.claims(image);
        let Some(best) = claims.iter().map(|claim| (claim.grade, claim.layers.unwrap_or(0))).max() else {
            let why =
                "nothing tells which base the image is built on: record approved bases with `imgguard bases update`";
            return Outcome::Unknown(why.to_owned());
        };
        // Of several proofs the longest counts; of several claims of one grade, all do.
        let answers: Vec<&BaseClaim> =
            claims.iter().filter(|claim| (claim.grade, claim.layers.unwrap_or(0)) == best).collect();
        let grade = best.0;
        let names = || codes(answers.iter().map(|claim| &claim.reference));
        if grade < self.min_grade {
            return Outcome::Unknown(format!(
                "the base seems to be {}, but that is only {} ({}); the policy wants it {}",
                names(),
                grade_name(grade),
                answers.first().map_or("", |claim| &claim.by),
                grade_name(self.min_grade),
            ));
        }
        let refused: Vec<&&BaseClaim> = answers.iter().filter(|claim| !self.is_allowed(claim)).collect();
        // Bases with equal layers are one base under several names: one approved name is enough.
        let passes = if grade == BaseGrade::Proved { refused.len() < answers.len() } else { refused.is_empty() };
        if !passes {
            return Outcome::Fail(refused.into_iter().map(|claim| self.fault(claim, image)).collect());
        }
        match image.tree_gap().filter(|_| grade == BaseGrade::Proved) {
            Some(gap) => Outcome::Unknown(gap.detail.clone()),
            None => Outcome::Pass(format!("{}, {}", names().replace('`', ""), grade_name(grade))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const C: &str = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

    fn unknown(settings: &str, image: &str) -> String {
        match decide("base.allow", settings, image) {
            Outcome::Unknown(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_known_is_undecided() {
        assert!(unknown("{refs: [python]}", "0755 0:0 bin/sh").starts_with("nothing tells"));
        let seems = unknown("{refs: [python]}", "env PYTHON_VERSION=3.12.1\n0755 0:0 bin/sh");
        assert_eq!(
            seems,
            "the base seems to be `docker.io/library/python:3.12.1`, but that is only guessed (environment variable \
             `PYTHON_VERSION`, which anyone can write); the policy wants it proved"
        );
        let not_allowed =
            unknown("{refs: [alpine]}", "annotation org.opencontainers.image.base.name=python\n0755 0:0 bin/sh");
        assert!(not_allowed.contains("only claimed"), "a weak answer never fails: {not_allowed}");
    }

    #[test]
    fn a_proof_needs_the_layers_to_have_been_seen() {
        let settings = format!("{{refs: [python], known: [{{ref: 'python:3', diff-ids: ['{A}']}}]}}");
        let image = format!("layer a\ndiff-id {A}\ngap layer 0 was not there");
        assert_eq!(unknown(&settings, &image), "was not there");
        let shorter = format!("{{refs: [python], known: [{{ref: 'python:3', diff-ids: ['{A}', '{B}']}}]}}");
        assert!(unknown(&shorter, &format!("layer a\ndiff-id {A}\n0755 0:0 bin/sh")).starts_with("nothing tells"));
    }

    #[test]
    fn a_claim_that_its_layers_contradict_counts_for_nothing() {
        let claim = format!(
            "annotation org.opencontainers.image.base.name=python:3.12\nannotation org.opencontainers.image.base.digest={C}\n\
             layer a\ndiff-id {A}\n0755 0:0 bin/sh"
        );
        let known = |ids: &str| {
            format!("{{refs: [python], min-grade: claimed, known: [{{ref: 'python:3.12', digest: '{C}'{ids}}}]}}")
        };
        assert!(matches!(decide("base.allow", &known(""), &claim), Outcome::Pass(text) if text.ends_with("matched")));
        assert!(unknown(&known(&format!(", diff-ids: ['{B}']")), &claim).starts_with("nothing tells"));
        let proof = decide("base.allow", &known(&format!(", diff-ids: ['{A}']")), &claim);
        assert!(matches!(proof, Outcome::Pass(text) if text.ends_with("proved")));
    }

    #[test]
    fn bases_with_equal_layers_are_one_base() {
        let known = format!("known: [{{ref: 'evil:1', diff-ids: ['{A}']}}, {{ref: 'python:3', diff-ids: ['{A}']}}]");
        let image = format!("layer a\ndiff-id {A}\n0755 0:0 bin/sh");
        let outcome = decide("base.allow", &format!("{{refs: [python], {known}}}"), &image);
        let both = "docker.io/library/evil:1 and docker.io/library/python:3, proved";
        assert_eq!(outcome, Outcome::Pass(both.to_owned()));
    }

    #[test]
    fn a_fault_names_the_last_layer_of_the_base_and_the_claim_it_beats() {
        let settings = format!("{{refs: [python], known: [{{ref: 'ubuntu:24.04', diff-ids: ['{A}', '{B}']}}]}}");
        let image = format!(
            "annotation org.opencontainers.image.base.name=python:3.12\nlayer a\ndiff-id {A}\n0755 0:0 bin/sh\nlayer b\n\
             diff-id {B}"
        );
        let Outcome::Fail(faults) = decide("base.allow", &settings, &image) else { panic!("ubuntu") };
        assert_eq!(faults[0].seat, Seat::Layer(1));
        assert!(faults[0].message.ends_with("names `docker.io/library/python:3.12` does not outrank it"), "{faults:?}");
    }

    #[test]
    fn settings_that_prove_anything_or_nothing_are_refused() {
        assert!(complaint("base.allow", "{refs: []}").starts_with("1:8: an empty list"));
        assert!(complaint("base.allow", "{}").contains("`refs` is missing"));
        let empty = complaint("base.allow", "{refs: [a], known: [{ref: a, diff-ids: []}]}");
        assert!(empty.starts_with("1:40: an empty list"), "{empty}");
        assert!(complaint("base.allow", "{refs: [a], known: [{ref: a}]}").contains("neither `digest` nor `diff-ids`"));
        assert!(complaint("base.allow", "{refs: [a], known: [{ref: 'a*', digest: x}]}").contains("is a pattern"));
        assert!(complaint("base.allow", "{refs: [a], min-grade: sure}").starts_with("1:24: unknown value `sure`"));
    }
}
