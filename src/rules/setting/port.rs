//! Ports, as a policy names them and as an image declares them.

use std::fmt;

/// A transport protocol that a port can be declared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    fn read(text: &str) -> Option<Self> {
        [(Self::Tcp, "tcp"), (Self::Udp, "udp"), (Self::Sctp, "sctp")]
            .into_iter()
            .find(|(_, name)| text.eq_ignore_ascii_case(name))
            .map(|(protocol, _)| protocol)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// A port with its protocol: `8501/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// From 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.protocol)
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number != 0)
}

fn parse(text: &str) -> Result<Port, String> {
    let bad = || format!("`{text}` is not a port: write number/protocol, such as `8501/tcp` (tcp, udp or sctp)");
    let Some((digits, protocol)) = text.split_once('/') else {
        return Err(match number(text) {
            Some(number) => format!("`{text}` lacks its protocol: write `{number}/tcp`"),
            None => bad(),
        });
    };
    match (number(digits), Protocol::read(protocol)) {
        (Some(number), Some(protocol)) => Ok(Port { number, protocol }),
        _ => Err(bad()),
    }
}

super::text_setting!(
    Port,
    expected: "a port with its protocol, such as `8501/tcp`",
    parse: parse,
    pattern: "^[0-9]{1,5}/(tcp|udp|sctp|TCP|UDP|SCTP)$",
    about: "A port and its protocol, such as 8501/tcp."
);

/// What one member of the config's `ExposedPorts` declares: a port or a range of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    first: u16,
    last: u16,
    protocol: Protocol,
}

impl Declared {
    /// Reads `8501/tcp`, `8501` (which is TCP) or `8000-8010/udp`; none when it is nothing of that kind.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (numbers, protocol) = match text.split_once('/') {
            Some((numbers, protocol)) => (numbers, Protocol::read(protocol)?),
            None => (text, Protocol::Tcp),
        };
        let (first, last) = match numbers.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(numbers)?, number(numbers)?),
        };
        (first <= last).then_some(Self { first, last, protocol })
    }

    /// Whether it declares this port.
    #[must_use]
    pub fn contains(self, port: Port) -> bool {
        self.protocol == port.protocol && (self.first..=self.last).contains(&port.number)
    }

    /// Whether it declares nothing but these ports.
    #[must_use]
    pub fn is_within(self, ports: &[Port]) -> bool {
        (self.first..=self.last).all(|number| ports.contains(&Port { number, protocol: self.protocol }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_port_has_a_protocol() {
        assert_eq!(read("8501/tcp"), Ok(Port { number: 8501, protocol: Protocol::Tcp }));
        assert_eq!(read("53/UDP"), Ok(Port { number: 53, protocol: Protocol::Udp }));
        assert_eq!(read::<Port>("'8501'").expect_err("bare"), "1:4: `8501` lacks its protocol: write `8501/tcp`");
        assert!(
            read::<Port>("8501")
                .is_err_and(|error| error.contains("a port with its protocol, such as `8501/tcp` is wanted"))
        );
        for bad in ["0/tcp", "65536/tcp", "80/http", "80-90/tcp", "+80/tcp", "x", "/tcp"] {
            assert!(read::<Port>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn images_declare_ports_in_several_forms() {
        let port = |text: &str| parse(text).expect(text);
        let declares = |text: &str, wanted: &str| Declared::read(text).is_some_and(|it| it.contains(port(wanted)));
        assert!(declares("8501", "8501/tcp"));
        assert!(declares("8501/TCP", "8501/tcp"));
        assert!(!declares("8501/udp", "8501/tcp"));
        assert!(declares("8000-8010/tcp", "8005/tcp"));
        assert!(!declares("8000-8010/tcp", "8011/tcp"));
        for odd in ["", "x", "0/tcp", "70000/tcp", "10-9/tcp", "80/tcp/x", "$PORT/tcp"] {
            assert_eq!(Declared::read(odd), None, "{odd}");
        }
    }
}
