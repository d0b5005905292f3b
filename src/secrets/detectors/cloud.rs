//! Vault, Grafana and Linear.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::checksum;
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
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
