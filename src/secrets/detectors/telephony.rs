//! Telephony and text messages.

use super::{Detector, Seek};
use crate::model::Severity;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, exactly};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "twilio-account-id",
        what: "account id of Twilio",
        rotate: "nothing to do: it is a name, but see to the auth token beside it",
        seek: Seek::Tokens(&[Token::new(
            &[
                "AC0", "AC1", "AC2", "AC3", "AC4", "AC5", "AC6", "AC7", "AC8", "AC9", "ACa", "ACb", "ACc", "ACd",
                "ACe", "ACf",
            ],
            &[Part::Run(Class::Hex, 31, 80)],
        )
        .checked_by(whole)]),
        finds: &["AC{hex 32}", "TWILIO_ACCOUNT_SID=AC{hex 32}\n"],
        ignores: &["AC{hex 20}", "MAC{hex 32}", "ACffffffffffffffffffffffffffffffff", "AC{hex 40}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "twilio-api-key-id",
        what: "id of a Twilio API key",
        rotate: "delete the key under API keys & tokens in the Twilio console",
        seek: Seek::Tokens(&[Token::new(
            &[
                "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc", "SKd",
                "SKe", "SKf",
            ],
            &[Part::Run(Class::Hex, 31, 80)],
        )
        .checked_by(whole)]),
        finds: &["SK{hex 32}", "TWILIO_API_KEY=SK{hex 32}\n"],
        ignores: &["SK{hex 20}", "DISK{hex 32}", "SK00000000000000000000000000000000", "SK{hex 40}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "twilio-auth-token",
        what: "auth token of a Twilio account",
        rotate: "promote the secondary auth token in the Twilio console and delete the old one",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["twilio"]),
            read: |window| {
                const VALUE: Named =
                    Named::new(&[&[exactly(Class::Hex, 32)]]).named(&["TOKEN", "AUTH", "PASSWORD", "PASS"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "TWILIO_AUTH_TOKEN={hex 32}\n",
            "\"twilioAuthToken\": \"{hex 32}\"",
            "twilio:\n  account_sid: AC{hex 32}\n  auth_token: {hex 32}\n",
            "- name: TWILIO_AUTH_TOKEN\n  value: \"{hex 32}\"\n",
        ],
        ignores: &[
            "TWILIO_AUTH_TOKEN=${TOKEN}",
            "TWILIO_AUTH_TOKEN={hex 12}",
            "TWILIO_AUTH_TOKEN=your_auth_token",
            "TWILIO_SERVICE_SID={hex 32}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "twilio-api-key-secret",
        what: "secret of a Twilio API key",
        rotate: "delete the key under API keys & tokens in the Twilio console",
        seek: Seek::Words {
            words: around!(["twilio"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 32)]]).named(&["SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "TWILIO_API_SECRET={b62 32}\n",
            "\"twilio\": {open}\"apiKey\": \"SK{hex 32}\", \"apiSecret\": \"{b62 32}\"{close}",
        ],
        ignores: &["TWILIO_API_SECRET={b62 20}", "TWILIO_API_SECRET=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::NAMED
    },
    Detector {
        id: "telnyx-api-key",
        what: "API key of Telnyx",
        rotate: "delete the key under API Keys in the Telnyx portal",
        seek: Seek::Tokens(&[Token::new(
            &["KEY0"],
            &[exactly(Class::UpperAlnum, 31), Part::Text("_"), exactly(Class::Base62, 22)],
        )]),
        finds: &["KEY0{HEX 31}_{b62 22}", "TELNYX_API_KEY=KEY01{HEX 30}_{b62 22}\n"],
        ignores: &["KEY0{HEX 31}", "MONKEY0{HEX 31}_{b62 22}", "KEY0{HEX 31}_{b62 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "telnyx-api-key-by-name",
        what: "API key of Telnyx, by the name of its setting",
        rotate: "delete the key under API Keys in the Telnyx portal",
        seek: Seek::Words {
            words: around!(["telnyx"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[Part::Text("KEY"), exactly(Class::Base64Url, 55)]]);
                VALUE.read(window)
            },
        },
        finds: &["TELNYX_API_KEY=KEY{b64u 54}x\n", "telnyx.api_key = 'KEY{b64u 54}x'"],
        ignores: &["TELNYX_API_KEY=KEY{b64u 20}", "KEY{b64u 54}x"],
        ..Detector::NAMED
    },
    Detector {
        id: "plivo-auth-token",
        what: "auth token of Plivo",
        rotate: "reset the auth token under API in the Plivo console",
        seek: Seek::Words {
            words: around!(["plivo"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 40)]]).named(&["TOKEN", "AUTH", "PASSWORD"]);
                VALUE.read(window)
            },
        },
        finds: &["PLIVO_AUTH_TOKEN={b62 40}\n", "plivo:\n  auth_id: MA{AN 18}\n  auth_token: {b62 40}\n"],
        ignores: &["PLIVO_AUTH_ID=MA{AN 18}", "PLIVO_AUTH_TOKEN={b62 20}"],
        ..Detector::NAMED
    },
    Detector {
        id: "messagebird-key",
        what: "access key of MessageBird",
        rotate: "delete the key under Developers, API access in the MessageBird dashboard",
        seek: Seek::Words {
            words: &["messagebird"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 25)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "MESSAGEBIRD_API_KEY={b62 25}\n",
            "curl -H 'Authorization: AccessKey {b62 25}' https://rest.messagebird.com/balance",
        ],
        ignores: &["MESSAGEBIRD_CHANNEL_ID={b62 25}", "messagebird {b62 25}"],
        ..Detector::NAMED
    },
    Detector {
        id: "vonage-api-secret",
        what: "API secret of Vonage (Nexmo)",
        rotate: "rotate the secret under API settings in the Vonage dashboard",
        seek: Seek::Words {
            words: around!(["vonage" "nexmo"] ),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 16)]]).named(&["SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &["VONAGE_API_SECRET={b62 16}\n", "nexmo:\n  api_key: {hex 8}\n  api_secret: \"{b62 16}\"\n"],
        ignores: &["VONAGE_API_KEY={hex 8}", "VONAGE_API_SECRET={b62 8}", "VONAGE_API_SECRET=${SECRET}"],
        ..Detector::NAMED
    },
];

/// An id is 34 characters long; its two letters alone would say too little of a longer run.
fn whole(id: &[u8]) -> Check {
    if id.len() == 34 { Check::Silent } else { Check::Fails }
}
