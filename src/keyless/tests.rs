//! What services do wrong, and what they must not learn or repeat.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::testkit::registry::{Action, FakeRegistry};

/// A token of nobody; `exp` is in seconds since 1970.
fn token(exp: i64) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": "http://127.0.0.1/", "sub": "me", "aud": "sigstore", "iat": 1, "exp": exp });
    format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(&claims), URL_SAFE_NO_PAD.encode([7; 64]))
}

/// A year that no test sees.
const LATER: i64 = 4_102_444_800;

fn services(server: &FakeRegistry) -> Services {
    let service = |path: &str, version: u32| {
        json!([{ "url": format!("http://{}{path}", server.host()), "majorApiVersion": version,
            "validFor": { "start": "2020-01-01T00:00:00Z" }, "operator": "test" }])
    };
    let config = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service("/ca", 1), "oidcUrls": service("/oidc", 1),
        "rekorTlogUrls": service("/log", 2), "tsaUrls": service("/tsa", 1),
        "rekorTlogConfig": { "selector": "ANY" }, "tsaConfig": { "selector": "ANY" },
    });
    Services::read(config.to_string().as_bytes()).expect("a configuration")
}

fn answer(status: u16, headers: &[(&'static str, String)], body: &[u8]) -> Action {
    Action::Answer { status, headers: headers.to_vec(), body: body.to_vec() }
}

fn refused(server: &FakeRegistry, secret: &str) -> KeylessError {
    sign(&services(server), secret, Content::Bytes(b"file")).expect_err("nothing was signed")
}

#[test]
fn a_token_that_a_service_repeats_is_in_no_message() {
    let server = FakeRegistry::start();
    let secret = token(LATER);
    server.fault("signingCert", 0, 1, answer(400, &[], format!("bad token {secret}, twice {secret}").as_bytes()));
    let error = refused(&server, &secret);
    assert!(matches!(error, KeylessError::Service(_)), "{error}");
    assert!(!error.to_string().contains(&secret) && !format!("{error:?}").contains(&secret), "{error}");
    assert_eq!(server.requests_for("signingCert").len(), 1, "the token was sent where it belongs");
}

#[test]
fn a_token_follows_no_redirect() {
    let (server, stranger) = (FakeRegistry::start(), FakeRegistry::start());
    for status in [301, 302, 307, 308] {
        let elsewhere = [("location", format!("http://{}/ca/api/v2/signingCert", stranger.host()))];
        server.fault("signingCert", 0, 1, answer(status, &elsewhere, b""));
        assert!(matches!(refused(&server, &token(LATER)), KeylessError::Service(_)), "{status}");
    }
    assert_eq!(stranger.requests().len(), 0);
}

#[test]
fn a_token_that_is_malformed_or_over_is_sent_nowhere() {
    let server = FakeRegistry::start();
    for wrong in [String::new(), "a.b".to_owned(), "a.b.c".to_owned(), token(1)] {
        assert!(matches!(refused(&server, &wrong), KeylessError::Token), "{wrong}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn answers_that_make_no_sense_sign_nothing() {
    for (status, body) in [
        (200, &b"{}"[..]),
        (200, b"{"),
        (200, br#"{"signedCertificateEmbeddedSct":{"chain":{"certificates":["x"]}}}"#),
        (503, b""),
    ] {
        let server = FakeRegistry::start();
        server.fault("signingCert", 0, 9, answer(status, &[], body));
        assert!(matches!(refused(&server, &token(LATER)), KeylessError::Service(_)), "{status}");
        assert_eq!(server.requests_for("/log").len(), 0, "nothing reaches the log");
    }
}

#[test]
fn an_authority_that_gives_no_timestamp_is_an_error() {
    for (status, body) in [(200, &b"no timestamp"[..]), (500, b""), (200, b"")] {
        let server = FakeRegistry::start();
        server.fault("/tsa", 0, 9, answer(status, &[], body));
        let url = format!("http://{}/tsa", server.host());
        assert!(matches!(timestamp(&url, b"signature"), Err(KeylessError::Service(_))), "{status}");
    }
}

#[test]
fn configurations_that_name_too_little_are_refused() {
    for wrong in ["", "{}", "{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}"] {
        assert!(matches!(Services::read(wrong.as_bytes()), Err(KeylessError::Config(_))), "{wrong}");
    }
    assert!(matches!(Services::read(&[0xff]), Err(KeylessError::Config(_))));
}
