//! Conda packages: `conda-meta/NAME-VERSION-BUILD.json`.

use crate::model::{ChecksumAlgorithm, Dependency, Method, OwnedFile, Package, PackageKind, Scope};

use super::field::{self, Several};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, hashes, json};

/// Records of conda environments.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "conda",
    what: "Conda packages: conda-meta/*.json",
    takes: Takes::Path(|path| {
        field::has_extension(path, "json") && field::is_named(field::split(path).0, "conda-meta")
    }),
    limit: TEXT,
    parse,
};

/// Most files of one package.
const FILES: usize = 500_000;

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (folder, file) = field::split(input.path);
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    // NAME-VERSION-BUILD; neither version nor build has a dash.
    let mut stated = file.trim_end_matches(".json").rsplitn(3, '-');
    let (_, stated_version, stated_name) = (stated.next(), stated.next(), stated.next());
    let mut or_stated = |key: &str, stated: Option<&str>| {
        json::text(&root, key).or_else(|| {
            findings.gaps.push(format!("the record has no `{key}`"));
            stated.and_then(field::line)
        })
    };
    let name = or_stated("name", stated_name).ok_or_else(|| CatalogError("the record names no package".to_owned()))?;
    let version = or_stated("version", stated_version).unwrap_or_default();
    let mut package = Package::new(PackageKind::Conda, name, version, Method::Database);
    let get = |key: &str| json::text(&root, key);
    let subdir = get("subdir");
    let kind = get("fn").and_then(|name| {
        [".tar.bz2", ".conda"].iter().find(|end| name.ends_with(*end)).map(|end| end.trim_start_matches('.').to_owned())
    });
    let channel =
        get("channel").as_deref().and_then(field::url).map(|channel| short_channel(&channel, subdir.as_deref()));
    for (key, value) in [
        ("build", get("build").or_else(|| get("build_string"))),
        ("channel", channel),
        ("subdir", subdir),
        ("type", kind),
    ] {
        package.qualifiers.extend(value.map(|value| (key.to_owned(), value)));
    }
    package.licences = field::licence_list(Dialect::Spdx, json::texts(root.get("license")), Several::Unsaid);
    package.download = json::raw(&root, "url").and_then(field::url).filter(|url| field::is_web(url));
    for (key, algorithm) in [("md5", ChecksumAlgorithm::Md5), ("sha256", ChecksumAlgorithm::Sha256)] {
        package.hashes.extend(json::raw(&root, key).and_then(|sum| field::hex_checksum(algorithm, sum)));
    }
    hashes::tidy(&mut package.hashes);
    package.depends = json::texts(root.get("depends")).into_iter().filter_map(dependency).take(2000).collect();
    package.depends.sort();
    package.depends.dedup();
    package.properties.extend(
        get("requested_spec").filter(|spec| spec != "None").map(|_| ("conda:requested".to_owned(), "true".to_owned())),
    );
    package.files = files(&root, field::split(folder).0);
    findings.packages.push(package);
    Ok(findings)
}

/// `conda-forge` of `https://host.example/conda-forge/linux-64`.
fn short_channel(channel: &str, subdir: Option<&str>) -> String {
    let trimmed = channel.trim_end_matches('/');
    let trimmed = subdir.and_then(|subdir| trimmed.strip_suffix(subdir)).unwrap_or(trimmed).trim_end_matches('/');
    if trimmed.contains("://") { field::split(trimmed).1.to_owned() } else { trimmed.to_owned() }
}

/// `name`, `name >=1,<2` or `name VERSION BUILD`; names with `__` are features of the machine.
fn dependency(text: &str) -> Option<Dependency> {
    let mut words = text.split_whitespace();
    let name = words.next().filter(|name| !name.starts_with("__"))?;
    let exact = |version: &&str| !version.contains(['<', '>', '=', '*', '|', ',', '!', '~']);
    let version = words.next().map(|version| version.trim_start_matches("==")).filter(exact).map(str::to_owned);
    Some(Dependency { names: vec![field::line(name)?], version, scope: Scope::Runtime })
}

fn files(root: &serde_json::Value, prefix: &str) -> Vec<OwnedFile> {
    let detailed = json::elements(root.get("paths_data").and_then(|data| data.get("paths")));
    let mut files: Vec<OwnedFile> = detailed
        .into_iter()
        .take(FILES)
        .filter_map(|entry| {
            let path = field::joined(prefix, json::raw(entry, "_path")?)?;
            // Where the installer wrote its own prefix into the file, this is the digest of the result.
            let sum = json::raw(entry, "sha256_in_prefix").or_else(|| json::raw(entry, "sha256"));
            let plain = json::raw(entry, "path_type") != Some("softlink");
            let digest = sum.filter(|_| plain).and_then(|sum| field::hex_checksum(ChecksumAlgorithm::Sha256, sum));
            let may_differ = path.ends_with(".pyc");
            Some(OwnedFile { path, digest, may_differ })
        })
        .collect();
    if files.is_empty() {
        let paths =
            json::texts(root.get("files")).into_iter().take(FILES).filter_map(|path| field::joined(prefix, path));
        files = paths.map(|path| OwnedFile { may_differ: path.ends_with(".pyc"), path, digest: None }).collect();
    }
    files.sort();
    files.dedup();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Findings {
        let path = "opt/conda/conda-meta/absl-py-0.4.1-py36_0.json";
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn a_record_has_its_archive_and_its_files() {
        let sum = "0".repeat(64);
        let findings = read(&format!(
            r#"{{"name":"absl-py","version":"0.4.1","build":"py36_0","channel":"https://host.example/t/secret/main/linux-64","subdir":"linux-64",
            "fn":"absl-py-0.4.1-py36_0.tar.bz2","sha256":"{sum}","md5":"","license":"Apache-2.0","url":"https://host.example/t/secret/main/x.tar.bz2",
            "depends":["python >=3.6,<3.7.0a0","six 1.11.0 py36_1","__glibc"],
            "paths_data":{{"paths":[{{"_path":"lib/a.py","sha256":"{sum}","sha256_in_prefix":"{sum}"}},{{"_path":"../../../etc"}}]}}}}"#
        ));
        let package = &findings.packages[0];
        let qualifiers: Vec<_> = package.qualifiers.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(qualifiers, ["build=py36_0", "channel=main", "subdir=linux-64", "type=tar.bz2"]);
        assert_eq!(package.download.as_deref(), Some("https://host.example/main/x.tar.bz2"));
        assert_eq!(package.hashes.len(), 1);
        assert_eq!(package.files.len(), 1);
        assert_eq!(&*package.files[0].path, "opt/conda/lib/a.py");
        let depends: Vec<_> = package.depends.iter().map(|it| (it.names[0].as_str(), it.version.as_deref())).collect();
        assert_eq!(depends, [("python", None), ("six", Some("1.11.0"))]);
    }

    #[test]
    fn a_damaged_record_is_known_by_its_name() {
        let findings = read("{");
        assert_eq!((findings.packages[0].name.as_str(), findings.packages[0].version.as_str()), ("absl-py", "0.4.1"));
        assert_eq!(
            findings.gaps,
            ["line 1: the JSON ends early", "the record has no `name`", "the record has no `version`"]
        );
    }
}
