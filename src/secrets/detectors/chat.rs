//! Chat services.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "slack-token",
        what: "Slack bot, user or workspace token",
        rotate: "revoke the token with `auth.revoke`, or reinstall the app under OAuth & Permissions",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(
                &["xoxb-"],
                &[
                    Part::Run(Class::Digit, 9, 15),
                    Part::Text("-"),
                    Part::Run(Class::Digit, 9, 15),
                    Part::Text("-"),
                    Part::Run(Class::Base62, 20, 34),
                ],
            ),
            Token::new(
                &["xoxb-"],
                &[Part::Run(Class::Digit, 9, 15), Part::Text("-"), Part::Run(Class::Base62, 20, 34)],
            ),
            Token::new(
                &["xoxp-", "xoxa-", "xoxr-", "xoxs-"],
                &[
                    Part::Run(Class::Digit, 9, 15),
                    Part::Text("-"),
                    Part::Run(Class::Digit, 9, 15),
                    Part::Text("-"),
                    Part::Run(Class::Digit, 9, 15),
                    Part::Text("-"),
                    Part::Run(Class::Base62, 28, 40),
                ],
            ),
        ]),
        finds: &[
            "xoxb-{digit 12}-{digit 13}-{b62 24}",
            "xoxb-{digit 12}-{b62 24}",
            "xoxp-{digit 12}-{digit 12}-{digit 13}-{b62 32}",
        ],
        ignores: &["xoxb-{digit 12}", "xoxb-not-a-token", "xoxb-{digit 12}-{digit 13}-xxxxxxxxxxxxxxxxxxxxxxxx"],
    },
    Detector {
        id: "slack-app-token",
        what: "Slack app-level token",
        rotate: "revoke the token under Basic Information of the Slack app",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["xapp-"],
            &[
                Part::exactly(Class::Digit, 1),
                Part::Text("-A"),
                Part::Run(Class::UpperAlnum, 8, 12),
                Part::Text("-"),
                Part::Run(Class::Digit, 9, 14),
                Part::Text("-"),
                Part::exactly(Class::Hex, 64),
            ],
        )]),
        finds: &["xapp-1-A{AN 10}-{digit 13}-{hex 64}"],
        ignores: &["xapp-1-A{AN 10}-{digit 13}", "xapp-launcher"],
    },
    Detector {
        id: "slack-webhook",
        what: "Slack incoming webhook",
        rotate: "remove the webhook under Incoming Webhooks of the Slack app",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Tokens(&[Token::new(
            &["hooks.slack.com/services/"],
            &[
                Part::Text("T"),
                Part::Run(Class::UpperAlnum, 8, 12),
                Part::Text("/B"),
                Part::Run(Class::UpperAlnum, 8, 12),
                Part::Text("/"),
                Part::exactly(Class::Base62, 24),
            ],
        )]),
        finds: &["https://hooks.slack.com/services/T{AN 10}/B{AN 10}/{b62 24}"],
        ignores: &[
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/",
        ],
    },
    Detector {
        id: "discord-webhook",
        what: "Discord webhook",
        rotate: "delete the webhook under Integrations of the Discord server",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(
                &["/api/webhooks/"],
                &[Part::Run(Class::Digit, 17, 20), Part::Text("/"), Part::Run(Class::Base64Url, 60, 72)],
            )
            .preceded_by(&[Part::Text("discord.com")]),
            Token::new(
                &["/api/webhooks/"],
                &[Part::Run(Class::Digit, 17, 20), Part::Text("/"), Part::Run(Class::Base64Url, 60, 72)],
            )
            .preceded_by(&[Part::Text("discordapp.com")]),
        ]),
        finds: &[
            "https://discord.com/api/webhooks/1{digit 18}/{b64u 67}x",
            "https://discordapp.com/api/webhooks/1{digit 17}/{b64u 67}x",
        ],
        ignores: &[
            "https://discord.com/api/webhooks/123/token",
            "https://chat.example.org/api/webhooks/1{digit 18}/{b64u 68}",
        ],
    },
    Detector {
        id: "telegram-bot-token",
        what: "Telegram bot token",
        rotate: "revoke the token with `/revoke` at BotFather",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["0:AA", "1:AA", "2:AA", "3:AA", "4:AA", "5:AA", "6:AA", "7:AA", "8:AA", "9:AA"],
            &[Part::exactly(Class::Base64Url, 33)],
        )
        .preceded_by(&[Part::Run(Class::Digit, 7, 9)])]),
        finds: &["TOKEN={digit 9}:AA{b64u 32}x", "{digit 10}:AA{b64u 32}x"],
        ignores: &["{digit 5}:AA{b64u 33}", "{digit 9}:AA{b64u 20}", "00:AA:BB:CC:DD:EE"],
    },
];
