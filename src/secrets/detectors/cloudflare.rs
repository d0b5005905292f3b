//! Cloudflare.

use serde_json::Value;

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::shape::{Class, Part, Token, exactly};
use crate::secrets::window::Window;

const TOKENS: &str = "roll or delete the token under My Profile, API Tokens in the Cloudflare dashboard";
const GLOBAL: &str = "change the Global API Key under My Profile, API Tokens in the Cloudflare dashboard";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "cloudflare-user-token",
        what: "user API token of Cloudflare",
        rotate: TOKENS,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cfut_"], &[exactly(Class::Base62, 48)])]),
        finds: &["cfut_{b62 48}", "CLOUDFLARE_API_TOKEN=cfut_{b62 48}\n", "Authorization: Bearer cfut_{b62 48}"],
        ignores: &["cfut_{b62 20}", "xcfut_{b62 20}", "cfut_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudflare-account-token",
        what: "account API token of Cloudflare",
        rotate: "roll or delete the token under Manage Account, API Tokens in the Cloudflare dashboard",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cfat_"], &[exactly(Class::Base62, 48)])]),
        finds: &["cfat_{b62 48}", "api_token = \"cfat_{b62 48}\""],
        ignores: &["cfat_{b62 20}", "cfat_category"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudflare-global-key",
        what: "Global API Key of a Cloudflare user",
        rotate: GLOBAL,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cfk_"], &[exactly(Class::Base62, 48)])]),
        finds: &["cfk_{b62 48}", "X-Auth-Key: cfk_{b62 48}"],
        ignores: &["cfk_{b62 20}", "xcfk_{b62 48}", "cfk_insert_your_key_here"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudflare-origin-ca-key",
        what: "Origin CA key of Cloudflare",
        rotate: "change the Origin CA Key under My Profile, API Tokens in the Cloudflare dashboard",
        seek: Seek::Tokens(&[Token::new(
            &["v1.0-"],
            &[exactly(Class::Hex, 24), Part::Text("-"), exactly(Class::Hex, 146)],
        )]),
        finds: &["v1.0-{hex 24}-{hex 146}", "X-Auth-User-Service-Key: v1.0-{hex 24}-{hex 146}"],
        ignores: &["v1.0-{hex 24}", "v1.0-beta", "v1.0-{hex 24}-{hex 64}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudflare-tunnel-token",
        what: "token of a Cloudflare tunnel",
        rotate: "refresh the token under Networks, Tunnels in the Cloudflare Zero Trust dashboard",
        grade: Grade::Proven,
        seek: Seek::Read { leads: &["eyJhIjoi", "eyJhIjogI"], text_only: false, read: tunnel_token },
        finds: &[
            "{base64 (open)\"a\":\"(hex 32)\",\"t\":\"(uuid)\",\"s\":\"(b64 48)\"(close)}",
            "cloudflared tunnel run --token {base64 (open)\"a\":\"(hex 32)\",\"t\":\"(uuid)\",\"s\":\"(b64 64)\"(close)}",
        ],
        ignores: &["eyJhIjoi{b64 60}", "{base64 (open)\"a\":\"b\"(close)}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "cloudflare-global-key-legacy",
        what: "Global API Key of a Cloudflare user without a prefix",
        rotate: GLOBAL,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["cloudflare", "cf_api_token", "cf_api_key", "cf_token", "cf_key=", "cf_key:", "x-auth-key"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 37)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "CLOUDFLARE_API_KEY={hex 37}\n",
            "X-Auth-Key: {hex 37}",
            "cloudflare:\n  email: a@b.c\n  api_key: {hex 37}\n",
            "export CF_Key=\"{hex 37}\"",
        ],
        ignores: &["CLOUDFLARE_ZONE_ID={hex 32}", "CLOUDFLARE_API_KEY={hex 40}", "CLOUDFLARE_API_KEY=$KEY"],
        ..Detector::NAMED
    },
    Detector {
        id: "cloudflare-token-legacy",
        what: "API token of Cloudflare without a prefix",
        rotate: TOKENS,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["cloudflare", "cf_api_token", "cf_api_key", "cf_token", "cf_key=", "cf_key:", "x-auth-key"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 40)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "CLOUDFLARE_API_TOKEN={b64u 39}x\n",
            "dns_cloudflare_api_token = {b64u 39}x\n",
            "- name: CF_API_TOKEN\n  value: {b64u 39}x\n",
            "curl -H \"Authorization: Bearer {b64u 39}x\" https://api.cloudflare.com/client/v4/user",
        ],
        ignores: &["CLOUDFLARE_ACCOUNT_ID={hex 32}", "CLOUDFLARE_API_TOKEN={b64u 30}", "cloudflare_commit: {b64u 39}x"],
        ..Detector::NAMED
    },
];

/// Decodes an object of account (32 hexadecimal digits), tunnel (a UUID) and secret.
fn tunnel_token(window: &Window<'_>) -> Option<Reading> {
    if !window.begins_word(window.at) {
        return None;
    }
    let length = Class::Base64.run(window.ahead(), 400);
    let object = serde_json::from_slice::<Value>(&key_material::decode_base64(&window.ahead()[..length])?).ok()?;
    let field = |name: &str| object.get(name).and_then(Value::as_str).map(str::len);
    let padding = window.ahead()[length..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    (field("a")? == 32 && field("t")? == 36 && field("s")? >= 16)
        .then(|| Reading::new(window.at, window.at + length + padding, Grade::Proven))
}
