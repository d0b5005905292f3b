//! `supply.provenance`: a trusted signer says that a trusted builder built the image from the right sources.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::NonEmpty;
use super::supply_evidence::{ABSENT, fault, seen};
use super::words::codes;
use super::{Check, Circumstances, Level, Outcome, Rule};

/// Provenance of SLSA, in both versions.
const TYPES: &[&str] = &["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];

pub(super) const RULE: Rule = Rule {
    id: "supply.provenance",
    code: "IG2103",
    level: Level::Deny,
    summary: "no trusted builder says what the image was built from",
    why: "A signature tells who released an image, a provenance how it came to be: which builder ran, from which repository. Only the \
          pair of signer and builder means something: anybody can write the name of a trusted builder into a statement of his \
          own.\n\nThe provenance is verified before the rule looks: see `supply.signature`.",
    fix: "Let the builder write and sign the provenance, or attest it:\n\n```sh\nimgguard attest registry.example/acme/app:1.4.2 --type \
          slsaprovenance1 --predicate provenance.json --key builder.key\n```",
    flags: &[
        ("{builders: ['https://b.example']}", "evidence complete"),
        (
            "{builders: ['https://b.example'], by: [ci]}",
            "evidence complete\nevidence https://slsa.dev/provenance/v1 by release builder https://b.example",
        ),
        (
            "{builders: ['https://b.example'], sources: ['https://git.example/app']}",
            "evidence complete\nevidence https://slsa.dev/provenance/v1 by ci builder https://b.example source https://git.example/other",
        ),
    ],
    passes: &[
        (
            "{builders: ['https://b.example'], by: [ci]}",
            "evidence complete\nevidence https://slsa.dev/provenance/v1 by ci builder https://b.example",
        ),
        (
            "{builders: ['https://b.example'], sources: ['https://git.example/app']}",
            "evidence complete\nevidence https://slsa.dev/provenance/v0.2 by ci builder https://b.example source https://git.example/app",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Provenance>()?)),
    schema: |generator| generator.subschema_for::<Provenance>(),
};

/// Which builders and sources are right.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Provenance {
    /// IDs of builders, exact.
    builders: NonEmpty<String>,
    /// Repositories of the sources, as URLs without revision; any unless given.
    sources: Option<NonEmpty<String>>,
    /// Names of signers in the trust policy; all of them unless given.
    by: Option<NonEmpty<String>>,
}

impl Check for Provenance {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let Some(evidence) = seen(image, circumstances) else { return Outcome::Unknown(ABSENT.to_owned()) };
        let allowed = |list: &Option<NonEmpty<String>>, text: Option<&str>| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| Some(one.as_str()) == text))
        };
        let provenances: Vec<_> = evidence
            .proofs
            .iter()
            .filter(|proof| TYPES.contains(&proof.predicate_type.as_str()) && allowed(&self.by, Some(&proof.signer)))
            .collect();
        let fits = |proof: &&&super::Proven| {
            let builder = self.builders.iter().any(|one| Some(one) == proof.builder.as_ref());
            let source = self.sources.as_ref().is_none_or(|list| list.iter().any(|one| proof.sources.contains(one)));
            builder && source
        };
        if let Some(proof) = provenances.iter().find(fits) {
            let builder = proof.builder.as_deref().unwrap_or_default();
            return Outcome::Pass(format!("built by `{builder}`, signed by `{}`", proof.signer));
        }
        if let Some(gap) = &evidence.gap {
            return Outcome::Unknown(gap.clone());
        }
        let message = match provenances.first() {
            None => "has no `slsaprovenance1` by a trusted signer".to_owned(),
            Some(proof) => {
                let builder = proof.builder.as_deref().unwrap_or("nobody").escape_debug().to_string();
                let sources: Vec<&str> = proof.sources.iter().map(String::as_str).collect();
                format!("was built by `{builder}` from {}", codes(&sources))
            }
        };
        Outcome::Fail(vec![fault("provenance", message)])
    }
}
