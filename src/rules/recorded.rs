//! The recorded bases that are proved to be below an image.

use crate::model::{BaseGrade, BaseLock, ImageFacts, RecordedBase};

use super::words::code;
use super::{Circumstances, Outcome};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// What is recorded of an image's base.
pub(super) struct Recorded<'a> {
    /// The list.
    pub(super) lock: &'a BaseLock,
    /// The bases with the lowest layers of the image: at least one; several names and builds may have equal layers.
    pub(super) bases: Vec<&'a RecordedBase>,
}

impl<'a> Recorded<'a> {
    /// Looks them up.
    ///
    /// # Errors
    /// The outcome of a rule that cannot do without: unknown, or not applicable to an image that is built on nothing.
    pub(super) fn of(image: &ImageFacts, circumstances: &'a Circumstances) -> Result<Self, Outcome> {
        let proved = image.base_layers();
        if proved == Some(0) {
            return Err(Outcome::NotApplicable("the image is built on nothing".to_owned()));
        }
        let Some(lock) = circumstances.bases.as_deref() else {
            let why = "no list of recorded bases is given: make one with `imgguard bases update`";
            return Err(Outcome::Unknown(why.to_owned()));
        };
        let bases = lock.below(&image.platform, &image.config.diff_ids);
        let layers = bases.first().and_then(|base| u32::try_from(base.diff_ids.len()).ok());
        if layers.is_none() || layers < proved {
            return Err(Outcome::Unknown(unrecorded(image)));
        }
        Ok(Self { lock, bases })
    }

    /// The name that the image itself gives its base, when that is one of the names; else all names, sorted.
    pub(super) fn names(&self, image: &ImageFacts) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.bases.iter().map(|base| base.reference.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let is_said = |name: &&str| {
            let mut claims =
                image.base.iter().filter(|claim| matches!(claim.grade, BaseGrade::Claimed | BaseGrade::Matched));
            claims.any(|claim| claim.reference == **name)
        };
        match names.iter().find(|name| is_said(name)) {
            Some(name) => vec![name],
            None => names,
        }
    }

    /// When the base was built, in seconds since 1970: of builds with equal layers, the latest.
    pub(super) fn built(&self) -> Option<i64> {
        self.bases.iter().filter_map(|base| base.built()).max()
    }
}

fn unrecorded(image: &ImageFacts) -> String {
    let Some(claim) = image.base.first() else {
        return "no recorded base has the lowest layers of this image, and nothing in it names one".to_owned();
    };
    format!(
        "no recorded base has the lowest layers of this image; it seems to be {}: record it with `imgguard bases update`",
        code(&claim.reference)
    )
}

/// A number of days in words, rounded down.
pub(super) fn days(seconds: i64) -> String {
    match seconds.max(0) / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
