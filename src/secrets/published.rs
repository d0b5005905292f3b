//! Values that everybody knows: samples in documentation, keys in test suites and self-tests. They are recognised by the
//! fingerprint of the exact value and become `weak`: such a key protects nothing, and none of it was made for this image.

/// Fingerprints by where the values are published.
const PUBLISHED: &[&[&str]] = &[
    // Sample tokens of jwt.io and of the READMEs of JWT libraries.
    &[
        "0bd770697a409d997ae44376c67d4a77",
        "7ecf063aca716af5215cce6668fd7486",
        "8cee1665828dc5a185fe7dd0f3a6d295",
        "fac390690c54842578f05eea0cfc4aad",
    ],
    // Self-test keys inside libgnutls.
    &[
        "035876b16d42e57deb08c03726a4022f",
        "0dbda084ed85bc35bc8cee84a1475f7f",
        "15a04a156fc0a581e1c77a7ea73d4392",
        "3059617f28f07cf20309e8c068c5daad",
        "3cd3ca2a41f8a76da1f8aa6827de2015",
        "4d34c3e96399ed87141b8a06e9f85388",
        "9b7a969d8bfd1478df810e10d405b46b",
        "d8915ab7540d42e651c47adcbdb86f9c",
        "e3ff4d86e0d41fd412ab919a01f858ce",
        "ea52862b2ebd678d1ad457f917d9b419",
    ],
    // Keys of CPython's test suite.
    &[
        "0440cc231f7a68390584e9e4b6a1ec44",
        "0f68777ddc12a337c408d46a8bad1b4c",
        "0ff02f9cd4c914bdca20fffb14210ff5",
        "22d4efb4bc4d13db900e3799e4e3b05b",
        "2915ab9774d80e78ee92a16d76502364",
        "2a9a7f0ff90306adc2554edbacc2c17e",
        "2e00b0742e64f4c626f311ab4f1c1c5c",
        "2ea678074c1e23e6a7b1c620539ef72e",
        "35e4cffe249a2f102b733c11fc22d649",
        "3bf67167309664e190025d2ece44713b",
        "42a7fc6efe6464d51b2ded22354be4c0",
        "48ed80cff593eb7a6f593d9d966c4990",
        "630526fd72039f107bad0beeb753a606",
        "632f39d4aabf47e6a1071bee53fbf03c",
        "6f2f292bb52e2e9176ba1ce4b1143b53",
        "6fc904c3850ae455092b2a14129f0121",
        "766048cef7ad04a19fadc61f0b26cb6c",
        "7b81910e3a99d44fed7530ae038c1233",
        "9cb49c6254159687b6a88b9637403c68",
        "a0b1a24ed1cc6ac218b2a690ad04b72c",
        "a2b795d00f0a7bdfe35c03ea47b16d23",
        "b1acaeb81be3562b34a87539b5dd31fb",
        "be453e57c3c9223ffea8accb868531d6",
        "c908072772acdcc5eb4c6a991c704ae2",
        "ca2f7a0c0d80395ab47aaaef489272b0",
        "cb839cea3b668af36faf6f1b8dce335b",
        "d3863cc8e776f2d131592929947c171a",
        "d5ca6bdb362c9ae89a5d5f46557a4e4a",
        "d89ad51fb5675d2e04041fe658323faa",
        "e3f76d95f517af137a6b5a91618a2023",
        "e8d003758901767330e2d33ea91c7368",
        "ec377e1a4d4f0c2e41e9628331c4f12b",
        "f906ea51280b46697efbdfd15216df41",
    ],
    // Keys of the Go standard library's tests and examples.
    &["efc6fa88af4b2e5562f04acf5caf86a9", "fcf1ac0e919acf061daa905b28dd4d58"],
    // Keys of the tests of Google's Python libraries.
    &[
        "2459d28ddf7a85c40250bc8485ba256c",
        "456eeb3cc2293023e23fe5db6b799333",
        "75256b2cc16befe0eb9a5a45f577d81f",
        "89faf29afcb637cf834e75b3ab306340",
        "8b7d46d5d7c0d6dafad2a3f66bc26ec8",
        "9b5c8f6ae14e80ac694557c97aa6dacb",
        "aa2d4dcabc07c94fc5cae68f5dfa7761",
        "aed82554c70dd7fe4744551e9b6aabc2",
        "b4f4d8be97a18b479d8180fccd147b0b",
        "c2a0c88e77c63970ce563871928683b6",
        "d9522fcdd478f80271b20dd497ab8f20",
        "e2c82586d1973058abaa036a314e8198",
        "eb78a1dfef21499fe49516d4749121bb",
        "fa2935d05b4e5f70954d473321fe06ed",
    ],
    // Examples of the AWS command line, of the reference of AWS DataSync, and of XML Security.
    &[
        "23232f46eb50a675a498b893488b170f",
        "3d15f2d54f2c87b2012cf234b39ae95f",
        "7c5d73b4fc9209cf020e997f736cdc36",
        "a367aca140b6d00dc8008bda2a361d6a",
        "a37d78386aa1ea9c320eb941f84a94a0",
    ],
    // Keys for measurements inside the openssl program, and for the self-test inside libgcrypt.
    &[
        "0ce1b98165dfc8760e9ef79f7d806f05",
        "14accebf6c1b298f1eca4ab12b58abcf",
        "198df586cfd78f1fa9941735d5d8389b",
        "3a3f6536df8fec0dc28a0571e2b412df",
        "3c4f42496cac49b6db74c2ced9190896",
        "7965216f27fbd3c374733b6c1d588586",
        "ca8fa080d0fbed2ccdf98bfddc8e2866",
    ],
    // Keystores of Jetty's and CMake's templates and of the tests of gsutil.
    &[
        "2357cb8a293e7e0c37b9cc862e9fb865",
        "31f70c2b533d1c7e6b1c63e4d91ec855",
        "87775abea8c0658e4e739206f38cb7ab",
        "91f62758dad2b8658abe00cd0fa7ec47",
    ],
];

/// Tells whether the value of this fingerprint is published.
pub(super) fn is_published(fingerprint: &str) -> bool {
    PUBLISHED.iter().any(|values| values.binary_search(&fingerprint).is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::redact::Fingerprints;
    use super::*;

    #[test]
    fn every_group_is_sorted_so_that_it_can_be_searched() {
        for values in PUBLISHED {
            assert!(values.is_sorted() && values.iter().all(|value| value.len() == 32));
        }
    }

    #[test]
    fn the_sample_of_jwt_io_is_known_by_its_exact_value() {
        let header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
        let claims = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ";
        let token = format!("{header}.{claims}.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
        let fingerprints = Fingerprints::new();
        assert!(is_published(&fingerprints.of(token.as_bytes())));
        assert!(!is_published(&fingerprints.of(&token.as_bytes()[1..])));
    }
}
