//! The lists of referrers as they are, and the index behind the fallback tag made right.
//!
//! Clients leave entries without artifact type or annotations, which others go by; lose each other's entries; and leave entries of
//! what was deleted.

use serde_json::Value;

use crate::model::Digest;
use crate::oci::{Descriptor, FetchError};

use super::manifest::Target;
use super::push::ManifestToPush;
use super::referrers::{Fallback, SelfDescription, entry_of, set_entry};
use super::send::Repository;

/// The lists of what refers to a manifest, as they are: nothing in them is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferrerLists {
    /// The list of the registry's API, or of a layout; none when the registry has no API.
    pub api: Option<Vec<Descriptor>>,
    /// The list behind the fallback tag; none when there is none.
    pub fallback: Option<Vec<Descriptor>>,
}

/// What was, or would be, changed in the index behind the fallback tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// Entries that lacked artifact type or annotations, or said something else than their manifest.
    pub completed: Vec<Digest>,
    /// Entries of manifests that are gone.
    pub removed: Vec<Digest>,
    /// Referrers that were not listed.
    pub added: Vec<Digest>,
    /// Why entries were left as they are: sentence fragments.
    pub left: Vec<String>,
}

impl Repair {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.completed.is_empty() && self.removed.is_empty() && self.added.is_empty()
    }
}

/// What to do with the entries of an index.
#[derive(Default)]
struct Changes {
    entries: Vec<(Digest, Value)>,
    gone: Vec<Digest>,
}

impl Changes {
    fn apply(&self, entries: &mut Vec<Value>) -> bool {
        let before = entries.len();
        let is_gone = |entry: &Value| {
            let digest = entry.get("digest").and_then(Value::as_str).unwrap_or_default();
            self.gone.iter().any(|gone| gone.to_string() == digest)
        };
        entries.retain(|entry| !is_gone(entry));
        let mut changed = entries.len() != before;
        for (digest, wanted) in &self.entries {
            changed |= set_entry(entries, digest, wanted);
        }
        changed
    }
}

impl Repository {
    /// The lists as they are.
    ///
    /// # Errors
    /// [`FetchError`]; also when the fallback tag is taken by something else and is the only list.
    pub(super) async fn referrer_lists(&self, subject: &Digest) -> Result<ReferrerLists, FetchError> {
        let api = self.api_list(subject).await?;
        let fallback = match self.fallback(subject).await? {
            Fallback::None => None,
            Fallback::Index { manifests, .. } => Some(manifests),
            Fallback::Wrong(_) if api.is_some() => None,
            Fallback::Wrong(why) => {
                return Err(FetchError::Damaged { what: format!("`{}@{subject}`", self.name), why });
            }
        };
        Ok(ReferrerLists { api, fallback })
    }

    /// Makes the index behind the fallback tag right, and lists the manifests of `add` in it; tells what that changes. With `write`
    /// unset nothing is written.
    ///
    /// # Errors
    /// [`FetchError`]; nothing is written after a failed read.
    pub(super) async fn repair(&self, subject: &Digest, add: &[Digest], write: bool) -> Result<Repair, FetchError> {
        let (manifests, document) = match self.fallback(subject).await? {
            Fallback::None => (Vec::new(), Value::Null),
            Fallback::Index { manifests, document, .. } => (manifests, document),
            Fallback::Wrong(why) => {
                return Err(FetchError::Refused { what: format!("a list for `{}@{subject}`", self.name), why });
            }
        };
        let current = document.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut repair = Repair::default();
        let mut changes = Changes::default();
        let listed: Vec<&Digest> = manifests.iter().map(|entry| &entry.digest).collect();
        let unlisted = add.iter().filter(|digest| !listed.contains(digest));
        for (digest, is_new) in
            listed.iter().map(|digest| (*digest, false)).chain(unlisted.map(|digest| (digest, true)))
        {
            match self.right_entry(subject, digest).await? {
                Ok(entry) if is_new => {
                    repair.added.push(digest.clone());
                    changes.entries.push((digest.clone(), entry));
                }
                Ok(entry) => {
                    if set_entry(&mut current.clone(), digest, &entry) {
                        repair.completed.push(digest.clone());
                        changes.entries.push((digest.clone(), entry));
                    }
                }
                Err(None) if is_new => repair.left.push(format!("{digest} is not there")),
                Err(None) => {
                    repair.removed.push(digest.clone());
                    changes.gone.push(digest.clone());
                }
                Err(Some(why)) => repair.left.push(why),
            }
        }
        if write && !repair.is_empty() {
            self.change_fallback(subject, |entries| changes.apply(entries)).await?;
        }
        Ok(repair)
    }

    /// The entry that a referrer should have; none when it is gone, a sentence fragment when it is not one.
    async fn right_entry(
        &self,
        subject: &Digest,
        digest: &Digest,
    ) -> Result<Result<Value, Option<String>>, FetchError> {
        let manifest = match self.manifest(&Target::Digest(digest.clone())).await {
            Ok(manifest) => manifest,
            Err(FetchError::NotFound { .. }) => return Ok(Err(None)),
            Err(FetchError::Damaged { why, .. }) => return Ok(Err(Some(format!("{digest} is damaged: {why}")))),
            Err(error) => return Err(error),
        };
        let described = match SelfDescription::read(&manifest.bytes, &manifest.media_type) {
            Ok(described) => described,
            Err(why) => return Ok(Err(Some(format!("{digest} cannot be read: {why}")))),
        };
        if described.subject.as_ref() != Some(subject) {
            return Ok(Err(Some(format!("{digest} does not refer to {subject}"))));
        }
        let put = ManifestToPush::from(&manifest);
        Ok(Ok(entry_of(&put, described.artifact_type.as_deref(), &described.annotations)))
    }
}
