//! `size.own`: what the image adds to its base stays below a budget.

use serde::Deserialize;

use crate::model::{ImageFacts, Kind, format_bytes};

use super::setting::{Basis, Size};
use super::size_total::check_budget;
use super::words::{self, bytes, code};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "size.own",
    code: "IG0408",
    level: Level::Deny,
    summary: "the image adds too much to its base",
    why: "The base's size is somebody else's decision, and nodes that run several images share it. What the image adds is its \
          team's. A budget of its own does not change when the base grows.\n\nOwn are the layers above those of the base that \
          is proved; as `visible` the files that these layers wrote last. Without a proved base the answer is unknown, unless \
          the whole image is below the budget.",
    fix: "Look at the largest own layers first: build in an earlier stage and copy only the result, and delete caches in the same \
          `RUN` that makes them.",
    flags: &[
        (
            "{below: 100MB}",
            "layer ADD rootfs /\nunpacked 80MB\n0755 0:0 bin/sh\nknown debian:12\nlayer COPY\nunpacked 100MB\n0644 0:0 app",
        ),
        ("{below: 1GB, basis: compressed}", "layer COPY\npacked 2GB\n0755 0:0 app"),
        (
            "{below: 10MB, basis: visible}",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12\nlayer COPY\n0644 0:0 app @20MB",
        ),
    ],
    passes: &[
        (
            "{below: 100MB}",
            "layer ADD rootfs /\nunpacked 1GB\n0755 0:0 bin/sh\nknown debian:12\nlayer COPY\nunpacked 99MB\n0644 0:0 app",
        ),
        ("{below: 100MB}", "layer everything\nunpacked 99MB\n0755 0:0 bin/sh"),
        (
            "{below: 10MB, basis: visible}",
            "layer ADD rootfs /\n0755 0:0 bin/sh @30MB\nknown debian:12\nlayer COPY\n0644 0:0 app @20MB\nlayer RUN\n0644 0:0 .wh.app",
        ),
    ],
    build: |settings| {
        let budget: Budget = settings.read()?;
        check_budget(settings, budget.below, budget.warn_at, "nothing is below `0 B`")?;
        Ok(Box::new(budget))
    },
    schema: |generator| generator.subschema_for::<Budget>(),
};

/// The budget of what is the image's own.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Budget {
    /// Which number counts.
    basis: Basis,
    /// The size must be strictly smaller; 1GB when not given.
    below: Size,
    /// From this size on the answer says that the budget is nearly used up.
    warn_at: Option<Size>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { basis: Basis::default(), below: Size(1_000_000_000), warn_at: None }
    }
}

/// Bytes of what lies above the lowest `base` layers, as far as they were seen.
fn measure(image: &ImageFacts, basis: Basis, base: u32) -> u64 {
    let own = || image.layers.iter().skip(usize::try_from(base).unwrap_or(usize::MAX));
    match basis {
        Basis::Compressed => own().map(|layer| layer.size).sum(),
        Basis::Uncompressed => own().filter_map(|layer| layer.unpacked_size).sum(),
        Basis::Visible => {
            let files = image.files.iter().filter(|file| file.changed >= base && file.entry.kind == Kind::File);
            files.map(|file| file.entry.size).sum()
        }
    }
}

impl Check for Budget {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let whole = measure(image, self.basis, 0);
        let basis = self.basis.word();
        let gap = image.tree_gap();
        let Some(base) = image.base_layers() else {
            if gap.is_none() && whole < self.below.0 {
                return Outcome::Pass(format!("{} of {} {basis}, base included", format_bytes(whole), self.below));
            }
            return Outcome::Unknown(
                "no base is proved, so that nobody can tell which layers are the image's own".to_owned(),
            );
        };
        let own = measure(image, self.basis, base);
        // An unseen layer may hide files that are visible so far; it only adds to the other sizes.
        if own >= self.below.0 && (gap.is_none() || self.basis != Basis::Visible) {
            return Outcome::Fail(vec![self.fault(image, own, whole, base)]);
        }
        if let Some(gap) = gap {
            return Outcome::Unknown(gap.detail.clone());
        }
        let mark = self.warn_at.filter(|mark| own >= mark.0);
        let mark = mark.map_or_else(String::new, |mark| format!(", above the mark of {mark}"));
        Outcome::Pass(format!("{} of {} {basis}{mark}", format_bytes(own), self.below))
    }
}

impl Budget {
    fn fault(&self, image: &ImageFacts, own: u64, whole: u64, base: u32) -> Fault {
        let reference =
            image.base.iter().find(|claim| claim.layers == Some(base)).map_or("scratch", |claim| &claim.reference);
        let mut layers: Vec<(u64, u32)> =
            image.layers.iter().zip(0..).skip(base as usize).map(|(layer, index)| (layer.size, index)).collect();
        layers.sort_by_key(|(size, index)| (std::cmp::Reverse(*size), *index));
        let named: Vec<String> = layers
            .iter()
            .take(3)
            .map(|(size, index)| format!("{} with {}", words::layer(image, *index), bytes(*size)))
            .collect();
        Fault {
            subject: "image".to_owned(),
            message: format!(
                "the image adds {} {} to {}, the policy wants less than `{}` ({} with the base)",
                bytes(own),
                self.basis.word(),
                code(reference),
                self.below,
                bytes(whole)
            ),
            seat: Seat::Image,
            fix: (!named.is_empty()).then(|| format!("the largest own layers, as stored: {}", named.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    const BASE: &str = "layer ADD rootfs /\nunpacked 80MB\npacked 30MB\n0755 0:0 bin/sh\nknown debian:12";

    #[test]
    fn only_the_layers_above_the_base_count() {
        let image = format!("{BASE}\nlayer COPY . .\nunpacked 50MB\npacked 20MB\n0644 0:0 app");
        let Outcome::Fail(faults) = decide("size.own", "{below: 50MB}", &image) else { panic!("too large") };
        assert_eq!(
            faults[0].message,
            "the image adds `50 MB` uncompressed to `docker.io/library/debian:12`, the policy wants less than `50 MB` (`130 MB` with the base)"
        );
        assert_eq!(
            faults[0].fix.as_deref(),
            Some("the largest own layers, as stored: layer 1 (`COPY . .`) with `20 MB`")
        );
        let pass = decide("size.own", "{below: 51MB, warn-at: 40MB}", &image);
        assert_eq!(pass, Outcome::Pass("50 MB of 51 MB uncompressed, above the mark of 40 MB".to_owned()));
    }

    #[test]
    fn without_a_proved_base_and_with_unseen_layers_it_is_undecided() {
        let image = "layer everything\nunpacked 2GB\n0755 0:0 bin/sh";
        assert!(matches!(decide("size.own", "{below: 1GB}", image), Outcome::Unknown(_)));
        let gap = format!("{BASE}\nlayer COPY\nunpacked 1MB\n0644 0:0 app\nlayer b\ngap layer 2 was not there");
        assert_eq!(decide("size.own", "{below: 1GB}", &gap), Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn impossible_budgets_are_refused() {
        assert!(complaint("size.own", "{below: 0GB}").starts_with("1:9: "));
        assert!(complaint("size.own", "{below: 1GB, warn-at: 1GB}").starts_with("1:23: `warn-at`"));
    }
}
