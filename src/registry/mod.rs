//! The only HTTP: references resolved, credentials, tokens, retries, manifests, blobs.
//!
//! The face is blocking; behind it one background thread drives all connections of a [`Client`].
//!
//! **Which scheme.** https everywhere, except with [`Options::plain_http`] and on loopback hosts (`localhost`, 127.0.0.0/8,
//! `[::1]`). A loopback port is asked in plain http first; where that gives no answer of a plain server and TLS does, https
//! it is. With a certificate file (`ca_files`) loopback hosts are https too.
//!
//! **Whom requests reach.** The registry; the token service that it names; where it redirects to. The last two must be https
//! (unless the registry itself is plain http) and may not be nearer than the registry: a public registry cannot make this
//! machine ask a private or loopback address. Credentials go to the registry and its token service only, never along a
//! redirect. `urls` of descriptors are never used.

mod answer;
mod auth;
mod blob;
mod challenge;
mod credentials;
mod helper;
mod host;
mod manifest;
mod network;
mod oci;
mod probe;
mod push;
mod reading;
mod referrers;
mod repair;
mod repository;
mod retry;
mod runtime;
mod secret;
mod send;
mod upload;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::Digest;
use crate::oci::{FetchError, Reference};

pub use credentials::{Credential, Environment, Found, Login, Look};
pub(crate) use manifest::is_manifest_type;
pub use manifest::{ManifestBytes, Target};
pub use probe::{Answer, Capability, Probe, schema as probe_schema};
pub use push::{Deleted, ManifestToPush, PutAnswer};
pub use reading::Opener;
pub(crate) use referrers::Unfit;
pub use referrers::{FoundBy, Linked, Referrer, Referrers, SelfDescription, check_referrer, fallback_tag};
pub use repair::{ReferrerLists, Repair};
pub use repository::{ReadRepository, RemoteRepository, WriteRepository};
pub(crate) use runtime::Runtime;
pub use secret::Secret;
pub use upload::{BlobToPush, Uploaded};

pub(crate) use blob::{BlobReader, stream_to};

use auth::Access;
use host::Host;
use send::Repository;

/// How often and how patiently requests are repeated.
#[derive(Debug, Clone)]
pub struct Retries {
    /// Attempts per request, at least 1.
    pub attempts: u32,
    /// Pause before the second attempt; each further pause is three times as long.
    pub pause: Duration,
    /// The longest pause that a server may ask for with `Retry-After`.
    pub longest_pause: Duration,
    /// Repetitions of all requests to one host together.
    pub per_host: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 3, pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30), per_host: 24 }
    }
}

/// How long things may take.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// For one attempt at a manifest, config, token or list of tags.
    pub small: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(60), small: Duration::from_secs(120) }
    }
}

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct Options {
    /// Plain http for every registry.
    pub plain_http: bool,
    /// Further certificate authorities, PEM.
    pub ca_files: Vec<PathBuf>,
    /// A file of credentials, in Docker's or containers' form.
    pub authfile: Option<PathBuf>,
    /// Credentials for every registry of this client.
    pub login: Option<Login>,
    /// Retries.
    pub retries: Retries,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Environment variables.
    pub environment: Environment,
}

impl Options {
    /// The defaults, with these environment variables.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self {
            plain_http: false,
            ca_files: Vec::new(),
            authfile: None,
            login: None,
            retries: Retries::default(),
            timeouts: Timeouts::default(),
            environment,
        }
    }
}

/// A client for any number of registries. Clones share connections, tokens and retry budgets.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    runtime: Arc<Runtime>,
    access: Access,
}

/// What all requests of a client need.
struct Shared {
    options: Options,
    /// DER.
    certificates: Vec<Vec<u8>>,
    hosts: tokio::sync::Mutex<BTreeMap<String, Arc<Host>>>,
    /// By repository.
    credentials: Mutex<BTreeMap<String, Option<Arc<Credential>>>>,
}

impl Client {
    /// Makes a client and reads its certificate files.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when a certificate file is not one.
    pub fn new(options: Options) -> Result<Self, FetchError> {
        let mut certificates = Vec::new();
        for path in &options.ca_files {
            certificates.extend(network::read_ca_file(path)?);
        }
        let shared =
            Shared { options, certificates, hosts: tokio::sync::Mutex::default(), credentials: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), runtime: Arc::new(Runtime::start()?), access: Access::Pull })
    }

    /// The same client, asking for the right to write with its first request: whoever writes reads with that right too.
    #[must_use]
    pub fn for_writing(&self) -> Self {
        Self { access: Access::Push, ..self.clone() }
    }

    /// The credentials that are used for a repository; none means anonymous.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when credentials that the user named cannot be used.
    pub fn credential(&self, reference: &Reference) -> Result<Option<Arc<Credential>>, FetchError> {
        let name = reference.repository_name();
        // Held during the search, so that parallel callers do not start the same helper program twice.
        let mut known = self.shared.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&name) {
            return Ok(found.clone());
        }
        let options = &self.shared.options;
        let wishes = credentials::Wishes { login: options.login.clone(), authfile: options.authfile.clone() };
        let found = credentials::find(reference, &wishes, &options.environment)?.map(Arc::new);
        known.insert(name, found.clone());
        Ok(found)
    }

    /// Searches the credentials for a repository and tells every place that was looked at, in order.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when credentials that the user named cannot be used.
    pub fn explain_credentials(&self, reference: &Reference) -> Result<(Vec<Look>, Option<Credential>), FetchError> {
        let options = &self.shared.options;
        let wishes = credentials::Wishes { login: options.login.clone(), authfile: options.authfile.clone() };
        let mut looks = Vec::new();
        let found = credentials::search(reference, &wishes, &options.environment, &mut |look| looks.push(look))?;
        Ok((looks, found))
    }

    /// Finds out what a repository's registry can do. With `write` it uploads small things and takes them away again; without, it
    /// only reads.
    ///
    /// # Errors
    /// [`FetchError`] when the registry does not answer at all.
    pub fn probe(&self, reference: &Reference, write: bool) -> Result<Probe, FetchError> {
        let name = self.credential(reference)?.map(|credential| credential.origin.clone());
        let client = if write { self.for_writing() } else { self.clone() };
        client.run(reference, async move |repository| probe::probe(repository, name, write).await)
    }

    /// Fetches a manifest or index: at most 4 MiB. Its digest is computed from the bytes, and compared with the digest that
    /// was asked for or that the registry claims.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn manifest(&self, reference: &Reference, target: &Target) -> Result<ManifestBytes, FetchError> {
        let target = target.clone();
        self.run(reference, async move |repository| repository.manifest(&target).await)
    }

    /// Asks which digest a tag points at, without fetching the manifest. Some registries do not tell: none.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn head(&self, reference: &Reference, target: &Target) -> Result<Option<Digest>, FetchError> {
        let target = target.clone();
        self.run(reference, async move |repository| repository.head(&target).await)
    }

    /// Fetches a small blob whole; the caller verifies it.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when it is longer than `limit` bytes.
    pub fn small_blob(&self, reference: &Reference, digest: &Digest, limit: u64) -> Result<Vec<u8>, FetchError> {
        let digest = digest.clone();
        self.run(reference, async move |repository| repository.small_blob(&digest, limit).await)
    }

    /// Opens a blob for reading. At most 8 MiB are held in memory ahead of the reader. A connection that breaks is resumed;
    /// no byte is delivered twice. At most `size` + 1 bytes are delivered, so that a longer blob is noticed; the caller verifies
    /// the digest.
    ///
    /// # Errors
    /// [`FetchError`] when the registry does not start to deliver. Later failures are [`std::io::Error`]s with a [`FetchError`] inside.
    pub fn open_blob(
        &self,
        reference: &Reference,
        digest: &Digest,
        size: u64,
    ) -> Result<impl Read + Send + use<>, FetchError> {
        let credential = self.credential(reference)?;
        let (shared, reference, digest) = (Arc::clone(&self.shared), reference.clone(), digest.clone());
        let access = self.access;
        BlobReader::start(&self.runtime, format!("blob {digest}"), async move |mut feed| {
            let repository = Repository::open(shared, &reference, credential, access).await?;
            repository.pump(&digest, size, &mut feed).await
        })
    }

    /// Lists all tags of a repository, sorted.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when there are more pages or tags than the bounds allow.
    pub fn tags(&self, reference: &Reference) -> Result<Vec<String>, FetchError> {
        self.run(reference, async move |repository| repository.tags().await)
    }

    /// Whether a repository has a blob of this size.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when its size is another.
    pub fn has_blob(&self, reference: &Reference, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        let digest = digest.clone();
        self.run(reference, async move |repository| repository.has_blob(&digest, size).await)
    }

    /// Brings a blob into a repository: mounted where that works, else sent whole, or in chunks where the registry wants that. What
    /// breaks is resumed. About 1 MiB is held in memory. `open` gives the bytes from the start, once per attempt; they are compared with
    /// digest and size before the last of them is sent.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when the bytes are not those of the digest.
    pub fn push_blob(
        &self,
        reference: &Reference,
        blob: &BlobToPush,
        open: &mut Opener<'_>,
    ) -> Result<Uploaded, FetchError> {
        let credential = self.credential(reference)?;
        let (shared, reference, wanted) = (Arc::clone(&self.shared), reference.clone(), blob.clone());
        let (sender, orders) = std::sync::mpsc::channel();
        let source_failed = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let task = upload::Orders { sender, source_failed: Arc::clone(&source_failed) };
        self.runtime.spawn(move || async move {
            let work = async {
                let repository = Repository::open(shared, &reference, credential, Access::Push).await?;
                repository.upload(&wanted, &task).await
            };
            let done = work.await;
            // Whoever waited has gone: then nobody needs the answer.
            let _ = task.sender.send(upload::Order::Done(done));
        });
        reading::serve(&orders, &source_failed, blob, open)
    }

    /// Writes a manifest: exactly these bytes, under exactly this media type.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when the registry does not take it.
    pub fn put_manifest(&self, reference: &Reference, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        let put = put.clone();
        self.for_writing().run(reference, async move |repository| repository.put_manifest(&put).await)
    }

    /// Writes a tag on the condition that it still points at what was seen there, or at nothing. Registries that know no conditions
    /// write it all the same.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when the condition does not hold, or the registry does not take it.
    pub fn put_manifest_over(
        &self,
        reference: &Reference,
        put: &ManifestToPush,
        seen: Option<&Digest>,
    ) -> Result<PutAnswer, FetchError> {
        let (put, seen) = (put.clone(), seen.cloned());
        let over = async move |repository: Repository| repository.put_manifest_over(&put, seen.as_ref()).await;
        self.for_writing().run(reference, over)
    }

    /// What refers to a manifest: the union of the registry's list and the one behind the fallback tag, each entry fetched and
    /// checked.
    ///
    /// # Errors
    /// [`FetchError`] whenever not all of it could be seen.
    pub fn referrers(&self, reference: &Reference, subject: &Digest) -> Result<Referrers, FetchError> {
        let subject = subject.clone();
        self.run(reference, async move |repository| repository.referrers(&subject).await)
    }

    /// Writes a manifest that refers to another one; where the registry has no API for that, the index behind the fallback tag is
    /// kept up.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when the fallback tag is taken by something else.
    pub fn attach(&self, reference: &Reference, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        let put = put.clone();
        self.for_writing().run(reference, async move |repository| repository.attach(&put).await)
    }

    /// The lists of what refers to a manifest, as they are.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn referrer_lists(&self, reference: &Reference, subject: &Digest) -> Result<ReferrerLists, FetchError> {
        let subject = subject.clone();
        self.run(reference, async move |repository| repository.referrer_lists(&subject).await)
    }

    /// Makes the index behind the fallback tag right: entries complete, those of what is gone removed, manifests of `add` listed. With
    /// `write` unset it is only told what would be changed.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when the fallback tag is taken by something else.
    pub fn repair(
        &self,
        reference: &Reference,
        subject: &Digest,
        add: &[Digest],
        write: bool,
    ) -> Result<Repair, FetchError> {
        let (subject, add) = (subject.clone(), add.to_vec());
        let client = if write { self.for_writing() } else { self.clone() };
        client.run(reference, async move |repository| repository.repair(&subject, &add, write).await)
    }

    /// Deletes a tag or a manifest.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn delete(&self, reference: &Reference, target: &Target) -> Result<Deleted, FetchError> {
        let target = target.clone();
        self.run(reference, async move |repository| repository.delete(&target).await)
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn delete_blob(&self, reference: &Reference, digest: &Digest) -> Result<Deleted, FetchError> {
        let digest = digest.clone();
        self.run(reference, async move |repository| repository.delete_blob(&digest).await)
    }

    /// Takes a referrer that was deleted out of the index behind the fallback tag.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn detach(&self, reference: &Reference, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        let (subject, referrer) = (subject.clone(), referrer.clone());
        self.for_writing().run(reference, async move |repository| repository.detach(&subject, &referrer).await)
    }

    fn run<T: Send + 'static, F>(
        &self,
        reference: &Reference,
        work: impl FnOnce(Repository) -> F + Send + 'static,
    ) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>> + 'static,
    {
        let credential = self.credential(reference)?;
        let (shared, reference) = (Arc::clone(&self.shared), reference.clone());
        let access = self.access;
        self.runtime.run(async move || {
            let repository = Repository::open(shared, &reference, credential, access).await?;
            work(repository).await
        })
    }
}

#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod tests;
