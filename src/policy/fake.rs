//! A small table of rules and bare facts for the tests of this folder.

use crate::model::{Digest, ImageConfig, ImageFacts, Inspection, Platform, SCHEMA, Subject, Waste};
use crate::rules::{Check, Level, Outcome, Rule, SettingsError, SettingsReader};
use crate::yaml::YamlError;

/// A size with a unit.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", example = "1.8GB")]
struct Size(#[expect(dead_code, reason = "only its form matters here")] u64);

impl TryFrom<String> for Size {
    type Error = crate::model::SizeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        crate::model::parse_size(&text).map(Self)
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Basis {
    /// As stored.
    Compressed,
    /// As unpacked.
    Uncompressed,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only their form matters here")]
struct Total {
    /// Which bytes count.
    basis: Basis,
    /// The image must stay below this.
    below: Size,
    /// From here on a warning.
    #[serde(default)]
    warn_at: Option<Size>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Nothing {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Exactly {
    /// Ports with their protocol.
    ports: Vec<String>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its form matters here")]
struct Known {
    r#ref: String,
    digest: Option<String>,
    diff_ids: Vec<String>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Allow {
    /// Patterns of allowed bases.
    #[serde(default)]
    refs: Vec<String>,
    /// Known bases.
    #[serde(default)]
    known: Vec<Known>,
}

struct Says(String);

impl Check for Says {
    fn decide(&self, _: &ImageFacts) -> Outcome {
        Outcome::Pass(self.0.clone())
    }
}

fn says(text: impl Into<String>) -> Result<Box<dyn Check>, SettingsError> {
    Ok(Box::new(Says(text.into())))
}

fn rule(
    id: &'static str,
    build: fn(&mut SettingsReader<'_>) -> Result<Box<dyn Check>, SettingsError>,
    schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
) -> Rule {
    Rule {
        id,
        code: "IG9999",
        level: Level::Deny,
        summary: "is not as it should be",
        why: "Because.",
        fix: "Change it.",
        flags: &[("", "user 0")],
        passes: &[("{ports: [80/tcp]}", "port 80/tcp")],
        build,
        schema,
    }
}

/// `base.allow`, `ports.exactly`, `size.total`, `user.exists`, `user.root`.
pub(super) fn table() -> &'static [Rule] {
    static TABLE: std::sync::LazyLock<Vec<Rule>> = std::sync::LazyLock::new(|| {
        vec![
            rule(
                "base.allow",
                |settings| {
                    let Allow { refs, known } = settings.read()?;
                    says(format!("{} refs, {} known", refs.len(), known.len()))
                },
                schemars::SchemaGenerator::subschema_for::<Allow>,
            ),
            rule(
                "ports.exactly",
                |settings| {
                    let Exactly { ports } = settings.read()?;
                    if ports.is_empty() {
                        return Err(YamlError::new(settings.span("ports"), "`ports` is empty"));
                    }
                    says(ports.join(" "))
                },
                schemars::SchemaGenerator::subschema_for::<Exactly>,
            ),
            rule(
                "size.total",
                |settings| settings.read::<Total>().and_then(|total| says(format!("{:?}", total.below))),
                schemars::SchemaGenerator::subschema_for::<Total>,
            ),
            rule("user.exists", nothing, schemars::SchemaGenerator::subschema_for::<Nothing>),
            rule("user.root", nothing, schemars::SchemaGenerator::subschema_for::<Nothing>),
        ]
    });
    &TABLE
}

fn nothing(settings: &mut SettingsReader<'_>) -> Result<Box<dyn Check>, SettingsError> {
    let Nothing {} = settings.read()?;
    says("")
}

/// An image of which nothing is known but its digest.
pub(super) fn image(digest: &str) -> ImageFacts {
    ImageFacts {
        subject: Subject {
            reference: "app:1".to_owned(),
            repository: "app".to_owned(),
            tag: Some("1".to_owned()),
            digest: Digest::of(digest.as_bytes()),
            media_type: String::new(),
            config_digest: Digest::of(b"config"),
        },
        platform: Platform::new("linux", "amd64", ""),
        index: None,
        annotations: std::collections::BTreeMap::new(),
        config: ImageConfig::default(),
        layers: Vec::new(),
        files: Vec::new(),
        hidden: Vec::new(),
        waste: Waste::default(),
        documents: Vec::new(),
        accounts: None,
        groups: None,
        os_release: std::collections::BTreeMap::new(),
        base: Vec::new(),
        inherited: None,
        build: None,
        secrets: Vec::new(),
        packages: None,
        startup: None,
        scanned: crate::model::ScanLedger::default(),
        gaps: Vec::new(),
        notes: Vec::new(),
        derived: crate::model::Derived::default(),
    }
}

/// An inspection of these images.
pub(super) fn inspection(images: Vec<ImageFacts>) -> Inspection {
    Inspection { schema: SCHEMA.to_owned(), images, gaps: Vec::new() }
}
