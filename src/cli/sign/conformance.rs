//! The hidden `imgguard conformance`: the protocol of the Sigstore conformance suite, for files of any kind.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::keyless::{self, Content, Services};
use crate::model::Digest;
use crate::sign::verify::{SignerRule, artifact};
use crate::sign::{Artifact, Bundle, IdentityRule, Reason, RootKind, SigstoreTrust};

use super::super::{Exit, Failure, now};
use super::files;

#[derive(Debug, Args)]
pub(in crate::cli) struct ConformanceArguments {
    #[command(subcommand)]
    command: ConformanceCommand,
}

#[derive(Debug, Subcommand)]
enum ConformanceCommand {
    /// Verify a bundle; opens no socket.
    VerifyBundle(VerifyArguments),
    /// Sign a file with an identity token.
    SignBundle(SignArguments),
}

#[derive(Debug, Args)]
struct VerifyArguments {
    /// Trust the staging instance.
    #[arg(long)]
    staging: bool,
    /// The bundle.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The identity, exact.
    #[arg(long, value_name = "IDENTITY", requires = "certificate_oidc_issuer", conflicts_with = "key")]
    certificate_identity: Option<String>,
    /// Its issuer, exact.
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The public key.
    #[arg(long, value_name = "FILE", required_unless_present = "certificate_identity")]
    key: Option<PathBuf>,
    /// Trust this root.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// The file that was signed, or its digest: `sha256:` and 64 hexadecimal digits.
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: String,
}

#[derive(Debug, Args)]
struct SignArguments {
    /// Use the staging instance.
    #[arg(long)]
    staging: bool,
    /// The file is a statement.
    #[arg(long)]
    in_toto: bool,
    /// The identity token.
    #[arg(long, value_name = "JWT")]
    identity_token: String,
    /// Where the bundle goes.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The root that the services belong to.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// The services to use.
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,
    /// The file to sign.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(in crate::cli) fn run(arguments: &ConformanceArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        ConformanceCommand::VerifyBundle(arguments) => verify(arguments),
        ConformanceCommand::SignBundle(arguments) => sign(arguments),
    }
}

fn embedded(staging: bool) -> RootKind {
    if staging { RootKind::Staging } else { RootKind::Production }
}

/// A digest only when it looks like one and is no file.
fn as_digest(text: &str) -> Option<Digest> {
    if !text.starts_with("sha256:") || std::path::Path::new(text).exists() {
        return None;
    }
    text.to_ascii_lowercase().parse().ok()
}

fn verify(arguments: &VerifyArguments) -> Result<Exit, Failure> {
    // Never an installed root: the protocol names the embedded ones.
    let root = match &arguments.trusted_root {
        Some(path) => files::trust_root(Some(path), RootKind::File)?,
        None => files::embedded_root(embedded(arguments.staging))?,
    };
    let trust = SigstoreTrust::new(&root, now())
        .map_err(|error| Failure::usage(format!("the trust root cannot be used: {error}")))?;
    let key = arguments.key.as_deref().map(files::public_key).transpose()?;
    let identity = match (&arguments.certificate_identity, &arguments.certificate_oidc_issuer) {
        (Some(identity), Some(issuer)) => Some(IdentityRule::exact(identity, issuer)),
        _ => None,
    };
    let rule = match (&key, &identity) {
        (Some(key), None) => SignerRule::Key(key),
        (None, Some(identity)) => SignerRule::Identity(identity),
        _ => return Err(Failure::usage("give a key, or an identity with its issuer")),
    };
    let digest = as_digest(&arguments.artifact);
    let bytes = match &digest {
        Some(_) => Vec::new(),
        None => files::read(&PathBuf::from(&arguments.artifact))?,
    };
    let about = digest.as_ref().map_or(Artifact::Bytes(&bytes), Artifact::Digest);
    let judged =
        Bundle::read(&files::read(&arguments.bundle)?).and_then(|bundle| artifact(&bundle, about, rule, &trust));
    match judged {
        Ok(_) => Ok(Exit::Pass),
        Err(rejection) => {
            debug_assert_ne!(rejection.reason, Reason::Verified);
            Err(Failure {
                exit: Exit::Violations,
                message: format!("the bundle is not accepted: {rejection}"),
                hint: None,
            })
        }
    }
}

fn sign(arguments: &SignArguments) -> Result<Exit, Failure> {
    let services = match &arguments.signing_config {
        Some(path) => Services::read(&files::read(path)?).map_err(|error| {
            Failure::usage(format!("`{}` is no signing configuration that can be used: {error}", path.display()))
        })?,
        None => Services::embedded(arguments.staging).map_err(|error| Failure::usage(error.to_string()))?,
    };
    let bytes = files::read(&arguments.file)?;
    let content = if arguments.in_toto { Content::Statement(&bytes) } else { Content::Bytes(&bytes) };
    let bundle = keyless::sign(&services, &arguments.identity_token, content)?;
    super::super::output::save(&arguments.bundle, &String::from_utf8_lossy(&bundle))?;
    Ok(Exit::Pass)
}
