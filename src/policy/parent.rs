//! What a policy builds on: presets, files beside it, and bundles in registries that are pinned by a digest.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Digest;
use crate::sign::trust_policy::{SignerSpec, TrustPolicy};
use crate::yaml::{Member, Node, Span, YamlError};

/// Media type of a policy in a registry: of the artifact, and of every policy file in it.
pub const BUNDLE_TYPE: &str = "application/vnd.imgguard.policy.v1+yaml";
/// How the reference of a bundle starts.
pub(super) const SCHEME: &str = "oci://";

/// A bundle that is wanted, and who must have signed it.
#[derive(Debug, Clone)]
pub struct WantedBundle {
    /// The reference as written, without `oci://` and without the digest.
    pub repository: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Whose signature counts.
    pub signer: BundleSigner,
}

impl fmt::Display for WantedBundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}@{}", self.repository, self.digest)
    }
}

/// Whose signature a bundle needs.
#[derive(Debug, Clone)]
pub enum BundleSigner {
    /// This one's: an identity.
    Known(Box<SignerSpec>),
    /// This one's, whose key or certificates are in a file: its text and its name.
    InFile(Box<SignerSpec>, String, String),
    /// The entry names nobody: whoever runs the program has to.
    Unsaid,
    /// Nobody's: the digest alone counts.
    Nobody,
}

/// The files of a bundle that was read and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The file that `extends` means.
    pub entry: String,
    /// All files, by their paths in the bundle.
    pub files: BTreeMap<String, String>,
}

/// Why a parent is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentError {
    /// What went wrong: a lowercase fragment.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<String> for ParentError {
    fn from(message: String) -> Self {
        Self { message, hint: None }
    }
}

/// Where parents come from.
pub trait Parents {
    /// The text of a file, by its path relative to the directory of the first policy file.
    ///
    /// # Errors
    /// Why it could not be read.
    fn file(&mut self, path: &str) -> Result<String, ParentError>;

    /// The files of a bundle: fetched by its digest, and its signature verified before anything in it is read.
    ///
    /// # Errors
    /// Why it is not there, or does not count.
    fn bundle(&mut self, wanted: &WantedBundle) -> Result<Bundle, ParentError>;
}

/// Files alone, read by a function.
pub(super) struct Files<'a>(pub(super) &'a mut dyn FnMut(&str) -> Result<String, String>);

impl Parents for Files<'_> {
    fn file(&mut self, path: &str) -> Result<String, ParentError> {
        (self.0)(path).map_err(ParentError::from)
    }

    fn bundle(&mut self, _: &WantedBundle) -> Result<Bundle, ParentError> {
        Err("there is no registry here".to_owned().into())
    }
}

/// An element of `extends`.
#[derive(Debug, Clone)]
pub(super) enum Parent {
    /// A preset or a file.
    Named(String),
    /// A bundle; a key file is not read yet.
    Bundle { repository: String, digest: Digest, signer: Signer },
}

/// Whose signature an element of `extends` asks for.
#[derive(Debug, Clone)]
pub(super) enum Signer {
    Spec(Box<SignerSpec>),
    InFile(Box<SignerSpec>, String, Span),
    Unsaid,
    Nobody,
}

impl Parent {
    /// What names it, to find it twice in a list.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Named(name) => name.clone(),
            Self::Bundle { digest, .. } => digest.to_string(),
        }
    }

    /// Reads an element of `extends` that is text.
    pub(super) fn read(text: &str, span: Span) -> Result<Self, YamlError> {
        match text.strip_prefix(SCHEME) {
            None => Ok(Self::Named(text.to_owned())),
            Some(rest) => pinned(text, rest, span, Signer::Unsaid),
        }
    }

    /// Reads an element of `extends` that is a table: `from`, and a signer as a trust policy describes one or
    /// `signature: none`.
    pub(super) fn read_table(node: &Node) -> Result<Self, YamlError> {
        let members = node.table().unwrap_or_default();
        let missing = || {
            YamlError::new(node.span, "`from` is missing")
                .with_hint("write `{ from: \"oci://REPOSITORY@sha256:…\", key: ./policy.pub }`")
        };
        let from = &node.get("from").ok_or_else(missing)?.value;
        let rest = from.text().and_then(|text| text.strip_prefix(SCHEME)).ok_or_else(|| {
            YamlError::new(from.span, "only a bundle in a registry has a signer")
                .with_hint("write `oci://REPOSITORY@sha256:…`; presets and files stand in the list as they are")
        })?;
        let signer = signer(node, members)?;
        pinned(from.text().unwrap_or_default(), rest, from.span, signer)
    }
}

fn signer(node: &Node, members: &[Member]) -> Result<Signer, YamlError> {
    let others: Vec<Member> = members.iter().filter(|member| member.key != "from").cloned().collect();
    if let Some(member) = node.get("signature") {
        if member.value.text() != Some("none") {
            return Err(YamlError::new(member.value.span, "only `none` can stand here")
                .with_hint("name a signer with `key`, or with `identity` and `issuer`"));
        }
        return match others.iter().find(|member| member.key != "signature") {
            None => Ok(Signer::Nobody),
            Some(other) => {
                Err(YamlError::new(other.key_span, "a signer is named, and `signature: none` asks for nobody's"))
            }
        };
    }
    let Some(first) = others.first() else {
        return Ok(Signer::Unsaid);
    };
    let name = Member { key: "from".to_owned(), key_span: first.key_span, value: node_of(&others, node.span) };
    let mut policy = TrustPolicy::of(std::slice::from_ref(&name), &[])?;
    let Some(spec) = policy.signers.remove("from") else { return Ok(Signer::Unsaid) };
    let Some(file) = spec.file().map(str::to_owned) else { return Ok(Signer::Spec(Box::new(spec))) };
    let named = members.iter().find(|member| member.value.text() == Some(&file));
    let span = named.map_or(node.span, |member| member.value.span);
    Ok(Signer::InFile(Box::new(spec), file, span))
}

fn node_of(members: &[Member], span: Span) -> Node {
    Node { value: crate::yaml::Value::Table(members.to_vec()), span }
}

fn pinned(text: &str, rest: &str, span: Span, signer: Signer) -> Result<Parent, YamlError> {
    let Some((repository, digest)) = rest.rsplit_once('@') else {
        return Err(YamlError::new(span, format!("`{text}` is not pinned by a digest"))
            .with_hint("write `oci://REPOSITORY@sha256:…`; `imgguard policy pull` tells the digest behind a tag"));
    };
    let digest = digest
        .parse::<Digest>()
        .map_err(|error| YamlError::new(span, format!("`{text}` is not pinned by a digest: {error}")))?;
    if repository.is_empty() {
        return Err(YamlError::new(span, format!("`{text}` names no repository")));
    }
    Ok(Parent::Bundle { repository: repository.to_owned(), digest, signer })
}
