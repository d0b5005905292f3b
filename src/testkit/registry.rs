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
/// Bytes of a request's head and of its body.
const MAX_REQUEST: u64 = 1 << 20;

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
}

/// A rule that makes requests fail.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Part of the path, with its query.
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
    /// Body.
    pub body: String,
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

    /// Sets how the registry wants to be asked.
    pub fn require(&self, auth: Auth) {
        self.lock().auth = auth;
    }

    /// Tags per page of a list.
    pub fn page_size(&self, tags: usize) {
        self.lock().page = tags;
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
        while let Some(request) = read_request(&mut reader)? {
            let action = self.lock().action_for(&request);
            let mut request = request;
            match &action {
                Some(Action::Close) => return Ok(()),
                Some(Action::Delay(time)) => std::thread::sleep(*time),
                Some(Action::Revoke) => self.lock().tokens.clear(),
                Some(Action::IgnoreRange) => {
                    request.headers.remove("range");
                }
                _ => {}
            }
            let mut answer = self.answer(&request);
            match action {
                Some(Action::Answer { status, headers, body }) => {
                    answer = Answer::new(status, body);
                    for (name, value) in headers {
                        answer = answer.with(name, value);
                    }
                }
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
        for (separator, kind) in [("/manifests/", 'm'), ("/blobs/", 'b'), ("/tags/list", 't')] {
            let Some((name, id)) = rest.rsplit_once(separator) else { continue };
            let page = state.page;
            let Some(repository) = state.repositories.get(name) else { return error(404, "NAME_UNKNOWN") };
            return match kind {
                'm' => repository.manifest(id),
                'b' => repository.blob(id, request.headers.get("range").map(String::as_str)),
                _ => repository.tag_page(name, query, page),
            };
        }
        Answer::new(404, "nothing here")
    }
}

impl State {
    fn action_for(&mut self, request: &Recorded) -> Option<Action> {
        self.requests.push(request.clone());
        for (fault, matched) in &mut self.faults {
            if request.path.contains(&fault.path) {
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
                let repository = path.trim_start_matches("/v2/").rsplit_once("/manifests/");
                let repository = repository.or_else(|| path.trim_start_matches("/v2/").rsplit_once("/blobs/"));
                let repository = repository.or_else(|| path.trim_start_matches("/v2/").rsplit_once("/tags/"));
                let scope = format!("repository:{}:pull", repository.map_or("", |(name, _)| name));
                if self.tokens.get(token).is_some_and(|scopes| scopes.contains(&scope)) {
                    return None;
                }
                let realm = service.realm.clone().unwrap_or_else(|| format!("http://{address}/token"));
                format!("Bearer realm=\"{realm}\",service=\"fake\",scope=\"{scope}\"")
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

impl Repository {
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

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Recorded>> {
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
    let length = headers.get("content-length").and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    let mut body = String::new();
    reader.by_ref().take(length.min(MAX_REQUEST)).read_to_string(&mut body)?;
    Ok(Some(Recorded { method, path, headers, body }))
}

fn write_head(writer: &mut TcpStream, answer: &Answer, length: usize) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {length}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())
}
