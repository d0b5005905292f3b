//! Source control and what belongs to it.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::checksum;
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "github-token",
        what: "GitHub token",
        rotate: "revoke the token in the GitHub developer settings, or through the credential revocation API",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["ghr_"], &[Part::exactly(Class::Base62, 76)]).checked_by(checksum::after_prefix_base62),
            Token::new(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], &[Part::exactly(Class::Base62, 36)])
                .checked_by(checksum::after_prefix_base62),
        ]),
        finds: &[
            "token ghp_{b62 30}{sum62}",
            "https://x:gho_{b62 30}{sum62}@git.example.org",
            "authheaderghs_{b62 30}{sum62}user_agent",
            "ghr_{b62 70}{sum62}",
        ],
        ignores: &["ghp_{b62 36}", "ghp_{b62 20}", "xyzghp_{b62 36}"],
    },
    Detector {
        id: "github-app-token",
        what: "GitHub App installation token",
        rotate: "revoke it with `DELETE /installation/token`; it expires one hour after it was made",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["ghs_"],
            &[Part::Run(Class::Digit, 1, 12), Part::Text("_eyJ"), Part::Run(Class::DottedBase64Url, 36, 2000)],
        )]),
        finds: &["ghs_123456_eyJ{b64u 100}.{b64u 200}.{b64u 80}x"],
        ignores: &["ghs_123456_eyJ{b64u 5}", "ghs_app_eyJ{b64u 100}"],
    },
    Detector {
        id: "github-fine-grained-token",
        what: "GitHub fine-grained personal access token",
        rotate: "revoke the token in the GitHub developer settings, or through the credential revocation API",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["github_pat_"],
            &[Part::exactly(Class::Base62, 22), Part::Text("_"), Part::exactly(Class::Base62, 59)],
        )]),
        finds: &["github_pat_{b62 22}_{b62 59}"],
        ignores: &["github_pat_{b62 22}", "github_pat_{b62 22}_{b62 20}"],
    },
    Detector {
        id: "gitlab-token",
        what: "GitLab personal, project or group access token",
        rotate: "revoke the token under Access tokens in GitLab",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(
                &["glpat-"],
                &[
                    Part::Run(Class::Base64Url, 27, 300),
                    Part::Text("."),
                    Part::exactly(Class::LowerAlnum, 2),
                    Part::Text("."),
                    Part::exactly(Class::LowerAlnum, 9),
                ],
            )
            .checked_by(checksum::gitlab_routable),
            Token::new(
                &["glpat-"],
                &[Part::Run(Class::Base64Url, 27, 300), Part::Text("."), Part::exactly(Class::LowerAlnum, 9)],
            )
            .checked_by(checksum::gitlab_routable),
            Token::new(&["glpat-"], &[Part::exactly(Class::Base64Url, 20)]),
        ]),
        finds: &["glpat-{b62 20}", "instance-glpat-{b62 20}", "glpat-{b62 27}.{sum36}", "glpat-{b62 27}.01.{sum36}"],
        ignores: &["glpat-{b62 10}", "glpat-{b62 27}.0r0000000", "glpat-xxxxxxxxxxxxxxxxxxxx"],
    },
    Detector {
        id: "gitlab-runner-token",
        what: "GitLab runner authentication token",
        rotate: "reset the runner's token under CI/CD in GitLab",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(
                &["glrt-"],
                &[Part::Run(Class::Base64Url, 27, 300), Part::Text("."), Part::exactly(Class::LowerAlnum, 9)],
            )
            .checked_by(checksum::gitlab_routable),
            Token::new(
                &["glrt-t"],
                &[Part::exactly(Class::Digit, 1), Part::Text("_"), Part::exactly(Class::Base64Url, 20)],
            ),
            Token::new(&["glrt-"], &[Part::exactly(Class::Base64Url, 20)]),
        ]),
        finds: &["token = \"glrt-{b62 20}\"", "token = \"glrt-t3_{b62 20}\"", "glrt-{b62 30}.{sum36}"],
        ignores: &["glrt-{b62 10}", "glrt-your_runner_token_1"],
    },
    Detector {
        id: "gitlab-scoped-token",
        what: "GitLab token for deployment, triggers, jobs, feeds or agents",
        rotate: "revoke the token in the settings of its GitLab project or group",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["gldt-", "glsoat-", "glffct-"], &[Part::exactly(Class::Base64Url, 20)]),
            Token::new(&["glptt-"], &[Part::exactly(Class::Hex, 40)]),
            Token::new(
                &["glcbt-"],
                &[Part::Run(Class::Base62, 1, 5), Part::Text("_"), Part::exactly(Class::Base64Url, 20)],
            ),
            Token::new(&["glagent-"], &[Part::exactly(Class::Base64Url, 50)]),
            Token::new(&["gloas-"], &[Part::exactly(Class::Base64Url, 64)]),
        ]),
        finds: &["gldt-{b62 20}", "glptt-{hex 40}", "glcbt-64_{b62 20}", "glagent-{b64u 49}x", "gloas-{b64u 63}x"],
        ignores: &["gldt-{b62 10}", "glptt-{hex 39}"],
    },
    Detector {
        id: "atlassian-token",
        what: "Atlassian or Bitbucket access token",
        rotate: "revoke the token under Security in the Atlassian account, or in the Bitbucket repository settings",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(
                &["ATATT3xFfGF0", "ATCTT3xFfGN0"],
                &[Part::Run(Class::Base64Url, 60, 400), Part::Text("="), Part::exactly(Class::UpperHex, 8)],
            )
            .checked_by(checksum::upper_hex_tail),
            Token::new(&["ATBB"], &[Part::exactly(Class::Base62, 24), Part::exactly(Class::UpperHex, 8)])
                .checked_by(checksum::upper_hex_tail),
        ]),
        finds: &["ATATT3xFfGF0{b64u 170}={sumHEX}", "ATBB{b62 24}{sumHEX}"],
        ignores: &["ATBB{b62 24}00000000", "ATATT3xFfGF0{b64u 20}"],
    },
];
