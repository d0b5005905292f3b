//! `imgguard verify`: is the image signed by whom it should be, and every part of it?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::github::Attestations;
use crate::model::Platform;
use crate::sign::evidence::{Conditions, Requirement};
use crate::sign::trust_policy::{SignerSpec, TrustPolicy};
use crate::sign::verify::{Grounds, SignerRule};
use crate::sign::{
    Bundle, Consumer, IdentityRule, MAX_BUNDLE, NotationRule, Pattern, PublicKey, SigningScheme, Standing, SubjectRule,
    VSA_TYPE,
};

use super::super::annotations::annotations;
use super::super::terminal::Terminal;
use super::super::{Exit, Failure, SourceArguments, now, output};
use super::judging::{Judge, VsaArguments};
use super::report::{self, Verification};
use super::{attest, files, grounds, image};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Recursive {
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
    #[arg(long, value_name = "FILE", required_unless_present_any = ["identity", "identity_pattern", "policy", "trust_kit", "notation_ca"])]
    key: Vec<PathBuf>,
    /// Ask for everything that this trust policy asks for.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "identity", "identity_pattern", "notation_ca", "require", "vsa_verifier"])]
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
    /// Trust certificates of the authorities in this file (PEM) that sign as Notation does, in JWS envelopes.
    #[arg(long, value_name = "FILE", requires = "notation_subject")]
    notation_ca: Option<PathBuf>,
    /// Whom of theirs: attributes of the certificate's subject, as in "C=DE, O=acme", or "*".
    #[arg(long, value_name = "SUBJECT", requires = "notation_ca")]
    notation_subject: Option<String>,
    /// Trust the authorities and logs in this file.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    #[command(flatten)]
    kit: grounds::KitArguments,
    /// Ask GitHub for the attestations that it keeps beside this repository; its own trust root counts too.
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "offline")]
    github: Option<String>,
    /// The REST interface of GitHub.
    #[arg(long, value_name = "URL", requires = "github", default_value = "https://api.github.com")]
    github_api: String,
    /// Open no connection but to the registry of the image. It is so without --github; the option makes it explicit.
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
    let mut keys = arguments.key.iter().map(|path| files::public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let identity = identity(arguments)?;
    let notation = notation(arguments)?;
    let kit = arguments.kit.read()?;
    let roots = grounds::roots(kit.as_ref(), arguments.trusted_root.as_deref(), arguments.github.is_some())?;
    if identity.is_some() {
        roots.iter().for_each(files::warn_of_age);
    }
    let trust = grounds::trusts(&roots)?;
    // Whoever names signers does not ask for those of the kit's policy.
    let names_signers = !keys.is_empty() || identity.is_some() || notation.is_some();
    let kit_policy = kit.as_ref().filter(|_| !names_signers);
    let policy = grounds::policy(kit_policy, arguments.policy.as_deref())?;
    if let Some(kit) = kit_policy.filter(|_| policy.is_none()) {
        keys.extend(kit.keys().iter().cloned());
        if keys.is_empty() {
            return Err(Failure::usage("the trust kit has neither a policy nor keys: say whom to believe"));
        }
    } else if policy.is_some()
        && arguments.policy.is_none()
        && !(arguments.require.is_empty() && arguments.vsa_verifier.is_none())
    {
        return Err(Failure::usage(
            "the policy of the trust kit says what must be there; --require and --vsa-verifier do not add to it",
        ));
    }
    let requirements = match &policy {
        Some(policy) => policy.requirements.iter().map(|wanted| wanted.requirement.clone()).collect(),
        None if arguments.vsa_verifier.is_some() => vec![Requirement::Attestation(VSA_TYPE.to_owned())],
        None => requirements(&arguments.require)?,
    };
    let judge = Judge {
        rules: match &policy {
            Some(policy) => policy.rules(),
            None => rules(&keys, identity.as_ref(), notation.as_ref()),
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
        files: {
            let mut files = bundles(&arguments.bundle)?;
            files.extend(kit.iter().flat_map(|kit| kit.bundles().iter().cloned()));
            files
        },
        github: github(arguments)?,
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
    let folder = path.parent().unwrap_or(Path::new("."));
    policy.signers.values_mut().try_for_each(|signer| files::read_signer(signer, folder))?;
    Ok(policy)
}

/// The text of a trust policy, and the files that it names, by these names. The policy can be used.
pub(super) fn policy_with_files(path: &Path) -> Result<(String, BTreeMap<String, Vec<u8>>), Failure> {
    read_policy(path)?;
    let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
    let policy = TrustPolicy::parse(&text).map_err(|error| Failure::usage(error.message))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut named = BTreeMap::new();
    for file in policy.signers.values().filter_map(SignerSpec::file) {
        named.insert(file.to_owned(), files::read(&folder.join(file))?);
    }
    Ok((text, named))
}

fn exit_of(standing: Standing) -> Exit {
    match standing {
        Standing::Verified => Exit::Pass,
        Standing::NotVerified => Exit::Violations,
        Standing::Undetermined => Exit::Inconclusive,
        Standing::Unreachable => Exit::Infrastructure,
    }
}

fn rules<'a>(
    keys: &'a [PublicKey],
    identity: Option<&'a IdentityRule>,
    notation: Option<&'a NotationRule>,
) -> Vec<SignerRule<'a>> {
    let others = identity.map(SignerRule::Identity).into_iter().chain(notation.map(SignerRule::Notation));
    keys.iter().map(SignerRule::Key).chain(others).collect()
}

fn notation(arguments: &VerifyArguments) -> Result<Option<NotationRule>, Failure> {
    let (Some(path), Some(subject)) = (&arguments.notation_ca, &arguments.notation_subject) else { return Ok(None) };
    let subject = SubjectRule::read(subject).map_err(|error| Failure::usage(format!("--notation-subject: {error}")))?;
    NotationRule::new(&files::read(path)?, subject, SigningScheme::X509, now())
        .map(Some)
        .map_err(|error| Failure::usage(format!("`{}` cannot be used for --notation-ca: {error}", path.display())))
}

/// Where to ask GitHub. A token of GitHub's own goes to GitHub only, or where its pipeline says that its interface is.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn github(arguments: &VerifyArguments) -> Result<Option<Attestations>, Failure> {
    let Some(repository) = &arguments.github else { return Ok(None) };
    let api = arguments.github_api.trim_end_matches('/');
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let own =
        api == "https://api.github.com" || set("GITHUB_API_URL").is_some_and(|url| url.trim_end_matches('/') == api);
    let token = set("IMGGUARD_GITHUB_TOKEN")
        .or_else(|| own.then(|| set("GH_TOKEN").or_else(|| set("GITHUB_TOKEN"))).flatten())
        .map(zeroize::Zeroizing::new);
    Attestations::new(api, repository, token).map(Some).map_err(|error| Failure::usage(error.to_string()))
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
pub(super) fn bundles(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
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
