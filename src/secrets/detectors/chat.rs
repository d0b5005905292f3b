//! Chat services other than Slack.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, exactly};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "discord-bot-token",
        what: "bot token of Discord",
        rotate: "reset the token under Bot of the application in the Discord developer portal",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[Token::new(
            DISCORD,
            &[
                Part::Run(Class::Base64Url, 20, 25),
                Part::Text("."),
                exactly(Class::Base64Url, 6),
                Part::Text("."),
                Part::Run(Class::Base64Url, 27, 38),
            ],
        )
        .checked_by(discord_token)]),
        finds: &[
            "{base64url 1(digit 17)}.G{b62 5}.{b64u 38}",
            "DISCORD_TOKEN={base64url 9(digit 17)}.X{b62 5}.{b64u 27}\n",
            "client.login('{base64url 4(digit 18)}.G{b62 5}.{b64u 38}');",
        ],
        ignores: &[
            "{base64url (b62 18)}.G{b62 5}.{b64u 38}",
            "{base64url 1(digit 17)}.G{b62 5}",
            "MTIzNDU2",
            "{base64url 1(digit 17)}.GbX2aQ.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "discord-webhook",
        what: "webhook of Discord",
        rotate: "delete the webhook under Integrations of the Discord channel or server",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"], WEBHOOK),
            Token::new(&["/webhooks/"], WEBHOOK)
                .preceded_by(&[Part::Text("discord.com/api/v"), Part::Run(Class::Digit, 1, 2)]),
        ]),
        finds: &[
            "https://discord.com/api/webhooks/1{digit 18}/{b64u 67}x",
            "\"https://discordapp.com/api/webhooks/1{digit 17}/{b64u 67}x\"",
            "https://discord.com/api/v10/webhooks/1{digit 17}/{b64u 67}x",
            "https://ptb.discord.com/api/webhooks/1{digit 18}/{b64u 67}x",
        ],
        ignores: &[
            "https://discord.com/api/webhooks/123/token",
            "https://chat.example.org/api/webhooks/1{digit 18}/{b64u 68}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "discord-client-secret",
        what: "client secret of a Discord application",
        rotate: "reset the secret under OAuth2 of the application in the Discord developer portal",
        seek: Seek::Words {
            words: &["discord"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 32)]]).named(&["SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "DISCORD_CLIENT_SECRET={b64u 31}x\n",
            "discord:\n  client_id: {digit 18}\n  client_secret: {b64u 31}x\n",
        ],
        ignores: &[
            "DISCORD_CLIENT_ID={digit 18}",
            "DISCORD_CLIENT_SECRET=your_client_secret_goes_here_now",
            "DISCORD_PUBLIC_KEY={hex 64}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "telegram-bot-token",
        what: "bot token of Telegram",
        rotate: "revoke the token with `/revoke` at BotFather",
        seek: Seek::Read { leads: &[":AA"], text_only: false, read: telegram_token },
        finds: &[
            "{digit 10}:AA{b64u 32}x",
            "TOKEN={digit 9}:AA{b64u 32}x",
            "https://api.telegram.org/bot{digit 10}:AA{b64u 32}x/getMe",
        ],
        ignores: &["{digit 5}:AA{b64u 33}", "{digit 9}:AA{b64u 20}", "00:AA:BB:CC:DD:EE"],
        ..Detector::TOKEN
    },
    Detector {
        id: "matrix-access-token",
        what: "access token of a Matrix home server",
        rotate: "log the device out under Sessions in the Matrix client",
        seek: Seek::Tokens(&[Token::new(
            &["syt_"],
            &[
                Part::Run(Class::Base64, 2, 200),
                Part::Text("_"),
                exactly(Class::Letter, 20),
                Part::Text("_"),
                exactly(Class::Base62, 6),
            ],
        )]),
        finds: &["syt_{b62 12}_{letter 20}_{b62 6}", "access_token: syt_{b62 8}_{letter 20}_{b62 6}\n"],
        ignores: &["syt_{b62 12}_{letter 10}_{b62 6}", "easyt_{b62 12}_{letter 20}_{b62 6}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mattermost-token",
        what: "access token of Mattermost",
        rotate: "revoke the token under Security, Personal Access Tokens in the Mattermost profile",
        seek: Seek::Words {
            words: &["mattermost"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::LowerAlnum, 26)]]).named(&["TOKEN"]);
                VALUE.read(window)
            },
        },
        finds: &["MATTERMOST_TOKEN={an 26}\n", "mattermost:\n  url: https://a.internal\n  token: {an 26}\n"],
        ignores: &["MATTERMOST_TEAM_ID={an 26}", "MATTERMOST_TOKEN=$TOKEN"],
        ..Detector::NAMED
    },
];

const WEBHOOK: &[Part] = &[Part::Run(Class::Digit, 17, 20), Part::Text("/"), Part::Run(Class::Base64Url, 60, 72)];

/// Base64 of three digits, of which the first is not 0: so a snowflake of 17 to 20 digits begins.
const DISCORD: &[&str] = &[
    "MTA", "MTE", "MTI", "MTM", "MTQ", "MTU", "MTY", "MTc", "MTg", "MTk", "MjA", "MjE", "MjI", "MjM", "MjQ", "MjU",
    "MjY", "Mjc", "Mjg", "Mjk", "MzA", "MzE", "MzI", "MzM", "MzQ", "MzU", "MzY", "Mzc", "Mzg", "Mzk", "NDA", "NDE",
    "NDI", "NDM", "NDQ", "NDU", "NDY", "NDc", "NDg", "NDk", "NTA", "NTE", "NTI", "NTM", "NTQ", "NTU", "NTY", "NTc",
    "NTg", "NTk", "NjA", "NjE", "NjI", "NjM", "NjQ", "NjU", "NjY", "Njc", "Njg", "Njk", "NzA", "NzE", "NzI", "NzM",
    "NzQ", "NzU", "NzY", "Nzc", "Nzg", "Nzk", "ODA", "ODE", "ODI", "ODM", "ODQ", "ODU", "ODY", "ODc", "ODg", "ODk",
    "OTA", "OTE", "OTI", "OTM", "OTQ", "OTU", "OTY", "OTc", "OTg", "OTk",
];

/// Checks that the first of three parts is an account number of Discord in base64; the others are a time and a signature.
fn discord_token(token: &[u8]) -> Check {
    let (first, rest) = token.split_at(memchr::memchr(b'.', token).unwrap_or(token.len()));
    let signature = rest.get(8..).unwrap_or_default();
    let number = key_material::decode_base64url(first).unwrap_or_default();
    let account = number.len() >= 17 && number.iter().all(u8::is_ascii_digit);
    if account && !judge::is_too_regular(signature, Class::Base64Url) && !judge::holds_example_word(signature) {
        Check::Agrees
    } else {
        Check::Fails
    }
}

/// Reads a bot's number, a colon and 35 characters that begin with `AA`; in an address `bot` stands before it.
fn telegram_token(window: &Window<'_>) -> Option<Reading> {
    let digits = window.behind().iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    let start = window.at - digits;
    let secret = &window.ahead()[1..];
    let length = Class::Base64Url.run(secret, 36);
    let begins = window.begins_word(start) || window.bytes[..start].ends_with(b"bot");
    if !(8..=10).contains(&digits) || length < 35 || !begins {
        return None;
    }
    let grade = match length {
        _ if judge::is_too_regular(&secret[..35], Class::Base64Url) || judge::holds_example_word(&secret[..35]) => {
            Grade::Weak
        }
        35 => Grade::Structured,
        _ => Grade::Contextual,
    };
    Some(Reading::new(start, window.at + 36, grade))
}
