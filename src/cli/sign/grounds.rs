//! Whom to believe, from what the user names: a trust policy, a trust kit, trust roots.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::model::Digest;
use crate::sign::trust_kit::TrustKit;
use crate::sign::trust_policy::TrustPolicy;
use crate::sign::{RootKind, SigstoreTrust, TrustRoot, Trusts};

use super::super::{Failure, now};
use super::{files, verify};

/// A trust kit.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct KitArguments {
    /// Trust the roots, the policy and the keys in this trust kit; its bundles count too. See `imgguard trust kit`.
    #[arg(long, value_name = "FILE", conflicts_with = "trusted_root")]
    pub trust_kit: Option<PathBuf>,
    /// Use the trust kit only when it has this digest.
    #[arg(long, value_name = "DIGEST", requires = "trust_kit")]
    trust_kit_digest: Option<Digest>,
}

impl KitArguments {
    /// Reads the kit.
    pub fn read(&self) -> Result<Option<TrustKit>, Failure> {
        let Some(path) = &self.trust_kit else { return Ok(None) };
        let kit = read_kit(path)?;
        if self.trust_kit_digest.as_ref().is_some_and(|wanted| wanted != kit.digest()) {
            return Err(Failure::usage(format!("`{}` is another trust kit: it is {}", path.display(), kit.digest())));
        }
        Ok(Some(kit))
    }
}

/// Reads a kit.
pub(super) fn read_kit(path: &Path) -> Result<TrustKit, Failure> {
    TrustKit::read(&files::read(path)?, now())
        .map_err(|error| Failure::usage(format!("`{}` is no trust kit that can be used: {error}", path.display())))
}

/// What bundles are judged with.
pub(super) fn trusts<'a>(roots: impl IntoIterator<Item = &'a TrustRoot>) -> Result<Trusts, Failure> {
    let open = |root| {
        SigstoreTrust::new(root, now())
            .map_err(|error| Failure::usage(format!("the trust root cannot be used: {error}")))
    };
    roots.into_iter().map(open).collect::<Result<_, _>>().map(Trusts)
}

/// The roots that count: those of the kit, or the one that is named, installed or embedded.
pub(super) fn roots(kit: Option<&TrustKit>, file: Option<&Path>, github: bool) -> Result<Vec<TrustRoot>, Failure> {
    if let Some(kit) = kit {
        return Ok(kit.roots().to_vec());
    }
    let mut roots = vec![files::trust_root(file, RootKind::Production)?];
    if github && file.is_none() {
        roots.push(files::trust_root(None, RootKind::GitHub)?);
    }
    Ok(roots)
}

/// The policy that is named, or that of the kit.
pub(super) fn policy(kit: Option<&TrustKit>, file: Option<&Path>) -> Result<Option<TrustPolicy>, Failure> {
    match file {
        Some(path) => verify::read_policy(path).map(Some),
        None => Ok(kit.and_then(TrustKit::policy).cloned()),
    }
}
