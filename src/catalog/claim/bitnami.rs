//! `.bitnami_components.json`: the components that older Bitnami images list.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, Takes, field, json};
use crate::model::{Method, Package, PackageKind, Presence};

/// Bitnami's list.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "bitnami-components",
    what: "components of Bitnami images: .bitnami_components.json",
    takes: Takes::Path(|path| field::is_named(path, ".bitnami_components.json")),
    limit: 4 << 20,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    for (name, component) in json::members(Some(&root)) {
        let Some(name) = field::line(name) else { continue };
        let version = json::text(component, "version").unwrap_or_else(|| {
            findings.gaps.push(format!("`{name}` has no version"));
            String::new()
        });
        let mut package = Package::new(PackageKind::Bitnami, name, version, Method::Claim);
        package.presence = Presence::Claimed;
        package.arch = json::text(component, "arch");
        package.qualifiers.extend(json::text(component, "distro").map(|distro| ("distro".to_owned(), distro)));
        findings.packages.push(package);
    }
    findings.gaps.truncate(50);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_claims() {
        let text = br#"{"redis":{"arch":"amd64","distro":"debian-12","type":"NAMI","version":"7.2.4-3"},"x":{}}"#;
        let input = Input { path: "opt/bitnami/.bitnami_components.json", bytes: text, size: text.len() as u64 };
        let findings = parse(&input).expect("findings");
        let redis = &findings.packages[0];
        assert_eq!(
            (redis.name.as_str(), redis.version.as_str(), redis.arch.as_deref()),
            ("redis", "7.2.4-3", Some("amd64"))
        );
        assert_eq!((redis.presence, redis.qualifiers["distro"].as_str()), (Presence::Claimed, "debian-12"));
        assert_eq!(findings.gaps, ["`x` has no version"]);
    }
}
