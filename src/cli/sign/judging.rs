//! From an image and its evidence to the report about each of its nodes.

use crate::evidence::{Store, closure, collect};
use crate::github::Attestations;
use crate::model::{Digest, Platform};
use crate::oci::FetchError;
use crate::sign::evidence::{Answer, Conditions, Examined, Found, Listing, Node, Place, Requirement, answer, examine};
use crate::sign::trust_policy::TrustPolicy;
use crate::sign::verify::{Grounds, SignerRule};
use crate::sign::{Consumer, ListEntry, Reason, Rejection, Standing, VsaWishes};

use super::super::Failure;
use super::report::{self, Image, NodeReport, ReasonReport, RequirementReport};
use super::verify::Recursive;

/// How to judge an image.
pub(super) struct Judge<'a> {
    pub rules: Vec<SignerRule<'a>>,
    pub grounds: Grounds<'a>,
    pub requirements: Vec<Requirement>,
    pub conditions: Conditions,
    pub files: Vec<Vec<u8>>,
    pub github: Option<Attestations>,
    pub recursive: Recursive,
    pub consumer: Option<Consumer>,
    pub policy: Option<&'a TrustPolicy>,
    pub vsa: Option<VsaArguments>,
}

/// What a verification summary must say; the resource is the repository unless named.
pub(super) struct VsaArguments {
    pub verifier: String,
    pub resource: Option<String>,
    pub levels: Vec<String>,
}

/// A node with everything that was found about it.
struct Judged {
    report: NodeReport,
    answers: Vec<Answer>,
}

impl Judged {
    /// A child of an index that nothing covers is told apart from an image that nobody signed.
    fn uncovered(&mut self) {
        for (answer, report) in self.answers.iter_mut().zip(&mut self.report.requirements) {
            if answer.reason == Reason::Unsigned {
                answer.reason = Reason::UnsignedChild;
                "it has no signature of its own, and no index above it covers it".clone_into(&mut answer.detail);
                report.reason = answer.reason.code();
                report.detail.clone_from(&answer.detail);
            }
        }
    }
}

impl Judge<'_> {
    /// Judges an image and everything in it.
    pub fn image(&self, text: &str, store: &Store, platform: Option<&Platform>) -> Result<(Image, Standing), Failure> {
        let nodes = closure(store)?;
        let asked = |node: &&Node| {
            // The builder's own statements are unsigned claims: nobody asks for their signatures.
            !node.is_statement && (self.recursive != Recursive::Index || node.parent.is_none())
        };
        let mut judged: Vec<(&Node, Judged)> =
            nodes.iter().filter(asked).map(|node| (node, self.node(store, node))).collect();
        let standing = self.settle(&mut judged, platform)?;
        let image = Image {
            reference: text.to_owned(),
            repository: store.name().to_owned(),
            digest: store.root().digest.to_string(),
            verdict: report::verdict(standing),
            nodes: judged.into_iter().map(|(_, judged)| judged.report).collect(),
        };
        Ok((image, standing))
    }

    fn node(&self, store: &Store, node: &Node) -> Judged {
        let mut listing: Listing = collect(store, &node.digest);
        listing.found.extend(self.files.iter().map(|bundle| Found::file(bundle)));
        if let Some(github) = &self.github {
            let kept = github.about(&node.digest);
            listing.found.extend(kept.bundles.iter().map(|bundle| Found::bundle(bundle, Place::GitHub)));
            listing.gaps.extend(kept.gaps);
        }
        let mut examined: Vec<Examined> = examine(&listing, &node.digest, &self.rules, &self.grounds);
        if let Some(consumer) = self.consumer {
            match list_of(store, &node.digest) {
                Ok(list) => consumer.restrict(&mut examined, &list, self.grounds.ignore_log),
                Err(error) => listing.gaps.push(Rejection::new(
                    Reason::Damaged,
                    format!("the list that {} goes by could not be read: {error}", consumer.name()),
                )),
            }
        }
        let conditions = self.conditions_for(store);
        let answers: Vec<Answer> = match self.policy {
            Some(policy) => policy.judge(&listing, &node.digest, &self.grounds, self.conditions.now),
            None => self
                .requirements
                .iter()
                .map(|requirement| answer(&examined, &listing.gaps, &node.digest, requirement, &conditions))
                .collect(),
        };
        let mut report = report::node_report(node);
        report.evidence = examined.iter().map(Into::into).collect();
        report.gaps = listing
            .gaps
            .iter()
            .map(|gap| ReasonReport { reason: gap.reason.code(), detail: gap.detail.clone() })
            .collect();
        let pairs = self.requirements.iter().zip(&answers);
        report.requirements = pairs
            .map(|(requirement, answer)| RequirementReport::new(requirement.predicate_type(), answer, &examined))
            .collect();
        Judged { report, answers }
    }

    fn conditions_for(&self, store: &Store) -> Conditions {
        let vsa = self.vsa.as_ref().map(|wanted| VsaWishes {
            verifier: wanted.verifier.clone(),
            resource: wanted.resource.clone().unwrap_or_else(|| store.name().to_owned()),
            levels: wanted.levels.clone(),
        });
        Conditions { vsa, ..self.conditions.clone() }
    }

    /// Decides about the whole image, the root first: a child without evidence of its own is covered by an index above it, since
    /// its digest is in verified bytes.
    fn settle(&self, judged: &mut [(&Node, Judged)], platform: Option<&Platform>) -> Result<Standing, Failure> {
        let mut worst: Option<Standing> = None;
        let mut covered: std::collections::BTreeSet<Digest> = std::collections::BTreeSet::new();
        for (node, judged) in judged.iter_mut() {
            let own = judged.answers.iter().all(|answer| answer.reason == Reason::Verified);
            let by_parent =
                self.recursive != Recursive::All && node.parent.as_ref().is_some_and(|parent| covered.contains(parent));
            if own || by_parent {
                covered.insert(node.digest.clone());
                judged.report.covered_by = Some(if own { "own" } else { "parent" });
            }
            if node.parent.is_some() && !own && !by_parent {
                judged.uncovered();
            }
            if by_parent && !own {
                for requirement in &mut judged.report.requirements {
                    requirement.reason = Reason::Verified.code();
                    requirement.detail = String::new();
                }
            }
            let asked = match platform {
                Some(wanted) => node.platform.as_ref().is_some_and(|platform| platform.matches(wanted)),
                None => true,
            };
            if asked {
                let standing = if own || by_parent { Standing::Verified } else { least(&judged.answers) };
                worst = Some(worst.map_or(standing, |worst| heavier(worst, standing)));
            }
        }
        worst.ok_or_else(|| {
            let platform = platform.map(ToString::to_string).unwrap_or_default();
            Failure::usage(format!("the image has no platform `{platform}`"))
        })
    }
}

/// The list that others go by: the registry's own, else the one behind the fallback tag.
fn list_of(store: &Store, digest: &Digest) -> Result<Vec<ListEntry>, FetchError> {
    let lists = store.repository().referrer_lists(digest)?;
    let entries = lists.api.or(lists.fallback).unwrap_or_default();
    Ok(entries
        .into_iter()
        .map(|entry| ListEntry { digest: entry.digest, artifact_type: entry.artifact_type })
        .collect())
}

/// What counts of several answers: a definite no, then what could not be seen, then what did not answer.
fn least(answers: &[Answer]) -> Standing {
    answers.iter().map(|answer| answer.reason.standing()).fold(Standing::Verified, heavier)
}

fn heavier(one: Standing, other: Standing) -> Standing {
    let rank = |standing: Standing| match standing {
        Standing::Verified => 0,
        Standing::Unreachable => 1,
        Standing::Undetermined => 2,
        Standing::NotVerified => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definite_no_outweighs_what_was_not_seen() {
        assert_eq!(heavier(Standing::Undetermined, Standing::NotVerified), Standing::NotVerified);
        assert_eq!(heavier(Standing::Unreachable, Standing::Undetermined), Standing::Undetermined);
        assert_eq!(heavier(Standing::Verified, Standing::Unreachable), Standing::Unreachable);
    }
}
