//! The `release` file of a Java runtime.

use std::collections::BTreeMap;

use crate::catalog::{CatalogError, Cataloger, Findings, Input, Takes, field};
use crate::model::{Method, Package, PackageKind, Role};

/// Java runtimes.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "java-runtime",
    what: "Java runtimes: release",
    takes: Takes::Path(|path| field::is_named(path, "release")),
    limit: 64 << 10,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let values: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
        .collect();
    let get = |key: &str| values.get(key).copied().and_then(field::line);
    // Other files are named so too; only a runtime's has this key.
    let Some(java) = get("JAVA_VERSION") else { return Ok(Findings::default()) };
    let major = |version: &str| {
        let version = version.strip_prefix("1.").unwrap_or(version);
        version.split(|letter: char| !letter.is_ascii_digit()).next().map(str::to_owned)
    };
    let full = get("FULL_VERSION").filter(|full| major(full) == major(&java));
    let version = get("JAVA_RUNTIME_VERSION").or(full).unwrap_or_else(|| java.clone());
    let mut package = Package::new(PackageKind::Generic, "openjdk", version, Method::Manifest);
    package.role = Role::Framework;
    package.arch = get("OS_ARCH");
    package.supplier = get("IMPLEMENTOR");
    package.vcs = get("SOURCE_REPO").as_deref().and_then(field::url);
    let vendor = package.supplier.clone().unwrap_or_default();
    let (vendor, product) = match vendor.as_str() {
        "Azul Systems, Inc." => ("azul", "zulu"),
        "Amazon.com Inc." => ("amazon", "corretto"),
        "GraalVM Community" => ("oracle", "graalvm"),
        _ => ("oracle", "openjdk"),
    };
    let plain: String =
        java.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_')).collect();
    package.cpes.push(format!("cpe:2.3:a:{vendor}:{product}:{plain}:*:*:*:*:*:*:*"));
    for (key, name) in [
        ("IMAGE_TYPE", "java:image"),
        ("JVM_VARIANT", "java:variant"),
        ("JAVA_VERSION_DATE", "java:date"),
        ("IMPLEMENTOR_VERSION", "java:build"),
    ] {
        package.properties.extend(get(key).map(|value| (name.to_owned(), value)));
    }
    Ok(Findings { packages: vec![package], ..Findings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Package> {
        parse(&Input { path: "opt/java/release", bytes: text.as_bytes(), size: text.len() as u64 })
            .expect("findings")
            .packages
    }

    #[test]
    fn a_runtime_has_its_full_version_and_vendor() {
        let packages = read(
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\nIMAGE_TYPE=\"JRE\"\nOS_ARCH=\"x86_64\"\n",
        );
        assert_eq!(
            (packages[0].version.as_str(), packages[0].supplier.as_deref()),
            ("17.0.9+9", Some("Eclipse Adoptium"))
        );
        assert_eq!(packages[0].cpes, ["cpe:2.3:a:oracle:openjdk:17.0.9:*:*:*:*:*:*:*"]);
        assert_eq!(read("JAVA_VERSION=\"1.8.0_392\"\nFULL_VERSION=\"1.8.0_392-b08\"\n")[0].version, "1.8.0_392-b08");
        assert_eq!(read("JAVA_VERSION=\"21\"\nFULL_VERSION=\"0.43.0\"\n")[0].version, "21");
    }

    #[test]
    fn other_files_of_this_name_are_nothing() {
        assert_eq!(read("VERSION=1\n"), Vec::new());
    }
}
