//! Everything that is kept about one digest, in every place and form. An error is a gap, never "nothing there".

use std::collections::BTreeSet;

use crate::model::Digest;
use crate::oci::{Descriptor, Document, FetchError, Manifest, parse_document};
use crate::sign::evidence::{Found, FoundContent, Listing, Place};
use crate::sign::{MAX_BUNDLE, Reason, ReferrerKind, Rejection, legacy_tag, read_referrer};

use super::{Store, Stored};

/// Bytes of all evidence about one digest.
const MAX_TOTAL: u64 = 256 << 20;

/// Collects what is kept about a digest: referrers, the fallback tag, the tags of cosign 1 and 2.
#[must_use]
pub fn collect(store: &dyn Store, subject: &Digest) -> Listing {
    let mut collector =
        Collector { store, subject, listing: Listing::default(), seen: BTreeSet::new(), left: MAX_TOTAL };
    match store.referrers(subject) {
        Ok(found) => {
            for (stored, place) in found {
                collector.manifest(&stored, place);
            }
        }
        Err(error) => collector.gap("the list of referrers", &error),
    }
    collector.legacy("sig", Place::SignatureTag);
    collector.legacy("att", Place::AttestationTag);
    collector.listing
}

struct Collector<'a> {
    store: &'a dyn Store,
    subject: &'a Digest,
    listing: Listing,
    seen: BTreeSet<Digest>,
    left: u64,
}

/// The reason that an error of fetching is.
fn reason_of(error: &FetchError) -> Reason {
    match error {
        FetchError::Denied { .. } => Reason::Denied,
        FetchError::Unavailable { .. } | FetchError::Io { .. } => Reason::Unreachable,
        _ => Reason::Damaged,
    }
}

impl Collector<'_> {
    fn gap(&mut self, what: &str, error: &FetchError) {
        self.listing.gaps.push(Rejection::new(reason_of(error), format!("{what} could not be read: {error}")));
    }

    fn limit(&mut self, detail: String) {
        self.listing.gaps.push(Rejection::new(Reason::Limit, detail));
    }

    fn found(&mut self, digest: &Digest, place: Place, content: FoundContent) {
        self.listing.found.push(Found { digest: digest.clone(), place, content });
    }

    /// Every manifest speaks for itself: what a list says of it is not believed.
    fn manifest(&mut self, stored: &Stored, place: Place) {
        let Ok(Document::Manifest(manifest)) = parse_document(&stored.bytes, &[&stored.media_type]) else { return };
        if manifest.subject.as_ref().map(|subject| &subject.digest) != Some(self.subject) {
            return;
        }
        self.read(stored, &manifest, place);
    }

    fn read(&mut self, stored: &Stored, manifest: &Manifest, place: Place) {
        match read_referrer(manifest) {
            ReferrerKind::Bundle(layer) => self.layer(&layer, place, |bytes, _| FoundContent::Bundle(bytes)),
            ReferrerKind::Signatures(layers) => {
                for layer in layers {
                    self.layer(&layer, place, |payload, layer| FoundContent::Signature {
                        payload,
                        annotations: layer.annotations.clone(),
                    });
                }
            }
            ReferrerKind::Attestations(layers) => {
                for layer in layers {
                    self.layer(&layer, place, |blob, layer| FoundContent::Attestation {
                        blob,
                        annotations: layer.annotations.clone(),
                    });
                }
            }
            ReferrerKind::Unsupported(name) => self.found(&stored.digest, place, FoundContent::Unsupported(name)),
            ReferrerKind::Other => {}
        }
    }

    fn layer(&mut self, layer: &Descriptor, place: Place, make: impl FnOnce(Vec<u8>, &Descriptor) -> FoundContent) {
        // The same payload may be signed several times: annotations belong to it.
        let name = Digest::of(format!("{} {:?}", layer.digest, layer.annotations).as_bytes());
        if !self.seen.insert(name) {
            return;
        }
        if layer.size > MAX_BUNDLE as u64 {
            let detail = format!("it has {} bytes", layer.size);
            let damaged = FoundContent::Damaged(Rejection::new(Reason::InvalidSize, detail));
            return self.found(&layer.digest, place, damaged);
        }
        if layer.size > self.left {
            return self.limit(format!("there are more than {MAX_TOTAL} bytes of evidence about {}", self.subject));
        }
        self.left = self.left.saturating_sub(layer.size);
        match self.store.blob(layer, layer.size.min(MAX_BUNDLE as u64)) {
            Ok(bytes) => self.found(&layer.digest, place, make(bytes, layer)),
            Err(FetchError::NotFound { .. } | FetchError::Damaged { .. }) => {
                let detail = "its bytes are gone or differ from their digest";
                self.found(&layer.digest, place, FoundContent::Damaged(Rejection::new(Reason::InvalidFormat, detail)));
            }
            Err(error) => self.gap(&format!("the evidence {}", layer.digest), &error),
        }
    }

    fn legacy(&mut self, suffix: &str, place: Place) {
        let tag = legacy_tag(self.subject, suffix);
        match self.store.tagged(&tag) {
            Ok(None) => {}
            Ok(Some(stored)) => {
                if let Ok(Document::Manifest(manifest)) = parse_document(&stored.bytes, &[&stored.media_type]) {
                    self.read(&stored, &manifest, place);
                }
            }
            Err(error) => self.gap(&format!("the tag `{tag}`"), &error),
        }
    }
}
