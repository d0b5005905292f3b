//! Databases and data platforms as a service.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::checksum;
use crate::secrets::judge;
use crate::secrets::jwt;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, UUID, exactly};
use crate::secrets::window::Window;

const PLANETSCALE: &str = "delete it under Settings of the organization or database in PlanetScale";
const ATLAS: &str = "delete the client secret of the service account under Access Manager in MongoDB Atlas";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "supabase-access-token",
        what: "personal access token of the Supabase management API",
        rotate: "delete the token under Access Tokens in the Supabase account",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["sbp_"], &[exactly(Class::Hex, 40)]),
            Token::new(&["sbp_oauth_"], &[exactly(Class::Hex, 40)]),
        ]),
        finds: &["sbp_{hex 40}", "SUPABASE_ACCESS_TOKEN=sbp_{hex 40}\n"],
        ignores: &["sbp_{hex 20}", "xsbp_{hex 40}", "sbp_0000000000000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "supabase-secret-key",
        what: "secret API key of a Supabase project",
        rotate: "delete the key under Settings, API Keys of the Supabase project",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["sb_secret_"], &[Part::Run(Class::Base64Url, 31, 36)])]),
        finds: &["sb_secret_{b64u 30}x", "SUPABASE_SECRET_KEY=sb_secret_{b62 22}_{b62 8}\n"],
        ignores: &["sb_secret_{b64u 10}", "sb_publishable_{b64u 31}", "sb_secret_your_key_goes_here_really_so"],
        ..Detector::TOKEN
    },
    Detector {
        id: "supabase-service-role-key",
        what: "legacy service-role key of a Supabase project, which passes over row level security",
        rotate: "rotate the JWT secret, or switch to secret keys, under Settings, API Keys of the Supabase project",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["eyJhbGci", "eyJ0eXAi"], text_only: false, read: service_role },
        finds: &[
            "{base64url [\"alg\":\"HS256\",\"typ\":\"JWT\"]}.{base64url [\"iss\":\"supabase\",\"ref\":\"(an 20)\",\"role\":\"service_role\",\"exp\":1999999999]}.{b64u 43}",
            "SUPABASE_KEY=\"{base64url [\"alg\":\"HS256\",\"typ\":\"JWT\"]}.{base64url [\"role\":\"service_role\",\"iss\":\"supabase\"]}.{b64u 43}\"",
        ],
        ignores: &[
            "{base64url [\"alg\":\"HS256\",\"typ\":\"JWT\"]}.{base64url [\"iss\":\"supabase\",\"role\":\"anon\"]}.{b64u 43}",
            "{base64url [\"alg\":\"HS256\",\"typ\":\"JWT\"]}.{base64url [\"role\":\"service_role\",\"iss\":\"supabase-demo\"]}.{b64u 43}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "neon-api-key",
        what: "API key of Neon",
        rotate: "revoke the key under API keys in the Neon account or organization settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["napi_"], &[exactly(Class::LowerAlnum, 64)])]),
        finds: &["napi_{an 64}", "NEON_API_KEY=napi_{an 64}\n"],
        ignores: &["napi_{an 20}", "napi_create_function", "xnapi_{an 30}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "planetscale-service-token",
        what: "service token of PlanetScale",
        rotate: PLANETSCALE,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["pscale_tkn_"], PLANETSCALE_BODY)]),
        finds: &["pscale_tkn_{b64u 43}", "PLANETSCALE_SERVICE_TOKEN=pscale_tkn_{b64u 42}x\n"],
        ignores: &["pscale_tkn_{b64u 10}", "pscale_tkn_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "planetscale-password",
        what: "database password of PlanetScale",
        rotate: PLANETSCALE,
        seek: Seek::Tokens(&[Token::new(&["pscale_pw_"], PLANETSCALE_BODY)]),
        finds: &["pscale_pw_{b64u 43}", "mysql://a:pscale_pw_{b64u 42}x@aws.connect.psdb.cloud/b"],
        ignores: &["pscale_pw_{b64u 10}", "pscale_pw_your_password_goes_here_in_this_place"],
        ..Detector::TOKEN
    },
    Detector {
        id: "planetscale-oauth-token",
        what: "OAuth token of PlanetScale",
        rotate: "revoke the application's access in the PlanetScale settings",
        seek: Seek::Tokens(&[Token::new(&["pscale_oauth_", "pscale_app_"], PLANETSCALE_BODY)]),
        finds: &["pscale_oauth_{b64u 43}", "\"token\": \"pscale_oauth_{b64u 42}x\""],
        ignores: &["pscale_oauth_{b64u 10}", "pscale_oauth_example_example_example_example"],
        ..Detector::TOKEN
    },
    Detector {
        id: "databricks-token",
        what: "personal access token of Databricks",
        rotate: "revoke the token under Developer in the Databricks user settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["dapi"], &[exactly(Class::Hex, 32), Part::Text("-"), exactly(Class::Digit, 1)]),
            Token::new(&["dapi"], &[exactly(Class::Hex, 32)]),
        ]),
        finds: &["dapi{hex 32}", "token = dapi{hex 32}", "dapi{hex 32}-3"],
        ignores: &["dapi{hex 31}", "undapi{hex 32}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "databricks-oauth-secret",
        what: "OAuth secret of a Databricks service principal",
        rotate: "delete the secret under Secrets of the service principal in the Databricks account console",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["dose"], &[exactly(Class::Hex, 32)])]),
        finds: &["dose{hex 32}", "DATABRICKS_CLIENT_SECRET=dose{hex 32}\n"],
        ignores: &["dose{hex 20}", "overdose{hex 32}", "dose00000000000000000000000000000000"],
        ..Detector::TOKEN
    },
    Detector {
        id: "snowflake-session-token",
        what: "session token of Snowflake",
        rotate: "end the session with `SYSTEM$ABORT_SESSION`, or reset the user's password",
        grade: Grade::Contextual,
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(
            &["ver:1-hint:"],
            &[Part::Run(Class::Digit, 1, 20), Part::Text("-ETMsDgAAA"), Part::Run(Class::LooseBase64, 50, 1000)],
        )]),
        finds: &[
            "ver:1-hint:{digit 12}-ETMsDgAAA{b64 200}",
            "Snowflake Token=\"ver:1-hint:{digit 9}-ETMsDgAAA{b64 160}\"",
        ],
        ignores: &["ver:1-hint:{digit 12}-", "ver:1-hint:{digit 12}-ETMsDgAAA{b64 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mongodb-atlas-client-secret",
        what: "client secret of a MongoDB Atlas service account",
        rotate: ATLAS,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["mdb_sa_sk_"], &[exactly(Class::Base64Url, 40)])]),
        finds: &["mdb_sa_sk_{b64u 39}x", "MONGODB_ATLAS_CLIENT_SECRET=mdb_sa_sk_{b64u 39}x\n"],
        ignores: &["mdb_sa_sk_{b64u 20}", "mdb_sa_sk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "mongodb-atlas-client-id",
        what: "client id of a MongoDB Atlas service account",
        rotate: ATLAS,
        seek: Seek::Tokens(&[Token::new(&["mdb_sa_id_"], &[exactly(Class::Hex, 24)])]),
        finds: &["mdb_sa_id_{hex 24}", "MONGODB_ATLAS_CLIENT_ID=mdb_sa_id_{hex 24}\n"],
        ignores: &["mdb_sa_id_{hex 12}", "mdb_sa_id_000000000000000000000000"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "mongodb-atlas-private-key",
        what: "private key of a MongoDB Atlas programmatic API key",
        rotate: "delete the key under Access Manager, API Keys in MongoDB Atlas",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["mcli_private", "mongodb_atlas", "mongodbatlas", "cloud.mongodb.com", "atlas_private"],
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]).named(&["KEY", "SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "MONGODB_ATLAS_PRIVATE_KEY={uuid}\n",
            "provider \"mongodbatlas\" {open}\n  public_key = \"{b32l 8}\"\n  private_key = \"{uuid}\"\n",
        ],
        ignores: &["MONGODB_ATLAS_PROJECT_ID={uuid}", "MONGODB_ATLAS_PUBLIC_KEY={uuid}"],
        ..Detector::NAMED
    },
    Detector {
        id: "cockroachdb-cloud-key",
        what: "API key of CockroachDB Cloud",
        rotate: "delete the key of the service account under Access Management in CockroachDB Cloud",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["CCDB1_"],
            &[exactly(Class::Base62, 22), Part::Text("_"), exactly(Class::Base62, 40)],
        )]),
        finds: &["CCDB1_{b62 22}_{b62 40}", "COCKROACH_API_KEY=CCDB1_{b62 22}_{b62 40}\n"],
        ignores: &["CCDB1_{b62 22}", "CCDB1_{b62 22}_{b62 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "clickhouse-cloud-secret",
        what: "API key secret of ClickHouse Cloud",
        rotate: "delete the key under API Keys in the ClickHouse Cloud organization",
        grade: Grade::Contextual,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["4b1d"], &[exactly(Class::Base62, 38)]).checked_by(mixed)]),
        finds: &["4b1d{b62 38}", "CLICKHOUSE_KEY_SECRET=4b1d{b62 38}\n"],
        ignores: &["4b1d{hex 36}", "4b1d{hex 38}", "4b1d{b62 10}", "a4b1d{b62 38}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "datastax-astra-token",
        what: "application token of DataStax Astra",
        rotate: "delete the token under Tokens in the Astra settings",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["AstraCS:"],
            &[Part::Run(Class::Base62, 20, 40), Part::Text(":"), exactly(Class::Hex, 64)],
        )]),
        finds: &["AstraCS:{b62 24}:{hex 64}", "ASTRA_DB_APPLICATION_TOKEN=AstraCS:{b62 24}:{hex 64}\n"],
        ignores: &["AstraCS:{b62 24}", "AstraCS:{b62 24}:{hex 32}", "AstraCS:..."],
        ..Detector::TOKEN
    },
    Detector {
        id: "elastic-cloud-key",
        what: "API key of Elastic Cloud",
        rotate: "revoke the key under API keys in the Elastic Cloud organization",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["essu_"], &[Part::Run(Class::LooseBase64, 56, 200)]).checked_by(id_and_key)]),
        finds: &["essu_{base64 (b62 20):(b62 22)}", "EC_API_KEY=essu_{base64 (b62 20):(b62 24)}\n"],
        ignores: &["essu_{b64 60}", "essu_{base64 no colon in here, but long enough for it}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "elastic-serverless-key",
        what: "API key of an Elastic serverless project",
        rotate: "revoke the key under API keys of the Elastic serverless project",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[Token::new(&["esss_"], &[Part::Run(Class::LooseBase64, 56, 200)]).checked_by(id_and_key)]),
        finds: &["esss_{base64 (b62 20):(b62 22)}", "\"esss_{base64 (b62 20):(b62 24)}\""],
        ignores: &["esss_{b64 60}", "tresss_{b64 60}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "confluent-secret",
        what: "API secret of Confluent Cloud",
        rotate: "delete the key with `confluent api-key delete`, then create a new one",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["cflt"], &[exactly(Class::Base64, 60)]).checked_by(checksum::confluent)]),
        finds: &[
            "cflt{b62 54}{sumb64}",
            "CONFLUENT_CLOUD_API_SECRET=cflt{b62 54}{sumb64}\n",
            "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required password=\"cflt{b62 54}{sumb64}\";",
        ],
        ignores: &["cflt{b64 60}", "cflt{b64 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "confluent-secret-legacy",
        what: "API secret of Confluent Cloud without a prefix",
        rotate: "delete the key with `confluent api-key delete`, then create a new one",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["confluent", "plainloginmodule"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64, 64)]]).named(&["SECRET", "PASSWORD"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "CONFLUENT_CLOUD_API_SECRET={b64 64}\n",
            "bootstrap: a.confluent.cloud:9092\nsasl.password={b64 64}\n",
        ],
        ignores: &["CONFLUENT_API_KEY={AN 16}", "CONFLUENT_SHA256={hex 64}", "CONFLUENT_API_SECRET=<secret>"],
        ..Detector::NAMED
    },
    Detector {
        id: "influxdb-token",
        what: "API token of InfluxDB",
        rotate: "delete the token under API Tokens in the InfluxDB user interface",
        seek: Seek::Words {
            words: around!(["influx"] "influxdb"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 86), Part::Text("==")]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "INFLUXDB_TOKEN={b64u 86}==\n",
            "[[outputs.influxdb_v2]]\n  token = \"{b64u 86}==\"\n",
            "influx config create --token {b64u 86}== --host-url http://influxdb:8086",
            "curl 'http://influx:8086/api/v2/buckets' -H 'Authorization: Token {b64u 86}=='",
        ],
        ignores: &["INFLUX_TOKEN={b64u 40}", "INFLUX_BUCKET_ID={hex 16}", "INFLUX_TOKEN=${TOKEN}"],
        ..Detector::NAMED
    },
    Detector {
        id: "influxdb3-token",
        what: "admin or database token of InfluxDB 3",
        rotate: "delete the token with `influxdb3 delete token`, then create a new one",
        seek: Seek::Tokens(&[Token::new(&["apiv3_"], &[Part::Run(Class::Base64Url, 60, 100)])]),
        finds: &["apiv3_{b62 86}", "INFLUXDB3_AUTH_TOKEN=apiv3_{b64u 85}x==\n"],
        ignores: &["apiv3_{b62 20}", "apiv3_client_session"],
        ..Detector::TOKEN
    },
    Detector {
        id: "aiven-service-password",
        what: "password of a service of Aiven, or of a managed database of DigitalOcean",
        rotate: "reset the password of the service user in the Aiven console or the DigitalOcean control panel",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["AVNS_"], &[Part::Run(Class::Base64Url, 16, 24)])]),
        finds: &[
            "AVNS_{b64u 18}x",
            "postgres://avnadmin:AVNS_{b64u 18}x@pg-a.aivencloud.com:1234/defaultdb?sslmode=require",
        ],
        ignores: &["AVNS_{b62 6}", "xAVNS_{b64u 19}", "AVNS_xxxxxxxxxxxxxxxxxxx", "AVNS_YOUR_PASSWORD_HERE"],
        ..Detector::TOKEN
    },
    Detector {
        id: "tinybird-token",
        what: "token of Tinybird",
        rotate: "refresh the token under Tokens of the Tinybird workspace",
        seek: Seek::Tokens(&[Token::new(
            &["p.eyJ1Ijog"],
            &[Part::Run(Class::Base64Url, 20, 400), Part::Text("."), Part::Run(Class::Base64Url, 27, 60)],
        )]),
        finds: &["p.eyJ1Ijog{b64u 90}.{b64u 42}x", "TB_TOKEN=p.eyJ1Ijog{b64u 90}.{b64u 42}x\n"],
        ignores: &["p.eyJ1Ijog{b64u 90}", "http.eyJ1Ijog{b64u 10}.{b64u 43}"],
        ..Detector::TOKEN
    },
];

const PLANETSCALE_BODY: &[Part] = &[Part::Run(Class::DottedBase64Url, 32, 64)];

/// Tells a random value from a hash that begins in the same way.
fn mixed(value: &[u8]) -> Check {
    if value.iter().all(u8::is_ascii_hexdigit) { Check::Fails } else { Check::Silent }
}

/// Checks that the body decodes to an id, a colon and a key.
fn id_and_key(token: &[u8]) -> Check {
    let body = token.get(5..).unwrap_or_default();
    match key_material::decode_base64(body.trim_ascii_end()) {
        Some(text)
            if text.iter().all(u8::is_ascii_graphic)
                && memchr::memchr(b':', &text).is_some_and(|at| at >= 8 && text.len() - at > 12)
                && !judge::holds_example_word(&text) =>
        {
            Check::Agrees
        }
        _ => Check::Fails,
    }
}

fn service_role(window: &Window<'_>) -> Option<Reading> {
    if !window.begins_word(window.at) {
        return None;
    }
    let token = jwt::parse(window.ahead())?;
    let claim = |name: &str| token.claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let grade = match claim("iss") {
        "supabase-demo" => Grade::Weak,
        _ => Grade::Proven,
    };
    let expires = token.expires();
    (claim("role") == "service_role" && claim("iss").starts_with("supabase"))
        .then(|| Reading { expires, ..Reading::new(window.at, window.at + token.length, grade) })
}
