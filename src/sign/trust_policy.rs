//! Trust policies: who must have signed what. YAML in, checked requirements out, before any image is opened.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::yaml::{self, Member, Node, Span, YamlError, suggest};

use super::evidence::{Answer, Conditions, Examined, Listing, Requirement, answer, examine};
use super::verify::{Grounds, Signer, SignerRule};
use super::{
    IdentityRule, NotationRule, PREDICATES, Pattern, ProvenanceWishes, PublicKey, Reason, Rejection, SanKind,
    SigningScheme, SubjectRule, VsaWishes, predicate_type,
};
use crate::model::Digest;

/// Signers and requirements of a policy, each.
const MAX_ENTRIES: usize = 1_000;

/// A trust policy.
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    /// The signers by name.
    pub signers: BTreeMap<String, SignerSpec>,
    /// What must be there.
    pub requirements: Vec<PolicyRequirement>,
}

/// A signer, its key not read yet.
#[derive(Debug, Clone)]
pub struct SignerSpec {
    /// Who it is.
    pub who: Who,
    /// The first second at which it may sign; none for always.
    pub from: Option<i64>,
    /// The last one.
    pub until: Option<i64>,
}

/// A key or an identity.
#[derive(Debug, Clone)]
pub enum Who {
    /// A file with a public key, as written in the policy.
    KeyFile(String),
    /// A public key.
    Key(PublicKey),
    /// An identity.
    Identity(Box<IdentityRule>),
    /// A file with certificates of authorities, and whom of theirs to believe.
    CertificateFile {
        /// The file, as written in the policy.
        file: String,
        /// The subjects.
        subject: SubjectRule,
        /// Who says when it was signed.
        scheme: SigningScheme,
    },
    /// Holders of certificates.
    Notation(Box<NotationRule>),
}

impl SignerSpec {
    /// The file that is still to be read, as written in the policy.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match &self.who {
            Who::KeyFile(file) | Who::CertificateFile { file, .. } => Some(file),
            _ => None,
        }
    }

    /// Takes the content of the file; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn take_file(&mut self, bytes: &[u8], now: i64) -> Result<(), String> {
        self.who = match &self.who {
            Who::KeyFile(_) => Who::Key(PublicKey::from_pem(bytes).map_err(|error| error.to_string())?),
            Who::CertificateFile { subject, scheme, .. } => {
                Who::Notation(Box::new(NotationRule::new(bytes, subject.clone(), *scheme, now)?))
            }
            other => other.clone(),
        };
        Ok(())
    }
}

/// A requirement.
#[derive(Debug, Clone)]
pub struct PolicyRequirement {
    /// What is asked for.
    pub requirement: Requirement,
    /// Who may have signed it.
    pub by: Vec<String>,
    /// How many different ones of them must have.
    pub needed: usize,
    /// Further conditions; the time is filled in when judging.
    pub conditions: Conditions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSigner {
    key: Option<String>,
    identity: Option<String>,
    identity_pattern: Option<String>,
    issuer: Option<String>,
    issuer_pattern: Option<String>,
    kind: Option<RawKind>,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    notation_ca: Option<String>,
    subject: Option<String>,
    scheme: Option<RawScheme>,
    from: Option<String>,
    until: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum RawScheme {
    X509,
    SigningAuthority,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    Email,
    Uri,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRequirement {
    r#type: String,
    any: Option<Vec<String>>,
    all: Option<Vec<String>>,
    at_least: Option<usize>,
    of: Option<Vec<String>>,
    max_age: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    builder: Option<String>,
    source: Option<String>,
    verifier: Option<String>,
    resource: Option<String>,
    #[serde(default)]
    levels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read for its complaints: the parts are read one by one, with their places")]
struct Raw {
    version: u32,
    signers: serde::de::IgnoredAny,
    require: serde::de::IgnoredAny,
}

impl SignerSpec {
    /// The rule for this signer; none while its key was not read.
    #[must_use]
    pub fn rule(&self) -> Option<SignerRule<'_>> {
        rule(self)
    }
}

impl TrustPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`YamlError`] with the place of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        let root = yaml::parse(text)?;
        let raw: Raw = yaml::read(&root)?;
        if raw.version != 1 {
            let span = root.get("version").map_or(root.span, |member| member.value.span);
            return Err(YamlError::new(span, format!("version {} of trust policies is not known", raw.version)));
        }
        let members = root.get("signers").and_then(|member| member.value.table()).unwrap_or_default();
        let elements = root.get("require").and_then(|member| member.value.list()).unwrap_or_default();
        if members.is_empty() || elements.is_empty() {
            return Err(YamlError::new(root.span, wanted_count()));
        }
        Self::of(members, elements)
    }

    /// A policy of signers and requirements that stand in another document; there may be no requirements.
    ///
    /// # Errors
    /// [`YamlError`] with the place of the first thing that is wrong.
    pub fn of(members: &[Member], elements: &[Node]) -> Result<Self, YamlError> {
        if members.len().max(elements.len()) > MAX_ENTRIES {
            let span = members.first().map(|member| member.key_span).unwrap_or_default();
            return Err(YamlError::new(span, wanted_count()));
        }
        let mut signers = BTreeMap::new();
        for member in members {
            signers.insert(member.key.clone(), signer(&member.value)?);
        }
        let names: Vec<&str> = signers.keys().map(String::as_str).collect();
        let requirements =
            elements.iter().map(|element| requirement(element, &names)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { signers, requirements })
    }

    /// The rules of all signers whose keys were read.
    #[must_use]
    pub fn rules(&self) -> Vec<SignerRule<'_>> {
        self.signers.values().filter_map(rule).collect()
    }

    /// Answers every requirement about one node.
    #[must_use]
    pub fn judge(&self, listing: &Listing, subject: &Digest, grounds: &Grounds<'_>, now: i64) -> Vec<Answer> {
        let examined: BTreeMap<&str, Vec<Examined>> = self
            .signers
            .iter()
            .filter_map(|(name, spec)| Some((name.as_str(), examine(listing, subject, &[rule(spec)?], grounds))))
            .collect();
        self.requirements.iter().map(|wanted| self.one(wanted, listing, &examined, subject, now)).collect()
    }

    fn one(
        &self,
        wanted: &PolicyRequirement,
        listing: &Listing,
        examined: &BTreeMap<&str, Vec<Examined>>,
        subject: &Digest,
        now: i64,
    ) -> Answer {
        let mut different: Vec<&Signer> = Vec::new();
        let mut proofs = Vec::new();
        let mut failed: Option<Answer> = None;
        for name in &wanted.by {
            let (Some(spec), Some(examined)) = (self.signers.get(name), examined.get(name.as_str())) else { continue };
            let conditions = Conditions { now, from: spec.from, until: spec.until, ..wanted.conditions.clone() };
            let one = answer(examined, &listing.gaps, subject, &wanted.requirement, &conditions);
            if one.reason == Reason::Verified {
                for at in one.proofs {
                    let signer =
                        examined.get(at).and_then(|one| one.outcome.as_ref().ok()).map(super::evidence::Proof::signer);
                    // Two names for one signer are one signer.
                    if let Some(signer) = signer
                        && !different.contains(&signer)
                    {
                        different.push(signer);
                    }
                    proofs.push(at);
                }
            } else if failed.as_ref().is_none_or(|failed| one.reason.standing() < failed.reason.standing()) {
                failed = Some(one);
            }
        }
        proofs.sort_unstable();
        proofs.dedup();
        if different.len() >= wanted.needed {
            return Answer { reason: Reason::Verified, detail: String::new(), proofs };
        }
        let mut answer = failed.unwrap_or_else(|| {
            let rejection = Rejection::new(Reason::UntrustedKey, "one signer under several names");
            Answer { reason: rejection.reason, detail: rejection.detail, proofs: Vec::new() }
        });
        if wanted.needed > 1 {
            answer.detail = format!("{} of {} signers: {}", different.len(), wanted.needed, answer.detail);
        }
        answer
    }
}

fn wanted_count() -> String {
    format!("1 to {MAX_ENTRIES} signers and as many requirements are wanted")
}

fn rule(spec: &SignerSpec) -> Option<SignerRule<'_>> {
    match &spec.who {
        Who::Key(key) => Some(SignerRule::Key(key)),
        Who::Identity(rule) => Some(SignerRule::Identity(rule)),
        Who::Notation(rule) => Some(SignerRule::Notation(rule)),
        Who::KeyFile(_) | Who::CertificateFile { .. } => None,
    }
}

fn place(node: &Node, key: &str) -> Span {
    node.get(key).map_or(node.span, |member| member.value.span)
}

fn signer(node: &Node) -> Result<SignerSpec, YamlError> {
    let raw: RawSigner = yaml::read(node)?;
    let time = |key: &str, text: &Option<String>| {
        text.as_deref().map(|text| moment(text).ok_or_else(|| no_time(place(node, key)))).transpose()
    };
    let (from, until) = (time("from", &raw.from)?, time("until", &raw.until)?);
    if let (Some(from), Some(until)) = (from, until)
        && from > until
    {
        return Err(YamlError::new(place(node, "until"), "the period ends before it starts"));
    }
    let named = raw.identity.is_some() || raw.identity_pattern.is_some();
    if let Some(file) = &raw.notation_ca {
        if raw.key.is_some() || named || raw.issuer.is_some() || raw.issuer_pattern.is_some() {
            return Err(YamlError::new(node.span, "`notation-ca` goes with `subject` and `scheme` only"));
        }
        let text = raw.subject.as_deref().ok_or_else(|| {
            YamlError::new(node.span, "`notation-ca` means little without `subject`")
                .with_hint("write subject: \"C=DE, O=acme\", or \"*\" for every certificate of the authorities")
        })?;
        let subject = SubjectRule::read(text).map_err(|error| YamlError::new(place(node, "subject"), error))?;
        let scheme = match raw.scheme {
            None | Some(RawScheme::X509) => SigningScheme::X509,
            Some(RawScheme::SigningAuthority) => SigningScheme::SigningAuthority,
        };
        return Ok(SignerSpec { who: Who::CertificateFile { file: file.clone(), subject, scheme }, from, until });
    }
    if raw.subject.is_some() || raw.scheme.is_some() {
        return Err(YamlError::new(node.span, "`subject` and `scheme` belong to `notation-ca`"));
    }
    let who = match (&raw.key, named) {
        (Some(key), false) if raw.issuer.is_none() && raw.issuer_pattern.is_none() => Who::KeyFile(key.clone()),
        (None, true) => Who::Identity(Box::new(identity(node, &raw)?)),
        _ => return Err(YamlError::new(node.span, "a signer has either `key`, or `identity` and `issuer`")),
    };
    Ok(SignerSpec { who, from, until })
}

fn identity(node: &Node, raw: &RawSigner) -> Result<IdentityRule, YamlError> {
    let both = |one: &str, other: &str| {
        YamlError::new(place(node, other), format!("`{one}` and `{other}` exclude each other"))
    };
    if raw.identity.is_some() && raw.identity_pattern.is_some() {
        return Err(both("identity", "identity-pattern"));
    }
    if raw.issuer.is_some() && raw.issuer_pattern.is_some() {
        return Err(both("issuer", "issuer-pattern"));
    }
    if raw.issuer.is_none() && raw.issuer_pattern.is_none() {
        return Err(YamlError::new(node.span, "an identity means nothing without `issuer`"));
    }
    let pattern =
        |key: &str, text: &str| Pattern::new(text).map_err(|error| YamlError::new(place(node, key), error.to_string()));
    let exact = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut rule = IdentityRule::exact(exact(&raw.identity), exact(&raw.issuer));
    if let Some(text) = &raw.identity_pattern {
        rule = rule.with_identity_pattern(pattern("identity-pattern", text)?);
    }
    if let Some(text) = &raw.issuer_pattern {
        rule = rule.with_issuer_pattern(pattern("issuer-pattern", text)?);
    }
    if let Some(kind) = raw.kind {
        rule = rule.with_kind(match kind {
            RawKind::Email => SanKind::Email,
            RawKind::Uri => SanKind::Uri,
        });
    }
    for (name, value) in &raw.claims {
        rule = rule.with_claim(name, value);
    }
    Ok(rule)
}

fn no_time(span: Span) -> YamlError {
    YamlError::new(span, "a time is wanted here").with_hint("write 2026-01-31 or 2026-01-31T12:00:00Z")
}

/// Seconds since 1970 of `2026-01-31` or `2026-01-31T12:00:00Z`.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_second());
    }
    let date = text.parse::<jiff::civil::Date>().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Seconds of `90d`, `12h`, `30m`, `45s`, `45`.
#[must_use]
pub fn age(text: &str) -> Option<i64> {
    let (number, unit) = match text.char_indices().last()? {
        (at, 'd') => (text.get(..at)?, 86_400),
        (at, 'h') => (text.get(..at)?, 3_600),
        (at, 'm') => (text.get(..at)?, 60),
        (at, 's') => (text.get(..at)?, 1),
        _ => (text, 1),
    };
    Some(i64::from(number.parse::<u32>().ok()?) * unit)
}

fn requirement(node: &Node, names: &[&str]) -> Result<PolicyRequirement, YamlError> {
    let raw: RawRequirement = yaml::read(node)?;
    let requirement = match raw.r#type.as_str() {
        "sign" => Requirement::Signature,
        other => {
            let uri = predicate_type(other).ok_or_else(|| {
                let known: Vec<&str> = PREDICATES.iter().flat_map(|predicate| predicate.names).copied().collect();
                let error = YamlError::new(place(node, "type"), format!("there is no type `{}`", other.escape_debug()));
                match suggest(other, &known) {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            })?;
            Requirement::Attestation(uri.to_owned())
        }
    };
    let (by, needed, key) = match (&raw.any, &raw.all, raw.at_least, &raw.of) {
        (Some(any), None, None, None) => (any, 1, "any"),
        (None, Some(all), None, None) => (all, all.len(), "all"),
        (None, None, Some(least), Some(of)) => (of, least, "of"),
        _ => return Err(YamlError::new(node.span, "exactly one of `any`, `all`, and `at-least` with `of` is wanted")),
    };
    if needed == 0 || needed > by.len() {
        return Err(YamlError::new(place(node, key), "as many signers as are needed must be named"));
    }
    let elements = node.get(key).and_then(|member| member.value.list()).unwrap_or_default();
    for (at, name) in by.iter().enumerate() {
        let span = elements.get(at).map_or(node.span, |element| element.span);
        if !names.contains(&name.as_str()) {
            let error = YamlError::new(span, format!("there is no signer `{}`", name.escape_debug()));
            return Err(error.with_hint(suggest(name, names).unwrap_or_default()));
        }
        if by.iter().take(at).any(|other| other == name) {
            return Err(YamlError::new(span, format!("`{name}` is named twice")));
        }
    }
    let conditions = conditions(node, &raw)?;
    Ok(PolicyRequirement { requirement, by: by.clone(), needed, conditions })
}

fn conditions(node: &Node, raw: &RawRequirement) -> Result<Conditions, YamlError> {
    let wrong = |key: &str| YamlError::new(place(node, key), "write a whole number and d, h, m or s, such as 90d");
    let max_age = raw.max_age.as_deref().map(|text| age(text).ok_or_else(|| wrong("max-age"))).transpose()?;
    let is_vsa = predicate_type(&raw.r#type) == Some(super::VSA_TYPE);
    let vsa = match (&raw.verifier, &raw.resource) {
        (Some(verifier), Some(resource)) if is_vsa => {
            Some(VsaWishes { verifier: verifier.clone(), resource: resource.clone(), levels: raw.levels.clone() })
        }
        (None, None) if !is_vsa && raw.levels.is_empty() => None,
        _ => {
            let message = "`verifier`, `resource` and `levels` belong to the type `vsa`, which needs the first two";
            return Err(YamlError::new(node.span, message));
        }
    };
    let provenance = ProvenanceWishes { builder: raw.builder.clone(), source: raw.source.clone() };
    if provenance != ProvenanceWishes::default() && !raw.r#type.contains("provenance") && raw.r#type != "slsa" {
        return Err(YamlError::new(node.span, "`builder` and `source` belong to provenances"));
    }
    Ok(Conditions { annotations: raw.annotations.clone(), max_age, vsa, provenance, ..Conditions::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version: 1
signers:
  release: { key: release.pub, from: 2026-01-01, until: 2026-12-31T23:59:59Z }
  ci:
    issuer: https://token.actions.githubusercontent.com
    identity: https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main
    claims: { source-repository-uri: https://github.com/acme/app }
require:
  - { type: sign, any: [release, ci] }
  - { type: slsaprovenance1, all: [ci], max-age: 90d, builder: https://b.example, source: https://github.com/acme/app }
  - { type: sign, at-least: 2, of: [release, ci] }
  - { type: vsa, any: [ci], verifier: https://gate.example, resource: app, levels: [SLSA_BUILD_LEVEL_3] }
";

    #[test]
    fn a_policy_is_read_with_everything_in_it() {
        let policy = TrustPolicy::parse(GOOD).expect("read");
        assert_eq!(policy.signers["release"].from, Some(1_767_225_600));
        assert_eq!(policy.requirements[1].conditions.max_age, Some(7_776_000));
        assert_eq!((policy.requirements[2].needed, policy.requirements[2].by.len()), (2, 2));
        assert!(policy.requirements[3].conditions.vsa.is_some());
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (from, to, line, words) in [
            ("version: 1", "version: 2", 1, "version 2"),
            ("any: [release, ci]", "any: [relaese]", 9, "no signer"),
            ("any: [release, ci]", "any: [ci, ci]", 9, "twice"),
            ("any: [release, ci]", "any: []", 9, "must be named"),
            ("at-least: 2", "at-least: 3", 11, "must be named"),
            ("any: [release, ci] }", "any: [ci], all: [ci] }", 9, "exactly one"),
            ("type: slsaprovenance1", "type: slsaprovenence", 10, "no type"),
            ("max-age: 90d", "max-age: soon", 10, "whole number"),
            ("until: 2026-12-31T23:59:59Z", "until: 2025-12-31", 3, "before it starts"),
            ("from: 2026-01-01", "from: yesterday", 3, "time is wanted"),
            ("    identity: https", "    identity-pattern: '('\n    identity: https", 6, "exclude"),
            ("    issuer: https://token.actions.githubusercontent.com\n", "", 5, "without `issuer`"),
            ("key: release.pub", "kee: release.pub", 3, "unknown key"),
            ("key: release.pub", "notation-ca: ca.pem", 3, "without `subject`"),
            ("key: release.pub", "notation-ca: ca.pem, subject: 'acme'", 3, "no attribute"),
            ("key: release.pub", "notation-ca: ca.pem, subject: 'X=acme'", 3, "no attribute `X`"),
            ("key: release.pub", "notation-ca: ca.pem, subject: '*', key: release.pub", 3, "goes with"),
            ("key: release.pub", "subject: '*', key: release.pub", 3, "belong to"),
            (", verifier: https://gate.example", "", 12, "belong to"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = TrustPolicy::parse(&text).expect_err(to);
            assert!(error.message.contains(words), "{to}: {}", error.message);
            assert_eq!(error.span.line, line, "{to}: {}", error.message);
        }
    }

    #[test]
    fn ages_have_units() {
        assert_eq!((age("90d"), age("12h"), age("45")), (Some(7_776_000), Some(43_200), Some(45)));
        for wrong in ["", "d", "-1d", "1.5h", "1w"] {
            assert_eq!(age(wrong), None, "{wrong}");
        }
    }
}
