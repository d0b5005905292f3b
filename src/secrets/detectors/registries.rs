//! Package and image registries: tokens with a mark of their own.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::judge;
use crate::secrets::jwt;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, UUID, exactly};
use crate::secrets::window::Window;

const DOCKER: &str = "delete the token under Personal access tokens in the Docker account settings";
const PYPI: &str = "remove the token under API tokens in the account settings";
const PACKAGIST: &str = "revoke the token under Settings of the Private Packagist organization";
const JFROG: &str = "revoke the key under Edit Profile, or the token under Access Tokens in the JFrog platform";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "npm-token",
        what: "npm access token",
        rotate: "revoke the token with `npm token revoke`",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["npm_"], &[exactly(Class::Base62, 36)]).checked_by(checksum::after_prefix_base62)
        ]),
        finds: &[
            "npm_{b62 30}{sum62}",
            "//registry.example.org/:_authToken=npm_{b62 30}{sum62}",
            "NPM_TOKEN=npm_{b62 30}{sum62}\n",
        ],
        ignores: &["npm_{b62 36}", "npm_config_registry", "npm_lifecycle_event"],
        ..Detector::TOKEN
    },
    Detector {
        id: "pypi-token",
        what: "PyPI API token",
        rotate: PYPI,
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["pypi-AgEIcHlwaS5vcmc"], &[Part::Run(Class::Base64Url, 50, 2000)]).checked_by(macaroon)
        ]),
        finds: &[
            "pypi-AgEIcHlwaS5vcmcCJ{b64u 150}",
            "password = pypi-AgEIcHlwaS5vcmcC{b64u 80}\n",
            "UV_PUBLISH_TOKEN=pypi-AgEIcHlwaS5vcmcCJ{b64u 150}\n",
        ],
        ignores: &[
            "pypi-AgEIcHlwaS5vcmcC{b64u 10}",
            "pypi-AgEIcHlwaS5vcmcxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "pypi-test-token",
        what: "API token of the test instance of PyPI",
        rotate: PYPI,
        grade: Grade::Proven,
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["pypi-AgENdGVzdC5weXBpLm9yZw"], &[Part::Run(Class::Base64Url, 50, 2000)]).checked_by(macaroon)
        ]),
        finds: &["pypi-AgENdGVzdC5weXBpLm9yZwIk{b62 90}", "password = pypi-AgENdGVzdC5weXBpLm9yZwIk{b62 90}\n"],
        ignores: &[
            "pypi-AgENdGVzdC5weXBpLm9yZw{b64u 10}",
            "pypi-AgENdGVzdC5weXBpLm9yZwxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "rubygems-key",
        what: "RubyGems API key",
        rotate: "delete the key under API keys in the RubyGems settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["rubygems_"], &[exactly(Class::Hex, 48)])]),
        finds: &["rubygems_{hex 48}", ":rubygems_api_key: rubygems_{hex 48}", "GEM_HOST_API_KEY=rubygems_{hex 48}\n"],
        ignores: &["rubygems_{hex 40}", "rubygems_api_key"],
        ..Detector::TOKEN
    },
    Detector {
        id: "crates-token",
        what: "API token of crates.io",
        rotate: "revoke the token under API Tokens in the crates.io account settings",
        grade: Grade::Contextual,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cio"], &[exactly(Class::Base62, 32)]).checked_by(mixed)]),
        finds: &["cio{b62 32}", "CARGO_REGISTRY_TOKEN=cio{b62 32}\n", "[registry]\ntoken = \"cio{b62 32}\"\n"],
        ignores: &["cio{b62 20}", "precio{b62 32}", "cionabcdefghijklmnopqrstuvwxyzabcde", "cio{b62 40}+/{b62 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "nuget-key",
        what: "NuGet API key",
        rotate: "delete or regenerate the key under API Keys in the NuGet account",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["oy2"], &[exactly(Class::LowerAlnum, 43)]).checked_by(mixed)]),
        finds: &["oy2{an 43}", "dotnet nuget push a.nupkg --api-key oy2{an 43} --source b"],
        ignores: &["oy2{an 30}", "toy2{an 43}", "oy2xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "clojars-token",
        what: "deploy token of Clojars",
        rotate: "disable the token under Deploy Tokens in Clojars",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["CLOJARS_"], &[exactly(Class::Hex, 60)])]),
        finds: &["CLOJARS_{hex 60}", "CLOJARS_PASSWORD=CLOJARS_{hex 60}\n"],
        ignores: &["CLOJARS_{hex 20}", "CLOJARS_PASSWORD"],
        ..Detector::TOKEN
    },
    Detector {
        id: "packagist-api-secret",
        what: "API key or secret of Private Packagist",
        rotate: PACKAGIST,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["packagist_ack_", "packagist_acs_"], PACKAGIST_BODY)]),
        finds: &["packagist_acs_{hex 64}", "PACKAGIST_API_KEY=packagist_ack_{hex 40}\n"],
        ignores: &["packagist_ack_{hex 10}", "packagist_acs_00000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "packagist-organization-token",
        what: "authentication token of a Private Packagist organization",
        rotate: PACKAGIST,
        seek: Seek::Tokens(&[Token::new(&["packagist_ort_", "packagist_out_"], PACKAGIST_BODY)]),
        finds: &[
            "packagist_ort_{hex 64}",
            "{open}\"http-basic\": {open}\"repo.packagist.com\": {open}\"username\": \"token\", \"password\": \"packagist_out_{hex 68}\"{close}{close}{close}",
        ],
        ignores: &["packagist_ort_{hex 10}", "packagist_out_dir"],
        ..Detector::TOKEN
    },
    Detector {
        id: "packagist-user-token",
        what: "authentication token of a Private Packagist user",
        rotate: "revoke the token under Authentication Tokens in the Private Packagist profile",
        seek: Seek::Tokens(&[Token::new(&["packagist_uut_"], PACKAGIST_BODY)]),
        finds: &["packagist_uut_{hex 68}", "composer config http-basic.repo.packagist.com a packagist_uut_{hex 68}"],
        ignores: &["packagist_uut_{hex 10}", "packagist_uut_ffffffffffffffffffffffffffffffff"],
        ..Detector::TOKEN
    },
    Detector {
        id: "packagist-conductor-token",
        what: "update token of Packagist Conductor",
        rotate: PACKAGIST,
        seek: Seek::Tokens(&[Token::new(&["packagist_cut_"], PACKAGIST_BODY)]),
        finds: &["packagist_cut_{hex 68}", "token: packagist_cut_{hex 68}\n"],
        ignores: &["packagist_cut_{hex 10}", "packagist_cut_off_value"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudsmith-key",
        what: "API key of Cloudsmith",
        rotate: "refresh the key under API Settings in the Cloudsmith profile",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["csa_"], &[exactly(Class::Hex, 30), exactly(Class::Base62, 6)])]),
        finds: &["csa_{hex 30}{b62 6}", "CLOUDSMITH_API_KEY=csa_{hex 30}{b62 6}\n"],
        ignores: &["csa_{hex 20}", "ncsa_{hex 30}{b62 6}", "csa_000000000000000000000000000000abcdef"],
        ..Detector::TOKEN
    },
    Detector {
        id: "docker-hub-token",
        what: "personal access token of Docker Hub",
        rotate: DOCKER,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["dckr_pat_"], &[exactly(Class::Base64Url, 27)])]),
        finds: &[
            "dckr_pat_{b62 27}",
            "echo dckr_pat_{b62 27} | docker login -u a --password-stdin",
            "DOCKER_PASSWORD=dckr_pat_{b64u 26}x\n",
        ],
        ignores: &["dckr_pat_{b62 10}", "dckr_pat_xxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "docker-hub-organization-token",
        what: "organization access token of Docker Hub",
        rotate: "delete the token under Access tokens of the organization in Docker Home",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["dckr_oat_"], &[exactly(Class::Base64Url, 32)])]),
        finds: &["dckr_oat_{b62 32}", "password: dckr_oat_{b64u 31}x\n"],
        ignores: &["dckr_oat_{b62 10}", "dckr_oat_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "docker-swarm-join-token",
        what: "join token of a Docker Swarm",
        rotate: "run `docker swarm join-token --rotate worker`, and the same for `manager`",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["SWMTKN-1-"],
            &[exactly(Class::LowerAlnum, 50), Part::Text("-"), exactly(Class::LowerAlnum, 25)],
        )]),
        finds: &["SWMTKN-1-{an 50}-{an 25}", "docker swarm join --token SWMTKN-1-{an 50}-{an 25} 192.168.99.100:2377"],
        ignores: &["SWMTKN-1-{an 20}", "SWMTKN-1-{an 50}-{an 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "docker-swarm-unlock-key",
        what: "unlock key of a Docker Swarm",
        rotate: "run `docker swarm unlock-key --rotate`",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["SWMKEY-1-"], &[exactly(Class::Base64, 43)])]),
        finds: &["SWMKEY-1-{b62 43}", "echo SWMKEY-1-{b64 43} | docker swarm unlock"],
        ignores: &["SWMKEY-1-{b62 10}", "SWMKEY-1-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "quay-robot-token",
        what: "token of a robot account of Quay",
        rotate: "regenerate the token under Robot Accounts in Quay",
        seek: Seek::Words {
            words: around!(["quay"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::UpperAlnum, 64)]]);
                VALUE.read(window)
            },
        },
        finds: &["QUAY_PASSWORD={AN 64}\n", "docker login -u=\"a+b\" -p=\"x\" quay.io\nQUAY_TOKEN={AN 64}\n"],
        ignores: &["quay.io/a/b@sha256:{hex 64}", "QUAY_PASSWORD={AN 20}"],
        ..Detector::NAMED
    },
    Detector {
        id: "nexus-repository-token",
        what: "npm or NuGet token of Sonatype Nexus Repository",
        rotate: "reset the token under the user's account in Nexus Repository",
        seek: Seek::Tokens(&[Token::new(&["NpmToken.", "NuGetApiKey.", "DockerToken."], UUID)]),
        finds: &["NpmToken.{uuid}", "//nexus.internal/repository/npm/:_authToken=NpmToken.{uuid}\n"],
        ignores: &["NpmToken.{hex 32}", "NpmToken.getValue()", "NpmToken.00000000-0000-0000-0000-000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "jfrog-api-key",
        what: "API key of JFrog Artifactory",
        rotate: JFROG,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["AKCp"], &[exactly(Class::Base58, 69)])]),
        finds: &[
            "AKCp{b58 69}",
            "X-JFrog-Art-Api: AKCp{b58 69}",
            "https://a:AKCp{b58 69}@a.jfrog.io/artifactory/api/pypi/b/simple",
        ],
        ignores: &[
            "AKCp{b58 20}",
            "xAKCp{b58 69}",
            "AKCpxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "jfrog-reference-token",
        what: "reference token of the JFrog platform",
        rotate: JFROG,
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cmVmdGtu"], &[exactly(Class::Base64, 56)]).checked_by(reference)]),
        finds: &[
            "{base64 reftkn:01:(digit 10):(b62 27)}",
            "JFROG_ACCESS_TOKEN={base64 reftkn:01:(digit 10):(b62 27)}\n",
        ],
        ignores: &["cmVmdGtu{b64 56}", "{base64 reftkn:something else that is of no use to us}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "jfrog-identity-token",
        what: "access token of the JFrog platform",
        rotate: JFROG,
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["eyJ2ZXIiOiIy"], text_only: false, read: identity },
        finds: &[
            "{base64url [\"ver\":\"2\",\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"a\"]}.{base64url [\"sub\":\"jfac@x/users/a\",\"exp\":1999999999]}.{b64u 342}",
            "JF_ACCESS_TOKEN={base64url [\"ver\":\"2\",\"typ\":\"JWT\",\"alg\":\"RS256\"]}.{base64url [\"sub\":\"jfac@x/users/a\"]}.{b64u 342}\n",
        ],
        ignores: &[
            "eyJ2ZXIiOiIy{b64u 60}",
            "{base64url [\"ver\":\"2\",\"typ\":\"JWT\"]}.{base64url [\"sub\":\"1\"]}.{b64u 86}",
        ],
        ..Detector::TOKEN
    },
];

const PACKAGIST_BODY: &[Part] = &[Part::Run(Class::Hex, 28, 96)];

/// Checks that the location of a macaroon (version 2) is followed by its identifier.
fn macaroon(token: &[u8]) -> Check {
    let body = token.strip_prefix(b"pypi-").unwrap_or(token);
    let Some(fields) = key_material::decode_base64url(&body[..body.len() / 4 * 4]) else { return Check::Fails };
    let after_location = fields.get(2).map_or(usize::MAX, |&length| 3 + usize::from(length));
    if judge::holds_example_word(token) || fields.get(after_location) != Some(&2) {
        Check::Fails
    } else {
        Check::Agrees
    }
}

/// Tells a random value from a word or an identifier that begins in the same way.
fn mixed(token: &[u8]) -> Check {
    let digits = token[3.min(token.len())..].iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { Check::Fails } else { Check::Silent }
}

/// Checks that it decodes to `reftkn:`, two numbers and random characters.
fn reference(token: &[u8]) -> Check {
    let text = key_material::decode_base64(token).unwrap_or_default();
    let fields: Vec<&[u8]> = text.split(|&byte| byte == b':').collect();
    let number = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    match fields.as_slice() {
        [b"reftkn", one, other, random] if number(one) && number(other) && random.len() >= 10 => Check::Agrees,
        _ => Check::Fails,
    }
}

fn identity(window: &Window<'_>) -> Option<Reading> {
    let token = window.begins_word(window.at).then(|| jwt::parse(window.ahead()))??;
    let version = token.header.get("ver").and_then(serde_json::Value::as_str);
    (version == Some("2")).then(|| Reading {
        expires: token.expires(),
        ..Reading::new(window.at, window.at + token.length, Grade::Proven)
    })
}
