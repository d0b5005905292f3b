//! Exceptions: which faults of a rule are let pass, why, who answers for it, and until when.

use serde::{Deserialize, Deserializer, de};

use crate::model::{FileHash, ImageFacts};
use crate::rules::setting::{Day, Declared, Fingerprint, Globs, ImageName, ImagePattern, PackagePattern, Port, Words};
use crate::rules::setting::{NonEmpty, WantedPlatform, day_of};
use crate::rules::{Fault, Seat};
use crate::yaml::{Node, Span, YamlError, read};

use super::Origin;
use super::attribution::{setter, unescape_pointer};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// An exception that a policy makes.
pub struct Waiver {
    /// Id of the rule.
    pub rule: String,
    /// Which faults.
    pub matches: Match,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last second, in seconds since 1970.
    pub until: i64,
    /// The images it is for; all when empty.
    pub images: Vec<ImagePattern>,
    /// The platforms it is for; all when empty.
    pub platforms: Vec<WantedPlatform>,
    /// Where it stands.
    pub origin: Origin,
    /// Where its last day stands.
    pub until_origin: Origin,
}

impl Waiver {
    /// Its last day, such as `2027-01-15`.
    #[must_use]
    pub fn last_day(&self) -> String {
        day_of(self.until.saturating_sub(1))
    }

    /// Whole days from its end to a time; negative before its end.
    #[must_use]
    pub fn days_over(&self, now: i64) -> i64 {
        now.saturating_sub(self.until).div_euclid(DAY)
    }

    /// Whether it is for that image at all.
    #[must_use]
    pub fn is_for(&self, image: &ImageFacts) -> bool {
        let subject = &image.subject;
        let tag = subject.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let named = || ImageName::read(&format!("{}{tag}", subject.repository));
        let image_fits = self.images.is_empty()
            || named()
                .is_some_and(|name| self.images.iter().any(|pattern| pattern.matches(&name, Some(&subject.digest))));
        let platform_fits =
            self.platforms.is_empty() || self.platforms.iter().any(|wanted| image.platform.matches(&wanted.0));
        image_fits && platform_fits
    }
}

/// Which faults a waiver is about: all given parts must fit.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Match {
    /// Path of the file.
    path: Option<Paths>,
    /// SHA-256 of the file's content.
    sha256: Option<FileHash>,
    /// Package.
    purl: Option<PackagePattern>,
    /// Id of a vulnerability, licence or product.
    id: Option<Words>,
    /// Port.
    port: Option<Port>,
    /// Name of the environment variable.
    env: Option<Words>,
    /// Key of the label.
    label: Option<Words>,
    /// Fingerprint of the secret.
    fingerprint: Option<Fingerprint>,
    /// The subject of the finding, as reports print it.
    subject: Option<Words>,
    /// The instruction that made it; of waivers in a Dockerfile alone.
    #[serde(skip)]
    lines: Option<Lines>,
}

/// Lines of a file that was given beside the image.
pub(super) struct Lines {
    /// The file as the user named it.
    pub(super) file: String,
    /// First line, from 1.
    pub(super) first: usize,
    /// Last line.
    pub(super) last: usize,
}

impl Lines {
    /// Whether what the fault is about was made there, as far as the steps of the image have places.
    fn hold(&self, fault: &Fault, image: &ImageFacts) -> bool {
        let layer = |at: u32| image.layers.get(usize::try_from(at).ok()?)?.source.as_ref();
        let step = |at: u32| image.config.history.get(usize::try_from(at).ok()?)?.source.as_ref();
        let source = match &fault.seat {
            Seat::File { layer: at, .. } | Seat::Layer(at) => layer(*at),
            Seat::History(at) => step(*at),
            Seat::Config(pointer) => setter(&image.config, pointer).and_then(step),
            Seat::Evidence { file, line, .. } => {
                return *file == self.file && (self.first..=self.last).contains(line);
            }
            Seat::Manifest | Seat::Reference | Seat::Image => None,
        };
        source.is_some_and(|source| {
            // The builder names the file from the repository on, the user from the working directory on.
            let same = source.file == self.file || std::path::Path::new(&source.file).ends_with(&self.file);
            same && usize::try_from(source.line).is_ok_and(|line| (self.first..=self.last).contains(&line))
        })
    }
}

/// One glob or several.
struct Paths(Globs);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Paths;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a glob, or a list of globs")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Paths, E> {
                let one = de::value::SeqDeserializer::<_, E>::new(std::iter::once(text));
                Globs::deserialize(one).map(Paths)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, elements: A) -> Result<Paths, A::Error> {
                let globs = Globs::deserialize(de::value::SeqAccessDeserializer::new(elements))?;
                if globs.is_empty() {
                    return Err(de::Error::custom("an empty list matches nothing"));
                }
                Ok(Paths(globs))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Match {
    /// Whether the fault is meant.
    #[must_use]
    pub fn fits(&self, fault: &Fault, image: &ImageFacts) -> bool {
        let Self { path, sha256, purl, id, port, env, label, fingerprint, subject, lines } = self;
        path.as_ref().is_none_or(|globs| has_path(&globs.0, fault))
            && sha256.is_none_or(|hash| content(fault, image) == Some(hash))
            && purl.as_ref().is_none_or(|pattern| is_package(pattern, fault, image))
            && id.as_ref().is_none_or(|id| names(fault, &id.0))
            && port
                .is_none_or(|port| Declared::read(&fault.subject).is_some_and(|declared| declared.is_within(&[port])))
            && env.as_ref().is_none_or(|name| fault.subject == name.0 || env_name(fault, image) == Some(&name.0))
            && label.as_ref().is_none_or(|key| fault.subject == key.0 || label_key(fault).as_ref() == Some(&key.0))
            && fingerprint.as_ref().is_none_or(|print| fault.subject.contains(&print.0))
            && subject.as_ref().is_none_or(|subject| fault.subject == subject.0)
            && lines.as_ref().is_none_or(|lines| lines.hold(fault, image))
    }

    /// What an instruction of a Dockerfile made.
    pub(super) fn made_by(lines: Lines) -> Self {
        Self { lines: Some(lines), ..Self::default() }
    }
}

fn has_path(globs: &Globs, fault: &Fault) -> bool {
    match &fault.seat {
        Seat::File { path, .. } => globs.matches(path.trim_start_matches('/')),
        _ => globs.matches(fault.subject.trim_start_matches('/')),
    }
}

/// The content of the very version of the file that the fault is about.
fn content(fault: &Fault, image: &ImageFacts) -> Option<FileHash> {
    let Seat::File { path, layer, .. } = &fault.seat else { return None };
    let path = path.trim_matches('/');
    let shown = image.file(path).filter(|file| file.changed == *layer).and_then(|file| file.entry.sha256);
    let hidden = || {
        let mut versions = image.hidden.iter().filter(|one| one.layer == *layer && one.entry.path.as_ref() == path);
        versions.find_map(|one| one.entry.sha256)
    };
    shown.or_else(hidden)
}

fn is_package(pattern: &PackagePattern, fault: &Fault, image: &ImageFacts) -> bool {
    let facts = image.packages.iter().flat_map(|packages| &packages.list);
    facts.filter(|fact| fault.subject.contains(&fact.purl)).any(|fact| pattern.matches(fact))
}

fn names(fault: &Fault, id: &str) -> bool {
    let word = |text: &str| text.split([' ', '`', ',', '(', ')']).any(|word| word == id);
    fault.subject == id || word(&fault.subject) || word(&fault.message)
}

fn env_name<'a>(fault: &Fault, image: &'a ImageFacts) -> Option<&'a String> {
    let Seat::Config(pointer) = &fault.seat else { return None };
    let at: usize = pointer.strip_prefix("/config/Env/")?.split('/').next()?.parse().ok()?;
    image.config.env.get(at).map(|(name, _)| name)
}

fn label_key(fault: &Fault) -> Option<String> {
    let Seat::Config(pointer) = &fault.seat else { return None };
    pointer.strip_prefix("/config/Labels/").map(unescape_pointer)
}

/// What a match may say for rules of a group; `subject` fits every rule.
fn keys(rule: &str) -> &'static [&'static str] {
    match rule.split('.').next().unwrap_or_default() {
        "files" => &["path", "sha256", "subject"],
        "layers" | "accounts" | "exec" | "user" | "paths" | "structure" => &["path", "subject"],
        "secrets" => &["fingerprint", "path", "sha256", "env", "label", "subject"],
        "packages" => &["purl", "path", "subject"],
        "licenses" | "vulns" => &["id", "purl", "subject"],
        "runtime" => &["id", "subject"],
        "ports" => &["port", "subject"],
        "env" => &["env", "subject"],
        "labels" => &["label", "subject"],
        "custom" => &["path", "purl", "subject"],
        _ => &["subject"],
    }
}

/// A waiver as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    rule: String,
    r#match: Match,
    reason: Words,
    owner: Words,
    until: Day,
    #[serde(default)]
    image: Option<NonEmpty<ImagePattern>>,
    #[serde(default)]
    platforms: Option<NonEmpty<WantedPlatform>>,
}

/// A waiver that has been read, before it is known whether its rule may be waived.
pub(super) struct WaiverDraft {
    written: Written,
    span: Span,
    pub(super) rule_span: Span,
    pub(super) until_span: Span,
}

impl WaiverDraft {
    /// Reads one element of `waivers`.
    pub(super) fn read(node: &Node) -> Result<Self, YamlError> {
        let span_of = |key: &str| node.get(key).map_or(node.span, |member| member.value.span);
        if let Some(given) = node.get("match") {
            if given.value.table().is_some_and(<[_]>::is_empty) {
                let problem =
                    YamlError::new(given.value.span, "an empty `match` would waive every finding of the rule");
                let rule = node.get("rule").and_then(|rule| rule.value.text()).unwrap_or_default();
                return Err(problem.with_hint(format!("say what is meant: {}", ticked(keys(rule)))));
            }
            if given.value.table().is_none() {
                let problem = format!("a table is wanted here, not {}", given.value.describe());
                return Err(YamlError::new(given.value.span, problem));
            }
        }
        let written: Written = read(node).map_err(|problem| match problem.message.as_str() {
            // A missing key is complained about at the element's first key, not under the whole block.
            message if message.ends_with("is missing") => {
                let start = node.table().and_then(<[_]>::first).map_or(node.span, |first| first.key_span);
                YamlError::new(start, format!("a waiver without {}", message.trim_end_matches(" is missing")))
                    .with_hint("`rule`, `match`, `reason`, `owner` and `until` are all mandatory")
            }
            _ => problem,
        })?;
        let known = keys(&written.rule);
        for member in node.get("match").and_then(|given| given.value.table()).unwrap_or_default() {
            if !known.contains(&member.key.as_str()) {
                let message = format!("findings of `{}` are not told apart by `{}`", written.rule, member.key);
                return Err(YamlError::new(member.key_span, message).with_hint(format!("match by {}", ticked(known))));
            }
            if matches!(member.value.value, crate::yaml::Value::Scalar(_, crate::yaml::Scalar::Null)) {
                return Err(YamlError::new(member.key_span, format!("`{}` has no value", member.key)));
            }
        }
        Ok(Self { written, span: node.span, rule_span: span_of("rule"), until_span: span_of("until") })
    }

    /// Id of the rule.
    pub(super) fn rule(&self) -> &str {
        &self.written.rule
    }

    /// Whether it lasts longer than that many days from now.
    pub(super) fn is_longer_than(&self, days: u32, now: i64) -> bool {
        is_longer_than(self.written.until.0, days, now)
    }

    /// The waiver, with its places.
    pub(super) fn finish(self, origin: impl Fn(Span) -> Origin) -> Waiver {
        let Written { rule, r#match, reason, owner, until, image, platforms } = self.written;
        Waiver {
            rule,
            matches: r#match,
            reason: reason.0,
            owner: owner.0,
            until: until.0,
            images: image.map(Vec::from).unwrap_or_default(),
            platforms: platforms.map(Vec::from).unwrap_or_default(),
            origin: origin(self.span),
            until_origin: origin(self.until_span),
        }
    }
}

/// Whether a waiver that ends then lasts longer than that many days from now.
pub(super) fn is_longer_than(until: i64, days: u32, now: i64) -> bool {
    until > now.saturating_add(i64::from(days).saturating_add(1) * DAY)
}

fn ticked(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
