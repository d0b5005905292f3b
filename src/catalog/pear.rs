//! PEAR and PECL packages: `.registry/**/*.reg`, PHP's serialized values.

use serde_json::{Map, Value};

use crate::model::{Method, Package, PackageKind};

use super::{CatalogError, Cataloger, Dialect, Findings, Input, Takes, field, json, licences};

/// The registry of PEAR.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "pear",
    what: "PEAR and PECL packages: .registry/*.reg",
    takes: Takes::Path(|path| {
        field::has_extension(path, "reg") && (path.contains("/.registry/") || path.starts_with(".registry/"))
    }),
    limit: 16 << 20,
    parse,
};

/// Most levels and most values.
const DEPTH: u32 = 64;
const VALUES: u32 = 500_000;

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut reader = Reader { rest: input.bytes, left: VALUES };
    let mut root = Value::Null;
    let whole = reader.value(&mut root, 0).is_some();
    let mut gaps = Vec::new();
    if !whole {
        gaps.push(format!("byte {}: the record is damaged", input.bytes.len() - reader.rest.len()));
    }
    let (folder, file) = field::split(input.path);
    let name = json::text(&root, "name")
        .or_else(|| json::text(&root, "package"))
        .or_else(|| field::line(file.trim_end_matches(".reg")));
    let Some(name) = name else { return Err(CatalogError("the record names no package".to_owned())) };
    let version = match root.get("version") {
        Some(version @ Value::Object(_)) => json::text(version, "release"),
        _ => json::text(&root, "version"),
    };
    let version = version.unwrap_or_else(|| {
        gaps.push("the record has no version".to_owned());
        String::new()
    });
    let mut package = Package::new(PackageKind::Generic, name, version, Method::Database);
    let by_folder = field::split(folder).1.strip_prefix(".channel.").map(str::to_owned);
    package.namespace = json::text(&root, "channel").or(by_folder).or_else(|| Some("pear.php.net".to_owned()));
    let licence = match root.get("license") {
        Some(licence @ Value::Object(_)) => json::text(licence, "_content"),
        _ => json::text(&root, "license").or_else(|| json::text(&root, "release_license")),
    };
    package.licences = licence.map(|text| licences(Dialect::Spdx, &text)).unwrap_or_default();
    package.description = json::text(&root, "summary");
    let lead = root.get("lead").and_then(|lead| if lead.get("name").is_some() { Some(lead) } else { lead.get("0") });
    package.supplier = lead.and_then(|lead| field::person(json::raw(lead, "name"), json::raw(lead, "email")));
    package.properties.extend(json::text(&root, "providesextension").map(|it| ("pear:extension".to_owned(), it)));
    Ok(Findings { packages: vec![package], gaps, ..Findings::default() })
}

/// Reads `a:N:{…}`, `s:N:"…";`, `i:N;`, `d:N;`, `b:N;`, `N;`. Objects and references are not read.
struct Reader<'a> {
    rest: &'a [u8],
    left: u32,
}

impl Reader<'_> {
    /// Fills a value in place, so that what comes before damage is kept.
    fn value(&mut self, slot: &mut Value, depth: u32) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH {
            return None;
        }
        match self.rest.get(..2)? {
            b"N;" => self.rest = &self.rest[2..],
            b"a:" => {
                self.rest = &self.rest[2..];
                let count: u32 = self.until(b':')?.parse().ok()?;
                self.sign(b'{')?;
                *slot = Value::Object(Map::new());
                for _ in 0..count {
                    let mut key = Value::Null;
                    self.value(&mut key, depth + 1)?;
                    let key = match key {
                        Value::String(text) => text,
                        Value::Number(number) => number.to_string(),
                        _ => return None,
                    };
                    let Value::Object(members) = &mut *slot else { return None };
                    self.value(members.entry(key).or_insert(Value::Null), depth + 1)?;
                }
                self.sign(b'}')?;
            }
            b"s:" => {
                self.rest = &self.rest[2..];
                let length: usize = self.until(b':')?.parse().ok()?;
                self.sign(b'"')?;
                *slot = Value::String(field::text(self.rest.get(..length)?).into_owned());
                self.rest = &self.rest[length..];
                self.sign(b'"')?;
                self.sign(b';')?;
            }
            b"i:" | b"b:" => {
                self.rest = &self.rest[2..];
                *slot = self.until(b';')?.parse::<i64>().ok()?.into();
            }
            b"d:" => {
                self.rest = &self.rest[2..];
                *slot = Value::String(self.until(b';')?.to_owned());
            }
            _ => return None,
        }
        Some(())
    }

    fn until(&mut self, end: u8) -> Option<&str> {
        let at = memchr::memchr(end, self.rest.get(..32.min(self.rest.len()))?)?;
        let (text, rest) = self.rest.split_at(at);
        self.rest = &rest[1..];
        std::str::from_utf8(text).ok()
    }

    fn sign(&mut self, sign: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == sign).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = br#"a:5:{s:4:"name";s:5:"redis";s:7:"channel";s:12:"pecl.php.net";s:7:"version";a:2:{s:7:"release";s:5:"6.0.2";s:3:"api";s:5:"6.0.0";}s:7:"license";a:1:{s:8:"_content";s:3:"PHP";}s:4:"lead";a:1:{i:0;a:2:{s:4:"name";s:2:"A ";s:5:"email";s:1:"a";}}}"#;

    fn read(bytes: &[u8]) -> Findings {
        let path = "usr/local/lib/php/.registry/.channel.pecl.php.net/redis.reg";
        parse(&Input { path, bytes, size: bytes.len() as u64 }).expect("findings")
    }

    #[test]
    fn a_record_names_an_extension() {
        let findings = read(RECORD);
        let package = &findings.packages[0];
        assert_eq!(
            (package.namespace.as_deref(), package.name.as_str(), package.version.as_str()),
            (Some("pecl.php.net"), "redis", "6.0.2")
        );
        assert_eq!((package.licences.raw.len(), package.supplier.as_deref()), (1, Some("A <a>")));
        assert_eq!(findings.gaps, Vec::<String>::new());
    }

    #[test]
    fn a_damaged_record_keeps_what_came_before() {
        let findings = read(&RECORD[..60]);
        assert_eq!(findings.packages[0].name, "redis");
        assert_eq!(findings.gaps.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(cut in 0usize..300, noise in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let mut bytes = RECORD[..cut.min(RECORD.len())].to_vec();
            bytes.extend(noise);
            let _ = read(&bytes);
        }
    }
}
