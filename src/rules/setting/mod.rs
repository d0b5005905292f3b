//! The types that settings are made of: one file each, checked when the policy is read.

mod base;
mod basis;
mod capability;
mod day;
mod days;
mod globs;
mod image_pattern;
mod licence_pattern;
mod non_empty;
mod package_pattern;
mod percent;
mod period;
mod platform;
mod port;
mod range;
mod size;
mod tag_pattern;
mod text;
mod values;
mod wildcard;

pub use base::{KnownBase, LayerId, ManifestDigest};
pub use basis::Basis;
pub use capability::Capability;
pub use day::{Day, day_of};
pub use days::Days;
pub use globs::Globs;
pub use image_pattern::{ImageName, ImagePattern, ImageRef};
pub use licence_pattern::{LicencePattern, forbidden_by};
pub use non_empty::NonEmpty;
pub use package_pattern::{PackagePattern, PurlPattern};
pub use percent::Percent;
pub use period::Period;
pub use platform::WantedPlatform;
pub use port::{Declared, Port, Protocol};
pub use range::{CountRange, PeriodRange};
pub use size::Size;
pub use tag_pattern::TagPattern;
pub use text::{Fingerprint, Words};
pub use values::Values;
pub use wildcard::Wildcard;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A table of a rule that has no settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Reads a scalar that must be text; anything else is refused with `expected` as the thing that is wanted.
fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<F> {
        expected: &'static str,
        parse: F,
    }

    impl<T, F: FnOnce(&str) -> Result<T, String>> de::Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(self.expected)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.parse)(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text { expected, parse })
}

/// Implements `Deserialize` through [`from_text`] and an inline JSON schema of type string.
macro_rules! text_setting {
    ($type:ty, expected: $expected:literal, parse: $parse:expr, pattern: $pattern:literal, about: $about:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                super::from_text(deserializer, $expected, $parse)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    };
}
use text_setting;

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    /// Reads `v: TEXT` and returns the value, or the place and words of the complaint.
    pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        #[derive(serde::Deserialize)]
        struct Table<T> {
            v: T,
        }
        let node = crate::yaml::parse(&format!("v: {text}")).expect("YAML");
        crate::yaml::read::<Table<T>>(&node)
            .map(|table| table.v)
            .map_err(|error| format!("{}:{}: {}", error.span.line, error.span.column, error.message))
    }

    #[test]
    fn a_scalar_of_the_wrong_type_is_refused_at_its_place() {
        let error = read::<super::Size>("2").expect_err("no unit");
        assert_eq!(error, "1:4: a size with its unit, such as `1.8GB` or `2GiB` is wanted here, not the number `2`");
    }
}
