//! Slack.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::shape::{Class, Part, Token, exactly};

const REVOKE: &str = "revoke the token with `auth.revoke`, or reinstall the app under OAuth & Permissions";
const ID: Part = Part::Run(Class::Digit, 9, 15);
const DASH: Part = Part::Text("-");

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "slack-bot-token",
        what: "bot token of a Slack app",
        rotate: REVOKE,
        seek: Seek::Tokens(&[
            Token::new(&["xoxb-"], &[ID, DASH, ID, DASH, Part::Run(Class::Base62, 20, 34)]),
            Token::new(&["xoxb-"], &[ID, DASH, Part::Run(Class::Base62, 18, 34)]),
        ]),
        finds: &[
            "xoxb-{digit 12}-{digit 13}-{b62 24}",
            "SLACK_BOT_TOKEN=xoxb-{digit 12}-{b62 24}\n",
            "{open}\"token\":\"xoxb-{digit 11}-{digit 11}-{b62 24}\"{close}",
        ],
        ignores: &[
            "xoxb-{digit 12}",
            "xoxb-not-a-token",
            "xoxb-{digit 12}-{digit 13}-xxxxxxxxxxxxxxxxxxxxxxxx",
            "xoxb-your-token-here-1234",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-user-token",
        what: "user token of a Slack app",
        rotate: REVOKE,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["xoxp-"],
            &[ID, DASH, ID, DASH, ID, DASH, Part::Run(Class::Base62, 28, 40)],
        )]),
        finds: &[
            "xoxp-{digit 12}-{digit 12}-{digit 13}-{hex 32}",
            "Authorization: Bearer xoxp-{digit 11}-{digit 11}-{digit 12}-{b62 32}",
        ],
        ignores: &[
            "xoxp-{digit 12}-{digit 12}",
            "xoxp-{digit 12}-{digit 12}-{digit 13}-00000000000000000000000000000000",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-app-token",
        what: "app-level token of a Slack app",
        rotate: "revoke the token under Basic Information, App-Level Tokens of the Slack app",
        seek: Seek::Tokens(&[Token::new(
            &["xapp-"],
            &[
                exactly(Class::Digit, 1),
                Part::Text("-A"),
                Part::Run(Class::UpperAlnum, 8, 12),
                DASH,
                Part::Run(Class::Digit, 9, 14),
                DASH,
                exactly(Class::Hex, 64),
            ],
        )]),
        finds: &["xapp-1-A{AN 10}-{digit 13}-{hex 64}", "SLACK_APP_TOKEN=xapp-1-A{AN 10}-{digit 13}-{hex 64}\n"],
        ignores: &["xapp-1-A{AN 10}-{digit 13}", "xapp-launcher"],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-config-token",
        what: "rotating access token of Slack: app configuration, bot or user",
        rotate: "run `tooling.tokens.rotate`, or revoke the token under Your App Configuration Tokens",
        seek: Seek::Tokens(&[Token::new(
            &["xoxe.xoxp-", "xoxe.xoxb-"],
            &[exactly(Class::Digit, 1), DASH, Part::Run(Class::Base62, 100, 200)],
        )]),
        finds: &["xoxe.xoxp-1-{b62 163}", "SLACK_CONFIG_TOKEN=xoxe.xoxb-1-{b62 166}\n"],
        ignores: &["xoxe.xoxp-1-{b62 20}", "xoxe.xoxp-"],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-refresh-token",
        what: "refresh token of Slack",
        rotate: "revoke the token with `auth.revoke`, or under Your App Configuration Tokens",
        seek: Seek::Tokens(&[Token::new(
            &["xoxe-"],
            &[exactly(Class::Digit, 1), DASH, Part::Run(Class::Base62, 100, 200)],
        )]),
        finds: &["xoxe-1-{b62 146}", "\"refresh_token\": \"xoxe-1-{b62 147}\""],
        ignores: &["xoxe-1-{b62 20}", "xoxe-{b62 146}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-token",
        what: "workspace or legacy token of Slack",
        rotate: REVOKE,
        seek: Seek::Tokens(&[
            Token::new(
                &["xoxa-", "xoxr-", "xoxo-", "xoxs-"],
                &[ID, DASH, ID, DASH, ID, DASH, Part::Run(Class::Base62, 10, 64)],
            ),
            Token::new(
                &["xoxa-", "xoxr-"],
                &[exactly(Class::Digit, 1), DASH, ID, DASH, ID, DASH, ID, DASH, Part::Run(Class::Base62, 10, 64)],
            ),
            Token::new(&["xoxa-", "xoxr-"], &[ID, DASH, ID, DASH, Part::Run(Class::Base62, 10, 64)]),
            Token::new(&["xoxa-", "xoxr-", "xoxo-", "xoxs-"], &[ID, DASH, Part::Run(Class::Base62, 20, 64)]),
        ]),
        finds: &[
            "xoxa-{digit 12}-{digit 12}-{digit 13}-{hex 32}",
            "xoxs-{digit 10}-{digit 10}-{digit 11}-{hex 10}",
            "xoxr-2-{digit 12}-{digit 12}-{digit 13}-{hex 32}",
            "token=xoxo-{digit 12}-{b62 24}",
        ],
        ignores: &[
            "xoxa-{digit 12}",
            "xoxs-legacy-token",
            "xoxa-{digit 12}-{digit 12}-{digit 13}-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-session-token",
        what: "browser session token of Slack, which needs its cookie",
        rotate: "sign the user out of all sessions in the Slack account settings",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(
            &["xoxc-"],
            &[ID, DASH, ID, DASH, ID, DASH, Part::Run(Class::Base62, 32, 64)],
        )]),
        finds: &[
            "xoxc-{digit 12}-{digit 12}-{digit 13}-{hex 64}",
            "token=xoxc-{digit 12}-{digit 12}-{digit 13}-{hex 64}&a",
        ],
        ignores: &["xoxc-{digit 12}", "xoxc-{digit 12}-{digit 12}-{digit 13}-{hex 10}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "slack-session-cookie",
        what: "session cookie of Slack",
        rotate: "sign the user out of all sessions in the Slack account settings",
        grade: Grade::Structured,
        seek: Seek::Tokens(&[Token::new(&["xoxd-"], &[Part::Run(Class::LooseBase64, 80, 400)])]),
        finds: &["xoxd-{b62 160}", "Cookie: d=xoxd-{b62 90}%2B{b62 60}%3D%3D; x=y"],
        ignores: &["xoxd-{b62 20}", "xoxd-cookie"],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-webhook",
        what: "incoming webhook of Slack",
        rotate: "remove the webhook under Incoming Webhooks of the Slack app",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&["hooks.slack.com/services/"], WEBHOOK),
            Token::new(&["hooks.slack-gov.com/services/"], WEBHOOK),
            Token::new(&["hooks.slack.com\\/services\\/"], ESCAPED_WEBHOOK),
        ]),
        finds: &[
            "https://hooks.slack.com/services/T{AN 10}/B{AN 10}/{b62 24}",
            "\"https:\\/\\/hooks.slack.com\\/services\\/T{AN 10}\\/B{AN 10}\\/{b62 24}\"",
        ],
        ignores: &[
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "slack-workflow-webhook",
        what: "webhook of a Slack workflow",
        rotate: "unpublish the workflow in Slack's workflow builder",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(
                &["hooks.slack.com/workflows/"],
                &[
                    Part::Text("T"),
                    TEAM,
                    SLASH,
                    Part::Text("A"),
                    TEAM,
                    SLASH,
                    Part::Run(Class::Digit, 15, 20),
                    SLASH,
                    exactly(Class::Base62, 24),
                ],
            ),
            Token::new(
                &["hooks.slack.com/triggers/"],
                &[
                    Part::Run(Class::UpperAlnum, 8, 14),
                    SLASH,
                    Part::Run(Class::Digit, 10, 20),
                    SLASH,
                    exactly(Class::Hex, 32),
                ],
            ),
        ]),
        finds: &[
            "https://hooks.slack.com/workflows/T{AN 10}/A{AN 10}/{digit 18}/{b62 24}",
            "https://hooks.slack.com/triggers/T{AN 10}/{digit 13}/{hex 32}",
        ],
        ignores: &[
            "https://hooks.slack.com/workflows/T{AN 10}",
            "https://hooks.slack.com/triggers/T123ABC456/3222061234567/your-trigger",
        ],
        ..Detector::TOKEN
    },
];

const TEAM: Part = Part::Run(Class::UpperAlnum, 8, 12);
const SLASH: Part = Part::Text("/");
const WEBHOOK: &[Part] = &[Part::Text("T"), TEAM, Part::Text("/B"), TEAM, SLASH, exactly(Class::Base62, 24)];
const ESCAPED_WEBHOOK: &[Part] =
    &[Part::Text("T"), TEAM, Part::Text("\\/B"), TEAM, Part::Text("\\/"), exactly(Class::Base62, 24)];
