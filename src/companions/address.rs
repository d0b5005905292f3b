//! Addresses of the container itself, in commands that ask for its health.

/// `http://localhost:8501/_stcore/health` and the like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The port, written or implied by the scheme.
    pub port: u16,
    /// The path without query, `/` when there is none.
    pub path: String,
}

/// Most addresses of one text.
const MOST: usize = 16;

/// The loopback addresses that a text names, in its order; those with variables in them are left out.
#[must_use]
pub fn addresses(text: &str) -> Vec<Address> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let scheme = text[..at].rsplit(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        let implied = match scheme {
            "http" => 80,
            "https" => 443,
            _ => continue,
        };
        let rest = &text[at + 3..];
        let end = rest.find(|letter: char| letter.is_whitespace() || "\"'`;|&<>()\\,".contains(letter));
        let whole = &rest[..end.unwrap_or(rest.len())];
        if let Some(address) = read(whole, implied)
            && found.len() < MOST
        {
            found.push(address);
        }
    }
    found
}

fn read(whole: &str, implied: u16) -> Option<Address> {
    if whole.contains('$') {
        return None;
    }
    let (authority, path) = match whole.find('/') {
        Some(at) => (&whole[..at], &whole[at..]),
        None => (whole.split(['?', '#']).next().unwrap_or_default(), "/"),
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if !matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "::") {
        return None;
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => implied,
    };
    let path = path.split(['?', '#']).next().unwrap_or("/");
    Some(Address { port, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_container_itself_count() {
        let of =
            |text: &str| addresses(text).into_iter().map(|one| format!("{}{}", one.port, one.path)).collect::<Vec<_>>();
        assert_eq!(of("curl -f http://localhost:8501/_stcore/health || exit 1"), ["8501/_stcore/health"]);
        assert_eq!(of("wget -q 'https://127.0.0.1/x?y=1' http://[::1]:3000"), ["443/x", "3000/"]);
        assert_eq!(of("u.urlopen('http://0.0.0.0:80/a', timeout=5)"), ["80/a"]);
        for none in [
            "curl http://$HOST:80/",
            "http://db:80/",
            "ftp://localhost/",
            "http://localhost:x/",
            "://",
            "http://localhost:0/",
        ] {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
