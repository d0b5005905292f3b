//! Private keys as text.

use super::keyed::TOKEN;
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::checksum;
use crate::secrets::der::Der;
use crate::secrets::key_material::{self, Kind, Packet, Pem};
use crate::secrets::name::Name;
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

/// Where PEM headers of private keys are noticed.
const PEM: &[&str] = &["PRIVATE KEY"];

/// A key, of which no character is shown.
const KEY: Detector = Detector { may_show: false, ..TOKEN };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "ssh-host-key",
        what: "SSH host key: every container of the image has the same identity",
        rotate: "delete the host keys in the image and let each container make its own at its first start",
        grade: Grade::Proven,
        seek: Seek::Read {
            leads: PEM,
            text_only: false,
            read: |window| plain_key(window).filter(|_| window.name == Name::HostKey),
        },
        finds: &[
            "# etc/ssh/ssh_host_rsa_key\n-----BEGIN OPENSSH PRIVATE KEY-----\n{der openssh}\n-----END OPENSSH PRIVATE KEY-----\n",
            "# srv/ssh_host_ecdsa_key\n-----BEGIN EC PRIVATE KEY-----\n{der ec}\n-----END EC PRIVATE KEY-----\n",
        ],
        ignores: &[
            "# etc/ssh/ssh_host_rsa_key.pub\nssh-rsa {b64 300}\n",
            "# root/.ssh/id_rsa\n-----BEGIN OPENSSH PRIVATE KEY-----\n{der openssh}\n-----END OPENSSH PRIVATE KEY-----\n",
        ],
        ..KEY
    },
    Detector {
        id: "private-key",
        what: "private key",
        rotate: "make a new key pair, replace the public key or certificate everywhere, revoke the old one",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: PEM, text_only: false, read: plain_key },
        finds: &[
            "-----BEGIN RSA PRIVATE KEY-----\n{der rsa}\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n{der pkcs8}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n{der ed25519}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN EC PRIVATE KEY-----\n{der ec}\n-----END EC PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{der openssh}\n-----END OPENSSH PRIVATE KEY-----\n",
            "KEY=\"-----BEGIN PRIVATE KEY-----\\n{der1 pkcs8}\\n-----END PRIVATE KEY-----\\n\"",
            "{open}\"key\":\"-----BEGIN RSA PRIVATE KEY-----\\r\\n{der1 rsa}\\r\\n-----END RSA PRIVATE KEY-----\"{close}",
            "String key = \"-----BEGIN PRIVATE KEY-----\" +\n  \"{key64 pkcs8}\" +\n  \"-----END PRIVATE KEY-----\";",
            "-----BEGIN PRIVATE KEY----- {key64 pkcs8} -----END PRIVATE KEY-----",
            "\n# -----BEGIN RSA PRIVATE KEY-----\n# {key64 rsa}\n# -----END RSA PRIVATE KEY-----\n",
            "<key>-----BEGIN PRIVATE KEY-----&#10;{key64 pkcs8}&#10;-----END PRIVATE KEY-----</key>",
        ],
        ignores: &[
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE...\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n{der noise}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der encrypted}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN PUBLIC KEY-----\n{der noise}\n-----END PUBLIC KEY-----\n",
        ],
        ..KEY
    },
    Detector {
        id: "encrypted-private-key",
        what: "private key that needs its passphrase",
        rotate: "make a new key pair if the passphrase may be known, and keep the key out of the image",
        grade: Grade::Contextual,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: PEM, text_only: false, read: encrypted_key },
        finds: &[
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der encrypted}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n{der noise}\n-----END RSA PRIVATE KEY-----\n",
        ],
        ignores: &["-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der noise}\n-----END ENCRYPTED PRIVATE KEY-----\n"],
        ..KEY
    },
    Detector {
        id: "openpgp-private-key",
        what: "OpenPGP private key without a passphrase",
        rotate: "publish a revocation certificate and make a new key",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: PEM, text_only: false, read: openpgp_key },
        finds: &["-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{der pgp}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"],
        ignores: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nmQOY{b64 400}\n-----END",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{der pgp-encrypted}\n-----END PGP PRIVATE KEY BLOCK-----\n",
        ],
        ..KEY
    },
    Detector {
        id: "encrypted-openpgp-private-key",
        what: "OpenPGP private key that needs its passphrase",
        rotate: "publish a revocation certificate and make a new key if the passphrase may be known",
        grade: Grade::Contextual,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: PEM, text_only: false, read: encrypted_openpgp_key },
        finds: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{der pgp-encrypted}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n",
        ],
        ignores: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{der pgp}\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "PGP PRIVATE KEY BLOCK",
        ],
        ..KEY
    },
    Detector {
        id: "base64-private-key",
        what: "PEM private key in base64, as in a kubeconfig",
        rotate: "make a new key pair and revoke the certificate of the old one",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &["LS0tLS1CRUdJTi", "tLS0tQkVHSU4", "tLS0tLUJFR0lO"],
            text_only: false,
            read: base64_key,
        },
        finds: &[
            "    client-key-data: {pem64 pkcs8}\n",
            "TLS_KEY={pem64 rsa}",
            "data:\n  tls.key: {pem64 ec}\n  tls.crt: abc\n",
            "blob = {shifted64 a}",
            "blob = {shifted64 bb}",
        ],
        ignores: &["client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t{b64 400}", "LS0tLS1CRUdJTi"],
        ..KEY
    },
    Detector {
        id: "base64-der-private-key",
        what: "private key as base64 without PEM lines",
        rotate: "make a new key pair, replace the public key or certificate everywhere, revoke the old one",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: BASE64_DER, text_only: false, read: base64_der },
        finds: &[
            "PRIVATE_KEY={key64 pkcs8}",
            "\"signing_key\": \"{key64 rsa}\"",
            "key: {key64 ec}\n",
            "seed = '{key64 ed25519}'",
        ],
        ignores: &[
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A{b64 300}",
            "MIIEpAIBAAKC{b64 20}",
            "-----BEGIN RSA TESTING KEY-----\n{key64 rsa}\n-----END RSA TESTING KEY-----",
        ],
        ..KEY
    },
    Detector {
        id: "putty-private-key",
        what: "PuTTY private key without a passphrase",
        rotate: "make a new key pair and remove the old public key from all hosts",
        seek: Seek::Read { leads: &["PuTTY-User-Key-File-"], text_only: true, read: |window| putty_key(window, false) },
        finds: &[
            "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: a\nPublic-Lines: 1\n{b64 64}\nPrivate-Lines: 2\n{b64 64}\n{b64 64}\nPrivate-MAC: {hex 64}\n",
            "PuTTY-User-Key-File-2: ssh-ed25519\r\nEncryption: none\r\nComment: b\r\nPublic-Lines: 2\r\n{b64 64}\r\n{b64 48}\r\nPrivate-Lines: 1\r\n{b64 48}\r\nPrivate-MAC: {hex 40}\r\n",
        ],
        ignores: &[
            "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\nPublic-Lines: 1\n{b64 64}\nPrivate-Lines: 1\n{b64 64}\n",
            "PuTTY-User-Key-File-2: is the first line",
        ],
        ..KEY
    },
    Detector {
        id: "encrypted-putty-private-key",
        what: "PuTTY private key that needs its passphrase",
        rotate: "make a new key pair if the passphrase may be known, and keep the key out of the image",
        grade: Grade::Contextual,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: &["PuTTY-User-Key-File-"], text_only: true, read: |window| putty_key(window, true) },
        finds: &[
            "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\nComment: a\nPublic-Lines: 1\n{b64 64}\nKey-Derivation: Argon2id\nPrivate-Lines: 1\n{b64 64}\nPrivate-MAC: {hex 64}\n",
        ],
        ignores: &["PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\n", "PuTTY-User-Key-File-3: x"],
        ..KEY
    },
    Detector {
        id: "rsa-xml-private-key",
        what: "RSA private key in the XML form of .NET",
        rotate: "make a new key pair and replace the public key everywhere",
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["<RSAKeyValue>", "<RSAParameters"], text_only: true, read: rsa_xml },
        finds: &[
            "<RSAKeyValue><Modulus>{b64 171}=</Modulus><Exponent>AQAB</Exponent><P>{b64 86}==</P><Q>{b64 86}==</Q><D>{b64 171}=</D></RSAKeyValue>",
        ],
        ignores: &[
            "<RSAKeyValue><Modulus>{b64 171}=</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>",
            "<RSAKeyValue><D>...</D>",
        ],
        ..KEY
    },
    Detector {
        id: "jwk-private-key",
        what: "private or symmetric JSON Web Key",
        rotate: "publish a new key set and stop signing with this key",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["kty\"", "kty\\", "\"dp\""], text_only: true, read: jwk },
        finds: &[
            "{open}\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{b64u 43}\",\"y\":\"{b64u 43}\",\"d\":\"{b64u 43}\"{close}",
            "{open}\"keys\": [{open}\"d\": \"{b64u 342}\", \"dp\": \"{b64u 171}\", \"dq\": \"{b64u 171}\", \"e\": \"AQAB\", \"kty\": \"RSA\"{close}]{close}",
            "JWK='{open}\\\"kty\\\":\\\"OKP\\\",\\\"crv\\\":\\\"Ed25519\\\",\\\"d\\\":\\\"{b64u 43}\\\"{close}'",
            "{open}\"kty\": \"oct\", \"k\": \"{b64u 43}\", \"alg\": \"HS256\"{close}",
        ],
        ignores: &[
            "{open}\"kty\":\"RSA\",\"n\":\"{b64u 342}\",\"e\":\"AQAB\"{close}",
            "{open}\"kty\":\"oct\",\"k\":\"abc\"{close}",
            "{open}\"kty\":\"EC\",\"d\":5{close}",
        ],
        ..KEY
    },
    Detector {
        id: "openvpn-static-key",
        what: "OpenVPN static key",
        rotate: "make a new key with `openvpn --genkey` and copy it to both ends",
        seek: Seek::Read {
            leads: &["BEGIN OpenVPN Static key V1-----", "BEGIN OpenVPN tls-crypt-v2"],
            text_only: true,
            read: openvpn,
        },
        finds: &[
            "<tls-auth>\n-----BEGIN OpenVPN Static key V1-----\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n{hex 32}\n-----END OpenVPN Static key V1-----\n",
            "-----BEGIN OpenVPN tls-crypt-v2 client key-----\n{b64 64}\n{b64 64}\n{b64 64}\n{b64 64}\n-----END",
        ],
        ignores: &[
            "-----BEGIN OpenVPN Static key V1-----\n-----END",
            "-----BEGIN OpenVPN Static key V1-----\n{hex 32}\n-----END",
        ],
        ..KEY
    },
    Detector {
        id: "age-identity",
        what: "age identity",
        rotate: "make a new identity and encrypt again for its recipient",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["AGE-SECRET-KEY-1"], &[Part::exactly(Class::UpperBech32, 58)])
            .checked_by(checksum::age_identity)]),
        finds: &["AGE-SECRET-KEY-1{bech32 52}{sumbech32}", "key: 'AGE-SECRET-KEY-1{bech32 52}{sumbech32}'"],
        ignores: &["AGE-SECRET-KEY-1{bech32 58}", "AGE-SECRET-KEY-1{bech32 20}"],
        ..TOKEN
    },
    Detector {
        id: "nats-seed",
        what: "seed of a NATS key",
        rotate: "make a new key with `nsc` and revoke the old public key",
        grade: Grade::Proven,
        seek: Seek::Tokens(&[Token::new(
            &["SUA", "SAA", "SOA", "SNA", "SCA", "SXA", "SPA"],
            &[Part::exactly(Class::Base32, 55)],
        )
        .checked_by(checksum::nats)]),
        finds: &[
            "nkey: {nats U}",
            "-----BEGIN USER NKEY SEED-----\n{nats U}\n------END USER NKEY SEED------",
            "SEED={nats A}",
        ],
        ignores: &["SUA{b32 55}", "SPAN", "SUA{b32 20}"],
        ..TOKEN
    },
    Detector {
        id: "wireguard-key",
        what: "WireGuard private or preshared key",
        rotate: "make a new key with `wg genkey` and replace the public key at every peer",
        seek: Seek::Read {
            leads: &["PrivateKey", "PresharedKey", "WG_PRIVATE_KEY", "wg_private_key"],
            text_only: true,
            read: wireguard,
        },
        finds: &[
            "[Interface]\nPrivateKey = {wg}\nAddress = 10.0.0.1/24\n",
            "PresharedKey={b64 42}A=",
            "WG_PRIVATE_KEY={wg}",
        ],
        ignores: &[
            "PublicKey = {b64 42}A=",
            "PrivateKey = (private key)",
            "PrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ],
        ..KEY
    },
];

fn pem(window: &Window<'_>) -> Option<Pem> {
    key_material::read_pem(window.bytes, window.at)
}

fn reading(key: Pem, grade: Grade) -> Reading {
    Reading::new(key.start, key.end, grade).known_as(key.body)
}

fn plain_key(window: &Window<'_>) -> Option<Reading> {
    let key = pem(window)?;
    match key.kind {
        Kind::Plain => Some(reading(key, Grade::Proven)),
        Kind::Broken => Some(reading(key, Grade::Weak)),
        Kind::Encrypted | Kind::OpenPgp => None,
    }
}

fn encrypted_key(window: &Window<'_>) -> Option<Reading> {
    pem(window).filter(|key| key.kind == Kind::Encrypted).map(|key| reading(key, Grade::Contextual))
}

fn openpgp_key(window: &Window<'_>) -> Option<Reading> {
    let key = pem(window).filter(|key| key.kind == Kind::OpenPgp)?;
    match key_material::secret_packet(&key.body) {
        Packet::Plain => Some(reading(key, Grade::Proven)),
        Packet::Other => Some(reading(key, Grade::Weak)),
        Packet::Encrypted => None,
    }
}

fn encrypted_openpgp_key(window: &Window<'_>) -> Option<Reading> {
    let key = pem(window).filter(|key| key.kind == Kind::OpenPgp)?;
    (key_material::secret_packet(&key.body) == Packet::Encrypted).then(|| reading(key, Grade::Contextual))
}

/// Reads base64 of a PEM block. Where the block does not begin on a border of three bytes, the base64 is read from the next
/// border on and the dashes before it are put back.
fn base64_key(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let (from, dashes) = match ahead.first()? {
        b'L' if window.behind().last().is_some_and(|&byte| Class::Base64.has(byte))
            && !window.begins_word(window.at) =>
        {
            return None;
        }
        b'L' => (0, ""),
        _ if ahead.starts_with(b"tLS0tQ") => (1, "--"),
        _ => (1, "-"),
    };
    let (decoded, end) = key_material::base64_block(window.bytes, window.at + from)?;
    let text = [dashes.as_bytes(), &decoded].concat();
    let at = memchr::memmem::find(&text, b"PRIVATE KEY")?;
    let key = key_material::read_pem(&text, at).filter(|key| key.kind == Kind::Plain)?;
    Some(Reading::new(window.at, end, Grade::Proven).known_as(key.body))
}

/// What base64 of a private key in DER holds behind its length; see [`crate::secrets::der::MARKS`].
const BASE64_DER: &[&str] = &[
    "BgkqhkiG9w0BAQEFAASC", // PKCS#8, RSA
    "IBAAKC",               // PKCS#1, 2048 bits and more
    "IBAAKB",               // PKCS#1, 1024 bits
    "AgEAMBMGByqGSM49AgEG", // PKCS#8, P-256
    "AgEAMBAGByqGSM49AgEG", // PKCS#8, P-384 and P-521
    "AgEAMAUGAyt",          // PKCS#8, Ed25519, with an attribute
    "CAQAwBQYDK2V",         // PKCS#8, Ed25519 and X25519
    "CAQEEI",               // SEC1, P-256
    "AgEBBDA",              // SEC1, P-384
    "AgEBBEI",              // SEC1, P-521
];

fn base64_der(window: &Window<'_>) -> Option<Reading> {
    let back = window.behind().iter().rev().take(32).take_while(|&&byte| Class::Base64.has(byte)).count();
    let run = &window.bytes[window.at - back..window.at + 4];
    let start = window.at - back + memchr::memmem::rfind(run, b"M")?;
    let start = if window.bytes[window.at - back] == b'M' { window.at - back } else { start };
    let (decoded, end) = key_material::base64_block(window.bytes, start)?;
    let der = Der { bytes: &decoded, cut: end + 1 >= window.bytes.len() };
    if decoded.len() < 40 || !der.is_key() || der.is_hollow() {
        return None;
    }
    let length = der.length().unwrap_or(decoded.len()).min(decoded.len());
    // Test suites and self-tests name their keys so that nobody takes them for real ones.
    let head = window.bytes[..start].trim_ascii_end();
    let for_tests = head.ends_with(b"TESTING KEY-----") || head.ends_with(b"TEST KEY-----");
    let grade = if for_tests { Grade::Weak } else { Grade::Proven };
    Some(Reading::new(start, end, grade).known_as(decoded[..length].to_vec()))
}

fn putty_key(window: &Window<'_>, encrypted: bool) -> Option<Reading> {
    let ahead = window.ahead();
    let find = |text: &str| memchr::memmem::find(ahead, text.as_bytes());
    let (encryption, private) = (find("Encryption: ")?, find("Private-Lines: ")?);
    let plain = ahead[encryption..].starts_with(b"Encryption: none");
    if encryption > 200 || private < encryption || plain == encrypted {
        return None;
    }
    let from = private + memchr::memchr(b'\n', &ahead[private..])? + 1;
    let ends = memchr::memchr(b'-', &ahead[from..]).map_or(ahead.len(), |dash| from + dash);
    let body: Vec<u8> =
        ahead[from..ends].iter().copied().filter(|&byte| Class::Base64.has(byte) || byte == b'=').collect();
    let grade = if encrypted { Grade::Contextual } else { Grade::Structured };
    (body.len() >= 32).then(|| Reading::new(window.at, window.at + from, grade).known_as(body))
}

fn rsa_xml(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let end = memchr::memmem::find(ahead, b"</RSA").unwrap_or(ahead.len());
    let exponent = memchr::memmem::find(&ahead[..end], b"<D>")? + 3;
    let number: Vec<u8> = ahead[exponent..end]
        .iter()
        .copied()
        .take_while(|&byte| byte != b'<')
        .filter(|&byte| Class::Base64.has(byte))
        .collect();
    let decoded = key_material::decode_base64(&number)?;
    (decoded.len() >= 64).then(|| Reading::new(window.at, window.at + end, Grade::Structured).known_as(decoded))
}

/// Reads the object around the `kty` of a key (RFC 7517), plain or inside a string of JSON.
fn jwk(window: &Window<'_>) -> Option<Reading> {
    let open = memchr::memrchr(b'{', window.behind()).unwrap_or(0);
    let close = memchr::memchr(b'}', window.ahead()).map_or(window.bytes.len(), |close| window.at + close);
    let object = &window.bytes[open..close];
    let member = |name: &str| {
        memchr::memmem::find_iter(object, name.as_bytes()).find_map(|at| {
            let quoted = at > 0 && object[at - 1] == b'"';
            let rest = &object[at + name.len()..];
            let gap = rest
                .iter()
                .take_while(|byte| matches!(byte, b'"' | b'\\' | b':' | b' ' | b'\n' | b'\t' | b'\r'))
                .count();
            let value = &rest[gap..];
            let length = Class::Base64Url.run(value, 2000);
            let named = quoted && rest[..gap].contains(&b':') && rest[..gap].ends_with(b"\"");
            (named && length > 0).then_some((open + at + name.len() + gap, &value[..length]))
        })
    };
    let (_, kind) = member("kty")?;
    let (start, number) = match kind {
        b"oct" => member("k")?,
        b"RSA" | b"EC" | b"OKP" => member("d")?,
        _ => return None,
    };
    let decoded = key_material::decode_base64url(number)?;
    let least = if kind == b"RSA" { 64 } else { 16 };
    (decoded.len() >= least).then(|| Reading::new(start, start + number.len(), Grade::Proven).known_as(decoded))
}

fn openvpn(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let header = memchr::memmem::find(ahead, b"-----")? + 5;
    let body = &ahead[header..];
    let length = memchr::memchr(b'-', body).unwrap_or(body.len());
    let hex = !ahead.starts_with(b"BEGIN OpenVPN tls");
    let material: Vec<u8> = body[..length]
        .iter()
        .copied()
        .filter(|&byte| if hex { byte.is_ascii_hexdigit() } else { Class::Base64.has(byte) })
        .collect();
    (material.len() >= 256)
        .then(|| Reading::new(window.at, window.at + header + length, Grade::Structured).known_as(material))
}

/// Reads base64 of 32 bytes. The bits that Curve25519 fixes tell a private key from any other number.
fn wireguard(window: &Window<'_>) -> Option<Reading> {
    let name = window.ahead().iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let start = crate::secrets::assignment::value_after(window, name)?;
    let text = &window.bytes[start..];
    if Class::Base64.run(text, 44) != 43 || text.get(43) != Some(&b'=') || !window.begins_word(window.at) {
        return None;
    }
    let key = key_material::decode_base64(&text[..43])?;
    let clamped = key.len() == 32 && key[0].trailing_zeros() >= 3 && key[31] & 0xc0 == 0x40;
    let grade =
        super::keyed::graded(&text[..43], Class::Base64, if clamped { Grade::Proven } else { Grade::Structured });
    Some(Reading::new(start, start + 44, grade))
}
