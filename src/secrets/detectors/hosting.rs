//! Platforms that run applications.

use super::{Detector, Seek};
use crate::model::Severity;
use crate::secrets::named::Named;
use crate::secrets::shape::{Class, Part, Token, UUID, exactly};

const DIGITALOCEAN: &str = "revoke the token under API in the DigitalOcean control panel";
const SPACES: &str = "delete the key under Spaces Keys in the DigitalOcean control panel";
const HEROKU: &str =
    "revoke the authorization with `heroku authorizations:revoke`, or regenerate the API key in the account settings";
const VERCEL: &str = "delete the token under Tokens in the Vercel account settings";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "digitalocean-token",
        what: "personal access token of DigitalOcean",
        rotate: DIGITALOCEAN,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["dop_v1_"], &[exactly(Class::Hex, 64)])]),
        finds: &["dop_v1_{hex 64}", "token: dop_v1_{hex 64}\n", "doctl auth init -t dop_v1_{hex 64}"],
        ignores: &[
            "dop_v1_{hex 63}",
            "dop_v1_{AN 64}",
            "dop_v1_0000000000000000000000000000000000000000000000000000000000000000",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "digitalocean-oauth-token",
        what: "OAuth access token of DigitalOcean",
        rotate: "revoke the app's access under API, Authorized applications in the DigitalOcean control panel",
        seek: Seek::Tokens(&[Token::new(&["doo_v1_"], &[exactly(Class::Hex, 64)])]),
        finds: &["doo_v1_{hex 64}", "\"access_token\":\"doo_v1_{hex 64}\""],
        ignores: &["doo_v1_{hex 40}", "doo_v1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "digitalocean-refresh-token",
        what: "OAuth refresh token of DigitalOcean",
        rotate: "revoke the app's access under API, Authorized applications in the DigitalOcean control panel",
        seek: Seek::Tokens(&[Token::new(&["dor_v1_"], &[exactly(Class::Hex, 64)])]),
        finds: &["dor_v1_{hex 64}", "token: dor_v1_{hex 64}\n"],
        ignores: &["dor_v1_{hex 40}", "dor_v1_ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"],
        ..Detector::TOKEN
    },
    Detector {
        id: "digitalocean-spaces-key-id",
        what: "id of a DigitalOcean Spaces key",
        rotate: SPACES,
        seek: Seek::Tokens(&[Token::new(&["DO00", "DO80"], &[exactly(Class::UpperAlnum, 16)])]),
        finds: &["DO00{AN 16}", "SPACES_KEY=DO80{AN 16}\n"],
        ignores: &["DO00{AN 8}", "AVOCADO00{AN 16}", "DO00XXXXXXXXXXXXXXXX"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "digitalocean-spaces-secret",
        what: "secret of a DigitalOcean Spaces key",
        rotate: SPACES,
        seek: Seek::Read {
            leads: &[
                "SPACES_SECRET",
                "SPACES_KEY",
                "SPACES_ACCESS",
                "spaces_secret",
                "spaces_key",
                "spaces_access",
                "spacesSecret",
                "digitaloceanspaces",
                "DO_SPACES",
                "DO00",
                "DO80",
            ],
            text_only: true,
            read: |window| {
                const SECRET: Named = Named::new(&[&[exactly(Class::Base64, 43)]]).named(&["SECRET", "KEY"]);
                SECRET.read(window)
            },
        },
        finds: &[
            "SPACES_SECRET_ACCESS_KEY={b64 43}\n",
            "access_key = DO00{AN 16}\nsecret_key = {b64 43}\nhost_base = nyc3.digitaloceanspaces.com\n",
        ],
        ignores: &["SPACES_SECRET={b64 20}", "spaces {b64 43}", "SPACES_BUCKET_NAME={b64 43}"],
        ..Detector::NAMED
    },
    Detector {
        id: "heroku-api-key",
        what: "Heroku API key or authorization token",
        rotate: HEROKU,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["HRKU-AA"], &[exactly(Class::Base64Url, 58)]), Token::new(&["HRKU-"], UUID)]),
        finds: &["HRKU-AA{b64u 57}x", "HEROKU_API_KEY=HRKU-{uuid}\n", "\"HRKU-AA{b64u 57}x\""],
        ignores: &["HRKU-AA{b64u 20}", "HRKU-{b62 10}", "HRKU-00000000-0000-0000-0000-000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "heroku-api-key-legacy",
        what: "Heroku API key without a prefix",
        rotate: HEROKU,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["heroku"]),
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]);
                VALUE.read(window)
            },
        },
        finds: &[
            "HEROKU_API_KEY={uuid}\n",
            "machine api.heroku.com\n  login a\n  password {uuid}\n",
            "heroku:\n  api_key: \"{uuid}\"\n",
        ],
        ignores: &["HEROKU_APP_ID={uuid}", "heroku release {uuid}", "HEROKU_API_KEY=$KEY"],
        ..Detector::NAMED
    },
    Detector {
        id: "fly-token",
        what: "access token of Fly.io",
        rotate: "revoke the token with `fly tokens revoke`, or log out of the session with `fly auth logout`",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["fm1r_", "fm1a_", "fm2_"], &[Part::Run(Class::LooseBase64, 100, 4000)])]),
        finds: &[
            "fm2_{b64 300}",
            "FLY_API_TOKEN=\"FlyV1 fm1r_{b64 200},fm1a_{b64 200}\"",
            "access_token: FlyV1 fm2_{b64 400}==,fm2_{b64 120}\n",
        ],
        ignores: &["fm2_{b64 40}", "xfm2_{b64 300}", "fm2_frequency"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-token",
        what: "personal access token of Vercel",
        rotate: VERCEL,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["vcp_"], VERCEL_BODY)]),
        finds: &["vcp_{b64u 55}x", "VERCEL_TOKEN=vcp_{b64u 55}x\n", "vercel --token=vcp_{b64u 55}x deploy"],
        ignores: &["vcp_{b64u 20}", "xvcp_{b64u 56}", "vcp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-app-token",
        what: "access token that Vercel gave to an app",
        rotate: "revoke the app's access under Apps in the Vercel account settings",
        seek: Seek::Tokens(&[Token::new(&["vca_"], VERCEL_BODY)]),
        finds: &["vca_{b64u 55}x", "\"token\": \"vca_{b64u 55}x\""],
        ignores: &["vca_{b64u 20}", "orvca_{b64u 56}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-integration-token",
        what: "access token of a Vercel integration",
        rotate: "remove the integration under Integrations in the Vercel team, then install it again",
        seek: Seek::Tokens(&[Token::new(&["vci_"], VERCEL_BODY)]),
        finds: &["vci_{b64u 55}x", "\"token\": \"vci_{b64u 55}x\""],
        ignores: &["vci_{b64u 20}", "vci_pagination_offset"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-refresh-token",
        what: "refresh token of a Vercel app",
        rotate: "revoke the app's access under Apps in the Vercel account settings",
        seek: Seek::Tokens(&[Token::new(&["vcr_"], VERCEL_BODY)]),
        finds: &["vcr_{b64u 55}x", "\"refreshToken\": \"vcr_{b64u 55}x\""],
        ignores: &["vcr_{b64u 20}", "evcr_{b64u 56}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-ai-gateway-key",
        what: "key of the Vercel AI Gateway",
        rotate: "delete the key under AI Gateway, API keys in the Vercel dashboard",
        seek: Seek::Tokens(&[Token::new(&["vck_"], VERCEL_BODY)]),
        finds: &["vck_{b64u 55}x", "AI_GATEWAY_API_KEY=vck_{b64u 55}x\n"],
        ignores: &["vck_{b64u 20}", "vck_your_api_key"],
        ..Detector::TOKEN
    },
    Detector {
        id: "vercel-token-legacy",
        what: "access token of Vercel without a prefix",
        rotate: VERCEL,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["vercel"] "now_token"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 24)]]).named(&["TOKEN"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "VERCEL_TOKEN={b62 24}\n",
            "vercel deploy --token {b62 24}",
            "curl -H 'Authorization: Bearer {b62 24}' -d token={b62 24} https://api.vercel.com/v2/user",
        ],
        ignores: &["VERCEL_ORG_ID={b62 24}", "VERCEL_TOKEN=${{ secrets.VERCEL_TOKEN }}", "vercel build {b62 24}"],
        ..Detector::NAMED
    },
    Detector {
        id: "netlify-token",
        what: "personal access token of Netlify",
        rotate: "delete the token under Applications in the Netlify user settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["nfp_"], &[exactly(Class::Base62, 36)])]),
        finds: &["nfp_{b62 36}", "NETLIFY_AUTH_TOKEN=nfp_{b62 36}\n"],
        ignores: &["nfp_{b62 20}", "xnfp_{b62 36}", "nfp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "netlify-token-legacy",
        what: "personal access token of Netlify without a prefix",
        rotate: "delete the token under Applications in the Netlify user settings",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["netlify"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[Part::Run(Class::Base64Url, 43, 46)]]).named(&["TOKEN", "AUTH"]);
                VALUE.read(window)
            },
        },
        finds: &["NETLIFY_AUTH_TOKEN={b64u 42}x\n", "netlify deploy --auth {b64u 42}x"],
        ignores: &["NETLIFY_SITE_ID={b64u 42}x", "NETLIFY_AUTH_TOKEN={b64u 20}"],
        ..Detector::NAMED
    },
    Detector {
        id: "render-api-key",
        what: "API key of Render",
        rotate: "revoke the key under API Keys in the Render account settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["rnd_"], &[exactly(Class::Base62, 28)])]),
        finds: &["rnd_{b62 28}", "RENDER_API_KEY=rnd_{b62 28}\n"],
        ignores: &["rnd_{b62 12}", "xrnd_{b62 28}", "rnd_seed_value", "rnd_xxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
];

const VERCEL_BODY: &[Part] = &[exactly(Class::Base64Url, 56)];
