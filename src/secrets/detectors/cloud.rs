//! Other clouds and what runs on them.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::checksum;
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "digitalocean-token",
        what: "DigitalOcean access token",
        rotate: "revoke the token under API in the DigitalOcean control panel",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["dop_v1_", "doo_v1_", "dor_v1_"], &[Part::exactly(Class::Hex, 64)])]),
        finds: &["dop_v1_{hex 64}", "token: dor_v1_{hex 64}\n"],
        ignores: &["dop_v1_{hex 63}", "dop_v1_0000000000000000000000000000000000000000000000000000000000000000"],
    },
    Detector {
        id: "heroku-api-key",
        what: "Heroku API key",
        rotate: "revoke the authorization with `heroku authorizations:revoke` or regenerate the key in the account settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["HRKU-AA"], &[Part::exactly(Class::Base64Url, 58)])]),
        finds: &["HRKU-AA{b64u 57}x"],
        ignores: &["HRKU-AA{b64u 20}", "HRKU-{b62 10}"],
    },
    Detector {
        id: "databricks-token",
        what: "Databricks personal access token",
        rotate: "revoke the token under Developer in the Databricks user settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["dapi"], &[Part::exactly(Class::Hex, 32), Part::Text("-"), Part::exactly(Class::Digit, 1)]),
            Token::new(&["dapi"], &[Part::exactly(Class::Hex, 32)]),
        ]),
        finds: &["token = dapi{hex 32}", "dapi{hex 32}-3"],
        ignores: &["dapi{hex 31}", "undapi{hex 32}"],
    },
    Detector {
        id: "vault-token",
        what: "HashiCorp Vault token",
        rotate: "revoke the token with `vault token revoke`",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["hvs.", "hvb.", "hvr."], &[Part::Run(Class::Base64Url, 24, 300)])]),
        finds: &["VAULT_TOKEN=hvs.{b62 24}", "hvb.AAAA{b64u 130}x"],
        ignores: &["hvs.short", "xhvs.{b62 24}", "hvs.xxxxxxxxxxxxxxxxxxxxxxxx"],
    },
    Detector {
        id: "terraform-cloud-token",
        what: "HCP Terraform token",
        rotate: "delete the token under Tokens in the HCP Terraform settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&[".atlasv1."], &[Part::Run(Class::PaddedBase64Url, 60, 70)])
            .preceded_by(&[Part::exactly(Class::Base62, 14)])]),
        finds: &["token = \"{b62 14}.atlasv1.{b64u 66}x\""],
        ignores: &["{b62 10}.atlasv1.{b64u 67}", "{b62 14}.atlasv1.{b64u 20}"],
    },
    Detector {
        id: "grafana-service-account-token",
        what: "Grafana service account token",
        rotate: "delete the token of the service account in Grafana",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(
            &["glsa_"],
            &[Part::exactly(Class::Base62, 32), Part::Text("_"), Part::exactly(Class::Hex, 8)],
        )
        .checked_by(checksum::grafana)]),
        finds: &["key: glsa_{b62 32}_{sumhex}"],
        ignores: &["glsa_{b62 32}_00000000", "glsa_{b62 12}"],
    },
    Detector {
        id: "linear-api-key",
        what: "Linear API key",
        rotate: "revoke the key under Security & access in the Linear settings",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["lin_api_"], &[Part::exactly(Class::Base62, 40)]),
            Token::new(&["lin_oauth_"], &[Part::Run(Class::Base62, 64, 64)]),
        ]),
        finds: &["lin_api_{b62 40}", "lin_oauth_{b62 64}"],
        ignores: &["lin_api_{b62 10}", "lin_api_yourkeyyourkeyyourkeyyourkeyyourkeyyour"],
    },
];
