//! GitHub.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::jwt;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, exactly};
use crate::secrets::window::Window;

const PERSONAL: &str = "delete the token under Settings, Developer settings, Personal access tokens, or through the credential revocation API";
const APP: &str = "revoke the token under Settings, Applications, or through the credential revocation API";

/// 30 characters and 6 of checksum.
const SHORT: &[Part] = &[exactly(Class::Base62, 36)];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "github-token",
        what: "classic personal access token of GitHub",
        rotate: PERSONAL,
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["ghp_"], SHORT).checked_by(checksum::after_prefix_base62)]),
        finds: &[
            "ghp_{b62 30}{sum62}",
            "token ghp_{b62 30}{sum62}",
            "https://ghp_{b62 30}{sum62}@github.com/a/b.git",
            "authheaderghp_{b62 30}{sum62}user_agent",
        ],
        ignores: &["ghp_{b62 36}", "ghp_{b62 20}", "xyzghp_{b62 36}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-oauth-token",
        what: "OAuth access token of GitHub, as the command line keeps it",
        rotate: APP,
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["gho_"], SHORT).checked_by(checksum::after_prefix_base62)]),
        finds: &[
            "gho_{b62 30}{sum62}",
            "https://x:gho_{b62 30}{sum62}@git.example.org",
            "github.com:\n    oauth_token: gho_{b62 30}{sum62}\n",
        ],
        ignores: &["gho_{b62 36}", "gho_{b62 12}", "ghoul_{b62 36}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-user-to-server-token",
        what: "user access token of a GitHub App",
        rotate: APP,
        grade: Grade::Proven,
        seek: Seek::Tokens(&[Token::new(&["ghu_"], SHORT).checked_by(checksum::after_prefix_base62)]),
        finds: &["ghu_{b62 30}{sum62}", "\"oauth_token\":\"ghu_{b62 30}{sum62}\""],
        ignores: &["ghu_{b62 36}", "ghu_{b62 30}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-app-token",
        what: "installation access token of a GitHub App, such as the token of a workflow",
        rotate: "revoke it with `DELETE /installation/token`; it expires by itself within an hour",
        grade: Grade::Proven,
        severity: Severity::Medium,
        seek: Seek::Read { leads: &["ghs_"], text_only: false, read: installation_token },
        finds: &[
            "ghs_{b62 30}{sum62}",
            "AUTHORIZATION: basic ghs_{b62 30}{sum62}\n",
            "packedstringghs_{b62 30}{sum62}useragent",
            "ghs_123456_{base64url [\"alg\":\"RS256\",\"typ\":\"JWT\"]}.{base64url [\"iss\":\"github\",\"exp\":1999999999]}.{b64u 342}",
        ],
        ignores: &[
            "ghs_{b62 36}",
            "ghs_123456_eyJ{b64u 5}",
            "ghs_app_eyJ{b64u 100}",
            "ghs_123456_eyJ{b64u 100}.{b64u 200}.{b64u 80}x",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-refresh-token",
        what: "refresh token of a GitHub App",
        rotate: APP,
        grade: Grade::Proven,
        seek: Seek::Tokens(&[
            Token::new(&["ghr_"], &[exactly(Class::Base62, 76)]).checked_by(checksum::after_prefix_base62),
            Token::new(&["ghr_"], SHORT).checked_by(checksum::after_prefix_base62),
        ]),
        finds: &["ghr_{b62 70}{sum62}", "\"refresh_token\":\"ghr_{b62 70}{sum62}\"", "ghr_{b62 30}{sum62}"],
        ignores: &["ghr_{b62 76}", "ghr_{b62 36}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-fine-grained-token",
        what: "fine-grained personal access token of GitHub",
        rotate: PERSONAL,
        seek: Seek::Tokens(&[Token::new(
            &["github_pat_"],
            &[exactly(Class::Base62, 22), Part::Text("_"), exactly(Class::Base62, 59)],
        )]),
        finds: &[
            "github_pat_{b62 22}_{b62 59}",
            "GH_TOKEN=github_pat_{b62 22}_{b62 59}\n",
            "https://oauth2:github_pat_{b62 22}_{b62 59}@github.com",
        ],
        ignores: &[
            "github_pat_{b62 22}",
            "github_pat_{b62 22}_{b62 20}",
            "github_pat_xxxxxxxxxxxxxxxxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "github-token-legacy",
        what: "token of GitHub without a prefix",
        rotate: PERSONAL,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["github"] "gh_token" "gh_pat=" "gh_pat:" "homebrew_github"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 40)]])
                    .named(&["TOKEN", "PAT", "SECRET", "PASSWORD", "AUTH"])
                    .in_name();
                VALUE.read(window)
            },
        },
        finds: &[
            "GITHUB_TOKEN={hex 40}\n",
            "github_oauth_token: {hex 40}\n",
            "\"github-token\": \"{hex 40}\"",
            "- name: GITHUB_TOKEN\n  value: {hex 40}\n",
        ],
        ignores: &["GITHUB_SHA={hex 40}", "github: {hex 40}", "GITHUB_TOKEN_SHA={hex 40}", "GITHUB_TOKEN={hex 64}"],
        ..Detector::NAMED
    },
];

/// Reads the opaque form (36 characters, the last 6 a checksum) or the stateless one (app id and a JWT).
fn installation_token(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let body = &ahead[4..];
    let app = Class::Digit.run(body, 12);
    if app > 0 && body[app..].starts_with(b"_eyJ") {
        let start = 4 + app + 1;
        if !window.begins_word(window.at) {
            return None;
        }
        if let Some(token) = jwt::parse(&ahead[start..]) {
            let end = window.at + start + token.length;
            return Some(Reading { expires: token.expires(), ..Reading::new(window.at, end, Grade::Proven) });
        }
        let length = Class::DottedBase64Url.run(&body[app..], 2000);
        let end = window.at + 4 + app + length;
        return (length >= 36).then(|| Reading::new(window.at, end, Grade::Weak));
    }
    if Class::Base62.run(body, 36) < 36 {
        return None;
    }
    let agrees = checksum::after_prefix_base62(&ahead[..40]) == Check::Agrees;
    (agrees || window.begins_word(window.at))
        .then(|| Reading::new(window.at, window.at + 40, if agrees { Grade::Proven } else { Grade::Weak }))
}
