//! Which signatures other verifiers would find and take, with their usual settings. Whether a signature is good is decided before.

use crate::model::Digest;

use super::evidence::{Examined, Place, Proof};
use super::verify::Signer;
use super::{NOTATION_TYPE, Reason, Rejection};

/// The artifact type of bundles, whatever their version.
const BUNDLES: &str = "application/vnd.dev.sigstore.bundle";

/// A verifier of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// cosign 1 and 2: the tags `.sig` and `.att`.
    Cosign2,
    /// cosign 3: bundles that are listed as such; the tags where no bundle is listed.
    Cosign3,
    /// Kyverno: bundles that are listed as such (`type: SigstoreBundle`), and the tags (`type: Cosign`).
    Kyverno,
    /// policy-controller: the tags, and bundles that are listed as such (`signatureFormat: bundle`).
    PolicyController,
    /// Notation: its own signatures.
    Notation,
}

/// An entry of the list that consumers go by: the registry's own, else the one behind the fallback tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The digest of the manifest.
    pub digest: Digest,
    /// What the list says that it is.
    pub artifact_type: Option<String>,
}

impl ListEntry {
    fn is_notation(&self) -> bool {
        self.artifact_type.as_deref() == Some(NOTATION_TYPE)
    }

    fn is_bundle(&self) -> bool {
        self.artifact_type.as_ref().is_some_and(|kind| kind.starts_with(BUNDLES))
    }
}

impl Consumer {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cosign2 => "cosign 2",
            Self::Cosign3 => "cosign 3",
            Self::Kyverno => "Kyverno",
            Self::PolicyController => "policy-controller",
            Self::Notation => "Notation",
        }
    }

    /// Turns every proof that the consumer would not find, or not take, into a rejection that says why. With `ignore_log` the consumer
    /// is set up to want no log entry and no timestamp of keys.
    pub fn restrict(self, examined: &mut [Examined], list: &[ListEntry], ignore_log: bool) {
        let bundles = list.iter().any(ListEntry::is_bundle);
        for one in examined {
            let Ok(proof) = &one.outcome else { continue };
            let seen = self.finds(one, list, bundles).and_then(|()| self.takes(proof, one.format, ignore_log));
            if let Err(rejection) = seen {
                one.outcome = Err(rejection);
            }
        }
    }

    fn finds(self, one: &Examined, list: &[ListEntry], bundles: bool) -> Result<(), Rejection> {
        let name = self.name();
        let no = |reason, detail: String| Err(Rejection::new(reason, detail));
        if self == Self::Notation && one.format != "notation" {
            return no(Reason::UnseenFormat, "Notation reads no signatures of Sigstore".to_owned());
        }
        match (one.place, one.format) {
            (Place::GitHub, _) => no(Reason::UnseenPlace, format!("{name} does not ask GitHub")),
            (Place::File, _) => no(Reason::UnseenPlace, format!("{name} does not know the file")),
            (Place::SignatureTag | Place::AttestationTag, _) if self == Self::Cosign3 && bundles => no(
                Reason::UnseenPlace,
                "cosign 3 looks under the tags `.sig` and `.att` only where no bundle is listed".to_owned(),
            ),
            (Place::SignatureTag | Place::AttestationTag, _) => Ok(()),
            (Place::Referrer | Place::FallbackTag, _) if self == Self::Cosign2 => no(
                Reason::UnseenPlace,
                "cosign 2 looks only under the tags `.sig` and `.att`: sign with --compat both".to_owned(),
            ),
            (Place::Referrer | Place::FallbackTag, "bundle") => {
                self.finds_listed(one, list, ListEntry::is_bundle, "a bundle")
            }
            (Place::Referrer | Place::FallbackTag, "notation") if self == Self::Notation => {
                self.finds_listed(one, list, ListEntry::is_notation, "a signature of its own")
            }
            (Place::Referrer | Place::FallbackTag, _) => {
                no(Reason::UnseenFormat, format!("{name} reads nothing but bundles from the list of referrers"))
            }
        }
    }

    fn finds_listed(
        self,
        one: &Examined,
        list: &[ListEntry],
        is_right: fn(&ListEntry) -> bool,
        what: &str,
    ) -> Result<(), Rejection> {
        let name = self.name();
        match list.iter().find(|entry| Some(&entry.digest) == one.manifest.as_ref()) {
            None => Err(Rejection::new(
                Reason::UnseenListing,
                format!("it is not in the list that {name} goes by: see `imgguard referrers repair --add`"),
            )),
            Some(entry) if !is_right(entry) => Err(Rejection::new(
                Reason::UnseenListing,
                format!(
                    "the list calls it `{}`, and {name} takes only what is listed as {what}: see `imgguard referrers repair`",
                    entry.artifact_type.as_deref().unwrap_or_default().escape_debug()
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    /// Signatures of identities have a verified time anyway; those of keys need not have one here.
    fn takes(self, proof: &Proof, format: &str, ignore_log: bool) -> Result<(), Rejection> {
        if ignore_log || proof.logged() > 0 || !matches!(proof.signer(), Signer::Key { .. }) {
            return Ok(());
        }
        let wants = match self {
            Self::Cosign2 | Self::Cosign3 => "a log entry, unless it is told --insecure-ignore-tlog",
            Self::Kyverno => "a log entry, unless its policy says `rekor: { ignoreTlog: true }`",
            // Its key authorities ask for a log only when they name one; bundles need a time.
            Self::PolicyController if format != "bundle" || !proof.times().is_empty() => return Ok(()),
            Self::PolicyController => "a log entry or a timestamp with each bundle",
            Self::Notation => return Ok(()),
        };
        Err(Rejection::new(Reason::UnseenTime, format!("{} wants {wants}", self.name())))
    }
}
