//! What refers to a manifest (OCI distribution-spec, "Listing Referrers", "Referrers Tag Schema").
//!
//! The list of the registry's API and the one behind the fallback tag are put together. What they list is a claim: every manifest is
//! fetched, and counts only when it names the subject itself. Only 404 means that there is no list.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::model::Digest;
use crate::oci::{Descriptor, Document, FetchError, media_types, parse_document, parse_strict};

use super::answer;
use super::manifest::{MAX_MANIFEST, ManifestBytes, Target, content_type, next_page};
use super::push::{ManifestToPush, PutAnswer};
use super::send::{Ask, Repository};

/// Pages of one list.
const MAX_PAGES: usize = 100;
/// Referrers of one subject. A thousand that anybody pushed do not hide the ones that count.
const MAX_REFERRERS: usize = 2000;
/// Bytes of all referrers of one subject.
const MAX_BYTES: usize = 64 << 20;
/// Attempts to get an entry into a fallback index that others write too.
const MAX_WRITES: usize = 4;

/// How a referrer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// By the registry's API.
    Api,
    /// By the fallback tag.
    FallbackTag,
    /// In the list of an OCI layout.
    Layout,
}

/// A manifest that refers to another one, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest.
    pub manifest: ManifestBytes,
    /// What it is: its `artifactType`, else the media type of its config.
    pub artifact_type: Option<String>,
    /// Its own annotations.
    pub annotations: BTreeMap<String, String>,
    /// How it was found first.
    pub found_by: FoundBy,
}

/// All that refers to one manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Referrers {
    /// Whether the registry has the API.
    pub api: bool,
    /// The digest of the index behind the fallback tag, when there is one.
    pub fallback: Option<Digest>,
    /// The referrers, by digest.
    pub found: Vec<Referrer>,
    /// What was listed and is none, or cannot be trusted: sentence fragments.
    pub problems: Vec<String>,
    /// What may be a referrer and could not be had: sentence fragments. Who asks whether there is one must not take this for none.
    pub lost: Vec<String>,
}

/// How the link from subject to referrer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// By the registry.
    Api,
    /// In the index behind the fallback tag.
    FallbackTag,
}

/// The tag behind which referrers are listed where the registry has no API: the digest with `-`, its digits cut to 64.
#[must_use]
pub fn fallback_tag(subject: &Digest) -> String {
    let hex: String = subject.hex().chars().take(64).collect();
    format!("{}-{hex}", subject.algorithm().name())
}

/// What a manifest says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfDescription {
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Its `artifactType`, else the media type of its config.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl SelfDescription {
    /// Reads a manifest or an index.
    ///
    /// # Errors
    /// A sentence fragment.
    pub fn read(bytes: &[u8], media_type: &str) -> Result<Self, String> {
        let (subject, artifact_type, config, annotations) =
            match parse_document(bytes, &[media_type]).map_err(|error| error.to_string())? {
                Document::Manifest(inner) => {
                    (inner.subject, inner.artifact_type, Some(inner.config.media_type), inner.annotations)
                }
                Document::Index(inner) => (inner.subject, inner.artifact_type, None, inner.annotations),
            };
        let artifact_type = artifact_type.filter(|text| !text.is_empty()).or(config);
        Ok(Self { subject: subject.map(|subject| subject.digest), artifact_type, annotations })
    }
}

/// A descriptor of a referrer for a fallback index: with artifact type and all annotations.
pub(super) fn entry_of(
    put: &ManifestToPush,
    artifact_type: Option<&str>,
    annotations: &BTreeMap<String, String>,
) -> Value {
    let mut entry = json!({ "mediaType": put.media_type, "digest": put.digest.to_string(), "size": put.bytes.len() });
    if let Some(artifact_type) = artifact_type {
        entry["artifactType"] = json!(artifact_type);
    }
    if !annotations.is_empty() {
        entry["annotations"] = json!(annotations);
    }
    entry
}

/// What is listed as a referrer and does not count.
pub(crate) struct Unfit {
    /// A sentence fragment.
    pub problem: String,
    /// Its bytes were seen: it is certain that it is no referrer.
    pub seen: bool,
}

impl Unfit {
    /// It is listed and not there.
    pub fn absent(digest: &Digest) -> Self {
        Self { problem: format!("{digest} is listed as a referrer and is not there"), seen: false }
    }

    /// It is listed and its bytes are not those of its digest, or cannot be read.
    pub fn damaged(digest: &Digest, why: &str) -> Self {
        Self { problem: format!("{digest} is listed as a referrer and is damaged: {why}"), seen: false }
    }
}

/// What stands behind a fallback tag.
pub(super) enum Fallback {
    None,
    Index { digest: Digest, document: Value, manifests: Vec<Descriptor> },
    Wrong(String),
}

impl Repository {
    /// The referrers of a manifest.
    ///
    /// # Errors
    /// [`FetchError`] whenever a list or an entry of it could not be had: then nothing is known.
    pub(super) async fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        let mut all = Referrers::default();
        let mut listed: Vec<(Descriptor, FoundBy)> = Vec::new();
        if let Some(entries) = self.api_list(subject).await? {
            all.api = true;
            listed.extend(entries.into_iter().map(|entry| (entry, FoundBy::Api)));
        }
        match self.fallback(subject).await? {
            Fallback::None => {}
            Fallback::Wrong(why) => {
                // Without the API, what stood there was the only list.
                if !all.api {
                    all.lost.push(why.clone());
                }
                all.problems.push(why);
            }
            Fallback::Index { digest, manifests, .. } => {
                all.fallback = Some(digest);
                listed.extend(manifests.into_iter().map(|entry| (entry, FoundBy::FallbackTag)));
            }
        }
        let mut seen = BTreeSet::new();
        listed.retain(|(entry, _)| seen.insert(entry.digest.clone()));
        if listed.len() > MAX_REFERRERS {
            let why = format!("it has more than {MAX_REFERRERS} referrers");
            return Err(FetchError::Damaged { what: format!("`{}@{subject}`", self.name), why });
        }
        let mut bytes = 0;
        for (entry, found_by) in listed {
            match self.referrer(subject, &entry, found_by).await? {
                Ok(referrer) => {
                    bytes += referrer.manifest.bytes.len();
                    all.found.push(referrer);
                }
                Err(Unfit { problem, seen }) => {
                    if !seen {
                        all.lost.push(problem.clone());
                    }
                    all.problems.push(problem);
                }
            }
            if bytes > MAX_BYTES {
                let why = format!("its referrers have more than {MAX_BYTES} bytes");
                return Err(FetchError::Damaged { what: format!("`{}@{subject}`", self.name), why });
            }
        }
        all.found.sort_by(|one, other| one.manifest.digest.cmp(&other.manifest.digest));
        all.problems.sort();
        all.lost.sort();
        Ok(all)
    }

    /// Fetches what is listed and looks whether it is a referrer.
    async fn referrer(
        &self,
        subject: &Digest,
        entry: &Descriptor,
        found_by: FoundBy,
    ) -> Result<Result<Referrer, Unfit>, FetchError> {
        let manifest = match self.manifest(&Target::Digest(entry.digest.clone())).await {
            Ok(manifest) => manifest,
            Err(FetchError::NotFound { .. }) => return Ok(Err(Unfit::absent(&entry.digest))),
            Err(FetchError::Damaged { why, .. }) => return Ok(Err(Unfit::damaged(&entry.digest, &why))),
            Err(error) => return Err(error),
        };
        Ok(check_referrer(subject, manifest, found_by).map_err(|problem| Unfit { problem, seen: true }))
    }

    /// The list of the API; none when the registry has no API.
    pub(super) async fn api_list(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, FetchError> {
        let what = format!("the referrers of `{}@{subject}`", self.name);
        let damaged = |why: String| FetchError::Damaged { what: what.clone(), why };
        let first = self.url(&format!("referrers/{subject}"))?;
        let mut url = first.clone();
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            if !seen.insert(url.to_string()) || seen.len() > MAX_PAGES {
                return Err(damaged(format!("there are more than {MAX_PAGES} pages, or a page leads back")));
            }
            let ask = Ask { accept: Some(media_types::OCI_INDEX), ..Ask::get(url.clone(), &what) };
            let Some((headers, body)) = self.page(&ask).await? else {
                if entries.is_empty() && seen.len() == 1 {
                    return Ok(None);
                }
                return Err(damaged("a page of the list is not there".to_owned()));
            };
            let media_type = content_type(&headers);
            if media_type != media_types::OCI_INDEX {
                return Err(damaged(format!("the list is of the type `{}`", media_type.escape_debug())));
            }
            match parse_document(&body, &[]).map_err(|error| damaged(error.to_string()))? {
                Document::Index(index) => entries.extend(index.manifests),
                Document::Manifest(_) => return Err(damaged("the list is a manifest".to_owned())),
            }
            if entries.len() > MAX_REFERRERS {
                return Err(damaged(format!("there are more than {MAX_REFERRERS}")));
            }
            let Some(next) = next_page(&headers).map_err(|why| damaged(why.to_owned()))? else { break };
            url = url.join(&next).map_err(|_| damaged("the address of the next page is not one".to_owned()))?;
            if !self.host.is_own(&url) || url.path() != first.path() {
                return Err(damaged("the next page is not a page of this list".to_owned()));
            }
        }
        Ok(Some(entries))
    }

    /// One page; none for the answers of registries that do not know the API.
    async fn page(&self, ask: &Ask<'_>) -> Result<Option<(reqwest::header::HeaderMap, Vec<u8>)>, FetchError> {
        let mut attempts = self.attempts(ask.what);
        loop {
            let work = async {
                let response = self.exchange(ask).await?;
                match response.status() {
                    StatusCode::OK => {
                        let headers = response.headers().clone();
                        Ok(Some((headers, answer::body(response, MAX_MANIFEST, ask.what).await?)))
                    }
                    StatusCode::NOT_FOUND
                    | StatusCode::BAD_REQUEST
                    | StatusCode::NOT_ACCEPTABLE
                    | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
                    _ => Err(self.failure(response, ask).await),
                }
            };
            let done = tokio::time::timeout(self.host.timeouts.small, work).await;
            match done.unwrap_or_else(|_| Err(super::retry::Failure::again("the registry took too long"))) {
                Ok(page) => return Ok(page),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    pub(super) async fn fallback(&self, subject: &Digest) -> Result<Fallback, FetchError> {
        let tag = fallback_tag(subject);
        let wrong = |why: String| Fallback::Wrong(format!("the fallback tag `{tag}` {why}"));
        let found = match self.manifest(&Target::Tag(tag.clone())).await {
            Ok(found) => found,
            Err(FetchError::NotFound { .. }) => return Ok(Fallback::None),
            Err(error) => return Err(error),
        };
        // Some tools give a copied image this very tag.
        if found.digest == *subject || Digest::of(&found.bytes) == *subject {
            return Ok(wrong("points at the subject itself".to_owned()));
        }
        let document = match parse_document(&found.bytes, &[&found.media_type]) {
            Ok(document) => document,
            Err(error) => return Ok(wrong(format!("points at something that is no index: {error}"))),
        };
        match (document, parse_strict(&found.bytes)) {
            (Document::Index(index), Ok(document)) if index.media_type == media_types::OCI_INDEX => {
                Ok(Fallback::Index { digest: found.digest, document, manifests: index.manifests })
            }
            _ => Ok(wrong("points at something that is no OCI index".to_owned())),
        }
    }

    /// Writes a referrer and sees to it that it is found from its subject.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when the fallback tag is taken by something else.
    pub(super) async fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        let no_referrer = |why: &str| FetchError::Usage(format!("{} is no referrer: {why}", put.digest));
        let described = SelfDescription::read(&put.bytes, &put.media_type).map_err(|why| no_referrer(&why))?;
        let subject = described.subject.ok_or_else(|| no_referrer("it names no subject"))?;
        let answer = self.put_manifest(put).await?;
        if answer.subject.as_ref() == Some(&subject) {
            return Ok((Linked::Api, answer));
        }
        if let Some(listed) = self.api_list(&subject).await?
            && listed.iter().any(|entry| entry.digest == put.digest)
        {
            return Ok((Linked::Api, answer));
        }
        let entry = entry_of(put, described.artifact_type.as_deref(), &described.annotations);
        self.change_fallback(&subject, |entries| set_entry(entries, &put.digest, &entry)).await?;
        Ok((Linked::FallbackTag, answer))
    }

    /// Takes a referrer that was deleted out of the fallback index.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.change_fallback(subject, |entries| {
            let before = entries.len();
            entries.retain(|entry| !is_entry_of(entry, referrer));
            entries.len() != before
        })
        .await
    }

    /// Changes the fallback index until the change is what is read back. Never after a failed read: that would lose the
    /// entries of others.
    pub(super) async fn change_fallback(
        &self,
        subject: &Digest,
        change: impl Fn(&mut Vec<Value>) -> bool,
    ) -> Result<(), FetchError> {
        let _one_at_a_time = self.host.fallback_lock.lock().await;
        let tag = fallback_tag(subject);
        for _ in 0..MAX_WRITES {
            let empty = || json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": [] });
            let mut document = match self.fallback(subject).await? {
                Fallback::None => empty(),
                Fallback::Index { document, .. } => document,
                Fallback::Wrong(why) => {
                    return Err(FetchError::Refused { what: format!("a referrer of `{}@{subject}`", self.name), why });
                }
            };
            let mut entries = match document.get_mut("manifests").map(Value::take) {
                Some(Value::Array(entries)) => entries,
                _ => Vec::new(),
            };
            // Also how a change is confirmed: read back, there is nothing left to change.
            if !change(&mut entries) {
                return Ok(());
            }
            document["manifests"] = Value::Array(entries);
            let bytes = document.to_string().into_bytes();
            let put = ManifestToPush::new(bytes, media_types::OCI_INDEX).named(Target::Tag(tag.clone()));
            self.put_manifest(&put).await?;
        }
        Err(FetchError::Unavailable {
            what: format!("the referrers of `{}@{subject}`", self.name),
            why: format!("the index behind `{tag}` is overwritten by others again and again"),
        })
    }
}

/// Looks whether a fetched manifest refers to the subject.
///
/// # Errors
/// A sentence fragment that says what it is instead.
pub fn check_referrer(subject: &Digest, manifest: ManifestBytes, found_by: FoundBy) -> Result<Referrer, String> {
    let digest = &manifest.digest;
    let listed = |why: String| format!("{digest} is listed as a referrer and {why}");
    let described = SelfDescription::read(&manifest.bytes, &manifest.media_type)
        .map_err(|why| listed(format!("is refused: {why}")))?;
    match described.subject {
        Some(named) if named == *subject => {
            let (artifact_type, annotations) = (described.artifact_type, described.annotations);
            Ok(Referrer { manifest, artifact_type, annotations, found_by })
        }
        Some(named) => Err(listed(format!("refers to {named}"))),
        None => Err(listed("refers to nothing".to_owned())),
    }
}

fn is_entry_of(entry: &Value, digest: &Digest) -> bool {
    entry.get("digest").and_then(Value::as_str) == Some(digest.to_string().as_str())
}

/// Adds or repairs an entry; says whether that changed anything.
pub(super) fn set_entry(entries: &mut Vec<Value>, digest: &Digest, wanted: &Value) -> bool {
    let count = entries.iter().filter(|entry| is_entry_of(entry, digest)).count();
    if count == 1 && entries.contains(wanted) {
        return false;
    }
    let at = entries.iter().position(|entry| is_entry_of(entry, digest)).unwrap_or(entries.len());
    entries.retain(|entry| !is_entry_of(entry, digest));
    entries.insert(at.min(entries.len()), wanted.clone());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_added_repaired_and_left_alone() {
        let digest = Digest::of(b"x");
        let other = json!({ "digest": Digest::of(b"y").to_string(), "later": 1 });
        let wanted = json!({ "digest": digest.to_string(), "artifactType": "a/b" });
        let bare = json!({ "digest": digest.to_string() });
        let mut entries = vec![other.clone()];
        assert!(set_entry(&mut entries, &digest, &wanted));
        assert_eq!(entries, [other.clone(), wanted.clone()]);
        assert!(!set_entry(&mut entries, &digest, &wanted));
        let mut entries = vec![bare.clone(), other.clone(), bare];
        assert!(set_entry(&mut entries, &digest, &wanted));
        assert_eq!(entries, [wanted, other]);
    }

    #[test]
    fn the_fallback_tag_is_a_tag_for_every_algorithm() {
        assert_eq!(fallback_tag(&Digest::of(b"")), format!("sha256-{}", Digest::of(b"").hex()));
        let mut hasher = crate::model::Hasher::new(crate::model::Algorithm::Sha512);
        hasher.update(b"");
        let tag = fallback_tag(&hasher.finish());
        assert_eq!((tag.len(), tag.starts_with("sha512-")), (71, true));
    }
}
