//! Mail.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, UUID, exactly};

const MAILGUN: &str = "delete the key under API Security in the Mailgun settings";
const BREVO: &str = "delete the key under SMTP & API in the Brevo settings";
const ONESIGNAL: &str = "delete the key under Keys & IDs in the OneSignal settings";

/// Numbers of Mailchimp's data centres.
const DATA_CENTRES: &[&str] = &["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "sendgrid-api-key",
        what: "API key of SendGrid",
        rotate: "delete the key under API Keys in the SendGrid settings",
        seek: Seek::Tokens(&[Token::new(
            &["SG."],
            &[exactly(Class::Base64Url, 22), Part::Text("."), exactly(Class::Base64Url, 43)],
        )]),
        finds: &[
            "SG.{b64u 22}.{b64u 42}x",
            "SENDGRID_API_KEY=SG.{b64u 22}.{b64u 42}x",
            "smtp://apikey:SG.{b64u 22}.{b64u 42}x@smtp.sendgrid.net:587",
        ],
        ignores: &["SG.{b64u 22}.{b64u 10}", "MSG.{b64u 22}.{b64u 43}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mailgun-api-key",
        what: "API key of Mailgun",
        rotate: MAILGUN,
        grade: Grade::Contextual,
        seek: Seek::Tokens(&[
            Token::new(&["key-"], &[exactly(Class::Hex, 32)]),
            Token::new(&["key-"], &[exactly(Class::LowerAlnum, 32)]).checked_by(mixed),
        ]),
        finds: &[
            "key-{hex 32}",
            "api: key-{hex 32}",
            "curl --user 'api:key-{an 32}' https://api.mailgun.net/v3/a/messages",
        ],
        ignores: &["key-{hex 31}", "monkey-{hex 32}", "key-value"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mailgun-public-key",
        what: "public validation key of Mailgun",
        rotate: MAILGUN,
        seek: Seek::Tokens(&[Token::new(&["pubkey-"], &[exactly(Class::Hex, 32)])]),
        finds: &["pubkey-{hex 32}", "MAILGUN_PUBLIC_KEY=pubkey-{hex 32}\n"],
        ignores: &["pubkey-{hex 12}", "pubkey-algorithm"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "mailgun-private-key",
        what: "API or webhook signing key of Mailgun without a prefix",
        rotate: MAILGUN,
        seek: Seek::Words {
            words: &["mailgun"],
            read: |window| {
                const VALUE: Named = Named::new(&[
                    &[
                        exactly(Class::Hex, 32),
                        Part::Text("-"),
                        exactly(Class::Hex, 8),
                        Part::Text("-"),
                        exactly(Class::Hex, 8),
                    ],
                    &[exactly(Class::Hex, 32)],
                ]);
                VALUE.read(window)
            },
        },
        finds: &[
            "MAILGUN_API_KEY={hex 32}-{hex 8}-{hex 8}\n",
            "mailgun:\n  domain: mg.internal\n  api_key: \"{hex 32}-{hex 8}-{hex 8}\"\n",
            "MAILGUN_SIGNING_KEY={hex 32}\n",
        ],
        ignores: &["{hex 32}-{hex 8}-{hex 8}", "MAILGUN_DOMAIN_ID={hex 32}", "MAILGUN_API_KEY=${KEY}"],
        ..Detector::NAMED
    },
    Detector {
        id: "mailchimp-api-key",
        what: "API key of Mailchimp",
        rotate: "revoke the key under Extras, API keys in the Mailchimp account",
        seek: Seek::Tokens(&[
            Token::new(DATA_CENTRES, &[Part::Run(Class::Digit, 0, 1)]).preceded_by(&[exactly(Class::Hex, 32)])
        ]),
        finds: &["{hex 32}-us12", "'{hex 32}-us6'", "MAILCHIMP_API_KEY={hex 32}-us21\n"],
        ignores: &["{hex 31}-us12", "{hex 40}-us1", "{hex 32}-user"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mandrill-api-key",
        what: "API key of Mailchimp Transactional (Mandrill)",
        rotate: "delete the key under SMTP & API Info in the Mandrill settings",
        grade: Grade::Contextual,
        seek: Seek::Tokens(&[Token::new(&["md-"], &[exactly(Class::Base64Url, 22)]).checked_by(mixed)]),
        finds: &["md-{b62 21}7", "MANDRILL_API_KEY=md-{b62 21}7\n"],
        ignores: &["md-{b62 10}", "cmd-{b62 22}", "md-button-toggle-group-x", "md-xxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mandrill-api-key-legacy",
        what: "API key of Mandrill without a prefix",
        rotate: "delete the key under SMTP & API Info in the Mandrill settings",
        seek: Seek::Words {
            words: &["mandrill"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 22)]]);
                VALUE.read(window)
            },
        },
        finds: &["MANDRILL_API_KEY={b62 22}\n", "smtp.mandrillapp.com\npassword: {b64u 21}x\n"],
        ignores: &["MANDRILL_TEMPLATE_NAME={b62 22}", "mandrill {b62 22}"],
        ..Detector::NAMED
    },
    Detector {
        id: "brevo-api-key",
        what: "API key of Brevo (Sendinblue)",
        rotate: BREVO,
        seek: Seek::Tokens(&[Token::new(&["xkeysib-"], BREVO_BODY)]),
        finds: &["xkeysib-{hex 64}-{b62 16}", "api-key: xkeysib-{hex 64}-{b62 16}"],
        ignores: &["xkeysib-{hex 64}", "xkeysib-{hex 20}-{b62 16}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "brevo-smtp-key",
        what: "SMTP key of Brevo (Sendinblue)",
        rotate: BREVO,
        seek: Seek::Tokens(&[Token::new(&["xsmtpsib-"], BREVO_BODY)]),
        finds: &["xsmtpsib-{hex 64}-{b62 16}", "smtp_password = xsmtpsib-{hex 64}-{b62 16}\n"],
        ignores: &["xsmtpsib-{hex 64}", "xsmtpsib-{hex 64}-{b62 4}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "postmark-token",
        what: "server or account token of Postmark",
        rotate: "create a new token under API Tokens of the server in Postmark, then delete the old one",
        seek: Seek::Words {
            words: &["postmark"],
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]);
                VALUE.read(window)
            },
        },
        finds: &["POSTMARK_API_TOKEN={uuid}\n", "X-Postmark-Server-Token: {uuid}", "postmark:\n  api_token: {uuid}\n"],
        ignores: &["POSTMARK_MESSAGE_ID={uuid}", "postmark {uuid}", "POSTMARK_API_TOKEN=POSTMARK_API_TEST"],
        ..Detector::NAMED
    },
    Detector {
        id: "mailjet-key",
        what: "API key or secret of Mailjet",
        rotate: "reset the secret key under API Key Management in the Mailjet account",
        seek: Seek::Words {
            words: &["mailjet", "mj_api_key", "mj_apikey"],
            read: |window| {
                const VALUE: Named =
                    Named::new(&[&[exactly(Class::Hex, 32)]]).named(&["SECRET", "PRIVATE", "KEY", "PASSWORD"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "MAILJET_SECRET_KEY={hex 32}\n",
            "MJ_APIKEY_PRIVATE={hex 32}\n",
            "mailjet:\n  api_key: x\n  secret_key: {hex 32}\n",
        ],
        ignores: &["MJ_APIKEY_PUBLIC={hex 32}", "MAILJET_LIST_ID={hex 32}", "MAILJET_SECRET_KEY=$KEY"],
        ..Detector::NAMED
    },
    Detector {
        id: "sparkpost-key",
        what: "API key of SparkPost",
        rotate: "delete the key under API Keys in the SparkPost configuration",
        seek: Seek::Words {
            words: &["sparkpost"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 40)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "SPARKPOST_API_KEY={hex 40}\n",
            "curl -H 'Authorization: {hex 40}' https://api.sparkpost.com/api/v1/account",
        ],
        ignores: &["SPARKPOST_SHA1={hex 40}", "sparkpost {hex 40}"],
        ..Detector::NAMED
    },
    Detector {
        id: "mailersend-token",
        what: "API token of MailerSend",
        rotate: "delete the token under API tokens in the MailerSend integrations",
        seek: Seek::Tokens(&[Token::new(&["mlsn."], &[Part::Run(Class::Base62, 30, 100)])]),
        finds: &["mlsn.{b62 64}", "MAILERSEND_API_KEY=mlsn.{hex 64}\n"],
        ignores: &["mlsn.{b62 10}", "xmlsn.{b62 64}", "mlsn.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "resend-api-key",
        what: "API key of Resend",
        rotate: "delete the key under API Keys in Resend",
        grade: Grade::Contextual,
        seek: Seek::Tokens(&[Token::new(
            &["re_"],
            &[exactly(Class::Base62, 8), Part::Text("_"), exactly(Class::Base62, 24)],
        )
        .checked_by(mixed)]),
        finds: &["re_{b62 8}_{b62 23}7", "RESEND_API_KEY=re_{b62 8}_{b62 23}7\n", "new Resend('re_{b62 8}_{b62 23}7')"],
        ignores: &[
            "re_{b62 8}_{b62 10}",
            "pre_{b62 8}_{b62 24}",
            "re_abcdefgh_ijklmnopqrstuvwxyzabcdef",
            "re_123456789",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "klaviyo-private-key",
        what: "private API key of Klaviyo",
        rotate: "delete the key under API keys in the Klaviyo account settings",
        grade: Grade::Contextual,
        seek: Seek::Tokens(&[Token::new(&["pk_"], &[exactly(Class::Hex, 34)])]),
        finds: &["pk_{hex 34}", "Authorization: Klaviyo-API-Key pk_{hex 34}"],
        ignores: &["pk_{hex 32}", "pk_live_{b62 24}", "xpk_{hex 34}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "onesignal-app-key",
        what: "API key of a OneSignal app",
        rotate: ONESIGNAL,
        seek: Seek::Tokens(&[Token::new(&["os_v2_app_"], &[Part::Run(Class::LowerAlnum, 80, 130)])]),
        finds: &["os_v2_app_{b32l 103}", "Authorization: Key os_v2_app_{b32l 103}"],
        ignores: &["os_v2_app_{b32l 20}", "os_v2_app_version"],
        ..Detector::TOKEN
    },
    Detector {
        id: "onesignal-organization-key",
        what: "API key of a OneSignal organization",
        rotate: ONESIGNAL,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["os_v2_org_"], &[Part::Run(Class::LowerAlnum, 80, 130)])]),
        finds: &["os_v2_org_{b32l 103}", "ONESIGNAL_ORG_KEY=os_v2_org_{b32l 103}\n"],
        ignores: &["os_v2_org_{b32l 20}", "os_v2_org_chart"],
        ..Detector::TOKEN
    },
];

const BREVO_BODY: &[Part] = &[exactly(Class::Hex, 64), Part::Text("-"), exactly(Class::Base62, 16)];

/// Tells a random value from words.
fn mixed(value: &[u8]) -> Check {
    if value.iter().any(u8::is_ascii_digit) { Check::Silent } else { Check::Fails }
}
