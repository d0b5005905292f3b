//! `imgguard verify`: is the image signed by whom it should be, and every part of it?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::evidence::{Store, closure, collect};
use crate::model::{Digest, Platform};
use crate::oci::FetchError;
use crate::sign::evidence::{
    Answer, Conditions, Examined, Found, FoundContent, Listing, Node, Place, Requirement, answer, examine,
};
use crate::sign::trust_policy::{TrustPolicy, Who};
use crate::sign::verify::{Grounds, SignerRule};
use crate::sign::{
    Bundle, Consumer, IdentityRule, ListEntry, MAX_BUNDLE, Pattern, PublicKey, Reason, Rejection, RootKind,
    SigstoreTrust, Standing, VSA_TYPE, VsaWishes,
};

use super::super::annotations::annotations;
use super::super::terminal::Terminal;
use super::super::{Exit, Failure, SourceArguments, now, output};
use super::report::{self, Image, NodeReport, ReasonReport, RequirementReport, Verification};
use super::{attest, files, image};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recursive {
    /// Every image needs evidence of its own, or an index above it that has.
    Auto,
    /// Every image needs evidence of its own.
    All,
    /// Only the index is looked at.
    Index,
}

/// Whose eyes to look with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConsumerName {
    /// cosign 1 and 2.
    Cosign2,
    /// cosign 3.
    Cosign3,
    /// Kyverno's image verification.
    Kyverno,
    /// Sigstore's policy-controller.
    PolicyController,
    /// Notation.
    Notation,
}

impl From<ConsumerName> for Consumer {
    fn from(name: ConsumerName) -> Self {
        match name {
            ConsumerName::Cosign2 => Self::Cosign2,
            ConsumerName::Cosign3 => Self::Cosign3,
            ConsumerName::Kyverno => Self::Kyverno,
            ConsumerName::PolicyController => Self::PolicyController,
            ConsumerName::Notation => Self::Notation,
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    /// Images: registry references, or layout folders as oci:DIR:TAG.
    #[arg(value_name = "REF", required = true)]
    images: Vec<String>,
    /// Trust this public key, repeatable: one of them is enough.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["identity", "identity_pattern", "policy"])]
    key: Vec<PathBuf>,
    /// Ask for everything that this trust policy asks for.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "identity", "identity_pattern", "require", "vsa_verifier"])]
    policy: Option<PathBuf>,
    /// Trust this identity, exact: an email address or a URI.
    #[arg(long, alias = "certificate-identity", value_name = "IDENTITY", conflicts_with = "identity_pattern")]
    identity: Option<String>,
    /// Trust identities that match this regular expression from end to end.
    #[arg(long, alias = "certificate-identity-regexp", value_name = "PATTERN")]
    identity_pattern: Option<String>,
    /// The issuer of the identity, exact.
    #[arg(long, alias = "certificate-oidc-issuer", value_name = "URL", conflicts_with = "issuer_pattern")]
    issuer: Option<String>,
    /// Issuers that match this regular expression from end to end.
    #[arg(long, alias = "certificate-oidc-issuer-regexp", value_name = "PATTERN")]
    issuer_pattern: Option<String>,
    /// What must be there: `sign`, or the type of an attestation; repeatable. `sign` unless given.
    #[arg(long, value_name = "TYPE")]
    require: Vec<String>,
    /// Want a verification summary that passed (SLSA VSA v1), of the verifier given with --vsa-verifier.
    #[arg(long, requires = "vsa_verifier")]
    vsa: bool,
    /// Want a verification summary of this verifier (`verifier.id`) that passed; it must be signed by whom --key or --identity names.
    #[arg(long, value_name = "ID", conflicts_with = "require")]
    vsa_verifier: Option<String>,
    /// What the summary must be about (`resourceUri`); the repository of the image unless given.
    #[arg(long, value_name = "URI", requires = "vsa_verifier")]
    vsa_resource: Option<String>,
    /// A level that the summary must say was verified, repeatable.
    #[arg(long, value_name = "LEVEL", requires = "vsa_verifier")]
    vsa_level: Vec<String>,
    /// An annotation that must have been signed, repeatable.
    #[arg(short, long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Seconds that the verified time of the signature may be in the past; with a unit: 90d, 12h, 30m.
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<i64>,
    /// Count only what this verifier would find and take with its usual settings, and tell why not the rest; the image that the
    /// reference names is looked at, as it does, unless --recursive says otherwise.
    #[arg(long = "as", value_enum, value_name = "CONSUMER", conflicts_with = "policy")]
    consumer: Option<ConsumerName>,
    /// How far down to go.
    #[arg(long, value_enum, default_value_t = Recursive::Auto)]
    recursive: Recursive,
    /// Look only at the image for this platform.
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Trust the authorities and logs in this file.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Open no connection but to the registry of the image. It is always so; the option makes it explicit.
    #[arg(long)]
    offline: bool,
    /// Bundles from this file count too: one, or one per line.
    #[arg(long, value_name = "FILE")]
    bundle: Vec<PathBuf>,
    /// Pass over log entries and timestamps of signatures with keys: they prove nothing then.
    #[arg(long)]
    insecure_ignore_tlog: bool,
    /// Accept signatures with P-384 keys and SHA-256, which old versions of cosign made.
    #[arg(long)]
    allow_p384_sha256: bool,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    source: SourceArguments,
}

fn age(text: &str) -> Result<i64, String> {
    crate::sign::trust_policy::age(text).ok_or_else(|| "write a whole number and d, h, m or s".to_owned())
}

pub(in crate::cli) fn run(arguments: &VerifyArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let keys = arguments.key.iter().map(|path| files::public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let identity = identity(arguments)?;
    let root = files::trust_root(arguments.trusted_root.as_deref(), RootKind::Production)?;
    if identity.is_some() {
        files::warn_of_age(&root);
    }
    let trust = SigstoreTrust::new(&root, now())
        .map_err(|error| Failure::usage(format!("the trust root cannot be used: {error}")))?;
    let policy = arguments.policy.as_deref().map(read_policy).transpose()?;
    let requirements = match &policy {
        Some(policy) => policy.requirements.iter().map(|wanted| wanted.requirement.clone()).collect(),
        None if arguments.vsa_verifier.is_some() => vec![Requirement::Attestation(VSA_TYPE.to_owned())],
        None => requirements(&arguments.require)?,
    };
    let judge = Judge {
        rules: match &policy {
            Some(policy) => policy.rules(),
            None => rules(&keys, identity.as_ref()),
        },
        grounds: Grounds {
            trust: &trust,
            ignore_log: arguments.insecure_ignore_tlog,
            p384_sha256: arguments.allow_p384_sha256,
        },
        requirements,
        conditions: Conditions {
            annotations: annotations(&arguments.annotation)?,
            max_age: arguments.max_age,
            now: now(),
            ..Conditions::default()
        },
        files: bundles(&arguments.bundle)?,
        recursive: match (arguments.recursive, arguments.consumer) {
            (Recursive::Auto, Some(_)) => Recursive::Index,
            (recursive, _) => recursive,
        },
        consumer: arguments.consumer.map(Into::into),
        policy: policy.as_ref(),
        vsa: arguments.vsa_verifier.as_ref().map(|verifier| VsaArguments {
            verifier: verifier.clone(),
            resource: arguments.vsa_resource.clone(),
            levels: arguments.vsa_level.clone(),
        }),
    };
    let mut exit = Exit::Pass;
    let mut verification = Verification { schema: report::SCHEMA, images: Vec::new() };
    for text in &arguments.images {
        let store = image::open(text, &arguments.source)?;
        let (image, standing) = judge.image(text, &store, arguments.platform.as_ref())?;
        exit = exit.worst(exit_of(standing));
        verification.images.push(image);
    }
    for output in &outputs {
        let text = if output.format == "json" {
            serde_json::to_string_pretty(&verification).unwrap_or_default() + "\n"
        } else {
            verification.images.iter().map(|image| report::text(image, terminal.verbose)).collect()
        };
        output::write(output, &text)?;
    }
    Ok(exit)
}

/// Reads a trust policy and the key files that it names, beside it.
pub(super) fn read_policy(path: &Path) -> Result<TrustPolicy, Failure> {
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| Failure::usage(format!("`{}` is no text", path.display())))?;
    let mut policy = TrustPolicy::parse(&text).map_err(|error| {
        let place = format!("{}:{}:{}", path.display(), error.span.line, error.span.column);
        let failure = Failure::usage(format!("{place}: {}", error.message));
        match error.hint.filter(|hint| !hint.is_empty()) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })?;
    for signer in policy.signers.values_mut() {
        if let Who::KeyFile(file) = &signer.who {
            let file = path.parent().unwrap_or(Path::new(".")).join(file);
            signer.who = Who::Key(files::public_key(&file)?);
        }
    }
    Ok(policy)
}

fn exit_of(standing: Standing) -> Exit {
    match standing {
        Standing::Verified => Exit::Pass,
        Standing::NotVerified => Exit::Violations,
        Standing::Undetermined => Exit::Inconclusive,
        Standing::Unreachable => Exit::Infrastructure,
    }
}

fn rules<'a>(keys: &'a [PublicKey], identity: Option<&'a IdentityRule>) -> Vec<SignerRule<'a>> {
    keys.iter().map(SignerRule::Key).chain(identity.map(SignerRule::Identity)).collect()
}

fn identity(arguments: &VerifyArguments) -> Result<Option<IdentityRule>, Failure> {
    if arguments.identity.is_none() && arguments.identity_pattern.is_none() {
        return Ok(None);
    }
    if arguments.issuer.is_none() && arguments.issuer_pattern.is_none() {
        return Err(Failure::usage("an identity means nothing without the issuer that vouches for it")
            .with_hint("give --issuer, such as https://token.actions.githubusercontent.com"));
    }
    let pattern = |option: &str, text: &str| {
        let pattern = Pattern::new(text).map_err(|error| Failure::usage(format!("{option}: {error}")))?;
        for lint in pattern.lints() {
            Terminal::say(&format!("warning: {option}: {lint}"));
        }
        Ok::<_, Failure>(pattern)
    };
    let exact = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut rule = IdentityRule::exact(exact(&arguments.identity), exact(&arguments.issuer));
    if let Some(text) = &arguments.identity_pattern {
        rule = rule.with_identity_pattern(pattern("--identity-pattern", text)?);
    }
    if let Some(text) = &arguments.issuer_pattern {
        rule = rule.with_issuer_pattern(pattern("--issuer-pattern", text)?);
    }
    Ok(Some(rule))
}

fn requirements(texts: &[String]) -> Result<Vec<Requirement>, Failure> {
    if texts.is_empty() {
        return Ok(vec![Requirement::Signature]);
    }
    let requirement = |text: &String| match text.as_str() {
        "sign" => Ok(Requirement::Signature),
        other => attest::type_of(other).map(|uri| Requirement::Attestation(uri.to_owned())),
    };
    texts.iter().map(requirement).collect()
}

/// The bundles of files, one or one per line.
fn bundles(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut bundles = Vec::new();
    for path in paths {
        let bytes = files::read(path)?;
        if bytes.len() <= MAX_BUNDLE && Bundle::read(&bytes).is_ok() {
            bundles.push(bytes);
            continue;
        }
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        bundles.extend(lines.map(<[u8]>::to_vec));
    }
    Ok(bundles)
}

struct Judge<'a> {
    rules: Vec<SignerRule<'a>>,
    grounds: Grounds<'a>,
    requirements: Vec<Requirement>,
    conditions: Conditions,
    files: Vec<Vec<u8>>,
    recursive: Recursive,
    consumer: Option<Consumer>,
    policy: Option<&'a TrustPolicy>,
    vsa: Option<VsaArguments>,
}

/// What a verification summary must say; the resource is the repository unless named.
struct VsaArguments {
    verifier: String,
    resource: Option<String>,
    levels: Vec<String>,
}

/// A node with everything that was found about it.
struct Judged {
    report: NodeReport,
    answers: Vec<Answer>,
}

impl Judged {
    /// A child of an index that nothing covers is told apart from an image that nobody signed.
    fn uncovered(&mut self) {
        for (answer, report) in self.answers.iter_mut().zip(&mut self.report.requirements) {
            if answer.reason == Reason::Unsigned {
                answer.reason = Reason::UnsignedChild;
                "it has no signature of its own, and no index above it covers it".clone_into(&mut answer.detail);
                report.reason = answer.reason.code();
                report.detail.clone_from(&answer.detail);
            }
        }
    }
}

impl Judge<'_> {
    fn image(&self, text: &str, store: &Store, platform: Option<&Platform>) -> Result<(Image, Standing), Failure> {
        let nodes = closure(store)?;
        let asked = |node: &&Node| {
            // The builder's own statements are unsigned claims: nobody asks for their signatures.
            !node.is_statement && (self.recursive != Recursive::Index || node.parent.is_none())
        };
        let mut judged: Vec<(&Node, Judged)> =
            nodes.iter().filter(asked).map(|node| (node, self.node(store, node))).collect();
        let standing = self.settle(&mut judged, platform)?;
        let image = Image {
            reference: text.to_owned(),
            repository: store.name().to_owned(),
            digest: store.root().digest.to_string(),
            verdict: report::verdict(standing),
            nodes: judged.into_iter().map(|(_, judged)| judged.report).collect(),
        };
        Ok((image, standing))
    }

    fn node(&self, store: &Store, node: &Node) -> Judged {
        let mut listing: Listing = collect(store, &node.digest);
        listing.found.extend(self.files.iter().map(|bytes| Found {
            digest: Digest::of(bytes),
            manifest: None,
            place: Place::File,
            content: FoundContent::Bundle(bytes.clone()),
        }));
        let mut examined: Vec<Examined> = examine(&listing, &node.digest, &self.rules, &self.grounds);
        if let Some(consumer) = self.consumer {
            match list_of(store, &node.digest) {
                Ok(list) => consumer.restrict(&mut examined, &list, self.grounds.ignore_log),
                Err(error) => listing.gaps.push(Rejection::new(
                    Reason::Damaged,
                    format!("the list that {} goes by could not be read: {error}", consumer.name()),
                )),
            }
        }
        let conditions = self.conditions_for(store);
        let answers: Vec<Answer> = match self.policy {
            Some(policy) => policy.judge(&listing, &node.digest, &self.grounds, self.conditions.now),
            None => self
                .requirements
                .iter()
                .map(|requirement| answer(&examined, &listing.gaps, &node.digest, requirement, &conditions))
                .collect(),
        };
        let mut report = report::node_report(node);
        report.evidence = examined.iter().map(Into::into).collect();
        report.gaps = listing
            .gaps
            .iter()
            .map(|gap| ReasonReport { reason: gap.reason.code(), detail: gap.detail.clone() })
            .collect();
        let pairs = self.requirements.iter().zip(&answers);
        report.requirements = pairs
            .map(|(requirement, answer)| RequirementReport::new(requirement.predicate_type(), answer, &examined))
            .collect();
        Judged { report, answers }
    }

    fn conditions_for(&self, store: &Store) -> Conditions {
        let vsa = self.vsa.as_ref().map(|wanted| VsaWishes {
            verifier: wanted.verifier.clone(),
            resource: wanted.resource.clone().unwrap_or_else(|| store.name().to_owned()),
            levels: wanted.levels.clone(),
        });
        Conditions { vsa, ..self.conditions.clone() }
    }

    /// Decides about the whole image, the root first: a child without evidence of its own is covered by an index above it, since
    /// its digest is in verified bytes.
    fn settle(&self, judged: &mut [(&Node, Judged)], platform: Option<&Platform>) -> Result<Standing, Failure> {
        let mut worst: Option<Standing> = None;
        let mut covered: std::collections::BTreeSet<Digest> = std::collections::BTreeSet::new();
        for (node, judged) in judged.iter_mut() {
            let own = judged.answers.iter().all(|answer| answer.reason == Reason::Verified);
            let by_parent =
                self.recursive != Recursive::All && node.parent.as_ref().is_some_and(|parent| covered.contains(parent));
            if own || by_parent {
                covered.insert(node.digest.clone());
                judged.report.covered_by = Some(if own { "own" } else { "parent" });
            }
            if node.parent.is_some() && !own && !by_parent {
                judged.uncovered();
            }
            if by_parent && !own {
                for requirement in &mut judged.report.requirements {
                    requirement.reason = Reason::Verified.code();
                    requirement.detail = String::new();
                }
            }
            let asked = match platform {
                Some(wanted) => node.platform.as_ref().is_some_and(|platform| platform.matches(wanted)),
                None => true,
            };
            if asked {
                let standing = if own || by_parent { Standing::Verified } else { least(&judged.answers) };
                worst = Some(worst.map_or(standing, |worst| heavier(worst, standing)));
            }
        }
        worst.ok_or_else(|| {
            let platform = platform.map(ToString::to_string).unwrap_or_default();
            Failure::usage(format!("the image has no platform `{platform}`"))
        })
    }
}

/// The list that others go by: the registry's own, else the one behind the fallback tag.
fn list_of(store: &Store, digest: &Digest) -> Result<Vec<ListEntry>, FetchError> {
    let lists = store.repository().referrer_lists(digest)?;
    let entries = lists.api.or(lists.fallback).unwrap_or_default();
    Ok(entries
        .into_iter()
        .map(|entry| ListEntry { digest: entry.digest, artifact_type: entry.artifact_type })
        .collect())
}

/// What counts of several answers: a definite no, then what could not be seen, then what did not answer.
fn least(answers: &[Answer]) -> Standing {
    answers.iter().map(|answer| answer.reason.standing()).fold(Standing::Verified, heavier)
}

fn heavier(one: Standing, other: Standing) -> Standing {
    let rank = |standing: Standing| match standing {
        Standing::Verified => 0,
        Standing::Unreachable => 1,
        Standing::Undetermined => 2,
        Standing::NotVerified => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definite_no_outweighs_what_was_not_seen() {
        assert_eq!(heavier(Standing::Undetermined, Standing::NotVerified), Standing::NotVerified);
        assert_eq!(heavier(Standing::Unreachable, Standing::Undetermined), Standing::Undetermined);
        assert_eq!(heavier(Standing::Verified, Standing::Unreachable), Standing::Unreachable);
    }
}
