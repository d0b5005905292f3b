//! What the rules `supply.*` share: evidence that was verified before they look.

use crate::model::{ImageFacts, is_of_type};

use super::{Circumstances, Fault, Outcome, Seat, SupplyEvidence};

/// Why nothing is known.
pub(super) const ABSENT: &str =
    "no evidence was verified: give a trust policy with `--trust`, and an image in a registry or layout";

/// A type, and who may have signed it.
pub(super) struct Wanted<'a> {
    pub predicate_type: &'a str,
    /// None for everybody who is trusted.
    pub by: Option<Vec<&'a str>>,
}

/// The evidence about an image, when some was gathered.
pub(super) fn seen<'a>(image: &ImageFacts, circumstances: &'a Circumstances) -> Option<&'a SupplyEvidence> {
    circumstances.supply.get(&image.subject.digest)
}

pub(super) fn fault(subject: &str, message: String) -> Fault {
    Fault { subject: subject.to_owned(), message, seat: Seat::Image, fix: None }
}

/// Whether each wanted statement is there. A definite no needs a complete view.
pub(super) fn judge(image: &ImageFacts, circumstances: &Circumstances, wanted: &[Wanted<'_>]) -> Outcome {
    let Some(evidence) = seen(image, circumstances) else { return Outcome::Unknown(ABSENT.to_owned()) };
    let (mut signers, mut faults) = (Vec::new(), Vec::new());
    for one in wanted {
        let fits = |proof: &&super::Proven| {
            is_of_type(&proof.predicate_type, one.predicate_type)
                && one.by.as_ref().is_none_or(|by| by.contains(&proof.signer.as_str()))
        };
        if let Some(proof) = evidence.proofs.iter().find(fits) {
            signers.push(format!("`{}`", proof.signer));
        } else {
            let why = evidence.problems.first().map(|why| format!("; {why}")).unwrap_or_default();
            let message = format!("has no `{}` by a trusted signer{why}", one.predicate_type);
            faults.push(fault(one.predicate_type, message));
        }
    }
    match (&evidence.gap, faults.is_empty()) {
        (_, true) => {
            signers.dedup();
            Outcome::Pass(format!("by {}", signers.join(", ")))
        }
        (Some(gap), false) => Outcome::Unknown(gap.clone()),
        (None, false) => Outcome::Fail(faults),
    }
}
