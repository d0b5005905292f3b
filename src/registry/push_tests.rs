//! Writing, against a registry that does what registries do wrong.

use std::io::Read;

use serde_json::{Value, json};

use super::*;
use crate::oci::media_types;
use crate::testkit::registry::{Action, Auth, FakeRegistry, Quirks, TokenService};

const MANIFEST: &str = media_types::OCI_MANIFEST;
const REPOSITORY: &str = "team/app";

fn options() -> Options {
    let retries = Retries { pause: Duration::from_millis(5), ..Retries::default() };
    let timeouts = Timeouts { small: Duration::from_secs(20), ..Timeouts::default() };
    Options { retries, timeouts, ..Options::new(Environment::of_variables([])) }
}

fn client() -> Client {
    Client::new(options()).expect("a client")
}

fn client_as(user: &str, password: &str) -> Client {
    let login = Login::Password { username: user.to_owned(), password: Secret::new(password) };
    Client::new(Options { login: Some(login), ..options() }).expect("a client")
}

fn target(registry: &FakeRegistry) -> Reference {
    format!("{}/{REPOSITORY}:1.0", registry.host()).parse().expect("a reference")
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from(index * 31 % 251).expect("small")).collect()
}

fn blob(bytes: &[u8]) -> BlobToPush {
    BlobToPush { digest: Digest::of(bytes), size: bytes.len() as u64, mount_from: None }
}

fn push(client: &Client, registry: &FakeRegistry, bytes: &[u8]) -> Result<Uploaded, FetchError> {
    push_blob(client, registry, &blob(bytes), bytes)
}

fn push_blob(
    client: &Client,
    registry: &FakeRegistry,
    blob: &BlobToPush,
    bytes: &[u8],
) -> Result<Uploaded, FetchError> {
    client.push_blob(&target(registry), blob, &mut || Ok(Box::new(bytes)))
}

fn answer(status: u16, headers: &[(&'static str, &str)]) -> Action {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Action::Answer { status, headers, body: Vec::new() }
}

fn manifest(document: &Value, target: Target) -> ManifestToPush {
    let bytes = document.to_string().into_bytes();
    ManifestToPush { digest: Digest::of(&bytes), bytes, media_type: MANIFEST.to_owned(), target, tags: Vec::new() }
}

/// A source whose access ends when it is read.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other(FetchError::Denied { what: "x".to_owned(), why: "y".to_owned() }))
    }
}

#[track_caller]
fn whole(registry: &FakeRegistry, bytes: &[u8]) {
    assert_eq!(registry.blob(REPOSITORY, &Digest::of(bytes)).as_deref(), Some(bytes));
    assert_eq!(registry.open_uploads(), 0, "no session is left behind");
}

#[test]
fn a_blob_goes_out_with_one_post_and_one_put() {
    let registry = FakeRegistry::start();
    for size in [0, 1, 3 << 20] {
        let bytes = bytes(size);
        assert!(!client().has_blob(&target(&registry), &Digest::of(&bytes), size as u64).expect("an answer"));
        assert_eq!(push(&client(), &registry, &bytes).expect("pushed"), Uploaded::Sent);
        whole(&registry, &bytes);
        assert!(client().has_blob(&target(&registry), &Digest::of(&bytes), size as u64).expect("an answer"));
    }
    let uploads = registry.requests_for("/uploads/");
    let methods: Vec<&str> = uploads.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PUT", "POST", "PUT", "POST", "PUT"]);
    let wrong = client().has_blob(&target(&registry), &Digest::of(&bytes(1)), 7);
    assert!(matches!(wrong, Err(FetchError::Damaged { .. })));
}

#[test]
fn a_location_may_be_missing_once_the_blob_is_there() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { location_after_put: false, ..Quirks::default() });
    push(&client(), &registry, b"abc").expect("pushed");
    whole(&registry, b"abc");
    registry.fault("POST ", 0, 1, answer(202, &[]));
    let error = push(&client(), &registry, b"abcd").expect_err("nowhere to go on");
    assert!(matches!(&error, FetchError::Damaged { why, .. } if why.contains("without saying where")), "{error}");
}

#[test]
fn bytes_that_are_not_those_of_the_digest_are_never_stored() {
    let registry = FakeRegistry::start();
    let right = bytes(700_000);
    let mut forged = right.clone();
    forged[1] ^= 1;
    let longer = [&right[..], b"x"].concat();
    for (given, part) in
        [(&forged[..], "its digest is"), (&right[..699_999], "ended after"), (&longer[..], "more than")]
    {
        let error = push_blob(&client(), &registry, &blob(&right), given).expect_err("forged");
        assert!(matches!(&error, FetchError::Damaged { why, .. } if why.contains(part)), "{error}");
        assert_eq!(registry.blob(REPOSITORY, &Digest::of(&right)), None);
    }
    assert_eq!(registry.open_uploads(), 0, "the sessions were given up");
    let posts = registry.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 3, "a source that lies is not asked again");
}

#[test]
fn a_source_that_fails_tells_its_own_error() {
    let registry = FakeRegistry::start();
    let blob = blob(&bytes(100));
    let absent = || FetchError::NotFound { what: "the layer".to_owned() };
    let error = client().push_blob(&target(&registry), &blob, &mut || Err(absent())).expect_err("no source");
    assert!(matches!(&error, FetchError::NotFound { what } if what == "the layer"), "{error}");
    let error = client().push_blob(&target(&registry), &blob, &mut || Ok(Box::new(Broken))).expect_err("broken");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
}

#[test]
fn a_connection_that_breaks_in_an_upload_is_resumed_where_the_registry_stands() {
    for cut in [0, 1, 300_000, 1_999_999, 2_000_000] {
        let registry = FakeRegistry::start();
        let bytes = bytes(2_000_000);
        registry.fault("PUT ", 0, 1, Action::CutRequest(cut));
        assert_eq!(push(&client(), &registry, &bytes).expect("pushed"), Uploaded::Sent, "cut after {cut}");
        whole(&registry, &bytes);
        let sent: usize = registry.requests().iter().map(|request| request.bytes.len()).sum();
        let twice = usize::from(cut == 1);
        assert_eq!(sent, 2_000_000 + twice, "cut after {cut}: nothing is sent twice");
    }
}

#[test]
fn a_lost_answer_is_no_lost_blob() {
    let registry = FakeRegistry::start();
    registry.fault("PUT ", 0, 1, Action::Silence);
    assert_eq!(push(&client(), &registry, &bytes(1000)).expect("pushed"), Uploaded::Found);
    whole(&registry, &bytes(1000));
}

#[test]
fn a_session_that_is_gone_is_started_anew() {
    let registry = FakeRegistry::start();
    registry.fault("PUT ", 0, 1, answer(404, &[]));
    push(&client(), &registry, &bytes(1000)).expect("pushed");
    assert!(registry.blob(REPOSITORY, &Digest::of(&bytes(1000))).is_some());
}

#[test]
fn throttled_uploads_wait_as_long_as_they_are_asked_to() {
    let registry = FakeRegistry::start();
    registry.fault("POST ", 0, 1, answer(429, &[("retry-after", "1")]));
    registry.fault("PUT ", 0, 1, answer(503, &[("retry-after", "1")]));
    let start = tokio::time::Instant::now();
    push(&client(), &registry, &bytes(1000)).expect("pushed");
    assert!(start.elapsed() >= Duration::from_secs(2));
    whole(&registry, &bytes(1000));
}

#[test]
fn long_requests_are_cut_into_chunks_once_the_registry_has_refused_one() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { most_per_request: Some(4 << 20), ..Quirks::default() });
    let bytes = bytes(9 << 20);
    let client = client();
    push(&client, &registry, &bytes).expect("pushed");
    whole(&registry, &bytes);
    let sizes = || -> Vec<usize> {
        let patches = registry.requests().into_iter().filter(|request| request.method == "PATCH");
        patches.map(|request| request.bytes.len()).collect()
    };
    assert_eq!(sizes(), [4 << 20, 4 << 20, 1 << 20]);
    let before = registry.requests().len();
    push(&client, &registry, &bytes[1..]).expect("pushed");
    let refused = registry.requests()[before..].iter().filter(|request| request.bytes.len() > 4 << 20).count();
    assert_eq!(refused, 0, "learnt for the host");
    registry.behave(Quirks { most_per_request: Some(1 << 20), ..Quirks::default() });
    let error = push(&client, &registry, &bytes[2..]).expect_err("too small a limit");
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
}

#[test]
fn chunks_are_as_long_as_the_registry_wants_them_and_need_no_location() {
    let registry = FakeRegistry::start();
    let quirks = Quirks {
        most_per_request: Some(6 << 20),
        least_per_chunk: Some(5 << 20),
        location_after_patch: false,
        ..Quirks::default()
    };
    registry.behave(quirks);
    let bytes = bytes(12 << 20);
    push(&client(), &registry, &bytes).expect("pushed");
    whole(&registry, &bytes);
    let patches = registry.requests().into_iter().filter(|request| request.method == "PATCH");
    assert_eq!(patches.map(|request| request.bytes.len()).collect::<Vec<_>>(), [5 << 20, 5 << 20, 2 << 20]);
}

#[test]
fn a_chunk_that_breaks_is_resumed() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { most_per_request: Some(4 << 20), ..Quirks::default() });
    registry.fault("PATCH ", 1, 1, Action::CutRequest(1 << 20));
    let bytes = bytes(9 << 20);
    push(&client(), &registry, &bytes).expect("pushed");
    whole(&registry, &bytes);
}

#[test]
fn a_token_that_ends_in_an_upload_is_renewed() {
    let registry = FakeRegistry::start();
    let service = TokenService { user: Some(("alice", "secret")), ..TokenService::default() };
    registry.require(Auth::Bearer(service));
    registry.fault("PUT ", 0, 1, Action::Revoke);
    let bytes = bytes(1_000_000);
    push(&client_as("alice", "secret"), &registry, &bytes).expect("pushed");
    whole(&registry, &bytes);
    assert_eq!(registry.requests_for("/token").len(), 2, "one token to start with, one after the refusal");
}

#[test]
fn tokens_that_live_for_seconds_are_renewed_before_they_end() {
    let registry = FakeRegistry::start();
    let service = TokenService { user: Some(("alice", "secret")), expires_in: Some(1), ..TokenService::default() };
    registry.require(Auth::Bearer(service));
    let client = client_as("alice", "secret");
    push(&client, &registry, &bytes(10)).expect("pushed");
    std::thread::sleep(Duration::from_millis(1100));
    push(&client, &registry, &bytes(11)).expect("pushed");
    let refused = registry.requests().iter().filter(|request| !request.headers.contains_key("authorization")).count();
    assert_eq!(refused, 1, "one challenge; no request went out with an old token");
}

#[test]
fn credentials_that_may_not_write_are_denied() {
    let registry = FakeRegistry::start();
    registry.require(Auth::Basic("alice", "secret"));
    let error = push(&client_as("alice", "wrong-word"), &registry, &bytes(10)).expect_err("refused");
    assert!(matches!(&error, FetchError::Denied { .. }), "{error}");
    let registry = FakeRegistry::start();
    registry.fault("POST ", 0, 9, answer(403, &[]));
    assert!(matches!(push(&client(), &registry, &bytes(10)), Err(FetchError::Denied { .. })));
}

#[test]
fn a_blob_is_mounted_with_one_token_for_both_repositories() {
    let registry = FakeRegistry::start();
    let service = TokenService { user: Some(("alice", "secret")), ..TokenService::default() };
    registry.require(Auth::Bearer(service));
    registry.put_blob("base/image", b"layer".to_vec());
    let wanted = BlobToPush { mount_from: Some("base/image".to_owned()), ..blob(b"layer") };
    let client = client_as("alice", "secret");
    assert_eq!(push_blob(&client, &registry, &wanted, b"never read").expect("mounted"), Uploaded::Mounted);
    whole(&registry, b"layer");
    let token = registry.requests_for("/token").pop().expect("a token");
    assert!(
        token.path.contains("team%2Fapp%3Apull%2Cpush") && token.path.contains("base%2Fimage%3Apull"),
        "{}",
        token.path
    );
}

#[test]
fn a_mount_that_becomes_an_upload_goes_on_in_the_same_session() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { mounts: false, ..Quirks::default() });
    registry.put_blob("base/image", b"layer".to_vec());
    let wanted = BlobToPush { mount_from: Some("base/image".to_owned()), ..blob(b"layer") };
    assert_eq!(push_blob(&client(), &registry, &wanted, b"layer").expect("sent"), Uploaded::Sent);
    whole(&registry, b"layer");
    assert_eq!(registry.requests().iter().filter(|request| request.method == "POST").count(), 1);
}

#[test]
fn a_mount_that_is_refused_or_a_lie_is_an_upload() {
    for action in [answer(403, &[]), answer(405, &[]), answer(201, &[("location", "/v2/x")]), answer(401, &[])] {
        let registry = FakeRegistry::start();
        registry.fault("mount=", 0, 2, action);
        let wanted = BlobToPush { mount_from: Some("base/image".to_owned()), ..blob(b"layer") };
        let sent = push_blob(&client(), &registry, &wanted, b"layer");
        if let Err(error) = &sent {
            // Without credentials a 401 ends everything.
            assert!(matches!(error, FetchError::Denied { .. }), "{error}");
            continue;
        }
        whole(&registry, b"layer");
    }
}

#[test]
fn an_upload_elsewhere_sees_no_credentials() {
    let (registry, other) = (FakeRegistry::start(), FakeRegistry::start());
    registry.require(Auth::Basic("alice", "secret"));
    registry.behave(Quirks { upload_host: Some(other.host()), ..Quirks::default() });
    other.fault("PUT ", 0, 1, answer(201, &[]));
    push(&client_as("alice", "secret"), &registry, &bytes(10)).expect("sent");
    let requests = other.requests();
    assert_eq!(requests.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["PUT"]);
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
    assert_eq!(requests[0].bytes, bytes(10));
}

#[test]
fn what_is_written_follows_no_redirect_away() {
    let (registry, other) = (FakeRegistry::start(), FakeRegistry::start());
    let elsewhere = format!("http://{}/x", other.host());
    registry.fault("PUT ", 0, 1, answer(307, &[("location", &elsewhere)]));
    registry.fault("PUT ", 0, 1, answer(302, &[("location", "/v2/other")]));
    for _ in 0..2 {
        let error = push(&client(), &registry, &bytes(10)).expect_err("redirected");
        assert!(matches!(&error, FetchError::Damaged { why, .. } if why.contains("redirects")), "{error}");
    }
    assert_eq!(other.requests(), []);
}

#[test]
fn an_upload_that_does_not_move_is_given_up() {
    let registry = FakeRegistry::start();
    registry.fault("PUT ", 0, 9, Action::Delay(Duration::from_millis(900)));
    let mut options = options();
    options.timeouts.read = Duration::from_millis(30);
    options.retries.attempts = 1;
    let client = Client::new(options).expect("a client");
    let error = push(&client, &registry, &bytes(10)).expect_err("stuck");
    assert!(matches!(&error, FetchError::Unavailable { why, .. } if why.contains("does not move")), "{error}");
}

#[test]
fn a_registry_that_stores_something_else_is_caught() {
    let registry = FakeRegistry::start();
    let lie = Digest::of(b"other").to_string();
    registry.fault("PUT ", 0, 2, Action::Header("docker-content-digest", lie));
    assert!(matches!(push(&client(), &registry, &bytes(10)), Err(FetchError::Damaged { .. })));
    let put = manifest(&json!({ "schemaVersion": 2 }), Target::Tag("1.0".to_owned()));
    assert!(matches!(client().put_manifest(&target(&registry), &put), Err(FetchError::Damaged { .. })));
}

#[test]
fn a_manifest_arrives_as_it_is_by_digest_and_by_tag() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { location_after_put: false, ..Quirks::default() });
    let client = client();
    let by_digest = manifest(&json!({ "schemaVersion": 2, "odd": " \u{e9} " }), Target::Tag(String::new()));
    let by_digest = ManifestToPush { target: Target::Digest(by_digest.digest.clone()), ..by_digest };
    client.put_manifest(&target(&registry), &by_digest).expect("written");
    assert_eq!(registry.tags(REPOSITORY), Vec::<String>::new());
    let by_tag = ManifestToPush { target: Target::Tag("1.0".to_owned()), ..by_digest.clone() };
    client.put_manifest(&target(&registry), &by_tag).expect("written");
    let stored = registry.stored(REPOSITORY, "1.0").expect("a manifest");
    assert_eq!(stored, (MANIFEST.to_owned(), by_digest.bytes.clone()));
    let read = client.manifest(&target(&registry), &Target::Tag("1.0".to_owned())).expect("read back");
    assert_eq!((read.bytes, read.digest), (by_digest.bytes, by_digest.digest));
}

#[test]
fn several_tags_count_only_when_they_are_confirmed() {
    let registry = FakeRegistry::start();
    let mut put = manifest(&json!({ "schemaVersion": 2 }), Target::Tag(String::new()));
    put.target = Target::Digest(put.digest.clone());
    put.tags = vec!["1.2".to_owned(), "1".to_owned()];
    assert!(client().put_manifest(&target(&registry), &put).expect("written").tags.is_empty());
    assert_eq!(registry.tags(REPOSITORY), Vec::<String>::new());
    registry.behave(Quirks { multi_tag: true, ..Quirks::default() });
    let answer = client().put_manifest(&target(&registry), &put).expect("written");
    assert_eq!(answer.tags.into_iter().collect::<Vec<_>>(), ["1", "1.2"]);
    assert_eq!(registry.tags(REPOSITORY), ["1", "1.2"]);
}

#[test]
fn a_refused_manifest_is_refused_once() {
    let registry = FakeRegistry::start();
    registry.behave(Quirks { immutable_tags: true, ..Quirks::default() });
    let tag = || Target::Tag("1.0".to_owned());
    client().put_manifest(&target(&registry), &manifest(&json!({ "a": 1 }), tag())).expect("written");
    let error = client().put_manifest(&target(&registry), &manifest(&json!({ "a": 2 }), tag())).expect_err("taken");
    assert!(matches!(&error, FetchError::Refused { why, .. } if why.contains("TAG_INVALID")), "{error}");
    assert_eq!(registry.requests().len(), 2);
}

#[test]
fn deleting_tells_gone_absent_and_disabled_apart() {
    let registry = FakeRegistry::start();
    registry.put_manifest(REPOSITORY, Some("1.0"), MANIFEST, "{}");
    let delete = || client().delete(&target(&registry), &Target::Tag("1.0".to_owned()));
    assert_eq!(delete().expect("an answer"), Deleted::Gone);
    assert_eq!(delete().expect("an answer"), Deleted::Absent);
    registry.behave(Quirks { deletes: false, ..Quirks::default() });
    assert_eq!(delete().expect("an answer"), Deleted::Disabled);
    registry.fault("DELETE ", 0, 1, answer(403, &[]));
    assert!(matches!(delete(), Err(FetchError::Denied { .. })));
}

/// A subject, and a statement about it.
fn subject_and_referrer(registry: &FakeRegistry) -> (Digest, ManifestToPush) {
    let subject = registry.put_manifest(REPOSITORY, Some("1.0"), MANIFEST, "{\"schemaVersion\":2}");
    registry.put_blob(REPOSITORY, b"{}".to_vec());
    (subject.clone(), referrer(&subject, "test/statement"))
}

fn referrer(subject: &Digest, artifact_type: &str) -> ManifestToPush {
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}").to_string(), "size": 2 },
        "layers": [], "annotations": { "made-by": "test" },
        "subject": { "mediaType": MANIFEST, "digest": subject.to_string(), "size": 19 },
    });
    let put = manifest(&document, Target::Tag(String::new()));
    ManifestToPush { target: Target::Digest(put.digest.clone()), ..put }
}

fn fallback(registry: &FakeRegistry, subject: &Digest) -> Value {
    let (media_type, bytes) = registry.stored(REPOSITORY, &fallback_tag(subject)).expect("a fallback index");
    assert_eq!(media_type, media_types::OCI_INDEX);
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn a_referrer_is_found_by_the_api_or_by_the_fallback_tag() {
    for api in [true, false] {
        let registry = FakeRegistry::start();
        registry.behave(Quirks { referrers_api: api, ..Quirks::default() });
        let (subject, put) = subject_and_referrer(&registry);
        assert_eq!(client().referrers(&target(&registry), &subject).expect("none").found, []);
        let (linked, _) = client().attach(&target(&registry), &put).expect("attached");
        assert_eq!(linked, if api { Linked::Api } else { Linked::FallbackTag });
        assert_eq!(registry.tags(REPOSITORY).len(), if api { 1 } else { 2 });
        let found = client().referrers(&target(&registry), &subject).expect("referrers");
        assert_eq!((found.api, found.problems), (api, Vec::new()));
        let [one] = &found.found[..] else { panic!("{:?}", found.found) };
        assert_eq!(one.manifest.bytes, put.bytes);
        assert_eq!(one.artifact_type.as_deref(), Some("test/statement"));
        assert_eq!(one.annotations["made-by"], "test");
    }
}

#[test]
fn the_fallback_index_keeps_the_entries_of_others_and_is_repaired() {
    let registry = FakeRegistry::start();
    let (subject, put) = subject_and_referrer(&registry);
    let other = registry.put_manifest(REPOSITORY, None, MANIFEST, referrer(&subject, "test/other").bytes);
    let poor = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "later": { "kept": true }, "manifests": [
        { "mediaType": MANIFEST, "digest": other.to_string(), "size": 1, "data": "kept" },
        { "mediaType": MANIFEST, "digest": put.digest.to_string(), "size": put.bytes.len() },
    ] });
    registry.put_manifest(REPOSITORY, Some(&fallback_tag(&subject)), media_types::OCI_INDEX, poor.to_string());
    client().attach(&target(&registry), &put).expect("attached");
    let index = fallback(&registry, &subject);
    assert_eq!(index["later"]["kept"], true);
    assert_eq!(index["manifests"][0], poor["manifests"][0]);
    assert_eq!(index["manifests"][1]["artifactType"], "test/statement");
    assert_eq!(index["manifests"][1]["annotations"]["made-by"], "test");
    let writes = || registry.requests_for("/manifests/sha256-").iter().filter(|one| one.method == "PUT").count();
    assert_eq!(writes(), 1);
    client().attach(&target(&registry), &put).expect("attached");
    assert_eq!(writes(), 1, "nothing left to repair");
    let found = client().referrers(&target(&registry), &subject).expect("referrers");
    assert_eq!(found.found.len(), 2);
    client().detach(&target(&registry), &subject, &put.digest).expect("detached");
    assert_eq!(fallback(&registry, &subject)["manifests"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_fallback_index_is_never_written_after_a_failed_read() {
    for status in [401, 403, 429, 500] {
        let registry = FakeRegistry::start();
        let (_, put) = subject_and_referrer(&registry);
        registry.fault("GET /v2/team/app/manifests/sha256-", 0, 9, answer(status, &[]));
        assert!(client().attach(&target(&registry), &put).is_err(), "{status}");
        assert!(!registry.requests().iter().any(|one| one.method == "PUT" && one.path.contains("sha256-")), "{status}");
    }
}

#[test]
fn only_404_means_that_nothing_refers_to_it() {
    for (path, status) in
        [("/referrers/", 403), ("/referrers/", 429), ("sha256-", 403), ("sha256-", 500), ("/referrers/", 500)]
    {
        let registry = FakeRegistry::start();
        let (subject, _) = subject_and_referrer(&registry);
        registry.fault(path, 0, 9, answer(status, &[]));
        assert!(client().referrers(&target(&registry), &subject).is_err(), "{path} {status}");
    }
    let registry = FakeRegistry::start();
    registry.behave(Quirks { referrers_api: true, ..Quirks::default() });
    let (subject, _) = subject_and_referrer(&registry);
    registry.fault("/referrers/", 0, 1, Action::Header("content-type", "text/html".to_owned()));
    assert!(matches!(client().referrers(&target(&registry), &subject), Err(FetchError::Damaged { .. })));
}

#[test]
fn a_poisoned_fallback_tag_is_told_and_never_written_over() {
    let registry = FakeRegistry::start();
    let (_, put) = subject_and_referrer(&registry);
    let child = registry.put_manifest(REPOSITORY, None, MANIFEST, "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":0},\"layers\":[]}");
    let listing = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX,
        "manifests": [{ "mediaType": MANIFEST, "digest": child.to_string(), "size": 19 }] })
    .to_string();
    let index = registry.put_manifest(REPOSITORY, None, media_types::OCI_INDEX, listing.clone());
    // The tag that a copying tool gives to the index itself.
    registry.put_manifest(REPOSITORY, Some(&fallback_tag(&index)), media_types::OCI_INDEX, listing);
    let found = client().referrers(&target(&registry), &index).expect("an answer");
    assert_eq!(found.found, []);
    assert!(found.problems[0].contains("points at the subject itself"), "{:?}", found.problems);
    // An index of children that say nothing about the subject.
    let other = Digest::of(b"other");
    let list = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX,
        "manifests": [{ "mediaType": MANIFEST, "digest": child.to_string(), "size": 19 }, { "mediaType": MANIFEST, "digest": Digest::of(b"gone").to_string(), "size": 4 }] });
    registry.put_manifest(REPOSITORY, Some(&fallback_tag(&other)), media_types::OCI_INDEX, list.to_string());
    let found = client().referrers(&target(&registry), &other).expect("an answer");
    assert_eq!((found.found.len(), found.problems.len()), (0, 2), "{:?}", found.problems);
    assert!(found.problems.iter().any(|problem| problem.contains("refers to nothing")), "{:?}", found.problems);
    let subject = SelfDescription::read(&put.bytes, MANIFEST).expect("a referrer").subject.expect("a subject");
    registry.put_manifest(REPOSITORY, Some(&fallback_tag(&subject)), MANIFEST, "{\"schemaVersion\":2,\"layers\":[]}");
    let error = client().attach(&target(&registry), &put).expect_err("taken");
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
}

#[test]
fn writers_of_one_fallback_index_do_not_lose_each_others_entries() {
    let registry = FakeRegistry::start();
    let (subject, _) = subject_and_referrer(&registry);
    let client = client();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (client, registry, subject) = (&client, &registry, &subject);
            scope.spawn(move || {
                let put = referrer(subject, &format!("test/{number}"));
                client.attach(&target(registry), &put).expect("attached");
            });
        }
    });
    assert_eq!(client.referrers(&target(&registry), &subject).expect("referrers").found.len(), 8);
}

#[test]
fn a_fallback_index_is_repaired_and_what_is_not_understood_stays() {
    let registry = FakeRegistry::start();
    let (subject, put) = subject_and_referrer(&registry);
    registry.put_manifest(REPOSITORY, None, MANIFEST, put.bytes.clone());
    let lost = registry.put_manifest(REPOSITORY, None, MANIFEST, referrer(&subject, "test/lost").bytes);
    let foreign =
        registry.put_manifest(REPOSITORY, None, MANIFEST, referrer(&Digest::of(b"other"), "test/foreign").bytes);
    let gone = Digest::of(b"gone");
    let listing = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "later": 1, "manifests": [
        { "mediaType": MANIFEST, "digest": foreign.to_string(), "size": 1, "data": "kept" },
        { "mediaType": MANIFEST, "digest": gone.to_string(), "size": 4 },
        { "mediaType": MANIFEST, "digest": put.digest.to_string(), "size": put.bytes.len(), "artifactType": "application/vnd.oci.empty.v1+json" },
    ] });
    registry.put_manifest(REPOSITORY, Some(&fallback_tag(&subject)), media_types::OCI_INDEX, listing.to_string());
    let lists = client().referrer_lists(&target(&registry), &subject).expect("lists");
    assert_eq!((lists.api, lists.fallback.map(|list| list.len())), (None, Some(3)));
    let add = [lost.clone(), foreign.clone()];
    let told = client().repair(&target(&registry), &subject, &add, false).expect("told");
    assert_eq!(fallback(&registry, &subject), listing, "nothing was written");
    let done = client().repair(&target(&registry), &subject, &add, true).expect("done");
    assert_eq!(told, done);
    assert_eq!(
        (&done.completed[..], &done.removed[..], &done.added[..]),
        (&[put.digest.clone()][..], &[gone][..], &[lost.clone()][..])
    );
    assert!(matches!(&done.left[..], [why] if why.contains("does not refer")), "{:?}", done.left);
    let index = fallback(&registry, &subject);
    assert_eq!((&index["later"], &index["manifests"][0]), (&json!(1), &listing["manifests"][0]));
    assert_eq!(index["manifests"][1]["artifactType"], "test/statement");
    assert_eq!(index["manifests"][1]["annotations"]["made-by"], "test");
    assert_eq!(
        (&index["manifests"][2]["digest"], index["manifests"].as_array().map(Vec::len)),
        (&json!(lost.to_string()), Some(3))
    );
    assert!(client().repair(&target(&registry), &subject, &add, true).expect("again").is_empty());
}

#[test]
fn nothing_is_repaired_after_a_failed_read() {
    for (path, status) in [("GET /v2/team/app/manifests/sha256-", 403), ("GET /v2/team/app/manifests/sha256:", 500)] {
        let registry = FakeRegistry::start();
        let (subject, put) = subject_and_referrer(&registry);
        client().attach(&target(&registry), &put).expect("attached");
        let before = fallback(&registry, &subject);
        registry.fault(path, 0, 9, answer(status, &[]));
        assert!(client().repair(&target(&registry), &subject, &[], true).is_err(), "{path}");
        assert_eq!(fallback(&registry, &subject), before);
    }
}
