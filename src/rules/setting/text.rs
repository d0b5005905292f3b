//! Words of people and of machines.

/// Text that says something: not empty, not only blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub String);

super::text_setting!(
    Words,
    expected: "some words",
    parse: |text| match text.trim() {
        "" => Err("this must not be empty".to_owned()),
        text => Ok(Words(text.to_owned())),
    },
    pattern: r"\S",
    about: "Text that is not empty."
);

/// The fingerprint of a secret's value, as reports print it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub String);

super::text_setting!(
    Fingerprint,
    expected: "a fingerprint: 32 hexadecimal digits in quotes",
    parse: |text| {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 32 && is_hex {
            Ok(Fingerprint(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a fingerprint: copy the 32 lower-case hexadecimal digits from the report"))
        }
    },
    pattern: "^[0-9a-f]{32}$",
    about: "32 lower-case hexadecimal digits, as the report prints them."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn words_say_something_and_fingerprints_are_whole() {
        assert_eq!(read("' a b '"), Ok(Words("a b".to_owned())));
        assert!(read::<Words>("' '").is_err());
        assert!(read::<Fingerprint>("0123456789abcdef0123456789abcdef").is_ok());
        assert!(read::<Fingerprint>("0123456789abcdef").is_err_and(|error| error.contains("is not a fingerprint")));
        assert!(read::<Fingerprint>("0123456789ABCDEF0123456789ABCDEF").is_err());
    }
}
