//! What the package rules share: the packages, or why they are not known.

use crate::model::{GapKind, ImageFacts, PackageFact, Packages};

use super::words::code;
use super::{Fault, Outcome, Seat};

/// The packages of the image.
///
/// # Errors
/// The outcome when there are none to look at: they were not read.
pub(super) fn packages(image: &ImageFacts) -> Result<&Packages, Outcome> {
    image.packages.as_ref().ok_or_else(|| Outcome::Unknown("the packages of the image were not read".to_owned()))
}

/// Fail when there are faults; else unknown when files or package records were not seen; else pass.
pub(super) fn outcome(image: &ImageFacts, faults: Vec<Fault>, measured: impl Into<String>) -> Outcome {
    if !faults.is_empty() {
        return Outcome::Fail(faults);
    }
    match image.gaps.iter().find(|gap| gap.kind.hides_files() || gap.kind == GapKind::Catalog) {
        Some(gap) => Outcome::Unknown(gap.detail.clone()),
        None => Outcome::Pass(measured.into()),
    }
}

/// Name and version for a message.
pub(super) fn told(fact: &PackageFact) -> String {
    let name = match &fact.package.namespace {
        Some(namespace) if !fact.package.kind.is_system() => format!("{namespace}/{}", fact.package.name),
        _ => fact.package.name.clone(),
    };
    let kind = fact.package.kind.purl_type();
    match fact.package.version.as_str() {
        "" => format!("{} ({kind})", code(name)),
        version => format!("{} ({kind})", code(format!("{name} {version}"))),
    }
}

/// The package's record, in the layer that brought the package.
pub(super) fn seat(fact: &PackageFact) -> Seat {
    match fact.places.first() {
        Some(place) => Seat::File { path: place.path.clone(), layer: fact.introduced, line: None },
        None => Seat::Image,
    }
}
