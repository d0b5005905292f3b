//! From package records of single files to the packages of the image.
//!
//! First every record gets the span of layers in which its version of the file is in sight ([`sightings`]); then equal
//! packages are joined and attributed ([`join`]), named ([`name`]), and related to files and to each other ([`relate`]).

mod join;
mod name;
mod relate;
mod sightings;
#[cfg(test)]
mod tests;

use crate::model::{Gap, GapKind, ImageFacts, Packages};

pub(super) use sightings::{Sightings, sightings};

/// Puts the packages of an image together, once its files are known.
pub(super) fn packages(image: &ImageFacts, sightings: Sightings) -> (Packages, Vec<Gap>) {
    let gaps = sightings
        .records
        .iter()
        .filter(|record| record.span.until.is_none())
        .flat_map(|record| {
            record.gaps.iter().map(|gap| Gap {
                kind: GapKind::Catalog,
                layer: Some(record.span.from),
                path: Some(record.path.clone()),
                detail: format!("`/{}`: {gap}", record.path),
            })
        })
        .chain(sightings.gaps)
        .collect();
    let joined = join::join(image, &sightings.records);
    let paths = sightings.records.iter().map(|record| record.path.as_str()).collect();
    (relate::relate(image, joined, &paths), gaps)
}
