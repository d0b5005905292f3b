use std::io::Read as _;

use super::*;
use crate::testkit::registry::{Action, Auth, FakeRegistry, TokenService, basic};

const TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn options(variables: &[(&str, &str)]) -> Options {
    let retries = Retries { pause: Duration::from_millis(5), ..Retries::default() };
    let timeouts = Timeouts { small: Duration::from_secs(20), ..Timeouts::default() };
    Options { retries, timeouts, ..Options::new(Environment::of_variables(variables.iter().copied())) }
}

fn client() -> Client {
    Client::new(options(&[])).expect("a client")
}

fn client_as(user: &str, password: &str) -> Client {
    let login = Login::Password { username: user.to_owned(), password: Secret::new(password) };
    Client::new(Options { login: Some(login), ..options(&[]) }).expect("a client")
}

fn image(registry: &FakeRegistry) -> Reference {
    format!("{}/team/app:1.0", registry.host()).parse().expect("a reference")
}

fn tag() -> Target {
    Target::Tag("1.0".to_owned())
}

/// A registry with one manifest and one blob of `size` bytes.
fn stocked(size: usize) -> (FakeRegistry, Digest, Vec<u8>) {
    let registry = FakeRegistry::start();
    let bytes: Vec<u8> = (0..size).map(|index| u8::try_from(index * 31 % 251).expect("small")).collect();
    registry.put_manifest("team/app", Some("1.0"), TYPE, "{}");
    let digest = registry.put_blob("team/app", bytes.clone());
    (registry, digest, bytes)
}

fn read(client: &Client, reference: &Reference, digest: &Digest, size: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut reader = client.open_blob(reference, digest, size as u64)?;
    match reader.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let error = error.into_inner().expect("an inner error");
            assert!(reader.read(&mut [0]).is_err(), "a failed transfer never turns into an end");
            Err(*error.downcast::<FetchError>().expect("a fetch error"))
        }
    }
}

fn answer(status: u16, headers: &[(&'static str, &str)]) -> Action {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Action::Answer { status, headers, body: b"<html>".to_vec() }
}

#[test]
fn a_tag_is_fetched_with_all_manifest_types_and_hashed_here() {
    let (registry, ..) = stocked(0);
    let manifest = client().manifest(&image(&registry), &tag()).expect("a manifest");
    assert_eq!(
        manifest,
        ManifestBytes { bytes: b"{}".to_vec(), media_type: TYPE.to_owned(), digest: Digest::of(b"{}") }
    );
    let requests = registry.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/v2/team/app/manifests/1.0");
    assert_eq!(requests[0].headers["accept"].split(',').count(), 6);
    assert!(!requests[0].headers.contains_key("authorization"));
}

#[test]
fn head_tells_the_digest_without_the_manifest() {
    let (registry, ..) = stocked(0);
    assert_eq!(client().head(&image(&registry), &tag()).expect("a digest"), Some(Digest::of(b"{}")));
    assert_eq!(registry.requests()[0].method, "HEAD");
}

#[test]
fn a_lying_digest_is_damage() {
    let (registry, ..) = stocked(0);
    let lie = Digest::of(b"other").to_string();
    registry.fault("/manifests/", 0, 1, Action::Header("docker-content-digest", lie));
    registry.fault("/manifests/", 0, 1, Action::Header("docker-content-digest", "junk".to_owned()));
    let fetch = |target| client().manifest(&image(&registry), &target).expect_err("a lie");
    assert!(matches!(fetch(tag()), FetchError::Damaged { .. }));
    assert!(matches!(fetch(tag()), FetchError::Damaged { .. }));
    registry.fault("/manifests/sha256", 0, 1, Action::Body(b"{ }".to_vec()));
    assert!(matches!(fetch(Target::Digest(Digest::of(b"{}"))), FetchError::Damaged { .. }));
}

#[test]
fn an_endless_or_oversized_manifest_is_damage() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/1.0", 0, 1, Action::Endless(200));
    registry.fault("/manifests/1.0", 0, 1, Action::Body(vec![b' '; (4 << 20) + 1]));
    for _ in 0..2 {
        let error = client().manifest(&image(&registry), &tag()).expect_err("too long");
        assert!(matches!(&error, FetchError::Damaged { why, .. } if why.contains("longer than 4194304")), "{error}");
    }
}

#[test]
fn an_endless_error_document_ends() {
    let (registry, digest, _) = stocked(10);
    registry.fault("/manifests/", 0, 9, Action::Endless(404));
    let error = client().manifest(&image(&registry), &tag()).expect_err("absent");
    assert!(matches!(error, FetchError::NotFound { .. }), "{error}");
    registry.fault("/blobs/", 0, 9, Action::Endless(403));
    let error = read(&client(), &image(&registry), &digest, 10).expect_err("forbidden");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
}

#[test]
fn only_404_means_that_there_is_none() {
    let (registry, ..) = stocked(0);
    let fetch = || client().manifest(&image(&registry), &tag()).expect_err("a failure");
    for (status, class) in [(404, "found"), (403, "denied"), (401, "denied"), (400, "damaged"), (204, "damaged")] {
        registry.fault("/manifests/", 0, 1, answer(status, &[]));
        let error = fetch();
        let matches = match class {
            "found" => matches!(error, FetchError::NotFound { .. }),
            "denied" => matches!(error, FetchError::Denied { .. }),
            _ => matches!(error, FetchError::Damaged { .. }),
        };
        assert!(matches, "{status}: {error:?}");
    }
    let absent: Reference = format!("{}/no/such:1.0", registry.host()).parse().expect("a reference");
    let error = client().manifest(&absent, &tag()).expect_err("absent");
    assert!(matches!(error, FetchError::NotFound { .. }));
}

#[test]
fn what_may_pass_is_tried_three_times() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (registry, ..) = stocked(0);
        registry.fault("/manifests/", 0, 2, answer(status, &[]));
        assert!(client().manifest(&image(&registry), &tag()).is_ok(), "{status}");
        assert_eq!(registry.requests().len(), 3);
        registry.fault("/manifests/", 0, 3, answer(status, &[]));
        let error = client().manifest(&image(&registry), &tag()).expect_err("too often");
        assert!(matches!(&error, FetchError::Unavailable { why, .. } if why.contains(&status.to_string())), "{error}");
        assert_eq!(registry.requests().len(), 6);
    }
}

#[test]
fn closed_and_cut_connections_are_tried_again() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/", 0, 1, Action::Close);
    registry.fault("/manifests/", 0, 1, Action::CutAfter(1));
    assert!(client().manifest(&image(&registry), &tag()).is_ok());
}

#[test]
fn retry_after_is_honoured_up_to_its_bound() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/", 0, 1, answer(429, &[("retry-after", "1")]));
    let start = tokio::time::Instant::now();
    assert!(client().manifest(&image(&registry), &tag()).is_ok());
    assert!(start.elapsed() >= Duration::from_secs(1));
    registry.fault("/manifests/", 0, 1, answer(429, &[("retry-after", "31")]));
    let error = client().manifest(&image(&registry), &tag()).expect_err("too long a wait");
    assert!(matches!(&error, FetchError::Unavailable { why, .. } if why.contains("31 s")), "{error}");
}

#[test]
fn one_budget_of_repetitions_serves_all_requests_to_a_host() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/", 0, 99, answer(503, &[]));
    let mut options = options(&[]);
    options.retries.per_host = 3;
    let client = Client::new(options).expect("a client");
    for requests in [3, 5, 6] {
        let error = client.manifest(&image(&registry), &tag()).expect_err("unavailable");
        assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
        assert_eq!(registry.requests().len(), requests);
    }
}

#[test]
fn nobody_there_is_unavailable() {
    let address = { FakeRegistry::start().host() };
    let reference: Reference = format!("{address}/app:1.0").parse().expect("a reference");
    let error = client().manifest(&reference, &tag()).expect_err("nobody");
    assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
}

#[test]
fn a_registry_that_never_answers_is_unavailable() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/", 0, 9, Action::Delay(Duration::from_millis(600)));
    let mut options = options(&[]);
    options.timeouts.small = Duration::from_millis(100);
    let client = Client::new(options).expect("a client");
    let error = client.manifest(&image(&registry), &tag()).expect_err("late");
    assert!(matches!(&error, FetchError::Unavailable { why, .. } if why.contains("too long")), "{error}");
}

#[test]
fn proxies_of_the_environment_do_not_reach_loopback() {
    let (registry, digest, bytes) = stocked(10);
    let proxied = options(&[("HTTP_PROXY", "http://127.0.0.1:9"), ("HTTPS_PROXY", "http://127.0.0.1:9")]);
    let client = Client::new(proxied).expect("a client");
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    assert_eq!(read(&client, &image(&registry), &digest, 10).expect("a blob"), bytes);
}

#[test]
fn basic_credentials_are_sent_after_the_challenge_only() {
    let (registry, digest, bytes) = stocked(10);
    registry.require(Auth::Basic("alice", "secret"));
    let client = client_as("alice", "secret");
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    assert_eq!(read(&client, &image(&registry), &digest, 10).expect("a blob"), bytes);
    let requests = registry.requests();
    assert_eq!(requests.len(), 3, "one challenge for both");
    assert!(!requests[0].headers.contains_key("authorization"));
    assert_eq!(requests[1].headers["authorization"], basic("alice", "secret"));
}

#[test]
fn rejected_credentials_are_denied_and_offered_once() {
    for auth in [
        Auth::Basic("alice", "secret"),
        Auth::Bearer(TokenService { user: Some(("alice", "secret")), ..TokenService::default() }),
    ] {
        let (registry, digest, _) = stocked(10);
        registry.require(auth);
        let client = client_as("alice", "wrong-word");
        for _ in 0..3 {
            let error = client.manifest(&image(&registry), &tag()).expect_err("rejected");
            assert!(
                matches!(&error, FetchError::Denied { why, .. } if why.contains("rejected the credentials from the command line")),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("wrong-word"));
        }
        let error = read(&client, &image(&registry), &digest, 10).expect_err("rejected");
        assert!(matches!(error, FetchError::Denied { .. }), "{error}");
        let offered =
            registry.requests().iter().filter(|request| request.headers.contains_key("authorization")).count();
        assert_eq!(offered, 1);
    }
}

#[test]
fn no_credentials_where_some_are_wanted_is_denied() {
    let (registry, ..) = stocked(0);
    registry.require(Auth::Basic("alice", "secret"));
    let error = client().manifest(&image(&registry), &tag()).expect_err("anonymous");
    assert!(matches!(&error, FetchError::Denied { why, .. } if why.contains("none are known")), "{error}");
    registry.require(Auth::Bearer(TokenService { user: Some(("a", "b")), ..TokenService::default() }));
    let error = client().manifest(&image(&registry), &tag()).expect_err("anonymous");
    assert!(matches!(&error, FetchError::Denied { why, .. } if why.contains("anonymous")), "{error}");
}

#[test]
fn a_token_is_asked_for_once_with_its_scope_and_used_until_it_ends() {
    let (registry, digest, bytes) = stocked(10);
    let service = TokenService { user: Some(("alice", "secret")), expires_in: Some(300), ..TokenService::default() };
    registry.require(Auth::Bearer(service));
    let client = client_as("alice", "secret");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert!(client.manifest(&image(&registry), &tag()).is_ok()));
        }
    });
    assert_eq!(read(&client, &image(&registry), &digest, 10).expect("a blob"), bytes);
    let tokens = registry.requests_for("/token");
    assert_eq!(tokens.len(), 1, "one flight for all");
    assert_eq!(tokens[0].path, "/token?service=fake&scope=repository%3Ateam%2Fapp%3Apull");
    assert_eq!(tokens[0].headers["authorization"], basic("alice", "secret"));
    for request in registry.requests_for("/v2/") {
        let authorization = request.headers.get("authorization").map_or("Bearer", String::as_str);
        assert!(authorization.starts_with("Bearer"), "the password goes to the token service only");
    }
}

#[test]
fn a_token_for_everyone_is_taken_anonymously() {
    let (registry, ..) = stocked(0);
    registry.require(Auth::Bearer(TokenService::default()));
    assert!(client().manifest(&image(&registry), &tag()).is_ok());
    assert!(!registry.requests_for("/token")[0].headers.contains_key("authorization"));
}

#[test]
fn an_identity_token_is_exchanged_by_post() {
    let (registry, digest, bytes) = stocked(10);
    registry.require(Auth::Bearer(TokenService { identity: Some("refresh-me"), ..TokenService::default() }));
    let with = |token: &str| {
        let login = Some(Login::IdentityToken(Secret::new(token)));
        Client::new(Options { login, ..options(&[]) }).expect("a client")
    };
    assert_eq!(read(&with("refresh-me"), &image(&registry), &digest, 10).expect("a blob"), bytes);
    let post = &registry.requests_for("/token")[0];
    assert_eq!(post.method, "POST");
    assert!(post.body.contains("grant_type=refresh_token") && post.body.contains("service=fake"), "{}", post.body);
    let error = with("other").manifest(&image(&registry), &tag()).expect_err("rejected");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
}

#[test]
fn a_registry_token_is_used_as_it_is() {
    let (registry, ..) = stocked(0);
    registry.require(Auth::Bearer(TokenService::default()));
    let login = Some(Login::RegistryToken(Secret::new("not-known")));
    let client = Client::new(Options { login, ..options(&[]) }).expect("a client");
    let error = client.manifest(&image(&registry), &tag()).expect_err("rejected");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
    assert!(registry.requests_for("/token").is_empty());
    assert_eq!(registry.requests()[1].headers["authorization"], "Bearer not-known");
}

#[test]
fn a_token_that_ends_in_the_middle_of_work_is_renewed_once() {
    let (registry, digest, bytes) = stocked(3 << 20);
    registry.require(Auth::Bearer(TokenService::default()));
    let client = client();
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    // The connection is cut, and the token is worthless when the transfer is resumed.
    registry.fault("/blobs/", 0, 1, Action::CutAfter(1 << 20));
    registry.fault("/blobs/", 0, 1, Action::Revoke);
    assert_eq!(read(&client, &image(&registry), &digest, 3 << 20).expect("a blob"), bytes);
    assert_eq!(registry.requests_for("/token").len(), 2);
    // Worthless each time: the renewal does not go on for ever.
    registry.fault("/manifests/", 0, 99, Action::Revoke);
    let error = client.manifest(&image(&registry), &tag()).expect_err("refused twice");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
    assert_eq!(registry.requests_for("/token").len(), 3);
}

#[test]
fn a_short_lived_token_is_renewed_before_it_is_refused() {
    let (registry, ..) = stocked(0);
    registry.require(Auth::Bearer(TokenService { expires_in: Some(1), ..TokenService::default() }));
    let client = client();
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    std::thread::sleep(Duration::from_millis(1100));
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    assert_eq!(registry.requests_for("/token").len(), 2);
    assert_eq!(registry.requests_for("/manifests/").len(), 3, "no second 401");
}

#[test]
fn a_broken_token_service_is_not_a_refusal() {
    let (registry, ..) = stocked(0);
    registry.require(Auth::Bearer(TokenService::default()));
    registry.fault("/token", 0, 2, answer(503, &[]));
    assert!(client().manifest(&image(&registry), &tag()).is_ok());
    registry.fault("/token", 0, 3, answer(503, &[]));
    let error = client().manifest(&image(&registry), &tag()).expect_err("down");
    assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
    for body in ["{}", "<html>", "[]", r#"{"token":""}"#, r#"{"token":7}"#] {
        registry.fault("/token", 0, 1, Action::Body(body.as_bytes().to_vec()));
        let error = client().manifest(&image(&registry), &tag()).expect_err("no token");
        assert!(matches!(error, FetchError::Damaged { .. }), "{error}");
    }
    registry.fault("/token", 0, 1, Action::Body(br#"{"token":"a\nb"}"#.to_vec()));
    let error = client().manifest(&image(&registry), &tag()).expect_err("an injected header");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
}

#[test]
fn a_realm_that_is_refused_gets_no_credentials() {
    let (registry, ..) = stocked(0);
    for realm in ["http://169.254.169.254/token", "ftp://127.0.0.1/token", "http://u:p@127.0.0.1:1/token", "nonsense"] {
        registry.require(Auth::Bearer(TokenService { realm: Some(realm.to_owned()), ..TokenService::default() }));
        let error = client_as("alice", "secret").manifest(&image(&registry), &tag()).expect_err(realm);
        assert!(matches!(error, FetchError::Damaged { .. }), "{realm}: {error}");
    }
}

#[test]
fn a_blob_is_delivered_whole_by_oci_client() {
    for size in [0, 1, 100_000, 20 << 20] {
        let (registry, digest, bytes) = stocked(size);
        assert!(read(&client(), &image(&registry), &digest, size).expect("a blob") == bytes, "{size}");
        let first = &registry.requests_for("/blobs/")[0];
        assert_eq!(first.headers["range"], "bytes=0-", "oci-client asks for a part from the start");
        assert_eq!(registry.requests_for("/blobs/").len(), if size == 0 { 2 } else { 1 });
    }
}

#[test]
fn a_cut_blob_is_resumed_where_it_broke() {
    let (registry, digest, bytes) = stocked(3 << 20);
    registry.fault("/blobs/", 0, 1, Action::CutAfter(1_500_000));
    registry.fault("/blobs/", 0, 1, Action::CutAfter(700_000));
    assert!(read(&client(), &image(&registry), &digest, 3 << 20).expect("a blob") == bytes);
    let ranges: Vec<String> = registry.requests().iter().map(|request| request.headers["range"].clone()).collect();
    assert_eq!(ranges, ["bytes=0-", "bytes=1500000-", "bytes=2200000-"]);
}

#[test]
fn a_registry_that_ignores_ranges_does_not_make_bytes_come_twice() {
    let (registry, digest, bytes) = stocked(3 << 20);
    registry.fault("/blobs/", 0, 1, Action::CutAfter(1_500_000));
    registry.fault("/blobs/", 0, 1, Action::IgnoreRange);
    assert!(read(&client(), &image(&registry), &digest, 3 << 20).expect("a blob") == bytes);
}

#[test]
fn a_blob_that_breaks_too_often_is_unavailable() {
    let (registry, digest, _) = stocked(100_000);
    registry.fault("/blobs/", 0, 99, Action::CutAfter(1000));
    let error = read(&client(), &image(&registry), &digest, 100_000).expect_err("cut");
    assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
    assert_eq!(registry.requests_for("/blobs/").len(), 3);
}

#[test]
fn a_longer_blob_is_stopped_one_byte_behind_its_size() {
    let (registry, digest, bytes) = stocked(100_000);
    assert_eq!(read(&client(), &image(&registry), &digest, 5000).expect("a start"), &bytes[..5001]);
    registry.fault("/blobs/", 0, 1, Action::Endless(200));
    assert_eq!(read(&client(), &image(&registry), &digest, 5000).expect("a start").len(), 5001);
    assert_eq!(read(&client(), &image(&registry), &digest, 0).expect("a start"), &bytes[..1]);
}

#[test]
fn a_shorter_blob_is_damage() {
    let (registry, digest, _) = stocked(1000);
    let error = read(&client(), &image(&registry), &digest, 1001).expect_err("too short");
    assert!(matches!(&error, FetchError::Damaged { why, .. } if why.contains("1000 of 1001")), "{error}");
    registry.fault("/blobs/", 0, 1, Action::Shorten(10));
    let error = read(&client(), &image(&registry), &digest, 1000).expect_err("too short");
    assert!(matches!(error, FetchError::Damaged { .. }), "{error}");
}

#[test]
fn a_missing_or_forbidden_blob_is_known_before_it_is_read() {
    let (registry, digest, _) = stocked(10);
    let absent = Digest::of(b"absent");
    let open = |digest: &Digest| client().open_blob(&image(&registry), digest, 10).map(|_| ()).expect_err("absent");
    assert!(matches!(open(&absent), FetchError::NotFound { .. }));
    registry.fault("/blobs/", 0, 2, answer(403, &[]));
    assert!(matches!(open(&digest), FetchError::Denied { .. }));
    registry.fault("/blobs/", 0, 99, answer(429, &[]));
    assert!(matches!(open(&digest), FetchError::Unavailable { .. }));
}

#[test]
fn a_small_blob_is_bounded() {
    let (registry, digest, bytes) = stocked(1000);
    let fetch = |limit| client().small_blob(&image(&registry), &digest, limit);
    assert_eq!(fetch(1000).expect("a blob"), bytes);
    assert!(matches!(fetch(999), Err(FetchError::Damaged { .. })));
}

#[test]
fn a_slow_reader_holds_the_transfer_and_dropping_it_ends_it() {
    let (registry, digest, _) = stocked(10);
    registry.fault("/blobs/", 0, 2, Action::Endless(200));
    let client = client();
    let mut reader = client.open_blob(&image(&registry), &digest, 1 << 40).expect("a blob");
    let mut head = [0; 1000];
    reader.read_exact(&mut head).expect("bytes");
    drop(reader);
    assert!(client.manifest(&image(&registry), &tag()).is_ok(), "the thread is free for other work");
}

#[test]
fn a_reader_outlives_its_client() {
    let (registry, digest, bytes) = stocked(20 << 20);
    let mut reader = client().open_blob(&image(&registry), &digest, 20 << 20).expect("a blob");
    let mut read = Vec::new();
    reader.read_to_end(&mut read).expect("all of it");
    assert!(read == bytes);
}

#[test]
fn redirects_are_followed_without_credentials() {
    let (registry, digest, bytes) = stocked(100_000);
    let storage = FakeRegistry::start();
    storage.put_blob("team/app", bytes.clone());
    registry.require(Auth::Basic("alice", "secret"));
    let target = format!("http://{}/v2/team/app/blobs/{digest}?signature=x", storage.host());
    registry.fault("/blobs/", 0, 99, answer(307, &[("location", &target)]));
    let client = client_as("alice", "secret");
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    assert!(read(&client, &image(&registry), &digest, 100_000).expect("a blob") == bytes);
    assert!(registry.requests().iter().any(|request| request.headers.contains_key("authorization")));
    assert!(!storage.requests().is_empty());
    assert!(storage.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn a_redirect_within_the_registry_keeps_its_credentials() {
    let (registry, digest, bytes) = stocked(1000);
    registry.require(Auth::Basic("alice", "secret"));
    registry.put_blob("mirror", bytes.clone());
    let client = client_as("alice", "secret");
    assert!(client.manifest(&image(&registry), &tag()).is_ok());
    let location = format!("/v2/mirror/blobs/{digest}");
    registry.fault("/team/app/blobs/", 0, 9, answer(308, &[("location", &location)]));
    assert!(read(&client, &image(&registry), &digest, 1000).expect("a blob") == bytes);
}

#[test]
fn forbidden_and_endless_redirects_are_damage() {
    let (registry, ..) = stocked(0);
    let itself = format!("http://{}/v2/team/app/manifests/1.0", registry.host());
    for location in ["http://169.254.169.254/x", "ftp://127.0.0.1/x", "http://", "http://u:p@127.0.0.1/x", &itself] {
        registry.fault("/manifests/", 0, 7, answer(302, &[("location", location)]));
        let client = client();
        let error = client.manifest(&image(&registry), &tag()).expect_err(location);
        assert!(matches!(error, FetchError::Damaged { .. }), "{location}: {error}");
        while client.manifest(&image(&registry), &tag()).is_err() {}
    }
}

#[test]
fn oci_client_never_reaches_another_host() {
    let (registry, digest, _) = stocked(1000);
    // `localhost` is another host than 127.0.0.1, though the same machine.
    let storage = FakeRegistry::start();
    let port = storage.host().rsplit_once(':').expect("a port").1.to_owned();
    let location = format!("http://localhost:{port}/v2/team/app/blobs/{digest}");
    registry.fault("/blobs/", 0, 1, answer(307, &[("location", &location)]));
    let fetched = read(&client(), &image(&registry), &digest, 1000);
    assert!(fetched.is_ok(), "our own request got it from the registry");
    assert!(storage.requests().is_empty(), "{:?}", storage.requests());
}

#[test]
fn tags_are_read_over_all_pages() {
    let (registry, ..) = stocked(0);
    for tag in ["2.0", "1.1", "latest", "3"] {
        registry.put_manifest("team/app", Some(tag), TYPE, "{}");
    }
    registry.page_size(2);
    assert_eq!(client().tags(&image(&registry)).expect("tags"), ["1.0", "1.1", "2.0", "3", "latest"]);
    assert_eq!(registry.requests().len(), 3);
}

#[test]
fn a_list_of_tags_that_cannot_be_read_to_its_end_is_no_list() {
    let (registry, ..) = stocked(0);
    let fetch = || client().tags(&image(&registry)).expect_err("no list");
    let next = |target: &str| Action::Header("link", format!("<{target}>; rel=\"next\""));
    for target in ["/v2/team/app/tags/list?n=1000", "http://127.0.0.1:1/v2/team/app/tags/list", "/v2/other/tags/list"] {
        registry.fault("/tags/", 0, 1, next(target));
        assert!(matches!(fetch(), FetchError::Damaged { .. }), "{target}");
    }
    for body in ["[]", "{}", "<html>", r#"{"tags":{}}"#, r#"{"tags":[1]}"#] {
        registry.fault("/tags/", 0, 1, Action::Body(body.as_bytes().to_vec()));
        assert!(matches!(fetch(), FetchError::Damaged { .. }), "{body}");
    }
    registry.fault("/tags/", 0, 1, Action::Endless(200));
    assert!(matches!(fetch(), FetchError::Damaged { .. }));
    registry.fault("/tags/", 0, 3, answer(500, &[]));
    assert!(matches!(fetch(), FetchError::Unavailable { .. }));
    registry.fault("/tags/", 0, 1, Action::Body(br#"{"name":"x","tags":null}"#.to_vec()));
    assert!(client().tags(&image(&registry)).expect("tags").is_empty());
}

#[test]
fn error_documents_are_told_without_control_characters() {
    let (registry, ..) = stocked(0);
    let body = br#"{"errors":[{"code":"DENIED","message":"\u001b[31mno"}]}"#.to_vec();
    registry.fault("/manifests/", 0, 1, Action::Answer { status: 403, headers: Vec::new(), body });
    let text = client().manifest(&image(&registry), &tag()).expect_err("denied").to_string();
    assert!(text.contains("DENIED") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_certificate_file_that_is_none_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let options = Options { ca_files: vec![file.path().to_owned()], ..options(&[]) };
    let error = Client::new(options).map(|_| ()).expect_err("junk");
    assert!(matches!(error, FetchError::Usage(_)), "{error}");
}

#[test]
fn a_certificate_file_means_https_on_loopback_too() {
    let (registry, ..) = stocked(0);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file.as_file(), include_bytes!("testdata/ca.pem")).expect("written");
    let options = Options { ca_files: vec![file.path().to_owned()], ..options(&[]) };
    let error = Client::new(options).expect("a client").manifest(&image(&registry), &tag()).expect_err("no TLS");
    assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
    assert!(registry.requests().is_empty(), "nothing in plain text");
}

#[test]
fn pauses_grow_threefold() {
    let (registry, ..) = stocked(0);
    registry.fault("/manifests/", 0, 3, answer(503, &[]));
    let start = tokio::time::Instant::now();
    let mut options = options(&[]);
    options.retries.pause = Duration::from_millis(50);
    assert!(Client::new(options).expect("a client").manifest(&image(&registry), &tag()).is_err());
    assert!(start.elapsed() >= Duration::from_millis(200));
}
