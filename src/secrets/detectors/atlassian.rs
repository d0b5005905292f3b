//! Atlassian: Jira, Confluence and Bitbucket.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, exactly};

/// The body, `=` as it is or escaped, and 8 characters of checksum.
const PLAIN: &[Part] = &[Part::Run(Class::Base64Url, 60, 400), Part::Text("="), exactly(Class::UpperHex, 8)];
const PERCENT: &[Part] = &[Part::Run(Class::Base64Url, 60, 400), Part::Text("%3D"), exactly(Class::UpperHex, 8)];
const BACKSLASH: &[Part] = &[Part::Run(Class::Base64Url, 60, 400), Part::Text("\\="), exactly(Class::UpperHex, 8)];
const UNICODE: &[Part] = &[Part::Run(Class::Base64Url, 60, 400), Part::Text("\\u003d"), exactly(Class::UpperHex, 8)];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "atlassian-token",
        what: "API token of an Atlassian account",
        rotate: "revoke the token under Security, API tokens in the Atlassian account",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["ATATT3xFfGF0"], PLAIN).checked_by(tail),
            Token::new(&["ATATT3xFfGF0"], PERCENT).checked_by(tail),
            Token::new(&["ATATT3xFfGF0"], BACKSLASH).checked_by(tail),
            Token::new(&["ATATT3xFfGF0"], UNICODE).checked_by(tail),
        ]),
        finds: &[
            "ATATT3xFfGF0{b64u 171}={sumHEX}",
            "JIRA_API_TOKEN=ATATT3xFfGF0{b64u 171}={sumHEX}\n",
            "jira:\n  token: \"ATATT3xFfGF0{b64u 171}={sumHEX}\"\n",
        ],
        ignores: &["ATATT3xFfGF0{b64u 20}", "ATATT3xFfGF0{b64u 171}=00000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "bitbucket-access-token",
        what: "repository, project or workspace access token of Bitbucket",
        rotate: "revoke the token under Access tokens in the settings of the repository, project or workspace",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["ATCTT3xFfGN0"], PLAIN).checked_by(tail),
            Token::new(&["ATCTT3xFfGN0"], PERCENT).checked_by(tail),
            Token::new(&["ATCTT3xFfGN0"], BACKSLASH).checked_by(tail),
            Token::new(&["ATCTT3xFfGN0"], UNICODE).checked_by(tail),
        ]),
        finds: &[
            "ATCTT3xFfGN0{b64u 171}={sumHEX}",
            "https://x-token-auth:ATCTT3xFfGN0{b64u 171}={sumHEX}@bitbucket.org/a/b.git",
        ],
        ignores: &["ATCTT3xFfGN0{b64u 20}", "ATCTT3xFfGN0{b64u 171}=00000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "bitbucket-app-password",
        what: "app password of a Bitbucket user",
        rotate: "revoke the app password under App passwords in the Bitbucket settings",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["ATBB"], &[exactly(Class::Base62, 24), exactly(Class::UpperHex, 8)])
            .checked_by(checksum::upper_hex_tail)]),
        finds: &[
            "ATBB{b62 24}{sumHEX}",
            "https://a:ATBB{b62 24}{sumHEX}@bitbucket.org/a/b.git",
            "BITBUCKET_APP_PASSWORD=ATBB{b62 24}{sumHEX}\n",
        ],
        ignores: &["ATBB{b62 24}00000000", "ATBB{b62 10}", "CATBBOX"],
        ..Detector::TOKEN
    },
    Detector {
        id: "bitbucket-data-center-token",
        what: "HTTP access token of Bitbucket Data Center",
        rotate: "revoke the token under HTTP access tokens of its user, project or repository",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["BBDC-"], &[exactly(Class::Base64, 44)]).checked_by(data_center)]),
        finds: &["BBDC-{base64 (digit 12):(b62 20)}", "Authorization: Bearer BBDC-{base64 (digit 12):(b62 20)}"],
        ignores: &["BBDC-{b64 20}", "BBDC-a{b64 43}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "jira-data-center-token",
        what: "personal access token of Jira or Confluence Data Center",
        rotate: "revoke the token under Personal access tokens in the user's profile",
        seek: Seek::Words {
            words: around!(["jira"] "confluence" "atlassian"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64, 44)]]).checked_by(data_center);
                VALUE.read(window)
            },
        },
        finds: &[
            "JIRA_TOKEN={base64 (digit 12):(b62 20)}\n",
            "confluence:\n  token: {base64 (digit 12):(b62 20)}\n",
            "curl -H \"Authorization: Bearer {base64 (digit 12):(b62 20)}\" https://jira.internal/rest/api/2/myself",
        ],
        ignores: &["JIRA_TOKEN=A{b64 43}", "{base64 (digit 12):(b62 20)}", "JIRA_TOKEN={b64 30}"],
        ..Detector::NAMED
    },
    Detector {
        id: "atlassian-token-legacy",
        what: "API token of an Atlassian account without a prefix",
        rotate: "revoke the token under Security, API tokens in the Atlassian account",
        seek: Seek::Words {
            words: around!(["jira"] "confluence" "atlassian"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 24)]]).named(&["TOKEN", "PASSWORD", "KEY"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "JIRA_API_TOKEN={b62 24}\n",
            "\"atlassian\": {open}\"email\": \"a@b.c\", \"apiToken\": \"{b62 24}\"{close}",
        ],
        ignores: &["JIRA_PROJECT_ID={b62 24}", "JIRA_API_TOKEN=your-api-token-goes-here", "jira {b62 24}"],
        ..Detector::NAMED
    },
];

/// Undoes escapes of the `=`, then checks the checksum.
fn tail(token: &[u8]) -> Check {
    for escape in [&b"%3D"[..], b"\\=", b"\\u003d"] {
        if let Some(at) = memchr::memmem::rfind(token, escape) {
            return checksum::upper_hex_tail(&[&token[..at], b"=", &token[at + escape.len()..]].concat());
        }
    }
    checksum::upper_hex_tail(token)
}

/// Checks that it decodes to a number, a colon and random bytes.
fn data_center(token: &[u8]) -> Check {
    let body = token.strip_prefix(b"BBDC-").unwrap_or(token);
    let Some(bytes) = key_material::decode_base64(body) else { return Check::Fails };
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sure = digits >= 4 && bytes.get(digits) == Some(&b':') && !judge::holds_example_word(&bytes);
    if sure { Check::Agrees } else { Check::Fails }
}
