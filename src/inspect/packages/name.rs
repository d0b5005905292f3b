//! Package URLs and identifiers of packages (package-url specification, "types").

use std::collections::BTreeMap;

use crate::model::{Digest, Package, PackageKind, Presence, Purl};

/// The distribution, as far as package URLs need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Distribution {
    id: String,
    /// The value of the `distro` qualifier.
    qualifier: String,
}

impl Distribution {
    /// Reads `os-release` (freedesktop os-release specification).
    pub fn of(os_release: &BTreeMap<String, String>) -> Self {
        let value = |key: &str| os_release.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let Some(id) = value("ID") else { return Self::default() };
        // The VERSION_ID of these is that of one package and no release.
        let version = match id {
            "wolfi" | "chainguard" => None,
            _ => value("VERSION_ID").or_else(|| value("BUILD_ID")).or_else(|| value("VERSION_CODENAME")),
        };
        let qualifier = version.map_or_else(|| id.to_owned(), |version| format!("{id}-{version}"));
        Self { id: id.to_owned(), qualifier }
    }

    /// The purl namespace of a system package.
    fn namespace(&self, kind: PackageKind) -> Option<String> {
        let id = match (kind, self.id.as_str()) {
            (PackageKind::Rpm, "rhel") => "redhat",
            (PackageKind::Rpm, id) if id.starts_with("opensuse-") => "opensuse",
            (PackageKind::Deb, "") => "debian",
            (PackageKind::Apk, "") => "alpine",
            (PackageKind::Alpm, "") => "arch",
            (_, "") => return None,
            (_, id) => id,
        };
        Some(id.to_ascii_lowercase())
    }
}

/// The package URL of a package.
pub(super) fn purl(package: &Package, distribution: &Distribution) -> Purl {
    let kind = package.kind;
    let mut qualifiers = package.qualifiers.clone();
    if let Some(arch) = &package.arch {
        qualifiers.entry("arch".to_owned()).or_insert_with(|| arch.clone());
    }
    let system = matches!(kind, PackageKind::Apk | PackageKind::Alpm | PackageKind::Deb | PackageKind::Rpm);
    if system && !distribution.qualifier.is_empty() {
        qualifiers.entry("distro".to_owned()).or_insert_with(|| distribution.qualifier.clone());
    }
    let namespace = package.namespace.clone().or_else(|| if system { distribution.namespace(kind) } else { None });
    let (namespace, name) = match kind {
        PackageKind::Pypi => (None, package.name.to_ascii_lowercase().replace('_', "-")),
        PackageKind::Golang | PackageKind::Composer => {
            (namespace.map(|text| text.to_ascii_lowercase()), package.name.to_ascii_lowercase())
        }
        PackageKind::Deb | PackageKind::Apk | PackageKind::Alpm => (namespace, package.name.to_ascii_lowercase()),
        _ => (namespace, package.name.clone()),
    };
    Purl {
        kind: kind.purl_type().to_owned(),
        namespace,
        name,
        version: Some(package.version.clone()).filter(|version| !version.is_empty()),
        qualifiers,
        subpath: None,
    }
}

/// The name by which others depend on a package: with its namespace, in the family's canonical spelling.
pub(super) fn full_name(package: &Package) -> String {
    let separator = match package.kind {
        PackageKind::Maven => ":",
        _ => "/",
    };
    let name = match &package.namespace {
        Some(namespace) if !package.kind.is_system() => format!("{namespace}{separator}{}", package.name),
        _ => package.name.clone(),
    };
    canonical(package.kind, &name)
}

/// Names of Python distributions are compared in the form of PEP 503, those of Composer and `NuGet` without case.
pub(super) fn canonical(kind: PackageKind, name: &str) -> String {
    match kind {
        PackageKind::Pypi => {
            let mut out = String::with_capacity(name.len());
            for letter in name.chars() {
                match letter {
                    '-' | '_' | '.' if out.ends_with('-') => {}
                    '-' | '_' | '.' => out.push('-'),
                    letter => out.push(letter.to_ascii_lowercase()),
                }
            }
            out
        }
        PackageKind::Composer | PackageKind::Nuget => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

/// An identifier of letters, digits, `.` and `-`: the name for people, the hash for uniqueness.
pub(super) fn id(package: &Package, purl: &str, place: &str) -> String {
    let presence = match package.presence {
        Presence::Installed => "installed",
        Presence::Declared => "declared",
        Presence::Claimed => "claimed",
    };
    let hash = Digest::of(format!("{purl}\n{presence}\n{place}").as_bytes());
    let readable: String = package
        .name
        .chars()
        .take(60)
        .map(|letter| if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-') { letter } else { '-' })
        .collect();
    format!("{}-{}-{}", package.kind.purl_type(), readable.trim_matches(['-', '.']), &hash.hex()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Method;

    fn named(kind: PackageKind, name: &str, os: &[(&str, &str)]) -> String {
        let os = os.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut package = Package::new(kind, name, "1-2", Method::Database);
        package.arch = kind.is_system().then(|| "x86_64".to_owned());
        purl(&package, &Distribution::of(&os)).to_string()
    }

    #[test]
    fn system_packages_take_their_namespace_from_the_distribution() {
        let rhel = [("ID", "rhel"), ("VERSION_ID", "9.4")];
        assert_eq!(named(PackageKind::Rpm, "a", &rhel), "pkg:rpm/redhat/a@1-2?arch=x86_64&distro=rhel-9.4");
        let leap = [("ID", "opensuse-leap"), ("VERSION_ID", "15.6")];
        assert_eq!(named(PackageKind::Rpm, "a", &leap), "pkg:rpm/opensuse/a@1-2?arch=x86_64&distro=opensuse-leap-15.6");
        let wolfi = [("ID", "wolfi"), ("VERSION_ID", "20230201")];
        assert_eq!(named(PackageKind::Apk, "a", &wolfi), "pkg:apk/wolfi/a@1-2?arch=x86_64&distro=wolfi");
        let sid = [("ID", "debian"), ("VERSION_CODENAME", "sid")];
        assert_eq!(named(PackageKind::Deb, "a", &sid), "pkg:deb/debian/a@1-2?arch=x86_64&distro=debian-sid");
        assert_eq!(named(PackageKind::Deb, "a", &[]), "pkg:deb/debian/a@1-2?arch=x86_64");
        assert_eq!(named(PackageKind::Rpm, "a", &[]), "pkg:rpm/a@1-2?arch=x86_64");
    }

    #[test]
    fn families_spell_names_their_own_way() {
        assert_eq!(named(PackageKind::Pypi, "Zope_A.b", &[]), "pkg:pypi/zope-a.b@1-2");
        assert_eq!(canonical(PackageKind::Pypi, "Zope__A.-b"), "zope-a-b");
        assert_eq!(named(PackageKind::Npm, "JSONStream", &[]), "pkg:npm/JSONStream@1-2");
    }

    #[test]
    fn an_id_has_harmless_characters_and_tells_places_apart() {
        let package = Package::new(PackageKind::Generic, "a b/\u{202e}c", "1", Method::Landmark);
        let one = id(&package, "pkg:generic/x@1", "usr/bin/x");
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')), "{one}");
        assert_ne!(one, id(&package, "pkg:generic/x@1", "usr/bin/y"));
    }
}
