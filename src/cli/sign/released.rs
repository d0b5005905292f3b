//! What a release carries with it: signatures of its index and every image, and bills of materials; all there before any tag is.

use clap::Args;

use crate::evidence::{Store, closure};
use crate::model::Digest;
use crate::promote::history::statements;
use crate::sign::evidence::Node;
use crate::sign::{Bundle, Content, IN_TOTO_TYPE, SIGNATURE_TYPE, StatementDraft, pae};

use super::super::{Exit, Failure};
use super::signing::{Method, MethodArguments, attach, save};

/// Formats of bills of materials that can be attested.
const BILLS: [&str; 3] = ["cyclonedx-json", "spdx-json", "spdx-3-json"];

/// What a release is to carry.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct EvidenceArguments {
    /// Attest a bill of materials of every image and of the index, in this format; repeatable. Needs a key or an identity.
    #[arg(long, value_name = "FORMAT", value_parser = BILLS)]
    pub sbom: Vec<String>,
    #[command(flatten)]
    method: MethodArguments,
}

impl EvidenceArguments {
    /// Opens the key or reads the token; none when the release carries nothing.
    pub fn open(&self) -> Result<Option<Method>, Failure> {
        if self.method.no_push() {
            return Err(Failure::usage(
                "--no-push keeps signatures out of the registry, and a release puts them there",
            ));
        }
        if !self.method.are_given() {
            return match self.sbom.first() {
                None => Ok(None),
                Some(_) => Err(Failure::usage("a bill of materials is attested, and nobody is named who signs it")
                    .with_hint("give --key or --identity-token")),
            };
        }
        Method::open(self.method.sign_as()).map(Some)
    }

    /// Writes the bundles to the file that was asked for.
    pub fn save(&self, carried: &Carried) -> Result<(), Failure> {
        save(self.method.bundle_out(), &carried.bundles)
    }
}

/// A statement about one manifest of the release.
pub(in crate::cli) struct Bill {
    /// What it is about.
    pub subject: Digest,
    /// Its predicate type.
    pub kind: &'static str,
    /// The predicate, JSON.
    pub predicate: String,
}

/// What a release carries.
#[derive(Debug, Default)]
pub(in crate::cli) struct Carried {
    /// Manifests that are signed.
    pub signatures: usize,
    /// Bills of materials that are attested.
    pub bills: usize,
    /// Of both, those that were there already.
    pub found: usize,
    bundles: Vec<Vec<u8>>,
}

/// Signs every manifest of the image and attests its bills. `fresh` sees the same image through a client that remembers nothing:
/// what it cannot find again does not count.
pub(in crate::cli) fn carry(method: &Method, bills: &[Bill], store: &Store, fresh: &Store) -> Result<Carried, Failure> {
    let nodes = closure(store)?;
    let mut drafts = Vec::new();
    for node in &nodes {
        let draft = StatementDraft::signature(node.digest.clone(), None, std::collections::BTreeMap::new());
        drafts.push((node, SIGNATURE_TYPE, draft.to_bytes()));
    }
    let mut carried = Carried { signatures: nodes.len(), bills: bills.len(), ..Carried::default() };
    for bill in bills {
        let node = nodes.iter().find(|node| node.digest == bill.subject).ok_or_else(|| {
            let message =
                format!("internal error: there is no {} that a bill of materials could be about", bill.subject);
            Failure { exit: Exit::Inconclusive, message, hint: None }
        })?;
        let draft = StatementDraft::attestation(node.digest.clone(), None, bill.kind, &bill.predicate)
            .map_err(|error| Failure::usage(format!("the bill of materials cannot be attested: {error}")))?;
        drafts.push((node, bill.kind, draft.to_bytes()));
    }
    for (node, kind, statement) in drafts {
        if let Some(bundle) = own(method, store, node, &statement)? {
            carried.found += 1;
            carried.bundles.push(bundle);
            continue;
        }
        let bundle = method.sign(statement)?.bundle;
        attach(store, node, &bundle, kind)?;
        if !statements(fresh.repository(), &node.digest)?.iter().any(|statement| statement.bundle == bundle) {
            let message = format!("the registry took a statement about {} and does not show it", node.digest);
            return Err(Failure { exit: Exit::Inconclusive, message, hint: Some("no tag was written".to_owned()) });
        }
        carried.bundles.push(bundle);
    }
    Ok(carried)
}

/// The bundle with this very statement that this key made earlier, for a release that is repeated. Who signs with an identity signs
/// anew: each signature is another certificate.
fn own(method: &Method, store: &Store, node: &Node, statement: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let Some(public) = method.public() else { return Ok(None) };
    let wanted = pae(IN_TOTO_TYPE, statement);
    for statement in statements(store.repository(), &node.digest)? {
        let Ok(bundle) = Bundle::read(&statement.bundle) else { continue };
        let is_own = match bundle.content() {
            Content::Envelope(envelope) => envelope.signed_bytes() == wanted && envelope.verify(public).is_ok(),
            Content::Message => false,
        };
        if is_own && (bundle.timestamps() > 0 || !method.is_timestamped()) {
            return Ok(Some(statement.bundle));
        }
    }
    Ok(None)
}
