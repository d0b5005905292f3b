//! `imgguard sign`: the index and every child, each by its digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::evidence::{Store, attach_bundle, closure};
use crate::keyless::{self, Content, Services};
use crate::kms::{self, ServiceKey};
use crate::model::Digest;
use crate::oci::{Document, parse_document};
use crate::pkcs11::{self, TokenKey};
use crate::sign::evidence::Node;
use crate::sign::{
    BundleDraft, Envelope, IN_TOTO_TYPE, LegacyLayer, PublicKey, ReferrerDraft, SIGNATURE_TYPE, SigningKey,
    SimpleSigning, StatementDraft, legacy_tag, pae, with_layer,
};

use super::super::annotations::annotations;
use super::super::{Exit, Failure, SourceArguments, now, output};
use super::password::{PasswordArguments, protect_memory};
use super::{files, image, key, token};

/// Who signs: the same for all commands that sign.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SignAsArguments {
    /// Sign with this encrypted private key, with a key of a service, as `NAME://REF` for the plugin sigstore-kms-NAME, or with a key
    /// on a token, as `pkcs11:…`.
    #[arg(long, value_name = "FILE|NAME://REF|pkcs11:…", conflicts_with = "identity_token")]
    key: Option<String>,
    #[command(flatten)]
    password: PasswordArguments,
    /// Have the signature timestamped by the authority at this full URL (RFC 3161).
    #[arg(long, value_name = "URL", requires = "key")]
    tsa: Option<String>,
    /// Sign with the identity of the token in this file, or of the one that the pipeline offers (`ambient`).
    #[arg(long, value_name = "FILE|ambient")]
    identity_token: Option<PathBuf>,
    /// The certificate authority, log and timestamp authority to use with an identity token.
    #[arg(long, value_name = "FILE", requires = "identity_token")]
    signing_config: Option<PathBuf>,
    /// Agree that the identity and the digest are written into Sigstore's public log for ever.
    #[arg(long, requires = "identity_token")]
    yes: bool,
}

impl SignAsArguments {
    /// Whether it is said who signs.
    pub fn is_given(&self) -> bool {
        self.key.is_some() || self.identity_token.is_some()
    }
}

/// How to sign: the same for `sign` and `attest`.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct MethodArguments {
    #[command(flatten)]
    sign_as: SignAsArguments,
    /// Write the bundle to this file too; several bundles as JSON lines.
    #[arg(long, value_name = "FILE")]
    bundle_out: Option<PathBuf>,
    /// Store nothing beside the image.
    #[arg(long, requires = "bundle_out")]
    no_push: bool,
}

impl MethodArguments {
    /// Whether any of them was given.
    pub fn are_given(&self) -> bool {
        self.sign_as.is_given() || self.bundle_out.is_some()
    }

    /// Whether nothing is stored.
    pub fn no_push(&self) -> bool {
        self.no_push
    }

    /// Who signs.
    pub fn sign_as(&self) -> &SignAsArguments {
        &self.sign_as
    }

    /// Where bundles go too.
    pub fn bundle_out(&self) -> Option<&Path> {
        self.bundle_out.as_deref()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Compat {
    /// Bundles only.
    None,
    /// The tags `….sig` and `….att` of cosign 1 and 2 only.
    Legacy,
    /// Both.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recursive {
    /// The index and everything that it lists.
    All,
    /// The index only.
    Index,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SignArguments {
    /// Images: registry references, or layout folders as oci:DIR:TAG.
    #[arg(value_name = "REF", required = true)]
    images: Vec<String>,
    #[command(flatten)]
    method: MethodArguments,
    /// What of an index to sign.
    #[arg(long, value_enum, default_value_t = Recursive::All)]
    recursive: Recursive,
    /// Sign this annotation too, repeatable.
    #[arg(short, long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Bind the signature to a repository, and to a version when one is given behind a colon.
    #[arg(long, value_name = "REPOSITORY[:VERSION]")]
    bind: Option<String>,
    /// Write what older verifiers read too.
    #[arg(long, value_enum, default_value_t = Compat::None)]
    compat: Compat,
    #[command(flatten)]
    source: SourceArguments,
}

/// A way to sign, ready to be used.
pub(in crate::cli) enum Method {
    Key { key: Box<SigningKey>, tsa: Option<String> },
    Service { key: Box<ServiceKey>, tsa: Option<String> },
    Token { key: Box<TokenKey>, tsa: Option<String> },
    Identity { services: Box<Services>, token: zeroize::Zeroizing<String> },
}

/// A bundle that was made, and the envelope in it where a key signed.
pub(in crate::cli) struct Signed {
    pub bundle: Vec<u8>,
    pub envelope: Option<Envelope>,
}

impl Method {
    /// Opens the key, or reads the token.
    pub fn open(arguments: &SignAsArguments) -> Result<Self, Failure> {
        protect_memory();
        if let Some(text) = &arguments.key {
            let tsa = arguments.tsa.clone();
            if pkcs11::is_reference(text) {
                return Ok(Self::Token { key: Box::new(token::open(text)?), tsa });
            }
            if kms::is_reference(text) {
                return Ok(Self::Service { key: Box::new(ServiceKey::open(text)?), tsa });
            }
            return Ok(Self::Key { key: Box::new(key::open(Path::new(text), &arguments.password)?), tsa });
        }
        let Some(path) = arguments.identity_token.as_deref() else {
            return Err(Failure::usage("nobody is named who signs").with_hint("give --key or --identity-token"));
        };
        let services = match &arguments.signing_config {
            Some(path) => Services::read(&files::read(path)?)?,
            None if arguments.yes => Services::embedded(false)?,
            None => {
                return Err(Failure::usage(
                    "signing with an identity writes it and the digest into Sigstore's public log for ever",
                )
                .with_hint("agree with --yes, or name other services with --signing-config"));
            }
        };
        let token = if path == Path::new("ambient") {
            keyless::ambient_token()?
        } else {
            let text = String::from_utf8(files::read_or_stdin(path)?)
                .map_err(|_| Failure::usage(format!("`{}` is no identity token", path.display())))?;
            zeroize::Zeroizing::new(text)
        };
        Ok(Self::Identity { services: Box::new(services), token })
    }

    /// Whether a key signs, wherever it is.
    pub fn is_key(&self) -> bool {
        !matches!(self, Self::Identity { .. })
    }

    /// The public key, when it is one that signs.
    pub fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Key { key, .. } => Some(key.public()),
            Self::Service { key, .. } => Some(key.public()),
            Self::Token { key, .. } => Some(key.public()),
            Self::Identity { .. } => None,
        }
    }

    /// Whether signatures are timestamped by an authority.
    pub fn is_timestamped(&self) -> bool {
        matches!(
            self,
            Self::Key { tsa: Some(_), .. } | Self::Service { tsa: Some(_), .. } | Self::Token { tsa: Some(_), .. }
        )
    }

    /// Signs bytes as they are, with a key.
    fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Key { key, .. } => key.sign(bytes).map_err(|error| Failure::usage(error.to_string())),
            Self::Service { key, .. } => Ok(key.sign(bytes)?),
            Self::Token { key, .. } => Ok(key.sign(bytes)?),
            Self::Identity { .. } => Err(Failure::usage("an identity signs statements only")),
        }
    }

    /// Signs a statement.
    pub fn sign(&self, statement: Vec<u8>) -> Result<Signed, Failure> {
        let failed = |error: String| Failure::usage(format!("nothing was signed: {error}"));
        let (public, tsa) = match self {
            Self::Key { key, tsa } => (key.public(), tsa),
            Self::Service { key, tsa } => (key.public(), tsa),
            Self::Token { key, tsa } => (key.public(), tsa),
            Self::Identity { services, token } => {
                let bundle = keyless::sign(services, token, Content::Statement(&statement))?;
                return Ok(Signed { bundle, envelope: None });
            }
        };
        let signature = self.sign_bytes(&pae(IN_TOTO_TYPE, &statement))?;
        let envelope = Envelope::of(statement, signature);
        let mut draft = BundleDraft::new(envelope.clone(), public);
        if let Some(url) = tsa {
            let stamp = keyless::timestamp(url, draft.signature())?;
            draft = draft.with_timestamp(stamp);
        }
        let bundle = draft.to_bytes().map_err(|error| failed(error.to_string()))?;
        Ok(Signed { bundle, envelope: Some(envelope) })
    }
}

pub(in crate::cli) fn run(arguments: &SignArguments) -> Result<Exit, Failure> {
    let annotations = annotations(&arguments.annotation)?;
    let method = Method::open(arguments.method.sign_as())?;
    if arguments.compat != Compat::None && !method.is_key() {
        return Err(Failure::usage("--compat writes signatures with keys only"));
    }
    let mut bundles = Vec::new();
    for text in &arguments.images {
        let store = image::open(text, &arguments.source)?;
        let nodes = closure(&store)?;
        let signed = nodes.iter().filter(|node| node.parent.is_none() || arguments.recursive == Recursive::All);
        for node in signed {
            let (name, annotations) = bound(arguments.bind.as_deref(), &annotations)?;
            let draft = StatementDraft::signature(node.digest.clone(), name, annotations.clone());
            let signed = method.sign(draft.to_bytes())?;
            if !arguments.method.no_push {
                if arguments.compat != Compat::Legacy {
                    attach(&store, node, &signed.bundle, SIGNATURE_TYPE)?;
                }
                if arguments.compat != Compat::None {
                    sign_legacy(&store, &node.digest, &method, &annotations)?;
                }
            }
            output::print(&format!("signed {}@{}{}\n", store.name(), node.digest, platform(node)))?;
            bundles.push(signed.bundle);
        }
    }
    save(arguments.method.bundle_out.as_deref(), &bundles)?;
    Ok(Exit::Pass)
}

pub(super) fn platform(node: &Node) -> String {
    match &node.platform {
        Some(platform) if !node.is_statement => format!(" ({platform})"),
        Some(_) => " (statement of a builder)".to_owned(),
        None => String::new(),
    }
}

/// The name and the annotations of the subject that bind a signature to a repository and a version.
fn bound(
    bind: Option<&str>,
    annotations: &BTreeMap<String, String>,
) -> Result<(Option<String>, BTreeMap<String, String>), Failure> {
    let mut annotations = annotations.clone();
    let Some(text) = bind else { return Ok((None, annotations)) };
    let reference = text.parse::<crate::oci::Reference>()?;
    if reference.digest.is_some() {
        return Err(Failure::usage(format!("--bind names a repository and a version, and `{text}` has a digest")));
    }
    if let Some(version) = &reference.tag {
        annotations.insert("version".to_owned(), version.clone());
    }
    Ok((Some(reference.repository_name()), annotations))
}

/// Stores a bundle beside its subject.
pub(in crate::cli) fn attach(store: &Store, node: &Node, bundle: &[u8], predicate_type: &str) -> Result<(), Failure> {
    let created = jiff::Timestamp::from_second(now()).unwrap_or_default().to_string();
    let draft = ReferrerDraft {
        subject_type: &node.media_type,
        subject: &node.digest,
        subject_size: node.size,
        bundle,
        predicate_type,
        created: &created,
    };
    let manifest =
        draft.to_bytes().map_err(|error| Failure::usage(format!("the manifest cannot be written: {error}")))?;
    attach_bundle(store.repository(), bundle, &manifest)?;
    Ok(())
}

fn sign_legacy(
    store: &Store,
    digest: &Digest,
    method: &Method,
    annotations: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let payload =
        SimpleSigning { repository: store.name().to_owned(), digest: digest.clone(), annotations: annotations.clone() };
    let bytes = payload.to_bytes();
    let signature = method.sign_bytes(&bytes)?;
    append(store, &legacy_tag(digest, "sig"), &LegacyLayer::signature(bytes, &signature))
}

/// Adds a layer to the manifest under a tag of cosign 1 and 2.
pub(super) fn append(store: &Store, tag: &str, layer: &LegacyLayer) -> Result<(), Failure> {
    let existing = match store.tagged(tag)? {
        None => Vec::new(),
        Some(stored) => match parse_document(&stored.bytes, &[&stored.media_type]) {
            Ok(Document::Manifest(manifest)) => manifest.layers,
            _ => return Err(Failure::usage(format!("the tag `{tag}` is taken by something that holds no signatures"))),
        },
    };
    let (manifest, config) = with_layer(&existing, layer)
        .map_err(|error| Failure::usage(format!("the manifest cannot be written: {error}")))?;
    store.put_blob(layer.blob())?;
    store.put_blob(&config)?;
    store.put_tagged(tag, &manifest)?;
    Ok(())
}

/// Writes the bundles to a file: one as it is, several as lines.
pub(super) fn save(path: Option<&Path>, bundles: &[Vec<u8>]) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let text = match bundles {
        [only] => String::from_utf8_lossy(only).into_owned(),
        several => several.iter().map(|bundle| String::from_utf8_lossy(bundle).into_owned() + "\n").collect(),
    };
    output::save(path, &text)
}
