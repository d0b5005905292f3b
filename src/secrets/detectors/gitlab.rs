//! GitLab. An instance may put a prefix of its own and a `-` before each of these.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::shape::{Class, Part, Token, exactly};

const TWENTY: &[Part] = &[exactly(Class::Base64Url, 20)];

/// Payload, a version, 2 characters of its length and 7 of checksum.
const VERSIONED: &[Part] = &[
    Part::Run(Class::Base64Url, 27, 300),
    Part::Text("."),
    exactly(Class::LowerAlnum, 2),
    Part::Text("."),
    exactly(Class::LowerAlnum, 9),
];

/// The same without a version.
const ROUTABLE: &[Part] = &[Part::Run(Class::Base64Url, 27, 300), Part::Text("."), exactly(Class::LowerAlnum, 9)];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "gitlab-token",
        what: "personal, project or group access token of GitLab",
        rotate: "revoke the token under Access tokens of the user, project or group in GitLab",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["glpat-"], VERSIONED).checked_by(checksum::gitlab_routable),
            Token::new(&["glpat-"], ROUTABLE).checked_by(checksum::gitlab_routable),
            Token::new(&["glpat-"], TWENTY),
        ]),
        finds: &[
            "glpat-{b62 20}",
            "instance-glpat-{b62 20}",
            "glpat-{b62 27}.{sum36}",
            "glpat-{b62 27}.01.{sum36}",
            "https://oauth2:glpat-{b62 20}@gitlab.com/a/b.git",
            "PRIVATE-TOKEN: glpat-{b62 27}.01.{sum36}",
        ],
        ignores: &["glpat-{b62 10}", "glpat-{b62 27}.0r0000000", "glpat-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-runner-token",
        what: "authentication token of a GitLab runner",
        rotate: "reset the runner's token with `gitlab-runner reset-token`, or delete the runner under CI/CD in GitLab",
        seek: Seek::Tokens(&[
            Token::new(&["glrt-", "glrtr-"], VERSIONED).checked_by(checksum::gitlab_routable),
            Token::new(&["glrt-", "glrtr-"], ROUTABLE).checked_by(checksum::gitlab_routable),
            Token::new(&["glrt-t"], &[exactly(Class::Digit, 1), Part::Text("_"), exactly(Class::Base64Url, 20)]),
            Token::new(&["glrt-", "glrtr-"], TWENTY),
        ]),
        finds: &[
            "glrt-{b62 20}",
            "token = \"glrt-{b62 20}\"",
            "token = \"glrt-t3_{b62 20}\"",
            "glrt-{b62 30}.{sum36}",
            "glrtr-{b62 20}",
        ],
        ignores: &["glrt-{b62 10}", "glrt-your_runner_token_1"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-runner-registration-token",
        what: "legacy registration token for GitLab runners",
        rotate: "reset the registration token under CI/CD, Runners in GitLab",
        seek: Seek::Tokens(&[Token::new(&["GR1348941"], TWENTY)]),
        finds: &["GR1348941{b62 20}", "gitlab-runner register --registration-token GR1348941{b62 20}"],
        ignores: &["GR1348941{b62 10}", "xGR1348941", "GR1348941xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-deploy-token",
        what: "deploy token of a GitLab project or group",
        rotate: "revoke the token under Repository, Deploy tokens in the project's or group's settings",
        seek: Seek::Tokens(&[
            Token::new(&["gldt-"], VERSIONED).checked_by(checksum::gitlab_routable),
            Token::new(&["gldt-"], ROUTABLE).checked_by(checksum::gitlab_routable),
            Token::new(&["gldt-"], TWENTY),
        ]),
        finds: &[
            "gldt-{b62 20}",
            "https://gitlab+deploy-token-1:gldt-{b62 20}@gitlab.com/a/b.git",
            "DEPLOY_TOKEN=gldt-{b62 20}\n",
        ],
        ignores: &["gldt-{b62 10}", "gldt-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-trigger-token",
        what: "pipeline trigger token of GitLab",
        rotate: "revoke the token under CI/CD, Pipeline trigger tokens in the project's settings",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["glptt-"], &[exactly(Class::Hex, 40)]), Token::new(&["glptt-"], TWENTY)]),
        finds: &[
            "glptt-{hex 40}",
            "curl -X POST -F token=glptt-{hex 40} https://gitlab.com/api/v4/projects/1/trigger/pipeline",
        ],
        ignores: &["glptt-{hex 19}", "glptt-0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-job-token",
        what: "CI/CD job token of GitLab",
        rotate: "nothing to do once its job has ended: the token ends with it",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["glcbt-eyJ"], &[Part::Run(Class::DottedBase64Url, 60, 3000)]),
            Token::new(&["glcbt-"], &[Part::Run(Class::Base62, 1, 5), Part::Text("_"), exactly(Class::Base64Url, 20)]),
        ]),
        finds: &[
            "glcbt-64_{b62 20}",
            "https://gitlab-ci-token:glcbt-1a_{b62 20}@gitlab.com/a/b.git",
            "glcbt-eyJ{b64u 60}.{b64u 200}.{b64u 342}",
        ],
        ignores: &["glcbt-{b62 20}", "glcbt-64_{b62 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-feed-token",
        what: "feed token of a GitLab user",
        rotate: "reset the feed token under Access tokens in the GitLab user settings",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["glft-"], &[exactly(Class::Hex, 64), Part::Text("-"), Part::Run(Class::Digit, 1, 12)]),
            Token::new(&["glft-"], TWENTY),
        ]),
        finds: &["glft-{b62 20}", "https://gitlab.com/a/b.atom?feed_token=glft-{b62 20}", "glft-{hex 64}-1234"],
        ignores: &["glft-{b62 10}", "glft-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-scim-token",
        what: "SCIM token of a GitLab group, which makes and removes users",
        rotate: "reset the SCIM token under SAML SSO in the group's settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["glsoat-"], TWENTY)]),
        finds: &["glsoat-{b62 20}", "SCIM_TOKEN=glsoat-{b62 20}\n"],
        ignores: &["glsoat-{b62 10}", "glsoat-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-feature-flag-token",
        what: "token of a client of GitLab's feature flags",
        rotate: "reset the instance id under Deploy, Feature flags in the project",
        severity: Severity::Low,
        seek: Seek::Tokens(&[Token::new(&["glffct-"], TWENTY)]),
        finds: &["glffct-{b62 20}", "\"instanceId\": \"glffct-{b62 20}\""],
        ignores: &["glffct-{b62 10}", "glffct-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-incoming-mail-token",
        what: "token of a GitLab user for issues by mail",
        rotate: "reset the incoming email token under Access tokens in the GitLab user settings",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[
            Token::new(&["glimt-"], &[exactly(Class::Base62, 25)]),
            Token::new(&["glimt-"], &[exactly(Class::Base64Url, 25)]),
        ]),
        finds: &["glimt-{b62 25}", "incoming+a-b-1-glimt-{b62 25}-issue@incoming.gitlab.com"],
        ignores: &["glimt-{b62 10}", "glimt-xxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-agent-token",
        what: "token of the GitLab agent for Kubernetes",
        rotate: "revoke the token under Operate, Kubernetes clusters in the project",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["glagent-"], VERSIONED).checked_by(checksum::gitlab_routable),
            Token::new(&["glagent-"], ROUTABLE).checked_by(checksum::gitlab_routable),
            Token::new(&["glagent-"], &[exactly(Class::Base64Url, 50)]),
        ]),
        finds: &["glagent-{b62 50}", "helm install a gitlab/gitlab-agent --set config.token=glagent-{b64u 49}x"],
        ignores: &["glagent-{b62 20}", "glagent-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-oauth-secret",
        what: "secret of an OAuth application of GitLab",
        rotate: "renew the secret under Applications in GitLab",
        seek: Seek::Tokens(&[Token::new(&["gloas-"], &[exactly(Class::Base64Url, 64)])]),
        finds: &["gloas-{b62 64}", "GITLAB_CLIENT_SECRET=gloas-{hex 64}\n"],
        ignores: &["gloas-{b62 20}", "gloas-0000000000000000000000000000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-session-cookie",
        what: "session cookie of GitLab",
        rotate: "revoke the session under Active sessions in the GitLab user settings",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["_gitlab_session="], &[exactly(Class::Hex, 32)]).named_by_lead()]),
        finds: &["Cookie: _gitlab_session={hex 32}", "curl -b '_gitlab_session={hex 32}; a=b' https://gitlab.com"],
        ignores: &["_gitlab_session={hex 10}", "_gitlab_session=ffffffffffffffffffffffffffffffff"],
        ..Detector::TOKEN
    },
    Detector {
        id: "gitlab-scoped-token",
        what: "token of a GitLab workspace",
        rotate: "stop the workspace, or revoke the token in the settings of its GitLab project or group",
        grade: Grade::Structured,
        seek: Seek::Tokens(&[Token::new(&["glwt-"], &[Part::Run(Class::Base64Url, 20, 64)])]),
        finds: &["glwt-{b62 20}", "GL_TOKEN=glwt-{b64u 49}x\n"],
        ignores: &["glwt-{b62 10}", "glwt-xxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
];
