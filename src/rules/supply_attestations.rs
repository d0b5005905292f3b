//! `supply.attestations`: the image has the attestations that are asked for, each by a trusted signer.

use serde::Deserialize;

use crate::model::{ImageFacts, predicate_type};
use crate::yaml::YamlError;

use super::setting::NonEmpty;
use super::supply_evidence::{Wanted, judge};
use super::{Check, Circumstances, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "supply.attestations",
    code: "IG2102",
    level: Level::Deny,
    summary: "the image lacks an attestation by a trusted signer",
    why: "An attestation is a signed statement about an image: how it was built, what is in it, what was found in it. A statement \
          that nobody trusted has signed is a rumour.\n\nThe type counts exactly; `spdx`, `cyclonedx` and `openvex` also count in \
          their versions. The attestations are verified before the rule looks: see `supply.signature`.",
    fix: "Attest it in the pipeline that knows:\n\n```sh\nimgguard attest registry.example/acme/app:1.4.2 --type cyclonedx --predicate \
          app.cdx.json --key release.key\n```",
    flags: &[
        ("{require: [{type: cyclonedx}]}", "evidence complete"),
        (
            "{require: [{type: cyclonedx, by: [ci]}]}",
            "evidence complete\nevidence https://cyclonedx.org/bom by release",
        ),
        ("{require: [{type: spdx}]}", "evidence complete\nevidence https://cyclonedx.org/bom by ci"),
    ],
    passes: &[
        ("{require: [{type: cyclonedx, by: [ci]}]}", "evidence complete\nevidence https://cyclonedx.org/bom by ci"),
        (
            "{require: [{type: 'https://example.com/review/v1'}, {type: openvex}]}",
            "evidence complete\nevidence https://example.com/review/v1 by ci\nevidence https://openvex.dev/ns/v0.2.0 by ci",
        ),
    ],
    build: |settings| {
        let read: Attestations = settings.read()?;
        if let Some(wrong) = read.require.iter().find(|wanted| predicate_type(&wanted.r#type).is_none()) {
            let message = format!("there is no type `{}`", wrong.r#type.escape_debug());
            return Err(YamlError::new(settings.span("require"), message)
                .with_hint("write a short name such as spdx, or a URI"));
        }
        Ok(Box::new(read))
    },
    schema: |generator| generator.subschema_for::<Attestations>(),
};

/// Which attestations are asked for.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Attestations {
    /// The attestations; each must be there.
    require: NonEmpty<Attestation>,
}

/// An attestation that must be there.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Attestation {
    /// Its type: a short name such as `spdx`, `cyclonedx`, `slsaprovenance1`, `vsa`, or a URI.
    r#type: String,
    /// Names of signers in the trust policy; all of them unless given.
    by: Option<NonEmpty<String>>,
}

impl Check for Attestations {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let wanted: Vec<Wanted<'_>> = self
            .require
            .iter()
            .map(|wanted| Wanted {
                predicate_type: predicate_type(&wanted.r#type).unwrap_or(&wanted.r#type),
                by: wanted.by.as_ref().map(|by| by.iter().map(String::as_str).collect()),
            })
            .collect();
        judge(image, circumstances, &wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_gap_leaves_it_open() {
        let outcome = decide("supply.attestations", "{require: [{type: spdx}]}", "evidence gap x");
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
}
