//! Everything that is kept about one digest, in every place and form. An error is a gap, never "nothing there".

use std::collections::BTreeSet;

use crate::model::Digest;
use crate::oci::{Descriptor, Document, FetchError, Manifest, parse_document};
use crate::sign::evidence::{Found, FoundContent, Listing, Place};
use crate::sign::{MAX_BUNDLE, Reason, ReferrerKind, Rejection, legacy_tag, read_referrer};

use super::{Store, Stored};

/// Referrers of one digest that are looked at.
const MAX_REFERRERS: usize = 1_000;
/// Bytes of a referrer's manifest.
const MAX_MANIFEST: u64 = 4 << 20;
/// Bytes of all evidence about one digest.
const MAX_TOTAL: u64 = 256 << 20;

/// Collects what is kept about a digest: referrers, the fallback tag, the tags of cosign 1 and 2.
#[must_use]
pub fn collect(store: &dyn Store, subject: &Digest) -> Listing {
    let mut collector =
        Collector { store, subject, listing: Listing::default(), seen: BTreeSet::new(), left: MAX_TOTAL };
    match store.referrers(subject) {
        Ok(list) => collector.referrers(&list, Place::Referrer),
        Err(error) => collector.gap("the list of referrers", &error),
    }
    // Other clients keep the index under the tag even where the registry has a list of its own.
    collector.fallback();
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

    /// Opens every manifest: what a list says of them is not believed, and hides nothing.
    fn referrers(&mut self, list: &[Descriptor], place: Place) {
        for (at, descriptor) in list.iter().enumerate() {
            if at >= MAX_REFERRERS {
                self.limit(format!("more than {MAX_REFERRERS} manifests refer to {}", self.subject));
                return;
            }
            if !self.seen.insert(descriptor.digest.clone()) || descriptor.size > MAX_MANIFEST {
                continue;
            }
            match self.store.manifest(&descriptor.digest) {
                Ok(stored) => self.manifest(&stored, place),
                // What was pushed and deleted again is no evidence, and its absence hides none.
                Err(FetchError::NotFound { .. }) => {}
                Err(error) => self.gap(&format!("the referrer {}", descriptor.digest), &error),
            }
        }
    }

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

    /// The index that clients keep where the registry keeps none. Copying tools put other things under its tag.
    fn fallback(&mut self) {
        let name = self.subject.algorithm().name();
        let hex = self.subject.hex();
        let tag = format!("{}-{}", name.get(..32).unwrap_or(name), hex.get(..64).unwrap_or(hex));
        match self.store.tagged(&tag) {
            Ok(None) => {}
            Ok(Some(stored)) if stored.digest == *self.subject => {}
            Ok(Some(stored)) => {
                if let Ok(Document::Index(index)) = parse_document(&stored.bytes, &[&stored.media_type]) {
                    self.referrers(&index.manifests, Place::FallbackTag);
                }
            }
            Err(error) => self.gap(&format!("the tag `{tag}`"), &error),
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
