//! `supply.signature`: the image is signed by one of the signers that are trusted.

use serde::Deserialize;

use crate::model::{ImageFacts, SIGNATURE_TYPE};

use super::setting::NonEmpty;
use super::supply_evidence::{Wanted, judge};
use super::{Check, Circumstances, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "supply.signature",
    code: "IG2101",
    level: Level::Deny,
    summary: "the image is not signed by a trusted signer",
    why: "A tag can be moved and a registry can be broken into. A signature over the digest tells who stands behind exactly these \
          bytes.\n\nThe signatures are verified before the rule looks: `imgguard check --trust FILE` names the trust policy with \
          the signers. Without it, and when a list of signatures could not be read, the answer is unknown, never a pass. An image is \
          also signed by a signature on the index that lists it.",
    fix: "Sign the image in the pipeline that builds it, by its digest:\n\n```sh\nimgguard sign registry.example/acme/app:1.4.2 --key \
          release.key\n```",
    flags: &[
        ("", "evidence complete"),
        ("{by: [release]}", "evidence complete\nevidence https://sigstore.dev/cosign/sign/v1 by ci"),
    ],
    passes: &[
        ("", "evidence complete\nevidence https://sigstore.dev/cosign/sign/v1 by ci"),
        ("{by: [release, ci]}", "evidence https://sigstore.dev/cosign/sign/v1 by release"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Signature>()?)),
    schema: |generator| generator.subschema_for::<Signature>(),
};

/// Whose signatures count.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[derive(Default)]
struct Signature {
    /// Names of signers in the trust policy; all of them unless given.
    by: Option<NonEmpty<String>>,
}

impl Check for Signature {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let by: Option<Vec<&str>> = self.by.as_ref().map(|by| by.iter().map(String::as_str).collect());
        judge(image, circumstances, &[Wanted { predicate_type: SIGNATURE_TYPE, by }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn what_was_not_seen_is_unknown() {
        for text in ["0755 0:0 app", "evidence gap access to the list was denied"] {
            let outcome = decide("supply.signature", "", text);
            assert!(matches!(outcome, Outcome::Unknown(_)), "{text}: {outcome:?}");
        }
        let seen = "evidence gap x\nevidence https://sigstore.dev/cosign/sign/v1 by ci";
        assert!(matches!(decide("supply.signature", "", seen), Outcome::Pass(_)), "enough evidence is enough");
        let other = "evidence complete\nevidence https://spdx.dev/Document by ci";
        assert!(decide("supply.signature", "", other).is_fail(), "another statement is no signature");
    }
}
