//! What a registry can do, found out by asking it.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::model::{Algorithm, Digest, Hasher};
use crate::oci::{FetchError, media_types};

use super::auth;
use super::challenge::Challenge;
use super::manifest::Target;
use super::push::{Deleted, ManifestToPush};
use super::referrers::fallback_tag;
use super::send::{Ask, Payload, Repository};
use super::upload::{location, with_digest};

const SCHEMA: &str = "imgguard.registry-probe/v1";
/// A length that some registries refuse in one request.
const LONG: usize = (4 << 20) + 1;
/// The tag that is made and taken away.
const TAG: &str = "imgguard-probe";

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// Always `imgguard.registry-probe/v1`.
    pub schema: &'static str,
    /// Host and repository.
    pub repository: String,
    /// The address of the registry's API.
    pub address: String,
    /// `none`, `basic` or `bearer`: how it wants to be asked.
    pub auth: &'static str,
    /// The token service, when there is one.
    pub token_service: Option<String>,
    /// Where the credentials that were used came from; absent when it was asked anonymously.
    pub credentials: Option<String>,
    /// Whether anything was written.
    pub wrote: bool,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// What was written and could not be taken away.
    pub left_behind: Vec<String>,
}

/// One thing that registries can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Capability {
    /// A stable name, such as `referrers-api`.
    pub name: &'static str,
    /// Whether it can.
    pub answer: Answer,
    /// More about it.
    pub detail: Option<String>,
}

/// Whether a registry can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It can.
    Yes,
    /// It cannot.
    No,
    /// It was not found out.
    Unknown,
}

/// The JSON schema of [`Probe`].
#[must_use]
pub fn schema() -> String {
    crate::model::json_schema::<Probe>(SCHEMA, "imgguard registry probe")
}

struct Prober {
    repository: Repository,
    found: Probe,
}

/// Asks.
pub(super) async fn probe(
    repository: Repository,
    credentials: Option<String>,
    write: bool,
) -> Result<Probe, FetchError> {
    let found = Probe {
        schema: SCHEMA,
        repository: repository.name.clone(),
        address: repository.host.base.to_string(),
        auth: "none",
        token_service: None,
        credentials,
        wrote: write,
        capabilities: Vec::new(),
        left_behind: Vec::new(),
    };
    let mut prober = Prober { repository, found };
    prober.ask_for_api().await?;
    prober.read().await?;
    if write {
        prober.write().await?;
    }
    Ok(prober.found)
}

impl Prober {
    fn note(&mut self, name: &'static str, answer: Answer, detail: impl Into<Option<String>>) {
        self.found.capabilities.push(Capability { name, answer, detail: detail.into() });
    }

    /// Notes a yes, or a no that is the registry's own word; everything else stays unknown.
    fn note_result<T>(&mut self, name: &'static str, result: Result<T, FetchError>) -> Option<T> {
        match result {
            Ok(value) => {
                self.note(name, Answer::Yes, None);
                Some(value)
            }
            Err(error) => {
                let answer = match error {
                    FetchError::Refused { .. } | FetchError::Denied { .. } => Answer::No,
                    _ => Answer::Unknown,
                };
                self.note(name, answer, error.to_string());
                None
            }
        }
    }

    async fn ask_for_api(&mut self) -> Result<(), FetchError> {
        let url = self.repository.host.base.join("v2/").map_err(|error| FetchError::Usage(error.to_string()))?;
        let what = format!("the API of `{}`", self.found.address);
        let mut attempts = self.repository.attempts(&what);
        let response = loop {
            match self.repository.anonymous(&Ask::get(url.clone(), &what)).await {
                Ok(response) => break response,
                Err(failure) => attempts.pause(failure).await?,
            }
        };
        let version = response.headers().get("docker-distribution-api-version").and_then(|value| value.to_str().ok());
        let version = version.map(|version| version.chars().take(80).flat_map(char::escape_debug).collect::<String>());
        let challenges = auth::challenges(&response);
        let answer = match response.status().as_u16() {
            200 | 401 => Answer::Yes,
            404 => Answer::No,
            _ => Answer::Unknown,
        };
        let detail = version.unwrap_or_else(|| format!("answered {}", response.status()));
        self.note("api-v2", answer, detail);
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service, .. } => Some((realm.clone(), service.clone())),
            Challenge::Basic => None,
        });
        self.found.auth = match (&bearer, challenges.contains(&Challenge::Basic)) {
            (Some(_), _) => "bearer",
            (None, true) => "basic",
            (None, false) => "none",
        };
        self.found.token_service = bearer.map(|(realm, service)| {
            let text = service.map_or(realm.clone(), |service| format!("{realm} (service {service})"));
            text.chars().take(300).flat_map(char::escape_debug).collect()
        });
        Ok(())
    }

    async fn read(&mut self) -> Result<(), FetchError> {
        let tags = self.repository.tags().await;
        let exists = tags.is_ok();
        match tags {
            Ok(tags) => self.note("list-tags", Answer::Yes, format!("{} tags", tags.len())),
            Err(error @ (FetchError::NotFound { .. } | FetchError::Denied { .. })) => {
                self.note("list-tags", Answer::Unknown, error.to_string());
            }
            Err(error @ FetchError::Damaged { .. }) => self.note("list-tags", Answer::No, error.to_string()),
            Err(error) => return Err(error),
        }
        // A digest that nothing has.
        let nothing = Digest::of(b"imgguard registry probe");
        match self.repository.api_list(&nothing).await {
            Ok(Some(_)) => self.note("referrers-api", Answer::Yes, None),
            Ok(None) if exists => {
                self.note("referrers-api", Answer::No, "the index behind the fallback tag is used".to_owned());
            }
            Ok(None) => self.note("referrers-api", Answer::Unknown, "the repository is not there".to_owned()),
            Err(error) => self.note("referrers-api", Answer::Unknown, error.to_string()),
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), FetchError> {
        let config = b"{}".to_vec();
        let sent = self.upload(&config, Algorithm::Sha256).await;
        if self.note_result("push-blob", sent).is_none() {
            return Ok(());
        }
        self.chunks().await;
        self.long_request().await;
        self.mount(&Digest::of(&config)).await;
        let large = self.upload(b"imgguard", Algorithm::Sha512).await;
        let has_sha512 = self.note_result("digest-sha512", large).is_some();
        self.manifests(&config).await;
        let mut blobs = vec![Digest::of(&config), Digest::of(b"probe")];
        if has_sha512 {
            let mut hasher = Hasher::new(Algorithm::Sha512);
            hasher.update(b"imgguard");
            blobs.push(hasher.finish());
        }
        self.take_away(blobs).await;
        Ok(())
    }

    /// One blob whole.
    async fn upload(&self, bytes: &[u8], algorithm: Algorithm) -> Result<(), FetchError> {
        let what = format!("a blob of {} to `{}`", algorithm.name(), self.repository.name);
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        let digest = hasher.finish();
        let mut url = self.repository.url("blobs/uploads/")?;
        if algorithm != Algorithm::Sha256 {
            url.query_pairs_mut().append_pair("digest-algorithm", algorithm.name());
        }
        let response = self.exchange(&Ask::of(Method::POST, url, &what)).await?;
        let next = location(&response).ok_or_else(|| FetchError::Damaged {
            what: what.clone(),
            why: "the registry started an upload without saying where".to_owned(),
        })?;
        let ask = Ask {
            payload: Payload::Bytes(Bytes::copy_from_slice(bytes)),
            content_type: Some("application/octet-stream"),
            ..Ask::of(Method::PUT, with_digest(&next, &digest), &what)
        };
        self.exchange(&ask).await.map(|_| ())
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Result<reqwest::Response, FetchError> {
        let mut attempts = self.repository.attempts(ask.what);
        loop {
            let work = tokio::time::timeout(self.repository.host.timeouts.small, self.repository.attempt(ask)).await;
            match work.unwrap_or_else(|_| Err(super::retry::Failure::again("the registry took too long"))) {
                Ok(response) => return Ok(response),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    /// Two chunks and a closing request.
    async fn chunks(&mut self) {
        let what = "a blob in chunks";
        let mut least = None;
        let work = async {
            let mut response =
                self.exchange(&Ask::of(Method::POST, self.repository.url("blobs/uploads/")?, what)).await?;
            least =
                response.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let lost = || FetchError::Damaged { what: what.to_owned(), why: "no `Location`".to_owned() };
            let mut url = location(&response).ok_or_else(lost)?;
            for (bytes, range) in [(&b"pro"[..], "0-2"), (b"be", "3-4")] {
                let ask = Ask {
                    payload: Payload::Bytes(Bytes::from_static(bytes)),
                    content_type: Some("application/octet-stream"),
                    content_range: Some(range.to_owned()),
                    ..Ask::of(Method::PATCH, url.clone(), what)
                };
                response = self.exchange(&ask).await?;
                url = location(&response).unwrap_or(url);
            }
            self.exchange(&Ask::of(Method::PUT, with_digest(&url, &Digest::of(b"probe")), what)).await.map(|_| ())
        };
        let done: Result<(), FetchError> = work.await;
        self.note_result("push-chunks", done);
        match least {
            Some(least) => self.note("chunk-minimum", Answer::Yes, format!("{} bytes", least.escape_debug())),
            None => self.note("chunk-minimum", Answer::No, None),
        }
    }

    /// One request of more than 4 MiB, and the session is given up.
    async fn long_request(&mut self) {
        let what = "a request of more than 4 MiB";
        let work = async {
            let response = self.exchange(&Ask::of(Method::POST, self.repository.url("blobs/uploads/")?, what)).await?;
            let lost = || FetchError::Damaged { what: what.to_owned(), why: "no `Location`".to_owned() };
            let url = location(&response).ok_or_else(lost)?;
            let ask = Ask {
                payload: Payload::Bytes(Bytes::from(vec![0; LONG])),
                content_type: Some("application/octet-stream"),
                content_range: Some(format!("0-{}", LONG - 1)),
                ..Ask::of(Method::PATCH, url.clone(), what)
            };
            let sent = self.exchange(&ask).await;
            let url = sent.as_ref().ok().and_then(location).unwrap_or(url);
            let cancelled = self.exchange(&Ask::of(Method::DELETE, url, what)).await;
            sent.map(|_| cancelled.is_ok())
        };
        let done: Result<bool, FetchError> = work.await;
        if let Some(cancelled) = self.note_result("long-requests", done) {
            let answer = if cancelled { Answer::Yes } else { Answer::No };
            self.note("cancel-upload", answer, None);
            if !cancelled {
                self.found.left_behind.push("an upload session".to_owned());
            }
        }
    }

    /// A mount within the repository itself.
    async fn mount(&mut self, digest: &Digest) {
        let what = "a mount";
        let work = async {
            let mut url = self.repository.url("blobs/uploads/")?;
            url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", &self.repository.path);
            let response = self.exchange(&Ask::of(Method::POST, url, what)).await?;
            if response.status() == StatusCode::CREATED {
                return Ok(true);
            }
            if let Some(url) = location(&response) {
                let _ = self.exchange(&Ask::of(Method::DELETE, url, what)).await;
            }
            Ok(false)
        };
        let done: Result<bool, FetchError> = work.await;
        match done {
            Ok(true) => self.note("mount", Answer::Yes, None),
            Ok(false) => self.note("mount", Answer::No, "it starts an upload instead".to_owned()),
            Err(error) => self.note("mount", Answer::No, error.to_string()),
        }
    }

    async fn manifests(&mut self, config: &[u8]) {
        let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": Digest::of(config).to_string(), "size": config.len() });
        let document = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_MANIFEST,
            "artifactType": "application/vnd.imgguard.probe", "config": empty, "layers": [empty] });
        let subject = manifest(&document);
        let by_digest = self.repository.put_manifest(&subject).await;
        if self.note_result("push-manifest", by_digest).is_none() {
            return;
        }
        let several = ManifestToPush { tags: vec![format!("{TAG}-a"), format!("{TAG}-b")], ..subject.clone() };
        match self.repository.put_manifest(&several).await {
            Ok(answer) if answer.tags.len() == 2 => self.note("several-tags-at-once", Answer::Yes, None),
            Ok(_) => self.note("several-tags-at-once", Answer::No, "no tag was confirmed".to_owned()),
            Err(error) => self.note("several-tags-at-once", Answer::No, error.to_string()),
        }
        let tagged = ManifestToPush { target: Target::Tag(TAG.to_owned()), ..subject.clone() };
        let tagged = self.repository.put_manifest(&tagged).await;
        let tagged = self.note_result("push-tag", tagged).is_some();
        if tagged {
            self.condition(&subject).await;
        }
        let mut statement = document;
        statement["subject"] = json!({ "mediaType": media_types::OCI_MANIFEST,
            "digest": subject.digest.to_string(), "size": subject.bytes.len() });
        let statement = manifest(&statement);
        match self.repository.put_manifest(&statement).await {
            Ok(answer) if answer.subject.as_ref() == Some(&subject.digest) => {
                self.note("links-subject", Answer::Yes, None);
            }
            Ok(_) => {
                self.note(
                    "links-subject",
                    Answer::No,
                    format!("the index behind `{}` is used", fallback_tag(&subject.digest)),
                );
            }
            Err(error) => self.note("links-subject", Answer::No, error.to_string()),
        }
        let mut tags: Vec<String> = if tagged { vec![TAG.to_owned()] } else { Vec::new() };
        for tag in [format!("{TAG}-a"), format!("{TAG}-b")] {
            if self.repository.head(&Target::Tag(tag.clone())).await.is_ok() {
                tags.push(tag);
            }
        }
        self.delete_all("delete-tag", tags.into_iter().map(Target::Tag).collect()).await;
        self.delete_all("delete-manifest", vec![Target::Digest(statement.digest), Target::Digest(subject.digest)])
            .await;
    }

    /// Whether a tag is kept when it is written on a condition that does not hold.
    async fn condition(&mut self, subject: &ManifestToPush) {
        let put = subject.clone().named(Target::Tag(TAG.to_owned()));
        let seen = Digest::of(b"something else");
        match self.repository.put_manifest_over(&put, Some(&seen)).await {
            Ok(_) => self.note("conditional-tags", Answer::No, "it writes a tag whatever `If-Match` says".to_owned()),
            Err(FetchError::Refused { .. }) => self.note("conditional-tags", Answer::Yes, None),
            Err(error) => self.note("conditional-tags", Answer::Unknown, error.to_string()),
        }
    }

    async fn delete_all(&mut self, name: &'static str, targets: Vec<Target>) {
        let mut answer = Answer::Unknown;
        let mut detail = None;
        for target in targets {
            match self.repository.again().delete(&target).await {
                Ok(Deleted::Gone | Deleted::Absent) => answer = Answer::Yes,
                Ok(Deleted::Disabled) => {
                    answer = Answer::No;
                    self.found.left_behind.push(format!("manifest or tag {target}"));
                }
                Err(error) => {
                    answer = Answer::Unknown;
                    detail = Some(error.to_string());
                    self.found.left_behind.push(format!("manifest or tag {target}"));
                }
            }
        }
        self.note(name, answer, detail);
    }

    async fn take_away(&mut self, blobs: Vec<Digest>) {
        let mut answer = Answer::Yes;
        for digest in blobs {
            let gone = self.repository.again().delete_blob(&digest).await;
            if !matches!(gone, Ok(Deleted::Gone | Deleted::Absent)) {
                answer = Answer::No;
                self.found.left_behind.push(format!("blob {digest}"));
            }
        }
        self.note("delete-blob", answer, None);
    }
}

impl Repository {
    /// Another handle on the same repository.
    fn again(&self) -> Self {
        Self {
            host: std::sync::Arc::clone(&self.host),
            path: self.path.clone(),
            name: self.name.clone(),
            credential: self.credential.clone(),
            access: self.access,
        }
    }
}

fn manifest(document: &serde_json::Value) -> ManifestToPush {
    ManifestToPush::new(document.to_string().into_bytes(), media_types::OCI_MANIFEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Client, Environment, Options};
    use crate::testkit::registry::{FakeRegistry, Quirks};

    fn found(registry: &FakeRegistry, write: bool) -> Probe {
        let client = Client::new(Options::new(Environment::of_variables([]))).expect("a client");
        let reference = format!("{}/team/app", registry.host()).parse().expect("a reference");
        client.probe(&reference, write).expect("an answer")
    }

    fn answer(probe: &Probe, name: &str) -> Answer {
        let one = probe.capabilities.iter().find(|one| one.name == name);
        one.unwrap_or_else(|| panic!("no {name} in {probe:?}")).answer
    }

    #[test]
    fn without_the_word_nothing_is_written() {
        let registry = FakeRegistry::start();
        registry.put_manifest("team/app", Some("1.0"), media_types::OCI_MANIFEST, "{}");
        let probe = found(&registry, false);
        assert_eq!((answer(&probe, "list-tags"), answer(&probe, "referrers-api")), (Answer::Yes, Answer::No));
        assert!(registry.requests().iter().all(|request| request.method == "GET"));
        assert_eq!(probe.auth, "none");
    }

    #[test]
    fn what_is_written_is_taken_away_and_capabilities_are_told_apart() {
        let registry = FakeRegistry::start();
        registry.behave(Quirks { multi_tag: true, referrers_api: true, conditions: true, ..Quirks::default() });
        let probe = found(&registry, true);
        for name in [
            "push-blob",
            "push-chunks",
            "long-requests",
            "cancel-upload",
            "mount",
            "digest-sha512",
            "push-manifest",
            "several-tags-at-once",
            "push-tag",
            "conditional-tags",
            "links-subject",
            "delete-tag",
            "delete-manifest",
            "delete-blob",
        ] {
            assert_eq!(answer(&probe, name), Answer::Yes, "{name}: {probe:?}");
        }
        assert_eq!(probe.left_behind, Vec::<String>::new());
        assert_eq!((registry.tags("team/app"), registry.open_uploads()), (Vec::new(), 0));
        let poor = FakeRegistry::start();
        let quirks = Quirks {
            most_per_request: Some(4 << 20),
            mounts: false,
            deletes: false,
            least_per_chunk: Some(1),
            ..Quirks::default()
        };
        poor.behave(quirks);
        let probe = found(&poor, true);
        for name in [
            "long-requests",
            "mount",
            "several-tags-at-once",
            "conditional-tags",
            "links-subject",
            "delete-tag",
            "delete-manifest",
            "delete-blob",
        ] {
            assert_eq!(answer(&probe, name), Answer::No, "{name}: {probe:?}");
        }
        assert_eq!(answer(&probe, "chunk-minimum"), Answer::Yes);
        assert_eq!(probe.left_behind.len(), 6, "{:?}", probe.left_behind);
    }

    #[test]
    fn the_schema_file_is_the_one_the_types_describe() {
        crate::testkit::schemas::are_up_to_date(&[("registry-probe-v1.json", schema())]);
    }
}
