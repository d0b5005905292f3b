//! What a health check asks, read from its words: a URL, a port, or only a program.

use crate::model::{Healthcheck, ImageConfig};

use super::history_text::{commands, program};

/// Programs that fetch a URL.
const FETCHERS: &[&str] = &["curl", "wget", "http", "https", "httpie", "xh"];
/// Programs that ask for something else than a page.
const OTHERS: &[&str] = &[
    "true",
    "false",
    "exit",
    "test",
    "[",
    "kill",
    "pgrep",
    "pidof",
    "ps",
    "pg_isready",
    "psql",
    "redis-cli",
    "mysqladmin",
    "mysql",
    "mariadb-admin",
    "mongosh",
    "mongo",
    "rabbitmq-diagnostics",
    "rabbitmqctl",
    "cat",
    "ls",
    "stat",
    "find",
    "systemctl",
    "supervisorctl",
];

/// What a health check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probe {
    /// A page: port and path.
    Http {
        /// The port, that of the scheme when none is written.
        port: Result<u16, Unclear>,
        /// The path without query, `/` when none is written.
        path: Result<String, Unclear>,
    },
    /// Whether somebody listens on a port.
    Tcp {
        /// The port.
        port: Result<u16, Unclear>,
    },
    /// A program that asks for something else.
    Command(String),
    /// A program that may ask for anything.
    Unknown(String),
}

/// Why a part of a probe is not known: a variable's name, or the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclear(pub(super) String);

/// The command of a health check; none without one.
pub(super) fn command(check: &Healthcheck) -> Option<(bool, &[String])> {
    match check.test.as_slice() {
        [kind, rest @ ..] if kind == "CMD" && !rest.is_empty() => Some((false, rest)),
        [kind, rest @ ..] if kind == "CMD-SHELL" && !rest.is_empty() => Some((true, rest)),
        _ => None,
    }
}

impl Probe {
    /// Reads the health check of a config; none without one.
    pub(super) fn of(config: &ImageConfig) -> Option<Self> {
        let (mut shell, words) = command(config.healthcheck.as_ref()?)?;
        // `["CMD", "sh", "-c", "…"]` is a shell as well.
        let words = match words {
            [name, option, text] if name.ends_with("sh") && option.starts_with('-') && option.ends_with('c') => {
                shell = true;
                std::slice::from_ref(text)
            }
            words => words,
        };
        let expand = |text: &str| if shell { expand(text, config) } else { text.to_owned() };
        let texts: Vec<String> = words.iter().map(|word| expand(word)).collect();
        if let Some(probe) = texts.iter().find_map(|text| url(text)) {
            return Some(probe);
        }
        let lists: Vec<Vec<&str>> = if shell {
            texts.iter().flat_map(|text| commands(text)).collect()
        } else {
            vec![texts.iter().map(String::as_str).collect()]
        };
        let first = lists.iter().find_map(|words| Self::of_command(words));
        let name = lists.first().map_or("", |words| program(words));
        Some(first.unwrap_or_else(|| {
            if OTHERS.contains(&name) { Self::Command(name.to_owned()) } else { Self::Unknown(name.to_owned()) }
        }))
    }

    fn of_command(words: &[&str]) -> Option<Self> {
        let name = program(words);
        let arguments = || words.iter().skip(1).filter(|word| !word.starts_with('-'));
        if FETCHERS.contains(&name) {
            return arguments().find(|word| is_own_host(word)).and_then(|word| url(&format!("http://{word}")));
        }
        if matches!(name, "nc" | "ncat" | "netcat") {
            return Some(Self::Tcp { port: port(arguments().next_back()?) });
        }
        let device = words.iter().find_map(|word| word.split_once("/dev/tcp/"))?;
        let (_, text) = device.1.split_once('/')?;
        Some(Self::Tcp { port: port(text) })
    }
}

fn is_own_host(word: &str) -> bool {
    ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"]
        .iter()
        .any(|host| word.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])))
}

fn port(text: &str) -> Result<u16, Unclear> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| Unclear(text.to_owned()))
}

/// The first URL in a text: of a word, or of a program such as `urlopen('http://…')`.
fn url(text: &str) -> Option<Probe> {
    let (scheme_port, rest) = match (text.find("http://"), text.find("https://")) {
        (Some(plain), secure) if secure.is_none_or(|secure| plain < secure) => (80, &text[plain + 7..]),
        (_, Some(secure)) => (443, &text[secure + 8..]),
        _ => return None,
    };
    let end = rest.find(|letter: char| letter.is_whitespace() || "'\"`)<>|;,\\".contains(letter)).unwrap_or(rest.len());
    let rest = &rest[..end];
    let (host, path) = match rest.find(['/', '?', '#']) {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, ""),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // An address of version 6 holds colons itself.
    let port_text = match host.rsplit_once(']') {
        Some((_, behind)) => behind.strip_prefix(':'),
        None => host.split_once(':').map(|(_, port)| port),
    };
    let is_unclear = |text: &str| text.contains(['$', '{', '%']);
    Some(Probe::Http {
        port: port_text.map_or(Ok(scheme_port), port),
        path: if is_unclear(path) {
            Err(Unclear(path.to_owned()))
        } else {
            Ok(if path.is_empty() { "/".to_owned() } else { path.to_owned() })
        },
    })
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}` by what the image sets; what it does not set stays.
fn expand(text: &str, config: &ImageConfig) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let braced = rest[1..].strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, default, length) = if let Some((inner, _)) = braced {
            let (name, default) = inner.split_once(":-").or_else(|| inner.split_once('-')).unwrap_or((inner, ""));
            (name, default, inner.len() + 3)
        } else {
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let letters = rest[1..].bytes().take_while(is_letter).count();
            (&rest[1..=letters], "", letters + 1)
        };
        match config.env_value(name).filter(|value| !value.is_empty()) {
            Some(value) => plain.push_str(value),
            None if default.is_empty() => plain.push_str(&rest[..length]),
            None => plain.push_str(default),
        }
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    fn probe(text: &str) -> Probe {
        Probe::of(&image(text).config).expect(text)
    }

    fn http(port: u16, path: &str) -> Probe {
        Probe::Http { port: Ok(port), path: Ok(path.to_owned()) }
    }

    #[test]
    fn a_page_is_read_from_every_usual_form() {
        for text in [
            "healthcheck CMD curl -f http://localhost:8501/_stcore/health",
            "healthcheck CMD-SHELL curl --fail http://127.0.0.1:8501/_stcore/health?x=1 || exit 1",
            "healthcheck CMD-SHELL wget -qO- localhost:8501/_stcore/health",
            "env PORT=8501\nhealthcheck CMD-SHELL curl -f \"http://localhost:${PORT}/_stcore/health\"",
            "healthcheck CMD-SHELL curl -f http://[::1]:${PORT:-8501}/_stcore/health",
            "healthcheck [\"CMD\", \"python\", \"-c\", \"import urllib.request as u;u.urlopen('http://localhost:8501/_stcore/health',timeout=5)\"]",
            "healthcheck [\"CMD\", \"sh\", \"-c\", \"curl http://localhost:8501/_stcore/health\"]",
        ] {
            assert_eq!(probe(text), http(8501, "/_stcore/health"), "{text}");
        }
        assert_eq!(probe("healthcheck CMD curl https://localhost"), http(443, "/"));
        assert_eq!(probe("healthcheck CMD curl -f localhost"), http(80, "/"));
    }

    #[test]
    fn what_is_no_page_or_cannot_be_read_is_told_apart() {
        assert_eq!(probe("healthcheck CMD nc -z localhost 5432"), Probe::Tcp { port: Ok(5432) });
        assert_eq!(probe("healthcheck CMD-SHELL exec 3<>/dev/tcp/localhost/80"), Probe::Tcp { port: Ok(80) });
        assert_eq!(probe("healthcheck CMD pg_isready -U app"), Probe::Command("pg_isready".to_owned()));
        assert_eq!(probe("healthcheck CMD /app/health"), Probe::Unknown("health".to_owned()));
        let unclear = probe("healthcheck CMD-SHELL curl http://localhost:$PORT/");
        assert_eq!(unclear, Probe::Http { port: Err(Unclear("$PORT".to_owned())), path: Ok("/".to_owned()) });
        let exec = probe("env PORT=80\nhealthcheck CMD curl http://localhost:$PORT/");
        assert_eq!(exec, unclear, "no shell, so nothing replaces the variable");
        assert_eq!(Probe::of(&image("healthcheck NONE").config), None);
        assert_eq!(Probe::of(&image("").config), None);
    }

    #[test]
    fn odd_dollars_do_no_harm() {
        let config = image("env A=é").config;
        for (text, wanted) in
            [("$", "$"), ("a$", "a$"), ("$é", "$é"), ("${A", "${A"), ("$A$A", "éé"), ("${}", "${}"), ("$$", "$$")]
        {
            assert_eq!(expand(text, &config), wanted, "{text}");
        }
    }
}
