//! Signing and believing for promotions.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::model::Digest;
use crate::policy::Gate;
use crate::sign::trust_policy::TrustPolicy;
use crate::sign::verify::{Grounds, SignerRule, bundle};
use crate::sign::{Bundle, PublicKey, RootKind, SigstoreTrust};

use super::super::{Failure, now};
use super::files;
use super::signing::{Method, SignAsArguments};

/// Who signs what a promotion leaves behind, and whom it believes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SignerArguments {
    #[command(flatten)]
    sign_as: SignAsArguments,
    #[command(flatten)]
    root: RootArguments,
}

/// Which authorities count.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RootArguments {
    /// Trust the authorities and logs in this file.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
}

impl RootArguments {
    /// What bundles are judged with.
    pub fn trust(&self) -> Result<SigstoreTrust, Failure> {
        trust_of(self.trusted_root.as_deref())
    }
}

/// What bundles are judged with: the root in a file, or the embedded one.
pub(in crate::cli) fn trust_of(root: Option<&Path>) -> Result<SigstoreTrust, Failure> {
    let root = files::trust_root(root, RootKind::Production)?;
    SigstoreTrust::new(&root, now()).map_err(|error| Failure::usage(format!("the trust root cannot be used: {error}")))
}

impl SignerArguments {
    /// Whether it is said who signs.
    pub fn is_given(&self) -> bool {
        self.sign_as.is_given()
    }

    /// What bundles are judged with.
    pub fn trust(&self) -> Result<SigstoreTrust, Failure> {
        self.root.trust()
    }

    /// Opens the key, or reads the token.
    pub fn open(&self) -> Result<Signer, Failure> {
        if !self.is_given() {
            return Err(Failure::usage("nobody is there to sign what is left behind")
                .with_hint("give --key FILE or --identity-token FILE; --dry-run and --plan-out sign nothing"));
        }
        Ok(Signer(Method::open(&self.sign_as)?))
    }
}

/// Somebody who signs.
pub(in crate::cli) struct Signer(Method);

impl Signer {
    /// Signs a statement, and gives the bundle.
    pub fn sign(&self, statement: Vec<u8>) -> Result<Vec<u8>, Failure> {
        Ok(self.0.sign(statement)?.bundle)
    }

    fn public(&self) -> Option<&PublicKey> {
        self.0.public()
    }
}

/// Reads the key files that a gate names, beside the policy file.
pub(in crate::cli) fn read_keys(gate: &mut Gate, policy_file: Option<&Path>) -> Result<(), Failure> {
    let folder = policy_file.and_then(Path::parent).unwrap_or(Path::new(""));
    for signer in gate.trust.signers.values_mut() {
        files::read_signer(signer, folder)?;
    }
    Ok(())
}

/// A public key that a user names.
pub(in crate::cli) fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    files::public_key(path)
}

/// Writes bundles to a file: one as it is, several as lines.
pub(in crate::cli) fn save_bundles(path: &Path, bundles: &[Vec<u8>]) -> Result<(), Failure> {
    super::signing::save(Some(path), bundles)
}

/// Reads a file of at most 64 MiB.
pub(in crate::cli) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path)
}

/// Whose statements count: those of one's own key, of further keys, and of the signers of a gate.
pub(in crate::cli) struct Believers<'a> {
    pub own: Option<&'a Signer>,
    pub keys: &'a [PublicKey],
    pub signers: Option<&'a TrustPolicy>,
    pub trust: &'a SigstoreTrust,
}

impl Believers<'_> {
    /// Who signed a bundle about an image, when it is one of them.
    pub fn name(&self, bytes: &[u8], subject: &Digest) -> Option<String> {
        let found = Bundle::read(bytes).ok()?;
        let grounds = Grounds { trust: self.trust, ignore_log: false, p384_sha256: false };
        let counts = |rule: SignerRule<'_>| bundle(&found, subject, rule, &grounds).is_ok();
        for (name, spec) in self.signers.iter().flat_map(|policy| &policy.signers) {
            if spec.rule().is_some_and(counts) {
                return Some(name.clone());
            }
        }
        let own = self.own.and_then(Signer::public);
        let key = own.into_iter().chain(self.keys).find(|key| counts(SignerRule::Key(key)))?;
        Some(format!("key {}", key.digest().short()))
    }

    /// Whether a statement may be taken for one's own. Without a key of one's own there is nothing to compare with.
    pub fn is_own(&self, bytes: &[u8], subject: &Digest) -> Option<String> {
        match self.own {
            Some(own) if own.public().is_none() => Some("an identity".to_owned()),
            _ => self.name(bytes, subject),
        }
    }
}
