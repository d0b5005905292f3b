//! Archives in yarn's cache: with Plug'n'Play they are the installation.

use crate::catalog::zip::Zip;
use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes, field, hashes, json};

use super::{installed_name, manifest};

/// Archives of yarn.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "npm-yarn-cache",
    what: "JavaScript packages in yarn's cache",
    takes: Takes::Head(is_cached),
    limit: BINARY,
    parse,
};

/// Most bytes of a manifest.
const MANIFEST: u64 = 4 << 20;
/// Most packages in one archive.
const PACKAGES: usize = 1000;

fn is_cached(path: &str, head: &[u8]) -> bool {
    if !field::has_extension(path, "zip") || !head.starts_with(b"PK") {
        return false;
    }
    let folder = field::split(path).0;
    field::is_named(folder, ".yarn/cache") || field::is_named(folder, "berry/cache")
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let zip = Zip::open(input.bytes).map_err(|error| CatalogError(error.to_string()))?;
    let mut findings = Findings { gaps: zip.gaps.clone(), ..Findings::default() };
    for member in &zip.members {
        let name = member.name();
        let Some(folder) = name.strip_suffix("/package.json") else { continue };
        if installed_name(folder).is_none() || findings.packages.len() >= PACKAGES {
            continue;
        }
        match zip.read(member, MANIFEST) {
            Ok(bytes) => {
                let json::Document { root, damage } = json::parse(&bytes);
                let package = manifest::package(&root, folder, damage.is_some());
                findings.gaps.extend(damage.map(|damage| format!("`{folder}`: {damage}")));
                findings.packages.extend(package.map(|mut package| {
                    package.inside = name.to_string();
                    package
                }));
            }
            Err(error) => findings.gaps.push(error.to_string()),
        }
    }
    if let ([package], true) = (&mut findings.packages[..], input.is_whole()) {
        package.hashes = hashes::of(input.bytes);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::zip::tests::archive;

    #[test]
    fn the_manifest_inside_names_the_package() {
        let bytes = archive(&[
            ("node_modules/@s/a/package.json", br#"{"name":"@s/a","version":"1.0.0"}"#, true),
            ("node_modules/@s/a/lib/package.json", br#"{"name":"x","version":"9"}"#, true),
        ]);
        let path = "app/.yarn/cache/@s-a-npm-1.0.0-0123456789-abc.zip";
        assert!(is_cached(path, &bytes));
        let findings = parse(&Input { path, bytes: &bytes, size: bytes.len() as u64 }).expect("findings");
        assert_eq!(findings.packages.len(), 1);
        assert_eq!(findings.packages[0].inside, "node_modules/@s/a/package.json");
        assert_eq!(findings.packages[0].hashes.len(), 3);
    }
}
