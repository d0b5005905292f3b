//! Continuous integration, and infrastructure as code.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::named::Named;
use crate::secrets::shape::{Class, Part, Token, UUID, exactly};

const BUILDKITE: &str = "revoke the token under Agents or Settings of the Buildkite organization";
const CIRCLECI: &str =
    "revoke the token under Personal API Tokens, or under API Permissions of the project in CircleCI";

/// 22 and 40 characters.
const CIRCLE: &[Part] = &[exactly(Class::Base62, 22), Part::Text("_"), exactly(Class::Hex, 40)];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "buildkite-api-token",
        what: "API access token of a Buildkite user",
        rotate: "revoke the token under API Access Tokens in the Buildkite personal settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["bkua_"], &[exactly(Class::Hex, 40)]),
            Token::new(&["bkua_"], &[Part::Run(Class::Base64Url, 40, 53)]),
        ]),
        finds: &["bkua_{hex 40}", "BUILDKITE_API_TOKEN=bkua_{hex 40}\n", "bkua_{b62 53}"],
        ignores: &["bkua_{hex 20}", "bkua_0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "buildkite-agent-token",
        what: "token of Buildkite agents, jobs or clusters",
        rotate: BUILDKITE,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["bkaa_", "bkaj_", "bkar_", "bkct_"],
            &[Part::Run(Class::DottedBase64Url, 40, 400)],
        )]),
        finds: &["bkct_{b62 54}", "token=\"bkaj_{b64u 200}\"", "BUILDKITE_AGENT_TOKEN=bkct_{b64u 120}\n"],
        ignores: &["bkct_{b62 12}", "bkaa_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "buildkite-portal-token",
        what: "token or secret of a Buildkite portal",
        rotate: "rotate the token under Portals in the Buildkite organization settings",
        seek: Seek::Tokens(&[Token::new(&["bkpt_", "bkps_"], &[Part::Run(Class::DottedBase64Url, 40, 400)])]),
        finds: &["bkpt_{b62 54}", "\"bkps_{b64u 60}\""],
        ignores: &["bkpt_{b62 12}", "bkps_pixel_size"],
        ..Detector::TOKEN
    },
    Detector {
        id: "buildkite-package-token",
        what: "token of a Buildkite package registry",
        rotate: "revoke the token under Package Registries in the Buildkite organization",
        seek: Seek::Tokens(&[Token::new(&["bkpat_"], &[Part::Run(Class::DottedBase64Url, 40, 400)])]),
        finds: &["bkpat_{b62 54}", "password = bkpat_{b64u 60}\n"],
        ignores: &["bkpat_{b62 12}", "bkpath_{b62 54}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "circleci-token",
        what: "personal API token of CircleCI",
        rotate: CIRCLECI,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["CCIPAT_"], CIRCLE)]),
        finds: &[
            "CCIPAT_{b62 22}_{hex 40}",
            "CIRCLE_TOKEN=CCIPAT_{b62 22}_{hex 40}\n",
            "Circle-Token: CCIPAT_{b62 22}_{hex 40}",
        ],
        ignores: &["CCIPAT_{b62 22}", "CCIPAT_{b62 22}_{hex 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "circleci-project-token",
        what: "project API token of CircleCI",
        rotate: CIRCLECI,
        seek: Seek::Tokens(&[Token::new(&["CCIPRJ_"], CIRCLE)]),
        finds: &[
            "CCIPRJ_{b62 22}_{hex 40}",
            "https://circleci.com/api/v1.1/project/github/a/b?circle-token=CCIPRJ_{b62 22}_{hex 40}",
        ],
        ignores: &["CCIPRJ_{b62 22}", "CCIPRJ_{b62 10}_{hex 40}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "circleci-token-legacy",
        what: "API token of CircleCI without a prefix",
        rotate: CIRCLECI,
        seek: Seek::Words {
            words: &["circleci", "circle-token", "circle_token", "circle_ci"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 40)]]).named(&["TOKEN", "KEY"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "CIRCLECI_TOKEN={hex 40}\n",
            "curl -H 'Circle-Token: {hex 40}' https://circleci.com/api/v2/me",
            "circleci setup --token {hex 40}",
        ],
        ignores: &["CIRCLE_SHA1={hex 40}", "circleci commit {hex 40}", "CIRCLE_TOKEN=${TOKEN}"],
        ..Detector::NAMED
    },
    Detector {
        id: "codecov-token",
        what: "upload token of Codecov",
        rotate: "regenerate the token under Configuration of the repository in Codecov",
        severity: Severity::Medium,
        seek: Seek::Words {
            words: &["codecov"],
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]).named(&["TOKEN"]);
                VALUE.read(window)
            },
        },
        finds: &["CODECOV_TOKEN={uuid}\n", "codecov:\n  token: {uuid}\n", "codecov upload-process --token {uuid}"],
        ignores: &["CODECOV_BUILD_ID={uuid}", "codecov {uuid}", "CODECOV_TOKEN=$TOKEN"],
        ..Detector::NAMED
    },
    Detector {
        id: "travis-token",
        what: "API token of Travis CI",
        rotate: "regenerate the token under API authentication in the Travis CI settings",
        seek: Seek::Words {
            words: around!(["travis"] "travis-ci"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 22)]]).named(&["TOKEN"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "TRAVIS_TOKEN={b62 22}\n",
            "travis login --token {b62 22}",
            "curl -H 'Authorization: token {b62 22}' https://api.travis-ci.com/user",
        ],
        ignores: &["TRAVIS_JOB_ID={b62 22}", "TRAVIS_TOKEN={b62 10}", "travis {b62 22}"],
        ..Detector::NAMED
    },
    Detector {
        id: "drone-token",
        what: "API token of Drone",
        rotate: "rotate the token under User settings in Drone",
        seek: Seek::Words {
            words: &[
                "drone_token",
                "drone_secret",
                "drone_rpc_secret",
                "drone_server",
                "drone:\n",
                "drone: ",
                "drone.io",
                "drone-token",
            ],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 32)]]).named(&["TOKEN", "SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &["DRONE_TOKEN={b62 32}\n", "DRONE_RPC_SECRET={hex 32}\n", "drone:\n  token: {b62 32}\n"],
        ignores: &["DRONE_COMMIT={hex 40}", "DRONE_TOKEN=${TOKEN}", "drone_id: {b62 32}"],
        ..Detector::NAMED
    },
    Detector {
        id: "jenkins-api-token",
        what: "API token of a Jenkins user",
        rotate: "revoke the token under Security of the user in Jenkins",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["jenkins"],
            read: |window| {
                const TOKEN: Named =
                    Named::new(&[&[Part::Text("11"), exactly(Class::Hex, 32)], &[exactly(Class::Hex, 32)]])
                        .named(&["TOKEN", "PASSWORD", "KEY", "SECRET"]);
                TOKEN.read(window).or_else(|| TOKEN.before_host(window))
            },
        },
        finds: &[
            "JENKINS_API_TOKEN=11{hex 32}\n",
            "jenkins:\n  user: admin\n  token: {hex 32}\n",
            "curl https://admin:11{hex 32}@jenkins.internal/job/a/build",
        ],
        ignores: &["jenkins.war {hex 32}", "JENKINS_WAR_MD5={hex 32}", "JENKINS_TOKEN=11{hex 20}"],
        ..Detector::NAMED
    },
    Detector {
        id: "jenkins-inbound-agent-secret",
        what: "secret of an inbound agent of Jenkins",
        rotate: "delete the node and create it again under Manage Jenkins, Nodes",
        seek: Seek::Words {
            words: &["jenkins", "jnlpurl", "jnlp_secret"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 64)]]).named(&["SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &["JENKINS_SECRET={hex 64}\n", "java -jar agent.jar -url http://jenkins:8080/ -secret {hex 64} -name a"],
        ignores: &["JENKINS_SHA256={hex 64}", "jenkins {hex 64}"],
        ..Detector::NAMED
    },
    Detector {
        id: "teamcity-token",
        what: "access token of TeamCity",
        rotate: "delete the token under Access Tokens of the user in TeamCity",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["eyJ0eXAiOiAiVENWMiJ9."],
            &[Part::Run(Class::Base64Url, 20, 100), Part::Text("."), Part::Run(Class::Base64Url, 20, 100)],
        )]),
        finds: &[
            "eyJ0eXAiOiAiVENWMiJ9.{b64u 36}.{b64u 47}x",
            "TEAMCITY_TOKEN=eyJ0eXAiOiAiVENWMiJ9.{b64u 36}.{b64u 47}x\n",
        ],
        ignores: &["eyJ0eXAiOiAiVENWMiJ9.{b64u 36}", "eyJ0eXAiOiAiVENWMiJ9."],
        ..Detector::TOKEN
    },
    Detector {
        id: "appveyor-token",
        what: "API token of AppVeyor",
        rotate: "regenerate the token under API Keys in the AppVeyor account",
        seek: Seek::Words {
            words: &["appveyor"],
            read: |window| {
                const VALUE: Named = Named::new(&[
                    &[Part::Text("v2."), exactly(Class::LowerAlnum, 20)],
                    &[exactly(Class::LowerAlnum, 20)],
                ])
                .named(&["TOKEN", "KEY"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "APPVEYOR_TOKEN=v2.{an 20}\n",
            "curl -H 'Authorization: Bearer v2.{an 20}' https://ci.appveyor.com/api/projects",
        ],
        ignores: &["APPVEYOR_BUILD_ID={an 20}", "APPVEYOR_TOKEN=v2.{an 8}"],
        ..Detector::NAMED
    },
    Detector {
        id: "terraform-cloud-token",
        what: "API token of HCP Terraform or Terraform Enterprise",
        rotate: "delete the token under Tokens of the user, team or organization in HCP Terraform",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&[".atlasv1."], &[Part::Run(Class::PaddedBase64Url, 60, 70)])
            .preceded_by(&[exactly(Class::Base62, 14)])]),
        finds: &[
            "{b62 14}.atlasv1.{b64u 66}x",
            "token = \"{b62 14}.atlasv1.{b64u 66}x\"",
            "TF_TOKEN_app_terraform_io={b62 14}.atlasv1.{b64u 66}x\n",
        ],
        ignores: &["{b62 10}.atlasv1.{b64u 67}", "{b62 14}.atlasv1.{b64u 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "pulumi-token",
        what: "access token of Pulumi Cloud",
        rotate: "delete the token under Access Tokens of the user, team or organization in Pulumi Cloud",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["pul-"], &[exactly(Class::Hex, 40)])]),
        finds: &["pul-{hex 40}", "PULUMI_ACCESS_TOKEN=pul-{hex 40}\n"],
        ignores: &["pul-{hex 20}", "xpul-{hex 40}", "pul-0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "prefect-api-key",
        what: "API key of Prefect Cloud",
        rotate: "delete the key under API Keys of the user or service account in Prefect Cloud",
        seek: Seek::Tokens(&[
            Token::new(&["pnu_", "pnb_"], &[exactly(Class::LowerAlnum, 36)]),
            Token::new(&["pnu_", "pnb_"], &[exactly(Class::Base62, 36)]),
        ]),
        finds: &["pnu_{an 36}", "PREFECT_API_KEY=pnu_{b62 36}\n"],
        ignores: &["pnu_{an 20}", "xpnu_{an 36}", "pnu_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "infracost-api-key",
        what: "API key of Infracost",
        rotate: "rotate the key under Org Settings in Infracost Cloud",
        grade: Grade::Structured,
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["ico-"], &[exactly(Class::Base62, 32)])]),
        finds: &["ico-{b62 32}", "INFRACOST_API_KEY=ico-{b62 32}\n"],
        ignores: &["ico-{b62 20}", "fico-{b62 32}", "mexico-{b62 32}", "ico-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
];
