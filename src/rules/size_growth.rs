//! `size.growth`: the image does not grow too much against an earlier one.

use serde::{Deserialize, Deserializer};

use crate::model::{ImageFacts, format_bytes, parse_size};

use super::circumstances::EarlierImage;
use super::setting::{Basis, Percent, Size};
use super::words::{bytes, code};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "size.growth",
    code: "IG0409",
    level: Level::Warn,
    summary: "the image has grown too much",
    why: "A budget is a cliff: an image creeps up to it for months, and the change that crosses it is rarely the one that made it fat. \
          Growth against an earlier image points at the change that did.\n\nThe earlier image is the one that `--baseline` names, or \
          its facts; `against` may give a size instead. With `against: last-passing` (the default) an earlier image that breaks this \
          policy itself is no measure. Without an earlier image the answer is unknown.",
    fix: "Compare the layers of both images with `imgguard inspect`; what came new is often a package that only the build needs: build in \
          an earlier stage and copy the result with `COPY --from`.",
    flags: &[
        ("{against: 100MB}", "layer a\nunpacked 140MB"),
        ("{max: 10%, floor: 20MB}", "before uncompressed 300MB\nlayer a\nunpacked 340MB"),
        ("{max: 5%, floor: 1MB, basis: compressed}", "before compressed 100MB\nlayer a\npacked 107MB"),
        ("{max: 0%, floor: 0MB, basis: visible}", "before visible 10MB\n0644 0:0 big @11MB"),
    ],
    passes: &[
        ("{against: 100MB}", "layer a\nunpacked 110MB"),
        ("{max: 10%, floor: 20MB}", "before uncompressed 100MB\nlayer a\nunpacked 119MB"),
        ("{max: 10%, floor: 1MB}", "before uncompressed 100MB\nlayer a\nunpacked 90MB"),
        ("{against: baseline}", "before uncompressed 100MB fails\nlayer a\nunpacked 100MB"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Growth>()?)),
    schema: |generator| generator.subschema_for::<Growth>(),
};

/// What the size is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Against {
    /// The earlier image, whatever it was.
    Baseline,
    /// The earlier image, when it breaks no rule of the policy.
    #[default]
    LastPassing,
    /// A size.
    Size(Size),
}

impl<'de> Deserialize<'de> for Against {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "baseline" => Ok(Self::Baseline),
            "last-passing" => Ok(Self::LastPassing),
            other => parse_size(other).map(|bytes| Self::Size(Size(bytes))).map_err(|_| {
                serde::de::Error::custom(format!(
                    "`{}` is neither `last-passing`, `baseline` nor a size such as `300MB`",
                    other.escape_debug()
                ))
            }),
        }
    }
}

impl schemars::JsonSchema for Against {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GrowthAgainst".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "last-passing: the image of --baseline when it breaks no rule; baseline: that image whatever it does; a size.",
            "type": "string",
            "pattern": "^(last-passing|baseline|[0-9]+([.][0-9]{1,9})? *(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB))$",
        })
    }
}

/// How much it may grow.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Growth {
    /// What it is compared with.
    against: Against,
    /// Which number counts.
    basis: Basis,
    /// The share by which it may grow.
    #[schemars(extend("x-tighter" = "smaller"))]
    max: Percent,
    /// Growth of no more bytes than this is never too much.
    #[schemars(extend("x-tighter" = "smaller"))]
    floor: Size,
}

impl Default for Growth {
    fn default() -> Self {
        Self { against: Against::default(), basis: Basis::default(), max: Percent::new(10), floor: Size(20_000_000) }
    }
}

/// The size of an image, when all of it was seen.
fn measure(image: &ImageFacts, basis: Basis) -> Result<u64, String> {
    if let Some(gap) = image.tree_gap() {
        return Err(gap.detail.clone());
    }
    match basis {
        Basis::Compressed => Ok(image.compressed_size()),
        Basis::Uncompressed => {
            image.uncompressed_size().ok_or_else(|| "the uncompressed size of a layer is not known".to_owned())
        }
        Basis::Visible => Ok(image.waste.visible),
    }
}

impl Growth {
    /// The size to compare with, and what people call it.
    fn earlier(&self, image: &ImageFacts, circumstances: &Circumstances) -> Result<(u64, String), String> {
        if let Against::Size(size) = self.against {
            return Ok((size.0, "the size that the policy names".to_owned()));
        }
        let Some(earlier) = &circumstances.earlier else {
            return Err("there is no earlier image to compare with: name one with `--baseline`".to_owned());
        };
        let name = code(&earlier.name);
        if self.against == Against::LastPassing && earlier.is_violated {
            return Err(format!("{name} breaks the policy itself, so that its size is no measure"));
        }
        let same = earlier.images.iter().find(|one| one.platform == image.platform);
        let same = same.ok_or_else(|| format!("{name} has no image for `{}`", image.platform))?;
        let size = match self.basis {
            Basis::Compressed => same.compressed,
            Basis::Uncompressed => same.uncompressed,
            Basis::Visible => same.visible,
        };
        let size = size.ok_or_else(|| format!("the size of {name} is not known: it was not seen completely"))?;
        Ok((size, name))
    }
}

impl EarlierImage {
    /// What an earlier image leaves for the rules that compare.
    #[must_use]
    pub fn of(image: &ImageFacts) -> Self {
        let size = |basis| measure(image, basis).ok();
        Self {
            platform: image.platform.clone(),
            repository: image.subject.repository.clone(),
            tag: image.subject.tag.clone(),
            root: image.index.as_ref().map_or(&image.subject.digest, |index| &index.digest).clone(),
            compressed: size(Basis::Compressed),
            uncompressed: size(Basis::Uncompressed),
            visible: size(Basis::Visible),
        }
    }
}

impl Check for Growth {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let (before, name) = match self.earlier(image, circumstances) {
            Ok(earlier) => earlier,
            Err(why) => return Outcome::Unknown(why),
        };
        let now = match measure(image, self.basis) {
            Ok(size) => size,
            Err(why) => return Outcome::Unknown(why),
        };
        let basis = self.basis.word();
        let Some(grown) = now.checked_sub(before).filter(|grown| *grown > 0) else {
            return Outcome::Pass(format!("{} {basis}, not more than {name}", format_bytes(now)));
        };
        if grown <= self.floor.0 || !self.max.is_exceeded(grown, before) {
            return Outcome::Pass(format!("{} more {basis} than {name}", format_bytes(grown)));
        }
        let share = u128::from(grown) * 100 / u128::from(before.max(1));
        Outcome::Fail(vec![Fault {
            subject: "image".to_owned(),
            message: format!(
                "the image has {} {basis}, {} ({share}%) more than {name} with {}; the policy allows `{}`, and always `{}`",
                bytes(now),
                bytes(grown),
                bytes(before),
                self.max,
                self.floor
            ),
            seat: Seat::Image,
            fix: None,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn without_a_measure_it_is_unknown() {
        let unknown = |settings: &str, image: &str, why: &str| {
            let outcome = decide("size.growth", settings, image);
            assert!(matches!(&outcome, Outcome::Unknown(text) if text.contains(why)), "{outcome:?}");
        };
        unknown("", "layer a\nunpacked 1GB", "no earlier image");
        unknown("", "before uncompressed 1MB fails\nlayer a\nunpacked 1GB", "breaks the policy itself");
        unknown("", "before compressed 1MB\nlayer a\nunpacked 1GB", "is not known");
        unknown("", "before uncompressed 1MB on linux/arm64\nlayer a\nunpacked 1GB", "has no image for `linux/amd64`");
        unknown("{against: 1MB}", "layer a\nunpacked 1GB\nlayer b\ngap layer 1 was not there", "was not there");
    }

    #[test]
    fn the_message_names_both_sizes_and_the_limit() {
        let Outcome::Fail(faults) =
            decide("size.growth", "{max: 10%, floor: 20MB}", "before uncompressed 300MB\nlayer a\nunpacked 390MB")
        else {
            panic!("grown too much")
        };
        assert_eq!(
            faults[0].message,
            "the image has `390 MB` uncompressed, `90 MB` (30%) more than `before` with `300 MB`; the policy allows `10%`, and always `20 MB`"
        );
    }

    #[test]
    fn the_limit_itself_is_kept() {
        let at = |size: &str| {
            decide("size.growth", "{against: 100MB, max: 10%, floor: 1MB}", &format!("layer a\nunpacked {size}"))
        };
        assert!(matches!(at("110MB"), Outcome::Pass(_)));
        assert!(at("110.000001MB").is_fail());
    }

    #[test]
    fn what_it_is_compared_with_is_one_of_three_things() {
        assert!(complaint("size.growth", "{against: yesterday}").starts_with("1:11: `yesterday` is neither"));
        assert!(complaint("size.growth", "{max: 5}").starts_with("1:7: "));
    }
}
