//! `WWW-Authenticate` (RFC 9110, section 11.6.1): which schemes a registry takes.

/// Challenges of one answer that are looked at.
const MAX_CHALLENGES: usize = 16;
/// Parameters of one challenge that are looked at.
const MAX_PARAMETERS: usize = 32;

/// One way to authenticate that a registry offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token from a token service (distribution's token specification).
    Bearer {
        /// Address of the token service.
        realm: String,
        /// Name of the registry for the token service.
        service: Option<String>,
        /// Scopes asked for, separated by spaces.
        scope: Option<String>,
    },
    /// User name and password with every request (RFC 7617).
    Basic,
}

/// Reads all challenges of all header fields; schemes that nobody knows are left out.
pub(super) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for header in headers {
        let mut scanner = Scanner { rest: header };
        while let Some((scheme, parameters)) = scanner.challenge() {
            let get = |name: &str| {
                let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
            };
            if scheme.eq_ignore_ascii_case("basic") {
                challenges.push(Challenge::Basic);
            } else if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = get("realm")
            {
                challenges.push(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
            }
            if challenges.len() == MAX_CHALLENGES {
                return challenges;
            }
        }
    }
    challenges
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_token = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        let end = self.rest.find(|letter| !is_token(letter)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A scheme and its parameters. A token that is followed by `=` is a parameter, any other starts a new challenge.
    fn challenge(&mut self) -> Option<(&'a str, Vec<(&'a str, String)>)> {
        self.skip_separators();
        let scheme = self.token()?;
        let mut parameters = Vec::new();
        loop {
            let before = self.rest;
            self.skip_separators();
            let Some(name) = self.token() else { break };
            let after = self.rest.trim_start_matches([' ', '\t']);
            let Some(value) = after.strip_prefix('=') else {
                self.rest = before;
                break;
            };
            self.rest = value.trim_start_matches([' ', '\t', '=']);
            let value = self.value();
            if parameters.len() < MAX_PARAMETERS {
                parameters.push((name, value));
            }
        }
        Some((scheme, parameters))
    }

    fn value(&mut self) -> String {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            // Unquoted values with `/` and `:` occur, though the grammar asks for quotes.
            let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
            let (value, rest) = self.rest.split_at(end);
            self.rest = rest;
            return value.to_owned();
        };
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        while let Some((index, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &quoted[index + 1..];
                    return value;
                }
                '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        self.rest = "";
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn a_comma_in_a_quoted_scope_separates_nothing() {
        let header = r#"Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push""#;
        assert_eq!(
            parse([header]),
            [bearer("https://auth.example/token", Some("reg"), Some("repository:a/b:pull,push"))]
        );
    }

    #[test]
    fn several_challenges_may_share_one_header_or_not() {
        let both = [Challenge::Basic, bearer("https://a/t", None, None)];
        assert_eq!(parse([r#"Basic realm="x", Bearer realm="https://a/t""#]), both);
        assert_eq!(parse([r#"Basic realm="x""#, r#"bearer realm="https://a/t""#]), both);
        assert_eq!(parse([r#"Negotiate, Basic, Bearer realm = "https://a/t" "#]), both);
    }

    #[test]
    fn escapes_are_undone_and_unquoted_values_are_taken() {
        assert_eq!(parse([r#"Bearer realm=https://a/t,service="a\"b""#]), [bearer("https://a/t", Some("a\"b"), None)]);
    }

    #[test]
    fn nonsense_is_no_challenge_and_ends() {
        for text in
            ["", "Bearer", "Bearer realm=\"\"", "=,=,\"", "Bearer service=\"x\"", "Digest qop=1, x", "Bearer realm"]
        {
            assert_eq!(parse([text]), [], "{text}");
        }
        assert_eq!(parse(["Basic,".repeat(1000).as_str()]).len(), MAX_CHALLENGES);
    }

    proptest::proptest! {
        #[test]
        fn no_header_hangs_or_panics(text in "[ -~]{0,200}") {
            let _ = parse([text.as_str()]);
        }
    }
}
