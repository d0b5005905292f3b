//! Google Cloud and other Google services.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::judge;
use crate::secrets::key_material::{self, Kind};
use crate::secrets::named::Named;
use crate::secrets::query;
use crate::secrets::shape::{Check, Class, Part, Token, exactly};
use crate::secrets::window::Window;

const SERVICE_ACCOUNT: &str =
    "delete the key under Keys of the service account in IAM & Admin, then create a new one or use workload identity";
const HMAC: &str = "deactivate and delete the HMAC key under Interoperability in the Cloud Storage settings";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "gcp-service-account",
        what: "private key of a Google Cloud service account",
        rotate: SERVICE_ACCOUNT,
        grade: Grade::Proven,
        severity: Severity::Critical,
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
        ..Detector::TOKEN
    },
    Detector {
        id: "gcp-service-account-base64",
        what: "key file of a Google Cloud service account in base64",
        rotate: SERVICE_ACCOUNT,
        grade: Grade::Proven,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read {
            leads: &["ewogICJ0eXBlIjog", "ewogICAgInR5cGUi", "eyJ0eXBlIjoi", "eyJ0eXBlIjogI", "eyAidHlwZSI6"],
            text_only: false,
            read: encoded_service_account,
        },
        finds: &[
            "GCP_KEY={base64 (open)\n  \"type\": \"service_account\",\n  \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n(b64 300)\\n-----END PRIVATE KEY-----\\n\"\n(close)}",
            "key: '{base64 (open)\"type\":\"service_account\",\"private_key\":\"-----BEGIN PRIVATE KEY-----\\n(b64 300)\"(close)}'",
        ],
        ignores: &[
            "ewogICJ0eXBlIjog{b64 40}",
            "{base64 (open)\n  \"type\": \"service_account\",\n  \"project_id\": \"a-project-of-mine\"(close)}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "gcp-user-credentials",
        what: "credentials of a Google user for applications (`application_default_credentials.json`)",
        rotate: "run `gcloud auth application-default revoke`, or remove the app's access in the Google account",
        may_show: false,
        seek: Seek::Read { leads: &["authorized_user"], text_only: true, read: user_credentials },
        finds: &[
            "{open}\"client_id\": \"{digit 12}.apps.googleusercontent.com\", \"client_secret\": \"{b62 24}\", \"refresh_token\": \"1//0{b64u 98}\", \"type\": \"authorized_user\"{close}",
            "{open}\"type\": \"authorized_user\",\n \"client_secret\": \"{b62 24}\",\n \"refresh_token\": \"1//0{b64u 98}\"{close}",
        ],
        ignores: &[
            "{open}\"type\": \"authorized_user\", \"client_secret\": \"\", \"refresh_token\": \"\"{close}",
            "if info[\"type\"] == \"authorized_user\": refresh_token = info[\"refresh_token\"]",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-api-key",
        what: "Google API key",
        rotate: "delete the key under Credentials in the Google Cloud console, then create a restricted one",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["AIza"], &[exactly(Class::Base64Url, 35)])]),
        finds: &[
            "AIza{b64u 34}x",
            "key=AIza{b64u 34}x&q",
            "\"AIza{b64u 34}x\"",
            "<string name=\"k\">AIza{b64u 34}x</string>",
        ],
        ignores: &["AIza{b64u 20}", "MAIza{b64u 35}", "AIzaSyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-gemini-express-key",
        what: "Gemini API key of Vertex AI in express mode",
        rotate: "delete the key under API keys of Vertex AI in the Google Cloud console",
        seek: Seek::Tokens(&[Token::new(&["AQ.Ab8R"], &[Part::Run(Class::Base64Url, 40, 60)])]),
        finds: &["AQ.Ab8R{b64u 45}x", "GEMINI_API_KEY=AQ.Ab8R{b64u 45}x"],
        ignores: &["AQ.Ab8R{b64u 10}", "FAQ.Ab8", "AQ.Ab8R_your_api_key_goes_here_your_api_key_goes_"],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-oauth-client-secret",
        what: "Google OAuth client secret",
        rotate: "reset the secret of the OAuth client under Credentials in the Google Cloud console",
        seek: Seek::Tokens(&[Token::new(&["GOCSPX-"], &[exactly(Class::Base64Url, 28)])]),
        finds: &["GOCSPX-{b64u 27}x", "\"client_secret\":\"GOCSPX-{b64u 27}x\",\"a\""],
        ignores: &[
            "GOCSPX-short",
            "GOCSPX-your_client_secret_goes_here",
            "{digit 12}-{an 32}.apps.googleusercontent.com",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-oauth-access-token",
        what: "Google OAuth access token",
        rotate: "revoke it at `https://oauth2.googleapis.com/revoke`; it expires by itself within an hour",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["ya29.c.", "ya29.a.", "ya29.d."], &[Part::Run(Class::Base64Url, 30, 2000)]),
            Token::new(&["ya29."], &[Part::Run(Class::Base64Url, 20, 2000)]),
        ]),
        finds: &["ya29.{b64u 160}", "Authorization: Bearer ya29.a0{b64u 120}", "ya29.c.{b64u 200}......"],
        ignores: &["ya29.{b62 10}", "maya29.{b62 30}", "ya29.xxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-oauth-refresh-token",
        what: "Google OAuth refresh token",
        rotate: "revoke it at `https://oauth2.googleapis.com/revoke`, or remove the app's access in the Google account",
        seek: Seek::Tokens(&[Token::new(&["1//0", "1%2F%2F0", "1\\/\\/0"], &[Part::Run(Class::Base64Url, 64, 200)])]),
        finds: &["1//0{b64u 98}x", "refresh_token=1%2F%2F0{b64u 98}x&a=b", "\"refresh_token\": \"1//0{b64u 98}x\""],
        ignores: &["1//0{b64u 20}", "11//0{b64u 98}x", "1//0-your_refresh_token-{b64u 60}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "google-hmac-key-id",
        what: "id of a Cloud Storage HMAC key",
        rotate: HMAC,
        seek: Seek::Tokens(&[Token::new(&["GOOG"], &[Part::Run(Class::UpperAlnum, 20, 80)]).checked_by(hmac_id)]),
        finds: &["GOOG1E{AN 55}", "GOOG{AN 20}"],
        ignores: &["GOOG{AN 10}", "GOOGLE_APPLICATION_CREDENTIALS", "GOOG{AN 30}", "XGOOG{AN 20}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "google-hmac-secret",
        what: "secret of a Cloud Storage HMAC key",
        rotate: HMAC,
        seek: Seek::Read { leads: &["GOOG"], text_only: true, read: |window| hmac_secret(window) },
        finds: &[
            "access_key = GOOG1E{AN 55}\nsecret_key = {b64 40}\n",
            "gs_access_key_id = GOOG{AN 20}\ngs_secret_access_key = {b64 40}\n",
        ],
        ignores: &[
            "access_key = GOOG1E{AN 55}\nsha = {b64 40}\n",
            "GOOGLE_KEY={b64 40}",
            "key = GOOG{AN 20}\n\nsecret = {b64 40}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "google-signed-url",
        what: "signed request to Google Cloud Storage",
        rotate: "delete the service account key that signed it; it expires by itself within 7 days",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Read { leads: &["X-Goog-Algorithm=GOOG4-"], text_only: false, read: signed_url },
        finds: &[
            "https://storage.googleapis.com/b/k?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%40b.iam.gserviceaccount.com%2F20260101&X-Goog-Date=20260101T000000Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature={hex 512}",
        ],
        ignores: &[
            "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=example@example-project.iam.gserviceaccount.com&X-Goog-Date=20181026T181309Z&X-Goog-Expires=900&X-Goog-Signature={hex 512}",
            "X-Goog-Algorithm=GOOG4-RSA-SHA256",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "firebase-server-key",
        what: "legacy server key of Firebase Cloud Messaging",
        rotate: "delete the key under Cloud Messaging in the Firebase project settings",
        seek: Seek::Tokens(&[Token::new(&[":APA91b"], &[Part::Run(Class::Base64Url, 134, 180)])
            .preceded_by(&[Part::Text("AAAA"), exactly(Class::Base64Url, 7)])]),
        finds: &["AAAA{b62 7}:APA91b{b64u 134}", "Authorization: key=AAAA{b62 7}:APA91b{b64u 133}x"],
        ignores: &["{b62 22}:APA91b{b64u 134}", "AAAA{b62 7}:APA91b{b64u 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "recaptcha-secret",
        what: "secret key of reCAPTCHA",
        rotate: "rotate the secret key under Settings of the site in the reCAPTCHA admin console",
        severity: Severity::Medium,
        seek: Seek::Words {
            words: &["recaptcha"],
            read: |window| {
                const VALUE: Named =
                    Named::new(&[&[Part::Text("6L"), exactly(Class::Base64Url, 38)]]).named(&["SECRET", "PRIVATE"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "RECAPTCHA_SECRET_KEY=6L{b64u 37}x",
            "\"recaptcha\": {open}\"siteKey\": \"6L{b64u 37}x\", \"secretKey\": \"6L{b64u 37}y\"{close}",
        ],
        ignores: &[
            "RECAPTCHA_SITE_KEY=6L{b64u 38}",
            "RECAPTCHA_SECRET_KEY=your-secret",
            "RECAPTCHA_SECRET=6L{b64u 20}",
        ],
        ..Detector::NAMED
    },
];

fn service_account(window: &Window<'_>) -> Option<Reading> {
    let key = key_material::read_pem(window.bytes, window.at)?;
    let holds = |text: &str| memchr::memmem::find(window.bytes, text.as_bytes()).is_some();
    let named = memchr::memmem::rfind(&window.bytes[..key.start], b"private_key").is_some();
    (key.kind == Kind::Plain && named && (holds("service_account") || holds(".iam.gserviceaccount.com")))
        .then_some(Reading::new(key.start, key.end, Grade::Proven).known_as(key.body))
}

fn encoded_service_account(window: &Window<'_>) -> Option<Reading> {
    if !window.begins_word(window.at) {
        return None;
    }
    let length = Class::Base64.run(window.ahead(), usize::MAX);
    let text = key_material::decode_base64(&window.ahead()[..length / 4 * 4])?;
    let holds = |word: &str| memchr::memmem::find(&text, word.as_bytes()).is_some();
    (holds("\"service_account\"") && holds("-----BEGIN") && holds("\"private_key\""))
        .then(|| Reading::new(window.at, window.at + length, Grade::Proven))
}

fn user_credentials(window: &Window<'_>) -> Option<Reading> {
    const TOKEN: Named = Named::new(&[&[Part::Text("1//"), Part::Run(Class::Base64Url, 40, 200)]])
        .named(&["TOKEN"])
        .of_grade(Grade::Structured);
    let object = &window.bytes[window.at.saturating_sub(500)..window.bytes.len().min(window.at + 500)];
    memchr::memmem::find(object, b"client_secret")?;
    let ahead = window.bytes.len().min(window.at + 500);
    let field =
        |from: usize, to: usize| memchr::memmem::find(&window.bytes[from..to], b"refresh_token").map(|at| from + at);
    let at = field(window.at, ahead).or_else(|| field(window.at.saturating_sub(500), window.at))?;
    TOKEN.in_name().read(&Window { bytes: window.bytes, at, name: window.name })
}

/// An id has 24 characters when a user owns it, 61 when a service account does.
fn hmac_id(id: &[u8]) -> Check {
    if matches!(id.len(), 24 | 61) { Check::Silent } else { Check::Fails }
}

fn hmac_secret(window: &Window<'_>) -> Option<Reading> {
    const SECRET: Named = Named::new(&[&[exactly(Class::Base64, 40)]]).named(&["SECRET", "KEY"]);
    matches!(Class::UpperAlnum.run(window.ahead(), 62), 24 | 61).then(|| SECRET.read(window)).flatten()
}

fn signed_url(window: &Window<'_>) -> Option<Reading> {
    let (from, to) = query::around(window);
    let url = &window.bytes[from..to];
    let credential = query::param(url, "X-Goog-Credential")?;
    let date = query::param(url, "X-Goog-Date").and_then(query::time)?;
    let life = query::param(url, "X-Goog-Expires").and_then(query::seconds);
    let signature = query::param(url, "X-Goog-Signature").filter(|value| value.len() >= 40)?;
    let start = from + memchr::memmem::find(url, signature)?;
    let weak = judge::holds_example_word(credential) || judge::holds_example_word(signature);
    let grade = if weak { Grade::Weak } else { Grade::Structured };
    let expires = life.and_then(|life| date.checked_add(life));
    Some(Reading { expires, ..Reading::new(start, start + signature.len(), grade) })
}
