//! Amazon Web Services.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::checksum;
use crate::secrets::judge;
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "aws-access-key-id",
        what: "AWS access key id",
        rotate: "deactivate and delete the access key in IAM, then create a new one",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["AKIA", "ASIA"], &[Part::exactly(Class::Base32, 16)]).checked_by(checksum::aws_access_key_id)
        ]),
        finds: &["id = AKIAR{b32 15} in use", "\"AccessKeyId\": \"ASIAR{b32 15}\""],
        ignores: &["AKIA", "AKIAIOSFODNN7EXAMPLE", "AKIA7777777777777777", "AKIAR{b32 13}01", "xyzAKIAR{b32 40}"],
    },
    Detector {
        id: "aws-secret-access-key",
        what: "AWS secret access key",
        rotate: "deactivate and delete the access key in IAM, then create a new one",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read {
            leads: &["secret_access_key", "SECRET_ACCESS_KEY", "ecretAccessKey", "secret-access-key"],
            text_only: true,
            read: secret_access_key,
        },
        finds: &[
            "aws_secret_access_key = {b64 40}\n",
            "AWS_SECRET_ACCESS_KEY=\"{b64 40}\"",
            "<SecretAccessKey>{b64 40}</SecretAccessKey>",
            "secretAccessKey: '{b64 40}'",
        ],
        ignores: &[
            "aws_secret_access_key = ${SECRET}",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = {hex 40}",
            "aws_secret_access_key = {b64 44}",
        ],
    },
];

fn secret_access_key(window: &Window<'_>) -> Option<Reading> {
    let lead =
        window.ahead().iter().take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-')).count();
    let start = assignment::value_after(window, lead)?;
    let value = &window.bytes[start..];
    let length = Class::Base64.run(value, 41);
    if length != 40 || value.get(40) == Some(&b'=') {
        return None;
    }
    let value = &value[..40];
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let weak = hex || judge::entropy(value) < 4.2 || judge::holds_example_word(value);
    Some(Reading::new(start, start + 40, if weak { Grade::Weak } else { Grade::Contextual }))
}
