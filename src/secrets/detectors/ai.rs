//! Providers of models.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::judge;
use crate::secrets::shape::{Check, Class, Part, Token};
use crate::secrets::window::Window;

/// Base64 of `OpenAI`, in the middle of each key.
const OPENAI_MARK: &[u8] = b"T3BlbkFJ";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "openai-api-key",
        what: "OpenAI API key",
        rotate: "revoke the key under API keys in the OpenAI platform settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Read { leads: &["T3BlbkFJ"], text_only: false, read: openai_key },
        finds: &[
            "OPENAI_API_KEY=sk-{b62 20}T3BlbkFJ{b62 20}",
            "sk-proj-{b64u 74}T3BlbkFJ{b64u 73}x",
            "sk-svcacct-{b64u 58}T3BlbkFJ{b64u 57}x",
        ],
        ignores: &["{b62 20}T3BlbkFJ{b62 20}", "sk-{b62 8}T3BlbkFJ{b62 20}", "sk-proj-{b64u 20}T3BlbkFJ{b62 4}"],
    },
    Detector {
        id: "anthropic-api-key",
        what: "Anthropic API key",
        rotate: "delete the key under API keys in the Anthropic console",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["sk-ant-"],
            &[Part::Run(Class::LowerAlnum, 3, 10), Part::Text("-"), Part::Run(Class::Base64Url, 80, 120)],
        )
        .checked_by(anthropic_tail)]),
        finds: &["sk-ant-api03-{b64u 93}AA", "key = \"sk-ant-admin01-{b64u 93}AA\""],
        ignores: &["sk-ant-api03-{b64u 93}xy", "sk-ant-api03-...", "sk-ant-api03-{b62 20}AA"],
    },
    Detector {
        id: "huggingface-token",
        what: "Hugging Face access token",
        rotate: "invalidate the token under Access Tokens in the Hugging Face settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["hf_"], &[Part::exactly(Class::Base62, 34)]),
            Token::new(&["api_org_"], &[Part::exactly(Class::Base62, 34)]),
        ]),
        finds: &["HF_TOKEN=hf_{b62 34}", "api_org_{b62 34}"],
        ignores: &["hf_{b62 20}", "xhf_{b62 34}", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
    },
];

fn anthropic_tail(key: &[u8]) -> Check {
    if key.ends_with(b"AA") { Check::Silent } else { Check::Fails }
}

fn openai_key(window: &Window<'_>) -> Option<Reading> {
    let behind = window.behind();
    let first = behind.iter().rev().take(120).take_while(|&&byte| Class::Base64Url.has(byte)).count();
    let head = &behind[behind.len() - first..];
    let find = |lead: &[u8]| memchr::memmem::rfind(head, lead).map(|at| (at, head.len() - at - lead.len()));
    let tail = Class::Base64Url.run(&window.ahead()[OPENAI_MARK.len()..], 120);
    let with_lead = [&b"sk-proj-"[..], b"sk-svcacct-", b"sk-admin-"].iter().find_map(|lead| find(lead));
    let (at, half) = with_lead.or_else(|| find(b"sk-").filter(|&(_, half)| half == 20))?;
    if half < 20 || tail < 20 || !window.begins_word(window.at - first + at) {
        return None;
    }
    let start = window.at - first + at;
    let end = window.at + OPENAI_MARK.len() + tail.min(if half == 20 { tail.min(20) } else { half });
    let value = &window.bytes[start..end];
    let body = &window.bytes[window.at + OPENAI_MARK.len()..end];
    let weak = judge::holds_example_word(value) || judge::is_too_regular(body, Class::Base64Url);
    Some(Reading::new(start, end, if weak { Grade::Weak } else { Grade::Structured }))
}
