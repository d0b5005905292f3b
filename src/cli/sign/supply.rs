//! Evidence for the rules `supply.*`: verified here, judged there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::evidence::{Store, closure, collect};
use crate::model::{Digest, ImageFacts, Inspection};
use crate::rules::{Proven, SupplyEvidence};
use crate::sbom::{Options, build, compare, read};
use crate::sign::evidence::{Conditions, Found, Proof, examine};
use crate::sign::provenance::{builder, sources};
use crate::sign::trust_policy::TrustPolicy;
use crate::sign::verify::Grounds;
use crate::sign::{SigstoreTrust, Trust};

use super::super::{Failure, SourceArguments, now};
use super::{files, grounds, image};

/// Reasons that are kept of evidence that does not count.
const MAX_PROBLEMS: usize = 3;

/// Whom `check` believes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct TrustArguments {
    /// Verify signatures and attestations with the signers of this trust policy, for the rules `supply.*`.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    kit: grounds::KitArguments,
    /// Trust the authorities and logs in this file.
    #[arg(long, value_name = "FILE", requires = "trust")]
    trusted_root: Option<PathBuf>,
}

/// Verifies evidence of images.
pub(in crate::cli) struct Gatherer {
    policy: TrustPolicy,
    trust: Box<dyn Trust>,
    bundles: Vec<Vec<u8>>,
}

/// Evidence, and the bills of materials in it that are still to be compared.
#[derive(Default)]
pub(in crate::cli) struct Gathered {
    pub evidence: BTreeMap<Digest, SupplyEvidence>,
    bills: Vec<(Digest, usize, Value)>,
}

impl Gatherer {
    /// Reads policy, keys and root; none when neither a policy nor a trust kit was given.
    pub fn open(arguments: &TrustArguments) -> Result<Option<Self>, Failure> {
        let kit = arguments.kit.read()?;
        if arguments.trust.is_none() && kit.is_none() {
            return Ok(None);
        }
        let policy = grounds::policy(kit.as_ref(), arguments.trust.as_deref())?.ok_or_else(|| {
            Failure::usage("the trust kit has no trust policy, so nobody in it is a signer by name")
                .with_hint("give a trust policy with --trust")
        })?;
        let roots = grounds::roots(kit.as_ref(), arguments.trusted_root.as_deref(), false)?;
        roots.iter().for_each(files::warn_of_age);
        let bundles = kit.map(|kit| kit.bundles().to_vec()).unwrap_or_default();
        Ok(Some(Self { policy, trust: Box::new(grounds::trusts(&roots)?), bundles }))
    }

    /// Verifies with signers that are known already.
    pub fn of(policy: TrustPolicy, trust: SigstoreTrust) -> Self {
        Self { policy, trust: Box::new(trust), bundles: Vec::new() }
    }

    /// Gathers what is kept about an image and everything in it. Images without a place for signatures have no evidence.
    pub fn gather(&self, text: &str, source: &SourceArguments) -> Result<Gathered, Failure> {
        let store = image::open(text, source)?;
        let mut gathered = Gathered::default();
        for node in closure(&store)? {
            let mut evidence = self.about(&store, &node.digest, &mut gathered.bills);
            // A statement about an index is one about everything that it lists by digest.
            if let Some(above) = node.parent.as_ref().and_then(|parent| gathered.evidence.get(parent)) {
                evidence.proofs.extend(above.proofs.iter().map(|proof| Proven { differences: None, ..proof.clone() }));
                evidence.gap = evidence.gap.or_else(|| above.gap.clone());
            }
            gathered.evidence.insert(node.digest, evidence);
        }
        Ok(gathered)
    }

    fn about(&self, store: &Store, digest: &Digest, bills: &mut Vec<(Digest, usize, Value)>) -> SupplyEvidence {
        let mut listing = collect(store, digest);
        listing.found.extend(self.bundles.iter().map(|bundle| Found::file(bundle)));
        let grounds = Grounds { trust: &*self.trust, ignore_log: false, p384_sha256: false };
        let mut evidence = SupplyEvidence { gap: listing.gaps.first().map(ToString::to_string), ..Default::default() };
        for (name, spec) in &self.policy.signers {
            let Some(rule) = spec.rule() else { continue };
            let conditions = Conditions { now: now(), from: spec.from, until: spec.until, ..Conditions::default() };
            for one in examine(&listing, digest, &[rule], &grounds) {
                let proof = one.outcome.and_then(|proof| conditions.check(&proof, digest).map(|()| proof));
                match proof {
                    Ok(proof) => {
                        if let Proof::Statement(statement) = &proof {
                            bills.push((digest.clone(), evidence.proofs.len(), statement.value().predicate().clone()));
                        }
                        evidence.proofs.push(proven(name, &proof));
                    }
                    Err(rejection) if evidence.problems.len() < MAX_PROBLEMS => {
                        evidence.problems.push(rejection.to_string());
                    }
                    Err(_) => {}
                }
            }
        }
        evidence
    }
}

impl Gathered {
    /// Compares the attested bills of materials with what is in the images.
    pub fn compare(&mut self, inspection: &Inspection) {
        for (digest, at, predicate) in &self.bills {
            let image = inspection.images.iter().find(|image| image.subject.digest == *digest);
            let proof = self.evidence.get_mut(digest).and_then(|evidence| evidence.proofs.get_mut(*at));
            if let (Some(image), Some(proof)) = (image, proof)
                && (proof.predicate_type.starts_with("https://cyclonedx.org/bom")
                    || proof.predicate_type.starts_with("https://spdx.dev/Document"))
            {
                proof.differences = differences(image, predicate);
            }
        }
    }
}

/// Differences between a document and the one derived from the image; none when they cannot be compared.
fn differences(image: &ImageFacts, predicate: &Value) -> Option<usize> {
    let file = read(predicate.to_string().as_bytes()).ok()?.document;
    let mut options = Options::of(&file);
    if options.tool_version.is_empty() {
        env!("CARGO_PKG_VERSION").clone_into(&mut options.tool_version);
    }
    let derived = build(image, &options).ok()?;
    Some(compare(&derived, &file).len())
}

fn proven(name: &str, proof: &Proof) -> Proven {
    let predicate = match proof {
        Proof::Statement(statement) => Some(statement.value().predicate()),
        Proof::Simple(_) | Proof::Notation(_) => None,
    };
    Proven {
        predicate_type: proof.predicate_type().to_owned(),
        signer: name.to_owned(),
        builder: predicate.and_then(builder).map(str::to_owned),
        sources: predicate.map(sources).unwrap_or_default().into_iter().map(str::to_owned).collect(),
        differences: None,
    }
}
