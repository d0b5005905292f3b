//! `supply.sbom-matches`: the attested bill of materials says what is in the image.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::NonEmpty;
use super::supply_evidence::{ABSENT, fault, seen};
use super::{Check, Circumstances, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "supply.sbom-matches",
    code: "IG2104",
    level: Level::Deny,
    summary: "the attested bill of materials differs from what is in the image",
    why: "A bill of materials that was made from the sources, from another build or by hand is attested as easily as a right one. \
          imgguard derives its own from the bytes of the image and compares.\n\nThe attestation is verified before the rule \
          looks: see `supply.signature`. A document of a form that cannot be compared leaves the answer open.",
    fix: "Attest what imgguard derives:\n\n```sh\nimgguard sbom registry.example/acme/app:1.4.2 -o cyclonedx-json=app.cdx.json\nimgguard \
          attest registry.example/acme/app:1.4.2 --type cyclonedx --predicate app.cdx.json --key release.key\n```",
    flags: &[("", "evidence complete"), ("", "evidence complete\nevidence https://cyclonedx.org/bom by ci differs")],
    passes: &[
        ("", "evidence complete\nevidence https://cyclonedx.org/bom by ci matches"),
        ("{by: [ci]}", "evidence https://spdx.dev/Document by ci matches"),
    ],
    build: |settings| Ok(Box::new(settings.read::<SbomMatches>()?)),
    schema: |generator| generator.subschema_for::<SbomMatches>(),
};

/// Whose bills of materials count.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct SbomMatches {
    /// Names of signers in the trust policy; all of them unless given.
    by: Option<NonEmpty<String>>,
}

impl Check for SbomMatches {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let Some(evidence) = seen(image, circumstances) else { return Outcome::Unknown(ABSENT.to_owned()) };
        let by = |signer: &String| self.by.as_ref().is_none_or(|by| by.iter().any(|one| one == signer));
        let is_bill = |kind: &str| {
            ["https://cyclonedx.org/bom", "https://spdx.dev/Document"].iter().any(|one| kind.starts_with(one))
        };
        let bills: Vec<_> =
            evidence.proofs.iter().filter(|proof| is_bill(&proof.predicate_type) && by(&proof.signer)).collect();
        if let Some(proof) = bills.iter().find(|proof| proof.differences == Some(0)) {
            return Outcome::Pass(format!("attested by `{}`", proof.signer));
        }
        if let Some(gap) = &evidence.gap {
            return Outcome::Unknown(gap.clone());
        }
        match bills.first() {
            None => Outcome::Fail(vec![fault("sbom", "has no `cyclonedx` or `spdx` by a trusted signer".to_owned())]),
            Some(proof) => match proof.differences {
                Some(count) => {
                    let message = format!("differs from its attested bill of materials in `{count}` places");
                    Outcome::Fail(vec![fault("sbom", message)])
                }
                None => Outcome::Unknown("the attested bill of materials cannot be compared".to_owned()),
            },
        }
    }
}
