//! Payment and shops.

use super::keyed::{Form, KEYED, TOKEN, UUID, begins_with_uuid, graded, is_near, keyed};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

/// Entries whose lead others share come first in the order of their lengths: `sk_live_` is Paystack's and Stripe's.
pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "paystack-secret-key",
        what: "Paystack secret key",
        rotate: "generate a new secret key under Settings, API Keys & Webhooks in the Paystack dashboard",
        seek: Seek::Tokens(&[Token::new(&["sk_live_", "sk_test_"], &[Part::exactly(Class::Hex, 40)])]),
        finds: &["PAYSTACK_SECRET=sk_live_{hex 40}", "paystack(\"sk_test_{hex 40}\")"],
        ignores: &["sk_live_{hex 39}", "sk_live_0000000000000000000000000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "stripe-live-key",
        what: "Stripe secret or restricted key for live mode",
        rotate: "roll the key under Developers, API keys in the Stripe dashboard",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["sk_live_", "rk_live_"], &[Part::Run(Class::Base62, 24, 247)])]),
        finds: &["sk_live_{b62 24}", "rk_live_{b62 99}", "{open}\"stripe\": \"sk_live_{b62 99}\"{close}"],
        ignores: &["sk_live_{b62 10}", "sk_test_{b62 24}", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "pk_live_{b62 24}"],
        ..TOKEN
    },
    Detector {
        id: "stripe-test-key",
        what: "Stripe secret or restricted key for test mode",
        rotate: "roll the key under Developers, API keys in the Stripe dashboard, test mode",
        severity: Severity::Low,
        seek: Seek::Tokens(&[Token::new(&["sk_test_", "rk_test_"], &[Part::Run(Class::Base62, 24, 247)])]),
        finds: &["STRIPE_KEY=sk_test_{b62 24}", "stripe.api_key = 'rk_test_{b62 99}'"],
        ignores: &["sk_test_{b62 10}", "sk_test_...", "pk_test_{b62 24}"],
        ..TOKEN
    },
    Detector {
        id: "stripe-webhook-secret",
        what: "signing secret of a Stripe webhook, or of a service that uses the same form",
        rotate: "roll the signing secret of the webhook endpoint in the dashboard",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(&["whsec_"], &[Part::Run(Class::Base64, 32, 64)])]),
        finds: &["STRIPE_WEBHOOK_SECRET=whsec_{b62 32}", "secret: \"whsec_{b64 42}\""],
        ignores: &["whsec_{b62 20}", "whsec_test_secret", "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "square-access-token",
        what: "Square access token",
        rotate: "replace the token of the application in the Square developer console",
        seek: Seek::Read { leads: &["EAAA", "sq0atp-"], text_only: false, read: square },
        finds: &["SQUARE_ACCESS_TOKEN=EAAA{b64u 59}x", "token = 'sq0atp-{b62 22}'"],
        ignores: &[
            "EAAA{b64u 40}",
            "EAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "\n{b64 64}\nEAAA{b64 60}\n{b64 64}\n",
            "sq0atp-{b62 10}",
        ],
        ..TOKEN
    },
    Detector {
        id: "square-oauth-secret",
        what: "Square application secret",
        rotate: "replace the application secret under OAuth in the Square developer console",
        seek: Seek::Tokens(&[Token::new(&["sq0csp-"], &[Part::exactly(Class::Base64Url, 43)])]),
        finds: &["secret = sq0csp-{b62 43}", "{open}\"client_secret\":\"sq0csp-{b64u 42}x\"{close}"],
        ignores: &["sq0csp-{b62 12}", "sq0idp-{b62 22}"],
        ..TOKEN
    },
    Detector {
        id: "braintree-access-token",
        what: "PayPal Braintree access token",
        rotate: "delete the access token in the Braintree control panel and make a new one",
        seek: Seek::Tokens(&[Token::new(
            &["access_token$production$", "access_token$sandbox$"],
            &[Part::exactly(Class::LowerAlnum, 16), Part::Text("$"), Part::exactly(Class::Hex, 32)],
        )]),
        finds: &["access_token$production${an 16}${hex 32}", "token: 'access_token$sandbox${an 16}${hex 32}'"],
        ignores: &["access_token$production${an 8}", "access_token$production$1234567890abcdef"],
        ..TOKEN
    },
    Detector {
        id: "shopify-token",
        what: "Shopify access token or shared secret",
        rotate: "uninstall the app or rotate its credentials in the Shopify admin",
        seek: Seek::Tokens(&[
            Token::new(SHOPIFY, &[Part::exactly(Class::Hex, 32)]),
            Token::new(SHOPIFY, &[Part::exactly(Class::UpperHex, 32)]),
        ]),
        finds: &["shpat_{hex 32}", "X-Shopify-Access-Token: shpss_{hex 32}", "shptka_{hex 32}", "SHOP=shpua_{hex 32}"],
        ignores: &["shpat_{hex 31}", "shpat_00000000000000000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "adyen-api-key",
        what: "Adyen API key",
        rotate: "generate a new API key for the credential in the Adyen customer area; the old one ends after 24 hours",
        seek: Seek::Read { leads: &["AQE"], text_only: true, read: adyen },
        finds: &["ADYEN_API_KEY=AQE{b64 60}-{b64 44}=-{b62 16}", "adyen:\n  x-api-key: \"AQE{b64 90}-{b64 30}\""],
        ignores: &["AQE{b64 90}", "adyen AQE{b64 20}", "data:image/png;base64,AQE{b64 200}"],
        ..KEYED
    },
    Detector {
        id: "plaid-access-token",
        what: "Plaid access token",
        rotate: "call `/item/access_token/invalidate` with it",
        seek: Seek::Tokens(&[Token::new(&["access-sandbox-", "access-development-", "access-production-"], UUID)]),
        finds: &[
            "access-production-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}",
            "t='access-sandbox-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}'",
        ],
        ignores: &["access-production-{hex 8}", "access-sandbox-00000000-0000-0000-0000-000000000000"],
        ..TOKEN
    },
    Detector {
        id: "plaid-secret",
        what: "Plaid client secret",
        rotate: "rotate the secret under Team settings, Keys in the Plaid dashboard",
        seek: Seek::Read {
            leads: &["plaid", "PLAID", "Plaid"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Hex, 30)),
        },
        finds: &["PLAID_SECRET={hex 30}", "plaid:\n  client_secret: '{hex 30}'"],
        ignores: &["plaid {hex 30}", "PLAID_SECRET={hex 20}"],
        ..KEYED
    },
    Detector {
        id: "flutterwave-secret-key",
        what: "Flutterwave secret key",
        rotate: "generate new API keys under Settings in the Flutterwave dashboard",
        seek: Seek::Tokens(&[
            Token::new(FLUTTERWAVE, &[Part::Run(Class::Hex, 12, 40), Part::Text("-X")]),
            Token::new(FLUTTERWAVE, &[Part::Run(Class::LowerAlnum, 12, 40), Part::Text("-X")]),
            Token::new(FLUTTERWAVE, FLUTTERWAVE_PARTS),
        ]),
        finds: &["FLWSECK-{hex 32}-X", "FLW_SECRET_KEY=FLWSECK_TEST-{an 32}-X", "FLWSECK-{hex 32}-{an 11}-X"],
        ignores: &["FLWSECK-{hex 32}", "FLWPUBK-{hex 32}-X"],
        ..TOKEN
    },
    Detector {
        id: "razorpay-key-id",
        what: "Razorpay key id; with its secret it opens the account",
        rotate: "regenerate the key under Account & Settings, API Keys in the Razorpay dashboard",
        severity: Severity::Medium,
        nature: Nature::Identifier,
        seek: Seek::Tokens(&[Token::new(&["rzp_live_", "rzp_test_"], &[Part::exactly(Class::Base62, 14)])]),
        finds: &["RAZORPAY_KEY_ID=rzp_live_{b62 14}", "key_id: 'rzp_test_{b62 14}'"],
        ignores: &["rzp_live_{b62 6}", "rzp_test_xxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "razorpay-key-secret",
        what: "Razorpay key secret",
        rotate: "regenerate the key under Account & Settings, API Keys in the Razorpay dashboard",
        seek: Seek::Read {
            leads: &["razorpay", "RAZORPAY", "Razorpay", "rzp_live_", "rzp_test_"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::Base62, 24)),
        },
        finds: &[
            "RAZORPAY_KEY_SECRET={b62 24}",
            "Razorpay({open}key_id: 'rzp_live_{b62 14}', key_secret: '{b62 24}'{close})",
        ],
        ignores: &["razorpay {b62 24}", "RAZORPAY_KEY_SECRET={b62 12}"],
        ..KEYED
    },
    Detector {
        id: "coinbase-cdp-key",
        what: "name of a Coinbase Developer Platform key beside its private key",
        rotate: "delete the key under API keys in the Coinbase Developer Platform",
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["/apiKeys/"], text_only: false, read: coinbase },
        finds: &[
            "{open}\"name\": \"organizations/{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}/apiKeys/{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}\", \"privateKey\": \"-----BEGIN EC PRIVATE KEY-----\\n{der1 ec}\\n-----END EC PRIVATE KEY-----\\n\"{close}",
        ],
        ignores: &[
            "organizations/x/apiKeys/y",
            "organizations/{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}/apiKeys/list",
            "projects/1/apiKeys/{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}",
        ],
        ..KEYED
    },
    Detector {
        id: "easypost-api-key",
        what: "EasyPost API key for live mode",
        rotate: "delete the key under API keys in the EasyPost dashboard",
        seek: Seek::Tokens(&[Token::new(&["EZAK"], &[Part::exactly(Class::Base62, 54)])]),
        finds: &["EASYPOST_API_KEY=EZAK{b62 54}", "EasyPostClient('EZAK{b62 54}')"],
        ignores: &["EZAK{b62 20}", "EZAKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Detector {
        id: "easypost-test-key",
        what: "EasyPost API key for test mode",
        rotate: "delete the key under API keys in the EasyPost dashboard",
        severity: Severity::Low,
        seek: Seek::Tokens(&[Token::new(&["EZTK"], &[Part::exactly(Class::Base62, 54)])]),
        finds: &["EASYPOST_TEST_KEY=EZTK{b62 54}", "- EZTK{b62 54}"],
        ignores: &["EZTK{b62 20}", "xEZTK{b62 54}"],
        ..TOKEN
    },
    Detector {
        id: "shippo-api-token",
        what: "Shippo API token",
        rotate: "revoke the token under API settings in the Shippo dashboard",
        seek: Seek::Tokens(&[Token::new(&["shippo_live_", "shippo_test_"], &[Part::exactly(Class::Hex, 40)])]),
        finds: &["Authorization: ShippoToken shippo_live_{hex 40}", "SHIPPO=shippo_test_{hex 40}"],
        ignores: &["shippo_live_{hex 20}", "shippo_test_0000000000000000000000000000000000000000"],
        ..TOKEN
    },
    Detector {
        id: "duffel-api-token",
        what: "Duffel API token",
        rotate: "delete the token under Developers in the Duffel dashboard",
        seek: Seek::Tokens(&[Token::new(&["duffel_live_", "duffel_test_"], &[Part::exactly(Class::Base64Url, 43)])]),
        finds: &["DUFFEL_TOKEN=duffel_live_{b64u 42}x", "Bearer duffel_test_{b62 43}"],
        ignores: &["duffel_live_{b62 20}", "duffel_test_token"],
        ..TOKEN
    },
    Detector {
        id: "lob-api-key",
        what: "Lob API key",
        rotate: "roll the key under Settings, API keys in the Lob dashboard",
        seek: Seek::Read {
            leads: &["live_", "test_"],
            text_only: true,
            read: |window| short_lead(window, Form::exactly(Class::Hex, 35), &["lob"]),
        },
        finds: &["LOB_API_KEY=live_{hex 35}", "lob = Lob('test_{hex 35}')"],
        ignores: &["live_{hex 35}", "LOB_API_KEY=live_{hex 20}"],
        ..KEYED
    },
    Detector {
        id: "gocardless-access-token",
        what: "GoCardless access token",
        rotate: "revoke the token under Developers in the GoCardless dashboard",
        seek: Seek::Read {
            leads: &["live_", "sandbox_"],
            text_only: true,
            read: |window| short_lead(window, Form::exactly(Class::Base64Url, 40), &["gocardless", "gc_"]),
        },
        finds: &["GOCARDLESS_TOKEN=live_{b64u 39}x", "gocardless:\n  token: sandbox_{b62 40}"],
        ignores: &["live_{b62 40}", "GOCARDLESS_TOKEN=live_{b62 20}"],
        ..KEYED
    },
    Detector {
        id: "paddle-api-key",
        what: "Paddle API key",
        rotate: "revoke the key under Developer Tools, Authentication in Paddle",
        seek: Seek::Tokens(&[Token::new(
            &["pdl_live_apikey_", "pdl_sdbx_apikey_"],
            &[
                Part::exactly(Class::LowerAlnum, 26),
                Part::Text("_"),
                Part::exactly(Class::Base62, 22),
                Part::Text("_"),
                Part::exactly(Class::Base62, 3),
            ],
        )]),
        finds: &[
            "PADDLE_API_KEY=pdl_live_apikey_{an 26}_{b62 22}_{b62 3}",
            "Bearer pdl_sdbx_apikey_{an 26}_{b62 22}_{b62 3}",
        ],
        ignores: &["pdl_live_apikey_{an 26}", "pdl_live_apikey_{an 26}_{b62 10}_{b62 3}"],
        ..TOKEN
    },
];

const FLUTTERWAVE: &[&str] = &["FLWSECK-", "FLWSECK_TEST-"];

const FLUTTERWAVE_PARTS: &[Part] =
    &[Part::Run(Class::Hex, 12, 40), Part::Text("-"), Part::Run(Class::LowerAlnum, 6, 16), Part::Text("-X")];

const SHOPIFY: &[&str] = &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"];

/// Reads a key whose lead others use as well: the provider's name has to stand near.
fn short_lead(window: &Window<'_>, form: Form, near: &[&str]) -> Option<Reading> {
    let ahead = window.ahead();
    let lead = memchr::memchr(b'_', ahead)? + 1;
    let length = form.class.run(&ahead[lead..], form.max + 1);
    if length < form.min || length > form.max || !window.begins_word(window.at) || !is_near(window, near) {
        return None;
    }
    let grade = graded(&ahead[lead..lead + length], form.class, Grade::Contextual);
    Some(Reading::new(window.at, window.at + lead + length, grade))
}

/// Reads an access token. Base64 on lines of 64 characters has the same form at the start of a line: its neighbours tell.
fn square(window: &Window<'_>) -> Option<Reading> {
    let (lead, body) = if window.ahead().starts_with(b"EAAA") { (4, 60) } else { (7, 22) };
    let ahead = window.ahead();
    let length = Class::Base64Url.run(&ahead[lead..], body + 1);
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r' | b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'+');
    if length != body || !window.begins_word(window.at) {
        return None;
    }
    let after = &ahead[lead + body..];
    let gap = after.iter().take(40).take_while(|byte| is_break(byte) || **byte == b'n').count();
    let goes_on = gap > 0 && Class::Base64.run(&after[gap..], 20) == 20;
    let inside = after.first().is_some_and(|byte| matches!(byte, b'+' | b'/' | b'='));
    let comes_from = window.behind().iter().rev().skip_while(|byte| is_break(byte)).take(20);
    let comes =
        comes_from.clone().count() == 20 && comes_from.take_while(|&&byte| Class::Base64.has(byte)).count() == 20;
    let grade = graded(&ahead[lead..lead + body], Class::Base64Url, Grade::Structured);
    let block = lead == 4 && (goes_on || comes || inside);
    Some(Reading::new(window.at, window.at + lead + body, if block { Grade::Weak } else { grade }))
}

fn adyen(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let in_key = |byte: u8| {
        Class::Base64.has(byte)
            || matches!(
                byte,
                b'-' | b'_'
                    | b'='
                    | b'.'
                    | b'{'
                    | b'}'
                    | b'^'
                    | b'('
                    | b')'
                    | b','
                    | b'&'
                    | b'*'
                    | b'['
                    | b']'
                    | b'%'
                    | b'?'
                    | b'!'
                    | b'@'
                    | b'#'
                    | b':'
                    | b'~'
                    | b'|'
            )
    };
    let length = ahead.iter().take(400).take_while(|&&byte| in_key(byte)).count();
    let head = Class::Base64.run(ahead, 400);
    if length < 80 || head < 40 || !window.begins_word(window.at) || !is_near(window, &["adyen", "checkout_api"]) {
        return None;
    }
    Some(Reading::new(window.at, window.at + length, graded(&ahead[3..head], Class::Base64, Grade::Contextual)))
}

/// Reads `organizations/UUID/apiKeys/UUID` around its middle.
fn coinbase(window: &Window<'_>) -> Option<Reading> {
    const LEAD: &[u8] = b"organizations/";
    let before = window.behind();
    let start = before.len().checked_sub(LEAD.len() + 36)?;
    let key = window.at + b"/apiKeys/".len();
    if !before[start..].starts_with(LEAD)
        || !begins_with_uuid(&before[start + LEAD.len()..])
        || !begins_with_uuid(&window.bytes[key..])
    {
        return None;
    }
    let near = &window.bytes[start.saturating_sub(400)..window.bytes.len().min(key + 600)];
    let with_key = memchr::memmem::find(near, b"PRIVATE KEY-----").is_some();
    Some(Reading::new(start, key + 36, if with_key { Grade::Structured } else { Grade::Contextual }))
}
