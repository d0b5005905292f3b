//! Mail and telephony.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "sendgrid-api-key",
        what: "SendGrid API key",
        rotate: "delete the key under API Keys in the SendGrid settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["SG."],
            &[Part::exactly(Class::Base64Url, 22), Part::Text("."), Part::exactly(Class::Base64Url, 43)],
        )]),
        finds: &["SENDGRID_API_KEY=SG.{b64u 22}.{b64u 42}x"],
        ignores: &["SG.{b64u 22}.{b64u 10}", "MSG.{b64u 22}.{b64u 43}"],
    },
    Detector {
        id: "mailgun-api-key",
        what: "Mailgun API key",
        rotate: "delete the key under API Security in the Mailgun settings",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["key-"], &[Part::exactly(Class::Hex, 32)])]),
        finds: &["api: key-{hex 32}"],
        ignores: &["key-{hex 31}", "monkey-{hex 32}", "key-value"],
    },
    Detector {
        id: "mailchimp-api-key",
        what: "Mailchimp API key",
        rotate: "revoke the key under Extras, API keys in the Mailchimp account",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
            &[Part::Run(Class::Digit, 0, 1)],
        )
        .preceded_by(&[Part::exactly(Class::Hex, 32)])]),
        finds: &["{hex 32}-us12", "'{hex 32}-us6'"],
        ignores: &["{hex 31}-us12", "{hex 40}-us1", "{hex 32}-user"],
    },
    Detector {
        id: "twilio-auth-token",
        what: "Twilio auth token",
        rotate: "promote the secondary auth token in the Twilio console and delete the old one",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Words { words: &["twilio_auth_token", "twilioauthtoken"], read: twilio_auth_token },
        finds: &["TWILIO_AUTH_TOKEN={hex 32}\n", "\"twilioAuthToken\": \"{hex 32}\""],
        ignores: &["TWILIO_AUTH_TOKEN=${TOKEN}", "TWILIO_AUTH_TOKEN={hex 12}", "TWILIO_AUTH_TOKEN=your_auth_token"],
    },
];

fn twilio_auth_token(window: &Window<'_>) -> Option<Reading> {
    let lead = window.ahead().iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    let start = assignment::value_after(window, lead)?;
    let value = &window.bytes[start..];
    (Class::Hex.run(value, 33) == 32).then(|| {
        let weak = judge::is_too_regular(&value[..32], Class::Hex);
        Reading::new(start, start + 32, if weak { Grade::Weak } else { Grade::Contextual })
    })
}
