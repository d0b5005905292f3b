//! Amazon Web Services.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::query;
use crate::secrets::shape::{Check, Class, Part, Token, UUID, exactly};
use crate::secrets::window::Window;

const IAM: &str =
    "deactivate and delete the access key under Security credentials of its user in IAM, then create a new one";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "aws-access-key-id",
        what: "id of a long-lived AWS access key",
        rotate: IAM,
        seek: Seek::Tokens(&[
            Token::new(&["AKIA"], &[exactly(Class::Base32, 16)]).checked_by(checksum::aws_access_key_id)
        ]),
        finds: &[
            "AKIAR{b32 15}",
            "id = AKIAR{b32 15} in use",
            "\"AccessKeyId\": \"AKIAR{b32 15}\"",
            "s3://AKIAR{b32 15}@a",
        ],
        ignores: &[
            "AKIA",
            "AKIAIOSFODNN7EXAMPLE",
            "AKIA7777777777777777",
            "AKIAR{b32 13}01",
            "xyzAKIAR{b32 40}",
            "AROAR{b32 15}",
        ],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "aws-temporary-key-id",
        what: "id of a temporary AWS access key",
        rotate: "revoke the sessions of the role in IAM; the key expires by itself within 36 hours",
        seek: Seek::Tokens(&[
            Token::new(&["ASIA"], &[exactly(Class::Base32, 16)]).checked_by(checksum::aws_access_key_id)
        ]),
        finds: &["ASIAR{b32 15}", "\"AccessKeyId\": \"ASIAR{b32 15}\""],
        ignores: &["ASIAIOSFODNN7EXAMPLE", "ASIAR{b32 10}", "EURASIAR{b32 15}", "ASIAPACIFICREGIONS08"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "aws-bearer-token-id",
        what: "AWS STS service bearer token or context-specific credential",
        rotate: "delete the service-specific credential of its user in IAM",
        grade: Grade::Contextual,
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["ABIA", "ACCA"], &[exactly(Class::Base32, 16)]).checked_by(checksum::aws_access_key_id)
        ]),
        finds: &["ABIAR{b32 15}", "ACCAR{b32 15}"],
        ignores: &["ABIAR{b32 9}", "ACCAR{b32 13}01", "xACCAR{b32 15}", "ACCAXXXXXXXXXXXXXXXX"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-secret-access-key",
        what: "AWS secret access key",
        rotate: IAM,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &[
                "secret_access_key",
                "SECRET_ACCESS_KEY",
                "ecretAccessKey",
                "secret-access-key",
                "ecret access key",
                "secret_key",
                "SECRET_KEY",
                "ecretKey",
                "aws_secret",
                "AWS_SECRET",
                "AKIA",
                "ASIA",
            ],
            text_only: true,
            read: secret_access_key,
        },
        finds: &[
            "aws_secret_access_key = {b64 40}\n",
            "AWS_SECRET_ACCESS_KEY=\"{b64 40}\"",
            "<SecretAccessKey>{b64 40}</SecretAccessKey>",
            "secretAccessKey: '{b64 40}'",
            "- name: AWS_SECRET_ACCESS_KEY\n  value: {b64 40}\n",
            "{open}\\\"SecretAccessKey\\\":\\\"{b64 40}\\\"{close}",
            "provider \"aws\" {open}\n  access_key = \"AKIAR{b32 15}\"\n  secret_key = \"{b64 40}\"\n",
            "AKIAR{b32 15},{b64 40}\n",
        ],
        ignores: &[
            "aws_secret_access_key = ${SECRET}",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = {hex 40}",
            "aws_secret_access_key = {b64 44}",
            "secret_key = \"{b64 40}\"",
            "AKIAR{b32 15} commit {hex 40}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "aws-session-token",
        what: "AWS session token",
        rotate: "revoke the sessions of the role in IAM; the token expires by itself within 36 hours",
        seek: Seek::Tokens(&[Token::new(
            &["FwoGZXIvYXdz", "FQoGZXIvYXdz", "IQoJb3JpZ2lu"],
            &[Part::Run(Class::LooseBase64, 100, 4000)],
        )]),
        finds: &[
            "FwoGZXIvYXdz{b64 300}",
            "aws_session_token = IQoJb3JpZ2lu{b64 600}==\n",
            "Token=FQoGZXIvYXdz{b64 120}%2F{b64 90}&a",
        ],
        ignores: &["FwoGZXIvYXdz", "IQoJb3JpZ2lu{b64 20}", "IQoJb3JpZ2luX2VjEXAMPLE{b64 200}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-bedrock-api-key",
        what: "long-term API key of Amazon Bedrock",
        rotate: "delete the key under API keys in the Bedrock console, or the service-specific credential of its user in IAM",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[
            Token::new(&["ABSKQmVkcm9ja0FQSUtleS"], &[Part::Run(Class::Base64, 87, 250)]).checked_by(bedrock_key)
        ]),
        finds: &[
            "ABSK{base64 BedrockAPIKey-(an 4)-at-(digit 12):(b64 49)}",
            "AWS_BEARER_TOKEN_BEDROCK=ABSK{base64 BedrockAPIKey-(an 4)-at-(digit 12):(b64 62)}",
        ],
        ignores: &["ABSKQmVkcm9ja0FQSUtleS{b64 10}", "ABSK{b64 120}", "ABSK{base64 BedrockAPIKey-example(b64 70)}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-bedrock-short-term-key",
        what: "short-term API key of Amazon Bedrock",
        rotate: "revoke the sessions of the role that made it; it expires by itself within 12 hours",
        grade: Grade::Proven,
        severity: Severity::Medium,
        seek: Seek::Read { leads: &["bedrock-api-key-"], text_only: false, read: bedrock_short_term },
        finds: &[
            "bedrock-api-key-{base64 bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIA(b32 16)&X-Amz-Date=20260101T000000Z&X-Amz-Expires=43200&X-Amz-Signature=(hex 64)}",
        ],
        ignores: &[
            "bedrock-api-key-{b64 100}",
            "bedrock-api-key-",
            "bedrock-api-key-{base64 some text that is no request at all, but long}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-mws-token",
        what: "authorization token of Amazon Marketplace Web Service",
        rotate: "revoke the developer's access under Manage your apps in Seller Central",
        seek: Seek::Tokens(&[Token::new(&["amzn.mws."], UUID)]),
        finds: &["amzn.mws.{uuid}", "MWSAuthToken=amzn.mws.{uuid}&x"],
        ignores: &["amzn.mws.{hex 32}", "amzn.mws.{hex 8}-0000", "amzn.mws.00000000-0000-0000-0000-000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-appsync-api-key",
        what: "API key of AWS AppSync",
        rotate: "delete the key under Settings of the API in the AppSync console",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["da2-"], &[exactly(Class::LowerAlnum, 26)])]),
        finds: &["da2-{an 26}", "aws_appsync_apiKey: 'da2-{an 26}'"],
        ignores: &["da2-{an 20}", "xda2-{an 26}", "da2-xxxxxxxxxxxxxxxxxxxxxxxxxx", "lambda2-{an 26}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aws-presigned-url",
        what: "presigned AWS request",
        rotate: "delete the access key that signed it; it expires by itself within 7 days",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Read { leads: &["X-Amz-Algorithm=AWS4-HMAC-SHA256"], text_only: false, read: presigned },
        finds: &[
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAR{b32 15}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={hex 64}",
            "\"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256\\u0026X-Amz-Credential=ASIAR{b32 15}/20260101/us-east-1/s3/aws4_request\\u0026X-Amz-Date=20260101T000000Z\\u0026X-Amz-Expires=60\\u0026X-Amz-Signature={hex 64}\"",
        ],
        ignores: &[
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-Signature={hex 64}",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={b32 20}&X-Amz-Signature=<signature>",
        ],
        ..Detector::TOKEN
    },
];

const SECRET_KEY: Named = Named::new(&[&[exactly(Class::Base64, 40)]]).checked_by(no_hash);

/// Tells a random value from a hash or a path of the same length.
fn no_hash(value: &[u8]) -> Check {
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let capitals = value.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    if hex || judge::entropy(value) < 4.2 || digits == 0 && capitals < 4 || capitals == 0 {
        Check::Fails
    } else {
        Check::Silent
    }
}

/// Reads a secret after its name or beside its id. Names that others use too count only where something speaks of AWS.
fn secret_access_key(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    if ahead.starts_with(b"AKIA") || ahead.starts_with(b"ASIA") {
        let id = Class::Base32.run(ahead, 21);
        let begins = window.begins_word(window.at);
        if id != 20 || !begins || judge::holds_example_word(&ahead[..20]) {
            return None;
        }
        let gap = ahead[20..].iter().take(8).take_while(|byte| !Class::Base64.has(**byte) && **byte != b'\n').count();
        let beside = SECRET_KEY.of_grade(Grade::Structured);
        return (gap > 0).then(|| beside.at(window, window.at + 20 + gap)).flatten();
    }
    let own =
        [&b"secret_access"[..], b"SECRET_ACCESS", b"ecretAccess", b"secret-access", b"ecret access", b"aws_", b"AWS_"];
    let near = &window.bytes[window.at.saturating_sub(300)..window.bytes.len().min(window.at + 300)];
    let holds = |word: &[u8]| memchr::memmem::find(near, word).is_some();
    if !own.iter().any(|name| ahead.starts_with(name))
        && ![&b"AKIA"[..], b"ASIA", b"aws", b"AWS", b"amazonaws", b"s3"].iter().any(|word| holds(word))
    {
        return None;
    }
    SECRET_KEY.in_name().read(window)
}

fn bedrock_key(key: &[u8]) -> Check {
    let body = key.strip_prefix(b"ABSK").unwrap_or(key);
    match key_material::decode_base64(&body[..body.len() / 4 * 4]) {
        Some(text) if text.starts_with(b"BedrockAPIKey-") && !judge::holds_example_word(&text) => Check::Agrees,
        _ => Check::Fails,
    }
}

fn bedrock_short_term(window: &Window<'_>) -> Option<Reading> {
    let lead = b"bedrock-api-key-".len();
    let length = Class::Base64.run(&window.ahead()[lead..], 6000);
    let body = &window.ahead()[lead..lead + length];
    let request = key_material::decode_base64(&body[..body.len() / 4 * 4])?;
    let (_, expires) = amz_times(&request)?;
    Some(Reading { expires, ..Reading::new(window.at, window.at + lead + length, Grade::Proven) })
}

/// Reads who signed a request, and when it expires.
fn amz_times(request: &[u8]) -> Option<(&[u8], Option<i64>)> {
    let credential = query::param(request, "X-Amz-Credential")?;
    let date = query::param(request, "X-Amz-Date").and_then(query::time)?;
    let life = query::param(request, "X-Amz-Expires").and_then(query::seconds);
    Some((credential, life.and_then(|life| date.checked_add(life))))
}

fn presigned(window: &Window<'_>) -> Option<Reading> {
    let (from, to) = query::around(window);
    let url = &window.bytes[from..to];
    let (credential, expires) = amz_times(url)?;
    let signature = query::param(url, "X-Amz-Signature").filter(|value| Class::AnyHex.run(value, 65) == 64)?;
    let signature = &signature[..64];
    let start = from + memchr::memmem::find(url, signature)?;
    let weak = judge::holds_example_word(credential) || judge::is_too_regular(signature, Class::Hex);
    let grade = if weak { Grade::Weak } else { Grade::Structured };
    Some(Reading { expires, ..Reading::new(start, start + 64, grade) })
}
