//! Tools for developers: code quality, search, deployment, API clients.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::named::Named;
use crate::secrets::shape::{Class, Part, Token, UUID, exactly};

const SONAR: &str = "revoke the token under Security in the SonarQube account, or under Analysis of the project";
const SOURCEGRAPH: &str = "delete the token under Access tokens in the Sourcegraph user settings";
const HARNESS: &str = "delete the token under API Keys of the profile or service account in Harness";
const DENO: &str = "revoke the token under Access Tokens in the Deno Deploy account or organization";

/// Account, id and secret.
const HARNESS_BODY: &[Part] = &[
    exactly(Class::Base64Url, 22),
    Part::Text("."),
    exactly(Class::Hex, 24),
    Part::Text("."),
    exactly(Class::Base62, 20),
];
const FORTY: &[Part] = &[exactly(Class::Hex, 40)];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "sonarqube-user-token",
        what: "user token of SonarQube",
        rotate: SONAR,
        seek: Seek::Tokens(&[Token::new(&["squ_"], FORTY)]),
        finds: &["squ_{hex 40}", "sonar.token=squ_{hex 40}\n", "SONAR_TOKEN=squ_{hex 40}\n"],
        ignores: &["squ_{hex 20}", "xsqu_{hex 40}", "squ_0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "sonarqube-project-token",
        what: "project analysis token of SonarQube",
        rotate: SONAR,
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["sqp_"], FORTY)]),
        finds: &["sqp_{hex 40}", "sonar-scanner -Dsonar.login=sqp_{hex 40}"],
        ignores: &["sqp_{hex 20}", "sqp_solver_status"],
        ..Detector::TOKEN
    },
    Detector {
        id: "sonarqube-global-token",
        what: "global analysis token of SonarQube",
        rotate: SONAR,
        seek: Seek::Tokens(&[Token::new(&["sqa_"], FORTY)]),
        finds: &["sqa_{hex 40}", "mvn sonar:sonar -Dsonar.token=sqa_{hex 40}"],
        ignores: &["sqa_{hex 20}", "xsqa_{hex 40}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "sonarqube-token-legacy",
        what: "token of SonarQube or SonarCloud without a prefix",
        rotate: SONAR,
        seek: Seek::Words {
            words: around!(["sonar"]),
            read: |window| {
                const VALUE: Named = Named::new(&[FORTY]).named(&["TOKEN", "LOGIN", "KEY", "PASSWORD"]).in_name();
                VALUE.read(window)
            },
        },
        finds: &["SONAR_TOKEN={hex 40}\n", "sonar.login={hex 40}\n", "mvn sonar:sonar -Dsonar.token={hex 40}"],
        ignores: &["SONAR_COMMIT={hex 40}", "sonar.projectVersion={hex 40}", "SONAR_TOKEN=${TOKEN}"],
        ..Detector::NAMED
    },
    Detector {
        id: "snyk-token",
        what: "API token of Snyk",
        rotate: "revoke the token under API Token or Personal Access Tokens in the Snyk account settings",
        seek: Seek::Tokens(&[Token::new(
            &["snyk_uat.", "snyk_sat."],
            &[exactly(Class::Hex, 8), Part::Text("."), Part::Run(Class::DottedBase64Url, 40, 1000)],
        )]),
        finds: &["snyk_uat.{hex 8}.eyJ{b64u 60}.{b64u 120}.{b64u 86}", "SNYK_TOKEN=snyk_uat.{hex 8}.eyJ{b64u 160}\n"],
        ignores: &["snyk_uat.{hex 8}", "snyk_uat.{hex 4}.eyJ{b64u 60}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "snyk-token-legacy",
        what: "API token of Snyk without a prefix",
        rotate: "revoke the token under API Token in the Snyk account settings",
        seek: Seek::Words {
            words: around!(["snyk"]),
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]).named(&["TOKEN", "KEY", "API"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "SNYK_TOKEN={uuid}\n",
            "snyk config set api={uuid}",
            "snyk auth token={uuid}",
            "- name: SNYK_TOKEN\n  value: {uuid}\n",
        ],
        ignores: &["SNYK_ORG_ID={uuid}", "snyk org: {uuid}", "SNYK_TOKEN=$TOKEN"],
        ..Detector::NAMED
    },
    Detector {
        id: "sourcegraph-token",
        what: "access token of Sourcegraph",
        rotate: SOURCEGRAPH,
        seek: Seek::Tokens(&[
            Token::new(&["sgp_"], &[exactly(Class::Hex, 16), Part::Text("_"), exactly(Class::Hex, 40)]),
            Token::new(&["sgp_local_"], FORTY),
            Token::new(&["sgp_"], FORTY),
        ]),
        finds: &["sgp_{hex 40}", "SRC_ACCESS_TOKEN=sgp_{hex 16}_{hex 40}\n", "Authorization: token sgp_local_{hex 40}"],
        ignores: &["sgp_{hex 20}", "sgp_{b62 20}", "sgp_0000000000000000_0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "sourcegraph-license-token",
        what: "token of a Sourcegraph licence",
        rotate: "ask Sourcegraph for a new licence key",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["slk_"], &[exactly(Class::Hex, 64)]), Token::new(&["slk_"], FORTY)]),
        finds: &["slk_{hex 40}", "slk_{hex 64}"],
        ignores: &["slk_{hex 20}", "xslk_{hex 40}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "deno-deploy-token",
        what: "personal access token of Deno Deploy",
        rotate: DENO,
        seek: Seek::Tokens(&[Token::new(&["ddp_"], &[exactly(Class::Base62, 36)])]),
        finds: &["ddp_{b62 36}", "DENO_DEPLOY_TOKEN=ddp_{b62 36}\n"],
        ignores: &["ddp_{b62 20}", "xddp_{b62 36}", "ddp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "deno-deploy-organization-token",
        what: "organization access token of Deno Deploy",
        rotate: DENO,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["ddo_"], &[exactly(Class::Base62, 36)])]),
        finds: &["ddo_{b62 36}", "DENO_DEPLOY_TOKEN=ddo_{b62 36}\n"],
        ignores: &["ddo_{b62 20}", "ddo_something_else"],
        ..Detector::TOKEN
    },
    Detector {
        id: "harness-token",
        what: "personal access token of Harness",
        rotate: HARNESS,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["pat."], HARNESS_BODY)]),
        finds: &["pat.{b62 22}.{hex 24}.{b62 20}", "x-api-key: pat.{b64u 22}.{hex 24}.{b62 20}"],
        ignores: &["pat.{b62 22}.{hex 24}", "spat.{b62 22}.{hex 24}.{b62 20}", "pat.match.apply"],
        ..Detector::TOKEN
    },
    Detector {
        id: "harness-service-token",
        what: "service account token of Harness",
        rotate: HARNESS,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["sat."], HARNESS_BODY)]),
        finds: &["sat.{b62 22}.{hex 24}.{b62 20}", "HARNESS_PLATFORM_API_KEY=sat.{b64u 22}.{hex 24}.{b62 20}\n"],
        ignores: &["sat.{b62 22}.{hex 24}", "usat.{b62 22}.{hex 24}.{b62 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "postman-api-key",
        what: "API key of Postman",
        rotate: "revoke the key under API keys in the Postman account settings",
        seek: Seek::Tokens(&[Token::new(
            &["PMAK-"],
            &[exactly(Class::Hex, 24), Part::Text("-"), exactly(Class::Hex, 34)],
        )]),
        finds: &["PMAK-{hex 24}-{hex 34}", "X-Api-Key: PMAK-{hex 24}-{hex 34}"],
        ignores: &["PMAK-{hex 24}", "PMAK-{hex 24}-{hex 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "postman-collection-key",
        what: "access key of one Postman collection",
        rotate: "delete the access key under Share of the collection in Postman",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["PMAT-"], &[exactly(Class::UpperAlnum, 26)])]),
        finds: &["PMAT-{AN 26}", "https://api.postman.com/collections/1-{uuid}?access_key=PMAT-{AN 26}"],
        ignores: &["PMAT-{AN 10}", "PMAT-XXXXXXXXXXXXXXXXXXXXXXXXXX"],
        ..Detector::TOKEN
    },
    Detector {
        id: "octopus-deploy-key",
        what: "API key of Octopus Deploy",
        rotate: "revoke the key under My API Keys in the Octopus profile",
        grade: Grade::Contextual,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["API-"], &[Part::Run(Class::UpperAlnum, 25, 32)])]),
        finds: &[
            "API-{AN 26}",
            "octo push --apiKey API-{AN 26} --server https://octopus.internal",
            "X-Octopus-ApiKey: API-{AN 31}",
        ],
        ignores: &["API-{AN 10}", "REST-API-REFERENCE", "API-XXXXXXXXXXXXXXXXXXXXXXXXXX", "MYAPI-{AN 26}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "readme-api-key",
        what: "API key of ReadMe",
        rotate: "delete the key under Configuration, API Keys of the ReadMe project",
        seek: Seek::Tokens(&[Token::new(&["rdme_"], &[exactly(Class::LowerAlnum, 70)])]),
        finds: &["rdme_{an 70}", "README_API_KEY=rdme_{an 70}\n"],
        ignores: &["rdme_{an 20}", "rdme_read_me_first"],
        ..Detector::TOKEN
    },
    Detector {
        id: "jetbrains-token",
        what: "permanent token of JetBrains Hub, YouTrack or Space",
        rotate: "delete the token under Account Security, Tokens in the JetBrains profile",
        seek: Seek::Tokens(&[Token::new(
            &["perm:", "perm-"],
            &[
                Part::Run(Class::PaddedBase64Url, 4, 80),
                Part::Text("."),
                Part::Run(Class::PaddedBase64Url, 2, 40),
                Part::Text("."),
                Part::Run(Class::Base62, 20, 60),
            ],
        )]),
        finds: &[
            "perm:{base64 (an 6)}.{base64 (digit 3)}.{b62 30}",
            "YOUTRACK_TOKEN=perm-{base64 (an 8)}.{base64 (digit 3)}.{b62 42}\n",
        ],
        ignores: &["perm:{an 8}.{an 4}", "perm-example.group.users"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitea-token",
        what: "access token of Gitea or Forgejo",
        rotate: "delete the token under Applications in the user settings",
        seek: Seek::Words {
            words: around!(["gitea"] "forgejo" "codeberg"),
            read: |window| {
                const TOKEN: Named = Named::new(&[FORTY]).named(&["TOKEN", "PASSWORD", "SECRET"]);
                TOKEN.in_name().read(window).or_else(|| TOKEN.before_host(window))
            },
        },
        finds: &[
            "GITEA_TOKEN={hex 40}\n",
            "forgejo_access_token: {hex 40}\n",
            "git clone https://a:{hex 40}@gitea.internal/a/b.git",
        ],
        ignores: &["GITEA_COMMIT={hex 40}", "gitea {hex 40}", "GITEA_TOKEN=${TOKEN}"],
        ..Detector::NAMED
    },
];
