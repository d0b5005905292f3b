//! What a repository tells of its promotions: the records that are kept beside the images, found by their anchors.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::evidence::read_blob;
use crate::model::Digest;
use crate::oci::{Document, FetchError, parse_document};
use crate::registry::{ReadRepository, Target};
use crate::sign::{Bundle, MAX_BUNDLE, ReferrerKind, read_referrer};

use super::record::{PROMOTION_TYPE, Record, is_anchor};

/// Promoted images of one repository.
const MAX_IMAGES: usize = 5_000;

/// Says who signed a bundle about an image, when its word counts.
pub type Believe<'a> = dyn Fn(&[u8], &Digest) -> Option<String> + 'a;

/// A statement as it was found. What it says is believed only together with its bundle.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Digest of the manifest that refers to the image.
    pub referrer: Digest,
    /// The bundle.
    pub bundle: Vec<u8>,
    /// The type.
    pub predicate_type: String,
    /// What it says.
    pub predicate: Value,
}

/// Reads the statements about an image. What cannot be read as one is passed over: it says nothing.
///
/// # Errors
/// [`FetchError`] whenever not all of them could be seen.
pub fn statements(repository: &dyn ReadRepository, subject: &Digest) -> Result<Vec<Statement>, FetchError> {
    let mut found = Vec::new();
    for referrer in repository.referrers(subject)?.found {
        let manifest = &referrer.manifest;
        let Ok(Document::Manifest(document)) = parse_document(&manifest.bytes, &[&manifest.media_type]) else {
            continue;
        };
        let ReferrerKind::Bundle(layer) = read_referrer(&document) else { continue };
        if layer.size > MAX_BUNDLE as u64 {
            continue;
        }
        let bytes = match read_blob(repository, &layer.digest, layer.size) {
            Ok(bytes) => bytes,
            Err(FetchError::NotFound { .. } | FetchError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Ok(bundle) = Bundle::read(&bytes) else { continue };
        let Some(statement) = bundle.claimed_statement() else { continue };
        if statement.subject(subject).is_err() {
            continue;
        }
        found.push(Statement {
            referrer: manifest.digest.clone(),
            predicate_type: statement.predicate_type().to_owned(),
            predicate: statement.predicate().clone(),
            bundle: bytes,
        });
    }
    Ok(found)
}

/// A promotion or a rollback that is on record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The image.
    pub digest: Digest,
    /// Digest of the manifest that holds the record.
    pub referrer: Digest,
    /// What it says.
    pub record: Record,
    /// Who signed it, when its word counts; none when nobody is trusted or somebody else signed.
    pub signer: Option<String>,
}

/// All that is on record, and where tags point.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// By time, the latest first.
    pub entries: Vec<Entry>,
    /// Where the tags that are on record point now.
    pub tags: BTreeMap<String, Digest>,
}

impl History {
    /// Reads the history of a repository.
    ///
    /// # Errors
    /// [`FetchError`] whenever not all of it could be seen.
    pub fn read(repository: &dyn ReadRepository, believe: &Believe<'_>) -> Result<Self, FetchError> {
        let name = repository.name();
        let tags = match repository.tags() {
            Ok(tags) => tags,
            Err(FetchError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let anchors: Vec<&String> = tags.iter().filter(|tag| is_anchor(tag)).collect();
        if anchors.len() > MAX_IMAGES {
            let why = format!("it has more than {MAX_IMAGES} promoted images");
            return Err(FetchError::Damaged { what: format!("the history of `{name}`"), why });
        }
        let mut history = Self::default();
        for anchor in anchors {
            let digest = match repository.manifest(&Target::Tag(anchor.clone())) {
                Ok(manifest) => manifest.digest,
                Err(FetchError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            for statement in statements(repository, &digest)? {
                if statement.predicate_type != PROMOTION_TYPE {
                    continue;
                }
                let Some(record) = Record::read(&statement.predicate).filter(|record| record.destination == name)
                else {
                    continue;
                };
                let signer = believe(&statement.bundle, &digest);
                history.entries.push(Entry { digest: digest.clone(), referrer: statement.referrer, record, signer });
            }
        }
        history
            .entries
            .sort_by(|one, other| (other.record.second(), &other.referrer).cmp(&(one.record.second(), &one.referrer)));
        let on_record = history.entries.iter().flat_map(|entry| &entry.record.tags).map(|moved| moved.tag.clone());
        let on_record: std::collections::BTreeSet<String> = on_record.collect();
        for tag in on_record.into_iter().filter(|tag| tags.contains(tag)) {
            if let Some(digest) = repository.tagged(&tag)? {
                history.tags.insert(tag, digest);
            }
        }
        Ok(history)
    }

    /// The same without what nobody that is trusted has signed.
    #[must_use]
    pub fn believed(mut self) -> Self {
        self.entries.retain(|entry| entry.signer.is_some());
        self
    }

    /// The tags of a record that still point at its image.
    pub fn live<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a str> {
        let tags = entry.record.tags.iter().map(|moved| moved.tag.as_str());
        tags.filter(|tag| self.tags.get(*tag) == Some(&entry.digest))
    }
}
