//! `size.total`: the image stays below a budget.

use serde::Deserialize;

use crate::model::{ImageFacts, format_bytes};
use crate::yaml::YamlError;

use super::setting::{Basis, Size};
use super::words::{self, bytes};
use super::{Check, Fault, Level, Outcome, Rule, Seat, SettingsReader};

pub(super) const RULE: Rule = Rule {
    id: "size.total",
    code: "IG0401",
    level: Level::Deny,
    summary: "the image is too large",
    why: "Every node that runs the image pulls and unpacks all of it, so size is start-up time, disk and traffic. Four numbers \
          go by the name of size; this rule says which one it means: `compressed` (what a registry stores), `uncompressed` \
          (the layers unpacked, the default) or `visible` (the files of the final file system).",
    fix: "Start from a slim base, build in an earlier stage and copy only the result, install without recommended packages, \
          and delete caches in the same `RUN` that makes them:\n\n```dockerfile\nFROM python:3.12 AS build\nRUN pip install \
          --prefix=/out -r requirements.txt\n\nFROM python:3.12-slim\nCOPY --from=build /out /usr/local\n```",
    flags: &[
        ("", "layer a\nunpacked 1.5GB\nlayer b\nunpacked 0.5GB"),
        ("{below: 1GB}", "layer a\nunpacked 1GB"),
        ("{below: 1GB, basis: compressed}", "layer a\nunpacked 2GB\npacked 1GB"),
        ("{below: 1GB, basis: visible}", "0644 0:0 big @1GB"),
        ("{below: 1GB}", "layer a\nunpacked 1GB\nlayer b\ngap layer 1 was not there"),
    ],
    passes: &[
        ("", "layer a\nunpacked 1.999999999GB"),
        ("{below: 1GB, warn-at: 0.5GB}", "layer a\nunpacked 0.7GB"),
        ("{below: 1GB, basis: compressed}", "layer a\nunpacked 2GB\npacked 0.9GB"),
        ("{below: 1GB, basis: visible}", "0644 0:0 big @2GB\nlayer b\n0644 0:0 .wh.big"),
        ("{below: 1GB, basis: compressed}", "layer a\npacked 0.9GB"),
    ],
    build: |settings| {
        let budget: Budget = settings.read()?;
        check_budget(settings, budget.below, budget.warn_at, "no image is below `0 B`")?;
        Ok(Box::new(budget))
    },
    schema: |generator| generator.subschema_for::<Budget>(),
};

/// Refuses a budget that nothing can keep, and a mark that comes too late.
pub(super) fn check_budget(
    settings: &SettingsReader<'_>,
    below: Size,
    warn_at: Option<Size>,
    nothing: &str,
) -> Result<(), YamlError> {
    if below == Size(0) {
        return Err(YamlError::new(settings.span("below"), nothing));
    }
    match warn_at.filter(|mark| *mark >= below) {
        Some(mark) => {
            let problem = format!("`warn-at` ({mark}) must be smaller than `below` ({below})");
            Err(YamlError::new(settings.span("warn-at"), problem))
        }
        None => Ok(()),
    }
}

/// The budget.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Budget {
    /// Which number counts.
    basis: Basis,
    /// The size must be strictly smaller; 2GB when not given.
    #[schemars(extend("x-tighter" = "smaller"))]
    below: Size,
    /// From this size on the answer says that the budget is nearly used up.
    #[schemars(extend("x-tighter" = "smaller"))]
    warn_at: Option<Size>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { basis: Basis::default(), below: Size(2_000_000_000), warn_at: None }
    }
}

impl Budget {
    /// The size, as far as it was seen.
    fn measure(&self, image: &ImageFacts) -> u64 {
        match self.basis {
            Basis::Compressed => image.compressed_size(),
            Basis::Uncompressed => image.layers.iter().filter_map(|layer| layer.unpacked_size).sum(),
            Basis::Visible => image.waste.visible,
        }
    }
}

impl Check for Budget {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let (size, basis) = (self.measure(image), self.basis.word());
        let gap = image.tree_gap();
        // An unseen layer can only add to the stored bytes; it may also hide files that are visible so far.
        if size < self.below.0 || (gap.is_some() && self.basis == Basis::Visible) {
            let unread = self.basis == Basis::Uncompressed && image.uncompressed_size().is_none();
            return match (gap, self.warn_at) {
                (None, _) if unread => Outcome::Unknown("the uncompressed size of a layer is not known".to_owned()),
                (Some(gap), _) => Outcome::Unknown(gap.detail.clone()),
                (None, Some(mark)) if size >= mark.0 => {
                    Outcome::Pass(format!("{} of {} {basis}, above the mark of {mark}", format_bytes(size), self.below))
                }
                (None, _) => Outcome::Pass(format!("{} of {} {basis}", format_bytes(size), self.below)),
            };
        }
        let exact =
            if format_bytes(size) == self.below.to_string() { format!(" ({size} bytes)") } else { String::new() };
        let others = [
            ("compressed", Some(image.compressed_size())),
            ("uncompressed", image.uncompressed_size()),
            ("visible", gap.is_none().then_some(image.waste.visible)),
        ];
        let others: Vec<String> = others
            .into_iter()
            .filter(|(name, _)| *name != basis)
            .filter_map(|(name, size)| Some(format!("{} {name}", bytes(size?))))
            .collect();
        Outcome::Fail(vec![Fault {
            subject: "image".to_owned(),
            message: format!(
                "the image has {}{exact} {basis}, the policy wants less than `{}` ({})",
                bytes(size),
                self.below,
                others.join(", ")
            ),
            seat: Seat::Image,
            fix: largest(image, self.basis),
        }])
    }
}

/// Names the layers to look at first.
fn largest(image: &ImageFacts, basis: Basis) -> Option<String> {
    let size = |layer: &crate::model::Layer| match basis {
        Basis::Compressed => layer.size,
        Basis::Uncompressed => layer.unpacked_size.unwrap_or_default(),
        Basis::Visible => layer.file_bytes.saturating_sub(layer.hidden_bytes),
    };
    let mut layers: Vec<(u64, u32)> = image.layers.iter().map(size).zip(0..).filter(|(size, _)| *size > 0).collect();
    layers.sort_by_key(|(size, index)| (std::cmp::Reverse(*size), *index));
    let named: Vec<String> = layers
        .into_iter()
        .take(3)
        .map(|(size, index)| format!("{} with {}", words::layer(image, index), bytes(size)))
        .collect();
    (!named.is_empty()).then(|| format!("look at the largest layers first: {}", named.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn an_unseen_layer_leaves_the_size_undecided() {
        let image = "layer a\nunpacked 1GB\npacked 1GB\nlayer b\ngap layer 1 was not there";
        for basis in ["compressed", "uncompressed", "visible"] {
            let outcome = decide("size.total", &format!("{{basis: {basis}}}"), image);
            assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()), "{basis}");
        }
        let visible = "0644 0:0 big @3GB\nlayer b\ngap layer 1 was not there";
        assert!(matches!(decide("size.total", "{basis: visible}", visible), Outcome::Unknown(_)));
    }

    #[test]
    fn a_size_that_no_gap_explains_is_undecided_all_the_same() {
        let mut image = crate::testkit::image::image("layer a\nunpacked 1GB");
        image.layers[0].unpacked_size = None;
        assert!(matches!(Budget::default().decide(&image), Outcome::Unknown(_)));
    }

    #[test]
    fn the_message_names_every_size_and_the_fix_the_largest_layer() {
        let Outcome::Fail(faults) =
            decide("size.total", "{below: 1GB}", "layer COPY . .\nunpacked 1GB\npacked 300MB\n0644 0:0 x @20MB")
        else {
            panic!("too large")
        };
        assert_eq!(
            faults[0].message,
            "the image has `1 GB` (1000000000 bytes) uncompressed, the policy wants less than `1 GB` \
             (`300 MB` compressed, `20 MB` visible)"
        );
        assert_eq!(
            faults[0].fix.as_deref(),
            Some("look at the largest layers first: layer 0 (`COPY . .`) with `1 GB`")
        );
        let Outcome::Pass(text) = decide("size.total", "{below: 1GB, warn-at: 0.5GB}", "layer a\nunpacked 0.7GB")
        else {
            panic!("small enough")
        };
        assert_eq!(text, "700 MB of 1 GB uncompressed, above the mark of 500 MB");
    }

    #[test]
    fn impossible_budgets_are_refused() {
        assert!(complaint("size.total", "{below: 1GB, warn-at: 1GB}").starts_with("1:23: `warn-at` (1 GB)"));
        assert!(complaint("size.total", "{below: 0GB}").starts_with("1:9: "));
        assert!(complaint("size.total", "{below: 2}").starts_with("1:9: "));
        assert!(complaint("size.total", "{basis: virtual}").starts_with("1:9: unknown value `virtual`"));
    }
}
