//! Trust kits: one file with everything that verifying needs and a network would have to give: trust roots, a trust policy with its
//! keys, and bundles. Made of the same parts it is the same bytes; its digest can be pinned and signed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Digest;
use crate::oci::parse_strict;

use super::trust_policy::TrustPolicy;
use super::{Bundle, MAX_BUNDLE, PublicKey, RootKind, TrustRoot};

/// The media type that a kit names.
pub const TRUST_KIT_TYPE: &str = "application/vnd.imgguard.trust-kit.v1+json";
/// Bytes of a kit.
const MAX_KIT: usize = 64 << 20;
/// Roots, files and bundles of a kit, each.
const MAX_PARTS: usize = 10_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    media_type: String,
    roots: Vec<RootPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bundles: Vec<String>,
}

/// A root, as text: its digest stays what it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RootPart {
    instance: String,
    root: String,
}

/// A kit that was read: every part of it can be used.
#[derive(Debug, Clone)]
pub struct TrustKit {
    roots: Vec<TrustRoot>,
    policy: Option<TrustPolicy>,
    keys: Vec<PublicKey>,
    bundles: Vec<Vec<u8>>,
    digest: Digest,
}

impl TrustKit {
    /// Reads a kit; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8], now: i64) -> Result<Self, String> {
        if bytes.len() > MAX_KIT {
            return Err(format!("it is longer than {MAX_KIT} bytes"));
        }
        // A key that is given twice would be read in two ways.
        parse_strict(bytes).map_err(|error| error.to_string())?;
        let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if document.media_type != TRUST_KIT_TYPE {
            return Err("it is no trust kit of version 1".to_owned());
        }
        if document.roots.len().max(document.files.len()).max(document.keys.len()).max(document.bundles.len())
            > MAX_PARTS
        {
            return Err(format!("it has more than {MAX_PARTS} parts of one kind"));
        }
        let roots = document.roots.iter().map(read_root).collect::<Result<Vec<_>, _>>()?;
        let policy = document.policy.as_deref().map(|text| read_policy(text, &document.files, now)).transpose()?;
        let key = |text: &String| PublicKey::from_pem(text.as_bytes()).map_err(|error| format!("a key: {error}"));
        let keys = document.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        if let Some(long) = document.bundles.iter().find(|bundle| bundle.len() > MAX_BUNDLE) {
            return Err(format!("a bundle in it has {} bytes", long.len()));
        }
        Ok(Self {
            roots,
            policy,
            keys,
            bundles: document.bundles.into_iter().map(String::into_bytes).collect(),
            digest: Digest::of(bytes),
        })
    }

    /// The trust roots; none when the kit has keys only.
    #[must_use]
    pub fn roots(&self) -> &[TrustRoot] {
        &self.roots
    }

    /// The trust policy, its keys read.
    #[must_use]
    pub fn policy(&self) -> Option<&TrustPolicy> {
        self.policy.as_ref()
    }

    /// Keys that are trusted when no policy says more.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Evidence. Nothing in it is trusted.
    #[must_use]
    pub fn bundles(&self) -> &[Vec<u8>] {
        &self.bundles
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

fn read_root(part: &RootPart) -> Result<TrustRoot, String> {
    let kind = RootKind::of_name(&part.instance).ok_or("a root in it is of an instance that is not known")?;
    TrustRoot::read_as(part.root.as_bytes(), kind, None).map_err(|error| format!("a root in it: {error}"))
}

fn read_policy(text: &str, files: &BTreeMap<String, String>, now: i64) -> Result<TrustPolicy, String> {
    let mut policy =
        TrustPolicy::parse(text).map_err(|error| format!("its policy, line {}: {}", error.span.line, error.message))?;
    for (name, signer) in &mut policy.signers {
        let Some(file) = signer.file() else { continue };
        let content = files.get(file).ok_or_else(|| format!("the file of signer `{name}` is not in it"))?;
        signer.take_file(content.as_bytes(), now).map_err(|error| format!("the file of signer `{name}`: {error}"))?;
    }
    Ok(policy)
}

/// The parts of a kit that is to be made.
#[derive(Debug, Clone, Default)]
pub struct TrustKitDraft {
    /// Trust roots, as they are.
    pub roots: Vec<(RootKind, Vec<u8>)>,
    /// The text of a trust policy.
    pub policy: Option<String>,
    /// The files that it names, by these names.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Public keys, PEM.
    pub keys: Vec<Vec<u8>>,
    /// Bundles.
    pub bundles: Vec<Vec<u8>>,
}

impl TrustKitDraft {
    /// The bytes of the kit: the same for the same parts, in whatever order they came. It is read before it is given away.
    ///
    /// # Errors
    /// What is wrong with a part.
    pub fn to_bytes(&self, now: i64) -> Result<Vec<u8>, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).map_err(|_| "a part of it is no text".to_owned());
        let texts = |parts: &[Vec<u8>]| -> Result<Vec<String>, String> {
            let mut texts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            texts.sort_by_key(|text| Digest::of(text.as_bytes()));
            texts.dedup();
            Ok(texts)
        };
        for bundle in &self.bundles {
            Bundle::read(bundle).map_err(|rejection| format!("a bundle: {rejection}"))?;
        }
        let mut roots = self
            .roots
            .iter()
            .map(|(kind, root)| Ok(RootPart { instance: kind.name().to_owned(), root: text(root)? }))
            .collect::<Result<Vec<_>, String>>()?;
        roots.sort_by(|one, other| (&one.instance, &one.root).cmp(&(&other.instance, &other.root)));
        let document = Document {
            media_type: TRUST_KIT_TYPE.to_owned(),
            roots,
            policy: self.policy.clone(),
            files: self
                .files
                .iter()
                .map(|(name, file)| Ok((name.clone(), text(file)?)))
                .collect::<Result<_, String>>()?,
            keys: texts(&self.keys)?,
            bundles: texts(&self.bundles)?,
        };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        TrustKit::read(&bytes, now)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Curve, SigningKey};
    use sigstore_verify::trust_root::{SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT};

    const NOW: i64 = 1_792_713_600;
    const POLICY: &str = "version: 1\nsigners: { a: { key: keys/a.pub } }\nrequire: [{ type: sign, any: [a] }]\n";
    const BUNDLE: &str = include_str!("../../testdata/sigstore/managed-key.sigstore.json");
    const OTHER: &str = include_str!("../../testdata/sigstore/blob.sigstore.json");

    fn draft() -> TrustKitDraft {
        let key = SigningKey::generate(Curve::P256).expect("a key").public().to_pem().into_bytes();
        TrustKitDraft {
            roots: vec![
                (RootKind::Production, SIGSTORE_PRODUCTION_TRUSTED_ROOT.into()),
                (RootKind::GitHub, SIGSTORE_GITHUB_TRUSTED_ROOT.into()),
            ],
            policy: Some(POLICY.to_owned()),
            files: BTreeMap::from([("keys/a.pub".to_owned(), key.clone())]),
            keys: vec![key],
            bundles: vec![BUNDLE.into(), OTHER.into()],
        }
    }

    #[test]
    fn a_kit_is_the_same_bytes_whatever_the_order_of_its_parts() {
        let draft = draft();
        let bytes = draft.to_bytes(NOW).expect("a kit");
        let mut turned = draft.clone();
        turned.roots.reverse();
        turned.bundles.reverse();
        turned.bundles.push(BUNDLE.into());
        assert_eq!(turned.to_bytes(NOW + 99).expect("a kit"), bytes);
        let kit = TrustKit::read(&bytes, NOW).expect("read");
        assert_eq!((kit.roots().len(), kit.keys().len(), kit.bundles().len()), (2, 1, 2));
        assert_eq!(kit.policy().expect("a policy").rules().len(), 1, "the key of the policy is read");
        assert!(kit.bundles().contains(&BUNDLE.into()), "bundles keep their bytes");
        let digests: Vec<&Digest> = kit.roots().iter().map(TrustRoot::digest).collect();
        assert!(digests.contains(&&Digest::of(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes())), "roots keep their bytes");
        assert_eq!(kit.digest(), &Digest::of(&bytes));
        assert!(!kit.roots().iter().any(|root| root.is_old(i64::MAX)), "a kit has no clock of its own");
    }

    #[test]
    fn a_kit_with_a_part_that_cannot_be_used_is_neither_made_nor_read() {
        let draft = draft();
        let broken: [fn(&mut TrustKitDraft); 6] = [
            |kit| kit.files.clear(),
            |kit| kit.policy = Some("version: 2".to_owned()),
            |kit| kit.keys.push(b"no key".to_vec()),
            |kit| kit.bundles.push(b"{}".to_vec()),
            |kit| kit.roots.push((RootKind::File, b"{}".to_vec())),
            |kit| drop(kit.files.insert("keys/a.pub".to_owned(), b"no key".to_vec())),
        ];
        for (at, change) in broken.into_iter().enumerate() {
            let mut kit = draft.clone();
            change(&mut kit);
            assert!(kit.to_bytes(NOW).is_err(), "{at}");
        }
        let text = String::from_utf8(draft.to_bytes(NOW).expect("a kit")).expect("text");
        for (from, to) in [
            ("kit.v1", "kit.v2"),
            ("\"mediaType\"", "\"extra\": 1, \"mediaType\""),
            ("\"roots\"", "\"roots\": [], \"roots\""),
            ("\"github\"", "\"moon\""),
        ] {
            let spoiled = text.replacen(from, to, 1);
            assert_ne!(spoiled, text, "{from}");
            assert!(TrustKit::read(spoiled.as_bytes(), NOW).is_err(), "{to}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = TrustKit::read(&bytes, NOW);
        }
    }
}
