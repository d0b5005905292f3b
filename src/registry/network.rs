//! Hosts, addresses and certificates: whom a request may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use base64::Engine as _;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::oci::FetchError;

/// Bytes of a file of certificates.
const MAX_CA_FILE: u64 = 4 << 20;

/// How near an address is. A registry may send us on to its own kind of addresses and to farther ones, never to nearer
/// ones: a public registry must not make this machine ask its neighbours or itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine.
    Loopback,
    /// Private networks (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// Everything else that can be routed.
    Public,
}

/// How near an address is; none for addresses no server may name: link-local, unspecified, multicast, reserved.
pub(super) fn reach_of(address: IpAddr) -> Option<Reach> {
    match address {
        IpAddr::V4(address) => reach_of_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped().or_else(|| embedded_v4(address)) {
            Some(inner) => reach_of_v4(inner),
            None => reach_of_v6(address),
        },
    }
}

fn reach_of_v4(address: Ipv4Addr) -> Option<Reach> {
    let [first, second, ..] = address.octets();
    if address.is_loopback() {
        Some(Reach::Loopback)
    } else if address.is_private() || (first == 100 && (64..128).contains(&second)) {
        Some(Reach::Private)
    } else if first == 0 || first >= 224 || address.is_link_local() || (first == 198 && (second == 18 || second == 19))
    {
        None
    } else {
        Some(Reach::Public)
    }
}

fn reach_of_v6(address: Ipv6Addr) -> Option<Reach> {
    let first = address.segments()[0];
    if address.is_loopback() {
        Some(Reach::Loopback)
    } else if first & 0xfe00 == 0xfc00 {
        Some(Reach::Private)
    } else if address.is_unspecified() || address.is_multicast() || first & 0xffc0 == 0xfe80 {
        None
    } else {
        Some(Reach::Public)
    }
}

/// The IPv4 address behind a translated one (NAT64, RFC 6052; 6to4, RFC 3056): a detour to it must not be free.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

/// Whether a host (without port) is this machine by its very name.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| reach_of(address) == Some(Reach::Loopback))
}

/// The nearest that redirects and token services of this registry may be. A name with several addresses counts as its
/// farthest; one that cannot be resolved here (behind a proxy) counts as public.
pub(super) async fn reach_of_host(url: &Url) -> Reach {
    let Some(host) = url.host_str() else { return Reach::Public };
    if is_loopback_host(host) {
        return Reach::Loopback;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    match tokio::net::lookup_host((bare, port)).await {
        Ok(found) => found.filter_map(|address| reach_of(address.ip())).max().unwrap_or(Reach::Public),
        Err(_) => Reach::Public,
    }
}

/// The name that a registry sent us to is nearer than the registry itself.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no address where the registry may send us")]
pub(super) struct Fenced(String);

/// Resolves names and drops every address that is nearer than allowed, so that the address that was checked is the one
/// that is connected to.
#[derive(Debug, Clone, Copy)]
pub(super) struct FencedResolver {
    /// The nearest that is allowed.
    pub nearest: Reach,
}

impl Resolve for FencedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let nearest = self.nearest;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| is_allowed(address.ip(), nearest)).collect();
            if allowed.is_empty() {
                return Err(Fenced(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

pub(super) fn is_allowed(address: IpAddr, nearest: Reach) -> bool {
    reach_of(address).is_some_and(|reach| reach >= nearest)
}

/// Checks an address that the registry names (a redirect or a token service): scheme, user part, literal address.
///
/// # Errors
/// A sentence fragment that names host and reason.
pub(super) fn check_named_url(url: &Url, plain_http_allowed: bool, nearest: Reach) -> Result<(), String> {
    let host = url.host_str().ok_or("its address has no host")?;
    let shown = host.escape_debug();
    match url.scheme() {
        "https" => {}
        "http" if plain_http_allowed => {}
        other => return Err(format!("`{}://{shown}` is not https", other.escape_debug())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the address at `{shown}` holds a user name"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let near = match bare.parse::<IpAddr>() {
        Ok(address) => !is_allowed(address, nearest),
        Err(_) => nearest > Reach::Loopback && is_loopback_host(bare.trim_end_matches('.')),
    };
    if near {
        return Err(format!("`{shown}` is an address of this machine or network, where the registry is not"));
    }
    Ok(())
}

/// Reads certificates in PEM form (RFC 7468) to their DER bytes.
///
/// # Errors
/// [`FetchError::Usage`] when a file cannot be read, holds no certificate, or anything that is not one.
pub(super) fn read_ca_file(path: &Path) -> Result<Vec<Vec<u8>>, FetchError> {
    use std::io::Read as _;
    let problem = |why: String| FetchError::Usage(format!("the certificate file `{}` {why}", path.display()));
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "the edge reads the user's certificate files")]
    let file = std::fs::File::open(path).map_err(|error| problem(format!("cannot be opened: {error}")))?;
    file.take(MAX_CA_FILE).read_to_string(&mut text).map_err(|error| problem(format!("cannot be read: {error}")))?;
    parse_certificates(&text).map_err(problem)
}

fn parse_certificates(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut certificates = Vec::new();
    let mut body: Option<String> = None;
    for line in text.lines().map(str::trim) {
        match (&mut body, line) {
            (None, "-----BEGIN CERTIFICATE-----") => body = Some(String::new()),
            (None, line) if line.starts_with("-----BEGIN ") => {
                return Err(format!("holds something that is no certificate: `{}`", line.escape_debug()));
            }
            (None, _) => {}
            (Some(base64), "-----END CERTIFICATE-----") => {
                let der = base64::engine::general_purpose::STANDARD
                    .decode(base64.as_bytes())
                    .map_err(|_| "holds a certificate that is not base64".to_owned())?;
                if !is_certificate(&der) {
                    return Err("holds a certificate that is damaged".to_owned());
                }
                certificates.push(der);
                body = None;
            }
            (Some(base64), line) => base64.push_str(line),
        }
    }
    if body.is_some() {
        return Err("ends in the middle of a certificate".to_owned());
    }
    if certificates.is_empty() {
        return Err("holds no certificate in PEM form".to_owned());
    }
    Ok(certificates)
}

/// Whether the bytes are one DER sequence that starts with another one, as every certificate does (RFC 5280, 4.1).
fn is_certificate(der: &[u8]) -> bool {
    let Some((content, rest)) = sequence(der) else { return false };
    rest.is_empty() && sequence(content).is_some_and(|(to_be_signed, _)| !to_be_signed.is_empty())
}

/// Splits a DER sequence into its content and what follows it.
fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x30, first], rest) = der.split_first_chunk::<2>()? else { return None };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Option<Reach> {
        reach_of(text.parse().expect("an address"))
    }

    #[test]
    fn addresses_are_told_apart() {
        for near in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"] {
            assert_eq!(reach(near), Some(Reach::Loopback), "{near}");
        }
        for private in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            assert_eq!(reach(private), Some(Reach::Private), "{private}");
        }
        for public in ["1.1.1.1", "100.128.0.1", "2606:4700::1111"] {
            assert_eq!(reach(public), Some(Reach::Public), "{public}");
        }
        for never in ["169.254.169.254", "0.0.0.0", "::", "fe80::1", "224.0.0.1", "255.255.255.255", "ff02::1"] {
            assert_eq!(reach(never), None, "{never}");
        }
    }

    #[test]
    fn a_registry_names_no_address_nearer_than_itself() {
        let check = |url: &str, plain, nearest| check_named_url(&url.parse().expect("a URL"), plain, nearest).is_ok();
        assert!(check("https://cdn.example/x", false, Reach::Public));
        assert!(!check("http://cdn.example/x", false, Reach::Public));
        assert!(check("http://cdn.example/x", true, Reach::Public));
        assert!(!check("ftp://cdn.example/x", true, Reach::Public));
        assert!(!check("https://user:pw@cdn.example/x", false, Reach::Public));
        for near in [
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://localhost./x",
            "https://[::1]/",
            "https://10.1.1.1/",
        ] {
            assert!(!check(near, false, Reach::Public), "{near}");
            assert!(check(near, false, Reach::Loopback), "{near}");
        }
        assert!(check("https://10.1.1.1/", false, Reach::Private));
        assert!(!check("https://127.0.0.1/", false, Reach::Private));
        assert!(!check("http://169.254.169.254/latest", true, Reach::Loopback));
        assert!(!check("https://0x7f000001/x", false, Reach::Public), "URLs normalise odd spellings of addresses");
    }

    #[test]
    fn junk_is_no_certificate() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMAQwAgUA\n-----END CERTIFICATE-----\n";
        assert_eq!(parse_certificates(certificate).expect("well formed").len(), 1);
        assert_eq!(parse_certificates(&format!("text\n{certificate}{certificate}")).expect("well formed").len(), 2);
        for (junk, part) in [
            ("", "no certificate"),
            ("hello", "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nMAQwAgUA\n", "ends in the middle"),
            ("-----BEGIN CERTIFICATE-----\nhello!\n-----END CERTIFICATE-----", "base64"),
            ("-----BEGIN CERTIFICATE-----\nMAUwAgUA\n-----END CERTIFICATE-----", "damaged"),
            ("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----", "damaged"),
            ("-----BEGIN PRIVATE KEY-----\nMAQwAgUA\n-----END PRIVATE KEY-----", "no certificate"),
        ] {
            let problem = parse_certificates(junk).expect_err(junk);
            assert!(problem.contains(part), "{problem}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_fenced_resolver_drops_addresses_that_are_too_near() {
        let name = || "localhost".parse::<Name>().expect("a name");
        assert!(FencedResolver { nearest: Reach::Public }.resolve(name()).await.is_err());
        assert!(FencedResolver { nearest: Reach::Loopback }.resolve(name()).await.is_ok());
    }
}
