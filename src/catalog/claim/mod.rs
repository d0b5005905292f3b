//! Bills of materials inside the image: what they say is claimed, whatever else the image shows.

mod bitnami;
mod cyclonedx;
mod spdx;

use serde_json::Value;

use crate::model::{Method, Package, PackageKind, Presence, Purl};

use super::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json, xml};

pub(super) use bitnami::CATALOGER as BITNAMI;

/// Bills of materials.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "sbom-claim",
    what: "bills of materials inside the image: SPDX and CycloneDX",
    takes: Takes::Path(is_document),
    limit: TEXT,
    parse,
};

/// Most packages of one document.
const PACKAGES: usize = 50_000;

/// Whether a path is that of a bill of materials.
pub(super) fn is_document(path: &str) -> bool {
    const ENDS: &[&str] = &[".spdx", ".spdx.json", ".cdx.json", ".cdx.xml", ".bom.json", ".spdx3.json"];
    // Cheap for nearly all paths.
    if !path.ends_with(['x', 'n', 'l']) {
        return false;
    }
    if ENDS.iter().any(|end| field::ends_with(path, end)) {
        return true;
    }
    let (folder, name) = field::split(path);
    let is_place = field::ends_with(folder, ".dist-info/sboms") || field::is_named(folder, "sbom");
    is_place && (field::has_extension(name, "json") || field::has_extension(name, "xml"))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    Ok(document(input.bytes, input.path))
}

/// The packages that a document names.
pub(super) fn document(bytes: &[u8], path: &str) -> Findings {
    let text = field::text(bytes);
    let start = text.trim_start();
    let mut findings = Findings::default();
    if start.starts_with('{') {
        let json::Document { root, damage } = json::parse(bytes);
        if root.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") {
            cyclonedx::of_json(&root, &mut findings.packages);
        } else if root.get("spdxVersion").is_some() {
            spdx::of_json(&root, &mut findings.packages);
        } else if root.get("@graph").is_some() {
            spdx::of_graph(&root, &mut findings.packages);
        } else if damage.is_none() {
            return findings;
        }
        findings.gaps.extend(damage);
    } else if start.starts_with('<') {
        let (root, damage) = xml::parse(&text);
        if let Some(root) = root.filter(|root| root.name == "bom") {
            cyclonedx::of_xml(&root, &mut findings.packages);
            findings.gaps.extend(damage);
        }
    } else if start.starts_with("SPDXVersion:") || (start.starts_with('#') && text.contains("\nSPDXVersion:")) {
        spdx::of_tags(&text, &mut findings.packages);
    } else if bytes.is_empty() || field::ends_with(path, ".cdx.json") || field::ends_with(path, ".spdx.json") {
        findings.gaps.push("neither SPDX nor CycloneDX".to_owned());
    }
    if findings.packages.len() > PACKAGES {
        findings.gaps.push(format!("only the first {PACKAGES} of {} packages were looked at", findings.packages.len()));
        findings.packages.truncate(PACKAGES);
    }
    findings
}

/// A claimed package of a name and a version, with its purl if the document gives one.
fn claimed(name: &str, version: Option<&str>, purl: Option<&str>) -> Option<Package> {
    let given = purl.map(|purl| field::cut(purl.trim(), 4096));
    let parsed = given.and_then(|purl| purl.parse::<Purl>().ok());
    let version = version.and_then(field::line);
    let mut package = match parsed {
        Some(Purl { kind, namespace, name, version: in_purl, mut qualifiers, subpath: _ }) => {
            let known = kind_of(&kind);
            let version = in_purl.as_deref().and_then(field::line).or(version).unwrap_or_default();
            let mut package =
                Package::new(known.unwrap_or(PackageKind::Generic), field::line(&name)?, version, Method::Claim);
            package.namespace = namespace.as_deref().and_then(field::line);
            package.arch = qualifiers.remove("arch");
            package.qualifiers = qualifiers
                .into_iter()
                .filter_map(|(key, value)| Some((field::line(&key)?, field::line(&value)?)))
                .collect();
            if known.is_none() {
                package.properties.extend(given.and_then(field::line).map(|purl| ("claim:purl".to_owned(), purl)));
            }
            package
        }
        None => Package::new(PackageKind::Generic, field::line(name)?, version.unwrap_or_default(), Method::Claim),
    };
    package.presence = Presence::Claimed;
    Some(package)
}

fn kind_of(purl_type: &str) -> Option<PackageKind> {
    const KINDS: &[PackageKind] = &[
        PackageKind::Apk,
        PackageKind::Alpm,
        PackageKind::Bitnami,
        PackageKind::Cargo,
        PackageKind::Composer,
        PackageKind::Conan,
        PackageKind::Conda,
        PackageKind::Cran,
        PackageKind::Deb,
        PackageKind::Ebuild,
        PackageKind::Gem,
        PackageKind::Generic,
        PackageKind::Golang,
        PackageKind::Luarocks,
        PackageKind::Maven,
        PackageKind::Nix,
        PackageKind::Npm,
        PackageKind::Nuget,
        PackageKind::Hex,
        PackageKind::Pypi,
        PackageKind::Rpm,
        PackageKind::Swift,
    ];
    KINDS.iter().copied().find(|kind| kind.purl_type() == purl_type)
}

/// A value, unless it stands for none.
fn said(value: Option<&str>) -> Option<String> {
    value.and_then(field::line).filter(|value| value != "NOASSERTION" && value != "NONE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Vec<String> {
        let findings = document(bytes, "x.spdx");
        assert_eq!(findings.gaps, Vec::<String>::new());
        findings
            .packages
            .iter()
            .map(|package| {
                assert_eq!((package.presence, package.method), (Presence::Claimed, Method::Claim));
                let namespace = package.namespace.as_deref().unwrap_or("-");
                format!(
                    "{} {namespace} {} {} {}",
                    package.kind.purl_type(),
                    package.name,
                    package.version,
                    package.supplier.as_deref().unwrap_or("-")
                )
            })
            .collect()
    }

    #[test]
    fn documents_are_known_by_their_names() {
        for path in [
            "var/lib/db/sbom/curl-8-r0.spdx.json",
            "a/x.dist-info/sboms/a.json",
            "opt/bitnami/redis/.spdx-redis.spdx",
            "a/b.CDX.json",
            "META-INF/sbom/application.json",
            "x.bom.json",
        ] {
            assert!(is_document(path), "{path}");
        }
        for path in ["a/sbom.json", "a/b.json", "spdx", "x.dist-info/METADATA"] {
            assert!(!is_document(path), "{path}");
        }
    }

    #[test]
    fn spdx_in_json_names_packages() {
        let text = br#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"curl","versionInfo":"8.9-r2","supplier":"Organization: Wolfi (w@host.example)",
            "licenseDeclared":"MIT","checksums":[{"algorithm":"SHA256","checksumValue":"00"}],"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:apk/wolfi/curl@8.9-r2?arch=x86_64"}]},
            {"name":"other","versionInfo":"NOASSERTION","supplier":"NOASSERTION"},7]}"#;
        assert_eq!(told(text), ["apk wolfi curl 8.9-r2 Wolfi (w@host.example)", "generic - other  -"]);
    }

    #[test]
    fn spdx_as_tags_names_packages() {
        let text = b"SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVersion: 1\nPackageSupplier: Person: P\nPackageComment: <text>\nPackageName: no\n</text>\nExternalRef: PACKAGE-MANAGER purl pkg:npm/%40s/a@1\nPackageName: b\n";
        assert_eq!(told(text), ["npm @s a 1 P", "generic - b  -"]);
    }

    #[test]
    fn spdx_3_names_packages() {
        let text = br#"{"@context":"x","@graph":[{"type":"software_Package","name":"a","software_packageVersion":"1","software_packageUrl":"pkg:pypi/a@1"},{"type":"Agent","name":"n"}]}"#;
        assert_eq!(told(text), ["pypi - a 1 -"]);
    }

    #[test]
    fn cyclonedx_names_components_inside_components() {
        let text = br#"{"bomFormat":"CycloneDX","components":[{"type":"library","group":"g","name":"x","version":"1","purl":"pkg:maven/g/x@1","supplier":{"name":"S"},
            "licenses":[{"license":{"id":"MIT"}}],"components":[{"name":"y","version":"2"}]}]}"#;
        assert_eq!(told(text), ["maven g x 1 S", "generic - y 2 -"]);
        let text = b"<bom xmlns='x'><components><component type='library'><name>x</name><version>1</version><purl>pkg:npm/x@1</purl><components><component><name>y</name></component></components></component></components></bom>";
        assert_eq!(told(text), ["npm - x 1 -", "generic - y  -"]);
    }

    #[test]
    fn damage_keeps_what_came_before() {
        let findings =
            document(br#"{"bomFormat":"CycloneDX","components":[{"name":"x","version":"1"},{"na"#, "a.cdx.json");
        assert_eq!((findings.packages.len(), findings.gaps.len()), (1, 1));
        assert_eq!(document(b"", "a.cdx.json").gaps, ["neither SPDX nor CycloneDX"]);
        assert_eq!(document(b"Some licence text", "MIT.spdx"), Findings::default());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", cut in 0usize..200) {
            let real = r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"é","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:apk/w/c@8?arch=x"}]}]}"#;
            let _ = document(text.as_bytes(), "x.spdx");
            let mut mutated = real.as_bytes()[..cut.min(real.len())].to_vec();
            mutated.extend(text.as_bytes());
            let _ = document(&mutated, "x.spdx");
            let _ = document(format!("SPDXVersion:{text}\n{text}").as_bytes(), "x.spdx");
            let _ = document(format!("<bom>{text}").as_bytes(), "x.spdx");
        }
    }
}
