//! Google Cloud and other Google services.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::key_material::{self, Kind};
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "gcp-service-account",
        what: "private key of a Google Cloud service account",
        rotate: "delete the key of the service account in IAM, then create a new one or use workload identity",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: &["PRIVATE KEY"], text_only: false, read: service_account },
        finds: &[
            "{open}\"type\": \"service_account\", \"private_key_id\": \"{hex 40}\", \"private_key\": \
             \"-----BEGIN PRIVATE KEY-----\\n{der1 pkcs8}\\n-----END PRIVATE KEY-----\\n\"{close}",
            "{open}\"private_key\":\"-----BEGIN PRIVATE KEY-----\\n{der1 pkcs8}\\n-----END PRIVATE KEY-----\\n\",\
             \"type\":\"service_account\"{close}",
        ],
        ignores: &[
            "{open}\"type\": \"service_account\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n...\\n\"{close}",
            "-----BEGIN PRIVATE KEY-----\n{der pkcs8}\n-----END PRIVATE KEY-----",
        ],
    },
    Detector {
        id: "google-api-key",
        what: "Google API key",
        rotate: "delete the key under Credentials in the Google Cloud console, then create a restricted one",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["AIza"], &[Part::exactly(Class::Base64Url, 35)])]),
        finds: &["key=AIza{b64u 34}x&q", "\"AIza{b64u 34}x\""],
        ignores: &["AIza{b64u 20}", "MAIza{b64u 35}", "AIzaSyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
    },
    Detector {
        id: "google-oauth-client-secret",
        what: "Google OAuth client secret",
        rotate: "reset the secret of the OAuth client under Credentials in the Google Cloud console",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["GOCSPX-"], &[Part::exactly(Class::Base64Url, 28)])]),
        finds: &["GOCSPX-{b64u 27}x"],
        ignores: &["GOCSPX-short", "GOCSPX-your_client_secret_goes_here"],
    },
];

fn service_account(window: &Window<'_>) -> Option<Reading> {
    let key = key_material::read_pem(window.bytes, window.at)?;
    let holds = |text: &str| memchr::memmem::find(window.bytes, text.as_bytes()).is_some();
    let named = memchr::memmem::rfind(&window.bytes[..key.start], b"private_key").is_some();
    (key.kind == Kind::Plain && named && (holds("service_account") || holds(".iam.gserviceaccount.com")))
        .then_some(Reading::new(key.start, key.end, Grade::Proven).known_as(key.body))
}
