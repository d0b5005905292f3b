//! Whether letters look like words: people name things with words, and secrets are made of none.

/// How well each pair of letters fits English and the names in programs: a row per first letter, a digit per second letter,
/// 5 where the pair is as frequent as chance would have it. Counted over the vocabulary of manuals and source comments.
const PAIRS: [&[u8; 26]; 26] = [
    b"25651241503757050767432130",
    b"74547320740832720663610041",
    b"71527207506520820547500020",
    b"63449332821523610563531030",
    b"53674441301657242876143430",
    b"63347720800622700555600040",
    b"61218256700536620763611031",
    b"81028000702444710645402040",
    b"55655450002658640466150204",
    b"73458410633334743061714013",
    b"62249344733424640374503040",
    b"72248210802722730155520060",
    b"85228100701351670152500030",
    b"61666481613314520177430021",
    b"34552341313668550755645210",
    b"70328115602711760756500040",
    b"20322000000632022353932000",
    b"72458240703454730466431040",
    b"51528216703432651178602030",
    b"71428216801421620765412051",
    b"56545340502667350777010201",
    b"81309100800001610132200010",
    b"81237216702516730663102020",
    b"63637104700352480148320330",
    b"64536342612666580476333022",
    b"71029224703341520133400045",
];

/// Least mean of the digits in a word, times ten. 97 of 100 words of 8 letters reach it, 5 of 100 random strings do.
const LEAST: usize = 48;

/// Words of fewer letters say nothing.
const SHORTEST: usize = 3;

/// Tells whether a run of letters could be a word.
pub(super) fn is_word(letters: &[u8]) -> bool {
    if letters.len() < SHORTEST || letters.len() > 24 {
        return false;
    }
    let index = |byte: u8| usize::from(byte.to_ascii_lowercase().wrapping_sub(b'a'));
    let digits = letters.windows(2).map(|pair| {
        PAIRS.get(index(pair[0])).and_then(|row| row.get(index(pair[1]))).map_or(0, |digit| usize::from(digit - b'0'))
    });
    digits.sum::<usize>() * 10 >= LEAST * (letters.len() - 1)
}

/// Gives the parts of a name: runs of letters, cut where a capital follows a small letter or begins a word after capitals,
/// and runs of digits.
pub(super) fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(u8::is_ascii_alphanumeric)?;
        rest = &rest[start..];
        let digits = rest[0].is_ascii_digit();
        let mut end = 1;
        while let Some(&byte) = rest.get(end) {
            let before = rest[end - 1];
            let goes_on = if digits {
                byte.is_ascii_digit()
            } else {
                let capital = byte.is_ascii_uppercase();
                let ends_capitals =
                    capital && before.is_ascii_uppercase() && rest.get(end + 1).is_some_and(u8::is_ascii_lowercase);
                byte.is_ascii_alphabetic() && !(capital && before.is_ascii_lowercase()) && !ends_capitals
            };
            if !goes_on {
                break;
            }
            end += 1;
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// Counts the characters that are in words, and those that are in other letters and digits.
fn shares(text: &[u8]) -> (usize, usize) {
    let (mut in_words, mut others) = (0, 0);
    for part in parts(text) {
        if part[0].is_ascii_alphabetic() && is_word(part) {
            in_words += part.len();
        } else {
            others += part.len();
        }
    }
    (in_words, others)
}

/// Tells whether words make up most of the text, so that it is a name rather than a secret.
pub(super) fn is_wordy(text: &[u8]) -> bool {
    let (in_words, others) = shares(text);
    in_words >= 4 && in_words * 10 >= (in_words + others) * 8
}

/// Tells whether words make up half of the text.
pub(super) fn is_partly_wordy(text: &[u8]) -> bool {
    let (in_words, others) = shares(text);
    in_words >= 4 && in_words >= others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        parts(text.as_bytes()).map(|part| std::str::from_utf8(part).expect("ASCII")).collect()
    }

    #[test]
    fn names_are_cut_into_their_parts() {
        assert_eq!(split("dbPassword2"), ["db", "Password", "2"]);
        assert_eq!(split("HTTPServer_port-8080"), ["HTTP", "Server", "port", "8080"]);
        assert_eq!(split("--"), Vec::<&str>::new());
    }

    #[test]
    fn names_are_wordy_and_random_strings_are_not() {
        for text in
            ["password_reset_token", "getAccessToken", "my-secret-name", "client.registration.key", "userCredentials"]
        {
            assert!(is_wordy(text.as_bytes()), "{text}");
        }
        for text in ["kR7vQ2mZx9Lp", "xkqzvwjh", "9f86d081884c", "Wq#4tz", "x7", ""] {
            assert!(!is_wordy(text.as_bytes()), "{text}");
        }
    }
}
