//! Providers of models.

use super::keyed::{Form, KEYED, TOKEN, graded, is_near, keyed};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::shape::{Check, Class, Part, Token};
use crate::secrets::window::Window;

/// Base64 of `OpenAI`, in the middle of each key.
const OPENAI_MARK: &[u8] = b"T3BlbkFJ";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "openai-admin-key",
        what: "OpenAI admin key",
        rotate: "delete the key under Admin keys in the OpenAI organization settings",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["T3BlbkFJ"], text_only: false, read: |window| openai_key(window, true) },
        finds: &["OPENAI_ADMIN_KEY=sk-admin-{b64u 74}T3BlbkFJ{b64u 73}x", "\"sk-admin-{b64u 58}T3BlbkFJ{b64u 57}x\""],
        ignores: &["sk-proj-{b64u 74}T3BlbkFJ{b64u 73}x", "sk-admin-{b64u 10}T3BlbkFJ"],
        ..TOKEN
    },
    Detector {
        id: "openai-api-key",
        what: "OpenAI API key",
        rotate: "revoke the key under API keys in the OpenAI platform settings",
        grade: Grade::Proven,
        seek: Seek::Read { leads: &["T3BlbkFJ"], text_only: false, read: |window| openai_key(window, false) },
        finds: &[
            "OPENAI_API_KEY=sk-{b62 20}T3BlbkFJ{b62 20}",
            "sk-proj-{b64u 74}T3BlbkFJ{b64u 73}x",
            "sk-svcacct-{b64u 58}T3BlbkFJ{b64u 57}x",
            "OpenAI(api_key=\"sk-proj-{b64u 58}T3BlbkFJ{b64u 57}x\")",
        ],
        ignores: &["{b62 20}T3BlbkFJ{b62 20}", "sk-{b62 8}T3BlbkFJ{b62 20}", "sk-proj-{b64u 20}T3BlbkFJ{b62 4}"],
        ..TOKEN
    },
    Detector {
        id: "anthropic-admin-key",
        what: "Anthropic admin key",
        rotate: "delete the key under Admin keys in the Anthropic console",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["sk-ant-admin"], ANTHROPIC).checked_by(anthropic_tail)]),
        finds: &["key = \"sk-ant-admin01-{b64u 93}AA\"", "ADMIN=sk-ant-admin01-{b64u 93}AA"],
        ignores: &["sk-ant-admin01-{b64u 93}xy", "sk-ant-admin01-..."],
        ..TOKEN
    },
    Detector {
        id: "anthropic-oauth-token",
        what: "Anthropic OAuth access or refresh token",
        rotate: "log out of the client that uses it, which revokes the token",
        seek: Seek::Tokens(&[Token::new(&["sk-ant-oat", "sk-ant-ort"], ANTHROPIC)]),
        finds: &["CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-{b64u 93}AA", "\"refreshToken\":\"sk-ant-ort01-{b64u 93}AA\""],
        ignores: &["sk-ant-oat01-...", "sk-ant-oat01-{b62 20}"],
        ..TOKEN
    },
    Detector {
        id: "anthropic-api-key",
        what: "Anthropic API key",
        rotate: "delete the key under API keys in the Anthropic console",
        seek: Seek::Tokens(&[Token::new(&["sk-ant-api", "sk-ant-sid"], ANTHROPIC).checked_by(anthropic_tail)]),
        finds: &["sk-ant-api03-{b64u 93}AA", "ANTHROPIC_API_KEY=\"sk-ant-api03-{b64u 93}AA\""],
        ignores: &["sk-ant-api03-{b64u 93}xy", "sk-ant-api03-...", "sk-ant-api03-{b62 20}AA"],
        ..TOKEN
    },
    Detector {
        id: "huggingface-org-token",
        what: "Hugging Face organization token",
        rotate: "delete the token in the settings of the Hugging Face organization",
        seek: Seek::Tokens(&[Token::new(&["api_org_"], &[Part::exactly(Class::Base62, 34)])]),
        finds: &["api_org_{b62 34}", "token='api_org_{b62 34}'"],
        ignores: &["api_org_{b62 20}", "api_org_unit_id"],
        ..TOKEN
    },
    Detector {
        id: "huggingface-token",
        what: "Hugging Face access token",
        rotate: "invalidate the token under Access Tokens in the Hugging Face settings",
        seek: Seek::Tokens(&[Token::new(&["hf_"], &[Part::exactly(Class::Base62, 34)])]),
        finds: &["HF_TOKEN=hf_{b62 34}", "login(token=\"hf_{b62 34}\")", "Authorization: Bearer hf_{b62 34}"],
        ignores: &["hf_{b62 20}", "xhf_{b62 34}", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "groq-api-key",
        what: "Groq API key",
        rotate: "delete the key under API Keys in the Groq console",
        seek: Seek::Tokens(&[Token::new(&["gsk_"], &[Part::exactly(Class::Base62, 52)]).checked_by(groq_mark)]),
        finds: &["GROQ_API_KEY=gsk_{b62 20}WGdyb3FY{b62 24}", "Groq(api_key='gsk_{b62 20}WGdyb3FY{b62 24}')"],
        ignores: &["gsk_{b62 30}", "gsk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "xai-api-key",
        what: "xAI API key",
        rotate: "revoke the key under API Keys in the xAI console",
        seek: Seek::Tokens(&[
            Token::new(&["xai-token-"], &[Part::exactly(Class::Base62, 80)]),
            Token::new(&["xai-"], &[Part::exactly(Class::Base62, 80)]),
        ]),
        finds: &["XAI_API_KEY=xai-{b62 80}", "\"xai-token-{b62 80}\""],
        ignores: &["xai-{b62 40}", "xai-org"],
        ..TOKEN
    },
    Detector {
        id: "perplexity-api-key",
        what: "Perplexity API key",
        rotate: "delete the key under API in the Perplexity settings",
        seek: Seek::Tokens(&[Token::new(&["pplx-"], &[Part::Run(Class::Base62, 48, 64)])]),
        finds: &["PPLX_API_KEY=pplx-{b62 48}", "Bearer pplx-{b62 48}"],
        ignores: &["pplx-{b62 20}", "pplx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "replicate-api-token",
        what: "Replicate API token",
        rotate: "disable the token under API tokens in the Replicate account",
        seek: Seek::Tokens(&[Token::new(&["r8_"], &[Part::exactly(Class::Base62, 37)])]),
        finds: &["REPLICATE_API_TOKEN=r8_{b62 37}", "auth: 'r8_{b62 37}'"],
        ignores: &["r8_{b62 20}", "xr8_{b62 37}", "r8_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "nvidia-api-key",
        what: "NVIDIA API key",
        rotate: "revoke the key under API Keys in the NVIDIA account",
        seek: Seek::Tokens(&[Token::new(&["nvapi-"], &[Part::Run(Class::Base64Url, 60, 70)])]),
        finds: &["NVIDIA_API_KEY=nvapi-{b64u 63}x", "\"nvapi-{b62 64}\""],
        ignores: &["nvapi-{b62 20}", "nvapi-docs"],
        ..TOKEN
    },
    Detector {
        id: "openrouter-api-key",
        what: "OpenRouter API key",
        rotate: "delete the key under Keys in the OpenRouter settings",
        seek: Seek::Tokens(&[Token::new(&["sk-or-v1-"], &[Part::exactly(Class::Hex, 64)])]),
        finds: &["OPENROUTER_API_KEY=sk-or-v1-{hex 64}", "'sk-or-v1-{hex 64}'"],
        ignores: &["sk-or-v1-{hex 20}", "sk-or-v1-0000000000000000000000000000000000000000000000000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "mistral-api-key",
        what: "Mistral AI API key",
        rotate: "delete the key under API Keys in the Mistral console",
        seek: Seek::Read {
            leads: &["mistral", "MISTRAL", "Mistral"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Base62, 32)),
        },
        finds: &["MISTRAL_API_KEY={b62 32}", "client = Mistral(api_key=\"{b62 32}\")"],
        ignores: &["mistral {b62 32}", "MISTRAL_API_KEY=your_api_key"],
        ..KEYED
    },
    Detector {
        id: "cohere-api-key",
        what: "Cohere API key",
        rotate: "delete the key under API keys in the Cohere dashboard",
        seek: Seek::Read {
            leads: &["cohere", "COHERE", "Cohere", "CO_API_KEY"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Base62, 40)),
        },
        finds: &["COHERE_API_KEY={b62 40}", "cohere.Client(api_key='{b62 40}')", "CO_API_KEY={b62 40}"],
        ignores: &["coherent {b62 40}", "COHERE_API_KEY={b62 20}"],
        ..KEYED
    },
    Detector {
        id: "deepseek-api-key",
        what: "DeepSeek API key",
        rotate: "delete the key under API keys in the DeepSeek platform",
        seek: Seek::Tokens(&[Token::new(&["sk-"], &[Part::exactly(Class::Hex, 32)])]),
        finds: &["DEEPSEEK_API_KEY=sk-{hex 32}", "api_key=\"sk-{hex 32}\", base_url='https://api.deepseek.com'"],
        ignores: &["sk-{hex 20}", "task-{hex 32}", "sk-0123456789abcdef0123456789abcdef"],
        ..KEYED
    },
    Detector {
        id: "ai21-api-key",
        what: "AI21 API key",
        rotate: "delete the key under API Keys in the AI21 studio",
        seek: Seek::Read {
            leads: &["AI21", "ai21"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Base62, 32)),
        },
        finds: &["AI21_API_KEY={b62 32}", "ai21.api_key = '{b62 32}'"],
        ignores: &["ai21 {b62 32}", "AI21_API_KEY={b62 20}"],
        ..KEYED
    },
    Detector {
        id: "together-api-key",
        what: "Together AI API key",
        rotate: "regenerate the key under API keys in the Together settings",
        seek: Seek::Tokens(&[Token::new(&["tgp_v1_"], &[Part::exactly(Class::Base64Url, 43)])]),
        finds: &["TOGETHER_API_KEY=tgp_v1_{b64u 42}x", "Together(api_key='tgp_v1_{b62 43}')"],
        ignores: &["tgp_v1_{b62 20}", "tgp_v1_key"],
        ..TOKEN
    },
    Detector {
        id: "together-legacy-api-key",
        what: "Together AI API key of the older form",
        rotate: "regenerate the key under API keys in the Together settings",
        seek: Seek::Read {
            leads: &["TOGETHER", "together_api", "togetherai", "together.ai", "Together("],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Hex, 64)),
        },
        finds: &["TOGETHER_API_KEY={hex 64}", "together_api_key: \"{hex 64}\""],
        ignores: &["together_api {hex 64}", "TOGETHER_API_KEY={hex 20}"],
        ..KEYED
    },
    Detector {
        id: "fireworks-api-key",
        what: "Fireworks AI API key",
        rotate: "delete the key under API Keys in the Fireworks settings",
        seek: Seek::Read {
            leads: &["fireworks", "FIREWORKS", "Fireworks"],
            text_only: true,
            read: |window| {
                keyed(window, Form { lead: "fw_", class: Class::Base64Url, min: 16, max: 48 })
                    .or_else(|| keyed(window, Form::exactly(Class::Base62, 48)))
            },
        },
        finds: &["FIREWORKS_API_KEY=fw_{b62 24}", "Fireworks(api_key=\"fw_{b62 22}\")"],
        ignores: &["fireworks fw_{b62 24}", "FIREWORKS_API_KEY=fw_xxxxxxxxxxxxxxxxxxxxxxxx"],
        ..KEYED
    },
    Detector {
        id: "cerebras-api-key",
        what: "Cerebras API key",
        rotate: "delete the key under API Keys in the Cerebras console",
        seek: Seek::Tokens(&[Token::new(&["csk-"], &[Part::exactly(Class::LowerAlnum, 48)])]),
        finds: &["CEREBRAS_API_KEY=csk-{an 48}", "'csk-{an 48}'"],
        ignores: &["csk-{an 20}", "csk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "langsmith-api-key",
        what: "LangSmith API key",
        rotate: "delete the key under Settings, API Keys in LangSmith",
        seek: Seek::Tokens(&[Token::new(
            &["lsv2_pt_", "lsv2_sk_"],
            &[Part::exactly(Class::Hex, 32), Part::Text("_"), Part::exactly(Class::Hex, 10)],
        )]),
        finds: &["LANGSMITH_API_KEY=lsv2_pt_{hex 32}_{hex 10}", "\"lsv2_sk_{hex 32}_{hex 10}\""],
        ignores: &["lsv2_pt_{hex 32}", "lsv2_sk_{hex 32}_{hex 4}"],
        ..TOKEN
    },
    Detector {
        id: "wandb-api-key",
        what: "Weights & Biases API key",
        rotate: "revoke the key under API keys in the Weights & Biases settings",
        seek: Seek::Tokens(&[Token::new(&["wandb_v1_"], &[Part::Run(Class::Base64Url, 70, 90)])]),
        finds: &["WANDB_API_KEY=wandb_v1_{b62 30}_{b62 46}", "login(key='wandb_v1_{b62 77}')"],
        ignores: &["wandb_v1_{b62 20}", "wandb_v1_key"],
        ..TOKEN
    },
    Detector {
        id: "wandb-legacy-api-key",
        what: "Weights & Biases API key of the older form",
        rotate: "revoke the key under API keys in the Weights & Biases settings",
        seek: Seek::Read {
            leads: &["wandb", "WANDB"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Hex, 40)),
        },
        finds: &["WANDB_API_KEY={hex 40}", "wandb.login(key=\"{hex 40}\")"],
        ignores: &["wandb {hex 40}", "wandb/commit/{hex 40}"],
        ..KEYED
    },
    Detector {
        id: "pinecone-api-key",
        what: "Pinecone API key",
        rotate: "delete the key under API keys of the project in the Pinecone console",
        seek: Seek::Tokens(&[Token::new(
            &["pcsk_"],
            &[Part::Run(Class::Base62, 5, 6), Part::Text("_"), Part::exactly(Class::Base62, 63)],
        )]),
        finds: &["PINECONE_API_KEY=pcsk_{b62 6}_{b62 63}", "Pinecone(api_key='pcsk_{b62 5}_{b62 63}')"],
        ignores: &["pcsk_{b62 6}_{b62 20}", "pcsk_key_name"],
        ..TOKEN
    },
    Detector {
        id: "elevenlabs-api-key",
        what: "ElevenLabs API key",
        rotate: "delete the key under Developers, API Keys in ElevenLabs",
        seek: Seek::InRun { leads: &["sk_"], read: elevenlabs },
        finds: &["ELEVENLABS_API_KEY=sk_{hex 48}", "xi-api-key: sk_{hex 48}", "key = \"sk_{hex 48}\""],
        ignores: &["sk_{hex 40}", "task_{hex 48}", "sk_{b62 48}"],
        ..KEYED
    },
    Detector {
        id: "cursor-api-key",
        what: "Cursor API key",
        rotate: "delete the key under API Keys in the Cursor dashboard",
        seek: Seek::Tokens(&[Token::new(&["key_"], &[Part::exactly(Class::Hex, 64)])]),
        finds: &["CURSOR_API_KEY=key_{hex 64}", "'key_{hex 64}'"],
        ignores: &["key_{hex 32}", "api_key_{hex 64}"],
        ..TOKEN
    },
    Detector {
        id: "runpod-api-key",
        what: "RunPod API key",
        rotate: "delete the key under Settings, API Keys in RunPod",
        seek: Seek::Tokens(&[Token::new(
            &["rpa_"],
            &[Part::exactly(Class::UpperAlnum, 40), Part::exactly(Class::Base62, 6)],
        )]),
        finds: &["RUNPOD_API_KEY=rpa_{AN 40}{b62 6}", "Bearer rpa_{AN 40}{b62 6}"],
        ignores: &["rpa_{AN 20}", "rpa_{an 46}"],
        ..TOKEN
    },
    Detector {
        id: "tavily-api-key",
        what: "Tavily API key",
        rotate: "delete the key in the Tavily dashboard",
        seek: Seek::Tokens(&[Token::new(&["tvly-"], &[Part::Run(Class::Base64Url, 32, 64)])]),
        finds: &["TAVILY_API_KEY=tvly-{b62 32}", "TavilyClient(\"tvly-dev-{b62 32}\")"],
        ignores: &["tvly-{b62 10}", "tvly-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "cognition-api-key",
        what: "Cognition (Devin) API key",
        rotate: "revoke the key under API keys in the Devin settings",
        seek: Seek::Tokens(&[
            Token::new(&["cog_"], &[Part::exactly(Class::LowerAlnum, 52)]),
            Token::new(&["cog_"], &[Part::exactly(Class::Base32, 52)]),
            Token::new(&["apk_user_"], &[Part::Run(Class::Base64Url, 40, 200)]),
        ]),
        finds: &["DEVIN_API_KEY=cog_{an 52}", "cog_{b32 52}", "Bearer apk_user_{b62 60}"],
        ignores: &["cog_{an 20}", "apk_user_id"],
        ..TOKEN
    },
    Detector {
        id: "devin-legacy-api-key",
        what: "Devin API key of the older form",
        rotate: "revoke the key under API keys in the Devin settings",
        seek: Seek::Read {
            leads: &["devin", "DEVIN", "Devin"],
            text_only: true,
            read: |window| keyed(window, Form { lead: "apk_", class: Class::Base64Url, min: 20, max: 200 }),
        },
        finds: &["DEVIN_API_KEY=apk_{b62 60}", "devin:\n  api_key: 'apk_{b62 40}'"],
        ignores: &["devin apk_{b62 60}", "DEVIN_API_KEY=apk_key"],
        ..KEYED
    },
];

const ANTHROPIC: &[Part] = &[Part::exactly(Class::Digit, 2), Part::Text("-"), Part::Run(Class::Base64Url, 80, 120)];

fn anthropic_tail(key: &[u8]) -> Check {
    if key.ends_with(b"AA") { Check::Silent } else { Check::Fails }
}

/// Looks for base64 of `Groq` in one of its three alignments.
fn groq_mark(key: &[u8]) -> Check {
    let marked =
        ["WGdyb3FY", "hncm9xW", "YZ3JvcV"].iter().any(|mark| memchr::memmem::find(key, mark.as_bytes()).is_some());
    if marked { Check::Agrees } else { Check::Silent }
}

fn openai_key(window: &Window<'_>, admin: bool) -> Option<Reading> {
    const LEADS: &[&[u8]] = &[b"sk-proj-", b"sk-svcacct-", b"sk-service-", b"sk-None-"];
    let behind = window.behind();
    let first = behind.iter().rev().take(120).take_while(|&&byte| Class::Base64Url.has(byte)).count();
    let head = &behind[behind.len() - first..];
    let find = |lead: &[u8]| memchr::memmem::rfind(head, lead).map(|at| (at, head.len() - at - lead.len()));
    let tail = Class::Base64Url.run(&window.ahead()[OPENAI_MARK.len()..], 120);
    let (at, half) = if admin {
        find(b"sk-admin-")?
    } else {
        LEADS.iter().find_map(|lead| find(lead)).or_else(|| find(b"sk-").filter(|&(_, half)| half == 20))?
    };
    if half < 20 || tail < 20 || !window.begins_word(window.at - first + at) {
        return None;
    }
    let start = window.at - first + at;
    let end = window.at + OPENAI_MARK.len() + tail.min(if half == 20 { 20 } else { half });
    let body = &window.bytes[window.at + OPENAI_MARK.len()..end];
    Some(Reading::new(start, end, graded(body, Class::Base64Url, Grade::Proven)))
}

fn elevenlabs(window: &Window<'_>) -> Option<Reading> {
    let body = window.ahead().get(3..)?;
    let length = Class::Hex.run(body, 49);
    let bounded = body.get(length).is_none_or(|&next| !next.is_ascii_alphanumeric() && next != b'_');
    if length != 48 || !bounded || !window.begins_word(window.at) {
        return None;
    }
    let sure = is_near(window, &["eleven", "xi-api", "xi_api"]);
    let grade = graded(&body[..48], Class::Hex, if sure { Grade::Structured } else { Grade::Contextual });
    Some(Reading::new(window.at, window.at + 51, grade))
}
