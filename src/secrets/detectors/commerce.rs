//! Payment and shops.

use super::{Detector, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::shape::{Class, Part, Token};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "stripe-live-key",
        what: "Stripe secret or restricted key for live mode",
        rotate: "roll the key under Developers, API keys in the Stripe dashboard",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["sk_live_", "rk_live_"], &[Part::Run(Class::Base62, 24, 247)])]),
        finds: &["sk_live_{b62 24}", "rk_live_{b62 99}"],
        ignores: &["sk_live_{b62 10}", "sk_test_{b62 24}", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx"],
    },
    Detector {
        id: "shopify-token",
        what: "Shopify access token or shared secret",
        rotate: "uninstall the app or rotate its credentials in the Shopify admin",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[
            Token::new(&["shpat_", "shpca_", "shppa_", "shpss_"], &[Part::exactly(Class::Hex, 32)]),
            Token::new(&["shpat_", "shpca_", "shppa_", "shpss_"], &[Part::exactly(Class::UpperHex, 32)]),
        ]),
        finds: &["shpat_{hex 32}", "X-Shopify-Access-Token: shpss_{hex 32}"],
        ignores: &["shpat_{hex 31}", "shpat_00000000000000000000000000000000"],
    },
];
