//! A small registry on loopback that keeps images in memory, asks for credentials, and breaks on command.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;

use crate::model::Digest;

/// Connections that are served at a time.
const MAX_CONNECTIONS: usize = 64;
/// Bytes of a request's head.
const MAX_REQUEST: u64 = 1 << 20;
/// Bytes of a request's body.
const MAX_BODY: u64 = 64 << 20;

/// What a request that matches a [`Fault`] gets.
#[derive(Debug, Clone)]
pub enum Action {
    /// Exactly this answer.
    Answer {
        /// Status code.
        status: u16,
        /// Headers.
        headers: Vec<(&'static str, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// The usual answer, whose body breaks off after so many bytes.
    CutAfter(usize),
    /// The usual answer with a body of so many bytes, and a `Content-Length` to match.
    Shorten(usize),
    /// This status and a body that never ends.
    Endless(u16),
    /// The usual answer with this header set.
    Header(&'static str, String),
    /// The usual answer with another body.
    Body(Vec<u8>),
    /// The usual answer without regard to `Range`.
    IgnoreRange,
    /// Nothing: the connection closes.
    Close,
    /// The usual answer, later.
    Delay(Duration),
    /// The tokens issued so far become worthless before the request is looked at.
    Revoke,
    /// So many bytes of the request's body are taken, into the upload when it is one, and the connection closes.
    CutRequest(usize),
    /// What was asked for is done, and the connection closes instead of an answer.
    Silence,
}

/// In what this registry differs from a well-behaved one.
#[derive(Debug, Clone)]
pub struct Quirks {
    /// Answers to PUT have `Location`.
    pub location_after_put: bool,
    /// Answers to PATCH have `Location`.
    pub location_after_patch: bool,
    /// Where uploads are said to be: another server.
    pub upload_host: Option<String>,
    /// The most bytes of a blob in one request.
    pub most_per_request: Option<usize>,
    /// The fewest bytes of a chunk.
    pub least_per_chunk: Option<usize>,
    /// Blobs can be mounted.
    pub mounts: bool,
    /// Several tags with one request.
    pub multi_tag: bool,
    /// The referrers API.
    pub referrers_api: bool,
    /// Tags never move.
    pub immutable_tags: bool,
    /// Manifests can be deleted.
    pub deletes: bool,
    /// `If-Match` and `If-None-Match` of requests that write tags are obeyed.
    pub conditions: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            location_after_put: true,
            location_after_patch: true,
            upload_host: None,
            most_per_request: None,
            least_per_chunk: None,
            mounts: true,
            multi_tag: false,
            referrers_api: false,
            immutable_tags: false,
            deletes: true,
            conditions: false,
        }
    }
}

/// A rule that makes requests fail.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Part of method and path with its query, such as `PUT /v2/a/manifests/` or `/blobs/`.
    pub path: String,
    /// Matching requests that pass before the rule works.
    pub skip: usize,
    /// Requests that it works on.
    pub times: usize,
    /// What they get.
    pub action: Action,
}

/// How the registry wants to be asked.
#[derive(Debug, Clone)]
pub enum Auth {
    /// By anyone.
    Open,
    /// With user name and password.
    Basic(&'static str, &'static str),
    /// With a token of a token service.
    Bearer(TokenService),
}

/// The token service, at `/token` of the same server unless `realm` says otherwise.
#[derive(Debug, Clone, Default)]
pub struct TokenService {
    /// Another address.
    pub realm: Option<String>,
    /// The only user; none when tokens are for everyone.
    pub user: Option<(&'static str, &'static str)>,
    /// The identity token that it takes by POST.
    pub identity: Option<&'static str>,
    /// What it says about a token's life.
    pub expires_in: Option<u64>,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body, as text.
    pub body: String,
    /// Body.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct Repository {
    blobs: BTreeMap<String, Arc<Vec<u8>>>,
    /// By digest: media type and bytes.
    manifests: BTreeMap<String, (String, Arc<Vec<u8>>)>,
    tags: BTreeMap<String, String>,
}

struct State {
    repositories: BTreeMap<String, Repository>,
    /// Each with the number of requests that it has matched.
    faults: Vec<(Fault, usize)>,
    auth: Auth,
    /// Tokens that are good, each with its scopes.
    tokens: BTreeMap<String, Vec<String>>,
    issued: usize,
    requests: Vec<Recorded>,
    page: usize,
    quirks: Quirks,
    /// By number: repository and bytes so far.
    uploads: BTreeMap<usize, (String, Vec<u8>)>,
    started: usize,
}

/// The registry. It stops when it is dropped.
pub struct FakeRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl FakeRegistry {
    /// Starts an empty registry on a free port of 127.0.0.1.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            repositories: BTreeMap::new(),
            faults: Vec::new(),
            auth: Auth::Open,
            tokens: BTreeMap::new(),
            issued: 0,
            requests: Vec::new(),
            page: usize::MAX,
            quirks: Quirks::default(),
            uploads: BTreeMap::new(),
            started: 0,
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let server = Server { state: Arc::clone(&state), stop: Arc::clone(&stop), address };
        let accepting = std::thread::spawn(move || server.accept(&listener));
        Self { address, state, stop, accepting: Some(accepting) }
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Stores a blob.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let mut state = self.lock();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository.blobs.insert(digest.to_string(), Arc::new(bytes));
        digest
    }

    /// Stores a manifest, under a tag if there is one.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let mut state = self.lock();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest.to_string(), (media_type.to_owned(), Arc::new(bytes)));
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest.to_string());
        }
        digest
    }

    /// Adds a rule; the first one that matches a request counts.
    pub fn fault(&self, path: &str, skip: usize, times: usize, action: Action) {
        self.lock().faults.push((Fault { path: path.to_owned(), skip, times, action }, 0));
    }

    /// Takes all rules away.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Sets how the registry wants to be asked.
    pub fn require(&self, auth: Auth) {
        self.lock().auth = auth;
    }

    /// Tags per page of a list.
    pub fn page_size(&self, tags: usize) {
        self.lock().page = tags;
    }

    /// Sets in what it differs from a well-behaved registry.
    pub fn behave(&self, quirks: Quirks) {
        self.lock().quirks = quirks;
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        let state = self.lock();
        state.repositories.get(repository)?.blobs.get(&digest.to_string()).map(|bytes| bytes.to_vec())
    }

    /// Media type and bytes of a manifest, by tag or digest.
    pub fn stored(&self, repository: &str, id: &str) -> Option<(String, Vec<u8>)> {
        let state = self.lock();
        let repository = state.repositories.get(repository)?;
        let digest = repository.tags.get(id).map_or(id, String::as_str);
        repository.manifests.get(digest).map(|(media_type, bytes)| (media_type.clone(), bytes.to_vec()))
    }

    /// The tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.lock().repositories.get(repository).map(|found| found.tags.keys().cloned().collect()).unwrap_or_default()
    }

    /// Uploads that were neither finished nor cancelled.
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    /// All requests so far, without the probe for TLS.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.iter().filter(|request| request.path != "/v2/").cloned().collect()
    }

    /// The requests whose path contains a text.
    pub fn requests_for(&self, path: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.path.contains(path)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

struct Server {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    address: SocketAddr,
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Arc<Vec<u8>>,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: BTreeMap::new(), body: Arc::new(body.into()) }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, format!(r#"{{"errors":[{{"code":"{code}","message":"{code} of the fake"}}]}}"#))
        .with("content-type", "application/json")
}

impl Server {
    fn accept(self, listener: &TcpListener) {
        let server = Arc::new(self);
        let open = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            if server.stop.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let (server, open) = (Arc::clone(&server), Arc::clone(&open));
            std::thread::spawn(move || {
                // A client that goes away in the middle is part of the game.
                let _ = server.serve(stream);
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read_head(&mut reader)? {
            let action = self.lock().action_for(&request);
            if let Some(Action::CutRequest(count)) = action {
                read_body(&mut reader, &mut request, Some(count))?;
                let mut state = self.lock();
                state.requests.push(request.clone());
                let id =
                    request.path.split_once("/blobs/uploads/").and_then(|(_, id)| id.split('?').next()?.parse().ok());
                if let Some((_, bytes)) = id.and_then(|id: usize| state.uploads.get_mut(&id)) {
                    bytes.extend_from_slice(&request.bytes);
                }
                return Ok(());
            }
            read_body(&mut reader, &mut request, None)?;
            self.lock().requests.push(request.clone());
            match &action {
                Some(Action::Close) => return Ok(()),
                Some(Action::Delay(time)) => std::thread::sleep(*time),
                Some(Action::Revoke) => self.lock().tokens.clear(),
                Some(Action::IgnoreRange) => {
                    request.headers.remove("range");
                }
                _ => {}
            }
            // A fixed answer stands for a server that has done nothing.
            if let Some(Action::Answer { status, headers, body }) = &action {
                let mut answer = Answer::new(*status, body.clone());
                for (name, value) in headers {
                    answer = answer.with(name, value.clone());
                }
                write_head(&mut writer, &answer, answer.body.len())?;
                if request.method != "HEAD" {
                    writer.write_all(&answer.body)?;
                }
                continue;
            }
            let mut answer = self.answer(&request);
            match action {
                Some(Action::Silence) => return Ok(()),
                Some(Action::CutAfter(count)) => {
                    write_head(&mut writer, &answer, answer.body.len())?;
                    return writer.write_all(&answer.body[..count.min(answer.body.len())]);
                }
                Some(Action::Shorten(count)) => answer.body = Arc::new(answer.body[..count].to_vec()),
                Some(Action::Endless(status)) => {
                    write!(writer, "HTTP/1.1 {status} Endless\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                    let chunk = [&b"10000\r\n"[..], &vec![b'x'; 0x10000], b"\r\n"].concat();
                    while !self.stop.load(Ordering::SeqCst) {
                        writer.write_all(&chunk)?;
                    }
                    return Ok(());
                }
                Some(Action::Header(name, value)) => answer = answer.with(name, value),
                Some(Action::Body(body)) => answer.body = Arc::new(body),
                _ => {}
            }
            write_head(&mut writer, &answer, answer.body.len())?;
            if request.method != "HEAD" {
                writer.write_all(&answer.body)?;
            }
            if self.stop.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Recorded) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let mut state = self.lock();
        if path == "/token" {
            return state.token(request, query);
        }
        if let Some(refusal) = state.refusal(request, path, self.address) {
            return refusal;
        }
        let Some(rest) = path.strip_prefix("/v2/") else { return Answer::new(404, "nothing here") };
        if rest.is_empty() {
            return Answer::new(200, "{}");
        }
        if let Some((name, id)) = rest.rsplit_once("/blobs/uploads/") {
            return state.upload(request, name, id, query);
        }
        let separators = [("/manifests/", 'm'), ("/blobs/", 'b'), ("/tags/list", 't'), ("/referrers/", 'r')];
        for (separator, kind) in separators {
            let Some((name, id)) = rest.rsplit_once(separator) else { continue };
            let page = state.page;
            let quirks = state.quirks.clone();
            if kind == 'm' && request.method == "PUT" {
                return state.put_manifest(request, name, id, query);
            }
            let Some(repository) = state.repositories.get_mut(name) else { return error(404, "NAME_UNKNOWN") };
            return match (kind, request.method.as_str()) {
                (_, "DELETE") if !quirks.deletes => error(405, "UNSUPPORTED"),
                ('m', "DELETE") => repository.delete_manifest(id),
                ('b', "DELETE") => match repository.blobs.remove(id) {
                    Some(_) => Answer::new(202, ""),
                    None => error(404, "BLOB_UNKNOWN"),
                },
                ('m', _) => repository.manifest(id),
                ('b', _) => repository.blob(id, request.headers.get("range").map(String::as_str)),
                ('r', _) if quirks.referrers_api => repository.referrers(id),
                ('r', _) => error(404, "NOT_FOUND"),
                _ => repository.tag_page(name, query, page),
            };
        }
        Answer::new(404, "nothing here")
    }
}

impl State {
    fn action_for(&mut self, request: &Recorded) -> Option<Action> {
        let line = format!("{} {}", request.method, request.path);
        for (fault, matched) in &mut self.faults {
            if line.contains(&fault.path) {
                *matched += 1;
                if *matched > fault.skip && *matched - fault.skip <= fault.times {
                    return Some(fault.action.clone());
                }
            }
        }
        None
    }

    fn refusal(&self, request: &Recorded, path: &str, address: SocketAddr) -> Option<Answer> {
        let authorization = request.headers.get("authorization").map_or("", String::as_str);
        let challenge = match &self.auth {
            Auth::Open => return None,
            Auth::Basic(user, password) if authorization == basic(user, password) => return None,
            Auth::Basic(..) => "Basic realm=\"fake\"".to_owned(),
            Auth::Bearer(service) => {
                let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
                let rest = path.trim_start_matches("/v2/");
                let parts = ["/manifests/", "/blobs/uploads/", "/blobs/", "/tags/", "/referrers/"];
                let name = parts.iter().find_map(|part| rest.rsplit_once(part)).map_or("", |(name, _)| name);
                let action = match request.method.as_str() {
                    "GET" | "HEAD" if !path.contains("/uploads/") => "pull",
                    "DELETE" if !path.contains("/uploads/") => "delete",
                    _ => "pull,push",
                };
                let mut wanted = vec![format!("repository:{name}:{action}")];
                if let Some(source) = field(&request.path, "from") {
                    wanted.push(format!("repository:{source}:pull"));
                }
                if self.tokens.get(token).is_some_and(|scopes| wanted.iter().all(|scope| grants(scopes, scope))) {
                    return None;
                }
                let realm = service.realm.clone().unwrap_or_else(|| format!("http://{address}/token"));
                // Real registries name the source of a mount here too; one that does not is the harder case.
                format!("Bearer realm=\"{realm}\",service=\"fake\",scope=\"{}\"", wanted[0])
            }
        };
        Some(error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
    }

    fn token(&mut self, request: &Recorded, query: &str) -> Answer {
        let Auth::Bearer(service) = &self.auth else { return Answer::new(404, "no token service") };
        let form = if request.method == "POST" { request.body.as_str() } else { query };
        let fields: Vec<(String, String)> = reqwest::Url::parse(&format!("http://form.invalid/?{form}"))
            .map(|url| url.query_pairs().into_owned().collect())
            .unwrap_or_default();
        let values = |name: &str| -> Vec<String> {
            fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
        };
        if request.method == "POST" {
            let known = service.identity.is_some_and(|token| values("refresh_token") == [token]);
            if !known || values("grant_type") != ["refresh_token"] || values("client_id").is_empty() {
                return Answer::new(400, r#"{"error":"invalid_grant"}"#);
            }
        } else if let Some((user, password)) = service.user
            && request.headers.get("authorization") != Some(&basic(user, password))
        {
            return error(401, "UNAUTHORIZED");
        }
        let life = service.expires_in.map_or(String::new(), |life| format!(",\"expires_in\":{life}"));
        let field = if request.method == "POST" { "access_token" } else { "token" };
        self.issued += 1;
        let token = format!("opaque-{}", self.issued);
        let scopes = values("scope").iter().flat_map(|scope| scope.split(' ')).map(str::to_owned).collect();
        self.tokens.insert(token.clone(), scopes);
        Answer::new(200, format!("{{\"{field}\":\"{token}\"{life}}}")).with("content-type", "application/json")
    }
}

/// Whether one of the scopes of a token allows everything that a scope asks for.
fn grants(scopes: &[String], wanted: &str) -> bool {
    let Some((resource, actions)) = wanted.rsplit_once(':') else { return false };
    let has = |scope: &String| match scope.rsplit_once(':') {
        Some((of, granted)) => {
            of == resource && actions.split(',').all(|action| granted.split(',').any(|granted| granted == action))
        }
        None => false,
    };
    scopes.iter().any(has)
}

/// A field of a query, decoded.
fn field(path: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://query.invalid{path}")).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn digest_like(like: &str, bytes: &[u8]) -> String {
    match like.parse::<Digest>() {
        Ok(like) => {
            let mut hasher = like.hasher();
            hasher.update(bytes);
            hasher.finish().to_string()
        }
        Err(_) => Digest::of(bytes).to_string(),
    }
}

impl State {
    fn upload(&mut self, request: &Recorded, name: &str, id: &str, _query: &str) -> Answer {
        if request.method == "POST" {
            return self.start_upload(request, name);
        }
        let Some(id) = id.parse::<usize>().ok().filter(|id| self.uploads.contains_key(id)) else {
            return error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        if self.quirks.most_per_request.is_some_and(|most| request.bytes.len() > most) {
            return error(413, "SIZE_INVALID");
        }
        let quirks = self.quirks.clone();
        let next = self.place(name, id);
        let Some((_, bytes)) = self.uploads.get_mut(&id) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        let range = |length: usize| format!("0-{}", length.saturating_sub(1));
        match request.method.as_str() {
            "GET" => Answer::new(204, "").with("range", range(bytes.len())).with("location", next),
            "DELETE" => {
                self.uploads.remove(&id);
                Answer::new(204, "")
            }
            "PATCH" => {
                let start =
                    request.headers.get("content-range").and_then(|range| range.split('-').next()?.parse().ok());
                if start.is_some_and(|start: usize| start != bytes.len()) {
                    return error(416, "BLOB_UPLOAD_INVALID");
                }
                bytes.extend_from_slice(&request.bytes);
                let answer = Answer::new(202, "").with("range", range(bytes.len()));
                if quirks.location_after_patch { answer.with("location", next) } else { answer }
            }
            "PUT" => {
                bytes.extend_from_slice(&request.bytes);
                let wanted = field(&request.path, "digest").unwrap_or_default();
                if digest_like(&wanted, bytes) != wanted {
                    return error(400, "DIGEST_INVALID");
                }
                let bytes = self.uploads.remove(&id).map(|(_, bytes)| bytes).unwrap_or_default();
                let repository = self.repositories.entry(name.to_owned()).or_default();
                repository.blobs.insert(wanted.clone(), Arc::new(bytes));
                let answer = Answer::new(201, "").with("docker-content-digest", wanted.clone());
                if quirks.location_after_put {
                    answer.with("location", format!("/v2/{name}/blobs/{wanted}"))
                } else {
                    answer
                }
            }
            _ => error(405, "UNSUPPORTED"),
        }
    }

    /// Where an upload goes on: relative, and another address after every request.
    fn place(&mut self, name: &str, id: usize) -> String {
        self.started += 1;
        let path = format!("/v2/{name}/blobs/uploads/{id}?state={}", self.started);
        match &self.quirks.upload_host {
            Some(host) => format!("http://{host}{path}"),
            None => path,
        }
    }

    fn start_upload(&mut self, request: &Recorded, name: &str) -> Answer {
        let mounted = field(&request.path, "mount").zip(field(&request.path, "from")).filter(|_| self.quirks.mounts);
        if let Some((digest, source)) = mounted {
            let found = self.repositories.get(&source).and_then(|source| source.blobs.get(&digest)).cloned();
            if let Some(bytes) = found {
                self.repositories.entry(name.to_owned()).or_default().blobs.insert(digest.clone(), bytes);
                return Answer::new(201, "").with("location", format!("/v2/{name}/blobs/{digest}"));
            }
        }
        let id = self.started + 1;
        self.uploads.insert(id, (name.to_owned(), Vec::new()));
        let answer = Answer::new(202, "").with("location", self.place(name, id)).with("range", "0-0");
        match self.quirks.least_per_chunk {
            Some(least) => answer.with("oci-chunk-min-length", least.to_string()),
            None => answer,
        }
    }

    fn put_manifest(&mut self, request: &Recorded, name: &str, id: &str, query: &str) -> Answer {
        let quirks = self.quirks.clone();
        let repository = self.repositories.entry(name.to_owned()).or_default();
        let digest = digest_like(id, &request.bytes);
        if id.contains(':') && id != digest {
            return error(400, "DIGEST_INVALID");
        }
        let Ok(document) = serde_json::from_slice::<serde_json::Value>(&request.bytes) else {
            return error(400, "MANIFEST_INVALID");
        };
        let is_index = document.get("manifests").is_some();
        let list = |name: &str| document.get(name).and_then(|list| list.as_array()).cloned().unwrap_or_default();
        let needed: Vec<serde_json::Value> =
            list("layers").into_iter().chain(document.get("config").cloned()).collect();
        let name_of = |descriptor: &serde_json::Value| {
            descriptor.get("digest").and_then(|digest| digest.as_str()).unwrap_or_default().to_owned()
        };
        if needed.iter().any(|blob| !repository.blobs.contains_key(&name_of(blob))) {
            return error(400, "MANIFEST_BLOB_UNKNOWN");
        }
        // An index of referrers may name what is deleted later; images of an index must be there.
        if is_index
            && !id.starts_with("sha256-")
            && list("manifests").iter().any(|child| !repository.manifests.contains_key(&name_of(child)))
        {
            return error(400, "MANIFEST_BLOB_UNKNOWN");
        }
        let mut tags: Vec<String> = if id.contains(':') { Vec::new() } else { vec![id.to_owned()] };
        let more: Vec<String> =
            query.split('&').filter_map(|field| field.strip_prefix("tag=")).map(str::to_owned).collect();
        if quirks.multi_tag {
            tags.extend(more.iter().cloned());
        }
        if quirks.conditions && !id.contains(':') {
            let there = repository.tags.get(id).map(|digest| format!("\"{digest}\""));
            let holds = match (request.headers.get("if-match"), request.headers.get("if-none-match")) {
                (Some(wanted), _) => there.as_ref() == Some(wanted),
                (None, Some(_)) => there.is_none(),
                (None, None) => true,
            };
            if !holds {
                return error(412, "DENIED");
            }
        }
        let moves = |tag: &String| repository.tags.get(tag).is_some_and(|old| *old != digest);
        if quirks.immutable_tags && tags.iter().any(moves) {
            return error(400, "TAG_INVALID");
        }
        let media_type = request.headers.get("content-type").cloned().unwrap_or_default();
        repository.manifests.insert(digest.clone(), (media_type, Arc::new(request.bytes.clone())));
        for tag in tags {
            repository.tags.insert(tag, digest.clone());
        }
        let mut answer = Answer::new(201, "").with("docker-content-digest", digest.clone());
        if quirks.location_after_put {
            answer = answer.with("location", format!("/v2/{name}/manifests/{digest}"));
        }
        if quirks.multi_tag && !more.is_empty() {
            answer = answer.with("oci-tag", more.join(", "));
        }
        match document.get("subject").map(name_of) {
            Some(subject) if quirks.referrers_api => answer.with("oci-subject", subject),
            _ => answer,
        }
    }
}

impl Repository {
    fn delete_manifest(&mut self, id: &str) -> Answer {
        if !id.contains(':') {
            return match self.tags.remove(id) {
                Some(_) => Answer::new(202, ""),
                None => error(404, "MANIFEST_UNKNOWN"),
            };
        }
        self.tags.retain(|_, digest| digest != id);
        match self.manifests.remove(id) {
            Some(_) => Answer::new(202, ""),
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn referrers(&self, subject: &str) -> Answer {
        let mut entries = Vec::new();
        for (digest, (media_type, bytes)) in &self.manifests {
            let Ok(document) = serde_json::from_slice::<serde_json::Value>(bytes) else { continue };
            if document["subject"]["digest"] == subject {
                entries.push(serde_json::json!({ "mediaType": media_type, "digest": digest, "size": bytes.len(),
                    "artifactType": document["artifactType"], "annotations": document["annotations"] }));
            }
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
        Answer::new(200, index.to_string()).with("content-type", media_type)
    }

    fn manifest(&self, id: &str) -> Answer {
        let digest = self.tags.get(id).map_or(id, String::as_str);
        let Some((media_type, bytes)) = self.manifests.get(digest) else { return error(404, "MANIFEST_UNKNOWN") };
        Answer { status: 200, headers: BTreeMap::new(), body: Arc::clone(bytes) }
            .with("content-type", media_type)
            .with("docker-content-digest", digest)
    }

    fn blob(&self, digest: &str, range: Option<&str>) -> Answer {
        let Some(bytes) = self.blobs.get(digest) else { return error(404, "BLOB_UNKNOWN") };
        let start = range
            .and_then(|range| range.strip_prefix("bytes="))
            .and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
        let answer = match start {
            None => Answer { status: 200, headers: BTreeMap::new(), body: Arc::clone(bytes) },
            Some(start) if start >= bytes.len() => error(416, "RANGE_INVALID"),
            Some(start) => Answer::new(206, &bytes[start..])
                .with("content-range", format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len())),
        };
        answer.with("content-type", "application/octet-stream").with("docker-content-digest", digest)
    }

    fn tag_page(&self, name: &str, query: &str, page: usize) -> Answer {
        let last = query.split('&').find_map(|field| field.strip_prefix("last=")).unwrap_or_default();
        let mut rest = self.tags.keys().filter(|tag| tag.as_str() > last);
        let tags: Vec<&String> = rest.by_ref().take(page).collect();
        let text = serde_json::json!({ "name": name, "tags": tags }).to_string();
        let answer = Answer::new(200, text).with("content-type", "application/json");
        match (rest.next(), tags.last()) {
            (Some(_), Some(last)) => answer.with("link", format!("</v2/{name}/tags/list?last={last}>; rel=\"next\"")),
            _ => answer,
        }
    }
}

/// The `Authorization` header of user name and password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Recorded>> {
    let mut head = String::new();
    let mut limited = reader.by_ref().take(MAX_REQUEST);
    loop {
        let start = head.len();
        if limited.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head[start..].trim_end().is_empty() {
            break;
        }
    }
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Some(Recorded { method, path, headers, body: String::new(), bytes: Vec::new() }))
}

/// Reads the body of a request, or only its first bytes.
fn read_body(reader: &mut BufReader<TcpStream>, request: &mut Recorded, most: Option<usize>) -> std::io::Result<()> {
    let length = request.headers.get("content-length").and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    let length = most.map_or(length, |most| length.min(most as u64));
    reader.by_ref().take(length.min(MAX_BODY)).read_to_end(&mut request.bytes)?;
    request.body = String::from_utf8_lossy(&request.bytes).into_owned();
    if (request.bytes.len() as u64) < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn write_head(writer: &mut TcpStream, answer: &Answer, length: usize) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {length}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())
}
