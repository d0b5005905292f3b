//! Everything that is kept about one digest, in every place and form. An error is a gap, never "nothing there".

use std::collections::BTreeSet;

use crate::model::Digest;
use crate::oci::{Descriptor, Document, FetchError, Manifest, parse_document};
use crate::registry::{FoundBy, ManifestBytes};
use crate::sign::evidence::{Found, FoundContent, Listing, Place};
use crate::sign::{MAX_BUNDLE, Reason, ReferrerKind, Rejection, legacy_tag, read_referrer};

use super::Store;

/// Bytes of all evidence about one digest.
const MAX_TOTAL: u64 = 256 << 20;

/// Collects what is kept about a digest: referrers, the fallback tag, the tags of cosign 1 and 2.
#[must_use]
pub fn collect(store: &Store<'_>, subject: &Digest) -> Listing {
    let mut collector = Collector {
        store,
        subject,
        listing: Listing::default(),
        seen: BTreeSet::new(),
        left: MAX_TOTAL,
        manifest: None,
    };
    match store.referrers(subject) {
        Ok(referrers) => {
            for referrer in referrers.found {
                let place = match referrer.found_by {
                    FoundBy::FallbackTag => Place::FallbackTag,
                    FoundBy::Api | FoundBy::Layout => Place::Referrer,
                };
                collector.manifest(&referrer.manifest, place);
            }
            let lost = referrers.lost.into_iter().map(|detail| Rejection::new(Reason::Damaged, detail));
            collector.listing.gaps.extend(lost);
        }
        Err(error) => collector.gap("the list of referrers", &error),
    }
    collector.legacy("sig", Place::SignatureTag);
    collector.legacy("att", Place::AttestationTag);
    collector.listing
}

struct Collector<'a> {
    store: &'a Store<'a>,
    subject: &'a Digest,
    listing: Listing,
    seen: BTreeSet<Digest>,
    left: u64,
    manifest: Option<Digest>,
}

/// The reason that an error of fetching is.
fn reason_of(error: &FetchError) -> Reason {
    match error {
        // So the bounds of lists and of their entries are told.
        FetchError::Damaged { why, .. } if why.contains("more than") => Reason::Limit,
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
        self.listing.found.push(Found { digest: digest.clone(), manifest: self.manifest.clone(), place, content });
    }

    /// Every manifest speaks for itself: what a list says of it is not believed.
    fn manifest(&mut self, stored: &ManifestBytes, place: Place) {
        match parse_document(&stored.bytes, &[&stored.media_type]) {
            Ok(Document::Manifest(manifest)) => {
                if manifest.subject.as_ref().is_some_and(|subject| subject.digest == *self.subject) {
                    self.read(stored, &manifest, place);
                }
            }
            // An index that refers to an image holds no evidence itself.
            Ok(Document::Index(_)) => {}
            Err(error) => self.unreadable(stored, place, &error.to_string()),
        }
    }

    /// It is there as its digest says, and is no manifest that anybody may read.
    fn unreadable(&mut self, stored: &ManifestBytes, place: Place, why: &str) {
        self.manifest = Some(stored.digest.clone());
        let rejection = Rejection::new(Reason::InvalidFormat, format!("the manifest cannot be read: {why}"));
        self.found(&stored.digest, place, FoundContent::Damaged(rejection));
    }

    fn read(&mut self, stored: &ManifestBytes, manifest: &Manifest, place: Place) {
        self.manifest = Some(stored.digest.clone());
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
            ReferrerKind::Notation(layer) => self.layer(&layer, place, |bytes, _| FoundContent::Notation(bytes)),
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
            Ok(Some(stored)) => match parse_document(&stored.bytes, &[&stored.media_type]) {
                Ok(Document::Manifest(manifest)) => self.read(&stored, &manifest, place),
                Ok(Document::Index(_)) => self.unreadable(&stored, place, "it is an index"),
                Err(error) => self.unreadable(&stored, place, &error.to_string()),
            },
            Err(error) => self.gap(&format!("the tag `{tag}`"), &error),
        }
    }
}
