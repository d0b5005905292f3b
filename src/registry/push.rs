//! Manifests and tags written and deleted (OCI distribution-spec, "Pushing Manifests", "Content Management").

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH, WARNING};
use reqwest::{Method, StatusCode};

use crate::model::Digest;
use crate::oci::FetchError;

use super::answer;
use super::auth::Access;
use super::manifest::{ManifestBytes, Target, claimed_digest};
use super::send::{Ask, Payload, Repository};

/// Bytes of the answer to something that was written.
const MAX_ANSWER: u64 = 64 << 10;
/// Warnings of one answer that are kept.
const MAX_WARNINGS: usize = 16;

/// A manifest or index to write: exactly these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestToPush {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its media type, which is sent as `Content-Type`.
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The name that it gets; by digest it stays without a tag.
    pub target: Target,
    /// Further tags, for registries that take several with one request. Only those in [`PutAnswer::tags`] were made.
    pub tags: Vec<String>,
}

impl ManifestToPush {
    /// A manifest that was made here: known by its digest, without a tag.
    #[must_use]
    pub fn new(bytes: Vec<u8>, media_type: &str) -> Self {
        let digest = Digest::of(&bytes);
        let target = Target::Digest(digest.clone());
        Self { bytes, media_type: media_type.to_owned(), digest, target, tags: Vec::new() }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, target: Target) -> Self {
        Self { target, ..self }
    }
}

impl From<&ManifestBytes> for ManifestToPush {
    /// A manifest as it was fetched: its bytes, by its digest.
    fn from(manifest: &ManifestBytes) -> Self {
        let ManifestBytes { bytes, media_type, digest } = manifest.clone();
        Self { bytes, media_type, target: Target::Digest(digest.clone()), digest, tags: Vec::new() }
    }
}

/// What a registry says about a manifest that it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutAnswer {
    /// The further tags that it confirms (`OCI-Tag`).
    pub tags: BTreeSet<String>,
    /// The subject that it has linked the manifest to (`OCI-Subject`).
    pub subject: Option<Digest>,
    /// What it wants people to know (`Warning: 299`), fit to be printed.
    pub warnings: Vec<String>,
}

/// What became of something that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It was not there.
    Absent,
    /// The registry does not delete such things.
    Disabled,
}

impl Repository {
    pub(super) async fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.put_manifest_if(put, None).await
    }

    /// Writes a tag on the condition that it still is what was seen: `If-Match` with the digest, which registries give as the entity
    /// tag of manifests, or `If-None-Match` for a tag that was not there. The specification knows neither: most registries pass over it.
    pub(super) async fn put_manifest_over(
        &self,
        put: &ManifestToPush,
        seen: Option<&Digest>,
    ) -> Result<PutAnswer, FetchError> {
        let condition = match seen {
            Some(digest) => (IF_MATCH, format!("\"{digest}\"")),
            None => (IF_NONE_MATCH, "*".to_owned()),
        };
        self.put_manifest_if(put, Some(condition)).await
    }

    async fn put_manifest_if(
        &self,
        put: &ManifestToPush,
        condition: Option<(HeaderName, String)>,
    ) -> Result<PutAnswer, FetchError> {
        let what = self.described(&put.target);
        let mut url = self.url(&format!("manifests/{}", put.target))?;
        for tag in &put.tags {
            url.query_pairs_mut().append_pair("tag", tag);
        }
        let ask = Ask {
            payload: Payload::Bytes(Bytes::from(put.bytes.clone())),
            content_type: Some(&put.media_type),
            condition,
            ..Ask::of(Method::PUT, url, &what)
        };
        let (headers, _) = self.small(&ask, MAX_ANSWER).await?;
        match claimed_digest(&headers, &what)? {
            Some(told) if told.algorithm() == put.digest.algorithm() && told != put.digest => {
                let why = format!("the registry says that it has stored {told}, and {} was sent", put.digest);
                return Err(FetchError::Damaged { what, why });
            }
            _ => {}
        }
        let subject = headers.get("oci-subject").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(PutAnswer { tags: confirmed_tags(&headers), subject, warnings: warnings(&headers) })
    }

    pub(super) async fn delete(mut self, target: &Target) -> Result<Deleted, FetchError> {
        self.access = Access::Delete;
        let what = self.described(target);
        let ask = Ask::of(Method::DELETE, self.url(&format!("manifests/{target}"))?, &what);
        self.delete_at(&ask).await
    }

    pub(super) async fn delete_blob(mut self, digest: &Digest) -> Result<Deleted, FetchError> {
        self.access = Access::Delete;
        let what = format!("blob {digest} of `{}`", self.name);
        let ask = Ask::of(Method::DELETE, self.url(&format!("blobs/{digest}"))?, &what);
        self.delete_at(&ask).await
    }

    async fn delete_at(&self, ask: &Ask<'_>) -> Result<Deleted, FetchError> {
        let mut attempts = self.attempts(ask.what);
        loop {
            let exchange = tokio::time::timeout(self.host.timeouts.small, self.exchange(ask)).await;
            let failure = match exchange {
                Err(_) => super::retry::Failure::again("the registry took too long"),
                Ok(Err(failure)) => failure,
                Ok(Ok(response)) => match response.status() {
                    status if status.is_success() => return Ok(Deleted::Gone),
                    StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Deleted::Absent),
                    StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                        return Ok(Deleted::Disabled);
                    }
                    status if answer::may_pass(status) => self.failure(response, ask).await,
                    _ => return Err(attempts.finish(self.failure(response, ask).await)),
                },
            };
            attempts.pause(failure).await?;
        }
    }
}

/// The tags of `OCI-Tag`, which is repeated or separated by commas.
fn confirmed_tags(headers: &HeaderMap) -> BTreeSet<String> {
    let values = headers.get_all("oci-tag").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

/// The texts of `Warning: 299 - "…"` (distribution-spec, "Warnings").
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WARNING).iter().take(MAX_WARNINGS).filter_map(|value| value.to_str().ok());
    values
        .filter_map(|value| value.trim().strip_prefix("299 "))
        .filter_map(|value| value.split_once('"')?.1.rsplit_once('"'))
        .map(|(text, _)| text.replace("\\\"", "\"").chars().take(300).flat_map(char::escape_debug).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_confirmed_in_one_header_or_several() {
        let mut headers = HeaderMap::new();
        headers.append("oci-tag", "1.2.3, 1.2".parse().expect("a header value"));
        headers.append("oci-tag", "1".parse().expect("a header value"));
        assert_eq!(confirmed_tags(&headers).into_iter().collect::<Vec<_>>(), ["1", "1.2", "1.2.3"]);
        assert!(confirmed_tags(&HeaderMap::new()).is_empty());
    }

    #[test]
    fn warnings_are_read_and_made_fit_to_be_printed() {
        let mut headers = HeaderMap::new();
        headers.append(WARNING, "299 - \"quota \\\"90%\\\" used\t\"".parse().expect("a header value"));
        headers.append(WARNING, "110 - \"stale\"".parse().expect("a header value"));
        headers.append(WARNING, "299 - junk".parse().expect("a header value"));
        assert_eq!(warnings(&headers), ["quota \\\"90%\\\" used\\t"]);
    }
}
