//! A refusal, on record: a verification summary that says FAILED, about the image where it is. Nothing is written to the
//! destination, which it never reached.

use crate::model::Digest;
use crate::policy::Report;
use crate::release::closure::Closure;
use crate::sign::{StatementDraft, VSA_TYPE, VsaDraft};

use super::apply::{ApplyError, Ends, Sign, attach};
use super::gate::{GateReport, State};
use super::history::{Believe, statements};
use super::summary::is_last_word;

/// What did not pass, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// The images that failed, and the root last.
    pub subjects: Vec<Digest>,
    /// Why, in short: rules with their platforms, conditions of the gate.
    pub reasons: Vec<String>,
}

impl Refused {
    /// What a report refuses: the images with a fault that is denied, and the root, which lists them.
    #[must_use]
    pub fn by_rules(report: &Report, root: &Digest) -> Self {
        let mut refused = Self::default();
        for (image, judged) in report.inspection.images.iter().zip(&report.images) {
            let before = refused.reasons.len();
            for result in &judged.results {
                if result.violates() {
                    refused.reasons.push(format!("{} ({})", result.rule.id, image.platform));
                }
            }
            if refused.reasons.len() > before && image.subject.digest != *root {
                refused.subjects.push(image.subject.digest.clone());
            }
        }
        refused.subjects.push(root.clone());
        refused.reasons.dedup();
        refused
    }

    /// What a gate refuses about the image itself: signatures and stages. Windows, soak time and approvals are about the moment, and
    /// say nothing about the image; none of them makes a refusal that stays.
    #[must_use]
    pub fn by_gate(report: &GateReport, subjects: Vec<Digest>) -> Option<Self> {
        let about = |name: &str| matches!(name, "require" | "stage");
        let refused = report.conditions.iter().filter(|one| one.state == State::Refused && about(&one.name));
        let reasons: Vec<String> = refused.map(|one| format!("gate {}: {}", one.name, one.detail)).collect();
        (!reasons.is_empty()).then_some(Self { subjects, reasons })
    }
}

/// A bundle about an image.
pub type Signed = (Digest, Vec<u8>);

/// Signs a summary about every subject.
///
/// # Errors
/// [`ApplyError::Signing`].
pub fn sign(subjects: &[Digest], summary: &VsaDraft, sign: &Sign<'_>) -> Result<Vec<Signed>, ApplyError> {
    let failed = |error: String| ApplyError::Signing(error);
    let predicate = summary.to_predicate().map_err(|error| failed(error.to_string()))?;
    let one = |subject: &Digest| -> Result<Signed, ApplyError> {
        let name = Some(summary.resource.clone());
        let draft = StatementDraft::attestation(subject.clone(), name, VSA_TYPE, &predicate)
            .map_err(|error| failed(error.to_string()))?;
        Ok((subject.clone(), sign(draft.to_bytes()).map_err(failed)?))
    };
    subjects.iter().map(one).collect()
}

/// Signs a summary about every subject, and attaches it where the image is; one that is the verifier's last word already is not
/// written twice. Returns what was written.
///
/// # Errors
/// [`ApplyError`].
pub fn leave(
    subjects: &[Digest],
    summary: &VsaDraft,
    closure: &Closure,
    ends: &Ends<'_>,
    (signs, believe): (&Sign<'_>, &Believe<'_>),
) -> Result<Vec<Signed>, ApplyError> {
    let mut written = Vec::new();
    for subject in subjects {
        let there = statements(ends.fresh, subject)?;
        let believed = there.iter().filter(|statement| believe(&statement.bundle, subject).is_some());
        if is_last_word(believed, summary) {
            continue;
        }
        for (subject, bundle) in sign(std::slice::from_ref(subject), summary, signs)? {
            attach(closure, &subject, VSA_TYPE, (&bundle, &summary.time), ends)?;
            written.push((subject, bundle));
        }
    }
    Ok(written)
}
