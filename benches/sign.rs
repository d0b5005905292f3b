//! How long signing and verifying with a key take, without network: each must stay below 50 ms. `cargo bench --bench sign`
//!
//! Opening an encrypted key file is measured on its own: the key derivation is made to be slow.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use imgguard::model::Digest;
use imgguard::sign::evidence::{Conditions, Found, FoundContent, Listing, Place, Requirement, answer, examine};
use imgguard::sign::verify::{Grounds, SignerRule};
use imgguard::sign::{
    BundleDraft, Curve, Envelope, Password, Reason, RootKind, Sealing, SigningKey, SigstoreTrust, StatementDraft,
    TrustRoot,
};

const LIMIT: Duration = Duration::from_millis(50);
/// A time after the embedded trust root.
const NOW: i64 = 1_792_713_600;

fn median(rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let subject = Digest::of(b"an image");
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let sign = || {
        let draft = StatementDraft::signature(subject.clone(), None, BTreeMap::new());
        let envelope = Envelope::sign(draft.to_bytes(), &key).expect("signed");
        BundleDraft::new(envelope, key.public()).to_bytes().expect("a bundle")
    };
    let bundle = sign();
    let verify = || {
        // As a run of the program does: the trust root is read anew.
        let root = TrustRoot::embedded(RootKind::Production).expect("a root");
        let trust = SigstoreTrust::new(&root, NOW).expect("usable");
        let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
        let content = FoundContent::Bundle(bundle.clone());
        let found = Found { digest: subject.clone(), manifest: None, place: Place::File, content };
        let listing = Listing { found: vec![found], gaps: Vec::new() };
        let examined = examine(&listing, &subject, &[SignerRule::Key(key.public())], &grounds);
        let verdict = answer(&examined, &listing.gaps, &subject, &Requirement::Signature, &Conditions::default());
        assert_eq!(verdict.reason, Reason::Verified);
    };
    let password = Password::new("open sesame");
    let file = key.seal(&password, &Sealing { salt: [1; 32], nonce: [2; 24] }).expect("sealed");
    let open = || drop(SigningKey::open(file.as_bytes(), &password).expect("opened"));

    let (signing, verifying, opening) = (median(200, || drop(sign())), median(200, verify), median(5, open));
    println!("sign with a key      {:>9.3} ms", signing.as_secs_f64() * 1e3);
    println!("verify with a key    {:>9.3} ms", verifying.as_secs_f64() * 1e3);
    println!("open the key file    {:>9.3} ms   (scrypt)", opening.as_secs_f64() * 1e3);
    assert!(signing < LIMIT && verifying < LIMIT, "slower than {LIMIT:?}");
}
