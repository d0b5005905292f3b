//! Logs, metrics, errors and feature flags.

use super::keyed::{Form, KEYED, TOKEN, graded, is_near, keyed};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::key_material;
use crate::secrets::shape::{Check, Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "grafana-cloud-token",
        what: "Grafana Cloud access policy token",
        rotate: "delete the token under Access Policies in the Grafana Cloud portal",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[Token::new(&["glc_"], &[Part::Run(Class::Base64, 32, 400)]).checked_by(grafana_cloud)]),
        finds: &[
            "GRAFANA_CLOUD_TOKEN=glc_{base64 [\"o\":\"123\",\"n\":\"a\",\"k\":\"(b62 24)\",\"m\":[\"r\":\"eu\"]]}",
        ],
        ignores: &["glc_{b64 60}", "glc_api_key"],
        ..TOKEN
    },
    Detector {
        id: "grafana-api-key",
        what: "Grafana API key of the older form",
        rotate: "delete the key under API keys in Grafana, and use a service account token",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[
            Token::new(&["eyJrIjoi"], &[Part::Run(Class::Base64, 50, 400)]).checked_by(grafana_legacy)
        ]),
        finds: &[
            "Authorization: Bearer {base64 [\"k\":\"(b62 32)\",\"n\":\"ci\",\"id\":1]}",
            "api_key = \"{base64 [\"k\":\"(b62 32)\",\"n\":\"deploy\",\"id\":12]}\"",
        ],
        ignores: &["eyJrIjoi{b64 100}", "eyJrIjoi"],
        ..TOKEN
    },
    Detector {
        id: "sentry-org-token",
        what: "Sentry organization token",
        rotate: "revoke the token under Organization Tokens in the Sentry settings",
        grade: Grade::Proven,
        seek: Seek::Read { leads: &["sntrys_"], text_only: false, read: sentry_org },
        finds: &[
            "SENTRY_AUTH_TOKEN=sntrys_{base64 [\"iat\":1700000000.5,\"url\":\"https://sentry.io\",\"org\":\"acme\"]}_{b64 43}",
        ],
        ignores: &["sntrys_{b62 60}", "sntrys_token", "sntrys_{base64 [\"a\":1]}_{b64 43}"],
        ..TOKEN
    },
    Detector {
        id: "sentry-user-token",
        what: "Sentry user token",
        rotate: "revoke the token under User Auth Tokens in the Sentry account",
        seek: Seek::Tokens(&[Token::new(&["sntryu_", "sntrya_", "sntryi_"], &[Part::exactly(Class::Hex, 64)])]),
        finds: &["SENTRY_AUTH_TOKEN=sntryu_{hex 64}", "[auth]\ntoken=sntryu_{hex 64}\n"],
        ignores: &["sntryu_{hex 32}", "sntryu_token"],
        ..TOKEN
    },
    Detector {
        id: "sentry-dsn",
        what: "Sentry DSN: lets anybody send events to the project",
        rotate: "disable the client key under Client Keys of the Sentry project",
        severity: Severity::Low,
        nature: Nature::Identifier,
        seek: Seek::Tokens(&[Token::new(&[".ingest."], &[Part::Run(Class::Base64Url, 2, 10)]).preceded_by(&[
            Part::exactly(Class::Hex, 32),
            Part::Text("@o"),
            Part::Run(Class::Digit, 1, 20),
        ])]),
        finds: &[
            "SENTRY_DSN=https://{hex 32}@o{digit 6}.ingest.sentry.io/{digit 7}",
            "dsn: \"https://{hex 32}@o{digit 16}.ingest.us.sentry.io/1\"",
        ],
        ignores: &["https://o1.ingest.sentry.io/1", "https://key@o0.ingest.sentry.io/0"],
        ..TOKEN
    },
    Detector {
        id: "newrelic-user-key",
        what: "New Relic user key",
        rotate: "delete the key under API keys in New Relic",
        seek: Seek::Tokens(&[Token::new(&["NRAK-"], &[Part::exactly(Class::UpperAlnum, 27)])]),
        finds: &["NEW_RELIC_API_KEY=NRAK-{AN 27}", "Api-Key: NRAK-{AN 27}"],
        ignores: &["NRAK-{AN 12}", "NRAK-XXXXXXXXXXXXXXXXXXXXXXXXXXX"],
        ..TOKEN
    },
    Detector {
        id: "newrelic-insert-key",
        what: "New Relic insert or query key",
        rotate: "delete the key under Insights API keys in New Relic",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["NRII-", "NRIQ-"], &[Part::exactly(Class::Base64Url, 32)])]),
        finds: &["INSERT_KEY=NRII-{b64u 31}x", "X-Insert-Key: NRII-{b62 32}"],
        ignores: &["NRII-{b62 12}", "NRII-XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"],
        ..TOKEN
    },
    Detector {
        id: "newrelic-browser-key",
        what: "New Relic browser key: sent to every visitor",
        rotate: "make a new browser ingest key in New Relic if it is abused",
        severity: Severity::Low,
        nature: Nature::Identifier,
        seek: Seek::Tokens(&[Token::new(&["NRJS-"], &[Part::exactly(Class::Hex, 19)])]),
        finds: &["licenseKey:\"NRJS-{hex 19}\"", "NRJS-{hex 19}"],
        ignores: &["NRJS-{hex 10}", "NRJS-0000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "newrelic-rest-key",
        what: "New Relic REST API key",
        rotate: "delete the key under REST API keys in New Relic",
        seek: Seek::Tokens(&[Token::new(&["NRRA-"], &[Part::exactly(Class::Hex, 42)])]),
        finds: &["X-Api-Key:NRRA-{hex 42}", "key = 'NRRA-{hex 42}'"],
        ignores: &["NRRA-{hex 20}", "NRRA-000000000000000000000000000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "newrelic-license-key",
        what: "New Relic licence key",
        rotate: "make a new ingest key under API keys in New Relic and delete this one",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["NRAL"], &[]).preceded_by(&[Part::exactly(Class::Hex, 36)]),
            Token::new(&["NRAL"], &[]).preceded_by(&[
                Part::Text("eu01"),
                Part::exactly(Class::LowerAlnum, 2),
                Part::exactly(Class::Hex, 30),
            ]),
        ]),
        finds: &["NEW_RELIC_LICENSE_KEY={hex 36}NRAL", "license_key: 'eu01xx{hex 30}NRAL'"],
        ignores: &["{hex 20}NRAL", "GENERAL", "CENTRAL"],
        ..TOKEN
    },
    Detector {
        id: "datadog-key",
        what: "Datadog API or application key",
        rotate: "revoke the key under Organization Settings in Datadog",
        seek: Seek::Read {
            leads: &[
                "datadog",
                "DATADOG",
                "Datadog",
                "DD_API_KEY",
                "DD_APP_KEY",
                "dd_api_key",
                "DD-API-KEY",
                "DD-APPLICATION-KEY",
            ],
            text_only: true,
            read: |window| {
                keyed(window, Form::exactly(Class::Hex, 32)).or_else(|| keyed(window, Form::exactly(Class::Hex, 40)))
            },
        },
        finds: &["DD_API_KEY={hex 32}", "datadog:\n  app_key: {hex 40}\n", "DD-APPLICATION-KEY: {hex 40}"],
        ignores: &["datadog {hex 32}", "DD_API_KEY=${KEY}", "datadog@sha256:{hex 64}"],
        ..KEYED
    },
    Detector {
        id: "datadog-app-key",
        what: "Datadog application key of the newer form",
        rotate: "revoke the key under Organization Settings, Application Keys in Datadog",
        seek: Seek::Tokens(&[Token::new(&["ddapp_"], &[Part::exactly(Class::Base62, 34)])]),
        finds: &["DD_APP_KEY=ddapp_{b62 34}", "\"ddapp_{b62 34}\""],
        ignores: &["ddapp_{b62 10}", "ddapp_key"],
        ..TOKEN
    },
    Detector {
        id: "dynatrace-token",
        what: "Dynatrace API token",
        rotate: "delete the token under Access tokens in Dynatrace",
        seek: Seek::Tokens(&[Token::new(
            &["dt0c01.", "dt0s01.", "dt0s02.", "dt0s03.", "dt0s04.", "dt0s06.", "dt0s08.", "dt0s16.", "dt0a01."],
            &[Part::exactly(Class::UpperAlnum, 24), Part::Text("."), Part::exactly(Class::UpperAlnum, 64)],
        )]),
        finds: &["DT_API_TOKEN=dt0c01.{AN 24}.{AN 64}", "Authorization: Api-Token dt0s16.{AN 24}.{AN 64}"],
        ignores: &["dt0c01.{AN 24}", "dt0c01.{AN 24}.{AN 20}"],
        ..TOKEN
    },
    Detector {
        id: "honeycomb-api-key",
        what: "Honeycomb ingest or configuration key",
        rotate: "delete the key under Environment settings, API Keys in Honeycomb",
        seek: Seek::Tokens(&[Token::new(
            &["hcaik_", "hcxik_", "hcbik_", "hcaic_", "hcxic_", "hcalk_", "hcxlk_", "hcamk_", "hcxmk_"],
            &[Part::exactly(Class::LowerAlnum, 58)],
        )]),
        finds: &["HONEYCOMB_API_KEY=hcaik_{an 58}", "x-honeycomb-team: hcxik_{an 58}"],
        ignores: &["hcaik_{an 20}", "hcaik_key"],
        ..TOKEN
    },
    Detector {
        id: "honeycomb-classic-key",
        what: "Honeycomb Classic API key",
        rotate: "delete the key under Team settings, API Keys in Honeycomb",
        seek: Seek::Read {
            leads: &["honeycomb", "HONEYCOMB", "Honeycomb"],
            text_only: true,
            read: |window| {
                keyed(window, Form::exactly(Class::Hex, 32)).or_else(|| keyed(window, Form::exactly(Class::Base62, 22)))
            },
        },
        finds: &["HONEYCOMB_API_KEY={hex 32}", "honeycomb:\n  api_key: '{hex 32}'"],
        ignores: &["honeycomb {hex 32}", "HONEYCOMB_API_KEY=none"],
        ..KEYED
    },
    Detector {
        id: "posthog-personal-key",
        what: "PostHog personal API or feature flag key",
        rotate: "delete the key under Personal API keys in the PostHog settings",
        seek: Seek::Tokens(&[Token::new(&["phx_", "phs_"], &[Part::Run(Class::Base62, 40, 50)])]),
        finds: &["POSTHOG_PERSONAL_API_KEY=phx_{b62 43}", "Bearer phx_{b62 48}"],
        ignores: &["phx_{b62 20}", "phc_{b62 43}"],
        ..TOKEN
    },
    Detector {
        id: "splunk-hec-token",
        what: "Splunk HTTP Event Collector token",
        rotate: "disable the token under HTTP Event Collector in Splunk and make a new one",
        seek: Seek::Read {
            leads: &["splunk", "SPLUNK", "Splunk", "HEC_TOKEN", "hec_token"],
            text_only: true,
            read: splunk,
        },
        finds: &[
            "SPLUNK_HEC_TOKEN={hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}",
            "curl -H 'Authorization: Splunk {hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}' https://x",
            "splunk-token: \"{hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}\"",
        ],
        ignores: &[
            "splunk {hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}",
            "SPLUNK_HEC_TOKEN=00000000-0000-0000-0000-000000000000",
        ],
        ..KEYED
    },
    Detector {
        id: "pagerduty-api-key",
        what: "PagerDuty API key",
        rotate: "delete the key under API Access Keys in PagerDuty",
        seek: Seek::Tokens(&[Token::new(&["pdus+", "pdeu+"], &[Part::Run(Class::Base64Url, 20, 64)])]),
        finds: &["PAGERDUTY_TOKEN=pdus+{b64u 22}x", "Token token=pdeu+{b62 24}"],
        ignores: &["pdus+{b62 8}", "xpdus+{b62 24}"],
        ..TOKEN
    },
    Detector {
        id: "pagerduty-legacy-api-key",
        what: "PagerDuty API key of the older form",
        rotate: "delete the key under API Access Keys in PagerDuty",
        seek: Seek::Read {
            leads: &["pagerduty", "PAGERDUTY", "PagerDuty", "PAGER_DUTY", "pager_duty"],
            text_only: true,
            read: |window| {
                let forms = [Form::exactly(Class::Base64Url, 20), Form::exactly(Class::Hex, 32)];
                forms.into_iter().find_map(|form| keyed(window, form))
            },
        },
        finds: &["PAGERDUTY_API_KEY={b62 20}", "pagerduty:\n  service_key: {hex 32}"],
        ignores: &["pagerduty {b62 20}", "PAGERDUTY_API_KEY=changeme"],
        ..KEYED
    },
    Detector {
        id: "launchdarkly-key",
        what: "LaunchDarkly SDK key or access token",
        rotate: "reset the SDK key or delete the token under Account settings in LaunchDarkly",
        seek: Seek::InRun { leads: &["sdk-", "api-"], read: launchdarkly },
        finds: &[
            "LAUNCHDARKLY_SDK_KEY=sdk-{hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}",
            "\"api-{hex 8}-{hex 4}-4{hex 3}-9{hex 3}-{hex 12}\"",
        ],
        ignores: &[
            "sdk-{hex 8}-{hex 4}-1{hex 3}-a{hex 3}-{hex 12}",
            "api-{hex 8}",
            "mob-{hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}",
        ],
        ..KEYED
    },
];

fn json_after(prefix: &[u8], token: &[u8]) -> Option<serde_json::Value> {
    let text = token.strip_prefix(prefix)?;
    serde_json::from_slice(&key_material::decode_base64(text)?).ok()
}

fn grafana_cloud(token: &[u8]) -> Check {
    let json = json_after(b"glc_", token);
    let whole = json.is_some_and(|json| json.get("k").is_some() && json.get("o").is_some());
    if whole { Check::Agrees } else { Check::Fails }
}

fn grafana_legacy(token: &[u8]) -> Check {
    let json = json_after(b"", token);
    let whole = json.is_some_and(|json| json.get("k").is_some() && json.get("n").is_some() && json.get("id").is_some());
    if whole { Check::Agrees } else { Check::Fails }
}

/// Reads `sntrys_`, base64 of JSON that says when and where the token was issued, `_`, 43 characters (RFC 0091 of Sentry).
fn sentry_org(window: &Window<'_>) -> Option<Reading> {
    let body = window.ahead().get(b"sntrys_".len()..)?;
    let claims = body.iter().take(600).take_while(|&&byte| Class::Base64.has(byte) || byte == b'=').count();
    let signature = body.get(claims + 1..).map_or(0, |rest| Class::Base64.run(rest, 64));
    if claims < 20 || body.get(claims) != Some(&b'_') || signature < 40 {
        return None;
    }
    let text = &body[..claims];
    let text = &text[..text.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1)];
    let json = json_after(b"", text);
    let issued = json.is_some_and(|json| json.get("iat").is_some());
    let grade = if issued { Grade::Proven } else { Grade::Weak };
    Some(Reading::new(window.at, window.at + b"sntrys_".len() + claims + 1 + signature, grade))
}

fn splunk(window: &Window<'_>) -> Option<Reading> {
    let form = Form { lead: "", class: Class::Base64Url, min: 36, max: 36 };
    let reading = keyed(window, form)?;
    let value = &window.bytes[reading.start..reading.end];
    super::keyed::begins_with_uuid(value).then(|| {
        let digits: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'-').collect();
        Reading { grade: graded(&digits, Class::Hex, Grade::Contextual), ..reading }
    })
}

/// Reads a lead and a random UUID (version 4); surer where the name of the service stands near.
fn launchdarkly(window: &Window<'_>) -> Option<Reading> {
    let uuid = window.ahead().get(4..40).filter(|uuid| super::keyed::begins_with_uuid(uuid))?;
    let random = uuid[14] == b'4' && matches!(uuid[19], b'8' | b'9' | b'a' | b'b');
    let bounded = window.ahead().get(40).is_none_or(|&next| !next.is_ascii_alphanumeric() && next != b'-');
    let follows = window.behind().last().is_some_and(|&byte| matches!(byte, b'-' | b'.' | b'/'));
    if !random || !bounded || follows || !window.begins_word(window.at) {
        return None;
    }
    let sure = is_near(window, &["launchdarkly", "launch_darkly", "ldclient", "ld_sdk", "ld_api"]);
    Some(Reading::new(window.at, window.at + 40, if sure { Grade::Structured } else { Grade::Contextual }))
}
