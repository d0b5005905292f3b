//! Manifests, small blobs and lists of tags (OCI distribution-spec, "Pull" and "Content Discovery").

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LINK};

use crate::model::Digest;
use crate::oci::FetchError;

use super::send::{Ask, Repository};

/// Bytes of a manifest: what the specification obliges registries to take.
pub(super) const MAX_MANIFEST: u64 = 4 << 20;
/// Bytes of one page of tags.
const MAX_TAGS_PAGE: u64 = 8 << 20;
/// Pages of tags.
const MAX_PAGES: usize = 1000;
/// Tags of a repository.
const MAX_TAGS: usize = 200_000;

/// All that may be an image. Schema 1 is asked for so that an image of that kind is refused as what it is: without it,
/// registries answer 404.
const ACCEPT_MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws, \
    application/vnd.docker.distribution.manifest.v1+json";

/// How a manifest is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By tag, which may move.
    Tag(String),
    /// By digest.
    Digest(Digest),
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(tag),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// A manifest as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBytes {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// `Content-Type` without parameters; empty when the registry gave none.
    pub media_type: String,
    /// The digest of the bytes, computed here.
    pub digest: Digest,
}

/// The tags of one page; none when it is no page. Some registries write `null` for an empty list.
fn tags_of(body: &[u8]) -> Option<Vec<String>> {
    let page: serde_json::Value = serde_json::from_slice(body).ok()?;
    match page.as_object()?.get("tags")? {
        serde_json::Value::Null => Some(Vec::new()),
        serde_json::Value::Array(tags) => tags.iter().map(|tag| tag.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl Repository {
    pub(super) fn described(&self, target: &Target) -> String {
        match target {
            Target::Tag(tag) => format!("`{}:{tag}`", self.name),
            Target::Digest(digest) => format!("`{}@{digest}`", self.name),
        }
    }

    pub(super) async fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        let what = self.described(target);
        let url = self.url(&format!("manifests/{target}"))?;
        let ask = Ask { accept: Some(ACCEPT_MANIFESTS), ..Ask::get(url, &what) };
        let (headers, bytes) = self.small(&ask, MAX_MANIFEST).await?;
        let hash = |like: &Digest| {
            let mut hasher = like.hasher();
            hasher.update(&bytes);
            hasher.finish()
        };
        let forged = |promised: &Digest, found: Digest| FetchError::Damaged {
            what: what.clone(),
            why: format!("the registry promised {promised} and sent {found}"),
        };
        if let Some(promised) = claimed_digest(&headers, &what)? {
            let found = hash(&promised);
            if found != promised {
                return Err(forged(&promised, found));
            }
        }
        let digest = match target {
            Target::Tag(_) => Digest::of(&bytes),
            Target::Digest(asked) => hash(asked),
        };
        match target {
            Target::Digest(asked) if *asked != digest => Err(forged(asked, digest)),
            _ => Ok(ManifestBytes { media_type: content_type(&headers), bytes, digest }),
        }
    }

    pub(super) async fn head(&self, target: &Target) -> Result<Option<Digest>, FetchError> {
        let what = self.described(target);
        let url = self.url(&format!("manifests/{target}"))?;
        let ask = Ask { method: Method::HEAD, accept: Some(ACCEPT_MANIFESTS), ..Ask::get(url, &what) };
        let (headers, _) = self.small(&ask, MAX_MANIFEST).await?;
        claimed_digest(&headers, &what)
    }

    pub(super) async fn small_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, FetchError> {
        let what = format!("blob {digest} of `{}`", self.name);
        let ask = Ask::get(self.url(&format!("blobs/{digest}"))?, &what);
        Ok(self.small(&ask, limit).await?.1)
    }

    pub(super) async fn tags(&self) -> Result<Vec<String>, FetchError> {
        let what = format!("the tags of `{}`", self.name);
        let damaged = |why: String| FetchError::Damaged { what: what.clone(), why };
        let mut url = self.url("tags/list")?;
        let first = url.clone();
        // Some registries refuse more, others give less whatever is asked.
        url.query_pairs_mut().append_pair("n", "1000");
        let mut tags = BTreeSet::new();
        let mut seen = BTreeSet::new();
        loop {
            if !seen.insert(url.to_string()) {
                return Err(damaged("a page leads back to an earlier one".to_owned()));
            }
            if seen.len() > MAX_PAGES {
                return Err(damaged(format!("there are more than {MAX_PAGES} pages")));
            }
            let (headers, body) = self.small(&Ask::get(url.clone(), &what), MAX_TAGS_PAGE).await?;
            tags.extend(tags_of(&body).ok_or_else(|| damaged("the answer is no list of tags".to_owned()))?);
            if tags.len() > MAX_TAGS {
                return Err(damaged(format!("there are more than {MAX_TAGS}")));
            }
            let Some(next) = next_page(&headers).map_err(|why| damaged(why.to_owned()))? else { break };
            url = url.join(&next).map_err(|_| damaged("the address of the next page is not one".to_owned()))?;
            if !self.host.is_own(&url) || url.path() != first.path() {
                return Err(damaged("the next page is not a page of this list".to_owned()));
            }
        }
        Ok(tags.into_iter().collect())
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn claimed_digest(headers: &HeaderMap, what: &str) -> Result<Option<Digest>, FetchError> {
    let Some(value) = headers.get("docker-content-digest") else { return Ok(None) };
    let digest = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    digest.map(Some).ok_or_else(|| FetchError::Damaged {
        what: what.to_owned(),
        why: "the registry sent a `Docker-Content-Digest` that is no digest".to_owned(),
    })
}

/// The target of `Link: <…>; rel="next"` (RFC 8288).
pub(super) fn next_page(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    for value in headers.get_all(LINK) {
        let text = value.to_str().map_err(|_| "the `Link` header is not text")?;
        let mut rest = text;
        while let Some((_, link)) = rest.split_once('<') {
            let (target, parameters) = link.split_once('>').ok_or("the `Link` header is not one")?;
            let end = parameters.find('<').unwrap_or(parameters.len());
            let relation = parameters[..end].to_ascii_lowercase();
            let is_next = relation.split(';').any(|parameter| {
                let parameter = parameter.trim().trim_end_matches(',').trim_end();
                parameter.strip_prefix("rel").map(str::trim_start).and_then(|rest| rest.strip_prefix('=')).is_some_and(
                    |value| value.trim().trim_matches('"').split_whitespace().any(|relation| relation == "next"),
                )
            });
            if is_next {
                return Ok(Some(target.to_owned()));
            }
            rest = &parameters[end..];
        }
    }
    Ok(None)
}

/// Whether a media type is that of something behind `manifests/` and not behind `blobs/`.
pub(crate) fn is_manifest_type(media_type: &str) -> bool {
    ACCEPT_MANIFESTS.split(',').any(|known| known.trim() == media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(link: &str) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, link.parse().expect("a header value"));
        next_page(&headers)
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let target = Some("/v2/a/tags/list?last=b&n=2".to_owned());
        for link in [
            r#"</v2/a/tags/list?last=b&n=2>; rel="next""#,
            "</v2/a/tags/list?last=b&n=2>;rel=next",
            r#"</x>; rel="prev", </v2/a/tags/list?last=b&n=2>; title="y"; rel="last next""#,
        ] {
            assert_eq!(next(link), Ok(target.clone()), "{link}");
        }
        assert_eq!(next(r#"</x>; rel="prev""#), Ok(None));
        assert!(next("</x").is_err());
    }
}
