//! Stores of secrets and of clusters, and envelopes whose key is elsewhere.

use super::keyed::{Form, KEYED, TOKEN, graded, keyed};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::shape::{Check, Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "vault-legacy-token",
        what: "HashiCorp Vault token of the older form",
        rotate: "revoke it with `vault token revoke`",
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &["VAULT", "vault", "Vault"],
            text_only: true,
            read: |window| {
                ["s.", "b.", "r."]
                    .iter()
                    .find_map(|lead| keyed(window, Form { lead, class: Class::DottedBase64Url, min: 24, max: 24 }))
            },
        },
        finds: &["VAULT_TOKEN=s.{b62 24}", "X-Vault-Token: s.{b62 24}", "vault:\n  token: \"b.{b62 24}\""],
        ignores: &["vault s.{b62 24}", "VAULT_TOKEN=s.{b62 10}"],
        ..KEYED
    },
    Detector {
        id: "vault-approle-secret-id",
        what: "secret id of a Vault AppRole; with the role id it logs in",
        rotate: "destroy the secret id with `vault write auth/approle/role/NAME/secret-id/destroy`",
        seek: Seek::Read {
            leads: &["secret_id", "SECRET_ID", "secret-id", "secretId"],
            text_only: true,
            read: approle,
        },
        finds: &[
            "vault write auth/approle/login role_id=x secret_id={hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}",
            "VAULT_SECRET_ID={hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}",
            "secretId: \"{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}\"",
        ],
        ignores: &[
            "secret_id = 5",
            "secret_id=00000000-0000-0000-0000-000000000000",
            "role_id={hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}",
        ],
        ..KEYED
    },
    Detector {
        id: "1password-service-account-token",
        what: "1Password service account token",
        rotate: "rotate or revoke the token under Developer, Service Accounts in 1Password",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["ops_eyJ"], &[Part::Run(Class::Base64Url, 200, 2000)]).checked_by(one_password)
        ]),
        finds: &[
            "OP_SERVICE_ACCOUNT_TOKEN=ops_{base64url [\"signInAddress\":\"a.1password.com\",\"userAuth\":[\"method\":\"SRPg-4096\"],\"email\":\"(an 16)@1passwordserviceaccounts.com\",\"srpX\":\"(hex 64)\",\"secretKey\":\"A3-(AN 6)-(AN 6)\"]}",
        ],
        ignores: &["ops_eyJ{b64u 300}", "ops_eyJ{b62 20}"],
        ..TOKEN
    },
    Detector {
        id: "1password-secret-key",
        what: "1Password secret key; with the account's password it opens all vaults",
        rotate: "regenerate the secret key under My Profile on 1password.com",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["A3-"], &[AN6, DASH, AN6, DASH, AN5, DASH, AN5, DASH, AN5, DASH, AN5]),
            Token::new(&["A3-"], &[AN6, DASH, Part::exactly(Class::UpperAlnum, 11), DASH, AN5, DASH, AN5, DASH, AN5]),
        ]),
        finds: &[
            "secret key: A3-{AN 6}-{AN 6}-{AN 5}-{AN 5}-{AN 5}-{AN 5}",
            "OP_SECRET_KEY=A3-{AN 6}-{AN 11}-{AN 5}-{AN 5}-{AN 5}",
        ],
        ignores: &["A3-{AN 6}", "A3-XXXXXX-XXXXXX-XXXXX-XXXXX-XXXXX-XXXXX"],
        ..TOKEN
    },
    Detector {
        id: "1password-recovery-code",
        what: "1Password recovery code",
        rotate: "replace the recovery code under Manage Account on 1password.com",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["1PRK-"],
            &[
                AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4, DASH, AN4,
                DASH, AN4, DASH, AN4, DASH, AN4,
            ],
        )]),
        finds: &["1PRK-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}-{AN 4}"],
        ignores: &["1PRK-{AN 4}-{AN 4}", "1PRK-code"],
        ..TOKEN
    },
    Detector {
        id: "infisical-service-token",
        what: "Infisical service token",
        rotate: "delete the service token under Access Control in the Infisical project",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["st."],
            &[
                Part::exactly(Class::Hex, 24),
                Part::Text("."),
                Part::exactly(Class::Hex, 32),
                Part::Text("."),
                Part::exactly(Class::Hex, 32),
            ],
        )]),
        finds: &["INFISICAL_TOKEN=st.{hex 24}.{hex 32}.{hex 32}", "--token \"st.{hex 24}.{hex 32}.{hex 32}\""],
        ignores: &["st.{hex 24}", "test.{hex 24}.{hex 32}.{hex 32}"],
        ..TOKEN
    },
    Detector {
        id: "bitwarden-access-token",
        what: "Bitwarden Secrets Manager machine account token",
        rotate: "revoke the token under Machine accounts in Bitwarden Secrets Manager",
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &[
                "BWS_ACCESS_TOKEN",
                "bws_access_token",
                "bitwarden",
                "BITWARDEN",
                "access-token",
                "accessToken",
                "access_token",
            ],
            text_only: true,
            read: bitwarden,
        },
        finds: &[
            "BWS_ACCESS_TOKEN=0.{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}.{b62 30}:{b64 22}==",
            "bws --access-token 0.{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}.{b62 30}:{b64 22}== list",
        ],
        ignores: &["BWS_ACCESS_TOKEN=0.{hex 8}", "access_token=0.5"],
        ..TOKEN
    },
    Detector {
        id: "openshift-token",
        what: "OpenShift OAuth access token",
        rotate: "delete the token with `oc delete oauthaccesstoken`",
        seek: Seek::Tokens(&[Token::new(&["sha256~"], &[Part::exactly(Class::Base64Url, 43)])]),
        finds: &["oc login --token=sha256~{b64u 42}x", "token: sha256~{b62 43}"],
        ignores: &["sha256~{b62 12}", "sha256~name"],
        ..TOKEN
    },
    Detector {
        id: "kubernetes-bootstrap-token",
        what: "bootstrap token that lets a node join a Kubernetes cluster",
        rotate: "delete it with `kubeadm token delete`",
        seek: Seek::Read {
            leads: &["kubeadm", "bootstrap", "Bootstrap", "BOOTSTRAP", "K3S_TOKEN", "JOIN_TOKEN"],
            text_only: true,
            read: bootstrap,
        },
        finds: &[
            "kubeadm join 10.0.0.1:6443 --token {an 6}.{an 16} --discovery-token-ca-cert-hash x",
            "tls-bootstrap-token: {an 6}.{an 16}\n",
            "bootstrapTokens:\n- token: \"{an 6}.{an 16}\"",
        ],
        ignores: &[
            "bootstrap {an 6}.{an 16}",
            "kubeadm join --token <token>",
            "bootstrap.min.css: abcdef.0123456789abcdef",
        ],
        ..KEYED
    },
    Detector {
        id: "ansible-vault",
        what: "content encrypted with Ansible Vault; its password opens it",
        rotate: "nothing, unless the vault password is known: then change every value in it",
        severity: Severity::Low,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: &["$ANSIBLE_VAULT;"], text_only: true, read: ansible_vault },
        finds: &[
            "$ANSIBLE_VAULT;1.1;AES256\n{hex 80}\n{hex 80}\n",
            "password: !vault |\n    $ANSIBLE_VAULT;1.2;AES256;prod\n    {hex 80}\n    {hex 80}\n",
        ],
        ignores: &["$ANSIBLE_VAULT;1.1;AES256", "if line.startswith('$ANSIBLE_VAULT;'):"],
        ..KEYED
    },
    Detector {
        id: "sops-value",
        what: "value encrypted with SOPS",
        rotate: "nothing, unless the key of the SOPS file is known: then change every value in it",
        severity: Severity::Low,
        nature: Nature::Encrypted,
        seek: Seek::Tokens(&[Token::new(&["ENC[AES256_GCM,data:"], &[Part::Run(Class::Base64, 4, 4000)])]),
        finds: &["password: ENC[AES256_GCM,data:{b64 24},iv:{b64 43}=,tag:{b64 22}==,type:str]"],
        ignores: &["ENC[AES256_GCM,data:...]", "ENC[AES256_GCM]"],
        ..KEYED
    },
];

const AN4: Part = Part::exactly(Class::UpperAlnum, 4);
const AN5: Part = Part::exactly(Class::UpperAlnum, 5);
const AN6: Part = Part::exactly(Class::UpperAlnum, 6);
const DASH: Part = Part::Text("-");

fn approle(window: &Window<'_>) -> Option<Reading> {
    let lead = if window.ahead().starts_with(b"secretId") { b"secretId".len() } else { b"secret_id".len() };
    let start = assignment::value_after(window, lead)?;
    let value = window.bytes.get(start..start + 36).filter(|value| super::keyed::begins_with_uuid(value))?;
    let digits: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'-').collect();
    Some(Reading::new(start, start + 36, graded(&digits, Class::Hex, Grade::Contextual)))
}

fn one_password(token: &[u8]) -> Check {
    let json = token.strip_prefix(b"ops_").and_then(key_material::decode_base64url);
    let json = json.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    if json.is_some_and(|json| json.get("secretKey").is_some() && json.get("signInAddress").is_some()) {
        Check::Agrees
    } else {
        Check::Fails
    }
}

/// Reads `0.`, a UUID, `.`, 30 characters, `:`, base64 of 16 bytes behind the name.
fn bitwarden(window: &Window<'_>) -> Option<Reading> {
    let near = &window.ahead()[..window.ahead().len().min(80)];
    let start = window.at + memchr::memmem::find(near, b"0.")?;
    let body = window.bytes.get(start + 2..start + 2 + 36 + 1 + 30 + 1 + 24)?;
    let whole = super::keyed::begins_with_uuid(body)
        && body[36] == b'.'
        && Class::Base62.run(&body[37..67], 30) == 30
        && body[67] == b':'
        && Class::Base64.run(&body[68..90], 22) == 22
        && body.ends_with(b"==");
    whole.then(|| Reading::new(start, start + 2 + body.len(), graded(&body[37..67], Class::Base62, Grade::Structured)))
}

/// Reads the first 6 characters, `.`, 16 characters within the reach of the name.
fn bootstrap(window: &Window<'_>) -> Option<Reading> {
    let form = Form { lead: "", class: Class::DottedBase64Url, min: 23, max: 23 };
    let (start, end) = super::keyed::value_near(window, form, &["token"])?;
    let value = &window.bytes[start..end];
    let whole =
        value[6] == b'.' && Class::LowerAlnum.run(value, 6) == 6 && Class::LowerAlnum.run(&value[7..], 16) == 16;
    let digits = value[7..].iter().any(u8::is_ascii_digit);
    whole.then(|| {
        Reading::new(
            start,
            end,
            if digits { graded(&value[7..], Class::LowerAlnum, Grade::Contextual) } else { Grade::Weak },
        )
    })
}

/// Reads the lines of hexadecimal digits behind the header.
fn ansible_vault(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let header = memchr::memchr(b'\n', &ahead[..ahead.len().min(80)])?;
    let body = &ahead[header..];
    let length = body.iter().take_while(|&&byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace()).count();
    let digits: Vec<u8> = body[..length].iter().copied().filter(u8::is_ascii_hexdigit).collect();
    (digits.len() >= 64 && !judge::is_too_regular(&digits[..64], Class::Hex))
        .then(|| Reading::new(window.at, window.at + header + length, Grade::Contextual).known_as(digits))
}
