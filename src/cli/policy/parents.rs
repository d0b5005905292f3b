//! Where the parents of a policy come from: files beside it, and bundles in a layout folder or a registry.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::evidence::{Store, collect};
use crate::model::Digest;
use crate::oci::{FetchError, Reference};
use crate::policy::{Bundle, BundleSigner, ParentError, Parents, WantedBundle};
use crate::registry::{Client, ReadRepository as _, Target};
use crate::sign::evidence::{Conditions, Requirement, answer, examine};
use crate::sign::trust_policy::SignerSpec;
use crate::sign::verify::{Grounds, SignerRule};
use crate::sign::{Reason, Standing};
use crate::source::LayoutRepository;

use super::super::connection::ConnectionArguments;
use super::super::sign::gate::{public_key, trust_of};
use super::super::{Exit, Failure, now};
use super::bundle;

/// The folder of bundles, beside the policy file.
const FOLDER: &str = "imgguard-bundles";

/// Where policy bundles come from, and who vouches for them.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct ParentArguments {
    /// Policy bundles whose entry in `extends` names no signer must be signed with this public key; repeatable: one of
    /// them is enough.
    #[arg(long = "policy-key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Read policy bundles from this OCI layout and from nowhere else. Unless given, `imgguard-bundles` beside the policy
    /// file is looked at before the registry.
    #[arg(long = "policy-bundles", value_name = "DIR")]
    bundles: Option<PathBuf>,
    /// Judge signatures of policy bundles by the authorities and logs in this file.
    #[arg(long = "policy-root", value_name = "FILE")]
    root: Option<PathBuf>,
}

impl ParentArguments {
    /// The same as words of a command line.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |name: &str, path: &Path| words.extend([name.to_owned(), path.to_string_lossy().into_owned()]);
        self.keys.iter().for_each(|path| add("--policy-key", path));
        self.bundles.iter().for_each(|path| add("--policy-bundles", path));
        self.root.iter().for_each(|path| add("--policy-root", path));
        words
    }
}

/// Reads parents.
pub(super) struct Sources<'a> {
    /// The folder of the policy file.
    folder: PathBuf,
    arguments: &'a ParentArguments,
    connection: ConnectionArguments,
    client: Option<Client>,
    /// Parents that nobody could ask for: a retry may help.
    pub unreachable: usize,
    /// Files that were read, by path: what a bundle of this policy has to hold.
    pub files: Vec<(String, String)>,
}

impl<'a> Sources<'a> {
    pub fn new(folder: &Path, arguments: &'a ParentArguments, connection: Option<&ConnectionArguments>) -> Self {
        // An account is the one of the image's registry: another one is never told of it.
        let connection = connection.map(ConnectionArguments::without_account).unwrap_or_default();
        Self { folder: folder.to_owned(), arguments, connection, client: None, unreachable: 0, files: Vec::new() }
    }

    fn failed(&mut self, failure: Failure) -> ParentError {
        if failure.exit == Exit::Infrastructure {
            self.unreachable += 1;
            let hint = "try again, or fetch it once with `imgguard policy pull`".to_owned();
            return ParentError { message: failure.message, hint: Some(hint) };
        }
        ParentError { message: failure.message, hint: failure.hint }
    }

    fn client(&mut self) -> Result<Client, Failure> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = Client::new(self.connection.options()?)?;
        self.client = Some(client.clone());
        Ok(client)
    }

    /// Finds a bundle: in the folder of bundles, else in its registry.
    fn store(&mut self, wanted: &WantedBundle) -> Result<Store<'static>, Failure> {
        let only = self.arguments.bundles.clone();
        let folder = only.clone().unwrap_or_else(|| self.folder.join(FOLDER));
        match stored(&folder, &wanted.digest) {
            Ok(store) => return Ok(store),
            Err(FetchError::NotFound { .. }) if only.is_none() => {}
            Err(FetchError::NotFound { .. }) => {
                let message = format!("it is not in `{}`", folder.display());
                return Err(Failure::usage(message).with_hint("fetch it with `imgguard policy pull`"));
            }
            Err(error) => return Err(error.into()),
        }
        let reference: Reference = wanted.repository.parse()?;
        let reference = Reference { tag: None, digest: Some(wanted.digest.clone()), ..reference };
        Ok(Store::registry(&self.client()?, &reference)?)
    }

    fn read(&mut self, wanted: &WantedBundle) -> Result<Bundle, Failure> {
        let mut keys = Vec::new();
        let mut named = None;
        match &wanted.signer {
            BundleSigner::Nobody => {}
            BundleSigner::Known(spec) => named = Some((**spec).clone()),
            BundleSigner::InFile(spec, text, name) => {
                let mut spec = (**spec).clone();
                spec.take_file(text.as_bytes(), now())
                    .map_err(|error| Failure::usage(format!("`{name}` cannot be used: {error}")))?;
                named = Some(spec);
            }
            BundleSigner::Unsaid => {
                for path in &self.arguments.keys {
                    keys.push(public_key(path)?);
                }
            }
        }
        let mut rules: Vec<SignerRule<'_>> = keys.iter().map(SignerRule::Key).collect();
        rules.extend(named.as_ref().and_then(SignerSpec::rule));
        if rules.is_empty() && !matches!(wanted.signer, BundleSigner::Nobody) {
            return Err(Failure::usage("nobody is named whose signature on it counts").with_hint(
                "write `{ from: \"oci://…\", key: ./policy.pub }`, give --policy-key, or write `signature: none` to go by the digest alone",
            ));
        }
        let (from, until) = named.as_ref().map_or((None, None), |spec| (spec.from, spec.until));
        let store = self.store(wanted)?;
        if !rules.is_empty() {
            let conditions = Conditions { now: now(), from, until, ..Conditions::default() };
            verify(&store, &wanted.digest, &rules, &conditions, self.arguments.root.as_deref())?;
        }
        bundle::read(&store)
    }
}

/// A bundle in a layout folder.
fn stored(folder: &Path, digest: &Digest) -> Result<Store<'static>, FetchError> {
    let repository = LayoutRepository::new(&folder.to_string_lossy());
    let root = repository.manifest(&Target::Digest(digest.clone()))?;
    let name = repository.name();
    Ok(Store::of(Box::new(repository), name, root))
}

/// Whether one of the signers has signed the bundle.
pub(super) fn verify(
    store: &Store<'_>,
    digest: &Digest,
    rules: &[SignerRule<'_>],
    conditions: &Conditions,
    root: Option<&Path>,
) -> Result<(), Failure> {
    let trust = trust_of(root)?;
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let listing = collect(store, digest);
    let examined = examine(&listing, digest, rules, &grounds);
    let answer = answer(&examined, &listing.gaps, digest, &Requirement::Signature, conditions);
    match (answer.reason, answer.reason.standing()) {
        (Reason::Verified, _) => Ok(()),
        (reason, standing) => Err(Failure {
            exit: if standing == Standing::Unreachable { Exit::Infrastructure } else { Exit::Usage },
            message: format!("its signature is not good ({}): {}", reason.code(), answer.detail),
            hint: None,
        }),
    }
}

impl Parents for Sources<'_> {
    fn file(&mut self, path: &str) -> Result<String, ParentError> {
        let text = super::read(&self.folder.join(path)).map_err(|error| ParentError::from(error.to_string()))?;
        self.files.push((path.to_owned(), text.clone()));
        Ok(text)
    }

    fn bundle(&mut self, wanted: &WantedBundle) -> Result<Bundle, ParentError> {
        self.read(wanted).map_err(|failure| self.failed(failure))
    }
}
