//! Images in a local daemon: Docker's and Podman's, by their unix sockets, as one stream of an archive.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use crate::oci::{FetchError, Reference};
use crate::registry::{BlobReader, Environment, Runtime, stream_to};

/// Daemons write a whole image aside before they send its first byte.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long a question about an image may take.
const ANSWER: Duration = Duration::from_secs(60);
/// Bytes of a daemon's error message.
const MAX_MESSAGE: usize = 16 << 10;

/// An image that a daemon is sending.
pub struct DaemonImage {
    /// The archive, from its start. A transfer that breaks off is an error of the reader, never an end.
    pub reader: Box<dyn Read + Send>,
    /// The reference as the user wrote it.
    pub name: String,
    /// The reference without its tag; the image's number where it was asked for by number.
    pub repository: String,
    /// The tag, if it was not asked for by number or digest.
    pub tag: Option<String>,
    /// `docker-archive` or `oci-archive`.
    pub format: &'static str,
}

/// Which daemon is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// `dockerd`, or what offers its interface.
    Docker,
    /// `podman system service`.
    Podman,
}

impl Daemon {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        }
    }

    /// Where its socket may be, best first.
    fn sockets(self, environment: &Environment) -> Result<Vec<PathBuf>, FetchError> {
        let variable = match self {
            Self::Docker => "DOCKER_HOST",
            Self::Podman => "CONTAINER_HOST",
        };
        if let Some(address) = environment.get(variable) {
            let path = address.strip_prefix("unix://").filter(|path| path.starts_with('/')).ok_or_else(|| {
                let address: String = address.chars().take(100).flat_map(char::escape_debug).collect();
                FetchError::Usage(format!("`{variable}` is `{address}`: only `unix:///path` can be used"))
            })?;
            // The path of a podman connection may carry a query.
            return Ok(vec![PathBuf::from(path.split('?').next().unwrap_or(path))]);
        }
        let home = environment.home_directory().map(|home| home.join(".docker/run/docker.sock"));
        let runtime = environment.runtime_directory();
        Ok(match self {
            Self::Docker => [Some(PathBuf::from("/var/run/docker.sock")), home].into_iter().flatten().collect(),
            Self::Podman => [
                runtime.map(|directory| directory.join("podman/podman.sock")),
                Some(PathBuf::from("/run/podman/podman.sock")),
            ]
            .into_iter()
            .flatten()
            .collect(),
        })
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// In the daemon's words.
    id: String,
    repository: String,
    tag: Option<String>,
}

/// A reference, or an image's number: 12 to 64 hexadecimal digits, with or without `sha256:`.
fn wanted(text: &str) -> Result<Wanted, FetchError> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let is_number = (12..=64).contains(&hex.len()) && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_number {
        return Ok(Wanted { id: text.to_owned(), repository: text.to_owned(), tag: None });
    }
    let reference: Reference =
        text.parse().map_err(|error: crate::oci::ReferenceError| FetchError::Usage(error.to_string()))?;
    if reference.digest.is_some() && reference.tag.is_some() {
        let why = "a daemon does not check that the tag belongs to the digest: give one of them";
        return Err(FetchError::Usage(format!("`{text}`: {why}")));
    }
    let name = text.split('@').next().unwrap_or(text);
    let bare = match &reference.tag {
        Some(tag) => name.strip_suffix(tag.as_str()).and_then(|name| name.strip_suffix(':')).unwrap_or(name),
        None => name,
    };
    let tag = reference.effective_tag().map(str::to_owned);
    // The name as written: Podman looks it up under several hosts. The tag always: a bare name exports all of them.
    let id = match (&reference.digest, &tag) {
        (Some(digest), _) => format!("{bare}@{digest}"),
        (None, tag) => format!("{bare}:{}", tag.as_deref().unwrap_or("latest")),
    };
    Ok(Wanted { id, repository: bare.to_owned(), tag })
}

/// Asks a daemon for an image.
///
/// # Errors
/// [`FetchError::NotFound`] when the daemon has no such image, [`FetchError::Usage`] when there is no daemon.
pub fn open_daemon(daemon: Daemon, text: &str, environment: &Environment) -> Result<DaemonImage, FetchError> {
    let wanted = wanted(text)?;
    let sockets = daemon.sockets(environment)?;
    let socket = reachable(daemon, &sockets)?;
    let (question, archive, format) = match daemon {
        Daemon::Docker => {
            (format!("/images/{}/json", wanted.id), format!("/images/{}/get", wanted.id), "docker-archive")
        }
        Daemon::Podman => (
            format!("/v4.0.0/libpod/images/{}/json", wanted.id),
            format!("/v4.0.0/libpod/images/{}/get?format=oci-archive", wanted.id),
            "oci-archive",
        ),
    };
    let what = format!("`{}` in the {} daemon", wanted.id, daemon.name());
    let runtime = Arc::new(Runtime::start()?);
    let reader = BlobReader::start(&runtime, what.clone(), async move |mut feed| {
        let client = reqwest::Client::builder()
            .unix_socket(socket)
            .no_proxy()
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .read_timeout(PATIENCE)
            .build()
            .map_err(|error| FetchError::Usage(format!("the socket cannot be used: {error}")))?;
        let exists = tokio::time::timeout(ANSWER, ask(&client, &question, &what)).await;
        drop(exists.map_err(|_| unavailable(&what, "it did not answer in time"))??);
        let response = ask(&client, &archive, &what).await?;
        stream_to(response, &mut feed, &what).await
    })?;
    let Wanted { repository, tag, .. } = wanted;
    Ok(DaemonImage { reader: Box::new(reader), name: text.to_owned(), repository, tag, format })
}

fn unavailable(what: &str, why: &str) -> FetchError {
    FetchError::Unavailable { what: what.to_owned(), why: why.to_owned() }
}

/// The first socket behind which somebody listens.
fn reachable(daemon: Daemon, sockets: &[PathBuf]) -> Result<PathBuf, FetchError> {
    let mut tried = Vec::new();
    for socket in sockets {
        match UnixStream::connect(socket) {
            Ok(_) => return Ok(socket.clone()),
            Err(error) => tried.push(format!("`{}` ({})", Path::new(socket).display(), error.kind())),
        }
    }
    Err(FetchError::Usage(format!("no {} daemon answers; tried {}", daemon.name(), tried.join(", "))))
}

async fn ask(client: &reqwest::Client, path: &str, what: &str) -> Result<reqwest::Response, FetchError> {
    let response = client
        .get(format!("http://localhost{path}"))
        .send()
        .await
        .map_err(|error| unavailable(what, &format!("the daemon gave no answer: {}", error.without_url())))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let message = message(response).await;
    let why = format!("the daemon answered {status}{message}");
    Err(match status {
        StatusCode::NOT_FOUND => FetchError::NotFound { what: what.to_owned() },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Denied { what: what.to_owned(), why },
        status if status.is_client_error() => FetchError::Usage(format!("{what}: {why}")),
        _ => FetchError::Unavailable { what: what.to_owned(), why },
    })
}

/// The daemon's own words, fit to be printed.
async fn message(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_MESSAGE {
            return String::new();
        }
    }
    let document: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let text = document.as_ref().and_then(|document| document.get("message")).and_then(serde_json::Value::as_str);
    text.map_or_else(String::new, |text| {
        format!(": {}", text.chars().take(300).flat_map(char::escape_debug).collect::<String>())
    })
}

#[cfg(test)]
mod tests;
