//! Keys in key management services, through the plugins of Sigstore's command-line tools: `NAME://REF` runs `sigstore-kms-NAME`.
//! An edge: it starts programs. No secret is in their arguments, and they do not inherit our passwords.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sign::{Curve, KeyAlgorithm, PublicKey};

/// How long a plugin may take.
const TIMEOUT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);
/// Bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;
/// Variables of ours that are nobody else's business.
const PRIVATE: &[&str] =
    &["IMGGUARD_KEY_PASSWORD", "IMGGUARD_KEY_PASSWORD_FILE", "IMGGUARD_PKCS11_PIN", "COSIGN_PASSWORD"];

/// Why a service did not sign.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// The text is no `NAME://REF`.
    #[error("`{0}` is no key of a key management service: write NAME://REF")]
    Name(String),
    /// There is no such program.
    #[error("`{0}` could not be started: {1}")]
    Program(String, std::io::Error),
    /// It took too long, said too much, or nothing that can be read.
    #[error("`{0}` gave no answer that can be read: {1}")]
    Answer(String, &'static str),
    /// It answered with an error.
    #[error("`{0}` failed: {1}")]
    Failed(String, String),
    /// What it signed does not verify with its own public key.
    #[error("`{0}` gave a signature that does not verify with its public key")]
    Signature(String),
}

/// Whether a text names a key of a service rather than a file.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    split(text).is_some()
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (name, reference) = text.split_once("://")?;
    let fits = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    (fits && !reference.is_empty()).then_some((name, reference))
}

/// A key in a service. Its public half was fetched once.
#[derive(Debug)]
pub struct ServiceKey {
    program: String,
    reference: String,
    public: PublicKey,
}

impl ServiceKey {
    /// Asks the plugin for the public key.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn open(text: &str) -> Result<Self, KmsError> {
        let (name, reference) = split(text).ok_or_else(|| KmsError::Name(text.escape_debug().to_string()))?;
        let program = format!("sigstore-kms-{name}");
        // The hash function does not matter for the public key.
        let options = json!({ "publicKeyOptions": { "rpcOptions": {} } });
        let answer = call(&program, reference, 5, "publicKey", &options, &[])?;
        let unreadable = |why| KmsError::Answer(program.clone(), why);
        let pem = answer.get("publicKeyPEM").and_then(Value::as_str).ok_or_else(|| unreadable("no public key"))?;
        let pem = STANDARD.decode(pem).map_err(|_| unreadable("a public key that is no base64"))?;
        let public = PublicKey::from_pem(&pem).map_err(|_| unreadable("a public key of an unknown form"))?;
        Ok(Self { program, reference: reference.to_owned(), public })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Has a message signed, and verifies the signature.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        // Numbers of Go's `crypto.Hash`.
        let hash = match self.public.algorithm() {
            KeyAlgorithm::Ecdsa(Curve::P384) => 6,
            KeyAlgorithm::Ecdsa(Curve::P521) => 7,
            KeyAlgorithm::Ecdsa(Curve::P256) | KeyAlgorithm::Rsa | KeyAlgorithm::Ed25519 => 5,
        };
        let options = json!({ "signOptions": { "rpcOptions": {}, "messageOptions": {} } });
        let answer = call(&self.program, &self.reference, hash, "signMessage", &options, message)?;
        let signature = answer.get("signature").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.ok_or_else(|| KmsError::Answer(self.program.clone(), "no signature"))?;
        self.public.verify(message, &signature).map_err(|_| KmsError::Signature(self.program.clone()))?;
        Ok(signature)
    }
}

/// Calls one method of a plugin: version and JSON as arguments, the message on standard input, JSON on standard output. Its exit
/// status means nothing.
fn call(
    program: &str,
    reference: &str,
    hash: u8,
    method: &str,
    options: &Value,
    message: &[u8],
) -> Result<Value, KmsError> {
    let arguments = json!({
        "initOptions": { "protocolVersion": "v1", "keyResourceID": reference, "hashFunc": hash, "rpcOptions": {} },
        "methodName": method,
        method: options,
    });
    let mut command = Command::new(program);
    command.arg("v1").arg(arguments.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for name in PRIVATE {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| KmsError::Program(program.to_owned(), error))?;
    let answer = converse(&mut child, message);
    let _ = child.kill();
    let _ = child.wait();
    let unreadable = |why| KmsError::Answer(program.to_owned(), why);
    let answer = answer.map_err(unreadable)?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| unreadable("no JSON"))?;
    if let Some(message) = answer.get("errorMessage").and_then(Value::as_str).filter(|message| !message.is_empty()) {
        let shown = message.chars().take(500).flat_map(char::escape_debug).collect();
        return Err(KmsError::Failed(program.to_owned(), shown));
    }
    answer.get(method).cloned().ok_or_else(|| unreadable("an answer to something else"))
}

/// Hands the message over and reads the answer, for so long at most.
fn converse(child: &mut Child, message: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("no pipes");
    };
    let message = message.to_vec();
    // A plugin that does not read its input is no failure: the answer counts.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&message);
    });
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.take(MAX_ANSWER + 1).read_to_end(&mut answer);
        read.map(|_| answer)
    });
    let mut waited = Duration::ZERO;
    while !reader.is_finished() {
        if waited >= TIMEOUT {
            let _ = child.kill();
            return Err("it took too long");
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
    drop(writer);
    match reader.join() {
        Ok(Ok(answer)) if answer.len() as u64 <= MAX_ANSWER => Ok(answer),
        Ok(Ok(_)) => Err("it says too much"),
        _ => Err("its answer broke off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_plugin_and_never_a_path() {
        assert_eq!(split("awskms:///alias/release"), Some(("awskms", "/alias/release")));
        for wrong in ["release.key", "../x://y", "a/b://y", "://y", "kms://", "KMS://x", "/tmp/x://y"] {
            assert!(!is_reference(wrong), "{wrong}");
        }
        assert!(matches!(ServiceKey::open("no-such-plugin-here://x"), Err(KmsError::Program(..))));
    }
}
