//! `secrets.package-supplied`: what looks like a secret and came with a package, byte for byte.

use crate::model::{Class, ImageFacts, Place};

use super::setting::NoSettings;
use super::{Check, Level, Outcome, Rule, secret_places};

pub(super) const RULE: Rule = Rule {
    id: "secrets.package-supplied",
    code: "IG0503",
    level: Level::Warn,
    summary: "a package brings a private key or a token along",
    why: "The file has exactly the bytes that the package manager recorded in the same layer or below, so nobody put the secret \
          there by hand: mostly it is a key for tests or examples. But everyone has it: nothing may trust it. Files that were \
          changed after the installation count for `secrets.content`, and so does a record that is younger than the file.",
    fix: "Make sure that nothing uses the key: not the server, not the trust store. Remove what is not needed with the package \
          manager (`apt-get remove`, `apk del`, `pip uninstall`): documentation and tests are often packages of their own.",
    flags: &[
        ("", "0644 0:0 usr/lib/x\nsecret proven private-key in usr/lib/x layer 0 by libx"),
        ("", "0644 0:0 usr/lib/x\nsecret structured private-key in usr/lib/x layer 0 by libx"),
    ],
    passes: &[
        ("", "0644 0:0 usr/lib/x\nsecret proven private-key in usr/lib/x layer 0"),
        ("", "0644 0:0 usr/lib/x\nsecret structured github-token in usr/lib/x layer 0 by libx"),
        ("", "0644 0:0 usr/lib/x"),
    ],
    build: |settings| {
        let NoSettings {} = settings.read::<NoSettings>()?;
        Ok(Box::new(Supplied))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Supplied;

impl Check for Supplied {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let supplied = image.secrets.iter().filter(|secret| secret.class() == Class::PackageSupplied);
        let faults: Vec<_> = supplied
            .filter_map(|secret| {
                let places: Vec<&Place> = secret.places.iter().collect();
                let by = secret.places.first().and_then(Place::supplied).unwrap_or_default();
                let mut fault = secret_places::fault(image, secret, &places, None)?;
                fault.message = format!("{}; the file is that of {by}", fault.message);
                fault.fix = None;
                Some(fault)
            })
            .collect();
        Outcome::of_tree(image, faults, "")
    }
}
